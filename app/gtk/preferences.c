// SPDX-License-Identifier: GPL-3.0-or-later
// What the application remembers; see preferences.h. Main thread.
#include "app/gtk/preferences.h"

#include <string.h>

#define SCHEMA_ID     "io.github.terrarium_vm.Terrarium"
#define SHAPE_TYPE    "(iib)"
#define SHAPES_TYPE   "a{s" SHAPE_TYPE "}"
#define MACHINES_MAX  200
#define DIMENSION_MIN 100
#define DIMENSION_MAX 32767

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

// One of another version may lack a key, and asking for that would end the program too.
static bool
is_complete (GSettingsSchema *schema)
{
  static const char *const keys[] = {"computer-checked", "window-shape", "machine-window-shapes",
                                     "last-machine"};

  for (size_t i = 0; i < G_N_ELEMENTS (keys); i++)
    if (!g_settings_schema_has_key (schema, keys[i]))
      return false;
  return true;
}

GSettings *
preferences_new (void)
{
  g_autoptr (GSettingsSchema) schema = find_schema ();

  return schema && is_complete (schema) ? g_settings_new_full (schema, NULL, NULL) : NULL;
}

bool
preferences_take_first_start (GSettings *settings)
{
  if (!settings || g_settings_get_boolean (settings, "computer-checked"))
    return false;
  g_settings_set_boolean (settings, "computer-checked", TRUE);
  return true;
}

// ---------------------------------------------------------------------------------------------
// Windows

// Anybody can write settings.
static bool
is_sensible (const WindowShape *shape)
{
  return shape->width >= DIMENSION_MIN && shape->width <= DIMENSION_MAX &&
         shape->height >= DIMENSION_MIN && shape->height <= DIMENSION_MAX;
}

bool
preferences_get_shape (GSettings *settings, const char *machine, WindowShape *shape)
{
  gboolean maximized = FALSE, found = TRUE;

  if (!settings)
    return false;
  if (*machine) {
    g_autoptr (GVariant) all = g_settings_get_value (settings, "machine-window-shapes");
    found = g_variant_lookup (all, machine, SHAPE_TYPE, &shape->width, &shape->height, &maximized);
  } else {
    g_settings_get (settings, "window-shape", SHAPE_TYPE, &shape->width, &shape->height,
                    &maximized);
  }
  shape->maximized = maximized;
  return found && is_sensible (shape);
}

// The new one is the last; of very many the oldest are forgotten.
static GVariant *
replace (GVariant *all, const char *machine, const WindowShape *shape)
{
  gsize n = g_variant_n_children (all), skip = n >= MACHINES_MAX ? n - MACHINES_MAX + 1 : 0;
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE (SHAPES_TYPE));
  for (gsize i = skip; i < n; i++) {
    g_autoptr (GVariant) entry = g_variant_get_child_value (all, i);
    const char *key;
    g_variant_get_child (entry, 0, "&s", &key);
    if (strcmp (key, machine) != 0)
      g_variant_builder_add_value (&builder, entry);
  }
  g_variant_builder_add (&builder, "{s" SHAPE_TYPE "}", machine, shape->width, shape->height,
                         (gboolean) shape->maximized);
  return g_variant_builder_end (&builder);
}

void
preferences_set_shape (GSettings *settings, const char *machine, const WindowShape *shape)
{
  if (!settings || !is_sensible (shape))
    return;
  if (*machine) {
    g_autoptr (GVariant) all = g_settings_get_value (settings, "machine-window-shapes");
    g_settings_set_value (settings, "machine-window-shapes", replace (all, machine, shape));
  } else {
    g_settings_set (settings, "window-shape", SHAPE_TYPE, shape->width, shape->height,
                    (gboolean) shape->maximized);
  }
}

char *
preferences_dup_page (GSettings *settings)
{
  return settings ? g_settings_get_string (settings, "last-machine") : g_strdup ("");
}

void
preferences_set_page (GSettings *settings, const char *machine)
{
  if (settings)
    g_settings_set_string (settings, "last-machine", machine);
}
