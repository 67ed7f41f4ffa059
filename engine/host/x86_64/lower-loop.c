// SPDX-License-Identifier: GPL-3.0-or-later
// Loops over arrays. Accesses of a loop whose addresses move by constants are looked up once for as
// many rounds as stay in their pages: where the loop begins the addends are kept in the CPU's state,
// with what one register will be when the first access comes to the end of its page, which is compared
// instead of polling. When a look-up fails, one round is carried out by a second copy of the
// loop's code, with a look-up for each access.
//
// What was looked up stays valid for these rounds: translations are taken back by this thread alone,
// in the run loop or by instructions that are not in such loops.
#include "engine/host/x86_64/lower-mem.h"

enum {
  WIDTH_MOST = 1024,           // bytes an iteration touches of one array
  STRIDE_MOST = 512,           // bytes
  ROUNDS_SLOW = 255,           // at most, where some accesses may be slow
  LIMIT = X64_MAX_STREAMS + 1, // word of the CPU's state; those of the addends are before it
};

// What is known of general registers in a loop.
typedef struct Steps {
  int64_t step[32];  // what is added in a round
  int64_t moved[32]; // and before the present uop
  uint32_t spoilt;   // written in other ways
} Steps;

// ---- what the loop does ---------------------------------------------------------------------

static bool
is_step (const Uop *uop, int64_t *step)
{
  *step = uop->op == UOP_SUBSI ? (int64_t) (0 - (uint64_t) uop->imm) : uop->imm;
  return (uop->op == UOP_ADDI || uop->op == UOP_ADDSI || uop->op == UOP_SUBSI) &&
         uop->d == uop->a && uop->d < IR_SP && (uop->flags & UOP_W64) && *step >= -STRIDE_MOST &&
         *step <= STRIDE_MOST;
}

static void
find_steps (const Uop *label, const Uop *end, Steps *steps)
{
  memset (steps, 0, sizeof *steps);
  for (const Uop *uop = label + 1; uop <= end; uop++) {
    const uint8_t operands[4] = {uop->d, uop->a, uop->b, uop->c};
    int64_t step;
    char use[4];

    ir_operands (uop, use);
    if (is_step (uop, &step)) {
      steps->step[uop->d] += step;
      continue;
    }
    for (unsigned i = 0; i < 4; i++)
      if ((use[i] == 'w' || use[i] == 'm') && operands[i] < 32)
        steps->spoilt |= 1u << operands[i];
  }
}

static bool
is_structure (const Uop *uop)
{
  const IrInfo *info = &ir_info[uop->op];

  return info->shape == IR_SHAPE_VR && (info->properties & IR_MEM) != 0;
}

static int64_t
structure_bytes (const Uop *uop)
{
  switch (uop->op) {
  case UOP_LDM1:
  case UOP_LDMN:
  case UOP_STM1:
  case UOP_STMN:
    return (uop->flags & UOP_Q ? 16 : 8) * uop->c;
  default:
    return (int64_t) uop->c << uop->aux;
  }
}

static bool
can_be_stream (const Uop *uop, const Steps *steps)
{
  unsigned extend = uop->c >> 4;
  bool indexed = x64_is_indexed (uop);

  if (!x64_is_access (uop) && !is_structure (uop))
    return false;
  if (uop->a >= IR_SP || (steps->spoilt >> uop->a & 1))
    return false;
  if (!indexed)
    return true;
  if (uop->b > IR_SP || (uop->b < 32 && (steps->spoilt >> uop->b & 1)))
    return false;
  return steps->step[uop->b] == 0 || extend == IR_UXTX || extend == IR_SXTX;
}

static bool
is_of (const X64Stream *s, const Uop *uop)
{
  return uop->a == s->a && x64_is_indexed (uop) == s->indexed &&
         (!s->indexed || (uop->b == s->b && uop->c == s->c));
}

static int64_t
sum_of (const Uop *uop, bool indexed, const int64_t values[32])
{
  return values[uop->a] + (indexed ? (int64_t) ((uint64_t) values[uop->b] << (uop->c & 15)) : 0);
}

static void
add_access (X64Loop *loop, const Uop *uop, const Steps *steps)
{
  bool indexed = x64_is_indexed (uop), structure = is_structure (uop);
  int64_t low = sum_of (uop, indexed, steps->moved) + (structure || indexed ? 0 : uop->imm);
  int64_t high = low + (structure ? structure_bytes (uop) : x64_access_bytes (uop));
  X64Stream *s = loop->streams;

  while (s < loop->streams + loop->n && !is_of (s, uop))
    s++;
  if (s == loop->streams + X64_MAX_STREAMS) {
    loop->all = false;
    return;
  }
  if (s == loop->streams + loop->n) {
    *s = (X64Stream){.a = uop->a, .b = uop->b, .c = uop->c, .indexed = indexed};
    s->low = low;
    s->high = high;
    s->stride = sum_of (uop, indexed, steps->step);
    loop->n++;
  }
  s->low = low < s->low ? low : s->low;
  s->high = high > s->high ? high : s->high;
  s->write |= (ir_info[uop->op].properties & IR_STORE) != 0;
}

static void
find_streams (X64Loop *loop, const Uop *label, const Uop *end, Steps *steps)
{
  for (const Uop *uop = label + 1; uop <= end; uop++) {
    int64_t step;

    if (can_be_stream (uop, steps))
      add_access (loop, uop, steps);
    else if (ir_info[uop->op].properties & (IR_MEM | IR_TIER0))
      loop->all = false;
    if (is_step (uop, &step))
      steps->moved[uop->d] += step;
  }
}

static void
drop_wide (X64Loop *loop)
{
  unsigned n = 0;

  for (unsigned i = 0; i < loop->n; i++) {
    const X64Stream *s = &loop->streams[i];

    if (s->high - s->low > WIDTH_MOST || s->low < -WIDTH_MOST || s->low > IR_PAGE_SIZE ||
        s->stride > STRIDE_MOST || s->stride < -STRIDE_MOST)
      loop->all = false;
    else
      loop->streams[n++] = *s;
  }
  loop->n = n;
}

// A register that moves along with an array, a pinned one if there is one.
static bool
find_counter (X64Loop *loop, const Steps *steps)
{
  loop->counter = IR_ZERO;
  for (unsigned i = 0; i < loop->n; i++) {
    const X64Stream *s = &loop->streams[i];
    const uint8_t registers[2] = {s->a, s->indexed ? s->b : s->a};

    for (unsigned k = 0; s->stride != 0 && k < 2; k++)
      if (registers[k] < IR_SP && steps->step[registers[k]] != 0 &&
          (loop->counter == IR_ZERO || (x64_pinned (registers[k]) && !x64_pinned (loop->counter))))
        loop->counter = registers[k];
  }
  if (loop->counter == IR_ZERO)
    return false;
  loop->step = (int32_t) steps->step[loop->counter];
  return true;
}

static bool
study (X64Lower *l, const Uop *label, X64Loop *loop)
{
  const Uop *end = x64_loop_end (l, label);
  Steps steps;

  *loop = (X64Loop){.all = true, .in_rdx = X64_MAX_STREAMS};
  if (end == NULL)
    return false;
  for (const Uop *uop = label + 1; uop < end; uop++)
    if (x64_leads_to (uop, label))
      return false;
  find_steps (label, end, &steps);
  find_streams (loop, label, end, &steps);
  drop_wide (loop);
  loop->first = (unsigned) (label + 1 - l->ir->uops);
  loop->last = (unsigned) (end - l->ir->uops);
  return find_counter (loop, &steps);
}

// ---- the code -------------------------------------------------------------------------------

static X64Mem
word (const X64Lower *l, unsigned n)
{
  return x64_state (l->layout->window + 8 * (int32_t) n);
}

// cold->imm: first uop, last uop and what was known before, as of windows.
static void
one_round (X64Lower *l, X64Cold *cold)
{
  x64_recall (l, &l->before_window[cold->imm >> 32]);
  x64_lower_uops (l, cold->imm & 0xffff, cold->imm >> 16 & 0xffff);
  x64_vflush (l);
  x64_cold_resume (l, cold);
}

// The address of what the stream touches first into rax.
static void
stream_address (X64Lower *l, const X64Stream *s)
{
  const Uop uop = {.a = s->a, .b = s->b, .c = s->c};
  unsigned base = s->indexed ? x64_indexed_address (l, &uop).base : x64_use (l, s->a, X64_RAX);

  if (base != X64_RAX || s->low != 0)
    x64_lea (&l->a, 64, X64_RAX, x64_mem (base, (int32_t) s->low));
}

static unsigned
log2_above (int64_t n)
{
  unsigned bits = 0;

  while ((INT64_C (1) << bits) < n)
    bits++;
  return bits;
}

// How many rounds more than one stay in the page of the address in rax: into ecx. At least that; of
// strides that are no powers of two fewer.
static void
count_rounds (X64Lower *l, const X64Stream *s)
{
  X64Asm *a = &l->a;
  int64_t stride = s->stride < 0 ? -s->stride : s->stride;

  x64_alu_ri (a, X64_AND, 32, X64_RAX, IR_PAGE_SIZE - 1);
  if (s->stride > 0) {
    x64_mov_ri (a, X64_RCX, (uint64_t) (IR_PAGE_SIZE - (s->high - s->low)));
    x64_alu_rr (a, X64_SUB, 32, X64_RCX, X64_RAX);
  } else {
    x64_mov_rr (a, 32, X64_RCX, X64_RAX);
  }
  if (stride > 1)
    x64_shift_ri (a, X64_SHR, 32, X64_RCX, log2_above (stride));
}

// The table may have lost the page to another one that is needed, too. cold->imm: what is touched,
// whether it is written, the piece that carries out one round.
static void
stream_missed (X64Lower *l, X64Cold *cold)
{
  X64Asm *a = &l->a;
  int32_t width = cold->imm & 0xffff;
  X64Label *failed = &l->cold[cold->imm >> 32].entry;

  x64_mov_rr (a, 32, X64_RCX, X64_RAX);
  x64_alu_ri (a, X64_AND, 32, X64_RCX, IR_PAGE_SIZE - 1);
  x64_alu_ri (a, X64_CMP, 32, X64_RCX, IR_PAGE_SIZE - width);
  x64_jcc (a, X64_CC_A, failed);
  x64_mov_ri (a, X64_RCX, cold->imm >> 16 & 1);
  x64_call_to (a, l->stubs->addend);
  x64_cold_read_copies (l, cold);
  x64_jcc (a, X64_CC_E, failed);
  x64_jmp_to (a, cold->resume);
}

static void
look_up_stream (X64Lower *l, const X64Stream *s, unsigned n, const X64Cold *round)
{
  X64Asm *a = &l->a;
  int32_t table = s->write ? l->layout->ctx_write : l->layout->ctx_read;
  X64Mem entry = x64_mem_index (X64_CTX, X64_RCX, 0, table);

  stream_address (l, s);
  x64_mov_rr (a, 32, X64_RCX, X64_RAX);
  x64_shift_ri (a, X64_SHR, 32, X64_RCX, IR_PAGE_BITS - 4);
  x64_alu_ri (a, X64_AND, 32, X64_RCX, ((1 << l->layout->tlb_bits) - 1) << 4);
  x64_lea (a, 64, X64_RDX, x64_mem (X64_RAX, (int32_t) (s->high - s->low) - 1));
  x64_alu_ri (a, X64_AND, 64, X64_RDX, -IR_PAGE_SIZE);
  x64_alu_rm (a, X64_CMP, 64, X64_RDX, entry);
  X64Cold *cold = x64_cold (l, NULL, stream_missed);
  cold->imm = (int64_t) (round - l->cold) << 32 | (int64_t) s->write << 16 | (s->high - s->low);
  x64_jcc (a, X64_CC_NE, &cold->entry);
  entry.disp += 8;
  x64_mov_rm (a, 64, X64_RDX, entry);
  cold->resume = a->p;
  x64_mov_mr (a, 64, word (l, n + 1), X64_RDX);
}

// The least of the counts so far is kept where the limit goes.
static void
look_up_all (X64Lower *l, const X64Loop *loop, X64Cold *cold)
{
  X64Asm *a = &l->a;
  bool first = loop->all;

  if (!first)
    x64_mov_mi (a, 64, word (l, LIMIT), ROUNDS_SLOW);
  for (unsigned i = 0; i < loop->n; i++) {
    const X64Stream *s = &loop->streams[i];

    look_up_stream (l, s, i, cold);
    if (s->stride == 0)
      continue;
    count_rounds (l, s);
    if (!first) {
      x64_alu_rm (a, X64_CMP, 32, X64_RCX, word (l, LIMIT));
      x64_cmov_rm (a, X64_CC_A, 32, X64_RCX, word (l, LIMIT));
    }
    x64_mov_mr (a, 64, word (l, LIMIT), X64_RCX);
    first = false;
  }
}

// rcx: rounds but one, unless the last look-up left something else there.
static void
set_limit (X64Lower *l, const X64Loop *loop)
{
  X64Asm *a = &l->a;

  if (loop->streams[loop->n - 1].stride == 0)
    x64_mov_rm (a, 64, X64_RCX, word (l, LIMIT));
  x64_lea (a, 64, X64_RCX, x64_mem (X64_RCX, 1));
  if (loop->step != 1)
    x64_imul_rri (a, 64, X64_RCX, X64_RCX, loop->step);
  if (x64_pinned (loop->counter))
    x64_alu_rr (a, X64_ADD, 64, X64_RCX, (unsigned) x64_pins[loop->counter]);
  else
    x64_alu_rm (a, X64_ADD, 64, X64_RCX, x64_home (l, loop->counter));
  x64_mov_mr (a, 64, word (l, LIMIT), X64_RCX);
}

void
x64_loop_begin (X64Lower *l, const Uop *label)
{
  X64Loop *loop = &l->loop;
  X64Meeting *met = &l->met[label->imm];

  if (l->in_cold || l->n_windows == X64_MAX_WINDOWS || !(label->flags & UOP_LOOP) ||
      !study (l, label, loop))
    return;
  unsigned number = l->n_windows++;
  x64_remember (l, &l->before_window[number]);
  X64Cold *cold = x64_cold (l, label, one_round);
  cold->imm = (int64_t) number << 32 | loop->last << 16 | loop->first;
  look_up_all (l, loop, cold);
  set_limit (l, loop);
  x64_bind (&l->a, &met->again);
  unsigned counter = x64_use (l, loop->counter, X64_RCX);
  x64_alu_rm (&l->a, X64_CMP, 64, counter, word (l, LIMIT));
  x64_jcc (&l->a, X64_CC_E, &l->labels[label->imm]);
  met->end = &l->ir->uops[loop->last];
  loop->cold = (uint16_t) (cold - l->cold);
  loop->active = true;
}

void
x64_loop_leave (X64Lower *l)
{
  l->loop.active = false;
  x64_cold_return (l, &l->cold[l->loop.cold]);
}

static unsigned
stream_of (const X64Lower *l, const Uop *uop)
{
  const X64Loop *loop = &l->loop;

  if (!loop->active || l->in_cold || (!x64_is_access (uop) && !is_structure (uop)))
    return X64_MAX_STREAMS;
  for (unsigned i = 0; i < loop->n; i++)
    if (is_of (&loop->streams[i], uop))
      return i;
  return X64_MAX_STREAMS;
}

bool
x64_loop_pass (X64Lower *l, const Uop *uop, bool keeps_rdx)
{
  unsigned stream = stream_of (l, uop);

  if (stream != X64_MAX_STREAMS)
    return true;
  if (!keeps_rdx)
    l->loop.in_rdx = X64_MAX_STREAMS;
  return false;
}

bool
x64_loop_has (X64Lower *l, const Uop *uop)
{
  unsigned stream = stream_of (l, uop);

  if (stream == X64_MAX_STREAMS)
    return false;
  if (l->loop.in_rdx != stream)
    x64_mov_rm (&l->a, 64, X64_RDX, word (l, stream + 1));
  l->loop.in_rdx = stream;
  return true;
}

unsigned
x64_addend_word (const X64Lower *l)
{
  if (l->window.active && l->window.in_rdx)
    return 1;
  return l->loop.active && l->loop.in_rdx != X64_MAX_STREAMS ? l->loop.in_rdx + 2 : 0;
}
