// SPDX-License-Identifier: GPL-3.0-or-later
// A machine's state in a file, to go on from later. Beside vm.h, of which the same threads and rules
// hold. How such a file belongs to a machine's disks is its owner's to remember.
#pragma once

#include "engine/api/vm.h"

G_BEGIN_DECLS

// Of errors: why a file is of no use. Others (G_IO_ERROR) are the host's.
#define VM_STATE_FILE_ERROR (vm_state_file_error_quark ())
GQuark vm_state_file_error_quark (void);

typedef struct VmSaveOptions {
  // Made under a temporary name; whatever has this name stays until it is complete.
  const char *path;
  bool stop; // the machine ends then (VM_STOP_SAVED); else it goes on as it was
  // Not with stop. For each disk the qcow2 image it goes on in, empty and made on top of what it has
  // now; NULL: it stays. NULL: all stay.
  const char *const *overlays;

  // On a worker; any may be NULL. `settled`: the machine is paused, its disks are at rest and on their
  // overlays; false with an error: all as before. The guest goes on afterwards, so what the disks are
  // has to be on stable storage by then. `complete`: the file is; false: it is deleted.
  bool (*settled) (void *data, GError **error);
  bool (*complete) (void *data, GError **error);
  void (*progress) (void *data, double done);
  void *data;
} VmSaveOptions;

// Whether the machine can be saved now: it runs or is paused.
bool vm_machine_can_save (VmMachine *machine);
// The options are copied, the strings too. A machine that goes on pauses for moments only: the file
// is written while it runs.
void vm_machine_save_file_async (VmMachine *machine, const VmSaveOptions *options,
                                 GCancellable *cancellable, GAsyncReadyCallback callback,
                                 void *user_data);
bool vm_machine_save_file_finish (VmMachine *machine, GAsyncResult *result, GError **error);

// In place of VM_OP_START: the machine runs on from there. The file must stay as it is while the
// machine runs; its name may go. End with vm_machine_restore_finish.
void vm_machine_restore_file_async (VmMachine *machine, const char *path, GCancellable *cancellable,
                                    GAsyncReadyCallback callback, void *user_data);

// What a file has in it, without its memory's contents; false with an error when it is of no use.
bool vm_state_file_check (const char *path, GError **error);
// Whether a file called `name` was left by a save to `path` whose process has ended.
bool vm_state_file_is_leftover (const char *name, const char *path);

G_END_DECLS
