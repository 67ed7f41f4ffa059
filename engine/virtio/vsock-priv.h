// SPDX-License-Identifier: GPL-3.0-or-later
// The inside of virtio sockets, shared by vsock.c (packets, the device) and vsock-link.c (connections,
// what waits for UNIX sockets). Threads: see vsock.c.
#pragma once

#include <assert.h>
#include <stddef.h>

#include <sys/un.h>

#include "engine/virtio/pump.h"
#include "engine/virtio/vsock.h"

enum {
  QUEUE_RX = 0,
  QUEUE_TX = 1,
  QUEUE_EVENT = 2,
  QUEUE_SIZE = 128,
  CHAINS_PER_RUN = 64,
  PACKETS_PER_RUN = 256, // to the guest

  HOST_CID = 2,
  TYPE_STREAM = 1,
  OP_REQUEST = 1,
  OP_RESPONSE = 2,
  OP_RST = 3,
  OP_SHUTDOWN = 4,
  OP_RW = 5,
  OP_CREDIT_UPDATE = 6,
  OP_CREDIT_REQUEST = 7,
  SHUTDOWN_RECEIVE = 1,
  SHUTDOWN_SEND = 2,
  EVENT_TRANSPORT_RESET = 0,

  BUFFER_BYTES = 64 << 10, // of a connection: what its guest may have under way
  PACKET_MAX_BYTES = 64 << 10,
  CONNECTIONS_MAX = 256,
  ANSWERS_MAX = 64,
  LINE_MAX_BYTES = 32,
  FIRST_PORT = 1 << 30, // of connections from the host
};

typedef struct VsockHeader {
  uint64_t src_cid, dst_cid;
  uint32_t src_port, dst_port, length;
  uint16_t type, op;
  uint32_t flags, buf_alloc, fwd_cnt;
} VsockHeader;
#define HEADER_BYTES 44 // without the padding behind it
static_assert (offsetof (VsockHeader, fwd_cnt) + 4 == HEADER_BYTES, "§5.10.6");

typedef struct Vsock Vsock;

typedef struct VsockLink {
  Vsock *vsock;
  int fd;
  GSource *source; // what is waited for; NULL: nothing
  uint32_t host_port, guest_port;
  bool greeting;    // from the host, which has not said its port yet
  bool asked;       // from the host; the guest has not answered yet
  bool readable;    // there may be something to read
  bool blocked;     // the socket takes nothing more now
  bool ended;       // the host sends no more
  bool guest_ended; // the guest sends no more
  bool guest_deaf;  // the guest wants no more
  // To be told the guest.
  bool tell_request, tell_response, tell_credit, tell_end, tell_reset;
  char line[LINE_MAX_BYTES];
  unsigned line_length;
  uint8_t *buffer; // from the guest, not written yet
  unsigned first, n;
  uint32_t fwd_cnt, told_fwd_cnt; // written to the socket
  uint32_t tx_cnt, peer_alloc, peer_fwd;
} VsockLink;

struct Vsock {
  VirtioDevice vdev;
  VirtioPump pump;
  char *path;
  int listener; // -1: none
  GSource *listener_source;
  GPtrArray *links; // of VsockLink
  unsigned next;    // whose turn it is
  uint32_t next_port;
  VsockHeader answers[ANSWERS_MAX]; // resets of what there is no connection for
  unsigned n_answers;
  bool tell_transport_reset;
  VmEvent *again;
};

// A connection over a socket, which it takes; it belongs to vsock->links.
VsockLink *vsock_link_new (Vsock *vsock, int take_fd);
void vsock_link_free (void *link); // of vsock->links
void vsock_link_drop (VsockLink *link);
VsockLink *vsock_link_find (Vsock *vsock, uint32_t host_port, uint32_t guest_port);
uint32_t vsock_link_credit (const VsockLink *link); // bytes the guest takes
bool vsock_link_is_open (const VsockLink *link);
// Nothing more goes to the guest but that it is over.
void vsock_link_reset (VsockLink *link);
// What the guest has sent goes to the socket as it takes it.
void vsock_link_flush (VsockLink *link);
// Waits for what can be done now only.
void vsock_link_watch (VsockLink *link);

// 0 or an errno value.
int vsock_set_address (struct sockaddr_un *address, const char *path);
int vsock_connect_to (const char *path); // -1: nobody listens there
void vsock_listen_now (Vsock *vsock);
void vsock_stop_listening (Vsock *vsock);

// Gives the guest what there is for it; bounded: another round comes soon when there is more.
void vsock_deliver (Vsock *vsock);
