// SPDX-License-Identifier: GPL-3.0-or-later
// The network at the other end of a guest's adapter: takes Ethernet frames and gives some back.
//
// Its state is connections of the host, so little of it can be saved: after a restore they are gone, and
// the guest is to learn it.
//
// Threads: everything here is called on the machine's I/O thread. A backend may call the receiver
// at any time while it is running, also from inside send.
#pragma once

#include <glib.h>

#include "engine/snapshot/state.h"
#include "engine/vm/clock.h"
#include "engine/vm/loop.h"

typedef struct NetBackend NetBackend;

enum {
  NET_PACKET_MAX = 65536, // bytes; no frame is longer either way
};

// The adapter. receive must only queue.
typedef struct NetReceiverOps {
  void (*receive) (void *receiver, const uint8_t *packet, size_t length);
} NetReceiverOps;

typedef struct NetBackendOps {
  const char *name;
  // Takes host resources (ports, sockets); runs from then on. Called once.
  bool (*start) (NetBackend *backend, VmLoop *loop, VmClock *clock, GError **error);
  // One frame from the guest; copied or dropped, never refused.
  void (*send) (NetBackend *backend, const uint8_t *packet, size_t length);
  // No host work, no timer and no received packet between quiesce and resume. Both idempotent.
  void (*quiesce) (NetBackend *backend);
  void (*resume) (NetBackend *backend);
  void (*free) (NetBackend *backend); // accepts one never started
  // Quiescent. NULL: there is nothing to be saved. load: false, the state is damaged.
  void (*save) (NetBackend *backend, StateWriter *writer);
  bool (*load) (NetBackend *backend, StateReader *reader);
} NetBackendOps;

struct NetBackend {
  const NetBackendOps *ops;
  const NetReceiverOps *receiver_ops; // set by the adapter before start
  void *receiver;
};
