// SPDX-License-Identifier: GPL-3.0-or-later
// Bytes that went to and from a guest through devices of one kind, since the machine was made. Added
// to by the threads that move them, read by any: figures, nothing is decided by them.
#pragma once

#include <stdatomic.h>

#include "engine/structs/types.h"

typedef struct Traffic {
  _Atomic uint64_t in;  // to the guest: read from disks, received
  _Atomic uint64_t out; // from it: written, sent
} Traffic;

// NULL: nobody counts.
static inline void
traffic_add (Traffic *traffic, bool out, uint64_t bytes)
{
  if (traffic != NULL)
    atomic_fetch_add_explicit (out ? &traffic->out : &traffic->in, bytes, memory_order_relaxed);
}
