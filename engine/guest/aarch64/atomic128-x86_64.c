// SPDX-License-Identifier: GPL-3.0-or-later
// The 16-byte compare-and-swap on x86-64 hosts. The compilers make a call into a library of it
// unless told that every host has CMPXCHG16B; every one we run on has.
#include "engine/guest/aarch64/atomic128.h"

bool
a64_compare_swap_128 (void *p, uint64_t expected[2], const uint64_t desired[2])
{
  bool swapped;

  __asm__ volatile("lock cmpxchg16b %1"
                   : "=@ccz"(swapped), "+m"(*(unsigned __int128 *) p), "+a"(expected[0]),
                     "+d"(expected[1])
                   : "b"(desired[0]), "c"(desired[1])
                   : "memory");
  return swapped;
}
