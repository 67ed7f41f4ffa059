// SPDX-License-Identifier: GPL-3.0-or-later
// Integer instructions of the x86-64 encoder (Intel SDM volume 2). BMI instructions that leave
// the flags alone are in asm-bmi.h. Include asm.h, not this file.
#pragma once

#include "engine/host/x86_64/asm-core.h"
#include "engine/host/x86_64/asm-jump.h"

// --- Moves: none of them touches the flags -------------------------------------------------

static inline void
x64_mov_rr (X64Asm *a, unsigned bits, unsigned d, unsigned s)
{
  x64_op_rr (a, x64_op_sized (0x88, bits), s, d);
}

// The whole 64-bit register becomes `imm`: 5, 7 or 10 bytes.
static inline void
x64_mov_ri (X64Asm *a, unsigned d, uint64_t imm)
{
  uint8_t *q = x64_begin (a);
  unsigned b = d >> 3 & 1;

  if (q == NULL)
    return;
  if (imm == (uint32_t) imm) {
    *q = 0x41;
    q += b;
    *q++ = (uint8_t) (0xb8 | (d & 7));
    memcpy (q, &imm, 4);
    a->p = q + 4;
  } else if (x64_fits32 ((int64_t) imm)) {
    *q++ = (uint8_t) (0x48 | b);
    *q++ = 0xc7;
    *q++ = (uint8_t) (0xc0 | (d & 7));
    memcpy (q, &imm, 4);
    a->p = q + 4;
  } else {
    *q++ = (uint8_t) (0x48 | b);
    *q++ = (uint8_t) (0xb8 | (d & 7));
    memcpy (q, &imm, 8);
    a->p = q + 8;
  }
}

// mov: the register keeps what is beyond 8 or 16 bits.
static inline void
x64_mov_rm (X64Asm *a, unsigned bits, unsigned d, X64Mem mem)
{
  x64_op_rm (a, x64_op_sized (0x8a, bits), d, mem);
}

static inline void
x64_mov_mr (X64Asm *a, unsigned bits, X64Mem mem, unsigned s)
{
  x64_op_rm (a, x64_op_sized (0x88, bits), s, mem);
}

// 64 bits: the immediate is sign-extended.
static inline void
x64_mov_mi (X64Asm *a, unsigned bits, X64Mem mem, int32_t imm)
{
  X64Op op = x64_op_sized (0xc6, bits) & ~(X64Op) X64_OP_REG8;

  x64_op_rm_imm (a, op, 0, mem, imm, bits == 8 ? 1 : bits == 16 ? 2 : 4);
}

// The low `from` bits (8, 16, 32) into 64.
static inline void
x64_movzx_rr (X64Asm *a, unsigned from, unsigned d, unsigned s)
{
  if (from == 32)
    x64_mov_rr (a, 32, d, s);
  else
    x64_op_rr (a, X64_OP_0F | (from == 8 ? 0xb6 | X64_OP_RM8 : 0xb7), d, s);
}

// A load of `from` bits (8 to 64) into 64, zero-extended.
static inline void
x64_movzx_rm (X64Asm *a, unsigned from, unsigned d, X64Mem mem)
{
  if (from >= 32)
    x64_mov_rm (a, from, d, mem);
  else
    x64_op_rm (a, X64_OP_0F | (from == 8 ? 0xb6u : 0xb7u), d, mem);
}

static inline X64Op
x64_movsx_op (unsigned from, unsigned to)
{
  X64Op w = to == 64 ? X64_OP_W : 0;

  return w | (from == 32 ? 0x63u : X64_OP_0F | (from == 8 ? 0xbeu : 0xbfu));
}

// The low `from` bits (8, 16, 32) sign-extended to `to` (32 or 64), the rest zero.
static inline void
x64_movsx_rr (X64Asm *a, unsigned from, unsigned to, unsigned d, unsigned s)
{
  x64_op_rr (a, x64_movsx_op (from, to) | (from == 8 ? X64_OP_RM8 : 0), d, s);
}

static inline void
x64_movsx_rm (X64Asm *a, unsigned from, unsigned to, unsigned d, X64Mem mem)
{
  x64_op_rm (a, x64_movsx_op (from, to), d, mem);
}

// A plain move where that is all there is to do.
static inline void
x64_lea (X64Asm *a, unsigned bits, unsigned d, X64Mem mem)
{
  if (mem.disp == 0 && mem.index == X64_INDEX_NONE && !(mem.base & X64_BASE_SPECIAL))
    x64_mov_rr (a, bits, d, (unsigned) mem.base);
  else
    x64_op_rm (a, x64_op_wide (0x8d, bits), d, mem);
}

static inline void
x64_bswap (X64Asm *a, unsigned bits, unsigned r)
{
  x64_op_plus (a, x64_op_wide (X64_OP_0F | 0xc8, bits), r);
}

static inline void
x64_push (X64Asm *a, unsigned r)
{
  x64_op_plus (a, 0x50, r);
}

static inline void
x64_pop (X64Asm *a, unsigned r)
{
  x64_op_plus (a, 0x58, r);
}

static inline void
x64_push_m (X64Asm *a, X64Mem mem)
{
  x64_op_rm (a, 0xff, 6, mem);
}

static inline void
x64_pop_m (X64Asm *a, X64Mem mem)
{
  x64_op_rm (a, 0x8f, 0, mem);
}

static inline void
x64_setcc_r (X64Asm *a, enum X64Cc cc, unsigned r)
{
  x64_op_rr (a, X64_OP_0F | X64_OP_RM8 | 0x90 | cc, 0, r);
}

static inline void
x64_setcc_m (X64Asm *a, enum X64Cc cc, X64Mem mem)
{
  x64_op_rm (a, X64_OP_0F | 0x90 | cc, 0, mem);
}

static inline void
x64_cmov_rr (X64Asm *a, enum X64Cc cc, unsigned bits, unsigned d, unsigned s)
{
  x64_op_rr (a, x64_op_wide (X64_OP_0F | 0x40 | cc, bits), d, s);
}

static inline void
x64_cmov_rm (X64Asm *a, enum X64Cc cc, unsigned bits, unsigned d, X64Mem mem)
{
  x64_op_rm (a, x64_op_wide (X64_OP_0F | 0x40 | cc, bits), d, mem);
}

static inline void
x64_xchg_rr (X64Asm *a, unsigned bits, unsigned d, unsigned s)
{
  // With rax there is a short form; 0x90, eax with itself, would be nop.
  if (bits != 8 && d != s && (d == X64_RAX || s == X64_RAX))
    x64_op_plus (a, x64_op_wide (0x90, bits), d | s);
  else
    x64_op_rr (a, x64_op_sized (0x86, bits), s, d);
}

// Atomic and a full barrier without a lock prefix.
static inline void
x64_xchg_mr (X64Asm *a, unsigned bits, X64Mem mem, unsigned s)
{
  x64_op_rm (a, x64_op_sized (0x86, bits), s, mem);
}

// --- Arithmetic and logic ------------------------------------------------------------------

enum X64Alu {
  X64_ADD,
  X64_OR,
  X64_ADC,
  X64_SBB,
  X64_AND,
  X64_SUB,
  X64_XOR,
  X64_CMP,
};

static inline void
x64_alu_rr (X64Asm *a, enum X64Alu alu, unsigned bits, unsigned d, unsigned s)
{
  x64_op_rr (a, x64_op_sized ((X64Op) alu << 3, bits), s, d);
}

static inline void
x64_alu_rm (X64Asm *a, enum X64Alu alu, unsigned bits, unsigned d, X64Mem mem)
{
  x64_op_rm (a, x64_op_sized ((X64Op) alu << 3 | 2, bits), d, mem);
}

static inline void
x64_alu_mr (X64Asm *a, enum X64Alu alu, unsigned bits, X64Mem mem, unsigned s)
{
  x64_op_rm (a, x64_op_sized ((X64Op) alu << 3, bits), s, mem);
}

// 64 bits: the immediate is sign-extended.
static inline void
x64_alu_ri (X64Asm *a, enum X64Alu alu, unsigned bits, unsigned d, int32_t imm)
{
  // Same result and flags, possibly without a REX prefix.
  X64Op op = x64_op_sized (0, bits == 64 && alu == X64_AND && imm >= 0 ? 32 : bits);

  if (bits != 8 && x64_fits8 (bits == 16 ? (int16_t) imm : imm))
    x64_op_digit_imm (a, op | 0x83, alu, d, imm, 1);
  else if (d == X64_RAX)
    x64_op_short (a, op | (X64Op) alu << 3 | 4, imm, bits == 8 ? 1 : bits == 16 ? 2 : 4);
  else
    x64_op_digit_imm (a, op | 0x80, alu, d, imm, bits == 8 ? 1 : bits == 16 ? 2 : 4);
}

void x64_alu_mi_op (X64Asm *a, X64Op lock, enum X64Alu alu, unsigned bits, X64Mem mem, int32_t imm);

static inline void
x64_alu_mi (X64Asm *a, enum X64Alu alu, unsigned bits, X64Mem mem, int32_t imm)
{
  x64_alu_mi_op (a, 0, alu, bits, mem, imm);
}

static inline void
x64_test_rr (X64Asm *a, unsigned bits, unsigned d, unsigned s)
{
  x64_op_rr (a, x64_op_sized (0x84, bits), s, d);
}

static inline void
x64_test_mr (X64Asm *a, unsigned bits, X64Mem mem, unsigned s)
{
  x64_op_rm (a, x64_op_sized (0x84, bits), s, mem);
}

// A narrower operand gives the same flags when the bits above are not tested and bit 7 (31) of
// the immediate is clear.
static inline void
x64_test_ri (X64Asm *a, unsigned bits, unsigned d, int32_t imm)
{
  X64Op op;
  unsigned imm_bytes;

  if (imm >= 0)
    bits = imm < 0x80 ? 8 : bits == 64 ? 32 : bits;
  imm_bytes = bits == 8 ? 1 : bits == 16 ? 2 : 4;
  op = x64_op_sized (0, bits);
  if (d == X64_RAX)
    x64_op_short (a, op | 0xa8, imm, imm_bytes);
  else
    x64_op_digit_imm (a, op | 0xf6, 0, d, imm, imm_bytes);
}

static inline void
x64_test_mi (X64Asm *a, unsigned bits, X64Mem mem, int32_t imm)
{
  X64Op op = x64_op_sized (0xf6, bits) & ~(X64Op) X64_OP_REG8;

  x64_op_rm_imm (a, op, 0, mem, imm, bits == 8 ? 1 : bits == 16 ? 2 : 4);
}

enum X64Unary {
  X64_NOT = 2, // leaves the flags alone
  X64_NEG,
  X64_MUL,  // rdx:rax = rax * r
  X64_IMUL, // the same, signed
  X64_DIV,
  X64_IDIV,
};

static inline void
x64_unary_r (X64Asm *a, enum X64Unary op, unsigned bits, unsigned r)
{
  x64_op_digit (a, x64_op_sized (0xf6, bits), op, r);
}

static inline void
x64_unary_m (X64Asm *a, enum X64Unary op, unsigned bits, X64Mem mem)
{
  x64_op_rm (a, x64_op_sized (0xf6, bits) & ~(X64Op) X64_OP_REG8, op, mem);
}

static inline void
x64_imul_rr (X64Asm *a, unsigned bits, unsigned d, unsigned s)
{
  x64_op_rr (a, x64_op_wide (X64_OP_0F | 0xaf, bits), d, s);
}

static inline void
x64_imul_rm (X64Asm *a, unsigned bits, unsigned d, X64Mem mem)
{
  x64_op_rm (a, x64_op_wide (X64_OP_0F | 0xaf, bits), d, mem);
}

static inline void
x64_imul_rri (X64Asm *a, unsigned bits, unsigned d, unsigned s, int32_t imm)
{
  bool imm8 = x64_fits8 (bits == 16 ? (int16_t) imm : imm);
  unsigned imm_bytes = imm8 ? 1 : bits == 16 ? 2 : 4;

  x64_op_rr_imm (a, x64_op_wide (imm8 ? 0x6b : 0x69, bits), d, s, imm, imm_bytes);
}

static inline void
x64_imul_rmi (X64Asm *a, unsigned bits, unsigned d, X64Mem mem, int32_t imm)
{
  bool imm8 = x64_fits8 (bits == 16 ? (int16_t) imm : imm);
  unsigned imm_bytes = imm8 ? 1 : bits == 16 ? 2 : 4;

  x64_op_rm_imm (a, x64_op_wide (imm8 ? 0x6b : 0x69, bits), d, mem, imm, imm_bytes);
}

// cwd, cdq, cqo: the sign of rax into all of rdx.
static inline void
x64_cqo (X64Asm *a, unsigned bits)
{
  x64_raw (a, bits == 64 ? 0x9948 : bits == 32 ? 0x99 : 0x9966, bits == 32 ? 1 : 2);
}

// --- Shifts and bits -----------------------------------------------------------------------

enum X64Shift {
  X64_ROL,
  X64_ROR,
  X64_RCL,
  X64_RCR,
  X64_SHL,
  X64_SHR,
  X64_SAR = 7,
};

static inline void
x64_shift_ri (X64Asm *a, enum X64Shift shift, unsigned bits, unsigned r, unsigned count)
{
  if (count == 1)
    x64_op_digit (a, x64_op_sized (0xd0, bits), shift, r);
  else
    x64_op_digit_imm (a, x64_op_sized (0xc0, bits), shift, r, (int32_t) count, 1);
}

// By cl.
static inline void
x64_shift_cl (X64Asm *a, enum X64Shift shift, unsigned bits, unsigned r)
{
  x64_op_digit (a, x64_op_sized (0xd2, bits), shift, r);
}

// d is shifted left (right), bits of s come in from the other side.
static inline void
x64_shld_rri (X64Asm *a, unsigned bits, unsigned d, unsigned s, unsigned count)
{
  x64_op_rr_imm (a, x64_op_wide (X64_OP_0F | 0xa4, bits), s, d, (int32_t) count, 1);
}

static inline void
x64_shrd_rri (X64Asm *a, unsigned bits, unsigned d, unsigned s, unsigned count)
{
  x64_op_rr_imm (a, x64_op_wide (X64_OP_0F | 0xac, bits), s, d, (int32_t) count, 1);
}

enum X64Bt {
  X64_BT = 4,
  X64_BTS,
  X64_BTR,
  X64_BTC,
};

static inline void
x64_bt_ri (X64Asm *a, enum X64Bt bt, unsigned bits, unsigned r, unsigned bit)
{
  x64_op_rr_imm (a, x64_op_wide (X64_OP_0F | 0xba, bits), bt, r, (int32_t) bit, 1);
}

static inline void
x64_bt_rr (X64Asm *a, enum X64Bt bt, unsigned bits, unsigned r, unsigned bit)
{
  x64_op_rr (a, x64_op_wide (X64_OP_0F | 0x83 | (X64Op) bt << 3, bits), bit, r);
}

// `bit` is less than `bits`.
static inline void
x64_bt_mi (X64Asm *a, enum X64Bt bt, unsigned bits, X64Mem mem, unsigned bit)
{
  x64_op_rm_imm (a, x64_op_wide (X64_OP_0F | 0xba, bits), bt, mem, (int32_t) bit, 1);
}

enum X64Count {
  X64_POPCNT = X64_OP_F3 | X64_OP_0F | 0xb8,
  X64_TZCNT = X64_OP_F3 | X64_OP_0F | 0xbc,
  X64_LZCNT = X64_OP_F3 | X64_OP_0F | 0xbd,
};

static inline void
x64_count_rr (X64Asm *a, enum X64Count op, unsigned bits, unsigned d, unsigned s)
{
  x64_op_rr (a, x64_op_wide (op, bits), d, s);
}

static inline void
x64_count_rm (X64Asm *a, enum X64Count op, unsigned bits, unsigned d, X64Mem mem)
{
  x64_op_rm (a, x64_op_wide (op, bits), d, mem);
}

// CRC-32C of the low `bits` bits of s into d.
static inline void
x64_crc32_rr (X64Asm *a, unsigned bits, unsigned d, unsigned s)
{
  X64Op op = x64_op_sized (X64_OP_F2 | X64_OP_0F38 | 0xf0, bits);

  x64_op_rr (a, op & ~(X64Op) X64_OP_REG8, d, s);
}

static inline void
x64_crc32_rm (X64Asm *a, unsigned bits, unsigned d, X64Mem mem)
{
  X64Op op = x64_op_sized (X64_OP_F2 | X64_OP_0F38 | 0xf0, bits);

  x64_op_rm (a, op & ~(X64Op) X64_OP_REG8, d, mem);
}

// --- Atomics -------------------------------------------------------------------------------

// add, or, adc, sbb, and, sub, xor
static inline void
x64_lock_alu_mr (X64Asm *a, enum X64Alu alu, unsigned bits, X64Mem mem, unsigned s)
{
  x64_op_rm (a, X64_OP_LOCK | x64_op_sized ((X64Op) alu << 3, bits), s, mem);
}

static inline void
x64_lock_alu_mi (X64Asm *a, enum X64Alu alu, unsigned bits, X64Mem mem, int32_t imm)
{
  x64_alu_mi_op (a, X64_OP_LOCK, alu, bits, mem, imm);
}

// s gets what was in memory.
static inline void
x64_lock_xadd (X64Asm *a, unsigned bits, X64Mem mem, unsigned s)
{
  x64_op_rm (a, X64_OP_LOCK | x64_op_sized (X64_OP_0F | 0xc0, bits), s, mem);
}

// Memory equal to rax becomes s; rax gets what was there.
static inline void
x64_lock_cmpxchg (X64Asm *a, unsigned bits, X64Mem mem, unsigned s)
{
  x64_op_rm (a, X64_OP_LOCK | x64_op_sized (X64_OP_0F | 0xb0, bits), s, mem);
}

// The same with rdx:rax and rcx:rbx; the address is a multiple of 16.
static inline void
x64_lock_cmpxchg16b (X64Asm *a, X64Mem mem)
{
  x64_op_rm (a, X64_OP_LOCK | X64_OP_W | X64_OP_0F | 0xc7, 1, mem);
}

// lock or dword [rsp], 0: a full barrier, a tenth of what mfence costs.
static inline void
x64_fence (X64Asm *a)
{
  x64_raw (a, 0x00240c83f0, 5);
}

// --- The rest ------------------------------------------------------------------------------

static inline void
x64_cmc (X64Asm *a)
{
  x64_raw (a, 0xf5, 1);
}

static inline void
x64_clc (X64Asm *a)
{
  x64_raw (a, 0xf8, 1);
}

static inline void
x64_stc (X64Asm *a)
{
  x64_raw (a, 0xf9, 1);
}

static inline void
x64_lahf (X64Asm *a)
{
  x64_raw (a, 0x9f, 1);
}

static inline void
x64_sahf (X64Asm *a)
{
  x64_raw (a, 0x9e, 1);
}

static inline void
x64_rdtsc (X64Asm *a)
{
  x64_raw (a, 0x310f, 2);
}

static inline void
x64_lfence (X64Asm *a)
{
  x64_raw (a, 0xe8ae0f, 3);
}

static inline void
x64_pause (X64Asm *a)
{
  x64_raw (a, 0x90f3, 2);
}

static inline void
x64_ud2 (X64Asm *a)
{
  x64_raw (a, 0x0b0f, 2);
}

static inline void
x64_int3 (X64Asm *a)
{
  x64_raw (a, 0xcc, 1);
}

static inline void
x64_ldmxcsr (X64Asm *a, X64Mem mem)
{
  x64_op_rm (a, X64_OP_0F | 0xae, 2, mem);
}

static inline void
x64_stmxcsr (X64Asm *a, X64Mem mem)
{
  x64_op_rm (a, X64_OP_0F | 0xae, 3, mem);
}

// Padding of `bytes` bytes in as few instructions as decode well.
void x64_nop (X64Asm *a, unsigned bytes);
