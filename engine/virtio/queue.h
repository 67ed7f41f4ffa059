// SPDX-License-Identifier: GPL-3.0-or-later
// Split virtqueues (VIRTIO 1.2 §2.7), device side. The only code that reads descriptors.
//
// The guest is hostile: every index and length is checked here, once; each descriptor is copied
// before it is looked at; a chain has at most queue-size descriptors (VIRTQUEUE_SIZE_MAX in an
// indirect table: drivers rely on it), each of its directions less than 4 GiB, and buffers lie in
// RAM. No more chains are out than the queue has entries. Anything else sets `broken`, and the
// device goes to DEVICE_NEEDS_RESET.
//
// Threads: the I/O thread, under the device's lock.
#pragma once

#include <sys/uio.h>

#include "engine/mem/bus.h"
#include "engine/snapshot/state.h"

enum {
  VIRTQUEUE_SIZE_MAX = 1024,
};

typedef struct VirtQueue {
  MemBus *bus;
  uint16_t size_max, size;
  bool ready;
  bool broken;
  bool event_idx; // VIRTIO_F_EVENT_IDX was negotiated
  GuestAddr desc, avail, used;
  uint16_t last_avail; // next available entry to take
  uint16_t used_idx;   // next used entry to write
  uint16_t signalled;  // used_idx when the driver was last interrupted
} VirtQueue;

// A descriptor chain taken from the queue: device-readable buffers first, then writable ones, as
// host addresses in guest RAM. The bytes stay shared with the guest: copy headers out once with
// virtqueue_chain_read before checking them.
typedef struct VirtChain {
  uint16_t head;
  struct iovec *out; // readable by the device
  unsigned n_out;
  uint64_t out_bytes;
  struct iovec *in; // writable by the device
  unsigned n_in;
  uint64_t in_bytes;
} VirtChain;

// How many chains the driver has made available; 0 too when the queue is not ready or broken.
unsigned virtqueue_count_available (VirtQueue *queue);
// NULL: the queue is empty, not ready or broken.
VirtChain *virtqueue_pop (VirtQueue *queue);
// Gives it back to the driver with `written` bytes written; frees the chain.
void virtqueue_push (VirtQueue *queue, VirtChain *chain, uint32_t written);
// Frees a chain without giving it back (device reset).
void virtchain_free (VirtChain *chain);
// Takes a chain that was popped and freed, but not given back, once more; NULL: the queue is not
// ready or broken.
VirtChain *virtqueue_retake (VirtQueue *queue, uint16_t head);
// Puts the last popped chain back as if it had not been taken; frees the chain.
void virtqueue_unpop (VirtQueue *queue, VirtChain *chain);
// True when the driver wants an interrupt for what was pushed since the last call (EVENT_IDX and
// NO_INTERRUPT rules, §2.7.7, §2.7.10).
bool virtqueue_should_notify (VirtQueue *queue);
// Tells the driver whether to notify about new buffers (with event indices, that happens by itself
// when the queue has run empty). Enabling returns true when buffers are
// already there (look again).
bool virtqueue_set_notification (VirtQueue *queue, bool enable);

// Copy from/to the chain's readable/writable bytes at an offset; the number of bytes copied, less
// than `length` at the end of the buffers.
size_t virtchain_read (const VirtChain *chain, uint64_t offset, void *to, size_t length);
size_t virtchain_write (const VirtChain *chain, uint64_t offset, const void *from, size_t length);

// Back to power-on state: not ready, of the largest size. Chains that are out are forgotten.
void virtqueue_reset (VirtQueue *queue);
// A size the driver may choose: a power of two up to size_max.
bool virtqueue_size_valid (const VirtQueue *queue, uint32_t size);
void virtqueue_save (const VirtQueue *queue, StateWriter *writer);
bool virtqueue_load (VirtQueue *queue, StateReader *reader); // false: values out of range
