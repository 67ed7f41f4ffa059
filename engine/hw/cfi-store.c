// SPDX-License-Identifier: GPL-3.0-or-later
// See cfi-store.h. `lock` protects all but the file and what is held back, which are the thread's.
#include "engine/hw/cfi-store.h"

#include <errno.h>
#include <string.h>

#include "engine/hw/cfi-journal.h"

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

  // What is held back: whole blocks as they shall be.
  CfiImage held[CFI_JOURNAL_BLOCKS];
  bool open[CFI_JOURNAL_BLOCKS];    // erased, and not complete
  uint64_t end[CFI_JOURNAL_BLOCKS]; // of what was programmed since
  unsigned n_held;
  gint64 touched_us; // when an open block was last written
  bool journaled;    // and their journal is complete: they must get to their places

  GMutex lock;
  GCond changed;
  GQueue changes; // of Change; the head is being written
  bool holding;   // something is held back
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

// The block's place among those held; n_held: it is not.
static unsigned
find_held (const CfiStore *store, uint32_t block)
{
  unsigned i = 0;

  while (i < store->n_held && store->held[i].block != block)
    i++;
  return i;
}

static uint32_t
first_block (const Change *change)
{
  return (uint32_t) (change->offset / CFI_FLASH_BLOCK_BYTES);
}

static uint32_t
last_block (const Change *change)
{
  uint64_t end = change->offset + g_bytes_get_size (change->bytes);

  return (uint32_t) ((end - 1) / CFI_FLASH_BLOCK_BYTES);
}

// Without one the block is held from now on, as it is in the file.
static int
need_held (CfiStore *store, uint32_t block, unsigned *at)
{
  *at = find_held (store, block);
  if (*at < store->n_held)
    return 0;
  uint8_t *bytes = g_malloc (CFI_FLASH_BLOCK_BYTES);
  int error = block_file_read (store->file, bytes, CFI_FLASH_BLOCK_BYTES,
                               (uint64_t) block * CFI_FLASH_BLOCK_BYTES);

  if (error != 0) {
    g_free (bytes);
    return error;
  }
  store->held[*at] = (CfiImage){block, bytes};
  store->open[*at] = false;
  store->n_held++;
  return 0;
}

// The part of the change that is in one block.
static void
change_held (CfiStore *store, unsigned i, const Change *change)
{
  uint64_t start = (uint64_t) store->held[i].block * CFI_FLASH_BLOCK_BYTES;
  size_t length;
  const uint8_t *bytes = g_bytes_get_data (change->bytes, &length);
  uint64_t from = MAX (start, change->offset);
  uint64_t to = MIN (start + CFI_FLASH_BLOCK_BYTES, change->offset + length);

  memcpy (store->held[i].bytes + (from - start), bytes + (from - change->offset), to - from);
  if (change->erases || store->open[i])
    store->touched_us = g_get_monotonic_time ();
  store->end[i] = change->erases ? start : to;
  if (change->erases)
    store->open[i] = true;
  else if (to == start + CFI_FLASH_BLOCK_BYTES)
    store->open[i] = false;
}

static int
hold (CfiStore *store, const Change *change)
{
  unsigned i;

  for (uint32_t block = first_block (change); block <= last_block (change); block++) {
    int error = need_held (store, block, &i);

    if (error != 0)
      return error;
    change_held (store, i, change);
  }
  return 0;
}

static void
forget_held (CfiStore *store)
{
  for (unsigned i = 0; i < store->n_held; i++)
    g_free (store->held[i].bytes);
  store->n_held = 0;
  store->journaled = false;
}

// What came before is on the disk before. A journal that is complete stays until all of it is done.
static int
commit (CfiStore *store, bool unsynced)
{
  int error = 0;

  if (!store->journaled) {
    error = unsynced ? sync_disk (store) : 0;
    if (error == 0)
      error = cfi_journal_write (store->file, store->held, store->n_held);
    if (error != 0 && error != EOPNOTSUPP)
      return error;
    store->journaled = error == 0;
  }
  error = cfi_journal_apply (store->file, store->held, store->n_held);
  return error != 0 || !store->journaled ? error : cfi_journal_remove (store->file);
}

static int
carry_out (CfiStore *store, const Change *change)
{
  size_t length;
  const void *bytes = g_bytes_get_data (change->bytes, &length);

  return change->erases || store->n_held > 0
             ? hold (store, change)
             : block_file_write (store->file, bytes, length, change->offset);
}

static void
fail_locked (CfiStore *store, int error)
{
  store->failed = true;
  store->unsynced = store->holding = false;
  forget_held (store);
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
stop_locked (CfiStore *store, int error)
{
  if ((error == ENOSPC || error == EDQUOT) && !store->leaving)
    wait_for_room_locked (store);
  else
    fail_locked (store, error);
}

static void
write_head_locked (CfiStore *store)
{
  Change *change = g_queue_peek_head (&store->changes);

  g_mutex_unlock (&store->lock);
  int error = carry_out (store, change);
  g_mutex_lock (&store->lock);
  if (error != 0) {
    stop_locked (store, error);
    return;
  }
  free_change (g_queue_pop_head (&store->changes));
  store->holding = store->n_held > 0;
  store->unsynced = store->unsynced || !store->holding;
}

static void
commit_locked (CfiStore *store)
{
  bool unsynced = store->unsynced;

  g_mutex_unlock (&store->lock);
  int error = commit (store, unsynced);
  g_mutex_lock (&store->lock);
  if (error != 0) {
    stop_locked (store, error);
    return;
  }
  forget_held (store);
  store->holding = store->unsynced = false;
}

static bool
is_any_open (const CfiStore *store)
{
  for (unsigned i = 0; i < store->n_held; i++)
    if (store->open[i])
      return true;
  return false;
}

static bool
is_any_programmed (const CfiStore *store)
{
  for (unsigned i = 0; i < store->n_held; i++)
    if (store->end[i] != (uint64_t) store->held[i].block * CFI_FLASH_BLOCK_BYTES)
      return true;
  return false;
}

// Whether the change goes on with blocks that are not complete: who rewrites some erases them and
// then programs each from its start to its end, and changes nothing else meanwhile.
static bool
goes_on (const CfiStore *store, const Change *change)
{
  unsigned first = find_held (store, first_block (change));

  if (first == store->n_held)
    return change->erases && !is_any_programmed (store);
  return store->open[first] && (change->erases || change->offset >= store->end[first]);
}

static bool
fits (const CfiStore *store, const Change *change)
{
  unsigned more = 0;

  for (uint32_t block = first_block (change); block <= last_block (change); block++)
    more += find_held (store, block) == store->n_held;
  return store->n_held + more <= CFI_JOURNAL_BLOCKS;
}

static gint64
quiet_from (const CfiStore *store)
{
  return store->touched_us + store->ops->quiet_us;
}

// Whether what is held goes to the file now.
static bool
is_due_locked (CfiStore *store)
{
  const Change *head = g_queue_peek_head (&store->changes);

  if (!store->holding)
    return false;
  if (store->journaled || !is_any_open (store))
    return true;
  if (head != NULL && !fits (store, head))
    return true;
  if (head != NULL)
    return !goes_on (store, head);
  return g_get_monotonic_time () >= quiet_from (store) || store->draining || store->leaving;
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
  gint64 sync_at = g_get_monotonic_time () + IDLE_US;
  gint64 until = store->holding ? quiet_from (store) : G_MAXINT64;

  if (!store->unsynced && !store->holding)
    g_cond_wait (&store->changed, &store->lock);
  else if (store->draining || store->leaving)
    sync_locked (store); // nothing is held: that would have been due
  else if (!store->unsynced)
    g_cond_wait_until (&store->changed, &store->lock, until);
  else if (!g_cond_wait_until (&store->changed, &store->lock, MIN (sync_at, until)) &&
           sync_at <= until)
    sync_locked (store);
}

static void *
run (void *data)
{
  CfiStore *store = data;

  g_mutex_lock (&store->lock);
  while (store->changes.length > 0 || store->holding || store->unsynced || !store->leaving) {
    if (is_due_locked (store))
      commit_locked (store);
    else if (store->changes.length > 0)
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
  while ((store->changes.length > 0 || store->holding || store->unsynced) && !store->full)
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
