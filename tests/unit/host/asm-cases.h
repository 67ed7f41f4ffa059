// SPDX-License-Identifier: GPL-3.0-or-later
// What the files of the encoder's test share: names, operands worth trying, and the tests, which
// get a Judge.
#pragma once

#include "tests/unit/host/asm-judge.h"

// By the numbers that the encoder has for them, NULL where there is none.
extern const char *const alu_names[8], *const unary_names[8], *const shift_names[8];
extern const char *const bt_names[8], *const bls_names[8], *const cc_names[16];

// A memory operand: every base with every kind of displacement and index, one after another.
// `unit` is what displacements of one byte may be multiples of.
X64Mem pick_mem (Judge *judge, unsigned number, unsigned unit);

void test_int_bmi (void **state);
void test_int_constants (void **state);
void test_int_immediates (void **state);
void test_int_pairs (void **state);
void test_int_rest (void **state);
void test_int_singles (void **state);
void test_jump_backward (void **state);
void test_jump_forward (void **state);
void test_jump_known (void **state);
void test_jump_nops (void **state);
void test_jump_short (void **state);
void test_mem_addresses (void **state);
void test_mem_constant_base (void **state);
void test_mem_constructors (void **state);
void test_mem_forms (void **state);
void test_room (void **state);
void test_room_labels (void **state);
void test_vectors (void **state);
void test_vector_moves (void **state);
void test_vector_sha (void **state);
