// SPDX-License-Identifier: GPL-3.0-or-later
// A machine's saved state in its bundle (engine/snapshot/DESIGN.md):
//
//   saved.json         which file has the state, and what the disks were then (stamps.h)
//   saved-<id>.state   memory, processors and devices (engine/api/vm-state.h)
//
// A state is used with the disks it was made with, or not at all. saved.json alone says which state
// counts: it is replaced in one step. Any thread that may wait.
#pragma once

#include "app/model/bundle.h"

typedef enum {
  SAVED_NONE,
  SAVED_READY, // the machine can go on from it
  SAVED_STALE, // it is of no use
} SavedKind;

// `why`, if not NULL: what is wrong with a stale one, a sentence that says what to do.
SavedKind saved_look (const Bundle *bundle, GError **why);
// With the bundle's lock: what is on disk now, for who wants to change its devices. False with an error:
// that would make the state useless, or it cannot be read.
bool saved_reload_to_change (Bundle **bundle, GError **error);
// Of a state that is ready. NULL otherwise.
char *saved_dup_path (const Bundle *bundle);
// When it was made, seconds since 1970; 0: there is none.
gint64 saved_get_time (const Bundle *bundle);

// A new name for a state's file.
char *saved_make_path (const char *bundle_path);
// From now on the state at `path`, in the bundle, counts, with `config`'s disks as they are. The
// state that counted before is deleted unless it is a snapshot's.
bool saved_commit (const char *bundle_path, const VmConfig *config, const char *path,
                   GError **error);
void saved_discard (const char *bundle_path);
// Deletes what saves that were cut short have left. The caller holds the bundle's lock.
void saved_clean (const char *bundle_path);
