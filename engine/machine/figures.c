// SPDX-License-Identifier: GPL-3.0-or-later
// How much of its memory the guest is to make do with, and what it says of that; what its disks and
// network adapters move. Any thread.
#include "engine/machine/machine-priv.h"
#include "engine/virtio/balloon.h"

void
machine_set_memory_target (Machine *machine, uint64_t bytes)
{
  virtio_balloon_set_target (machine->balloon,
                             machine->ram_bytes - MIN (bytes, machine->ram_bytes));
}

void
machine_get_memory (Machine *machine, MachineMemory *memory)
{
  VirtioBalloonStats stats;

  virtio_balloon_get_stats (machine->balloon, &stats);
  *memory = (MachineMemory){
      .target = machine->ram_bytes - MIN (stats.target, machine->ram_bytes),
      .now = machine->ram_bytes - MIN (stats.actual, machine->ram_bytes),
      .reported = stats.reported,
      .total = stats.total,
      .free = stats.free,
      .available = stats.available,
  };
}

void
machine_get_traffic (Machine *machine, MachineTraffic *traffic)
{
  *traffic = (MachineTraffic){
      .disk_read = atomic_load_explicit (&machine->disk_traffic.in, memory_order_relaxed),
      .disk_written = atomic_load_explicit (&machine->disk_traffic.out, memory_order_relaxed),
      .net_received = atomic_load_explicit (&machine->net_traffic.in, memory_order_relaxed),
      .net_sent = atomic_load_explicit (&machine->net_traffic.out, memory_order_relaxed),
  };
}
