// SPDX-License-Identifier: GPL-3.0-or-later
// The 16-byte compare-and-swap on other hosts: the compiler's.
#include "engine/guest/aarch64/atomic128.h"

bool
a64_compare_swap_128 (void *p, uint64_t expected[2], const uint64_t desired[2])
{
  unsigned __int128 old = (unsigned __int128) expected[1] << 64 | expected[0];
  unsigned __int128 new = (unsigned __int128) desired[1] << 64 | desired[0];
  bool swapped = __atomic_compare_exchange_n ((unsigned __int128 *) p, &old, new, false,
                                              __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);

  expected[0] = (uint64_t) old;
  expected[1] = (uint64_t) (old >> 64);
  return swapped;
}
