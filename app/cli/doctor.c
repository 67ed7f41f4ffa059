// SPDX-License-Identifier: GPL-3.0-or-later
// terrarium doctor: see doctor.h. Main thread.
#include "app/cli/doctor.h"

#include <glib/gi18n.h>

#include "app/cli/complain.h"
#include "app/cli/renderer.h"
#include "app/model/checks.h"

static void
print_text (const GPtrArray *checks)
{
  // Translators: in front of what was checked; as long as these are in your language.
  const char *const marks[] = {
      [CHECK_OK] = _ ("fine   "),
      [CHECK_WARNING] = _ ("warning"),
      [CHECK_PROBLEM] = _ ("problem"),
  };

  for (unsigned i = 0; i < checks->len; i++) {
    const Check *check = checks->pdata[i];
    g_autofree char *text = cli_dup_printable (check->text);

    g_print ("%s  %s\n         %s\n", marks[check->verdict], check->title, text);
    if (check->remedy != NULL)
      g_print ("         %s\n", check->remedy);
    if (check->command != NULL)
      g_print ("           %s\n", check->command);
  }
}

static void
print_json (const GPtrArray *checks)
{
  g_autoptr (JsonNode) node = checks_to_json (checks);
  g_autofree char *text = json_to_string (node, TRUE);

  g_print ("%s\n", text);
}

int
cli_doctor (int argc, char **argv)
{
  gboolean json = FALSE;
  g_auto (GStrv) words = NULL;
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
      {"json", 0, 0, G_OPTION_ARG_NONE, &json, N_ ("Print JSON"), NULL},
      {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &words, NULL, NULL},
      {0},
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);

  g_option_context_set_translation_domain (context, GETTEXT_PACKAGE);
  g_option_context_add_main_entries (context, entries, GETTEXT_PACKAGE);
  g_option_context_set_summary (context, _ ("check whether this computer has what machines want"));
  g_set_prgname ("terrarium doctor");
  bool ok = g_option_context_parse (context, &argc, &argv, &error);
  g_set_prgname ("terrarium");
  if (!ok)
    return cli_fail_usage (argv[0], error->message);
  if (words != NULL)
    return cli_fail_usage (argv[0], _ ("Nothing is expected here but options."));
  g_autoptr (GPtrArray) checks = checks_run (CLI_RENDERER_PROGRAM);
  if (json)
    print_json (checks);
  else
    print_text (checks);
  if (checks_get_worst (checks) < CHECK_PROBLEM)
    return CLI_OK;
  return cli_fail (_ ("There is a problem with this computer; see what can be done about it."));
}
