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
  A64_EC_BRANCH_TARGET = 0x0d,
  A64_EC_ILLEGAL_STATE = 0x0e,
  A64_EC_SVC = 0x15,
  A64_EC_HVC = 0x16,
  A64_EC_SMC = 0x17,
  A64_EC_SYSREG = 0x18,
  A64_EC_PAC_FAIL = 0x1c,
  A64_EC_INSN_ABORT_LOWER = 0x20,
  A64_EC_INSN_ABORT = 0x21,
  A64_EC_PC_ALIGNMENT = 0x22,
  A64_EC_DATA_ABORT_LOWER = 0x24,
  A64_EC_DATA_ABORT = 0x25,
  A64_EC_SP_ALIGNMENT = 0x26,
  A64_EC_MOPS = 0x27, // memory copy and memory set
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
// A trapped MRS, MSR or SYS: EC 0x18 with the word's fields.
void a64_raise_sysreg_trap (A64Cpu *cpu, const A64Op *op);
// Taken between blocks: cpu->pc is the preferred return address and, with `far`, the faulting one.
void a64_raise_fetch (A64Cpu *cpu, unsigned ec, uint32_t iss, bool far);
// SVC: the preferred return address is the next instruction, and the instruction has retired.
void a64_raise_svc (A64Cpu *cpu, const A64Op *op, uint16_t imm);
// Leaves the block before `op`, which goes on later where its registers say.
void a64_leave_before (A64Cpu *cpu, const A64Op *op);
// IRQ or FIQ, between blocks.
void a64_take_irq (A64Cpu *cpu, bool fiq);
// To `target`, which is ELR_EL1 or what authentication made of it.
void a64_return_from_exception (A64Cpu *cpu, uint64_t target);

enum { A64_ISS_DEBUG = 0x22 };

// PSTATE bits outside cpu->pstate.

// Writes PSTATE.SP or the EL: moves SP between cpu->x and the bank. The context is not changed.
void a64_switch_sp (A64Cpu *cpu, unsigned el, bool sp_sel);
// Sets PSTATE.PAN, and drops what was filled without it.
void a64_set_pan (A64Cpu *cpu, bool pan);
// PSTATE as SPSR_EL1 has it. set: SP is not moved (saved state has both banks); false when the
// mode is none of ours.
uint32_t a64_get_spsr (const A64Cpu *cpu);
bool a64_set_pstate (A64Cpu *cpu, uint32_t spsr);
// Looks for an interrupt at the end of the block, after interrupts were unmasked.
void a64_poll_irq (A64Cpu *cpu);
