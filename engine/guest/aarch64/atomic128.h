// SPDX-License-Identifier: GPL-3.0-or-later
// A 16-byte compare-and-swap on guest memory, sequentially consistent. The compilers make a call
// into a library of it unless told that every x86 host has CMPXCHG16B; every one we run on has.
#pragma once

#include "engine/structs/types.h"

// *p becomes `desired` when it equals `expected`; otherwise `expected` receives the value of *p.
// p is 16-byte aligned.
#if defined(__x86_64__)
static inline bool
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
#else
static inline bool
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
#endif
