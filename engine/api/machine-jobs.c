// SPDX-License-Identifier: GPL-3.0-or-later
// What is done to a machine while its owner goes on: building, transitions, tearing down.
//
// Threads: a worker's; one job of a machine at a time, so it may use machine->machine freely.
#include "engine/api/config-priv.h"
#include "engine/api/machine-priv.h"

// ---- building -------------------------------------------------------------------------------

static MachineDisk *
make_disks (const VmConfig *config)
{
  MachineDisk *disks = g_new0 (MachineDisk, config->disks->len);

  for (unsigned i = 0; i < config->disks->len; i++) {
    const VmDiskConfig *disk = g_ptr_array_index (config->disks, i);
    disks[i] = (MachineDisk){
        .path = disk->path,
        .format = (BlockFormat) disk->format,
        .read_only = disk->read_only,
        .allow_backing = disk->allow_backing,
        .bus = disk->bus == VM_DISK_SCSI   ? MACHINE_BUS_SCSI
               : disk->bus == VM_DISK_NVME ? MACHINE_BUS_NVME
               : disk->bus == VM_DISK_USB  ? MACHINE_BUS_USB
                                           : MACHINE_BUS_VIRTIO,
        .cdrom = disk->cdrom,
        .port = disk->port,
    };
  }
  return disks;
}

static NetForward *
make_forwards (const VmNicConfig *nic)
{
  NetForward *forwards = g_new0 (NetForward, nic->forwards->len);

  for (unsigned i = 0; i < nic->forwards->len; i++) {
    const VmForward *forward = &g_array_index (nic->forwards, VmForward, i);
    forwards[i] = (NetForward){
        .udp = forward->udp,
        .host_port = forward->host_port,
        .guest_port = forward->guest_port,
    };
  }
  return forwards;
}

static MachineNic *
make_nics (const VmConfig *config)
{
  MachineNic *nics = g_new0 (MachineNic, config->nics->len);

  for (unsigned i = 0; i < config->nics->len; i++) {
    const VmNicConfig *nic = g_ptr_array_index (config->nics, i);

    vm_config_get_mac (config, i, nics[i].mac);
    nics[i].forwards = make_forwards (nic);
    nics[i].n_forwards = nic->forwards->len;
    nics[i].port = nic->port;
  }
  return nics;
}

static void
free_nics (MachineNic *nics, unsigned n)
{
  for (unsigned i = 0; i < n; i++)
    g_free ((void *) nics[i].forwards);
  g_free (nics);
}

// What is attached is the last of its kind.
static void
attach (VmJob *job)
{
  const VmConfig *config = job->attached;
  Machine *machine = job->machine->machine;

  if (job->is_nic) {
    MachineNic *nics = make_nics (config);
    machine_attach_nic (machine, &nics[config->nics->len - 1], &job->error);
    free_nics (nics, config->nics->len);
  } else {
    g_autofree MachineDisk *disks = make_disks (config);
    machine_attach_disk (machine, &disks[config->disks->len - 1], &job->error);
  }
}

static bool
build (VmMachine *machine, GError **error)
{
  const VmConfig *config = machine->config;
  g_autofree MachineDisk *disks = make_disks (config);
  MachineNic *nics = make_nics (config);
  const MachineConfig description = {
      .name = config->name,
      .uuid = config->uuid,
      .cpus = config->cpus,
      .pauth = (config->cpu_features & VM_CPU_PAUTH) != 0,
      .bti = (config->cpu_features & VM_CPU_BTI) != 0,
      .strict_code = config->strict_code,
      .accel = config->accel == VM_ACCEL_JIT      ? MACHINE_ACCEL_JIT
               : config->accel == VM_ACCEL_INTERP ? MACHINE_ACCEL_INTERP
                                                  : MACHINE_ACCEL_AUTO,
      .jit = {.bytes = config->developer.jit_max_bytes,
              .count = config->developer.count || config->developer.jit_stats,
              .stats = config->developer.jit_stats,
              .at_once = config->developer.jit_at_once,
              .perf_map = config->developer.jit_perf_map,
              .dump = config->developer.jit_dump},
      .verify = config->developer.jit_verify,
      .memory_bytes = config->memory_bytes,
      .kernel = config->kernel,
      .initrd = config->initrd,
      .cmdline = config->cmdline,
      .firmware = config->firmware,
      .nvram = config->nvram,
      .no_acpi = config->no_acpi,
      .vsock = config->vsock,
      .boot_order = (const char *const *) config->boot_order,
      .disks = disks,
      .n_disks = config->disks->len,
      .nics = nics,
      .n_nics = config->nics->len,
      .display = config->display,
      .display_width = config->display_width,
      .display_height = config->display_height,
      .display_ops = machine->display_ops,
      .display_sink = machine->display_sink,
      .serial = {machine->console_ops[VM_CONSOLE_SERIAL], machine->console_sink[VM_CONSOLE_SERIAL]},
      .virtio_console = {machine->console_ops[VM_CONSOLE_VIRTIO],
                         machine->console_sink[VM_CONSOLE_VIRTIO]},
      .sound = config->sound.device == VM_SOUND_VIRTIO ? MACHINE_SOUND_VIRTIO
               : config->sound.device == VM_SOUND_HDA  ? MACHINE_SOUND_HDA
                                                       : MACHINE_SOUND_NONE,
      .audio_ops = machine->audio_ops,
      .audio_sink = machine->audio_sink,
  };

  machine->machine = machine_new_virt_aarch64 (&description, error);
  free_nics (nics, config->nics->len);
  if (machine->machine == NULL)
    return false;
  machine_get_vm (machine->machine)->on_request = vm_machine_on_request;
  machine_get_vm (machine->machine)->on_request_opaque = machine->requester;
  return true;
}

static void
destroy (VmMachine *machine)
{
  g_clear_pointer (&machine->gdb, gdb_server_free);
  g_clear_pointer (&machine->machine, machine_free);
}

static bool
serve_gdb (VmMachine *machine, GError **error)
{
  if (machine->gdb_address == NULL)
    return true;
  machine->gdb = gdb_server_new (machine_get_vm (machine->machine), machine->gdb_address,
                                 machine->gdb_wait, error);
  return machine->gdb != NULL;
}

// ---- who else sees it -----------------------------------------------------------------------

static void
publish (VmMachine *machine, bool takes_input)
{
  g_mutex_lock (&machine->lock);
  machine->live = machine->machine;
  machine->takes_input = takes_input;
  g_mutex_unlock (&machine->lock);
}

void
vm_job_set_takes_input (VmMachine *machine, bool takes_input)
{
  g_mutex_lock (&machine->lock);
  machine->takes_input = takes_input;
  g_mutex_unlock (&machine->lock);
}

static char *
make_report (const VmMachine *machine)
{
  const Vm *vm = machine_get_vm (machine->machine);

  if (!machine->config->developer.jit_stats)
    return NULL;
  GString *out = g_string_new (NULL);
  for (unsigned i = 0; i < vm->n_vcpus; i++)
    vm->vcpus[i]->guest->report (vm->vcpus[i]->cpu, out);
  return g_string_free (out, FALSE);
}

// Keeps the last figures and hides the machine, which is stopped by now.
static void
withdraw (VmMachine *machine)
{
  VmStats last;

  vm_machine_get_stats (machine, &last);
  char *report = make_report (machine);
  g_mutex_lock (&machine->lock);
  machine->last = last;
  g_free (machine->report);
  machine->report = report;
  machine->live = NULL;
  machine->takes_input = false;
  g_mutex_unlock (&machine->lock);
}

// ---- jobs -----------------------------------------------------------------------------------

static void
start (VmJob *job)
{
  VmMachine *machine = job->machine;

  if (!build (machine, &job->error))
    return;
  if (!serve_gdb (machine, &job->error)) {
    destroy (machine);
    return;
  }
  // Visible before it runs: the first thing it prints may be answered at once.
  publish (machine, true);
  if (!vm_start (machine_get_vm (machine->machine), &job->error)) {
    withdraw (machine);
    destroy (machine);
  }
}

static void
restore (VmJob *job)
{
  VmMachine *machine = job->machine;

  if (!build (machine, &job->error))
    return;
  if (vm_load (machine_get_vm (machine->machine), job->state, &job->error) &&
      serve_gdb (machine, &job->error))
    publish (machine, false);
  else
    destroy (machine);
}

static void
restore_file (VmJob *job)
{
  VmMachine *machine = job->machine;

  if (!build (machine, &job->error))
    return;
  if (!vm_job_load_file (job) || !serve_gdb (machine, &job->error)) {
    destroy (machine);
    return;
  }
  publish (machine, true);
  vm_resume (machine_get_vm (machine->machine));
}

void
vm_job_stop (VmJob *job)
{
  VmMachine *machine = job->machine;

  vm_job_set_takes_input (machine, false);
  vm_stop (machine_get_vm (machine->machine));
  withdraw (machine);
  destroy (machine);
}

void
vm_job_run (VmJob *job)
{
  VmMachine *machine = job->machine;
  Vm *vm = machine->machine != NULL ? machine_get_vm (machine->machine) : NULL;

  switch (job->kind) {
  case VM_JOB_START:
    start (job);
    break;
  case VM_JOB_RESTORE:
    restore (job);
    break;
  case VM_JOB_PAUSE:
    vm_job_set_takes_input (machine, false);
    vm_pause (vm);
    break;
  case VM_JOB_RESUME:
    vm_resume (vm);
    vm_job_set_takes_input (machine, true);
    break;
  case VM_JOB_RESET:
    vm_reset (vm, &job->error);
    break;
  case VM_JOB_SAVE:
    job->state = vm_save (vm, &job->error);
    break;
  case VM_JOB_SAVE_FILE:
    vm_job_save_file (job);
    break;
  case VM_JOB_RESTORE_FILE:
    restore_file (job);
    break;
  case VM_JOB_MEDIUM:
    vm_job_change_medium (job);
    break;
  case VM_JOB_ATTACH:
    attach (job);
    break;
  case VM_JOB_DETACH:
    vm_job_detach (job);
    break;
  case VM_JOB_STOP:
    vm_job_stop (job);
    break;
  }
}
