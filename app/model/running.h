// SPDX-License-Identifier: GPL-3.0-or-later
// A bundle's machine while it runs, with or without a window: starting it from its saved state,
// saving it, and what others ask of it through its control socket. GLib only. Main thread; what
// waits for the host is done on workers.
#pragma once

#include "app/model/bundle.h"
#include "app/model/control.h"

typedef struct Running Running;

// The caller holds the bundle's lock, and holds it until after free. The error is
// G_IO_ERROR_ADDRESS_IN_USE when a machine of the same uuid runs already; others mean that the
// command line cannot reach it, and `*reachable` is false then.
Running *running_new (const Bundle *bundle, VmMachine *machine, bool *reachable, GError **error);
void running_free (Running *running); // accepts NULL

typedef enum {
  RUNNING_RESUME, // from its saved state if there is one
  RUNNING_AFRESH, // the saved state is discarded once it runs
} RunningHow;
void running_start_async (Running *running, RunningHow how, GAsyncReadyCallback callback,
                          void *user_data);
bool running_start_finish (Running *running, GAsyncResult *result, GError **error);

// The machine ends when its state is in the bundle; on an error it goes on.
void running_save_async (Running *running, GAsyncReadyCallback callback, void *user_data);
bool running_save_finish (Running *running, GAsyncResult *result, GError **error);

// A snapshot of the machine as it is; it goes on.
void running_snapshot_async (Running *running, const char *name, GAsyncReadyCallback callback,
                             void *user_data);
bool running_snapshot_finish (Running *running, GAsyncResult *result, GError **error);
// How much of a state is written, whoever asked for it: 0..1; negative: none is being written.
double running_get_progress (Running *running);
// What was asked for fails with G_IO_ERROR_CANCELLED unless that is too late, and all is as before.
// False: nothing is being written.
bool running_cancel (Running *running);
// That was asked for already.
bool running_is_cancelled (const Running *running);
// Another disc in a drive, as vm_machine_change_medium_async (`disk`, `path`, `force`), also in
// machine.json, so that it is there at the next start. The path is absolute.
void running_change_medium_async (Running *running, unsigned disk, const char *path, bool force,
                                  GAsyncReadyCallback callback, void *user_data);
bool running_change_medium_finish (Running *running, GAsyncResult *result, GError **error);

// A disk or a network adapter (the other is NULL) for the running machine, as
// vm_machine_attach_disk_async, also in machine.json, so that it is there at the next start. finish
// gives the slot, 0 with an error. What the guest has let go of, or was taken from it
// (vm_machine_detach_async), leaves machine.json by itself.
void running_attach_async (Running *running, const VmDiskConfig *disk, const VmNicConfig *nic,
                           GAsyncReadyCallback callback, void *user_data);
unsigned running_attach_finish (Running *running, GAsyncResult *result, GError **error);

// The bundle's configuration by now (borrowed): snapshots change the disks, and so do discs.
const VmConfig *running_get_config (Running *running);
