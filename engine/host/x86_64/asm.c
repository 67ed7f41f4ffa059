// SPDX-License-Identifier: GPL-3.0-or-later
// The parts of the x86-64 encoder that are too long to be inline: memory operands, immediates
// in memory, the binding of labels, and padding. Pure functions: any thread.
#include "engine/host/x86_64/asm.h"

uint8_t *
x64_put_any_opcode (uint8_t *q, X64Op op, unsigned rex, bool byte)
{
  unsigned map = op & X64_OP_MAP;

  *q = 0xf0;
  q += (op & X64_OP_LOCK) != 0;
  *q = 0x66;
  q += (op & X64_OP_66) != 0;
  *q = op & X64_OP_F2 ? 0xf2 : 0xf3;
  q += (op & (X64_OP_F2 | X64_OP_F3)) != 0;
  *q = (uint8_t) rex;
  q += rex != 0x40 || byte;
  *q = 0x0f;
  q += map != 0;
  *q = map == X64_OP_0F38 ? 0x38 : 0x3a;
  q += map >= X64_OP_0F38;
  *q++ = (uint8_t) op;
  return q;
}

// RIP-relative displacements count from the end of the instruction.
static uint8_t *
put_special (uint8_t *q, unsigned reg, X64Mem mem, unsigned tail)
{
  int32_t disp = mem.disp;

  if (mem.base == X64_BASE_RIP) {
    *q++ = (uint8_t) (reg << 3 | 5);
    disp = (int32_t) ((uint32_t) disp - (uint32_t) (uintptr_t) (q + 4 + tail));
  } else {
    *q++ = (uint8_t) (reg << 3 | 4);
    *q++ = (uint8_t) (mem.scale_log2 << 6 | (mem.index & 7) << 3 | 5);
  }
  memcpy (q, &disp, 4);
  return q + 4;
}

uint8_t *
x64_put_any_mem (uint8_t *q, unsigned reg, X64Mem mem, unsigned tail)
{
  if (mem.base & X64_BASE_SPECIAL)
    return put_special (q, reg & 7, mem, tail);
  return x64_put_base (q, reg, mem, 0);
}

uint8_t *
x64_put_any_mem_in_units (uint8_t *q, unsigned reg, X64Mem mem, unsigned tail, unsigned disp_shift)
{
  if (mem.base & X64_BASE_SPECIAL)
    return put_special (q, reg & 7, mem, tail);
  return x64_put_base (q, reg, mem, disp_shift);
}

void
x64_alu_mi_op (X64Asm *a, X64Op lock, enum X64Alu alu, unsigned bits, X64Mem mem, int32_t imm)
{
  X64Op op = x64_op_sized (0x80, bits) & ~(X64Op) X64_OP_REG8;

  if (bits == 8)
    x64_op_rm_imm (a, lock | op, alu, mem, imm, 1);
  else if (x64_fits8 (bits == 16 ? (int16_t) imm : imm))
    x64_op_rm_imm (a, lock | op | 2, alu, mem, imm, 1);
  else
    x64_op_rm_imm (a, lock | op, alu, mem, imm, bits == 16 ? 2 : 4);
}

void
x64_nop (X64Asm *a, unsigned bytes)
{
  static const uint64_t forms[] = {
      0,          0x90,         0x9066,           0x001f0f,         0x00401f0f,
      0x00441f0f, 0x00441f0f66, 0x00000000801f0f, 0x00000000841f0f,
  };

  for (; bytes > 8; bytes -= 8)
    x64_raw (a, forms[8], 8);
  if (bytes > 0)
    x64_raw (a, forms[bytes], bytes);
}

void
x64_bind (X64Asm *a, X64Label *label)
{
  uint8_t *field = label->fixups;

  label->at = a->p;
  label->fixups = NULL;
  while (field != NULL) {
    int32_t next;

    memcpy (&next, field, 4);
    x64_patch_rel32 (field, label->at);
    field = next == 0 ? NULL : field - next;
  }
}

void
x64_bind_short (X64Asm *a, X64Short *label)
{
  uint8_t *field = label->fixups;

  label->fixups = NULL;
  while (field != NULL) {
    uint8_t next = *field;
    ptrdiff_t distance = a->p - (field + 1);

    assert (x64_fits8 (distance));
    *field = (uint8_t) distance;
    field = next == 0 ? NULL : field - next;
  }
}
