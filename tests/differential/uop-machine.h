// SPDX-License-Identifier: GPL-3.0-or-later
// Two CPUs with one memory for the comparison of tier 0 and uops: one carries instructions out with
// tier 0's handlers, a step at a time; the other, whose registers the uops change, lends its memory
// accesses, exceptions and tier 0 to the region that is carried out.
#pragma once

#include "engine/guest/aarch64/block.h"
#include "engine/guest/aarch64/translate.h"
#include "engine/ir/eval.h"
#include "tests/unit/guest/cpu-vm.h"

// Virtual addresses; the pages are mapped where they are, so from CODE on: code, read-only; at DATA
// two pages for all, one read-only, a hole, one for EL1. The page before DATA is a device's.
enum {
  UOP_CODE = TEST_CODE,
  UOP_DATA = TEST_DATA,
  UOP_DATA_BYTES = 5 * 4096,
};

typedef struct UopRegisters {
  uint64_t x[32]; // and SP
  uint64_t sp_bank[2];
  uint64_t v[32][2];
  uint32_t nzcv, fpcr, fpsr;
  A64Pstate pstate;
  A64Exclusive monitor;
} UopRegisters;

typedef struct UopState {
  UopRegisters registers;
  uint64_t pc;
  A64SysRegs sys;
  uint8_t data[UOP_DATA_BYTES];
  bool monitored;
  uint64_t mmio_offset, mmio_value;
} UopState;

typedef struct UopMachine {
  CpuVm *vm;
  A64Cpu *tier0, *other;
  A64SysRegs sys; // of the configuration
  uint8_t features;
  const char *complaint; // about a region, rather than its results; NULL: none
  A64Block *block;       // of the one instruction that is being carried out
  A64Region region;
  IrEval eval;
} UopMachine;

UopMachine *uop_machine_new (void);
void uop_machine_free (UopMachine *m);
// Another set of modes, of those that outlive one case.
void uop_machine_configure (UopMachine *m, uint64_t *random);

// Puts registers and memory into a CPU, everything else as the configuration has it.
void uop_machine_load (UopMachine *m, A64Cpu *cpu, const UopRegisters *registers,
                       const uint8_t *data);
void uop_machine_store (const UopMachine *m, const A64Cpu *cpu, UopState *state);

// The key of a CPU's modes.
A64TranslateKey uop_machine_key (const A64Cpu *cpu);
// Carries the region out on the other CPU, from the page at UOP_CODE.
IrEvalResult uop_machine_eval (UopMachine *m, uint64_t max_insns);
// Carries n instructions out on the first CPU, fewer when it leaves the page.
uint64_t uop_machine_step (UopMachine *m, uint64_t pc, uint64_t n);
