// SPDX-License-Identifier: GPL-3.0-or-later
// Taking exceptions (Arm ARM D1.3, D1.4). A handler that raises one must return at once without
// A64_NEXT: the CPU state is then already at the vector. The raise_ functions undo nothing: raise
// before any register or memory is changed.
#pragma once

#include "engine/guest/aarch64/cpu.h"

// ESR_ELx.EC values (Arm ARM D17.2.37).
enum {
  A64_EC_UNKNOWN = 0x00,
  A64_EC_WFX = 0x01,
  A64_EC_FP_ACCESS = 0x07,
  A64_EC_ILLEGAL_STATE = 0x0e,
  A64_EC_SVC = 0x15,
  A64_EC_HVC = 0x16,
  A64_EC_SMC = 0x17,
  A64_EC_SYSREG = 0x18,
  A64_EC_INSN_ABORT_LOWER = 0x20,
  A64_EC_INSN_ABORT = 0x21,
  A64_EC_PC_ALIGNMENT = 0x22,
  A64_EC_DATA_ABORT_LOWER = 0x24,
  A64_EC_DATA_ABORT = 0x25,
  A64_EC_SP_ALIGNMENT = 0x26,
  A64_EC_BREAKPOINT_LOWER = 0x30,
  A64_EC_STEP_LOWER = 0x32,
  A64_EC_WATCHPOINT_LOWER = 0x34,
  A64_EC_BRK = 0x3c,
};

// UNDEFINED: EC 0, the instruction itself is the preferred return address.
void a64_raise_undefined (A64Cpu *cpu, const A64Op *op);
// Any synchronous exception whose preferred return address is the instruction itself.
void a64_raise_sync (A64Cpu *cpu, const A64Op *op, unsigned ec, uint32_t iss);
// As above with FAR_EL1 written (aborts, PC and SP alignment).
void a64_raise_fault (A64Cpu *cpu, const A64Op *op, unsigned ec, uint32_t iss, GuestVaddr far);
