// SPDX-License-Identifier: GPL-3.0-or-later
// User-mode networking: a NAT of the machine's own on 10.0.2.0/24 (host 10.0.2.2, DNS 10.0.2.3,
// first lease 10.0.2.15) and fec0::/64, over libslirp. Needs no privileges.
#pragma once

#include "engine/net/backend.h"

// A port of the host's loopback address that leads to a port of the guest.
typedef struct NetForward {
  bool udp;
  uint16_t host_port;
  uint16_t guest_port;
} NetForward;

// Copies the forwards. Ports are bound by start; its error names the one that is taken.
NetBackend *net_user_new (const NetForward *forwards, unsigned n_forwards);
