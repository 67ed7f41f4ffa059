// SPDX-License-Identifier: GPL-3.0-or-later
// What the parts of snapshots.h share: the list as it is read from and written to snapshots.json
// (snapshots-list.c) and the images in the bundle (snapshots.c, snapshots-images.c). clone.c uses them
// too. Any thread that may wait.
#pragma once

#include "app/model/snapshots.h"

enum {
  SNAPSHOT_CHAIN_MAX = 28, // images one on top of the other; the engine opens a few more
};

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
// Appends one that keeps `config`'s disks, adapters and board; borrowed.
Snapshot *snapshot_list_add (SnapshotList *list, const char *id, const char *name,
                             const VmConfig *config);
// Its children become its parent's.
void snapshot_list_remove (SnapshotList *list, Snapshot *snapshot);
// Disks, network adapters and board in place of those `config` has. What an adapter forwards is not the
// guest's: where there is the same now, that stays.
bool snapshot_put_devices (const Snapshot *snapshot, VmConfig *config, GError **error);
// Puts an empty image on top of each disk that is written, and `config` on those: none or all.
// `id` is part of their names.
bool snapshot_put_overlays (const char *folder, VmConfig *config, const char *id, GError **error);
void snapshot_remove_overlays (const VmConfig *config, const char *id);
// Of the firmware's variables as they were (g_free); the file need not be there.
char *snapshot_dup_variables_path (const char *folder, const char *id);

// Whether a snapshot keeps the file at `path` or something that is based on it.
bool snapshot_list_keeps (const SnapshotList *list, const char *path);
// The same, or a disk of `config` but for `except` (may be NULL) or one that was detached is based on it.
bool snapshot_list_needs_unchanged (const SnapshotList *list, const VmConfig *config,
                                    const VmDiskConfig *except, const char *path);
// Deletes what was made here and nobody needs; halves: only what was never complete.
void snapshot_remove_unneeded (const SnapshotList *list, const VmConfig *config);
void snapshot_remove_halves (const char *bundle_path);
// The image below becomes the disk if nothing was written to the one on top. False: it must not.
bool snapshot_take_off (VmDiskConfig *disk);
// At rest. merge: images that nobody else needs become one, before `list` is written; take_off: the
// machine goes on in what is below an image that nothing was written to, after that.
bool snapshot_merge (const SnapshotList *list, Bundle *bundle, const VmImageJob *job,
                     GError **error);
void snapshot_take_off_untouched (const SnapshotList *list, Bundle *bundle);
