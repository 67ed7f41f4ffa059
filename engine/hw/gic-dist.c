// SPDX-License-Identifier: GPL-3.0-or-later
// GICv3 distributor registers (IHI 0069 §12.9). vCPU threads, under the controller's lock.
// Interrupts 0..31 belong to the redistributors: with affinity routing their fields here are
// RAZ/WI.

#include "engine/hw/gic-priv.h"

enum {
  GICD_CTLR = 0x0000,
  GICD_TYPER = 0x0004,
  GICD_IIDR = 0x0008,
  GICD_BANKS = 0x0080, // IGROUPR .. ICACTIVER
  GICD_BANKS_END = 0x0400,
  GICD_IPRIORITYR = 0x0400,
  GICD_IPRIORITYR_END = 0x0800,
  GICD_ICFGR = 0x0c00,
  GICD_ICFGR_END = 0x0d00,
  GICD_IROUTER = 0x6000,
  GICD_IROUTER_END = 0x8000,

  GICD_TYPER_A3V = 1u << 24,
  GICD_TYPER_IDBITS = 9u << 19, // INTIDs of 10 bits
  GICD_TYPER_LPIS = (GIC_ID_BITS - 1u) << 19 | 1u << 17,
  GIC_DIST_PART = 0x92,                // PIDR0
  GIC_TYPER_LINES = GICV3_N_SPIS / 32, // ITLinesNumber: INTIDs / 32 - 1
};

uint32_t
gic_bank_read (const GicBank *bank, unsigned kind)
{
  switch (kind) {
  case 1:
    return bank->group1;
  case 2:
  case 3:
    return bank->enabled;
  case 4:
  case 5:
    return gic_bank_pending (bank);
  case 6:
  case 7:
    return bank->active;
  default:
    return 0;
  }
}

void
gic_bank_write (GicBank *bank, unsigned kind, uint32_t value)
{
  switch (kind) {
  case 1:
    bank->group1 = value;
    break;
  case 2:
    bank->enabled |= value;
    break;
  case 3:
    bank->enabled &= ~value;
    break;
  case 4:
    bank->latch |= value;
    break;
  case 5:
    bank->latch &= ~value;
    break;
  case 6:
    bank->active |= value;
    break;
  case 7:
    bank->active &= ~value;
    break;
  default:
    break;
  }
}

uint32_t
gic_bank_read_config (const GicBank *bank, unsigned half)
{
  uint32_t value = 0;
  for (unsigned i = 0; i < 16; i++)
    value |= (bank->edge >> (half * 16 + i) & 1) << (2 * i + 1);
  return value;
}

void
gic_bank_write_config (GicBank *bank, unsigned half, uint32_t value)
{
  for (unsigned i = 0; i < 16; i++) {
    uint32_t bit = 1u << (half * 16 + i);
    bank->edge = value >> (2 * i + 1) & 1 ? bank->edge | bit : bank->edge & ~bit;
  }
}

uint32_t
gic_id_register (unsigned offset, uint8_t part)
{
  // PIDR4..7, PIDR0..3, CIDR0..3, with Arm's JEP106 code.
  static const uint8_t ids[12] = {0x44, 0,    0,    0,    0,   0xb4, GIC_ARCH_REV << 4 | 0xb,
                                  0,    0x0d, 0xf0, 0x05, 0xb1};
  unsigned n = (offset - GIC_IDREGS) / 4;
  return n == 4 ? part : n < 12 ? ids[n] : 0;
}

uint32_t
gic_priority_read (const uint8_t *priority, unsigned size)
{
  uint32_t value = 0;
  for (unsigned i = 0; i < size; i++)
    value |= (uint32_t) priority[i] << 8 * i;
  return value;
}

void
gic_priority_write (uint8_t *priority, uint32_t value, unsigned size)
{
  for (unsigned i = 0; i < size; i++)
    priority[i] = value >> 8 * i & GIC_PRIO_MASK;
}

static bool
in (uint64_t offset, unsigned first, unsigned end)
{
  return offset >= first && offset < end;
}

// The SPIs a bank register belongs to; NULL for the first (local) bank and past the last.
static GicBank *
spi_bank (Gicv3 *gic, unsigned word)
{
  return word >= 1 && word <= GIC_SPI_WORDS ? &gic->spi[word - 1] : NULL;
}

static uint8_t *
spi_priority (Gicv3 *gic, uint64_t offset)
{
  unsigned intid = offset - GICD_IPRIORITYR;
  return in (intid, GIC_N_LOCAL, GIC_N_INTIDS) ? &gic->spi_priority[intid - GIC_N_LOCAL] : NULL;
}

static uint64_t *
spi_route (Gicv3 *gic, uint64_t offset)
{
  unsigned intid = (offset - GICD_IROUTER) / 8;
  return in (intid, GIC_N_LOCAL, GIC_N_INTIDS) ? &gic->spi_route[intid - GIC_N_LOCAL] : NULL;
}

static uint32_t
read32 (Gicv3 *gic, uint64_t offset)
{
  if (in (offset, GICD_BANKS, GICD_BANKS_END)) {
    const GicBank *bank = spi_bank (gic, offset / 4 % 32);
    return bank != NULL ? gic_bank_read (bank, offset >> 7) : 0;
  }
  if (in (offset, GICD_ICFGR, GICD_ICFGR_END)) {
    const GicBank *bank = spi_bank (gic, offset / 8 % 32);
    return bank != NULL ? gic_bank_read_config (bank, offset / 4 % 2) : 0;
  }
  if (offset >= GIC_IDREGS)
    return gic_id_register (offset, GIC_DIST_PART);

  switch (offset) {
  case GICD_CTLR:
    return gic->ctlr | GICD_CTLR_ARE | GICD_CTLR_DS;
  case GICD_TYPER:
    return GIC_TYPER_LINES | GICD_TYPER_A3V |
           (gic->config.lpis ? GICD_TYPER_LPIS : GICD_TYPER_IDBITS);
  case GICD_IIDR:
    return GIC_IIDR;
  default:
    return 0;
  }
}

static uint64_t
read_locked (Gicv3 *gic, uint64_t offset, unsigned size)
{
  if (in (offset, GICD_IPRIORITYR, GICD_IPRIORITYR_END)) {
    const uint8_t *priority = spi_priority (gic, offset);
    return size <= 4 && priority != NULL ? gic_priority_read (priority, size) : 0;
  }
  if (in (offset, GICD_IROUTER, GICD_IROUTER_END)) {
    const uint64_t *route = spi_route (gic, offset);
    return size >= 4 && route != NULL ? *route >> offset % 8 * 8 & (size == 4 ? ~0u : ~0ull) : 0;
  }
  return size == 4 ? read32 (gic, offset) : 0;
}

static void
write_priority (Gicv3 *gic, uint64_t offset, uint32_t value, unsigned size)
{
  uint8_t *priority = spi_priority (gic, offset);
  if (priority == NULL)
    return;
  gic_priority_write (priority, value, size);
  gic_update_all (gic);
}

static void
write_route (Gicv3 *gic, uint64_t offset, uint64_t value, unsigned size)
{
  uint64_t *route = spi_route (gic, offset);
  if (route == NULL || size < 4)
    return;
  uint64_t mask = size == 8 ? ~0ull : (uint64_t) ~0u << offset % 8 * 8;
  *route = ((*route & ~mask) | (value << offset % 8 * 8 & mask)) & GICD_IROUTER_MASK;
  gic_route_spi (gic, route - gic->spi_route);
}

static void
write_bank (Gicv3 *gic, uint64_t offset, uint32_t value)
{
  unsigned kind = offset >> 7, word = offset / 4 % 32;
  GicBank *bank = spi_bank (gic, word);
  if (bank == NULL)
    return;
  gic_bank_write (bank, kind, value);
  // The group decides which CPUs take part in 1 of N.
  if (kind == 1)
    gic_route_all (gic);
  gic_update_all (gic);
}

static void
write32 (Gicv3 *gic, uint64_t offset, uint32_t value)
{
  if (in (offset, GICD_BANKS, GICD_BANKS_END)) {
    write_bank (gic, offset, value);
  } else if (in (offset, GICD_ICFGR, GICD_ICFGR_END)) {
    GicBank *bank = spi_bank (gic, offset / 8 % 32);
    if (bank != NULL)
      gic_bank_write_config (bank, offset / 4 % 2, value);
    gic_update_all (gic);
  } else if (offset == GICD_CTLR) {
    gic->ctlr = value & (GICD_CTLR_GRP0 | GICD_CTLR_GRP1);
    gic_update_all (gic);
  }
}

static uint64_t
dist_read (void *opaque, uint64_t offset, unsigned size)
{
  Gicv3 *gic = opaque;
  g_mutex_lock (&gic->lock);
  uint64_t value = read_locked (gic, offset, size);
  g_mutex_unlock (&gic->lock);
  return value;
}

static void
dist_write (void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
  Gicv3 *gic = opaque;
  g_mutex_lock (&gic->lock);
  if (in (offset, GICD_IROUTER, GICD_IROUTER_END))
    write_route (gic, offset, value, size);
  else if (in (offset, GICD_IPRIORITYR, GICD_IPRIORITYR_END) && size <= 4)
    write_priority (gic, offset, value, size);
  else if (size == 4)
    write32 (gic, offset, value);
  g_mutex_unlock (&gic->lock);
}

const MmioOps gic_dist_ops = {
    .read = dist_read,
    .write = dist_write,
    .sizes = 1 | 4 | 8,
};
