// SPDX-License-Identifier: GPL-3.0-or-later
// What is to be seen to where the guest flushes denormal numbers to zero (lower-fp.h): the host has
// no flag for a flushed operand, and asks whether a result is tiny after rounding it.
#include "engine/host/x86_64/lower-fp.h"

enum { DENORMAL_OPERAND = 1 << 7 }; // of the cumulative exceptions

// To `label` where the number, or a lane of a vector, is denormal.
static void
find_denormal (X64Lower *l, const Uop *uop, X64Vec x, bool scalar, X64Label *label)
{
  bool is_double = x64_fp_double (uop);
  unsigned bits = is_double ? 64 : 32;
  X64Asm *a = &l->a;

  if (scalar) {
    // Without its sign, less 1: zero is the greatest then.
    x64_vrr (a, is_double ? X64_VMOVQ_RX : X64_VMOVD_ST, X64_RCX, x);
    x64_alu_rr (a, X64_ADD, bits, X64_RCX, X64_RCX);
    x64_alu_ri (a, X64_SUB, bits, X64_RCX, 1);
    x64_alu_rm (a, X64_CMP, bits, X64_RCX, x64_fp_constant (l, X64_FP_DENORMALS, is_double));
    x64_jcc (a, X64_CC_B, label);
  } else {
    // The host takes it for zero, and its bits are not.
    x64_vzero (a, 0);
    x64_vrrri (a, is_double ? X64_VCMPPD : X64_VCMPPS, 1, x, 0, X64_CMP_EQ);
    x64_vrrr (a, is_double ? X64_VPADDQ : X64_VPADDD, 0, x, x);
    x64_vrr (a, X64_VPTEST, 0, 1);
    x64_jcc (a, X64_CC_NE, label);
  }
}

void
x64_fp_check_denormal (X64Lower *l, const Uop *uop, X64Vec x, bool scalar, X64Cold *special)
{
  if (x64_fp_flushes (l))
    find_denormal (l, uop, x, scalar, &special->entry);
}

static void
note_denormal (X64Lower *l, X64Cold *cold)
{
  x64_alu_mi (&l->a, X64_OR, 32, x64_state (l->layout->fp_flags), DENORMAL_OPERAND);
  x64_jmp_to (&l->a, cold->resume);
}

void
x64_fp_note_denormal (X64Lower *l, const Uop *uop, X64Vec x, bool scalar)
{
  X64Cold *cold;

  if (!x64_fp_flushes (l))
    return;
  cold = x64_cold (l, uop, note_denormal);
  find_denormal (l, uop, x, scalar, &cold->entry);
  cold->resume = l->a.p;
}

void
x64_fp_check_result (X64Lower *l, X64Cold *special, X64Vec d, bool is_double, bool scalar)
{
  X64Asm *a = &l->a;

  if (!x64_fp_flushes (l)) {
    x64_fp_check_nan (l, special, d, is_double, scalar);
  } else if (scalar) {
    x64_vrrm (a, X64_VANDPS, 1, d, x64_fp_constant (l, X64_FP_ABS_SCALAR, is_double));
    x64_vrm (a, is_double ? X64_VUCOMISD : X64_VUCOMISS, 1,
             x64_fp_constant (l, X64_FP_LEAST, is_double));
    x64_jcc (a, X64_CC_E, &special->entry); // unordered, too
  } else {
    x64_vrrm (a, X64_VANDPS, 1, d, x64_fp_constant (l, X64_FP_ABS, is_double));
    x64_vrrmi (a, is_double ? X64_VCMPPD : X64_VCMPPS, 1, 1,
               x64_fp_constant (l, X64_FP_LEAST, is_double), X64_CMP_EQ_OR_UNORDERED);
    x64_vrr (a, X64_VMOVMSKPS, X64_RCX, 1);
    x64_test_rr (a, 32, X64_RCX, X64_RCX);
    x64_jcc (a, X64_CC_NE, &special->entry);
  }
}
