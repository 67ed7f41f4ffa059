// SPDX-License-Identifier: GPL-3.0-or-later
// The inside of the GICv3, shared by its files: gic.c (device, lines), gic-dist.c and
// gic-redist.c (memory-mapped registers), gic-cpu.c (system registers), gic-pick.c (which
// interrupt a CPU sees), gic-lpi.c (LPIs), gic-state.c (saved state); and by the ITS (its.c).
//
// Everything below `lock` is protected by it; it is taken by vCPU threads (registers), and by any
// thread that drives a line. The CPUs' inputs are driven with the lock held, so that a later
// decision can never be overtaken by an earlier one.
#pragma once

#include "engine/hw/gic.h"
#include "engine/structs/a64-sysreg.h"
#include "engine/vm/vm.h"

enum {
  GIC_N_LOCAL = 32, // SGIs 0..15, PPIs 16..31: one set for each CPU
  GIC_N_SGIS = 16,
  GIC_N_INTIDS = GIC_N_LOCAL + GICV3_N_SPIS,
  GIC_SPI_WORDS = GICV3_N_SPIS / 32,
  GIC_INTID_SPURIOUS = 1023,
  GIC_ID_BITS = 16, // of INTIDs where there are LPIs
  GIC_LPI_FIRST = 8192,
  GIC_N_LPIS = (1 << GIC_ID_BITS) - GIC_LPI_FIRST,
  GIC_LPI_WORDS = GIC_N_LPIS / 64,
  GIC_LPI_SUMMARIES = GIC_LPI_WORDS / 64,

  GIC_PRIO_BITS = 5,
  GIC_PRIO_MASK = 0xf8,
  GIC_PRIO_IDLE = 0xff,
  GIC_BPR0_MIN = 7 - GIC_PRIO_BITS,
  GIC_BPR1_MIN = GIC_BPR0_MIN + 1,

  GIC_NO_CPU = -1,

  GIC_IIDR = 0x43b,    // implementer Arm
  GIC_ARCH_REV = 3,    // PIDR2: GICv3
  GIC_IDREGS = 0xffd0, // in each 64 KiB frame
};

// GICD_CTLR; the ARE and DS bits read as one.
enum {
  GICD_CTLR_GRP0 = 1u << 0,
  GICD_CTLR_GRP1 = 1u << 1,
  GICD_CTLR_ARE = 1u << 4,
  GICD_CTLR_DS = 1u << 6,
};

#define GICD_IROUTER_IRM  (1ull << 31)
#define GICD_IROUTER_MASK (0xff00ffffffull | GICD_IROUTER_IRM)

enum {
  GICR_WAKER_SLEEP = 1u << 1,
  GICR_WAKER_ASLEEP = 1u << 2,
};

// ICC_CTLR_EL1.
enum {
  ICC_CTLR_CBPR = 1u << 0,
  ICC_CTLR_EOIMODE = 1u << 1,
  ICC_CTLR_PMHE = 1u << 6,
};

// 32 interrupts: one bit each.
typedef struct GicBank {
  uint32_t level; // the wires
  uint32_t latch; // pending by an edge or by software, until acknowledged
  uint32_t active;
  uint32_t enabled;
  uint32_t group1;
  uint32_t edge; // configuration: edge-triggered
} GicBank;

// The LPIs of one CPU. Their configuration lies in guest memory and is looked at when they become
// pending and when the guest says so (INV, INVALL).
typedef struct GicLpis {
  bool enabled; // GICR_CTLR.EnableLPIs
  uint64_t propbaser, pendbaser;
  uint64_t pending[GIC_LPI_WORDS];

  // Derived; never saved.
  uint64_t ready[GIC_LPI_WORDS];       // pending and enabled
  uint64_t summary[GIC_LPI_SUMMARIES]; // words of ready that are not 0
  unsigned best;                       // the most urgent; GIC_INTID_SPURIOUS: none
  bool batch, stale; // between begin_batch and end_batch; best is to be looked for
} GicLpis;

typedef struct GicCpu {
  GicLpis *lpis; // NULL: there are none
  GicBank local;
  uint8_t priority[GIC_N_LOCAL];
  bool asleep; // GICR_WAKER.ProcessorSleep

  // CPU interface. [0]: group 0, [1]: group 1.
  uint8_t pmr;
  uint8_t bpr[2];
  bool group_enabled[2];
  uint32_t active_prio[2]; // ICC_APxR0: bit n: priority n << 3 is being handled
  uint32_t ctlr;

  // Derived; never saved.
  uint32_t routed[GIC_SPI_WORDS]; // SPIs this CPU is the target of
  unsigned best;                  // pending, enabled and most urgent; GIC_INTID_SPURIOUS: none
  uint8_t best_priority;
  uint8_t best_group;
  bool irq, fiq; // what the CPU's inputs were last driven to
} GicCpu;

typedef struct Gicv3 {
  Device device;
  Gicv3Config config;

  GMutex lock;
  uint32_t ctlr; // the group enables
  GicBank spi[GIC_SPI_WORDS];
  uint8_t spi_priority[GICV3_N_SPIS];
  uint64_t spi_route[GICV3_N_SPIS]; // GICD_IROUTER
  int16_t spi_target[GICV3_N_SPIS]; // derived from the routes: a CPU or GIC_NO_CPU
  GicCpu *cpus;
  uint8_t
      *lpi_priority; // by INTID - GIC_LPI_FIRST, of those that are ready; an LPI goes to one CPU
} Gicv3;

// What a device or software made of it: waiting to be taken, whether or not it is enabled.
static inline uint32_t
gic_bank_pending (const GicBank *bank)
{
  return bank->latch | (bank->level & ~bank->edge);
}

extern const MmioOps gic_dist_ops, gic_redist_ops;
extern const IrqChipOps gic_cpu_ops;

// The register banks at 0x080 (groups) .. 0x380 (active) look the same in the distributor and in
// a redistributor's SGI frame; `kind` is offset >> 7 (1..7). Writes touch only bits in `mask`.
uint32_t gic_bank_read (const GicBank *bank, unsigned kind);
void gic_bank_write (GicBank *bank, unsigned kind, uint32_t value);
// ICFGR<n>: two bits each for 16 interrupts; `half` selects the upper 16 of the bank.
uint32_t gic_bank_read_config (const GicBank *bank, unsigned half);
void gic_bank_write_config (GicBank *bank, unsigned half, uint32_t value);
// IPRIORITYR, `size` bytes of it.
uint32_t gic_priority_read (const uint8_t *priority, unsigned size);
void gic_priority_write (uint8_t *priority, uint32_t value, unsigned size);
// Peripheral and component identification, 0xffd0..0xfffc.
uint32_t gic_id_register (unsigned offset, uint8_t part);

// gic-pick.c; all with the lock held.
void gic_update_cpu (Gicv3 *gic, unsigned cpu);
void gic_update_all (Gicv3 *gic);
// The same, whatever the CPUs' inputs were before (reset, load).
void gic_drive_all (Gicv3 *gic);
void gic_update_spi (Gicv3 *gic, unsigned spi); // its state changed
void gic_route_spi (Gicv3 *gic, unsigned spi);  // its target may have changed
void gic_route_all (Gicv3 *gic);
uint8_t gic_running_priority (const GicCpu *cpu);
uint32_t gic_group_priority_mask (const GicCpu *cpu, unsigned group);
// The interrupt the CPU would take now, or GIC_INTID_SPURIOUS.
unsigned gic_signalled (const GicCpu *cpu);

// gic-lpi.c; all with the lock held. CPU and INTID may be anything where it says so.
// Around any number of what follows, with the lock held throughout: what is most urgent is found once.
void gic_lpi_begin_batch (Gicv3 *gic);
void gic_lpi_end_batch (Gicv3 *gic);
// An LPI becomes pending or ceases to be; nothing happens while the CPU does not take LPIs. Any.
void gic_lpi_set_pending (Gicv3 *gic, uint64_t cpu, uint64_t intid, bool pending);
// Its configuration is looked at again; that of all.
void gic_lpi_reload (Gicv3 *gic, uint64_t cpu, uint64_t intid); // any
void gic_lpi_reload_all (Gicv3 *gic, unsigned cpu);
// From one CPU to another, if it is pending; all of them.
void gic_lpi_move (Gicv3 *gic, uint64_t from, uint64_t to, uint64_t intid); // any
void gic_lpi_move_all (Gicv3 *gic, uint64_t from, uint64_t to);             // any
// Acknowledged.
void gic_lpi_take (Gicv3 *gic, GicCpu *cpu, unsigned intid);
bool gic_is_lpi (const Gicv3 *gic, uint64_t intid);
// What of the CPU's state follows from the rest (load).
void gic_lpi_derive (Gicv3 *gic, GicCpu *cpu);
// GICR_CTLR, GICR_PROPBASER, GICR_PENDBASER.
bool gic_lpi_read (const GicCpu *cpu, unsigned offset, unsigned size, uint64_t *value);
void gic_lpi_write (Gicv3 *gic, unsigned cpu, unsigned offset, uint64_t value, unsigned size);

// The registers of the CPU interface. Lock held; the caller routes and updates.
void gic_reset_interface (GicCpu *cpu);
// Resets all but the wires. Lock held.
void gic_reset_locked (Gicv3 *gic);
void gic_save (Device *device, StateWriter *writer);
bool gic_load (Device *device, StateReader *reader, uint32_t version, GError **error);
