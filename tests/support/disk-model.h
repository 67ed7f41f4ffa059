// SPDX-License-Identifier: GPL-3.0-or-later
// What a disk must contain: a plain copy in memory to which every operation is applied too, and
// pseudo-random operations that look for trouble (edges of clusters, whole clusters, long runs).
#pragma once

#include "engine/block/image.h"

typedef struct DiskModel {
  uint64_t size_bytes, cluster_bytes;
  uint8_t *bytes;
  uint8_t *undefined; // by sector: discarded, anything may be read
  uint64_t random;
} DiskModel;

DiskModel *disk_model_new (uint64_t size_bytes, uint64_t cluster_bytes, uint64_t seed);
void disk_model_free (DiskModel *model);

uint64_t disk_model_random (DiskModel *model);

typedef struct DiskOp {
  BlockOp op;
  uint64_t offset, length;
  uint8_t seed; // of what is written
  bool may_unmap;
} DiskOp;

DiskOp disk_model_next (DiskModel *model);
// Does it to the disk: 0 or an errno value; reads are compared (EBADMSG: differs).
int disk_model_do (DiskModel *model, const BlockImage *image, const DiskOp *op);
// Does it to the copy.
void disk_model_apply (DiskModel *model, const DiskOp *op);
// Where the disk first differs from the copy; size_bytes: nowhere.
uint64_t disk_model_compare (DiskModel *model, const BlockImage *image);
// Makes the copy what the disk reads like where it is undefined.
bool disk_model_settle (DiskModel *model, const BlockImage *image);
