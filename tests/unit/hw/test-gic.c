// SPDX-License-Identifier: GPL-3.0-or-later
// GICv3 as scripts: register accesses and wires on one side, what the CPUs' inputs must show on
// the other. Numbers in the scripts are what IHI 0069 gives for one security state.

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/hw/gic.h"
#include "engine/snapshot/state.h"
#include "engine/structs/a64-sysreg.h"
#include "tests/unit/hw/fake-vm.h"

enum {
  DIST = 0x08000000,
  REDIST = 0x080a0000,
  SGI_FRAME = 0x10000,
};

// Registers of the CPU interface.
enum {
  PMR = A64_SYSREG (3, 0, 4, 6, 0),
  IAR0 = A64_SYSREG (3, 0, 12, 8, 0),
  EOIR0 = A64_SYSREG (3, 0, 12, 8, 1),
  HPPIR0 = A64_SYSREG (3, 0, 12, 8, 2),
  BPR0 = A64_SYSREG (3, 0, 12, 8, 3),
  AP0R0 = A64_SYSREG (3, 0, 12, 8, 4),
  AP0R1 = A64_SYSREG (3, 0, 12, 8, 5),
  AP1R0 = A64_SYSREG (3, 0, 12, 9, 0),
  DIR_ = A64_SYSREG (3, 0, 12, 11, 1),
  RPR = A64_SYSREG (3, 0, 12, 11, 3),
  SGI1R = A64_SYSREG (3, 0, 12, 11, 5),
  ASGI1R = A64_SYSREG (3, 0, 12, 11, 6),
  SGI0R = A64_SYSREG (3, 0, 12, 11, 7),
  IAR1 = A64_SYSREG (3, 0, 12, 12, 0),
  EOIR1 = A64_SYSREG (3, 0, 12, 12, 1),
  HPPIR1 = A64_SYSREG (3, 0, 12, 12, 2),
  BPR1 = A64_SYSREG (3, 0, 12, 12, 3),
  CTLR = A64_SYSREG (3, 0, 12, 12, 4),
  SRE = A64_SYSREG (3, 0, 12, 12, 5),
  IGRPEN0 = A64_SYSREG (3, 0, 12, 12, 6),
  IGRPEN1 = A64_SYSREG (3, 0, 12, 12, 7),
};

typedef enum What {
  END,
  DW,       // distributor write: a = offset, v = value (32 bits)
  DWB,      // byte write
  DWQ,      // 64-bit write
  DR,       // distributor read must give v
  DRB,      // byte read
  DRQ,      // 64-bit read
  RW,       // redistributor of CPU c: write
  RWB,      // byte write
  RR,       // read must give v
  RRQ,      // 64-bit read
  SW,       // system register write on CPU c
  SR,       // read must give v
  SWU,      // write must be UNDEFINED
  SRU,      // read must be UNDEFINED
  SPI,      // drive SPI a to v
  PPI,      // drive INTID a of CPU c to v
  IRQ,      // IRQ input of CPU c must be v
  FIQ,      // FIQ input of CPU c must be v
  REQUESTS, // CPU c was asked to look v times since the last look
  SAVELOAD, // save, make a new machine, load
  RESET,
} What;

typedef struct Step {
  What what;
  unsigned c;
  uint32_t a;
  uint64_t v;
} Step;

typedef struct Script {
  const char *name;
  bool bare; // not set up as an operating system would
  Step steps[64];
} Script;

enum { N_CPUS = 18, MAX_STEPS = 64 };

// clang-format off
static const Script scripts[] = {
  { "identification", true, {
    { DR, 0, 0x0000, 0x50 }, { DR, 0, 0x0004, 0x01480008 }, { DR, 0, 0x0008, 0x43b },
    { DR, 0, 0xffe0, 0x92 }, { DR, 0, 0xffe8, 0x3b }, { DR, 0, 0xfff0, 0x0d },
    { DR, 0, 0xfffc, 0xb1 }, { DR, 0, 0xffd0, 0x44 }, { DR, 0, 0xffec, 0 },
    { RR, 0, 0xffe8, 0x3b }, { RR, 17, 0xffe0, 0x93 }, { RR, 0, 0x0004, 0x43b },
    { RRQ, 0, 8, 0 }, { RRQ, 1, 8, 0x0000000100000100 },
    { RRQ, 17, 8, 0x0000010100001110 }, { RR, 17, 0xc, 0x101 }, { RR, 17, 8, 0x1110 },
    { SR, 0, SRE, 7 }, { SW, 0, SRE, 0 }, { SR, 0, SRE, 7 }, { SR, 0, CTLR, 0x8400 } } },

  { "reset values", true, {
    { RR, 0, 0x14, 6 }, { RR, 0, SGI_FRAME + 0xc00, 0xaaaaaaaa }, { RR, 0, SGI_FRAME + 0xc04, 0 },
    { SR, 0, PMR, 0 }, { SR, 0, BPR0, 2 }, { SR, 0, BPR1, 3 }, { SR, 0, RPR, 0xff },
    { SR, 0, IAR1, 1023 }, { SR, 0, IAR0, 1023 }, { SR, 0, HPPIR1, 1023 }, { SR, 0, IGRPEN1, 0 },
    { IRQ, 0, 0, 0 }, { FIQ, 0, 0, 0 } } },

  { "registers that are not there", true, {
    { SRU, 0, AP0R1 }, { SWU, 0, AP0R1 }, { SRU, 0, SGI1R }, { SRU, 0, EOIR1 }, { SRU, 0, DIR_ },
    { SWU, 0, IAR1 }, { SWU, 0, RPR }, { SWU, 0, HPPIR0 },
    { SRU, 0, A64_SYSREG (3, 4, 12, 9, 5) }, { SRU, 0, A64_SYSREG (3, 0, 0, 0, 0) } } },

  { "fields keep what is implemented", true, {
    { SW, 0, PMR, 0xffff }, { SR, 0, PMR, 0xf8 }, { SW, 0, BPR0, 0 }, { SR, 0, BPR0, 2 },
    { SW, 0, BPR1, 0 }, { SR, 0, BPR1, 3 }, { SW, 0, BPR1, 0x17 }, { SR, 0, BPR1, 7 },
    { SW, 0, BPR0, 5 }, { SW, 0, CTLR, 1 }, { SR, 0, BPR1, 6 }, { SW, 0, BPR1, 4 },
    { SW, 0, CTLR, 0 }, { SR, 0, BPR1, 7 },
    { SW, 0, CTLR, ~0ull }, { SR, 0, CTLR, 0x8443 },
    { DW, 0, 0, ~0u }, { DR, 0, 0, 0x53 }, { DW, 0, 0, 0 }, { DR, 0, 0, 0x50 },
    { DW, 0, 0x420, 0x12345678 }, { DR, 0, 0x420, 0x10305078 }, { DWB, 0, 0x421, 0xff },
    { DR, 0, 0x420, 0x1030f878 }, { DRB, 0, 0x423, 0x10 }, { DW, 0, 0x400, ~0u }, { DR, 0, 0x400, 0 },
    { DW, 0, 0x51c, 0xffffffff }, { DR, 0, 0x51c, 0xf8f8f8f8 }, { DW, 0, 0x520, ~0u },
    { DR, 0, 0x520, 0 }, { RWB, 3, SGI_FRAME + 0x402, 0xa7 }, { RR, 3, SGI_FRAME + 0x400, 0xa00000 },
    { DWQ, 0, 0x6100, ~0ull }, { DRQ, 0, 0x6100, 0xff80ffffff }, { DWQ, 0, 0x6000, ~0ull },
    { DRQ, 0, 0x6000, 0 }, { DW, 0, 0x6104, 0 }, { DRQ, 0, 0x6100, 0x80ffffff },
    { DW, 0, 0xc08, ~0u }, { DR, 0, 0xc08, 0xaaaaaaaa }, { DR, 0, 0xc0c, 0 },
    { DW, 0, 0xc04, ~0u }, { DR, 0, 0xc04, 0 },
    { RW, 0, SGI_FRAME + 0xc00, 0 }, { RR, 0, SGI_FRAME + 0xc00, 0xaaaaaaaa } } },

  { "out-of-range and odd accesses", true, {
    { DW, 0, 0x0bc, ~0u }, { DR, 0, 0x0bc, 0 }, { DW, 0, 0x1a8, ~0u }, { DR, 0, 0x1a8, 0 },
    { DW, 0, 0x100, ~0u }, { DR, 0, 0x100, 0 }, { DW, 0, 0xc80, ~0u }, { DR, 0, 0xc80, 0 },
    { DWQ, 0, 0x100, ~0ull }, { DR, 0, 0x104, 0 }, { DWB, 0, 0x104, 0xff }, { DR, 0, 0x104, 0 },
    { DWQ, 0, 0x6900, ~0ull }, { DRQ, 0, 0x6900, 0 }, { DWQ, 0, 0x68f8, 3 }, { DRQ, 0, 0x68f8, 3 },
    { DRB, 0, 0x6100, 0 }, { DWQ, 0, 0x420, ~0ull }, { DR, 0, 0x420, 0 },
    { RW, 0, SGI_FRAME + 0x104, ~0u }, { RR, 0, SGI_FRAME + 0x104, 0 }, { RR, 0, SGI_FRAME + 0x100, 0 },
    { RW, 0, 0x70, ~0u }, { RR, 0, 0x70, 0 }, { RW, 0, SGI_FRAME + 0x420, ~0u } } },

  { "a level SPI from wire to deactivation", false, {
    { DW, 0, 0x104, 2 }, { IRQ, 0, 0, 0 }, { SPI, 0, 1, 1 }, { IRQ, 0, 0, 1 }, { REQUESTS, 0, 0, 1 },
    { DR, 0, 0x204, 2 }, { SR, 0, HPPIR1, 33 }, { SR, 0, HPPIR0, 1023 }, { SR, 0, IAR0, 1023 },
    { SR, 0, IAR1, 33 }, { IRQ, 0, 0, 0 }, { DR, 0, 0x304, 2 }, { DR, 0, 0x204, 2 },
    { SR, 0, RPR, 0xa0 }, { SR, 0, AP1R0, 1u << 20 }, { SR, 0, IAR1, 1023 },
    { SPI, 0, 1, 0 }, { DR, 0, 0x204, 0 }, { SW, 0, EOIR1, 33 }, { IRQ, 0, 0, 0 },
    { SR, 0, RPR, 0xff }, { DR, 0, 0x304, 0 }, { SPI, 0, 1, 1 }, { SR, 0, IAR1, 33 },
    { SW, 0, EOIR1, 33 }, { IRQ, 0, 0, 1 }, { SPI, 0, 1, 0 }, { IRQ, 0, 0, 0 } } },

  { "an edge SPI latches, also while active", false, {
    { DW, 0, 0xc08, 2 }, { DW, 0, 0x104, 1 }, { SPI, 0, 0, 1 }, { SPI, 0, 0, 0 }, { IRQ, 0, 0, 1 },
    { SR, 0, IAR1, 32 }, { IRQ, 0, 0, 0 }, { DR, 0, 0x204, 0 }, { SPI, 0, 0, 1 }, { DR, 0, 0x204, 1 },
    { IRQ, 0, 0, 0 }, { SPI, 0, 0, 1 }, { SW, 0, EOIR1, 32 }, { IRQ, 0, 0, 1 }, { SR, 0, IAR1, 32 },
    { SW, 0, EOIR1, 32 }, { IRQ, 0, 0, 0 }, { SPI, 0, 0, 0 }, { IRQ, 0, 0, 0 } } },

  { "set and clear pending by software", false, {
    { DW, 0, 0x104, 1 }, { DW, 0, 0x204, 1 }, { IRQ, 0, 0, 1 }, { DW, 0, 0x284, 1 }, { IRQ, 0, 0, 0 },
    { DW, 0, 0x204, 1 }, { SR, 0, IAR1, 32 }, { SW, 0, EOIR1, 32 }, { IRQ, 0, 0, 0 },
    { SPI, 0, 0, 1 }, { DW, 0, 0x284, 1 }, { IRQ, 0, 0, 1 }, { DR, 0, 0x284, 1 }, { SPI, 0, 0, 0 },
    { IRQ, 0, 0, 0 } } },

  { "set and clear active by software", false, {
    { DW, 0, 0x104, 1 }, { DW, 0, 0x304, 1 }, { SPI, 0, 0, 1 }, { IRQ, 0, 0, 0 }, { DR, 0, 0x384, 1 },
    { DW, 0, 0x384, 1 }, { IRQ, 0, 0, 1 } } },

  { "enables: interrupt, group at the distributor, group at the CPU", false, {
    { SPI, 0, 0, 1 }, { IRQ, 0, 0, 0 }, { DW, 0, 0x104, 1 }, { IRQ, 0, 0, 1 }, { DW, 0, 0x184, 1 },
    { IRQ, 0, 0, 0 }, { DW, 0, 0x104, 1 }, { DW, 0, 0, 0 }, { IRQ, 0, 0, 0 }, { SR, 0, HPPIR1, 1023 },
    { DW, 0, 0, 2 }, { IRQ, 0, 0, 1 }, { SW, 0, IGRPEN1, 0 }, { IRQ, 0, 0, 0 },
    { SW, 0, IGRPEN1, 1 }, { IRQ, 0, 0, 1 } } },

  { "priority mask", false, {
    { DW, 0, 0x104, 1 }, { SPI, 0, 0, 1 }, { SW, 0, PMR, 0xa0 }, { IRQ, 0, 0, 0 },
    { SR, 0, IAR1, 1023 }, { SR, 0, HPPIR1, 32 }, { SW, 0, PMR, 0xa8 }, { IRQ, 0, 0, 1 },
    { SW, 0, PMR, 0 }, { IRQ, 0, 0, 0 }, { DWB, 0, 0x420, 0 }, { IRQ, 0, 0, 0 },
    { SW, 0, PMR, 8 }, { IRQ, 0, 0, 1 } } },

  { "the most urgent first, then the lower number", false, {
    { DW, 0, 0x104, 0xf }, { DW, 0, 0x420, 0x40c04080 }, { SPI, 0, 0, 1 }, { SPI, 0, 2, 1 },
    { SPI, 0, 3, 1 }, { SPI, 0, 1, 1 }, { SR, 0, IAR1, 33 }, { SR, 0, IAR1, 1023 },
    { SW, 0, EOIR1, 33 }, { SPI, 0, 1, 0 }, { SR, 0, IAR1, 35 }, { SPI, 0, 3, 0 },
    { SW, 0, EOIR1, 35 }, { SR, 0, IAR1, 32 }, { SPI, 0, 0, 0 }, { SW, 0, EOIR1, 32 },
    { SR, 0, IAR1, 34 } } },

  { "preemption and nesting", false, {
    { DW, 0, 0x104, 7 }, { DW, 0, 0x420, 0x004080c0 }, { SPI, 0, 0, 1 }, { SR, 0, IAR1, 32 },
    { SR, 0, RPR, 0xc0 }, { SPI, 0, 1, 1 }, { IRQ, 0, 0, 1 }, { SR, 0, IAR1, 33 },
    { SR, 0, RPR, 0x80 }, { SPI, 0, 2, 1 }, { SR, 0, IAR1, 34 }, { SR, 0, RPR, 0x40 },
    { SR, 0, AP1R0, 1 << 8 | 1 << 16 | 1 << 24 }, { SPI, 0, 0, 0 }, { SPI, 0, 1, 0 }, { SPI, 0, 2, 0 },
    { SW, 0, EOIR1, 34 }, { SR, 0, RPR, 0x80 }, { SW, 0, EOIR1, 33 }, { SR, 0, RPR, 0xc0 },
    { SW, 0, EOIR1, 32 }, { SR, 0, RPR, 0xff }, { IRQ, 0, 0, 0 } } },

  { "the binary point decides what preempts", false, {
    { DW, 0, 0x104, 7 }, { DW, 0, 0x420, 0x7898a0 }, { SW, 0, BPR1, 6 }, { SPI, 0, 0, 1 },
    { SR, 0, IAR1, 32 }, { SPI, 0, 1, 1 }, { IRQ, 0, 0, 0 }, { SPI, 0, 2, 1 }, { IRQ, 0, 0, 1 },
    { SPI, 0, 2, 0 }, { IRQ, 0, 0, 0 }, { SPI, 0, 0, 0 }, { SW, 0, EOIR1, 32 }, { IRQ, 0, 0, 1 },
    { SPI, 0, 1, 0 }, { SW, 0, BPR1, 3 }, { SPI, 0, 0, 1 }, { SR, 0, IAR1, 32 }, { SPI, 0, 1, 1 },
    { IRQ, 0, 0, 1 } } },

  { "with CBPR group 0's binary point serves both", false, {
    { DW, 0, 0x104, 3 }, { DW, 0, 0x420, 0x98a0 }, { SW, 0, BPR0, 5 }, { SW, 0, CTLR, 1 },
    { SPI, 0, 0, 1 }, { SR, 0, IAR1, 32 }, { SR, 0, RPR, 0x80 }, { SPI, 0, 1, 1 }, { IRQ, 0, 0, 0 },
    { SR, 0, BPR1, 6 }, { SPI, 0, 0, 0 }, { SW, 0, EOIR1, 32 }, { SR, 0, IAR1, 33 } } },

  { "running priority is the group priority", false, {
    { SW, 0, BPR1, 6 }, { DW, 0, 0x104, 1 }, { DWB, 0, 0x420, 0xb8 }, { SPI, 0, 0, 1 },
    { SR, 0, IAR1, 32 }, { SR, 0, RPR, 0x80 }, { SW, 0, EOIR1, 32 }, { SR, 0, RPR, 0xff } } },

  { "split end: priority drop, then deactivation", false, {
    { SW, 0, CTLR, 2 }, { DW, 0, 0x104, 1 }, { SPI, 0, 0, 1 }, { SR, 0, IAR1, 32 },
    { SW, 0, EOIR1, 32 }, { SR, 0, RPR, 0xff }, { DR, 0, 0x304, 1 }, { IRQ, 0, 0, 0 },
    { SW, 0, DIR_, 32 }, { DR, 0, 0x304, 0 }, { IRQ, 0, 0, 1 },
    { SR, 0, IAR1, 32 }, { SW, 0, EOIR1, 32 }, { SW, 5, DIR_, 32 }, { IRQ, 0, 0, 0 },
    { SW, 5, CTLR, 2 }, { SW, 5, DIR_, 32 }, { IRQ, 0, 0, 1 } } },

  { "ends that do not match are ignored", false, {
    { DW, 0, 0x104, 1 }, { SPI, 0, 0, 1 }, { SW, 0, EOIR1, 32 }, { SR, 0, IAR1, 32 },
    { SW, 0, EOIR0, 32 }, { SR, 0, RPR, 0xa0 }, { SW, 0, EOIR1, 1023 }, { SR, 0, RPR, 0xa0 },
    { SW, 0, DIR_, 32 }, { DR, 0, 0x304, 1 }, { SW, 0, EOIR1, 0xffffff }, { SR, 0, RPR, 0xa0 },
    { SW, 0, EOIR1, 32 }, { SR, 0, RPR, 0xff } } },

  { "group 0 is FIQ", false, {
    { DW, 0, 0x084, ~2u }, { DW, 0, 0x104, 3 }, { SPI, 0, 1, 1 }, { IRQ, 0, 0, 0 }, { FIQ, 0, 0, 0 },
    { SW, 0, IGRPEN0, 1 }, { FIQ, 0, 0, 0 }, { DW, 0, 0, 3 }, { FIQ, 0, 0, 1 }, { IRQ, 0, 0, 0 },
    { SR, 0, IAR1, 1023 }, { SR, 0, HPPIR1, 1023 }, { SR, 0, HPPIR0, 33 }, { SR, 0, IAR0, 33 },
    { FIQ, 0, 0, 0 }, { SR, 0, AP0R0, 1 << 20 }, { SR, 0, AP1R0, 0 }, { SPI, 0, 1, 0 },
    { SW, 0, EOIR1, 33 }, { SR, 0, RPR, 0xa0 }, { SW, 0, EOIR0, 33 }, { SR, 0, RPR, 0xff } } },

  { "a disabled group does not hide the other", false, {
    { DW, 0, 0, 3 }, { DW, 0, 0x084, ~1u }, { DW, 0, 0x104, 3 }, { DWB, 0, 0x420, 0 },
    { SPI, 0, 0, 1 }, { SPI, 0, 1, 1 }, { IRQ, 0, 0, 1 }, { SR, 0, IAR1, 33 } } },

  { "SGI to a list", false, {
    { SW, 0, SGI1R, 0x03000006 }, { IRQ, 0, 0, 0 }, { IRQ, 1, 0, 1 }, { IRQ, 2, 0, 1 }, { IRQ, 3, 0, 0 },
    { RR, 1, SGI_FRAME + 0x200, 8 }, { SR, 1, IAR1, 3 }, { IRQ, 1, 0, 0 }, { IRQ, 2, 0, 1 },
    { SW, 1, EOIR1, 3 }, { SR, 1, IAR1, 1023 }, { SR, 2, IAR1, 3 }, { SW, 2, EOIR1, 3 } } },

  { "SGI to oneself and to the second cluster", false, {
    { SW, 0, SGI1R, 0x0f000001 }, { SR, 0, IAR1, 15 }, { SW, 0, EOIR1, 15 },
    { SW, 0, SGI1R, 0x01010003 }, { IRQ, 0, 0, 0 }, { IRQ, 16, 0, 1 }, { IRQ, 17, 0, 1 },
    { SR, 17, IAR1, 1 } } },

  { "SGI to all others", false, {
    { SW, 2, SGI1R, 1ull << 40 | 5u << 24 }, { IRQ, 2, 0, 0 }, { IRQ, 0, 0, 1 }, { IRQ, 1, 0, 1 },
    { IRQ, 17, 0, 1 } } },

  { "SGIs nobody gets", false, {
    { SW, 0, SGI1R, 0x02000004 | 1ull << 32 }, { SW, 0, SGI1R, 0x02000004 | 1ull << 48 },
    { SW, 0, SGI1R, 0x02000004 | 1ull << 44 }, { SW, 0, SGI1R, 0x02ff0004 },
    { SW, 0, SGI1R, 0x0201fffc }, { SW, 0, SGI0R, 0x02000004 }, { IRQ, 2, 0, 0 }, { FIQ, 2, 0, 0 } } },

  { "SGIs of group 0", false, {
    { DW, 0, 0, 3 }, { SW, 2, IGRPEN0, 1 }, { RW, 2, SGI_FRAME + 0x80, ~4u },
    { SW, 0, SGI1R, 0x02000004 }, { FIQ, 2, 0, 0 }, { SW, 0, SGI0R, 0x02000004 }, { FIQ, 2, 0, 1 },
    { SR, 2, IAR0, 2 }, { SW, 2, EOIR0, 2 }, { SW, 0, ASGI1R, 0x02000004 }, { FIQ, 2, 0, 1 } } },

  { "PPIs are private", false, {
    { RW, 3, SGI_FRAME + 0x100, 1 << 27 }, { PPI, 3, 27, 1 }, { IRQ, 3, 0, 1 }, { IRQ, 0, 0, 0 },
    { RR, 3, SGI_FRAME + 0x200, 1 << 27 }, { RR, 0, SGI_FRAME + 0x200, 0 }, { PPI, 0, 27, 1 },
    { IRQ, 0, 0, 0 }, { SR, 3, IAR1, 27 }, { RR, 3, SGI_FRAME + 0x300, 1 << 27 },
    { PPI, 3, 27, 0 }, { SW, 3, EOIR1, 27 }, { IRQ, 3, 0, 0 }, { RW, 3, SGI_FRAME + 0x180, 1 << 27 },
    { PPI, 3, 27, 1 }, { IRQ, 3, 0, 0 } } },

  { "routing moves a pending interrupt", false, {
    { DW, 0, 0x104, 1 }, { SPI, 0, 0, 1 }, { IRQ, 0, 0, 1 }, { DWQ, 0, 0x6100, 0x100 },
    { IRQ, 0, 0, 0 }, { IRQ, 16, 0, 1 }, { SR, 0, IAR1, 1023 }, { SR, 16, IAR1, 32 },
    { DW, 0, 0x6100, 2 }, { IRQ, 2, 0, 0 }, { SW, 16, EOIR1, 32 }, { IRQ, 2, 0, 1 }, { IRQ, 16, 0, 0 },
    { DWQ, 0, 0x6100, 0x10000 }, { IRQ, 2, 0, 0 }, { IRQ, 0, 0, 0 }, { DWQ, 0, 0x6100, 0x12 },
    { IRQ, 2, 0, 0 }, { DWQ, 0, 0x6100, 0x102 }, { DWQ, 0, 0x6100, 1ull << 32 }, { IRQ, 0, 0, 0 },
    { DWQ, 0, 0x6100, 0 }, { IRQ, 0, 0, 1 } } },

  { "one of N goes to one that takes it", false, {
    { DW, 0, 0x104, 1 }, { DWQ, 0, 0x6100, 1ull << 31 | 5 }, { SPI, 0, 0, 1 }, { IRQ, 0, 0, 1 },
    { IRQ, 1, 0, 0 }, { IRQ, 5, 0, 0 }, { SW, 0, IGRPEN1, 0 }, { IRQ, 0, 0, 0 }, { IRQ, 1, 0, 1 },
    { RW, 1, 0x14, 2 }, { RR, 1, 0x14, 6 }, { IRQ, 1, 0, 0 }, { IRQ, 2, 0, 1 }, { SR, 2, IAR1, 32 },
    { RW, 1, 0x14, 0 }, { IRQ, 1, 0, 0 }, { SPI, 0, 0, 0 }, { SW, 2, EOIR1, 32 }, { IRQ, 1, 0, 0 },
    { IRQ, 2, 0, 0 } } },

  { "one of N with nobody waits", false, {
    { DW, 0, 0x084, 0 }, { DW, 0, 0, 3 }, { DW, 0, 0x104, 1 }, { DWQ, 0, 0x6100, 1ull << 31 },
    { SPI, 0, 0, 1 }, { FIQ, 0, 0, 0 }, { SW, 7, IGRPEN0, 1 }, { FIQ, 7, 0, 1 }, { IRQ, 7, 0, 0 } } },

  { "the last SPI", false, {
    { DW, 0, 0x120, 1u << 31 }, { DW, 0, 0xa0, ~0u }, { SPI, 0, 255, 1 }, { SR, 0, IAR1, 287 },
    { DR, 0, 0x320, 1u << 31 }, { SW, 0, EOIR1, 287 }, { IRQ, 0, 0, 1 } } },

  { "the CPU is asked to look only when an input rises", false, {
    { DW, 0, 0x104, 3 }, { SPI, 0, 0, 1 }, { REQUESTS, 0, 0, 1 }, { SPI, 0, 0, 1 }, { SPI, 0, 1, 1 },
    { REQUESTS, 0, 0, 0 }, { SPI, 0, 0, 0 }, { SPI, 0, 1, 0 }, { REQUESTS, 0, 0, 0 } } },

  { "save and load keep everything", false, {
    { DW, 0, 0x104, 7 }, { DW, 0, 0xc08, 2 }, { SPI, 0, 1, 1 }, { SR, 0, IAR1, 33 },
    { SPI, 0, 0, 1 }, { SPI, 0, 0, 0 }, { SW, 3, SGI1R, 0x04000020 }, { DWQ, 0, 0x6110, 4 },
    { SPI, 0, 2, 1 }, { SW, 0, BPR1, 5 }, { RW, 5, 0x14, 0 }, { SAVELOAD }, { SR, 0, RPR, 0xa0 },
    { SR, 0, BPR1, 5 }, { IRQ, 0, 0, 0 }, { IRQ, 5, 0, 1 }, { IRQ, 4, 0, 1 }, { RR, 5, 0x14, 0 },
    { SR, 5, IAR1, 4 }, { SR, 4, IAR1, 34 }, { SW, 0, EOIR1, 33 }, { SR, 0, IAR1, 32 },
    { SW, 0, EOIR1, 32 }, { SR, 0, IAR1, 33 } } },

  { "reset forgets all but the wires", false, {
    { DW, 0, 0x104, 3 }, { SPI, 0, 1, 1 }, { SR, 0, IAR1, 33 }, { SW, 0, SGI1R, 0x01000002 },
    { IRQ, 1, 0, 1 }, { RESET }, { IRQ, 1, 0, 0 }, { SR, 0, RPR, 0xff }, { SR, 0, PMR, 0 },
    { DR, 0, 0x104, 0 }, { DR, 0, 0x304, 0 }, { DR, 0, 0x204, 2 }, { RR, 1, SGI_FRAME + 0x200, 0 },
    { DR, 0, 0, 0x50 }, { RR, 0, 0x14, 6 } } },
};
// clang-format on

typedef struct Rig {
  FakeVm *fake;
  Device *gic;
} Rig;

static Rig
make_rig (void)
{
  static const Gicv3Config config = {.n_cpus = N_CPUS, .dist_base = DIST, .redist_base = REDIST};
  Rig rig = {.fake = fake_vm_new (N_CPUS, 0), .gic = gicv3_new (&config)};
  fake_vm_add (rig.fake, rig.gic);
  return rig;
}

static bool
sys_write (Rig *rig, unsigned cpu, uint32_t reg, uint64_t value)
{
  Vm *vm = &rig->fake->vm;
  return vm->irqchip->write (vm->irqchip_opaque, cpu, reg, value);
}

static bool
sys_read (Rig *rig, unsigned cpu, uint32_t reg, uint64_t *value)
{
  Vm *vm = &rig->fake->vm;
  return vm->irqchip->read (vm->irqchip_opaque, cpu, reg, value);
}

// All in group 1 at priority 0xa0, group 1 on, mask open: as Linux does.
static void
set_up (Rig *rig)
{
  fake_write (rig->fake, DIST, 2, 4);
  for (unsigned w = 1; w <= 8; w++)
    fake_write (rig->fake, DIST + 0x80 + 4 * w, ~0u, 4);
  for (unsigned i = 32; i < 288; i += 4)
    fake_write (rig->fake, DIST + 0x400 + i, 0xa0a0a0a0, 4);
  for (unsigned c = 0; c < N_CPUS; c++) {
    GuestAddr base = REDIST + c * GICV3_REDIST_BYTES;
    fake_write (rig->fake, base + 0x14, 0, 4);
    fake_write (rig->fake, base + SGI_FRAME + 0x80, ~0u, 4);
    for (unsigned i = 0; i < 32; i += 4)
      fake_write (rig->fake, base + SGI_FRAME + 0x400 + i, 0xa0a0a0a0, 4);
    fake_write (rig->fake, base + SGI_FRAME + 0x100, 0xffff, 4);
    assert_true (sys_write (rig, c, PMR, 0xf8));
    assert_true (sys_write (rig, c, IGRPEN1, 1));
  }
}

static GBytes *
save (Rig *rig)
{
  StateWriter *writer = state_writer_new ();
  state_writer_begin (writer, "gicv3", rig->gic->ops->state_version);
  rig->gic->ops->save (rig->gic, writer);
  state_writer_end (writer);
  return state_writer_finish (writer);
}

static bool
load (Rig *rig, GBytes *bytes)
{
  uint32_t version;
  StateReader *reader = state_reader_new (bytes, NULL);
  assert_non_null (reader);
  assert_true (state_reader_begin (reader, "gicv3", 2, &version, NULL));
  bool ok =
      rig->gic->ops->load (rig->gic, reader, version, NULL) && state_reader_end (reader, NULL);
  state_reader_free (reader);
  return ok;
}

static void
save_and_load (Rig *rig)
{
  g_autoptr (GBytes) bytes = save (rig);
  fake_vm_free (rig->fake);
  *rig = make_rig ();
  assert_true (load (rig, bytes));
  g_autoptr (GBytes) again = save (rig);
  assert_true (g_bytes_equal (bytes, again));
}

static unsigned
take_requests (FakeCpu *cpu)
{
  unsigned n = cpu->requests;
  cpu->requests = 0;
  return n;
}

// What the step saw; writes see what they were told.
static uint64_t
perform (Rig *rig, const Step *s)
{
  FakeVm *f = rig->fake;
  GuestAddr redist = REDIST + s->c * GICV3_REDIST_BYTES + s->a;
  IrqLine line;
  uint64_t value = s->v;

  switch (s->what) {
  case DW:
    fake_write (f, DIST + s->a, s->v, 4);
    break;
  case DWB:
    fake_write (f, DIST + s->a, s->v, 1);
    break;
  case DWQ:
    fake_write (f, DIST + s->a, s->v, 8);
    break;
  case DR:
    return fake_read (f, DIST + s->a, 4);
  case DRB:
    return fake_read (f, DIST + s->a, 1);
  case DRQ:
    return fake_read (f, DIST + s->a, 8);
  case RW:
    fake_write (f, redist, s->v, 4);
    break;
  case RWB:
    fake_write (f, redist, s->v, 1);
    break;
  case RR:
    return fake_read (f, redist, 4);
  case RRQ:
    return fake_read (f, redist, 8);
  case SW:
    assert_true (sys_write (rig, s->c, s->a, s->v));
    break;
  case SR:
    assert_true (sys_read (rig, s->c, s->a, &value));
    break;
  case SWU:
    assert_false (sys_write (rig, s->c, s->a, s->v));
    break;
  case SRU:
    assert_false (sys_read (rig, s->c, s->a, &value));
    break;
  case SPI:
    line = gicv3_get_spi (rig->gic, s->a);
    irq_line_set (&line, s->v);
    break;
  case PPI:
    line = gicv3_get_ppi (rig->gic, s->c, s->a);
    irq_line_set (&line, s->v);
    break;
  case IRQ:
    return f->cpus[s->c].irq;
  case FIQ:
    return f->cpus[s->c].fiq;
  case REQUESTS:
    return take_requests (&f->cpus[s->c]);
  case SAVELOAD:
    save_and_load (rig);
    break;
  case RESET:
    rig->gic->ops->reset (rig->gic);
    break;
  case END:
    break;
  }
  return value;
}

static void
run_script (void **state)
{
  const Script *script = *state;
  Rig rig = make_rig ();

  if (!script->bare)
    set_up (&rig);
  for (unsigned i = 0; i < MAX_STEPS && script->steps[i].what != END; i++) {
    const Step *s = &script->steps[i];
    uint64_t seen = perform (&rig, s);
    if (seen != s->v)
      fail_msg ("%s, step %u: 0x%" PRIx64 ", expected 0x%" PRIx64, script->name, i, seen, s->v);
  }
  fake_vm_free (rig.fake);
}

// Every byte of a saved state turned over: loads as something valid or is refused, and the machine
// still works.
static void
test_load_hostile (void **state)
{
  Rig rig = make_rig ();
  set_up (&rig);
  StateWriter *writer;
  static const uint32_t headers[][2] = {{N_CPUS + 1, 256}, {N_CPUS, 32}, {N_CPUS, 256}};

  for (unsigned i = 0; i < G_N_ELEMENTS (headers); i++) {
    writer = state_writer_new ();
    state_writer_begin (writer, "gicv3", 2);
    state_put_u32 (writer, headers[i][0]);
    state_put_u32 (writer, headers[i][1]);
    for (unsigned n = 0; n < 4096; n++)
      state_put_u32 (writer, 0xffffffff);
    state_writer_end (writer);
    g_autoptr (GBytes) bytes = state_writer_finish (writer);
    assert_false (load (&rig, bytes));
  }
  uint64_t value;
  assert_true (sys_read (&rig, 0, RPR, &value));
  assert_int_equal (value, 0xff);
  assert_true (sys_read (&rig, 0, BPR1, &value));
  assert_int_equal (value, 3);
  fake_vm_free (rig.fake);
}

// Pseudo-random accesses from a fixed seed everywhere: nothing to see but that it survives, and
// that an acknowledged interrupt is never handed out again before its end.
static void
test_random (void **state)
{
  Rig rig = make_rig ();
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);
  static const uint16_t base_regs[] = {0, 0x80, 0x100, 0x180, 0x200, 0x300, 0x380, 0x400, 0xc00};
  uint64_t value;

  for (unsigned i = 0; i < 200000; i++) {
    unsigned cpu = g_rand_int_range (rand, 0, N_CPUS), size = 1 << g_rand_int_range (rand, 0, 4);
    uint32_t at = base_regs[g_rand_int_range (rand, 0, G_N_ELEMENTS (base_regs))] +
                  g_rand_int_range (rand, 0, 0x40);
    switch (g_rand_int_range (rand, 0, 8)) {
    case 0:
      fake_write (rig.fake, DIST + at, g_rand_int (rand), size);
      break;
    case 1:
      fake_write (rig.fake, REDIST + cpu * GICV3_REDIST_BYTES + SGI_FRAME + at, g_rand_int (rand),
                  size);
      break;
    case 2:
      fake_write (rig.fake, DIST + 0x6000 + (g_rand_int (rand) & 0x1ff8),
                  (uint64_t) g_rand_int (rand) << 16, 8);
      break;
    case 3:
      fake_read (rig.fake, DIST + (g_rand_int (rand) & 0xffff), size);
      break;
    case 4: {
      IrqLine line = gicv3_get_spi (rig.gic, g_rand_int_range (rand, 0, 256));
      irq_line_set (&line, g_rand_boolean (rand));
      break;
    }
    default: {
      uint32_t reg =
          A64_SYSREG (3, 0, 12, 8 + g_rand_int_range (rand, 0, 5), g_rand_int_range (rand, 0, 8));
      if (g_rand_boolean (rand))
        sys_write (&rig, cpu, reg, g_rand_int (rand) & 0x1ff);
      else if (sys_read (&rig, cpu, reg, &value) && (reg == IAR0 || reg == IAR1))
        assert_true (value < 288 || value == 1023);
    }
    }
  }
  fake_vm_free (rig.fake);
}

int
main (void)
{
  enum { N = G_N_ELEMENTS (scripts) };
  struct CMUnitTest tests[N + 2];

  for (unsigned i = 0; i < N; i++)
    tests[i] = (struct CMUnitTest){scripts[i].name, run_script, NULL, NULL, (void *) &scripts[i]};
  tests[N] = (struct CMUnitTest) cmocka_unit_test (test_load_hostile);
  tests[N + 1] = (struct CMUnitTest) cmocka_unit_test (test_random);
  return _cmocka_run_group_tests ("gic", tests, N + 2, NULL, NULL);
}
