// SPDX-License-Identifier: GPL-3.0-or-later
// VmMachine: a machine's states and operations, as its owner sees them.
//
// Threads: the owner's, but for the worker's entry (worker) and the guest's requests
// (vm_machine_on_request), which post to the owner's context.
#include <glib/gi18n.h>

#include "engine/api/machine-priv.h"

G_DEFINE_FINAL_TYPE (VmMachine, vm_machine, G_TYPE_OBJECT)

#define NOTICE_INTERVAL_US (30 * G_USEC_PER_SEC)

enum {
  PROP_STATE = 1,
  N_PROPS,
};

static void run_next_job (VmMachine *machine);

// ---- state ----------------------------------------------------------------------------------

static void
set_state (VmMachine *machine, VmState state)
{
  if (machine->state == state)
    return;
  machine->state = state;
  if (state != VM_STATE_RUNNING && state != VM_STATE_PAUSING && state != VM_STATE_PAUSED)
    machine->trouble = NULL;
  g_object_notify (G_OBJECT (machine), "state");
}

VmState
vm_machine_get_state (VmMachine *machine)
{
  return machine->state;
}

const char *
vm_machine_get_trouble (VmMachine *machine)
{
  return machine->trouble;
}

const VmConfig *
vm_machine_get_config (VmMachine *machine)
{
  return machine->config;
}

static bool
is_idle (const VmMachine *machine)
{
  return machine->running == NULL && machine->jobs.length == 0;
}

bool
vm_machine_can (VmMachine *machine, VmOp op)
{
  switch (op) {
  case VM_OP_START:
    return machine->state == VM_STATE_STOPPED && is_idle (machine);
  case VM_OP_PAUSE:
    return machine->state == VM_STATE_RUNNING && is_idle (machine);
  case VM_OP_RESUME:
    return machine->state == VM_STATE_PAUSED && is_idle (machine);
  case VM_OP_RESET:
    return (machine->state == VM_STATE_RUNNING || machine->state == VM_STATE_PAUSED) &&
           is_idle (machine);
  case VM_OP_POWER_BUTTON:
    return machine->state == VM_STATE_RUNNING;
  case VM_OP_FORCE_STOP:
    return machine->state != VM_STATE_STOPPED && machine->state != VM_STATE_STOPPING;
  }
  return false;
}

// ---- jobs -----------------------------------------------------------------------------------

static VmJob *
new_job (VmMachine *machine, VmJobKind kind, GTask *take_task)
{
  VmJob *job = g_new0 (VmJob, 1);

  job->kind = kind;
  job->machine = g_object_ref (machine);
  job->task = take_task;
  return job;
}

void
vm_job_free (VmJob *job)
{
  g_clear_object (&job->task);
  g_clear_pointer (&job->state, g_bytes_unref);
  vm_job_clear_save (job);
  g_free (job->medium);
  vm_config_free (job->attached);
  g_clear_error (&job->error);
  g_clear_error (&job->stop_error);
  g_object_unref (job->machine);
  g_free (job);
}

// The state while a job runs, and after it went well.
static VmState
state_during (const VmJob *job)
{
  switch (job->kind) {
  case VM_JOB_START:
  case VM_JOB_RESTORE:
  case VM_JOB_RESTORE_FILE:
    return VM_STATE_STARTING;
  case VM_JOB_PAUSE:
    return VM_STATE_PAUSING;
  case VM_JOB_RESUME:
    return VM_STATE_RESUMING;
  case VM_JOB_STOP:
    return VM_STATE_STOPPING;
  case VM_JOB_SAVE_FILE:
    return job->save.stop ? VM_STATE_SAVING : job->machine->state;
  case VM_JOB_RESET:
  case VM_JOB_SAVE:
  case VM_JOB_MEDIUM:
  case VM_JOB_ATTACH:
  case VM_JOB_DETACH:
    break;
  }
  return job->machine->state;
}

// Whether the machine is over after it.
static bool
is_end (const VmJob *job)
{
  return job->kind == VM_JOB_STOP ||
         (job->kind == VM_JOB_SAVE_FILE && job->save.stop && job->error == NULL);
}

static VmState
state_after (const VmJob *job)
{
  switch (job->kind) {
  case VM_JOB_START:
  case VM_JOB_RESTORE_FILE:
    return job->error == NULL ? VM_STATE_RUNNING : VM_STATE_STOPPED;
  case VM_JOB_RESTORE:
    return job->error == NULL ? VM_STATE_PAUSED : VM_STATE_STOPPED;
  case VM_JOB_PAUSE:
    return VM_STATE_PAUSED;
  case VM_JOB_RESUME:
    return VM_STATE_RUNNING;
  case VM_JOB_STOP:
    return VM_STATE_STOPPED;
  case VM_JOB_SAVE_FILE:
    return is_end (job) ? VM_STATE_STOPPED
                        : (job->was_running ? VM_STATE_RUNNING : VM_STATE_PAUSED);
  case VM_JOB_RESET:
  case VM_JOB_SAVE:
  case VM_JOB_MEDIUM:
  case VM_JOB_ATTACH:
  case VM_JOB_DETACH:
    break;
  }
  return job->machine->state;
}

static void
end_task (VmJob *job)
{
  if (job->task == NULL)
    return;
  if (job->error != NULL)
    g_task_return_error (job->task, g_error_copy (job->error));
  else if (job->kind == VM_JOB_ATTACH)
    g_task_return_int (job->task, job->port);
  else if (job->kind == VM_JOB_SAVE)
    g_task_return_pointer (job->task, g_bytes_ref (job->state), (GDestroyNotify) g_bytes_unref);
  else
    g_task_return_boolean (job->task, TRUE);
}

// The machine is over, and so is what was still to be done to it. Stopping it counts as done.
static void
drop_jobs (VmMachine *machine)
{
  VmJob *job;

  while ((job = g_queue_pop_head (&machine->jobs)) != NULL) {
    if (job->kind != VM_JOB_STOP)
      job->error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED,
                                        _ ("The machine has stopped meanwhile."));
    end_task (job);
    vm_job_free (job);
  }
}

// A reset that failed leaves nothing that could go on.
static void
stop_after_failed_reset (const VmJob *failed)
{
  VmJob *job = new_job (failed->machine, VM_JOB_STOP, NULL);

  job->stop_reason = VM_STOP_ERROR;
  job->stop_error = g_error_copy (failed->error);
  g_queue_push_head (&failed->machine->jobs, job);
}

static gboolean
job_done_cb (void *data)
{
  VmJob *job = data;
  VmMachine *machine = job->machine;

  g_thread_join (job->thread);
  machine->running = NULL;
  if (job->kind == VM_JOB_RESET && job->error != NULL)
    stop_after_failed_reset (job);
  if (state_after (job) == VM_STATE_STOPPED)
    drop_jobs (machine);
  set_state (machine, state_after (job));
  vm_job_end_hotplug (job);
  end_task (job);
  if (is_end (job))
    g_signal_emit_by_name (machine, "stopped", (int) job->stop_reason, job->stop_error);
  run_next_job (machine);
  vm_job_free (job);
  return G_SOURCE_REMOVE;
}

static void *
worker (void *data)
{
  VmJob *job = data;
  GMainContext *context = g_main_context_ref (job->machine->context);
  g_autoptr (GSource) source = g_idle_source_new ();

  vm_job_run (job);
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, job_done_cb, job, NULL);
  // From here on the job may be gone.
  g_source_attach (source, context);
  g_main_context_unref (context);
  return NULL;
}

static void
run_next_job (VmMachine *machine)
{
  if (machine->running != NULL || machine->jobs.length == 0)
    return;
  VmJob *job = g_queue_pop_head (&machine->jobs);
  machine->running = job;
  set_state (machine, state_during (job));
  job->thread = g_thread_new ("vm-job", worker, job);
}

static void
queue_job (VmMachine *machine, VmJob *job)
{
  g_queue_push_tail (&machine->jobs, job);
  run_next_job (machine);
}

// ---- operations -----------------------------------------------------------------------------

// The callback is to arrive in the owner's context, whichever is the default at the moment.
static GTask *
new_task (VmMachine *machine, GCancellable *cancellable, GAsyncReadyCallback callback,
          void *user_data)
{
  g_main_context_push_thread_default (machine->context);
  GTask *task = g_task_new (machine, cancellable, callback, user_data);
  g_main_context_pop_thread_default (machine->context);
  // What has begun is carried through.
  g_task_set_check_cancellable (task, FALSE);
  return task;
}

static void
refuse (GTask *task)
{
  g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_BUSY,
                           _ ("The machine cannot do this in its present state."));
  g_object_unref (task);
}

static VmJobKind
job_of_op (VmOp op)
{
  switch (op) {
  case VM_OP_START:
    return VM_JOB_START;
  case VM_OP_PAUSE:
    return VM_JOB_PAUSE;
  case VM_OP_RESUME:
    return VM_JOB_RESUME;
  case VM_OP_RESET:
    return VM_JOB_RESET;
  case VM_OP_POWER_BUTTON:
  case VM_OP_FORCE_STOP:
    break;
  }
  return VM_JOB_STOP;
}

static void
press_power_button (VmMachine *machine)
{
  g_mutex_lock (&machine->lock);
  if (machine->live != NULL)
    machine_press_power_button (machine->live);
  g_mutex_unlock (&machine->lock);
}

void
vm_machine_perform_async (VmMachine *machine, VmOp op, GCancellable *cancellable,
                          GAsyncReadyCallback callback, void *user_data)
{
  GTask *task = new_task (machine, cancellable, callback, user_data);

  if (!vm_machine_can (machine, op)) {
    refuse (task);
    return;
  }
  if (op == VM_OP_POWER_BUTTON) {
    press_power_button (machine);
    g_task_return_boolean (task, TRUE);
    g_object_unref (task);
    return;
  }
  VmJob *job = new_job (machine, job_of_op (op), task);
  job->stop_reason = VM_STOP_FORCED;
  if (op == VM_OP_START)
    machine->requester->run++;
  queue_job (machine, job);
}

VmJob *
vm_job_new (VmMachine *machine, VmJobKind kind, GCancellable *cancellable,
            GAsyncReadyCallback callback, void *user_data)
{
  return new_job (machine, kind, new_task (machine, cancellable, callback, user_data));
}

void
vm_job_refuse (VmJob *take)
{
  refuse (g_steal_pointer (&take->task));
  vm_job_free (take);
}

void
vm_job_queue (VmJob *take)
{
  queue_job (take->machine, take);
}

bool
vm_machine_perform_finish (VmMachine *machine, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
vm_machine_save_async (VmMachine *machine, GCancellable *cancellable, GAsyncReadyCallback callback,
                       void *user_data)
{
  GTask *task = new_task (machine, cancellable, callback, user_data);

  if (machine->state == VM_STATE_PAUSED && is_idle (machine))
    queue_job (machine, new_job (machine, VM_JOB_SAVE, task));
  else
    refuse (task);
}

GBytes *
vm_machine_save_finish (VmMachine *machine, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

void
vm_machine_restore_async (VmMachine *machine, GBytes *state, GCancellable *cancellable,
                          GAsyncReadyCallback callback, void *user_data)
{
  GTask *task = new_task (machine, cancellable, callback, user_data);

  if (machine->state != VM_STATE_STOPPED || !is_idle (machine)) {
    refuse (task);
    return;
  }
  VmJob *job = new_job (machine, VM_JOB_RESTORE, task);
  job->state = g_bytes_ref (state);
  machine->requester->run++;
  queue_job (machine, job);
}

bool
vm_machine_restore_finish (VmMachine *machine, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

// ---- the guest's requests -------------------------------------------------------------------

typedef struct GuestRequest {
  VmRequester *requester; // owned
  unsigned run;
  VmRequest request;
} GuestRequest;

static void
clear_requester (void *data)
{
  VmRequester *requester = data;

  g_clear_pointer (&requester->context, g_main_context_unref);
}

static void
free_request (void *data)
{
  GuestRequest *request = data;

  g_atomic_rc_box_release_full (request->requester, clear_requester);
  g_free (request);
}

// It pauses when what is being done to it is done: resuming it may have brought this up again.
static void
pause_for_room (VmMachine *machine)
{
  bool runs = machine->state == VM_STATE_STARTING || machine->state == VM_STATE_RUNNING ||
              machine->state == VM_STATE_RESUMING;

  if (!runs || machine->trouble != NULL)
    return;
  machine->trouble = _ ("The disk of this computer is full, so the machine is paused; free some "
                        "space, then resume it.");
  queue_job (machine, new_job (machine, VM_JOB_PAUSE, NULL));
}

// A disk that fails does so often.
static void
tell_disk_error (VmMachine *machine)
{
  gint64 now = g_get_monotonic_time ();

  if (machine->noticed != 0 && now - machine->noticed < NOTICE_INTERVAL_US)
    return;
  machine->noticed = now;
  g_signal_emit_by_name (machine, "notice",
                         _ ("A disk of this computer could not be read or written, and the machine "
                            "was told so; save what matters and check the computer’s disk."));
}

static void
stop_without_memory (VmMachine *machine)
{
  VmJob *job = new_job (machine, VM_JOB_STOP, NULL);

  job->stop_reason = VM_STOP_ERROR;
  job->stop_error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED,
                                         _ ("The file with the machine’s memory can no longer be "
                                            "read, so the machine was stopped; check "
                                            "the computer’s disk."));
  queue_job (machine, job);
}

static gboolean
request_cb (void *data)
{
  const GuestRequest *request = data;
  VmMachine *machine = request->requester->machine;

  if (machine == NULL || request->requester->run != request->run ||
      !vm_machine_can (machine, VM_OP_FORCE_STOP))
    return G_SOURCE_REMOVE;
  if (request->request == VM_REQUEST_DISK_FULL) {
    pause_for_room (machine);
    return G_SOURCE_REMOVE;
  }
  if (request->request == VM_REQUEST_DISK_ERROR) {
    tell_disk_error (machine);
    return G_SOURCE_REMOVE;
  }
  if (request->request == VM_REQUEST_UNPLUG) {
    queue_job (machine, new_job (machine, VM_JOB_DETACH, NULL));
    return G_SOURCE_REMOVE;
  }
  if (request->request == VM_REQUEST_MEMORY_LOST) {
    stop_without_memory (machine);
    return G_SOURCE_REMOVE;
  }
  VmJob *job =
      new_job (machine, request->request == VM_REQUEST_RESET ? VM_JOB_RESET : VM_JOB_STOP, NULL);
  job->stop_reason = request->request == VM_REQUEST_KILL ? VM_STOP_FORCED : VM_STOP_GUEST;
  queue_job (machine, job);
  return G_SOURCE_REMOVE;
}

void
vm_machine_on_request (void *opaque, VmRequest request)
{
  VmRequester *requester = opaque;
  GuestRequest *posted = g_new0 (GuestRequest, 1);
  g_autoptr (GSource) source = g_idle_source_new ();

  posted->requester = g_atomic_rc_box_acquire (requester);
  posted->run = requester->run;
  posted->request = request;
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, request_cb, posted, free_request);
  g_source_attach (source, requester->context);
}

// ---- the object -----------------------------------------------------------------------------

VmMachine *
vm_machine_new (const VmConfig *config, GMainContext *context, GError **error)
{
  if (!vm_config_validate (config, error))
    return NULL;
  VmMachine *machine = g_object_new (VM_TYPE_MACHINE, NULL);
  machine->config = vm_config_copy (config);
  machine->context =
      context != NULL ? g_main_context_ref (context) : g_main_context_ref_thread_default ();
  machine->requester->context = g_main_context_ref (machine->context);
  return machine;
}

void
vm_machine_set_display_sink (VmMachine *machine, const VmDisplaySinkOps *ops, void *sink)
{
  g_return_if_fail (machine->state == VM_STATE_STOPPED);
  machine->display_ops = ops;
  machine->display_sink = sink;
}

void
vm_machine_set_console_sink (VmMachine *machine, VmConsole console, const VmConsoleSinkOps *ops,
                             void *sink)
{
  g_return_if_fail (machine->state == VM_STATE_STOPPED);
  machine->console_ops[console] = ops;
  machine->console_sink[console] = sink;
}

void
vm_machine_set_audio_sink (VmMachine *machine, const VmAudioSinkOps *ops, void *sink)
{
  g_return_if_fail (machine->state == VM_STATE_STOPPED);
  machine->audio_ops = ops;
  machine->audio_sink = sink;
}

static void
vm_machine_finalize (GObject *object)
{
  VmMachine *machine = VM_MACHINE (object);

  // A job holds a reference: there is none now.
  gdb_server_free (machine->gdb);
  machine_free (machine->machine);
  g_free (machine->gdb_address);
  machine->requester->machine = NULL;
  g_atomic_rc_box_release_full (machine->requester, clear_requester);
  g_clear_pointer (&machine->config, vm_config_free);
  g_clear_pointer (&machine->context, g_main_context_unref);
  g_free (machine->report);
  g_mutex_clear (&machine->lock);
  G_OBJECT_CLASS (vm_machine_parent_class)->finalize (object);
}

static void
vm_machine_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  VmMachine *machine = VM_MACHINE (object);

  switch (id) {
  case PROP_STATE:
    g_value_set_int (value, (int) machine->state);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    break;
  }
}

static void
vm_machine_class_init (VmMachineClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);

  object_class->finalize = vm_machine_finalize;
  object_class->get_property = vm_machine_get_property;
  g_object_class_install_property (
      object_class, PROP_STATE,
      g_param_spec_int ("state", NULL, NULL, VM_STATE_STOPPED, VM_STATE_SAVING, VM_STATE_STOPPED,
                        G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY));
  g_signal_new ("stopped", VM_TYPE_MACHINE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 2,
                G_TYPE_INT, G_TYPE_ERROR);
  g_signal_new ("detached", VM_TYPE_MACHINE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                G_TYPE_UINT);
  g_signal_new ("notice", VM_TYPE_MACHINE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                G_TYPE_STRING);
}

static void
vm_machine_init (VmMachine *machine)
{
  g_mutex_init (&machine->lock);
  machine->requester = g_atomic_rc_box_new0 (VmRequester);
  machine->requester->machine = machine;
  g_queue_init (&machine->jobs);
}
