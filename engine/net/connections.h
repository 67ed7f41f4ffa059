// SPDX-License-Identifier: GPL-3.0-or-later
// TCP connections of a guest (RFC 9293), known by the segments that open and end them. Their other
// ends are sockets of the process: after a restore nobody is there, and a guest that only waits for data would
// wait for ever. So each is asked something the guest has to answer, and its answer to nobody is
// answered by a reset.
//
// Threads: one at a time.
#pragma once

#include "engine/snapshot/state.h"

typedef struct NetConnections NetConnections;

NetConnections *net_connections_new (void);
void net_connections_free (NetConnections *connections);

// A frame has passed. Not trusted.
void net_connections_note (NetConnections *connections, const uint8_t *frame, size_t length,
                           bool from_guest);

void net_connections_save (const NetConnections *connections, StateWriter *writer);
// In place of those there are. False: the state is damaged.
bool net_connections_load (NetConnections *connections, StateReader *reader);
// Asks at all that were loaded, once.
void net_connections_ask_loaded (NetConnections *connections,
                                 void (*send) (void *data, const uint8_t *frame, size_t length),
                                 void *data);
