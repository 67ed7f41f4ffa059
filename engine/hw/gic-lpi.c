// SPDX-License-Identifier: GPL-3.0-or-later
// LPIs in the redistributors (IHI 0069 §6.1, §12.11): message-signalled interrupts, whose
// configuration lies in guest memory. Pending ones are kept here; the table the guest gives for them
// is read when a CPU begins to take LPIs and written when it ceases to. Any thread, the controller's
// lock held.
//
// Tables are the guest's to place and to change at any time: a byte of one that is not in RAM reads
// as 0, which is an LPI that is off.

#include "engine/hw/gic-priv.h"
#include "engine/mem/access.h"

enum {
  GICR_CTLR = 0x0000,
  GICR_PROPBASER = 0x0070,
  GICR_PENDBASER = 0x0078,
  GICR_BASERS_END = 0x0080,

  CTLR_ENABLE = 1u << 0,
  CTLR_CES = 1u << 1, // LPIs can be turned off again

  PROPBASER_ID_BITS = 0x1f, // less one
  CONFIG_ENABLED = 1,
};

#define PROPBASER_MASK UINT64_C (0x070fffffffffff9f)
#define PROPBASER_ADDR UINT64_C (0x000ffffffffff000)
#define PENDBASER_MASK UINT64_C (0x070fffffffff0f80)
#define PENDBASER_ADDR UINT64_C (0x000fffffffff0000)
#define PENDBASER_PTZ  (UINT64_C (1) << 62) // the table is all zeroes; reads as 0

bool
gic_is_lpi (const Gicv3 *gic, uint64_t intid)
{
  return gic->config.lpis && intid >= GIC_LPI_FIRST && intid < 1 << GIC_ID_BITS;
}

// How many LPIs the CPU's tables are for.
static unsigned
count_lpis (const GicLpis *lpis)
{
  unsigned bits = (lpis->propbaser & PROPBASER_ID_BITS) + 1;
  bits = MIN (bits, GIC_ID_BITS);
  return 1u << bits > GIC_LPI_FIRST ? (1u << bits) - GIC_LPI_FIRST : 0;
}

static uint8_t
read_table (const Gicv3 *gic, GuestAddr addr)
{
  const void *byte = mem_bus_ram_ptr (gic->device.vm->bus, addr, 1);
  return byte != NULL ? mem_load8 (byte) : 0;
}

static uint8_t
read_config (const Gicv3 *gic, const GicLpis *lpis, unsigned n)
{
  return n < count_lpis (lpis) ? read_table (gic, (lpis->propbaser & PROPBASER_ADDR) + n) : 0;
}

// ---- which one is next ----------------------------------------------------------------------

// Lower INTIDs win among equals.
static void
find_best (const Gicv3 *gic, GicLpis *lpis)
{
  lpis->best = GIC_INTID_SPURIOUS;
  lpis->stale = false;
  for (unsigned s = 0; s < GIC_LPI_SUMMARIES; s++) {
    for (uint64_t words = lpis->summary[s]; words != 0; words &= words - 1) {
      unsigned w = s * 64 + __builtin_ctzll (words);
      for (uint64_t bits = lpis->ready[w]; bits != 0; bits &= bits - 1) {
        unsigned n = w * 64 + __builtin_ctzll (bits);
        if (lpis->best == GIC_INTID_SPURIOUS ||
            gic->lpi_priority[n] < gic->lpi_priority[lpis->best - GIC_LPI_FIRST])
          lpis->best = GIC_LPI_FIRST + n;
      }
    }
  }
}

// The best is not what it was. Looking for another takes a while, and a guest can have it happen with
// each of thousands of commands: while the ITS works through these, the look is left for their end.
static void
lose_best (const Gicv3 *gic, GicLpis *lpis)
{
  if (lpis->batch)
    lpis->stale = true;
  else
    find_best (gic, lpis);
}

static void
clear_ready (const Gicv3 *gic, GicLpis *lpis, unsigned n)
{
  lpis->ready[n / 64] &= ~(1ull << n % 64);
  if (lpis->ready[n / 64] == 0)
    lpis->summary[n / 4096] &= ~(1ull << n / 64 % 64);
  if (lpis->best == GIC_LPI_FIRST + n)
    lose_best (gic, lpis);
}

static void
set_ready (Gicv3 *gic, GicLpis *lpis, unsigned n, uint8_t priority)
{
  lpis->ready[n / 64] |= 1ull << n % 64;
  lpis->summary[n / 4096] |= 1ull << n / 64 % 64;
  gic->lpi_priority[n] = priority;
  // The one that was best may have become less urgent.
  if (lpis->best == GIC_LPI_FIRST + n) {
    lose_best (gic, lpis);
  } else {
    uint8_t best =
        lpis->best != GIC_INTID_SPURIOUS ? gic->lpi_priority[lpis->best - GIC_LPI_FIRST] : 0;
    if (lpis->best == GIC_INTID_SPURIOUS || priority < best ||
        (priority == best && GIC_LPI_FIRST + n < lpis->best))
      lpis->best = GIC_LPI_FIRST + n;
  }
}

// The configuration of an LPI that is pending.
static void
apply_config (Gicv3 *gic, GicLpis *lpis, unsigned n)
{
  uint8_t config = read_config (gic, lpis, n);

  if (config & CONFIG_ENABLED)
    set_ready (gic, lpis, n, config & GIC_PRIO_MASK);
  else
    clear_ready (gic, lpis, n);
}

// Each by its own rule, with one look for the best: clear_ready and set_ready would look each time.
void
gic_lpi_derive (Gicv3 *gic, GicCpu *cpu)
{
  GicLpis *lpis = cpu->lpis;

  lpis->propbaser &= PROPBASER_MASK;
  lpis->pendbaser &= PENDBASER_MASK | PENDBASER_PTZ;
  memset (lpis->ready, 0, sizeof lpis->ready);
  memset (lpis->summary, 0, sizeof lpis->summary);
  for (unsigned w = 0; lpis->enabled && w < GIC_LPI_WORDS; w++) {
    for (uint64_t bits = lpis->pending[w]; bits != 0; bits &= bits - 1) {
      unsigned n = w * 64 + __builtin_ctzll (bits);
      uint8_t config = read_config (gic, lpis, n);
      if (!(config & CONFIG_ENABLED))
        continue;
      lpis->ready[w] |= 1ull << n % 64;
      lpis->summary[w / 64] |= 1ull << w % 64;
      gic->lpi_priority[n] = config & GIC_PRIO_MASK;
    }
  }
  find_best (gic, lpis);
}

// ---- what the ITS does to them --------------------------------------------------------------

// The LPIs of a CPU that takes them; NULL otherwise.
static GicLpis *
find_lpis (const Gicv3 *gic, uint64_t cpu)
{
  GicLpis *lpis = cpu < gic->config.n_cpus ? gic->cpus[cpu].lpis : NULL;
  return lpis != NULL && lpis->enabled ? lpis : NULL;
}

void
gic_lpi_begin_batch (Gicv3 *gic)
{
  for (unsigned i = 0; i < gic->config.n_cpus; i++)
    if (gic->cpus[i].lpis != NULL)
      gic->cpus[i].lpis->batch = true;
}

void
gic_lpi_end_batch (Gicv3 *gic)
{
  for (unsigned i = 0; i < gic->config.n_cpus; i++) {
    GicLpis *lpis = gic->cpus[i].lpis;
    if (lpis == NULL)
      continue;
    lpis->batch = false;
    if (lpis->stale) {
      find_best (gic, lpis);
      gic_update_cpu (gic, i);
    }
  }
}

static bool
is_pending (const GicLpis *lpis, unsigned n)
{
  return lpis->pending[n / 64] >> n % 64 & 1;
}

static void
set_pending (Gicv3 *gic, GicLpis *lpis, unsigned n, bool pending)
{
  uint64_t bit = 1ull << n % 64;

  if (pending) {
    lpis->pending[n / 64] |= bit;
    apply_config (gic, lpis, n);
  } else if (lpis->pending[n / 64] & bit) {
    lpis->pending[n / 64] &= ~bit;
    clear_ready (gic, lpis, n);
  }
}

void
gic_lpi_set_pending (Gicv3 *gic, uint64_t cpu, uint64_t intid, bool pending)
{
  GicLpis *lpis = find_lpis (gic, cpu);

  if (lpis == NULL || !gic_is_lpi (gic, intid) || intid - GIC_LPI_FIRST >= count_lpis (lpis))
    return;
  set_pending (gic, lpis, intid - GIC_LPI_FIRST, pending);
  gic_update_cpu (gic, cpu);
}

void
gic_lpi_reload (Gicv3 *gic, uint64_t cpu, uint64_t intid)
{
  GicLpis *lpis = find_lpis (gic, cpu);

  if (lpis == NULL || !gic_is_lpi (gic, intid) || !is_pending (lpis, intid - GIC_LPI_FIRST))
    return;
  apply_config (gic, lpis, intid - GIC_LPI_FIRST);
  gic_update_cpu (gic, cpu);
}

void
gic_lpi_reload_all (Gicv3 *gic, unsigned cpu)
{
  if (find_lpis (gic, cpu) == NULL)
    return;
  gic_lpi_derive (gic, &gic->cpus[cpu]);
  gic_update_cpu (gic, cpu);
}

void
gic_lpi_move (Gicv3 *gic, uint64_t from, uint64_t to, uint64_t intid)
{
  GicLpis *source = find_lpis (gic, from);

  if (from == to || source == NULL || !gic_is_lpi (gic, intid) ||
      !is_pending (source, intid - GIC_LPI_FIRST))
    return;
  gic_lpi_set_pending (gic, from, intid, false);
  gic_lpi_set_pending (gic, to, intid, true);
}

void
gic_lpi_move_all (Gicv3 *gic, uint64_t from, uint64_t to)
{
  GicLpis *source = find_lpis (gic, from), *target = find_lpis (gic, to);

  if (source == NULL || target == NULL || source == target)
    return;
  for (unsigned w = 0; w < GIC_LPI_WORDS; w++) {
    target->pending[w] |= source->pending[w];
    target->ready[w] |= source->ready[w];
    source->pending[w] = source->ready[w] = 0;
  }
  for (unsigned s = 0; s < GIC_LPI_SUMMARIES; s++) {
    target->summary[s] |= source->summary[s];
    source->summary[s] = 0;
  }
  find_best (gic, source);
  find_best (gic, target);
  gic_update_cpu (gic, from);
  gic_update_cpu (gic, to);
}

void
gic_lpi_take (Gicv3 *gic, GicCpu *cpu, unsigned intid)
{
  set_pending (gic, cpu->lpis, intid - GIC_LPI_FIRST, false);
}

// ---- registers ------------------------------------------------------------------------------

// The pending table has a bit for each INTID from 0 on; the first kilobyte is not ours.
static void
read_pending (const Gicv3 *gic, GicLpis *lpis, GuestAddr table)
{
  for (unsigned n = 0; n < count_lpis (lpis); n += 8) {
    uint64_t bits = read_table (gic, table + (GIC_LPI_FIRST + n) / 8);
    lpis->pending[n / 64] |= bits << n % 64;
  }
}

static void
write_pending (const Gicv3 *gic, const GicLpis *lpis, GuestAddr table)
{
  for (unsigned n = 0; n < count_lpis (lpis); n += 8) {
    void *byte = mem_bus_ram_ptr (gic->device.vm->bus, table + (GIC_LPI_FIRST + n) / 8, 1);
    if (byte != NULL)
      mem_store8 (byte, lpis->pending[n / 64] >> n % 64 & 0xff);
  }
}

static void
set_enabled (Gicv3 *gic, unsigned index, bool enabled)
{
  GicCpu *cpu = &gic->cpus[index];
  GicLpis *lpis = cpu->lpis;
  GuestAddr table = lpis->pendbaser & PENDBASER_ADDR;

  if (lpis->enabled == enabled)
    return;
  if (!enabled)
    write_pending (gic, lpis, table);
  memset (lpis->pending, 0, sizeof lpis->pending);
  if (enabled && !(lpis->pendbaser & PENDBASER_PTZ))
    read_pending (gic, lpis, table);
  lpis->enabled = enabled;
  gic_lpi_derive (gic, cpu);
  gic_update_cpu (gic, index);
}

bool
gic_lpi_read (const GicCpu *cpu, unsigned offset, unsigned size, uint64_t *value)
{
  const GicLpis *lpis = cpu->lpis;

  if (lpis == NULL || size < 4)
    return false;
  if (offset == GICR_CTLR && size == 4) {
    *value = CTLR_CES | (lpis->enabled ? CTLR_ENABLE : 0);
    return true;
  }
  if (offset < GICR_PROPBASER || offset >= GICR_BASERS_END)
    return false;
  *value = (offset < GICR_PENDBASER ? lpis->propbaser : lpis->pendbaser & ~PENDBASER_PTZ) >>
           offset % 8 * 8;
  if (size == 4)
    *value &= 0xffffffff;
  return true;
}

// The tables stay where they are while they are in use.
static void
write_baser (GicLpis *lpis, unsigned offset, uint64_t value, unsigned size)
{
  bool prop = offset < GICR_PENDBASER;
  uint64_t *baser = prop ? &lpis->propbaser : &lpis->pendbaser;
  uint64_t mask = size == 8 ? ~0ull : 0xffffffffull << offset % 8 * 8;

  *baser = ((*baser & ~mask) | (value << offset % 8 * 8 & mask)) &
           (prop ? PROPBASER_MASK : PENDBASER_MASK | PENDBASER_PTZ);
}

void
gic_lpi_write (Gicv3 *gic, unsigned cpu, unsigned offset, uint64_t value, unsigned size)
{
  GicLpis *lpis = gic->cpus[cpu].lpis;

  if (lpis == NULL || size < 4)
    return;
  if (offset == GICR_CTLR && size == 4)
    set_enabled (gic, cpu, value & CTLR_ENABLE);
  else if (offset >= GICR_PROPBASER && offset < GICR_BASERS_END && !lpis->enabled)
    write_baser (lpis, offset, value, size);
}
