// SPDX-License-Identifier: GPL-3.0-or-later
// GICv3: saved state. The machine is quiescent; the lock is taken all the same, because driving
// the CPUs' inputs is part of loading.

#include <gio/gio.h>

#include "engine/hw/gic-priv.h"
#include "engine/snapshot/state.h"

static void
save_bank (const GicBank *bank, StateWriter *writer)
{
  state_put_u32 (writer, bank->level);
  state_put_u32 (writer, bank->latch);
  state_put_u32 (writer, bank->active);
  state_put_u32 (writer, bank->enabled);
  state_put_u32 (writer, bank->group1);
  state_put_u32 (writer, bank->edge);
}

static void
load_bank (GicBank *bank, StateReader *reader)
{
  bank->level = state_get_u32 (reader);
  bank->latch = state_get_u32 (reader);
  bank->active = state_get_u32 (reader);
  bank->enabled = state_get_u32 (reader);
  bank->group1 = state_get_u32 (reader);
  bank->edge = state_get_u32 (reader);
}

static void
save_cpu (const GicCpu *cpu, StateWriter *writer)
{
  save_bank (&cpu->local, writer);
  state_put_bytes (writer, cpu->priority, sizeof cpu->priority);
  state_put_bool (writer, cpu->asleep);
  state_put_u8 (writer, cpu->pmr);
  state_put_u32 (writer, cpu->ctlr);
  for (unsigned g = 0; g < 2; g++) {
    state_put_u8 (writer, cpu->bpr[g]);
    state_put_bool (writer, cpu->group_enabled[g]);
    state_put_u32 (writer, cpu->active_prio[g]);
  }
}

static void
load_cpu (GicCpu *cpu, StateReader *reader)
{
  load_bank (&cpu->local, reader);
  state_get_bytes (reader, cpu->priority, sizeof cpu->priority);
  cpu->asleep = state_get_bool (reader);
  cpu->pmr = state_get_u8 (reader);
  cpu->ctlr = state_get_u32 (reader);
  for (unsigned g = 0; g < 2; g++) {
    cpu->bpr[g] = state_get_u8 (reader);
    cpu->group_enabled[g] = state_get_bool (reader);
    cpu->active_prio[g] = state_get_u32 (reader);
  }
}

static void
save_lpis (const GicLpis *lpis, StateWriter *writer)
{
  state_put_bool (writer, lpis->enabled);
  state_put_u64 (writer, lpis->propbaser);
  state_put_u64 (writer, lpis->pendbaser);
  for (unsigned w = 0; w < GIC_LPI_WORDS; w++)
    state_put_u64 (writer, lpis->pending[w]);
}

// Any value of these will do; gic_lpi_derive drops what a register does not keep.
static void
load_lpis (GicLpis *lpis, StateReader *reader)
{
  lpis->enabled = state_get_bool (reader);
  lpis->propbaser = state_get_u64 (reader);
  lpis->pendbaser = state_get_u64 (reader);
  for (unsigned w = 0; w < GIC_LPI_WORDS; w++)
    lpis->pending[w] = state_get_u64 (reader);
}

void
gic_save (Device *device, StateWriter *writer)
{
  Gicv3 *gic = (Gicv3 *) device;

  g_mutex_lock (&gic->lock);
  state_put_u32 (writer, gic->config.n_cpus);
  state_put_u32 (writer, GICV3_N_SPIS);
  state_put_u32 (writer, gic->ctlr);
  for (unsigned w = 0; w < GIC_SPI_WORDS; w++)
    save_bank (&gic->spi[w], writer);
  state_put_bytes (writer, gic->spi_priority, sizeof gic->spi_priority);
  for (unsigned spi = 0; spi < GICV3_N_SPIS; spi++)
    state_put_u64 (writer, gic->spi_route[spi]);
  for (unsigned i = 0; i < gic->config.n_cpus; i++)
    save_cpu (&gic->cpus[i], writer);
  state_put_bool (writer, gic->config.lpis);
  for (unsigned i = 0; gic->config.lpis && i < gic->config.n_cpus; i++)
    save_lpis (gic->cpus[i].lpis, writer);
  g_mutex_unlock (&gic->lock);
}

static bool
priorities_valid (const uint8_t *priority, unsigned n)
{
  for (unsigned i = 0; i < n; i++)
    if (priority[i] & ~GIC_PRIO_MASK)
      return false;
  return true;
}

static bool
cpu_valid (const GicCpu *cpu)
{
  uint32_t ctlr = ICC_CTLR_CBPR | ICC_CTLR_EOIMODE | ICC_CTLR_PMHE;
  uint32_t sgis = (1u << GIC_N_SGIS) - 1;

  return priorities_valid (cpu->priority, GIC_N_LOCAL) && (cpu->pmr & ~GIC_PRIO_MASK) == 0 &&
         (cpu->ctlr & ~ctlr) == 0 && cpu->bpr[0] >= GIC_BPR0_MIN && cpu->bpr[0] <= 7 &&
         cpu->bpr[1] >= GIC_BPR1_MIN && cpu->bpr[1] <= 7 && (cpu->local.edge & sgis) == sgis;
}

static bool
state_valid (const Gicv3 *gic)
{
  bool valid = (gic->ctlr & ~(GICD_CTLR_GRP0 | GICD_CTLR_GRP1)) == 0 &&
               priorities_valid (gic->spi_priority, GICV3_N_SPIS);
  for (unsigned spi = 0; spi < GICV3_N_SPIS; spi++)
    valid = valid && (gic->spi_route[spi] & ~GICD_IROUTER_MASK) == 0;
  for (unsigned i = 0; i < gic->config.n_cpus; i++)
    valid = valid && cpu_valid (&gic->cpus[i]);
  return valid;
}

static bool
load_locked (Gicv3 *gic, StateReader *reader, uint32_t version)
{
  if (state_get_u32 (reader) != gic->config.n_cpus || state_get_u32 (reader) != GICV3_N_SPIS)
    return false;
  gic->ctlr = state_get_u32 (reader);
  for (unsigned w = 0; w < GIC_SPI_WORDS; w++)
    load_bank (&gic->spi[w], reader);
  state_get_bytes (reader, gic->spi_priority, sizeof gic->spi_priority);
  for (unsigned spi = 0; spi < GICV3_N_SPIS; spi++)
    gic->spi_route[spi] = state_get_u64 (reader);
  for (unsigned i = 0; i < gic->config.n_cpus; i++)
    load_cpu (&gic->cpus[i], reader);
  if ((version >= 2 && state_get_bool (reader)) != gic->config.lpis)
    return false;
  for (unsigned i = 0; gic->config.lpis && i < gic->config.n_cpus; i++)
    load_lpis (gic->cpus[i].lpis, reader);
  return state_reader_ok (reader) && state_valid (gic);
}

bool
gic_load (Device *device, StateReader *reader, uint32_t version, GError **error)
{
  Gicv3 *gic = (Gicv3 *) device;

  g_mutex_lock (&gic->lock);
  bool ok = load_locked (gic, reader, version);
  if (!ok)
    gic_reset_locked (gic);
  for (unsigned i = 0; gic->config.lpis && i < gic->config.n_cpus; i++)
    gic_lpi_derive (gic, &gic->cpus[i]);
  gic_route_all (gic);
  gic_drive_all (gic);
  g_mutex_unlock (&gic->lock);
  if (!ok)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                 "The saved state of the interrupt controller does not fit this machine.");
  return ok;
}
