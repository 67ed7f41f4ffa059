// SPDX-License-Identifier: GPL-3.0-or-later
// What the files lower-vec*.c share: integer lanes of vector registers (engine/ir/uop-simd.inc).
// Vector instructions leave EFLAGS alone. xmm0 and xmm1 are scratch within a function. Tables are
// indexed by log2 of the lanes' size.
#pragma once

#include "engine/host/x86_64/lower.h"

// 128 bits each, in the shared code.
typedef enum X64Const {
  X64_K_BYTES_1,  // each byte 1
  X64_K_BYTES_0F, // each byte 15
  X64_K_BYTES_70, // each byte 112
  X64_K_WORDS_1,  // each word 1
  X64_K_WORDS_FF, // each word 255
  X64_K_SIGN,     // + log2 (lane): the highest bit of each
  X64_K_WORDS_SIGN = X64_K_SIGN + 1,
  X64_K_DWORDS_SIGN,
  X64_K_QWORDS_SIGN,
  X64_K_QWORDS_ROUND,                // each quadword 1 << 30
  X64_K_MAX,                         // + log2 (lane): each the greatest signed number
  X64_K_DWORDS_FFFF = X64_K_MAX + 4, // each doubleword 0xffff
  X64_K_SHA1,                        // + IrSha1: each doubleword what the host adds in these rounds
  X64_K_BIT_COUNT = X64_K_SHA1 + 3,  // byte i: bits set in i
  X64_K_REVERSED_LOW,                // byte i: i reversed, as the upper half of a byte
  X64_K_REVERSED_HIGH,               // byte i: i reversed, as the lower half of a byte
  X64_K_BIT_MATRIX,                  // reverses the bits of bytes (gf2p8affineqb)
  X64_K_EVEN_BYTES,                  // the even bytes, then the odd ones (pshufb)
  X64_K_EVEN_WORDS,                  // so for words
  X64_K_REVERSE,                     // + 4 * log2 (container) + log2 (lane): pshufb
  X64_K_BYTES_LEFT = X64_K_REVERSE + 16,         // + n: each byte 255 << n
  X64_K_BYTES_RIGHT = X64_K_BYTES_LEFT + 9,      // + n: each byte 255 >> n
  X64_K_TABLE_START = X64_K_BYTES_RIGHT + 9,     // + n: each byte 16 * n
  X64_K_THREE_APART = X64_K_TABLE_START + 5,     // + 9 * log2 (lane) + 3 * register + memory
  X64_K_THREE_TOGETHER = X64_K_THREE_APART + 36, // + 9 * log2 (lane) + 3 * memory + register
  X64_K_RECIPROCALS =
      X64_K_THREE_TOGETHER + 36,        // byte i: of (256 + i) / 512, without the first bit
  X64_K_ROOTS = X64_K_RECIPROCALS + 16, // byte i: the same of square roots, i < 256: of twice that
  X64_K_N = X64_K_ROOTS + 32,
} X64Const;

void x64_emit_vector_constants (X64Asm *a);

static inline X64Mem
x64_const (const X64Lower *l, unsigned which)
{
  return x64_rip (l->stubs->vectors + 16 * which);
}

extern const X64VecOp x64_vadd[4], x64_vsub[4], x64_vcmpeq[4], x64_vcmpgt[4], x64_vbroadcast[4];
extern const X64VecOp x64_vunpack_low[4], x64_vunpack_high[4];

static inline void
x64_vones (X64Lower *l, X64Vec d)
{
  x64_vrrr (&l->a, X64_VPCMPEQD, d, d, d);
}

// Makes `xmm` the operation's result: only 64 bits of it unless UOP_Q.
static inline void
x64_vresult (X64Lower *l, const Uop *uop, X64Vec xmm)
{
  if (!(uop->flags & UOP_Q))
    x64_vrr (&l->a, X64_VMOVQ, xmm, xmm);
  x64_vput_short (l, uop->d, xmm, uop->flags & UOP_Q ? 4 : 3);
}

// imm in both halves of d; rax is used.
void x64_vimmediate (X64Lower *l, X64Vec d, uint64_t imm);
// d = lanes of s shifted; n up to their bits. xmm0 and xmm1 are used, and are not s; d may be.
void x64_vshift_left (X64Lower *l, unsigned size, X64Vec d, X64Vec s, unsigned n);
void x64_vshift_right (X64Lower *l, unsigned size, X64Vec d, X64Vec s, unsigned n, bool arithmetic);
// The even lanes of s below its odd ones.
void x64_veven_below_odd (X64Lower *l, unsigned size, X64Vec d, X64Vec s);
// Lanes of a and then b: the even ones to xmm0, the odd ones to xmm1. Not Q: of the lower halves, to
// the lower halves.
void x64_vdeinterleave (X64Lower *l, unsigned size, bool q, X64Vec a, X64Vec b);
