// SPDX-License-Identifier: GPL-3.0-or-later
// virtio-net against a driver made of memory writes and a network that keeps what it is sent.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <gio/gio.h>
#include <string.h>

#include "engine/virtio/net.h"
#include "tests/support/virtio-guest.h"

enum {
  QUEUE_RX = 0,
  QUEUE_TX = 1,
  HEADER_BYTES = 12,
};

static const uint8_t mac[6] = {0x52, 0x54, 0, 1, 2, 3};

typedef struct FakeNet {
  NetBackend backend;
  GPtrArray *sent; // of GBytes
  bool echo, fails, paused;
} FakeNet;

static bool
fake_start (NetBackend *backend, VmLoop *loop, VmClock *clock, GError **error)
{
  if (((FakeNet *) backend)->fails)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "no network");
  return !((FakeNet *) backend)->fails;
}

static void
fake_send (NetBackend *backend, const uint8_t *packet, size_t length)
{
  FakeNet *net = (FakeNet *) backend;
  g_ptr_array_add (net->sent, g_bytes_new (packet, length));
  if (net->echo)
    backend->receiver_ops->receive (backend->receiver, packet, length);
}

static void
fake_quiesce (NetBackend *backend)
{
  ((FakeNet *) backend)->paused = true;
}

static void
fake_resume (NetBackend *backend)
{
  ((FakeNet *) backend)->paused = false;
}

static void
fake_free (NetBackend *backend)
{
  g_ptr_array_unref (((FakeNet *) backend)->sent);
  g_free (backend);
}

static const NetBackendOps fake_ops = {
    .name = "fake",
    .start = fake_start,
    .send = fake_send,
    .quiesce = fake_quiesce,
    .resume = fake_resume,
    .free = fake_free,
};

static FakeNet *
fake_new (void)
{
  FakeNet *net = g_new0 (FakeNet, 1);
  net->backend.ops = &fake_ops;
  net->sent = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  return net;
}

static VirtioGuest *
make_guest (FakeNet *net)
{
  VirtioGuest *guest = virtio_guest_new (virtio_net_new (&net->backend, mac), NULL);
  assert_non_null (guest);
  virtio_guest_start (guest, ~0ull, 0);
  return guest;
}

typedef struct Arrival {
  FakeNet *net;
  const uint8_t *packet;
  size_t length;
} Arrival;

static void
arrive_cb (void *data)
{
  const Arrival *arrival = data;
  const NetBackend *backend = &arrival->net->backend;
  backend->receiver_ops->receive (backend->receiver, arrival->packet, arrival->length);
}

static void
arrive (VirtioGuest *guest, FakeNet *net, const uint8_t *packet, size_t length)
{
  Arrival arrival = {net, packet, length};
  vm_loop_call (guest->vm.loop, arrive_cb, &arrival);
}

static GuestAddr
give_buffer (VirtioGuest *guest, uint32_t length)
{
  const VirtioGuestBuf buf = {virtio_guest_alloc (guest, length), length, true};
  virtio_guest_submit (guest, QUEUE_RX, &buf, 1);
  virtio_guest_notify (guest, QUEUE_RX);
  return buf.addr;
}

static void
test_config (void **state)
{
  VirtioGuest *guest = make_guest (fake_new ());
  uint8_t config[8];
  virtio_guest_read_config (guest, 0, config, sizeof config);
  assert_memory_equal (config, mac, 6);
  assert_int_equal (config[6], 1); // link up
  virtio_guest_free (guest);
}

static void
test_start_fails (void **state)
{
  FakeNet *net = fake_new ();
  g_autoptr (GError) error = NULL;
  net->fails = true;
  assert_null (virtio_guest_new (virtio_net_new (&net->backend, mac), &error));
  assert_string_equal (error->message, "no network");
}

static void
test_transmit (void **state)
{
  static const struct {
    uint32_t lengths[3]; // of the chain's buffers; 0 ends
    unsigned n_sent;
    uint32_t sent_length;
  } cases[] = {
      {{12, 60}, 1, 60}, {{72}, 1, 60},           {{1, 11, 1514}, 1, 1514}, {{12}, 0, 0},
      {{5}, 0, 0},       {{12, 65536}, 1, 65536}, {{12, 65537}, 0, 0},
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    FakeNet *net = fake_new ();
    VirtioGuest *guest = make_guest (net);
    VirtioGuestBuf bufs[3];
    unsigned n = 0;
    GuestAddr at = virtio_guest_alloc (guest, 70000);
    uint8_t *bytes = virtio_guest_ptr (guest, at);
    for (unsigned j = 0; j < 70000; j++)
      bytes[j] = (uint8_t) (j * 3);
    for (; n < 3 && cases[i].lengths[n] > 0; at += cases[i].lengths[n++])
      bufs[n] = (VirtioGuestBuf){at, cases[i].lengths[n], false};
    virtio_guest_do (guest, QUEUE_TX, bufs, n);
    assert_int_equal (net->sent->len, cases[i].n_sent);
    if (net->sent->len > 0) {
      GBytes *sent = net->sent->pdata[0];
      assert_int_equal (g_bytes_get_size (sent), cases[i].sent_length);
      assert_memory_equal (g_bytes_get_data (sent, NULL), bytes + HEADER_BYTES,
                           cases[i].sent_length);
    }
    virtio_guest_free (guest);
  }
}

static void
test_traffic (void **state)
{
  FakeNet *net = fake_new ();
  Traffic traffic = {0};
  VirtioDevice *vdev = virtio_net_new (&net->backend, mac);
  uint8_t packet[HEADER_BYTES + 100] = {0};

  net->echo = true;
  virtio_net_set_traffic (vdev, &traffic);
  VirtioGuest *guest = virtio_guest_new (vdev, NULL);
  virtio_guest_start (guest, ~0ull, 0);
  const VirtioGuestBuf buf = {virtio_guest_put (guest, packet, sizeof packet), sizeof packet,
                              false};
  virtio_guest_do (guest, QUEUE_TX, &buf, 1);
  assert_int_equal (traffic.out, 100);
  assert_int_equal (traffic.in, 100);
  virtio_guest_free (guest);
}

// The answer comes while the device still holds its lock.
static void
test_echo (void **state)
{
  FakeNet *net = fake_new ();
  net->echo = true;
  VirtioGuest *guest = make_guest (net);
  GuestAddr got = give_buffer (guest, 2000);
  uint8_t packet[HEADER_BYTES + 100];
  memset (packet, 0x42, sizeof packet);
  const VirtioGuestBuf buf = {virtio_guest_put (guest, packet, sizeof packet), sizeof packet,
                              false};
  virtio_guest_do (guest, QUEUE_TX, &buf, 1);
  assert_true (virtio_guest_wait_used (guest, QUEUE_RX, 1));
  assert_int_equal (virtio_guest_get_used_entry (guest, QUEUE_RX, 0, NULL), HEADER_BYTES + 100);
  const uint8_t header[HEADER_BYTES] = {[10] = 1}; // one buffer
  assert_memory_equal (virtio_guest_ptr (guest, got), header, HEADER_BYTES);
  assert_memory_equal ((uint8_t *) virtio_guest_ptr (guest, got) + HEADER_BYTES,
                       packet + HEADER_BYTES, 100);
  virtio_guest_free (guest);
}

// Packets wait for buffers, in order and bounded; one that fits no buffer is lost, not stuck.
static void
test_backlog (void **state)
{
  FakeNet *net = fake_new ();
  VirtioGuest *guest = make_guest (net);
  uint8_t packet[1500];
  for (unsigned i = 0; i < 3; i++) {
    memset (packet, (int) i, sizeof packet);
    arrive (guest, net, packet, i == 1 ? 1500 : 100);
  }
  virtio_guest_settle (guest);
  assert_int_equal (virtio_guest_get_used (guest, QUEUE_RX), 0);
  GuestAddr first = give_buffer (guest, 200), second = give_buffer (guest, 200);
  assert_true (virtio_guest_wait_used (guest, QUEUE_RX, 2));
  assert_int_equal (*((uint8_t *) virtio_guest_ptr (guest, first) + HEADER_BYTES), 0);
  assert_int_equal (*((uint8_t *) virtio_guest_ptr (guest, second) + HEADER_BYTES), 2);
  assert_false (virtio_guest_needs_reset (guest));

  for (unsigned i = 0; i < 2000; i++) // three times what is kept
    arrive (guest, net, packet, sizeof packet);
  for (unsigned i = 0; i < 250; i++)
    give_buffer (guest, 1600);
  virtio_guest_settle (guest);
  assert_int_equal (virtio_guest_get_used (guest, QUEUE_RX), 252);
  virtio_guest_reset (guest);
  virtio_guest_start (guest, ~0ull, 0);
  give_buffer (guest, 1600);
  virtio_guest_settle (guest);
  assert_int_equal (virtio_guest_get_used (guest, QUEUE_RX), 0); // forgotten at reset
  arrive (guest, net, packet, NET_PACKET_MAX + 1);
  arrive (guest, net, packet, 0);
  virtio_guest_settle (guest);
  assert_int_equal (virtio_guest_get_used (guest, QUEUE_RX), 0);
  virtio_guest_free (guest);
}

static void
test_pause (void **state)
{
  FakeNet *net = fake_new ();
  VirtioGuest *guest = make_guest (net);
  uint8_t packet[64] = {0};
  const VirtioGuestBuf buf = {virtio_guest_put (guest, packet, 64), 64, false};
  give_buffer (guest, 200);
  virtio_guest_quiesce (guest);
  assert_true (net->paused);
  arrive (guest, net, packet, 64);
  virtio_guest_submit (guest, QUEUE_TX, &buf, 1);
  virtio_guest_notify (guest, QUEUE_TX);
  virtio_guest_settle (guest);
  assert_int_equal (net->sent->len, 0);
  assert_int_equal (virtio_guest_get_used (guest, QUEUE_RX), 0);
  virtio_guest_resume (guest);
  assert_true (virtio_guest_wait_used (guest, QUEUE_TX, 1));
  assert_true (virtio_guest_wait_used (guest, QUEUE_RX, 1));
  assert_false (net->paused);
  virtio_guest_free (guest);
}

static void
test_saved_state (void **state)
{
  static const uint8_t other_mac[6] = {2, 2, 2, 2, 2, 2};
  VirtioGuest *from = make_guest (fake_new ());
  VirtioGuest *to = virtio_guest_new (virtio_net_new (&fake_new ()->backend, other_mac), NULL);
  uint8_t got[6];
  g_autoptr (GBytes) bytes = virtio_guest_save (from);
  assert_true (virtio_guest_load (to, bytes, NULL));
  virtio_guest_read_config (to, 0, got, sizeof got);
  assert_memory_equal (got, mac, 6);
  virtio_guest_free (from);
  virtio_guest_free (to);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_config),      cmocka_unit_test (test_traffic),
      cmocka_unit_test (test_start_fails), cmocka_unit_test (test_transmit),
      cmocka_unit_test (test_echo),        cmocka_unit_test (test_backlog),
      cmocka_unit_test (test_pause),       cmocka_unit_test (test_saved_state),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
