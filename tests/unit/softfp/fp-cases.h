// SPDX-License-Identifier: GPL-3.0-or-later
// Random executions of the floating-point rows of the decode table, the same on every run: shared
// by the differential and the golden test.
#pragma once

#include "engine/guest/aarch64/op.h"
#include "tests/unit/softfp/fp-state.h"

typedef struct FpRow {
  const char *name, *format_name;
  uint32_t mask, value;
  bool (*format) (uint32_t insn, A64Op *op);
  A64Handler handler;
} FpRow;

extern const FpRow fp_rows[];
extern const unsigned fp_n_rows;

// An endless series of cases of one row; a new word every few cases.
typedef struct FpSeries {
  const FpRow *row;
  uint64_t random;
  uint32_t word;
  unsigned made;
} FpSeries;

void fp_series_init (FpSeries *series, const FpRow *row, uint64_t seed);
void fp_series_next (FpSeries *series, FpCase *test);

// What tier 0 makes of it.
void fp_interpret (const FpRow *row, const FpCase *test, FpState *out);

// True where QEMU's NZCV, or bits 31:16 of the result, are known to be wrong.
bool fp_is_known_deviation (const FpRow *row, const FpCase *test);

// A running FNV-1a hash of results; start with FP_HASH_START.
#define FP_HASH_START 0xcbf29ce484222325u
uint64_t fp_hash (uint64_t hash, const FpState *state);
