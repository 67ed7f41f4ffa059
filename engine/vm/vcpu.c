// SPDX-License-Identifier: GPL-3.0-or-later
// One virtual CPU's thread: running, parking, power and sleep. Its work queue is in vcpu-work.c.
//
// Threads: the vCPU's own thread runs thread_main and everything GuestOps.run calls; others reach
// it through the atomics and, for power and parking, under priv->lock.
#include "engine/vm/vcpu.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "engine/vm/vcpu-internal.h"
#include "engine/vm/vcpu-priv.h"
#include "engine/vm/vm.h"

// ---- the thread -----------------------------------------------------------------------------

static bool
should_run_locked (const Vcpu *vcpu)
{
  const VcpuPrivate *priv = vcpu->priv;

  return priv->allowed && !priv->held && priv->power != VCPU_POWER_OFF &&
         !atomic_load (&vcpu->vm->memory_lost);
}

// Keeps the count of retired instructions over a reset.
static void
reset_cpu (Vcpu *vcpu)
{
  uint64_t before = vcpu->guest->get_instructions (vcpu->cpu);

  vcpu->guest->reset (vcpu->cpu);
  uint64_t lost = before - vcpu->guest->get_instructions (vcpu->cpu);
  atomic_fetch_add (&vcpu->priv->instructions_before, lost);
}

// Carries out a power-on that was asked for.
static void
settle_locked (Vcpu *vcpu)
{
  VcpuPrivate *priv = vcpu->priv;

  if (priv->power != VCPU_POWER_ON_PENDING)
    return;
  reset_cpu (vcpu);
  vcpu->guest->set_entry (vcpu->cpu, priv->entry, priv->entry_arg);
  priv->power = VCPU_POWER_ON;
}

// Parks until there is guest code to run; false at the end of the thread.
static bool
park (Vcpu *vcpu)
{
  VcpuPrivate *priv = vcpu->priv;
  bool run;

  g_mutex_lock (&priv->lock);
  // What asked the CPU to leave is looked at below, under the lock of those who ask.
  atomic_fetch_and (vcpu->pending, ~(uint32_t) VCPU_EXIT);
  if (priv->power_off_wanted)
    priv->power = VCPU_POWER_OFF;
  priv->power_off_wanted = false;
  while (!priv->quit && !should_run_locked (vcpu)) {
    priv->parked = true;
    g_cond_broadcast (&priv->cond);
    g_cond_wait (&priv->cond, &priv->lock);
    vcpu_work_serve_parked (vcpu);
  }
  priv->parked = false;
  run = !priv->quit;
  if (run)
    settle_locked (vcpu);
  atomic_store (&priv->in_guest, run);
  g_mutex_unlock (&priv->lock);
  return run;
}

static int64_t
read_cpu_time (pthread_t thread)
{
  clockid_t id;
  struct timespec used;

  if (pthread_getcpuclockid (thread, &id) != 0 || clock_gettime (id, &used) != 0)
    return 0;
  return (int64_t) used.tv_sec * 1000000000 + used.tv_nsec;
}

static void *
thread_main (void *data)
{
  Vcpu *vcpu = data;
  sigset_t all;

  // Signals are for the program's own threads; deadlines of guest timers are to be met exactly.
  sigfillset (&all);
  sigdelset (&all, SIGBUS); // mem/ram-loss.h
  pthread_sigmask (SIG_BLOCK, &all, NULL);
  prctl (PR_SET_TIMERSLACK, 1ul, 0ul, 0ul, 0ul);
  vcpu->priv->handle = pthread_self ();
  while (park (vcpu)) {
    vcpu->guest->run (vcpu->cpu);
    atomic_store (&vcpu->priv->in_guest, false);
  }
  g_mutex_lock (&vcpu->priv->lock);
  vcpu->priv->cpu_time_ns = read_cpu_time (pthread_self ());
  g_mutex_unlock (&vcpu->priv->lock);
  return NULL;
}

// ---- life -----------------------------------------------------------------------------------

Vcpu *
vcpu_new (Vm *vm, unsigned index, const GuestOps *guest, GError **error)
{
  Vcpu *vcpu = g_new0 (Vcpu, 1);
  char name[16];

  vcpu->vm = vm;
  vcpu->index = index;
  vcpu->guest = guest;
  vcpu->priv = g_new0 (VcpuPrivate, 1);
  g_mutex_init (&vcpu->priv->lock);
  g_cond_init (&vcpu->priv->cond);
  vcpu_work_init (vcpu);
  vcpu->cpu = guest->cpu_new (vcpu, error);
  if (vcpu->cpu == NULL) {
    vcpu_free (vcpu);
    return NULL;
  }
  g_snprintf (name, sizeof name, "vcpu%u", index);
  vcpu->priv->thread = g_thread_try_new (name, thread_main, vcpu, error);
  if (vcpu->priv->thread == NULL) {
    vcpu_free (vcpu);
    return NULL;
  }
  vcpu_wait_parked (vcpu);
  return vcpu;
}

void
vcpu_join (Vcpu *vcpu)
{
  VcpuPrivate *priv = vcpu->priv;

  if (priv->thread == NULL)
    return;
  g_mutex_lock (&priv->lock);
  priv->quit = true;
  g_cond_broadcast (&priv->cond);
  g_mutex_unlock (&priv->lock);
  vcpu_request (vcpu, VCPU_EXIT);
  g_thread_join (priv->thread);
  priv->thread = NULL;
}

void
vcpu_free (Vcpu *vcpu)
{
  if (vcpu == NULL)
    return;
  vcpu_join (vcpu);
  if (vcpu->cpu != NULL)
    vcpu->guest->cpu_free (vcpu->cpu);
  vcpu_work_clear (vcpu);
  g_cond_clear (&vcpu->priv->cond);
  g_mutex_clear (&vcpu->priv->lock);
  g_free (vcpu->priv);
  g_free (vcpu);
}

int64_t
vcpu_get_cpu_time_ns (Vcpu *vcpu)
{
  VcpuPrivate *priv = vcpu->priv;
  int64_t used;

  g_mutex_lock (&priv->lock);
  // Not once the thread may be gone; it leaves its last figure.
  if (!priv->quit)
    priv->cpu_time_ns = read_cpu_time (priv->handle);
  used = priv->cpu_time_ns;
  g_mutex_unlock (&priv->lock);
  return used;
}

uint64_t
vcpu_get_instructions (Vcpu *vcpu)
{
  return atomic_load (&vcpu->priv->instructions_before) + vcpu->guest->get_instructions (vcpu->cpu);
}

// ---- parking and power ----------------------------------------------------------------------

void
vcpu_set_allowed (Vcpu *vcpu, bool allowed)
{
  VcpuPrivate *priv = vcpu->priv;

  g_mutex_lock (&priv->lock);
  priv->allowed = allowed;
  g_cond_broadcast (&priv->cond);
  g_mutex_unlock (&priv->lock);
  if (!allowed)
    vcpu_request (vcpu, VCPU_EXIT);
}

void
vcpu_set_held (Vcpu *vcpu, bool held)
{
  VcpuPrivate *priv = vcpu->priv;

  g_mutex_lock (&priv->lock);
  priv->held = held;
  g_cond_broadcast (&priv->cond);
  g_mutex_unlock (&priv->lock);
  if (held)
    vcpu_request (vcpu, VCPU_EXIT);
}

void
vcpu_serve_parked (Vcpu *vcpu)
{
  g_mutex_lock (&vcpu->priv->lock);
  g_assert (vcpu->priv->parked);
  vcpu_work_serve_parked (vcpu);
  g_mutex_unlock (&vcpu->priv->lock);
}

void
vcpu_wait_parked (Vcpu *vcpu)
{
  VcpuPrivate *priv = vcpu->priv;

  g_mutex_lock (&priv->lock);
  while (!priv->parked)
    g_cond_wait (&priv->cond, &priv->lock);
  g_mutex_unlock (&priv->lock);
}

void
vcpu_reset (Vcpu *vcpu, bool on)
{
  g_mutex_lock (&vcpu->priv->lock);
  g_assert (vcpu->priv->parked);
  vcpu_work_discard (vcpu);
  reset_cpu (vcpu);
  vcpu->priv->power = on ? VCPU_POWER_ON : VCPU_POWER_OFF;
  atomic_store (&vcpu->priv->event, 0);
  g_mutex_unlock (&vcpu->priv->lock);
}

bool
vcpu_settle (Vcpu *vcpu)
{
  bool on;

  g_mutex_lock (&vcpu->priv->lock);
  g_assert (vcpu->priv->parked);
  settle_locked (vcpu);
  on = vcpu->priv->power == VCPU_POWER_ON;
  g_mutex_unlock (&vcpu->priv->lock);
  return on;
}

void
vcpu_set_on (Vcpu *vcpu, bool on)
{
  g_mutex_lock (&vcpu->priv->lock);
  g_assert (vcpu->priv->parked);
  vcpu->priv->power = on ? VCPU_POWER_ON : VCPU_POWER_OFF;
  g_mutex_unlock (&vcpu->priv->lock);
}

bool
vcpu_power_on (Vcpu *vcpu, GuestVaddr entry, uint64_t arg)
{
  VcpuPrivate *priv = vcpu->priv;
  bool was_off;

  g_mutex_lock (&priv->lock);
  was_off = priv->power == VCPU_POWER_OFF;
  if (was_off) {
    priv->power = VCPU_POWER_ON_PENDING;
    priv->entry = entry;
    priv->entry_arg = arg;
    g_cond_broadcast (&priv->cond);
  }
  g_mutex_unlock (&priv->lock);
  return was_off;
}

void
vcpu_power_off (Vcpu *vcpu)
{
  g_mutex_lock (&vcpu->priv->lock);
  vcpu->priv->power_off_wanted = true;
  g_mutex_unlock (&vcpu->priv->lock);
  atomic_fetch_or (vcpu->pending, VCPU_EXIT);
}

bool
vcpu_is_on (Vcpu *vcpu)
{
  bool on;

  g_mutex_lock (&vcpu->priv->lock);
  on = vcpu->priv->power != VCPU_POWER_OFF;
  g_mutex_unlock (&vcpu->priv->lock);
  return on;
}

// ---- attention and sleep --------------------------------------------------------------------

// Sleep is a handshake of two words, all operations sequentially consistent: the sleeper says that
// it sleeps and then looks for reasons not to; the waker leaves its reason and then looks for a
// sleeper. One of them sees the other. The futex word counts wake-ups, so that one that comes
// between the sleeper's look and its system call is not lost.

void
vcpu_kick (Vcpu *vcpu)
{
  VcpuPrivate *priv = vcpu->priv;

  if (!atomic_load (&priv->asleep))
    return;
  atomic_fetch_add (&priv->wakeups, 1);
  syscall (SYS_futex, &priv->wakeups, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void
vcpu_request (Vcpu *vcpu, uint32_t bits)
{
  atomic_fetch_or (vcpu->pending, bits);
  vcpu_kick (vcpu);
}

void
vcpu_set_event (Vcpu *vcpu)
{
  atomic_store (&vcpu->priv->event, 1);
  vcpu_kick (vcpu);
}

void
vcpu_send_event_all (Vm *vm)
{
  for (unsigned i = 0; i < vm->n_vcpus; i++)
    vcpu_set_event (vm->vcpus[i]);
}

// Host time of a moment of the machine's clock, which runs while a vCPU does.
static struct timespec
host_deadline (Vcpu *vcpu, int64_t deadline_ns)
{
  struct timespec at;
  int64_t left = MAX (MAX (deadline_ns, 0) - vm_clock_now (vcpu->vm->clock), 0);

  clock_gettime (CLOCK_MONOTONIC, &at);
  // A year is as good as for ever and cannot overflow.
  left = MIN (left, INT64_C (31536000) * 1000000000);
  at.tv_sec += left / 1000000000;
  at.tv_nsec += left % 1000000000;
  if (at.tv_nsec >= 1000000000) {
    at.tv_sec++;
    at.tv_nsec -= 1000000000;
  }
  return at;
}

static void
sleep_until (Vcpu *vcpu, int64_t deadline_ns, bool for_event)
{
  VcpuPrivate *priv = vcpu->priv;
  struct timespec at;
  bool has_deadline = deadline_ns != INT64_MAX;

  if (has_deadline)
    at = host_deadline (vcpu, deadline_ns);
  atomic_store (&priv->in_guest, false);
  atomic_store (&priv->asleep, true);
  uint32_t seen = atomic_load (&priv->wakeups);
  if (atomic_load (vcpu->pending) == 0 && !(for_event && atomic_load (&priv->event) != 0))
    syscall (SYS_futex, &priv->wakeups, FUTEX_WAIT_BITSET_PRIVATE, seen, has_deadline ? &at : NULL,
             NULL, FUTEX_BITSET_MATCH_ANY);
  atomic_store (&priv->asleep, false);
  // From here on others wait for this CPU to run their work; it looks at *pending before the next
  // guest instruction.
  atomic_store (&priv->in_guest, true);
}

void
vcpu_wait (Vcpu *vcpu, int64_t deadline_ns)
{
  vm_idle_run (&vcpu->vm->idle);
  sleep_until (vcpu, deadline_ns, false);
}

bool
vcpu_take_event (Vcpu *vcpu)
{
  return atomic_load (&vcpu->priv->event) != 0 && atomic_exchange (&vcpu->priv->event, 0) != 0;
}

_Atomic uint32_t *
vcpu_event_register (Vcpu *vcpu)
{
  return &vcpu->priv->event;
}

void
vcpu_wait_event (Vcpu *vcpu, int64_t deadline_ns)
{
  if (atomic_load (&vcpu->priv->event) == 0)
    sleep_until (vcpu, deadline_ns, true);
  atomic_store (&vcpu->priv->event, 0);
}
