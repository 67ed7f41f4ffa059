// SPDX-License-Identifier: GPL-3.0-or-later
// Between import.c and the parsers.
#pragma once

#include "engine/block/import/import.h"

enum {
  IMPORT_BLOCKS_MAX = 8 << 20, // 64 MiB of table
};

typedef struct Import {
  BlockFile *file;
  const char *path; // while it is being opened
  uint64_t file_bytes;
  uint64_t size_bytes, block_bytes; // of the disk; of a block: a power of two
  uint64_t n_blocks;
  uint64_t *hosts; // where each block is in the file; 0: it reads as zeroes
  bool packed;     // VMDK: a marker and deflated data are there

  GMutex lock; // of what follows
  uint64_t unpacked_host;
  uint8_t *unpacked; // the block there, once one was needed
} Import;

// Each fills size_bytes, block_bytes and the table. They trust nothing: the file may be anything.
bool import_parse_vdi (Import *import, GError **error);
bool import_parse_vmdk (Import *import, GError **error);
bool import_parse_vhdx (Import *import, GError **error);

// Sizes are in range and the table, all zeroes, is made; false with an error.
bool import_make_table (Import *import, GError **error);
// False, for the caller to return.
bool import_refuse (const Import *import, GError **error, const char *why);
bool import_refuse_damaged (const Import *import, GError **error);
bool import_refuse_based (const Import *import, GError **error); // on another image
// Inside the file, or an error as damaged.
bool import_read (Import *import, void *to, size_t length, uint64_t offset, GError **error);

// Little-endian fields.
static inline uint64_t
import_get (const uint8_t *bytes, unsigned at, unsigned size)
{
  uint64_t value = 0;
  for (unsigned i = size; i > 0; i--)
    value = value << 8 | bytes[at + i - 1];
  return value;
}
