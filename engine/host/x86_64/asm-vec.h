// SPDX-License-Identifier: GPL-3.0-or-later
// Vector instructions of the x86-64 encoder: one constant per instruction, and one emitter per
// shape of operands, named by them in Intel order: r a register (of whatever kind), m memory,
// i an immediate of 8 bits. Ops are for xmm; or in X64_V_L256 or X64_V_L512 for longer ones.
// Include asm.h, not this file.
#pragma once

#include "engine/host/x86_64/asm-vex.h"

enum X64Vector {
#define X64_VEC(id, name, operands, prefix, map, opcode, flags)                                    \
  X64_##id = X64_V_##prefix | X64_V_##map | (opcode) | (flags),
#include "engine/host/x86_64/asm-vec-ops.inc"
#undef X64_VEC
};

static inline void
x64_vrrr (X64Asm *a, X64VecOp op, X64Vec d, X64Vec s1, X64Vec s2)
{
  x64_vex_rr (a, op, d, s1, s2, X64_NO_IMM);
}

static inline void
x64_vrrri (X64Asm *a, X64VecOp op, X64Vec d, X64Vec s1, X64Vec s2, uint8_t imm)
{
  x64_vex_rr (a, op, d, s1, s2, imm);
}

static inline void
x64_vrrm (X64Asm *a, X64VecOp op, X64Vec d, X64Vec s, X64Mem mem)
{
  x64_vex_rm (a, op, d, s, mem, X64_NO_IMM);
}

static inline void
x64_vrrmi (X64Asm *a, X64VecOp op, X64Vec d, X64Vec s, X64Mem mem, uint8_t imm)
{
  x64_vex_rm (a, op, d, s, mem, imm);
}

static inline void
x64_vrr (X64Asm *a, X64VecOp op, X64Vec d, X64Vec s)
{
  if (op & X64_V_ST)
    x64_vex_rr (a, op, s, 0, d, X64_NO_IMM);
  else
    x64_vex_rr (a, op, d, 0, s, X64_NO_IMM);
}

static inline void
x64_vrri (X64Asm *a, X64VecOp op, X64Vec d, X64Vec s, uint8_t imm)
{
  if (op & X64_V_DIGIT)
    x64_vex_rr (a, op, op >> 25 & 7, d, s, imm);
  else if (op & X64_V_ST)
    x64_vex_rr (a, op, s, 0, d, imm);
  else
    x64_vex_rr (a, op, d, 0, s, imm);
}

static inline void
x64_vrm (X64Asm *a, X64VecOp op, X64Vec d, X64Mem mem)
{
  x64_vex_rm (a, op, d, 0, mem, X64_NO_IMM);
}

static inline void
x64_vrmi (X64Asm *a, X64VecOp op, X64Vec d, X64Mem mem, uint8_t imm)
{
  x64_vex_rm (a, op, d, 0, mem, imm);
}

// Stores: ops ending in _ST, vpextr*, vcvtps2ph, vpmov* that narrow.
static inline void
x64_vmr (X64Asm *a, X64VecOp op, X64Mem mem, X64Vec s)
{
  x64_vex_rm (a, op, s, 0, mem, X64_NO_IMM);
}

static inline void
x64_vmri (X64Asm *a, X64VecOp op, X64Mem mem, X64Vec s, uint8_t imm)
{
  x64_vex_rm (a, op, s, 0, mem, imm);
}

// vpblendvb, vblendvps, vblendvpd: where `mask` is negative s2, else s1.
static inline void
x64_vrrrr (X64Asm *a, X64VecOp op, X64Vec d, X64Vec s1, X64Vec s2, X64Vec mask)
{
  x64_vex_rr (a, op, d, s1, s2, (int) mask << 4);
}

static inline void
x64_vrrmr (X64Asm *a, X64VecOp op, X64Vec d, X64Vec s1, X64Mem s2, X64Vec mask)
{
  x64_vex_rm (a, op, d, s1, s2, (int) mask << 4);
}

// Copies 128 bits and zeroes what is above.
static inline void
x64_vmov (X64Asm *a, X64Vec d, X64Vec s)
{
  if (s >= 8 && d < 8)
    x64_vrr (a, X64_VMOVAPS_ST, d, s);
  else
    x64_vrr (a, X64_VMOVAPS, d, s);
}

// All bits zero, without a dependency on what was there.
static inline void
x64_vzero (X64Asm *a, X64Vec d)
{
  x64_vrrr (a, X64_VPXOR, d, d, d);
}

static inline void
x64_vzeroupper (X64Asm *a)
{
  x64_raw (a, 0x77f8c5, 3);
}

// SHA has no VEX form: xmm0..15, the destination is the first source, 256RNDS2 also reads xmm0.
// Memory operands are aligned.
enum X64Sha {
  X64_SHA1NEXTE = X64_OP_0F38 | 0xc8,
  X64_SHA1MSG1 = X64_OP_0F38 | 0xc9,
  X64_SHA1MSG2 = X64_OP_0F38 | 0xca,
  X64_SHA256RNDS2 = X64_OP_0F38 | 0xcb,
  X64_SHA256MSG1 = X64_OP_0F38 | 0xcc,
  X64_SHA256MSG2 = X64_OP_0F38 | 0xcd,
};

static inline void
x64_sha_rr (X64Asm *a, enum X64Sha op, X64Vec d, X64Vec s)
{
  x64_op_rr (a, op, d, s);
}

static inline void
x64_sha_rm (X64Asm *a, enum X64Sha op, X64Vec d, X64Mem mem)
{
  x64_op_rm (a, op, d, mem);
}

// `function` is the round function, 0..3.
static inline void
x64_sha1rnds4 (X64Asm *a, X64Vec d, X64Vec s, unsigned function)
{
  x64_op_rr_imm (a, X64_OP_0F3A | 0xcc, d, s, (int32_t) function, 1);
}
