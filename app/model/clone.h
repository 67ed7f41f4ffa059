// SPDX-License-Identifier: GPL-3.0-or-later
// Another machine out of one there is: with an identity and addresses of its own, without state and
// snapshots. GLib only; any thread that may wait.
//
// A complete one has copies of the disks. A linked one has hard links to the images as they are and
// goes on in empty ones on top of them, as does the machine itself from then on: an image that has
// something on top of it is never written again (engine/snapshot/DESIGN.md), so neither needs to know
// of the other, and either can be deleted.
#pragma once

#include "app/model/bundle.h"

typedef struct CloneOptions {
  const char *name; // gets a number if another machine has it
  const char
      *snapshot; // as the machine was then: an id, the beginning of one, a name. NULL: as it is
  bool linked;
  BundleProgress progress; // may be NULL
  void *progress_data;
  GCancellable *cancellable; // may be NULL
} CloneOptions;

// Without a snapshot the caller has the bundle's lock, and its configuration may change. All or
// nothing: on error or cancellation nothing is left behind.
Bundle *machine_clone (Bundle *source, const char *root, const CloneOptions *options,
                       GError **error);
