// SPDX-License-Identifier: GPL-3.0-or-later
// One execution of one floating-point instruction, as it travels between the differential test and
// the probe that runs it on another implementation. Little endian on both sides.
#pragma once

#include <stdint.h>

typedef struct FpState {
  uint64_t v[4][2];
  uint64_t x[2];
  uint32_t nzcv; // bits 31..28
  uint32_t fpsr;
} FpState;

typedef struct FpCase {
  FpState in;
  uint32_t insn; // works on v0..v3, x0, x1 and the zero register alone
  uint32_t fpcr;
} FpCase;

enum { FP_SIGILL = 1u << 31 }; // in fpsr of a result: the instruction was not allocated
