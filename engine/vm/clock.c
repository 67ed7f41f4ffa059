// SPDX-License-Identifier: GPL-3.0-or-later
// The machine's clock, and timers on it: a timerfd each, watched by the I/O thread.
//
// A guest moves its timers far more often than they fire, mostly to later moments. So a timerfd is
// only set when it would fire too late; one that fires too early is set again then.
//
// Threads: see clock.h. Lock order: clock->lock, then timer->lock.
#include "engine/vm/clock.h"
#include "engine/vm/clock-ticks.h"

#include <errno.h>
#include <glib-unix.h>
#include <stdatomic.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
  NS_PER_S = 1000 * 1000 * 1000,
};

// What readers need lies under a sequence number: they never wait for a writer that was preempted
// but for the moment between two adjacent stores, and writers are rare (pause and resume).
struct VmClock {
  VmLoop *loop;
  GMutex lock;       // writers, and `timers`
  GPtrArray *timers; // of VmTimer, not owned
  atomic_uint sequence;
  atomic_bool running;
  _Atomic int64_t origin; // running: host time at clock 0; stopped: the clock itself
  ClockTicks ticks;
};

struct VmTimer {
  VmClock *clock;
  void (*fn) (void *);
  void *data;
  int fd;
  GSource *source;
  GMutex lock;
  int64_t deadline; // INT64_MAX: none
  int64_t armed;    // what the fd is set to; INT64_MAX: not set
};

static int64_t
host_now (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t) now.tv_sec * NS_PER_S + now.tv_nsec;
}

VmClock *
vm_clock_new (VmLoop *loop)
{
  VmClock *clock = g_new0 (VmClock, 1);

  clock->loop = loop;
  g_mutex_init (&clock->lock);
  clock->timers = g_ptr_array_new ();
  clock_ticks_init (&clock->ticks);
  return clock;
}

void
vm_clock_free (VmClock *clock)
{
  if (clock == NULL)
    return;
  g_assert (clock->timers->len == 0);
  g_ptr_array_unref (clock->timers);
  clock_ticks_clear (&clock->ticks);
  g_mutex_clear (&clock->lock);
  g_free (clock);
}

// One consistent look: whether it runs, its origin and the time by it. The host's clock is read
// within the look: otherwise a pause after it would be counted as running time. The fence keeps
// the last load from being done before the time-stamp counter is read.
static bool
read_state (VmClock *clock, int64_t *origin, int64_t *now)
{
  unsigned before, after;
  bool running;

  do {
    before = atomic_load (&clock->sequence);
    running = atomic_load (&clock->running);
    *origin = atomic_load (&clock->origin);
    *now = running ? host_now () - *origin : *origin;
    atomic_thread_fence (memory_order_seq_cst);
    after = atomic_load (&clock->sequence);
  } while ((before & 1) != 0 || before != after);
  return running;
}

// A change begins: from here on no look succeeds until it ends. The host's clock is read after
// this, so that nobody has already seen a later time than the one the clock stops at.
static void
begin_change (VmClock *clock)
{
  atomic_fetch_add (&clock->sequence, 1);
}

static void
end_change (VmClock *clock, bool running, int64_t origin)
{
  atomic_store (&clock->running, running);
  atomic_store (&clock->origin, origin);
  atomic_fetch_add (&clock->sequence, 1);
}

int64_t
vm_clock_now (VmClock *clock)
{
  int64_t origin, now;

  read_state (clock, &origin, &now);
  return now;
}

static bool
now_of (void *clock, int64_t *now)
{
  int64_t origin;

  return read_state (clock, &origin, now);
}

int64_t
vm_clock_count (VmClock *clock)
{
  int64_t now;

  return clock_ticks_read (&clock->ticks, &now) ? now : vm_clock_count_exactly (clock);
}

int64_t
vm_clock_count_exactly (VmClock *clock)
{
  return clock_ticks_anchor (&clock->ticks, now_of, clock);
}

const Ticks *
vm_clock_get_ticks (VmClock *clock)
{
  return &clock->ticks.shared;
}

// Sets the fd for `deadline`, or stops it. Timer's lock held.
static void
set_fd (VmTimer *timer, int64_t deadline, int64_t origin)
{
  struct itimerspec spec = {0};

  timer->armed = deadline;
  if (deadline != INT64_MAX) {
    // The origin lies before the host's own start when a machine older than it was restored.
    bool beyond = origin > 0 && deadline > INT64_MAX - origin;
    int64_t at = beyond ? INT64_MAX : deadline + origin;

    // All zeroes would stop it; a moment long past fires at once.
    at = MAX (at, 1);
    spec.it_value.tv_sec = at / NS_PER_S;
    spec.it_value.tv_nsec = at % NS_PER_S;
  }
  timerfd_settime (timer->fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

// The clock started or stopped.
static void
update_timers_locked (VmClock *clock)
{
  int64_t origin, now;
  bool running = read_state (clock, &origin, &now);

  for (unsigned i = 0; i < clock->timers->len; i++) {
    VmTimer *timer = g_ptr_array_index (clock->timers, i);

    g_mutex_lock (&timer->lock);
    if (running && timer->deadline != INT64_MAX)
      set_fd (timer, timer->deadline, origin);
    else if (!running && timer->armed != INT64_MAX)
      set_fd (timer, INT64_MAX, 0);
    g_mutex_unlock (&timer->lock);
  }
}

void
vm_clock_start (VmClock *clock)
{
  g_mutex_lock (&clock->lock);
  if (!atomic_load (&clock->running)) {
    begin_change (clock);
    end_change (clock, true, host_now () - atomic_load (&clock->origin));
    clock_ticks_forget (&clock->ticks);
    update_timers_locked (clock);
  }
  g_mutex_unlock (&clock->lock);
}

void
vm_clock_stop (VmClock *clock)
{
  g_mutex_lock (&clock->lock);
  if (atomic_load (&clock->running)) {
    begin_change (clock);
    end_change (clock, false, host_now () - atomic_load (&clock->origin));
    clock_ticks_forget (&clock->ticks);
    update_timers_locked (clock);
  }
  g_mutex_unlock (&clock->lock);
}

void
vm_clock_set (VmClock *clock, int64_t now_ns)
{
  g_mutex_lock (&clock->lock);
  g_assert (!atomic_load (&clock->running));
  begin_change (clock);
  end_change (clock, false, now_ns);
  clock_ticks_forget_least (&clock->ticks);
  g_mutex_unlock (&clock->lock);
}

static gboolean
timer_cb (int fd, GIOCondition condition, void *data)
{
  VmTimer *timer = data;
  uint64_t expirations;
  int64_t origin, now;
  bool due = false;
  ssize_t got = read (fd, &expirations, sizeof expirations);

  // Nothing to read: it was set anew between the wake-up and now.
  if (got != sizeof expirations)
    return G_SOURCE_CONTINUE;
  g_mutex_lock (&timer->lock);
  timer->armed = INT64_MAX;
  if (read_state (timer->clock, &origin, &now) && timer->deadline != INT64_MAX) {
    due = now >= timer->deadline;
    if (due)
      timer->deadline = INT64_MAX;
    else
      set_fd (timer, timer->deadline, origin);
  }
  g_mutex_unlock (&timer->lock);
  if (due)
    timer->fn (timer->data);
  return G_SOURCE_CONTINUE;
}

VmTimer *
vm_timer_new (VmClock *clock, void (*fn) (void *), void *data)
{
  VmTimer *timer = g_new0 (VmTimer, 1);

  timer->clock = clock;
  timer->fn = fn;
  timer->data = data;
  timer->deadline = timer->armed = INT64_MAX;
  g_mutex_init (&timer->lock);
  timer->fd = timerfd_create (CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (timer->fd < 0)
    g_error ("No file descriptor for a timer: %s", g_strerror (errno));
  timer->source = g_unix_fd_source_new (timer->fd, G_IO_IN);
  g_source_set_callback (timer->source, G_SOURCE_FUNC (timer_cb), timer, NULL);
  g_source_attach (timer->source, vm_loop_get_context (clock->loop));
  g_mutex_lock (&clock->lock);
  g_ptr_array_add (clock->timers, timer);
  g_mutex_unlock (&clock->lock);
  return timer;
}

// On the I/O thread, so that the callback is not running meanwhile.
static void
free_cb (void *data)
{
  VmTimer *timer = data;

  g_mutex_lock (&timer->clock->lock);
  g_ptr_array_remove_fast (timer->clock->timers, timer);
  g_mutex_unlock (&timer->clock->lock);
  g_source_destroy (timer->source);
  g_source_unref (timer->source);
  close (timer->fd);
  g_mutex_clear (&timer->lock);
  g_free (timer);
}

void
vm_timer_free (VmTimer *timer)
{
  if (timer != NULL)
    vm_loop_call (timer->clock->loop, free_cb, timer);
}

void
vm_timer_arm (VmTimer *timer, int64_t deadline_ns)
{
  int64_t origin, now;

  deadline_ns = MAX (deadline_ns, 0);
  g_mutex_lock (&timer->lock);
  timer->deadline = deadline_ns;
  // Looked at under the lock: a clock that stops after this look finds the fd set and stops it.
  if (deadline_ns < timer->armed && read_state (timer->clock, &origin, &now))
    set_fd (timer, deadline_ns, origin);
  g_mutex_unlock (&timer->lock);
}

void
vm_timer_disarm (VmTimer *timer)
{
  vm_timer_arm (timer, INT64_MAX);
}
