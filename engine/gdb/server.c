// SPDX-License-Identifier: GPL-3.0-or-later
// The gdb server's sockets; see gdb.h. Everything happens on the I/O thread. Input is not read
// while output waits, so a client that does not listen costs no more memory than one answer.
#include <gio/gunixsocketaddress.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "engine/gdb/gdb.h"
#include "engine/gdb/target.h"

enum {
  READ_BYTES = 1024,
  PATH_MAX_BYTES = sizeof ((struct sockaddr_un *) 0)->sun_path,
};

struct GdbServer {
  Vm *vm;
  bool wait;
  char *path; // of the socket, to be removed; or NULL
  GSocket *listener;
  GSource *listening;
  GdbTarget *target;
  GdbTargetOps ops;

  GSocket *client; // NULL: none, and so is all that follows
  GSource *watching;
  GdbSession *session;
};

// ---- addresses ------------------------------------------------------------------------------

static GSocketAddress *
bad_address (const char *text, GError **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
               _ ("“%s” is no address for gdb; write for example tcp::1234 or unix:FILE."), text);
  return NULL;
}

static GSocketAddress *
parse_address (const char *text, GError **error)
{
  const char *rest = text != NULL ? strchr (text, ':') : NULL;
  guint64 port;

  if (rest == NULL)
    return bad_address (text != NULL ? text : "", error);
  rest++;
  // A longer path would be cut.
  if (g_str_has_prefix (text, "unix:") && *rest != '\0' && strlen (rest) < PATH_MAX_BYTES)
    return g_unix_socket_address_new (rest);
  const char *colon = strrchr (rest, ':');
  if (!g_str_has_prefix (text, "tcp:") || colon == NULL ||
      !g_ascii_string_to_unsigned (colon + 1, 10, 1, UINT16_MAX, &port, NULL))
    return bad_address (text, error);
  bool loopback = colon == rest || g_str_has_prefix (rest, "localhost:");
  g_autofree char *host = loopback ? g_strdup ("127.0.0.1") : g_strndup (rest, colon - rest);
  GSocketAddress *address = g_inet_socket_address_new_from_string (host, (guint) port);
  return address != NULL ? address : bad_address (text, error);
}

bool
gdb_address_check (const char *text, GError **error)
{
  g_autoptr (GSocketAddress) address = parse_address (text, error);

  return address != NULL;
}

// ---- the client -----------------------------------------------------------------------------

static void watch_client (GdbServer *server);

static void
drop_client (GdbServer *server)
{
  if (server->client == NULL)
    return;
  g_source_destroy (server->watching);
  g_clear_pointer (&server->watching, g_source_unref);
  g_socket_close (server->client, NULL);
  g_clear_object (&server->client);
  g_clear_pointer (&server->session, gdb_session_free);
  gdb_target_detach (server->target);
}

// False: it is gone.
static bool
send_output (GdbServer *server)
{
  GString *output = gdb_session_get_output (server->session);
  g_autoptr (GError) error = NULL;

  if (output->len == 0)
    return true;
  gssize n = g_socket_send (server->client, output->str, output->len, NULL, &error);
  if (n > 0)
    g_string_erase (output, 0, n);
  return n >= 0 || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
}

// False: it is gone, or the conversation is over.
static bool
receive_input (GdbServer *server)
{
  char bytes[READ_BYTES];
  g_autoptr (GError) error = NULL;
  gssize n = g_socket_receive (server->client, bytes, sizeof bytes, NULL, &error);

  if (n < 0)
    return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  if (n == 0)
    return false;
  if (gdb_session_feed (server->session, (const uint8_t *) bytes, (size_t) n))
    return true;
  // The last words fit into the socket's own buffer.
  send_output (server);
  return false;
}

static gboolean
client_cb (GSocket *socket, GIOCondition condition, void *data)
{
  GdbServer *server = data;
  bool going_on = true;

  if (gdb_session_get_output (server->session)->len == 0)
    going_on = receive_input (server);
  if (going_on && send_output (server))
    watch_client (server);
  else
    drop_client (server);
  return G_SOURCE_REMOVE;
}

static void
watch_client (GdbServer *server)
{
  bool sends = gdb_session_get_output (server->session)->len > 0;

  if (server->watching != NULL) {
    g_source_destroy (server->watching);
    g_source_unref (server->watching);
  }
  server->watching = g_socket_create_source (server->client, sends ? G_IO_OUT : G_IO_IN, NULL);
  g_source_set_callback (server->watching, G_SOURCE_FUNC (client_cb), server, NULL);
  g_source_attach (server->watching, vm_loop_get_context (server->vm->loop));
}

static void
stopped_cb (void *opaque, unsigned thread, const GuestDebugStop *why)
{
  GdbServer *server = opaque;

  gdb_session_stopped (server->session, thread, why);
  if (send_output (server))
    watch_client (server);
  else
    drop_client (server);
}

// ---- listening ------------------------------------------------------------------------------

static gboolean
accept_cb (GSocket *socket, GIOCondition condition, void *data)
{
  GdbServer *server = data;
  g_autoptr (GSocket) client = g_socket_accept (socket, NULL, NULL);

  // One at a time: a second one is turned away.
  if (client == NULL || server->client != NULL)
    return G_SOURCE_CONTINUE;
  g_socket_set_blocking (client, FALSE);
  server->client = g_steal_pointer (&client);
  server->session = gdb_session_new (&server->ops, server->target);
  watch_client (server);
  return G_SOURCE_CONTINUE;
}

// A socket's file that nobody listens on any more is in the way. Any other file answers a connection
// in the same way, and is somebody's.
static void
remove_stale (GSocketAddress *address, const char *path)
{
  struct stat st;
  g_autoptr (GSocket) probe =
      g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL);
  g_autoptr (GError) error = NULL;

  if (probe != NULL && lstat (path, &st) == 0 && S_ISSOCK (st.st_mode) &&
      !g_socket_connect (probe, address, NULL, &error) &&
      g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED))
    g_unlink (path);
}

static bool
bind_and_listen (GdbServer *server, GSocketAddress *address, GError **error)
{
  if (G_IS_UNIX_SOCKET_ADDRESS (address)) {
    const char *path = g_unix_socket_address_get_path (G_UNIX_SOCKET_ADDRESS (address));

    remove_stale (address, path);
    if (!g_socket_bind (server->listener, address, FALSE, error))
      return false;
    server->path = g_strdup (path);
    // Nobody can connect before listen.
    g_chmod (path, 0600);
  } else if (!g_socket_bind (server->listener, address, TRUE, error)) {
    return false;
  }
  return g_socket_listen (server->listener, error);
}

static bool
open_listener (GdbServer *server, const char *text, GError **error)
{
  g_autoptr (GSocketAddress) address = parse_address (text, error);
  g_autoptr (GError) why = NULL;

  if (address == NULL)
    return false;
  server->listener = g_socket_new (g_socket_address_get_family (address), G_SOCKET_TYPE_STREAM,
                                   G_SOCKET_PROTOCOL_DEFAULT, &why);
  if (server->listener != NULL && bind_and_listen (server, address, &why)) {
    g_socket_set_blocking (server->listener, FALSE);
    return true;
  }
  g_set_error (error, G_IO_ERROR, (int) why->code, _ ("gdb cannot be served at “%s”: %s."), text,
               why->message);
  return false;
}

// ---- life -----------------------------------------------------------------------------------

static void
begin_cb (void *data)
{
  GdbServer *server = data;

  server->target = gdb_target_new (server->vm, stopped_cb, server);
  server->ops = gdb_target_get_ops (server->target);
  if (server->wait)
    gdb_target_attach (server->target);
  server->listening = g_socket_create_source (server->listener, G_IO_IN, NULL);
  g_source_set_callback (server->listening, G_SOURCE_FUNC (accept_cb), server, NULL);
  g_source_attach (server->listening, vm_loop_get_context (server->vm->loop));
}

static void
end_cb (void *data)
{
  GdbServer *server = data;

  if (server->listening != NULL) {
    g_source_destroy (server->listening);
    g_source_unref (server->listening);
  }
  if (server->client != NULL) {
    gdb_session_exited (server->session);
    send_output (server);
    drop_client (server);
  }
  gdb_target_free (server->target);
}

GdbServer *
gdb_server_new (Vm *vm, const char *address, bool wait, GError **error)
{
  GdbServer *server = g_new0 (GdbServer, 1);

  server->vm = vm;
  server->wait = wait;
  if (!open_listener (server, address, error)) {
    gdb_server_free (server);
    return NULL;
  }
  vm_loop_call (vm->loop, begin_cb, server);
  return server;
}

void
gdb_server_free (GdbServer *server)
{
  if (server == NULL)
    return;
  vm_loop_call (server->vm->loop, end_cb, server);
  if (server->listener != NULL)
    g_socket_close (server->listener, NULL);
  g_clear_object (&server->listener);
  if (server->path != NULL)
    g_unlink (server->path);
  g_free (server->path);
  g_free (server);
}
