// SPDX-License-Identifier: GPL-3.0-or-later
// Code that changes without a word: guests that leave out the instruction-cache maintenance which
// the architecture asks for (Arm ARM B2.7.4). Where a machine is told to, its CPUs' stores to pages
// that hold decoded or translated code do what IC IVAU would have done.
//
// A bit for each page of memory says that code of it is in use: then no write table has the page,
// and each store comes here. The first clears the bit and marks the code; whoever looks the code up
// again sets it. All functions are for the vCPU's thread but where it says otherwise.
//
// What is running goes on up to its next jump backwards or out of the page. What devices write to
// memory is not noticed.
#pragma once

#include "engine/guest/aarch64/cpu.h"

// a64_watch_code (aarch64.h) has all CPUs of a machine do so.
void a64_code_watch_clear (A64Cpu *cpu);
// A store is about to be made to the page at `pa`; a64_tlb_fill may follow.
void a64_code_watch_store (A64Cpu *cpu, GuestAddr pa);
// Code of the page at `pa` is about to be looked at. False: others had to be told first, and did
// what they asked for meanwhile: the address is to be looked up again.
bool a64_code_watch_fetch (A64Cpu *cpu, GuestAddr pa);
