// SPDX-License-Identifier: GPL-3.0-or-later
// What the application remembers; see preferences.h. Main thread.
#include "app/gtk/preferences.h"

#define SCHEMA_ID "io.github.terrarium_vm.Terrarium"

// g_settings_new would end the program where there is no schema.
static GSettingsSchema *
find_schema (void)
{
  GSettingsSchemaSource *installed = g_settings_schema_source_get_default ();
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *folder = program ? g_path_get_dirname (program) : g_strdup (".");
  g_autofree char *beside = g_build_filename (folder, "..", "data", NULL);
  g_autoptr (GSettingsSchemaSource) built =
      g_settings_schema_source_new_from_directory (beside, installed, TRUE, NULL);
  GSettingsSchemaSource *source = built ? built : installed;

  return source ? g_settings_schema_source_lookup (source, SCHEMA_ID, TRUE) : NULL;
}

// NULL: nothing is remembered.
static GSettings *
make_settings (void)
{
  g_autoptr (GSettingsSchema) schema = find_schema ();

  return schema ? g_settings_new_full (schema, NULL, NULL) : NULL;
}

bool
preferences_take_first_start (void)
{
  g_autoptr (GSettings) settings = make_settings ();

  if (!settings || g_settings_get_boolean (settings, "computer-checked"))
    return false;
  g_settings_set_boolean (settings, "computer-checked", TRUE);
  return true;
}
