// SPDX-License-Identifier: GPL-3.0-or-later
// A machine as a debugger's target; see target.h. When one CPU stops, all do: it holds itself on
// its own thread and signals an event, upon which the I/O thread holds the others and reports it.
// Another one that stops meanwhile is not reported; it comes upon the same thing when it goes on.
#include "engine/gdb/target.h"

#include <stdatomic.h>
#include <string.h>

struct GdbTarget {
  Vm *vm;
  const GuestDebugOps *debug;
  void (*stopped) (void *, unsigned, const GuestDebugStop *);
  void *opaque;
  VmEvent *event;
  bool attached, running;
  unsigned last; // thread that was reported last, so that others have their turn
  atomic_bool came_upon;
};

// ---- stopping and resuming ------------------------------------------------------------------

// On the vCPU's thread.
static void
came_upon_cb (void *opaque, Vcpu *vcpu)
{
  GdbTarget *target = opaque;

  vcpu_set_held (vcpu, true);
  atomic_store (&target->came_upon, true);
  vm_event_signal (target->event);
}

// What stopped CPUs have come upon is forgotten.
static void
forget_stops (GdbTarget *target)
{
  GuestDebugStop why;

  for (unsigned i = 0; i < target->vm->n_vcpus; i++)
    target->debug->take_stop (target->vm->vcpus[i]->cpu, &why);
  atomic_store (&target->came_upon, false);
}

static void
event_cb (void *data)
{
  GdbTarget *target = data;
  Vm *vm = target->vm;
  GuestDebugStop why;

  if (!atomic_exchange (&target->came_upon, false) || !target->running)
    return;
  vm_hold (vm);
  target->running = false;
  for (unsigned i = 1; i <= vm->n_vcpus; i++) {
    unsigned thread = (target->last + i) % vm->n_vcpus;

    if (target->debug->take_stop (vm->vcpus[thread]->cpu, &why)) {
      target->last = thread;
      target->stopped (target->opaque, thread, &why);
      return;
    }
  }
  g_assert_not_reached ();
}

static void
stop (void *opaque)
{
  GdbTarget *target = opaque;

  if (!target->attached)
    gdb_target_attach (target);
  vm_hold (target->vm);
  target->running = false;
}

static void
resume (void *opaque, const GdbAction *actions)
{
  GdbTarget *target = opaque;
  Vm *vm = target->vm;
  bool stay[GDB_THREADS_MAX];

  forget_stops (target);
  for (unsigned i = 0; i < vm->n_vcpus; i++) {
    stay[i] = actions[i] == GDB_STAY;
    target->debug->set_step (vm->vcpus[i]->cpu, actions[i] == GDB_STEP);
  }
  target->running = true;
  vm_release (vm, stay);
}

static void
kill_machine (void *opaque)
{
  GdbTarget *target = opaque;

  vm_request (target->vm, VM_REQUEST_KILL);
}

void
gdb_target_attach (GdbTarget *target)
{
  Vm *vm = target->vm;

  vm_hold (vm);
  target->running = false;
  if (target->attached)
    return;
  target->attached = true;
  vm->on_debug_stop = came_upon_cb;
  vm->on_debug_stop_opaque = target;
  for (unsigned i = 0; i < vm->n_vcpus; i++)
    target->debug->attach (vm->vcpus[i]->cpu);
}

void
gdb_target_detach (GdbTarget *target)
{
  Vm *vm = target->vm;
  const bool stay[GDB_THREADS_MAX] = {false};

  if (!target->attached)
    return;
  vm_hold (vm);
  for (unsigned i = 0; i < vm->n_vcpus; i++)
    target->debug->detach (vm->vcpus[i]->cpu);
  vm->on_debug_stop = NULL;
  target->attached = false;
  vm_release (vm, stay);
}

// ---- looking and changing -------------------------------------------------------------------

static unsigned
n_threads (void *opaque)
{
  GdbTarget *target = opaque;

  return target->vm->n_vcpus;
}

static bool
is_on (void *opaque, unsigned thread)
{
  GdbTarget *target = opaque;

  return vcpu_is_on (target->vm->vcpus[thread]);
}

static bool
read_register (void *opaque, unsigned thread, unsigned n, uint8_t *value)
{
  GdbTarget *target = opaque;

  return target->debug->read_register (target->vm->vcpus[thread]->cpu, n, value);
}

static bool
write_register (void *opaque, unsigned thread, unsigned n, const uint8_t *value)
{
  GdbTarget *target = opaque;

  return target->debug->write_register (target->vm->vcpus[thread]->cpu, n, value);
}

// RAM only: reading a device's registers may change it. NULL: there is none.
static uint8_t *
find_memory (GdbTarget *target, unsigned thread, bool physical, uint64_t addr, size_t wanted,
             GuestAddr *pa, size_t *n)
{
  *n = MIN (wanted, GUEST_DEBUG_PAGE - addr % GUEST_DEBUG_PAGE);
  *pa = addr;
  if (!physical && !target->debug->translate (target->vm->vcpus[thread]->cpu, addr, pa))
    return NULL;
  return mem_bus_ram_ptr (target->vm->bus, *pa, *n);
}

static size_t
read_memory (void *opaque, unsigned thread, bool physical, uint64_t addr, uint8_t *to,
             size_t length)
{
  size_t done, n;
  GuestAddr pa;

  for (done = 0; done < length; done += n) {
    const uint8_t *host =
        find_memory (opaque, thread, physical, addr + done, length - done, &pa, &n);

    if (host == NULL)
      break;
    memcpy (to + done, host, n);
  }
  return done;
}

static size_t
write_memory (void *opaque, unsigned thread, bool physical, uint64_t addr, const uint8_t *from,
              size_t length)
{
  GdbTarget *target = opaque;
  Vm *vm = target->vm;
  size_t done, n;
  GuestAddr pa;

  for (done = 0; done < length; done += n) {
    uint8_t *host = find_memory (target, thread, physical, addr + done, length - done, &pa, &n);

    if (host == NULL)
      break;
    memcpy (host, from + done, n);
    for (unsigned i = 0; i < vm->n_vcpus; i++)
      vm->vcpus[i]->guest->code_changed (vm->vcpus[i]->cpu, pa, n);
  }
  return done;
}

static bool
set_point (void *opaque, bool set, GuestPoint kind, GuestVaddr va, uint64_t length)
{
  GdbTarget *target = opaque;
  bool ok = true;

  for (unsigned i = 0; i < target->vm->n_vcpus; i++)
    ok &= target->debug->set_point (target->vm->vcpus[i]->cpu, set, kind, va, length);
  return ok;
}

GdbTargetOps
gdb_target_get_ops (const GdbTarget *target)
{
  const GuestDebugOps *debug = target->debug;

  return (GdbTargetOps){
      .stop = stop,
      .resume = resume,
      .kill = kill_machine,
      .n_threads = n_threads,
      .is_on = is_on,
      .read_register = read_register,
      .write_register = write_register,
      .read_memory = read_memory,
      .write_memory = write_memory,
      .set_point = set_point,
      .debug = debug,
      .absent_features =
          debug->absent_features != NULL ? debug->absent_features (target->vm->vcpus[0]->cpu) : 0,
  };
}

// ---- life -----------------------------------------------------------------------------------

GdbTarget *
gdb_target_new (Vm *vm, void (*stopped) (void *opaque, unsigned thread, const GuestDebugStop *why),
                void *opaque)
{
  GdbTarget *target = g_new0 (GdbTarget, 1);

  g_assert (vm->n_vcpus > 0 && vm->n_vcpus <= GDB_THREADS_MAX);
  target->vm = vm;
  target->debug = vm->vcpus[0]->guest->debug;
  target->stopped = stopped;
  target->opaque = opaque;
  target->event = vm_event_new (vm->loop, event_cb, target);
  return target;
}

void
gdb_target_free (GdbTarget *target)
{
  if (target == NULL)
    return;
  gdb_target_detach (target);
  vm_event_free (target->event);
  g_free (target);
}
