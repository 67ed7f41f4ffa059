// SPDX-License-Identifier: GPL-3.0-or-later
// GICv3: which CPU an SPI goes to, which pending interrupt is a CPU's most urgent one, and whether
// that one may preempt what runs (IHI 0069 §4.7 affinity routing, §4.8 prioritization). Any
// thread, the controller's lock held.

#include "engine/hw/gic-priv.h"

// Group priority bits of an interrupt: the ones that decide about preemption. The binary point of
// group 1 counts from one (§4.8.6, as seen with a single security state), unless CBPR makes
// group 0's serve both.
uint32_t
gic_group_priority_mask (const GicCpu *cpu, unsigned group)
{
  if (group == 0 || (cpu->ctlr & ICC_CTLR_CBPR))
    return 0xffu & ~0u << (cpu->bpr[0] + 1);
  return 0xffu & ~0u << cpu->bpr[1];
}

uint8_t
gic_running_priority (const GicCpu *cpu)
{
  uint32_t active = cpu->active_prio[0] | cpu->active_prio[1];
  return active == 0 ? GIC_PRIO_IDLE : __builtin_ctz (active) << (8 - GIC_PRIO_BITS);
}

unsigned
gic_signalled (const GicCpu *cpu)
{
  if (cpu->best == GIC_INTID_SPURIOUS || cpu->best_priority >= cpu->pmr)
    return GIC_INTID_SPURIOUS;
  if ((cpu->best_priority & gic_group_priority_mask (cpu, cpu->best_group)) >=
      gic_running_priority (cpu))
    return GIC_INTID_SPURIOUS;
  return cpu->best;
}

// Bits of the bank that could be taken, seen by a CPU that takes these groups.
static uint32_t
eligible (const GicBank *bank, bool group0, bool group1)
{
  uint32_t groups = (group0 ? ~bank->group1 : 0) | (group1 ? bank->group1 : 0);
  return gic_bank_pending (bank) & bank->enabled & ~bank->active & groups;
}

// Lower INTIDs win among equals.
static void
consider (GicCpu *cpu, uint32_t bits, const uint8_t *priority, const GicBank *bank, unsigned first)
{
  for (; bits != 0; bits &= bits - 1) {
    unsigned n = __builtin_ctz (bits);
    if (cpu->best == GIC_INTID_SPURIOUS || priority[n] < cpu->best_priority) {
      cpu->best = first + n;
      cpu->best_priority = priority[n];
      cpu->best_group = bank->group1 >> n & 1;
    }
  }
}

// LPIs are of group 1.
static void
consider_lpi (const Gicv3 *gic, GicCpu *cpu)
{
  uint8_t priority = gic->lpi_priority[cpu->lpis->best - GIC_LPI_FIRST];

  if (cpu->best == GIC_INTID_SPURIOUS || priority < cpu->best_priority) {
    cpu->best = cpu->lpis->best;
    cpu->best_priority = priority;
    cpu->best_group = 1;
  }
}

static void
drive (Gicv3 *gic, unsigned index, bool irq, bool fiq)
{
  GicCpu *cpu = &gic->cpus[index];
  Vcpu *vcpu = gic->device.vm->vcpus[index];
  bool rises = (irq && !cpu->irq) || (fiq && !cpu->fiq);

  if (irq != cpu->irq)
    vcpu->guest->set_irq (vcpu->cpu, GUEST_IRQ, irq);
  if (fiq != cpu->fiq)
    vcpu->guest->set_irq (vcpu->cpu, GUEST_FIQ, fiq);
  cpu->irq = irq;
  cpu->fiq = fiq;
  if (rises)
    vcpu_request (vcpu, VCPU_IRQ);
}

void
gic_update_cpu (Gicv3 *gic, unsigned index)
{
  GicCpu *cpu = &gic->cpus[index];
  bool group0 = (gic->ctlr & GICD_CTLR_GRP0) && cpu->group_enabled[0];
  bool group1 = (gic->ctlr & GICD_CTLR_GRP1) && cpu->group_enabled[1];

  cpu->best = GIC_INTID_SPURIOUS;
  cpu->best_priority = GIC_PRIO_IDLE;
  cpu->best_group = 0;
  consider (cpu, eligible (&cpu->local, group0, group1), cpu->priority, &cpu->local, 0);
  for (unsigned w = 0; w < GIC_SPI_WORDS; w++)
    consider (cpu, eligible (&gic->spi[w], group0, group1) & cpu->routed[w],
              &gic->spi_priority[w * 32], &gic->spi[w], GIC_N_LOCAL + w * 32);

  if (group1 && cpu->lpis != NULL && cpu->lpis->best != GIC_INTID_SPURIOUS)
    consider_lpi (gic, cpu);

  bool signalled = gic_signalled (cpu) != GIC_INTID_SPURIOUS;
  drive (gic, index, signalled && cpu->best_group == 1, signalled && cpu->best_group == 0);
}

void
gic_drive_all (Gicv3 *gic)
{
  for (unsigned i = 0; i < gic->config.n_cpus; i++) {
    Vcpu *vcpu = gic->device.vm->vcpus[i];
    vcpu->guest->set_irq (vcpu->cpu, GUEST_IRQ, false);
    vcpu->guest->set_irq (vcpu->cpu, GUEST_FIQ, false);
    gic->cpus[i].irq = gic->cpus[i].fiq = false;
    gic_update_cpu (gic, i);
  }
}

void
gic_update_all (Gicv3 *gic)
{
  for (unsigned i = 0; i < gic->config.n_cpus; i++)
    gic_update_cpu (gic, i);
}

void
gic_update_spi (Gicv3 *gic, unsigned spi)
{
  if (gic->spi_target[spi] != GIC_NO_CPU)
    gic_update_cpu (gic, gic->spi_target[spi]);
}

// 1 of N: any CPU that is awake and takes the group. Start at a CPU that depends on the interrupt,
// so that several of them spread.
static int
choose_any (const Gicv3 *gic, unsigned spi)
{
  unsigned group = gic->spi[spi / 32].group1 >> spi % 32 & 1;
  for (unsigned i = 0; i < gic->config.n_cpus; i++) {
    unsigned index = (spi + i) % gic->config.n_cpus;
    if (!gic->cpus[index].asleep && gic->cpus[index].group_enabled[group])
      return index;
  }
  return GIC_NO_CPU;
}

static int
choose_target (const Gicv3 *gic, unsigned spi)
{
  uint64_t route = gic->spi_route[spi];
  if (route & GICD_IROUTER_IRM)
    return choose_any (gic, spi);

  uint64_t aff0 = route & 0xff, aff1 = route >> 8 & 0xff;
  if (aff0 > 15 || route >> 16 != 0 || aff1 * 16 + aff0 >= gic->config.n_cpus)
    return GIC_NO_CPU;
  return aff1 * 16 + aff0;
}

void
gic_route_spi (Gicv3 *gic, unsigned spi)
{
  int old = gic->spi_target[spi], target = choose_target (gic, spi);
  uint32_t bit = 1u << spi % 32;

  if (old == target)
    return;
  gic->spi_target[spi] = target;
  if (old != GIC_NO_CPU) {
    gic->cpus[old].routed[spi / 32] &= ~bit;
    gic_update_cpu (gic, old);
  }
  if (target != GIC_NO_CPU) {
    gic->cpus[target].routed[spi / 32] |= bit;
    gic_update_cpu (gic, target);
  }
}

void
gic_route_all (Gicv3 *gic)
{
  for (unsigned spi = 0; spi < GICV3_N_SPIS; spi++)
    gic_route_spi (gic, spi);
}
