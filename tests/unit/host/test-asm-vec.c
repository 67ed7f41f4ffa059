// SPDX-License-Identifier: GPL-3.0-or-later
// Vector instructions of the encoder: every row of the table, at every length, with registers
// low and high and with memory.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/unit/host/asm-cases.h"

typedef struct Row {
  const char *name, *operands;
  X64VecOp op;
} Row;

static const Row rows[] = {
#define X64_VEC(id, name, operands, prefix, map, opcode, flags) {name, operands, X64_##id},
#include "engine/host/x86_64/asm-vec-ops.inc"
#undef X64_VEC
};

enum {
  OPERANDS_MAX = 4, // and an immediate
  REG_ROUNDS = 14,
  UNIT_ROUNDS = 20, // displacements near the edges of what one byte can say
  MEM_ROUNDS = UNIT_ROUNDS + 10,
};

// One instruction with its operands.
typedef struct Choice {
  unsigned length; // of its vectors, in bytes
  bool use_mem;
  unsigned regs[OPERANDS_MAX];
  X64Mem mem;
  unsigned mem_bytes;
  uint8_t imm;
} Choice;

// A row's operands taken apart.
typedef struct Shape {
  char kind[OPERANDS_MAX];
  const char *mem[OPERANDS_MAX]; // what may be in memory, NULL: nothing
  unsigned count;
  int mem_at; // the operand that may be in memory, or -1
  bool imm, only_mem;
} Shape;

static Shape
parse (const char *text)
{
  Shape shape = {.mem_at = -1};

  for (; *text != '\0'; text += strcspn (text, " "), text += *text == ' ') {
    const char *slash = text[1] == '/' ? text + 2 : NULL;

    if (*text == 'i') {
      shape.imm = true;
      continue;
    }
    if (slash != NULL && *slash != '-') {
      shape.mem_at = (int) shape.count;
      shape.mem[shape.count] = slash;
      shape.only_mem = *text == '-';
    }
    shape.kind[shape.count++] = *text;
  }
  return shape;
}

static unsigned
size_of (char kind, unsigned length)
{
  switch (kind) {
  case 'v':
    return length;
  case 'h':
    return length / 2;
  case 'q':
    return length / 4;
  case 'e':
    return length / 8;
  default:
    return kind == 'y' ? 32 : 16;
  }
}

static unsigned
mem_size (const char *text, unsigned length)
{
  return *text >= '0' && *text <= '9' ? (unsigned) strtoul (text, NULL, 10)
                                      : size_of (*text, length);
}

static unsigned
pick_reg (const Row *row, char kind, unsigned round, unsigned place)
{
  static const uint8_t edges[] = {0, 7, 8, 15, 16, 23, 24, 31, 1, 6, 9, 14, 20, 27};
  unsigned limit = kind == 'k' ? 8 : kind == 'r' || kind == 'R' || (row->op & X64_V_VEX) ? 16 : 32;

  // First all alike, then mixed.
  if (round < G_N_ELEMENTS (edges))
    return edges[(round + place * (round / 4)) % G_N_ELEMENTS (edges)] % limit;
  return (unsigned) g_random_int_range (0, (int) limit);
}

static uint8_t
pick_imm (const Row *row, unsigned round)
{
  static const uint8_t edges[] = {0x20, 0xff, 0x80, 0x7f};
  uint8_t imm = round < 4 ? edges[round] : (uint8_t) g_random_int ();

  // objdump has names of its own for the first few of these.
  if (strstr (row->name, "cmp") || strstr (row->name, "pclmul"))
    imm |= 0x20;
  return imm;
}

static const char *
operand_text (char kind, unsigned reg, unsigned length)
{
  static const char *const masks[] = {"k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7"};
  unsigned bytes;

  if (kind == 'k')
    return masks[reg];
  if (kind == 'r' || kind == 'R')
    return reg_text (kind == 'r' ? 32 : 64, reg);
  bytes = size_of (kind, length);
  return vec_text (MAX (bytes, 16), reg);
}

static bool
is_vector (char kind)
{
  return strchr ("xyvhqe", kind) != NULL;
}

// Every second one with registers that want EVEX.
static void
choose_mem (Judge *judge, const Row *row, const Shape *shape, unsigned round, Choice *c)
{
  int32_t unit = (int32_t) mem_size (shape->mem[shape->mem_at], c->length);
  const int32_t disps[UNIT_ROUNDS / 2] = {unit,        -unit,      2 * unit,   unit / 2,
                                          unit + 1,    127 * unit, 128 * unit, -128 * unit,
                                          -129 * unit, 0};
  unsigned number = (unsigned) (row - rows) * MEM_ROUNDS + round;

  c->mem_bytes = (unsigned) unit;
  if (round >= UNIT_ROUNDS) {
    c->mem = pick_mem (judge, number, c->mem_bytes);
    return;
  }
  c->mem = x64_mem (number * 7 % 16, disps[round / 2]);
  for (unsigned i = 0; i < shape->count && round % 2 == 1 && !(row->op & X64_V_VEX); i++) {
    if (is_vector (shape->kind[i]))
      c->regs[i] |= 16;
  }
}

static Choice
choose (Judge *judge, const Row *row, const Shape *shape, unsigned length, bool use_mem,
        unsigned round)
{
  Choice c = {.length = length, .use_mem = use_mem, .imm = pick_imm (row, round)};

  for (unsigned i = 0; i < shape->count; i++)
    c.regs[i] = pick_reg (row, shape->kind[i], round, i);
  if (use_mem)
    choose_mem (judge, row, shape, round, &c);
  return c;
}

static void
emit_regs (X64Asm *a, const Shape *shape, X64VecOp op, const unsigned *r, uint8_t imm)
{
  if (shape->count == 4)
    x64_vrrrr (a, op, r[0], r[1], r[2], r[3]);
  else if (shape->count == 3)
    shape->imm ? x64_vrrri (a, op, r[0], r[1], r[2], imm) : x64_vrrr (a, op, r[0], r[1], r[2]);
  else
    shape->imm ? x64_vrri (a, op, r[0], r[1], imm) : x64_vrr (a, op, r[0], r[1]);
}

static void
emit_mem (X64Asm *a, const Shape *shape, X64VecOp op, const unsigned *r, X64Mem mem, uint8_t imm)
{
  if (shape->count == 4)
    x64_vrrmr (a, op, r[0], r[1], mem, r[3]);
  else if (shape->count == 3)
    shape->imm ? x64_vrrmi (a, op, r[0], r[1], mem, imm) : x64_vrrm (a, op, r[0], r[1], mem);
  else if (shape->mem_at == 1)
    shape->imm ? x64_vrmi (a, op, r[0], mem, imm) : x64_vrm (a, op, r[0], mem);
  else
    shape->imm ? x64_vmri (a, op, mem, r[1], imm) : x64_vmr (a, op, mem, r[1]);
}

static bool
takes_evex (const Row *row, const Shape *shape, const Choice *c)
{
  bool high = false;

  for (unsigned i = 0; i < shape->count; i++)
    high |=
        !(c->use_mem && (int) i == shape->mem_at) && is_vector (shape->kind[i]) && c->regs[i] >= 16;
  return high || c->length == 64 || (row->op & X64_V_EVEX);
}

// as turns moves of high registers into stores, as x64_vmov does, and makes zeroing shorter.
static bool
known_to_as (const Row *row, const Shape *shape, const Choice *c)
{
  if (c->use_mem)
    return false;
  return shape->count == 2 ? g_str_has_prefix (row->name, "vmov")
                           : c->regs[0] == c->regs[1] && c->regs[1] == c->regs[2];
}

static void
expect (Judge *judge, const Row *row, const Shape *shape, const Choice *c)
{
  const char *slash = strchr (row->name, '/');
  GString *text = g_string_new (NULL);

  if (slash == NULL)
    g_string_append (text, row->name);
  else if (takes_evex (row, shape, c))
    g_string_append (text, slash + 1);
  else
    g_string_append_len (text, row->name, slash - row->name);
  for (unsigned i = 0; i < shape->count; i++)
    g_string_append_printf (text, "%c%s", i == 0 ? ' ' : ',',
                            c->use_mem && (int) i == shape->mem_at
                                ? mem_text (judge, c->mem_bytes, c->mem)
                                : operand_text (shape->kind[i], c->regs[i], c->length));
  if (shape->imm)
    g_string_append_printf (text, ",0x%x", c->imm);
  judge_expect (judge, "%s", text->str);
  if (known_to_as (row, shape, c))
    judge_excuse_length (judge);
  g_string_free (text, TRUE);
}

static void
one (Judge *judge, const Row *row, const Shape *shape, Choice c)
{
  X64VecOp op = row->op | (c.length == 32 ? X64_V_L256 : c.length == 64 ? X64_V_L512 : 0);

  if (c.use_mem)
    emit_mem (&judge->a, shape, op, c.regs, c.mem, c.imm);
  else
    emit_regs (&judge->a, shape, op, c.regs, c.imm);
  // The shorter of two that mean the same.
  if ((op & X64_V_COMM) && !c.use_mem && !takes_evex (row, shape, &c) && c.regs[2] >= 8 &&
      c.regs[1] < 8) {
    unsigned other = c.regs[1];

    c.regs[1] = c.regs[2];
    c.regs[2] = other;
  }
  expect (judge, row, shape, &c);
}

void
test_vectors (void **state)
{
  Judge *judge = *state;

  for (const Row *row = rows; row < rows + G_N_ELEMENTS (rows); row++) {
    Shape shape = parse (row->operands);
    bool any = strchr (row->operands, 'v') != NULL;
    unsigned longest = !any ? 16 : row->op & X64_V_VEX ? 32 : 64;

    for (unsigned length = 16; length <= longest; length *= 2) {
      for (unsigned round = 0; round < REG_ROUNDS && !shape.only_mem; round++)
        one (judge, row, &shape, choose (judge, row, &shape, length, false, round));
      for (unsigned round = 0; round < MEM_ROUNDS && shape.mem_at >= 0; round++)
        one (judge, row, &shape, choose (judge, row, &shape, length, true, round));
    }
  }
  judge_decide (judge);
}

// The few emitters that choose between instructions.
void
test_vector_moves (void **state)
{
  Judge *judge = *state;
  X64Asm *a = &judge->a;

  for (unsigned d = 0; d < 32; d++) {
    for (unsigned s = 0; s < 32; s++) {
      x64_vmov (a, d, s);
      judge_expect (judge, "vmovaps xmm%u,xmm%u", d, s);
    }
    x64_vzero (a, d);
    judge_expect (judge, "%s xmm%u,xmm%u,xmm%u", d < 16 ? "vpxor" : "vpxorq", d, d, d);
  }
  x64_vzeroupper (a);
  judge_expect (judge, "vzeroupper");
  judge_decide (judge);
}

void
test_vector_sha (void **state)
{
  static const struct {
    enum X64Sha op;
    const char *name, *tail;
  } sha[] = {
      {X64_SHA1NEXTE, "sha1nexte", ""},   {X64_SHA1MSG1, "sha1msg1", ""},
      {X64_SHA1MSG2, "sha1msg2", ""},     {X64_SHA256RNDS2, "sha256rnds2", ",xmm0"},
      {X64_SHA256MSG1, "sha256msg1", ""}, {X64_SHA256MSG2, "sha256msg2", ""},
  };
  Judge *judge = *state;
  X64Asm *a = &judge->a;

  for (unsigned i = 0; i < G_N_ELEMENTS (sha); i++) {
    for (unsigned d = 0; d < 16; d++) {
      unsigned s = (d * 5 + i) % 16;
      X64Mem mem = pick_mem (judge, d * 16 + i, 1);

      x64_sha_rr (a, sha[i].op, d, s);
      judge_expect (judge, "%s xmm%u,xmm%u%s", sha[i].name, d, s, sha[i].tail);
      x64_sha_rm (a, sha[i].op, d, mem);
      judge_expect (judge, "%s xmm%u,%s%s", sha[i].name, d, mem_text (judge, 16, mem), sha[i].tail);
      x64_sha1rnds4 (a, d, s, d & 3);
      judge_expect (judge, "sha1rnds4 xmm%u,xmm%u,0x%x", d, s, d & 3);
    }
  }
  judge_decide (judge);
}
