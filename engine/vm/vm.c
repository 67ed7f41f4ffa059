// SPDX-License-Identifier: GPL-3.0-or-later
// One machine: building it and its transitions. Saving and loading are in vm-state.c.
//
// Threads: the controlling thread (vm.h). Devices are only touched on the I/O thread, with every
// vCPU parked.
#include <stdatomic.h>

#include "engine/vm/vcpu-priv.h"
#include "engine/vm/vm-priv.h"

// ---- building -------------------------------------------------------------------------------

// In a signal handler. Who came upon it runs on to the end of its block, with zeroes.
static void
memory_lost (void *data)
{
  Vm *vm = data;

  atomic_store (&vm->memory_lost, true);
  for (unsigned i = 0; i < vm->n_vcpus; i++)
    atomic_fetch_or (vm->vcpus[i]->pending, VCPU_EXIT);
  if (vm->priv->lost_event != NULL)
    vm_event_signal (vm->priv->lost_event);
}

// I/O thread.
static void
lost_cb (void *data)
{
  vm_request (data, VM_REQUEST_MEMORY_LOST);
}

static void
free_ram (void *ram)
{
  vm_ram_free (ram);
}

Vm *
vm_new (const char *name)
{
  Vm *vm = g_new0 (Vm, 1);

  vm->priv = g_new0 (struct VmPrivate, 1);
  vm->priv->name = g_strdup (name);
  vm->priv->rams = g_ptr_array_new_with_free_func (free_ram);
  guest_log_init (&vm->log, vm->priv->name);
  vm->bus = mem_bus_new ();
  vm->loop = vm_loop_new ("vm-io");
  vm->priv->lost_event = vm_event_new (vm->loop, lost_cb, vm);
  vm->clock = vm_clock_new (vm->loop);
  vm->devices = g_ptr_array_new ();
  return vm;
}

const char *
vm_get_name (const Vm *vm)
{
  return vm->priv->name;
}

void
vm_add_ram (Vm *vm, VmRam *ram)
{
  vm_ram_set_loss_handler (ram, memory_lost, vm);
  g_ptr_array_add (vm->priv->rams, ram);
  mem_bus_add_ram (vm->bus, ram);
}

uint64_t
vm_get_resident_ram_bytes (const Vm *vm)
{
  uint64_t sum = 0;

  for (unsigned i = 0; i < vm->priv->rams->len; i++)
    sum += vm_ram_get_resident_bytes (g_ptr_array_index (vm->priv->rams, i));
  return sum;
}

void
vm_add_device (Vm *vm, Device *device, const char *id)
{
  g_assert (!vm->priv->realized && device->ops->save != NULL && device->ops->load != NULL);
  device->vm = vm;
  device->id = g_strdup (id);
  g_ptr_array_add (vm->devices, device);
}

bool
vm_add_vcpus (Vm *vm, unsigned n, const GuestOps *guest, GError **error)
{
  g_assert (vm->n_vcpus == 0 && n > 0);
  vm->vcpus = g_new0 (Vcpu *, n);
  for (unsigned i = 0; i < n; i++) {
    vm->vcpus[i] = vcpu_new (vm, i, guest, error);
    if (vm->vcpus[i] == NULL)
      return false;
    vm->n_vcpus++;
  }
  return true;
}

typedef struct Transition {
  Vm *vm;
  GError **error;
  bool ok;
} Transition;

static void
realize_cb (void *data)
{
  Transition *t = data;

  t->ok = true;
  for (unsigned i = 0; t->ok && i < t->vm->devices->len; i++) {
    Device *device = g_ptr_array_index (t->vm->devices, i);

    if (device->ops->realize != NULL)
      t->ok = device->ops->realize (device, t->error);
  }
}

bool
vm_realize (Vm *vm, GError **error)
{
  Transition t = {.vm = vm, .error = error};

  g_assert (!vm->priv->realized);
  vm_loop_call (vm->loop, realize_cb, &t);
  vm->priv->realized = t.ok;
  return t.ok;
}

// ---- tearing down ---------------------------------------------------------------------------

static void
free_device (Device *device)
{
  char *id = device->id;

  device->ops->free (device);
  g_free (id);
}

// In reverse: a device may use those that were added before it.
static void
free_devices_cb (void *data)
{
  Vm *vm = data;

  for (unsigned i = vm->devices->len; i-- > 0;)
    free_device (g_ptr_array_index (vm->devices, i));
  g_ptr_array_set_size (vm->devices, 0);
  g_clear_pointer (&vm->priv->lost_event, vm_event_free);
}

void
vm_free (Vm *vm)
{
  if (vm == NULL)
    return;
  vm_stop (vm);
  // Devices may still raise interrupts while they go, so the CPUs' states go last.
  for (unsigned i = 0; i < vm->n_vcpus; i++)
    vcpu_join (vm->vcpus[i]);
  vm_loop_call (vm->loop, free_devices_cb, vm);
  for (unsigned i = 0; i < vm->n_vcpus; i++)
    vcpu_free (vm->vcpus[i]);
  g_free (vm->vcpus);
  g_ptr_array_unref (vm->devices);
  vm_clock_free (vm->clock);
  vm_loop_free (vm->loop);
  mem_bus_free (vm->bus);
  g_ptr_array_unref (vm->priv->rams);
  guest_log_clear (&vm->log);
  g_free (vm->priv->name);
  g_free (vm->priv);
  g_free (vm);
}

// ---- transitions ----------------------------------------------------------------------------

void
vm_park (Vm *vm)
{
  // All are asked before any is waited for.
  for (unsigned i = 0; i < vm->n_vcpus; i++)
    vcpu_set_allowed (vm->vcpus[i], false);
  for (unsigned i = 0; i < vm->n_vcpus; i++)
    vcpu_wait_parked (vm->vcpus[i]);
  vm->priv->running = false;
}

static void
let_go (Vm *vm)
{
  vm->priv->running = true;
  for (unsigned i = 0; i < vm->n_vcpus; i++)
    vcpu_set_allowed (vm->vcpus[i], true);
}

void
vm_quiesce_devices (Vm *vm)
{
  for (unsigned i = 0; !vm->priv->quiet && i < vm->devices->len; i++) {
    Device *device = g_ptr_array_index (vm->devices, i);

    if (device->ops->quiesce != NULL)
      device->ops->quiesce (device);
  }
  vm->priv->quiet = true;
}

void
vm_resume_devices (Vm *vm)
{
  for (unsigned i = 0; vm->priv->quiet && i < vm->devices->len; i++) {
    Device *device = g_ptr_array_index (vm->devices, i);

    if (device->ops->resume != NULL)
      device->ops->resume (device);
  }
  vm->priv->quiet = false;
}

// Everything as after power-on, the boot images in place; parked, I/O thread.
static bool
power_on (Vm *vm, GError **error)
{
  for (unsigned i = 0; i < vm->n_vcpus; i++)
    vcpu_reset (vm->vcpus[i], i == 0);
  for (unsigned i = 0; i < vm->devices->len; i++) {
    Device *device = g_ptr_array_index (vm->devices, i);

    if (device->ops->reset != NULL)
      device->ops->reset (device);
  }
  for (unsigned i = 0; i < vm->priv->rams->len; i++)
    vm_ram_clear (g_ptr_array_index (vm->priv->rams, i));
  atomic_store (&vm->memory_lost, false);
  if (vm->load_boot != NULL && !vm->load_boot (vm->load_boot_opaque, error))
    return false;
  for (unsigned i = 0; i < vm->n_vcpus; i++)
    vm->vcpus[i]->guest->code_changed (vm->vcpus[i]->cpu, 0, UINT64_MAX);
  return true;
}

// I/O thread.
static void
update_clock (Vm *vm)
{
  if (vm->priv->clock_wanted && !vm->priv->held)
    vm_clock_start (vm->clock);
  else
    vm_clock_stop (vm->clock);
}

static void
set_clock (Vm *vm, bool runs)
{
  vm->priv->clock_wanted = runs;
  update_clock (vm);
}

static void
start_cb (void *data)
{
  Transition *t = data;

  t->ok = power_on (t->vm, t->error);
  if (t->ok) {
    vm_resume_devices (t->vm);
    set_clock (t->vm, true);
  }
}

bool
vm_start (Vm *vm, GError **error)
{
  Transition t = {.vm = vm, .error = error};

  g_assert (vm->priv->realized && !vm->priv->started);
  vm_loop_call (vm->loop, start_cb, &t);
  vm->priv->started = t.ok;
  if (t.ok)
    let_go (vm);
  return t.ok;
}

static void
pause_cb (void *data)
{
  Vm *vm = data;

  set_clock (vm, false);
  vm_quiesce_devices (vm);
}

void
vm_pause (Vm *vm)
{
  vm_park (vm);
  vm_loop_call (vm->loop, pause_cb, vm);
}

static void
resume_cb (void *data)
{
  Vm *vm = data;

  vm_resume_devices (vm);
  set_clock (vm, true);
}

void
vm_resume (Vm *vm)
{
  g_assert (vm->priv->started);
  vm_loop_call (vm->loop, resume_cb, vm);
  let_go (vm);
}

static void
reset_cb (void *data)
{
  Transition *t = data;

  vm_quiesce_devices (t->vm);
  t->ok = power_on (t->vm, t->error);
}

bool
vm_reset (Vm *vm, GError **error)
{
  Transition t = {.vm = vm, .error = error};
  bool was_running = vm->priv->running;

  g_assert (vm->priv->started);
  vm_park (vm);
  vm_loop_call (vm->loop, reset_cb, &t);
  if (t.ok && was_running)
    vm_resume (vm);
  return t.ok;
}

void
vm_stop (Vm *vm)
{
  vm_park (vm);
  if (vm->priv->realized)
    vm_loop_call (vm->loop, pause_cb, vm);
}

// ---- devices that come and go ---------------------------------------------------------------

void
vm_call_parked (Vm *vm, void (*fn) (void *), void *data)
{
  bool was_running = vm->priv->running;

  if (was_running)
    vm_park (vm);
  vm_loop_call (vm->loop, fn, data);
  if (was_running)
    let_go (vm);
}

bool
vm_plug (Vm *vm, Device *device, const char *id, unsigned n, GError **error)
{
  g_assert (vm_loop_is_current (vm->loop) && vm->priv->realized && !vm->priv->running);
  device->vm = vm;
  device->id = g_strdup (id);
  if (device->ops->realize != NULL && !device->ops->realize (device, error)) {
    free_device (device);
    return false;
  }
  if (device->ops->reset != NULL)
    device->ops->reset (device);
  if (vm->priv->quiet && device->ops->quiesce != NULL)
    device->ops->quiesce (device);
  g_ptr_array_insert (vm->devices, (int) n, device);
  return true;
}

void
vm_unplug (Vm *vm, Device *device)
{
  g_assert (vm_loop_is_current (vm->loop) && !vm->priv->running);
  if (!vm->priv->quiet && device->ops->quiesce != NULL)
    device->ops->quiesce (device);
  g_ptr_array_remove (vm->devices, device);
  free_device (device);
}

// ---- a debugger -----------------------------------------------------------------------------

void
vm_hold (Vm *vm)
{
  g_assert (vm_loop_is_current (vm->loop));
  for (unsigned i = 0; i < vm->n_vcpus; i++)
    vcpu_set_held (vm->vcpus[i], true);
  for (unsigned i = 0; i < vm->n_vcpus; i++)
    vcpu_wait_parked (vm->vcpus[i]);
  for (unsigned i = 0; i < vm->n_vcpus; i++)
    vcpu_serve_parked (vm->vcpus[i]);
  vm->priv->held = true;
  update_clock (vm);
}

void
vm_release (Vm *vm, const bool *stay)
{
  g_assert (vm_loop_is_current (vm->loop));
  vm->priv->held = false;
  update_clock (vm);
  for (unsigned i = 0; i < vm->n_vcpus; i++)
    vcpu_set_held (vm->vcpus[i], stay[i]);
}
