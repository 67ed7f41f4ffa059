// SPDX-License-Identifier: GPL-3.0-or-later
// See system.h. Discs are recognized by their volume descriptors, which were read already; disks by
// their file's name, which is all the database could go by.
#include "app/medium/system.h"

#include <osinfo/osinfo.h>
#include <string.h>

static OsinfoDb *
load_database (OsinfoLoader *loader)
{
  g_autoptr (GError) error = NULL;

  osinfo_loader_process_default_path (loader, &error);
  if (error)
    g_debug ("The database of systems: %s", error->message);
  return osinfo_loader_get_db (loader);
}

// ---------------------------------------------------------------------------------------------
// Discs

static void
set_text (OsinfoMedia *media, const char *key, const char *value)
{
  if (value)
    osinfo_entity_set_param (OSINFO_ENTITY (media), key, value);
}

static OsinfoOs *
find_by_disc (OsinfoDb *database, const Medium *medium)
{
  g_autoptr (OsinfoMedia) media = osinfo_media_new (medium->path, NULL);

  set_text (media, OSINFO_MEDIA_PROP_VOLUME_ID, medium->volume_id);
  set_text (media, OSINFO_MEDIA_PROP_SYSTEM_ID, medium->system_id);
  set_text (media, OSINFO_MEDIA_PROP_PUBLISHER_ID, medium->publisher_id);
  set_text (media, OSINFO_MEDIA_PROP_APPLICATION_ID, medium->application_id);
  osinfo_entity_set_param_int64 (OSINFO_ENTITY (media), OSINFO_MEDIA_PROP_VOLUME_SIZE,
                                 (gint64) MIN (medium->volume_bytes, G_MAXINT64));
  return osinfo_db_identify_media (database, media) ? osinfo_media_get_os (media) : NULL;
}

// ---------------------------------------------------------------------------------------------
// Disks

// Lower case, without what words are joined by.
static char *
normalize (const char *name)
{
  GString *text = g_string_new (NULL);

  for (const char *c = name; *c; c++)
    if (!strchr ("-_ ", *c))
      g_string_append_c (text, g_ascii_tolower (*c));
  return g_string_free (text, FALSE);
}

// How much of the file's name is the system's short name; "debian1" is none of "debian12".
static size_t
match (const char *file, const char *short_id)
{
  g_autofree char *id = normalize (short_id);
  size_t length = strlen (id);

  return length > 0 && strncmp (file, id, length) == 0 && !g_ascii_isdigit (file[length]) &&
                 !(file[length] == '.' && g_ascii_isdigit (file[length + 1]))
             ? length
             : 0;
}

static OsinfoOs *
find_by_file (OsinfoDb *database, const Medium *medium)
{
  g_autofree char *base = g_path_get_basename (medium->path);
  g_autofree char *file = normalize (base);
  g_autoptr (OsinfoOsList) all = osinfo_db_get_os_list (database);
  OsinfoOs *best = NULL;
  size_t best_length = 0;

  for (int i = 0; i < osinfo_list_get_length (OSINFO_LIST (all)); i++) {
    OsinfoOs *os = OSINFO_OS (osinfo_list_get_nth (OSINFO_LIST (all), i));
    const char *id = osinfo_product_get_short_id (OSINFO_PRODUCT (os));
    size_t length = id ? match (file, id) : 0;
    if (length > best_length) {
      best = os;
      best_length = length;
    }
  }
  return best ? g_object_ref (best) : NULL;
}

// ---------------------------------------------------------------------------------------------
// Advice

static uint64_t
positive (gint64 value)
{
  return value > 0 ? (uint64_t) value : 0;
}

// Advice for all processors, and what is different for ours.
static void
take_resources (SystemAdvice *advice, OsinfoResourcesList *list)
{
  for (int i = 0; i < osinfo_list_get_length (OSINFO_LIST (list)); i++) {
    OsinfoResources *one = OSINFO_RESOURCES (osinfo_list_get_nth (OSINFO_LIST (list), i));
    const char *arch = osinfo_resources_get_architecture (one);
    if (g_strcmp0 (arch, "all") != 0 && g_strcmp0 (arch, "aarch64") != 0)
      continue;
    advice->memory_bytes = MAX (advice->memory_bytes, positive (osinfo_resources_get_ram (one)));
    advice->disk_bytes = MAX (advice->disk_bytes, positive (osinfo_resources_get_storage (one)));
    advice->cpus = MAX (advice->cpus, (unsigned) positive (osinfo_resources_get_n_cpus (one)));
  }
}

SystemAdvice *
system_advise (const Medium *medium)
{
  SystemAdvice *advice = g_new0 (SystemAdvice, 1);
  if (medium->kind == MEDIUM_KERNEL)
    return advice;
  g_autoptr (OsinfoLoader) loader = osinfo_loader_new ();
  OsinfoDb *database = load_database (loader);
  g_autoptr (OsinfoOs) os = medium->kind == MEDIUM_DISC ? find_by_disc (database, medium)
                                                        : find_by_file (database, medium);
  if (!os)
    return advice;
  g_autoptr (OsinfoResourcesList) minimum = osinfo_os_get_minimum_resources (os);
  g_autoptr (OsinfoResourcesList) recommended = osinfo_os_get_recommended_resources (os);
  advice->name = g_strdup (osinfo_product_get_name (OSINFO_PRODUCT (os)));
  take_resources (advice, minimum);
  take_resources (advice, recommended);
  return advice;
}
