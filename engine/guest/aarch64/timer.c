// SPDX-License-Identifier: GPL-3.0-or-later
// The generic timers (timer.h). The registers belong to the vCPU's thread; the alarm comes on the
// I/O thread, so each timer has a lock, under which its output line is driven too.
#include "engine/guest/aarch64/timer.h"
#include "engine/guest/aarch64/sysreg.h"
#include "engine/vm/vm.h"

enum {
  CTL_ENABLE = 1u << 0,
  CTL_IMASK = 1u << 1,
  CTL_ISTATUS = 1u << 2,
};

typedef struct Timer {
  VmClock *clock;
  VmTimer *alarm;
  GMutex lock;
  // Under lock.
  A64TimerState state;
  IrqLine line;
  bool level;
} Timer;

struct A64Timers {
  Timer timers[A64_N_TIMERS];
};

static bool
condition_met (const Timer *timer, uint64_t now)
{
  return now >= timer->state.cval;
}

static int64_t
deadline (const Timer *timer)
{
  return timer->state.cval > INT64_MAX ? INT64_MAX : (int64_t) timer->state.cval;
}

// Drives the output and arms the alarm as registers and clock say.
static void
update_locked (Timer *timer)
{
  bool counting = (timer->state.ctl & (CTL_ENABLE | CTL_IMASK)) == CTL_ENABLE;
  // Once the output is on, whoever reads the counter has to find it past the deadline.
  bool level = counting && condition_met (timer, (uint64_t) vm_clock_count_exactly (timer->clock));

  if (counting && !level && deadline (timer) != INT64_MAX)
    vm_timer_arm (timer->alarm, deadline (timer));
  else
    vm_timer_disarm (timer->alarm);
  if (level != timer->level) {
    timer->level = level;
    irq_line_set (&timer->line, level);
  }
}

static void
update (Timer *timer)
{
  g_mutex_lock (&timer->lock);
  update_locked (timer);
  g_mutex_unlock (&timer->lock);
}

static void
alarm_cb (void *data)
{
  update (data);
}

void
a64_timers_init (A64Cpu *cpu)
{
  cpu->timers = g_new0 (struct A64Timers, 1);
  cpu->ticks = vm_clock_get_ticks (cpu->vcpu->vm->clock);
  for (unsigned i = 0; i < A64_N_TIMERS; i++) {
    Timer *timer = &cpu->timers->timers[i];

    timer->clock = cpu->vcpu->vm->clock;
    g_mutex_init (&timer->lock);
    timer->alarm = vm_timer_new (timer->clock, alarm_cb, timer);
  }
}

void
a64_timers_clear (A64Cpu *cpu)
{
  if (cpu->timers == NULL)
    return;
  for (unsigned i = 0; i < A64_N_TIMERS; i++) {
    vm_timer_free (cpu->timers->timers[i].alarm);
    g_mutex_clear (&cpu->timers->timers[i].lock);
  }
  g_free (cpu->timers);
  cpu->timers = NULL;
}

void
a64_timers_wire (A64Cpu *cpu, A64Output output, IrqLine line)
{
  Timer *timer = &cpu->timers->timers[output];

  g_mutex_lock (&timer->lock);
  timer->line = line;
  g_mutex_unlock (&timer->lock);
}

void
a64_timers_reset (A64Cpu *cpu)
{
  for (unsigned i = 0; i < A64_N_TIMERS; i++)
    a64_timer_set (cpu, i, (A64TimerState){0, 0});
}

void
a64_timers_settle (A64Cpu *cpu)
{
  for (unsigned i = 0; i < A64_N_TIMERS; i++)
    update (&cpu->timers->timers[i]);
}

A64TimerState
a64_timer_get (A64Cpu *cpu, A64Output output)
{
  return cpu->timers->timers[output].state;
}

void
a64_timer_set (A64Cpu *cpu, A64Output output, A64TimerState state)
{
  Timer *timer = &cpu->timers->timers[output];

  g_mutex_lock (&timer->lock);
  state.ctl &= CTL_ENABLE | CTL_IMASK;
  timer->state = state;
  update_locked (timer);
  g_mutex_unlock (&timer->lock);
}

// Registers.

uint64_t
a64_read_cntpct (A64Cpu *cpu)
{
  cpu->ticks_last = (uint64_t) vm_clock_count (cpu->vcpu->vm->clock);
  return cpu->ticks_last;
}

uint64_t
a64_read_cntvct (A64Cpu *cpu)
{
  return a64_read_cntpct (cpu);
}

static uint64_t
read_ctl (A64Cpu *cpu, A64Output output)
{
  Timer *timer = &cpu->timers->timers[output];
  bool met = (timer->state.ctl & CTL_ENABLE) && condition_met (timer, a64_read_cntpct (cpu));

  return timer->state.ctl | (met ? CTL_ISTATUS : 0);
}

static void
write_ctl (A64Cpu *cpu, A64Output output, uint64_t value)
{
  a64_timer_set (cpu, output, (A64TimerState){(uint32_t) value, a64_timer_get (cpu, output).cval});
}

static uint64_t
read_tval (A64Cpu *cpu, A64Output output)
{
  return (uint32_t) (a64_timer_get (cpu, output).cval - a64_read_cntpct (cpu));
}

static void
write_cval (A64Cpu *cpu, A64Output output, uint64_t value)
{
  a64_timer_set (cpu, output, (A64TimerState){a64_timer_get (cpu, output).ctl, value});
}

static void
write_tval (A64Cpu *cpu, A64Output output, uint64_t value)
{
  write_cval (cpu, output, a64_read_cntpct (cpu) + (uint64_t) (int64_t) (int32_t) value);
}

#define DEFINE_TIMER(prefix, output)                                                               \
  uint64_t a64_read_##prefix##_tval (A64Cpu *cpu)                                                  \
  {                                                                                                \
    return read_tval (cpu, output);                                                                \
  }                                                                                                \
  void a64_write_##prefix##_tval (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)               \
  {                                                                                                \
    (void) reg;                                                                                    \
    write_tval (cpu, output, value);                                                               \
  }                                                                                                \
  uint64_t a64_read_##prefix##_ctl (A64Cpu *cpu)                                                   \
  {                                                                                                \
    return read_ctl (cpu, output);                                                                 \
  }                                                                                                \
  void a64_write_##prefix##_ctl (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)                \
  {                                                                                                \
    (void) reg;                                                                                    \
    write_ctl (cpu, output, value);                                                                \
  }                                                                                                \
  uint64_t a64_read_##prefix##_cval (A64Cpu *cpu)                                                  \
  {                                                                                                \
    return a64_timer_get (cpu, output).cval;                                                       \
  }                                                                                                \
  void a64_write_##prefix##_cval (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)               \
  {                                                                                                \
    (void) reg;                                                                                    \
    write_cval (cpu, output, value);                                                               \
  }

DEFINE_TIMER (cntp, A64_OUTPUT_TIMER_PHYS)
DEFINE_TIMER (cntv, A64_OUTPUT_TIMER_VIRT)
