// SPDX-License-Identifier: GPL-3.0-or-later
// qcow2 images, versions 2 and 3, as the rest of the block layer sees them.
//
// Threads: open, create, check and resize on any thread that may wait, one at a time per image.
#pragma once

#include "engine/block/image.h"

// Takes the file, also when it fails. Errors name `path`. `chain`: for the backing file, which is
// opened too unless flags have BLOCK_IMAGE_NO_BACKING.
BlockImage *qcow2_open (BlockFile *take, const char *path, BlockImageFlags flags,
                        const BlockChain *chain, GError **error);

// An image that was opened with BLOCK_IMAGE_NO_BACKING gets what it is based on, which it takes and
// only reads. Nothing uses the image meanwhile.
void qcow2_put_on (BlockImage *image, BlockImage *take_base);
// The reverse; NULL: there was none.
BlockImage *qcow2_take_off (BlockImage *image);

typedef struct Qcow2CreateOptions {
  uint64_t size_bytes;
  unsigned cluster_bits;   // 9..21; 0: 16
  unsigned refcount_order; // 0..6; by default 4: 16 bits
  bool has_refcount_order;
  bool version2;
  bool extended_l2;
  const char *backing;        // NULL: none
  const char *backing_format; // with backing
} Qcow2CreateOptions;

// An image without contents into an empty file. 0 or an errno value: EINVAL when the options are
// out of range, EFBIG when so large a disk needs larger clusters.
int qcow2_create (BlockFile *file, const Qcow2CreateOptions *options);

// Of an image that is open for writing. Snapshots forbid shrinking (EBUSY).
int qcow2_resize (BlockImage *image, uint64_t size_bytes);

typedef struct Qcow2Snapshot {
  char *id, *name;
  uint64_t state_bytes, disk_bytes;
  int64_t seconds;    // since 1970
  uint64_t l1_offset; // its table, aligned
  uint32_t l1_entries;
} Qcow2Snapshot;

// What an image says of itself. Strings belong to the image.
typedef struct Qcow2Info {
  unsigned version, cluster_bits, refcount_bits;
  bool extended_l2, lazy_refcounts, dirty, corrupt, zstd;
  const char *backing, *backing_format; // NULL: none, not recorded
  const Qcow2Snapshot *snapshots;
  unsigned n_snapshots;
} Qcow2Info;

void qcow2_get_info (const BlockImage *image, Qcow2Info *info);

// An image that was opened only for reading and not read yet becomes the disk its snapshot number
// `i` kept. 0 or an errno value: EIO when the snapshot is damaged; the image is of no use then.
int qcow2_show_snapshot (BlockImage *image, unsigned i);

typedef struct Qcow2Check {
  uint64_t n_corrupt;                             // would lose or mix up data
  uint64_t n_leaked;                              // clusters only
  uint64_t n_clusters, n_allocated, n_compressed; // of the disk
  uint64_t end_bytes;                             // where the last cluster in use ends
  // Told of each fault, if not NULL: a sentence in English.
  void (*fault) (void *data, bool corrupt, const char *text);
  // Asked now and then how far it is, in 0..1; false ends it with ECANCELED.
  bool (*progress) (void *data, double done);
  void *data;
} Qcow2Check;

// Walks all there is. `repair` (image open for writing): sets what is stored of references to what
// they are. 0: it was walked, whatever was found. Call when nothing else uses the image.
int qcow2_check (BlockImage *image, Qcow2Check *check, bool repair);
