// SPDX-License-Identifier: GPL-3.0-or-later
// The layout of a saved state's file, for its writer and its reader. Little endian.
#pragma once

#include <assert.h>
#include <stdint.h>

enum {
  STATE_FILE_VERSION = 1,
  STATE_FILE_HEADER_BYTES = 4096,
  STATE_FILE_RAM_OFFSET = 2 << 20, // memory begins at a multiple of a huge page
  STATE_FILE_CHUNK_BYTES = 64 << 10,
  STATE_FILE_PAGE_BYTES = 4096,
  STATE_FILE_STREAM_MAX = 256 << 20, // pictures of a guest's display are in there
};

static const char STATE_FILE_MAGIC[8] = {'T', 'E', 'R', 'R', 'S', 'A', 'V', 'E'};

typedef struct StateFileExtent {
  uint64_t offset, length;
} StateFileExtent;

typedef struct StateFileRam {
  uint64_t base, bytes;
  uint64_t offset; // of its contents; a hole is zero
} StateFileRam;

typedef struct StateFileHeader {
  char magic[8];
  uint32_t version;
  uint32_t n_rams;
  char arch[16]; // padded with zeroes
  uint64_t file_bytes;
  StateFileExtent sums;   // state_sum of each chunk of each memory in turn; 0: all zero
  StateFileExtent stream; // of devices and CPUs: state.h
  uint64_t sums_sum, stream_sum;
  StateFileRam rams[8];
  uint8_t unused[3808];
  uint64_t sum; // state_sum of the header with 0 here
} StateFileHeader;
static_assert (sizeof (StateFileHeader) == STATE_FILE_HEADER_BYTES, "DESIGN.md");
