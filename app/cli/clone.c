// SPDX-License-Identifier: GPL-3.0-or-later
// terrarium clone|rename: see clone.h. Main thread; copying is done beside it (job.c).
#include "app/cli/clone.h"

#include <glib/gi18n.h>
#include <json-glib/json-glib.h>
#include <unistd.h>

#include "app/cli/complain.h"
#include "app/cli/job.h"
#include "app/model/change.h"
#include "app/model/clone.h"
#include "app/model/snapshots.h"

typedef struct Call {
  gboolean json, linked, full;
  char *snapshot;
  char **words; // the machine, a name
  char *root;
  Bundle *bundle;
  Bundle *clone;
  int lock; // -1: the machine runs
} Call;

static void
call_clear (Call *call)
{
  if (call->lock >= 0)
    close (call->lock);
  g_free (call->snapshot);
  g_strfreev (call->words);
  g_free (call->root);
  g_clear_pointer (&call->bundle, bundle_free);
  g_clear_pointer (&call->clone, bundle_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Call, call_clear)

static bool
parse (int argc, char **argv, const GOptionEntry *entries, const char *what, Call *call)
{
  g_autofree char *program = g_strdup_printf ("terrarium %s", argv[0]);
  g_autoptr (GOptionContext) context = g_option_context_new (_ ("MACHINE NAME"));
  g_autoptr (GError) error = NULL;

  g_option_context_add_main_entries (context, entries, GETTEXT_PACKAGE);
  g_option_context_set_summary (context, what);
  g_set_prgname (program);
  bool ok = g_option_context_parse (context, &argc, &argv, &error);
  g_set_prgname ("terrarium");
  if (!ok)
    cli_fail_usage (argv[0], error->message);
  else if (call->words == NULL || g_strv_length (call->words) != 2 || call->words[1][0] == '\0')
    cli_fail_usage (argv[0], _ ("Name a machine, and say what the name is to be."));
  else if (call->linked && call->full)
    cli_fail_usage (argv[0], _ ("A clone is either linked or complete, not both."));
  else
    return true;
  return false;
}

// The machine as it is on disk, and its lock: a snapshot of one that runs is at rest too.
static bool
find (Call *call, GError **error)
{
  g_autoptr (GError) why = NULL;

  call->root = bundle_dup_root ();
  call->bundle = bundle_find (call->root, call->words[0], error);
  if (call->bundle == NULL)
    return false;
  if (call->bundle->config == NULL) {
    g_propagate_error (error, g_error_copy (call->bundle->error));
    return false;
  }
  call->lock = bundle_lock_to_change (&call->bundle, &why);
  if (call->lock >= 0)
    return true;
  if (call->snapshot != NULL && g_error_matches (why, BUNDLE_ERROR, BUNDLE_ERROR_IN_USE))
    return true;
  g_propagate_error (error, g_steal_pointer (&why));
  return false;
}

static bool
check_name (const Call *call, GError **error)
{
  if (!bundle_is_name_taken (call->root, call->words[1], NULL))
    return true;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS,
               _ ("There is a machine called “%s” already; choose another name."), call->words[1]);
  return false;
}

// ---------------------------------------------------------------------------------------------
// clone

static bool
clone_work (void *data, const VmImageJob *job, GError **error)
{
  Call *call = data;
  const CloneOptions options = {.name = call->words[1],
                                .snapshot = call->snapshot,
                                .linked = call->linked,
                                .progress = job_tell,
                                .progress_data = (void *) job,
                                .cancellable = job->cancellable};

  // What a clone that was killed has left.
  bundle_clean (call->root);
  call->clone = machine_clone (call->bundle, call->root, &options, error);
  return call->clone != NULL;
}

static void
print_clone (const Call *call)
{
  g_autoptr (JsonObject) object = json_object_new ();

  json_object_set_string_member (object, "name", bundle_get_name (call->clone));
  json_object_set_string_member (object, "path", call->clone->path);
  if (call->clone->config != NULL)
    json_object_set_string_member (object, "uuid", call->clone->config->uuid);
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), object);
  g_autofree char *text = json_to_string (node, TRUE);
  g_print ("%s\n", text);
}

int
cli_clone (int argc, char **argv)
{
  g_auto (Call) call = {.lock = -1};
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
      {"linked", 0, 0, G_OPTION_ARG_NONE, &call.linked,
       N_ ("Share what is on the disks now, and keep only what changes"), NULL},
      {"full", 0, 0, G_OPTION_ARG_NONE, &call.full, N_ ("Copy the disks (that is done anyway)"),
       NULL},
      {"snapshot", 0, 0, G_OPTION_ARG_STRING, &call.snapshot,
       N_ ("As the machine was then, whether it runs now or not"), N_ ("SNAPSHOT")},
      {"json", 0, 0, G_OPTION_ARG_NONE, &call.json, N_ ("Print JSON"), NULL},
      {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &call.words, NULL, NULL},
      {0},
  };

  if (!parse (argc, argv, entries, _ ("make another machine of one"), &call))
    return CLI_USAGE;
  if (!find (&call, &error) || !check_name (&call, &error) ||
      (call.lock >= 0 && !snapshots_prepare (call.bundle, &error)) ||
      !job_run (clone_work, &call, call.json, &error))
    return cli_fail (error->message);
  if (call.json)
    print_clone (&call);
  return CLI_OK;
}

// ---------------------------------------------------------------------------------------------
// rename

int
cli_rename (int argc, char **argv)
{
  g_auto (Call) call = {.lock = -1};
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
      {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &call.words, NULL, NULL},
      {0},
  };

  if (!parse (argc, argv, entries, _ ("give a machine another name"), &call))
    return CLI_USAGE;
  if (!find (&call, &error))
    return cli_fail (error->message);
  const Change change = {.kind = CHANGE_NAME, .text = call.words[1]};
  return change_apply (call.bundle, &change, &error) ? CLI_OK : cli_fail (error->message);
}
