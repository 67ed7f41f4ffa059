// SPDX-License-Identifier: GPL-3.0-or-later
// Moves, addition, subtraction, logic and what follows from their flags (lower.h). Where EFLAGS
// still hold a wanted NZCV, instructions that leave them alone are preferred.
#include "engine/host/x86_64/lower.h"

void
x64_lower_NOP (X64Lower *l, const Uop *uop)
{
  (void) l, (void) uop;
}

// ---- moves ----------------------------------------------------------------------------------

void
x64_lower_MOV (X64Lower *l, const Uop *uop)
{
  unsigned bits = x64_bits (uop), d = x64_target (uop->d, X64_RAX);

  if (uop->a == IR_ZERO) {
    if (x64_pinned (uop->d))
      x64_mov_ri (&l->a, d, 0);
    else
      x64_mov_mi (&l->a, 64, x64_home (l, uop->d), 0);
  } else if (bits == 64 && x64_pinned (uop->a)) {
    x64_put (l, uop->d, (unsigned) x64_pins[uop->a]);
    return;
  } else if (x64_pinned (uop->a)) {
    x64_mov_rr (&l->a, 32, d, (unsigned) x64_pins[uop->a]);
    x64_put (l, uop->d, d);
  } else {
    x64_mov_rm (&l->a, bits, d, x64_home (l, uop->a));
    x64_put (l, uop->d, d);
  }
  if (uop->d == IR_SP)
    l->sp_checked = false;
}

static void
put_constant (X64Lower *l, unsigned d, uint64_t value)
{
  if (x64_pinned (d)) {
    x64_mov_ri (&l->a, (unsigned) x64_pins[d], value);
  } else if (x64_fits32 ((int64_t) value)) {
    x64_mov_mi (&l->a, 64, x64_home (l, d), (int32_t) value);
  } else {
    x64_mov_ri (&l->a, X64_RAX, value);
    x64_put (l, d, X64_RAX);
  }
  if (d == IR_SP)
    l->sp_checked = false;
}

void
x64_lower_MOVI (X64Lower *l, const Uop *uop)
{
  put_constant (l, uop->d, uop->flags & UOP_W64 ? (uint64_t) uop->imm : (uint32_t) uop->imm);
}

void
x64_lower_MOVPC (X64Lower *l, const Uop *uop)
{
  unsigned d = x64_target (uop->d, X64_RAX);

  if (x64_fits32 (uop->imm)) {
    x64_lea (&l->a, 64, d, x64_mem (X64_PAGE, (int32_t) uop->imm));
  } else {
    x64_mov_ri (&l->a, X64_RCX, (uint64_t) uop->imm);
    x64_lea (&l->a, 64, d, x64_mem_index (X64_PAGE, X64_RCX, 0, 0));
  }
  x64_put (l, uop->d, d);
}

// ---- two operands ---------------------------------------------------------------------------

// d = a op imm; the immediate of 64 bits where it does not fit takes rcx.
static void
alu_imm (X64Lower *l, enum X64Alu alu, unsigned bits, unsigned host, int64_t imm)
{
  if (bits == 32)
    imm = (int32_t) imm;
  if (x64_fits32 (imm)) {
    x64_alu_ri (&l->a, alu, bits, host, (int32_t) imm);
  } else {
    x64_mov_ri (&l->a, X64_RCX, (uint64_t) imm);
    x64_alu_rr (&l->a, alu, bits, host, X64_RCX);
  }
}

// host op= r
static void
alu_reg (X64Lower *l, enum X64Alu alu, unsigned bits, unsigned host, unsigned r)
{
  if (x64_pinned (r))
    x64_alu_rr (&l->a, alu, bits, host, (unsigned) x64_pins[r]);
  else
    x64_alu_rm (&l->a, alu, bits, host, x64_home (l, r)); // the zero register's home is 0
}

static void
shift_imm (X64Lower *l, unsigned shift, unsigned bits, unsigned host, unsigned amount)
{
  static const enum X64Shift shifts[] = {X64_SHL, X64_SHR, X64_SAR, X64_ROR};

  if (amount != 0)
    x64_shift_ri (&l->a, shifts[shift], bits, host, amount);
}

// b shifted, in rcx, when it is shifted.
static bool
shifted (X64Lower *l, const Uop *uop)
{
  if (uop->aux2 == 0)
    return false;
  if (uop->aux == IR_ROR) {
    x64_rorx_rri (&l->a, x64_bits (uop), X64_RCX, x64_use (l, uop->b, X64_RCX), uop->aux2);
    return true;
  }
  x64_copy_to (l, X64_RCX, uop->b);
  shift_imm (l, uop->aux, x64_bits (uop), X64_RCX, uop->aux2);
  return true;
}

// b extended, and shifted left, in rcx. Leaves EFLAGS alone for shifts of up to 3.
static void
extended (X64Lower *l, const Uop *uop)
{
  X64Asm *a = &l->a;
  unsigned b = x64_use (l, uop->b, X64_RCX);

  switch (uop->aux) {
  case IR_UXTB:
    x64_movzx_rr (a, 8, X64_RCX, b);
    break;
  case IR_UXTH:
    x64_movzx_rr (a, 16, X64_RCX, b);
    break;
  case IR_UXTW:
    x64_movzx_rr (a, 32, X64_RCX, b);
    break;
  case IR_SXTB:
    x64_movsx_rr (a, 8, 64, X64_RCX, b);
    break;
  case IR_SXTH:
    x64_movsx_rr (a, 16, 64, X64_RCX, b);
    break;
  case IR_SXTW:
    x64_movsx_rr (a, 32, 64, X64_RCX, b);
    break;
  default:
    if (b != X64_RCX)
      x64_mov_rr (a, 64, X64_RCX, b);
  }
  if (uop->aux2 != 0)
    x64_lea (a, 64, X64_RCX, x64_mem_scaled (X64_RCX, uop->aux2 > 3 ? 3 : uop->aux2, 0));
  if (uop->aux2 > 3)
    x64_lea (a, 64, X64_RCX, x64_mem_scaled (X64_RCX, 1, 0));
}

// Where to compute d from a: not where b is still wanted.
static unsigned
target_for (const Uop *uop, unsigned b_host)
{
  unsigned d = x64_target (uop->d, X64_RAX);

  return d == b_host && uop->d != uop->a ? X64_RAX : d;
}

// The home of d changed where it is: all 64 bits of it, so no narrower operation will do.
static bool
in_place (X64Lower *l, const Uop *uop, enum X64Alu alu, bool b_in_rcx)
{
  if (uop->d != uop->a || x64_pinned (uop->d) || uop->d >= IR_ZERO || !(uop->flags & UOP_W64))
    return false;
  x64_alu_mr (&l->a, alu, 64, x64_home (l, uop->d),
              b_in_rcx ? X64_RCX : x64_use (l, uop->b, X64_RCX));
  return true;
}

// d = a alu b, with b in rcx or as it is.
static void
two_operands (X64Lower *l, const Uop *uop, enum X64Alu alu, bool b_in_rcx)
{
  if (in_place (l, uop, alu, b_in_rcx))
    return;
  unsigned bits = x64_bits (uop);
  unsigned b = b_in_rcx ? X64_RCX : x64_pinned (uop->b) ? (unsigned) x64_pins[uop->b] : X64_RDX;
  unsigned d = target_for (uop, b);

  if (uop->d == uop->b && uop->d == uop->a)
    d = x64_target (uop->d, X64_RAX);
  x64_copy_to (l, d, uop->a);
  if (b_in_rcx)
    x64_alu_rr (&l->a, alu, bits, d, X64_RCX);
  else
    alu_reg (l, alu, bits, d, uop->b);
  x64_put (l, uop->d, d);
}

// Flags of a - b or the like, with no result wanted.
static void
compare (X64Lower *l, const Uop *uop, bool b_in_rcx)
{
  unsigned bits = x64_bits (uop), a = x64_use (l, uop->a, X64_RAX);

  if (b_in_rcx)
    x64_alu_rr (&l->a, X64_CMP, bits, a, X64_RCX);
  else
    alu_reg (l, X64_CMP, bits, a, uop->b);
}

static void
test (X64Lower *l, const Uop *uop, bool b_in_rcx)
{
  unsigned bits = x64_bits (uop), a = x64_use (l, uop->a, X64_RAX);
  unsigned b = b_in_rcx ? X64_RCX : x64_use (l, uop->b, X64_RCX);

  x64_test_rr (&l->a, bits, a, b);
}

// lea adds without flags: a + (b << shift), both in registers.
static bool
add_by_lea (X64Lower *l, const Uop *uop)
{
  unsigned bits = x64_bits (uop);

  if (uop->aux != IR_LSL || uop->aux2 > 3 || uop->a == IR_ZERO || uop->b == IR_ZERO)
    return false;
  unsigned a = x64_use (l, uop->a, X64_RAX), b = x64_use (l, uop->b, X64_RCX);
  unsigned d = x64_target (uop->d, X64_RAX);
  x64_lea (&l->a, bits, d, x64_mem_index (a, b, uop->aux2, 0));
  x64_put (l, uop->d, d);
  return true;
}

void
x64_lower_ADD (X64Lower *l, const Uop *uop)
{
  bool small =
      uop->d == uop->a && uop->aux2 == 0 && x64_pinned (uop->d) && l->flags.kind == X64_FLAGS_NONE;

  if (!small && add_by_lea (l, uop))
    return;
  x64_clobber (l, uop);
  two_operands (l, uop, X64_ADD, shifted (l, uop));
}

static void
negate (X64Lower *l, const Uop *uop)
{
  unsigned bits = x64_bits (uop), d = x64_target (uop->d, X64_RAX);

  x64_copy_to (l, d, uop->b);
  x64_unary_r (&l->a, X64_NEG, bits, d);
  x64_put (l, uop->d, d);
}

void
x64_lower_SUB (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  if (uop->a == IR_ZERO && uop->aux2 == 0)
    negate (l, uop);
  else
    two_operands (l, uop, X64_SUB, shifted (l, uop));
}

void
x64_lower_AND (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  two_operands (l, uop, X64_AND, shifted (l, uop));
}

void
x64_lower_OR (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  two_operands (l, uop, X64_OR, shifted (l, uop));
}

void
x64_lower_XOR (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  two_operands (l, uop, X64_XOR, shifted (l, uop));
}

// b inverted, in rcx.
static void
inverted (X64Lower *l, const Uop *uop)
{
  if (!shifted (l, uop))
    x64_copy_to (l, X64_RCX, uop->b);
  x64_unary_r (&l->a, X64_NOT, x64_bits (uop), X64_RCX);
}

static void
and_not (X64Lower *l, const Uop *uop)
{
  unsigned bits = x64_bits (uop);
  unsigned b = shifted (l, uop) ? X64_RCX : x64_use (l, uop->b, X64_RCX);
  unsigned a = x64_use (l, uop->a, X64_RAX), d = x64_target (uop->d, X64_RAX);

  x64_bmi_rrr (&l->a, X64_ANDN, bits, d, b, a);
  x64_put (l, uop->d, d);
}

void
x64_lower_BIC (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  and_not (l, uop);
}

void
x64_lower_ORN (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  inverted (l, uop);
  if (uop->a == IR_ZERO && uop->flags & UOP_W64)
    x64_put (l, uop->d, X64_RCX);
  else
    two_operands (l, uop, X64_OR, true);
}

void
x64_lower_EON (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  inverted (l, uop);
  two_operands (l, uop, X64_XOR, true);
}

// ---- setting flags --------------------------------------------------------------------------

void
x64_lower_ADDS (X64Lower *l, const Uop *uop)
{
  two_operands (l, uop, X64_ADD, shifted (l, uop));
  x64_flags_set (l, X64_FLAGS_ADD);
}

void
x64_lower_SUBS (X64Lower *l, const Uop *uop)
{
  bool in_rcx = shifted (l, uop);

  if (uop->d == IR_SINK)
    compare (l, uop, in_rcx);
  else
    two_operands (l, uop, X64_SUB, in_rcx);
  x64_flags_set (l, X64_FLAGS_SUB);
}

// and, test and andn clear CF and OF, as ANDS does C and V.
void
x64_lower_ANDS (X64Lower *l, const Uop *uop)
{
  bool in_rcx = shifted (l, uop);

  if (uop->d == IR_SINK)
    test (l, uop, in_rcx);
  else
    two_operands (l, uop, X64_AND, in_rcx);
  x64_flags_set (l, X64_FLAGS_ADD);
}

void
x64_lower_BICS (X64Lower *l, const Uop *uop)
{
  and_not (l, uop);
  x64_flags_set (l, X64_FLAGS_ADD);
}

void
x64_lower_ADDX (X64Lower *l, const Uop *uop)
{
  extended (l, uop);
  unsigned a = x64_use (l, uop->a, X64_RAX), d = x64_target (uop->d, X64_RAX);
  x64_lea (&l->a, x64_bits (uop), d, x64_mem_index (a, X64_RCX, 0, 0));
  x64_put (l, uop->d, d);
}

void
x64_lower_SUBX (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  extended (l, uop);
  two_operands (l, uop, X64_SUB, true);
}

void
x64_lower_ADDSX (X64Lower *l, const Uop *uop)
{
  extended (l, uop);
  two_operands (l, uop, X64_ADD, true);
  x64_flags_set (l, X64_FLAGS_ADD);
}

void
x64_lower_SUBSX (X64Lower *l, const Uop *uop)
{
  extended (l, uop);
  if (uop->d == IR_SINK)
    compare (l, uop, true);
  else
    two_operands (l, uop, X64_SUB, true);
  x64_flags_set (l, X64_FLAGS_SUB);
}

// ---- immediates -----------------------------------------------------------------------------

// As in_place. EFLAGS hold nothing that is wanted.
static bool
in_place_imm (X64Lower *l, const Uop *uop, enum X64Alu alu)
{
  if (l->flags.kind != X64_FLAGS_NONE || uop->d != uop->a || x64_pinned (uop->d) ||
      uop->d >= IR_ZERO || !(uop->flags & UOP_W64) || !x64_fits32 (uop->imm))
    return false;
  x64_alu_mi (&l->a, alu, 64, x64_home (l, uop->d), (int32_t) uop->imm);
  return true;
}

void
x64_lower_ADDI (X64Lower *l, const Uop *uop)
{
  unsigned bits = x64_bits (uop), d = x64_target (uop->d, X64_RAX);
  bool aligned = l->sp_checked && uop->a == IR_SP && (uop->imm & 15) == 0;
  int64_t imm = bits == 32 ? (int32_t) uop->imm : uop->imm;

  if (uop->d == uop->a && x64_pinned (uop->d) && l->flags.kind == X64_FLAGS_NONE &&
      x64_fits32 (imm)) {
    x64_alu_ri (&l->a, X64_ADD, bits, d, (int32_t) imm);
  } else if (in_place_imm (l, uop, X64_ADD)) {
    return;
  } else {
    unsigned a = x64_use (l, uop->a, X64_RAX);

    if (x64_fits32 (imm)) {
      x64_lea (&l->a, bits, d, x64_mem (a, (int32_t) imm));
    } else {
      x64_mov_ri (&l->a, X64_RCX, (uint64_t) imm);
      x64_lea (&l->a, bits, d, x64_mem_index (a, X64_RCX, 0, 0));
    }
  }
  x64_put (l, uop->d, d);
  if (uop->d == IR_SP)
    l->sp_checked = aligned;
}

static void
logic_imm (X64Lower *l, const Uop *uop, enum X64Alu alu)
{
  unsigned d = x64_target (uop->d, X64_RAX);

  x64_clobber (l, uop);
  if (in_place_imm (l, uop, alu))
    return;
  x64_copy_to (l, d, uop->a);
  alu_imm (l, alu, x64_bits (uop), d, uop->imm);
  x64_put (l, uop->d, d);
}

void
x64_lower_ANDI (X64Lower *l, const Uop *uop)
{
  unsigned from = uop->imm == 0xff ? 8 : uop->imm == 0xffff ? 16 : uop->imm == 0xffffffff ? 32 : 0;

  if (from == 0) {
    // A mask of 32 bits clears the rest by itself.
    Uop narrow = *uop;

    if (uop->imm == (uint32_t) uop->imm)
      narrow.flags &= (uint16_t) ~UOP_W64;
    logic_imm (l, &narrow, X64_AND);
    return;
  }
  unsigned a = x64_use (l, uop->a, X64_RAX), d = x64_target (uop->d, X64_RAX);
  x64_movzx_rr (&l->a, from, d, a);
  x64_put (l, uop->d, d);
}

void
x64_lower_ORI (X64Lower *l, const Uop *uop)
{
  if (uop->a == IR_ZERO)
    put_constant (l, uop->d, uop->flags & UOP_W64 ? (uint64_t) uop->imm : (uint32_t) uop->imm);
  else
    logic_imm (l, uop, X64_OR);
}

void
x64_lower_XORI (X64Lower *l, const Uop *uop)
{
  logic_imm (l, uop, X64_XOR);
}

static void
flags_imm (X64Lower *l, const Uop *uop, enum X64Alu alu)
{
  unsigned d = x64_target (uop->d, X64_RAX);

  x64_copy_to (l, d, uop->a);
  alu_imm (l, alu, x64_bits (uop), d, uop->imm);
  x64_put (l, uop->d, d);
}

void
x64_lower_ADDSI (X64Lower *l, const Uop *uop)
{
  flags_imm (l, uop, X64_ADD);
  x64_flags_set (l, X64_FLAGS_ADD);
}

// a against an immediate, a in its register or its home.
static void
compare_imm (X64Lower *l, const Uop *uop)
{
  unsigned bits = x64_bits (uop);
  int64_t imm = bits == 32 ? (int32_t) uop->imm : uop->imm;

  if (imm == 0 && x64_pinned (uop->a))
    x64_test_rr (&l->a, bits, (unsigned) x64_pins[uop->a], (unsigned) x64_pins[uop->a]);
  else if (x64_fits32 (imm) && !x64_pinned (uop->a))
    x64_alu_mi (&l->a, X64_CMP, bits, x64_home (l, uop->a), (int32_t) imm);
  else
    alu_imm (l, X64_CMP, bits, x64_use (l, uop->a, X64_RAX), imm);
}

void
x64_lower_SUBSI (X64Lower *l, const Uop *uop)
{
  if (uop->d == IR_SINK)
    compare_imm (l, uop);
  else
    flags_imm (l, uop, X64_SUB);
  x64_flags_set (l, X64_FLAGS_SUB);
}

void
x64_lower_ANDSI (X64Lower *l, const Uop *uop)
{
  unsigned bits = x64_bits (uop);

  if (uop->d != IR_SINK) {
    flags_imm (l, uop, X64_AND);
  } else if (x64_fits32 (bits == 32 ? (int32_t) uop->imm : uop->imm)) {
    x64_test_ri (&l->a, bits, x64_use (l, uop->a, X64_RAX), (int32_t) uop->imm);
  } else {
    x64_mov_ri (&l->a, X64_RCX, (uint64_t) uop->imm);
    x64_test_rr (&l->a, bits, x64_use (l, uop->a, X64_RAX), X64_RCX);
  }
  x64_flags_set (l, X64_FLAGS_ADD);
}

// ---- with carry -----------------------------------------------------------------------------

// CF becomes C, or its opposite.
static void
carry_to (X64Lower *l, X64FlagsKind kind)
{
  if (l->flags.kind == X64_FLAGS_NONE) {
    x64_bt_mi (&l->a, X64_BT, 32, x64_state (l->layout->nzcv), 29);
    if (kind == X64_FLAGS_SUB)
      x64_cmc (&l->a);
  } else if (l->flags.kind != kind) {
    x64_cmc (&l->a);
    l->flags.kind = kind;
  }
}

static void
with_carry (X64Lower *l, const Uop *uop, enum X64Alu alu, X64FlagsKind kind)
{
  unsigned bits = x64_bits (uop), b = x64_use (l, uop->b, X64_RCX);

  x64_copy_to (l, X64_RAX, uop->a);
  carry_to (l, kind);
  x64_alu_rr (&l->a, alu, bits, X64_RAX, b);
  x64_put (l, uop->d, X64_RAX);
}

// The flags that are read may be wanted afterwards too.
static void
keep_flags (X64Lower *l, const Uop *uop)
{
  if (uop->flags & UOP_FLAGS_LIVE)
    x64_flags_to_memory (l);
}

void
x64_lower_ADC (X64Lower *l, const Uop *uop)
{
  keep_flags (l, uop);
  with_carry (l, uop, X64_ADC, X64_FLAGS_ADD);
  l->flags = (X64Flags){.in_memory = true};
}

void
x64_lower_SBC (X64Lower *l, const Uop *uop)
{
  keep_flags (l, uop);
  with_carry (l, uop, X64_SBB, X64_FLAGS_SUB);
  l->flags = (X64Flags){.in_memory = true};
}

void
x64_lower_ADCS (X64Lower *l, const Uop *uop)
{
  with_carry (l, uop, X64_ADC, X64_FLAGS_ADD);
  x64_flags_set (l, X64_FLAGS_ADD);
}

void
x64_lower_SBCS (X64Lower *l, const Uop *uop)
{
  with_carry (l, uop, X64_SBB, X64_FLAGS_SUB);
  x64_flags_set (l, X64_FLAGS_SUB);
}

// ---- conditions -----------------------------------------------------------------------------

// host = condition ? r : host
static void
move_if (X64Lower *l, enum X64Cc cc, unsigned bits, unsigned host, unsigned r)
{
  if (x64_pinned (r))
    x64_cmov_rr (&l->a, cc, bits, host, (unsigned) x64_pins[r]);
  else
    x64_cmov_rm (&l->a, cc, bits, host, x64_home (l, r));
}

// d = condition ? a : rcx. Neither mov nor cmov changes EFLAGS.
static void
select (X64Lower *l, const Uop *uop, enum X64Cc cc)
{
  move_if (l, cc, x64_bits (uop), X64_RCX, uop->a);
  x64_put (l, uop->d, X64_RCX);
}

// AL and NV: always a.
static bool
always (X64Lower *l, const Uop *uop)
{
  if (uop->aux < IR_AL)
    return false;
  x64_lower_MOV (l, uop);
  return true;
}

void
x64_lower_CSEL (X64Lower *l, const Uop *uop)
{
  if (always (l, uop))
    return;
  enum X64Cc cc = x64_condition (l, uop->aux);
  if (x64_pinned (uop->d) && (uop->d == uop->a || uop->d == uop->b)) {
    unsigned d = (unsigned) x64_pins[uop->d];

    if (uop->d == uop->b)
      move_if (l, cc, x64_bits (uop), d, uop->a);
    else
      move_if (l, x64_cc_not (cc), x64_bits (uop), d, uop->b);
    x64_put (l, uop->d, d);
    return;
  }
  x64_copy_to (l, X64_RCX, uop->b);
  select (l, uop, cc);
}

void
x64_lower_CSINC (X64Lower *l, const Uop *uop)
{
  if (always (l, uop))
    return;
  enum X64Cc cc = x64_condition (l, uop->aux);
  if (uop->a == IR_ZERO && uop->b == IR_ZERO) {
    x64_setcc_r (&l->a, x64_cc_not (cc), X64_RCX);
    x64_movzx_rr (&l->a, 8, X64_RCX, X64_RCX);
    x64_put (l, uop->d, X64_RCX);
    return;
  }
  unsigned b = x64_use (l, uop->b, X64_RCX);
  x64_lea (&l->a, x64_bits (uop), X64_RCX, x64_mem (b, 1));
  select (l, uop, cc);
}

void
x64_lower_CSINV (X64Lower *l, const Uop *uop)
{
  if (always (l, uop))
    return;
  enum X64Cc cc = x64_condition (l, uop->aux);
  x64_copy_to (l, X64_RCX, uop->b);
  x64_unary_r (&l->a, X64_NOT, x64_bits (uop), X64_RCX);
  select (l, uop, cc);
}

// -b is ~b + 1, which leaves EFLAGS alone.
void
x64_lower_CSNEG (X64Lower *l, const Uop *uop)
{
  if (always (l, uop))
    return;
  enum X64Cc cc = x64_condition (l, uop->aux);
  x64_copy_to (l, X64_RCX, uop->b);
  x64_unary_r (&l->a, X64_NOT, x64_bits (uop), X64_RCX);
  x64_lea (&l->a, x64_bits (uop), X64_RCX, x64_mem (X64_RCX, 1));
  select (l, uop, cc);
}

// EFLAGS of these NZCV (bits 3:0), with CF as `kind` has it.
static void
constant_flags (X64Lower *l, unsigned nzcv, X64FlagsKind kind)
{
  unsigned c = (nzcv >> 1 & 1) ^ (kind == X64_FLAGS_SUB);
  unsigned ah = (nzcv & 8) << 4 | (nzcv & 4) << 4 | c;

  x64_mov_ri (&l->a, X64_RAX, ah << 8 | (nzcv & 1));
  x64_alu_ri (&l->a, X64_ADD, 8, X64_RAX, 127);
  x64_sahf (&l->a);
}

// Either the comparison that `compared` writes, or the constant.
static void
conditional_compare (X64Lower *l, const Uop *uop, X64FlagsKind kind,
                     void (*compared) (X64Lower *l, const Uop *uop))
{
  X64Short otherwise = {0}, done = {0};
  bool conditional = uop->aux < IR_AL;

  if (conditional)
    x64_jcc_short (&l->a, x64_cc_not (x64_condition (l, uop->aux)), &otherwise);
  compared (l, uop);
  if (conditional) {
    x64_jmp_short (&l->a, &done);
    x64_bind_short (&l->a, &otherwise);
    constant_flags (l, uop->aux2, kind);
    x64_bind_short (&l->a, &done);
  }
  x64_flags_set (l, kind);
}

static void
compare_registers (X64Lower *l, const Uop *uop)
{
  compare (l, uop, false);
}

static void
add_registers (X64Lower *l, const Uop *uop)
{
  x64_copy_to (l, X64_RAX, uop->a);
  alu_reg (l, X64_ADD, x64_bits (uop), X64_RAX, uop->b);
}

static void
add_immediate (X64Lower *l, const Uop *uop)
{
  x64_copy_to (l, X64_RAX, uop->a);
  alu_imm (l, X64_ADD, x64_bits (uop), X64_RAX, uop->imm);
}

void
x64_lower_CCMP (X64Lower *l, const Uop *uop)
{
  conditional_compare (l, uop, X64_FLAGS_SUB, compare_registers);
}

void
x64_lower_CCMN (X64Lower *l, const Uop *uop)
{
  conditional_compare (l, uop, X64_FLAGS_ADD, add_registers);
}

void
x64_lower_CCMPI (X64Lower *l, const Uop *uop)
{
  conditional_compare (l, uop, X64_FLAGS_SUB, compare_imm);
}

void
x64_lower_CCMNI (X64Lower *l, const Uop *uop)
{
  conditional_compare (l, uop, X64_FLAGS_ADD, add_immediate);
}
