// SPDX-License-Identifier: GPL-3.0-or-later
// What the files lower-fp*.c share: operands of the three forms (UOP_SCALAR, 64 bits, UOP_Q), and
// the way to tier 0 for what the host computes otherwise than the guest.
//
// A result is made in a fresh register and checked; only then it becomes the guest's. Where it is
// a NaN, or whatever else is special, tier 0 carries the instruction out from the operands in the
// CPU's state. What the attempt added to the cumulative exceptions tier 0 adds as well.
#pragma once

#include "engine/host/x86_64/lower.h"

typedef enum X64FpConstant {
  X64_FP_MXCSR, // 32 bits for each mode: SoftfpRounding, + 4: flushed
  X64_FP_ABS,   // all bits but the sign
  X64_FP_ABS_SCALAR,
  X64_FP_SIGN,
  X64_FP_SIGN_SCALAR,
  X64_FP_INTEGERS, // from here on all numbers are integers: 2^23, 2^52
  X64_FP_2_63,     // no signed integer of 64 bits is as great
  X64_FP_HALF,
  X64_FP_ONE,
  X64_FP_DENORMALS, // without signs, doubled, less 1 they are less
  X64_FP_LEAST,     // normal number
} X64FpConstant;

// Predicates of vcmp*: equal, quiet; the others signal.
enum {
  X64_CMP_EQ = 0x00,
  X64_CMP_LT = 0x01,
  X64_CMP_LE = 0x02,
  X64_CMP_UNORDERED = 0x03,
  X64_CMP_EQ_OR_UNORDERED = 0x08, // quiet
  X64_CMP_LT_QUIET = 0x11,
  X64_CMP_GE = 0x0d,
  X64_CMP_GT = 0x0e,
};

// vround*: does not count as inexact.
enum { X64_ROUND_QUIET = 8 };

static inline bool
x64_fp_scalar (const Uop *uop)
{
  return (uop->flags & UOP_SCALAR) != 0;
}

static inline bool
x64_fp_double (const Uop *uop)
{
  return uop->aux == 3;
}

// How the guest rounds (IrRounding), and whether it flushes what is denormal to zero.
static inline unsigned
x64_fp_rounding (const X64Lower *l)
{
  return l->request->fp_mode & IR_FP_ROUNDING;
}

static inline bool
x64_fp_flushes (const X64Lower *l)
{
  return (l->request->fp_mode & IR_FP_FLUSH) != 0;
}

// log2 of the bytes of the register the uop works on.
static inline unsigned
x64_fp_span (const Uop *uop)
{
  return x64_fp_scalar (uop) ? uop->aux : uop->flags & UOP_Q ? 4 : 3;
}

// The constant for singles, or for doubles.
static inline X64Mem
x64_fp_constant (const X64Lower *l, X64FpConstant which, bool is_double)
{
  return x64_rip (l->stubs->fp_constants + 32 * which + 16 * is_double);
}

// One of {PS, PD, SS, SD}.
#define X64_FP_OPS(name)                                                                           \
  {                                                                                                \
    name##PS, name##PD, name##SS, name##SD                                                         \
  }
static inline X64VecOp
x64_fp_op (const X64VecOp ops[4], const Uop *uop)
{
  return ops[2 * x64_fp_scalar (uop) + x64_fp_double (uop)];
}

// An operand: of scalars the lowest element, else zero above what the uop works on.
X64Vec x64_fp_operand (X64Lower *l, const Uop *uop, unsigned v);
// Zero above the lowest 1 << size bytes (2, 3).
void x64_fp_shorten (X64Lower *l, X64Vec d, X64Vec s, unsigned size);
// A piece that tier 0 carries the uop out in, to be jumped to where things are special.
X64Cold *x64_fp_special (X64Lower *l, const Uop *uop);
// To it where a number, or a lane, is a NaN. xmm1 and rcx are used for lanes.
void x64_fp_check_nan (X64Lower *l, X64Cold *special, X64Vec xmm, bool is_double, bool scalar);
// The result becomes d's; `is_short`: it is zero above what the uop works on already. `special`
// comes back behind it; or NULL.
void x64_fp_put (X64Lower *l, const Uop *uop, X64Vec d, bool is_short, X64Cold *special);
// d = a rounded (IrRounding without bits), not counted as inexact; to `special` where this is not
// known to be right. xmm0 and xmm1 are used; scalar.
void x64_fp_round (X64Lower *l, const Uop *uop, X64Vec d, X64Vec a, unsigned rounding,
                   X64Cold *special);
// Where denormal numbers are flushed, before the uop raises anything: an operand, or one lane of it, is
// denormal. Either tier 0 does it all, or the host computes with zero and the exception is noted. What
// is no part of the operand must be none. EFLAGS, rcx; of vectors xmm0 and xmm1 are used.
void x64_fp_check_denormal (X64Lower *l, const Uop *uop, X64Vec x, bool scalar, X64Cold *special);
void x64_fp_note_denormal (X64Lower *l, const Uop *uop, X64Vec x, bool scalar);
// As x64_fp_check_nan, and to `special` where a result was perhaps tiny before it was rounded.
void x64_fp_check_result (X64Lower *l, X64Cold *special, X64Vec d, bool is_double, bool scalar);
