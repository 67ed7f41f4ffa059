// SPDX-License-Identifier: GPL-3.0-or-later
// A debugger outside the guest: its breakpoints, watchpoints and steps on one CPU, which the guest
// sees nothing of. cpu->debugger is NULL while none is attached. vCPU thread, but for GuestDebugOps
// (any thread while it is parked).
#pragma once

#include "engine/guest/aarch64/cpu.h"

enum {
  A64_DEBUGGER_BREAKS = 256,
  A64_DEBUGGER_WATCHES = 32,
};

typedef struct A64Watch {
  GuestVaddr first, last;
  GuestPoint kind;
} A64Watch;

typedef struct A64Debugger {
  GuestVaddr breaks[A64_DEBUGGER_BREAKS];
  A64Watch watches[A64_DEBUGGER_WATCHES];
  unsigned n_breaks, n_watches;
  bool stepping;
  bool stepped; // the one instruction was begun
  bool stopped;
  GuestDebugStop stop;
  struct A64Block *block; // code of pages with breakpoints, and single instructions
} A64Debugger;

extern const GuestDebugOps a64_debug_ops;

static inline bool
a64_debugger_stepping (const A64Cpu *cpu)
{
  return __builtin_expect (cpu->debugger != NULL, 0) && cpu->debugger->stepping;
}

// For block.c, where cpu->debugger is not NULL. True when the CPU stops before cpu->pc.
bool a64_debugger_stops (A64Cpu *cpu);
// A block for this time only: of one instruction, or up to the next breakpoint of the page. NULL:
// the page has none, and its code may be kept.
struct A64Block *a64_debugger_block (A64Cpu *cpu, GuestAddr pa, const uint8_t *words);

// For access.c, likewise. True when the access stops the CPU, which is then back at `op`.
bool a64_debugger_watches (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, bool write);
// Such pages stay out of the TLB.
bool a64_debugger_watches_page (const A64Cpu *cpu, GuestVaddr va);

// Forgets everything; accepts none.
void a64_debugger_free (A64Cpu *cpu);

// debugger-registers.c
uint32_t a64_debugger_absent_features (const void *cpu);
bool a64_debugger_describe_register (unsigned n, GuestRegister *out);
bool a64_debugger_read_register (void *cpu, unsigned n, uint8_t value[GUEST_REGISTER_BYTES]);
bool a64_debugger_write_register (void *cpu, unsigned n, const uint8_t value[GUEST_REGISTER_BYTES]);
enum {
  A64_DEBUGGER_N_GENERAL = 31 + 3 + 32 + 2, // X, SP, PC, CPSR, V, FPSR, FPCR
  A64_DEBUGGER_N_FEATURES = 4,
};
extern const GuestDebugFeature a64_debugger_features[A64_DEBUGGER_N_FEATURES];
