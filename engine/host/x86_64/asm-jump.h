// SPDX-License-Identifier: GPL-3.0-or-later
// Jumps, calls and labels of the x86-64 encoder (Intel SDM volume 2: Jcc, JMP, CALL). A label's
// open jumps are chained through their own displacement fields. Include asm.h, not this file.
#pragma once

#include "engine/host/x86_64/asm-core.h"

enum X64Cc {
  X64_CC_O,
  X64_CC_NO,
  X64_CC_B,
  X64_CC_AE,
  X64_CC_E,
  X64_CC_NE,
  X64_CC_BE,
  X64_CC_A,
  X64_CC_S,
  X64_CC_NS,
  X64_CC_P,
  X64_CC_NP,
  X64_CC_L,
  X64_CC_GE,
  X64_CC_LE,
  X64_CC_G,
};

// The opposite condition.
static inline enum X64Cc
x64_cc_not (enum X64Cc cc)
{
  return (enum X64Cc) (cc ^ 1);
}

// All zero at first. `at` is set once the label is bound.
typedef struct X64Label {
  uint8_t *at;
  uint8_t *fixups; // the displacement field of the last open jump
} X64Label;

// For forward jumps over fewer than 128 bytes only.
typedef struct X64Short {
  uint8_t *fixups;
} X64Short;

// Makes the jump or call whose displacement field is at `field` go to `target`.
static inline void
x64_patch_rel32 (uint8_t *field, const uint8_t *target)
{
  ptrdiff_t distance = target - (field + 4);
  int32_t rel = (int32_t) distance;

  assert (x64_fits32 (distance));
  memcpy (field, &rel, 4);
}

// An opcode of `bytes` bytes and the displacement to `target`. Returns the field, for
// x64_patch_rel32, or NULL when there was no room.
static inline uint8_t *
x64_rel32 (X64Asm *a, unsigned opcode, unsigned bytes, const uint8_t *target)
{
  uint8_t *q = x64_begin (a);

  if (q == NULL)
    return NULL;
  q[0] = (uint8_t) opcode;
  q[bytes - 1] = (uint8_t) (opcode >> (8 * (bytes - 1)));
  x64_patch_rel32 (q + bytes, target);
  a->p = q + bytes + 4;
  return q + bytes;
}

// Always the five or six byte form, to be patched later.
static inline uint8_t *
x64_jmp_rel32 (X64Asm *a, const uint8_t *target)
{
  return x64_rel32 (a, 0xe9, 1, target);
}

static inline uint8_t *
x64_jcc_rel32 (X64Asm *a, enum X64Cc cc, const uint8_t *target)
{
  return x64_rel32 (a, 0x0f | (0x80u | cc) << 8, 2, target);
}

static inline uint8_t *
x64_call_to (X64Asm *a, const uint8_t *target)
{
  return x64_rel32 (a, 0xe8, 1, target);
}

// To a known address, in the shortest form.
static inline void
x64_jmp_to (X64Asm *a, const uint8_t *target)
{
  ptrdiff_t distance = target - (a->p + 2);

  if (x64_fits8 (distance))
    x64_raw (a, 0xeb | (uint64_t) (uint8_t) distance << 8, 2);
  else
    x64_jmp_rel32 (a, target);
}

static inline void
x64_jcc_to (X64Asm *a, enum X64Cc cc, const uint8_t *target)
{
  ptrdiff_t distance = target - (a->p + 2);

  if (x64_fits8 (distance))
    x64_raw (a, 0x70 | cc | (uint64_t) (uint8_t) distance << 8, 2);
  else
    x64_jcc_rel32 (a, cc, target);
}

// Leaves in the field how far back the label's previous open jump is, 0 for none.
static inline void
x64_label_add (X64Label *label, uint8_t *field)
{
  int32_t back;

  if (field == NULL)
    return;
  back = label->fixups == NULL ? 0 : (int32_t) (field - label->fixups);
  memcpy (field, &back, 4);
  label->fixups = field;
}

static inline void
x64_jmp (X64Asm *a, X64Label *label)
{
  if (label->at != NULL)
    x64_jmp_to (a, label->at);
  else
    x64_label_add (label, x64_jmp_rel32 (a, a->p));
}

static inline void
x64_jcc (X64Asm *a, enum X64Cc cc, X64Label *label)
{
  if (label->at != NULL)
    x64_jcc_to (a, cc, label->at);
  else
    x64_label_add (label, x64_jcc_rel32 (a, cc, a->p));
}

static inline void
x64_call (X64Asm *a, X64Label *label)
{
  if (label->at != NULL)
    x64_call_to (a, label->at);
  else
    x64_label_add (label, x64_call_to (a, a->p));
}

// The label is here; open jumps to it are completed.
void x64_bind (X64Asm *a, X64Label *label);

static inline void
x64_short_jump (X64Asm *a, unsigned opcode, X64Short *label)
{
  uint8_t *q = x64_begin (a);
  ptrdiff_t back;

  if (q == NULL)
    return;
  back = label->fixups == NULL ? 0 : q + 1 - label->fixups;
  assert (back <= UINT8_MAX);
  q[0] = (uint8_t) opcode;
  q[1] = (uint8_t) back;
  label->fixups = q + 1;
  a->p = q + 2;
}

static inline void
x64_jmp_short (X64Asm *a, X64Short *label)
{
  x64_short_jump (a, 0xeb, label);
}

static inline void
x64_jcc_short (X64Asm *a, enum X64Cc cc, X64Short *label)
{
  x64_short_jump (a, 0x70u | cc, label);
}

// Here is where the short jumps go; it must be less than 128 bytes behind each.
void x64_bind_short (X64Asm *a, X64Short *label);

static inline void
x64_call_r (X64Asm *a, unsigned reg)
{
  x64_op_rr (a, 0xff, 2, reg);
}

static inline void
x64_call_m (X64Asm *a, X64Mem mem)
{
  x64_op_rm (a, 0xff, 2, mem);
}

static inline void
x64_jmp_r (X64Asm *a, unsigned reg)
{
  x64_op_rr (a, 0xff, 4, reg);
}

static inline void
x64_jmp_m (X64Asm *a, X64Mem mem)
{
  x64_op_rm (a, 0xff, 4, mem);
}

static inline void
x64_ret (X64Asm *a)
{
  x64_raw (a, 0xc3, 1);
}
