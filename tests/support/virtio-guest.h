// SPDX-License-Identifier: GPL-3.0-or-later
// The driver's side of a virtio device, for tests: lays out split virtqueues in guest memory of
// its own, submits chains and waits for them. There is no transport: it sets what one would set.
//
// Threads: the test's own; the device runs on the I/O thread of a small machine without CPUs.
#pragma once

#include "engine/virtio/device.h"

enum {
  VIRTIO_GUEST_RAM_BASE = 0x40000000,
  VIRTIO_GUEST_RAM_BYTES = 64 << 20,
};

typedef struct VirtioGuestQueue {
  uint16_t size;
  GuestAddr desc, avail, used;
  uint16_t avail_idx, next_desc;
} VirtioGuestQueue;

typedef struct VirtioGuest {
  Vm vm; // bus, loop, clock and log only
  VmRam *ram;
  VirtioDevice *vdev;
  GuestAddr next_alloc;
  VirtioGuestQueue queues[VIRTIO_MAX_QUEUES];

  GMutex lock; // what the transport would do; everything below
  GCond changed;
  unsigned n_interrupts, n_config_changes;
} VirtioGuest;

// One buffer of a chain.
typedef struct VirtioGuestBuf {
  GuestAddr addr;
  uint32_t length;
  bool in; // the device writes it
} VirtioGuestBuf;

// Takes the device and realizes it; NULL with an error when that fails (the device is freed).
VirtioGuest *virtio_guest_new (VirtioDevice *take, GError **error);
void virtio_guest_free (VirtioGuest *guest);

// Acknowledges features (of those offered), sets up every queue with `queue_size` (0: its maximum)
// and sets DRIVER_OK.
void virtio_guest_start (VirtioGuest *guest, uint64_t features, uint16_t queue_size);
// What a driver or the machine does at reset.
void virtio_guest_reset (VirtioGuest *guest);
bool virtio_guest_needs_reset (VirtioGuest *guest);
void virtio_guest_quiesce (VirtioGuest *guest);
void virtio_guest_resume (VirtioGuest *guest);
// The device's own state and its queues, into bytes and back. load: false with an error.
GBytes *virtio_guest_save (VirtioGuest *guest);
bool virtio_guest_load (VirtioGuest *guest, GBytes *state, GError **error);

// Guest memory that is never given back.
GuestAddr virtio_guest_alloc (VirtioGuest *guest, size_t bytes);
GuestAddr virtio_guest_put (VirtioGuest *guest, const void *data, size_t bytes); // filled
void *virtio_guest_ptr (VirtioGuest *guest, GuestAddr addr);

// Makes a chain available; returns its head. The queue must have room. Does not notify.
uint16_t virtio_guest_submit (VirtioGuest *guest, unsigned queue, const VirtioGuestBuf *bufs,
                              unsigned n);
// Writes one descriptor and makes a head available as they are, right or wrong.
void virtio_guest_set_desc (VirtioGuest *guest, unsigned queue, uint16_t index, GuestAddr addr,
                            uint32_t length, uint16_t flags, uint16_t next);
void virtio_guest_submit_head (VirtioGuest *guest, unsigned queue, uint16_t head);
void virtio_guest_notify (VirtioGuest *guest, unsigned queue);
// Lets the I/O thread do what it has to do now.
void virtio_guest_settle (VirtioGuest *guest);

uint16_t virtio_guest_get_used (VirtioGuest *guest, unsigned queue); // used index
// Waits until the used index has reached `n`; false after a very generous time.
bool virtio_guest_wait_used (VirtioGuest *guest, unsigned queue, uint16_t n);
// Length (and head) of used entry i.
uint32_t virtio_guest_get_used_entry (VirtioGuest *guest, unsigned queue, uint16_t i,
                                      uint32_t *head);
// Submit, notify and wait for one chain; the used length. Fails the test when it does not come.
uint32_t virtio_guest_do (VirtioGuest *guest, unsigned queue, const VirtioGuestBuf *bufs,
                          unsigned n);

void virtio_guest_read_config (VirtioGuest *guest, unsigned offset, void *to, unsigned length);
void virtio_guest_write_config (VirtioGuest *guest, unsigned offset, const void *from,
                                unsigned length);
unsigned virtio_guest_get_interrupts (VirtioGuest *guest);
unsigned virtio_guest_get_config_changes (VirtioGuest *guest);
