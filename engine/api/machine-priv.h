// SPDX-License-Identifier: GPL-3.0-or-later
// The inside of a VmMachine, shared by machine.c (the object: owner's thread), machine-jobs.c (what
// workers do) and machine-io.c (input, consoles, figures).
#pragma once

#include "engine/api/vm-state.h"
#include "engine/gdb/gdb.h"
#include "engine/machine/machine.h"

typedef enum VmJobKind {
  VM_JOB_START,
  VM_JOB_PAUSE,
  VM_JOB_RESUME,
  VM_JOB_RESET,
  VM_JOB_STOP,
  VM_JOB_SAVE,
  VM_JOB_RESTORE,
  VM_JOB_SAVE_FILE,
  VM_JOB_RESTORE_FILE,
  VM_JOB_MEDIUM,
  VM_JOB_ATTACH,
  VM_JOB_DETACH,
} VmJobKind;

// One thing to be done to the machine. A worker thread of its own does it; one at a time.
typedef struct VmJob {
  VmJobKind kind;
  VmMachine *machine;        // owned
  GTask *task;               // owned; NULL: nobody waits for it
  GThread *thread;           // the worker
  VmStopReason stop_reason;  // VM_JOB_STOP
  GError *stop_error;        // VM_JOB_STOP: why, or NULL
  GBytes *state;             // VM_JOB_RESTORE: what to load; VM_JOB_SAVE: what was saved
  VmSaveOptions save;        // VM_JOB_SAVE_FILE; VM_JOB_RESTORE_FILE: its path
  GCancellable *cancellable; // VM_JOB_SAVE_FILE
  bool was_running;          // VM_JOB_SAVE_FILE
  unsigned disk;             // VM_JOB_MEDIUM: the drive
  char *medium;              // VM_JOB_MEDIUM: owned; NULL: none
  bool force;                // VM_JOB_MEDIUM, VM_JOB_DETACH: whatever the guest thinks of it
  VmConfig *attached;        // VM_JOB_ATTACH: owned; the machine's with the device
  bool is_nic;               // VM_JOB_ATTACH
  unsigned port;             // VM_JOB_DETACH: 0: what the guest has let go of, if anything
  GError *error;             // the job failed
} VmJob;

// Where the guest's requests go; outlives the VmMachine while one is on its way.
typedef struct VmRequester {
  GMainContext *context; // the owner's
  VmMachine *machine;    // owner's thread; not owned; NULL once it is gone
  unsigned run;          // number of the run, to tell late requests of an earlier one; constant
                         // while there is a machine
} VmRequester;

struct _VmMachine {
  GObject parent;

  // Constant but for what is in hot-plug slots, which changes on the owner's thread with no worker
  // at work.
  VmConfig *config;
  GMainContext *context;
  VmRequester *requester; // an atomic rc box

  // Owner's thread; constant while a worker runs, which reads them too.
  VmState state;
  const char *trouble; // why it pauses by itself; static text
  gint64 noticed;      // when a "notice" was last given, monotonic; 0: never
  const VmDisplaySinkOps *display_ops;
  void *display_sink;
  const VmConsoleSinkOps *console_ops[2]; // by VmConsole
  void *console_sink[2];
  const VmAudioSinkOps *audio_ops;
  void *audio_sink;
  char *gdb_address; // NULL: no gdb server
  bool gdb_wait;
  GQueue jobs;    // of VmJob, waiting
  VmJob *running; // the one a worker has

  // The worker's while a job runs, else the owner's. NULL: stopped.
  Machine *machine;
  GdbServer *gdb;

  // Under lock: any thread.
  GMutex lock;
  Machine *live;    // the same, for figures
  bool takes_input; // it runs
  VmStats last;     // figures of the last run
  char *report;     // and its translator's, or NULL
};

// Worker: carries the job out; sets error, and state of a save.
void vm_job_run (VmJob *job);
// Of vm_job_run.
void vm_job_save_file (VmJob *job);
bool vm_job_load_file (VmJob *job);
void vm_job_stop (VmJob *job);
void vm_job_change_medium (VmJob *job);
void vm_job_detach (VmJob *job);
void vm_job_end_hotplug (VmJob *job); // owner's thread
void vm_job_set_takes_input (VmMachine *machine, bool takes_input);

// Owner's thread, for operations in other files (machine.c).
VmJob *vm_job_new (VmMachine *machine, VmJobKind kind, GCancellable *cancellable,
                   GAsyncReadyCallback callback, void *user_data);
void vm_job_free (VmJob *job);
void vm_job_refuse (VmJob *take);
void vm_job_queue (VmJob *take);
void vm_job_clear_save (VmJob *job); // machine-state.c

// What the guest asks, with the VmRequester as opaque. Any thread; posts to the owner.
void vm_machine_on_request (void *opaque, VmRequest request);
