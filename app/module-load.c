// SPDX-License-Identifier: GPL-3.0-or-later
// Loading the GTK application's module: from gtk/ beside the executable (the build tree), else from
// where it is installed. Main thread.
#include "app/module-load.h"

#include <glib/gi18n.h>
#include <gmodule.h>

#include "app/cli/complain.h"
#include "app/module.h"

static char *
executable_folder (void)
{
  g_autofree char *path = g_file_read_link ("/proc/self/exe", NULL);

  return path != NULL ? g_path_get_dirname (path) : g_strdup (".");
}

G_GNUC_PRINTF (1, 0)
static void
fail (const char *format, const char *what)
{
  g_autofree char *sentence = g_strdup_printf (format, what);

  cli_fail (sentence);
}

static GModule *
open_module (void)
{
  g_autofree char *folder = executable_folder ();
  g_autofree char *beside = g_build_filename (folder, "gtk", TERRARIUM_MODULE_NAME, NULL);
  g_autofree char *installed = g_build_filename (TERRARIUM_MODULE_DIR, TERRARIUM_MODULE_NAME, NULL);
  const char *path = g_file_test (beside, G_FILE_TEST_EXISTS) ? beside : installed;

  if (!g_file_test (path, G_FILE_TEST_EXISTS)) {
    fail (_ ("The windows are not installed (%s is missing)."), path);
    return NULL;
  }
  GModule *module = g_module_open (path, G_MODULE_BIND_LAZY);
  if (module == NULL)
    fail (_ ("The windows cannot be shown: %s."), g_module_error ());
  return module;
}

// The module stays loaded: GTK cannot be unloaded.
static void *
find_symbol (const char *name)
{
  GModule *module = open_module ();
  void *symbol = NULL;

  if (module != NULL && !g_module_symbol (module, name, &symbol))
    fail (_ ("The windows cannot be shown: %s."), g_module_error ());
  return symbol;
}

int
module_run_application (int argc, char **argv)
{
  TerrariumAppMain run = (TerrariumAppMain) find_symbol ("terrarium_app_main");

  return run != NULL ? run (argc, argv) : 1;
}

int
module_run_machine (const VmConfig *config)
{
  TerrariumAppRunMachine run = (TerrariumAppRunMachine) find_symbol ("terrarium_app_run_machine");

  return run != NULL ? run (config) : 1;
}
