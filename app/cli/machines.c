// SPDX-License-Identifier: GPL-3.0-or-later
// terrarium list|info|start|stop|pause|resume|save|restore: see machines.h. Runs on the main thread, without
// a main loop.
#include "app/cli/machines.h"

#include <glib/gi18n.h>
#include <unistd.h>

#include "app/cli/ask.h"
#include "app/cli/complain.h"
#include "app/model/bundle.h"
#include "app/model/control.h"
#include "app/model/saved.h"

enum {
  START_POLLS = 100, // times 100 ms for the application to take the machine up
  END_POLLS = 300,   // times 100 ms for the process of a saved machine to let go of it
};

#define APP_ID   "io.github.terrarium_vm.Terrarium"
#define APP_PATH "/io/github/terrarium_vm/Terrarium"

typedef struct Options {
  gboolean json, force, fresh;
  char **names;
} Options;

static int
fail (const GError *error)
{
  return cli_fail (error->message);
}

// What a command takes beside the rest.
typedef enum Extra {
  EXTRA_NONE,
  EXTRA_FORCE,
  EXTRA_FRESH,
} Extra;

// `n_names`: how many machines the command is about.
static bool
parse (int argc, char **argv, const char *what, unsigned n_names, Extra extra, Options *options)
{
  GOptionEntry entries[] = {
      {"json", 0, 0, G_OPTION_ARG_NONE, &options->json, N_ ("Print JSON"), NULL},
      {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->names, NULL, NULL},
      {0},
      {0},
  };
  static const char *const force = N_ ("Pull the plug instead of pressing the power button"),
                           *const fresh = N_ ("Discard the saved state and start from the disks");
  g_autofree char *program = g_strdup_printf ("terrarium %s", argv[0]);
  g_autoptr (GOptionContext) context = g_option_context_new (n_names > 0 ? _ ("NAME") : NULL);
  g_autoptr (GError) error = NULL;

  if (extra == EXTRA_FORCE)
    entries[2] = (GOptionEntry){"force", 0, 0, G_OPTION_ARG_NONE, &options->force, force, NULL};
  if (extra == EXTRA_FRESH)
    entries[2] = (GOptionEntry){"fresh", 0, 0, G_OPTION_ARG_NONE, &options->fresh, fresh, NULL};
  g_option_context_set_translation_domain (context, GETTEXT_PACKAGE);
  g_option_context_add_main_entries (context, entries, GETTEXT_PACKAGE);
  g_option_context_set_summary (context, what);
  // The usage line of --help begins with it.
  g_set_prgname (program);
  bool ok = g_option_context_parse (context, &argc, &argv, &error);
  g_set_prgname ("terrarium");
  if (!ok)
    cli_fail_usage (argv[0], error->message);
  else if ((options->names != NULL ? g_strv_length (options->names) : 0) == n_names)
    return true;
  else if (n_names == 1)
    cli_fail_usage (argv[0], _ ("Name one machine; “terrarium list” shows them."));
  else
    cli_fail_usage (argv[0],
                    _ ("No name is expected here; “terrarium info” shows a single machine."));
  return false;
}

static void
options_clear (Options *options)
{
  g_strfreev (options->names);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

// The one machine the command line names, `broken` too if that is wanted.
static Bundle *
find_named (const Options *options, bool broken, int *status)
{
  g_autofree char *root = bundle_dup_root ();
  g_autoptr (GError) error = NULL;
  Bundle *bundle;

  bundle = bundle_find (root, options->names[0], &error);
  if (bundle != NULL && bundle->config == NULL && !broken) {
    error = g_error_copy (bundle->error);
    g_clear_pointer (&bundle, bundle_free);
  }
  if (bundle == NULL)
    *status = fail (error);
  return bundle;
}

static void
describe_at_rest (const Bundle *bundle, JsonObject *object)
{
  bool locked = bundle_is_locked (bundle);
  g_autoptr (GError) why = NULL;
  SavedKind saved = locked ? SAVED_NONE : saved_look (bundle, &why);

  json_object_set_string_member (object, "state",
                                 locked                 ? "starting"
                                 : saved == SAVED_READY ? "saved"
                                                        : "stopped");
  if (saved == SAVED_READY)
    json_object_set_int_member (object, "saved_time", saved_get_time (bundle));
  else if (saved == SAVED_STALE)
    json_object_set_string_member (object, "saved_error", why->message);
}

// What is known of a machine: from its folder, and from itself while it runs.
static JsonObject *
describe (const Bundle *bundle)
{
  JsonObject *object;
  g_autoptr (JsonObject) live = NULL;

  if (bundle->config != NULL && bundle_is_locked (bundle))
    live = control_call_op (bundle->config->uuid, "info", false, NULL);
  object = live != NULL ? json_object_ref (live) : json_object_new ();
  json_object_remove_member (object, "ok");
  json_object_set_string_member (object, "name", bundle_get_name (bundle));
  json_object_set_string_member (object, "path", bundle->path);
  if (bundle->config == NULL) {
    json_object_set_string_member (object, "state", "broken");
    json_object_set_string_member (object, "error", bundle->error->message);
    return object;
  }
  if (live == NULL)
    describe_at_rest (bundle, object);
  json_object_set_string_member (object, "uuid", bundle->config->uuid);
  json_object_set_string_member (object, "arch", "aarch64");
  json_object_set_int_member (object, "cpus", bundle->config->cpus);
  json_object_set_int_member (object, "memory_bytes", (gint64) bundle->config->memory_bytes);
  return object;
}

static void
print_json (JsonNode *node)
{
  g_autofree char *text = json_to_string (node, TRUE);

  g_print ("%s\n", text);
}

// What is wrong with a broken one stands behind its name.
static void
print_line (JsonObject *object)
{
  const char *error = json_object_get_string_member_with_default (object, "error", NULL);
  g_autofree char *text = g_strconcat (json_object_get_string_member (object, "name"),
                                       error ? ": " : NULL, error, NULL);
  g_autofree char *shown = cli_dup_printable (text);

  g_print ("%-10s %s\n", json_object_get_string_member (object, "state"), shown);
}

int
cli_list (int argc, char **argv)
{
  g_auto (Options) options = {0};
  g_autofree char *root = bundle_dup_root ();
  g_autoptr (JsonArray) array = json_array_new ();
  g_autoptr (GPtrArray) bundles = NULL;

  if (!parse (argc, argv, _ ("the machines there are"), 0, EXTRA_NONE, &options))
    return CLI_USAGE;
  bundles = bundle_scan (root);
  for (unsigned i = 0; i < bundles->len; i++) {
    JsonObject *object = describe (bundles->pdata[i]);

    if (!options.json)
      print_line (object);
    json_array_add_object_element (array, object);
  }
  if (options.json) {
    g_autoptr (JsonNode) node = json_node_init_array (json_node_alloc (), array);

    print_json (node);
  } else if (bundles->len == 0 && isatty (STDOUT_FILENO)) {
    // A person looks; a program gets an empty list.
    g_printerr ("%s\n",
                _ ("There are no machines yet; “terrarium” opens the window that makes them."));
  }
  return CLI_OK;
}

static void
print_member (JsonObject *object, const char *name, JsonNode *value, gpointer unused)
{
  g_autofree char *text = json_node_get_value_type (value) == G_TYPE_STRING
                              ? json_node_dup_string (value)
                              : json_to_string (value, FALSE);

  g_autofree char *shown = cli_dup_printable (text);

  g_print ("%-20s %s\n", name, shown);
}

int
cli_info (int argc, char **argv)
{
  g_auto (Options) options = {0};
  g_autoptr (Bundle) bundle = NULL;
  g_autoptr (JsonObject) object = NULL;
  int status = CLI_OK;

  if (!parse (argc, argv, _ ("what is known of a machine"), 1, EXTRA_NONE, &options))
    return CLI_USAGE;
  bundle = find_named (&options, true, &status);
  if (bundle == NULL)
    return status;
  object = describe (bundle);
  if (options.json) {
    g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), object);

    print_json (node);
  } else {
    json_object_foreach_member (object, print_member, NULL);
  }
  return CLI_OK;
}

// ---- start

// Asks the application to start it, if it runs. False: it does not run.
static bool
hand_to_application (const char *uuid, bool fresh)
{
  const char *action = fresh ? "start-machine-afresh" : "start-machine";
  g_autoptr (GDBusConnection) bus = g_bus_get_sync (G_BUS_TYPE_SESSION, NULL, NULL);
  g_autoptr (GVariant) reply = NULL;
  GVariantBuilder parameters;

  if (bus == NULL)
    return false;
  g_variant_builder_init (&parameters, G_VARIANT_TYPE ("av"));
  g_variant_builder_add (&parameters, "v", g_variant_new_string (uuid));
  reply = g_dbus_connection_call_sync (bus, APP_ID, APP_PATH, "org.gtk.Actions", "Activate",
                                       g_variant_new ("(sava{sv})", action, &parameters, NULL),
                                       NULL, G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL, NULL);
  return reply != NULL;
}

static bool
wait_until_reachable (const char *uuid, GError **error)
{
  for (unsigned i = 0; i < START_POLLS; i++) {
    g_autoptr (JsonObject) info = NULL;

    info = control_call_op (uuid, "info", false, NULL);
    if (info != NULL)
      return true;
    g_usleep (G_USEC_PER_SEC / 10);
  }
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
               _ ("The application did not start the machine; its window says why."));
  return false;
}

static void
new_session_cb (gpointer unused)
{
  setsid ();
}

// Starts it in a process of its own, which outlives this one; returns when it runs or failed.
static bool
detach (const Bundle *bundle, bool fresh, GError **error)
{
  g_autoptr (GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_autofree char *self = g_file_read_link ("/proc/self/exe", error);
  g_autoptr (GSubprocess) child = NULL;
  g_autoptr (GDataInputStream) out = NULL, err = NULL;
  g_autofree char *line = NULL, *reason = NULL;

  if (self == NULL)
    return false;
  g_subprocess_launcher_set_child_setup (launcher, new_session_cb, NULL, NULL);
  child = g_subprocess_launcher_spawn (launcher, error, self, "serve", bundle->path,
                                       fresh ? "--fresh" : NULL, NULL);
  if (child == NULL)
    return false;
  out = g_data_input_stream_new (g_subprocess_get_stdout_pipe (child));
  line = g_data_input_stream_read_line (out, NULL, NULL, NULL);
  if (g_strcmp0 (line, "ok") == 0)
    return true;
  err = g_data_input_stream_new (g_subprocess_get_stderr_pipe (child));
  reason = g_data_input_stream_read_line (err, NULL, NULL, NULL);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s",
               reason != NULL && g_str_has_prefix (reason, "terrarium: ")
                   ? reason + strlen ("terrarium: ")
                   : _ ("The machine did not start."));
  return false;
}

static void
print_result (const Options *options, const Bundle *bundle)
{
  g_autoptr (JsonObject) object = NULL;
  g_autoptr (JsonNode) node = NULL;

  if (!options->json)
    return;
  object = describe (bundle);
  node = json_node_init_object (json_node_alloc (), object);
  print_json (node);
}

// `resume`: only from a saved state.
static int
start (const Options *options, bool resume)
{
  int status = CLI_OK, lock;
  g_autoptr (Bundle) bundle = find_named (options, false, &status);
  g_autoptr (GError) error = NULL;

  if (bundle == NULL)
    return status;
  // Only a look: who starts it takes the lock again.
  lock = bundle_lock (bundle, &error);
  if (lock < 0)
    return fail (error);
  SavedKind saved = saved_look (bundle, &error);
  close (lock);
  if (saved == SAVED_STALE && !options->fresh)
    return fail (error);
  g_clear_error (&error);
  if (resume && saved == SAVED_NONE) {
    g_autofree char *sentence = g_strdup_printf (
        _ ("“%s” has no saved state; “terrarium start” starts it."), bundle_get_name (bundle));

    return cli_fail (sentence);
  }
  if (hand_to_application (bundle->config->uuid, options->fresh)) {
    if (!wait_until_reachable (bundle->config->uuid, &error))
      return fail (error);
  } else if (!detach (bundle, options->fresh, &error)) {
    return fail (error);
  }
  print_result (options, bundle);
  return CLI_OK;
}

int
cli_start (int argc, char **argv)
{
  g_auto (Options) options = {0};

  if (!parse (argc, argv, _ ("start a machine, in the application if it runs"), 1, EXTRA_FRESH,
              &options))
    return CLI_USAGE;
  return start (&options, false);
}

int
cli_restore (int argc, char **argv)
{
  g_auto (Options) options = {0};

  if (!parse (argc, argv, _ ("let a saved machine go on"), 1, EXTRA_NONE, &options))
    return CLI_USAGE;
  return start (&options, true);
}

// ---- stop, pause, resume, save

static JsonObject *
ask_long (const char *uuid, const char *op, bool quiet, GError **error)
{
  g_autoptr (JsonObject) request = json_object_new ();

  json_object_set_string_member (request, "op", op);
  return ask_run (uuid, request, quiet, error);
}

static bool
wait_until_let_go (const Bundle *bundle)
{
  for (unsigned i = 0; i < END_POLLS && bundle_is_locked (bundle); i++)
    g_usleep (G_USEC_PER_SEC / 10);
  return !bundle_is_locked (bundle);
}

// A machine whose process ends with it may be gone before it has answered.
static bool
is_without_answer (const GError *error)
{
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED);
}

// What is on disk counts.
static bool
save (const Options *options, const Bundle *bundle, GError **error)
{
  g_autofree char *before = saved_dup_path (bundle);
  g_autoptr (GError) why = NULL;
  g_autoptr (JsonObject) reply = ask_long (bundle->config->uuid, "save", options->json, &why);

  if (reply == NULL && !is_without_answer (why)) {
    g_propagate_error (error, g_steal_pointer (&why));
    return false;
  }
  // What comes next may be to restore it.
  if (!wait_until_let_go (bundle)) {
    g_set_error (
        error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
        _ ("“%s” was saved, but its process still has it; look at that process (terrarium info)."),
        bundle_get_name (bundle));
    return false;
  }
  g_autofree char *after = saved_dup_path (bundle);
  if (reply != NULL || (after != NULL && g_strcmp0 (before, after) != 0))
    return true;
  g_propagate_error (error, g_steal_pointer (&why));
  return false;
}

// What comes next may be to start it.
static bool
pull_plug (const Bundle *bundle, GError **error)
{
  g_autoptr (GError) why = NULL;
  g_autoptr (JsonObject) reply = control_call_op (bundle->config->uuid, "stop", true, &why);

  if (reply == NULL && !is_without_answer (why)) {
    g_propagate_error (error, g_steal_pointer (&why));
    return false;
  }
  if (wait_until_let_go (bundle))
    return true;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
               _ ("“%s” was stopped, but its process still has it; look at that process (terrarium "
                  "info)."),
               bundle_get_name (bundle));
  return false;
}

static bool
carry_out (const Options *options, const Bundle *bundle, const char *op, GError **error)
{
  if (g_str_equal (op, "save"))
    return save (options, bundle, error);
  if (options->force)
    return pull_plug (bundle, error);
  g_autoptr (JsonObject) reply = control_call_op (bundle->config->uuid, op, false, error);
  return reply != NULL;
}

static int
operate (int argc, char **argv, const char *what, const char *op)
{
  g_auto (Options) options = {0};
  g_autoptr (Bundle) bundle = NULL;
  g_autoptr (GError) error = NULL;
  int status = CLI_OK;

  if (!parse (argc, argv, what, 1, g_str_equal (op, "stop") ? EXTRA_FORCE : EXTRA_NONE, &options))
    return CLI_USAGE;
  bundle = find_named (&options, false, &status);
  if (bundle == NULL)
    return status;
  if (!bundle_is_locked (bundle)) {
    g_autofree char *sentence = g_strdup_printf (
        _ ("“%s” is not running; “terrarium start” starts it."), bundle_get_name (bundle));

    return cli_fail (sentence);
  }
  if (!carry_out (&options, bundle, op, &error))
    return fail (error);
  print_result (&options, bundle);
  return CLI_OK;
}

int
cli_stop (int argc, char **argv)
{
  return operate (argc, argv, _ ("press a machine’s power button"), "stop");
}

int
cli_pause (int argc, char **argv)
{
  return operate (argc, argv, _ ("hold a machine"), "pause");
}

int
cli_resume (int argc, char **argv)
{
  return operate (argc, argv, _ ("let a held machine go on"), "resume");
}

int
cli_save (int argc, char **argv)
{
  return operate (argc, argv, _ ("save a machine’s state and end it"), "save");
}
