// SPDX-License-Identifier: GPL-3.0-or-later
// Cases for the instruction comparison: single instructions, sequences, copies and sets.
#include <glib.h>

#include "tests/differential/insn-host.h"

enum {
  ATTEMPTS_PER_CASE = 50,
  SINGLE_OLD = 1,
  SINGLE_NEW = 2,
  SEQUENCE_OLD = 4,
  SEQUENCE_NEW = 8,
  ANYWHERE = 15,
};

typedef struct Skip {
  unsigned where;
  uint32_t mask, value;
  const char *reason;
} Skip;

static const Skip skips[] = {
#define SKIP(where, mask, value, reason) {where, mask, value, reason},
#include "tests/differential/insn-skip.inc"
#undef SKIP
};

typedef struct Pattern {
  uint32_t mask, value;
} Pattern;

static bool
matches (const Pattern *patterns, size_t n, uint32_t word)
{
  for (size_t i = 0; i < n; i++) {
    if ((word & patterns[i].mask) == patterns[i].value)
      return true;
  }
  return false;
}

// Why the word is not compared where all of `where` holds, or NULL.
static const char *
skip_reason (uint32_t word, unsigned where)
{
  static const Pattern flags[] = {{0xffffff9f, 0xd500401f}}; // CFINV, XAFLAG, AXFLAG

  if (matches (flags, G_N_ELEMENTS (flags), word))
    return NULL;
  for (size_t i = 0; i < G_N_ELEMENTS (skips); i++)
    if ((skips[i].where & where) == where && (word & skips[i].mask) == skips[i].value)
      return skips[i].reason;
  return NULL;
}

bool
insn_is_judged (const InsnCase *c, bool newer, const char **reason)
{
  unsigned single = newer ? SINGLE_NEW : SINGLE_OLD, several = newer ? SEQUENCE_NEW : SEQUENCE_OLD;

  *reason = c->memory == INSN_BULK && !newer ? "QEMU 7.2 has no FEAT_MOPS" : NULL;
  for (unsigned i = 0; i < c->n && *reason == NULL && c->memory != INSN_BULK; i++)
    *reason = skip_reason (c->words[i], c->n > 1 ? several : single);
  return *reason == NULL;
}

// Overlapping registers of loads and stores whose effect is CONSTRAINED UNPREDICTABLE.
static bool
is_open (uint32_t word)
{
  unsigned rt = word & 31, rn = word >> 5 & 31, rt2 = word >> 10 & 31, rs = word >> 16 & 31;
  bool pair = (word & 0x3a000000) == 0x28000000, exclusive = (word & 0x3f000000) == 0x08000000;
  bool vector = (word & 0x0c000000) == 0x0c000000;

  if (vector)
    return pair && rt == rt2;
  if (rn == rt || (pair && (rt == rt2 || rn == rt2)))
    return true;
  return exclusive && (rs == rt || rs == rn || rs == rt2 || rt == rt2);
}

// What is relative to the PC: forms by where their immediate is, in words.
typedef struct Relative {
  Pattern pattern;
  unsigned low, bits; // 0 bits: any will do
  bool branch;
} Relative;

static const Relative *
find_relative (uint32_t word)
{
  static const Relative all[] = {
      {{0x7c000000, 0x14000000}, 0, 26, true},  // B, BL
      {{0xff000010, 0x54000000}, 5, 19, true},  // B.cond
      {{0x7e000000, 0x34000000}, 5, 19, true},  // CBZ, CBNZ
      {{0x7e000000, 0x36000000}, 5, 14, true},  // TBZ, TBNZ
      {{0x3b000000, 0x18000000}, 5, 19, false}, // literal loads
      {{0x1f000000, 0x10000000}, 0, 0, false},  // ADR, ADRP
  };

  for (size_t i = 0; i < G_N_ELEMENTS (all); i++)
    if (matches (&all[i].pattern, 1, word))
      return &all[i];
  return NULL;
}

bool
insn_is_relative (uint32_t word)
{
  return find_relative (word) != NULL;
}

// As word `index` of `n`, a branch leads forwards, at most to the end, and a load is of the slot, of
// 16 bytes at most.
static uint32_t
tame_relative (uint32_t word, unsigned index, unsigned n, uint64_t random)
{
  const Relative *r = find_relative (word);
  unsigned target = r->branch ? index + 1 + random % (n - index) : random % (INSN_WORDS_MAX - 3);
  uint32_t mask = (uint32_t) (((uint64_t) 1 << r->bits) - 1) << r->low;

  return (word & ~mask) | ((target - index) << r->low & mask);
}

// Keeps addresses within the memory, and aligned where they must be.
static uint32_t
tame (uint32_t word)
{
  if ((word & 0x3b000000) == 0x39000000) // unsigned immediate below 64
    word &= ~(0xfc0u << 10);
  if ((word & 0x3f200c00) == 0x19000000) // LDAPUR, STLUR: a multiple of 16
    word &= ~(15u << 12);
  return word;
}

// Those that are atomic or ordered fault on addresses that are not aligned: most of them are not
// given such, and some never because the emulator does not know it.
static uint8_t
wants_alignment (uint32_t word)
{
  static const Pattern strict[] = {{0x3ffffc00, 0x38bfc000}}; // LDAPR
  static const Pattern patterns[] = {
      {0x3f000000, 0x08000000}, // exclusives, CAS, load-acquire, store-release
      {0x3b200c00, 0x38200000}, // read-modify-write
      {0x3f200c00, 0x19000000}, // LDAPUR, STLUR
  };

  if (matches (strict, G_N_ELEMENTS (strict), word))
    return INSN_ALWAYS_ALIGNED;
  return matches (patterns, G_N_ELEMENTS (patterns), word) ? INSN_MOSTLY_ALIGNED : INSN_UNALIGNED;
}

// Random free bits; the register fields are from a few registers now and then, so that operands
// are the same register more often than by chance.
static uint32_t
make_word (unsigned row, uint64_t *random)
{
  uint64_t r = insn_random (random);
  uint32_t word = (uint32_t) (r >> 32), mask, value;
  unsigned flags;

  insn_row_pattern (row, &mask, &value, &flags);
  if (r % 4 == 0)
    word &= ~0x001c039cu;
  return tame ((word & ~mask) | value);
}

uint64_t
insn_row_seed (unsigned row, uint64_t seed)
{
  uint64_t hash = UINT64_C (0xcbf29ce484222325) ^ seed;

  for (const char *name = insn_row_name (row); *name != '\0'; name++)
    hash = (hash ^ (uint8_t) *name) * UINT64_C (0x100000001b3);
  return hash | 1;
}

static bool
reaches_memory (unsigned row)
{
  uint32_t mask, value;
  unsigned flags;

  insn_row_pattern (row, &mask, &value, &flags);
  return (flags & A64_F_MEM) != 0;
}

bool
insn_make_case (const InsnHost *host, unsigned row, uint64_t *random, InsnCase *c)
{
  bool memory = reaches_memory (row);
  A64Op op;

  for (unsigned i = 0; i < ATTEMPTS_PER_CASE; i++) {
    uint32_t word = make_word (row, random);

    if (skip_reason (word, ANYWHERE) != NULL || insn_is_relative (word) ||
        (memory && is_open (word)) || insn_host_decode (host, word, &op) != (int) row)
      continue;
    *c = (InsnCase){
        .words = {word},
        .n = 1,
        .memory = memory ? INSN_MEMORY : INSN_NO_MEMORY,
        .aligned = wants_alignment (word),
        .rn = word >> 5 & 31,
        .rm = word >> 16 & 31,
        .no_flush = (word & 0xfffffc00) == 0x1e7e0000, // FJCVTZS: see insn-skip.inc
        .seed = insn_random (random),
        .row = row,
    };
    return true;
  }
  return false;
}

// ---- sequences ------------------------------------------------------------------------------

// The register field at `low`, if it names an address or offset that is to last: another.
static uint32_t
spare (uint32_t word, unsigned low)
{
  unsigned r = word >> low & 31;

  return r >= 20 && r < 28 ? word ^ 16u << low : word;
}

static uint32_t
use (uint32_t word, unsigned low, unsigned first)
{
  return (word & ~(31u << low)) | (first + (word >> low & 3)) << low;
}

// Addresses from X24 to X27, offsets from X20 to X23, results in others.
static uint32_t
tame_memory (uint32_t word)
{
  bool structure = (word & 0xbe800000) == 0x0c800000; // post-indexed

  word = use (spare (word, 0), 5, 24);
  if ((word & 0x3a000000) == 0x28000000) // pairs
    word = spare (word, 10);
  if ((word & 0x3f000000) == 0x08000000) // exclusives, CAS
    word = spare (spare (word, 10), 16);
  if ((word & 0x3b200c00) == 0x38200800 || (structure && (word >> 16 & 31) != 31))
    word = use (word, 16, 20);
  return tame (word);
}

// The next of `n` words.
static bool
make_sequence_word (InsnHost *host, uint64_t *random, unsigned where, unsigned n, InsnCase *c)
{
  unsigned row = (unsigned) ((insn_random (random) >> 32) % insn_n_rows);
  uint32_t word = make_word (row, random);
  bool relative = insn_is_relative (word), memory = reaches_memory (row) && !relative;
  A64Op op;

  word = memory ? tame_memory (word) : spare (word, 0);
  if (relative)
    word = tame_relative (word, c->n, n, insn_random (random) >> 8);
  if (skip_reason (word, where) != NULL || (memory && is_open (word)) ||
      insn_host_decode (host, word, &op) != (int) row)
    return false;
  c->words[c->n++] = word;
  if (memory) {
    c->memory = INSN_BASES;
    if (wants_alignment (word) != INSN_UNALIGNED)
      c->aligned = INSN_ALWAYS_ALIGNED;
  }
  return true;
}

void
insn_make_sequence (InsnHost *host, uint64_t *random, bool newer, InsnCase *c)
{
  unsigned n = INSN_WORDS_MAX - (insn_random (random) >> 32) % 4, index;
  InsnResult result;

  *c = (InsnCase){.rd = 31, .rn = 31, .rm = 31, .seed = insn_random (random)};
  while (c->n < n)
    make_sequence_word (host, random, newer ? SEQUENCE_NEW : SEQUENCE_OLD, n, c);
  // What is behind a fault would not run.
  insn_host_run (host, c, &result);
  index = (unsigned) (result.faulted >> 8);
  if (result.faulted)
    c->n = (uint8_t) (index == 0 || insn_random (random) >> 61 == 0 ? index + 1 : index);
}

// ---- copies and sets ------------------------------------------------------------------------

void
insn_make_bulk (uint64_t *random, InsnCase *c)
{
  static const struct {
    uint32_t prologue, step, options;
  } kinds[] = {
      {0x19000400, 0x00400000, 0xf000}, // CPYF
      {0x1d000400, 0x00400000, 0xf000}, // CPY
      {0x19c00400, 0x00004000, 0x3000}, // SET
  };
  uint64_t r = insn_random (random);
  unsigned kind = (unsigned) (r >> 32) % 3, rd = (r >> 8) % 10, rn = 10 + (r >> 16) % 10;
  unsigned rm = 20 + (r >> 24) % (kind == 2 ? 12 : 11);
  uint32_t word = kinds[kind].prologue | rm << 16 | rn << 5 | rd;

  word |= (uint32_t) (r >> 40) & kinds[kind].options;
  *c = (InsnCase){
      .n = 3,
      .memory = INSN_BULK,
      .rd = (uint8_t) rd,
      .rn = (uint8_t) rn,
      .rm = (uint8_t) rm,
      .seed = insn_random (random),
  };
  for (unsigned i = 0; i < 3; i++)
    c->words[i] = word + i * kinds[kind].step;
}

// ---- results --------------------------------------------------------------------------------

// Puts aside what an aborted instruction leaves UNKNOWN; insn-skip.inc says why.
static void
forget_unknown (const InsnCase *c, InsnResult *r)
{
  static const Pattern loads[] = {
      {0x3a400000, 0x28400000}, // pairs
      {0xbe400000, 0x0c400000}, // structures
  };
  static const Pattern stores[] = {
      {0x3a400000, 0x28000000}, // pairs
      {0xbe400000, 0x0c000000}, // structures
      {0x3ac00000, 0x38000000}, // single registers
      {0xfec00000, 0x3c800000}, // of 128 bits
  };
  uint32_t word = c->words[r->faulted >> 8];
  unsigned rt = word & 31, rt2 = word >> 10 & 31;
  bool pair = (word & 0x3a000000) == 0x28000000, vector = (word & 1u << 26) != 0;

  if ((r->faulted & 0xff) != INSN_ABORTED)
    return;
  if (matches (stores, G_N_ELEMENTS (stores), word))
    r->memory_hash = 0;
  if (!matches (loads, G_N_ELEMENTS (loads), word))
    return;
  for (unsigned i = 0; i < 4 && vector; i++)
    memset (r->state.v[pair ? (i & 1 ? rt2 : rt) : (rt + i) % 32], 0, sizeof r->state.v[0]);
  if (!vector && rt < 31)
    r->state.x[rt] = 0;
  if (!vector && rt2 < 31)
    r->state.x[rt2] = 0;
}

bool
insn_is_same (const InsnCase *c, const InsnResult *a, const InsnResult *b)
{
  InsnResult ours = *a, theirs = *b;

  if (a->faulted != b->faulted)
    return false;
  if (a->faulted && c->memory == INSN_BULK)
    return a->memory_hash == b->memory_hash &&
           memcmp (a->state.x, b->state.x, sizeof a->state.x) == 0;
  forget_unknown (c, &ours);
  forget_unknown (c, &theirs);
  return memcmp (&ours, &theirs, sizeof ours) == 0;
}

uint64_t
insn_hash_result (uint64_t hash, const InsnResult *result)
{
  const uint64_t *words = (const uint64_t *) result;

  if (result->faulted)
    return hash * UINT64_C (0x9e3779b97f4a7c15) + 1;
  for (unsigned i = 0; i < sizeof *result / 8; i++)
    hash = (hash ^ words[i]) * UINT64_C (0x9e3779b97f4a7c15) + (hash >> 29);
  return hash;
}
