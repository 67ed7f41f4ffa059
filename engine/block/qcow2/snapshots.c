// SPDX-License-Identifier: GPL-3.0-or-later
// The internal snapshots of a qcow2 image (qcow2 § Snapshots): listed, counted as references, and
// read through their own L1 table; not made here. Runs while the image is opened.
#include <errno.h>
#include <gio/gio.h>
#include <glib/gi18n.h>
#include <string.h>

#include "engine/block/qcow2/priv.h"

enum {
  TABLE_BYTES_MAX = 16 << 20,
  L1_ENTRIES_MAX = (32 << 20) / 8,
  EXTRA_BYTES_MAX = 1024,
};

static char *
read_text (BlockFile *file, uint64_t offset, size_t length)
{
  g_autofree char *text = g_malloc (length + 1);
  if (block_file_read (file, text, length, offset) != 0)
    return NULL;
  text[length] = '\0';
  return g_utf8_make_valid (text, -1);
}

// What version 3 adds; absent in older ones.
static bool
read_extra (Qcow2 *q, Qcow2Snapshot *snapshot, uint64_t offset, size_t length)
{
  uint64_t extra[2] = {0};
  if (block_file_read (q->file, extra, MIN (length, sizeof extra), offset) != 0)
    return false;
  if (length >= 8 && extra[0] != 0)
    snapshot->state_bytes = GUINT64_FROM_BE (extra[0]);
  snapshot->disk_bytes = length >= 16 ? GUINT64_FROM_BE (extra[1]) : q->header.size;
  return true;
}

// One entry; its length, 0 when it is not one.
static uint64_t
read_entry (Qcow2 *q, Qcow2Snapshot *snapshot, uint64_t offset)
{
  Qcow2SnapshotWire wire;
  if (block_file_read (q->file, &wire, sizeof wire, offset) != 0)
    return 0;
  uint32_t extra = GUINT32_FROM_BE (wire.extra_bytes);
  unsigned id = GUINT16_FROM_BE (wire.id_bytes), name = GUINT16_FROM_BE (wire.name_bytes);
  snapshot->l1_offset = GUINT64_FROM_BE (wire.l1_offset);
  snapshot->l1_entries = GUINT32_FROM_BE (wire.l1_entries);
  snapshot->seconds = GUINT32_FROM_BE (wire.seconds);
  snapshot->state_bytes = GUINT32_FROM_BE (wire.state_bytes);
  if (extra > EXTRA_BYTES_MAX || snapshot->l1_entries > L1_ENTRIES_MAX ||
      snapshot->l1_offset % q->cluster_bytes != 0 ||
      !read_extra (q, snapshot, offset + sizeof wire, extra))
    return 0;
  snapshot->id = read_text (q->file, offset + sizeof wire + extra, id);
  snapshot->name = read_text (q->file, offset + sizeof wire + extra + id, name);
  if (snapshot->id == NULL || snapshot->name == NULL)
    return 0;
  return (sizeof wire + extra + id + name + 7) & ~UINT64_C (7);
}

bool
qcow2_snapshots_read (Qcow2 *q, const char *path, GError **error)
{
  uint64_t done = 0;
  q->snapshots = g_new0 (Qcow2Snapshot, q->header.n_snapshots);
  for (unsigned i = 0; i < q->header.n_snapshots; i++) {
    uint64_t length = read_entry (q, &q->snapshots[i], q->header.snapshots_offset + done);
    done += length;
    if (length == 0 || done > TABLE_BYTES_MAX)
      return qcow2_refuse (path, error, _ ("it is damaged (%s); take a copy made before"),
                           "snapshot table");
  }
  q->snapshots_bytes = done;
  return true;
}

void
qcow2_snapshots_clear (Qcow2 *q)
{
  for (unsigned i = 0; q->snapshots != NULL && i < q->header.n_snapshots; i++) {
    g_free (q->snapshots[i].id);
    g_free (q->snapshots[i].name);
  }
  g_clear_pointer (&q->snapshots, g_free);
}

// ---------------------------------------------------------------------------------------------
// Reading one

// What the header's own numbers are held to, for those of a snapshot. The machine's state lies behind
// the disk's end: the table may reach further than the disk.
static bool
is_sound (const Qcow2 *q, const Qcow2Snapshot *snapshot, uint64_t file_bytes)
{
  uint64_t bytes = (uint64_t) snapshot->l1_entries * 8;
  if (snapshot->disk_bytes > INT64_MAX - (INT64_C (1) << 21))
    return false;
  if (snapshot->disk_bytes > 0 &&
      (snapshot->disk_bytes - 1) / q->l2_table_reach >= snapshot->l1_entries)
    return false;
  return (bytes == 0 || snapshot->l1_offset != 0) && snapshot->l1_offset <= file_bytes &&
         bytes <= file_bytes - snapshot->l1_offset;
}

// The entries are checked when they are followed, like those of the active table.
int
qcow2_show_snapshot (BlockImage *image, unsigned i)
{
  Qcow2 *q = image->driver;
  const Qcow2Snapshot *snapshot = &q->snapshots[i];
  uint64_t file_bytes;

  g_assert (q->read_only && i < q->header.n_snapshots);
  int error = block_file_get_size (q->file, &file_bytes);
  if (error != 0)
    return error;
  if (!is_sound (q, snapshot, file_bytes))
    return EIO;
  g_autofree uint64_t *l1 = g_new0 (uint64_t, MAX (snapshot->l1_entries, 1));
  error = qcow2_table_read (q->file, snapshot->l1_offset, snapshot->l1_entries, l1);
  if (error != 0)
    return error;
  g_free (q->l1);
  q->l1 = g_steal_pointer (&l1);
  q->header.l1_offset = snapshot->l1_offset;
  q->header.l1_entries = snapshot->l1_entries;
  q->header.size = snapshot->disk_bytes;
  image->size_bytes =
      (snapshot->disk_bytes + BLOCK_SECTOR_BYTES - 1) & ~(uint64_t) (BLOCK_SECTOR_BYTES - 1);
  return 0;
}
