// SPDX-License-Identifier: GPL-3.0-or-later
// Where the contents of a flash bank are kept: changes reach the file one after the other, in the
// order the guest made them. A process that is killed leaves the file as it was after one of them:
// to the guest that is a power cut, which its firmware is prepared for. So that a computer that
// loses power does no worse, what came before an erasure is on the disk before it: a copy of what is
// erased, often. What follows an erasure follows it at once, since firmware also erases and writes
// again without such a copy.
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
} CfiStoreOps;

enum {
  CFI_STORE_BACKLOG = 64, // writes that may wait before the store calls itself busy
};

CfiStore *cfi_store_new (BlockFile *take_file, const CfiStoreOps *ops, void *opaque);
// Carries out what is still to be done, as far as that goes. Accepts NULL.
void cfi_store_free (CfiStore *store);

// Copies `bytes`. `erases`: orders the disk too.
void cfi_store_write (CfiStore *store, uint64_t offset, const void *bytes, size_t length,
                      bool erases);
// Whether so much is waiting that the guest should.
bool cfi_store_is_busy (CfiStore *store);
bool cfi_store_has_failed (CfiStore *store);
// Waits until all is in the file and on the disk, or there is no room for it, or it failed.
void cfi_store_drain (CfiStore *store);
// There may be room again.
void cfi_store_retry (CfiStore *store);
