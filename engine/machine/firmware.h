// SPDX-License-Identifier: GPL-3.0-or-later
// The files of a machine that starts with firmware.
//
// Threads: any; no state.
#pragma once

#include <glib.h>

#include "engine/block/file.h"

// What the configuration may say instead of a file: the UEFI of this computer.
#define FIRMWARE_UEFI "uefi"

typedef struct FirmwareFiles {
  GBytes *code;      // the firmware, at most a bank of flash
  GBytes *variables; // how its variables begin; NULL where they are kept already
  BlockFile *nvram;  // where they are kept; NULL: nowhere
  char *nvram_name;
} FirmwareFiles;

// `firmware` is a file or FIRMWARE_UEFI; `nvram` is made when it is missing, or NULL. The errors are
// sentences for a person.
bool firmware_open (FirmwareFiles *files, const char *firmware, const char *nvram, GError **error);
void firmware_clear (FirmwareFiles *files);
// The same as far as can be seen without making anything.
bool firmware_check (const char *firmware, const char *nvram, GError **error);

// firmware-find.c: the contents of both (variables NULL: are not wanted); false with an error.
bool firmware_read (const char *firmware, GBytes **code, GBytes **variables, GError **error);
// Whether a file so long can be one of variables.
bool firmware_check_nvram (const char *name, uint64_t bytes, GError **error);
