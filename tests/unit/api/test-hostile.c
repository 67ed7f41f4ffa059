// SPDX-License-Identifier: GPL-3.0-or-later
// Guests that do one costly thing as fast as they can: they are paused, go on and are forced off,
// whatever they do, and memory stays bounded. By the interpreter and the translator, also where code
// is looked at without being told. Nothing here is a matter of time but a hang, which ends by the
// watchdog.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/support/machine.h"

enum {
  WATCHDOG_S = 600,
  KERNEL_BYTES = 4096,
  CODE = 64,       // behind the header
  VECTORS = 0x800, // to the end
  CODE_BYTES = 2 << 20,
  MOST_KIB = 600 << 10, // of the process; one guest's memory is 64 MiB
};

// Caches and numbers on; x28: the image, with vectors at 0x800; x27: scratch memory. Prints R.
static const uint32_t prologue[] = {
    0xd5381000, // mrs x0, sctlr_el1
    0xb2740000, // orr x0, x0, #0x1000
    0xd5181000, // msr sctlr_el1, x0
    0xd5033fdf, // isb
    0x10fffd9c, // adr x28, .-80
    0x9140439b, // add x27, x28, #0x10, lsl #12
    0x91200380, // add x0, x28, #0x800
    0xd518c000, // msr vbar_el1, x0
    0xd2a00600, // mov x0, #0x300000
    0xd5181040, // msr cpacr_el1, x0
    0xd5033fdf, // isb
    0xd2a12000, // mov x0, #0x9000000
    0x52800a41, // mov w1, #0x52
    0xb9000001, // str w1, [x0]
};

// Writes code and runs it: MOV of a number that wraps, so that it stays one however long it goes.
static const uint32_t guest_writing[] = {
    0x52ba5002, // mov w2, #0xd2800000
    0x52807803, // mov w3, #0x3c0
    0x72bacbe3, // movk w3, #0xd65f, lsl #16
    0xb9000763, // str w3, [x27, #4]
    0x11000484, // add w4, w4, #0x1
    0x331b3c82, // bfi w2, w4, #5, #16
    0xb9000362, // str w2, [x27]
    0xd50b7b3b, // dc cvau, x27
    0xd5033b9f, // dsb ish
    0xd50b753b, // ic ivau, x27
    0xd5033b9f, // dsb ish
    0xd5033fdf, // isb
    0xd63f0360, // blr x27
    0x17fffff7, // b .-36
};

// The same without saying so.
static const uint32_t guest_silent[] = {
    0x52ba5002, // mov w2, #0xd2800000
    0x52807803, // mov w3, #0x3c0
    0x72bacbe3, // movk w3, #0xd65f, lsl #16
    0xb9000763, // str w3, [x27, #4]
    0x11000484, // add w4, w4, #0x1
    0x331b3c82, // bfi w2, w4, #5, #16
    0xb9000362, // str w2, [x27]
    0xd63f0360, // blr x27
    0x17fffffc, // b .-16
};

// Jumps to every word of a megabyte.
static const uint32_t guest_filling[] = {
    0x52808002, // mov w2, #0x400
    0x72b22002, // movk w2, #0x9100, lsl #16
    0x52807803, // mov w3, #0x3c0
    0x72bacbe3, // movk w3, #0xd65f, lsl #16
    0xd2a00204, // mov x4, #0x100000
    0xaa1b03e5, // mov x5, x27
    0xb80044a2, // str w2, [x5], #4
    0xf27e0cbf, // tst x5, #0x3c
    0x54000041, // b.ne .+8
    0xb81fc0a3, // stur w3, [x5, #-4]
    0xf1001084, // subs x4, x4, #0x4
    0x54ffff61, // b.ne .-20
    0xd508751f, // ic iallu
    0xd5033b9f, // dsb ish
    0xd5033fdf, // isb
    0xaa1b03e5, // mov x5, x27
    0xd2a00084, // mov x4, #0x40000
    0xd63f00a0, // blr x5
    0x910010a5, // add x5, x5, #0x4
    0xf1000484, // subs x4, x4, #0x1
    0x54ffffa1, // b.ne .-12
    0x17fffffa, // b .-24
};

// Another ASID all the time.
static const uint32_t guest_asids[] = {
    0xd2800001, // mov x1, #0x0
    0xd2e00022, // mov x2, #0x1000000000000
    0x8b020021, // add x1, x1, x2
    0xd5182001, // msr ttbr0_el1, x1
    0x8b020021, // add x1, x1, x2
    0xd5182001, // msr ttbr0_el1, x1
    0xd5033fdf, // isb
    0x17fffffb, // b .-20
};

// Maintenance of everything.
static const uint32_t guest_flushing[] = {
    0xd508831f, // tlbi vmalle1is
    0xd508711f, // ic ialluis
    0xd5033f9f, // dsb sy
    0xd5033fdf, // isb
    0x17fffffc, // b .-16
};

// Its handler faults, too.
static const uint32_t guest_faults[] = {
    0xb2689fe1, // mov x1, #0xffffffffff000000
    0xf9400020, // ldr x0, [x1]
};

// Likewise.
static const uint32_t guest_undefined[] = {
    0x00000000, // udf #0
};

// Denormal numbers and NaNs.
static const uint32_t guest_numbers[] = {
    0xd2800021, // mov x1, #0x1
    0x9e670020, // fmov d0, x1
    0xd2effe81, // mov x1, #0x7ff4000000000000
    0x9e670021, // fmov d1, x1
    0x4e080c22, // dup v2.2d, x1
    0x1e270023, // fmov s3, w1
    0x1e600804, // fmul d4, d0, d0
    0x1e641805, // fdiv d5, d0, d4
    0x1e602826, // fadd d6, d1, d0
    0x6ee1f847, // fsqrt v7.2d, v2.2d
    0x4e67cc47, // fmla v7.2d, v2.2d, v7.2d
    0x9e780022, // fcvtzs x2, d1
    0xd53b4423, // mrs x3, fpsr
    0x91000421, // add x1, x1, #0x1
    0x9e670020, // fmov d0, x1
    0x17fffff7, // b .-36
};

// Device registers.
static const uint32_t guest_devices[] = {
    0xd2a12000, // mov x0, #0x9000000
    0xb9401801, // ldr w1, [x0, #24]
    0x17ffffff, // b .-4
};

// Calls of the firmware.
static const uint32_t guest_firmware[] = {
    0xd2b08000, // mov x0, #0x84000000
    0xd4000002, // hvc #0x0
    0x17fffffe, // b .-8
};

// Waits that end at once.
static const uint32_t guest_events[] = {
    0xd50320bf, // sevl
    0xd503205f, // wfe
    0xd503205f, // wfe
    0x17fffffd, // b .-12
};

// Nothing.
static const uint32_t guest_spinning[] = {
    0x14000000, // b .
};
// What its vectors are full of. Of most: they print X and spin.
static const uint32_t vector_unexpected[] = {
    0xd2a12000, // mov x0, #0x9000000
    0x52800b01, // mov w1, #'X'
    0xb9000001, // str w1, [x0]
    0x14000000, // b .
};
static const uint32_t vector_fault[] = {0xf9400020};     // ldr x0, [x1]
static const uint32_t vector_undefined[] = {0x00000000}; // udf #0

typedef struct Guest {
  const char *name;
  const uint32_t *code;
  size_t bytes;
  const uint32_t *vector;
  size_t vector_words;
  bool strict;
  uint64_t least; // instructions it is left to carry out; those that fault do not count
} Guest;

#define WORDS(array) array, sizeof array
#define UNEXPECTED   vector_unexpected, G_N_ELEMENTS (vector_unexpected)

static const Guest guests[] = {
    {"writing", WORDS (guest_writing), UNEXPECTED, false, 20000},
    {"writing-strict", WORDS (guest_writing), UNEXPECTED, true, 20000},
    {"silent-strict", WORDS (guest_silent), UNEXPECTED, true, 20000},
    {"filling", WORDS (guest_filling), UNEXPECTED, false, 4000000},
    {"filling-strict", WORDS (guest_filling), UNEXPECTED, true, 4000000},
    {"asids", WORDS (guest_asids), UNEXPECTED, false, 20000},
    {"flushing", WORDS (guest_flushing), UNEXPECTED, false, 5000},
    {"faults", WORDS (guest_faults), vector_fault, 1, false, 0},
    {"undefined", WORDS (guest_undefined), vector_undefined, 1, false, 0},
    {"numbers", WORDS (guest_numbers), UNEXPECTED, false, 100000},
    {"devices", WORDS (guest_devices), UNEXPECTED, false, 20000},
    {"firmware", WORDS (guest_firmware), UNEXPECTED, false, 10000},
    {"events", WORDS (guest_events), UNEXPECTED, false, 1000},
    {"spinning", WORDS (guest_spinning), UNEXPECTED, false, 100000},
};

static char *kernel_path;

static void
write_kernel (const Guest *guest)
{
  uint8_t image[KERNEL_BYTES] = {0};
  const uint32_t branch = 0x14000010; // over the header
  const uint64_t size = sizeof image;

  memcpy (image, &branch, sizeof branch);
  memcpy (image + 16, &size, sizeof size);
  memcpy (image + 56, "ARM\x64", 4);
  assert_true (CODE + sizeof prologue + guest->bytes <= VECTORS);
  memcpy (image + CODE, prologue, sizeof prologue);
  memcpy (image + CODE + sizeof prologue, guest->code, guest->bytes);
  for (unsigned i = 0; VECTORS + i * 4 < KERNEL_BYTES; i++)
    memcpy (image + VECTORS + i * 4, &guest->vector[i % guest->vector_words], 4);
  assert_true (g_file_set_contents (kernel_path, (char *) image, sizeof image, NULL));
}

static VmConfig *
describe (const Guest *guest, VmAccel accel)
{
  VmConfig *config = vm_config_new (VM_ARCH_AARCH64);

  config->kernel = g_strdup (kernel_path);
  config->memory_bytes = 64 << 20;
  config->accel = accel;
  config->strict_code = guest->strict;
  config->developer.jit_max_bytes = CODE_BYTES;
  config->developer.count = true;
  return config;
}

static void
check_memory (const char *name)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  if (usage.ru_maxrss > MOST_KIB)
    fail_msg ("%s: %ld KiB are in use", name, usage.ru_maxrss);
}

static bool
has_run (TestMachine *tm, void *data)
{
  VmStats stats;

  vm_machine_get_stats (tm->machine, &stats);
  return stats.guest_instructions >= *(const uint64_t *) data;
}

static void
check_guest (const Guest *guest, VmAccel accel)
{
  VmConfig *config;
  TestMachine *tm;

  write_kernel (guest);
  config = describe (guest, accel);
  tm = test_machine_new (config);
  test_machine_perform (tm, VM_OP_START);
  if (!test_machine_wait_text (tm, "R"))
    fail_msg ("%s does not start", guest->name);
  uint64_t least = guest->least;
  if (!test_machine_wait (tm, has_run, &least))
    fail_msg ("%s stands still", guest->name);
  for (unsigned i = 0; i < 5; i++) {
    test_machine_perform (tm, VM_OP_PAUSE);
    assert_int_equal (vm_machine_get_state (tm->machine), VM_STATE_PAUSED);
    test_machine_perform (tm, VM_OP_RESUME);
  }
  test_machine_perform (tm, VM_OP_FORCE_STOP);
  assert_true (test_machine_wait_stopped (tm));
  assert_int_equal (tm->reason, VM_STOP_FORCED);
  if (test_machine_has_text (tm, "X"))
    fail_msg ("%s: an exception nobody asked for", guest->name);
  check_memory (guest->name);
  test_machine_free (tm);
  vm_config_free (config);
}

static void
test_interpreted (void **state)
{
  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (guests); i++)
    check_guest (&guests[i], VM_ACCEL_INTERP);
}

// Where there is a translator.
static void
test_translated (void **state)
{
  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (guests); i++)
    check_guest (&guests[i], VM_ACCEL_AUTO);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_interpreted),
      cmocka_unit_test (test_translated),
  };
  g_autofree char *folder = g_dir_make_tmp ("terrarium-test-XXXXXX", NULL);

  alarm (WATCHDOG_S);
  kernel_path = g_build_filename (folder, "kernel", NULL);
  int failures = cmocka_run_group_tests (tests, NULL, NULL);
  g_remove (kernel_path);
  g_rmdir (folder);
  g_free (kernel_path);
  return failures;
}
