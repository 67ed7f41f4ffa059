// SPDX-License-Identifier: GPL-3.0-or-later
// qcow2 on disk (docs/interop/qcow2.txt of QEMU). All numbers are big-endian.
#pragma once

#include <assert.h>
#include <stdint.h>

#define QCOW2_MAGIC 0x514649fbu // "QFI\xfb"

typedef struct __attribute__ ((packed)) Qcow2Wire {
  uint32_t magic, version;
  uint64_t backing_offset;
  uint32_t backing_bytes, cluster_bits;
  uint64_t size;
  uint32_t crypt_method, l1_entries;
  uint64_t l1_offset;
  uint64_t reftable_offset;
  uint32_t reftable_clusters, n_snapshots;
  uint64_t snapshots_offset;
  // Version 3.
  uint64_t incompatible, compatible, autoclear;
  uint32_t refcount_order, header_bytes;
  uint8_t compression, padding[7];
} Qcow2Wire;
static_assert (sizeof (Qcow2Wire) == 112, "qcow2 header");

typedef struct __attribute__ ((packed)) Qcow2SnapshotWire {
  uint64_t l1_offset;
  uint32_t l1_entries;
  uint16_t id_bytes, name_bytes;
  uint32_t seconds, nanoseconds;
  uint64_t clock;
  uint32_t state_bytes, extra_bytes;
} Qcow2SnapshotWire;
static_assert (sizeof (Qcow2SnapshotWire) == 40, "qcow2 snapshot");

typedef struct __attribute__ ((packed)) Qcow2BitmapsWire {
  uint32_t n, reserved;
  uint64_t directory_bytes, directory_offset;
} Qcow2BitmapsWire;
static_assert (sizeof (Qcow2BitmapsWire) == 24, "qcow2 bitmaps extension");

enum {
  QCOW2_V2_HEADER_BYTES = 72,
  QCOW2_V3_HEADER_BYTES = 104,

  QCOW2_INCOMPATIBLE_DIRTY = 1 << 0,
  QCOW2_INCOMPATIBLE_CORRUPT = 1 << 1,
  QCOW2_INCOMPATIBLE_DATA_FILE = 1 << 2,
  QCOW2_INCOMPATIBLE_COMPRESSION = 1 << 3,
  QCOW2_INCOMPATIBLE_EXTENDED_L2 = 1 << 4,
  QCOW2_COMPATIBLE_LAZY_REFCOUNTS = 1 << 0,
  QCOW2_AUTOCLEAR_BITMAPS = 1 << 0,

  QCOW2_COMPRESSION_ZLIB = 0,
  QCOW2_COMPRESSION_ZSTD = 1,

  QCOW2_SUBCLUSTERS = 32,

  // Ours.
  QCOW2_L1_BYTES_MAX = 32 << 20,
  QCOW2_REFTABLE_BYTES_MAX = 8 << 20,
};

#define QCOW2_EXT_END            0x00000000u
#define QCOW2_EXT_BACKING_FORMAT 0xe2792acau
#define QCOW2_EXT_FEATURE_NAMES  0x6803f857u
#define QCOW2_EXT_BITMAPS        0x23852875u

#define QCOW2_COPIED      (1ull << 63)
#define QCOW2_COMPRESSED  (1ull << 62)
#define QCOW2_ZERO        (1ull << 0) // version 3 without extended L2 entries
#define QCOW2_OFFSET_MASK 0x00fffffffffffe00ull
#define QCOW2_L1_RESERVED 0x7f000000000001ffull
#define QCOW2_L2_RESERVED 0x3f000000000001feull
