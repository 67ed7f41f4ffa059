// SPDX-License-Identifier: GPL-3.0-or-later
// The core of the x86-64 encoder: the buffer, operands, and how one instruction becomes bytes
// (Intel SDM volume 2, chapter 2). Everything here is pure; the thread that owns the buffer
// calls it. Include asm.h, not this file.
//
// Conventions of all emitters:
// - `bits` is the operand width: 8, 16, 32 or 64, as far as the instruction has them.
// - Operands come in Intel order, destination first; `r` is a register, `m` memory, `i` an
//   immediate in the suffix of a name.
// - An instruction is written whole or not at all: with fewer than X64_INSN_ROOM bytes left,
//   `overflow` is set and nothing is written. Up to X64_INSN_ROOM bytes from `p` on may be
//   scribbled over, so `p` may not be moved in front of code that is to stay.
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct X64Asm {
  uint8_t *p;    // the next instruction goes here
  uint8_t *end;  // never written at or beyond
  bool overflow; // something did not fit; what was emitted since is incomplete
} X64Asm;

enum { X64_INSN_ROOM = 16, X64_INSN_MAX = 15 };

enum X64Reg {
  X64_RAX,
  X64_RCX,
  X64_RDX,
  X64_RBX,
  X64_RSP,
  X64_RBP,
  X64_RSI,
  X64_RDI,
  X64_R8,
  X64_R9,
  X64_R10,
  X64_R11,
  X64_R12,
  X64_R13,
  X64_R14,
  X64_R15,
};

// Bases that are no register. Their low bits are what the encoding wants and bit 3 is clear, so
// nothing has to be checked where prefixes are made.
enum {
  X64_BASE_RIP = 0x15,
  X64_BASE_NONE = 0x25,
  X64_BASE_SPECIAL = 0x30, // mask: neither of the above is a register
  X64_INDEX_NONE = X64_RSP,
};

typedef struct X64Mem {
  int8_t base, index;
  uint8_t scale_log2;
  int32_t disp; // X64_BASE_RIP: the low half of the address meant
} X64Mem;

static_assert (sizeof (X64Mem) == 8, "X64Mem travels in one register");

static inline X64Mem
x64_mem (unsigned base, int32_t disp)
{
  return (X64Mem){.base = (int8_t) base, .index = X64_INDEX_NONE, .disp = disp};
}

static inline X64Mem
x64_mem_index (unsigned base, unsigned index, unsigned scale_log2, int32_t disp)
{
  // rbp and r13 cannot be bases without a displacement, but they can be indexes.
  bool swap = scale_log2 == 0 && disp == 0 && (base & ~8u) == X64_RBP;

  assert (index != X64_RSP && scale_log2 <= 3);
  return (X64Mem){.base = (int8_t) (swap ? index : base),
                  .index = (int8_t) (swap ? base : index),
                  .scale_log2 = (uint8_t) scale_log2,
                  .disp = disp};
}

// index << scale_log2 + disp, in the shortest form there is.
static inline X64Mem
x64_mem_scaled (unsigned index, unsigned scale_log2, int32_t disp)
{
  if (scale_log2 == 0)
    return x64_mem (index, disp);
  if (scale_log2 == 1)
    return x64_mem_index (index, index, 0, disp);
  return x64_mem_index (X64_BASE_NONE, index, scale_log2, disp);
}

// Something within 2 GiB of the code, as seen through the same mapping as X64Asm.p.
static inline X64Mem
x64_rip (const void *target)
{
  return (X64Mem){
      .base = X64_BASE_RIP, .index = X64_INDEX_NONE, .disp = (int32_t) (uintptr_t) target};
}

static inline bool
x64_fits8 (int64_t value)
{
  return value == (int8_t) value;
}

static inline bool
x64_fits32 (int64_t value)
{
  return value == (int32_t) value;
}

// Where to write an instruction, or NULL when there is no room.
static inline uint8_t *
x64_begin (X64Asm *a)
{
  if (__builtin_expect (a->end - a->p < X64_INSN_ROOM, 0)) {
    a->overflow = true;
    return NULL;
  }
  return a->p;
}

// `bytes` bytes of `word`, low byte first.
static inline void
x64_raw (X64Asm *a, uint64_t word, unsigned bytes)
{
  uint8_t *q = x64_begin (a);

  if (q == NULL)
    return;
  memcpy (q, &word, 8);
  a->p = q + bytes;
}

// --- Instructions with legacy encoding -----------------------------------------------------

// An opcode with its map and prefixes. Constants fold away in the inline emitters.
typedef uint32_t X64Op;
enum {
  X64_OP_0F = 1 << 8,
  X64_OP_0F38 = 2 << 8,
  X64_OP_0F3A = 3 << 8,
  X64_OP_MAP = 3 << 8,
  X64_OP_W = 1 << 10,
  X64_OP_66 = 1 << 11,
  X64_OP_F2 = 1 << 12,
  X64_OP_F3 = 1 << 13,
  X64_OP_REG8 = 1 << 14, // the reg operand is a byte register: spl..dil want a REX prefix
  X64_OP_RM8 = 1 << 15,  // so is the rm operand
  X64_OP_LOCK = 1 << 16,
};

// For opcodes whose low bit tells bytes from words.
static inline X64Op
x64_op_sized (X64Op op, unsigned bits)
{
  return op | (bits != 8) | (bits == 16 ? X64_OP_66 : 0) | (bits == 64 ? X64_OP_W : 0) |
         (bits == 8 ? X64_OP_REG8 | X64_OP_RM8 : 0);
}

// For opcodes without a byte form.
static inline X64Op
x64_op_wide (X64Op op, unsigned bits)
{
  return op | (bits == 16 ? X64_OP_66 : 0) | (bits == 64 ? X64_OP_W : 0);
}

// The same for all there is.
uint8_t *x64_put_any_opcode (uint8_t *q, X64Op op, unsigned rex, bool byte);

// Prefixes, REX and opcode. `b` and `x` are rm or base, and index; of all only bit 3 matters
// here, but for byte registers. Bytes that are not wanted are written and overwritten.
static inline uint8_t *
x64_put_opcode (uint8_t *q, X64Op op, unsigned reg, unsigned x, unsigned b, bool rm_is_reg)
{
  unsigned rex = 0x40 | (op >> 7 & 8) | (reg >> 1 & 4) | (x >> 2 & 2) | (b >> 3 & 1);

  if (op & ~(X64Op) (X64_OP_W | 0xff)) {
    bool byte = ((op & X64_OP_REG8) && reg >= 4) || (rm_is_reg && (op & X64_OP_RM8) && b >= 4);

    return x64_put_any_opcode (q, op, rex, byte);
  }
  *q = (uint8_t) rex;
  q += rex != 0x40;
  *q++ = (uint8_t) op;
  return q;
}

static inline void
x64_op_rr (X64Asm *a, X64Op op, unsigned reg, unsigned rm)
{
  uint8_t *q = x64_begin (a);

  if (q == NULL)
    return;
  q = x64_put_opcode (q, op, reg, 0, rm, true);
  *q++ = (uint8_t) (0xc0 | (reg & 7) << 3 | (rm & 7));
  a->p = q;
}

static inline void
x64_op_rr_imm (X64Asm *a, X64Op op, unsigned reg, unsigned rm, int32_t imm, unsigned imm_bytes)
{
  uint8_t *q = x64_begin (a);

  if (q == NULL)
    return;
  q = x64_put_opcode (q, op, reg, 0, rm, true);
  *q++ = (uint8_t) (0xc0 | (reg & 7) << 3 | (rm & 7));
  memcpy (q, &imm, 4);
  a->p = q + imm_bytes;
}

// For opcode extensions: `digit` takes the place of the register and is never a byte register.
static inline void
x64_op_digit (X64Asm *a, X64Op op, unsigned digit, unsigned rm)
{
  x64_op_rr (a, op & ~(X64Op) X64_OP_REG8, digit, rm);
}

static inline void
x64_op_digit_imm (X64Asm *a, X64Op op, unsigned digit, unsigned rm, int32_t imm, unsigned bytes)
{
  x64_op_rr_imm (a, op & ~(X64Op) X64_OP_REG8, digit, rm, imm, bytes);
}

// The short forms for al, ax, eax and rax with an immediate.
static inline void
x64_op_short (X64Asm *a, X64Op op, int32_t imm, unsigned imm_bytes)
{
  uint8_t *q = x64_begin (a);

  if (q == NULL)
    return;
  q = x64_put_opcode (q, op, 0, 0, 0, true);
  memcpy (q, &imm, 4);
  a->p = q + imm_bytes;
}

// A register in the low bits of the opcode.
static inline void
x64_op_plus (X64Asm *a, X64Op op, unsigned reg)
{
  uint8_t *q = x64_begin (a);

  if (q == NULL)
    return;
  a->p = x64_put_opcode (q, op | (reg & 7), 0, 0, reg, true);
}

// ModRM, SIB and displacement of a base, with or without an index. Displacements of one byte
// count in units of 1 << disp_shift (EVEX). No branches: displacements are hard to predict. What is
// not wanted is written, and overwritten by what comes next.
static inline uint8_t *
x64_put_base (uint8_t *q, unsigned reg, X64Mem mem, unsigned disp_shift)
{
  unsigned base = (unsigned) mem.base & 7, index = (unsigned) mem.index & 7;
  unsigned sib = (mem.index != X64_INDEX_NONE) | (base == X64_RSP);
  int32_t disp = mem.disp, units = disp >> disp_shift;
  bool wide = (units != (int8_t) units) | ((int32_t) ((uint32_t) units << disp_shift) != disp);
  unsigned mod = ((disp != 0) | (base == X64_RBP)) + wide;
  uint32_t field = (uint32_t) (wide ? disp : units);

  q[0] = (uint8_t) (mod << 6 | (reg & 7) << 3 | (sib ? (unsigned) X64_RSP : base));
  q[1] = (uint8_t) ((unsigned) mem.scale_log2 << 6 | index << 3 | base);
  q += 1 + sib;
  memcpy (q, &field, 4);
  return q + mod * mod;
}

// The same for all there is. `tail` bytes of the instruction follow.
uint8_t *x64_put_any_mem (uint8_t *q, unsigned reg, X64Mem mem, unsigned tail);
uint8_t *x64_put_any_mem_in_units (uint8_t *q, unsigned reg, X64Mem mem, unsigned tail,
                                   unsigned disp_shift);

// Inline where the compiler knows the base, which is most often that of the CPU state.
static inline uint8_t *
x64_put_mem (uint8_t *q, unsigned reg, X64Mem mem, unsigned tail)
{
  if (__builtin_constant_p (mem.base) && __builtin_constant_p (mem.index) &&
      !(mem.base & X64_BASE_SPECIAL))
    return x64_put_base (q, reg, mem, 0);
  return x64_put_any_mem (q, reg, mem, tail);
}

// Like x64_op_rr with memory.
static inline void
x64_op_rm (X64Asm *a, X64Op op, unsigned reg, X64Mem mem)
{
  uint8_t *q = x64_begin (a);

  if (q == NULL)
    return;
  q = x64_put_opcode (q, op, reg, (unsigned) mem.index, (unsigned) mem.base, false);
  a->p = x64_put_mem (q, reg, mem, 0);
}

static inline void
x64_op_rm_imm (X64Asm *a, X64Op op, unsigned reg, X64Mem mem, int32_t imm, unsigned imm_bytes)
{
  uint8_t *q = x64_begin (a);

  if (q == NULL)
    return;
  q = x64_put_opcode (q, op, reg, (unsigned) mem.index, (unsigned) mem.base, false);
  q = x64_put_mem (q, reg, mem, imm_bytes);
  memcpy (q, &imm, 4);
  a->p = q + imm_bytes;
}
