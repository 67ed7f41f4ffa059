// SPDX-License-Identifier: GPL-3.0-or-later
// The language of the program; see language.h.
#include "app/language.h"

#include <glib/gi18n.h>
#include <locale.h>

void
language_init (void)
{
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *folder = program != NULL ? g_path_get_dirname (program) : g_strdup (".");
  g_autofree char *built = g_build_filename (folder, "..", "po", NULL);
  g_autofree char *probe = g_build_filename (built, "zh_CN", "LC_MESSAGES", "terrarium.mo", NULL);

  setlocale (LC_ALL, "");
  bindtextdomain (GETTEXT_PACKAGE,
                  g_file_test (probe, G_FILE_TEST_EXISTS) ? built : TERRARIUM_LOCALE_DIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);
}
