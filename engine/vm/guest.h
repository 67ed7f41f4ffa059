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
// What a debugger sets on an address.
typedef enum GuestPoint {
  GUEST_POINT_BREAK,
  GUEST_POINT_WRITE, // watchpoints: the access stops before it is made
  GUEST_POINT_READ,
  GUEST_POINT_ACCESS,
} GuestPoint;

// Why a CPU called vm->on_debug_stop.
typedef struct GuestDebugStop {
  bool watched;    // an access, of `kind` at `addr`; else a breakpoint or the end of a step
  GuestPoint kind; // as it was set
  GuestVaddr addr;
} GuestDebugStop;

// One register as gdb's target descriptions have it.
typedef struct GuestRegister {
  char name[24];
  uint8_t feature; // index in GuestDebugOps.features
  uint8_t bits;    // 32, 64 or 128
  const char *type;
  const char *group; // NULL: gdb's choice
} GuestRegister;

enum {
  GUEST_DEBUG_PAGE = 4096,
  GUEST_REGISTER_BYTES = 16,
};

typedef struct GuestDebugFeature {
  const char *name;
  const char *types; // XML of the types its registers use
} GuestDebugFeature;

// What a debugger may do with a CPU. On any thread while the vCPU is parked. attach comes before
// all others, detach after; what was set is gone with it.
typedef struct GuestDebugOps {
  const char *architecture; // gdb's name
  const GuestDebugFeature *features;
  unsigned n_features;
  unsigned n_general; // registers of gdb's g packet: the first ones
  // A bit for each of `features` that this CPU lacks. Any thread. NULL: it has them all.
  uint32_t (*absent_features) (const void *cpu);
  void (*attach) (void *cpu);
  void (*detach) (void *cpu);
  // Pure. False: there is no register n.
  bool (*describe_register) (unsigned n, GuestRegister *out);
  // Little endian, as many bytes as it has. False: no such register, or it cannot be written.
  bool (*read_register) (void *cpu, unsigned n, uint8_t value[GUEST_REGISTER_BYTES]);
  bool (*write_register) (void *cpu, unsigned n, const uint8_t value[GUEST_REGISTER_BYTES]);
  // Where `va` is in the CPU's present translation; holds to the end of its GUEST_DEBUG_PAGE. The
  // guest notices nothing. False: it is not mapped.
  bool (*translate) (void *cpu, GuestVaddr va, GuestAddr *pa);
  // Sets or removes; both may be repeated. False: there is no room for more.
  bool (*set_point) (void *cpu, bool set, GuestPoint kind, GuestVaddr va, uint64_t length);
  // From now on the CPU stops after one instruction or exception entry, taking no interrupt.
  void (*set_step) (void *cpu, bool step);
  // Why it stopped, which is forgotten then. False: it did not.
  bool (*take_stop) (void *cpu, GuestDebugStop *stop);
} GuestDebugOps;

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
  // Appends lines for those who work on the engine.
  void (*report) (void *cpu, GString *out);
  uint32_t state_version;
  void (*save) (void *cpu, StateWriter *writer);
  bool (*load) (void *cpu, StateReader *reader, uint32_t version, GError **error);
  const GuestDebugOps *debug;
} GuestOps;
