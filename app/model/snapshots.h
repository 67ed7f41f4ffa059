// SPDX-License-Identifier: GPL-3.0-or-later
// Snapshots of a machine: its disks as they were, what it was made of, its state if it ran, in a tree
// (engine/snapshot/DESIGN.md):
//
//   snapshots.json            what there is, and which of them the machine came from last
//   disk<n>-<id>.qcow2        what was written since a snapshot, on top of the image it keeps
//   snapshot-<id>.state .png  state and picture
//
// An image that a snapshot keeps is never written again. Any thread that may wait. Whatever changes
// something needs the bundle's lock, and with "at rest" a machine that does not run.
#pragma once

#include "app/model/bundle.h"
#include "engine/api/vm-image.h"

typedef struct Snapshot {
  char *id, *name;
  char *parent; // NULL: none
  gint64 time;  // seconds since 1970
  bool has_state;
  bool current;     // the machine went on from here
  unsigned depth;   // in the tree
  uint64_t bytes;   // on the host, of what is its own
  char *picture;    // path; NULL: none
  GPtrArray *disks; // of VmDiskConfig: what it keeps
  VmConfig *nics;   // of the network adapters only; NULL: they were not kept then
  VmConfig *board;  // of memory, processors, display and sound only; likewise
  char *state;      // path; NULL: none
} Snapshot;

void snapshot_free (Snapshot *snapshot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Snapshot, snapshot_free)

// All, parents before children, older before newer. NULL with an error when they cannot be read.
GPtrArray *snapshots_list (const Bundle *bundle, GError **error);
// The one with this id, beginning of an id, or name.
Snapshot *snapshots_find (const Bundle *bundle, const char *which, GError **error);

// What is in a slot is about to leave the machine. An image that a snapshot has put there has what was
// written since, and only the machine's own list keeps it from being deleted: it gets a second name,
// detached-<name>, under which it and what it is based on stay. dup: that name, NULL: it is none.
// begin: before the guest is asked, which may take its time. keep: the machine does not have it any
// more, and its name is about to leave machine.json; where there are no second names it gets another.
char *snapshots_dup_detached (const char *bundle_path, const VmConfig *config, unsigned port);
bool snapshots_begin_detaching (const char *bundle_path, const VmConfig *config, unsigned port,
                                GError **error);
bool snapshots_keep_detached (const char *bundle_path, const VmConfig *config, unsigned port,
                              GError **error);
// With the lock: what was cut short after its image got another name leaves machine.json.
bool snapshots_finish_detaching (Bundle *bundle, GError **error);
// Whether a disk, a snapshot or something detached needs a file. True also when that cannot be told.
bool snapshots_is_file_needed (const Bundle *bundle, const char *path);

// A disk is about to be attached to the machine while it runs. What a snapshot keeps is never written
// again, and only at a start it gets an image on top.
bool snapshots_check_attach (const char *bundle_path, const VmDiskConfig *disk, GError **error);

// Before the machine is started: makes good what was cut short. Needs the lock. The bundle's
// configuration may change.
bool snapshots_prepare (Bundle *bundle, GError **error);

// At rest. The new one's id (g_free). A saved machine's state is part of it.
char *snapshots_take (Bundle *bundle, const char *name, GError **error);
// At rest: the machine is what it was then; what it has become since is lost.
bool snapshots_go_back (Bundle *bundle, const char *id, GError **error);
// `at_rest`: what was written since is put together, which may take a while (`job`, may be NULL): if
// that is cancelled the snapshot is still there.
bool snapshots_delete (Bundle *bundle, const char *id, bool at_rest, const VmImageJob *job,
                       GError **error);
// At rest and not saved: where a disk has as many images on top of one another as there may be, those that
// no snapshot needs become one.
bool snapshots_make_room (Bundle *bundle, const VmImageJob *job, GError **error);
bool snapshots_rename (const Bundle *bundle, const char *id, const char *name, GError **error);

// Of a machine that runs, in three steps.
typedef struct SnapshotTaking {
  char *id;
  char *state;      // where its state goes
  char **overlays;  // one for each disk, NULL: none
  VmConfig *config; // the machine's from the commit on
  char *name;
} SnapshotTaking;

SnapshotTaking *snapshots_begin (const Bundle *bundle, const char *name, GError **error);
// The disks have moved to their overlays: from now on they count.
bool snapshots_commit (const char *bundle_path, const SnapshotTaking *taking, GError **error);
// The state is there (or could not be made: then the snapshot goes).
bool snapshots_end (const char *bundle_path, const SnapshotTaking *taking, bool with_state,
                    GError **error);
void snapshot_taking_free (SnapshotTaking *taking);
