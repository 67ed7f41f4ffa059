// SPDX-License-Identifier: GPL-3.0-or-later
// The decoded-block cache of one CPU. A block is a run of decoded instructions inside one 4 KiB
// page, keyed by the physical address of its first and by what decoding depended on; it does not
// depend on the virtual address, so that one block serves every mapping of its page.
//
// Code is not watched for writes. The guest says when it changed code (IC IVAU, IC IALLU:
// CTR_EL0.DIC is 0), which marks the blocks of the page; a marked block compares its words with
// memory when it is entered next, and is kept when they are the same. Owned by the vCPU thread.
#pragma once

#include "engine/guest/aarch64/cpu.h"

enum {
  A64_BLOCK_MAX = 64, // instructions
  A64_BLOCK_BUCKETS = 1 << 15,
  A64_CODE_PAGE_BUCKETS = 1 << 12,
  A64_BLOCK_ARENA_BYTES = 24 << 20,
};

typedef struct A64Block {
  struct A64Block *hash_next;
  struct A64Block *page_next; // same page
  const uint8_t *host;        // where its words are
  GuestAddr pa;
  A64Handler first; // the handler of ops[0], whatever stands there now
  uint16_t n;       // instructions
  bool fp_trapped;  // FP/SIMD instructions were replaced by the trap
  bool stale;       // ops[0] checks the words first
  _Alignas(32) A64Op ops[];
} A64Block;

typedef struct A64CodePage {
  struct A64CodePage *hash_next;
  GuestAddr pa;
  A64Block *blocks;
  bool stale; // all of them are marked
} A64CodePage;

typedef struct A64BlockCache {
  uint8_t *arena;
  size_t used_bytes;
  A64Block *empty;  // what empty jump-cache entries point to: one op, which looks cpu->pc up
  A64Block *single; // holds the one instruction of a software step
  A64Jce *no_jumps; // the jump cache of modes that look at every entry: always empty
  A64Block *buckets[A64_BLOCK_BUCKETS];
  A64CodePage *pages[A64_CODE_PAGE_BUCKETS];
} A64BlockCache;

bool a64_blocks_init (A64Cpu *cpu, GError **error);
void a64_blocks_clear (A64Cpu *cpu);
void a64_jump_cache_fill_empty (A64Cpu *cpu, A64Jce *jc);

// The block at cpu->pc, entered into the jump cache; NULL when an exception was raised instead.
A64Block *a64_block_find (A64Cpu *cpu);
// Marks the blocks of the page at `pa`, or all.
void a64_blocks_stale_page (A64Cpu *cpu, GuestAddr pa);
void a64_blocks_stale_all (A64Cpu *cpu);
// True when FP/SIMD instructions trap at the current EL.
bool a64_fp_trapped (const A64Cpu *cpu);
