// SPDX-License-Identifier: GPL-3.0-or-later
// Comparisons of numbers (lower-fp.h): into NZCV, which stays in EFLAGS as vucomis left them
// (lower.h), and into masks of lanes. All exact: the host's comparisons raise what the guest's do.
#include "engine/host/x86_64/lower-fp.h"

// ---- NZCV -----------------------------------------------------------------------------------

// The condition that the flags of a comparison are asked for first; IR_AL: not known.
static unsigned
asked_for (const Uop *uop)
{
  enum { LOOK_AHEAD = 8 };

  for (unsigned i = 1; i < LOOK_AHEAD; i++) {
    const IrInfo *info = &ir_info[uop[i].op];

    if (info->properties & IR_FIN)
      return uop[i].op == UOP_FCSEL   ? uop[i].aux2
             : uop[i].op == UOP_FCCMP ? uop[i].c
             : uop[i].op == UOP_BCOND || info->shape == IR_SHAPE_R3B || info->shape == IR_SHAPE_R2I
                 ? uop[i].aux
                 : (unsigned) IR_AL;
    if ((info->properties & (IR_FOUT | IR_END)) != 0 || info->shape == IR_SHAPE_LABEL ||
        uop[i].op == UOP_B)
      break;
  }
  return IR_AL;
}

static void
compare (X64Lower *l, const Uop *uop, X64Vec a, X64Vec b, X64FlagsKind kind)
{
  X64VecOp quiet = x64_fp_double (uop) ? X64_VUCOMISD : X64_VUCOMISS;
  X64VecOp signals = x64_fp_double (uop) ? X64_VCOMISD : X64_VCOMISS;
  X64VecOp op = uop->aux2 & IR_FCMP_SIGNALS ? signals : quiet;

  x64_fp_note_denormal (l, uop, a, true);
  if (!uop->c || uop->op != UOP_FCMP)
    x64_fp_note_denormal (l, uop, b, true);
  if (kind == X64_FLAGS_FP_SWAPPED)
    x64_vrr (&l->a, op, b, a);
  else
    x64_vrr (&l->a, op, a, b);
  x64_flags_set (l, kind);
}

void
x64_lower_FCMP (X64Lower *l, const Uop *uop)
{
  unsigned condition = uop->flags & UOP_FLAGS_LIVE ? asked_for (uop) : (unsigned) IR_AL;
  X64Vec a = x64_vlow (l, uop->a, uop->aux), b = 0;

  if (uop->c)
    x64_vzero (&l->a, 0);
  else
    b = x64_vlow (l, uop->b, uop->aux);
  compare (l, uop, a, b, x64_fp_kind_for (condition));
}

// Either way NZCV ends in the CPU's state.
void
x64_lower_FCCMP (X64Lower *l, const Uop *uop)
{
  X64Vec a = x64_vlow (l, uop->a, uop->aux), b = x64_vlow (l, uop->b, uop->aux);
  X64Short otherwise = {0}, done = {0};

  x64_jcc_short (&l->a, x64_cc_not (x64_condition (l, uop->c)), &otherwise);
  compare (l, uop, a, b, X64_FLAGS_FP);
  x64_flags_to_memory (l);
  x64_jmp_short (&l->a, &done);
  x64_bind_short (&l->a, &otherwise);
  x64_mov_mi (&l->a, 32, x64_state (l->layout->nzcv), (int32_t) ((uop->aux2 & 15u) << 28));
  x64_bind_short (&l->a, &done);
  l->flags = (X64Flags){.kind = X64_FLAGS_NONE, .in_memory = true};
}

// Through general registers: no jump, and zero above.
static void
to_general (X64Lower *l, const Uop *uop, unsigned host, unsigned v)
{
  unsigned bits = 8u << uop->aux, copy = x64_vcopy (l, v, uop->aux);

  if (copy == X64_NO_COPY)
    x64_mov_rm (&l->a, bits, host, x64_vmemory (l, v));
  else
    x64_vrr (&l->a, bits == 64 ? X64_VMOVQ_RX : X64_VMOVD_ST, host, copy);
}

void
x64_lower_FCSEL (X64Lower *l, const Uop *uop)
{
  bool fp = l->flags.kind == X64_FLAGS_FP || l->flags.kind == X64_FLAGS_FP_SWAPPED;
  bool equal = fp && (uop->aux2 == IR_EQ || uop->aux2 == IR_NE);
  // Equal is ZF without PF: what is taken otherwise comes last.
  unsigned taken = equal && uop->aux2 == IR_NE ? uop->b : uop->a;
  unsigned other = taken == uop->a ? uop->b : uop->a;
  enum X64Cc cc = equal ? X64_CC_E : x64_condition (l, uop->aux2);
  X64Vec d;

  to_general (l, uop, X64_RCX, taken);
  to_general (l, uop, X64_RDX, other);
  x64_cmov_rr (&l->a, x64_cc_not (cc), 64, X64_RCX, X64_RDX);
  if (equal)
    x64_cmov_rr (&l->a, X64_CC_P, 64, X64_RCX, X64_RDX);
  d = x64_vnew (l);
  x64_vrr (&l->a, uop->aux == 3 ? X64_VMOVQ_XR : X64_VMOVD, d, X64_RCX);
  x64_vput_short (l, uop->d, d, uop->aux);
}

// ---- masks ----------------------------------------------------------------------------------

static void
compare_lanes (X64Lower *l, const Uop *uop, X64Vec a, X64Vec b, unsigned predicate)
{
  static const X64VecOp ops[4] = X64_FP_OPS (X64_VCMP);
  X64Vec d = x64_vnew (l);

  x64_vrrri (&l->a, x64_fp_op (ops, uop), d, a, b, (uint8_t) predicate);
  x64_fp_put (l, uop, d, false, NULL);
}

// Comparisons leave EFLAGS alone otherwise.
static void
note_denormal (X64Lower *l, const Uop *uop, X64Vec x)
{
  if (x64_fp_flushes (l))
    x64_clobber (l, uop);
  x64_fp_note_denormal (l, uop, x, x64_fp_scalar (uop));
}

static void
compare_registers (X64Lower *l, const Uop *uop, unsigned predicate)
{
  X64Vec a = x64_fp_operand (l, uop, uop->a), b = x64_fp_operand (l, uop, uop->b);

  note_denormal (l, uop, a);
  note_denormal (l, uop, b);
  if (uop->aux2) {
    X64Mem mask = x64_fp_constant (l, X64_FP_ABS, x64_fp_double (uop));

    x64_vrrm (&l->a, X64_VANDPS, 0, a, mask);
    x64_vrrm (&l->a, X64_VANDPS, 1, b, mask);
    a = 0;
    b = 1;
  }
  compare_lanes (l, uop, a, b, predicate);
}

void
x64_lower_FCMEQ (X64Lower *l, const Uop *uop)
{
  compare_registers (l, uop, X64_CMP_EQ);
}

void
x64_lower_FCMGE (X64Lower *l, const Uop *uop)
{
  compare_registers (l, uop, X64_CMP_GE);
}

void
x64_lower_FCMGT (X64Lower *l, const Uop *uop)
{
  compare_registers (l, uop, X64_CMP_GT);
}

void
x64_lower_FCMZ (X64Lower *l, const Uop *uop)
{
  static const uint8_t predicates[] = {
      [IR_EQ] = X64_CMP_EQ, [IR_GE] = X64_CMP_GE, [IR_GT] = X64_CMP_GT,
      [IR_LE] = X64_CMP_LE, [IR_LT] = X64_CMP_LT,
  };
  X64Vec a = x64_fp_operand (l, uop, uop->a);

  note_denormal (l, uop, a);
  x64_vzero (&l->a, 0);
  compare_lanes (l, uop, a, 0, predicates[uop->aux2]);
}
