// SPDX-License-Identifier: GPL-3.0-or-later
// User-mode networking as a guest sees it: frames written by hand, sockets of this host's loopback
// at the other end.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/net/user.h"

enum {
  WAIT_SECONDS = 20,
  DHCP_SERVER = 67,
  DHCP_CLIENT = 68,
  GUEST_PORT = 4242,
};

static const uint8_t guest_mac[6] = {0x52, 0x54, 0, 0x11, 0x22, 0x33};

// The guest's adapter: keeps every frame that arrives.
typedef struct Guest {
  VmLoop *loop;
  VmClock *clock;
  NetBackend *backend;
  GMutex lock;
  GCond changed;
  GPtrArray *frames; // of GBytes, under lock
} Guest;

static void
guest_receive (void *receiver, const uint8_t *packet, size_t length)
{
  Guest *guest = receiver;
  g_mutex_lock (&guest->lock);
  g_ptr_array_add (guest->frames, g_bytes_new (packet, length));
  g_cond_broadcast (&guest->changed);
  g_mutex_unlock (&guest->lock);
}

static const NetReceiverOps receiver_ops = {.receive = guest_receive};

typedef struct Call {
  Guest *guest;
  const void *packet;
  size_t length;
  GError **error;
  bool ok;
} Call;

static void
start_cb (void *data)
{
  Call *call = data;
  NetBackend *backend = call->guest->backend;
  call->ok = backend->ops->start (backend, call->guest->loop, call->guest->clock, call->error);
}

static void
send_cb (void *data)
{
  Call *call = data;
  NetBackend *backend = call->guest->backend;
  backend->ops->send (backend, call->packet, call->length);
}

static void
quiesce_cb (void *data)
{
  NetBackend *backend = ((Guest *) data)->backend;
  backend->ops->quiesce (backend);
}

static void
resume_cb (void *data)
{
  NetBackend *backend = ((Guest *) data)->backend;
  backend->ops->resume (backend);
}

static void
free_cb (void *data)
{
  NetBackend *backend = ((Guest *) data)->backend;
  backend->ops->free (backend);
}

static void
guest_free (Guest *guest)
{
  vm_loop_call (guest->loop, free_cb, guest);
  vm_clock_free (guest->clock);
  vm_loop_free (guest->loop);
  g_ptr_array_unref (guest->frames);
  g_cond_clear (&guest->changed);
  g_mutex_clear (&guest->lock);
  g_free (guest);
}

static Guest *
guest_new (const NetForward *forwards, unsigned n, GError **error)
{
  Guest *guest = g_new0 (Guest, 1);
  g_mutex_init (&guest->lock);
  g_cond_init (&guest->changed);
  guest->frames = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  guest->loop = vm_loop_new ("test-io");
  guest->clock = vm_clock_new (guest->loop);
  vm_clock_start (guest->clock);
  guest->backend = net_user_new (forwards, n);
  guest->backend->receiver_ops = &receiver_ops;
  guest->backend->receiver = guest;
  Call call = {.guest = guest, .error = error};
  vm_loop_call (guest->loop, start_cb, &call);
  if (call.ok)
    return guest;
  guest_free (guest);
  return NULL;
}

static void
guest_send (Guest *guest, const void *packet, size_t length)
{
  Call call = {.guest = guest, .packet = packet, .length = length};
  vm_loop_call (guest->loop, send_cb, &call);
}

// The first frame from *from on that `matches`; *from is then behind it. NULL after a long time.
static GBytes *
guest_wait (Guest *guest, unsigned *from, bool (*matches) (const uint8_t *, size_t))
{
  gint64 deadline = g_get_monotonic_time () + WAIT_SECONDS * G_TIME_SPAN_SECOND;
  GBytes *found = NULL;
  bool in_time = true;
  g_mutex_lock (&guest->lock);
  while (found == NULL && in_time) {
    while (found == NULL && *from < guest->frames->len) {
      GBytes *frame = guest->frames->pdata[(*from)++];
      gsize length;
      const uint8_t *data = g_bytes_get_data (frame, &length);
      if (matches (data, length))
        found = frame;
    }
    if (found == NULL)
      in_time = g_cond_wait_until (&guest->changed, &guest->lock, deadline);
  }
  g_mutex_unlock (&guest->lock);
  return found;
}

// ---------------------------------------------------------------------------------------------
// Frames

typedef struct __attribute__ ((packed)) UdpFrame {
  struct ether_header ether;
  struct iphdr ip;
  struct udphdr udp;
  uint8_t data[548];
} UdpFrame;

static uint16_t
checksum (const void *data, size_t length)
{
  const uint8_t *p = data;
  uint32_t sum = 0;
  for (size_t i = 0; i + 1 < length; i += 2)
    sum += (uint32_t) (p[i] << 8 | p[i + 1]);
  while (sum >> 16)
    sum = (sum & 0xffff) + (sum >> 16);
  return htons ((uint16_t) ~sum);
}

static size_t
make_udp (UdpFrame *frame, const char *from, uint16_t from_port, const char *to, uint16_t to_port,
          const void *data, size_t length)
{
  memset (frame, 0, sizeof *frame);
  memset (frame->ether.ether_dhost, 0xff, 6);
  memcpy (frame->ether.ether_shost, guest_mac, 6);
  frame->ether.ether_type = htons (ETHERTYPE_IP);
  frame->ip.version = 4;
  frame->ip.ihl = 5;
  frame->ip.ttl = 64;
  frame->ip.protocol = IPPROTO_UDP;
  frame->ip.tot_len = htons ((uint16_t) (sizeof frame->ip + sizeof frame->udp + length));
  frame->ip.saddr = inet_addr (from);
  frame->ip.daddr = inet_addr (to);
  frame->ip.check = checksum (&frame->ip, sizeof frame->ip);
  frame->udp.source = htons (from_port);
  frame->udp.dest = htons (to_port);
  frame->udp.len = htons ((uint16_t) (sizeof frame->udp + length)); // no checksum
  memcpy (frame->data, data, length);
  return offsetof (UdpFrame, data) + length;
}

static bool
is_udp (const uint8_t *data, size_t length)
{
  const UdpFrame *frame = (const UdpFrame *) data;
  return length > offsetof (UdpFrame, data) && frame->ether.ether_type == htons (ETHERTYPE_IP) &&
         frame->ip.protocol == IPPROTO_UDP;
}

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16, TCP_FRAME_BYTES = 54 };

typedef struct TcpSegment {
  uint16_t from_port, to_port;
  uint32_t seq, ack;
  uint8_t flags;
} TcpSegment;

static void
put_u32 (uint8_t *at, uint32_t value)
{
  value = htonl (value);
  memcpy (at, &value, sizeof value);
}

static uint32_t
get_u32 (const uint8_t *at)
{
  uint32_t value;
  memcpy (&value, at, sizeof value);
  return ntohl (value);
}

// Between the guest's address and the gateway's.
static void
make_tcp (uint8_t frame[TCP_FRAME_BYTES], const TcpSegment *segment)
{
  static const uint8_t ends[] = {10, 0, 2, 15, 10, 0, 2, 2};
  uint8_t pseudo[12 + 20] = {0};
  uint8_t *ip = frame + 14, *tcp = frame + 34;

  memset (frame, 0, TCP_FRAME_BYTES);
  memset (frame, 0xff, 6);
  memcpy (frame + 6, guest_mac, 6);
  frame[12] = 8;
  memcpy (ip, (const uint8_t[]){0x45, 0, 0, 40, 0, 0, 0, 0, 64, IPPROTO_TCP}, 10);
  memcpy (ip + 12, ends, sizeof ends);
  memcpy (ip + 10, &(uint16_t){checksum (ip, 20)}, 2);
  memcpy (tcp, &(uint16_t){htons (segment->from_port)}, 2);
  memcpy (tcp + 2, &(uint16_t){htons (segment->to_port)}, 2);
  put_u32 (tcp + 4, segment->seq);
  put_u32 (tcp + 8, segment->ack);
  tcp[12] = 5 << 4;
  tcp[13] = segment->flags;
  tcp[14] = 0x20; // window
  memcpy (pseudo, ends, sizeof ends);
  pseudo[9] = IPPROTO_TCP;
  pseudo[11] = 20;
  memcpy (pseudo + 12, tcp, 20);
  memcpy (tcp + 16, &(uint16_t){checksum (pseudo, sizeof pseudo)}, 2);
}

static bool
has_good_checksums (const uint8_t *frame)
{
  uint8_t pseudo[12 + 20] = {0};

  memcpy (pseudo, frame + 26, 8);
  pseudo[9] = IPPROTO_TCP;
  pseudo[11] = 20;
  memcpy (pseudo + 12, frame + 34, 20);
  return checksum (frame + 14, 20) == 0 && checksum (pseudo, sizeof pseudo) == 0;
}

static bool
is_tcp (const uint8_t *data, size_t length)
{
  return length >= TCP_FRAME_BYTES && data[12] == 8 && data[13] == 0 && data[23] == IPPROTO_TCP;
}

static bool
is_arp_request (const uint8_t *data, size_t length)
{
  return length >= 42 && data[12] == 8 && data[13] == 6 && data[21] == 1;
}

static bool
is_tcp_or_arp (const uint8_t *data, size_t length)
{
  return is_tcp (data, length) || is_arp_request (data, length);
}

static bool
is_syn (const uint8_t *data, size_t length)
{
  return length >= 54 && data[12] == 8 && data[13] == 0 && data[23] == IPPROTO_TCP &&
         (data[47] & 0x12) == 0x02;
}

// Answers an ARP request for the guest's address.
static void
answer_arp (Guest *guest, const uint8_t *request)
{
  uint8_t answer[60] = {0};
  memcpy (answer, request + 6, 6);
  memcpy (answer + 6, guest_mac, 6);
  memcpy (answer + 12, request + 12, 8);
  answer[21] = 2;
  memcpy (answer + 22, guest_mac, 6);
  memcpy (answer + 28, request + 38, 4);
  memcpy (answer + 32, request + 22, 10);
  guest_send (guest, answer, sizeof answer);
}

// A socket of the host's loopback; *port is its port.
static int
bind_loopback (int type, uint16_t *port)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int fd = socket (AF_INET, type, 0);
  assert_true (fd >= 0);
  assert_int_equal (bind (fd, (struct sockaddr *) &address, sizeof address), 0);
  assert_int_equal (getsockname (fd, (struct sockaddr *) &address, &length), 0);
  *port = ntohs (address.sin_port);
  return fd;
}

// ---------------------------------------------------------------------------------------------

static void
test_dhcp (void **state)
{
  Guest *guest = guest_new (NULL, 0, NULL);
  UdpFrame frame;
  uint8_t bootp[300] = {1, 1, 6, 0, 0xaa, 0xbb, 0xcc, 0xdd};
  unsigned from = 0;
  memcpy (bootp + 28, guest_mac, 6);
  memcpy (bootp + 236, (const uint8_t[]){99, 130, 83, 99, 53, 1, 1, 255}, 8); // discover
  size_t length =
      make_udp (&frame, "0.0.0.0", DHCP_CLIENT, "255.255.255.255", DHCP_SERVER, bootp, 300);
  guest_send (guest, &frame, length);
  GBytes *got = guest_wait (guest, &from, is_udp);
  assert_non_null (got);
  const UdpFrame *offer = g_bytes_get_data (got, NULL);
  assert_int_equal (ntohs (offer->udp.dest), DHCP_CLIENT);
  assert_memory_equal (offer->data + 4, bootp + 4, 4);                          // our request
  assert_memory_equal (offer->data + 16, ((const uint8_t[]){10, 0, 2, 15}), 4); // yiaddr
  assert_memory_equal (offer->data + 240, ((const uint8_t[]){53, 1, 2}), 3);    // offer
  guest_free (guest);
}

// To the host by the gateway's address and back.
static void
test_udp_to_host (void **state)
{
  Guest *guest = guest_new (NULL, 0, NULL);
  struct sockaddr_in peer;
  socklen_t peer_length = sizeof peer;
  UdpFrame frame;
  uint16_t port;
  unsigned from = 0;
  char text[16];
  int fd = bind_loopback (SOCK_DGRAM, &port);
  guest_send (guest, &frame, make_udp (&frame, "10.0.2.15", 1000, "10.0.2.2", port, "ping", 4));
  assert_int_equal (recvfrom (fd, text, sizeof text, 0, (struct sockaddr *) &peer, &peer_length),
                    4);
  assert_memory_equal (text, "ping", 4);
  assert_int_equal (sendto (fd, "pong!", 5, 0, (struct sockaddr *) &peer, peer_length), 5);
  GBytes *got = guest_wait (guest, &from, is_arp_request);
  assert_non_null (got);
  answer_arp (guest, g_bytes_get_data (got, NULL));
  got = guest_wait (guest, &from, is_udp);
  assert_non_null (got);
  const UdpFrame *answer = g_bytes_get_data (got, NULL);
  assert_int_equal (ntohs (answer->udp.dest), 1000);
  assert_memory_equal (answer->data, "pong!", 5);
  close (fd);
  guest_free (guest);
}

// A connection to a forwarded port reaches the guest as a SYN to its own port.
static void
test_forward (void **state)
{
  NetForward forwards[2] = {{.udp = false, .guest_port = GUEST_PORT},
                            {.udp = true, .guest_port = GUEST_PORT}};
  close (bind_loopback (SOCK_STREAM, &forwards[0].host_port));
  close (bind_loopback (SOCK_DGRAM, &forwards[1].host_port));
  Guest *guest = guest_new (forwards, 2, NULL);
  assert_non_null (guest);
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl (INADDR_LOOPBACK),
                                .sin_port = htons (forwards[0].host_port)};
  unsigned from = 0;
  int fd = socket (AF_INET, SOCK_STREAM, 0);
  assert_int_equal (connect (fd, (struct sockaddr *) &address, sizeof address), 0);
  GBytes *got = guest_wait (guest, &from, is_arp_request);
  assert_non_null (got);
  answer_arp (guest, g_bytes_get_data (got, NULL));
  got = guest_wait (guest, &from, is_syn);
  assert_non_null (got);
  const uint8_t *syn = g_bytes_get_data (got, NULL);
  assert_int_equal (syn[36] << 8 | syn[37], GUEST_PORT);
  assert_memory_equal (syn + 30, ((const uint8_t[]){10, 0, 2, 15}), 4);
  close (fd);

  fd = socket (AF_INET, SOCK_DGRAM, 0);
  address.sin_port = htons (forwards[1].host_port);
  assert_int_equal (sendto (fd, "hi", 2, 0, (struct sockaddr *) &address, sizeof address), 2);
  got = guest_wait (guest, &from, is_udp);
  assert_non_null (got);
  assert_memory_equal (((const UdpFrame *) g_bytes_get_data (got, NULL))->data, "hi", 2);
  close (fd);
  guest_free (guest);
}

// The next TCP segment; whoever asks for the guest's address meanwhile gets it.
static const uint8_t *
wait_for_tcp (Guest *guest, unsigned *from)
{
  for (;;) {
    GBytes *got = guest_wait (guest, from, is_tcp_or_arp);
    assert_non_null (got);
    const uint8_t *frame = g_bytes_get_data (got, NULL);
    if (frame[13] == 0)
      return frame;
    answer_arp (guest, frame);
  }
}

static void
send_tcp (Guest *guest, const TcpSegment *segment)
{
  uint8_t frame[TCP_FRAME_BYTES];

  make_tcp (frame, segment);
  guest_send (guest, frame, sizeof frame);
}

// To a listening socket of the host.
static void
connect_to_host (Guest *guest, unsigned *from, uint16_t from_port, uint16_t port)
{
  send_tcp (guest, &(TcpSegment){from_port, port, 1000, 0, TCP_SYN});
  const uint8_t *answer = wait_for_tcp (guest, from);
  assert_int_equal (answer[47] & (TCP_SYN | TCP_ACK), TCP_SYN | TCP_ACK);
  send_tcp (guest, &(TcpSegment){from_port, port, 1001, get_u32 (answer + 38) + 1, TCP_ACK});
}

static GBytes *
save_guest (Guest *guest)
{
  StateWriter *writer = state_writer_new ();

  vm_loop_call (guest->loop, quiesce_cb, guest);
  state_writer_begin (writer, "net", 1);
  guest->backend->ops->save (guest->backend, writer);
  state_writer_end (writer);
  return state_writer_finish (writer);
}

static Guest *
restore_guest (GBytes *state)
{
  Guest *guest = guest_new (NULL, 0, NULL);
  StateReader *reader = state_reader_new (state, NULL);
  uint32_t version;

  vm_loop_call (guest->loop, quiesce_cb, guest);
  assert_true (state_reader_begin (reader, "net", 1, &version, NULL));
  assert_true (guest->backend->ops->load (guest->backend, reader));
  assert_true (state_reader_end (reader, NULL));
  state_reader_free (reader);
  vm_loop_call (guest->loop, resume_cb, guest);
  return guest;
}

// A guest that only waits for data hears that the other end is gone; connections that have ended are not
// asked about.
static void
test_restored_connection (void **state)
{
  Guest *before = guest_new (NULL, 0, NULL);
  uint16_t port;
  int fd = bind_loopback (SOCK_STREAM, &port);
  unsigned from = 0;

  assert_int_equal (listen (fd, 4), 0);
  connect_to_host (before, &from, 5000, port);
  send_tcp (before, &(TcpSegment){5000, port, 1001, 0, TCP_RST});
  connect_to_host (before, &from, 5001, port);
  g_autoptr (GBytes) saved = save_guest (before);
  guest_free (before);
  Guest *after = restore_guest (saved);
  from = 0;
  const uint8_t *question = wait_for_tcp (after, &from);
  assert_true (has_good_checksums (question));
  assert_memory_equal (question, guest_mac, 6);
  assert_int_equal (question[47], TCP_ACK);
  assert_int_equal (question[34] << 8 | question[35], port);
  assert_int_equal (question[36] << 8 | question[37], 5001);
  // What the guest expects, as a guest answers what it does not.
  send_tcp (after, &(TcpSegment){5001, port, 1001, 77777, TCP_ACK});
  const uint8_t *answer = wait_for_tcp (after, &from);
  assert_true (answer[47] & TCP_RST);
  assert_int_equal (get_u32 (answer + 38), 77777);
  assert_int_equal (answer[36] << 8 | answer[37], 5001);
  close (fd);
  guest_free (after);
}

static void
test_damaged_connections (void **state)
{
  Guest *guest = guest_new (NULL, 0, NULL);

  for (unsigned kind = 0; kind < 3; kind++) {
    StateWriter *writer = state_writer_new ();
    uint32_t version;
    state_writer_begin (writer, "net", 1);
    state_put_u16 (writer, kind == 0 ? 257 : 1);
    state_put_u8 (writer, kind == 1 ? 5 : 4);
    state_writer_end (writer);
    g_autoptr (GBytes) bytes = state_writer_finish (writer);
    StateReader *reader = state_reader_new (bytes, NULL);
    vm_loop_call (guest->loop, quiesce_cb, guest);
    assert_true (state_reader_begin (reader, "net", 1, &version, NULL));
    assert_false (guest->backend->ops->load (guest->backend, reader));
    state_reader_free (reader);
    vm_loop_call (guest->loop, resume_cb, guest);
    assert_int_equal (guest->frames->len, 0);
  }
  guest_free (guest);
}

static void
test_port_taken (void **state)
{
  NetForward forward = {.guest_port = 22};
  g_autoptr (GError) error = NULL;
  int fd = bind_loopback (SOCK_STREAM, &forward.host_port);
  assert_int_equal (listen (fd, 1), 0);
  assert_null (guest_new (&forward, 1, &error));
  g_autofree char *port = g_strdup_printf ("TCP port %u", forward.host_port);
  assert_non_null (strstr (error->message, port));
  assert_non_null (strstr (error->message, "taken"));
  close (fd);
}

// Paused, nothing comes in; resumed, it is all still there.
static void
test_pause (void **state)
{
  NetForward forward = {.udp = true, .guest_port = GUEST_PORT};
  close (bind_loopback (SOCK_DGRAM, &forward.host_port));
  Guest *guest = guest_new (&forward, 1, NULL);
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl (INADDR_LOOPBACK),
                                .sin_port = htons (forward.host_port)};
  unsigned from = 0;
  int fd = socket (AF_INET, SOCK_DGRAM, 0);
  vm_loop_call (guest->loop, quiesce_cb, guest);
  vm_clock_stop (guest->clock);
  g_mutex_lock (&guest->lock);
  unsigned before = guest->frames->len;
  g_mutex_unlock (&guest->lock);
  assert_int_equal (sendto (fd, "hi", 2, 0, (struct sockaddr *) &address, sizeof address), 2);
  for (int i = 0; i < 20; i++) // turns of the loop, each of which would poll
    vm_loop_call (guest->loop, quiesce_cb, guest);
  g_mutex_lock (&guest->lock);
  assert_int_equal (guest->frames->len, before);
  g_mutex_unlock (&guest->lock);
  vm_clock_start (guest->clock);
  vm_loop_call (guest->loop, resume_cb, guest);
  assert_non_null (guest_wait (guest, &from, is_arp_request));
  close (fd);
  guest_free (guest);
}

// Frames that are none: nothing happens.
static void
test_nonsense (void **state)
{
  Guest *guest = guest_new (NULL, 0, NULL);
  UdpFrame frame;
  uint8_t bytes[NET_PACKET_MAX];
  memset (bytes, 0xff, sizeof bytes);
  guest_send (guest, bytes, 0);
  guest_send (guest, bytes, 13);
  guest_send (guest, bytes, sizeof bytes);
  size_t length = make_udp (&frame, "10.0.2.15", 1, "10.0.2.2", 2, "x", 1);
  for (size_t cut = 0; cut < length; cut++)
    guest_send (guest, &frame, cut);
  frame.ip.tot_len = 0xffff;
  guest_send (guest, &frame, length);
  guest_free (guest);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_dhcp),
      cmocka_unit_test (test_udp_to_host),
      cmocka_unit_test (test_forward),
      cmocka_unit_test (test_port_taken),
      cmocka_unit_test (test_pause),
      cmocka_unit_test (test_nonsense),
      cmocka_unit_test (test_restored_connection),
      cmocka_unit_test (test_damaged_connections),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
