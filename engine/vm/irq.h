// SPDX-License-Identifier: GPL-3.0-or-later
// Interrupt wiring between devices, the interrupt controller and the CPUs, without any of them
// knowing the others' types.
#pragma once

#include "engine/structs/types.h"

// A wire a device drives. Any thread; never blocks for long; setting the level it already has is
// harmless. Edge-triggered inputs are pulsed: level true then false.
typedef struct IrqLine {
  void (*set) (void *opaque, unsigned n, bool level);
  void *opaque;
  unsigned n;
} IrqLine;

static inline void
irq_line_set (const IrqLine *line, bool level)
{
  if (line->set != NULL)
    line->set (line->opaque, line->n, level);
}

static inline void
irq_line_pulse (const IrqLine *line)
{
  irq_line_set (line, true);
  irq_line_set (line, false);
}

// Where devices' message-signalled interrupts go. `requester`: who writes, a PCI function's bus,
// device and function number. Any thread, with the device's locks held. False: `addr` is none of the
// interrupt controller's.
typedef struct MsiSink {
  bool (*send) (void *opaque, uint32_t requester, GuestAddr addr, uint32_t data);
  void *opaque;
} MsiSink;

// What an interrupt controller gives the CPUs: its CPU interface as system registers. `reg` is
// the guest architecture's own register number (A64: op0..op2 packed by A64_SYSREG). Called on
// vCPU `vcpu`'s own thread. False: no such register (the CPU makes it UNDEFINED).
typedef struct IrqChipOps {
  bool (*read) (void *opaque, unsigned vcpu, uint32_t reg, uint64_t *value);
  bool (*write) (void *opaque, unsigned vcpu, uint32_t reg, uint64_t value);
  // The CPU is powered off: its interface is as after reset, and what waited for it goes to others
  // where it may.
  void (*reset_cpu) (void *opaque, unsigned vcpu);
} IrqChipOps;
