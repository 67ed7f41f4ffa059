// SPDX-License-Identifier: GPL-3.0-or-later
// Integer instructions of the encoder on memory: one form with every address there is, then
// every form with some of them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/host/asm-cases.h"

static const int32_t imms[] = {0, 1, -1, 0x7f, 0x80, -0x80, -0x81, 0x12345678, INT32_MIN};

// Without index and displacement lea is mov.
static void
address (Judge *judge, unsigned bits, unsigned d, X64Mem mem)
{
  x64_lea (&judge->a, bits, d, mem);
  if (mem.index == X64_INDEX_NONE && mem.disp == 0)
    judge_expect (judge, "mov %s,%s", reg_text (bits, d), reg_text (bits, (unsigned) mem.base));
  else
    judge_expect (judge, "lea %s,%s", reg_text (bits, d), mem_text (judge, 0, mem));
}

// Every base, index, scale and kind of displacement.
void
test_mem_addresses (void **state)
{
  static const int32_t disps[] = {0, 1, -1, 127, 128, -128, -129, INT32_MAX, INT32_MIN};
  Judge *judge = *state;

  for (unsigned base = 0; base < 16; base++) {
    for (unsigned i = 0; i < G_N_ELEMENTS (disps); i++) {
      X64Mem mem = x64_mem (base, disps[i]);

      address (judge, 64, base ^ 8, mem);
      for (unsigned index = 0; index < 16; index++) {
        for (unsigned scale = 0; scale < 4 && index != X64_RSP; scale++) {
          mem = x64_mem_index (base, index, scale, disps[i]);
          x64_mov_rm (&judge->a, 64, index, mem);
          judge_expect (judge, "mov %s,%s", reg_text (64, index), mem_text (judge, 8, mem));
        }
      }
      for (unsigned scale = 0; scale < 4 && base != X64_RSP; scale++)
        address (judge, 32, base ^ 1, x64_mem_scaled (base, scale, disps[i]));
      address (judge, 64, base, x64_rip (judge->code + i * base));
    }
  }
  judge_decide (judge);
}

// rbp and r13 want a displacement as bases; when they need not be bases they are not.
void
test_mem_constructors (void **state)
{
  X64Mem mem = x64_mem_index (X64_R13, X64_RCX, 0, 0);

  assert_int_equal (mem.base, X64_RCX);
  assert_int_equal (mem.index, X64_R13);
  mem = x64_mem_index (X64_RBP, X64_RCX, 1, 0);
  assert_int_equal (mem.base, X64_RBP);
  mem = x64_mem_index (X64_RBP, X64_RCX, 0, 1);
  assert_int_equal (mem.base, X64_RBP);
  mem = x64_mem_scaled (X64_R9, 0, 5);
  assert_int_equal (mem.index, X64_INDEX_NONE);
  mem = x64_mem_scaled (X64_R9, 1, 5);
  assert_int_equal (mem.base, X64_R9);
  mem = x64_mem_scaled (X64_R9, 2, 5);
  assert_int_equal (mem.base, X64_BASE_NONE);
}

#define CONSTANT_BASE(judge, base, disp)                                                           \
  do {                                                                                             \
    X64Mem mem_ = x64_mem (base, disp);                                                            \
    x64_mov_rm (&(judge)->a, 64, X64_R9, x64_mem (base, disp));                                    \
    judge_expect (judge, "mov r9,%s", mem_text (judge, 8, mem_));                                  \
    x64_alu_mi (&(judge)->a, X64_CMP, 32, x64_mem (base, disp), 5);                                \
    judge_expect (judge, "cmp %s,0x5", mem_text (judge, 4, mem_));                                 \
    x64_vrm (&(judge)->a, X64_VMOVAPS, 9, x64_mem (base, disp));                                   \
    judge_expect (judge, "vmovaps xmm9,%s", mem_text (judge, 16, mem_));                           \
    x64_vmr (&(judge)->a, X64_VMOVAPS_ST, x64_mem (base, disp), 25);                               \
    judge_expect (judge, "vmovaps %s,xmm25", mem_text (judge, 16, mem_));                          \
  } while (0)

// What is known at compile time takes a way of its own.
void
test_mem_constant_base (void **state)
{
  Judge *judge = *state;

  for (int32_t disp = -0x900; disp <= 0x900; disp += 8) {
    CONSTANT_BASE (judge, X64_RBP, disp);
    CONSTANT_BASE (judge, X64_RSP, disp);
    CONSTANT_BASE (judge, X64_RBX, disp);
    CONSTANT_BASE (judge, X64_R12, disp);
    CONSTANT_BASE (judge, X64_R13, disp);
    CONSTANT_BASE (judge, X64_R15, disp);
  }
  CONSTANT_BASE (judge, X64_RAX, 1);
  judge_decide (judge);
}

static void
sized (Judge *judge, unsigned bits, unsigned r, X64Mem mem)
{
  X64Asm *a = &judge->a;
  const char *rt = reg_text (bits, r), *mt = mem_text (judge, bits / 8, mem);

  for (unsigned alu = 0; alu < 8; alu++) {
    x64_alu_rm (a, alu, bits, r, mem);
    judge_expect (judge, "%s %s,%s", alu_names[alu], rt, mt);
    x64_alu_mr (a, alu, bits, mem, r);
    judge_expect (judge, "%s %s,%s", alu_names[alu], mt, rt);
    if (alu == X64_CMP)
      break;
    x64_lock_alu_mr (a, alu, bits, mem, r);
    judge_expect (judge, "lock %s %s,%s", alu_names[alu], mt, rt);
  }
  x64_mov_rm (a, bits, r, mem);
  judge_expect (judge, "mov %s,%s", rt, mt);
  x64_mov_mr (a, bits, mem, r);
  judge_expect (judge, "mov %s,%s", mt, rt);
  x64_test_mr (a, bits, mem, r);
  judge_expect (judge, "test %s,%s", mt, rt);
  x64_xchg_mr (a, bits, mem, r);
  judge_expect (judge, "xchg %s,%s", mt, rt);
  x64_lock_xadd (a, bits, mem, r);
  judge_expect (judge, "lock xadd %s,%s", mt, rt);
  x64_lock_cmpxchg (a, bits, mem, r);
  judge_expect (judge, "lock cmpxchg %s,%s", mt, rt);
  x64_crc32_rm (a, bits, r, mem);
  judge_expect (judge, "crc32 %s,%s", reg_text (bits == 64 ? 64 : 32, r), mt);
  for (unsigned op = 0; op < 8; op++) {
    if (unary_names[op] == NULL)
      continue;
    x64_unary_m (a, op, bits, mem);
    judge_expect (judge, "%s %s", unary_names[op], mt);
  }
}

static void
wide (Judge *judge, unsigned bits, unsigned r, X64Mem mem)
{
  X64Asm *a = &judge->a;
  const char *rt = reg_text (bits, r), *mt = mem_text (judge, bits / 8, mem);

  x64_imul_rm (a, bits, r, mem);
  judge_expect (judge, "imul %s,%s", rt, mt);
  x64_count_rm (a, X64_POPCNT, bits, r, mem);
  judge_expect (judge, "popcnt %s,%s", rt, mt);
  x64_count_rm (a, X64_TZCNT, bits, r, mem);
  judge_expect (judge, "tzcnt %s,%s", rt, mt);
  x64_count_rm (a, X64_LZCNT, bits, r, mem);
  judge_expect (judge, "lzcnt %s,%s", rt, mt);
  x64_cmov_rm (a, r, bits, r, mem);
  judge_expect (judge, "cmov%s %s,%s", cc_names[r], rt, mt);
  for (unsigned bt = 0; bt < 8; bt++) {
    if (bt_names[bt] == NULL)
      continue;
    x64_bt_mi (a, bt, bits, mem, bits - 1 - r);
    judge_expect (judge, "%s %s,0x%x", bt_names[bt], mt, bits - 1 - r);
  }
}

static void
with_immediate (Judge *judge, unsigned bits, unsigned r, X64Mem mem, int32_t imm)
{
  X64Asm *a = &judge->a;
  const char *mt = mem_text (judge, bits / 8, mem), *it = imm_text (bits, imm);

  for (unsigned alu = 0; alu < 8; alu++) {
    x64_alu_mi (a, alu, bits, mem, imm);
    judge_expect (judge, "%s %s,%s", alu_names[alu], mt, it);
    if (alu == X64_CMP)
      break;
    x64_lock_alu_mi (a, alu, bits, mem, imm);
    judge_expect (judge, "lock %s %s,%s", alu_names[alu], mt, it);
  }
  x64_mov_mi (a, bits, mem, imm);
  judge_expect (judge, "mov %s,%s", mt, it);
  x64_test_mi (a, bits, mem, imm);
  judge_expect (judge, "test %s,%s", mt, it);
  if (bits == 8)
    return;
  x64_imul_rmi (a, bits, r, mem, imm);
  judge_expect (judge, "imul %s,%s,%s", reg_text (bits, r), mt, it);
}

static void
unsized (Judge *judge, unsigned r, X64Mem mem)
{
  X64Asm *a = &judge->a;
  const char *quad = mem_text (judge, 8, mem), *byte = mem_text (judge, 1, mem);

  for (unsigned from = 8; from <= 16; from *= 2) {
    const char *mt = mem_text (judge, from / 8, mem);

    x64_movzx_rm (a, from, r, mem);
    judge_expect (judge, "movzx %s,%s", reg_text (32, r), mt);
    for (unsigned to = 32; to <= 64; to *= 2) {
      x64_movsx_rm (a, from, to, r, mem);
      judge_expect (judge, "movsx %s,%s", reg_text (to, r), mt);
    }
  }
  x64_movzx_rm (a, 32, r, mem);
  judge_expect (judge, "mov %s,%s", reg_text (32, r), mem_text (judge, 4, mem));
  x64_movzx_rm (a, 64, r, mem);
  judge_expect (judge, "mov %s,%s", reg_text (64, r), quad);
  x64_movsx_rm (a, 32, 64, r, mem);
  judge_expect (judge, "movsxd %s,%s", reg_text (64, r), mem_text (judge, 4, mem));
  x64_setcc_m (a, r, mem);
  judge_expect (judge, "set%s %s", cc_names[r], byte);
  x64_push_m (a, mem);
  judge_expect (judge, "push %s", quad);
  x64_pop_m (a, mem);
  judge_expect (judge, "pop %s", quad);
  x64_call_m (a, mem);
  judge_expect (judge, "call %s", quad);
  x64_jmp_m (a, mem);
  judge_expect (judge, "jmp %s", quad);
  x64_lock_cmpxchg16b (a, mem);
  judge_expect (judge, "lock cmpxchg16b O%s", mem_text (judge, 16, mem) + 3);
  x64_ldmxcsr (a, mem);
  judge_expect (judge, "ldmxcsr %s", mem_text (judge, 4, mem));
  x64_stmxcsr (a, mem);
  judge_expect (judge, "stmxcsr %s", mem_text (judge, 4, mem));
}

void
test_mem_forms (void **state)
{
  Judge *judge = *state;
  unsigned next = 0;

  for (unsigned round = 0; round < 4; round++) {
    for (unsigned r = 0; r < 16; r++) {
      for (unsigned bits = 8; bits <= 64; bits *= 2) {
        sized (judge, bits, r, pick_mem (judge, next++, 1));
        if (bits > 8)
          wide (judge, bits, r, pick_mem (judge, next++, 1));
        for (unsigned i = 0; i < G_N_ELEMENTS (imms); i++)
          with_immediate (judge, bits, r, pick_mem (judge, next++, 1), imms[i]);
      }
      unsized (judge, r, pick_mem (judge, next++, 1));
    }
  }
  judge_decide (judge);
}
