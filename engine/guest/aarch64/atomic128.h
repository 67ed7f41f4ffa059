// SPDX-License-Identifier: GPL-3.0-or-later
// A 16-byte compare-and-swap on guest memory, sequentially consistent; any thread. The build chooses
// atomic128-x86_64.c or atomic128-any.c.
#pragma once

#include "engine/structs/types.h"

// *p becomes `desired` when it equals `expected`; otherwise `expected` receives the value of *p.
// p is 16-byte aligned.
bool a64_compare_swap_128 (void *p, uint64_t expected[2], const uint64_t desired[2]);
