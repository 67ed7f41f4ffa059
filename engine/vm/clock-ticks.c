// SPDX-License-Identifier: GPL-3.0-or-later
// See clock-ticks.h.
#include "engine/vm/clock-ticks.h"

#include "engine/vm/clock-cycles.h"

enum {
  LIMIT_CYCLES = 1 << 20,         // a fraction of a millisecond
  QUICK_CYCLES = 4000,            // a look at the clock that nothing came between
  MEASURE_NS = 200 * 1000 * 1000, // for a rate of a few millionths
  MEASURE_MOST_NS = 2000000000,
  SLOWER_SHIFT = 14, // by 61 millionths
};

void
clock_ticks_init (ClockTicks *self)
{
  g_mutex_init (&self->lock);
  self->usable = clock_cycles_usable ();
}

void
clock_ticks_clear (ClockTicks *self)
{
  g_mutex_clear (&self->lock);
}

static uint64_t
since (const Ticks *t, uint64_t cycles)
{
  return cycles * atomic_load (&t->multiplier) >> 32;
}

bool
clock_ticks_read (const ClockTicks *self, int64_t *ns)
{
  const Ticks *t = &self->shared;
  uint64_t before = atomic_load (&t->sequence);
  uint64_t cycles = clock_cycles () - atomic_load (&t->base);

  if (cycles >= atomic_load (&t->limit))
    return false;
  *ns = (int64_t) (atomic_load (&t->ns) + since (t, cycles));
  // The counter was read before this.
  atomic_thread_fence (memory_order_seq_cst);
  return (before & 1) == 0 && atomic_load (&t->sequence) == before;
}

// The counter's rate, from two looks at the clock; 0: it is not known yet.
static uint64_t
measure (ClockTicks *self, uint64_t cycles, int64_t ns)
{
  uint64_t known = atomic_load (&self->shared.multiplier);
  int64_t passed = ns - self->since_ns;
  uint64_t rate;

  if (self->measuring && passed < MEASURE_NS)
    return known;
  if (self->measuring && passed < MEASURE_MOST_NS && cycles > self->since_cycles) {
    rate = ((uint64_t) passed << 32) / (cycles - self->since_cycles);
    known = rate - (rate >> SLOWER_SHIFT);
  }
  self->measuring = true;
  self->since_cycles = cycles;
  self->since_ns = ns;
  return known < (uint64_t) 1 << 36 ? known : 0; // slower than 60 MHz: not what it is meant for
}

static void
publish (Ticks *t, uint64_t base, uint64_t ns, uint64_t multiplier)
{
  atomic_fetch_add (&t->sequence, 1);
  atomic_store (&t->base, base);
  atomic_store (&t->ns, ns);
  atomic_store (&t->multiplier, multiplier);
  atomic_store (&t->limit, multiplier != 0 ? LIMIT_CYCLES : 0);
  atomic_fetch_add (&t->sequence, 1);
}

// The most that anyone was told up to now.
static int64_t
told (const ClockTicks *self, uint64_t cycles)
{
  const Ticks *t = &self->shared;
  uint64_t limit = atomic_load (&t->limit), passed = cycles - atomic_load (&t->base);
  int64_t last = (int64_t) (atomic_load (&t->ns) + since (t, passed < limit ? passed : limit));

  return limit != 0 && last > self->least ? last : self->least;
}

int64_t
clock_ticks_anchor (ClockTicks *self, bool (*now) (void *, int64_t *), void *data)
{
  uint64_t before, after, multiplier;
  bool running;
  int64_t ns;

  if (!self->usable) {
    now (data, &ns);
    return ns;
  }
  g_mutex_lock (&self->lock);
  before = clock_cycles ();
  running = now (data, &ns);
  after = clock_cycles ();
  multiplier = atomic_load (&self->shared.multiplier);
  if (running && after - before < QUICK_CYCLES)
    multiplier = measure (self, after, ns);
  ns = self->least = MAX (ns, told (self, after));
  publish (&self->shared, after, (uint64_t) ns, running ? multiplier : 0);
  g_mutex_unlock (&self->lock);
  return ns;
}

static void
forget_locked (ClockTicks *self)
{
  self->least = told (self, clock_cycles ());
  self->measuring = false;
  publish (&self->shared, 0, 0, 0);
}

void
clock_ticks_forget (ClockTicks *self)
{
  g_mutex_lock (&self->lock);
  forget_locked (self);
  g_mutex_unlock (&self->lock);
}

void
clock_ticks_forget_least (ClockTicks *self)
{
  g_mutex_lock (&self->lock);
  forget_locked (self);
  self->least = INT64_MIN;
  g_mutex_unlock (&self->lock);
}
