// SPDX-License-Identifier: GPL-3.0-or-later
// TerrariumStore: all machines of this person, read from the bundles on disk. Main thread.
#pragma once

#include "app/model/machine.h"

#define TERRARIUM_TYPE_STORE (terrarium_store_get_type ())
G_DECLARE_FINAL_TYPE (TerrariumStore, terrarium_store, TERRARIUM, STORE, GObject)

// Signal "running-changed": a machine started or stopped. Reads the bundles below `root` at once;
// NULL: there are none and none can be made. What is left of creations that were cut short is for
// whoever is the only application to remove (bundle_clean).
TerrariumStore *terrarium_store_new (const char *root);

// Of TerrariumMachine, sorted by name.
GListModel *terrarium_store_get_machines (TerrariumStore *store);
// By the folder's name or the machine's uuid; NULL when there is none. Borrowed.
TerrariumMachine *terrarium_store_find (TerrariumStore *store, const char *which);
// Adds bundles that others made since.
void terrarium_store_rescan (TerrariumStore *store);
// How many are running or on their way.
unsigned terrarium_store_count_running (TerrariumStore *store);

void terrarium_store_perform_on_running (TerrariumStore *store, VmOp op);
// Whether all that run can be saved, and doing it.
bool terrarium_store_can_save_running (TerrariumStore *store);
void terrarium_store_save_running (TerrariumStore *store);
// What all that run are to become when the window closes (bundle.h): "ask" unless they agree.
char *terrarium_store_dup_on_close (TerrariumStore *store);
void terrarium_store_set_on_close (TerrariumStore *store, const char *what);
// For a machine without a bundle.
void terrarium_store_add (TerrariumStore *store, TerrariumMachine *machine);

// What to make beside the configuration.
typedef struct TerrariumCreation {
  const VmConfig *config;
  bool disks_in_place;
  uint64_t new_disk_bytes; // an empty disk of this size is added; 0: none
  uint64_t grow_bytes;     // the first disk becomes this large; 0: stays as it is
} TerrariumCreation;

// Adds a machine and makes its bundle on a worker. The machine leaves the store again when that
// fails or is cancelled; finish returns it (borrowed) or NULL.
void terrarium_store_create_async (TerrariumStore *store, const TerrariumCreation *creation,
                                   GAsyncReadyCallback callback, void *user_data);
TerrariumMachine *terrarium_store_create_finish (TerrariumStore *store, GAsyncResult *result,
                                                 GError **error);

// The same for a clone (clone.h) of a machine that is off. The same finish.
void terrarium_store_duplicate_async (TerrariumStore *store, TerrariumMachine *machine, bool linked,
                                      GAsyncReadyCallback callback, void *user_data);

// Adds a machine that a person opens (adopt.h), on a worker; finish returns it (borrowed), NULL with an
// error, or NULL without one: `path` is no machine. BUNDLE_ERROR_DOUBT: ask, and do it again, `agreed`.
void terrarium_store_adopt_async (TerrariumStore *store, const char *path, bool agreed,
                                  GAsyncReadyCallback callback, void *user_data);
TerrariumMachine *terrarium_store_adopt_finish (TerrariumStore *store, GAsyncResult *result,
                                                GError **error);

// Takes a stopped machine out of the list; its bundle stays until put_in_trash or take_back.
void terrarium_store_remove (TerrariumStore *store, TerrariumMachine *machine);
void terrarium_store_take_back (TerrariumStore *store, TerrariumMachine *machine);
// On failure the machine is back in the list.
bool terrarium_store_put_in_trash (TerrariumStore *store, TerrariumMachine *machine,
                                   GError **error);
