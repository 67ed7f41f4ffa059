// SPDX-License-Identifier: GPL-3.0-or-later
// Performance Monitors (pmu.h); D19.5 for the registers. Runs on the vCPU's thread; the alarm
// comes on the I/O thread and asks the vCPU's to look.
#include "engine/guest/aarch64/pmu.h"

#include "engine/guest/aarch64/sysreg.h"
#include "engine/vm/vm.h"

enum {
  N = A64_PMU_EVENTS,
  CYCLES = 31, // the cycle counter's bit and selector
  PMCR_E = 1u << 0,
  PMCR_P = 1u << 1,
  PMCR_C = 1u << 2,
  PMCR_DP = 1u << 5,
  PMCR_LC = 1u << 6, // RES1: overflow of the cycle counter is of all 64 bits
  TYPE_EVENT = 0x3ff,
  EVENT_SW_INCR = 0x00,
  EVENT_INST_RETIRED = 0x08,
  EVENT_CPU_CYCLES = 0x11,
  EVENT_CHAIN = 0x1e,
  // To find an overflow in time: no faster than this, looked for no more often.
  INSTRUCTIONS_PER_NS = 4,
  ALARM_MIN_NS = 20000,
};
#define COUNTERS   (1u << CYCLES | ((1u << N) - 1))
#define FILTER_EL1 (1u << 31) // does not count there
#define FILTER_EL0 (1u << 30)
#define FILTERS    (FILTER_EL1 | FILTER_EL0)

struct A64Pmu {
  VmTimer *alarm;
  IrqLine line;
  bool level;
};

static A64PmuState *
get (A64Cpu *cpu)
{
  return &cpu->sys->pmu;
}

static uint64_t
now (const A64Cpu *cpu)
{
  return (uint64_t) vm_clock_now (cpu->vcpu->vm->clock);
}

// ---- counting -------------------------------------------------------------------------------

static bool
counts_at (uint32_t filter, unsigned el)
{
  return !(filter & (el == 0 ? FILTER_EL0 : FILTER_EL1));
}

static bool
is_enabled (const A64PmuState *s, unsigned counter)
{
  return (s->control & PMCR_E) && (s->enabled >> counter & 1);
}

// Adds to an event counter of 32 bits; what overflows goes to a counter chained to it.
static void
add_events (A64PmuState *s, unsigned n, uint64_t delta, unsigned el)
{
  uint64_t sum = s->events[n] + delta;

  s->events[n] = (uint32_t) sum;
  if (sum >> 32 == 0)
    return;
  s->overflowed |= 1u << n;
  if (n % 2 == 0 && n + 1 < N && is_enabled (s, n + 1) && counts_at (s->type[n + 1], el) &&
      (s->type[n + 1] & TYPE_EVENT) == EVENT_CHAIN)
    add_events (s, n + 1, sum >> 32, el);
}

static void
drive (A64Cpu *cpu)
{
  const A64PmuState *s = get (cpu);
  bool level = (s->control & PMCR_E) && (s->overflowed & s->interrupts) != 0;

  if (level == cpu->pmu->level)
    return;
  cpu->pmu->level = level;
  irq_line_set (&cpu->pmu->line, level);
}

void
a64_pmu_sync (A64Cpu *cpu)
{
  A64PmuState *s = get (cpu);
  unsigned el = cpu->pstate.el;
  uint64_t time = now (cpu), ns = time - s->seen_ns;
  uint64_t retired = cpu->instructions - s->seen_instructions;

  s->seen_ns = time;
  s->seen_instructions = cpu->instructions;
  for (unsigned i = 0; i < N; i++) {
    unsigned event = s->type[i] & TYPE_EVENT;

    if (!is_enabled (s, i) || !counts_at (s->type[i], el))
      continue;
    if (event == EVENT_INST_RETIRED)
      add_events (s, i, retired, el);
    else if (event == EVENT_CPU_CYCLES)
      add_events (s, i, ns, el);
  }
  if (is_enabled (s, CYCLES) && counts_at (s->cycle_type, el)) {
    s->cycles += ns;
    if (s->cycles < ns)
      s->overflowed |= 1u << CYCLES;
  }
  drive (cpu);
}

void
a64_pmu_slept (A64Cpu *cpu)
{
  get (cpu)->seen_ns = now (cpu);
}

// ---- overflow in time -----------------------------------------------------------------------

// Nanoseconds before a counter whose overflow interrupts can overflow.
static uint64_t
time_left (const A64PmuState *s, unsigned n)
{
  if (n == CYCLES)
    return s->cycles == 0 ? UINT64_MAX : -s->cycles;
  uint64_t left = ((uint64_t) 1 << 32) - s->events[n];
  unsigned event = s->type[n] & TYPE_EVENT;

  if (event == EVENT_CPU_CYCLES)
    return left;
  return event == EVENT_INST_RETIRED ? left / INSTRUCTIONS_PER_NS : UINT64_MAX;
}

static void
arm (A64Cpu *cpu)
{
  const A64PmuState *s = get (cpu);
  uint64_t least = UINT64_MAX;

  for (unsigned n = 0; n < 32; n++)
    if (is_enabled (s, n) && (s->interrupts & ~s->overflowed) >> n & 1)
      least = MIN (least, time_left (s, n));
  if (least > INT64_MAX / 2)
    vm_timer_disarm (cpu->pmu->alarm);
  else
    vm_timer_arm (cpu->pmu->alarm, (int64_t) (s->seen_ns + MAX (least, ALARM_MIN_NS)));
}

static void
work_look (Vcpu *vcpu, uint64_t a, uint64_t b)
{
  A64Cpu *cpu = vcpu->cpu;

  (void) a, (void) b;
  if (!cpu->pmu_on)
    return;
  a64_pmu_sync (cpu);
  arm (cpu);
}

static void
alarm_cb (void *opaque)
{
  A64Cpu *cpu = opaque;

  vcpu_post_work (cpu->vcpu, NULL, work_look, 0, 0, false);
}

// After any change of the registers, which was made with the counters up to date.
static void
configure (A64Cpu *cpu)
{
  const A64PmuState *s = get (cpu);

  cpu->pmu_on = (s->control & PMCR_E) && s->enabled != 0;
  a64_update_jumps (cpu);
  drive (cpu);
  arm (cpu);
}

// Before the registers are read or changed. What passed while nothing counted is forgotten.
static A64PmuState *
up_to_date (A64Cpu *cpu)
{
  a64_pmu_sync (cpu);
  return get (cpu);
}

// ---- life -----------------------------------------------------------------------------------

bool
a64_pmu_init (A64Cpu *cpu)
{
  cpu->pmu = g_new0 (struct A64Pmu, 1);
  cpu->pmu->alarm = vm_timer_new (cpu->vcpu->vm->clock, alarm_cb, cpu);
  return true;
}

void
a64_pmu_clear (A64Cpu *cpu)
{
  if (cpu->pmu == NULL)
    return;
  vm_timer_free (cpu->pmu->alarm);
  g_clear_pointer (&cpu->pmu, g_free);
}

void
a64_pmu_reset (A64Cpu *cpu)
{
  *get (cpu) = (A64PmuState){0};
  a64_pmu_loaded (cpu);
}

void
a64_pmu_wire (A64Cpu *cpu, IrqLine line)
{
  cpu->pmu->line = line;
}

void
a64_pmu_loaded (A64Cpu *cpu)
{
  A64PmuState *s = get (cpu);

  s->control &= PMCR_E | PMCR_DP;
  s->enabled &= COUNTERS;
  s->overflowed &= COUNTERS;
  s->interrupts &= COUNTERS;
  s->cycle_type &= FILTERS;
  for (unsigned i = 0; i < N; i++)
    s->type[i] &= FILTERS | TYPE_EVENT;
  s->user &= 15;
  s->selected &= 31;
  s->seen_ns = now (cpu);
  s->seen_instructions = cpu->instructions;
  configure (cpu);
}

// ---- registers ------------------------------------------------------------------------------

uint64_t
a64_read_pmcr (A64Cpu *cpu)
{
  return get (cpu)->control | PMCR_LC | N << 11;
}

void
a64_write_pmcr (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)
{
  A64PmuState *s = up_to_date (cpu);

  (void) reg;
  if (value & PMCR_P)
    memset (s->events, 0, sizeof s->events);
  if (value & PMCR_C)
    s->cycles = 0;
  s->control = value & (PMCR_E | PMCR_DP);
  configure (cpu);
}

// Pairs of registers that set and clear bits of the same word.
#define DEFINE_BITS(name, field)                                                                   \
  uint64_t a64_read_##name (A64Cpu *cpu)                                                           \
  {                                                                                                \
    return up_to_date (cpu)->field;                                                                \
  }                                                                                                \
  void a64_write_##name##set (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)                   \
  {                                                                                                \
    (void) reg;                                                                                    \
    up_to_date (cpu)->field |= (uint32_t) value & COUNTERS;                                        \
    configure (cpu);                                                                               \
  }                                                                                                \
  void a64_write_##name##clr (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)                   \
  {                                                                                                \
    (void) reg;                                                                                    \
    up_to_date (cpu)->field &= ~(uint32_t) value;                                                  \
    configure (cpu);                                                                               \
  }
DEFINE_BITS (pmcnten, enabled)
DEFINE_BITS (pmovs, overflowed)
DEFINE_BITS (pminten, interrupts)

void
a64_write_pmswinc (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)
{
  A64PmuState *s = up_to_date (cpu);

  (void) reg;
  for (unsigned i = 0; i < N; i++)
    if ((value >> i & 1) && is_enabled (s, i) && (s->type[i] & TYPE_EVENT) == EVENT_SW_INCR &&
        counts_at (s->type[i], cpu->pstate.el))
      add_events (s, i, 1, cpu->pstate.el);
  configure (cpu);
}

uint64_t
a64_read_pmselr (A64Cpu *cpu)
{
  return get (cpu)->selected;
}

void
a64_write_pmselr (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)
{
  (void) reg;
  get (cpu)->selected = value & 31;
}

uint64_t
a64_read_pmuserenr (A64Cpu *cpu)
{
  return get (cpu)->user;
}

void
a64_write_pmuserenr (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)
{
  (void) reg;
  get (cpu)->user = value & 15;
}

// Events 0x00 to 0x1f; of the others there is none.
uint64_t
a64_read_pmceid0 (A64Cpu *cpu)
{
  (void) cpu;
  return 1u << EVENT_SW_INCR | 1u << EVENT_INST_RETIRED | 1u << EVENT_CPU_CYCLES |
         1u << EVENT_CHAIN;
}

// By number; `CYCLES` is the cycle counter, and others that are not there read as zero.

static uint64_t
read_counter (A64Cpu *cpu, unsigned n)
{
  const A64PmuState *s = up_to_date (cpu);

  return n == CYCLES ? s->cycles : n < N ? s->events[n] : 0;
}

static void
write_counter (A64Cpu *cpu, unsigned n, uint64_t value)
{
  A64PmuState *s = up_to_date (cpu);

  if (n == CYCLES)
    s->cycles = value;
  else if (n < N)
    s->events[n] = (uint32_t) value;
  configure (cpu);
}

static uint64_t
read_type (A64Cpu *cpu, unsigned n)
{
  const A64PmuState *s = get (cpu);

  return n == CYCLES ? s->cycle_type : n < N ? s->type[n] : 0;
}

static void
write_type (A64Cpu *cpu, unsigned n, uint64_t value)
{
  A64PmuState *s = up_to_date (cpu);

  if (n == CYCLES)
    s->cycle_type = (uint32_t) value & FILTERS;
  else if (n < N)
    s->type[n] = (uint32_t) value & (FILTERS | TYPE_EVENT);
  configure (cpu);
}

#define DEFINE_COUNTER(counter, type_register, n)                                                  \
  uint64_t a64_read_##counter (A64Cpu *cpu)                                                        \
  {                                                                                                \
    return read_counter (cpu, n);                                                                  \
  }                                                                                                \
  void a64_write_##counter (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)                     \
  {                                                                                                \
    (void) reg;                                                                                    \
    write_counter (cpu, n, value);                                                                 \
  }                                                                                                \
  uint64_t a64_read_##type_register (A64Cpu *cpu)                                                  \
  {                                                                                                \
    return read_type (cpu, n);                                                                     \
  }                                                                                                \
  void a64_write_##type_register (A64Cpu *cpu, const A64SysReg *reg, uint64_t value)               \
  {                                                                                                \
    (void) reg;                                                                                    \
    write_type (cpu, n, value);                                                                    \
  }
DEFINE_COUNTER (pmccntr, pmccfiltr, CYCLES)
// PMSELR_EL0.SEL 31 is the cycle counter's filter; its counter by this name is for nobody to rely
// on (CONSTRAINED UNPREDICTABLE).
DEFINE_COUNTER (pmxevcntr, pmxevtyper, get (cpu)->selected)
DEFINE_COUNTER (pmevcntr0, pmevtyper0, 0)
DEFINE_COUNTER (pmevcntr1, pmevtyper1, 1)
DEFINE_COUNTER (pmevcntr2, pmevtyper2, 2)
DEFINE_COUNTER (pmevcntr3, pmevtyper3, 3)
DEFINE_COUNTER (pmevcntr4, pmevtyper4, 4)
DEFINE_COUNTER (pmevcntr5, pmevtyper5, 5)
