// SPDX-License-Identifier: GPL-3.0-or-later
// Between the parts of qcow2_check. One thread.
#pragma once

#include "engine/block/qcow2/priv.h"

// How often each host cluster is referred to, in chunks that are made when needed.
typedef struct UseCounts {
  GHashTable *chunks; // of UseChunk by its number
  struct UseChunk *last;
  uint64_t end; // no cluster from here on has a count
} UseCounts;

void use_counts_init (UseCounts *counts);
void use_counts_clear (UseCounts *counts);
// False: more memory than a check may take.
bool use_counts_add (UseCounts *counts, uint64_t cluster, uint32_t uses);
uint32_t use_counts_get (UseCounts *counts, uint64_t cluster);

typedef struct Walk {
  Qcow2 *q;
  Qcow2Check *check;
  bool repair;
  uint64_t file_clusters;
  UseCounts counts;
  GArray *tables; // L2 tables of L1 tables
  unsigned steps;
} Walk;

void qcow2_walk_fault (Walk *walk, bool corrupt, const char *format, ...) G_GNUC_PRINTF (3, 4);
// What cannot be read: 0 when it is behind the file's end, which was said when it was counted.
int qcow2_walk_unread (const Walk *walk, int error);
// Says now and then how far it is; ECANCELED: that is to be the end.
int qcow2_walk_go_on (Walk *walk, double done);
// The clusters of a range are referred to once more.
int qcow2_walk_count (Walk *walk, uint64_t offset, uint64_t bytes);
// check-bitmaps.c
int qcow2_walk_bitmaps (Walk *walk);
// check-compare.c: what is counted against what is stored; repair stores what is counted.
int qcow2_walk_compare (Walk *walk);
