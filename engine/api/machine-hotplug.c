// SPDX-License-Identifier: GPL-3.0-or-later
// Devices that come to a machine and go while it runs or is paused.
//
// Threads: the owner's, but for vm_job_detach, which is a worker's.
#include <glib/gi18n.h>

#include "engine/api/config-priv.h"
#include "engine/api/machine-priv.h"

static bool
can_change (VmMachine *machine)
{
  return machine->running == NULL && machine->jobs.length == 0 &&
         (machine->state == VM_STATE_RUNNING || machine->state == VM_STATE_PAUSED);
}

static void
refuse_with (VmJob *take, GError *take_error)
{
  g_task_return_error (g_steal_pointer (&take->task), take_error);
  vm_job_free (take);
}

// The free slot with the lowest number; 0: all are in use.
static unsigned
find_port (const VmConfig *config)
{
  for (unsigned port = 1; port <= VM_PORTS; port++)
    if (!vm_config_port_is_used (config, port))
      return port;
  return 0;
}

static VmJob *
new_attachment (VmMachine *machine, GCancellable *cancellable, GAsyncReadyCallback callback,
                void *user_data)
{
  VmJob *job = vm_job_new (machine, VM_JOB_ATTACH, cancellable, callback, user_data);

  job->port = find_port (machine->config);
  job->attached = vm_config_copy (machine->config);
  return job;
}

static void
queue_attachment (VmJob *take)
{
  GError *error = NULL;

  if (!can_change (take->machine)) {
    vm_job_refuse (take);
  } else if (take->port == 0) {
    refuse_with (take, g_error_new_literal (
                           G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                           _ ("All slots of the machine are in use; detach something first.")));
  } else if (!vm_config_validate (take->attached, &error)) {
    refuse_with (take, error);
  } else {
    vm_job_queue (take);
  }
}

void
vm_machine_attach_disk_async (VmMachine *machine, const VmDiskConfig *disk,
                              GCancellable *cancellable, GAsyncReadyCallback callback,
                              void *user_data)
{
  VmJob *job = new_attachment (machine, cancellable, callback, user_data);
  VmDiskConfig copy = *disk;

  copy.cdrom = false;
  vm_config_attach_disk (job->attached, &copy, job->port);
  queue_attachment (job);
}

void
vm_machine_attach_nic_async (VmMachine *machine, const VmNicConfig *nic, GCancellable *cancellable,
                             GAsyncReadyCallback callback, void *user_data)
{
  VmJob *job = new_attachment (machine, cancellable, callback, user_data);

  job->is_nic = true;
  vm_config_attach_nic (job->attached, nic, job->port);
  queue_attachment (job);
}

unsigned
vm_machine_attach_finish (VmMachine *machine, GAsyncResult *result, GError **error)
{
  gssize port = g_task_propagate_int (G_TASK (result), error);
  return port > 0 ? (unsigned) port : 0;
}

void
vm_machine_detach_async (VmMachine *machine, unsigned port, bool force, GCancellable *cancellable,
                         GAsyncReadyCallback callback, void *user_data)
{
  VmJob *job = vm_job_new (machine, VM_JOB_DETACH, cancellable, callback, user_data);

  job->port = port;
  job->force = force;
  if (!can_change (machine))
    vm_job_refuse (job);
  else if (port == 0 || !vm_config_port_is_used (machine->config, port))
    refuse_with (job, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                                           _ ("There is nothing in this slot.")));
  else
    vm_job_queue (job);
}

bool
vm_machine_detach_finish (VmMachine *machine, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

// Without a port it is the guest that has let go of something.
void
vm_job_detach (VmJob *job)
{
  Machine *machine = job->machine->machine;

  if (job->port != 0 && !job->force) {
    machine_press_detach (machine, job->port);
    job->port = 0;
    return;
  }
  if (job->port == 0)
    job->port = machine_find_released (machine);
  if (job->port != 0)
    machine_detach (machine, job->port);
}

void
vm_job_end_hotplug (VmJob *job)
{
  VmConfig *config = job->machine->config;

  if (job->error != NULL || job->port == 0)
    return;
  if (job->kind == VM_JOB_ATTACH && job->is_nic) {
    const GPtrArray *nics = job->attached->nics;
    vm_config_attach_nic (config, nics->pdata[nics->len - 1], job->port);
  } else if (job->kind == VM_JOB_ATTACH) {
    const GPtrArray *disks = job->attached->disks;
    vm_config_attach_disk (config, disks->pdata[disks->len - 1], job->port);
  } else if (job->kind == VM_JOB_DETACH) {
    vm_config_clear_port (config, job->port);
    g_signal_emit_by_name (job->machine, "detached", job->port);
  }
}
