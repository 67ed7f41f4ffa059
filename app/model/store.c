// SPDX-License-Identifier: GPL-3.0-or-later
// TerrariumStore: all machines of this person. Main thread; bundles are made on a worker.
#include "app/model/store.h"

#include <glib/gi18n.h>
#include <string.h>
#include <unistd.h>

#include "app/model/adopt.h"
#include "app/model/clone.h"
#include "app/model/snapshots.h"

#define PROGRESS_INTERVAL_MS 100

struct _TerrariumStore {
  GObject parent;

  char *root;
  GListStore *machines;
  GHashTable *removed; // folders taken out of the list that may come back
};

G_DEFINE_FINAL_TYPE (TerrariumStore, terrarium_store, G_TYPE_OBJECT)

enum { RUNNING_CHANGED, N_SIGNALS };
static guint signals[N_SIGNALS];

static int
compare_machines (gconstpointer a, gconstpointer b, gpointer user_data)
{
  return g_utf8_collate (terrarium_machine_get_name ((TerrariumMachine *) a),
                         terrarium_machine_get_name ((TerrariumMachine *) b));
}

static void
vm_changed_cb (TerrariumStore *store)
{
  g_signal_emit (store, signals[RUNNING_CHANGED], 0);
}

static void
add (TerrariumStore *store, TerrariumMachine *machine)
{
  g_signal_connect_object (machine, "notify::vm", G_CALLBACK (vm_changed_cb), store,
                           G_CONNECT_SWAPPED);
  g_list_store_insert_sorted (store->machines, machine, compare_machines, NULL);
}

static void
take_out (TerrariumStore *store, TerrariumMachine *machine)
{
  guint position;

  g_signal_handlers_disconnect_by_data (machine, store);
  if (g_list_store_find (store->machines, machine, &position))
    g_list_store_remove (store->machines, position);
}

static void
terrarium_store_finalize (GObject *object)
{
  TerrariumStore *store = TERRARIUM_STORE (object);

  g_clear_object (&store->machines);
  g_hash_table_unref (store->removed);
  g_free (store->root);
  G_OBJECT_CLASS (terrarium_store_parent_class)->finalize (object);
}

static void
terrarium_store_class_init (TerrariumStoreClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = terrarium_store_finalize;
  signals[RUNNING_CHANGED] = g_signal_new ("running-changed", TERRARIUM_TYPE_STORE,
                                           G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
terrarium_store_init (TerrariumStore *store)
{
  store->machines = g_list_store_new (TERRARIUM_TYPE_MACHINE);
  store->removed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

GListModel *
terrarium_store_get_machines (TerrariumStore *store)
{
  return G_LIST_MODEL (store->machines);
}

// The list keeps the machine alive after the reference of get_item is dropped.
static TerrariumMachine *
peek (TerrariumStore *store, guint position)
{
  g_autoptr (TerrariumMachine) machine =
      g_list_model_get_item (G_LIST_MODEL (store->machines), position);

  return machine;
}

static bool
is_meant (TerrariumMachine *machine, const char *which)
{
  const Bundle *bundle = terrarium_machine_get_bundle (machine);
  const VmConfig *config = terrarium_machine_get_config (machine);
  if (!bundle)
    return false;
  g_autofree char *folder = g_path_get_basename (bundle->path);

  return strcmp (folder, which) == 0 || (config && strcmp (config->uuid, which) == 0);
}

TerrariumMachine *
terrarium_store_find (TerrariumStore *store, const char *which)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (store->machines));

  for (guint i = 0; i < n; i++) {
    if (is_meant (peek (store, i), which))
      return peek (store, i);
  }
  return NULL;
}

void
terrarium_store_rescan (TerrariumStore *store)
{
  if (!store->root)
    return;
  g_autoptr (GPtrArray) bundles = bundle_scan (store->root);

  while (bundles->len > 0) {
    Bundle *bundle = g_ptr_array_steal_index (bundles, 0);
    g_autofree char *folder = g_path_get_basename (bundle->path);
    if (terrarium_store_find (store, folder) || g_hash_table_contains (store->removed, folder)) {
      bundle_free (bundle);
      continue;
    }
    g_autoptr (TerrariumMachine) machine = terrarium_machine_new_for_bundle (bundle);
    add (store, machine);
  }
}

TerrariumStore *
terrarium_store_new (const char *root)
{
  TerrariumStore *store = g_object_new (TERRARIUM_TYPE_STORE, NULL);

  store->root = g_strdup (root);
  terrarium_store_rescan (store);
  return store;
}

unsigned
terrarium_store_count_running (TerrariumStore *store)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (store->machines));
  unsigned running = 0;

  for (guint i = 0; i < n; i++)
    running += terrarium_machine_get_vm (peek (store, i)) != NULL;
  return running;
}

void
terrarium_store_add (TerrariumStore *store, TerrariumMachine *machine)
{
  add (store, machine);
}

void
terrarium_store_perform_on_running (TerrariumStore *store, VmOp op)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (store->machines));

  for (guint i = 0; i < n; i++) {
    TerrariumMachine *machine = peek (store, i);
    if (terrarium_machine_get_vm (machine))
      terrarium_machine_perform (machine, op);
  }
}

bool
terrarium_store_can_save_running (TerrariumStore *store)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (store->machines));

  for (guint i = 0; i < n; i++) {
    TerrariumMachine *machine = peek (store, i);
    if (terrarium_machine_get_vm (machine) && !terrarium_machine_can_save (machine))
      return false;
  }
  return true;
}

void
terrarium_store_save_running (TerrariumStore *store)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (store->machines));

  for (guint i = 0; i < n; i++)
    terrarium_machine_save (peek (store, i));
}

char *
terrarium_store_dup_on_close (TerrariumStore *store)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (store->machines));
  g_autofree char *all = NULL;

  for (guint i = 0; i < n; i++) {
    Bundle *bundle = terrarium_machine_get_bundle (peek (store, i));
    if (!terrarium_machine_get_vm (peek (store, i)))
      continue;
    g_autofree char *one = bundle ? bundle_dup_on_close (bundle) : g_strdup ("ask");
    if (all && !g_str_equal (all, one))
      return g_strdup ("ask");
    if (!all)
      all = g_steal_pointer (&one);
  }
  return all ? g_steal_pointer (&all) : g_strdup ("ask");
}

void
terrarium_store_set_on_close (TerrariumStore *store, const char *what)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (store->machines));

  for (guint i = 0; i < n; i++) {
    Bundle *bundle = terrarium_machine_get_bundle (peek (store, i));
    g_autoptr (GError) error = NULL;
    if (bundle && terrarium_machine_get_vm (peek (store, i)) &&
        !bundle_set_on_close (bundle, what, &error))
      g_message ("%s", error->message);
  }
}

// ---------------------------------------------------------------------------------------------
// Creation

typedef struct Work {
  char *root;
  char *source; // folder of the machine that it is a clone of; NULL: none
  VmConfig *config;
  bool disks_in_place, linked;
  uint64_t new_disk_bytes, grow_bytes;
  TerrariumMachine *machine; // main thread
  int permille;              // atomic
  guint timer;               // main thread
} Work;

static void
work_free (Work *work)
{
  g_free (work->root);
  g_free (work->source);
  vm_config_free (work->config);
  g_clear_object (&work->machine);
  g_free (work);
}

// Worker.
static void
progress_cb (double fraction, void *data)
{
  Work *work = data;

  g_atomic_int_set (&work->permille, (int) (fraction * 1000));
}

// Worker. What is asked for beside the configuration.
static bool
finish_disks (const Work *work, Bundle *bundle, GError **error)
{
  return (work->grow_bytes == 0 || bundle_grow_disk (bundle, work->grow_bytes, error)) &&
         (work->new_disk_bytes == 0 || bundle_add_disk (bundle, work->new_disk_bytes, error));
}

// Worker.
static Bundle *
make_bundle (Work *work, GCancellable *cancellable, GError **error)
{
  Bundle *bundle = bundle_create (work->root, work->config, work->disks_in_place, progress_cb, work,
                                  cancellable, error);

  if (bundle && !finish_disks (work, bundle, error))
    bundle_discard (g_steal_pointer (&bundle));
  return bundle;
}

// Worker.
static Bundle *
clone_bundle (Work *work, Bundle *source, GCancellable *cancellable, GError **error)
{
  const CloneOptions options = {.name = work->config->name,
                                .linked = work->linked,
                                .progress = progress_cb,
                                .progress_data = work,
                                .cancellable = cancellable};

  if (source->config)
    return snapshots_prepare (source, error) ? machine_clone (source, work->root, &options, error)
                                             : NULL;
  g_propagate_error (error, g_error_copy (source->error));
  return NULL;
}

// Worker. What a machine is cloned from must not run meanwhile.
static Bundle *
lock_and_clone (Work *work, GCancellable *cancellable, GError **error)
{
  const Bundle place = {.path = work->source, .folder = work->source};
  int lock = bundle_lock (&place, error);

  if (lock < 0)
    return NULL;
  g_autoptr (Bundle) source = bundle_load (work->source);
  Bundle *clone = clone_bundle (work, source, cancellable, error);
  close (lock);
  return clone;
}

// Worker.
static void
work_cb (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Work *work = task_data;
  GError *error = NULL;
  Bundle *bundle = work->source ? lock_and_clone (work, cancellable, &error)
                                : make_bundle (work, cancellable, &error);

  if (bundle)
    g_task_return_pointer (task, bundle, (GDestroyNotify) bundle_free);
  else
    g_task_return_error (task, error);
}

static gboolean
poll_cb (gpointer user_data)
{
  Work *work = user_data;

  terrarium_machine_set_progress (work->machine, g_atomic_int_get (&work->permille) / 1000.0);
  return G_SOURCE_CONTINUE;
}

// Takes `work`, which has all but what this sets.
static void
begin (TerrariumStore *store, Work *work, GAsyncReadyCallback callback, void *user_data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GTask) task = g_task_new (store, cancellable, callback, user_data);

  work->root = g_strdup (store->root);
  work->machine = terrarium_machine_new_creating (work->config, cancellable);
  work->timer = g_timeout_add (PROGRESS_INTERVAL_MS, poll_cb, work);
  add (store, work->machine);
  g_task_set_task_data (task, work, (GDestroyNotify) work_free);
  // A bundle that was finished in spite of a late cancellation is a machine like any other.
  g_task_set_check_cancellable (task, FALSE);
  g_task_run_in_thread (task, work_cb);
}

void
terrarium_store_create_async (TerrariumStore *store, const TerrariumCreation *creation,
                              GAsyncReadyCallback callback, void *user_data)
{
  Work *work = g_new0 (Work, 1);

  work->config = vm_config_copy (creation->config);
  work->disks_in_place = creation->disks_in_place;
  work->new_disk_bytes = creation->new_disk_bytes;
  work->grow_bytes = creation->grow_bytes;
  begin (store, work, callback, user_data);
}

void
terrarium_store_duplicate_async (TerrariumStore *store, TerrariumMachine *machine, bool linked,
                                 GAsyncReadyCallback callback, void *user_data)
{
  const VmConfig *config = terrarium_machine_get_config (machine);
  g_autofree char *name = g_strdup_printf (_ ("%s (Copy)"), config->name);
  Work *work = g_new0 (Work, 1);

  work->config = vm_config_copy_as_new (config, name);
  work->source = g_strdup (terrarium_machine_get_bundle (machine)->path);
  work->linked = linked;
  begin (store, work, callback, user_data);
}

TerrariumMachine *
terrarium_store_create_finish (TerrariumStore *store, GAsyncResult *result, GError **error)
{
  Work *work = g_task_get_task_data (G_TASK (result));
  Bundle *bundle = g_task_propagate_pointer (G_TASK (result), error);

  g_clear_handle_id (&work->timer, g_source_remove);
  if (!bundle) {
    take_out (store, work->machine);
    return NULL;
  }
  // A scan just now may have found it already.
  g_autofree char *folder = g_path_get_basename (bundle->path);
  TerrariumMachine *found = terrarium_store_find (store, folder);
  if (found)
    take_out (store, found);
  terrarium_machine_finish_creating (work->machine, bundle);
  return work->machine;
}

// ---------------------------------------------------------------------------------------------
// Machines that are elsewhere

typedef struct Adoption {
  char *root, *path;
  bool agreed;
} Adoption;

static void
adoption_free (Adoption *adoption)
{
  g_free (adoption->root);
  g_free (adoption->path);
  g_free (adoption);
}

// Worker. The folder's name; NULL without an error: it is no machine.
static void
adopt_cb (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  const Adoption *adoption = task_data;
  GError *error = NULL;
  bool folder = g_file_test (adoption->path, G_FILE_TEST_IS_DIR);
  // A window of one machine has no library.
  bool meant = adoption->root && (folder || adopt_is_machine (adoption->path));
  char *name =
      meant ? adopt_machine (adoption->root, adoption->path, adoption->agreed, &error) : NULL;

  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_pointer (task, name, g_free);
}

void
terrarium_store_adopt_async (TerrariumStore *store, const char *path, bool agreed,
                             GAsyncReadyCallback callback, void *user_data)
{
  g_autoptr (GTask) task = g_task_new (store, NULL, callback, user_data);
  Adoption *adoption = g_new0 (Adoption, 1);

  *adoption = (Adoption){g_strdup (store->root), g_strdup (path), agreed};
  g_task_set_task_data (task, adoption, (GDestroyNotify) adoption_free);
  g_task_run_in_thread (task, adopt_cb);
}

TerrariumMachine *
terrarium_store_adopt_finish (TerrariumStore *store, GAsyncResult *result, GError **error)
{
  g_autoptr (GError) why = NULL;
  g_autofree char *name = g_task_propagate_pointer (G_TASK (result), &why);
  TerrariumMachine *machine;

  if (!name) {
    if (why)
      g_propagate_error (error, g_steal_pointer (&why));
    return NULL;
  }
  terrarium_store_rescan (store);
  machine = terrarium_store_find (store, name);
  if (!machine)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                 _ ("“%s” is on its way to the Trash; undo that first."), name);
  return machine;
}

// ---------------------------------------------------------------------------------------------
// Removal

static char *
dup_folder (TerrariumMachine *machine)
{
  return g_path_get_basename (terrarium_machine_get_bundle (machine)->path);
}

void
terrarium_store_remove (TerrariumStore *store, TerrariumMachine *machine)
{
  g_hash_table_add (store->removed, dup_folder (machine));
  take_out (store, machine);
}

void
terrarium_store_take_back (TerrariumStore *store, TerrariumMachine *machine)
{
  g_autofree char *folder = dup_folder (machine);

  g_hash_table_remove (store->removed, folder);
  add (store, machine);
}

bool
terrarium_store_put_in_trash (TerrariumStore *store, TerrariumMachine *machine, GError **error)
{
  g_autofree char *folder = dup_folder (machine);

  g_hash_table_remove (store->removed, folder);
  if (bundle_trash (terrarium_machine_get_bundle (machine), error))
    return true;
  add (store, machine);
  return false;
}
