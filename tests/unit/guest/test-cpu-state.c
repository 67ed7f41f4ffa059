// SPDX-License-Identifier: GPL-3.0-or-later
// Timers, and saved state: a CPU that is loaded goes on as the one that was saved; a damaged
// state is refused and leaves a working CPU.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/guest/aarch64/aarch64.h"
#include "engine/snapshot/state.h"
#include "tests/unit/guest/cpu-vm.h"

#define CNTV_CTL  A64_SYSREG (3, 3, 14, 3, 1)
#define CNTV_CVAL A64_SYSREG (3, 3, 14, 3, 2)
#define CNTV_TVAL A64_SYSREG (3, 3, 14, 3, 0)
#define CNTP_CTL  A64_SYSREG (3, 3, 14, 2, 1)
#define CNTP_CVAL A64_SYSREG (3, 3, 14, 2, 2)
#define CNTVCT    A64_SYSREG (3, 3, 14, 0, 2)

static void
set_level (void *opaque, unsigned n, bool level)
{
  ((bool *) opaque)[n] = level;
}

static void
test_timer (void **state)
{
  CpuVm *t = cpu_vm_new (1);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);
  bool level[2] = {false, false};

  (void) state;
  a64_wire_output (t->vcpus[0], A64_OUTPUT_TIMER_VIRT, (IrqLine){set_level, level, 0});
  a64_wire_output (t->vcpus[0], A64_OUTPUT_TIMER_PHYS, (IrqLine){set_level, level, 1});
  test_now = 5000;
  assert_int_equal (cpu_vm_get (cpu, CNTVCT), 5000);
  cpu_vm_set (cpu, CNTV_TVAL, 1000);
  assert_int_equal (cpu_vm_get (cpu, CNTV_CVAL), 6000);
  cpu_vm_set (cpu, CNTV_CTL, 1);
  assert_int_equal (cpu_vm_get (cpu, CNTV_CTL), 1);
  assert_int_equal (cpu_vm_get (cpu, CNTV_TVAL), 1000);

  test_now = 5999;
  cpu_vm_fire_timers (t);
  assert_false (level[0]);
  test_now = 6001;
  cpu_vm_fire_timers (t);
  assert_true (level[0]);
  assert_false (level[1]);
  assert_int_equal (cpu_vm_get (cpu, CNTV_CTL), 5);
  assert_int_equal (cpu_vm_get (cpu, CNTV_TVAL), 0xffffffff); // -1
  // Masked, then moved on, then off.
  cpu_vm_set (cpu, CNTV_CTL, 3);
  assert_false (level[0]);
  assert_int_equal (cpu_vm_get (cpu, CNTV_CTL), 7);
  cpu_vm_set (cpu, CNTV_CTL, 1);
  assert_true (level[0]);
  cpu_vm_set (cpu, CNTV_CVAL, 9000);
  assert_false (level[0]);
  // A negative time value is in the past.
  cpu_vm_set (cpu, CNTV_TVAL, 0xffffff00);
  assert_true (level[0]);
  cpu_vm_set (cpu, CNTV_CTL, 0);
  assert_false (level[0]);

  // The other timer, and a moment that never comes.
  cpu_vm_set (cpu, CNTP_CVAL, ~UINT64_C (0));
  cpu_vm_set (cpu, CNTP_CTL, 1);
  cpu_vm_fire_timers (t);
  assert_false (level[1]);
  cpu_vm_set (cpu, CNTP_CVAL, 0);
  assert_true (level[1]);
  a64_guest_ops.reset (cpu);
  assert_false (level[1]);
  cpu_vm_free (t);
}

static GBytes *
save (A64Cpu *cpu)
{
  StateWriter *writer = state_writer_new ();

  state_writer_begin (writer, "cpu", a64_guest_ops.state_version);
  a64_guest_ops.save (cpu, writer);
  state_writer_end (writer);
  return state_writer_finish (writer);
}

static bool
load (A64Cpu *cpu, GBytes *bytes)
{
  GError *error = NULL;
  StateReader *reader = state_reader_new (bytes, &error);
  uint32_t version;
  bool ok;

  assert_non_null (reader);
  assert_true (state_reader_begin (reader, "cpu", a64_guest_ops.state_version, &version, &error));
  ok = a64_guest_ops.load (cpu, reader, version, &error);
  assert_true (ok == (error == NULL));
  if (ok)
    assert_true (state_reader_end (reader, NULL));
  g_clear_error (&error);
  state_reader_free (reader);
  return ok;
}

static void
set_irq (void *opaque, unsigned n, bool level)
{
  atomic_store (&((A64Cpu *) opaque)->irq_level, level);
}

// The machine stops when a timer is due and the I/O thread has not got to its alarm: the interrupt is
// in what is saved, for the controller's state comes after the CPU's and overrides what a load drives.
static void
test_due_at_save (void **state)
{
  CpuVm *t = cpu_vm_new (1), *heir = cpu_vm_new (1);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);

  (void) state;
  a64_wire_output (t->vcpus[0], A64_OUTPUT_TIMER_VIRT, (IrqLine){set_irq, cpu, 0});
  test_now = 5000;
  cpu_vm_set (cpu, CNTV_CVAL, 6000);
  cpu_vm_set (cpu, CNTV_CTL, 1);
  test_now = 7000;
  assert_false (atomic_load (&cpu->irq_level));
  g_autoptr (GBytes) saved = save (cpu);
  assert_true (atomic_load (&cpu->irq_level));
  assert_true (load (cpu_vm_cpu (heir, 0), saved));
  assert_true (atomic_load (&cpu_vm_cpu (heir, 0)->irq_level));
  cpu_vm_free (heir);
  cpu_vm_free (t);
}

// A CPU in the middle of something, at EL1 with SP_EL0.
static void
make_busy (A64Cpu *cpu)
{
  for (unsigned i = 0; i <= A64_SP; i++)
    cpu->x[i] = 0x1111 * (i + 1);
  for (unsigned i = 0; i < 32; i++)
    cpu->v[i].d[0] = cpu->v[i].d[1] = i * 0x0101010101010101;
  cpu->sp_bank[1] = 0x7000;
  cpu->pstate =
      (A64Pstate){.el = 1, .daif = 5, .pan = true, .uao = true, .dit = true, .ssbs = true};
  cpu->nzcv = 0x90000000;
  cpu->pc = TEST_CODE;
  cpu->instructions = 12345;
  a64_set_fpcr (cpu, 0x03400000);
  cpu->fp.flags = 0x11;
  cpu->fpsr_qc = 1u << 27;
  cpu_vm_set (cpu, REG_TTBR0, 0x40001000 | (uint64_t) 7 << 48);
  cpu_vm_set (cpu, A64_SYSREG (3, 3, 13, 0, 2), 0xabcdef);
  cpu_vm_set (cpu, CNTV_CVAL, 777777);
  cpu_vm_set (cpu, CNTV_CTL, 1);
}

static void
test_round_trip (void **state)
{
  CpuVm *t = cpu_vm_new (2);
  A64Cpu *from = cpu_vm_cpu (t, 0), *to = cpu_vm_cpu (t, 1);
  uint32_t fsr = A64_SYSREG (3, 3, 4, 4, 1);

  (void) state;
  make_busy (from);
  GBytes *first = save (from);
  assert_true (load (to, first));
  GBytes *second = save (to);
  assert_true (g_bytes_equal (first, second));
  assert_memory_equal (to->x, from->x, sizeof to->x);
  assert_memory_equal (to->v, from->v, sizeof to->v);
  assert_int_equal (to->pc, TEST_CODE);
  assert_int_equal (to->nzcv, 0x90000000);
  assert_int_equal (cpu_vm_get (to, fsr), 0x08000011);
  assert_int_equal (to->fp.rounding, SOFTFP_UP);
  assert_true (to->fp.flush_to_zero && to->fp.default_nan);
  assert_int_equal (cpu_vm_get (to, CNTV_CVAL), 777777);
  // MPIDR is the CPU's own.
  assert_int_equal (cpu_vm_get (to, A64_SYSREG (3, 0, 0, 0, 5)), 0x80000001);
  g_bytes_unref (first);
  g_bytes_unref (second);
  cpu_vm_free (t);
}

static void
test_damaged (void **state)
{
  CpuVm *t = cpu_vm_new (2);
  A64Cpu *cpu = cpu_vm_cpu (t, 1);

  (void) state;
  make_busy (cpu_vm_cpu (t, 0));
  for (unsigned mode = 0; mode < 16; mode++) {
    cpu_vm_cpu (t, 0)->pstate.el = mode >> 2;
    cpu_vm_cpu (t, 0)->pstate.sp_sel = mode & 1;
    GBytes *bytes = save (cpu_vm_cpu (t, 0));
    bool legal = mode == 0 || mode == 4 || mode == 5 || mode == 2 || mode == 6 || mode == 7;

    assert_true (load (cpu, bytes) == legal);
    g_bytes_unref (bytes);
  }
  // Too short at every step of the way: sections shorter than a CPU.
  for (unsigned n = 0; n < 64; n++) {
    StateWriter *writer = state_writer_new ();

    state_writer_begin (writer, "cpu", a64_guest_ops.state_version);
    for (unsigned i = 0; i < n; i++)
      state_put_u64 (writer, 5);
    state_writer_end (writer);
    GBytes *bytes = state_writer_finish (writer);
    assert_false (load (cpu, bytes));
    g_bytes_unref (bytes);
  }
  // It still runs.
  cpu_vm_write_code (t, TEST_CODE, (uint32_t[]){INSN_NOP, INSN_HVC}, 2);
  cpu->pc = TEST_CODE;
  a64_guest_ops.run (cpu);
  assert_int_equal (cpu->pc, TEST_CODE + 8);
  cpu_vm_free (t);
}

// Every bit of every system register at once: only what can be written stays. The features come
// with the state.
static void
test_sanitized (void **state)
{
  CpuVm *t = cpu_vm_new (2);
  A64Cpu *from = cpu_vm_cpu (t, 0), *to = cpu_vm_cpu (t, 1);

  (void) state;
  a64_set_features (from->vcpu, &(A64Features){.pauth = true, .bti = true});
  make_busy (from);
  memset (from->sys, 0xff, sizeof *from->sys);
  GBytes *bytes = save (from);
  assert_true (load (to, bytes));
  g_bytes_unref (bytes);
  assert_int_equal (cpu_vm_get (to, REG_SCTLR), A64_SCTLR_MASK | A64_SCTLR_RESET);
  assert_int_equal (cpu_vm_get (to, REG_TCR), A64_TCR_MASK);
  assert_int_equal (to->sys->os_lock, 1);
  assert_int_equal (to->features, A64_FEATURES);
  cpu_vm_free (t);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_timer),      cmocka_unit_test (test_due_at_save),
      cmocka_unit_test (test_round_trip), cmocka_unit_test (test_damaged),
      cmocka_unit_test (test_sanitized),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
