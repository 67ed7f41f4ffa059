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
  A64_BLOCK_BUCKET_BITS = 16,
  A64_BLOCK_BUCKETS = 1 << A64_BLOCK_BUCKET_BITS,
  A64_CODE_PAGE_BUCKETS = 1 << 12,
  A64_BLOCK_ARENA_BYTES = 24 << 20,
};

// Blocks and pages lie in the arena and name one another by their offsets in it; 0 is none. Header
// and first op share a cache line.
typedef struct A64Block {
  uint32_t hash_next;
  uint32_t page_next; // of the same page
  uint32_t page;
  uint16_t n;      // instructions
  bool fp_trapped; // FP/SIMD instructions were replaced by the trap
  bool stale;      // ops[0] checks the words first
  GuestAddr pa;
  A64Handler first; // the handler of ops[0], whatever stands there now
  A64Op ops[];
} A64Block;

typedef struct A64CodePage {
  uint32_t hash_next;
  uint32_t blocks;
  GuestAddr pa;
  const uint8_t *host;
  bool stale; // all of its blocks are marked
} A64CodePage;

typedef struct A64BlockCache {
  uint8_t *arena;
  uint32_t used_bytes;
  A64Block *empty;  // what empty jump-cache entries point to: one op, which looks cpu->pc up
  A64Block *single; // holds the one instruction of a software step
  A64Jce no_jump;   // the jump cache of modes that look at every entry: always empty
  A64Jce empty_jump;
  uint32_t buckets[A64_BLOCK_BUCKETS];
  uint32_t pages[A64_CODE_PAGE_BUCKETS];
} A64BlockCache;

bool a64_blocks_init (A64Cpu *cpu, GError **error);
void a64_blocks_clear (A64Cpu *cpu);
// The jump cache in use becomes the one that is always empty.
void a64_no_jumps (A64Cpu *cpu);
// Empties a context's jump cache, or what it knows of one page.
void a64_jump_cache_clear (A64Cpu *cpu, A64TlbContext *ctx);
void a64_jump_cache_drop_page (A64Cpu *cpu, A64TlbContext *ctx, GuestVaddr page);
// Empties all jump caches there are; empty entries lead to `code` from now on.
void a64_jump_caches_lead_to (A64Cpu *cpu, const void *code);

// The block at cpu->pc, entered into the jump cache; NULL when an exception was raised instead, or
// when the CPU translates: then *code is what to run, if it is not NULL.
A64Block *a64_block_find (A64Cpu *cpu, const void **code);
// Instructions of the running block from `op` on have not retired.
void a64_uncount (A64Cpu *cpu, const A64Op *op);
// Marks the blocks of the page at `pa`, or all.
void a64_blocks_stale_page (A64Cpu *cpu, GuestAddr pa);
void a64_blocks_stale_all (A64Cpu *cpu);
// Decodes a block of at most `max` instructions; pa, fp_trapped are set, and `words` is where the
// first one is. (block-decode.c)
void a64_block_decode (A64Block *block, const uint8_t *words, unsigned max);
// The handler of a decoded instruction: that of a trap where it is unallocated or trapped. True when
// the instruction is the last of its block.
bool a64_set_handler (A64Op *op, bool fp_trapped);
// True when FP/SIMD instructions trap at the current EL.
bool a64_fp_trapped (const A64Cpu *cpu);
