// SPDX-License-Identifier: GPL-3.0-or-later
// Integer instructions of the encoder on registers and immediates: every form with every pair of
// registers, every width, and immediates at their edges.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/host/asm-cases.h"

static const int32_t imms[] = {0,       1,       -1,         2,         0x7f,      0x80,
                               0xff,    -0x80,   -0x81,      0x7fff,    0x8000,    0xffff,
                               -0x8000, 0x10000, 0x12345678, INT32_MAX, INT32_MIN, -0x12345678};

static void
two (Judge *judge, const char *name, unsigned bits, unsigned d, unsigned s)
{
  judge_expect (judge, "%s %s,%s", name, reg_text (bits, d), reg_text (bits, s));
}

// What takes two registers of one width.
static void
pairs (Judge *judge, unsigned bits, unsigned d, unsigned s)
{
  X64Asm *a = &judge->a;
  bool swap = bits != 8 && d == X64_RAX && s != X64_RAX;

  for (unsigned alu = 0; alu < 8; alu++) {
    x64_alu_rr (a, alu, bits, d, s);
    two (judge, alu_names[alu], bits, d, s);
    if (d == s) // as makes zeroes shorter
      judge_excuse_length (judge);
  }
  x64_test_rr (a, bits, d, s);
  two (judge, "test", bits, d, s);
  x64_mov_rr (a, bits, d, s);
  two (judge, "mov", bits, d, s);
  x64_xchg_rr (a, bits, d, s);
  two (judge, "xchg", bits, swap ? s : d, swap ? d : s);
  if (d == s) // and nops of this
    judge_excuse_length (judge);
  x64_crc32_rr (a, bits, d, s);
  judge_expect (judge, "crc32 %s,%s", reg_text (bits == 64 ? 64 : 32, d), reg_text (bits, s));
}

// What takes two of one width that is not 8.
static void
wide_pairs (Judge *judge, unsigned bits, unsigned d, unsigned s)
{
  X64Asm *a = &judge->a;
  unsigned count = (d * 16 + s) % bits;

  x64_imul_rr (a, bits, d, s);
  two (judge, "imul", bits, d, s);
  x64_count_rr (a, X64_POPCNT, bits, d, s);
  two (judge, "popcnt", bits, d, s);
  x64_count_rr (a, X64_TZCNT, bits, d, s);
  two (judge, "tzcnt", bits, d, s);
  x64_count_rr (a, X64_LZCNT, bits, d, s);
  two (judge, "lzcnt", bits, d, s);
  for (unsigned bt = 0; bt < 8; bt++) {
    if (bt_names[bt] == NULL)
      continue;
    x64_bt_rr (a, bt, bits, d, s);
    two (judge, bt_names[bt], bits, d, s);
  }
  x64_cmov_rr (a, (d + s) % 16, bits, d, s);
  judge_expect (judge, "cmov%s %s,%s", cc_names[(d + s) % 16], reg_text (bits, d),
                reg_text (bits, s));
  x64_shld_rri (a, bits, d, s, count);
  judge_expect (judge, "shld %s,%s,0x%x", reg_text (bits, d), reg_text (bits, s), count);
  x64_shrd_rri (a, bits, d, s, count);
  judge_expect (judge, "shrd %s,%s,0x%x", reg_text (bits, d), reg_text (bits, s), count);
}

static void
extensions (Judge *judge, unsigned d, unsigned s)
{
  X64Asm *a = &judge->a;

  for (unsigned from = 8; from <= 16; from *= 2) {
    x64_movzx_rr (a, from, d, s);
    judge_expect (judge, "movzx %s,%s", reg_text (32, d), reg_text (from, s));
    for (unsigned to = 32; to <= 64; to *= 2) {
      x64_movsx_rr (a, from, to, d, s);
      judge_expect (judge, "movsx %s,%s", reg_text (to, d), reg_text (from, s));
    }
  }
  x64_movzx_rr (a, 32, d, s);
  two (judge, "mov", 32, d, s);
  x64_movsx_rr (a, 32, 64, d, s);
  judge_expect (judge, "movsxd %s,%s", reg_text (64, d), reg_text (32, s));
}

void
test_int_pairs (void **state)
{
  Judge *judge = *state;

  for (unsigned d = 0; d < 16; d++) {
    for (unsigned s = 0; s < 16; s++) {
      for (unsigned bits = 8; bits <= 64; bits *= 2)
        pairs (judge, bits, d, s);
      for (unsigned bits = 16; bits <= 64; bits *= 2)
        wide_pairs (judge, bits, d, s);
      extensions (judge, d, s);
    }
  }
  judge_decide (judge);
}

static void
bmi (Judge *judge, unsigned bits, unsigned d, unsigned s1, unsigned s2)
{
  static const struct {
    const char *name;
    enum X64BmiShift op;
  } shifts[] = {{"shlx", X64_SHLX},
                {"sarx", X64_SARX},
                {"shrx", X64_SHRX},
                {"bextr", X64_BEXTR},
                {"bzhi", X64_BZHI}};
  static const struct {
    const char *name;
    enum X64BmiOp op;
  } ops[] = {{"andn", X64_ANDN}, {"pdep", X64_PDEP}, {"pext", X64_PEXT}, {"mulx", X64_MULX}};
  X64Asm *a = &judge->a;
  X64Mem mem = pick_mem (judge, d * 16 + s1 + s2 * 256, 1);
  const char *rd = reg_text (bits, d), *r1 = reg_text (bits, s1), *r2 = reg_text (bits, s2);
  const char *rm = mem_text (judge, bits / 8, mem);

  for (unsigned i = 0; i < G_N_ELEMENTS (shifts); i++) {
    x64_shiftx_rrr (a, shifts[i].op, bits, d, s1, s2);
    judge_expect (judge, "%s %s,%s,%s", shifts[i].name, rd, r1, r2);
    x64_shiftx_rmr (a, shifts[i].op, bits, d, mem, s2);
    judge_expect (judge, "%s %s,%s,%s", shifts[i].name, rd, rm, r2);
  }
  for (unsigned i = 0; i < G_N_ELEMENTS (ops); i++) {
    x64_bmi_rrr (a, ops[i].op, bits, d, s1, s2);
    judge_expect (judge, "%s %s,%s,%s", ops[i].name, rd, r1, r2);
    x64_bmi_rrm (a, ops[i].op, bits, d, s1, mem);
    judge_expect (judge, "%s %s,%s,%s", ops[i].name, rd, r1, rm);
  }
  for (unsigned i = 0; i < 8; i++) {
    if (bls_names[i] == NULL)
      continue;
    x64_bls_rr (a, i, bits, d, s1);
    judge_expect (judge, "%s %s,%s", bls_names[i], rd, r1);
    x64_bls_rm (a, i, bits, d, mem);
    judge_expect (judge, "%s %s,%s", bls_names[i], rd, rm);
  }
  x64_rorx_rri (a, bits, d, s1, s2);
  judge_expect (judge, "rorx %s,%s,0x%x", rd, r1, s2);
  x64_rorx_rmi (a, bits, d, mem, bits - 1);
  judge_expect (judge, "rorx %s,%s,0x%x", rd, rm, bits - 1);
}

void
test_int_bmi (void **state)
{
  Judge *judge = *state;

  for (unsigned d = 0; d < 16; d++) {
    for (unsigned s = 0; s < 16; s++) {
      bmi (judge, 32, d, s, (d * 7 + s) % 16);
      bmi (judge, 64, d, s, (d * 7 + s * 3) % 16);
    }
  }
  judge_decide (judge);
}

// Flags and result allow narrower forms.
static unsigned
test_bits (unsigned bits, int32_t imm)
{
  if (imm < 0)
    return bits;
  return imm < 0x80 ? 8 : bits == 64 ? 32 : bits;
}

static void
immediate (Judge *judge, unsigned bits, unsigned d, int32_t imm)
{
  X64Asm *a = &judge->a;
  unsigned narrow = test_bits (bits, imm);

  for (unsigned alu = 0; alu < 8; alu++) {
    unsigned as = alu == X64_AND && bits == 64 && imm >= 0 ? 32 : bits;

    x64_alu_ri (a, alu, bits, d, imm);
    judge_expect (judge, "%s %s,%s", alu_names[alu], reg_text (as, d), imm_text (as, imm));
  }
  x64_test_ri (a, bits, d, imm);
  judge_expect (judge, "test %s,%s", reg_text (narrow, d), imm_text (narrow, imm));
  if (bits == 8)
    return;
  for (unsigned s = d & 3; s < 16; s += 3) {
    x64_imul_rri (a, bits, d, s, imm);
    judge_expect (judge, "imul %s,%s,%s", reg_text (bits, d), reg_text (bits, s),
                  imm_text (bits, imm));
  }
}

void
test_int_immediates (void **state)
{
  Judge *judge = *state;

  for (unsigned d = 0; d < 16; d++) {
    for (unsigned bits = 8; bits <= 64; bits *= 2) {
      for (unsigned i = 0; i < G_N_ELEMENTS (imms); i++)
        immediate (judge, bits, d, imms[i]);
    }
  }
  judge_decide (judge);
}

// The width and value that mov writes differ, so spell each form out.
void
test_int_constants (void **state)
{
  static const uint64_t values[] = {0,          1,           0x7fffffff,         0x80000000,
                                    0xffffffff, 0x100000000, 0xffffffff7fffffff, 0x7fffffffffffffff,
                                    1ull << 63};
  Judge *judge = *state;
  X64Asm *a = &judge->a;

  for (unsigned d = 0; d < 16; d++) {
    for (unsigned i = 0; i < G_N_ELEMENTS (values); i++) {
      x64_mov_ri (a, d, values[i]);
      judge_expect (judge, "%s %s,0x%" G_GINT64_MODIFIER "x", values[i] >> 32 ? "movabs" : "mov",
                    reg_text (values[i] >> 32 ? 64 : 32, d), values[i]);
    }
    x64_mov_ri (a, d, UINT64_MAX);
    judge_expect (judge, "mov %s,0xffffffffffffffff", reg_text (64, d));
    x64_mov_ri (a, d, 0xffffffff80000000);
    judge_expect (judge, "mov %s,0xffffffff80000000", reg_text (64, d));
  }
  judge_decide (judge);
}

static void
single (Judge *judge, unsigned bits, unsigned r)
{
  X64Asm *a = &judge->a;
  const char *text = reg_text (bits, r);

  for (unsigned op = 0; op < 8; op++) {
    if (unary_names[op] == NULL)
      continue;
    x64_unary_r (a, op, bits, r);
    judge_expect (judge, "%s %s", unary_names[op], text);
  }
  for (unsigned op = 0; op < 8; op++) {
    if (shift_names[op] == NULL)
      continue;
    x64_shift_cl (a, op, bits, r);
    judge_expect (judge, "%s %s,cl", shift_names[op], text);
    for (unsigned count = 0; count < bits; count += count < 4 ? 1 : bits / 8 - (bits > 8)) {
      x64_shift_ri (a, op, bits, r, count);
      judge_expect (judge, count == 1 ? "%s %s,1" : "%s %s,0x%x", shift_names[op], text, count);
    }
  }
  for (unsigned bt = 0; bt < 8 && bits > 8; bt++) {
    if (bt_names[bt] == NULL)
      continue;
    for (unsigned bit = 0; bit < bits; bit += bits / 2 - 1) {
      x64_bt_ri (a, bt, bits, r, bit);
      judge_expect (judge, "%s %s,0x%x", bt_names[bt], text, bit);
    }
  }
}

void
test_int_singles (void **state)
{
  Judge *judge = *state;
  X64Asm *a = &judge->a;

  for (unsigned r = 0; r < 16; r++) {
    for (unsigned bits = 8; bits <= 64; bits *= 2)
      single (judge, bits, r);
    for (unsigned bits = 32; bits <= 64; bits *= 2) {
      x64_bswap (a, bits, r);
      judge_expect (judge, "bswap %s", reg_text (bits, r));
    }
    for (unsigned cc = 0; cc < 16; cc++) {
      x64_setcc_r (a, cc, r);
      judge_expect (judge, "set%s %s", cc_names[cc], reg_text (8, r));
    }
    x64_push (a, r);
    judge_expect (judge, "push %s", reg_text (64, r));
    x64_pop (a, r);
    judge_expect (judge, "pop %s", reg_text (64, r));
    x64_call_r (a, r);
    judge_expect (judge, "call %s", reg_text (64, r));
    x64_jmp_r (a, r);
    judge_expect (judge, "jmp %s", reg_text (64, r));
  }
  judge_decide (judge);
}

void
test_int_rest (void **state)
{
  static const struct {
    void (*emit) (X64Asm *a);
    const char *text;
  } rest[] = {
      {x64_cmc, "cmc"},   {x64_clc, "clc"},     {x64_stc, "stc"},
      {x64_lahf, "lahf"}, {x64_sahf, "sahf"},   {x64_rdtsc, "rdtsc"},
      {x64_ret, "ret"},   {x64_pause, "pause"}, {x64_lfence, "lfence"},
      {x64_ud2, "ud2"},   {x64_int3, "int3"},   {x64_fence, "lock or DWORD PTR [rsp],0x0"},
  };
  Judge *judge = *state;

  for (unsigned i = 0; i < G_N_ELEMENTS (rest); i++) {
    rest[i].emit (&judge->a);
    judge_expect (judge, "%s", rest[i].text);
  }
  x64_cqo (&judge->a, 16);
  judge_expect (judge, "cwd");
  x64_cqo (&judge->a, 32);
  judge_expect (judge, "cdq");
  x64_cqo (&judge->a, 64);
  judge_expect (judge, "cqo");
  judge_decide (judge);
}
