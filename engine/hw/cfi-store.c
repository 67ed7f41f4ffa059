// SPDX-License-Identifier: GPL-3.0-or-later
// See cfi-store.h. `lock` protects all but the file, which is the thread's.
#include "engine/hw/cfi-store.h"

#include <errno.h>

enum {
  IDLE_US = 100 * 1000, // after so long without a write, what was written goes to the disk
};

typedef struct Change {
  uint64_t offset;
  GBytes *bytes;
  bool erases;
} Change;

struct CfiStore {
  BlockFile *file; // owned
  const CfiStoreOps *ops;
  void *opaque;
  GThread *thread;

  GMutex lock;
  GCond changed;
  GQueue changes; // of Change; the head is being written
  bool unsynced;  // the file has what the disk may not
  bool draining;  // somebody waits for the disk
  bool full, failed, leaving;
  unsigned retries; // how often there was hope for room
};

static void
free_change (Change *change)
{
  g_bytes_unref (change->bytes);
  g_free (change);
}

// ---- the thread -----------------------------------------------------------------------------

// A disk that did not take what was written never will: that is no matter of room.
static int
sync_disk (CfiStore *store)
{
  return block_file_sync (store->file) != 0 ? EIO : 0;
}

static int
carry_out (CfiStore *store, const Change *change)
{
  size_t length;
  const void *bytes = g_bytes_get_data (change->bytes, &length);
  int error = change->erases ? sync_disk (store) : 0;

  return error != 0 ? error : block_file_write (store->file, bytes, length, change->offset);
}

static void
fail_locked (CfiStore *store, int error)
{
  store->failed = true;
  store->unsynced = false;
  g_queue_clear_full (&store->changes, (GDestroyNotify) free_change);
  g_mutex_unlock (&store->lock);
  store->ops->failed (store->opaque, error);
  g_mutex_lock (&store->lock);
}

static void
wait_for_room_locked (CfiStore *store)
{
  unsigned seen = store->retries;

  g_mutex_unlock (&store->lock);
  store->ops->full (store->opaque);
  g_mutex_lock (&store->lock);
  store->full = store->retries == seen;
  g_cond_broadcast (&store->changed);
  while (store->full && !store->leaving)
    g_cond_wait (&store->changed, &store->lock);
}

static void
write_head_locked (CfiStore *store)
{
  Change *change = g_queue_peek_head (&store->changes);

  g_mutex_unlock (&store->lock);
  int error = carry_out (store, change);
  g_mutex_lock (&store->lock);
  if (error == 0) {
    free_change (g_queue_pop_head (&store->changes));
    store->unsynced = true;
  } else if ((error == ENOSPC || error == EDQUOT) && !store->leaving) {
    wait_for_room_locked (store);
  } else {
    fail_locked (store, error);
  }
}

static void
sync_locked (CfiStore *store)
{
  g_mutex_unlock (&store->lock);
  int error = sync_disk (store);
  g_mutex_lock (&store->lock);
  store->unsynced = false;
  if (error != 0 && !store->failed)
    fail_locked (store, error);
}

// Nothing to write: waits for something, and uses a longer pause.
static void
idle_locked (CfiStore *store)
{
  if (!store->unsynced)
    g_cond_wait (&store->changed, &store->lock);
  else if (store->draining || store->leaving ||
           !g_cond_wait_until (&store->changed, &store->lock, g_get_monotonic_time () + IDLE_US))
    sync_locked (store);
}

static void *
run (void *data)
{
  CfiStore *store = data;

  g_mutex_lock (&store->lock);
  while (store->changes.length > 0 || store->unsynced || !store->leaving) {
    if (store->changes.length > 0)
      write_head_locked (store);
    else
      idle_locked (store);
    g_cond_broadcast (&store->changed);
  }
  g_mutex_unlock (&store->lock);
  return NULL;
}

// ---- any thread -----------------------------------------------------------------------------

void
cfi_store_write (CfiStore *store, uint64_t offset, const void *bytes, size_t length, bool erases)
{
  Change *change = g_new0 (Change, 1);

  change->offset = offset;
  change->bytes = g_bytes_new (bytes, length);
  change->erases = erases;
  g_mutex_lock (&store->lock);
  if (store->failed)
    free_change (change);
  else
    g_queue_push_tail (&store->changes, change);
  g_cond_broadcast (&store->changed);
  g_mutex_unlock (&store->lock);
}

bool
cfi_store_is_busy (CfiStore *store)
{
  g_mutex_lock (&store->lock);
  bool busy = store->changes.length >= CFI_STORE_BACKLOG;
  g_mutex_unlock (&store->lock);
  return busy;
}

bool
cfi_store_has_failed (CfiStore *store)
{
  g_mutex_lock (&store->lock);
  bool failed = store->failed;
  g_mutex_unlock (&store->lock);
  return failed;
}

void
cfi_store_drain (CfiStore *store)
{
  g_mutex_lock (&store->lock);
  store->draining = true;
  g_cond_broadcast (&store->changed);
  while ((store->changes.length > 0 || store->unsynced) && !store->full)
    g_cond_wait (&store->changed, &store->lock);
  store->draining = false;
  g_mutex_unlock (&store->lock);
}

void
cfi_store_retry (CfiStore *store)
{
  g_mutex_lock (&store->lock);
  store->retries++;
  store->full = false;
  g_cond_broadcast (&store->changed);
  g_mutex_unlock (&store->lock);
}

CfiStore *
cfi_store_new (BlockFile *take_file, const CfiStoreOps *ops, void *opaque)
{
  CfiStore *store = g_new0 (CfiStore, 1);

  store->file = take_file;
  store->ops = ops;
  store->opaque = opaque;
  g_mutex_init (&store->lock);
  g_cond_init (&store->changed);
  g_queue_init (&store->changes);
  store->thread = g_thread_new ("vm-flash", run, store);
  return store;
}

void
cfi_store_free (CfiStore *store)
{
  if (store == NULL)
    return;
  g_mutex_lock (&store->lock);
  store->leaving = true;
  g_cond_broadcast (&store->changed);
  g_mutex_unlock (&store->lock);
  g_thread_join (store->thread);
  block_file_free (store->file);
  g_cond_clear (&store->changed);
  g_mutex_clear (&store->lock);
  g_free (store);
}
