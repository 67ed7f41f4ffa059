// SPDX-License-Identifier: GPL-3.0-or-later
// A disk without its adapter: bytes at offsets, read and written by a few worker threads of its
// own, over a driver (raw file, memory…).
//
// Transfers whose place in a host file is known go to the kernel at once (ring.h), where it takes
// them; the workers do the rest, and everything where it does not.
//
// Threads: requests are submitted and reaped by one user at a time (a virtio device under its
// lock); drivers run on the workers, several at once. The user owns a request from before submit
// until after reap and must keep its buffers valid for as long.
#pragma once

#include <sys/uio.h>

#include <glib.h>

#include "engine/block/file.h"
#include "engine/block/range-lock.h"
#include "engine/structs/traffic.h"
#include "engine/vm/loop.h"

typedef struct BlockDevice BlockDevice;
typedef struct BlockRequest BlockRequest;

enum {
  BLOCK_SECTOR_BYTES = 512,
};

typedef enum BlockOp {
  BLOCK_READ,
  BLOCK_WRITE,
  // Everything written before is on stable storage. Once it has failed other than for lack of room
  // (ENOSPC, EDQUOT), it fails for good: the host would report the next one as done although what
  // it could not write is lost.
  BLOCK_FLUSH,
  BLOCK_DISCARD,      // contents become undefined; a hint
  BLOCK_WRITE_ZEROES, // reads give zeroes
} BlockOp;

// Where a transfer goes without looking anything up any more.
typedef struct BlockMapping {
  BlockFile *file; // NULL: it reads as zeroes
  int fd;          // the file's
  uint64_t offset;
  RangeHold hold; // the format's
} BlockMapping;

struct BlockRequest {
  BlockOp op;
  bool may_unmap;        // BLOCK_WRITE_ZEROES: the range may lose its space on the host
  bool fua;              // BLOCK_WRITE, BLOCK_WRITE_ZEROES: on stable storage when it completes
  uint64_t offset_bytes; // multiples of a sector, inside the device
  uint64_t length_bytes; // of reads and writes: the sum over iov
  struct iovec *iov;
  unsigned n_iov;
  int error; // when reaped: 0 or an errno value
  // The device's.
  BlockMapping mapping;
  BlockRequest *next;
};

typedef enum {
  BLOCK_EXTENT_DATA,
  BLOCK_EXTENT_ZERO,   // reads as zeroes without looking
  BLOCK_EXTENT_ABSENT, // not in any image of the chain; reads as zeroes
} BlockExtentKind;

// A run of a disk that is stored in one way.
typedef struct BlockExtent {
  BlockExtentKind kind;
  uint64_t length;
  unsigned depth; // 0: in the image itself; n: in the n-th it is based on
  bool compressed;
  bool has_host;
  uint64_t host; // where in its file
} BlockExtent;

// What a format implements. Workers call it, several at once; waiting is fine. 0 or an errno
// value. Offsets and lengths are in range.
typedef struct BlockDriverOps {
  const char *name;
  int (*read) (void *driver, const struct iovec *iov, unsigned n_iov, uint64_t offset);
  int (*write) (void *driver, const struct iovec *iov, unsigned n_iov, uint64_t offset);
  int (*flush) (void *driver);
  int (*discard) (void *driver, uint64_t offset, uint64_t length);
  int (*write_zeroes) (void *driver, uint64_t offset, uint64_t length, bool may_unmap);
  // How the disk from `offset` on is stored, `length` bytes at most.
  int (*get_extent) (void *driver, uint64_t offset, uint64_t length, BlockExtent *extent);
  // Both may be NULL. map: whether the range is in one piece of a host file or all zeroes, found out
  // without waiting, and where (for writes: where it may be written in place). It stays there until
  // unmap.
  bool (*map) (void *driver, bool write, uint64_t offset, uint64_t length, BlockMapping *mapping);
  void (*unmap) (void *driver, BlockMapping *mapping);
  void (*free) (void *driver);
} BlockDriverOps;

// Takes the driver. size_bytes is a multiple of BLOCK_SECTOR_BYTES.
BlockDevice *block_device_new (const BlockDriverOps *ops, void *driver, uint64_t size_bytes,
                               bool read_only);
// Waits for running requests; none may be left unreaped. Accepts NULL.
void block_device_free (BlockDevice *device);

uint64_t block_device_get_size_bytes (const BlockDevice *device);
bool block_device_is_read_only (const BlockDevice *device);

// Before the first submit: `completed` runs on the loop's thread after requests have completed
// (completions coalesce); it reaps. detach (I/O thread) ends that.
void block_device_attach (BlockDevice *device, VmLoop *loop, void (*completed) (void *),
                          void *data);
void block_device_detach (BlockDevice *device);
// Before the first submit; attach does it too. False: the workers do everything.
bool block_device_use_ring (BlockDevice *device);

// Before the first submit: where reads and writes are counted, which outlives the device.
void block_device_set_traffic (BlockDevice *device, Traffic *traffic);
void block_device_submit (BlockDevice *device, BlockRequest *request);
// Carries a transfer out at once, without errors, if that takes no waiting: nothing is to be reaped.
// False: submit it. What else is in flight is no obstacle.
bool block_device_try (BlockDevice *device, BlockRequest *request);
// The next completed request, NULL when there is none now.
BlockRequest *block_device_reap (BlockDevice *device);
// Waits until every submitted request has completed (reap gives them all).
void block_device_wait (BlockDevice *device);
// The same, but requests no worker has begun complete with ECANCELED.
void block_device_cancel (BlockDevice *device);

// With nothing in flight. settle: all is on stable storage, and until the next request nothing more
// is written to the image, not even when it is closed; 0 or an errno value. swap: the device goes on
// with another driver of the same size; the caller has the old one from now on.
int block_device_settle (BlockDevice *device);
void block_device_swap (BlockDevice *device, const BlockDriverOps **ops, void **driver);
