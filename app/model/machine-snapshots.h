// SPDX-License-Identifier: GPL-3.0-or-later
// What a window does with a machine's snapshots. Main thread; the work is done on a worker, or by
// the machine itself while it runs.
#pragma once

#include "app/model/machine.h"
#include "app/model/snapshots.h"

typedef enum {
  SNAPSHOT_TAKE,    // name
  SNAPSHOT_GO_BACK, // id; the machine is off
  SNAPSHOT_DELETE,  // id
  SNAPSHOT_RENAME,  // id, name
} SnapshotOp;

// One at a time. Either string may be NULL where the operation has none.
void terrarium_machine_snapshot_async (TerrariumMachine *machine, SnapshotOp op, const char *id,
                                       const char *name, GAsyncReadyCallback callback,
                                       void *user_data);
// What takes long: putting images together, the state of a machine that runs. All is as before then.
// The machine's "progress" tells how far it is.
void terrarium_machine_cancel_snapshot (TerrariumMachine *machine);
bool terrarium_machine_snapshot_finish (TerrariumMachine *machine, GAsyncResult *result,
                                        GError **error);
