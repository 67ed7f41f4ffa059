// SPDX-License-Identifier: GPL-3.0-or-later
// Uops as text, for people: one line each.
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "engine/ir/uop.h"

static const char *const shift_names[] = {"lsl", "lsr", "asr", "ror"};
static const char *const extend_names[] = {"uxtb", "uxth", "uxtw", "uxtx",
                                           "sxtb", "sxth", "sxtw", "sxtx"};
static const char *const condition_names[] = {"eq", "ne", "cs", "cc", "mi", "pl", "vs", "vc",
                                              "hi", "ls", "ge", "lt", "gt", "le", "al", "nv"};

// What is written so far; the text is cut where it is full.
typedef struct Line {
  char *text;
  unsigned size, used;
  const char *separator;
} Line;

static void __attribute__ ((format (printf, 2, 3))) add (Line *line, const char *format, ...)
{
  va_list args;
  int n;

  va_start (args, format);
  n = vsnprintf (line->text + line->used, line->size - line->used, format, args);
  va_end (args);
  if (n > 0)
    line->used += (unsigned) n < line->size - line->used ? (unsigned) n : line->size - line->used;
}

static void
add_register (Line *line, char use, unsigned number)
{
  bool vector = use >= 'A' && use <= 'Z';

  if (use == '-')
    return;
  add (line, "%s", line->separator);
  line->separator = ", ";
  if (vector)
    add (line, number < IR_VTEMP ? "v%u" : "vt%u", number % IR_VTEMP);
  else if (number == IR_SP)
    add (line, "sp");
  else if (number == IR_ZERO)
    add (line, "zero");
  else if (number == IR_SINK)
    add (line, "sink");
  else
    add (line, number < IR_SP ? "x%u" : "t%u", number < IR_SP ? number : number - IR_TEMP);
}

static void
add_target (Line *line, const Uop *uop)
{
  add (line, "%s", line->separator);
  if (uop->flags & UOP_LOCAL)
    add (line, "L%" PRId64, uop->imm);
  else
    add (line, "page%+" PRId64, uop->imm);
}

static void
add_memory (Line *line, const Uop *uop)
{
  static const char *const notes[] = {"signed", "aligned", "release", "unprivileged"};

  add (line, " (%u bytes", 1u << (uop->aux & 7));
  for (unsigned i = 0; i < 4; i++)
    if (uop->aux2 >> i & 1)
      add (line, " %s", notes[i]);
  add (line, ")");
}

static const char *
condition_name (const Uop *uop)
{
  return condition_names[uop->aux & 15];
}

static void
add_rest (Line *line, const Uop *uop)
{
  switch ((IrShape) ir_info[uop->op].shape) {
  case IR_SHAPE_RI:
  case IR_SHAPE_STATE:
    add (line, ", %#" PRIx64, uop->imm);
    break;
  case IR_SHAPE_R2I:
    add (line, ", %#" PRIx64, uop->imm);
    if (uop->op == UOP_CCMPI || uop->op == UOP_CCMNI)
      add (line, " %s else %u", condition_name (uop), uop->aux2);
    break;
  case IR_SHAPE_R3S:
    if (uop->aux2 != 0)
      add (line, " %s %u", shift_names[uop->aux & 3], uop->aux2);
    break;
  case IR_SHAPE_R3X:
    add (line, " %s %u", extend_names[uop->aux & 7], uop->aux2);
    break;
  case IR_SHAPE_R2B:
    add (line, ", %u, %u", uop->aux, uop->aux2);
    break;
  case IR_SHAPE_R3B:
    if (ir_info[uop->op].properties & IR_FIN)
      add (line, " %s", condition_name (uop));
    else
      add (line, ", %u", uop->aux);
    if (uop->aux2 != 0)
      add (line, ", %u", uop->aux2);
    break;
  case IR_SHAPE_MEM:
  case IR_SHAPE_MEM2:
  case IR_SHAPE_VMEM:
  case IR_SHAPE_VMEM2:
    add (line, " %+" PRId64, uop->imm);
    add_memory (line, uop);
    break;
  case IR_SHAPE_MEMX:
  case IR_SHAPE_VMEMX:
    add (line, " %s %u", extend_names[uop->c >> 4 & 7], uop->c & 15);
    add_memory (line, uop);
    break;
  case IR_SHAPE_MEMPC:
  case IR_SHAPE_VMEMPC:
    add (line, ", page%+" PRId64, uop->imm);
    add_memory (line, uop);
    break;
  case IR_SHAPE_AMO:
    add_memory (line, uop);
    break;
  case IR_SHAPE_TARGET_R:
    if (uop->op == UOP_TBZ || uop->op == UOP_TBNZ)
      add (line, " bit %u", uop->aux);
    add_target (line, uop);
    break;
  case IR_SHAPE_TARGET:
    if (uop->op == UOP_BCOND)
      add (line, " %s", condition_name (uop));
    add_target (line, uop);
    break;
  case IR_SHAPE_LABEL:
    add (line, " L%" PRId64 "%s", uop->imm, uop->flags & UOP_LOOP ? " loop" : "");
    break;
  case IR_SHAPE_INTERP:
    add (line, " %" PRId64, uop->imm);
    break;
  case IR_SHAPE_V2:
  case IR_SHAPE_V3:
  case IR_SHAPE_V4:
  case IR_SHAPE_VI:
  case IR_SHAPE_V0F:
  case IR_SHAPE_RV:
  case IR_SHAPE_VR:
    add (line, " (%u, %u, %#" PRIx64 ")", uop->aux, uop->aux2, uop->imm);
    break;
  case IR_SHAPE_NONE:
  case IR_SHAPE_R1:
  case IR_SHAPE_R2:
  case IR_SHAPE_R3:
  case IR_SHAPE_R4:
    break;
  }
}

void
ir_print_uop (const Uop *uop, char *text, unsigned size)
{
  Line line = {.text = text, .size = size, .separator = " "};
  const uint8_t numbers[4] = {uop->d, uop->a, uop->b, uop->c};
  char use[4];

  if (size == 0)
    return;
  text[0] = '\0';
  if (uop->op >= UOP_N) {
    add (&line, "%03x  ? %u", uop->pc_off, uop->op);
    return;
  }
  ir_operands (uop, use);
  add (&line, "%03x%c %s%s%s", uop->pc_off, uop->flags & UOP_FIRST ? ':' : ' ', ir_names[uop->op],
       uop->flags & UOP_W64 ? ".64" : "", uop->flags & UOP_Q ? ".q" : "");
  for (unsigned i = 0; i < 4; i++)
    add_register (&line, use[i], numbers[i]);
  add_rest (&line, uop);
  if ((ir_info[uop->op].properties & IR_FOUT) && (uop->flags & UOP_FLAGS_LIVE))
    add (&line, " live");
}
