// SPDX-License-Identifier: GPL-3.0-or-later
// GICv3 CPU interface: the ICC_*_EL1 system registers (IHI 0069 §12.2) and the life of an
// interrupt from acknowledge to deactivation (§4.4 to §4.8). On the vCPU's own thread, under the
// controller's lock.

#include "engine/hw/gic-priv.h"

enum {
  ICC_PMR = A64_SYSREG (3, 0, 4, 6, 0),
  ICC_IAR0 = A64_SYSREG (3, 0, 12, 8, 0),
  ICC_EOIR0 = A64_SYSREG (3, 0, 12, 8, 1),
  ICC_HPPIR0 = A64_SYSREG (3, 0, 12, 8, 2),
  ICC_BPR0 = A64_SYSREG (3, 0, 12, 8, 3),
  ICC_AP0R0 = A64_SYSREG (3, 0, 12, 8, 4),
  ICC_AP1R0 = A64_SYSREG (3, 0, 12, 9, 0),
  ICC_DIR = A64_SYSREG (3, 0, 12, 11, 1),
  ICC_RPR = A64_SYSREG (3, 0, 12, 11, 3),
  ICC_SGI1R = A64_SYSREG (3, 0, 12, 11, 5),
  ICC_ASGI1R = A64_SYSREG (3, 0, 12, 11, 6),
  ICC_SGI0R = A64_SYSREG (3, 0, 12, 11, 7),
  ICC_IAR1 = A64_SYSREG (3, 0, 12, 12, 0),
  ICC_EOIR1 = A64_SYSREG (3, 0, 12, 12, 1),
  ICC_HPPIR1 = A64_SYSREG (3, 0, 12, 12, 2),
  ICC_BPR1 = A64_SYSREG (3, 0, 12, 12, 3),
  ICC_CTLR = A64_SYSREG (3, 0, 12, 12, 4),
  ICC_SRE = A64_SYSREG (3, 0, 12, 12, 5),
  ICC_IGRPEN0 = A64_SYSREG (3, 0, 12, 12, 6),
  ICC_IGRPEN1 = A64_SYSREG (3, 0, 12, 12, 7),

  ICC_SRE_VALUE = 7, // system registers on, FIQ and IRQ bypass off; fixed
  ICC_CTLR_READ_ONLY = (GIC_PRIO_BITS - 1) << 8 | 1 << 15, // PRIbits, IDbits 16, A3V
  ICC_CTLR_WRITABLE = ICC_CTLR_CBPR | ICC_CTLR_EOIMODE | ICC_CTLR_PMHE,
  ICC_INTID_MASK = 0xffffff,
};

// The bank an INTID lies in and its bit there; NULL when there is no such interrupt.
static GicBank *
find_bank (Gicv3 *gic, GicCpu *cpu, unsigned intid, uint32_t *bit)
{
  *bit = 1u << intid % 32;
  if (intid < GIC_N_LOCAL)
    return &cpu->local;
  return intid < GIC_N_INTIDS ? &gic->spi[intid / 32 - 1] : NULL;
}

static unsigned
acknowledge (Gicv3 *gic, unsigned index, unsigned group)
{
  GicCpu *cpu = &gic->cpus[index];
  unsigned intid = gic_signalled (cpu);
  uint32_t bit;

  if (intid == GIC_INTID_SPURIOUS || cpu->best_group != group)
    return GIC_INTID_SPURIOUS;

  GicBank *bank = find_bank (gic, cpu, intid, &bit);
  if (bank != NULL) {
    bank->active |= bit;
    bank->latch &= ~bit;
  } else {
    gic_lpi_take (gic, cpu, intid); // an LPI has no active state
  }
  unsigned running = cpu->best_priority & gic_group_priority_mask (cpu, group);
  cpu->active_prio[group] |= 1u << (running >> (8 - GIC_PRIO_BITS));
  gic_update_cpu (gic, index);
  return intid;
}

// And of this CPU what is most urgent is found again.
static void
deactivate (Gicv3 *gic, unsigned index, unsigned intid)
{
  uint32_t bit;
  GicBank *bank = find_bank (gic, &gic->cpus[index], intid, &bit);

  if (bank != NULL)
    bank->active &= ~bit;
  // The interrupt may be pending for another CPU by now.
  if (bank != NULL && intid >= GIC_N_LOCAL && gic->spi_target[intid - GIC_N_LOCAL] != (int) index)
    gic_update_spi (gic, intid - GIC_N_LOCAL);
  gic_update_cpu (gic, index);
}

// Priority drop, and deactivation unless that is left to ICC_DIR. An end that does not match the
// group of the most urgent active priority is ignored.
static void
end_of_interrupt (Gicv3 *gic, unsigned index, unsigned group, uint64_t value)
{
  GicCpu *cpu = &gic->cpus[index];
  unsigned intid = value & ICC_INTID_MASK;
  uint32_t active = cpu->active_prio[0] | cpu->active_prio[1];
  uint32_t top = active & -active;

  if ((intid >= GIC_N_INTIDS && !gic_is_lpi (gic, intid)) || (cpu->active_prio[group] & top) == 0)
    return;
  cpu->active_prio[group] &= ~top;
  if (cpu->ctlr & ICC_CTLR_EOIMODE)
    gic_update_cpu (gic, index);
  else
    deactivate (gic, index, intid);
}

// Only an SGI that the receiver put into this group is raised.
static void
raise_sgi (Gicv3 *gic, unsigned index, unsigned sgi, unsigned group)
{
  GicCpu *cpu = &gic->cpus[index];
  if ((cpu->local.group1 >> sgi & 1) != group)
    return;
  cpu->local.latch |= 1u << sgi;
  gic_update_cpu (gic, index);
}

static void
send_sgi (Gicv3 *gic, unsigned sender, uint64_t value, unsigned group)
{
  unsigned sgi = value >> 24 & 15;

  if (value >> 40 & 1) { // IRM: all but the sender
    for (unsigned i = 0; i < gic->config.n_cpus; i++)
      if (i != sender)
        raise_sgi (gic, i, sgi, group);
    return;
  }
  // Aff3, the range selector and Aff2 have to be 0: there are no such CPUs.
  if ((value >> 32 & 0xff) != 0 || (value >> 44 & 15) != 0 || (value >> 48 & 0xff) != 0)
    return;
  unsigned first = (value >> 16 & 0xff) * 16;
  for (unsigned i = 0; i < 16; i++)
    if ((value >> i & 1) && first + i < gic->config.n_cpus)
      raise_sgi (gic, first + i, sgi, group);
}

static unsigned
highest_pending (const GicCpu *cpu, unsigned group)
{
  return cpu->best_group == group ? cpu->best : GIC_INTID_SPURIOUS;
}

static uint8_t
read_bpr1 (const GicCpu *cpu)
{
  if (cpu->ctlr & ICC_CTLR_CBPR)
    return MIN (cpu->bpr[0] + 1, 7);
  return cpu->bpr[1];
}

// What others change as well.
static bool
read_locked (Gicv3 *gic, unsigned index, uint32_t reg, uint64_t *value)
{
  GicCpu *cpu = &gic->cpus[index];

  switch (reg) {
  case ICC_IAR0:
    *value = acknowledge (gic, index, 0);
    return true;
  case ICC_IAR1:
    *value = acknowledge (gic, index, 1);
    return true;
  case ICC_HPPIR0:
    *value = highest_pending (cpu, 0);
    return true;
  case ICC_HPPIR1:
    *value = highest_pending (cpu, 1);
    return true;
  default:
    return false;
  }
}

// What only the CPU itself changes, on its own thread or while it is parked: without the lock.
static bool
read_own (const GicCpu *cpu, uint32_t reg, uint64_t *value)
{
  switch (reg) {
  case ICC_PMR:
    *value = cpu->pmr;
    return true;
  case ICC_BPR0:
    *value = cpu->bpr[0];
    return true;
  case ICC_BPR1:
    *value = read_bpr1 (cpu);
    return true;
  case ICC_AP0R0:
    *value = cpu->active_prio[0];
    return true;
  case ICC_AP1R0:
    *value = cpu->active_prio[1];
    return true;
  case ICC_RPR:
    *value = gic_running_priority (cpu);
    return true;
  case ICC_CTLR:
    *value = cpu->ctlr | ICC_CTLR_READ_ONLY;
    return true;
  case ICC_SRE:
    *value = ICC_SRE_VALUE;
    return true;
  case ICC_IGRPEN0:
    *value = cpu->group_enabled[0];
    return true;
  case ICC_IGRPEN1:
    *value = cpu->group_enabled[1];
    return true;
  default:
    return false;
  }
}

// Registers that only shape the CPU interface.
static bool
write_control (Gicv3 *gic, GicCpu *cpu, uint32_t reg, uint64_t value)
{
  switch (reg) {
  case ICC_PMR:
    cpu->pmr = value & GIC_PRIO_MASK;
    return true;
  case ICC_BPR0:
    cpu->bpr[0] = MAX (value & 7, GIC_BPR0_MIN);
    return true;
  case ICC_BPR1:
    if (!(cpu->ctlr & ICC_CTLR_CBPR))
      cpu->bpr[1] = MAX (value & 7, GIC_BPR1_MIN);
    return true;
  case ICC_AP0R0:
    cpu->active_prio[0] = value;
    return true;
  case ICC_AP1R0:
    cpu->active_prio[1] = value;
    return true;
  case ICC_CTLR:
    cpu->ctlr = value & ICC_CTLR_WRITABLE;
    return true;
  case ICC_SRE:
    return true;
  case ICC_IGRPEN0:
  case ICC_IGRPEN1:
    cpu->group_enabled[reg == ICC_IGRPEN1] = value & 1;
    gic_route_all (gic);
    return true;
  default:
    return false;
  }
}

static bool
write_locked (Gicv3 *gic, unsigned index, uint32_t reg, uint64_t value)
{
  GicCpu *cpu = &gic->cpus[index];

  switch (reg) {
  case ICC_EOIR0:
    end_of_interrupt (gic, index, 0, value);
    return true;
  case ICC_EOIR1:
    end_of_interrupt (gic, index, 1, value);
    return true;
  case ICC_DIR:
    if (cpu->ctlr & ICC_CTLR_EOIMODE)
      deactivate (gic, index, value & ICC_INTID_MASK);
    return true;
  case ICC_SGI1R:
    send_sgi (gic, index, value, 1);
    return true;
  // With one security state the alias reaches group 0, like SGI0R.
  case ICC_ASGI1R:
  case ICC_SGI0R:
    send_sgi (gic, index, value, 0);
    return true;
  default:
    if (!write_control (gic, cpu, reg, value))
      return false;
    gic_update_cpu (gic, index);
    return true;
  }
}

static bool
cpu_read (void *opaque, unsigned vcpu, uint32_t reg, uint64_t *value)
{
  Gicv3 *gic = opaque;
  if (read_own (&gic->cpus[vcpu], reg, value))
    return true;
  g_mutex_lock (&gic->lock);
  bool known = read_locked (gic, vcpu, reg, value);
  g_mutex_unlock (&gic->lock);
  return known;
}

static bool
cpu_write (void *opaque, unsigned vcpu, uint32_t reg, uint64_t value)
{
  Gicv3 *gic = opaque;
  g_mutex_lock (&gic->lock);
  bool known = write_locked (gic, vcpu, reg, value);
  g_mutex_unlock (&gic->lock);
  return known;
}

// The redistributor and what is pending there stay. Without its groups the CPU takes no part in the
// distribution of 1-of-N interrupts.
static void
cpu_reset (void *opaque, unsigned vcpu)
{
  Gicv3 *gic = opaque;
  g_mutex_lock (&gic->lock);
  gic_reset_interface (&gic->cpus[vcpu]);
  gic_route_all (gic);
  gic_update_cpu (gic, vcpu);
  g_mutex_unlock (&gic->lock);
}

const IrqChipOps gic_cpu_ops = {
    .read = cpu_read,
    .write = cpu_write,
    .reset_cpu = cpu_reset,
};
