// SPDX-License-Identifier: GPL-3.0-or-later
// What the encoder's tests share: operands worth trying.
#pragma once

#include "tests/unit/host/asm-judge.h"

// A memory operand: every base and index with every kind of displacement first, then at random.
// `unit` is what displacements of one byte may be multiples of.
X64Mem pick_mem (Judge *judge, unsigned index, unsigned unit);

void test_vectors (void **state);
void test_vector_moves (void **state);
