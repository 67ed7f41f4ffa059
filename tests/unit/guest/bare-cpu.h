// SPDX-License-Identifier: GPL-3.0-or-later
// A CPU without the rest of the engine, for tests of single handlers: two pages of memory, of which
// the first is in the TLB, and slow paths that can be told to fault and that note how they were
// called.
#pragma once

#include "engine/guest/aarch64/access.h"

#define BARE_BASE UINT64_C (0x40000000)
#define BARE_PC   UINT64_C (0xffff800008001000)

enum {
  BARE_PAGES = 2,
  BARE_BYTES = BARE_PAGES * A64_PAGE_SIZE,
};

typedef struct BareCpu {
  A64Cpu cpu;
  A64TlbContext ctx, ctx_el0;
  _Alignas(64) uint8_t memory[BARE_BYTES];
  bool fault;          // every slow access faults
  bool sp_fault;       // a64_check_sp raises
  bool stopped;        // the op after the tested one was reached
  unsigned n_slow;     // calls of slow paths
  unsigned slow_flags; // those of the last one
  bool aborted;        // a slow path raised
} BareCpu;

BareCpu *bare_cpu_new (void);
void bare_cpu_free (BareCpu *bare);
// Runs one instruction, which is at BARE_PC + 0x10. False: unallocated.
bool bare_cpu_run (BareCpu *bare, uint32_t insn);
uint64_t bare_cpu_peek (const BareCpu *bare, GuestVaddr va);
void bare_cpu_poke (BareCpu *bare, GuestVaddr va, uint64_t value);
