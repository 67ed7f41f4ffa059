// SPDX-License-Identifier: GPL-3.0-or-later
// virtio-vsock as a driver sees it, packet by packet: opening, credit, ends, resets, and drivers that
// do not keep to it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/virtio/vsock.h"
#include "tests/support/virtio-guest.h"

enum {
  RX,
  TX,
  EVENT,
  HEADER = 44,
  REQUEST = 1,
  RESPONSE,
  RST,
  SHUTDOWN,
  RW,
  CREDIT_UPDATE,
  CREDIT_REQUEST,
  PORT = 9,
  GUEST_PORT = 77,
  RX_BYTES = 4096,
  HOST_BYTES = 64 << 10, // of credit for the guest
};

typedef struct Packet {
  uint64_t src_cid, dst_cid;
  uint32_t src_port, dst_port, length;
  uint16_t type, op;
  uint32_t flags, buf_alloc, fwd_cnt;
} Packet;

typedef struct Rig {
  VirtioGuest *guest;
  char folder[32], path[64], at_port[80];
  int listener, fd; // somebody on the host
  GuestAddr rx;
  uint16_t n_rx;
} Rig;

static int
make_socket (const char *path, bool listens)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  if (listens) {
    assert_int_equal (bind (fd, (struct sockaddr *) &address, sizeof address), 0);
    assert_int_equal (listen (fd, 4), 0);
  } else {
    assert_int_equal (connect (fd, (struct sockaddr *) &address, sizeof address), 0);
  }
  return fd;
}

static Rig *
make_rig (void)
{
  Rig *rig = g_new0 (Rig, 1);
  GError *error = NULL;

  strcpy (rig->folder, "/tmp/test-vsock.XXXXXX");
  assert_non_null (mkdtemp (rig->folder));
  snprintf (rig->path, sizeof rig->path, "%s/s", rig->folder);
  snprintf (rig->at_port, sizeof rig->at_port, "%s_%d", rig->path, PORT);
  rig->listener = make_socket (rig->at_port, true);
  rig->fd = -1;
  rig->guest = virtio_guest_new (virtio_vsock_new (rig->path), &error);
  assert_non_null (rig->guest);
  virtio_guest_start (rig->guest, 0, 0);
  rig->rx = virtio_guest_alloc (rig->guest, RX_BYTES);
  return rig;
}

static void
free_rig (Rig *rig)
{
  virtio_guest_free (rig->guest);
  if (rig->fd >= 0)
    close (rig->fd);
  close (rig->listener);
  unlink (rig->at_port);
  assert_int_equal (access (rig->path, F_OK), -1);
  rmdir (rig->folder);
  g_free (rig);
}

static void
put_packet (Rig *rig, const Packet *packet, const char *data)
{
  size_t length = data != NULL ? packet->length : 0;
  g_autofree uint8_t *bytes = g_malloc (HEADER + length);

  memcpy (bytes, packet, HEADER);
  if (length > 0)
    memcpy (bytes + HEADER, data, length);
  const VirtioGuestBuf buf = {virtio_guest_put (rig->guest, bytes, HEADER + length),
                              (uint32_t) (HEADER + length), false};
  virtio_guest_do (rig->guest, TX, &buf, 1);
}

static Packet
make_packet (uint32_t port, uint16_t op)
{
  return (Packet){3, 2, GUEST_PORT, port, 0, 1, op, 0, 1000, 0};
}

static void
put_op (Rig *rig, uint32_t port, uint16_t op)
{
  const Packet packet = make_packet (port, op);
  put_packet (rig, &packet, NULL);
}

// The next packet from the host, with its data.
static Packet
take_packet (Rig *rig, char *data)
{
  const VirtioGuestBuf buf = {rig->rx, RX_BYTES, true};
  Packet packet = {0};

  virtio_guest_submit (rig->guest, RX, &buf, 1);
  virtio_guest_notify (rig->guest, RX);
  assert_true (virtio_guest_wait_used (rig->guest, RX, ++rig->n_rx));
  memcpy (&packet, virtio_guest_ptr (rig->guest, rig->rx), HEADER);
  if (data != NULL)
    memcpy (data, (char *) virtio_guest_ptr (rig->guest, rig->rx) + HEADER, packet.length);
  assert_int_equal (packet.dst_cid, 3);
  assert_int_equal (packet.dst_port, GUEST_PORT);
  return packet;
}

static void
expect_op (Rig *rig, uint16_t op)
{
  assert_int_equal (take_packet (rig, NULL).op, op);
}

// The guest connects to the host.
static void
open_link (Rig *rig)
{
  put_op (rig, PORT, REQUEST);
  const Packet answer = take_packet (rig, NULL);
  assert_int_equal (answer.op, RESPONSE);
  assert_int_equal (answer.src_cid, 2);
  assert_int_equal (answer.src_port, PORT);
  assert_int_equal (answer.buf_alloc, HOST_BYTES);
  rig->fd = accept (rig->listener, NULL, NULL);
  assert_true (rig->fd >= 0);
}

static void
test_opening (void **state)
{
  Rig *rig = make_rig ();
  uint64_t cid;

  virtio_guest_read_config (rig->guest, 0, &cid, 8);
  assert_int_equal (cid, 3);
  put_op (rig, PORT + 1, REQUEST); // nobody there
  expect_op (rig, RST);
  put_op (rig, PORT, RW); // not open
  expect_op (rig, RST);
  Packet wrong = make_packet (PORT, REQUEST);
  wrong.type = 2;
  put_packet (rig, &wrong, NULL);
  expect_op (rig, RST);
  wrong = make_packet (PORT, REQUEST);
  wrong.dst_cid = 5;
  put_packet (rig, &wrong, NULL);
  expect_op (rig, RST);
  put_op (rig, PORT, RST); // is not answered
  open_link (rig);
  put_op (rig, PORT, REQUEST); // twice
  expect_op (rig, RST);
  char c;
  assert_int_equal (recv (rig->fd, &c, 1, 0), 0);
  free_rig (rig);
}

static void
test_data (void **state)
{
  Rig *rig = make_rig ();
  char data[RX_BYTES];

  open_link (rig);
  Packet packet = make_packet (PORT, RW);
  packet.length = 5;
  put_packet (rig, &packet, "hello");
  assert_int_equal (recv (rig->fd, data, 5, MSG_WAITALL), 5);
  assert_memory_equal (data, "hello", 5);
  // The host sends no more than there is credit for: 1000 bytes, then what is added.
  memset (data, 'h', sizeof data);
  assert_int_equal (send (rig->fd, data, 1500, 0), 1500);
  unsigned got = 0;
  while (got < 1000) {
    packet = take_packet (rig, data);
    assert_int_equal (packet.op, RW);
    assert_int_equal (packet.fwd_cnt, 5);
    got += packet.length;
  }
  assert_int_equal (got, 1000);
  packet = make_packet (PORT, CREDIT_REQUEST);
  put_packet (rig, &packet, NULL);
  packet = take_packet (rig, NULL);
  assert_int_equal (packet.op, CREDIT_UPDATE);
  assert_int_equal (packet.fwd_cnt, 5);
  packet = make_packet (PORT, CREDIT_UPDATE);
  packet.fwd_cnt = 300;
  put_packet (rig, &packet, NULL);
  assert_int_equal (take_packet (rig, data).length, 300);
  packet.fwd_cnt = 1000;
  put_packet (rig, &packet, NULL);
  assert_int_equal (take_packet (rig, data).length, 200);
  // The host ends, the guest goes on, then ends too.
  shutdown (rig->fd, SHUT_WR);
  packet = take_packet (rig, NULL);
  assert_int_equal (packet.op, SHUTDOWN);
  assert_int_equal (packet.flags, 2);
  packet = make_packet (PORT, RW);
  packet.length = 3;
  put_packet (rig, &packet, "end");
  packet = make_packet (PORT, SHUTDOWN);
  packet.flags = 3;
  put_packet (rig, &packet, NULL);
  expect_op (rig, RST);
  assert_int_equal (recv (rig->fd, data, 3, MSG_WAITALL), 3);
  assert_int_equal (recv (rig->fd, data, 1, 0), 0);
  free_rig (rig);
}

// More than there is credit for ends it, with all that was sent before in the host's hands or not.
static void
test_too_much (void **state)
{
  for (unsigned way = 0; way < 3; way++) {
    Rig *rig = make_rig ();
    Packet packet = make_packet (PORT, way == 2 ? 99 : RW);
    g_autofree char *data = g_malloc0 (HOST_BYTES + 1);
    open_link (rig);
    packet.length = way == 1 ? 100 : HOST_BYTES + 1;
    put_packet (rig, &packet, way == 1 ? NULL : data); // or less comes than it says
    expect_op (rig, RST);
    assert_int_equal (recv (rig->fd, data, 1, 0), 0);
    free_rig (rig);
  }
}

static void
test_from_host (void **state)
{
  Rig *rig = make_rig ();
  char text[32] = {0};

  rig->fd = make_socket (rig->path, false);
  const char *line = "CONNECT 77\nearly";
  assert_int_equal (send (rig->fd, line, strlen (line), 0), strlen (line));
  Packet packet = take_packet (rig, NULL);
  assert_int_equal (packet.op, REQUEST);
  uint32_t port = packet.src_port;
  put_op (rig, port, RESPONSE);
  packet = take_packet (rig, text);
  assert_int_equal (packet.op, RW);
  assert_memory_equal (text, "early", 5);
  assert_int_equal (recv (rig->fd, text, 3, MSG_WAITALL), 3);
  assert_memory_equal (text, "OK ", 3);
  put_op (rig, port, RST);
  while (recv (rig->fd, text, sizeof text, 0) > 0)
    ;
  close (rig->fd);
  // A guest that does not want to, and lines that are none.
  rig->fd = make_socket (rig->path, false);
  assert_int_equal (send (rig->fd, line, 11, 0), 11);
  port = take_packet (rig, NULL).src_port;
  put_op (rig, port, RST);
  assert_int_equal (recv (rig->fd, text, 1, 0), 0);
  close (rig->fd);
  static const char *const lines[] = {"CONNECT\n", "CONNECT 4294967296\n", "connect 1\n",
                                      "CONNECT 1 and far more than a line may have"};
  for (size_t i = 0; i < G_N_ELEMENTS (lines); i++) {
    rig->fd = make_socket (rig->path, false);
    assert_int_equal (send (rig->fd, lines[i], strlen (lines[i]), 0), strlen (lines[i]));
    assert_true (recv (rig->fd, text, 1, 0) <= 0);
    close (rig->fd);
  }
  rig->fd = -1;
  free_rig (rig);
}

// Answers have their limit: with no room to give them, nothing more is taken.
static void
test_flood (void **state)
{
  Rig *rig = make_rig ();
  const Packet packet = make_packet (PORT + 1, REQUEST);
  const VirtioGuestBuf buf = {virtio_guest_put (rig->guest, &packet, HEADER), HEADER, false};

  for (unsigned i = 0; i < 100; i++)
    virtio_guest_submit (rig->guest, TX, &buf, 1);
  virtio_guest_notify (rig->guest, TX);
  virtio_guest_settle (rig->guest);
  assert_int_equal (virtio_guest_get_used (rig->guest, TX), 64);
  for (unsigned i = 0; i < 100; i++)
    expect_op (rig, RST);
  assert_true (virtio_guest_wait_used (rig->guest, TX, 100));
  free_rig (rig);
}

static void
test_saved_state (void **state)
{
  Rig *rig = make_rig ();
  GError *error = NULL;
  const VirtioGuestBuf buf = {virtio_guest_alloc (rig->guest, 8), 8, true};
  char c;

  open_link (rig);
  virtio_guest_submit (rig->guest, EVENT, &buf, 1);
  virtio_guest_quiesce (rig->guest);
  virtio_guest_resume (rig->guest);
  virtio_guest_settle (rig->guest);
  assert_int_equal (virtio_guest_get_used (rig->guest, EVENT), 0);
  virtio_guest_quiesce (rig->guest);
  g_autoptr (GBytes) saved = virtio_guest_save (rig->guest);
  assert_true (virtio_guest_load (rig->guest, saved, &error));
  virtio_guest_resume (rig->guest);
  assert_true (virtio_guest_wait_used (rig->guest, EVENT, 1));
  assert_int_equal (*(uint32_t *) virtio_guest_ptr (rig->guest, buf.addr), 0);
  assert_int_equal (recv (rig->fd, &c, 1, 0), 0);
  put_op (rig, PORT, RW); // what the guest still thinks of it
  expect_op (rig, RST);
  free_rig (rig);
}

// Somebody's socket that is in use stays his; one that was left is replaced.
static void
test_path (void **state)
{
  Rig *rig = make_rig ();
  GError *error = NULL;

  assert_null (virtio_guest_new (virtio_vsock_new (rig->path), &error));
  assert_non_null (error);
  g_clear_error (&error);
  close (make_socket (rig->path, false));
  g_autofree char *left = g_strconcat (rig->folder, "/left", NULL);
  close (make_socket (left, true));
  VirtioGuest *guest = virtio_guest_new (virtio_vsock_new (left), &error);
  assert_non_null (guest);
  virtio_guest_free (guest);
  g_autofree char *nowhere = g_strconcat (rig->folder, "/missing/s", NULL);
  assert_null (virtio_guest_new (virtio_vsock_new (nowhere), &error));
  g_clear_error (&error);
  free_rig (rig);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_opening),  cmocka_unit_test (test_data),
      cmocka_unit_test (test_too_much), cmocka_unit_test (test_from_host),
      cmocka_unit_test (test_flood),    cmocka_unit_test (test_saved_state),
      cmocka_unit_test (test_path),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
