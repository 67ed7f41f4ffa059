// SPDX-License-Identifier: GPL-3.0-or-later
// What uops that access memory share (lower-mem.c).
#pragma once

#include "engine/host/x86_64/lower.h"

// Where an access is: [base + disp], base being a pin or rax.
typedef struct X64Address {
  unsigned base;
  int32_t disp;
} X64Address;

// Base and index, added in rax; rcx is used. c says how the index is extended (high nibble) and
// shifted (low nibble).
X64Address x64_indexed_address (X64Lower *l, const Uop *uop);

typedef void (*X64EmitCold) (X64Lower *l, X64Cold *cold);

// To a cold piece unless the access hits; then the addend is in rdx. rcx is used. NULL: it is known
// to hit.
X64Cold *x64_look_up (X64Lower *l, const Uop *uop, X64Address at, unsigned bytes, bool write,
                      X64EmitCold emit);
// After a hit.
X64Mem x64_host_memory (X64Address at, int32_t more);
