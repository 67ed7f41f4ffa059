// SPDX-License-Identifier: GPL-3.0-or-later
// What a machine tells of itself (SMBIOS 3.0, DMTF DSP0134), for firmware to hand on.
//
// Threads: any; no state.
#pragma once

#include <glib.h>

#include "engine/structs/types.h"

typedef struct SmbiosMachine {
  const char *name;
  const char *uuid;    // as text; NULL: none
  const char *version; // of this program
  unsigned n_cpus;
  GuestAddr ram_base;
  uint64_t ram_bytes;
} SmbiosMachine;

// Names of the files in fw_cfg.
#define SMBIOS_FILE_ANCHOR "etc/smbios/smbios-anchor"
#define SMBIOS_FILE_TABLES "etc/smbios/smbios-tables"

void smbios_build (const SmbiosMachine *machine, GBytes **anchor, GBytes **tables);
