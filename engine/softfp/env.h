// SPDX-License-Identifier: GPL-3.0-or-later
// The modes and the cumulative exception flags that soft-float operations work under.
#pragma once

#include "engine/structs/types.h"

typedef enum SoftfpRounding {
  SOFTFP_NEAREST_EVEN,
  SOFTFP_UP,   // towards +infinity
  SOFTFP_DOWN, // towards -infinity
  SOFTFP_ZERO,
  SOFTFP_NEAREST_AWAY, // ties away from zero (instructions that name it)
  SOFTFP_ODD,          // jamming (FCVTXN)
} SoftfpRounding;

// Flag bits: those of the A64 FPSR.
enum {
  SOFTFP_INVALID = 1u << 0,   // IOC
  SOFTFP_DIVBYZERO = 1u << 1, // DZC
  SOFTFP_OVERFLOW = 1u << 2,  // OFC
  SOFTFP_UNDERFLOW = 1u << 3, // UFC
  SOFTFP_INEXACT = 1u << 4,   // IXC
  SOFTFP_DENORMAL = 1u << 7,  // IDC
};

typedef struct SoftfpEnv {
  uint8_t rounding;      // SoftfpRounding
  bool flush_to_zero;    // FPCR.FZ
  bool flush_to_zero_16; // FPCR.FZ16
  bool default_nan;      // FPCR.DN
  bool alternative_half; // FPCR.AHP
  uint32_t flags;        // cumulative
} SoftfpEnv;
