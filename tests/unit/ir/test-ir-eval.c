// SPDX-License-Identifier: GPL-3.0-or-later
// The meaning of each uop by examples: those of general registers as a table, memory, atomics and
// control on small regions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "engine/ir/eval.h"

#define ONES  UINT64_MAX
#define MIN64 (UINT64_C (1) << 63)
#define OLD   UINT64_C (0x1111222233334444) // of d
#define W     UOP_W64

enum {
  N = 8,
  Z = 4,
  C = 2,
  V = 1,
};

typedef struct Example {
  IrOp op;
  unsigned flags;
  uint8_t aux, aux2;
  int64_t imm;
  uint64_t a, b, c;
  unsigned nzcv;
  uint64_t d;
  unsigned nzcv_after;
} Example;

// NZCV stays as it was unless it is given a meaning: the last column says what it is then.
static const Example examples[] = {
    {UOP_NOP, 0, 0, 0, 0, 1, 2, 3, V, OLD, V},
    {UOP_MOV, W, 0, 0, 0, ONES, 0, 0, 0, ONES, 0},
    {UOP_MOV, 0, 0, 0, 0, ONES, 0, 0, 0, 0xffffffff, 0},
    {UOP_MOVI, W, 0, 0, -5, 0, 0, 0, 0, ONES - 4, 0},
    {UOP_MOVPC, W, 0, 0, -4096, 0, 0, 0, 0, 0x7000, 0},

    {UOP_ADD, W, IR_LSL, 4, 0, 1, 0x10, 0, 0, 0x101, 0},
    {UOP_ADD, 0, IR_LSL, 31, 0, 1, 3, 0, 0, 0x80000001, 0},
    {UOP_ADD, 0, IR_LSR, 4, 0, 0, 0xfffffff80, 0, 0, 0xffffff8, 0},
    {UOP_ADD, 0, IR_ASR, 4, 0, 0, 0x80000000, 0, 0, 0xf8000000, 0},
    {UOP_SUB, W, IR_ASR, 60, 0, 0, MIN64, 0, 0, 8, 0},
    {UOP_SUB, 0, IR_LSL, 0, 0, 0, 1, 0, 0, 0xffffffff, 0},
    {UOP_AND, W, IR_ROR, 4, 0, ONES, 0x8000000000000001, 0, 0, 0x1800000000000000, 0},
    {UOP_OR, 0, IR_ROR, 1, 0, 0, 0x100000001, 0, 0, 0x80000000, 0},
    {UOP_XOR, W, IR_LSL, 0, 0, 0xf0, 0xff, 0, 0, 0x0f, 0},
    {UOP_BIC, W, IR_LSL, 0, 0, 0xff, 0x0f, 0, 0, 0xf0, 0},
    {UOP_ORN, 0, IR_LSL, 0, 0, 0, 0xffff0000, 0, 0, 0xffff, 0},
    {UOP_EON, W, IR_LSL, 0, 0, 0, 0, 0, 0, ONES, 0},

    {UOP_ADDS, W, IR_LSL, 0, 0, ONES, 1, 0, V, 0, Z | C},
    {UOP_ADDS, W, IR_LSL, 0, 0, MIN64 - 1, 1, 0, 0, MIN64, N | V},
    {UOP_ADDS, 0, IR_LSL, 0, 0, 0x80000000, 0x80000000, 0, 0, 0, Z | C | V},
    {UOP_ADDS, 0, IR_LSL, 0, 0, 0xffffffff, 0, 0, C, 0xffffffff, N},
    {UOP_SUBS, W, IR_LSL, 0, 0, 5, 5, 0, N, 0, Z | C},
    {UOP_SUBS, W, IR_LSL, 0, 0, 4, 5, 0, 0, ONES, N},
    {UOP_SUBS, W, IR_LSL, 0, 0, MIN64, 1, 0, 0, MIN64 - 1, C | V},
    {UOP_SUBS, 0, IR_LSL, 0, 0, 0x100000000, 0, 0, 0, 0, Z | C},
    {UOP_ANDS, W, IR_LSL, 0, 0, MIN64, ONES, 0, C | V, MIN64, N},
    {UOP_BICS, 0, IR_LSL, 0, 0, 0xff, 0xff, 0, C, 0, Z},

    {UOP_ADDX, W, IR_UXTB, 2, 0, 1, 0x1ff, 0, 0, 0x3fd, 0},
    {UOP_ADDX, W, IR_SXTB, 4, 0, 0, 0x80, 0, 0, ONES - 0x7ff, 0},
    {UOP_ADDX, W, IR_SXTW, 1, 0, 0, 0x80000000, 0, 0, ONES - 0xffffffff, 0},
    {UOP_ADDX, W, IR_SXTX, 1, 0, 0, MIN64 | 1, 0, 0, 2, 0},
    {UOP_SUBX, 0, IR_UXTH, 0, 0, 0, 0x10001, 0, 0, 0xffffffff, 0},
    {UOP_ADDSX, 0, IR_SXTH, 0, 0, 0, 0x8000, 0, 0, 0xffff8000, N},
    {UOP_SUBSX, W, IR_UXTW, 0, 0, 1, 0x100000001, 0, 0, 0, Z | C},

    {UOP_ADDI, W, 0, 0, -16, 8, 0, 0, 0, ONES - 7, 0},
    {UOP_ADDI, 0, 0, 0, 1, 0xffffffff, 0, 0, 0, 0, 0},
    {UOP_ANDI, W, 0, 0, 0xff00, 0x1234, 0, 0, 0, 0x1200, 0},
    {UOP_ORI, 0, 0, 0, 0xff00, 0x100000034, 0, 0, 0, 0xff34, 0},
    {UOP_XORI, W, 0, 0, -1, 0, 0, 0, 0, ONES, 0},
    {UOP_ADDSI, W, 0, 0, 1, ONES, 0, 0, 0, 0, Z | C},
    {UOP_SUBSI, 0, 0, 0, 1, 0, 0, 0, 0, 0xffffffff, N},
    {UOP_ANDSI, W, 0, 0, 1, 2, 0, 0, C | V, 0, Z},

    {UOP_ADC, W, 0, 0, 0, 1, 2, 0, C, 4, C},
    {UOP_SBC, W, 0, 0, 0, 5, 2, 0, 0, 2, 0},
    {UOP_ADCS, 0, 0, 0, 0, 0xffffffff, 0xffffffff, 0, C, 0xffffffff, N | C},
    {UOP_ADCS, W, 0, 0, 0, ONES, 0, 0, C, 0, Z | C},
    {UOP_SBCS, W, 0, 0, 0, 5, 5, 0, 0, ONES, N},
    {UOP_SBCS, W, 0, 0, 0, 5, 5, 0, C, 0, Z | C},

    {UOP_SHL, W, 0, 0, 0, 1, 64 + 63, 0, 0, MIN64, 0},
    {UOP_SHL, 0, 0, 0, 0, 3, 32 + 31, 0, 0, 0x80000000, 0},
    {UOP_SHR, 0, 0, 0, 0, ONES, 4, 0, 0, 0xfffffff, 0},
    {UOP_SAR, 0, 0, 0, 0, 0x80000000, 31, 0, 0, 0xffffffff, 0},
    {UOP_ROR, W, 0, 0, 0, 1, 1, 0, 0, MIN64, 0},
    {UOP_UBFM, W, 8, 15, 0, 0x1234, 0, 0, 0, 0x12, 0},
    {UOP_UBFM, W, 60, 7, 0, 0xfff, 0, 0, 0, 0xff0, 0},
    {UOP_UBFM, 0, 4, 31, 0, 0xf00000000, 0, 0, 0, 0, 0},
    {UOP_SBFM, W, 0, 7, 0, 0x80, 0, 0, 0, ONES - 0x7f, 0},
    {UOP_SBFM, 0, 28, 3, 0, 0x8, 0, 0, 0, 0xffffff80, 0},
    {UOP_BFM, W, 8, 15, 0, 0xabcd, 0, 0, 0, 0x11112222333344ab, 0},
    {UOP_BFM, 0, 16, 7, 0, 0xcd, 0, 0, 0, 0x33cd4444, 0},
    {UOP_EXTR, W, 4, 0, 0, 0xa, 0xbb, 0, 0, 0xa00000000000000b, 0},
    {UOP_EXTR, 0, 8, 0, 0, 0x12, 0x3456, 0, 0, 0x12000034, 0},

    {UOP_MADD, W, 0, 0, 0, 3, 4, 5, 0, 17, 0},
    {UOP_MADD, 0, 0, 0, 0, 0xffffffff, 2, 1, 0, 0xffffffff, 0},
    {UOP_MSUB, W, 0, 0, 0, 3, 4, 5, 0, ONES - 6, 0},
    {UOP_SMADDL, W, 0, 0, 0, 0xffffffff, 2, 0, 0, ONES - 1, 0},
    {UOP_SMSUBL, W, 0, 0, 0, 0xffffffff, 2, 1, 0, 3, 0},
    {UOP_UMADDL, W, 0, 0, 0, 0x1ffffffff, 2, 1, 0, 0x1ffffffff, 0},
    {UOP_UMSUBL, W, 0, 0, 0, 2, 3, 10, 0, 4, 0},
    {UOP_SMULH, W, 0, 0, 0, ONES, 2, 0, 0, ONES, 0},
    {UOP_UMULH, W, 0, 0, 0, ONES, 2, 0, 0, 1, 0},
    {UOP_SDIV, W, 0, 0, 0, ONES - 6, 2, 0, 0, ONES - 2, 0},
    {UOP_SDIV, W, 0, 0, 0, MIN64, ONES, 0, 0, MIN64, 0},
    {UOP_SDIV, 0, 0, 0, 0, 0x80000000, 0xffffffff, 0, 0, 0x80000000, 0},
    {UOP_SDIV, W, 0, 0, 0, 5, 0, 0, 0, 0, 0},
    {UOP_UDIV, 0, 0, 0, 0, 0xffffffff, 2, 0, 0, 0x7fffffff, 0},
    {UOP_UDIV, 0, 0, 0, 0, 7, 0x100000000, 0, 0, 0, 0},

    {UOP_CLZ, W, 0, 0, 0, 0, 0, 0, 0, 64, 0},
    {UOP_CLZ, 0, 0, 0, 0, 1, 0, 0, 0, 31, 0},
    {UOP_CLS, W, 0, 0, 0, ONES, 0, 0, 0, 63, 0},
    {UOP_CLS, 0, 0, 0, 0, 0xf0000000, 0, 0, 0, 3, 0},
    {UOP_RBIT, 0, 0, 0, 0, 1, 0, 0, 0, 0x80000000, 0},
    {UOP_REV16, W, 0, 0, 0, 0x0102030405060708, 0, 0, 0, 0x0201040306050807, 0},
    {UOP_REV32, W, 0, 0, 0, 0x0102030405060708, 0, 0, 0, 0x0403020108070605, 0},
    {UOP_REV64, W, 0, 0, 0, 0x0102030405060708, 0, 0, 0, 0x0807060504030201, 0},
    {UOP_CRC32, 0, 0, 0, 0, 0xffffffff, 0x31, 0, 0, 0x7c231048, 0},
    {UOP_CRC32, 0, 3, 1, 0, 0, 0, 0, 0, 0, 0},

    {UOP_CSEL, W, IR_EQ, 0, 0, 1, 2, 0, Z, 1, Z},
    {UOP_CSEL, W, IR_NE, 0, 0, 1, 2, 0, Z, 2, Z},
    {UOP_CSINC, 0, IR_CS, 0, 0, 1, 0xffffffff, 0, 0, 0, 0},
    {UOP_CSINV, W, IR_MI, 0, 0, 1, 0, 0, 0, ONES, 0},
    {UOP_CSNEG, W, IR_VC, 0, 0, 1, 5, 0, V, ONES - 4, V},
    {UOP_CSEL, W, IR_HI, 0, 0, 1, 2, 0, C | Z, 2, C | Z},
    {UOP_CSEL, W, IR_LS, 0, 0, 1, 2, 0, C, 2, C},
    {UOP_CSEL, W, IR_GE, 0, 0, 1, 2, 0, N | V, 1, N | V},
    {UOP_CSEL, W, IR_LT, 0, 0, 1, 2, 0, N, 1, N},
    {UOP_CSEL, W, IR_GT, 0, 0, 1, 2, 0, Z, 2, Z},
    {UOP_CSEL, W, IR_LE, 0, 0, 1, 2, 0, 0, 2, 0},
    {UOP_CSEL, W, IR_NV, 0, 0, 1, 2, 0, 0, 1, 0},
    {UOP_CCMP, W, IR_EQ, N | V, 0, 1, 2, 0, 0, OLD, N | V},
    {UOP_CCMP, W, IR_EQ, 0, 0, 2, 2, 0, Z, OLD, Z | C},
    {UOP_CCMN, W, IR_NE, 0, 0, ONES, 1, 0, 0, OLD, Z | C},
    {UOP_CCMPI, 0, IR_AL, 0, 3, 2, 0, 0, 0, OLD, N},
    {UOP_CCMNI, 0, IR_PL, C, 3, 2, 0, 0, N, OLD, C},
};

static IrEval *
reset (IrEval *e)
{
  memset (e, 0, sizeof *e);
  e->page = 0x8000;
  e->x[0] = OLD;
  e->x[IR_ZERO] = 0xbad;
  return e;
}

static void
test_examples (void **state)
{
  (void) state;
  for (unsigned i = 0; i < sizeof examples / sizeof examples[0]; i++) {
    const Example *x = &examples[i];
    bool compares = ir_info[x->op].shape == IR_SHAPE_R2I || ir_info[x->op].shape == IR_SHAPE_R3B;
    Uop uop = {
        .op = (uint16_t) x->op,
        .d = compares && (ir_info[x->op].properties & IR_FOUT) &&
                     (ir_info[x->op].properties & IR_FIN)
                 ? IR_SINK
                 : 0,
        .a = 1,
        .b = 2,
        .c = 3,
        .aux = x->aux,
        .aux2 = x->aux2,
        .flags = (uint16_t) x->flags,
        .imm = x->imm,
    };
    IrEval e;

    reset (&e);
    e.x[1] = x->a;
    e.x[2] = x->b;
    e.x[3] = x->c;
    e.nzcv = x->nzcv << 28;
    assert_true (ir_eval_integer (&e, &uop));
    if (e.x[0] != x->d || e.nzcv != x->nzcv_after << 28)
      fail_msg ("example %u, %s: %016llx, NZCV %x", i, ir_names[x->op], (unsigned long long) e.x[0],
                e.nzcv >> 28);
  }
}

// Every uop of general registers alone has an example.
static void
test_all_have_one (void **state)
{
  (void) state;
  for (unsigned op = 0; op < UOP_N; op++) {
    bool found = op == UOP_GETFLAGS || op == UOP_PUTFLAGS;
    Uop uop = {.op = (uint16_t) op};
    IrEval e;

    for (unsigned i = 0; i < sizeof examples / sizeof examples[0]; i++)
      found |= examples[i].op == op;
    if (ir_eval_integer (reset (&e), &uop) && !found)
      fail_msg ("%s has no example", ir_names[op]);
  }
}

static void
test_zero_and_sink (void **state)
{
  Uop add = {.op = UOP_ADD, .d = IR_SINK, .a = IR_ZERO, .b = IR_ZERO, .flags = W};
  IrEval e;

  (void) state;
  assert_true (ir_eval_integer (reset (&e), &add));
  assert_int_equal (e.x[IR_SINK], 0);
  add.d = 4;
  assert_true (ir_eval_integer (&e, &add));
  assert_int_equal (e.x[4], 0);
}

// ---- regions --------------------------------------------------------------------------------

enum { MEMORY_BYTES = 64, BASE = 0x1000 };

typedef struct Surroundings {
  uint8_t memory[MEMORY_BYTES];
  uint8_t cpu[16], sys[16];
  unsigned n_interp;
  bool goes_on;
} Surroundings;

static void *
at (IrEval *e, uint64_t va, unsigned n_bytes)
{
  Surroundings *s = e->opaque;

  return va - BASE <= MEMORY_BYTES - n_bytes ? s->memory + (va - BASE) : NULL;
}

static bool
load (IrEval *e, const Uop *uop, uint64_t va, unsigned n_bytes, void *data)
{
  void *p = at (e, va, n_bytes);

  (void) uop;
  if (p != NULL)
    memcpy (data, p, n_bytes);
  return p != NULL;
}

static bool
store (IrEval *e, const Uop *uop, uint64_t va, unsigned n_bytes, const void *data)
{
  void *p = at (e, va, n_bytes);

  (void) uop;
  if (p != NULL)
    memcpy (p, data, n_bytes);
  return p != NULL;
}

static void *
rmw (IrEval *e, const Uop *uop, uint64_t va, unsigned n_bytes)
{
  (void) uop;
  return va % n_bytes == 0 ? at (e, va, n_bytes) : NULL;
}

static bool
check_sp (IrEval *e, const Uop *uop)
{
  (void) e, (void) uop;
  return false;
}

static bool
interp (IrEval *e, const Uop *uop)
{
  Surroundings *s = e->opaque;

  (void) uop;
  s->n_interp++;
  return s->goes_on;
}

static const IrEvalOps ops = {load, store, rmw, check_sp, interp};

static void
begin (IrEval *e, Surroundings *s)
{
  reset (e);
  memset (s, 0, sizeof *s);
  for (unsigned i = 0; i < MEMORY_BYTES; i++)
    s->memory[i] = (uint8_t) (0x80 + i);
  e->ops = &ops;
  e->opaque = s;
  e->cpu = s->cpu;
  e->sys = s->sys;
  e->x[1] = BASE;
}

static IrRegion region;

// Carries one uop out and leaves.
static IrEvalResult
run_one (IrEval *e, Uop uop)
{
  region.n_uops = 0;
  uop.flags |= UOP_FIRST;
  *ir_append (&region, uop.op) = uop;
  *ir_append (&region, UOP_B) = (Uop){.op = UOP_B, .imm = 4};
  return ir_eval (e, &region, 1000);
}

static void
test_loads (void **state)
{
  static const struct {
    Uop uop;
    uint64_t d, c;
  } cases[] = {
      {{.op = UOP_LD, .a = 1, .aux = 0}, 0x80, 0},
      {{.op = UOP_LD, .a = 1, .aux = 1, .aux2 = IR_MEM_SIGNED}, 0xffff8180, 0},
      {{.op = UOP_LD, .a = 1, .aux = 1, .aux2 = IR_MEM_SIGNED, .flags = W}, ONES - 0x7e7f, 0},
      {{.op = UOP_LD, .a = 1, .aux = 3, .imm = 8, .flags = W}, 0x8f8e8d8c8b8a8988, 0},
      {{.op = UOP_LDX, .a = 1, .b = 2, .c = IR_SXTW << 4 | 2, .aux = 0}, 0x88, 0},
      {{.op = UOP_LDX, .a = 1, .b = 2, .c = IR_UXTX << 4, .aux = 0}, 0, 0}, // faults
      {{.op = UOP_LD2, .a = 1, .c = 3, .aux = 2, .imm = 4}, 0x87868584, 0x8b8a8988},
      {{.op = UOP_LD2, .a = 1, .c = 3, .aux = 2, .aux2 = IR_MEM_SIGNED, .flags = W},
       0xffffffff83828180,
       0xffffffff87868584},
  };

  (void) state;
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    Surroundings s;
    IrEval e;
    IrEvalResult result;

    begin (&e, &s);
    e.x[2] = 0xf00000002;
    result = run_one (&e, cases[i].uop);
    if (cases[i].d == 0) {
      assert_int_equal (result.end, IR_EVAL_FAULT);
      assert_int_equal (e.x[0], OLD);
      continue;
    }
    assert_int_equal (result.end, IR_EVAL_LEFT);
    assert_int_equal (result.pc, 0x8004);
    if (e.x[0] != cases[i].d || e.x[3] != cases[i].c)
      fail_msg ("load %u: %llx %llx", i, (unsigned long long) e.x[0], (unsigned long long) e.x[3]);
  }
}

static void
test_vector_loads (void **state)
{
  Surroundings s;
  IrEval e;

  (void) state;
  begin (&e, &s);
  memset (e.v, 0xff, sizeof e.v);
  run_one (&e, (Uop){.op = UOP_LDV, .d = 2, .a = 1, .aux = 2, .imm = 4});
  assert_int_equal (e.v[2].d[0], 0x87868584);
  assert_int_equal (e.v[2].d[1], 0);
  run_one (&e, (Uop){.op = UOP_LDV2, .d = 4, .a = 1, .c = 5, .aux = 4});
  assert_int_equal (e.v[4].d[1], 0x8f8e8d8c8b8a8988);
  assert_int_equal (e.v[5].d[0], 0x9796959493929190);
  run_one (&e, (Uop){.op = UOP_STV, .d = 5, .a = 1, .aux = 1, .imm = 32});
  assert_int_equal (s.memory[32], 0x90);
  assert_int_equal (s.memory[33], 0x91);
  assert_int_equal (s.memory[34], 0xa2);
}

// A pair that does not fit stores nothing; SP must be aligned.
static void
test_stores (void **state)
{
  Surroundings s;
  IrEval e;

  (void) state;
  begin (&e, &s);
  e.x[3] = 0x1122334455667788;
  run_one (&e, (Uop){.op = UOP_ST, .d = 3, .a = 1, .aux = 1, .imm = 2});
  assert_int_equal (s.memory[2], 0x88);
  assert_int_equal (s.memory[3], 0x77);
  assert_int_equal (s.memory[4], 0x84);
  run_one (&e, (Uop){.op = UOP_ST2, .d = 3, .a = 1, .c = IR_ZERO, .aux = 3, .imm = 8});
  assert_int_equal (s.memory[15], 0x11);
  assert_int_equal (s.memory[16], 0);
  assert_int_equal (
      run_one (&e, (Uop){.op = UOP_ST2, .d = 3, .a = 1, .c = 3, .aux = 3, .imm = 56}).end,
      IR_EVAL_FAULT);
  assert_int_equal (s.memory[56], 0x80 + 56);
  e.x[IR_SP] = BASE + 8;
  assert_int_equal (run_one (&e, (Uop){.op = UOP_ST, .d = 3, .a = IR_SP, .aux = 3}).end,
                    IR_EVAL_FAULT);
  e.x[IR_SP] = BASE + 16;
  assert_int_equal (run_one (&e, (Uop){.op = UOP_ST, .d = 3, .a = IR_SP, .aux = 3}).end,
                    IR_EVAL_LEFT);
}

static void
test_atomics (void **state)
{
  static const struct {
    IrOp op;
    uint32_t b, c, after;
  } cases[] = {
      {UOP_SWP, 7, 0, 7},
      {UOP_LDADD, 0x7c7d7e80, 0, 0},
      {UOP_LDCLR, 0xff, 0, 0x83828100},
      {UOP_LDEOR, 0xff, 0, 0x8382817f},
      {UOP_LDSET, 0xff, 0, 0x838281ff},
      {UOP_CAS, 0x83828180, 9, 9},
      {UOP_CAS, 0x83828181, 9, 0x83828180},
  };

  (void) state;
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    uint32_t after;
    Surroundings s;
    IrEval e;

    begin (&e, &s);
    e.x[2] = cases[i].b;
    e.x[3] = cases[i].c;
    run_one (&e, (Uop){.op = (uint16_t) cases[i].op, .d = 2, .a = 1, .b = 2, .c = 3, .aux = 2});
    memcpy (&after, s.memory, 4);
    assert_int_equal (e.x[2], 0x83828180);
    assert_int_equal (after, cases[i].after);
  }
}

static void
test_exclusives (void **state)
{
  const Uop ldex = {.op = UOP_LDEX, .d = 4, .a = 1, .aux = 2};
  const Uop stex = {.op = UOP_STEX, .d = 5, .a = 1, .b = 6, .aux = 2};
  Surroundings s;
  IrEval e;

  (void) state;
  begin (&e, &s);
  e.x[6] = 0x12345678;
  run_one (&e, stex);
  assert_int_equal (e.x[5], 1);
  run_one (&e, ldex);
  run_one (&e, stex);
  assert_int_equal (e.x[5], 0);
  assert_int_equal (s.memory[3], 0x12);
  run_one (&e, stex);
  assert_int_equal (e.x[5], 1);
  run_one (&e, ldex);
  s.memory[0] = 0;
  run_one (&e, stex);
  assert_int_equal (e.x[5], 1);
  run_one (&e, ldex);
  run_one (&e, (Uop){.op = UOP_CLREX});
  run_one (&e, stex);
  assert_int_equal (e.x[5], 1);
}

static void
test_state (void **state)
{
  Surroundings s;
  IrEval e;

  (void) state;
  begin (&e, &s);
  e.x[2] = 0x1234;
  run_one (&e, (Uop){.op = UOP_PUT, .d = 2, .aux = 0, .imm = 3});
  run_one (&e, (Uop){.op = UOP_PUTSYS, .d = 2, .aux = 3, .imm = 8});
  assert_int_equal (s.cpu[3], 0x34);
  assert_int_equal (s.cpu[4], 0);
  assert_int_equal (s.sys[9], 0x12);
  run_one (&e, (Uop){.op = UOP_GET, .d = 0, .aux = 0, .imm = 3});
  assert_int_equal (e.x[0], 0x34);
  run_one (&e, (Uop){.op = UOP_GETSYS, .d = 0, .aux = 3, .imm = 8});
  assert_int_equal (e.x[0], 0x1234);
  e.x[2] = 0xfffffffff;
  run_one (&e, (Uop){.op = UOP_PUTFLAGS, .a = 2});
  assert_int_equal (e.nzcv, 0xf0000000);
  run_one (&e, (Uop){.op = UOP_GETFLAGS, .a = 0});
  assert_int_equal (e.x[0], 0xf0000000);
}

static void
test_branches (void **state)
{
  static const struct {
    Uop uop;
    uint64_t a;
    bool taken;
  } cases[] = {
      {{.op = UOP_CBZ, .a = 2}, 0x100000000, true},
      {{.op = UOP_CBZ, .a = 2, .flags = W}, 0x100000000, false},
      {{.op = UOP_CBNZ, .a = 2}, 1, true},
      {{.op = UOP_TBZ, .a = 2, .aux = 3}, 8, false},
      {{.op = UOP_TBNZ, .a = 2, .aux = 63, .flags = W}, MIN64, true},
      {{.op = UOP_BCOND, .aux = IR_EQ}, 0, true},
      {{.op = UOP_BCOND, .aux = IR_MI}, 0, false},
      {{.op = UOP_B}, 0, true},
  };

  (void) state;
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    Uop uop = cases[i].uop;
    Surroundings s;
    IrEval e;

    begin (&e, &s);
    e.x[2] = cases[i].a;
    e.nzcv = 4u << 28;
    uop.imm = -64;
    if (run_one (&e, uop).pc != (cases[i].taken ? 0x8000 - 64u : 0x8004))
      fail_msg ("branch %u", i);
  }
}

// x2 down to 0; tier 0 does not go on at first, then does.
static void
test_loop (void **state)
{
  Surroundings s;
  IrEval e;
  IrEvalResult result;

  (void) state;
  begin (&e, &s);
  region.n_uops = 0;
  region.label_live[0] = true;
  *ir_append (&region, UOP_LABEL) = (Uop){.op = UOP_LABEL, .flags = UOP_LOOP};
  *ir_append (&region, UOP_ADDI) =
      (Uop){.op = UOP_ADDI, .d = 2, .a = 2, .imm = -1, .flags = W | UOP_FIRST};
  *ir_append (&region, UOP_CBNZ) =
      (Uop){.op = UOP_CBNZ, .a = 2, .pc_off = 4, .flags = W | UOP_FIRST | UOP_LOCAL};
  *ir_append (&region, UOP_INTERP) = (Uop){.op = UOP_INTERP, .pc_off = 8, .flags = UOP_FIRST};
  *ir_append (&region, UOP_JUMP) = (Uop){.op = UOP_JUMP, .a = 1, .pc_off = 12, .flags = UOP_FIRST};
  e.x[2] = 10;
  result = ir_eval (&e, &region, 7);
  assert_int_equal (result.end, IR_EVAL_STEPS);
  assert_int_equal (result.n_insns, 8);
  assert_int_equal (e.x[2], 6);
  result = ir_eval (&e, &region, 1000);
  assert_int_equal (result.end, IR_EVAL_TIER0);
  assert_int_equal (result.n_insns, 13);
  s.goes_on = true;
  e.x[2] = 1;
  result = ir_eval (&e, &region, 1000);
  assert_int_equal (result.end, IR_EVAL_LEFT);
  assert_int_equal (result.pc, BASE);
  assert_int_equal (s.n_interp, 2);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_examples),      cmocka_unit_test (test_all_have_one),
      cmocka_unit_test (test_zero_and_sink), cmocka_unit_test (test_loads),
      cmocka_unit_test (test_vector_loads),  cmocka_unit_test (test_stores),
      cmocka_unit_test (test_atomics),       cmocka_unit_test (test_exclusives),
      cmocka_unit_test (test_state),         cmocka_unit_test (test_branches),
      cmocka_unit_test (test_loop),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
