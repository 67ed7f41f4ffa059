// SPDX-License-Identifier: GPL-3.0-or-later
// Random programs that raise exceptions, change levels, FPCR, CPACR and their own code, and count what
// retires: tier 0, the translator with new code left to tier 0, and the translator at once end alike.
// Each program runs a few times, since only later runs are of translated code.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "engine/guest/aarch64/aarch64.h"
#include "engine/guest/aarch64/accel-jit.h"
#include "engine/host/x86_64/host.h"
#include "tests/unit/guest/cpu-vm.h"

enum {
  PROGRAMS = 150,
  RUNS = 3,
  WORDS_MAX = 560,
  CODE_BYTES = 1 << 20,
  SCTLR = 1 << 26 | 1 << 14 | 1 << 12 | 1 << 9, // UCI, DZE, I, UMA
  INSN_SVC = 0xd4000001,
  INSN_MRS_NZCV = 0xd53b4212, // x18
};
// Across the end of a page.
#define CODE      (TEST_CODE + A64_PAGE_SIZE - 4 * 300)
#define CPACR_ALL (3u << 20)

// What came from EL1: SVC goes on at EL0, all else behind the instruction. x29 is theirs.
static const uint32_t from_el1[] = {
    0xd538521d, // mrs x29, esr_el1
    0xd35affbd, // lsr x29, x29, #26
    0xf10057bf, // cmp x29, #0x15
    0x540000a0, // b.eq . + 20
    0xd538403d, // mrs x29, elr_el1
    0x910013bd, // add x29, x29, #0x4
    0xd518403d, // msr elr_el1, x29
    0xd69f03e0, // eret
    0xd538401d, // mrs x29, spsr_el1
    0x927cefbd, // and x29, x29, #0xfffffffffffffff0
    0xd518401d, // msr spsr_el1, x29
    0xd69f03e0, // eret
};
static const uint32_t from_el0[] = {
    0xd538521d, // mrs x29, esr_el1
    0xd35affbd, // lsr x29, x29, #26
    0xf10057bf, // cmp x29, #0x15
    0x540000a0, // b.eq . + 20
    0xd538403d, // mrs x29, elr_el1
    0x910013bd, // add x29, x29, #0x4
    0xd518403d, // msr elr_el1, x29
    0xd69f03e0, // eret
    0xd538401d, // mrs x29, spsr_el1
    0xb24003bd, // orr x29, x29, #0x1
    0xb27e03bd, // orr x29, x29, #0x4
    0xd518401d, // msr spsr_el1, x29
    0xd69f03e0, // eret
};

// x20: data, x21: nothing is there, x22: CPACR, x23: counters, x10 and x11: FPCR, x12: FPSR.
static const uint32_t plain[] = {
    0xf9400681, // ldr x1, [x20, #8]
    0xf9000a82, // str x2, [x20, #16]
    0xa9021283, // stp x3, x4, [x20, #32]
    0xb9400685, // ldr w5, [x20, #4]
    0xf94002a6, // ldr x6, [x21]
    0xf90006a7, // str x7, [x21, #8]
    0xc85f7e88, // ldxr x8, [x20]
    0xc8097e88, // stxr w9, x8, [x20]
    0x1e622820, // fadd d0, d1, d2
    0x1e210803, // fmul s3, s0, s1
    0x1e23c064, // fcvt h4, s3
    0x1ee24085, // fcvt s5, h4
    0x1e601841, // fdiv d1, d2, d0
    0x9e620022, // scvtf d2, x1
    0x9e780002, // fcvtzs x2, d0
    0xd51b440a, // msr fpcr, x10
    0xd51b441f, // msr fpcr, xzr
    0xd51b440b, // msr fpcr, x11
    0xd51b442c, // msr fpsr, x12
    0xd53b442d, // mrs x13, fpsr
    0xd53b440e, // mrs x14, fpcr
    0xd518105f, // msr cpacr_el1, xzr
    0xd5181056, // msr cpacr_el1, x22
    0xd4000021, // svc #0x1
    0xd4200020, // brk #0x1
    0x00000000, // udf #0
    0xd50342df, // msr daifset, #0x2
    0xd50342ff, // msr daifclr, #0x2
    0xd50040bf, // msr spsel, #0x0
    0xd50041bf, // msr spsel, #0x1
    0xd500419f, // msr pan, #0x1
    0xd500409f, // msr pan, #0x0
    0xd500417f, // msr uao, #0x1
    0xd500407f, // msr uao, #0x0
    0xd53be80f, // mrs x15, pmevcntr0_el0
    0xd53be830, // mrs x16, pmevcntr1_el0
    0xd51b9c37, // msr pmcntenset_el0, x23
    0xd51b9c57, // msr pmcntenclr_el0, x23
    0xd51b9c18, // msr pmcr_el0, x24
    0xd508871f, // tlbi vmalle1
    0xd5033fdf, // isb
    0xd5033f9f, // dsb sy
    0xd508751f, // ic iallu
    0xd5088321, // tlbi vae1is, x1
    0xd5033f5f, // clrex
    0xd53b4211, // mrs x17, nzcv
    0x9b030824, // madd x4, x1, x3, x2
    0xd53b4232, // mrs x18, daif
    0xd5384252, // mrs x18, currentel
    0xd5182001, // msr ttbr0_el1, x1
    0xd518d021, // msr contextidr_el1, x1
    0xd5384013, // mrs x19, spsr_el1
    0xd5384033, // mrs x19, elr_el1
    0xd50320bf, // sevl
    0xd51b9cbf, // msr pmselr_el0, xzr
    0xf8400a81, // ldtr x1, [x20]
    0xf8018a81, // sttr x1, [x20, #24]
    0xd50b7434, // dc zva, x20
    0xdac11041, // autia x1, x2
    0xdac10041, // pacia x1, x2
    0xd4000003, // smc #0x0
    0xc8dffe81, // ldar x1, [x20]
    0x4ea28420, // add v0.4s, v1.4s, v2.4s
    0xd503415f, // msr dit, #0x1
    0xd503413f, // msr ssbs, #0x1
    0x3dc01287, // ldr q7, [x20, #64]
    0x3d801687, // str q7, [x20, #80]
    0xf8401283, // ldur x3, [x20, #1]
};
// A fault may find NZCV stale that nothing reads: it is read.
static const uint32_t setting_flags[] = {
    0xd51b4211, // msr nzcv, x17
    0xea020031, // ands x17, x1, x2
    0xab030021, // adds x1, x1, x3
    0xeb010043, // subs x3, x2, x1
};
// Comes to changed code.
static const uint32_t changing[] = {
    0x100000db, // adr x27, . + 24
    0xb9000379, // str w25, [x27]
    0xd5033f9f, // dsb sy
    0xd50b753b, // ic ivau, x27
    0xd5033f9f, // dsb sy
    0xd5033fdf, // isb
    INSN_NOP,
};

typedef struct Program {
  uint32_t words[WORDS_MAX];
  unsigned n;
} Program;

static unsigned
below (GRand *rand, unsigned n)
{
  return (unsigned) g_rand_int_range (rand, 0, (gint32) n);
}

static void
put (Program *program, uint32_t word)
{
  program->words[program->n++] = word;
}

// Forward, so that each program ends.
static uint32_t
branch (GRand *rand)
{
  unsigned words = 1 + below (rand, 9);

  switch (below (rand, 4)) {
  case 0:
    return 0x14000000 | words; // B
  case 1:
    return 0x54000000 | words << 5 | below (rand, 16); // B.cond
  case 2:
    return 0xb4000000 | below (rand, 2) << 24 | words << 5 | below (rand, 20); // CBZ, CBNZ
  default:                                                                     // TBZ, TBNZ
    return 0x36000000 | below (rand, 2) << 24 | below (rand, 32) << 19 | words << 5 |
           below (rand, 20);
  }
}

static void
put_some (Program *program, GRand *rand)
{
  unsigned kind = below (rand, 32);

  if (kind < 10) { // ADD
    put (program, 0x8b000000 | below (rand, 16) | below (rand, 16) << 5 | below (rand, 16) << 16);
  } else if (kind < 20) {
    put (program, branch (rand));
  } else if (kind == 20) {
    for (unsigned i = 0; i < 9; i++) // branches reach no further
      put (program, INSN_NOP);
    for (unsigned i = 0; i < G_N_ELEMENTS (changing); i++)
      put (program, changing[i]);
  } else if (kind == 21) {
    put (program, setting_flags[below (rand, G_N_ELEMENTS (setting_flags))]);
    put (program, INSN_MRS_NZCV);
  } else {
    put (program, plain[below (rand, G_N_ELEMENTS (plain))]);
  }
}

static void
make_program (Program *program, GRand *rand)
{
  unsigned most = 300 + below (rand, WORDS_MAX - 340);

  program->n = 0;
  while (program->n < most)
    put_some (program, rand);
  for (unsigned i = 0; i < 9; i++)
    put (program, INSN_NOP);
  // EL0 has no HVC.
  for (unsigned i = 0; i < 4; i++)
    put (program, i % 2 == 0 ? INSN_HVC : INSN_SVC);
}

enum { TIER0, COLD, AT_ONCE, N_KINDS };

static CpuVm *
new_vm (unsigned kind, bool count, const Program *program)
{
  const JitConfig config = {.bytes = CODE_BYTES, .at_once = kind == AT_ONCE, .count = count};
  CpuVm *t = cpu_vm_new (1);
  A64Cpu *cpu = cpu_vm_cpu (t, 0);

  cpu_vm_set (cpu, REG_SCTLR, cpu_vm_get (cpu, REG_SCTLR) | SCTLR);
  cpu_vm_set (cpu, REG_VBAR, TEST_VECTORS);
  if (kind != TIER0)
    assert_true (a64_use_jit (cpu->vcpu, &x64_host_ops, &config, NULL));
  for (unsigned i = 0; i < 8; i++)
    cpu_vm_write_code (t, TEST_VECTORS + 0x80 * i, from_el1, G_N_ELEMENTS (from_el1));
  for (unsigned i = 8; i < 16; i++)
    cpu_vm_write_code (t, TEST_VECTORS + 0x80 * i, from_el0, G_N_ELEMENTS (from_el0));
  cpu_vm_write_code (t, CODE, program->words, program->n);
  return t;
}

static void
set_registers (A64Cpu *cpu, GRand *rand)
{
  for (unsigned i = 0; i < 30; i++)
    cpu->x[i] = below (rand, 4) != 0 ? below (rand, 1000) : (uint64_t) g_rand_int (rand) << 32;
  for (unsigned i = 0; i < 32; i++)
    cpu->v[i].d[0] = (uint64_t) g_rand_int (rand) << 32 | g_rand_int (rand);
  cpu->x[10] = (uint64_t) below (rand, 8) << 22 | (uint64_t) below (rand, 2) << 26;
  cpu->x[11] = 1 << 24 | below (rand, 4) << 22;
  cpu->x[12] = below (rand, 32);
  cpu->x[20] = TEST_DATA;
  cpu->x[21] = 0x1000;
  cpu->x[22] = CPACR_ALL;
  cpu->x[23] = 0x80000003;
  cpu->x[24] = 1;
  cpu->x[25] = 0x91000671; // add x17, x19, #1
  cpu->nzcv = below (rand, 16) << 28;
}

// Instructions retired, of each level and of both.
static void
set_counters (A64Cpu *cpu, bool on)
{
  cpu_vm_set (cpu, A64_SYSREG (3, 3, 9, 14, 0), 15);            // PMUSERENR
  cpu_vm_set (cpu, A64_SYSREG (3, 3, 9, 12, 0), 3);             // PMCR
  cpu_vm_set (cpu, A64_SYSREG (3, 3, 14, 12, 0), 8);            // PMEVTYPER0
  cpu_vm_set (cpu, A64_SYSREG (3, 3, 14, 12, 1), 8 | 1u << 30); // PMEVTYPER1
  cpu_vm_set (cpu, A64_SYSREG (3, 3, 9, 12, 1), on ? 3 : 0);    // PMCNTENSET
}

static uint64_t
run (CpuVm *t, uint32_t seed)
{
  A64Cpu *cpu = cpu_vm_cpu (t, 0);
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);

  memset (cpu_vm_host (t, TEST_DATA), 0x3c, A64_PAGE_SIZE);
  set_registers (cpu, rand);
  cpu_vm_set (cpu, REG_CPACR, CPACR_ALL);
  set_counters (cpu, seed % 2);
  a64_set_fpcr (cpu, 0);
  cpu->fp.flags = 0;
  cpu->fpsr_qc = 0;
  cpu->excl.valid = false;
  cpu->pstate.uao = cpu->pstate.pan = cpu->pstate.dit = false;
  cpu_vm_enter (cpu, 1, 0xf);
  return cpu_vm_run (t, CODE);
}

static void
assert_same (CpuVm *t, CpuVm *other)
{
  static const uint32_t registers[] = {
      REG_ESR,
      REG_FAR,
      REG_ELR,
      REG_SPSR,
      REG_CPACR,
      A64_SYSREG (3, 3, 14, 8, 0),
      A64_SYSREG (3, 3, 14, 8, 1), // PMEVCNTR1
  };
  A64Cpu *a = cpu_vm_cpu (t, 0), *b = cpu_vm_cpu (other, 0);

  assert_memory_equal (a->x, b->x, sizeof *a->x * 32);
  assert_memory_equal (a->v, b->v, sizeof *a->v * A64_N_V);
  assert_memory_equal (&a->pstate, &b->pstate, sizeof a->pstate);
  assert_int_equal (a->pc, b->pc);
  assert_int_equal (a->nzcv, b->nzcv);
  assert_int_equal (a->fpcr, b->fpcr);
  assert_int_equal (a->fp.flags, b->fp.flags);
  for (unsigned i = 0; i < G_N_ELEMENTS (registers); i++)
    assert_int_equal (cpu_vm_get (a, registers[i]), cpu_vm_get (b, registers[i]));
  assert_memory_equal (cpu_vm_host (t, TEST_DATA), cpu_vm_host (other, TEST_DATA), A64_PAGE_SIZE);
}

static void
run_program (uint32_t seed)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  g_autofree Program *program = g_new (Program, 1);
  CpuVm *vms[N_KINDS];
  bool count = seed / 2 % 2;

  make_program (program, rand);
  for (unsigned i = 0; i < N_KINDS; i++)
    vms[i] = new_vm (i, count, program);
  for (unsigned round = 0; round < RUNS; round++) {
    uint64_t insns = run (vms[TIER0], seed + round);
    for (unsigned i = TIER0 + 1; i < N_KINDS; i++) {
      uint64_t n = run (vms[i], seed + round);
      assert_same (vms[TIER0], vms[i]);
      if (count)
        assert_int_equal (n, insns);
    }
  }
  for (unsigned i = 0; i < N_KINDS; i++)
    cpu_vm_free (vms[i]);
}

static void
test_programs (void **state)
{
  (void) state;
  for (uint32_t seed = 1; seed <= PROGRAMS; seed++)
    run_program (seed);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test (test_programs)};

  return cmocka_run_group_tests (tests, NULL, NULL);
}
