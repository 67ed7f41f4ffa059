// SPDX-License-Identifier: GPL-3.0-or-later
// terrarium snapshot …: snapshots of machines kept on disk. Those of a machine that runs are made by
// its own process, which is asked through its control socket. Main thread, without a main loop.
#include "app/cli/snapshot.h"

#include <glib/gi18n.h>
#include <json-glib/json-glib.h>
#include <unistd.h>

#include "app/cli/ask.h"
#include "app/cli/complain.h"
#include "app/cli/job.h"
#include "app/model/bundle.h"
#include "app/model/clone.h"
#include "app/model/control.h"
#include "app/model/snapshots.h"

typedef struct Call {
  gboolean json;
  Bundle *bundle;
  Snapshot *snapshot; // of verbs that name one
  const char *name;   // of verbs that give one
  int lock;           // -1: the machine runs
  GError *error;
} Call;

static void
call_clear (Call *call)
{
  if (call->lock >= 0)
    close (call->lock);
  g_clear_pointer (&call->bundle, bundle_free);
  g_clear_pointer (&call->snapshot, snapshot_free);
  g_clear_error (&call->error);
}

static JsonObject *
describe (const Snapshot *snapshot)
{
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "id", snapshot->id);
  json_object_set_string_member (object, "name", snapshot->name);
  if (snapshot->parent)
    json_object_set_string_member (object, "parent", snapshot->parent);
  json_object_set_int_member (object, "time", snapshot->time);
  json_object_set_boolean_member (object, "state", snapshot->has_state);
  json_object_set_boolean_member (object, "current", snapshot->current);
  json_object_set_int_member (object, "bytes", (gint64) snapshot->bytes);
  return object;
}

static void
print_line (const Snapshot *snapshot)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_local (snapshot->time);
  g_autofree char *when = time ? g_date_time_format (time, "%F %R") : g_strdup ("?");
  g_autofree char *size = g_format_size (snapshot->bytes);
  g_autofree char *name = cli_dup_printable (snapshot->name);

  g_print ("%.8s  %s  %10s  %-5s %*s%s%s\n", snapshot->id, when, size,
           snapshot->has_state ? _ ("state") : "", (int) snapshot->depth * 2, "", name,
           snapshot->current ? " *" : "");
}

static void
print_json (JsonNode *node)
{
  g_autofree char *text = json_to_string (node, TRUE);

  g_print ("%s\n", text);
}

static bool
list (Call *call)
{
  g_autoptr (GPtrArray) all = snapshots_list (call->bundle, &call->error);
  g_autoptr (JsonArray) array = json_array_new ();

  for (unsigned i = 0; all && i < all->len; i++) {
    json_array_add_object_element (array, describe (all->pdata[i]));
    if (!call->json)
      print_line (all->pdata[i]);
  }
  if (all && call->json) {
    g_autoptr (JsonNode) node = json_node_init_array (json_node_alloc (), array);
    print_json (node);
  }
  return all != NULL;
}

// The machine's own process does it.
static bool
ask (Call *call, const char *op)
{
  g_autoptr (JsonObject) request = json_object_new ();
  g_autoptr (JsonObject) reply = NULL;

  json_object_set_string_member (request, "op", op);
  if (call->snapshot)
    json_object_set_string_member (request, "id", call->snapshot->id);
  if (call->name)
    json_object_set_string_member (request, "name", call->name);
  reply = ask_run (call->bundle->config->uuid, request, call->json, &call->error);
  return reply != NULL;
}

static bool
take (Call *call)
{
  if (call->lock < 0)
    return ask (call, "snapshot-take");
  g_autofree char *id = snapshots_prepare (call->bundle, &call->error)
                            ? snapshots_take (call->bundle, call->name, &call->error)
                            : NULL;
  return id != NULL;
}

static bool
restore (Call *call)
{
  if (call->lock >= 0)
    return snapshots_go_back (call->bundle, call->snapshot->id, &call->error);
  g_set_error (&call->error, BUNDLE_ERROR, BUNDLE_ERROR_IN_USE,
               _ ("“%s” is running; stop it first (terrarium stop)."),
               bundle_get_name (call->bundle));
  return false;
}

// The work's thread.
static bool
delete_work (void *data, const VmImageJob *job, GError **error)
{
  Call *call = data;

  return snapshots_delete (call->bundle, call->snapshot->id, true, job, error);
}

static bool delete (Call *call)
{
  return call->lock < 0 ? ask (call, "snapshot-delete")
                        : job_run (delete_work, call, call->json, &call->error);
}

static bool
rename_it (Call *call)
{
  return call->lock < 0
             ? ask (call, "snapshot-rename")
             : snapshots_rename (call->bundle, call->snapshot->id, call->name, &call->error);
}

static bool
clone_work (void *data, const VmImageJob *job, GError **error)
{
  Call *call = data;
  g_autofree char *root = bundle_dup_root ();
  const CloneOptions options = {.name = call->name,
                                .snapshot = call->snapshot->id,
                                .progress = job_tell,
                                .progress_data = (void *) job,
                                .cancellable = job->cancellable};
  g_autoptr (Bundle) clone = machine_clone (call->bundle, root, &options, error);

  return clone != NULL;
}

static bool
clone_it (Call *call)
{
  return job_run (clone_work, call, call->json, &call->error);
}

static const struct Verb {
  const char *name;
  bool with_snapshot, with_name;
  bool (*run) (Call *call);
  const char *arguments, *what;
} verbs[] = {
    {"take", false, true, take, N_ ("MACHINE NAME"), N_ ("keep a machine as it is")},
    {"list", false, false, list, N_ ("MACHINE"), N_ ("show a machine’s snapshots")},
    {"restore", true, false, restore, N_ ("MACHINE SNAPSHOT"),
     N_ ("go back to a snapshot; what the machine has become since is lost")},
    {"delete", true, false, delete, N_ ("MACHINE SNAPSHOT"), N_ ("delete a snapshot")},
    {"rename", true, true, rename_it, N_ ("MACHINE SNAPSHOT NAME"), N_ ("rename a snapshot")},
    {"clone", true, true, clone_it, N_ ("MACHINE SNAPSHOT NAME"),
     N_ ("make another machine of a snapshot’s disks")},
};

static bool
find_all (Call *call, const struct Verb *verb, char **words)
{
  g_autofree char *root = bundle_dup_root ();

  call->bundle = bundle_find (root, words[0], &call->error);
  if (!call->bundle)
    return false;
  if (!call->bundle->config) {
    call->error = g_error_copy (call->bundle->error);
    return false;
  }
  if (verb->with_snapshot &&
      !(call->snapshot = snapshots_find (call->bundle, words[1], &call->error)))
    return false;
  call->name = verb->with_name ? words[verb->with_snapshot ? 2 : 1] : NULL;
  g_autoptr (GError) error = NULL;
  call->lock = bundle_lock_to_change (&call->bundle, &error);
  if (call->lock < 0 && !g_error_matches (error, BUNDLE_ERROR, BUNDLE_ERROR_IN_USE)) {
    call->error = g_steal_pointer (&error);
    return false;
  }
  return true;
}

static int
run (const struct Verb *verb, int argc, char **argv)
{
  Call call = {.lock = -1};
  g_auto (GStrv) words = NULL;
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
      {"json", 0, 0, G_OPTION_ARG_NONE, &call.json, N_ ("Print JSON"), NULL},
      {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &words, NULL, NULL},
      {0},
  };
  g_autofree char *program = g_strdup_printf ("terrarium snapshot %s", verb->name);
  g_autoptr (GOptionContext) context = g_option_context_new (_ (verb->arguments));

  g_option_context_add_main_entries (context, entries, GETTEXT_PACKAGE);
  g_option_context_set_summary (context, _ (verb->what));
  g_set_prgname (program);
  bool ok = g_option_context_parse (context, &argc, &argv, &error);
  g_set_prgname ("terrarium");
  if (!ok)
    return cli_fail_usage ("snapshot", error->message);
  if ((words ? g_strv_length (words) : 0) != 1u + verb->with_snapshot + verb->with_name) {
    g_autofree char *sentence =
        g_strdup_printf (_ ("“%s” needs: %s"), program, _ (verb->arguments));
    return cli_fail_usage ("snapshot", sentence);
  }
  ok = find_all (&call, verb, words) && verb->run (&call);
  int status = ok ? CLI_OK : cli_fail (call.error->message);
  if (ok && call.json && verb->run != list)
    list (&call);
  call_clear (&call);
  return status;
}

int
cli_snapshot (int argc, char **argv)
{
  for (unsigned i = 0; argc > 1 && i < G_N_ELEMENTS (verbs); i++)
    if (g_str_equal (argv[1], verbs[i].name))
      return run (&verbs[i], argc - 1, argv + 1);
  if (argc == 2 && (g_str_equal (argv[1], "--help") || g_str_equal (argv[1], "-h"))) {
    for (unsigned i = 0; i < G_N_ELEMENTS (verbs); i++)
      g_print ("  terrarium snapshot %s %-24s %s\n", verbs[i].name, _ (verbs[i].arguments),
               _ (verbs[i].what));
    return CLI_OK;
  }
  return cli_fail_usage ("snapshot", _ ("Say what to do: take, list, restore, delete, rename or "
                                        "clone."));
}
