// SPDX-License-Identifier: GPL-3.0-or-later
// qcow2 images in memory that are changed by hand: numbers put where the specification has them,
// opened and judged, by QEMU too where it is installed. Failures end the test.
#pragma once

#include "engine/block/qcow2/qcow2.h"
#include "tests/support/mem-file.h"

typedef enum {
  HAND_CLEAN,
  HAND_LEAKED,
  HAND_CORRUPT,
  HAND_REFUSED, // not opened, or the check itself gave up
  HAND_UNKNOWN, // QEMU is not there
} HandVerdict;

MemFile *hand_create (const Qcow2CreateOptions *options);
// Must be possible.
BlockImage *hand_open (MemFile *mem, BlockImageFlags flags);
// Must not: the message has `says` in it.
void hand_assert_refused (MemFile *mem, BlockImageFlags flags, const char *says);

// Big-endian numbers of `bytes` bytes, 1 to 8. The file becomes as long as it takes.
uint64_t hand_get (const MemFile *mem, uint64_t at, unsigned bytes);
void hand_put (MemFile *mem, uint64_t at, uint64_t value, unsigned bytes);
void hand_put_bytes (MemFile *mem, uint64_t at, const void *bytes, size_t length);

// Where the first refcount block, L1 table, and the table of L1 entry `i` are.
uint64_t hand_block (const MemFile *mem);
uint64_t hand_l1 (const MemFile *mem);
uint64_t hand_l2 (const MemFile *mem, unsigned i);
// Stores a cluster's refcount of 16 bits in the first block.
void hand_count (MemFile *mem, uint64_t cluster, uint16_t refcount);
// A cluster of zeroes at the file's end, counted once: its offset.
uint64_t hand_add_cluster (MemFile *mem);

// All bytes alike; 0 or an errno value.
int hand_fill (BlockImage *image, uint64_t offset, uint64_t length, uint8_t value);
// EBADMSG: read, and not all are `value`.
int hand_expect (BlockImage *image, uint64_t offset, uint64_t length, uint8_t value);

HandVerdict hand_check (MemFile *mem);
HandVerdict hand_ask_qemu (const MemFile *mem);
