// SPDX-License-Identifier: GPL-3.0-or-later
// GICv3 interrupt controller (Arm IHI 0069): distributor, redistributors and the system-register
// CPU interface, one security state (GICD_CTLR.DS = 1), affinity routing always on, and, where an
// ITS (its.h) goes with it, LPIs.
//
// CPU i has affinity 0.0.(i / 16).(i % 16); the CPUs' MPIDR_EL1 must say the same. The controller
// drives vm->vcpus[i] and sets vm->irqchip at realize.
#pragma once

#include "engine/vm/device.h"
#include "engine/vm/irq.h"

enum {
  GICV3_DIST_BYTES = 0x10000,
  GICV3_REDIST_BYTES = 0x20000, // for each CPU
  GICV3_N_SPIS = 256,           // INTIDs 32..287
  GICV3_MAX_CPUS = 256,
};

typedef struct Gicv3Config {
  unsigned n_cpus; // 1..GICV3_MAX_CPUS
  GuestAddr dist_base;
  GuestAddr redist_base;
  bool lpis; // INTIDs 8192..65535, for an ITS
} Gicv3Config;

// Created first of all devices: the others take their lines from it before anything is realized.
Device *gicv3_new (const Gicv3Config *config);
// spi 0.. is INTID 32...
IrqLine gicv3_get_spi (Device *gic, unsigned spi);
// intid 16..31.
IrqLine gicv3_get_ppi (Device *gic, unsigned cpu, unsigned intid);
