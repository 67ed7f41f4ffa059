// SPDX-License-Identifier: GPL-3.0-or-later
// Debugging what runs in a machine with gdb; see vm-gdb.h. Owner's thread.
#include "engine/api/machine-priv.h"
#include "engine/api/vm-gdb.h"

bool
vm_machine_set_gdb (VmMachine *machine, const char *address, bool wait, GError **error)
{
  g_return_val_if_fail (machine->state == VM_STATE_STOPPED, false);
  if (address != NULL && !gdb_address_check (address, error))
    return false;
  g_free (machine->gdb_address);
  machine->gdb_address = g_strdup (address);
  machine->gdb_wait = wait;
  return true;
}
