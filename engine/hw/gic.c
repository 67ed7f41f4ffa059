// SPDX-License-Identifier: GPL-3.0-or-later
// GICv3 as a device: its lines, realize, reset and saved state. See gic-priv.h for the parts.

#include <gio/gio.h>

#include "engine/hw/gic-priv.h"

// A wire changed. Edges latch; levels show while they last.
static void
bank_set_level (GicBank *bank, uint32_t bit, bool level)
{
  if (level && !(bank->level & bit))
    bank->latch |= bank->edge & bit;
  bank->level = level ? bank->level | bit : bank->level & ~bit;
}

static void
set_spi (void *opaque, unsigned spi, bool level)
{
  Gicv3 *gic = opaque;
  GicBank *bank = &gic->spi[spi / 32];
  uint32_t bit = 1u << spi % 32;

  g_mutex_lock (&gic->lock);
  if (((bank->level & bit) != 0) != level) {
    uint32_t before = gic_bank_pending (bank);
    bank_set_level (bank, bit, level);
    if (gic_bank_pending (bank) != before)
      gic_update_spi (gic, spi);
  }
  g_mutex_unlock (&gic->lock);
}

// n: CPU number * 32 + INTID.
static void
set_ppi (void *opaque, unsigned n, bool level)
{
  Gicv3 *gic = opaque;
  unsigned index = n / GIC_N_LOCAL;
  GicBank *bank = &gic->cpus[index].local;
  uint32_t bit = 1u << n % GIC_N_LOCAL;

  g_mutex_lock (&gic->lock);
  if (((bank->level & bit) != 0) != level) {
    uint32_t before = gic_bank_pending (bank);
    bank_set_level (bank, bit, level);
    if (gic_bank_pending (bank) != before)
      gic_update_cpu (gic, index);
  }
  g_mutex_unlock (&gic->lock);
}

IrqLine
gicv3_get_spi (Device *device, unsigned spi)
{
  g_assert (spi < GICV3_N_SPIS);
  return (IrqLine){.set = set_spi, .opaque = device, .n = spi};
}

IrqLine
gicv3_get_ppi (Device *device, unsigned cpu, unsigned intid)
{
  const Gicv3 *gic = (Gicv3 *) device;
  g_assert (cpu < gic->config.n_cpus && intid >= GIC_N_SGIS && intid < GIC_N_LOCAL);
  return (IrqLine){.set = set_ppi, .opaque = device, .n = cpu * GIC_N_LOCAL + intid};
}

static void
reset_bank (GicBank *bank, uint32_t edge)
{
  *bank = (GicBank){.level = bank->level, .edge = edge};
}

void
gic_reset_interface (GicCpu *cpu)
{
  cpu->pmr = 0;
  cpu->ctlr = 0;
  cpu->bpr[0] = GIC_BPR0_MIN;
  cpu->bpr[1] = GIC_BPR1_MIN;
  for (unsigned group = 0; group < 2; group++) {
    cpu->group_enabled[group] = false;
    cpu->active_prio[group] = 0;
  }
}

static void
reset_cpu (GicCpu *cpu)
{
  GicCpu fresh = {
      .lpis = cpu->lpis,
      .local = cpu->local,
      .asleep = true,
      .irq = cpu->irq,
      .fiq = cpu->fiq,
      .best = GIC_INTID_SPURIOUS,
  };
  gic_reset_interface (&fresh);
  reset_bank (&fresh.local, (1u << GIC_N_SGIS) - 1);
  memcpy (fresh.routed, cpu->routed, sizeof fresh.routed);
  if (cpu->lpis != NULL)
    *cpu->lpis = (GicLpis){.best = GIC_INTID_SPURIOUS};
  *cpu = fresh;
}

void
gic_reset_locked (Gicv3 *gic)
{
  gic->ctlr = 0;
  for (unsigned w = 0; w < GIC_SPI_WORDS; w++)
    reset_bank (&gic->spi[w], 0);
  memset (gic->spi_priority, 0, sizeof gic->spi_priority);
  memset (gic->spi_route, 0, sizeof gic->spi_route);
  for (unsigned i = 0; i < gic->config.n_cpus; i++)
    reset_cpu (&gic->cpus[i]);
  gic_route_all (gic);
  gic_drive_all (gic);
}

static void
gic_reset (Device *device)
{
  Gicv3 *gic = (Gicv3 *) device;
  g_mutex_lock (&gic->lock);
  gic_reset_locked (gic);
  g_mutex_unlock (&gic->lock);
}

static bool
gic_realize (Device *device, GError **error)
{
  Gicv3 *gic = (Gicv3 *) device;
  const Gicv3Config *config = &gic->config;

  if (device->vm->n_vcpus != config->n_cpus) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                 "The interrupt controller was made for %u CPUs, the machine has %u.",
                 config->n_cpus, device->vm->n_vcpus);
    return false;
  }
  mem_bus_add_mmio (device->vm->bus, "gic-dist", config->dist_base, GICV3_DIST_BYTES, &gic_dist_ops,
                    gic);
  mem_bus_add_mmio (device->vm->bus, "gic-redist", config->redist_base,
                    (uint64_t) GICV3_REDIST_BYTES * config->n_cpus, &gic_redist_ops, gic);
  device->vm->irqchip = &gic_cpu_ops;
  device->vm->irqchip_opaque = gic;
  gic_reset (device);
  return true;
}

static void
gic_free (Device *device)
{
  Gicv3 *gic = (Gicv3 *) device;
  g_mutex_clear (&gic->lock);
  for (unsigned i = 0; i < gic->config.n_cpus; i++)
    g_free (gic->cpus[i].lpis);
  g_free (gic->lpi_priority);
  g_free (gic->cpus);
  g_free (gic);
}

static const DeviceOps gic_device_ops = {
    .name = "gicv3",
    .state_version = 2,
    .realize = gic_realize,
    .reset = gic_reset,
    .free = gic_free,
    .save = gic_save,
    .load = gic_load,
};

Device *
gicv3_new (const Gicv3Config *config)
{
  g_assert (config->n_cpus >= 1 && config->n_cpus <= GICV3_MAX_CPUS);
  Gicv3 *gic = g_new0 (Gicv3, 1);
  gic->device.ops = &gic_device_ops;
  gic->config = *config;
  gic->cpus = g_new0 (GicCpu, config->n_cpus);
  for (unsigned spi = 0; spi < GICV3_N_SPIS; spi++)
    gic->spi_target[spi] = GIC_NO_CPU;
  if (config->lpis) {
    gic->lpi_priority = g_new0 (uint8_t, GIC_N_LPIS);
    for (unsigned i = 0; i < config->n_cpus; i++)
      gic->cpus[i].lpis = g_new0 (GicLpis, 1);
  }
  g_mutex_init (&gic->lock);
  return &gic->device;
}
