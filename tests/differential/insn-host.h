// SPDX-License-Identifier: GPL-3.0-or-later
// Our side of the instruction comparison: what tier 0's handlers make of cases on a bare CPU
// (insn-host.c), and cases made from the rows of the decode tables (insn-cases.c).
#pragma once

#include <stdbool.h>

#include "engine/guest/aarch64/op.h"
#include "tests/differential/insn-state.h"

// The cases of tests/unit/guest/insn-golden.inc.
enum { INSN_GOLDEN_CASES = 32, INSN_GOLDEN_SEED = 1000 };

typedef struct InsnHost InsnHost;

InsnHost *insn_host_new (void);
void insn_host_free (InsnHost *host);
void insn_host_run (InsnHost *host, const InsnCase *c, InsnResult *result);

// The rows of the decode tables but for system instructions.
extern const unsigned insn_n_rows;
const char *insn_row_name (unsigned row);
// Fixed bits and A64_F_ flags.
void insn_row_pattern (unsigned row, uint32_t *mask, uint32_t *value, unsigned *flags);
// The row of a word, or -1.
int insn_host_decode (const InsnHost *host, uint32_t word, A64Op *op);

// Where the random numbers of a row begin: other rows do not matter.
uint64_t insn_row_seed (unsigned row, uint64_t seed);
// Its meaning depends on where it is.
bool insn_is_relative (uint32_t word);
// Makes the next case of a row from *random. False when the row cannot be compared: its
// instructions jump, depend on where they are, or the architecture leaves open what they do.
bool insn_make_case (const InsnHost *host, unsigned row, uint64_t *random, InsnCase *c);
// Several instructions of any rows. What faults is the last of them.
void insn_make_sequence (InsnHost *host, uint64_t *random, bool newer, InsnCase *c);
// A copy or set of memory.
void insn_make_bulk (uint64_t *random, InsnCase *c);
// Whether the emulator is a judge of it; *reason says why not. Newer: 9 or later.
bool insn_is_judged (const InsnCase *c, bool newer, const char **reason);

// Whether the results are the same, but for what insn-skip.inc says of faults.
bool insn_is_same (const InsnCase *c, const InsnResult *a, const InsnResult *b);
// Goes on with a hash of results; the same for results that are the same.
uint64_t insn_hash_result (uint64_t hash, const InsnResult *result);
