// SPDX-License-Identifier: GPL-3.0-or-later
// Our side of the single-instruction comparison: cases made from the rows of the decode tables,
// and what tier 0's handlers make of them on a bare CPU.
#pragma once

#include <stdbool.h>

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

// Where the random numbers of a row begin: other rows do not matter.
uint64_t insn_row_seed (unsigned row, uint64_t seed);
// Makes the next case of a row from *random. False when the row cannot be compared: its
// instructions jump, depend on where they are, or the architecture leaves open what they do.
bool insn_make_case (unsigned row, uint64_t *random, InsnCase *c);

// Whether the results are the same; registers after a fault are not looked at, as an instruction
// of several accesses may have done a part.
bool insn_is_same (const InsnResult *a, const InsnResult *b);
// Goes on with a hash of results; the same for results that are the same.
uint64_t insn_hash_result (uint64_t hash, const InsnResult *result);
