// SPDX-License-Identifier: GPL-3.0-or-later
// Random instructions on the two CPUs of a real machine, at EL1 and EL0, with the MMU on and off.
// Every exception comes back to the instructions a little further on. Whatever they do, the machine
// pauses, its state is sound and can be saved and loaded.
//
// Threads: the programs run on the vCPUs' own threads; all else is the controlling thread's.
#include "engine/guest/aarch64/cpu.h"
#include "engine/guest/aarch64/decode.h"
#include "engine/guest/aarch64/exception.h"
#include "engine/guest/aarch64/sysreg.h"
#include "engine/machine/virt-map.h"
#include "engine/vm/vcpu-priv.h"
#include "tests/fuzz/machine.h"

enum {
  CODE_WORDS = 1024,
  INSTRUCTIONS = 20000, // of a run, if it gets that far in
  RUN_US = 3000,
  POLL_US = 100,
  INPUTS_PER_MACHINE = 200,

  // Offsets in RAM.
  VECTORS = 0x0000,
  LEVEL1 = 0x1000,
  LEVEL2 = 0x2000,
  CODE = 0x10000, // the vectors know it too
  DATA = 0x200000,
  DATA_BYTES = 0x10000,

  // Descriptors: attribute index 1 is Device-nGnRnE.
  TABLE = 3,
  BLOCK = 0x401,
  INDEX1 = 1 << 2,
  EL0 = 1 << 6,
  READ_ONLY = 1 << 7,
  SHARED = 3 << 8,
};

typedef struct Program {
  FuzzMachine *fm;
  FuzzInput in;
} Program;

// ---- the program ----------------------------------------------------------------------------

// Goes on at the next instruction, or somewhere in the code when that was left.
static const uint32_t vector[] = {
    0xd518d089, // msr tpidr_el1, x9
    0xd51bd06a, // msr tpidrro_el0, x10
    0xd5384029, // mrs x9, elr_el1
    0xd2a8002a, // mov x10, #0x40010000
    0xcb0a0129, // sub x9, x9, x10
    0xd34cfd2a, // lsr x10, x9, #12
    0xb400004a, // cbz x10, . + 8
    0xd53be049, // mrs x9, cntvct_el0
    0x91001129, // add x9, x9, #4
    0x927e2529, // and x9, x9, #0xffc
    0xd2a8002a, // mov x10, #0x40010000
    0x8b0a0129, // add x9, x9, x10
    0xd5184029, // msr elr_el1, x9
    0xd53bd06a, // mrs x10, tpidrro_el0
    0xd538d089, // mrs x9, tpidr_el1
    0xd69f03e0, // eret
};

// Interrupts: acknowledged and ended, and the timer comes again soon.
static const uint32_t irq_vector[] = {
    0xd518d089, // msr tpidr_el1, x9
    0xd538cc09, // mrs x9, icc_iar1_el1
    0xd518cc29, // msr icc_eoir1_el1, x9
    0xd2880009, // mov x9, #0x4000
    0xd51be309, // msr cntv_tval_el0, x9
    0xd538d089, // mrs x9, tpidr_el1
    0xd69f03e0, // eret
};
static const uint32_t fiq_vector[] = {
    0xd518d089, // msr tpidr_el1, x9
    0xd538c809, // mrs x9, icc_iar0_el1
    0xd518c829, // msr icc_eoir0_el1, x9
    0xd2880009, // mov x9, #0x4000
    0xd51be209, // msr cntp_tval_el0, x9
    0xd538d089, // mrs x9, tpidr_el1
    0xd69f03e0, // eret
};

static const uint16_t sysops[] = {
#define A64_SYSOP(name, op1, crn, crm, op2, el0, fn, argument) A64_SYSREG (1, op1, crn, crm, op2),
#include "engine/guest/aarch64/sys-ops.inc"
#undef A64_SYSOP
};

static uint32_t
system_instruction (FuzzInput *in, uint32_t random)
{
  unsigned rt = random & 31, n = (unsigned) a64_sysreg_count ();
  uint32_t number = a64_sysreg_get ((int) fuzz_below (in, n))->number;

  switch (random >> 5 & 7) {
  case 0:
  case 1:
    return 0xd5000000 | number << 5 | rt; // MSR
  case 2:
    return 0xd5200000 | number << 5 | rt; // MRS
  case 3:
    return 0xd5080000 | (random & 0x7ffe0) | rt; // SYS
  case 4:
    return 0xd5000000 | (uint32_t) sysops[fuzz_below (in, G_N_ELEMENTS (sysops))] << 5 | rt;
  case 5: // the interrupt controller's
    return (random >> 31 ? 0xd5200000 : 0xd5000000) | (uint32_t) A64_SYSREG (3, 0, 12, 8, 0) << 5 |
           (random & 0xfe0) | rt;
  case 6:
    return 0xd4000002; // HVC
  default:
    return 0xd503201f | (random & 0xfe0); // hints
  }
}

// Branches that stay near.
static uint32_t
shorten (uint32_t word)
{
  if ((word & 0x7c000000) == 0x14000000)
    return (word & 0xfc00003f) | (word & 0x20 ? 0x03ffffc0 : 0);
  if ((word & 0xfe000000) == 0x54000000 || (word & 0x7e000000) == 0x34000000)
    return (word & 0xff0007ff) | (word & 0x400 ? 0x00fff800 : 0);
  return word;
}

static uint32_t
instruction (FuzzInput *in)
{
  uint32_t random = (uint32_t) fuzz_number (in, 4), mask, value;
  unsigned kind = fuzz_below (in, 16);

  if (kind == 0)
    return random;
  if (kind <= 2)
    return system_instruction (in, random);
  a64_insn_pattern (fuzz_below (in, A64_N_INSNS), &mask, &value);
  return shorten ((random & ~mask) | value);
}

static uint8_t *
ram_at (Program *program, uint64_t offset)
{
  return mem_bus_ram_ptr (program->fm->vm->bus, VIRT_RAM + offset, 1);
}

static void
put_code (Program *program)
{
  uint32_t *code = (uint32_t *) ram_at (program, CODE);

  for (unsigned i = 0; i < 16; i += 4) {
    memcpy (ram_at (program, VECTORS + 0x80 * i), vector, sizeof vector);
    memcpy (ram_at (program, VECTORS + 0x80 * (i + 1)), irq_vector, sizeof irq_vector);
    memcpy (ram_at (program, VECTORS + 0x80 * (i + 2)), fiq_vector, sizeof fiq_vector);
    memcpy (ram_at (program, VECTORS + 0x80 * (i + 3)), vector, sizeof vector);
  }
  // As much as the input has; nearby words are then repeated.
  for (unsigned i = 0, n = 0; i < CODE_WORDS; i++) {
    bool more = program->in.left > 0;

    code[i] = more || n == 0 ? instruction (&program->in) : code[i % n];
    n += more;
  }
}

// 512 GiB at virtual address 0, as they are: devices, code (read only), data for all, EL1's.
static void
put_tables (Program *program)
{
  uint64_t *level1 = (uint64_t *) ram_at (program, LEVEL1);
  uint64_t *level2 = (uint64_t *) ram_at (program, LEVEL2);

  level1[0] = BLOCK | INDEX1 | EL0;
  level1[1] = (VIRT_RAM + LEVEL2) | TABLE;
  level1[VIRT_PCI_ECAM >> 30] = (VIRT_PCI_ECAM & ~(GIB (1) - 1)) | BLOCK | INDEX1 | EL0;
  for (unsigned i = 0; i < FUZZ_MACHINE_RAM_BYTES / MIB (2); i++)
    level2[i] = (VIRT_RAM + i * MIB (2)) | BLOCK | SHARED;
  level2[0] |= EL0 | READ_ONLY;
  level2[1] |= EL0;
  level2[2] |= EL0 | 1 << 11; // not global
}

static uint64_t
pick_register (FuzzInput *in)
{
  static const uint64_t devices[] = {VIRT_GIC_DIST, VIRT_GIC_REDIST, VIRT_UART,      VIRT_RTC,
                                     VIRT_GPIO,     VIRT_PCI_ECAM,   VIRT_PCI_MMIO32};

  switch (fuzz_below (in, 12)) {
  case 0:
    return fuzz_number (in, 8);
  case 1:
    return devices[fuzz_below (in, G_N_ELEMENTS (devices))] + fuzz_below (in, 0x1000);
  case 2:
    return VIRT_RAM + FUZZ_MACHINE_RAM_BYTES - fuzz_below (in, 64);
  case 3:
    return UINT64_MAX - fuzz_below (in, 64);
  case 4:
    return 1ull << fuzz_below (in, 64);
  case 5: // a page's end, with a tag
    return (fuzz_number (in, 1) << 56 | VIRT_RAM | DATA) + 0x1000 - fuzz_below (in, 64);
  case 6: // a firmware call
    return (fuzz_below (in, 2) ? 0x84000000 : 0xc4000000) + fuzz_below (in, 0x60);
  case 7:
    return fuzz_below (in, 8);
  default:
    return (VIRT_RAM | DATA) + fuzz_number (in, 2) % DATA_BYTES;
  }
}

static void
set_sysreg (A64Cpu *cpu, uint32_t number, uint64_t value)
{
  a64_sysreg_write (cpu, a64_sysreg_get (a64_sysreg_find (number)), value);
}

static void
set_cpu (Program *program, unsigned index)
{
  FuzzInput *in = &program->in;
  A64Cpu *cpu = program->fm->vm->vcpus[index]->cpu;
  uint64_t sctlr = fuzz_number (in, 8) & A64_SCTLR_MASK;

  if (fuzz_below (in, 4) != 0)
    sctlr = (sctlr | A64_SCTLR_C | A64_SCTLR_I) & ~(A64_SCTLR_A | A64_SCTLR_WXN);
  for (unsigned i = 0; i < 31; i++)
    cpu->x[i] = pick_register (in);
  for (unsigned i = 0; i < 32; i++)
    cpu->v[i].d[0] = cpu->v[i].d[1] = pick_register (in);
  cpu->sp_bank[0] = cpu->sp_bank[1] = cpu->x[A64_SP] = VIRT_RAM + DATA + 0x8000;
  cpu->pc = VIRT_RAM + CODE + 4 * fuzz_below (in, CODE_WORDS);
  a64_set_fpcr (cpu, (uint32_t) fuzz_number (in, 4));
  cpu->nzcv = (uint32_t) fuzz_below (in, 16) << 28;
  a64_switch_sp (cpu, fuzz_below (in, 2), fuzz_below (in, 2));
  if (cpu->pstate.el == 0)
    cpu->pstate.sp_sel = false;
  cpu->pstate.daif = fuzz_below (in, 2) ? 0 : 0xf;
  set_sysreg (cpu, A64_SYSREG (3, 0, 12, 0, 0), VIRT_RAM + VECTORS);
  set_sysreg (cpu, A64_SYSREG (3, 0, 10, 2, 0), 0x00ff);
  set_sysreg (cpu, A64_SYSREG (3, 0, 2, 0, 0), VIRT_RAM + LEVEL1);
  set_sysreg (cpu, A64_SYSREG (3, 0, 2, 0, 1), VIRT_RAM + LEVEL1);
  set_sysreg (cpu, A64_SYSREG (3, 0, 2, 0, 2),
              25 | 25 << 16 | 2ull << 30 | 5ull << 32 | 1ull << 37);
  set_sysreg (cpu, A64_SYSREG (3, 0, 1, 0, 2), fuzz_below (in, 8) ? 3 << 20 : 1 << 20);
  if (fuzz_below (in, 8) == 0) { // software step
    set_sysreg (cpu, A64_SYSREG (2, 0, 1, 0, 4), 0);
    set_sysreg (cpu, A64_SYSREG (2, 0, 0, 2, 2), fuzz_number (in, 4) | A64_MDSCR_SS);
    cpu->pstate.ss = fuzz_below (in, 2);
  }
  set_sysreg (cpu, A64_SYSREG (3, 0, 1, 0, 0), sctlr);
  a64_update_context (cpu);
}

// Timers, SGIs and the devices' lines reach the CPUs.
static void
enable_interrupts (Program *program)
{
  Vm *vm = program->fm->vm;
  uint64_t group1 = fuzz_number (&program->in, 4);

  mem_bus_write (vm->bus, VIRT_GIC_DIST, 4, 3);
  for (unsigned i = 0; i < vm->n_vcpus; i++) {
    GuestAddr sgi_frame = VIRT_GIC_REDIST + i * 0x20000 + 0x10000;
    A64Cpu *cpu = vm->vcpus[i]->cpu;

    mem_bus_write (vm->bus, sgi_frame + 0x80, 4, group1);
    mem_bus_write (vm->bus, sgi_frame + 0x100, 4, 0xffffffff);
    vm->irqchip->write (vm->irqchip_opaque, i, A64_SYSREG (3, 0, 4, 6, 0), 0xff);
    vm->irqchip->write (vm->irqchip_opaque, i, A64_SYSREG (3, 0, 12, 12, 6), 1);
    vm->irqchip->write (vm->irqchip_opaque, i, A64_SYSREG (3, 0, 12, 12, 7), 1);
    a64_write_cntv_ctl (cpu, NULL, 1);
    a64_write_cntp_ctl (cpu, NULL, 1);
    cpu->pstate.daif = 0;
  }
}

static bool
load (void *opaque, GError **error)
{
  Program *program = opaque;
  Vm *vm = program->fm->vm;

  for (unsigned i = 0; i < vm->n_vcpus; i++) {
    set_cpu (program, i);
    vcpu_set_on (vm->vcpus[i], true);
  }
  if (fuzz_below (&program->in, 4) == 0)
    enable_interrupts (program);
  put_tables (program);
  memset (ram_at (program, DATA), (int) fuzz_number (&program->in, 1), DATA_BYTES);
  put_code (program);
  return true;
}

// ---- running it -----------------------------------------------------------------------------

static uint64_t
count (Vm *vm)
{
  uint64_t sum = 0;

  for (unsigned i = 0; i < vm->n_vcpus; i++)
    sum += vcpu_get_instructions (vm->vcpus[i]);
  return sum;
}

static void
check_cpu (const A64Cpu *cpu)
{
  const A64Pstate *p = &cpu->pstate;

  if (p->el > 1 || (p->el == 0 && p->sp_sel) || p->daif > 0xf || (cpu->nzcv & 0x0fffffff) != 0 ||
      cpu->x[A64_ZR] != 0)
    g_error ("unsound state: el %u sp %d daif %x nzcv %x zr %" G_GINT64_MODIFIER "x", p->el,
             p->sp_sel, p->daif, cpu->nzcv, cpu->x[A64_ZR]);
}

static void
check_saved (FuzzMachine *fm)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) state = vm_save (fm->vm, &error), again = NULL;
  FuzzMachine *heir = fuzz_machine_new (fm->vm->n_vcpus, FUZZ_RUNS);

  if (state == NULL || !vm_load (heir->vm, state, &error))
    g_error ("the state cannot be saved and loaded: %s", error->message);
  again = vm_save (heir->vm, &error);
  if (again == NULL || !g_bytes_equal (state, again))
    g_error ("the state is not the same after a load");
  fuzz_machine_free (heir);
}

// Until enough ran, or a while: the CPUs may sleep or be off.
static void
wait_for_run (Vm *vm)
{
  uint64_t end = count (vm) + INSTRUCTIONS;

  for (unsigned waited_us = 0; waited_us < RUN_US && count (vm) < end; waited_us += POLL_US)
    g_usleep (POLL_US);
}

static void
run (FuzzMachine *fm, const uint8_t *data, size_t size, bool first)
{
  g_autoptr (GError) error = NULL;
  Program program = {.fm = fm, .in = {.data = data, .left = size}};
  bool thorough = fuzz_below (&program.in, 32) == 0;

  fm->vm->load_boot = load;
  fm->vm->load_boot_opaque = &program;
  if (first ? !vm_start (fm->vm, &error) : !vm_reset (fm->vm, &error))
    g_error ("start: %s", error->message);
  if (!first)
    vm_resume (fm->vm);
  wait_for_run (fm->vm);
  vm_pause (fm->vm);
  for (unsigned i = 0; i < fm->vm->n_vcpus; i++)
    check_cpu (fm->vm->vcpus[i]->cpu);
  if (thorough)
    check_saved (fm);
}

// Two machines: what is come to for the first time is translated in one of them.
int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static FuzzMachine *fms[2];
  static unsigned used[2];
  unsigned which = size % 2;
  bool first = fms[which] == NULL;

  fuzz_make_warnings_fatal ();
  if (first)
    fms[which] = fuzz_machine_new (2, which == 0 ? FUZZ_RUNS : FUZZ_RUNS_AT_ONCE);
  run (fms[which], data, size, first);
  if (++used[which] % INPUTS_PER_MACHINE == 0)
    g_clear_pointer (&fms[which], fuzz_machine_free);
  return 0;
}
