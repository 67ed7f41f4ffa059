// SPDX-License-Identifier: GPL-3.0-or-later
// What the parts of snapshots.h share: the list as it is read from and written to snapshots.json
// (snapshots-list.c) and the images in the bundle (snapshots.c). clone.c uses them too. Any thread that may wait.
#pragma once

#include "app/model/snapshots.h"

typedef struct SnapshotList {
  char *bundle_path;
  char *current;  // id; NULL: none
  GPtrArray *all; // of Snapshot, as they were made
} SnapshotList;

// An empty one when there is no file.
SnapshotList *snapshot_list_read (const char *bundle_path, GError **error);
bool snapshot_list_write (const SnapshotList *list, GError **error);
void snapshot_list_free (SnapshotList *list);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SnapshotList, snapshot_list_free)

Snapshot *snapshot_list_find (const SnapshotList *list, const char *id); // borrowed; NULL: none
// Appends one that keeps `config`'s disks and adapters; borrowed.
Snapshot *snapshot_list_add (SnapshotList *list, const char *id, const char *name,
                             const VmConfig *config);
// Its children become its parent's.
void snapshot_list_remove (SnapshotList *list, Snapshot *snapshot);
// Disks and network adapters in place of those `config` has. What an adapter forwards is not the
// guest's: where there is the same now, that stays.
bool snapshot_put_devices (const Snapshot *snapshot, VmConfig *config, GError **error);
// Puts an empty image on top of each disk that is written, and `config` on those: none or all.
// `id` is part of their names.
bool snapshot_put_overlays (const char *folder, VmConfig *config, const char *id, GError **error);
void snapshot_remove_overlays (const VmConfig *config, const char *id);
// Of the firmware's variables as they were (g_free); the file need not be there.
char *snapshot_dup_variables_path (const char *folder, const char *id);
