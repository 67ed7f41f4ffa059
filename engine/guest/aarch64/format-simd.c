// SPDX-License-Identifier: GPL-3.0-or-later
// Operands of the Advanced SIMD integer, permute, structure and cryptographic instructions, and
// the refusal of their reserved field combinations (Arm ARM C4.1.88, C4.1.90). Any thread.
//
// For all of them: aux[0] is log2 of the element size in bytes (the narrow one where two differ),
// aux[1] the bytes of Vd that hold the result (the others become zero). Further aux fields and
// imm are told at each function. interp-simd.h reads them.
#include "engine/guest/aarch64/format.h"

#define A64_INSN(id, mask, value, format, flags) bool a64_fmt_##format (uint32_t insn, A64Op *op);
#include "engine/guest/aarch64/decode-crypto.inc"
#include "engine/guest/aarch64/decode-simd.inc"
#undef A64_INSN

enum { B = 0, H = 1, S = 2, D = 3 }; // log2 of element sizes

static void
set_registers (uint32_t insn, A64Op *op)
{
  op->rd = a64_field (insn, 0, 5);
  op->rn = a64_field (insn, 5, 5);
  op->rm = a64_field (insn, 16, 5);
}

// Registers, size from bits 23:22, and the width from Q.
static void
set_vector (uint32_t insn, A64Op *op)
{
  set_registers (insn, op);
  op->aux[0] = a64_field (insn, 22, 2);
  op->aux[1] = a64_field (insn, 30, 1) ? 16 : 8;
}

static void
set_scalar (uint32_t insn, A64Op *op)
{
  set_registers (insn, op);
  op->aux[0] = a64_field (insn, 22, 2);
  op->aux[1] = 1u << op->aux[0];
}

static bool
half_or_single (const A64Op *op)
{
  return op->aux[0] == H || op->aux[0] == S;
}

// One D element needs a Q register in the vector forms.
static bool
not_1d (const A64Op *op)
{
  return op->aux[0] != D || op->aux[1] == 16;
}

// Three registers of the same kind, and the miscellaneous ones with two. -----------------------

bool
a64_fmt_simd_same (uint32_t insn, A64Op *op)
{
  set_vector (insn, op);
  return op->aux[0] != D;
}

bool
a64_fmt_simd_same_d (uint32_t insn, A64Op *op)
{
  set_vector (insn, op);
  return not_1d (op);
}

bool
a64_fmt_simd_same_b (uint32_t insn, A64Op *op)
{
  set_vector (insn, op);
  return op->aux[0] == B;
}

bool
a64_fmt_simd_same_hs (uint32_t insn, A64Op *op)
{
  set_vector (insn, op);
  return half_or_single (op);
}

bool
a64_fmt_simd_same_s (uint32_t insn, A64Op *op)
{
  set_scalar (insn, op);
  return true;
}

bool
a64_fmt_simd_same_sd (uint32_t insn, A64Op *op)
{
  set_scalar (insn, op);
  return op->aux[0] == D;
}

bool
a64_fmt_simd_same_shs (uint32_t insn, A64Op *op)
{
  set_scalar (insn, op);
  return half_or_single (op);
}

bool
a64_fmt_simd_logic (uint32_t insn, A64Op *op)
{
  set_vector (insn, op);
  op->aux[0] = B;
  return true;
}

bool
a64_fmt_simd_dot (uint32_t insn, A64Op *op)
{
  set_vector (insn, op);
  return true;
}

bool
a64_fmt_simd_misc (uint32_t insn, A64Op *op)
{
  return a64_fmt_simd_same (insn, op);
}

bool
a64_fmt_simd_misc_d (uint32_t insn, A64Op *op)
{
  return a64_fmt_simd_same_d (insn, op);
}

bool
a64_fmt_simd_misc_b (uint32_t insn, A64Op *op)
{
  return a64_fmt_simd_same_b (insn, op);
}

bool
a64_fmt_simd_misc_bh (uint32_t insn, A64Op *op)
{
  set_vector (insn, op);
  return op->aux[0] <= H;
}

bool
a64_fmt_simd_misc_s (uint32_t insn, A64Op *op)
{
  return a64_fmt_simd_same_s (insn, op);
}

bool
a64_fmt_simd_misc_sd (uint32_t insn, A64Op *op)
{
  return a64_fmt_simd_same_sd (insn, op);
}

bool
a64_fmt_simd_rbit (uint32_t insn, A64Op *op)
{
  return a64_fmt_simd_logic (insn, op);
}

// aux[1]: the bytes that are read; the result is one element (or one twice as wide).
bool
a64_fmt_simd_across (uint32_t insn, A64Op *op)
{
  set_vector (insn, op);
  return op->aux[0] <= H || (op->aux[0] == S && op->aux[1] == 16);
}

bool
a64_fmt_simd_addp_s (uint32_t insn, A64Op *op)
{
  set_scalar (insn, op);
  return true;
}

// Long, wide, narrow. --------------------------------------------------------------------------

// aux[2]: the "2" form, which reads or writes the upper half on the narrow side.
static void
set_halves (uint32_t insn, A64Op *op)
{
  set_vector (insn, op);
  op->aux[1] = 16;
  op->aux[2] = a64_field (insn, 30, 1);
}

bool
a64_fmt_simd_diff (uint32_t insn, A64Op *op)
{
  set_halves (insn, op);
  return op->aux[0] != D;
}

bool
a64_fmt_simd_diff_hs (uint32_t insn, A64Op *op)
{
  set_halves (insn, op);
  return half_or_single (op);
}

bool
a64_fmt_simd_diff_shs (uint32_t insn, A64Op *op)
{
  set_scalar (insn, op);
  op->aux[1] *= 2;
  return half_or_single (op);
}

bool
a64_fmt_simd_xtn (uint32_t insn, A64Op *op)
{
  return a64_fmt_simd_diff (insn, op);
}

bool
a64_fmt_simd_xtn_s (uint32_t insn, A64Op *op)
{
  set_scalar (insn, op);
  return op->aux[0] != D;
}

// By element. aux[3]: the index into Vm. -------------------------------------------------------

static bool
set_element (uint32_t insn, A64Op *op)
{
  unsigned h = a64_field (insn, 11, 1), l = a64_field (insn, 21, 1), m = a64_field (insn, 20, 1);

  if (op->aux[0] == H) {
    op->rm = a64_field (insn, 16, 4);
    op->aux[3] = h << 2 | l << 1 | m;
  } else {
    op->aux[3] = h << 1 | l;
  }
  return half_or_single (op);
}

bool
a64_fmt_simd_elem (uint32_t insn, A64Op *op)
{
  set_vector (insn, op);
  return set_element (insn, op);
}

bool
a64_fmt_simd_elem_s (uint32_t insn, A64Op *op)
{
  set_scalar (insn, op);
  return set_element (insn, op);
}

bool
a64_fmt_simd_elem_long (uint32_t insn, A64Op *op)
{
  set_halves (insn, op);
  return set_element (insn, op);
}

bool
a64_fmt_simd_elem_long_s (uint32_t insn, A64Op *op)
{
  set_scalar (insn, op);
  op->aux[1] *= 2;
  return set_element (insn, op);
}

bool
a64_fmt_simd_elem_dot (uint32_t insn, A64Op *op)
{
  set_vector (insn, op);
  return set_element (insn, op);
}

// Shifts by immediate. imm: the amount. --------------------------------------------------------

// immh:immb is esize + shift to the left, 2 * esize - shift to the right. immh is 0 for the
// modified immediates, which are other rows.
static bool
set_shift (uint32_t insn, A64Op *op, bool left)
{
  unsigned immh = a64_field (insn, 19, 4), value = a64_field (insn, 16, 7), bits;

  if (immh == 0)
    return false;
  op->rd = a64_field (insn, 0, 5);
  op->rn = a64_field (insn, 5, 5);
  op->aux[0] = 31 - __builtin_clz (immh);
  op->aux[1] = a64_field (insn, 30, 1) ? 16 : 8;
  bits = 8u << op->aux[0];
  op->imm = left ? value - bits : 2 * bits - value;
  return true;
}

static bool
set_shift_scalar (uint32_t insn, A64Op *op, bool left)
{
  bool ok = set_shift (insn, op, left);
  op->aux[1] = 1u << op->aux[0];
  return ok;
}

bool
a64_fmt_simd_shr (uint32_t insn, A64Op *op)
{
  return set_shift (insn, op, false) && not_1d (op);
}

bool
a64_fmt_simd_shl (uint32_t insn, A64Op *op)
{
  return set_shift (insn, op, true) && not_1d (op);
}

bool
a64_fmt_simd_shr_sd (uint32_t insn, A64Op *op)
{
  return set_shift_scalar (insn, op, false) && op->aux[0] == D;
}

bool
a64_fmt_simd_shl_sd (uint32_t insn, A64Op *op)
{
  return set_shift_scalar (insn, op, true) && op->aux[0] == D;
}

bool
a64_fmt_simd_shl_s (uint32_t insn, A64Op *op)
{
  return set_shift_scalar (insn, op, true);
}

bool
a64_fmt_simd_shrn (uint32_t insn, A64Op *op)
{
  bool ok = set_shift (insn, op, false);

  op->aux[1] = 16;
  op->aux[2] = a64_field (insn, 30, 1);
  return ok && op->aux[0] != D;
}

bool
a64_fmt_simd_shrn_s (uint32_t insn, A64Op *op)
{
  return set_shift_scalar (insn, op, false) && op->aux[0] != D;
}

bool
a64_fmt_simd_shll (uint32_t insn, A64Op *op)
{
  bool ok = set_shift (insn, op, true);

  op->aux[1] = 16;
  op->aux[2] = a64_field (insn, 30, 1);
  return ok && op->aux[0] != D;
}

// Modified immediates. imm: one D element of the operand. --------------------------------------

static uint64_t
expand_immediate (unsigned cmode, uint64_t imm8)
{
  if (cmode < 8) // 32-bit elements, the byte in one of four places
    return (imm8 << (cmode / 2 * 8)) * 0x0000000100000001u;
  if (cmode < 12) // 16-bit elements
    return (imm8 << (cmode / 2 % 2 * 8)) * 0x0001000100010001u;
  if (cmode == 12) // 32-bit elements, ones shifted in
    return (imm8 << 8 | 0xff) * 0x0000000100000001u;
  if (cmode == 13)
    return (imm8 << 16 | 0xffff) * 0x0000000100000001u;
  return imm8 * 0x0101010101010101u;
}

static unsigned
set_modified_immediate (uint32_t insn, A64Op *op)
{
  unsigned cmode = a64_field (insn, 12, 4);
  uint64_t value = expand_immediate (cmode, a64_field (insn, 16, 3) << 5 | a64_field (insn, 5, 5));

  op->rd = a64_field (insn, 0, 5);
  op->aux[1] = a64_field (insn, 30, 1) ? 16 : 8;
  op->imm = (int64_t) (a64_field (insn, 29, 1) ? ~value : value);
  return cmode;
}

bool
a64_fmt_simd_movi (uint32_t insn, A64Op *op)
{
  unsigned cmode = set_modified_immediate (insn, op);

  if (cmode < 12)
    return cmode % 2 == 0;
  return cmode < 14 || (cmode == 14 && a64_field (insn, 29, 1) == 0);
}

// Each bit of the immediate gives a byte.
bool
a64_fmt_simd_movi_d (uint32_t insn, A64Op *op)
{
  unsigned imm8 = a64_field (insn, 16, 3) << 5 | a64_field (insn, 5, 5);
  uint64_t value = 0;

  for (unsigned i = 0; i < 8; i++) {
    if (imm8 >> i & 1)
      value |= (uint64_t) 0xff << (8 * i);
  }
  op->rd = a64_field (insn, 0, 5);
  op->aux[1] = a64_field (insn, 30, 1) ? 16 : 8;
  op->imm = (int64_t) value;
  return true;
}

// The row fixes the lowest bit of cmode.
bool
a64_fmt_simd_orr_imm (uint32_t insn, A64Op *op)
{
  return set_modified_immediate (insn, op) < 12;
}

// Copies. aux[2]: the index of the element of Vn (DUP, SMOV, UMOV) or Vd (INS). -----------------

// The lowest bit set in imm5 is the element size, the bits above it the index.
static bool
set_imm5 (uint32_t insn, A64Op *op)
{
  unsigned imm5 = a64_field (insn, 16, 5);

  if ((imm5 & 15) == 0)
    return false;
  op->rd = a64_field (insn, 0, 5);
  op->rn = a64_field (insn, 5, 5);
  op->aux[0] = __builtin_ctz (imm5);
  op->aux[1] = a64_field (insn, 30, 1) ? 16 : 8;
  op->aux[2] = imm5 >> (op->aux[0] + 1);
  return true;
}

// As set_imm5 where Rn is a general register, and register 31 of them is zero.
static bool
set_imm5_from_general (uint32_t insn, A64Op *op)
{
  bool ok = set_imm5 (insn, op);

  op->rn = a64_source (insn, 5);
  return ok;
}

bool
a64_fmt_simd_dup (uint32_t insn, A64Op *op)
{
  return set_imm5 (insn, op) && not_1d (op);
}

bool
a64_fmt_simd_dup_s (uint32_t insn, A64Op *op)
{
  bool ok = set_imm5 (insn, op);

  op->aux[1] = 1u << op->aux[0];
  return ok;
}

bool
a64_fmt_simd_dup_gen (uint32_t insn, A64Op *op)
{
  return set_imm5_from_general (insn, op) && not_1d (op);
}

bool
a64_fmt_simd_ins_gen (uint32_t insn, A64Op *op)
{
  return set_imm5_from_general (insn, op);
}

// aux[3]: the index of the element of Vn.
bool
a64_fmt_simd_ins (uint32_t insn, A64Op *op)
{
  bool ok = set_imm5 (insn, op);

  op->aux[3] = a64_field (insn, 11, 4) >> op->aux[0];
  return ok;
}

bool
a64_fmt_simd_smov (uint32_t insn, A64Op *op)
{
  bool ok = set_imm5 (insn, op);

  op->rd = a64_destination (insn, 0);
  return ok && op->aux[0] < (op->aux[1] == 16 ? D : S);
}

bool
a64_fmt_simd_umov (uint32_t insn, A64Op *op)
{
  bool ok = set_imm5 (insn, op);

  op->rd = a64_destination (insn, 0);
  return ok && (op->aux[0] == D) == (op->aux[1] == 16);
}

// Permutations. --------------------------------------------------------------------------------

// aux[2]: the first byte taken.
bool
a64_fmt_simd_ext (uint32_t insn, A64Op *op)
{
  set_vector (insn, op);
  op->aux[0] = B;
  op->aux[2] = a64_field (insn, 11, 4);
  return op->aux[2] < op->aux[1];
}

// aux[2]: table registers.
bool
a64_fmt_simd_tbl (uint32_t insn, A64Op *op)
{
  set_vector (insn, op);
  op->aux[0] = B;
  op->aux[2] = a64_field (insn, 13, 2) + 1;
  return true;
}

bool
a64_fmt_simd_permute (uint32_t insn, A64Op *op)
{
  set_vector (insn, op);
  return not_1d (op);
}

// Structure loads and stores. rd: the first register; aux[1]: bytes of each; aux[2]: registers.
// The base becomes x[rn] + imm + x[rm] afterwards: the latter two are 0 without post-index. -----

static bool
set_memory (uint32_t insn, A64Op *op, unsigned total_bytes)
{
  bool post = a64_field (insn, 23, 1);
  unsigned rm = a64_field (insn, 16, 5);

  op->rd = a64_field (insn, 0, 5);
  op->rn = a64_field (insn, 5, 5);
  op->rm = post && rm != 31 ? rm : A64_ZR;
  op->imm = post && rm == 31 ? total_bytes : 0;
  return post || rm == 0;
}

bool
a64_fmt_simd_mem_plain (uint32_t insn, A64Op *op)
{
  static const uint8_t n_registers[16] = {[7] = 1, [10] = 2, [6] = 3, [2] = 4};

  op->aux[0] = a64_field (insn, 10, 2);
  op->aux[1] = a64_field (insn, 30, 1) ? 16 : 8;
  op->aux[2] = n_registers[a64_field (insn, 12, 4)];
  return set_memory (insn, op, op->aux[1] * op->aux[2]);
}

bool
a64_fmt_simd_mem_multi (uint32_t insn, A64Op *op)
{
  static const uint8_t n_registers[16] = {[8] = 2, [4] = 3, [0] = 4};

  op->aux[0] = a64_field (insn, 10, 2);
  op->aux[1] = a64_field (insn, 30, 1) ? 16 : 8;
  op->aux[2] = n_registers[a64_field (insn, 12, 4)];
  return set_memory (insn, op, op->aux[1] * op->aux[2]) && not_1d (op);
}

// aux[3]: the index of the lane, made of Q, S and what the element size leaves of `size`.
bool
a64_fmt_simd_mem_lane (uint32_t insn, A64Op *op)
{
  unsigned index =
      a64_field (insn, 30, 1) << 3 | a64_field (insn, 12, 1) << 2 | a64_field (insn, 10, 2);
  unsigned scale = a64_field (insn, 14, 2);

  if (scale == 3)
    return false;
  if (scale == H && index & 1)
    return false;
  if (scale == S && index & 3) {
    if ((index & 7) != 1)
      return false;
    scale = D;
  }
  op->aux[0] = scale;
  op->aux[1] = 16;
  op->aux[2] = (a64_field (insn, 13, 1) << 1 | a64_field (insn, 21, 1)) + 1;
  op->aux[3] = index >> scale;
  return set_memory (insn, op, op->aux[2] << scale);
}

bool
a64_fmt_simd_mem_dup (uint32_t insn, A64Op *op)
{
  op->aux[0] = a64_field (insn, 10, 2);
  op->aux[1] = a64_field (insn, 30, 1) ? 16 : 8;
  op->aux[2] = (a64_field (insn, 13, 1) << 1 | a64_field (insn, 21, 1)) + 1;
  return set_memory (insn, op, op->aux[2] << op->aux[0]);
}

// Cryptography. --------------------------------------------------------------------------------

bool
a64_fmt_crypto_2 (uint32_t insn, A64Op *op)
{
  set_registers (insn, op);
  return true;
}

bool
a64_fmt_crypto_3 (uint32_t insn, A64Op *op)
{
  set_registers (insn, op);
  return true;
}

// aux[2]: the "2" form, which reads the upper halves.
bool
a64_fmt_crypto_pmull (uint32_t insn, A64Op *op)
{
  set_halves (insn, op);
  return true;
}
