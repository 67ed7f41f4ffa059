// SPDX-License-Identifier: GPL-3.0-or-later
// Control sockets of running machines; see control.h. The server runs in the main context of the
// thread that made it; the client blocks its caller for a bounded time.
#include "app/model/control.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  REQUEST_MAX_BYTES = 4096,
  ANSWER_MAX_BYTES = 1 << 16,
  CONNECTIONS_MAX = 16,
  CALL_TIMEOUT_SECONDS = 20,
  LONG_CALL_TIMEOUT_SECONDS = 3600, // gigabytes to a slow disk
};

struct ControlServer {
  VmMachine *machine;
  GSocketService *service;
  char *path, *lock_path;
  int lock;       // held on lock_path
  GList *clients; // of Client
  ControlHandler handler;
  void *handler_data;
};

typedef struct ControlCall Client;
struct ControlCall {
  ControlServer *server; // NULL once the server is gone
  GSocketConnection *connection;
  GCancellable *cancellable;
  char buffer[REQUEST_MAX_BYTES];
  size_t used;
};

static void read_more (Client *client);

static char *
dup_folder (void)
{
  return g_build_filename (g_get_user_runtime_dir (), "terrarium", NULL);
}

static char *
dup_path (const char *uuid, const char *suffix)
{
  g_autofree char *folder = dup_folder ();
  g_autofree char *file = g_strconcat (uuid, suffix, NULL);

  return g_build_filename (folder, file, NULL);
}

const char *
control_state_name (VmState state)
{
  static const char *const names[] = {
      [VM_STATE_STOPPED] = "stopped",   [VM_STATE_STARTING] = "starting",
      [VM_STATE_RUNNING] = "running",   [VM_STATE_PAUSING] = "pausing",
      [VM_STATE_PAUSED] = "paused",     [VM_STATE_RESUMING] = "resuming",
      [VM_STATE_STOPPING] = "stopping", [VM_STATE_SAVING] = "saving",
  };

  return names[state];
}

// ---- Server

static void
client_free (Client *client)
{
  if (client->server != NULL)
    client->server->clients = g_list_remove (client->server->clients, client);
  g_io_stream_close (G_IO_STREAM (client->connection), NULL, NULL);
  g_object_unref (client->connection);
  g_object_unref (client->cancellable);
  g_free (client);
}

static void
answer_cb (GObject *source, GAsyncResult *result, void *data)
{
  Client *client = data;

  if (!g_output_stream_write_all_finish (G_OUTPUT_STREAM (source), result, NULL, NULL) ||
      client->server == NULL)
    client_free (client);
  else
    read_more (client);
}

static void
answer (Client *client, JsonObject *reply)
{
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), reply);
  g_autofree char *json = json_to_string (node, FALSE);
  char *line = g_strconcat (json, "\n", NULL);

  g_object_set_data_full (G_OBJECT (client->connection), "answer", line, g_free);
  g_output_stream_write_all_async (g_io_stream_get_output_stream (G_IO_STREAM (client->connection)),
                                   line, strlen (line), G_PRIORITY_DEFAULT, client->cancellable,
                                   answer_cb, client);
}

static void
answer_error (Client *client, const char *message)
{
  g_autoptr (JsonObject) reply = json_object_new ();

  json_object_set_boolean_member (reply, "ok", FALSE);
  json_object_set_string_member (reply, "error", message);
  answer (client, reply);
}

void
control_call_answer (ControlCall *call, JsonObject *reply, const GError *error)
{
  g_autoptr (JsonObject) object = reply != NULL ? json_object_ref (reply) : json_object_new ();

  if (error == NULL) {
    json_object_set_boolean_member (object, "ok", TRUE);
    answer (call, object);
  } else if (call->server == NULL) {
    client_free (call);
  } else {
    answer_error (call, error->message);
  }
}

static void
performed_cb (GObject *source, GAsyncResult *result, void *data)
{
  g_autoptr (GError) error = NULL;

  vm_machine_perform_finish (VM_MACHINE (source), result, &error);
  control_call_answer (data, NULL, error);
}

static void
put_memory (JsonObject *reply, const VmStats *stats)
{
  const struct {
    const char *name;
    uint64_t value;
  } figures[] = {
      {"memory_target_bytes", stats->memory_target_bytes},
      {"memory_now_bytes", stats->memory_now_bytes},
      {"memory_reported_bytes", stats->memory_reported_bytes},
      {"memory_total_bytes", stats->memory_total_bytes},
      {"memory_free_bytes", stats->memory_free_bytes},
      {"memory_available_bytes", stats->memory_available_bytes},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (figures); i++)
    if (figures[i].value <= G_MAXINT64) // the guest has said something
      json_object_set_int_member (reply, figures[i].name, (gint64) figures[i].value);
}

static void
answer_info (Client *client)
{
  VmMachine *machine = client->server->machine;
  g_autoptr (JsonObject) reply = json_object_new ();
  VmStats stats;

  vm_machine_get_stats (machine, &stats);
  json_object_set_boolean_member (reply, "ok", TRUE);
  json_object_set_string_member (reply, "state",
                                 control_state_name (vm_machine_get_state (machine)));
  if (vm_machine_get_trouble (machine) != NULL)
    json_object_set_string_member (reply, "trouble", vm_machine_get_trouble (machine));
  json_object_set_int_member (reply, "guest_instructions", (gint64) stats.guest_instructions);
  json_object_set_double_member (reply, "vcpu_cpu_seconds", stats.vcpu_cpu_seconds);
  json_object_set_double_member (reply, "running_seconds", stats.running_seconds);
  json_object_set_int_member (reply, "resident_ram_bytes", (gint64) stats.resident_ram_bytes);
  json_object_set_int_member (reply, "disk_read_bytes", (gint64) stats.disk_read_bytes);
  json_object_set_int_member (reply, "disk_written_bytes", (gint64) stats.disk_written_bytes);
  json_object_set_int_member (reply, "net_received_bytes", (gint64) stats.net_received_bytes);
  json_object_set_int_member (reply, "net_sent_bytes", (gint64) stats.net_sent_bytes);
  put_memory (reply, &stats);
  answer (client, reply);
}

// A member that has this type; NULL when there is none, or one of another.
static JsonNode *
get_member (JsonObject *object, const char *name, GType type)
{
  JsonNode *node = json_object_get_member (object, name);

  return node != NULL && json_node_get_value_type (node) == type ? node : NULL;
}

static const char *
get_op_name (JsonObject *request)
{
  JsonNode *node = get_member (request, "op", G_TYPE_STRING);

  return node != NULL ? json_node_get_string (node) : "";
}

static bool
find_op (JsonObject *request, VmOp *op)
{
  const char *name = get_op_name (request);
  JsonNode *forced = get_member (request, "force", G_TYPE_BOOLEAN);
  bool force = forced != NULL && json_node_get_boolean (forced);

  if (strcmp (name, "stop") == 0)
    *op = force ? VM_OP_FORCE_STOP : VM_OP_POWER_BUTTON;
  else if (strcmp (name, "pause") == 0)
    *op = VM_OP_PAUSE;
  else if (strcmp (name, "resume") == 0)
    *op = VM_OP_RESUME;
  else
    return false;
  return true;
}

static void
offer (Client *client, JsonObject *request)
{
  const ControlServer *server = client->server;

  if (server->handler == NULL ||
      !server->handler (server->handler_data, get_op_name (request), request, client))
    answer_error (client, "There is no such operation.");
}

static void
serve (Client *client, const char *line, size_t length)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonNode *root = NULL;
  JsonObject *request;
  VmOp op;

  if (json_parser_load_from_data (parser, line, (gssize) length, NULL))
    root = json_parser_get_root (parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root)) {
    answer_error (client, "The request is not a JSON object.");
    return;
  }
  request = json_node_get_object (root);
  if (strcmp (get_op_name (request), "info") == 0)
    answer_info (client);
  else if (!find_op (request, &op))
    offer (client, request);
  else if (!vm_machine_can (client->server->machine, op))
    answer_error (client, _ ("The machine’s state does not allow this now."));
  else
    vm_machine_perform_async (client->server->machine, op, NULL, performed_cb, client);
}

static void
read_cb (GObject *source, GAsyncResult *result, void *data)
{
  Client *client = data;
  gssize n = g_input_stream_read_finish (G_INPUT_STREAM (source), result, NULL);
  char *end;

  if (n <= 0 || client->server == NULL) {
    client_free (client);
    return;
  }
  client->used += (size_t) n;
  end = memchr (client->buffer, '\n', client->used);
  if (end == NULL) {
    read_more (client);
    return;
  }
  // One request at a time: what follows the line waits for its answer.
  char line[REQUEST_MAX_BYTES];
  size_t length = (size_t) (end - client->buffer);

  memcpy (line, client->buffer, length);
  client->used -= length + 1;
  memmove (client->buffer, end + 1, client->used);
  serve (client, line, length);
}

static void
read_more (Client *client)
{
  if (client->used == sizeof client->buffer) {
    client_free (client);
    return;
  }
  g_input_stream_read_async (g_io_stream_get_input_stream (G_IO_STREAM (client->connection)),
                             client->buffer + client->used, sizeof client->buffer - client->used,
                             G_PRIORITY_DEFAULT, client->cancellable, read_cb, client);
}

static gboolean
incoming_cb (GSocketService *service, GSocketConnection *connection, GObject *source, void *data)
{
  ControlServer *server = data;
  Client *client;

  if (g_list_length (server->clients) >= CONNECTIONS_MAX)
    return TRUE;
  client = g_new0 (Client, 1);
  client->server = server;
  client->connection = g_object_ref (connection);
  client->cancellable = g_cancellable_new ();
  server->clients = g_list_prepend (server->clients, client);
  read_more (client);
  return TRUE;
}

static bool
is_file_at (int fd, const char *path)
{
  struct stat one, other;

  return fstat (fd, &one) == 0 && stat (path, &other) == 0 && one.st_dev == other.st_dev &&
         one.st_ino == other.st_ino;
}

// The right to the machine's socket: a lock on a file beside it, gone with the process however it
// ends. Whether somebody listens cannot be asked instead: two that start at once would both be told
// that nobody does. -1 when somebody else has it (G_IO_ERROR_ADDRESS_IN_USE) or on error.
static int
take_lock (const char *path, const char *uuid, GError **error)
{
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

  for (;;) {
    int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0 && fcntl (fd, F_OFD_SETLK, &whole) == 0) {
      if (is_file_at (fd, path))
        return fd;
      // Its last owner has just removed it.
      close (fd);
      continue;
    }
    int code = errno;
    if (fd >= 0)
      close (fd);
    if (fd >= 0 && (code == EAGAIN || code == EACCES))
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE,
                   _ ("Another machine with the identifier %s is running; stop it first, or give "
                      "one of them another \"uuid\" in its machine.json."),
                   uuid);
    else
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code),
                   _ ("“%s” cannot be locked: %s."), path, g_strerror (code));
    return -1;
  }
}

static bool
listen_at (GSocketService *service, const char *path, GError **error)
{
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);

  // What a process that was killed has left.
  g_unlink (path);
  if (!g_socket_listener_add_address (G_SOCKET_LISTENER (service), address, G_SOCKET_TYPE_STREAM,
                                      G_SOCKET_PROTOCOL_DEFAULT, NULL, NULL, error))
    return false;
  g_chmod (path, 0600);
  return true;
}

ControlServer *
control_server_new (VmMachine *machine, GError **error)
{
  const char *uuid = vm_machine_get_config (machine)->uuid;
  g_autofree char *folder = dup_folder ();
  g_autofree char *path = dup_path (uuid, ".sock");
  g_autofree char *lock_path = dup_path (uuid, ".lock");
  g_autoptr (GSocketService) service = g_socket_service_new ();
  ControlServer *server;

  if (g_mkdir_with_parents (folder, 0700) != 0) {
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_FAILED, _ ("“%s” cannot be created."), folder);
    return NULL;
  }
  // Whoever calls holds the machine's lock, but its folder may be a copy of another's.
  int lock = take_lock (lock_path, uuid, error);
  if (lock < 0)
    return NULL;
  if (!listen_at (service, path, error)) {
    g_unlink (lock_path);
    close (lock);
    return NULL;
  }
  server = g_new0 (ControlServer, 1);
  server->machine = g_object_ref (machine);
  server->path = g_steal_pointer (&path);
  server->lock_path = g_steal_pointer (&lock_path);
  server->lock = lock;
  server->service = g_steal_pointer (&service);
  g_signal_connect (server->service, "incoming", G_CALLBACK (incoming_cb), server);
  return server;
}

void
control_server_set_handler (ControlServer *server, ControlHandler handler, void *data)
{
  server->handler = handler;
  server->handler_data = data;
}

void
control_server_free (ControlServer *server)
{
  if (server == NULL)
    return;
  g_signal_handlers_disconnect_by_data (server->service, server);
  g_socket_service_stop (server->service);
  g_socket_listener_close (G_SOCKET_LISTENER (server->service));
  // Before anybody else can have the lock.
  g_unlink (server->path);
  g_unlink (server->lock_path);
  close (server->lock);
  // Each client has an operation under way; its callback frees it.
  for (GList *l = server->clients; l != NULL; l = l->next) {
    Client *client = l->data;

    client->server = NULL;
    g_cancellable_cancel (client->cancellable);
  }
  g_list_free (server->clients);
  g_object_unref (server->service);
  g_object_unref (server->machine);
  g_free (server->path);
  g_free (server->lock_path);
  g_free (server);
}

// ---- Client

static char *
exchange (GSocketConnection *connection, JsonObject *request, GError **error)
{
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), request);
  g_autofree char *json = json_to_string (node, FALSE);
  g_autofree char *line = g_strconcat (json, "\n", NULL);
  GInputStream *in = g_io_stream_get_input_stream (G_IO_STREAM (connection));
  g_autoptr (GString) reply = g_string_new (NULL);
  char buffer[1024];

  if (!g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (connection)), line,
                                  strlen (line), NULL, NULL, error))
    return NULL;
  while (strchr (reply->str, '\n') == NULL && reply->len < ANSWER_MAX_BYTES) {
    gssize n = g_input_stream_read (in, buffer, sizeof buffer, NULL, error);

    if (n < 0)
      return NULL;
    if (n == 0)
      break;
    g_string_append_len (reply, buffer, n);
  }
  return g_strdup (reply->str);
}

static JsonObject *
parse_answer (const char *text, GError **error)
{
  g_autoptr (JsonNode) node = json_from_string (text, NULL);
  JsonObject *reply;

  // A machine that ends while it is asked closes the connection without a word.
  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED,
                 _ ("The machine ended before it answered."));
    return NULL;
  }
  reply = json_node_get_object (node);
  if (!json_object_get_boolean_member_with_default (reply, "ok", FALSE)) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                         json_object_get_string_member_with_default (
                             reply, "error", _ ("The machine refused without a reason.")));
    return NULL;
  }
  return json_object_ref (reply);
}

static bool
is_long (JsonObject *request)
{
  return g_str_equal (get_op_name (request), "save") ||
         g_str_has_prefix (get_op_name (request), "snapshot-");
}

JsonObject *
control_call (const char *uuid, JsonObject *request, GError **error)
{
  g_autofree char *path = dup_path (uuid, ".sock");
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr (GSocketConnection) connection = NULL;
  g_autoptr (GError) why = NULL;
  g_autofree char *text = NULL;

  g_socket_client_set_timeout (client, is_long (request) ? LONG_CALL_TIMEOUT_SECONDS
                                                         : CALL_TIMEOUT_SECONDS);
  connection = g_socket_client_connect (client, G_SOCKET_CONNECTABLE (address), NULL, &why);
  if (connection == NULL) {
    g_set_error (error, why->domain, why->code,
                 _ ("The machine cannot be reached (%s); wait until it has started or stopped, or "
                    "end its process."),
                 why->message);
    return NULL;
  }
  text = exchange (connection, request, error);
  return text != NULL ? parse_answer (text, error) : NULL;
}

JsonObject *
control_call_op (const char *uuid, const char *op, bool force, GError **error)
{
  g_autoptr (JsonObject) request = json_object_new ();

  json_object_set_string_member (request, "op", op);
  if (force)
    json_object_set_boolean_member (request, "force", TRUE);
  return control_call (uuid, request, error);
}
