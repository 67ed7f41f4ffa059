// SPDX-License-Identifier: GPL-3.0-or-later
// Shifts, bit fields, multiplication, division, counting and reversing (lower.h).
#include "engine/host/x86_64/lower.h"

// ---- shifts ---------------------------------------------------------------------------------

// shlx and its like take the count modulo the width, as the guest does, and leave EFLAGS alone.
static void
shift_by_register (X64Lower *l, const Uop *uop, enum X64BmiShift op)
{
  unsigned b = x64_use (l, uop->b, X64_RCX), a = x64_use (l, uop->a, X64_RAX);
  unsigned d = x64_target (uop->d, X64_RAX);

  x64_shiftx_rrr (&l->a, op, x64_bits (uop), d, a, b);
  x64_put (l, uop->d, d);
}

void
x64_lower_SHL (X64Lower *l, const Uop *uop)
{
  shift_by_register (l, uop, X64_SHLX);
}

void
x64_lower_SHR (X64Lower *l, const Uop *uop)
{
  shift_by_register (l, uop, X64_SHRX);
}

void
x64_lower_SAR (X64Lower *l, const Uop *uop)
{
  shift_by_register (l, uop, X64_SARX);
}

void
x64_lower_ROR (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  x64_copy_to (l, X64_RCX, uop->b);
  x64_copy_to (l, X64_RAX, uop->a);
  x64_shift_cl (&l->a, X64_ROR, x64_bits (uop), X64_RAX);
  x64_put (l, uop->d, X64_RAX);
}

void
x64_lower_EXTR (X64Lower *l, const Uop *uop)
{
  unsigned bits = x64_bits (uop), d;

  if (uop->a == uop->b) {
    unsigned a = x64_use (l, uop->a, X64_RAX);

    d = x64_target (uop->d, X64_RAX);
    x64_rorx_rri (&l->a, bits, d, a, uop->aux);
    x64_put (l, uop->d, d);
    return;
  }
  x64_clobber (l, uop);
  unsigned a = x64_use (l, uop->a, X64_RCX);
  x64_copy_to (l, X64_RAX, uop->b);
  if (uop->aux != 0)
    x64_shrd_rri (&l->a, bits, X64_RAX, a, uop->aux);
  else if (bits == 32)
    x64_mov_rr (&l->a, 32, X64_RAX, X64_RAX);
  x64_put (l, uop->d, X64_RAX);
}

// ---- bit fields (Arm ARM C6.2: UBFM, SBFM, BFM) ---------------------------------------------

// Keeps the low `width` bits of the register, 0 < width < bits.
static void
keep_low (X64Lower *l, unsigned host, unsigned width)
{
  if (width == 8 || width == 16 || width == 32) {
    x64_movzx_rr (&l->a, width, host, host);
  } else if (width < 32) {
    x64_alu_ri (&l->a, X64_AND, 32, host, (int32_t) ((1u << width) - 1));
  } else {
    x64_shift_ri (&l->a, X64_SHL, 64, host, 64 - width);
    x64_shift_ri (&l->a, X64_SHR, 64, host, 64 - width);
  }
}

// The field at the bottom of `host`, zero-extended: bits imms:immr of a.
static void
extract (X64Lower *l, const Uop *uop, unsigned host)
{
  unsigned bits = x64_bits (uop), r = uop->aux, width = uop->aux2 - r + 1;

  if (r == 0 && (width == 8 || width == 16 || width == 32)) {
    x64_movzx_rr (&l->a, width, host, x64_use (l, uop->a, host));
    return;
  }
  x64_copy_to (l, host, uop->a);
  if (r != 0)
    x64_shift_ri (&l->a, X64_SHR, bits, host, r);
  if (uop->aux2 != bits - 1)
    keep_low (l, host, width);
}

// UBFM with imms == immr - 1: a shift to the left.
static void
shift_left (X64Lower *l, const Uop *uop, unsigned d)
{
  unsigned bits = x64_bits (uop), amount = bits - uop->aux;

  if (amount <= 3) {
    unsigned a = x64_use (l, uop->a, X64_RAX);

    x64_lea (&l->a, bits, d, x64_mem_scaled (a, amount, 0));
    return;
  }
  x64_clobber (l, uop);
  x64_copy_to (l, d, uop->a);
  x64_shift_ri (&l->a, X64_SHL, bits, d, amount);
}

// Whether the uop is a move of the low byte, halfword or word, which needs no EFLAGS.
static bool
is_extension (const Uop *uop)
{
  return uop->aux == 0 && (uop->aux2 == 7 || uop->aux2 == 15 || uop->aux2 == 31);
}

void
x64_lower_UBFM (X64Lower *l, const Uop *uop)
{
  unsigned bits = x64_bits (uop), d = x64_target (uop->d, X64_RAX);

  if (uop->aux2 + 1 == uop->aux) {
    shift_left (l, uop, d);
  } else if (uop->aux2 >= uop->aux) {
    if (!is_extension (uop))
      x64_clobber (l, uop);
    extract (l, uop, d);
  } else {
    x64_clobber (l, uop);
    x64_copy_to (l, d, uop->a);
    keep_low (l, d, uop->aux2 + 1u);
    x64_shift_ri (&l->a, X64_SHL, bits, d, bits - uop->aux);
  }
  x64_put (l, uop->d, d);
}

void
x64_lower_SBFM (X64Lower *l, const Uop *uop)
{
  unsigned bits = x64_bits (uop), d = x64_target (uop->d, X64_RAX);
  unsigned up = bits - 1 - uop->aux2;
  unsigned down = uop->aux2 >= uop->aux ? up + uop->aux : uop->aux - uop->aux2 - 1u;

  if (is_extension (uop)) {
    unsigned a = x64_use (l, uop->a, X64_RAX);

    if (uop->aux2 == bits - 1)
      x64_mov_rr (&l->a, bits, d, a);
    else
      x64_movsx_rr (&l->a, uop->aux2 + 1u, bits, d, a);
  } else {
    x64_clobber (l, uop);
    x64_copy_to (l, d, uop->a);
    if (up != 0)
      x64_shift_ri (&l->a, X64_SHL, bits, d, up);
    if (down != 0)
      x64_shift_ri (&l->a, X64_SAR, bits, d, down);
    else if (up == 0 && bits == 32)
      x64_mov_rr (&l->a, 32, d, d);
  }
  x64_put (l, uop->d, d);
}

static void
and_mask (X64Lower *l, unsigned host, uint64_t mask, unsigned scratch)
{
  if (x64_fits32 ((int64_t) mask)) {
    x64_alu_ri (&l->a, X64_AND, 64, host, (int32_t) mask);
  } else {
    x64_mov_ri (&l->a, scratch, mask);
    x64_alu_rr (&l->a, X64_AND, 64, host, scratch);
  }
}

// d keeps what is outside the field.
void
x64_lower_BFM (X64Lower *l, const Uop *uop)
{
  unsigned bits = x64_bits (uop), lsb = 0, width;
  uint64_t all = bits == 64 ? ~UINT64_C (0) : UINT32_MAX, field;

  x64_clobber (l, uop);
  if (uop->aux2 >= uop->aux) {
    width = uop->aux2 - uop->aux + 1u;
    extract (l, uop, X64_RAX);
  } else {
    width = uop->aux2 + 1u;
    lsb = bits - uop->aux;
    x64_copy_to (l, X64_RAX, uop->a);
    if (width + lsb < bits)
      keep_low (l, X64_RAX, width);
    x64_shift_ri (&l->a, X64_SHL, bits, X64_RAX, lsb);
  }
  field = (width == 64 ? ~UINT64_C (0) : (UINT64_C (1) << width) - 1) << lsb;
  x64_copy_to (l, X64_RDX, uop->d);
  and_mask (l, X64_RDX, all & ~field, X64_RCX);
  x64_alu_rr (&l->a, X64_OR, bits, X64_RDX, X64_RAX);
  x64_put (l, uop->d, X64_RDX);
}

// ---- multiplication and division ------------------------------------------------------------

// rax = a * b
static void
multiply (X64Lower *l, const Uop *uop)
{
  unsigned bits = x64_bits (uop);

  x64_copy_to (l, X64_RAX, uop->a);
  if (x64_pinned (uop->b))
    x64_imul_rr (&l->a, bits, X64_RAX, (unsigned) x64_pins[uop->b]);
  else
    x64_imul_rm (&l->a, bits, X64_RAX, x64_home (l, uop->b));
}

// d = c + rax, or c - rax
static void
accumulate (X64Lower *l, const Uop *uop, bool subtract, unsigned bits)
{
  if (uop->c == IR_ZERO) {
    if (subtract)
      x64_unary_r (&l->a, X64_NEG, bits, X64_RAX);
    x64_put (l, uop->d, X64_RAX);
    return;
  }
  if (subtract) {
    x64_copy_to (l, X64_RCX, uop->c);
    x64_alu_rr (&l->a, X64_SUB, bits, X64_RCX, X64_RAX);
    x64_put (l, uop->d, X64_RCX);
    return;
  }
  unsigned c = x64_use (l, uop->c, X64_RCX), d = x64_target (uop->d, X64_RAX);
  x64_lea (&l->a, bits, d, x64_mem_index (c, X64_RAX, 0, 0));
  x64_put (l, uop->d, d);
}

void
x64_lower_MADD (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  multiply (l, uop);
  accumulate (l, uop, false, x64_bits (uop));
}

void
x64_lower_MSUB (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  multiply (l, uop);
  accumulate (l, uop, true, x64_bits (uop));
}

// rax = the product of the low words, as `sign` says.
static void
multiply_words (X64Lower *l, const Uop *uop, bool is_signed)
{
  unsigned a = x64_use (l, uop->a, X64_RAX), b = x64_use (l, uop->b, X64_RCX);

  if (is_signed) {
    x64_movsx_rr (&l->a, 32, 64, X64_RCX, b);
    x64_movsx_rr (&l->a, 32, 64, X64_RAX, a);
  } else {
    x64_mov_rr (&l->a, 32, X64_RCX, b);
    x64_mov_rr (&l->a, 32, X64_RAX, a);
  }
  x64_imul_rr (&l->a, 64, X64_RAX, X64_RCX);
}

void
x64_lower_SMADDL (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  multiply_words (l, uop, true);
  accumulate (l, uop, false, 64);
}

void
x64_lower_SMSUBL (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  multiply_words (l, uop, true);
  accumulate (l, uop, true, 64);
}

void
x64_lower_UMADDL (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  multiply_words (l, uop, false);
  accumulate (l, uop, false, 64);
}

void
x64_lower_UMSUBL (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  multiply_words (l, uop, false);
  accumulate (l, uop, true, 64);
}

static void
high_half (X64Lower *l, const Uop *uop, enum X64Unary op)
{
  x64_clobber (l, uop);
  x64_copy_to (l, X64_RAX, uop->a);
  if (x64_pinned (uop->b))
    x64_unary_r (&l->a, op, 64, (unsigned) x64_pins[uop->b]);
  else
    x64_unary_m (&l->a, op, 64, x64_home (l, uop->b));
  x64_put (l, uop->d, X64_RDX);
}

void
x64_lower_SMULH (X64Lower *l, const Uop *uop)
{
  high_half (l, uop, X64_IMUL);
}

void
x64_lower_UMULH (X64Lower *l, const Uop *uop)
{
  high_half (l, uop, X64_MUL);
}

// b is in rcx, a in rax; zero comes out of a division by zero.
static void
divide_unless_zero (X64Lower *l, const Uop *uop, bool is_signed)
{
  unsigned bits = x64_bits (uop);
  X64Short zero = {0}, minus = {0}, done = {0}, also_done = {0};

  x64_copy_to (l, X64_RCX, uop->b);
  x64_copy_to (l, X64_RAX, uop->a);
  x64_test_rr (&l->a, bits, X64_RCX, X64_RCX);
  x64_jcc_short (&l->a, X64_CC_E, &zero);
  if (is_signed) {
    x64_alu_ri (&l->a, X64_CMP, bits, X64_RCX, -1);
    x64_jcc_short (&l->a, X64_CC_E, &minus);
    x64_cqo (&l->a, bits);
    x64_unary_r (&l->a, X64_IDIV, bits, X64_RCX);
  } else {
    x64_alu_rr (&l->a, X64_XOR, 32, X64_RDX, X64_RDX);
    x64_unary_r (&l->a, X64_DIV, bits, X64_RCX);
  }
  x64_jmp_short (&l->a, &done);
  if (is_signed) {
    // The minimum stays what it is.
    x64_bind_short (&l->a, &minus);
    x64_unary_r (&l->a, X64_NEG, bits, X64_RAX);
    x64_jmp_short (&l->a, &also_done);
  }
  x64_bind_short (&l->a, &zero);
  x64_alu_rr (&l->a, X64_XOR, 32, X64_RAX, X64_RAX);
  x64_bind_short (&l->a, &done);
  if (is_signed)
    x64_bind_short (&l->a, &also_done);
  x64_put (l, uop->d, X64_RAX);
}

void
x64_lower_UDIV (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  divide_unless_zero (l, uop, false);
}

void
x64_lower_SDIV (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  divide_unless_zero (l, uop, true);
}

// ---- one source -----------------------------------------------------------------------------

void
x64_lower_CLZ (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  unsigned a = x64_use (l, uop->a, X64_RAX), d = x64_target (uop->d, X64_RAX);
  x64_count_rr (&l->a, X64_LZCNT, x64_bits (uop), d, a);
  x64_put (l, uop->d, d);
}

// Where a bit differs from the one above it; the sign itself is not counted.
void
x64_lower_CLS (X64Lower *l, const Uop *uop)
{
  unsigned bits = x64_bits (uop);

  x64_clobber (l, uop);
  x64_copy_to (l, X64_RAX, uop->a);
  x64_mov_rr (&l->a, 64, X64_RCX, X64_RAX);
  x64_shift_ri (&l->a, X64_SAR, bits, X64_RCX, 1);
  x64_alu_rr (&l->a, X64_XOR, bits, X64_RAX, X64_RCX);
  x64_count_rr (&l->a, X64_LZCNT, bits, X64_RAX, X64_RAX);
  x64_alu_ri (&l->a, X64_SUB, 32, X64_RAX, 1);
  x64_put (l, uop->d, X64_RAX);
}

// Bits of rax change places with those `shift` away, as the mask says.
static void
swap_bits (X64Lower *l, uint64_t mask, unsigned shift)
{
  x64_mov_ri (&l->a, X64_RDX, mask);
  x64_mov_rr (&l->a, 64, X64_RCX, X64_RAX);
  x64_shift_ri (&l->a, X64_SHR, 64, X64_RCX, shift);
  x64_alu_rr (&l->a, X64_AND, 64, X64_RAX, X64_RDX);
  x64_alu_rr (&l->a, X64_AND, 64, X64_RCX, X64_RDX);
  x64_shift_ri (&l->a, X64_SHL, 64, X64_RAX, shift);
  x64_alu_rr (&l->a, X64_OR, 64, X64_RAX, X64_RCX);
}

void
x64_lower_RBIT (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  x64_copy_to (l, X64_RAX, uop->a);
  x64_bswap (&l->a, x64_bits (uop), X64_RAX);
  swap_bits (l, UINT64_C (0x0f0f0f0f0f0f0f0f), 4);
  swap_bits (l, UINT64_C (0x3333333333333333), 2);
  swap_bits (l, UINT64_C (0x5555555555555555), 1);
  x64_put (l, uop->d, X64_RAX);
}

void
x64_lower_REV16 (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  x64_copy_to (l, X64_RAX, uop->a);
  if (!(uop->flags & UOP_W64))
    x64_mov_rr (&l->a, 32, X64_RAX, X64_RAX);
  swap_bits (l, UINT64_C (0x00ff00ff00ff00ff), 8);
  x64_put (l, uop->d, X64_RAX);
}

void
x64_lower_REV32 (X64Lower *l, const Uop *uop)
{
  x64_copy_to (l, X64_RAX, uop->a);
  if (uop->flags & UOP_W64) {
    x64_bswap (&l->a, 64, X64_RAX);
    x64_rorx_rri (&l->a, 64, X64_RAX, X64_RAX, 32);
  } else {
    x64_bswap (&l->a, 32, X64_RAX);
  }
  x64_put (l, uop->d, X64_RAX);
}

void
x64_lower_REV64 (X64Lower *l, const Uop *uop)
{
  x64_copy_to (l, X64_RAX, uop->a);
  x64_bswap (&l->a, 64, X64_RAX);
  x64_put (l, uop->d, X64_RAX);
}

// The other polynomial has an instruction; this one goes byte by byte through a table.
static void
crc_by_table (X64Lower *l, unsigned bytes)
{
  for (unsigned i = 0; i < bytes; i++) {
    x64_movzx_rr (&l->a, 8, X64_RCX, X64_RAX);
    x64_shift_ri (&l->a, X64_SHR, 64, X64_RAX, 8);
    x64_lea (&l->a, 64, X64_RDX, x64_rip (l->stubs->crc_table));
    x64_mov_rm (&l->a, 32, X64_RCX, x64_mem_index (X64_RDX, X64_RCX, 2, 0));
    x64_alu_rr (&l->a, X64_XOR, 64, X64_RAX, X64_RCX);
  }
}

void
x64_lower_CRC32 (X64Lower *l, const Uop *uop)
{
  unsigned bits = 8u << uop->aux;

  x64_clobber (l, uop);
  unsigned b = x64_use (l, uop->b, X64_RCX);
  x64_copy_to (l, X64_RAX, uop->a);
  x64_mov_rr (&l->a, 32, X64_RAX, X64_RAX);
  if (uop->aux2) {
    x64_crc32_rr (&l->a, bits, X64_RAX, b);
  } else {
    if (bits < 64)
      x64_movzx_rr (&l->a, bits, X64_RCX, b);
    else if (b != X64_RCX)
      x64_mov_rr (&l->a, 64, X64_RCX, b);
    x64_alu_rr (&l->a, X64_XOR, 64, X64_RAX, X64_RCX);
    crc_by_table (l, 1u << uop->aux);
  }
  x64_put (l, uop->d, X64_RAX);
}

// ---- the CPU's state ------------------------------------------------------------------------

void
x64_lower_GET (X64Lower *l, const Uop *uop)
{
  unsigned d = x64_target (uop->d, X64_RAX);

  x64_movzx_rm (&l->a, 8u << uop->aux, d, x64_state ((int32_t) uop->imm));
  x64_put (l, uop->d, d);
}

void
x64_lower_PUT (X64Lower *l, const Uop *uop)
{
  x64_mov_mr (&l->a, 8u << uop->aux, x64_state ((int32_t) uop->imm), x64_use (l, uop->d, X64_RAX));
}

void
x64_lower_GETSYS (X64Lower *l, const Uop *uop)
{
  unsigned d = x64_target (uop->d, X64_RAX);

  x64_mov_rm (&l->a, 64, X64_RCX, x64_state (l->layout->sys));
  x64_movzx_rm (&l->a, 8u << uop->aux, d, x64_mem (X64_RCX, (int32_t) uop->imm));
  x64_put (l, uop->d, d);
}

void
x64_lower_PUTSYS (X64Lower *l, const Uop *uop)
{
  x64_mov_rm (&l->a, 64, X64_RCX, x64_state (l->layout->sys));
  x64_mov_mr (&l->a, 8u << uop->aux, x64_mem (X64_RCX, (int32_t) uop->imm),
              x64_use (l, uop->d, X64_RAX));
}

void
x64_lower_GETFLAGS (X64Lower *l, const Uop *uop)
{
  x64_flags_to_memory (l);
  x64_mov_rm (&l->a, 32, X64_RAX, x64_state (l->layout->nzcv));
  x64_put (l, uop->a, X64_RAX);
}

void
x64_lower_PUTFLAGS (X64Lower *l, const Uop *uop)
{
  unsigned a = x64_use (l, uop->a, X64_RAX);

  if (a != X64_RAX)
    x64_mov_rr (&l->a, 32, X64_RAX, a);
  x64_alu_ri (&l->a, X64_AND, 32, X64_RAX, (int32_t) 0xf0000000);
  x64_mov_mr (&l->a, 32, x64_state (l->layout->nzcv), X64_RAX);
  l->flags = (X64Flags){.in_memory = true};
}
