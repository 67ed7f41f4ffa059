// SPDX-License-Identifier: GPL-3.0-or-later
// The object manager of the machines; see service.h. Main thread.
#include "app/dbus/service.h"

#include "app/dbus/machine-object.h"
#include "app/dbus/search.h"

struct TerrariumService {
  TerrariumStore *store;
  char *path; // of the manager
  GDBusObjectManagerServer *manager;
  GHashTable *objects; // path by TerrariumMachine (owned)
  TerrariumSearch *search;
};

// What is no letter or digit of ASCII cannot be in a path.
static char *
dup_path (TerrariumService *service, TerrariumMachine *machine)
{
  const VmConfig *config = terrarium_machine_get_config (machine);
  const Bundle *bundle = terrarium_machine_get_bundle (machine);
  GString *path = g_string_new (service->path);
  const char *name = config ? config->uuid : bundle ? bundle->folder : "";

  g_string_append (path, config ? "/m_" : "/f_");
  for (const char *at = name; *at != '\0'; at++)
    g_string_append_c (path, g_ascii_isalnum (*at) ? *at : '_');
  return g_string_free (path, FALSE);
}

static void
add (TerrariumService *service, TerrariumMachine *machine)
{
  g_autofree char *path = dup_path (service, machine);
  g_autoptr (TerrariumBusObjectSkeleton) object = machine_object_new (path, machine);

  // A copied folder has the identifier of another.
  g_dbus_object_manager_server_export_uniquely (service->manager, G_DBUS_OBJECT_SKELETON (object));
  g_hash_table_insert (service->objects, g_object_ref (machine),
                       g_strdup (g_dbus_object_get_object_path (G_DBUS_OBJECT (object))));
}

static bool
is_there (GListModel *machines, gpointer machine)
{
  for (guint i = 0; i < g_list_model_get_n_items (machines); i++) {
    g_autoptr (GObject) other = g_list_model_get_item (machines, i);
    if (other == machine)
      return true;
  }
  return false;
}

static void
changed_cb (TerrariumService *service)
{
  GListModel *machines = terrarium_store_get_machines (service->store);
  gpointer machine, path;
  GHashTableIter iter;

  g_hash_table_iter_init (&iter, service->objects);
  while (g_hash_table_iter_next (&iter, &machine, &path)) {
    if (is_there (machines, machine))
      continue;
    g_dbus_object_manager_server_unexport (service->manager, path);
    g_hash_table_iter_remove (&iter);
  }
  for (guint i = 0; i < g_list_model_get_n_items (machines); i++) {
    g_autoptr (TerrariumMachine) one = g_list_model_get_item (machines, i);
    if (!g_hash_table_contains (service->objects, one))
      add (service, one);
  }
}

TerrariumService *
terrarium_service_new (GDBusConnection *bus, const char *path, TerrariumStore *store,
                       GApplication *application, GError **error)
{
  TerrariumSearch *search = terrarium_search_new (bus, path, store, application, error);
  TerrariumService *service;

  if (!search)
    return NULL;
  service = g_new0 (TerrariumService, 1);
  service->store = g_object_ref (store);
  service->search = search;
  service->path = g_strconcat (path, "/Machines", NULL);
  service->manager = g_dbus_object_manager_server_new (service->path);
  service->objects = g_hash_table_new_full (NULL, NULL, g_object_unref, g_free);
  g_signal_connect_swapped (terrarium_store_get_machines (store), "items-changed",
                            G_CALLBACK (changed_cb), service);
  changed_cb (service);
  g_dbus_object_manager_server_set_connection (service->manager, bus);
  return service;
}

void
terrarium_service_free (TerrariumService *service)
{
  if (!service)
    return;
  g_signal_handlers_disconnect_by_data (terrarium_store_get_machines (service->store), service);
  g_dbus_object_manager_server_set_connection (service->manager, NULL);
  g_object_unref (service->manager);
  g_hash_table_unref (service->objects);
  terrarium_search_free (service->search);
  g_object_unref (service->store);
  g_free (service->path);
  g_free (service);
}
