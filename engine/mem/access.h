// SPDX-License-Identifier: GPL-3.0-or-later
// Naturally sized relaxed atomic accesses to guest RAM through a host pointer. Guest memory is
// shared with other vCPUs and the I/O thread, so plain C accesses would be data races. The
// pointer need not be aligned: an unaligned access is single-copy atomic only per byte, as the
// architecture allows.
#pragma once

#include <string.h>

#include "engine/structs/types.h"

// What an unaligned access does: bytes in no particular order, as far as the architecture is
// concerned. The race detector is told of it by its name.
static inline void
mem_copy_unaligned (void *to, const void *from, size_t size)
{
  memcpy (to, from, size);
}

#define MEM_DEFINE_ACCESS(bits)                                                                    \
  static inline uint##bits##_t mem_load##bits (const void *p)                                      \
  {                                                                                                \
    uint##bits##_t v;                                                                              \
    if (__builtin_expect (((uintptr_t) p & (sizeof v - 1)) == 0, 1))                               \
      return __atomic_load_n ((const uint##bits##_t *) p, __ATOMIC_RELAXED);                       \
    mem_copy_unaligned (&v, p, sizeof v);                                                          \
    return v;                                                                                      \
  }                                                                                                \
  static inline void mem_store##bits (void *p, uint##bits##_t v)                                   \
  {                                                                                                \
    if (__builtin_expect (((uintptr_t) p & (sizeof v - 1)) == 0, 1))                               \
      __atomic_store_n ((uint##bits##_t *) p, v, __ATOMIC_RELAXED);                                \
    else                                                                                           \
      mem_copy_unaligned (p, &v, sizeof v);                                                        \
  }

MEM_DEFINE_ACCESS (8)
MEM_DEFINE_ACCESS (16)
MEM_DEFINE_ACCESS (32)
MEM_DEFINE_ACCESS (64)
#undef MEM_DEFINE_ACCESS
