// SPDX-License-Identifier: GPL-3.0-or-later
// User-mode networking over libslirp: its sockets are polled by the machine's I/O thread through a
// GSource, its timers run on the machine's clock.
//
// Threads: the I/O thread only. Paused, the source has no descriptors and no timeout.
#include "engine/net/user.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gio/gio.h>
#include <glib/gi18n.h>
#include <slirp/libslirp.h>

#include "engine/net/connections.h"

typedef struct NetUser {
  NetBackend backend;
  NetForward *forwards;
  unsigned n_forwards;
  Slirp *slirp;
  VmClock *clock;
  GSource *source;
  GArray *polls; // of Poll, in slirp's order
  unsigned n_polls_used;
  NetConnections *connections;
  int64_t deadline_us; // of the source, monotonic; INT64_MAX: none
  bool address_came;   // slirp has to look what waited for it
  bool paused;
} NetUser;

typedef struct Poll {
  int fd;
  GIOCondition condition;
  gpointer tag;
} Poll;

typedef struct UserSource {
  GSource source;
  NetUser *user;
} UserSource;

typedef struct UserTimer {
  NetUser *user;
  SlirpTimerId id;
  void *opaque;
  VmTimer *timer;
} UserTimer;

enum {
  NS_PER_MS = 1000000,
  US_PER_MS = 1000,
};

// ---------------------------------------------------------------------------------------------
// Polling

static const struct {
  int slirp;
  GIOCondition glib;
} events[] = {
    {SLIRP_POLL_IN, G_IO_IN},   {SLIRP_POLL_OUT, G_IO_OUT}, {SLIRP_POLL_PRI, G_IO_PRI},
    {SLIRP_POLL_ERR, G_IO_ERR}, {SLIRP_POLL_HUP, G_IO_HUP},
};

static void
drop_polls (NetUser *user, unsigned keep)
{
  for (unsigned i = keep; i < user->polls->len; i++)
    g_source_remove_unix_fd (user->source, g_array_index (user->polls, Poll, i).tag);
  g_array_set_size (user->polls, keep);
}

// Slirp names the descriptors to poll in the same order every time. The source's are changed only
// where they differ: every change wakes the loop once more.
static int
add_poll (int fd, int want, void *opaque)
{
  NetUser *user = opaque;
  GIOCondition condition = 0;
  for (size_t i = 0; i < G_N_ELEMENTS (events); i++)
    condition |= (want & events[i].slirp) ? events[i].glib : 0;

  unsigned index = user->n_polls_used++;
  if (index < user->polls->len) {
    Poll *poll = &g_array_index (user->polls, Poll, index);
    if (poll->fd == fd) {
      if (poll->condition != condition)
        g_source_modify_unix_fd (user->source, poll->tag, condition);
      poll->condition = condition;
      return (int) index;
    }
    drop_polls (user, index);
  }
  Poll poll = {.fd = fd, .condition = condition};
  poll.tag = g_source_add_unix_fd (user->source, fd, condition);
  g_array_append_val (user->polls, poll);
  return (int) index;
}

static int
get_revents (int index, void *opaque)
{
  NetUser *user = opaque;
  if (index < 0 || (unsigned) index >= user->polls->len)
    return 0;
  const Poll *poll = &g_array_index (user->polls, Poll, index);
  GIOCondition ready = g_source_query_unix_fd (user->source, poll->tag);
  int got = 0;
  for (size_t i = 0; i < G_N_ELEMENTS (events); i++)
    got |= (ready & events[i].glib) ? events[i].slirp : 0;
  return got;
}

static gboolean
source_prepare (GSource *source, int *timeout_ms)
{
  NetUser *user = ((UserSource *) source)->user;
  *timeout_ms = -1;
  user->deadline_us = INT64_MAX;
  if (user->paused)
    return FALSE;
  uint32_t timeout = UINT32_MAX;
  user->n_polls_used = 0;
  slirp_pollfds_fill (user->slirp, &timeout, add_poll, user);
  drop_polls (user, user->n_polls_used);
  if (timeout <= INT32_MAX) {
    *timeout_ms = (int) timeout;
    user->deadline_us = g_source_get_time (source) + (int64_t) timeout * US_PER_MS;
  }
  return user->address_came;
}

static gboolean
source_check (GSource *source)
{
  NetUser *user = ((UserSource *) source)->user;
  if (user->paused || user->address_came)
    return !user->paused;
  for (unsigned i = 0; i < user->polls->len; i++) {
    if (g_source_query_unix_fd (source, g_array_index (user->polls, Poll, i).tag) != 0)
      return TRUE;
  }
  return g_get_monotonic_time () >= user->deadline_us;
}

static gboolean
source_dispatch (GSource *source, GSourceFunc callback, gpointer data)
{
  NetUser *user = ((UserSource *) source)->user;
  if (user->paused)
    return G_SOURCE_CONTINUE;
  user->address_came = false;
  slirp_pollfds_poll (user->slirp, 0, get_revents, user);
  return G_SOURCE_CONTINUE;
}

static const GSourceFuncs source_funcs = {
    .prepare = source_prepare,
    .check = source_check,
    .dispatch = source_dispatch,
};

// ---------------------------------------------------------------------------------------------
// Slirp's callbacks

static ssize_t
send_packet (const void *packet, size_t length, void *opaque)
{
  const NetUser *user = opaque;
  const NetBackend *backend = &user->backend;
  net_connections_note (user->connections, packet, length, false);
  backend->receiver_ops->receive (backend->receiver, packet, length);
  return (ssize_t) length;
}

// The guest's mistakes are its own affair; a hostile one must not fill the log.
static void
guest_error (const char *message, void *opaque)
{
  g_debug ("network: %s", message);
}

static int64_t
clock_get_ns (void *opaque)
{
  return vm_clock_now (((NetUser *) opaque)->clock);
}

static void
timer_fired (void *data)
{
  UserTimer *timer = data;
  slirp_handle_timer (timer->user->slirp, timer->id, timer->opaque);
}

static void *
timer_new (SlirpTimerId id, void *timer_opaque, void *opaque)
{
  UserTimer *timer = g_new0 (UserTimer, 1);
  timer->user = opaque;
  timer->id = id;
  timer->opaque = timer_opaque;
  timer->timer = vm_timer_new (timer->user->clock, timer_fired, timer);
  return timer;
}

static void
timer_free (void *data, void *opaque)
{
  UserTimer *timer = data;
  vm_timer_free (timer->timer);
  g_free (timer);
}

static void
timer_mod (void *data, int64_t expire_ms, void *opaque)
{
  vm_timer_arm (((UserTimer *) data)->timer, expire_ms * NS_PER_MS);
}

// The source asks slirp for its descriptors before every poll, so there is nothing to note.
static void
ignore_fd (int fd, void *opaque)
{
}

static void
ignore_notify (void *opaque)
{
}

static void
init_completed (Slirp *slirp, void *opaque)
{
  ((NetUser *) opaque)->slirp = slirp; // timers may need it before slirp_new returns
}

static const SlirpCb callbacks = {
    .send_packet = send_packet,
    .guest_error = guest_error,
    .clock_get_ns = clock_get_ns,
    .timer_free = timer_free,
    .timer_mod = timer_mod,
    .register_poll_fd = ignore_fd,
    .unregister_poll_fd = ignore_fd,
    .notify = ignore_notify,
    .init_completed = init_completed,
    .timer_new_opaque = timer_new,
};

// ---------------------------------------------------------------------------------------------
// Ops

static struct in_addr
ipv4 (const char *text)
{
  struct in_addr address;
  inet_pton (AF_INET, text, &address);
  return address;
}

static struct in6_addr
ipv6 (const char *text)
{
  struct in6_addr address;
  inet_pton (AF_INET6, text, &address);
  return address;
}

static bool
add_forward (NetUser *user, const NetForward *forward, GError **error)
{
  if (slirp_add_hostfwd (user->slirp, forward->udp, ipv4 ("127.0.0.1"), forward->host_port,
                         ipv4 ("10.0.2.15"), forward->guest_port) == 0)
    return true;
  int code = errno;
  const char *what = g_strerror (code);
  if (code == EADDRINUSE)
    what = _ ("it is taken by another program or machine; choose another port");
  else if (code == EACCES)
    what = _ ("ports below 1024 are reserved; choose a higher one");
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code),
               _ ("Could not forward %s port %u of this computer: %s."),
               forward->udp ? "UDP" : "TCP", forward->host_port, what);
  return false;
}

static bool
user_start (NetBackend *backend, VmLoop *loop, VmClock *clock, GError **error)
{
  NetUser *user = (NetUser *) backend;
  const SlirpConfig config = {
      .version = 4,
      .in_enabled = true,
      .vnetwork = ipv4 ("10.0.2.0"),
      .vnetmask = ipv4 ("255.255.255.0"),
      .vhost = ipv4 ("10.0.2.2"),
      .vdhcp_start = ipv4 ("10.0.2.15"),
      .vnameserver = ipv4 ("10.0.2.3"),
      .in6_enabled = true,
      .vprefix_addr6 = ipv6 ("fec0::"),
      .vprefix_len = 64,
      .vhost6 = ipv6 ("fec0::2"),
      .vnameserver6 = ipv6 ("fec0::3"),
  };
  user->clock = clock;
  user->slirp = slirp_new (&config, &callbacks, user);
  if (user->slirp == NULL) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                 _ ("Could not start the user network; close other programs and try again."));
    return false;
  }
  for (unsigned i = 0; i < user->n_forwards; i++) {
    if (!add_forward (user, &user->forwards[i], error))
      return false;
  }
  user->source = g_source_new ((GSourceFuncs *) &source_funcs, sizeof (UserSource));
  g_source_set_static_name (user->source, "slirp");
  ((UserSource *) user->source)->user = user;
  g_source_attach (user->source, vm_loop_get_context (loop));
  return true;
}

// What tells slirp of the guest's address (RFC 826, RFC 4861): packets for it have waited, but slirp looks
// for them only when sockets are polled, and there may be none.
static bool
has_address (const uint8_t *packet, size_t length)
{
  enum { ICMPV6 = 58, NEIGHBOUR_ADVERTISEMENT = 136 };

  return (length > 14 && packet[12] == 0x08 && packet[13] == 0x06) ||
         (length > 54 && packet[12] == 0x86 && packet[13] == 0xdd && packet[20] == ICMPV6 &&
          packet[54] == NEIGHBOUR_ADVERTISEMENT);
}

static void
user_send (NetBackend *backend, const uint8_t *packet, size_t length)
{
  NetUser *user = (NetUser *) backend;
  if (user->paused || length > NET_PACKET_MAX)
    return;
  net_connections_note (user->connections, packet, length, true);
  slirp_input (user->slirp, packet, (int) length);
  user->address_came |= has_address (packet, length);
}

static void
user_quiesce (NetBackend *backend)
{
  NetUser *user = (NetUser *) backend;
  user->paused = true;
  if (user->source != NULL)
    drop_polls (user, 0);
}

static void
ask_guest (void *data, const uint8_t *frame, size_t length)
{
  const NetBackend *backend = data;
  backend->receiver_ops->receive (backend->receiver, frame, length);
}

static void
user_resume (NetBackend *backend)
{
  NetUser *user = (NetUser *) backend;
  user->paused = false;
  net_connections_ask_loaded (user->connections, ask_guest, backend);
  if (user->source != NULL)
    g_main_context_wakeup (g_source_get_context (user->source));
}

static void
user_free (NetBackend *backend)
{
  NetUser *user = (NetUser *) backend;
  if (user->source != NULL) {
    g_source_destroy (user->source);
    g_source_unref (user->source);
  }
  if (user->slirp != NULL)
    slirp_cleanup (user->slirp);
  net_connections_free (user->connections);
  g_array_unref (user->polls);
  g_free (user->forwards);
  g_free (user);
}

static void
user_save (NetBackend *backend, StateWriter *writer)
{
  net_connections_save (((NetUser *) backend)->connections, writer);
}

static bool
user_load (NetBackend *backend, StateReader *reader)
{
  return net_connections_load (((NetUser *) backend)->connections, reader);
}

static const NetBackendOps user_ops = {
    .name = "user",
    .start = user_start,
    .send = user_send,
    .quiesce = user_quiesce,
    .resume = user_resume,
    .free = user_free,
    .save = user_save,
    .load = user_load,
};

NetBackend *
net_user_new (const NetForward *forwards, unsigned n_forwards)
{
  NetUser *user = g_new0 (NetUser, 1);
  user->backend.ops = &user_ops;
  user->forwards = g_memdup2 (forwards, n_forwards * sizeof *forwards);
  user->n_forwards = n_forwards;
  user->connections = net_connections_new ();
  user->polls = g_array_new (FALSE, FALSE, sizeof (Poll));
  return &user->backend;
}
