// SPDX-License-Identifier: GPL-3.0-or-later
// The table of a qcow2 image's internal snapshots (qcow2 § Snapshots): listed, and counted as
// references; not made here. Runs while the image is opened.
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
