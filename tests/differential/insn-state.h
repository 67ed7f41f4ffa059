// SPDX-License-Identifier: GPL-3.0-or-later
// What the two sides of the instruction comparison share: the state of a CPU before and after one
// instruction or a few, and how it is made from a seed. Included by the host program, which runs
// our handlers, and by the guest program, which runs the instructions themselves in an emulator
// that shares no author with us. The files between them are arrays of InsnCase and InsnResult.
#pragma once

#include <stdint.h>
#include <string.h>

// The memory that loads and stores find: two pages. Base registers point into the middle. Copies
// and sets of memory have some of their own.
#define INSN_MEMORY_BASE 0x1000000000
#define INSN_BULK_BASE   0x1000100000
// Where the instructions are.
#define INSN_SLOT 0x2000000

enum {
  INSN_MEMORY_BYTES = 8192,
  INSN_MEMORY_WORDS = INSN_MEMORY_BYTES / 8,
  INSN_BULK_BYTES = 32768,
  INSN_BULK_WORDS = INSN_BULK_BYTES / 8,
  INSN_WORDS_MAX = 8, // insn-guest-run.S has as much room
};

// What of the state is made so that a case finds memory.
enum {
  INSN_NO_MEMORY,
  INSN_MEMORY, // rn is an address, rm a small number
  INSN_BASES,  // of several instructions: X24 to X27 are addresses, X20 to X23 small numbers
  INSN_BULK,   // rd and rm are addresses in the other memory, rn a size
};

// How an instruction likes its address.
enum {
  INSN_UNALIGNED,
  INSN_MOSTLY_ALIGNED,
  INSN_ALWAYS_ALIGNED,
};

// The offsets are known to insn-guest-run.S.
typedef struct InsnState {
  uint64_t x[31];
  uint64_t sp;   // 248
  uint64_t nzcv; // 256
  uint64_t fpcr;
  uint64_t fpsr;
  uint64_t reserved;
  uint64_t v[32][2]; // 288
} InsnState;

typedef struct InsnCase {
  uint32_t words[INSN_WORDS_MAX];
  uint8_t n;
  uint8_t memory;  // INSN_NO_MEMORY..
  uint8_t aligned; // INSN_UNALIGNED..
  uint8_t rd, rn, rm;
  uint8_t no_flush; // FPCR.FZ stays 0
  uint8_t reserved;
  uint64_t seed;
  uint64_t row; // of the host's table
} InsnCase;

typedef struct InsnResult {
  InsnState state;
  uint64_t memory_hash;
  uint64_t faulted; // INSN_FAULT, or 0
} InsnResult;

// Which of the instructions, and how.
enum { INSN_UNDEFINED = 1, INSN_ABORTED = 2 };
#define INSN_FAULT(index, kind) ((uint64_t) (index) << 8 | (kind))

static inline uint64_t
insn_random (uint64_t *state)
{
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return *state * UINT64_C (0x2545f4914f6cdd1d);
}

// Values that find mistakes: edges, small numbers, and anything.
static inline uint64_t
insn_integer (uint64_t *random)
{
  static const uint64_t edges[] = {
      0,          1,          2,          0x7f,       0x80,
      0xff,       0x7fff,     0x8000,     0xffff,     0x7fffffff,
      0x80000000, 0xffffffff, 1ull << 32, INT64_MAX,  1ull << 63,
      UINT64_MAX, ~1ull,      0x55555555, 0xaaaaaaaa, 0xffffffff80000000,
  };
  uint64_t r = insn_random (random) >> 8, value = insn_random (random);

  switch (r % 4) {
  case 0:
    return edges[(r >> 8) % (sizeof edges / sizeof edges[0])];
  case 1:
    return value >> (r >> 8) % 64;
  default:
    return value;
  }
}

// Eight bytes of lanes of `bits` for integer instructions: edges, shift amounts, anything.
static inline uint64_t
insn_integer_lanes (uint64_t *random, unsigned bits)
{
  uint64_t mask = UINT64_MAX >> (64 - bits), value = 0;

  for (unsigned at = 0; at < 64; at += bits) {
    uint64_t r = insn_random (random) >> 8, lane = insn_random (random) >> 8;

    switch (r % 8) {
    case 0:
      lane = mask >> 1; // greatest
      break;
    case 1:
      lane = (mask >> 1) + 1; // least
      break;
    case 2:
      lane = mask;
      break;
    case 3:
      lane = (r >> 8) % 5 - 2;
      break;
    case 4:
      lane = (r >> 8) % (2 * bits + 5) - bits - 2;
      break;
    default:
      break;
    }
    value |= (lane & mask) << at;
  }
  return value;
}

// Four lanes of half precision: specials, numbers near one, or anything.
static inline uint64_t
insn_halves (uint64_t *random)
{
  static const uint16_t halves[] = {
      0,      0x8000, 0x3c00, 0xbc00, 0x7c00, 0xfc00, 0x7e00, 0x7c01, 0xfe12, 0xfd34, 1,
      0x83ff, 0x0400, 0x7bff, 0x3800, 0x37ff, 0x4100, 0x1400, 0x7800, 0xf800, 0x5c00,
  };
  uint64_t value = 0;

  for (unsigned i = 0; i < 4; i++) {
    uint64_t r = insn_random (random) >> 8, lane = r >> 32 & 0xffff;

    if (r % 4 < 2)
      lane = halves[(r >> 8) % (sizeof halves / 2)];
    else if (r % 4 == 2)
      lane = (lane & 0x87ff) | 0x3000;
    value = value << 16 | lane;
  }
  return value;
}

// Two lanes of 32 bits, or one of 64: floating-point specials and neighbours, or anything.
static inline uint64_t
insn_lanes (uint64_t *random)
{
  static const uint32_t singles[] = {
      0,          0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000,
      0x7f800001, 0xffc12345, 0xff812345, 1,          0x807fffff, 0x00800000, 0x7f7fffff,
      0x4f000000, 0xcf000000, 0x5f000000, 0x3f000000, 0x3effffff, 0x40200000, 0x33800000,
  };
  static const uint64_t doubles[] = {
      0,
      1ull << 63,
      0x3ff0000000000000,
      0xbff0000000000000,
      0x7ff0000000000000,
      0xfff0000000000000,
      0x7ff8000000000000,
      0x7ff0000000000001,
      0xfff8123456789abc,
      0xfff0123456789abc,
      1,
      0x800fffffffffffff,
      0x0010000000000000,
      0x7fefffffffffffff,
      0x41dfffffffc00000,
      0x41e0000000000000,
      0x43e0000000000000,
      0xc3e0000000000000,
      0x3fe0000000000000,
      0x3810000000000000,
      0x36a0000000000000,
  };
  uint64_t r = insn_random (random) >> 8, value = insn_random (random);

  switch (r % 14) {
  case 0:
  case 1:
    return (uint64_t) singles[(r >> 8) % (sizeof singles / 4)] << 32 |
           singles[(r >> 16) % (sizeof singles / 4)];
  case 2:
  case 3:
    return doubles[(r >> 8) % (sizeof doubles / 8)];
  case 4: // numbers near one, so that sums round and cancel
    return (value & 0x800fffffffffffff) | (0x3f0 + (r >> 8) % 32) << 52;
  case 5:
    return (value & 0x807fffff807fffff) | (0x78 + (r >> 8) % 16) << 55 |
           (0x78 + (r >> 16) % 16) << 23;
  case 6:
  case 7:
  case 8:
  case 9:
    return insn_integer_lanes (random, 8u << (r >> 8) % 4);
  case 10:
  case 11:
    return insn_halves (random);
  default:
    return value;
  }
}

static inline uint64_t
insn_memory_word (uint64_t i)
{
  uint64_t word = (i + 1) * UINT64_C (0x9e3779b97f4a7c15);
  return word ^ word >> 29;
}

static inline unsigned
insn_memory_words (const InsnCase *c)
{
  static const unsigned words[] = {0, INSN_MEMORY_WORDS, INSN_MEMORY_WORDS, INSN_BULK_WORDS};

  return words[c->memory];
}

static inline void
insn_fill_memory (const InsnCase *c, uint64_t *memory)
{
  for (unsigned i = 0; i < insn_memory_words (c); i++)
    memory[i] = insn_memory_word (i);
}

// An address in the middle, near the boundary of the pages; now and then so near the end that
// something faults.
static inline uint64_t
insn_address (const InsnCase *c, uint64_t *random)
{
  uint64_t r = insn_random (random) >> 8, base = INSN_MEMORY_BASE + INSN_MEMORY_BYTES / 2 - 64;

  if (r % 16 == 0)
    base = INSN_MEMORY_BASE + INSN_MEMORY_BYTES - 64;
  if (c->aligned == INSN_ALWAYS_ALIGNED || r % 16 < (c->aligned == INSN_UNALIGNED ? 8 : 15))
    return base + (r >> 8) % 8 * 16;
  return base + (r >> 8) % 128;
}

// The registers of one instruction that reads or writes memory.
static inline void
insn_point_to_memory (const InsnCase *c, InsnState *s, uint64_t *random)
{
  uint64_t base = insn_address (c, random);

  if (c->rm < 31)
    s->x[c->rm] = (s->x[c->rm] & 0xffffffff00000000) * (c->words[0] >> 13 & 3 ? 0 : 1) +
                  (insn_random (random) >> 32) % 32;
  if (c->aligned && insn_random (random) >> 63) { // what a compare-and-swap looks for
    uint64_t word = (base - INSN_MEMORY_BASE) / 8;
    for (unsigned i = c->rm; i < 31 && i < c->rm + 2u; i++)
      s->x[i] = insn_memory_word (word++);
  }
  if (c->rn < 31)
    s->x[c->rn] = base;
  else
    s->sp = base;
}

// Those of a copy or set: near the ends of pages, overlapping often, now and then too long.
static inline void
insn_point_to_bulk (const InsnCase *c, InsnState *s, uint64_t *random)
{
  uint64_t r = insn_random (random) >> 8, size = (r >> 32) % 0x3000;
  uint64_t to = INSN_BULK_BASE + (r & 7) * 0x1000 + (r >> 3 & 1 ? 0xfe0 + (r >> 4) % 64 : 0);
  uint64_t from = INSN_BULK_BASE + (r >> 12 & 7) * 0x1000 + (r >> 15) % 0x1000;

  if (r >> 60 & 1)
    from = to + size / 2 - (r >> 15) % (size + 1);
  if (insn_random (random) % 16 == 0)
    size = insn_integer (random);
  s->x[c->rd] = to;
  s->x[c->rn] = size;
  if (c->rm < 31)
    s->x[c->rm] = from;
}

static inline void
insn_make_state (const InsnCase *c, InsnState *s)
{
  static const uint32_t modes[] = {
      0,       0,       0,       0,       1 << 22, 2 << 22,           3 << 22,
      1 << 24, 1 << 25, 3 << 24, 7 << 22, 1 << 19, 3 << 22 | 1 << 19, 3 << 24 | 1 << 19,
  };
  uint64_t random = c->seed * UINT64_C (0x9e3779b97f4a7c15) + 1;

  memset (s, 0, sizeof *s);
  for (unsigned i = 0; i < 31; i++)
    s->x[i] = insn_integer (&random);
  // Away from the guest program, whose signal stack it might seem to be.
  s->sp = (insn_integer (&random) & ~15ull) | 1ull << 52;
  s->nzcv = insn_random (&random) >> 60 << 28;
  if (insn_random (&random) >> 63)
    s->fpsr = insn_random (&random) & 0x0800009f;
  s->fpcr = modes[(insn_random (&random) >> 32) % (sizeof modes / 4)];
  if (c->no_flush)
    s->fpcr &= ~(1ull << 24);
  for (unsigned i = 0; i < 32; i++) {
    s->v[i][0] = insn_lanes (&random);
    s->v[i][1] = insn_lanes (&random);
  }
  if (c->memory == INSN_MEMORY)
    insn_point_to_memory (c, s, &random);
  else if (c->memory == INSN_BULK)
    insn_point_to_bulk (c, s, &random);
  for (unsigned i = 20; c->memory == INSN_BASES && i < 28; i++)
    s->x[i] = i < 24 ? (insn_random (&random) >> 32) % 32 : insn_address (c, &random);
}

static inline uint64_t
insn_hash_memory (const InsnCase *c, const uint64_t *memory)
{
  uint64_t hash = 0;

  for (unsigned i = 0; i < insn_memory_words (c); i++)
    hash = (hash ^ memory[i]) * UINT64_C (0x9e3779b97f4a7c15) + (hash >> 29);
  return hash;
}
