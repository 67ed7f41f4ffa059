// SPDX-License-Identifier: GPL-3.0-or-later
// Changing what lies in a machine's drive, while it runs or is paused.
//
// Threads: the owner's for the operation, a worker's for vm_job_change_medium.
#include "engine/api/machine-priv.h"

static bool
is_drive (const VmConfig *config, unsigned disk)
{
  return disk < config->disks->len &&
         ((const VmDiskConfig *) g_ptr_array_index (config->disks, disk))->cdrom;
}

void
vm_machine_change_medium_async (VmMachine *machine, unsigned disk, const char *path, bool force,
                                GCancellable *cancellable, GAsyncReadyCallback callback,
                                void *user_data)
{
  VmJob *job = vm_job_new (machine, VM_JOB_MEDIUM, cancellable, callback, user_data);
  bool idle = machine->running == NULL && machine->jobs.length == 0;

  job->disk = disk;
  job->medium = g_strdup (path);
  job->force = force;
  if (idle && is_drive (machine->config, disk) &&
      (machine->state == VM_STATE_RUNNING || machine->state == VM_STATE_PAUSED))
    vm_job_queue (job);
  else
    vm_job_refuse (job);
}

bool
vm_machine_change_medium_finish (VmMachine *machine, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
vm_job_change_medium (VmJob *job)
{
  const MachineDisk medium = {.path = job->medium, .format = BLOCK_FORMAT_RAW, .cdrom = true};

  machine_change_medium (job->machine->machine, job->disk, job->medium != NULL ? &medium : NULL,
                         job->force, &job->error);
}
