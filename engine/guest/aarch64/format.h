// SPDX-License-Identifier: GPL-3.0-or-later
// Helpers of the format functions: fields of an instruction word and the mapping of register
// number 31 (op.h).
#pragma once

#include <string.h>

#include "engine/guest/aarch64/op.h"

static inline uint32_t
a64_field (uint32_t insn, unsigned low, unsigned width)
{
  return (insn >> low) & ((1u << width) - 1);
}

static inline int64_t
a64_signed_field (uint32_t insn, unsigned low, unsigned width)
{
  return (int32_t) (insn << (32 - low - width)) >> (32 - width);
}

// Register number at bit `low`, 31 meaning the zero register as a source.
static inline uint8_t
a64_source (uint32_t insn, unsigned low)
{
  unsigned r = a64_field (insn, low, 5);
  return r == 31 ? A64_ZR : r;
}

// 31 meaning the zero register as a destination.
static inline uint8_t
a64_destination (uint32_t insn, unsigned low)
{
  unsigned r = a64_field (insn, low, 5);
  return r == 31 ? A64_SINK : r;
}

// 31 meaning the stack pointer (which is A64_SP), and the number of a vector register.
static inline uint8_t
a64_number (uint32_t insn, unsigned low)
{
  return a64_field (insn, low, 5);
}

// Stores the truth table of a condition field for a64_condition_holds (interp.h): one bit for each
// of the sixteen values of NZCV.
static inline void
a64_set_condition (A64Op *op, unsigned cond)
{
  static const uint16_t truth[16] = {
      0xf0f0, 0x0f0f, 0xcccc, 0x3333, 0xff00, 0x00ff, 0xaaaa, 0x5555, // EQ NE CS CC MI PL VS VC
      0x0c0c, 0xf3f3, 0xaa55, 0x55aa, 0x0a05, 0xf5fa, 0xffff, 0xffff, // HI LS GE LT GT LE AL NV
  };

  memcpy (op->aux, &truth[cond], sizeof truth[cond]);
}
