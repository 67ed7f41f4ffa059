// SPDX-License-Identifier: GPL-3.0-or-later
// One machine, as its parts see it: bus, loop, clock, CPUs, devices. Built by engine/machine/,
// driven by engine/api/. Nothing here is global: several machines run in one process.
//
// State changes (start, pause, resume, reset, save, load, stop) are made by one controlling thread
// at a time (api serialises them on the I/O thread or a worker), never by a vCPU thread; a vCPU
// asks with vm_request.
#pragma once

#include "engine/log/guest-log.h"
#include "engine/mem/bus.h"
#include "engine/snapshot/state-file.h"
#include "engine/vm/clock.h"
#include "engine/vm/device.h"
#include "engine/vm/idle.h"
#include "engine/vm/irq.h"
#include "engine/vm/loop.h"
#include "engine/vm/vcpu.h"

// What a guest can ask of its machine, or a debugger, or a device.
typedef enum VmRequest {
  VM_REQUEST_POWER_OFF,
  VM_REQUEST_RESET,
  VM_REQUEST_KILL,        // a debugger's: the end, though the guest did not ask for it
  VM_REQUEST_DISK_ERROR,  // a disk's: to tell the person; the guest got an error
  VM_REQUEST_MEMORY_LOST, // guest memory cannot be read any more: its CPUs stand still, for good
  VM_REQUEST_DISK_FULL,   // a disk's: to pause, as the host has no room for what the guest writes
  VM_REQUEST_UNPLUG,      // a slot's: the guest has let go of what it was asked for
} VmRequest;

// A firmware call (A64: HVC #0; SMCCC). `regs` are x0..x17, read and written in place. Own vCPU
// thread. False: not handled (the CPU answers as for an unknown call).
typedef bool (*VmHypercall) (void *opaque, Vcpu *vcpu, uint64_t regs[18]);

struct Vm {
  // Constant after the machine is built.
  MemBus *bus;
  VmLoop *loop;
  VmClock *clock;
  Vcpu **vcpus;
  unsigned n_vcpus;
  GPtrArray *devices; // of Device: also the order of saved state; changed by vm_plug and vm_unplug
  const IrqChipOps *irqchip;
  void *irqchip_opaque;
  VmHypercall hypercall;
  void *hypercall_opaque;
  // Called on the vCPU thread (or I/O thread) that made the request; must only post.
  void (*on_request) (void *opaque, VmRequest request);
  void *on_request_opaque;
  // A CPU came upon something a debugger waits for. On its own thread, which calls vcpu_set_held.
  // NULL while there is no debugger; set and cleared with every vCPU parked.
  void (*on_debug_stop) (void *opaque, Vcpu *vcpu);
  void *on_debug_stop_opaque;
  // Puts boot images back into RAM and sets CPU 0's entry; run by vm_start and vm_reset.
  bool (*load_boot) (void *opaque, GError **error);
  void *load_boot_opaque;
  // Guest memory cannot be read any more (mem/ram.h): no CPU runs. Set in a signal handler.
  _Atomic bool memory_lost;
  VmIdleList idle;        // what waits for a vCPU to have nothing to do
  GuestLog log;           // what the guest does wrong, rate limited; any thread
  struct VmPrivate *priv; // vm/vm.c
};

Vm *vm_new (const char *name);
void vm_free (Vm *vm); // stops everything; frees vCPUs, devices, loop, clock, bus

void vm_add_ram (Vm *vm, VmRam *ram);                        // takes it
void vm_add_device (Vm *vm, Device *device, const char *id); // takes it
bool vm_add_vcpus (Vm *vm, unsigned n, const GuestOps *guest, GError **error);
bool vm_realize (Vm *vm, GError **error); // realizes all devices, in order
const char *vm_get_name (const Vm *vm);
uint64_t vm_get_resident_ram_bytes (const Vm *vm); // host memory behind guest RAM; any thread

bool vm_start (Vm *vm, GError **error); // load_boot, CPU 0 on, clock runs
void vm_pause (Vm *vm);                 // returns when every vCPU is parked and devices are quiet
void vm_resume (Vm *vm);
bool vm_reset (Vm *vm, GError **error); // as after power-on; leaves it running if it ran
void vm_stop (Vm *vm);                  // for good; devices quiesced

// Runs fn on the I/O thread with every vCPU parked; the machine goes on afterwards as before.
void vm_call_parked (Vm *vm, void (*fn) (void *), void *data);
// In there: a device comes to a machine that runs or is paused, as the n-th of `devices`, or goes.
// plug takes it; when it cannot be realized it is freed.
bool vm_plug (Vm *vm, Device *device, const char *id, unsigned n, GError **error);
void vm_unplug (Vm *vm, Device *device);

// Paused only. RAM, clock, CPUs and devices.
GBytes *vm_save (Vm *vm, GError **error);
bool vm_load (Vm *vm, GBytes *state, GError **error); // instead of vm_start; leaves it paused
// The same with RAM in a file that can be mapped. What is in RAM is only noted: the writer copies it
// later.
bool vm_save_to_file (Vm *vm, StateFileWriter *file, GError **error);
bool vm_load_from_file (Vm *vm, const StateFile *file, GError **error);

// For a debugger, on the I/O thread, in any state of the machine. hold returns when every vCPU is
// parked, with the clock standing still; devices go on. release leaves those of `stay` (n_vcpus
// entries) held.
void vm_hold (Vm *vm);
void vm_release (Vm *vm, const bool *stay);

// Any thread.
static inline void
vm_request (Vm *vm, VmRequest request)
{
  if (vm->on_request != NULL)
    vm->on_request (vm->on_request_opaque, request);
}
