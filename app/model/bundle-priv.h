// SPDX-License-Identifier: GPL-3.0-or-later
// Between bundle.c and bundle-fill.c. Any thread.
#pragma once

#include "app/model/bundle.h"

// Sets an error from errno with a sentence of two %s: the path and what is the matter. False.
bool bundle_fail (const char *sentence, const char *path, GError **error);

typedef struct BundleFill {
  Bundle partial; // the path and the configuration of what is being made
  bool disks_in_place;
  const BundleSharing *sharing; // may be NULL
  BundleProgress progress;      // may be NULL
  void *progress_data;
  GCancellable *cancellable;
  uint64_t done_bytes, total_bytes; // for bundle_fill
} BundleFill;

// Brings what the configuration names into the folder, and writes machine.json.
bool bundle_fill (BundleFill *fill, GError **error);
