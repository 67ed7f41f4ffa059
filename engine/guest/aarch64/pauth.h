// SPDX-License-Identifier: GPL-3.0-or-later
// Pointer authentication codes (Arm ARM D8.10, FEAT_PAuth2 and FEAT_FPACCOMBINE, with an algorithm
// of our own). vCPU thread.
#pragma once

#include "engine/guest/aarch64/cpu.h"

// Keys; the bits of cpu->pauth_keys are 1 << key, and of a PAC Fail exception's ISS the key itself.
typedef enum A64PacKey {
  A64_PAC_IA,
  A64_PAC_IB,
  A64_PAC_DA,
  A64_PAC_DB,
  A64_PAC_GA,
} A64PacKey;

// Which keys SCTLR_EL1 enables: after a change of it or of the features.
void a64_pac_configure (A64Cpu *cpu);

// Puts the code of a pointer into its upper bits.
uint64_t a64_pac_add (const A64Cpu *cpu, uint64_t pointer, uint64_t modifier, A64PacKey key);
// Takes it out again; upper bits that are no sign extension remain when it was the wrong one.
uint64_t a64_pac_remove (const A64Cpu *cpu, uint64_t pointer, uint64_t modifier, A64PacKey key);
// Sign-extends the pointer over its code.
uint64_t a64_pac_strip (const A64Cpu *cpu, uint64_t pointer, bool data);
// The bits that codes are in, of pointers to the lower half.
uint64_t a64_pac_mask (const A64Cpu *cpu, bool data);
// PACGA.
uint64_t a64_pac_generic (const A64Cpu *cpu, uint64_t value, uint64_t modifier);
