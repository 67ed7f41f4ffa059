// SPDX-License-Identifier: GPL-3.0-or-later
// Blocks of a flash bank change in its file all together or not at all: before they do, they are
// written behind the bank, in the same file, and then the file is cut back to the bank. Whatever
// copies or moves the file has both, no folder need be writable, and the lock of one is that of both.
//
// What is behind the bank: a header (magic, number of blocks, which they are, SHA-256 of the header
// before it and the blocks; little-endian), and the blocks.
//
// Threads: any; whoever has the file.
#pragma once

#include "engine/block/file.h"
#include "engine/hw/cfi-flash.h"

enum {
  CFI_JOURNAL_BLOCKS = 8, // at most
  CFI_JOURNAL_HEADER_BYTES = 512,
};

typedef struct CfiImage {
  uint32_t block; // number
  uint8_t *bytes; // CFI_FLASH_BLOCK_BYTES
} CfiImage;

// Whether a file so long may be a bank with a journal behind it.
bool cfi_journal_fits (uint64_t file_bytes);

// All give 0 or an errno value. `n` is from 1 to CFI_JOURNAL_BLOCKS.
// Behind the bank, and on the disk. EOPNOTSUPP: no such file grows.
int cfi_journal_write (BlockFile *file, const CfiImage *images, unsigned n);
// To their places, and on the disk.
int cfi_journal_apply (BlockFile *file, const CfiImage *images, unsigned n);
int cfi_journal_remove (BlockFile *file);
// Completes what was begun when a complete journal is there. A torn one is removed: nothing was
// changed then. What is not ours is left alone: the file is longer than a bank afterwards.
int cfi_journal_replay (BlockFile *file);
