// SPDX-License-Identifier: GPL-3.0-or-later
// A clock that generated code reads by itself, from the host's cycle counter: ns + (counter - base) *
// multiplier / 2^32, as long as counter - base is below `limit`. Written by one thread at a time,
// which makes `sequence` odd meanwhile; whoever reads looks at it before and after.
#pragma once

#include <stdatomic.h>
#include <stdint.h>

typedef struct Ticks {
  _Atomic uint64_t sequence, base, ns, multiplier, limit;
} Ticks;
