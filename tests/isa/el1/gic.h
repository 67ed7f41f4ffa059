// SPDX-License-Identifier: GPL-3.0-or-later
// The GICv3 of the board (IHI 0069), for programs that use interrupts.
#pragma once

#include "el1.h"

#define GICD          0x08000000u
#define GICR(cpu)     (0x080a0000u + (cpu) *0x20000u)
#define GICR_SGI(cpu) (GICR (cpu) + 0x10000u)

enum {
  GICD_CTLR = 0x000,
  GICD_TYPER = 0x004,
  IGROUPR = 0x080,
  ISENABLER = 0x100,
  ICENABLER = 0x180,
  ISPENDR = 0x200,
  ICPENDR = 0x280,
  ISACTIVER = 0x300,
  ICACTIVER = 0x380,
  IPRIORITYR = 0x400,
  ICFGR = 0xc00,
  IROUTER = 0x6000,
  GICR_WAKER = 0x014,
  SPURIOUS = 1023,
  PPI_PMU = 23,
  PPI_TIMER_VIRT = 27,
  PPI_TIMER_PHYS = 30,
};

#define ICC_PMR     s3_0_c4_c6_0
#define ICC_IAR0    s3_0_c12_c8_0
#define ICC_EOIR0   s3_0_c12_c8_1
#define ICC_HPPIR0  s3_0_c12_c8_2
#define ICC_BPR0    s3_0_c12_c8_3
#define ICC_AP0R0   s3_0_c12_c8_4
#define ICC_AP1R0   s3_0_c12_c9_0
#define ICC_DIR     s3_0_c12_c11_1
#define ICC_RPR     s3_0_c12_c11_3
#define ICC_SGI1R   s3_0_c12_c11_5
#define ICC_SGI0R   s3_0_c12_c11_7
#define ICC_IAR1    s3_0_c12_c12_0
#define ICC_EOIR1   s3_0_c12_c12_1
#define ICC_HPPIR1  s3_0_c12_c12_2
#define ICC_BPR1    s3_0_c12_c12_3
#define ICC_CTLR    s3_0_c12_c12_4
#define ICC_SRE     s3_0_c12_c12_5
#define ICC_IGRPEN0 s3_0_c12_c12_6
#define ICC_IGRPEN1 s3_0_c12_c12_7

enum {
  ISR_I = 1 << 7,
  ISR_F = 1 << 6,
};

// The registers of 32 interrupts, of a CPU or of the distributor.
static inline u32
gic_base (unsigned cpu, unsigned intid)
{
  return intid < 32 ? GICR_SGI (cpu) : GICD;
}

static inline void
gic_bit (unsigned cpu, unsigned intid, unsigned reg)
{
  MMIO32 (gic_base (cpu, intid) + reg + intid / 32 * 4) = 1u << intid % 32;
  sync ();
}

static inline bool
gic_test (unsigned cpu, unsigned intid, unsigned reg)
{
  return MMIO32 (gic_base (cpu, intid) + reg + intid / 32 * 4) >> intid % 32 & 1;
}

static inline void
gic_group (unsigned cpu, unsigned intid, unsigned group)
{
  u32 at = gic_base (cpu, intid) + IGROUPR + intid / 32 * 4, bit = 1u << intid % 32;

  MMIO32 (at) = group ? MMIO32 (at) | bit : MMIO32 (at) & ~bit;
}

static inline void
gic_priority (unsigned cpu, unsigned intid, u8 priority)
{
  MMIO8 (gic_base (cpu, intid) + IPRIORITYR + intid) = priority;
}

static inline void
gic_wake (unsigned cpu)
{
  MMIO32 (GICR (cpu) + GICR_WAKER) &= ~2u;
  while (MMIO32 (GICR (cpu) + GICR_WAKER) & 4)
    ;
}

// Both groups on, every priority taken.
static inline void
gic_cpu_on (void)
{
  WRITE (ICC_SRE, 7);
  WRITE (ICC_PMR, 0xff);
  WRITE (ICC_CTLR, 0);
  WRITE (ICC_BPR0, 0);
  WRITE (ICC_BPR1, 0);
  WRITE (ICC_IGRPEN0, 1);
  WRITE (ICC_IGRPEN1, 1);
}

static inline void
gic_on (void)
{
  MMIO32 (GICD + GICD_CTLR) = 0x13; // ARE, both groups
  gic_wake (0);
  gic_cpu_on ();
}

// Group 1, middle priority, enabled.
static inline void
gic_enable (unsigned cpu, unsigned intid)
{
  gic_group (cpu, intid, 1);
  gic_priority (cpu, intid, 0x80);
  gic_bit (cpu, intid, ISENABLER);
}
