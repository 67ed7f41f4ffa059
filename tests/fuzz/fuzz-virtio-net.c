// SPDX-License-Identifier: GPL-3.0-or-later
// virtio-net over a network that sends everything back.
#include "engine/virtio/net.h"
#include "tests/fuzz/virtio.h"

static bool
echo_start (NetBackend *backend, VmLoop *loop, VmClock *clock, GError **error)
{
  return true;
}

static void
echo_send (NetBackend *backend, const uint8_t *packet, size_t length)
{
  backend->receiver_ops->receive (backend->receiver, packet, length);
}

static void
echo_pause (NetBackend *backend)
{
}

static void
echo_free (NetBackend *backend)
{
  g_free (backend);
}

static VirtioDevice *
make (void **context)
{
  static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
  static const NetBackendOps ops = {.name = "echo",
                                    .start = echo_start,
                                    .send = echo_send,
                                    .quiesce = echo_pause,
                                    .resume = echo_pause,
                                    .free = echo_free};
  NetBackend *backend = g_new0 (NetBackend, 1);
  backend->ops = &ops;
  *context = backend;
  return virtio_net_new (backend, mac);
}

static size_t
make_request (FuzzInput *in, unsigned queue, uint8_t *to)
{
  fuzz_bytes (in, to, 32);
  return fuzz_below (in, FUZZ_REQUEST_BYTES);
}

typedef struct Arrival {
  NetBackend *backend;
  uint8_t bytes[2048];
  size_t length;
} Arrival;

static void
arrive_cb (void *data)
{
  const Arrival *arrival = data;
  arrival->backend->receiver_ops->receive (arrival->backend->receiver, arrival->bytes,
                                           arrival->length);
}

static void
stimulate (FuzzInput *in, VirtioGuest *guest, void *context)
{
  Arrival arrival = {.backend = context, .length = fuzz_below (in, 2048)};
  vm_loop_call (guest->vm.loop, arrive_cb, &arrival);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const FuzzDevice device = {
      .make = make, .make_request = make_request, .stimulate = stimulate};
  return fuzz_virtio (&device, data, size);
}
