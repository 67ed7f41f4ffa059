// SPDX-License-Identifier: GPL-3.0-or-later
// Cases for the comparison of tier 0 and translated code: single instructions of every row of the
// decode table, and random programs with branches and loops inside one page. Whatever row is added
// to the table takes part.
#pragma once

#include "tests/differential/uop-machine.h"

enum {
  JIT_CASE_WORDS = 40,
  // What the rest of the page is filled with: a branch to the next page, wherever it stands.
  JIT_CASE_AWAY = 0x14000400,
};

typedef struct JitCase {
  unsigned offset, n_words; // in the page
  unsigned max_insns;       // of a region
  bool flush;               // the TLB is empty at the start
  uint32_t words[JIT_CASE_WORDS];
  UopRegisters registers;
} JitCase;

typedef struct JitCases JitCases;

JitCases *jit_cases_new (uint64_t seed);
void jit_cases_free (JitCases *cases);
uint64_t *jit_cases_random (JitCases *cases);
// What the memory at UOP_DATA holds before every case.
const uint8_t *jit_cases_data (const JitCases *cases);
// One instruction of the row (A64_*). False: no word of it was found, or none can be compared.
bool jit_case_of_row (JitCases *cases, unsigned id, JitCase *c);
void jit_case_of_program (JitCases *cases, JitCase *c);
