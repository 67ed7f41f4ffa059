// SPDX-License-Identifier: GPL-3.0-or-later
// virtio-vsock: packets of all kinds and of connections that there are; somebody on this computer
// listens, answers, connects and goes away.
#include "engine/virtio/vsock.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/fuzz/virtio.h"

enum { PEERS = 4, PORT = 7 };

typedef struct Host {
  char path[64];
  int listener, peers[PEERS];
} Host;

static int
make_socket (const char *path, bool listens)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  if (!listens) {
    if (connect (fd, (struct sockaddr *) &address, sizeof address) == 0)
      return fd;
    close (fd);
    return -1;
  }
  unlink (path);
  if (bind (fd, (struct sockaddr *) &address, sizeof address) < 0 || listen (fd, PEERS) < 0)
    g_error ("%s", path);
  return fd;
}

static VirtioDevice *
make (void **context)
{
  Host *host = g_new0 (Host, 1);
  g_autofree char *at_port = NULL;

  g_snprintf (host->path, sizeof host->path, "/tmp/fuzz-vsock.%d", (int) getpid ());
  at_port = g_strdup_printf ("%s_%d", host->path, PORT);
  host->listener = make_socket (at_port, true);
  for (unsigned i = 0; i < PEERS; i++)
    host->peers[i] = -1;
  *context = host;
  return virtio_vsock_new (host->path);
}

static void
clear (void *context)
{
  Host *host = context;
  g_autofree char *at_port = g_strdup_printf ("%s_%d", host->path, PORT);

  for (unsigned i = 0; i < PEERS; i++)
    if (host->peers[i] >= 0)
      close (host->peers[i]);
  close (host->listener);
  unlink (at_port);
  g_free (host);
}

static void
put (uint8_t *to, uint64_t value, unsigned bytes)
{
  memcpy (to, &value, bytes);
}

static size_t
make_request (FuzzInput *in, unsigned queue, uint8_t *to)
{
  static const uint32_t credits[] = {0, 1, 100, 65536, 0x7fffffff, 0xffffffff};
  unsigned length = fuzz_below (in, 60);

  put (to, fuzz_below (in, 16) != 0 ? VIRTIO_VSOCK_GUEST_CID : fuzz_number (in, 8), 8);
  put (to + 8, fuzz_below (in, 16) != 0 ? 2 : fuzz_number (in, 8), 8);
  put (to + 16, fuzz_below (in, 3), 4); // from
  put (to + 20, fuzz_below (in, 4) != 0 ? PORT : (1u << 30) + fuzz_below (in, 3), 4);
  put (to + 24, fuzz_below (in, 8) != 0 ? length : fuzz_number (in, 4), 4);
  put (to + 28, fuzz_below (in, 16) != 0 ? 1 : fuzz_below (in, 4), 2);
  put (to + 30, fuzz_below (in, 10), 2);
  put (to + 32, fuzz_below (in, 4), 4);
  put (to + 36, credits[fuzz_below (in, G_N_ELEMENTS (credits))], 4);
  put (to + 40, fuzz_below (in, 2) ? 0 : fuzz_number (in, 4), 4);
  memset (to + 44, 'v', length);
  return 44 + length;
}

static void
stimulate (FuzzInput *in, VirtioGuest *guest, void *context)
{
  static const char *const lines[] = {"CONNECT 0\n",
                                      "CONNECT 1\nmore",
                                      "CONNECT",
                                      " 2\n",
                                      "CONNECT x\n",
                                      "\n",
                                      "bytes that mean nothing at all to anybody here"};
  Host *host = context;
  int *peer = &host->peers[fuzz_below (in, PEERS)];
  char buffer[512];

  if (*peer < 0) {
    *peer = fuzz_below (in, 2) ? accept4 (host->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)
                               : make_socket (host->path, false);
    return;
  }
  const char *line = lines[fuzz_below (in, G_N_ELEMENTS (lines))];
  switch (fuzz_below (in, 4)) {
  case 0:
    close (*peer);
    *peer = -1;
    break;
  case 1:
    if (recv (*peer, buffer, sizeof buffer, 0) < 0)
      break;
    break;
  case 2:
    shutdown (*peer, SHUT_WR);
    break;
  default:
    if (send (*peer, line, strlen (line), MSG_NOSIGNAL) < 0)
      break;
    break;
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const FuzzDevice device = {
      .make = make, .clear = clear, .make_request = make_request, .stimulate = stimulate};
  return fuzz_virtio (&device, data, size);
}
