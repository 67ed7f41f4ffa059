// SPDX-License-Identifier: GPL-3.0-or-later
// The CPU run by translated code: what joins translate.c (from A64), engine/jit (code) and the run
// loop. Tier 0 stays in charge of what is odd: code while the guest's instruction cache is off,
// single steps, pages with breakpoints. vCPU thread.
#pragma once

#include "engine/guest/aarch64/cpu.h"

// Runs translated code, or one block of tier 0, from cpu->pc.
void a64_jit_run (A64Cpu *cpu);
// Code for the present mode at `pa`, in the page that is at `page` in host memory. Never NULL.
const void *a64_jit_find (A64Cpu *cpu, GuestAddr pa, const uint8_t *page);
// As a64_jit_find, or a block of tier 0 for code that is hardly ever come to.
struct A64Block *a64_jit_find_or_leave (A64Cpu *cpu, GuestAddr pa, const uint8_t *page,
                                        const void **code);
// True when the mode is one whose code is not in the jump caches: FPCR as it seldom is, EL1 with
// SP_EL0 or with PSTATE.UAO, instructions counted.
bool a64_jit_is_odd (const A64Cpu *cpu);
// The present mode, which is not odd, uses its context's jump cache; what is there for another goes.
void a64_jit_use_jumps (A64Cpu *cpu);
// Sets fp_odd: after whatever changes FPCR or EL0's context.
void a64_jit_check_fp (A64Cpu *cpu);
// Takes back the instruction generated code counted last, if it counts.
void a64_jit_uncount (A64Cpu *cpu);
// For accel-verify.c: runs code from cpu->pc until it leaves; the region (which the next translation
// overwrites) and the bytes of the code that a64_jit_find gave, made once more. NULL: there is no room.
void a64_jit_enter (A64Cpu *cpu, const void *code);
const struct A64Region *a64_jit_translate_again (A64Cpu *cpu, GuestAddr pa, const uint8_t *page);
const void *a64_jit_code_again (A64Cpu *cpu, GuestAddr pa, const uint8_t *page, size_t *bytes);
void a64_jit_mark_page (A64Cpu *cpu, GuestAddr pa);
void a64_jit_mark_all (A64Cpu *cpu);
// Instructions of a region, at most, of those translated from now on; for tests.
void a64_jit_set_limit (A64Cpu *cpu, unsigned max_insns);
// The translator's figures as text, since reset. While the vCPU is parked.
void a64_jit_report (A64Cpu *cpu, GString *out);
void a64_jit_clear (A64Cpu *cpu);
