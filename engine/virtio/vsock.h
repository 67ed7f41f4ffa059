// SPDX-License-Identifier: GPL-3.0-or-later
// virtio socket device (VIRTIO 1.2 §5.10), between the guest and UNIX sockets of this computer.
//
// A guest that connects to port P of the host (CID 2) reaches the socket at "<path>_<P>". Whoever
// connects to the socket at "<path>" and writes "CONNECT <P>\n" reaches the guest's port P; the first
// thing to come back is "OK <host's port>\n".
#pragma once

#include "engine/virtio/device.h"

enum {
  VIRTIO_VSOCK_GUEST_CID = 3,
};

VirtioDevice *virtio_vsock_new (const char *path);
