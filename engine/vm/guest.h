// SPDX-License-Identifier: GPL-3.0-or-later
// What a guest architecture is to the machine: how to make, run, inspect and save one CPU of it.
// Implemented by engine/guest/<arch>/; chosen by engine/machine/.
#pragma once

#include <glib.h>

#include "engine/structs/types.h"

typedef struct Vcpu Vcpu;
typedef struct StateWriter StateWriter;
typedef struct StateReader StateReader;

typedef enum GuestIrq {
  GUEST_IRQ,
  GUEST_FIQ,
} GuestIrq;

// Unless said otherwise: on the vCPU's own thread, or on any thread while the vCPU is parked.
typedef struct GuestOps {
  const char *name;
  // The CPU's state; `vcpu->pending` must point into it afterwards.
  void *(*cpu_new) (Vcpu *vcpu, GError **error);
  void (*cpu_free) (void *cpu);
  // Architectural cold reset.
  void (*reset) (void *cpu);
  // Where the CPU starts after reset, with `arg` in the first argument register.
  void (*set_entry) (void *cpu, GuestVaddr pc, uint64_t arg);
  // Runs guest code until vcpu->pending has VCPU_EXIT. Handles VCPU_IRQ and VCPU_WORK itself and
  // sleeps in vcpu_wait for the guest's wait instructions.
  void (*run) (void *cpu);
  // The interrupt input of the CPU. Any thread.
  void (*set_irq) (void *cpu, GuestIrq irq, bool level);
  // All translations and decoded code of [addr, addr + length) may be stale (the loader, restore
  // or a debugger wrote there without the guest's knowledge). length UINT64_MAX: all.
  void (*code_changed) (void *cpu, GuestAddr addr, uint64_t length);
  // Retired guest instructions since reset. Any thread (approximate while running).
  uint64_t (*get_instructions) (void *cpu);
  uint32_t state_version;
  void (*save) (void *cpu, StateWriter *writer);
  bool (*load) (void *cpu, StateReader *reader, uint32_t version, GError **error);
} GuestOps;
