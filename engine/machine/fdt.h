// SPDX-License-Identifier: GPL-3.0-or-later
// The device tree of the `virt` machine (Devicetree Specification 0.4 and Linux's bindings).
//
// Threads: any; no state.
#pragma once

#include "engine/machine/machine-priv.h"

typedef struct VirtFdt {
  unsigned n_cpus;
  uint64_t ram_bytes;
  const char *cmdline;
  MachineInitrd initrd;
  uint8_t rng_seed[32];
  uint64_t kaslr_seed;
  bool firmware; // it starts with it
} VirtFdt;

// The blob (g_free) and its length; NULL when it does not fit into `max_bytes`.
void *virt_fdt_new (const VirtFdt *desc, size_t max_bytes, size_t *length);
