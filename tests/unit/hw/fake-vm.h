// SPDX-License-Identifier: GPL-3.0-or-later
// A machine without threads for device tests: a bus that dispatches like the real one, CPUs that
// only remember their interrupt inputs, and events, timers and a clock the test moves by hand.
// It takes the place of mem/bus.c and of all of vm/ at link time.
#pragma once

#include "engine/vm/vm.h"

enum {
  FAKE_MAX_CPUS = 64,
};

typedef struct FakeCpu {
  bool irq, fiq;
  unsigned requests; // vcpu_request calls with VCPU_IRQ
} FakeCpu;

typedef struct FakeVm {
  Vm vm;
  Vcpu vcpus[FAKE_MAX_CPUS];
  Vcpu *vcpu_list[FAKE_MAX_CPUS];
  FakeCpu cpus[FAKE_MAX_CPUS];
} FakeVm;

FakeVm *fake_vm_new (unsigned n_cpus, uint64_t ram_bytes); // RAM at 0x40000000
void fake_vm_free (FakeVm *fake);                          // devices first
uint8_t *fake_vm_ram (FakeVm *fake);
// As vm_add_device and vm_realize; asserts that it works.
void fake_vm_add (FakeVm *fake, Device *device);
// Runs callbacks of signalled events until none is.
void fake_vm_run (FakeVm *fake);
// Moves the clock and fires timers.
void fake_vm_advance (FakeVm *fake, int64_t ns);

// One bus access; what nothing answers reads as 0xdead.
uint64_t fake_read (FakeVm *fake, GuestAddr addr, unsigned size);
void fake_write (FakeVm *fake, GuestAddr addr, uint64_t value, unsigned size);

// An interrupt wire that remembers its level.
typedef struct FakeLine {
  bool level;
  unsigned rises;
} FakeLine;
IrqLine fake_line (FakeLine *line);

enum {
  FAKE_RAM_BASE = 0x40000000,
};
