// SPDX-License-Identifier: GPL-3.0-or-later
// Which operating system is on a medium and what it wants of a machine, as libosinfo's database
// knows it. Takes about half a second; any thread that may wait.
#pragma once

#include "app/medium/medium.h"

typedef struct SystemAdvice {
  char *name; // "Debian 11 Bullseye"; NULL: the system is not known
  // What it runs well with; 0: not known.
  uint64_t memory_bytes, disk_bytes;
  unsigned cpus;
} SystemAdvice;

// Never NULL.
SystemAdvice *system_advise (const Medium *medium);
void system_advice_free (SystemAdvice *advice); // accepts NULL
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SystemAdvice, system_advice_free)

// A name to call a machine from this medium by: the system's, the disc's, or the file's. Owned.
char *system_suggest_name (const Medium *medium, const SystemAdvice *advice);
