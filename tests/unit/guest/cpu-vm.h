// SPDX-License-Identifier: GPL-3.0-or-later
// A machine for tests of the CPU core: RAM, one device, one or more CPUs that run on the test's own
// thread, and a clock that stands where the test puts it. HVC ends a run.
#pragma once

#include "engine/guest/aarch64/cpu.h"
#include "engine/guest/aarch64/sysreg.h"
#include "engine/vm/vm.h"

enum {
  TEST_RAM_BASE = 0x40000000,
  TEST_RAM_BYTES = 16 << 20,
  TEST_MMIO_BASE = 0x09000000, // reads as offset + 0x1000, remembers the last write
  TEST_CODE = TEST_RAM_BASE + 0x10000,
  TEST_VECTORS = TEST_RAM_BASE + 0x20000, // HVC at each of the sixteen, where the handler reports
  TEST_DATA = TEST_RAM_BASE + 0x30000,
  TEST_TABLES = TEST_RAM_BASE + 0x100000, // up to the end of RAM: translation tables
};

typedef struct CpuVm {
  Vm vm;
  VmRam *ram;
  Vcpu *vcpus[4];
  GuestAddr next_table;
  uint64_t mmio_offset, mmio_value;
  unsigned mmio_size;
  bool hypercall_known; // what the firmware answers
  unsigned hypercalls, waits;
  _Atomic uint32_t events;
} CpuVm;

CpuVm *cpu_vm_new (unsigned n_cpus);
void cpu_vm_free (CpuVm *t);
A64Cpu *cpu_vm_cpu (CpuVm *t, unsigned index);

// The clock, and the alarm armed last (INT64_MAX: none).
extern int64_t test_now;
void cpu_vm_fire_timers (CpuVm *t);

void *cpu_vm_host (CpuVm *t, GuestAddr pa);
void cpu_vm_write_code (CpuVm *t, GuestAddr pa, const uint32_t *words, unsigned n);
// Runs CPU 0 from `pc` to the HVC. The count of instructions it took, without the HVC.
uint64_t cpu_vm_run (CpuVm *t, GuestVaddr pc);
// Sets a system register as MSR would.
void cpu_vm_set (A64Cpu *cpu, uint32_t number, uint64_t value);
uint64_t cpu_vm_get (A64Cpu *cpu, uint32_t number);
// PSTATE and stack pointer for the next run.
void cpu_vm_enter (A64Cpu *cpu, unsigned el, unsigned daif);

// One descriptor of a page table tree: `level` 1..3, made with the tables above it.
typedef struct TestMap {
  unsigned page_bits;
  GuestVaddr va;
  unsigned level;
  uint64_t descriptor;  // complete, but for the type bits of a page or block
  uint64_t table_flags; // or'ed into every table descriptor on the way
} TestMap;

// A tree of 48-bit addresses; returns its root.
GuestAddr cpu_vm_new_table (CpuVm *t, unsigned page_bits);
// Enters the mapping; the address of its descriptor.
uint64_t *cpu_vm_map (CpuVm *t, GuestAddr root, const TestMap *map);
// An ordinary setup: 4K granule in both halves, ASID in TTBR0, MAIR 0 = normal, 1 = device,
// MMU and caches on. The code, vector and data pages are mapped where they are, for EL1.
GuestAddr cpu_vm_mmu_on (CpuVm *t, A64Cpu *cpu, uint64_t extra_tcr);

enum {
  DESC_DEVICE = 1 << 2,
  DESC_EL0 = 1 << 6,
  DESC_RO = 1 << 7,
  DESC_AF = 1 << 10,
  DESC_NG = 1 << 11,
};
#define DESC_DBM ((uint64_t) 1 << 51)
#define DESC_PXN ((uint64_t) 1 << 53)
#define DESC_UXN ((uint64_t) 1 << 54)

#define TCR_48(page_tg0, page_tg1)                                                                 \
  (16u | 16u << 16 | (uint64_t) (page_tg0) << 14 | (uint64_t) (page_tg1) << 30 |                   \
   (uint64_t) 5 << 32 | (uint64_t) 1 << 36)

#define REG_SCTLR A64_SYSREG (3, 0, 1, 0, 0)
#define REG_CPACR A64_SYSREG (3, 0, 1, 0, 2)
#define REG_TTBR0 A64_SYSREG (3, 0, 2, 0, 0)
#define REG_TTBR1 A64_SYSREG (3, 0, 2, 0, 1)
#define REG_TCR   A64_SYSREG (3, 0, 2, 0, 2)
#define REG_MAIR  A64_SYSREG (3, 0, 10, 2, 0)
#define REG_VBAR  A64_SYSREG (3, 0, 12, 0, 0)
#define REG_ESR   A64_SYSREG (3, 0, 5, 2, 0)
#define REG_FAR   A64_SYSREG (3, 0, 6, 0, 0)
#define REG_ELR   A64_SYSREG (3, 0, 4, 0, 1)
#define REG_SPSR  A64_SYSREG (3, 0, 4, 0, 0)
#define REG_PAR   A64_SYSREG (3, 0, 7, 4, 0)
#define REG_MDSCR A64_SYSREG (2, 0, 0, 2, 2)
#define REG_OSLAR A64_SYSREG (2, 0, 1, 0, 4)

enum {
  INSN_HVC = 0xd4000002,
  INSN_NOP = 0xd503201f,
};
