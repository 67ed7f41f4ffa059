// SPDX-License-Identifier: GPL-3.0-or-later
// One virtual CPU: its thread, how others get its attention, and how it sleeps.
//
// The thread runs GuestOps.run until VCPU_EXIT is pending, then parks until the machine lets it
// go on. A CPU that is powered off (PSCI CPU_OFF, or never started) is parked too.
#pragma once

#include "engine/vm/guest.h"

typedef struct Vm Vm;

// Bits of *vcpu->pending. Running guest code polls the word at least once per block.
enum {
  VCPU_EXIT = 1u << 0, // leave GuestOps.run
  VCPU_IRQ = 1u << 1,  // an interrupt input changed: look whether to take it
  VCPU_WORK = 1u << 2, // items are queued with vcpu_post_work: call vcpu_run_work
};

struct Vcpu {
  Vm *vm;
  unsigned index;
  const GuestOps *guest;
  void *cpu; // from guest->cpu_new
  _Atomic uint32_t
      *pending;             // lives in the CPU state, in short-displacement reach of generated code
  struct VcpuPrivate *priv; // thread, sleep and work queue: vm/vcpu.c
};

Vcpu *vcpu_new (Vm *vm, unsigned index, const GuestOps *guest, GError **error);
void vcpu_free (Vcpu *vcpu); // joins the thread

// Sets bits in *pending and wakes the CPU when it sleeps in vcpu_wait. Any thread.
void vcpu_request (Vcpu *vcpu, uint32_t bits);

// Own thread: sleeps until *pending is non-zero, or until `deadline_ns` of the machine's clock
// (INT64_MAX: none). May return early.
void vcpu_wait (Vcpu *vcpu, int64_t deadline_ns);

// The event register of WFE and SEV. wait_event (own thread) sleeps as vcpu_wait does, but not
// when the register is set, and no longer than until it is; it clears the register. take_event
// clears it and says whether it was set. send_event_all sets it for every CPU of the machine,
// set_event for one (any thread). event_register: 1 is set, 0 clear; its own thread may set it by a
// plain store.
bool vcpu_take_event (Vcpu *vcpu);
_Atomic uint32_t *vcpu_event_register (Vcpu *vcpu);
void vcpu_wait_event (Vcpu *vcpu, int64_t deadline_ns);
void vcpu_set_event (Vcpu *vcpu);
void vcpu_send_event_all (Vm *vm);

// Queues fn to run on the vCPU's own thread before its next guest instruction; a CPU that sleeps
// is not woken for it (it runs the work before it goes on). With `wait`, returns once fn has run,
// or at once when that CPU is not executing guest code (asleep, parked, off): it cannot execute
// one without running the work first. Never call with locks held that fn takes; while it waits,
// the calling vCPU serves its own queue, so two CPUs may wait for each other. `caller` is the
// calling thread's vCPU, NULL for another thread. fn itself posts nothing.
typedef void (*VcpuWork) (Vcpu *vcpu, uint64_t a, uint64_t b);
void vcpu_post_work (Vcpu *target, Vcpu *caller, VcpuWork fn, uint64_t a, uint64_t b, bool wait);
// The same for every other vCPU of the caller's machine.
void vcpu_post_work_others (Vcpu *caller, VcpuWork fn, uint64_t a, uint64_t b, bool wait);
// Own thread, when VCPU_WORK is pending: clears the bit and runs what is queued.
void vcpu_run_work (Vcpu *vcpu);

// PSCI. power_on: false when it is on already. Any thread. power_off: own thread; takes effect
// when GuestOps.run returns (VCPU_EXIT is set for it).
bool vcpu_power_on (Vcpu *vcpu, GuestVaddr entry, uint64_t arg);
void vcpu_power_off (Vcpu *vcpu);
bool vcpu_is_on (Vcpu *vcpu);

// A debugger lets it run no guest code, whatever the machine's state. Any thread; does not wait
// (vm_hold does); its own thread parks when GuestOps.run has returned.
void vcpu_set_held (Vcpu *vcpu, bool held);

// Host CPU time its thread used, in ns. Any thread.
int64_t vcpu_get_cpu_time_ns (Vcpu *vcpu);
// Retired guest instructions since the machine was made, resets included. Any thread.
uint64_t vcpu_get_instructions (Vcpu *vcpu);
