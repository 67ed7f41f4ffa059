// SPDX-License-Identifier: GPL-3.0-or-later
// Code that is come to for the first time, which mostly is the last time, too: tier 0 carries it out,
// instruction by instruction and kept nowhere. What is come to again is worth translating. vCPU thread.
#pragma once

#include "engine/guest/aarch64/block.h"

typedef struct A64Cold A64Cold;

A64Cold *a64_cold_new (void);
void a64_cold_free (A64Cold *cold);
// A block that runs a piece from `pa` on, which is at cpu->pc: until control leaves the page, goes back,
// or has gone on for a while. NULL: it ran before. `page` is where the page is in host memory.
A64Block *a64_cold_block (A64Cold *cold, const A64Cpu *cpu, GuestAddr pa, const uint8_t *page);
// Appends how many pieces there were, and instructions in them, as the translator's figures are.
void a64_cold_format (const A64Cold *cold, GString *out);
