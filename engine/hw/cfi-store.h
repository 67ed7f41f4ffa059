// SPDX-License-Identifier: GPL-3.0-or-later
// Where the contents of a flash bank are kept: changes reach the file one after the other, in the
// order the guest made them. From an erasure on they are held back, though, until the last word of
// the erased block is programmed, or something elsewhere or further back is, or nothing was for a
// while; then all that is held reaches the file at once (cfi-journal.h). A process that is killed and
// a computer that loses power leave the file as it was after one of the changes, and not in the
// middle of rewriting a block: firmware erases and writes again without having a copy.
//
// Threads: writes are queued by any; a thread of the store's own carries them out.
#pragma once

#include "engine/block/file.h"

typedef struct CfiStore CfiStore;

// On the store's thread.
typedef struct CfiStoreOps {
  // There is no room on the host's disk: it goes on after cfi_store_retry.
  void (*full) (void *opaque);
  // The file cannot be written for good; once.
  void (*failed) (void *opaque, int error_number);
  // An erased block in which nothing was written for so long is complete.
  gint64 quiet_us;
} CfiStoreOps;

enum {
  CFI_STORE_BACKLOG = 64, // writes that may wait before the store calls itself busy
};

CfiStore *cfi_store_new (BlockFile *take_file, const CfiStoreOps *ops, void *opaque);
// Carries out what is still to be done, as far as that goes. Accepts NULL.
void cfi_store_free (CfiStore *store);

// Copies `bytes`. `erases`: it is a block that is erased.
void cfi_store_write (CfiStore *store, uint64_t offset, const void *bytes, size_t length,
                      bool erases);
// Whether so much is waiting that the guest should.
bool cfi_store_is_busy (CfiStore *store);
bool cfi_store_has_failed (CfiStore *store);
// Waits until all is in the file and on the disk, or there is no room for it, or it failed.
void cfi_store_drain (CfiStore *store);
// There may be room again.
void cfi_store_retry (CfiStore *store);
