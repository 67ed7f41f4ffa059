// SPDX-License-Identifier: GPL-3.0-or-later
// The constants of lower-vec.h, written once beside the shared pieces of code.
#include "engine/host/x86_64/lower-vec.h"

typedef struct Vector {
  uint8_t b[16];
} Vector;

static Vector
repeat (uint64_t value, unsigned bytes)
{
  Vector v;

  for (unsigned i = 0; i < 16; i++)
    v.b[i] = (uint8_t) (value >> i % bytes * 8);
  return v;
}

static unsigned
reverse_4 (unsigned x)
{
  return (x & 1) << 3 | (x & 2) << 1 | (x & 4) >> 1 | (x & 8) >> 3;
}

static Vector
bits_of (unsigned which)
{
  Vector v;

  for (unsigned i = 0; i < 16; i++)
    v.b[i] = (uint8_t) (which == X64_K_BIT_COUNT      ? (unsigned) __builtin_popcount (i)
                        : which == X64_K_REVERSED_LOW ? reverse_4 (i) << 4
                                                      : reverse_4 (i));
  return v;
}

// The even lanes, then the odd ones.
static Vector
even_odd (unsigned size)
{
  Vector v;

  for (unsigned i = 0; i < 16; i++)
    v.b[i] = (uint8_t) ((i % 8 >> size << (size + 1)) + i / 8 * (1u << size) + i % (1u << size));
  return v;
}

static Vector
reversed (unsigned container, unsigned lane)
{
  Vector v;

  for (unsigned i = 0; i < 16; i++)
    v.b[i] = (uint8_t) (i ^ (((1u << container) - 1) & ~((1u << lane) - 1)));
  return v;
}

// Which bytes of block `memory` of three are those of register `r`.
static Vector
three_apart (unsigned size, unsigned r, unsigned memory)
{
  Vector v;

  for (unsigned i = 0; i < 16; i++) {
    unsigned at = (((i >> size) * 3 + r) << size) + i % (1u << size);

    v.b[i] = (uint8_t) (at / 16 == memory ? at % 16 : 0x80);
  }
  return v;
}

static Vector
three_together (unsigned size, unsigned memory, unsigned r)
{
  Vector v;

  for (unsigned i = 0; i < 16; i++) {
    unsigned element = (memory * 16 + i) >> size;

    v.b[i] = (uint8_t) (element % 3 == r ? (element / 3 << size) + i % (1u << size) : 0x80);
  }
  return v;
}

// What the Arm ARM calls RecipEstimate: the fraction of 256 * 512 / a, a of 256 to 511.
static unsigned
reciprocal (unsigned a)
{
  return (((1u << 19) / (2 * a + 1) + 1) / 2) & 0xff;
}

// RecipSqrtEstimate: by the lowest bit of the exponent and eight bits of the fraction.
static unsigned
root (unsigned index)
{
  unsigned a = 256 + index % 256, r = 512;

  a = index < 256 ? (a | 1) * 2 : a / 2 * 2 + 1;
  while (a * (r + 1) * (r + 1) < 1u << 28)
    r++;
  return ((r + 1) / 2) & 0xff;
}

static Vector
estimates (unsigned first, unsigned (*of) (unsigned))
{
  Vector v;

  for (unsigned i = 0; i < 16; i++)
    v.b[i] = (uint8_t) of (first + i);
  return v;
}

static Vector
of_table (unsigned which)
{
  unsigned n;

  if (which >= X64_K_ROOTS)
    return estimates (16 * (which - X64_K_ROOTS), root);
  if (which >= X64_K_RECIPROCALS)
    return estimates (256 + 16 * (which - X64_K_RECIPROCALS), reciprocal);
  if (which >= X64_K_THREE_TOGETHER) {
    n = which - X64_K_THREE_TOGETHER;
    return three_together (n / 9, n % 9 / 3, n % 3);
  }
  if (which >= X64_K_THREE_APART) {
    n = which - X64_K_THREE_APART;
    return three_apart (n / 9, n % 9 / 3, n % 3);
  }
  if (which >= X64_K_TABLE_START)
    return repeat (16 * (which - X64_K_TABLE_START), 1);
  if (which >= X64_K_BYTES_RIGHT)
    return repeat (0xffu >> (which - X64_K_BYTES_RIGHT), 1);
  if (which >= X64_K_BYTES_LEFT)
    return repeat (0xffu << (which - X64_K_BYTES_LEFT), 1);
  return reversed ((which - X64_K_REVERSE) / 4, (which - X64_K_REVERSE) % 4);
}

static Vector
constant (unsigned which)
{
  switch (which) {
  case X64_K_BYTES_1:
    return repeat (1, 1);
  case X64_K_BYTES_0F:
    return repeat (0x0f, 1);
  case X64_K_BYTES_70:
    return repeat (0x70, 1);
  case X64_K_WORDS_1:
    return repeat (1, 2);
  case X64_K_WORDS_FF:
    return repeat (0xff, 2);
  case X64_K_SIGN:
  case X64_K_WORDS_SIGN:
  case X64_K_DWORDS_SIGN:
  case X64_K_QWORDS_SIGN:
    return repeat (UINT64_C (0x80) << ((8u << (which - X64_K_SIGN)) - 8),
                   1u << (which - X64_K_SIGN));
  case X64_K_QWORDS_ROUND:
    return repeat (1 << 30, 8);
  case X64_K_MAX:
  case X64_K_MAX + 1:
  case X64_K_MAX + 2:
  case X64_K_MAX + 3:
    return repeat (INT64_MAX >> (64 - (8u << (which - X64_K_MAX))), 1u << (which - X64_K_MAX));
  case X64_K_DWORDS_FFFF:
    return repeat (0xffff, 4);
  case X64_K_SHA1 + IR_SHA1_CHOOSE:
    return repeat (0x5a827999, 4);
  case X64_K_SHA1 + IR_SHA1_PARITY:
    return repeat (0x6ed9eba1, 4);
  case X64_K_SHA1 + IR_SHA1_MAJORITY:
    return repeat (0x8f1bbcdc, 4);
  case X64_K_BIT_COUNT:
  case X64_K_REVERSED_LOW:
  case X64_K_REVERSED_HIGH:
    return bits_of (which);
  case X64_K_BIT_MATRIX:
    return repeat (0x8040201008040201, 8);
  case X64_K_EVEN_BYTES:
    return even_odd (0);
  case X64_K_EVEN_WORDS:
    return even_odd (1);
  default:
    return of_table (which);
  }
}

void
x64_emit_vector_constants (X64Asm *a)
{
  for (unsigned i = 0; i < X64_K_N; i++) {
    Vector v = constant (i);
    uint64_t half[2];

    memcpy (half, &v, sizeof half);
    x64_raw (a, half[0], 8);
    x64_raw (a, half[1], 8);
  }
}
