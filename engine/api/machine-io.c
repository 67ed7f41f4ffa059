// SPDX-License-Identifier: GPL-3.0-or-later
// What goes into a running machine from outside, and its figures.
//
// Threads: any; under machine->lock, which is only ever held for moments.
#include "engine/api/config-priv.h"
#include "engine/api/machine-priv.h"

// The machine that takes input, with the lock held; NULL (and no lock) when there is none.
static Machine *
begin_input (VmMachine *machine)
{
  g_mutex_lock (&machine->lock);
  if (machine->live != NULL && machine->takes_input)
    return machine->live;
  g_mutex_unlock (&machine->lock);
  return NULL;
}

static void
end_input (VmMachine *machine)
{
  g_mutex_unlock (&machine->lock);
}

void
vm_machine_send_key (VmMachine *machine, unsigned evdev_code, bool down)
{
  Machine *live = begin_input (machine);

  if (live == NULL)
    return;
  machine_send_key (live, evdev_code, down);
  end_input (machine);
}

void
vm_machine_send_button (VmMachine *machine, unsigned evdev_code, bool down)
{
  Machine *live = begin_input (machine);

  if (live == NULL)
    return;
  machine_send_button (live, evdev_code, down);
  end_input (machine);
}

void
vm_machine_send_position (VmMachine *machine, double x, double y, unsigned width, unsigned height)
{
  Machine *live = begin_input (machine);

  if (live == NULL)
    return;
  machine_send_position (live, x, y, width, height);
  end_input (machine);
}

void
vm_machine_send_scroll (VmMachine *machine, int dx, int dy)
{
  Machine *live = begin_input (machine);

  if (live == NULL)
    return;
  machine_send_scroll (live, dx, dy);
  end_input (machine);
}

void
vm_machine_set_display_size (VmMachine *machine, unsigned width, unsigned height)
{
  Machine *live = begin_input (machine);

  if (live == NULL)
    return;
  machine_set_display_size (live, width, height);
  end_input (machine);
}

size_t
vm_machine_console_write (VmMachine *machine, VmConsole console, const uint8_t *data, size_t length)
{
  Machine *live = begin_input (machine);
  size_t taken;

  if (live == NULL)
    return 0;
  if (console == VM_CONSOLE_SERIAL)
    taken = machine_send_serial (live, data, length);
  else
    taken = machine_send_console (live, data, length);
  end_input (machine);
  return taken;
}

void
vm_machine_set_memory_target (VmMachine *machine, uint64_t bytes)
{
  Machine *live = begin_input (machine);

  if (live == NULL)
    return;
  machine_set_memory_target (live, MAX (bytes, VM_CONFIG_MEMORY_MIN));
  end_input (machine);
}

static void
read_stats (Machine *machine, VmStats *stats)
{
  const Vm *vm = machine_get_vm (machine);
  MachineMemory memory;
  MachineTraffic traffic;

  machine_get_memory (machine, &memory);
  machine_get_traffic (machine, &traffic);
  *stats = (VmStats){
      .running_seconds = (double) vm_clock_now (vm->clock) / 1e9,
      .resident_ram_bytes = vm_get_resident_ram_bytes (vm),
      .memory_target_bytes = memory.target,
      .memory_now_bytes = memory.now,
      .memory_reported_bytes = memory.reported,
      .disk_read_bytes = traffic.disk_read,
      .disk_written_bytes = traffic.disk_written,
      .net_received_bytes = traffic.net_received,
      .net_sent_bytes = traffic.net_sent,
      .memory_total_bytes = memory.total,
      .memory_free_bytes = memory.free,
      .memory_available_bytes = memory.available,
  };
  for (unsigned i = 0; i < vm->n_vcpus; i++) {
    double seconds = (double) vcpu_get_cpu_time_ns (vm->vcpus[i]) / 1e9;

    stats->guest_instructions += vcpu_get_instructions (vm->vcpus[i]);
    stats->vcpu_cpu_seconds += seconds;
    stats->cpu_seconds[stats->n_cpus++] = seconds;
  }
}

void
vm_machine_get_stats (VmMachine *machine, VmStats *stats)
{
  g_mutex_lock (&machine->lock);
  if (machine->live != NULL)
    read_stats (machine->live, stats);
  else
    *stats = machine->last;
  g_mutex_unlock (&machine->lock);
}

char *
vm_machine_get_report (VmMachine *machine)
{
  g_mutex_lock (&machine->lock);
  char *report = g_strdup (machine->live == NULL ? machine->report : NULL);
  g_mutex_unlock (&machine->lock);
  return report;
}
