// SPDX-License-Identifier: GPL-3.0-or-later
// terrarium memory NAME SIZE: the rest goes back to the host. What has come of it is in
// `terrarium info`. Main thread, without a main loop.
#include "app/cli/memory.h"

#include <glib/gi18n.h>
#include <json-glib/json-glib.h>

#include "app/cli/complain.h"
#include "app/cli/run-options.h"
#include "app/model/bundle.h"
#include "app/model/control.h"

static bool
ask (const char *name, uint64_t bytes, GError **error)
{
  g_autofree char *root = bundle_dup_root ();
  g_autoptr (Bundle) bundle = bundle_find (root, name, error);
  g_autoptr (JsonObject) request = json_object_new (), reply = NULL;

  if (bundle == NULL)
    return false;
  if (bundle->config == NULL) {
    g_propagate_error (error, g_error_copy (bundle->error));
    return false;
  }
  if (!bundle_is_locked (bundle)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                 _ ("“%s” is not running; “terrarium start” starts it."), bundle_get_name (bundle));
    return false;
  }
  json_object_set_string_member (request, "op", "memory");
  json_object_set_int_member (request, "bytes", (gint64) MIN (bytes, G_MAXINT64));
  reply = control_call (bundle->config->uuid, request, error);
  return reply != NULL;
}

int
cli_memory (int argc, char **argv)
{
  g_auto (GStrv) words = NULL;
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
      {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &words, NULL, NULL},
      {0},
  };
  g_autoptr (GOptionContext) context = g_option_context_new (_ ("NAME SIZE"));
  uint64_t bytes;

  g_option_context_add_main_entries (context, entries, GETTEXT_PACKAGE);
  g_option_context_set_summary (context,
                                _ ("let a running machine make do with SIZE of its memory"));
  g_set_prgname ("terrarium memory");
  bool ok = g_option_context_parse (context, &argc, &argv, &error);
  g_set_prgname ("terrarium");
  if (!ok)
    return cli_fail_usage (argv[0], error->message);
  if (words == NULL || g_strv_length (words) != 2)
    return cli_fail_usage (argv[0], _ ("Name a machine and a size, such as 512M."));
  if (!run_parse_size (words[1], &bytes, &error))
    return cli_fail_usage (argv[0], error->message);
  return ask (words[0], bytes, &error) ? CLI_OK : cli_fail (error->message);
}
