// SPDX-License-Identifier: GPL-3.0-or-later
// A whole `virt` machine for fuzz targets, with every device it can have and little RAM. Its
// kernel switches CPU 0 off at once, so that nothing but the target touches the devices.
//
// Threads: the target's, as the machine's controlling thread.
#pragma once

#include "engine/machine/machine.h"
#include "tests/fuzz/fuzz.h"

enum {
  FUZZ_MACHINE_RAM_BYTES = 64 << 20,
  FUZZ_MACHINE_DISKS = 2,
};

typedef struct FuzzMachine {
  Machine *machine;
  Vm *vm;
  int kernel_fd, disk_fds[FUZZ_MACHINE_DISKS];
} FuzzMachine;

// Whether its CPUs do something; they do that as $TERRARIUM_ACCEL says, with the translator translating
// what is come to again or, since hardly anything is, all.
typedef enum FuzzRun {
  FUZZ_PARKED,
  FUZZ_RUNS,
  FUZZ_RUNS_AT_ONCE,
} FuzzRun;

// Built and realized, not started. Ends the program when that fails.
FuzzMachine *fuzz_machine_new (unsigned cpus, FuzzRun runs);
void fuzz_machine_free (FuzzMachine *fm);

// One step of what a hostile guest and a busy person do: an access to a register, a virtio device
// set up, a ring filled, a key pressed … Any state; the CPUs are parked or off.
void fuzz_machine_step (FuzzMachine *fm, FuzzInput *in);
// Returns when the I/O thread has looked at what was notified before.
void fuzz_machine_settle (FuzzMachine *fm);

// A queue in RAM: descriptors, then the other rings at their offsets.
enum {
  FUZZ_QUEUE_SIZE = 16,
  FUZZ_QUEUE_AVAIL = 0x1000,
  FUZZ_QUEUE_USED = 0x2000,
};
// Writes some descriptors, what they point to and an entry of the available ring.
void fuzz_fill_queue (Vm *vm, FuzzInput *in, GuestAddr area);
// A number for a register: often one at an edge.
uint64_t fuzz_value (FuzzInput *in);

// Warnings and criticals end the program from now on: they are for our mistakes, not the guest's.
void fuzz_make_warnings_fatal (void);
