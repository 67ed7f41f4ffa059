// SPDX-License-Identifier: GPL-3.0-or-later
// TCP connections of a guest; see connections.h. What is asked is an acknowledgement far outside of what
// the guest expects, which it must answer by saying what it does expect (RFC 9293 §3.10.7.4); the reset
// that the answer gets is then exactly in place (RFC 5961 §3.2).
#include "engine/net/connections.h"

#include <string.h>

enum {
  CONNECTIONS_MAX = 256, // the oldest are forgotten first
  ETHER_BYTES = 14,
  IPV4_BYTES = 20,
  IPV6_BYTES = 40,
  TCP_BYTES = 20,
  PROTOCOL_TCP = 6,
  FLAG_FIN = 1,
  FLAG_SYN = 2,
  FLAG_RST = 4,
  FLAG_ACK = 16,
};

typedef struct Connection {
  uint8_t version; // of IP: 4 or 6
  uint8_t mac[6];  // the guest's
  uint8_t guest[16], other[16];
  uint8_t guest_port[2], other_port[2];
  uint8_t ended; // directions in which all was sent: 1 from the guest, 2 to it
} Connection;

struct NetConnections {
  Connection all[CONNECTIONS_MAX];
  unsigned n;
  unsigned n_loaded; // the first, which are not asked yet
};

NetConnections *
net_connections_new (void)
{
  return g_new0 (NetConnections, 1);
}

void
net_connections_free (NetConnections *connections)
{
  g_free (connections);
}

// ---- noting ---------------------------------------------------------------------------------

static void
drop (NetConnections *connections, unsigned i)
{
  connections->n--;
  memmove (&connections->all[i], &connections->all[i + 1],
           (connections->n - i) * sizeof connections->all[0]);
  if (i < connections->n_loaded)
    connections->n_loaded--;
}

// Where the TCP header begins, 0: there is none. Fragments are left out: they are rare, and no SYN.
static size_t
find_tcp (const uint8_t *frame, size_t length, Connection *is, bool from_guest)
{
  const uint8_t *ip = frame + ETHER_BYTES;
  size_t at = 0;

  if (length < ETHER_BYTES + IPV4_BYTES)
    return 0;
  if (frame[12] == 0x08 && frame[13] == 0x00 && ip[9] == PROTOCOL_TCP && (ip[6] & 0x3f) == 0 &&
      ip[7] == 0) {
    is->version = 4;
    memcpy (from_guest ? is->guest : is->other, ip + 12, 4);
    memcpy (from_guest ? is->other : is->guest, ip + 16, 4);
    at = ETHER_BYTES + 4u * (ip[0] & 15);
  } else if (frame[12] == 0x86 && frame[13] == 0xdd && length >= ETHER_BYTES + IPV6_BYTES &&
             ip[6] == PROTOCOL_TCP) {
    is->version = 6;
    memcpy (from_guest ? is->guest : is->other, ip + 8, 16);
    memcpy (from_guest ? is->other : is->guest, ip + 24, 16);
    at = ETHER_BYTES + IPV6_BYTES;
  }
  return at != 0 && at + TCP_BYTES <= length ? at : 0;
}

static int
find (const NetConnections *connections, const Connection *is)
{
  for (unsigned i = 0; i < connections->n; i++) {
    const Connection *known = &connections->all[i];
    if (known->version == is->version && memcmp (known->guest_port, is->guest_port, 2) == 0 &&
        memcmp (known->other_port, is->other_port, 2) == 0 &&
        memcmp (known->guest, is->guest, 16) == 0 && memcmp (known->other, is->other, 16) == 0)
      return (int) i;
  }
  return -1;
}

static void
add (NetConnections *connections, const Connection *is)
{
  if (connections->n == CONNECTIONS_MAX)
    drop (connections, 0);
  connections->all[connections->n++] = *is;
}

void
net_connections_note (NetConnections *connections, const uint8_t *frame, size_t length,
                      bool from_guest)
{
  Connection is = {0};
  size_t at = find_tcp (frame, length, &is, from_guest);

  if (at == 0 || (frame[at + 13] & (FLAG_SYN | FLAG_FIN | FLAG_RST)) == 0)
    return;
  memcpy (is.mac, frame + (from_guest ? 6 : 0), sizeof is.mac);
  memcpy (from_guest ? is.guest_port : is.other_port, frame + at, 2);
  memcpy (from_guest ? is.other_port : is.guest_port, frame + at + 2, 2);
  int known = find (connections, &is);
  if ((frame[at + 13] & FLAG_RST) != 0) {
    if (known >= 0)
      drop (connections, (unsigned) known);
  } else if ((frame[at + 13] & FLAG_SYN) != 0) {
    // Its ports may have belonged to one whose end was not seen.
    if (known >= 0)
      drop (connections, (unsigned) known);
    add (connections, &is);
  } else if (known >= 0) {
    connections->all[known].ended |= from_guest ? 1 : 2;
    if (connections->all[known].ended == 3)
      drop (connections, (unsigned) known);
  }
}

// ---- state ----------------------------------------------------------------------------------

void
net_connections_save (const NetConnections *connections, StateWriter *writer)
{
  state_put_u16 (writer, (uint16_t) connections->n);
  for (unsigned i = 0; i < connections->n; i++) {
    const Connection *is = &connections->all[i];
    state_put_u8 (writer, is->version);
    state_put_bytes (writer, is->mac, sizeof is->mac);
    state_put_bytes (writer, is->guest, sizeof is->guest);
    state_put_bytes (writer, is->other, sizeof is->other);
    state_put_bytes (writer, is->guest_port, sizeof is->guest_port);
    state_put_bytes (writer, is->other_port, sizeof is->other_port);
    state_put_u8 (writer, is->ended);
  }
}

bool
net_connections_load (NetConnections *connections, StateReader *reader)
{
  unsigned n = state_get_u16 (reader);
  bool ok = n <= CONNECTIONS_MAX;

  memset (connections, 0, sizeof *connections);
  for (unsigned i = 0; ok && i < n; i++) {
    Connection *is = &connections->all[i];
    is->version = state_get_u8 (reader);
    state_get_bytes (reader, is->mac, sizeof is->mac);
    state_get_bytes (reader, is->guest, sizeof is->guest);
    state_get_bytes (reader, is->other, sizeof is->other);
    state_get_bytes (reader, is->guest_port, sizeof is->guest_port);
    state_get_bytes (reader, is->other_port, sizeof is->other_port);
    is->ended = state_get_u8 (reader);
    ok = state_reader_ok (reader) && (is->version == 4 || is->version == 6) && is->ended < 3;
  }
  connections->n = connections->n_loaded = ok ? n : 0;
  return ok;
}

// ---- asking ---------------------------------------------------------------------------------

static uint32_t
add_words (uint32_t sum, const uint8_t *bytes, size_t length)
{
  for (size_t i = 0; i + 1 < length; i += 2)
    sum += (uint32_t) (bytes[i] << 8 | bytes[i + 1]);
  return sum;
}

static void
put_checksum (uint8_t *at, uint32_t sum)
{
  while (sum >> 16 != 0)
    sum = (sum & 0xffff) + (sum >> 16);
  at[0] = (uint8_t) (~sum >> 8);
  at[1] = (uint8_t) ~sum;
}

static size_t
put_ip (uint8_t *ip, const Connection *is)
{
  if (is->version == 4) {
    const uint8_t head[12] = {0x45, 0, 0, IPV4_BYTES + TCP_BYTES, 0, 0, 0, 0, 64, PROTOCOL_TCP};
    memcpy (ip, head, sizeof head);
    memcpy (ip + 12, is->other, 4);
    memcpy (ip + 16, is->guest, 4);
    put_checksum (ip + 10, add_words (0, ip, IPV4_BYTES));
    return IPV4_BYTES;
  }
  const uint8_t head[8] = {0x60, 0, 0, 0, 0, TCP_BYTES, PROTOCOL_TCP, 64};
  memcpy (ip, head, sizeof head);
  memcpy (ip + 8, is->other, 16);
  memcpy (ip + 24, is->guest, 16);
  return IPV6_BYTES;
}

static size_t
make_question (uint8_t frame[ETHER_BYTES + IPV6_BYTES + TCP_BYTES], const Connection *is)
{
  const uint8_t gateway[6] = {0x52, 0x55, 10, 0, 2, 2};
  size_t address_bytes = is->version == 4 ? 4 : 16;

  memset (frame, 0, ETHER_BYTES + IPV6_BYTES + TCP_BYTES);
  memcpy (frame, is->mac, 6);
  memcpy (frame + 6, gateway, 6);
  frame[12] = is->version == 4 ? 0x08 : 0x86;
  frame[13] = is->version == 4 ? 0x00 : 0xdd;
  uint8_t *tcp = frame + ETHER_BYTES + put_ip (frame + ETHER_BYTES, is);
  memcpy (tcp, is->other_port, 2);
  memcpy (tcp + 2, is->guest_port, 2);
  tcp[12] = (TCP_BYTES / 4) << 4;
  tcp[13] = FLAG_ACK;
  put_checksum (tcp + 16, add_words (add_words (add_words (PROTOCOL_TCP + TCP_BYTES, is->guest,
                                                           address_bytes),
                                                is->other, address_bytes),
                                     tcp, TCP_BYTES));
  return (size_t) (tcp - frame) + TCP_BYTES;
}

void
net_connections_ask_loaded (NetConnections *connections,
                            void (*send) (void *data, const uint8_t *frame, size_t length),
                            void *data)
{
  unsigned n = connections->n_loaded;

  connections->n_loaded = 0;
  for (unsigned i = 0; i < n; i++) {
    uint8_t frame[ETHER_BYTES + IPV6_BYTES + TCP_BYTES];
    size_t length = make_question (frame, &connections->all[i]);
    send (data, frame, length);
  }
}
