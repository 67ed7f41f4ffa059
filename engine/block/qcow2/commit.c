// SPDX-License-Identifier: GPL-3.0-or-later
// Commits: metadata goes to the file in the order DESIGN.md gives, and clusters that lost their
// last use become free. One commit runs at a time; who needs one that begins now or later shares it.
//
// Threads: any. The lock is held at the beginning and the end, not while the file is synced.
#include <errno.h>

#include "engine/block/qcow2/priv.h"

enum {
  FREES_MAX = 4096,
};

// What a commit takes along: the metadata as it is when it begins.
typedef struct Commit {
  SliceCopies l2;
  GArray *frees;
  Qcow2Dirty l1_dirty, reftable_dirty;
  uint64_t *l1, *reftable; // those entries
  uint64_t l1_offset, reftable_offset;
} Commit;

static uint64_t *
copy_entries (const uint64_t *table, const Qcow2Dirty *dirty)
{
  if (!qcow2_is_dirty (dirty))
    return NULL;
  return g_memdup2 (table + dirty->first, (dirty->last - dirty->first + 1) * sizeof *table);
}

static int
begin_locked (Qcow2 *q, Commit *commit)
{
  int error = slice_cache_write_all (&q->refcount_cache);
  if (error != 0)
    return error;
  slice_cache_begin_write (&q->l2_cache, &commit->l2);
  commit->l1_dirty = q->l1_dirty;
  commit->l1 = copy_entries (q->l1, &q->l1_dirty);
  commit->l1_offset = q->header.l1_offset;
  commit->reftable_dirty = q->reftable_dirty;
  commit->reftable = copy_entries (q->reftable, &q->reftable_dirty);
  commit->reftable_offset = q->header.reftable_offset;
  q->l1_dirty = q->reftable_dirty = QCOW2_CLEAN;
  commit->frees = q->frees;
  q->frees = g_array_new (FALSE, FALSE, sizeof (Qcow2Free));
  return 0;
}

static int
write_entries (Qcow2 *q, uint64_t table, const Qcow2Dirty *dirty, const uint64_t *entries)
{
  int error = block_file_sync (q->file);
  if (error != 0)
    return error;
  return qcow2_table_write (q->file, table + dirty->first * 8, dirty->last - dirty->first + 1,
                            entries);
}

static int
write_out (Qcow2 *q, const Commit *commit)
{
  int error = 0;
  if (commit->reftable != NULL)
    error = write_entries (q, commit->reftable_offset, &commit->reftable_dirty, commit->reftable);
  if (error == 0 && commit->l2.n > 0)
    error = block_file_sync (q->file);
  if (error == 0)
    error = slice_copies_write (&commit->l2, q->file, q->slice_bytes);
  if (error == 0 && commit->l1 != NULL)
    error = write_entries (q, commit->l1_offset, &commit->l1_dirty, commit->l1);
  return error != 0 ? error : block_file_sync (q->file);
}

static void
restore_dirty (Qcow2Dirty *dirty, const Qcow2Dirty *commit)
{
  if (!qcow2_is_dirty (commit))
    return;
  qcow2_dirty_add (dirty, commit->first);
  qcow2_dirty_add (dirty, commit->last);
}

static void
end_locked (Qcow2 *q, Commit *commit, int error)
{
  slice_cache_end_write (&q->l2_cache, &commit->l2, error != 0);
  if (error != 0) {
    restore_dirty (&q->l1_dirty, &commit->l1_dirty);
    restore_dirty (&q->reftable_dirty, &commit->reftable_dirty);
    g_array_append_vals (q->frees, commit->frees->data, commit->frees->len);
    g_array_set_size (commit->frees, 0);
  }
  g_free (commit->l1);
  g_free (commit->reftable);
}

// Gives up the lock.
static int
run_locked (Qcow2 *q)
{
  Commit commit = {0};
  int error = q->corrupt ? EIO : begin_locked (q, &commit);
  if (error != 0)
    return error;
  g_mutex_unlock (&q->lock);
  error = write_out (q, &commit);
  g_mutex_lock (&q->lock);
  end_locked (q, &commit, error);
  g_mutex_unlock (&q->lock);
  if (error == 0)
    error = qcow2_frees_finish (q, commit.frees);
  g_array_unref (commit.frees);
  g_mutex_lock (&q->lock);
  return error;
}

// One that begins after the call.
static int
commit_locked (Qcow2 *q)
{
  uint64_t wanted = q->commits_begun + 1;
  while (q->commits_done < wanted) {
    if (q->committing) {
      g_cond_wait (&q->committed, &q->lock);
      continue;
    }
    q->committing = true;
    uint64_t number = ++q->commits_begun;
    int error = run_locked (q);
    q->committing = false;
    q->commits_done = number;
    q->commit_error = error;
    g_cond_broadcast (&q->committed);
  }
  return q->commit_error;
}

int
qcow2_commit (Qcow2 *q)
{
  g_mutex_lock (&q->lock);
  int error = commit_locked (q);
  g_mutex_unlock (&q->lock);
  return error;
}

int
qcow2_reserve_locked (Qcow2 *q)
{
  while (q->l2_cache.n_dirty + q->l2_cache.n_writing >= q->l2_cache.n_slices / 2 ||
         q->frees->len >= FREES_MAX) {
    int error = commit_locked (q);
    if (error != 0)
      return error;
  }
  return 0;
}
