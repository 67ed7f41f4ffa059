// SPDX-License-Identifier: GPL-3.0-or-later
// Copies of guest vector registers in xmm registers (lower.h): which there are, and what is kept of
// them where jumps meet.
#include "engine/host/x86_64/lower.h"

static X64CopyForm
form_of (const X64Lower *l, X64Vec xmm)
{
  return (X64CopyForm) (l->copy_of[xmm] >> X64_COPY_SHIFT);
}

static unsigned
register_of (uint8_t copy)
{
  return copy & ((1u << X64_COPY_SHIFT) - 1);
}

static bool
is_dirty (const X64Lower *l, X64Vec xmm)
{
  return (l->dirty >> xmm & 1) != 0;
}

// Brings the home up to date. Cold pieces of this uop that nothing leads to yet find it so.
static void
clean_copy (X64Lower *l, X64Vec xmm)
{
  if (!is_dirty (l, xmm))
    return;
  x64_write_copy (l, xmm, l->copy_of[xmm]);
  l->dirty &= ~(1u << xmm);
  for (unsigned i = l->cold_of_uop; i < l->n_cold; i++)
    if (l->cold[i].entry.fixups == NULL)
      l->cold[i].dirty &= (uint16_t) ~(1u << xmm);
}

static void
drop_copy (X64Lower *l, X64Vec xmm)
{
  clean_copy (l, xmm);
  if (l->copy_of[xmm] != X64_NO_COPY)
    l->copy_in[register_of (l->copy_of[xmm])] = X64_NO_COPY;
  l->copy_of[xmm] = X64_NO_COPY;
}

// Its value is not wanted any more.
static void
lose_copy (X64Lower *l, X64Vec xmm)
{
  l->dirty &= ~(1u << xmm);
  drop_copy (l, xmm);
}

void
x64_vforget_temps (X64Lower *l)
{
  for (unsigned v = IR_VTEMP; v < IR_N_VREGS; v++)
    if (l->copy_in[v] != X64_NO_COPY)
      lose_copy (l, l->copy_in[v]);
}

void
x64_vflush (X64Lower *l)
{
  while (l->dirty != 0)
    clean_copy (l, (X64Vec) __builtin_ctz (l->dirty));
}

static unsigned
next_after (unsigned xmm)
{
  return xmm + 1 < X64_N_XMM ? xmm + 1 : X64_FIRST_COPY;
}

void
x64_vreserve (X64Lower *l, unsigned n)
{
  unsigned n_clean = X64_N_XMM - X64_FIRST_COPY - (unsigned) __builtin_popcount (l->dirty);

  for (unsigned i = l->next_copy; n_clean < n; i = next_after (i))
    if (is_dirty (l, i)) {
      clean_copy (l, i);
      n_clean++;
    }
}

void
x64_read_copy (X64Lower *l, X64Vec xmm, uint8_t copy)
{
  X64Mem home = x64_vhome (l, register_of (copy));

  switch ((X64CopyForm) (copy >> X64_COPY_SHIFT)) {
  case X64_COPY_ALL:
    x64_vrm (&l->a, X64_VMOVDQU, xmm, home);
    break;
  case X64_COPY_SHORT:
  case X64_COPY_LOW64:
    x64_vrm (&l->a, X64_VMOVQ, xmm, home);
    break;
  case X64_COPY_LOW32:
    x64_vrm (&l->a, X64_VMOVD, xmm, home);
    break;
  }
}

void
x64_write_copy (X64Lower *l, X64Vec xmm, uint8_t copy)
{
  x64_vmr (&l->a, X64_VMOVDQU_ST, x64_vhome (l, register_of (copy)), xmm);
}

static void
make_copy (X64Lower *l, unsigned v, X64Vec xmm, X64CopyForm form)
{
  l->copy_of[xmm] = (uint8_t) (v | form << X64_COPY_SHIFT);
  l->copy_in[v] = (uint8_t) xmm;
}

void
x64_vforget (X64Lower *l)
{
  for (unsigned i = X64_FIRST_COPY; i < X64_N_XMM; i++)
    drop_copy (l, i);
}

// A result's own register, with what is there still to be seen by cold pieces: to be overwritten.
static bool
take_own (X64Lower *l, unsigned v, X64Vec *xmm)
{
  unsigned i = v < IR_N_VREGS ? l->copy_in[v] : X64_NO_COPY;

  if (i == X64_NO_COPY || (l->copies_used >> i & 1) != 0)
    return false;
  l->copies_used |= 1u << i;
  *xmm = i;
  return true;
}

// Whether the first registers asked for are for the results, and operands are what they seem.
static bool
begins_with_results (const Uop *uop)
{
  switch (uop->op) {
  case UOP_VTBL: // reads more than it says
  case UOP_VTBX:
    return false;
  case UOP_LDV:
  case UOP_LDVX:
  case UOP_LDVPC:
  case UOP_LDV2:
    return true;
  case UOP_FADD:
  case UOP_FSUB:
  case UOP_FMUL:
    return uop->c == 0;
  default:
    return x64_is_plain_simd (uop);
  }
}

void
x64_vresults (X64Lower *l, const Uop *uop)
{
  const uint8_t operands[4] = {uop->d, uop->a, uop->b, uop->c};
  char use[4];

  l->results[0] = l->results[1] = X64_NO_COPY;
  if (!begins_with_results (uop))
    return;
  ir_operands (uop, use);
  for (unsigned i = 0; i < 4; i += 3) {
    bool read = use[i] != 'W';

    for (unsigned k = 0; k < 4; k++)
      read |= use[k] == 'R' && operands[k] == operands[i];
    if (!read)
      l->results[i / 3] = operands[i];
  }
}

static X64Vec
take_any (X64Lower *l)
{
  uint32_t avoided = l->copies_used | l->dirty;
  unsigned i = l->next_copy;

  if ((avoided | 0x3) == 0xffff)
    avoided = l->copies_used;
  while (avoided >> i & 1)
    i = next_after (i);
  l->next_copy = next_after (i);
  drop_copy (l, i);
  l->copies_used |= 1u << i;
  return i;
}

X64Vec
x64_vnew (X64Lower *l)
{
  unsigned v = l->results[0];
  X64Vec own;

  l->results[0] = l->results[1];
  l->results[1] = X64_NO_COPY;
  return take_own (l, v, &own) ? own : take_any (l);
}

X64Vec
x64_vnew_over (X64Lower *l, unsigned v)
{
  unsigned i = l->copy_in[v];

  if (i == X64_NO_COPY)
    return x64_vnew (l);
  l->copies_used |= 1u << i;
  return i;
}

// A copy that has what is in one of the forms `wanted` (a bit each), else of the form `read`.
static X64Vec
use_copy (X64Lower *l, unsigned v, unsigned wanted, X64CopyForm read)
{
  unsigned i = l->copy_in[v];

  if (i == X64_NO_COPY || !(wanted >> form_of (l, i) & 1)) {
    if (i == X64_NO_COPY)
      i = take_any (l);
    else
      clean_copy (l, i);
    make_copy (l, v, i, read);
    x64_read_copy (l, i, l->copy_of[i]);
  }
  l->copies_used |= 1u << i;
  return i;
}

X64Vec
x64_vuse (X64Lower *l, unsigned v)
{
  return use_copy (l, v, 1u << X64_COPY_ALL | 1u << X64_COPY_SHORT, X64_COPY_ALL);
}

X64Vec
x64_vlow (X64Lower *l, unsigned v, unsigned size)
{
  unsigned wanted = 1u << X64_COPY_ALL | 1u << X64_COPY_SHORT | 1u << X64_COPY_LOW64;

  if (size == 3)
    return use_copy (l, v, wanted, X64_COPY_LOW64);
  return use_copy (l, v, wanted | 1u << X64_COPY_LOW32, X64_COPY_LOW32);
}

unsigned
x64_vcopy (const X64Lower *l, unsigned v, unsigned size)
{
  unsigned i = l->copy_in[v];

  return i != X64_NO_COPY && size > 2 && form_of (l, i) == X64_COPY_LOW32 ? X64_NO_COPY : i;
}

X64Mem
x64_vmemory (X64Lower *l, unsigned v)
{
  if (l->copy_in[v] != X64_NO_COPY)
    clean_copy (l, l->copy_in[v]);
  return x64_vhome (l, v);
}

bool
x64_vshort (const X64Lower *l, X64Vec xmm, unsigned size)
{
  X64CopyForm form = l->copy_of[xmm] == X64_NO_COPY ? X64_COPY_ALL : form_of (l, xmm);

  return form == X64_COPY_LOW32 || (form != X64_COPY_ALL && size >= 3) || size >= 4;
}

static void
put (X64Lower *l, unsigned v, X64Vec xmm, X64CopyForm form)
{
  unsigned old = l->copy_in[v];

  if (old != X64_NO_COPY)
    lose_copy (l, old);
  make_copy (l, v, xmm, form);
  l->dirty |= 1u << xmm;
}

void
x64_vput (X64Lower *l, unsigned v, X64Vec xmm)
{
  put (l, v, xmm, X64_COPY_ALL);
}

void
x64_vput_short (X64Lower *l, unsigned v, X64Vec xmm, unsigned size)
{
  put (l, v, xmm, size >= 4 ? X64_COPY_ALL : size == 3 ? X64_COPY_SHORT : X64_COPY_LOW32);
}

// ---- loops ----------------------------------------------------------------------------------

// The copies a loop without labels or calls of C inside begins with are those of what it reads
// before it writes it, and of what else it writes; jumps back bring them in place. What is written
// as a whole is not stored there, but where the loop is left. Other labels begin with none.

enum {
  LOOP_UOPS = 128,
  LOOP_COPIES = 9,
};

typedef struct Loop {
  unsigned n;
  uint8_t wanted[LOOP_COPIES]; // register and form
  uint64_t seen;               // registers read or written before
  uint64_t whole;              // registers written, last all 128 bits of them
  uint64_t partly;             // registers written, last less of them and zeroes
} Loop;

bool
x64_leads_to (const Uop *uop, const Uop *label)
{
  unsigned shape = ir_info[uop->op].shape;

  return (shape == IR_SHAPE_TARGET || shape == IR_SHAPE_TARGET_R) && (uop->flags & UOP_LOCAL) &&
         uop->imm == label->imm;
}

const Uop *
x64_loop_end (const X64Lower *l, const Uop *label)
{
  const Uop *stop = &l->ir->uops[l->ir->n_uops], *last = NULL;

  if (stop - label > LOOP_UOPS)
    stop = label + LOOP_UOPS;
  for (const Uop *uop = label + 1; uop < stop && uop->op != UOP_LABEL; uop++) {
    if (x64_leads_to (uop, label))
      last = uop;
    if ((ir_info[uop->op].properties & (IR_CALL | IR_END)) != 0 || uop->op == UOP_B)
      break;
  }
  return last;
}

// Scalars made of more than the lowest element.
static bool
reads_more (unsigned op)
{
  return op == UOP_FADDP || op == UOP_FMAXP || op == UOP_FMINP || op == UOP_FMAXV ||
         op == UOP_FMINV;
}

static X64CopyForm
form_read (const Uop *uop)
{
  bool scalar = (uop->flags & UOP_SCALAR) != 0 && !reads_more (uop->op) && uop->aux >= 2;
  bool stored = (ir_info[uop->op].properties & IR_STORE) != 0 && uop->aux < 4;

  if (!scalar && !stored)
    return X64_COPY_ALL;
  return uop->aux == 3 ? X64_COPY_LOW64 : X64_COPY_LOW32;
}

// How many registers a structure in memory has: those behind the first are written, too.
static unsigned
registers_of (const Uop *uop)
{
  const IrInfo *info = &ir_info[uop->op];

  return info->shape == IR_SHAPE_VR && (info->properties & IR_MEM) ? uop->c : 1;
}

static void
note_write (Loop *loop, const Uop *uop, unsigned v)
{
  uint64_t bit = UINT64_C (1) << v;
  bool memory = (ir_info[uop->op].properties & IR_MEM) != 0;
  bool loaded = ir_info[uop->op].shape != IR_SHAPE_VR && memory;
  bool whole = loaded ? uop->aux == 4 : (uop->flags & (UOP_Q | UOP_SCALAR)) == UOP_Q;

  loop->whole = whole ? loop->whole | bit : loop->whole & ~bit;
  loop->partly = whole ? loop->partly & ~bit : loop->partly | bit;
}

static void
note_uses (Loop *loop, const Uop *uop)
{
  const uint8_t operands[4] = {uop->d, uop->a, uop->b, uop->c};
  uint64_t written = 0;
  char use[4];

  ir_operands (uop, use);
  for (unsigned i = 0; i < 4; i++) {
    uint64_t bit = UINT64_C (1) << (operands[i] & 63);

    if (use[i] == 'W' || use[i] == 'M') {
      written |= bit;
      for (unsigned k = 0; k < registers_of (uop); k++)
        note_write (loop, uop, operands[i] < IR_VTEMP ? (operands[i] + k) % 32 : operands[i]);
    }
    if ((use[i] != 'R' && use[i] != 'M') || (loop->seen & bit) != 0 || loop->n == LOOP_COPIES)
      continue;
    loop->wanted[loop->n++] = (uint8_t) (operands[i] | form_read (uop) << X64_COPY_SHIFT);
    loop->seen |= bit;
  }
  loop->seen |= written;
}

// What a copy has. One that is newer than its home has all.
static bool
serves (const X64Lower *l, X64Vec xmm, X64CopyForm wanted)
{
  X64CopyForm form = form_of (l, xmm);

  return form == wanted || (is_dirty (l, xmm) && wanted == X64_COPY_ALL) ||
         (form == X64_COPY_SHORT && wanted != X64_COPY_LOW32);
}

// The copy to begin with, in whatever register.
static void
begin_with (X64Lower *l, uint8_t copy)
{
  unsigned v = register_of (copy), i = l->copy_in[v];

  if (i == X64_NO_COPY)
    i = take_any (l);
  if (l->copy_of[i] == X64_NO_COPY || !serves (l, i, (X64CopyForm) (copy >> X64_COPY_SHIFT))) {
    make_copy (l, v, i, X64_COPY_ALL);
    x64_read_copy (l, i, copy);
  }
  l->copy_of[i] = copy;
  l->copies_used |= 1u << i;
}

// Those written as a whole begin as a whole, and as if they were newer than their homes.
static void
choose_copies (Loop *loop)
{
  uint64_t whole = loop->whole & ((UINT64_C (1) << IR_VTEMP) - 1);

  for (unsigned i = 0; i < loop->n; i++) {
    unsigned v = register_of (loop->wanted[i]);

    if (whole >> v & 1)
      loop->wanted[i] = (uint8_t) v;
    whole &= ~(UINT64_C (1) << v);
  }
  for (; whole != 0 && loop->n < LOOP_COPIES; whole &= whole - 1)
    loop->wanted[loop->n++] = (uint8_t) __builtin_ctzll (whole);
}

void
x64_meet (X64Lower *l, const Uop *label)
{
  X64Meeting *met = &l->met[label->imm];
  const Uop *end = NULL;
  Loop loop = {0};

  x64_vbegin (l);
  x64_vflush (l);
  if ((label->flags & UOP_LOOP) && !met->from_before && l->labels[label->imm].fixups == NULL)
    end = x64_loop_end (l, label);
  if (end == NULL && !x64_has_copies (l))
    return;
  for (const Uop *uop = label + 1; end != NULL && uop < end; uop++)
    note_uses (&loop, uop);
  choose_copies (&loop);
  for (unsigned i = 0; i < loop.n; i++)
    begin_with (l, loop.wanted[i]);
  for (unsigned i = X64_FIRST_COPY; i < X64_N_XMM; i++)
    if (!(l->copies_used >> i & 1))
      drop_copy (l, i);
    else if (loop.whole >> register_of (l->copy_of[i]) & 1)
      l->dirty |= 1u << i;
  met->copies = loop.n > 0;
  met->dirty = l->dirty;
  if (met->dirty != 0)
    l->carried_to = end;
  memcpy (met->copy_of, l->copy_of, sizeof met->copy_of);
}

// Whether what is in xmm is still to be moved from there.
static bool
is_awaited (const X64Lower *l, const X64Meeting *met, uint32_t missing, X64Vec xmm)
{
  if (l->copy_of[xmm] == X64_NO_COPY)
    return false;
  for (unsigned i = X64_FIRST_COPY; i < X64_N_XMM; i++)
    if (i != xmm && (missing >> i & 1) &&
        register_of (met->copy_of[i]) == register_of (l->copy_of[xmm]))
      return true;
  return false;
}

static void
bring (X64Lower *l, X64Vec xmm, uint8_t copy)
{
  unsigned v = register_of (copy), from = l->copy_in[v];
  X64CopyForm form = (X64CopyForm) (copy >> X64_COPY_SHIFT);
  bool served = from != X64_NO_COPY && serves (l, from, form);
  bool dirty = served && is_dirty (l, from);

  if (from != xmm)
    drop_copy (l, xmm);
  if (dirty)
    lose_copy (l, from);
  else if (from != X64_NO_COPY)
    drop_copy (l, from);
  make_copy (l, v, xmm, form);
  if (!served)
    x64_read_copy (l, xmm, copy);
  else if (from != xmm)
    x64_vmov (&l->a, xmm, from);
  l->dirty |= (uint32_t) dirty << xmm;
}

// Stores what the label wants stored.
static void
clean_for (X64Lower *l, const X64Meeting *met)
{
  uint64_t kept = 0;

  for (unsigned i = X64_FIRST_COPY; i < X64_N_XMM; i++)
    if (met->dirty >> i & 1)
      kept |= UINT64_C (1) << register_of (met->copy_of[i]);
  for (unsigned i = X64_FIRST_COPY; i < X64_N_XMM; i++)
    if (is_dirty (l, i) && !(kept >> register_of (l->copy_of[i]) & 1))
      clean_copy (l, i);
}

void
x64_join (X64Lower *l, const Uop *uop)
{
  uint32_t missing = 0;

  if (!(uop->flags & UOP_LOCAL))
    return;
  X64Meeting *met = &l->met[uop->imm];
  if (l->labels[uop->imm].at == NULL)
    met->from_before = true;
  if (!met->copies) {
    // Out of a loop there is a piece of code on the way, which does it.
    if (l->in_cold || l->carried_to == NULL || uop > l->carried_to)
      x64_vflush (l);
    return;
  }
  clean_for (l, met);
  for (unsigned i = X64_FIRST_COPY; i < X64_N_XMM; i++)
    if (met->copy_of[i] != X64_NO_COPY)
      missing |= 1u << i;
  // A register that others wait for comes last; where all do, one is read from memory.
  while (missing != 0) {
    unsigned next = (unsigned) __builtin_ctz (missing);

    for (unsigned i = next; i < X64_N_XMM; i++)
      if ((missing >> i & 1) && !is_awaited (l, met, missing, i)) {
        next = i;
        break;
      }
    missing &= ~(1u << next);
    bring (l, next, met->copy_of[next]);
  }
}
