// SPDX-License-Identifier: GPL-3.0-or-later
// GICv3 redistributors (IHI 0069 §12.10, §12.11): for each CPU a frame of control registers and,
// 64 KiB above, one with its SGIs and PPIs. vCPU threads, under the controller's lock. Any CPU may
// use any redistributor. Without LPIs their registers (gic-lpi.c) are RAZ/WI.

#include "engine/hw/gic-priv.h"

enum {
  GICR_IIDR = 0x0004,
  GICR_TYPER = 0x0008,
  GICR_WAKER = 0x0014,
  GICR_SGI_FRAME = 0x10000,
  // In the SGI frame:
  GICR_BANK = 0x0080, // IGROUPR0 .. ICACTIVER0, one every 0x80
  GICR_BANK_END = 0x0400,
  GICR_IPRIORITYR = 0x0400,
  GICR_IPRIORITYR_END = 0x0420,
  GICR_ICFGR0 = 0x0c00,
  GICR_ICFGR1 = 0x0c04,

  GICR_TYPER_LPIS = 1u << 0,
  GICR_TYPER_LAST = 1u << 4,
  GIC_REDIST_PART = 0x93, // PIDR0
};

static uint64_t
read_typer (const Gicv3 *gic, unsigned index)
{
  uint64_t affinity = (index / 16) << 8 | index % 16;
  uint32_t last = index == gic->config.n_cpus - 1 ? GICR_TYPER_LAST : 0;
  return affinity << 32 | index << 8 | last | (gic->config.lpis ? GICR_TYPER_LPIS : 0);
}

static uint32_t
read_control (const Gicv3 *gic, unsigned index, unsigned offset)
{
  if (offset >= GIC_IDREGS)
    return gic_id_register (offset, GIC_REDIST_PART);

  switch (offset) {
  case GICR_IIDR:
    return GIC_IIDR;
  case GICR_TYPER:
    return read_typer (gic, index);
  case GICR_TYPER + 4:
    return read_typer (gic, index) >> 32;
  case GICR_WAKER:
    return gic->cpus[index].asleep ? GICR_WAKER_SLEEP | GICR_WAKER_ASLEEP : 0;
  default:
    return 0;
  }
}

static uint32_t
read_local (const GicCpu *cpu, unsigned offset)
{
  if (offset >= GICR_BANK && offset < GICR_BANK_END)
    return offset % 0x80 == 0 ? gic_bank_read (&cpu->local, offset >> 7) : 0;

  switch (offset) {
  case GICR_ICFGR0:
    return gic_bank_read_config (&cpu->local, 0);
  case GICR_ICFGR1:
    return gic_bank_read_config (&cpu->local, 1);
  default:
    return 0;
  }
}

static uint64_t
read_locked (Gicv3 *gic, uint64_t at, unsigned size)
{
  unsigned index = at / GICV3_REDIST_BYTES, offset = at % GICV3_REDIST_BYTES;
  uint64_t value;

  if (offset >= GICR_SGI_FRAME) {
    offset -= GICR_SGI_FRAME;
    if (offset >= GICR_IPRIORITYR && offset < GICR_IPRIORITYR_END && size <= 4)
      return gic_priority_read (&gic->cpus[index].priority[offset - GICR_IPRIORITYR], size);
    return size == 4 ? read_local (&gic->cpus[index], offset) : 0;
  }
  if (offset == GICR_TYPER && size == 8)
    return read_typer (gic, index);
  if (gic_lpi_read (&gic->cpus[index], offset, size, &value))
    return value;
  return size == 4 ? read_control (gic, index, offset) : 0;
}

static void
write_local (GicCpu *cpu, unsigned offset, uint32_t value)
{
  if (offset >= GICR_BANK && offset < GICR_BANK_END) {
    if (offset % 0x80 == 0)
      gic_bank_write (&cpu->local, offset >> 7, value);
  } else if (offset == GICR_ICFGR1) {
    gic_bank_write_config (&cpu->local, 1, value); // SGIs are always edge-triggered
  }
}

static void
write_locked (Gicv3 *gic, uint64_t at, uint64_t value, unsigned size)
{
  unsigned index = at / GICV3_REDIST_BYTES, offset = at % GICV3_REDIST_BYTES;
  GicCpu *cpu = &gic->cpus[index];

  if (offset >= GICR_SGI_FRAME) {
    offset -= GICR_SGI_FRAME;
    if (offset >= GICR_IPRIORITYR && offset < GICR_IPRIORITYR_END && size <= 4)
      gic_priority_write (&cpu->priority[offset - GICR_IPRIORITYR], value, size);
    else if (size == 4)
      write_local (cpu, offset, value);
    gic_update_cpu (gic, index);
  } else if (offset == GICR_WAKER && size == 4) {
    // Interrupts reach a sleeping CPU too (its wake request is granted at once); sleeping only
    // takes it out of 1-of-N distribution.
    cpu->asleep = value & GICR_WAKER_SLEEP;
    gic_route_all (gic);
  } else {
    gic_lpi_write (gic, index, offset, value, size);
  }
}

static uint64_t
redist_read (void *opaque, uint64_t offset, unsigned size)
{
  Gicv3 *gic = opaque;
  g_mutex_lock (&gic->lock);
  uint64_t value = read_locked (gic, offset, size);
  g_mutex_unlock (&gic->lock);
  return value;
}

static void
redist_write (void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
  Gicv3 *gic = opaque;
  g_mutex_lock (&gic->lock);
  write_locked (gic, offset, value, size);
  g_mutex_unlock (&gic->lock);
}

const MmioOps gic_redist_ops = {
    .read = redist_read,
    .write = redist_write,
    .sizes = 1 | 4 | 8,
};
