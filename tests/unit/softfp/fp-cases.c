// SPDX-License-Identifier: GPL-3.0-or-later
// Making and interpreting random executions; see the header. Operands lean towards the edges:
// zeros, infinities, NaNs, denormals, limits, halves, neighbours of one another, and addends that
// cancel products.
#include "tests/unit/softfp/fp-cases.h"

#include <string.h>

#include "engine/guest/aarch64/interp-fp.h"

enum { CASES_PER_WORD = 64 };

#define A64_INSN(id, mask, value, format, flags) bool a64_fmt_##format (uint32_t insn, A64Op *op);
#include "engine/guest/aarch64/decode-complex.inc"
#include "engine/guest/aarch64/decode-fp.inc"
#include "engine/guest/aarch64/decode-fp16.inc"
#include "engine/guest/aarch64/decode-simdfp.inc"
#undef A64_INSN

const FpRow fp_rows[] = {
#define A64_INSN(id, mask, value, format, flags)                                                   \
  {#id, #format, mask, value, a64_fmt_##format, a64_interp_##id},
#include "engine/guest/aarch64/decode-complex.inc"
#include "engine/guest/aarch64/decode-fp.inc"
#include "engine/guest/aarch64/decode-fp16.inc"
#include "engine/guest/aarch64/decode-simdfp.inc"
#undef A64_INSN
};

const unsigned fp_n_rows = sizeof fp_rows / sizeof fp_rows[0];

static uint64_t
next_random (uint64_t *state)
{
  uint64_t z = (*state += 0x9e3779b97f4a7c15);

  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

static unsigned
below (uint64_t *state, unsigned limit)
{
  return (next_random (state) >> 32) % limit;
}

static unsigned
frac_bits (unsigned width)
{
  return width == 64 ? 52 : width == 32 ? 23 : 10;
}

static uint64_t
float_of (unsigned width, uint64_t sign, uint64_t exp, uint64_t frac)
{
  unsigned f = frac_bits (width);

  return (sign & 1) << (width - 1) | (exp & ((1ull << (width - 1 - f)) - 1)) << f |
         (frac & ((1ull << f) - 1));
}

// A significand that is random, has few bits, or is all ones but for few. Here and below, every
// random number is drawn by a statement of its own: all compilers must make the same series.
static uint64_t
random_fraction (uint64_t *state)
{
  uint64_t bits = next_random (state), few = bits & 1ull << below (state, 52);
  unsigned position = below (state, 52), choice = below (state, 6);

  few |= 1ull << position;
  switch (choice) {
  case 0:
    return few;
  case 1:
    return ~few;
  case 2:
    return few << 49 | few;
  case 3:
    return bits & ~0ull << position;
  default:
    return bits;
  }
}

// Zeros, infinities, NaNs of both kinds, the limits of normal numbers, denormals.
static uint64_t
random_edge (unsigned width, unsigned exp_max, uint64_t sign, uint64_t frac, unsigned choice)
{
  const uint64_t quiet = 1ull << (frac_bits (width) - 1);
  const uint64_t fractions[] = {0, 0, 1, quiet, quiet | 5, 5, ~0ull, frac};
  const unsigned exps[] = {0, exp_max, exp_max - 1, 1};

  return float_of (width, sign, exps[choice % 4], fractions[choice / 4 % 8]);
}

static uint64_t
random_float (uint64_t *state, unsigned width, uint64_t previous)
{
  unsigned f = frac_bits (width), exp_max = (1u << (width - 1 - f)) - 1, bias = exp_max / 2;
  uint64_t sign = next_random (state), frac = random_fraction (state);
  unsigned choice = below (state, 10), small = below (state, 72);

  switch (choice) {
  case 0:
  case 1:
    return random_edge (width, exp_max, sign, frac, (unsigned) (sign >> 8));
  case 2: // denormals
    return float_of (width, sign, 0, frac >> small % f);
  case 3: // near the limits of the exponent
    return float_of (width, sign, sign & 2 ? exp_max - small % 8 : small, frac);
  case 4:
  case 5: // around one, and around the limits of integers
    return float_of (width, sign, bias - 4 + small, frac);
  case 6: // small integers and halves
    return float_of (width, sign, bias - 2 + small % 12, frac & ~0ull << (f - 1 - small / 12));
  case 7: // near another operand
    return previous ^ (sign & 1) << (width - 1) ^ (1ull & (sign >> 1));
  case 8:
    return float_of (width, sign, (previous >> f) - 36 + small, frac);
  default:
    return sign;
  }
}

static bool
is_half (const FpRow *row)
{
  return row->name[strlen (row->name) - 1] == 'h' || strncmp (row->name, "FML", 3) == 0;
}

// Mostly of the precision that the row's name ends with.
static unsigned
operand_width (uint64_t *state, const FpRow *row)
{
  char last = row->name[strlen (row->name) - 1];
  unsigned choice = below (state, 10);

  if (choice < 6 && (last == 's' || last == 'd'))
    return last == 's' ? 32 : 64;
  if (is_half (row) || strncmp (row->name, "FCVT_h", 6) == 0)
    return choice < 5 ? 16 : choice < 8 ? 32 : 64;
  return choice % 2 ? 32 : 64;
}

static void
random_vectors (uint64_t *state, const FpRow *row, FpState *in)
{
  unsigned width = operand_width (state, row), lanes = 64 / width;
  uint64_t previous = 0, lane_mask = width == 64 ? ~0ull : (1ull << width) - 1;
  SoftfpEnv env = {.rounding = SOFTFP_NEAREST_EVEN};

  memset (in->v, 0, sizeof in->v);
  for (unsigned half = 0; half < 2; half++)
    for (unsigned lane = 0; lane < lanes; lane++)
      for (unsigned v = 0; v < 4; v++) {
        previous = random_float (state, width, previous) & lane_mask;
        in->v[v][half] |= previous << (width * lane);
      }
  // An addend that cancels a product, or nearly so.
  if (below (state, 6) == 0) {
    unsigned addend = below (state, 4), first = below (state, 4), second = below (state, 4);

    for (unsigned half = 0; half < 2; half++) {
      uint64_t a = in->v[first][half], b = in->v[second][half];

      in->v[addend][half] = width == 64
                                ? softfp_mul64 (a, b, &env)
                                : softfp_mul32 ((uint32_t) a, (uint32_t) b, &env) |
                                      (uint64_t) softfp_mul32 (a >> 32, b >> 32, &env) << 32;
      if (below (state, 2))
        in->v[addend][half] ^= 1ull << 63 | 1ull << 31;
      in->v[addend][half] ^= below (state, 3);
    }
  }
}

static uint64_t
random_integer (uint64_t *state)
{
  uint64_t bits = random_fraction (state);
  unsigned left = below (state, 13), right = below (state, 64);

  bits = bits << left >> right;
  return below (state, 2) ? bits : -bits;
}

// Puts one of the registers that the probe loads into the field, where the word has one.
static uint32_t
set_field (uint32_t word, unsigned low, uint32_t reg)
{
  return (word & ~(0x1fu << low)) | reg << low;
}

static uint32_t
random_word (uint64_t *state, const FpRow *row)
{
  const char *f = row->format_name;
  uint32_t word = row->value | ((uint32_t) next_random (state) & ~row->mask);
  bool to_gpr = strncmp (f, "fp_to_gpr", 9) == 0, from_gpr = strncmp (f, "fp_from_gpr", 11) == 0;

  if ((row->mask & 0x1f) == 0 && strcmp (f, "fp_ccmp") != 0)
    word =
        set_field (word, 0, to_gpr ? (below (state, 8) ? below (state, 2) : 31) : below (state, 4));
  if ((row->mask >> 5 & 0x1f) == 0 && strncmp (f, "fpv_imm", 7) != 0)
    word = set_field (word, 5,
                      from_gpr ? (below (state, 8) ? below (state, 2) : 31) : below (state, 4));
  if (strcmp (f, "fp_2") == 0 || strcmp (f, "fp_3") == 0 || strcmp (f, "fp_csel") == 0 ||
      strcmp (f, "fp_ccmp") == 0 || strcmp (f, "fpv_2") == 0 ||
      strncmp (f, "fpv_element", 11) == 0 || strncmp (f, "complex", 7) == 0)
    word = set_field (word, 16, below (state, 4));
  if (strcmp (f, "fp_3") == 0)
    word = set_field (word, 10, below (state, 4));
  return word;
}

static void
stop (A64Cpu *cpu, const A64Op *op)
{
}

static void
set_env (SoftfpEnv *env, uint32_t fpcr, uint32_t fpsr)
{
  *env = (SoftfpEnv){
      .rounding = (fpcr >> 22) & 3, // the enum has FPCR.RMode's order
      .flush_to_zero = fpcr >> 24 & 1,
      .flush_to_zero_16 = fpcr >> 19 & 1,
      .default_nan = fpcr >> 25 & 1,
      .alternative_half = fpcr >> 26 & 1,
      .flags = fpsr,
  };
}

void
fp_interpret (const FpRow *row, const FpCase *test, FpState *out)
{
  static A64Cpu cpu;
  A64Op ops[2] = {{.insn = test->insn}, {.fn = stop}};

  row->format (test->insn, &ops[0]);
  memcpy (cpu.v, test->in.v, sizeof test->in.v);
  memcpy (cpu.x, test->in.x, sizeof test->in.x);
  cpu.nzcv = test->in.nzcv;
  set_env (&cpu.fp, test->fpcr, test->in.fpsr);
  row->handler (&cpu, &ops[0]);
  memcpy (out->v, cpu.v, sizeof out->v);
  memcpy (out->x, cpu.x, sizeof out->x);
  out->nzcv = cpu.nzcv;
  out->fpsr = cpu.fp.flags;
}

void
fp_series_init (FpSeries *series, const FpRow *row, uint64_t seed)
{
  *series = (FpSeries){.row = row, .random = seed};
  for (const char *p = row->name; *p != '\0'; p++)
    series->random = series->random * 31 + (unsigned char) *p;
}

void
fp_series_next (FpSeries *series, FpCase *test)
{
  uint64_t *state = &series->random;
  A64Op op;

  if (series->made++ % CASES_PER_WORD == 0) {
    do
      series->word = random_word (state, series->row);
    while (!series->row->format (series->word, &op));
  }
  *test = (FpCase){.insn = series->word};
  test->fpcr = (uint32_t) below (state, 4) << 22;
  if (below (state, 2))
    test->fpcr |= (uint32_t) below (state, 8) << 24;
  if (is_half (series->row))
    test->fpcr |= (uint32_t) below (state, 2) << 19;
  test->in.nzcv = (uint32_t) below (state, 16) << 28;
  test->in.x[0] = random_integer (state);
  test->in.x[1] = random_integer (state);
  random_vectors (state, series->row, &test->in);
}

uint64_t
fp_hash (uint64_t hash, const FpState *state)
{
  const unsigned char *bytes = (const unsigned char *) state;

  for (unsigned i = 0; i < sizeof *state; i++)
    hash = (hash ^ bytes[i]) * 0x100000001b3;
  return hash;
}

// FPToFixedJS says that a denormal flushed to zero is not equal to its result, so Z is clear; QEMU
// 7.2 sets it. And it leaves the sign of a scalar of 16 bits in the 16 bits above.
bool
fp_is_known_deviation (const FpRow *row, const FpCase *test)
{
  uint64_t magnitude;

  if (strcmp (row->name, "FCVTZS_fv_h") == 0)
    return true;
  if (strcmp (row->name, "FJCVTZS") != 0 || (test->fpcr >> 24 & 1) == 0)
    return false;
  magnitude = test->in.v[test->insn >> 5 & 3][0] << 1;
  return magnitude != 0 && magnitude < 1ull << 53;
}
