// SPDX-License-Identifier: GPL-3.0-or-later
// Unpacking of compressed kernels, with a limit: what is packed may be hostile.
//
// Threads: any; no state.
#pragma once

#include <glib.h>

#include "engine/structs/types.h"

typedef enum BootCompression {
  BOOT_GZIP, // RFC 1952, the first member
  BOOT_ZSTD, // RFC 8878, the first frame
} BootCompression;

// The unpacked bytes (g_free), or NULL with an error that names the file: damaged, incomplete, or
// more than `max_bytes`.
uint8_t *boot_decompress (BootCompression compression, const uint8_t *data, size_t length,
                          size_t max_bytes, const char *name, size_t *unpacked, GError **error);

// The first bytes of a gzip stream of which perhaps only the beginning is at hand: how many of
// `wanted` could be unpacked.
size_t boot_gzip_peek (const uint8_t *data, size_t length, uint8_t *to, size_t wanted);
