// SPDX-License-Identifier: GPL-3.0-or-later
// Forming a region: first all instructions are found and decoded, in the order they will have, then
// each becomes uops, with a label before those that are jumped to. vCPU thread.
//
// The order follows the code: behind a conditional branch comes what follows it, behind an
// unconditional one its target, and the targets of conditional branches when all that ended. A jump
// to an earlier place of this order closes a loop, so that every cycle has a label with UOP_LOOP.
#include "engine/guest/aarch64/translate.h"

#include <assert.h>
#include <string.h>

#include "engine/guest/aarch64/block.h"
#include "engine/guest/aarch64/translate-system.h"
#include "engine/mem/access.h"

enum {
  MAX_UOPS_OF_INSN = 5, // its own, without the label before and the jump behind it
  FEW_INSNS = 8,        // are not worth a jump to where they were translated before
};

static_assert (IR_MAX_INSNS * (MAX_UOPS_OF_INSN + 2) < IR_MAX_UOPS, "every region fits");

static const A64TranslateRow rows[A64_N_INSNS] = {
#define A64_TRANSLATE(id, function, uop, flags, aux, aux2)                                         \
  [A64_##id] = {a64_translate_##function, UOP_##uop, flags, aux, aux2},
#include "engine/guest/aarch64/translate-rows.inc"
#undef A64_TRANSLATE
};

static const uint8_t insn_flags[A64_N_INSNS + 1] = {
#define A64_INSN(id, mask, value, format, flags) flags,
#include "engine/guest/aarch64/decode.inc"
#undef A64_INSN
    A64_F_END, // unallocated
    // What follows these is code of another mode.
    [A64_MSR_UAO] = A64_F_END,
    [A64_MSR_SPSEL] = A64_F_END,
};

// ---- finding the instructions ---------------------------------------------------------------

typedef struct Finder {
  A64Region *region;
  const A64TranslateKey *key;
  const uint8_t *page;
  const uint64_t *places; // of A64Elsewhere
  bool always;
  unsigned max;
  unsigned special; // flags of instructions that another may not follow
  unsigned n_later, next_later;
  uint16_t later[IR_MAX_INSNS]; // targets of conditional branches
} Finder;

static bool
is_inside (int64_t offset)
{
  return offset >= 0 && offset < IR_PAGE_SIZE;
}

static bool
is_in_region (const A64Region *region, int64_t offset)
{
  return is_inside (offset) && (region->words[(unsigned) offset / 4] & A64_WORD_IN_REGION) != 0;
}

static int64_t
target_of (const A64Op *op)
{
  return op->pc_off + op->imm;
}

// A branch that is always taken; one of the condition "always" is. (One expression would be one
// load of both fields, which waits for the stores of each.)
static bool
is_jump (const A64Op *op)
{
  switch (op->id) {
  case A64_B:
    return true;
  case A64_B_COND:
    return (op->insn & 0xe) == 0xe;
  default:
    return false;
  }
}

static bool
is_trapped (const A64Op *op, const A64TranslateKey *key)
{
  return op->id == A64_UNALLOCATED || (key->fp_trapped && (insn_flags[op->id] & A64_F_FP) != 0);
}

// True where nothing follows the instruction, a jump apart.
static bool
ends_region (const Finder *f, const A64Op *op)
{
  switch (op->id) {
  case A64_MSR:
  case A64_MSR_DAIFCLR:
    return !a64_translate_goes_on (f->key, op);
  default:
    return (insn_flags[op->id] & A64_F_END) != 0 || is_trapped (op, f->key);
  }
}

// True where there are not FEW_INSNS from `offset` on before the code ends with a call, a jump to
// where a register says or an exception.
static bool
ends_soon (const Finder *f, int64_t offset)
{
  for (unsigned n = 0; n < FEW_INSNS; n++) {
    if (!is_inside (offset))
      return true;
    uint32_t insn = mem_load32 (f->page + offset);
    if (insn >> 26 == 0x25 || insn >> 25 == 0x6b || insn >> 24 == 0xd4)
      return true;
    offset += insn >> 26 == 0x05 ? (int64_t) ((uint64_t) insn << 38) >> 36 : 4;
  }
  return false;
}

// What is not in the region, but was translated before. It depends on the place alone, so that all
// ways there agree.
static inline bool
is_elsewhere (const Finder *f, unsigned offset)
{
  return __builtin_expect (f->places[offset / 256] >> (offset / 4 & 63) & 1, 0) != 0 &&
         (f->always || !ends_soon (f, offset));
}

// The next place of the same stretch, or -1.
static int64_t
find_next (Finder *f, const A64Op *op)
{
  uint8_t *words = f->region->words;
  int64_t next = op->pc_off + 4;

  if ((insn_flags[op->id] & f->special) == 0) {
    // Nothing to be seen to.
  } else if (is_jump (op)) {
    next = target_of (op);
  } else if (ends_region (f, op)) {
    return -1;
  } else if ((insn_flags[op->id] & A64_F_BRANCH) && is_inside (target_of (op))) {
    words[(unsigned) target_of (op) / 4] |= A64_WORD_JUMPED_TO;
    f->later[f->n_later++] = (uint16_t) target_of (op);
  }
  if (!is_inside (next))
    return -1;
  if (!(words[(unsigned) next / 4] & A64_WORD_IN_REGION))
    return is_elsewhere (f, (unsigned) next) ? -1 : next;
  words[(unsigned) next / 4] |= A64_WORD_JUMPED_TO;
  return -1;
}

static int64_t
find_stretch (Finder *f)
{
  while (f->next_later < f->n_later) {
    unsigned offset = f->later[f->next_later++];
    if (!is_in_region (f->region, offset) && !is_elsewhere (f, offset))
      return offset;
  }
  return -1;
}

// Decodes the instructions of a stretch; where the next begins, or -1.
static int64_t
find_in_stretch (Finder *f, unsigned begin)
{
  A64Region *region = f->region;
  IrSpan *span = &region->ir.spans[region->ir.n_spans];
  int64_t at = begin, end = begin;

  // What goes on where the last one ended belongs to it.
  if (region->ir.n_spans > 0 && span[-1].offset + span[-1].bytes == begin)
    span--;
  else
    *span = (IrSpan){.offset = (uint16_t) begin};
  for (; at == end && region->n_decoded < f->max; end += 4) {
    A64Op *op = &region->decoded[region->n_decoded++];

    a64_decode (mem_load32 (f->page + at), op);
    op->pc_off = (uint16_t) at;
    region->words[(unsigned) at / 4] |= A64_WORD_IN_REGION;
    at = find_next (f, op);
  }
  span->bytes = (uint16_t) (span->bytes + end - begin);
  region->ir.n_spans = (unsigned) (span + 1 - region->ir.spans);
  return at >= 0 ? at : find_stretch (f);
}

static void
find_instructions (Finder *f, unsigned entry)
{
  A64Region *region = f->region;
  int64_t at = entry;

  // Most code goes on for a while, and was written or read in long ago.
  for (unsigned ahead = 64; ahead <= 192; ahead += 64)
    __builtin_prefetch (f->page + ((entry + ahead) & (IR_PAGE_SIZE - 1)));
  while (at >= 0 && region->n_decoded < f->max && region->ir.n_spans < IR_MAX_LABELS)
    at = find_in_stretch (f, (unsigned) at);
}

// ---- labels and jumps -----------------------------------------------------------------------

// The number of the label at a place of the region; -1 when there are too many.
static int
label_of (A64Region *region, unsigned offset)
{
  IrRegion *ir = &region->ir;

  if (region->words[offset / 4] & A64_WORD_HAS_LABEL)
    return region->labels[offset / 4];
  if (ir->n_labels == IR_MAX_LABELS)
    return -1;
  region->words[offset / 4] |= A64_WORD_HAS_LABEL;
  ir->label_pc[ir->n_labels] = (uint16_t) offset;
  region->label_uop[ir->n_labels] = 0;
  return region->labels[offset / 4] = (uint8_t) ir->n_labels++;
}

static void
emit_label (A64Translator *t)
{
  A64Region *region = t->region;
  int label;

  if (!(region->words[t->pc_off / 4] & A64_WORD_JUMPED_TO))
    return;
  label = label_of (region, t->pc_off);
  if (label < 0)
    return;
  a64_emit (t, UOP_LABEL, 0)->imm = label;
  region->label_uop[label] = (uint16_t) region->ir.n_uops;
}

// To a place of the region, or out of it where the target is none or has no label.
static Uop *
emit_branch (A64Translator *t, unsigned uop, unsigned flags, int64_t target)
{
  A64Region *region = t->region;
  int label = is_in_region (region, target) ? label_of (region, (unsigned) target) : -1;
  Uop *u = a64_emit_imm (t, uop, flags, 0, 0, target);

  if (label < 0)
    return u;
  u->flags |= UOP_LOCAL;
  u->imm = label;
  if (region->label_uop[label] != 0)
    region->ir.uops[region->label_uop[label] - 1].flags |= UOP_LOOP;
  return u;
}

// The jump is made behind it, when the target is not what follows anyway.
A64_TRANSLATE_FUNCTION (b)
{
  (void) t, (void) op, (void) row;
}

A64_TRANSLATE_FUNCTION (bl)
{
  a64_emit_imm (t, UOP_MOVPC, UOP_W64, 30, 0, op->pc_off + 4);
  a64_emit_imm (t, row->uop, 0, 0, 0, target_of (op));
}

A64_TRANSLATE_FUNCTION (b_cond)
{
  if (!is_jump (op))
    emit_branch (t, row->uop, 0, target_of (op))->aux = op->insn & 15;
}

A64_TRANSLATE_FUNCTION (test_branch)
{
  Uop *u = emit_branch (t, row->uop, row->flags, target_of (op));

  u->a = op->rn;
  u->aux = op->aux[0];
}

// ---- making uops ----------------------------------------------------------------------------

Uop *
a64_emit_interp (A64Translator *t, const A64Op *op, unsigned uop)
{
  A64Region *region = t->region;
  A64Op *copy = region->ops[region->n_ops].op;
  Uop *u = a64_emit (t, uop, 0);

  copy[0] = *op;
  copy[1] = (A64Op){.fn = ir_info[uop].properties & IR_END ? region->ends : region->goes_on,
                    .pc_off = op->pc_off + 4};
  a64_set_handler (copy, t->key->fp_trapped);
  u->imm = region->n_ops++;
  return u;
}

static void
translate_op (A64Translator *t, const A64Op *op)
{
  unsigned flags = insn_flags[op->id];

  if (is_trapped (op, t->key))
    a64_emit_interp (t, op, UOP_INTERP_END);
  else if (rows[op->id].function != NULL)
    rows[op->id].function (t, op, &rows[op->id]);
  else if (flags & A64_F_END)
    a64_emit_interp (t, op, UOP_INTERP_END);
  else
    a64_emit_interp (t, op, flags & A64_F_FP ? UOP_INTERP_VEC : UOP_INTERP);
}

// True when the uop goes on to the next.
static bool
falls_through (const Uop *uop)
{
  return uop->op != UOP_B && !(ir_info[uop->op].properties & IR_END);
}

// From what does not lead to what follows it in the region.
static void
lead_on (A64Translator *t, const A64Op *op, const A64Op *next, unsigned first)
{
  const IrRegion *ir = &t->region->ir;
  int64_t then = is_jump (op) ? target_of (op) : op->pc_off + 4;

  if ((next == NULL || next->pc_off != then) &&
      (ir->n_uops == first || falls_through (&ir->uops[ir->n_uops - 1])))
    emit_branch (t, UOP_B, 0, then);
}

// `next` follows in the order of the region; NULL: nothing.
static void
translate_one (A64Translator *t, const A64Op *op, const A64Op *next)
{
  IrRegion *ir = &t->region->ir;
  unsigned first;

  t->pc_off = op->pc_off;
  emit_label (t);
  first = ir->n_uops;
  translate_op (t, op);
  if ((insn_flags[op->id] & (A64_F_END | A64_F_BRANCH)) != 0 || next == NULL ||
      next->pc_off != op->pc_off + 4)
    lead_on (t, op, next, first);
  if (ir->n_uops == first)
    a64_emit (t, UOP_NOP, 0);
  ir->uops[first].flags |= UOP_FIRST;
}

static void
begin (A64Region *region, unsigned entry)
{
  memset (region->words, 0, sizeof region->words);
  region->n_ops = region->n_decoded = 0;
  region->ir.entry = (uint16_t) entry;
  region->ir.n_uops = region->ir.n_labels = region->ir.n_spans = 0;
  region->ir.overflow = false;
}

bool
a64_translate_region (A64Region *region, const A64TranslateKey *key, const uint8_t *page,
                      unsigned offset, unsigned max_insns)
{
  return a64_translate_rest (region, key, page, offset, max_insns, &(A64Elsewhere){0});
}

bool
a64_translate_rest (A64Region *region, const A64TranslateKey *key, const uint8_t *page,
                    unsigned offset, unsigned max_insns, const A64Elsewhere *elsewhere)
{
  static const uint64_t nowhere[A64_N_WORDS / 64];
  Finder finder;
  A64Translator t = {.region = region, .key = key};

  finder.region = region;
  finder.key = key;
  finder.page = page;
  finder.places = elsewhere->places != NULL ? elsewhere->places : nowhere;
  finder.always = elsewhere->always;
  finder.max = max_insns < IR_MAX_INSNS ? max_insns : IR_MAX_INSNS;
  finder.special = A64_F_END | A64_F_BRANCH | (key->fp_trapped ? A64_F_FP : 0);
  finder.n_later = finder.next_later = 0;
  begin (region, offset);
  find_instructions (&finder, offset);
  for (unsigned i = 0; i < region->n_decoded; i++)
    translate_one (&t, &region->decoded[i],
                   i + 1 < region->n_decoded ? &region->decoded[i + 1] : NULL);
  region->ir.n_insns = region->n_decoded;
  ir_sink_comparisons (&region->ir);
  ir_find_live_flags (&region->ir);
  return region->n_decoded > 0 && !region->ir.overflow;
}
