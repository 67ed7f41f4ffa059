// SPDX-License-Identifier: GPL-3.0-or-later
// Machines' states in files: see vm-state.h.
//
// Threads: the owner's for the operations, a worker's for vm_job_*.
#include <glib/gstdio.h>

#include "engine/api/machine-priv.h"
#include "engine/snapshot/state-file.h"

// What a file must be of.
#define ARCH "aarch64"

GQuark
vm_state_file_error_quark (void)
{
  return state_file_error_quark ();
}

bool
vm_state_file_check (const char *path, GError **error)
{
  StateFile *file = state_file_open (path, ARCH, error);

  state_file_free (file);
  return file != NULL;
}

bool
vm_state_file_is_leftover (const char *name, const char *path)
{
  return state_file_is_leftover (name, path);
}

bool
vm_job_load_file (VmJob *job)
{
  StateFile *file = state_file_open (job->save.path, ARCH, &job->error);
  bool ok =
      file != NULL && vm_load_from_file (machine_get_vm (job->machine->machine), file, &job->error);

  state_file_free (file);
  return ok;
}

// ---- saving ---------------------------------------------------------------------------------

static bool
settle (VmJob *job)
{
  Machine *machine = job->machine->machine;
  const VmSaveOptions *save = &job->save;

  if (!machine_settle_disks (machine, &job->error))
    return false;
  if (save->overlays != NULL && !machine_put_on_overlays (machine, save->overlays, &job->error))
    return false;
  if (save->settled == NULL || save->settled (save->data, &job->error))
    return true;
  if (save->overlays != NULL)
    machine_take_off_overlays (machine, save->overlays);
  return false;
}

static void
resume (VmJob *job)
{
  if (!job->was_running)
    return;
  vm_resume (machine_get_vm (job->machine->machine));
  vm_job_set_takes_input (job->machine, true);
}

// The guest's time stands still from here to `resume`.
static bool
take_picture (VmJob *job, StateFileWriter *writer, bool *resumed)
{
  Vm *vm = machine_get_vm (job->machine->machine);

  if (!vm_save_to_file (vm, writer, &job->error) || !settle (job))
    return false;
  *resumed = !job->save.stop && state_file_writer_fork (writer);
  if (*resumed)
    resume (job);
  return true;
}

static bool
write_file (VmJob *job, StateFileWriter *writer)
{
  const VmSaveOptions *save = &job->save;
  const StateFileJob how = {job->cancellable, save->progress, save->data};

  if (!state_file_writer_copy (writer, &how, &job->error) ||
      !state_file_writer_finish (writer, &job->error))
    return false;
  if (save->complete == NULL || save->complete (save->data, &job->error))
    return true;
  g_unlink (save->path);
  return false;
}

void
vm_job_save_file (VmJob *job)
{
  StateFileWriter *writer = state_file_writer_new (job->save.path, ARCH, &job->error);
  bool resumed = false;

  if (writer == NULL)
    return;
  if (job->was_running) {
    vm_job_set_takes_input (job->machine, false);
    vm_pause (machine_get_vm (job->machine->machine));
  }
  bool ok = take_picture (job, writer, &resumed) && write_file (job, writer);
  state_file_writer_free (writer);
  if (ok && job->save.stop)
    vm_job_stop (job);
  else if (!resumed)
    resume (job);
}

// ---- operations -----------------------------------------------------------------------------

bool
vm_machine_can_save (VmMachine *machine)
{
  return (machine->state == VM_STATE_RUNNING || machine->state == VM_STATE_PAUSED) &&
         machine->running == NULL && machine->jobs.length == 0;
}

static char **
copy_paths (const char *const *paths, unsigned n)
{
  char **copy = g_new0 (char *, n);

  for (unsigned i = 0; i < n; i++)
    copy[i] = g_strdup (paths[i]);
  return copy;
}

void
vm_machine_save_file_async (VmMachine *machine, const VmSaveOptions *options,
                            GCancellable *cancellable, GAsyncReadyCallback callback,
                            void *user_data)
{
  VmJob *job = vm_job_new (machine, VM_JOB_SAVE_FILE, cancellable, callback, user_data);

  if (!vm_machine_can_save (machine)) {
    vm_job_refuse (job);
    return;
  }
  g_assert (!options->stop || options->overlays == NULL);
  job->save = *options;
  job->save.path = g_strdup (options->path);
  if (options->overlays != NULL)
    job->save.overlays =
        (const char *const *) copy_paths (options->overlays, machine->config->disks->len);
  g_set_object (&job->cancellable, cancellable);
  job->was_running = machine->state == VM_STATE_RUNNING;
  job->stop_reason = VM_STOP_SAVED;
  vm_job_queue (job);
}

bool
vm_machine_save_file_finish (VmMachine *machine, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
vm_machine_restore_file_async (VmMachine *machine, const char *path, GCancellable *cancellable,
                               GAsyncReadyCallback callback, void *user_data)
{
  VmJob *job = vm_job_new (machine, VM_JOB_RESTORE_FILE, cancellable, callback, user_data);

  if (!vm_machine_can (machine, VM_OP_START)) {
    vm_job_refuse (job);
    return;
  }
  job->save.path = g_strdup (path);
  machine->requester->run++;
  vm_job_queue (job);
}

void
vm_job_clear_save (VmJob *job)
{
  char **overlays = (char **) job->save.overlays;

  for (unsigned i = 0; overlays != NULL && i < job->machine->config->disks->len; i++)
    g_free (overlays[i]);
  g_free (overlays);
  g_free ((char *) job->save.path);
  g_clear_object (&job->cancellable);
}
