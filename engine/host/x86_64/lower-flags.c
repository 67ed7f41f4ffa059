// SPDX-License-Identifier: GPL-3.0-or-later
// Where NZCV is, and how it gets from EFLAGS to the CPU's state and back (lower.h).
#include "engine/host/x86_64/lower.h"

enum { NZCV_SHIFT = 28 };

static bool
is_fp (const X64Lower *l)
{
  return l->flags.kind == X64_FLAGS_FP || l->flags.kind == X64_FLAGS_FP_SWAPPED;
}

// From ZF, PF and CF, as bits 2..0, by a table of four bits each: greater, less, equal, unordered.
static void
fp_flags_to_memory (X64Lower *l)
{
  bool swapped = l->flags.kind == X64_FLAGS_FP_SWAPPED;
  const uint8_t *table = l->stubs->flag_mask;

  x64_lahf (&l->a);
  x64_bmi_rrm (&l->a, X64_PEXT, 32, X64_RAX, X64_RAX, x64_rip (table + X64_FP_IN_AX));
  x64_lea (&l->a, 32, X64_RAX, x64_mem_scaled (X64_RAX, 2, 0));
  x64_shiftx_rmr (&l->a, X64_SHRX, 32, X64_RAX,
                  x64_rip (table + (swapped ? X64_FP_NZCV_SWAPPED : X64_FP_NZCV)), X64_RAX);
  x64_bmi_rrm (&l->a, X64_PDEP, 32, X64_RAX, X64_RAX, x64_rip (table + X64_NZCV_BITS));
  x64_mov_mr (&l->a, 32, x64_state (l->layout->nzcv), X64_RAX);
  l->flags.in_memory = true;
}

// Neither lahf, seto, pext, rorx nor mov changes EFLAGS; cmc makes CF what C is.
void
x64_flags_to_memory (X64Lower *l)
{
  if (l->flags.in_memory)
    return;
  if (is_fp (l)) {
    fp_flags_to_memory (l);
    return;
  }
  if (l->flags.kind == X64_FLAGS_SUB) {
    x64_cmc (&l->a);
    l->flags.kind = X64_FLAGS_ADD;
  }
  x64_lahf (&l->a);
  x64_setcc_r (&l->a, X64_CC_O, X64_RAX);
  x64_bmi_rrm (&l->a, X64_PEXT, 32, X64_RAX, X64_RAX, x64_rip (l->stubs->flag_mask));
  x64_rorx_rri (&l->a, 32, X64_RAX, X64_RAX, 32 - NZCV_SHIFT);
  x64_mov_mr (&l->a, 32, x64_state (l->layout->nzcv), X64_RAX);
  l->flags.in_memory = true;
}

void
x64_flags_to_host (X64Lower *l)
{
  if (is_fp (l)) {
    x64_flags_to_memory (l);
    l->flags.kind = X64_FLAGS_NONE;
  }
  if (l->flags.kind != X64_FLAGS_NONE)
    return;
  x64_rorx_rmi (&l->a, 32, X64_RAX, x64_state (l->layout->nzcv), NZCV_SHIFT);
  x64_bmi_rrm (&l->a, X64_PDEP, 32, X64_RAX, X64_RAX, x64_rip (l->stubs->flag_mask));
  // AL is V: 1 + 127 overflows. sahf leaves OF alone.
  x64_alu_ri (&l->a, X64_ADD, 8, X64_RAX, 127);
  x64_sahf (&l->a);
  l->flags.kind = X64_FLAGS_ADD;
}

void
x64_integer_flags_for (X64Lower *l, const Uop *uop)
{
  if (uop->op == UOP_ADC || uop->op == UOP_SBC || uop->op == UOP_ADCS || uop->op == UOP_SBCS)
    x64_flags_to_host (l);
}

void
x64_clobber (X64Lower *l, const Uop *uop)
{
  if (l->flags.kind == X64_FLAGS_NONE)
    return;
  if (uop->flags & UOP_FLAGS_LIVE)
    x64_flags_to_memory (l);
  l->flags = (X64Flags){.kind = X64_FLAGS_NONE, .in_memory = true};
}

// One bit of the flags in memory decides: no need to load them all.
static bool
test_in_memory (X64Lower *l, unsigned cond, enum X64Cc *cc)
{
  static const uint8_t bit[4] = {0x40, 0x20, 0x80, 0x10};
  X64Mem top = x64_state (l->layout->nzcv + 3);

  if (l->flags.kind != X64_FLAGS_NONE || cond >= IR_HI)
    return false;
  x64_test_mi (&l->a, 8, top, bit[cond / 2]);
  *cc = cond & 1 ? X64_CC_E : X64_CC_NE;
  return true;
}

// X64_CC_... + 1, or 0 where one flag does not tell.
static const uint8_t fp_conditions[2][14] = {
    {
        [IR_VS] = X64_CC_P + 1,
        [IR_VC] = X64_CC_NP + 1,
        [IR_GE] = X64_CC_AE + 1,
        [IR_LT] = X64_CC_B + 1,
        [IR_GT] = X64_CC_A + 1,
        [IR_LE] = X64_CC_BE + 1,
    },
    {
        [IR_CS] = X64_CC_BE + 1,
        [IR_CC] = X64_CC_A + 1,
        [IR_MI] = X64_CC_A + 1,
        [IR_PL] = X64_CC_BE + 1,
        [IR_VS] = X64_CC_P + 1,
        [IR_VC] = X64_CC_NP + 1,
        [IR_HI] = X64_CC_B + 1,
        [IR_LS] = X64_CC_AE + 1,
    },
};

X64FlagsKind
x64_fp_kind_for (unsigned cond)
{
  return cond < IR_AL && fp_conditions[1][cond] != 0 ? X64_FLAGS_FP_SWAPPED : X64_FLAGS_FP;
}

// False: the flags are no longer those of a comparison of numbers.
static bool
fp_condition (X64Lower *l, unsigned cond, enum X64Cc *cc)
{
  unsigned known = fp_conditions[l->flags.kind == X64_FLAGS_FP_SWAPPED][cond];

  if (known == 0) {
    x64_flags_to_memory (l);
    l->flags.kind = X64_FLAGS_NONE;
    return false;
  }
  *cc = (enum X64Cc) (known - 1);
  return true;
}

enum X64Cc
x64_condition (X64Lower *l, unsigned cond)
{
  static const uint8_t sub[14] = {
      X64_CC_E,  X64_CC_NE, X64_CC_AE, X64_CC_B,  X64_CC_S, X64_CC_NS, X64_CC_O,
      X64_CC_NO, X64_CC_A,  X64_CC_BE, X64_CC_GE, X64_CC_L, X64_CC_G,  X64_CC_LE,
  };
  enum X64Cc cc;

  if (is_fp (l) && fp_condition (l, cond, &cc))
    return cc;
  if (test_in_memory (l, cond, &cc))
    return cc;
  x64_flags_to_host (l);
  if (l->flags.kind == X64_FLAGS_ADD && (cond == IR_CS || cond == IR_CC))
    return cond == IR_CS ? X64_CC_B : X64_CC_AE;
  if (l->flags.kind == X64_FLAGS_ADD && (cond == IR_HI || cond == IR_LS)) {
    x64_cmc (&l->a);
    l->flags.kind = X64_FLAGS_SUB;
  }
  return (enum X64Cc) sub[cond];
}
