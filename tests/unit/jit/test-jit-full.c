// SPDX-License-Identifier: GPL-3.0-or-later
// A guest with far more code than may be kept translated: results are right whatever is emptied,
// code that is used all the time is not made again and again, and changed code is noticed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "engine/guest/aarch64/aarch64.h"
#include "engine/guest/aarch64/accel-jit.h"
#include "engine/host/x86_64/host.h"
#include "tests/unit/guest/cpu-vm.h"

enum {
  KEPT_BYTES = 1 << 20,
  FUNCTIONS = TEST_RAM_BASE + (2 << 20), // a page each
  N_FUNCTIONS = 2500,
  STEPS = 100, // more than one region, so that there are links
  HOT = TEST_CODE + 0x1000,
  SCTLR_I = 1 << 12,
};

// movz xd, #imm
static uint32_t
movz (unsigned d, unsigned imm)
{
  return 0xd2800000 | imm << 5 | d;
}

static void
write_function (CpuVm *t, unsigned index, unsigned seed)
{
  uint32_t words[2 * STEPS + 3], *at = words;

  *at++ = movz (10, 31);
  *at++ = movz (11, (index + seed) & 0xffff);
  for (unsigned i = 0; i < STEPS; i++) {
    *at++ = 0x91000000 | i << 10 | 11 << 5 | 11;       // add x11, x11, #i
    *at++ = 0x9b000000 | 10 << 16 | 11 << 10 | 0 << 5; // madd x0, x0, x10, x11
  }
  *at++ = 0xd65f03c0; // ret
  cpu_vm_write_code (t, FUNCTIONS + (GuestAddr) index * 4096, words, G_N_ELEMENTS (words));
}

static uint64_t
call_function (uint64_t x0, unsigned index, unsigned seed)
{
  uint64_t x11 = (index + seed) & 0xffff;

  for (unsigned i = 0; i < STEPS; i++) {
    x11 += i;
    x0 = x0 * 31 + x11;
  }
  return x0;
}

// Calls HOT and the next function in turn.
static void
write_rest (CpuVm *t)
{
  static const uint32_t driver[] = {
      0xd508751f,                                  // ic iallu
      0xd5033fdf,                                  // isb
      0xd63f0000 | 15 << 5,                        // loop: blr x15
      0xd63f0000 | 12 << 5,                        // blr x12
      0x91400000 | 1 << 10 | 12 << 5 | 12,         // add x12, x12, #4096
      0xf1000000 | 1 << 10 | 13 << 5 | 13,         // subs x13, x13, #1
      0x54000001 | (uint32_t) (-4 & 0x7ffff) << 5, // b.ne loop
      INSN_HVC,
  };
  static const uint32_t hot[] = {
      0xca400000 | 7 << 10, // eor x0, x0, x0, lsr #7
      0xd65f03c0,           // ret
  };

  cpu_vm_write_code (t, TEST_CODE, driver, G_N_ELEMENTS (driver));
  cpu_vm_write_code (t, HOT, hot, G_N_ELEMENTS (hot));
}

static uint64_t
run (CpuVm *t)
{
  A64Cpu *cpu = cpu_vm_cpu (t, 0);

  cpu->x[0] = 1;
  cpu->x[12] = FUNCTIONS;
  cpu->x[13] = N_FUNCTIONS;
  cpu->x[15] = HOT;
  cpu_vm_run (t, TEST_CODE);
  return cpu->x[0];
}

static uint64_t
expect (unsigned seed)
{
  uint64_t x0 = 1;

  for (unsigned i = 0; i < N_FUNCTIONS; i++) {
    x0 ^= x0 >> 7;
    x0 = call_function (x0, i, seed);
  }
  return x0;
}

static uint64_t
figure (CpuVm *t, const char *name)
{
  GString *text = g_string_new (NULL);
  g_autofree char *key = g_strdup_printf (" %s=", name);

  a64_jit_report (cpu_vm_cpu (t, 0), text);
  const char *at = strstr (text->str, key);
  assert_non_null (at);
  uint64_t value = g_ascii_strtoull (at + strlen (key), NULL, 10);
  g_string_free (text, TRUE);
  return value;
}

static void
test_more_code_than_is_kept (void **state)
{
  const JitConfig config = {.bytes = KEPT_BYTES, .at_once = true};
  CpuVm *t = cpu_vm_new (1);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);

  (void) state;
  cpu_vm_set (cpu, REG_SCTLR, cpu_vm_get (cpu, REG_SCTLR) | SCTLR_I);
  assert_true (a64_use_jit (cpu->vcpu, &x64_host_ops, &config, NULL));
  write_rest (t);
  for (unsigned seed = 0; seed < 4; seed++) {
    for (unsigned i = 0; i < N_FUNCTIONS; i++)
      write_function (t, i, seed);
    // With code just changed, and with the same code again.
    assert_int_equal (run (t), expect (seed));
    assert_int_equal (run (t), expect (seed));
  }
  // Each function twice a run, at most, as it has two regions; what is left is the driver and HOT.
  uint64_t evictions = figure (t, "evictions"), regions = figure (t, "regions");
  assert_true (evictions > 50);
  assert_true (figure (t, "links") > 1000);
  assert_true (figure (t, "spared") > evictions / 16);
  assert_in_range (figure (t, "code_bytes"), KEPT_BYTES / 2, KEPT_BYTES);
  // In the last seven of eight runs nearly everything was there before; HOT and the driver, which are
  // used all the time, are not made again with every chunk.
  assert_in_range (figure (t, "remade"), 6 * 2 * N_FUNCTIONS, 7 * 2 * N_FUNCTIONS + evictions);
  assert_in_range (regions, 8 * N_FUNCTIONS, 8 * 2 * N_FUNCTIONS + evictions);
  cpu_vm_free (t);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_more_code_than_is_kept),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
