// SPDX-License-Identifier: GPL-3.0-or-later
// Searching for machines; see search.h. Main thread.
#include "app/dbus/search.h"

#include <string.h>

#include "shell-search.h"

#define ICON "io.github.terrarium_vm.Terrarium"

struct TerrariumSearch {
  ShellSearchProvider2 *skeleton;
  TerrariumStore *store;
  GApplication *application; // it has us
};

// Each of the words is in the name, whatever their case.
static bool
is_meant (TerrariumMachine *machine, const char *const *words)
{
  g_autofree char *name = g_utf8_casefold (terrarium_machine_get_name (machine), -1);

  for (; *words; words++) {
    g_autofree char *word = g_utf8_casefold (*words, -1);
    if (!strstr (name, word))
      return false;
  }
  return true;
}

// Of those whose identifiers are in `among`, unless that is NULL.
static char **
find (TerrariumSearch *search, const char *const *among, const char *const *words)
{
  GListModel *machines = terrarium_store_get_machines (search->store);
  g_autoptr (GStrvBuilder) found = g_strv_builder_new ();

  for (guint i = 0; i < g_list_model_get_n_items (machines); i++) {
    g_autoptr (TerrariumMachine) machine = g_list_model_get_item (machines, i);
    const VmConfig *config = terrarium_machine_get_config (machine);
    if (config && !terrarium_machine_is_creating (machine) && is_meant (machine, words) &&
        (!among || g_strv_contains (among, config->uuid)))
      g_strv_builder_add (found, config->uuid);
  }
  return g_strv_builder_end (found);
}

static gboolean
initial_cb (TerrariumSearch *search, GDBusMethodInvocation *invocation, const char *const *words)
{
  g_auto (GStrv) found = find (search, NULL, words);

  shell_search_provider2_complete_get_initial_result_set (search->skeleton, invocation,
                                                          (const char *const *) found);
  return TRUE;
}

static gboolean
subsearch_cb (TerrariumSearch *search, GDBusMethodInvocation *invocation,
              const char *const *previous, const char *const *words)
{
  g_auto (GStrv) found = find (search, previous, words);

  shell_search_provider2_complete_get_subsearch_result_set (search->skeleton, invocation,
                                                            (const char *const *) found);
  return TRUE;
}

static void
describe (GVariantBuilder *metas, TerrariumMachine *machine, const char *identifier)
{
  g_autoptr (GIcon) icon = g_themed_icon_new (ICON);
  g_autoptr (GVariant) serial = g_variant_take_ref (g_icon_serialize (icon));

  g_variant_builder_open (metas, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (metas, "{sv}", "id", g_variant_new_string (identifier));
  g_variant_builder_add (metas, "{sv}", "name",
                         g_variant_new_string (terrarium_machine_get_name (machine)));
  g_variant_builder_add (metas, "{sv}", "description",
                         g_variant_new_string (terrarium_machine_get_status (machine)));
  g_variant_builder_add (metas, "{sv}", "icon", serial);
  g_variant_builder_close (metas);
}

// Those that are gone are left out.
static gboolean
metas_cb (TerrariumSearch *search, GDBusMethodInvocation *invocation,
          const char *const *identifiers)
{
  GVariantBuilder metas;

  g_variant_builder_init (&metas, G_VARIANT_TYPE ("aa{sv}"));
  for (; *identifiers; identifiers++) {
    TerrariumMachine *machine = terrarium_store_find (search->store, *identifiers);
    if (machine)
      describe (&metas, machine, *identifiers);
  }
  shell_search_provider2_complete_get_result_metas (search->skeleton, invocation,
                                                    g_variant_builder_end (&metas));
  return TRUE;
}

static gboolean
activate_cb (TerrariumSearch *search, GDBusMethodInvocation *invocation, const char *identifier,
             const char *const *words, guint32 timestamp)
{
  g_action_group_activate_action (G_ACTION_GROUP (search->application), "start-machine",
                                  g_variant_new_string (identifier));
  shell_search_provider2_complete_activate_result (search->skeleton, invocation);
  return TRUE;
}

static gboolean
launch_cb (TerrariumSearch *search, GDBusMethodInvocation *invocation, const char *const *words,
           guint32 timestamp)
{
  g_application_activate (search->application);
  shell_search_provider2_complete_launch_search (search->skeleton, invocation);
  return TRUE;
}

TerrariumSearch *
terrarium_search_new (GDBusConnection *bus, const char *path, TerrariumStore *store,
                      GApplication *application, GError **error)
{
  static const struct {
    const char *signal;
    GCallback callback;
  } methods[] = {
      {"handle-get-initial-result-set", G_CALLBACK (initial_cb)},
      {"handle-get-subsearch-result-set", G_CALLBACK (subsearch_cb)},
      {"handle-get-result-metas", G_CALLBACK (metas_cb)},
      {"handle-activate-result", G_CALLBACK (activate_cb)},
      {"handle-launch-search", G_CALLBACK (launch_cb)},
  };
  g_autofree char *place = g_strconcat (path, "/SearchProvider", NULL);
  TerrariumSearch *search = g_new0 (TerrariumSearch, 1);

  search->skeleton = shell_search_provider2_skeleton_new ();
  search->store = g_object_ref (store);
  search->application = application;
  for (size_t i = 0; i < G_N_ELEMENTS (methods); i++)
    g_signal_connect_swapped (search->skeleton, methods[i].signal, methods[i].callback, search);
  if (g_dbus_interface_skeleton_export (G_DBUS_INTERFACE_SKELETON (search->skeleton), bus, place,
                                        error))
    return search;
  terrarium_search_free (search);
  return NULL;
}

void
terrarium_search_free (TerrariumSearch *search)
{
  GDBusInterfaceSkeleton *skeleton = G_DBUS_INTERFACE_SKELETON (search->skeleton);

  if (g_dbus_interface_skeleton_get_object_path (skeleton))
    g_dbus_interface_skeleton_unexport (skeleton);
  g_signal_handlers_disconnect_by_data (search->skeleton, search);
  g_object_unref (search->skeleton);
  g_object_unref (search->store);
  g_free (search);
}
