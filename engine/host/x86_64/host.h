// SPDX-License-Identifier: GPL-3.0-or-later
// The x86-64 host, and its pass over a region (lower.c). vCPU thread.
#pragma once

#include "engine/jit/host.h"

typedef struct X64Lower X64Lower;

// Code that makes a region ready to run from `code` on; 0: no room.
size_t x64_lower_region (X64Lower *l, const JitRequest *request, uint8_t *code, size_t room,
                         uint32_t *entries);
size_t x64_lower_entry (X64Lower *l, const uint8_t *label, unsigned pc_off, uint8_t *code,
                        size_t room);

extern const JitHostOps x64_host_ops;
