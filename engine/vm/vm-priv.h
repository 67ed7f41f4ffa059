// SPDX-License-Identifier: GPL-3.0-or-later
// The inside of a machine, shared by vm.c and vm-state.c only.
#pragma once

#include "engine/vm/vm.h"

struct VmPrivate {
  char *name;
  GPtrArray *rams;     // of VmRam
  bool realized;       // every device
  bool started;        // start or load was carried out
  bool running;        // vCPUs are let go
  bool quiet;          // devices were quiesced and not resumed
  VmEvent *lost_event; // tells the I/O thread that memory is lost
  // I/O thread: the clock runs when the machine does and no debugger holds it.
  bool clock_wanted, held;
};

// Every vCPU parked. Any thread but a vCPU's.
void vm_park (Vm *vm);
// I/O thread.
void vm_quiesce_devices (Vm *vm);
void vm_resume_devices (Vm *vm);
