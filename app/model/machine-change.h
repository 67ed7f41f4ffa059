// SPDX-License-Identifier: GPL-3.0-or-later
// What a window changes of a machine. Main thread; the work is done on a worker, or by the machine
// itself while it runs.
#pragma once

#include "app/model/change.h"
#include "app/model/machine.h"

// Whether changes other than of discs can be made now; if not, `why` says it (static, translated).
bool terrarium_machine_can_change (TerrariumMachine *machine, const char **why);

// After those asked for before. A machine that runs takes another disc only, `force` also from a guest that uses the one that is
// there: else the error is G_IO_ERROR_BUSY.
void terrarium_machine_change_async (TerrariumMachine *machine, const Change *change, bool force,
                                     GAsyncReadyCallback callback, void *user_data);
bool terrarium_machine_change_finish (TerrariumMachine *machine, GAsyncResult *result,
                                      GError **error);
