// SPDX-License-Identifier: GPL-3.0-or-later
// ITS and LPIs as scripts: registers, commands, tables in guest memory and devices' messages on one
// side, what the CPUs see on the other. Numbers are what IHI 0069 gives.

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/hw/gic.h"
#include "engine/hw/its.h"
#include "engine/snapshot/state.h"
#include "engine/structs/a64-sysreg.h"
#include "tests/unit/hw/fake-vm.h"

enum {
  N_CPUS = 3,
  RAM_BYTES = 4 << 20,
  DIST = 0x08000000,
  ITS = 0x08080000,
  REDIST = 0x080a0000,

  // What the guest has where, from the start of RAM.
  QUEUE = 0x00000, // 64 KiB
  DEVICES = 0x100000,
  COLLECTIONS = 0x110000,
  CONFIG = 0x120000,
  PENDING = 0x140000, // 64 KiB for each CPU
  ITT = 0x180000,
  SPARE = 0x200000,
  QUEUE_BYTES = 0x10000,

  IAR1 = A64_SYSREG (3, 0, 12, 12, 0),
  EOIR1 = A64_SYSREG (3, 0, 12, 12, 1),
  HPPIR1 = A64_SYSREG (3, 0, 12, 12, 2),
  DIR_ = A64_SYSREG (3, 0, 12, 11, 1),
  RPR = A64_SYSREG (3, 0, 12, 11, 3),
  PMR = A64_SYSREG (3, 0, 4, 6, 0),
  IGRPEN1 = A64_SYSREG (3, 0, 12, 12, 7),

  L0 = 8192, // the first LPI
};
#define RAM   UINT64_C (0x40000000)
#define VALID (UINT64_C (1) << 63)

typedef enum What {
  END,
  IW,  // ITS register write: a = offset, v = value, 64 bits
  IW4, // 32 bits
  IR,  // read must give v
  IR4, //
  CMD, // a command: a, v, w are its first words (and x the fourth); runs at once
  PUT, // the same, but it only goes into the queue
  MSI, // device c writes v to the translator; 1 to any other address a
  CFG, // configuration byte of LPI a becomes v
  MW,  // guest memory at a becomes v (64 bits)
  MR,  // must be v
  MR1, // a byte
  RW,  // redistributor of CPU c, 64 bits
  RW4, //
  RR,  // must give v
  RR4, //
  DR4, // distributor
  SW,  // system register of CPU c
  SR,  // must give v
  IRQ, // input of CPU c must be v
  SPI, // SPI a becomes v
  SAVELOAD,
  RESET,
} What;

typedef struct Step {
  What what;
  unsigned c;
  uint64_t a, v, w, x;
} Step;

typedef struct Script {
  const char *name;
  bool bare; // not set up as an operating system would
  Step steps[48];
} Script;

#define MAPD(device, itt, size)                                                                    \
  {                                                                                                \
    CMD, 0, (uint64_t) (device) << 32 | 8, (size), (RAM + (itt)) | VALID                           \
  }
#define UNMAPD(device)                                                                             \
  {                                                                                                \
    CMD, 0, (uint64_t) (device) << 32 | 8                                                          \
  }
#define MAPC(icid, cpu)                                                                            \
  {                                                                                                \
    CMD, 0, 9, 0, (uint64_t) (cpu) << 16 | (icid) | VALID                                          \
  }
#define UNMAPC(icid)                                                                               \
  {                                                                                                \
    CMD, 0, 9, 0, (icid)                                                                           \
  }
#define MAPTI(device, event, intid, icid)                                                          \
  {                                                                                                \
    CMD, 0, (uint64_t) (device) << 32 | 10, (uint64_t) (intid) << 32 | (event), (icid)             \
  }
#define MAPI(device, event, icid)                                                                  \
  {                                                                                                \
    CMD, 0, (uint64_t) (device) << 32 | 11, (event), (icid)                                        \
  }
#define MOVI(device, event, icid)                                                                  \
  {                                                                                                \
    CMD, 0, (uint64_t) (device) << 32 | 1, (event), (icid)                                         \
  }
#define EVENT(op, device, event)                                                                   \
  {                                                                                                \
    CMD, 0, (uint64_t) (device) << 32 | (op), (event)                                              \
  }
#define INT(device, event)     EVENT (3, device, event)
#define CLEAR(device, event)   EVENT (4, device, event)
#define INV(device, event)     EVENT (12, device, event)
#define DISCARD(device, event) EVENT (15, device, event)
#define INVALL(icid)                                                                               \
  {                                                                                                \
    CMD, 0, 13, 0, (icid)                                                                          \
  }
#define MOVALL(from, to)                                                                           \
  {                                                                                                \
    CMD, 0, 14, 0, (uint64_t) (from) << 16, (uint64_t) (to) << 16                                  \
  }
#define SYNC                                                                                       \
  {                                                                                                \
    CMD, 0, 5                                                                                      \
  }

// Set up: tables as above, device 8 with 32 events, of which 0..3 are LPIs 8192..8195 (enabled,
// priority 0xa0) in collections 0 0 1 2, which are CPUs 0, 1, 2; CPUs take group 1 and LPIs.
// clang-format off
static const Script scripts[] = {
  { "identification", true, {
    { IR, 0, 8, 0x1ef71 }, { IR4, 0, 4, 0x43b }, { IR4, 0, 0xffe8, 0x3b }, { IR4, 0, 0xffe0, 0x94 },
    { IR4, 0, 0xfff0, 0x0d }, { IR4, 0, 0, 1u << 31 }, { IR, 0, 0x100, 0x0107000000000000 },
    { IR, 0, 0x108, 0x0407000000000000 }, { IR, 0, 0x110, 0 }, { IR, 0, 0x138, 0 },
    { DR4, 0, 4, 0x017a0008 }, { RR, 0, 8, 1 }, { RR, 2, 8, 0x200000211 }, { RR4, 0, 0, 2 } } },

  { "registers keep what is implemented", true, {
    { IW, 0, 0x100, ~0ull }, { IR, 0, 0x100, 0xf9e7ffffffffffff }, { IW, 0, 0x80, ~0ull },
    { IR, 0, 0x80, 0xb8effffffffffcff }, { IW, 0, 0x88, ~0ull }, { IR, 0, 0x88, 0xfffe0 },
    { IW, 0, 0x90, ~0ull }, { IR, 0, 0x90, 0 }, { IW4, 0, 0x104, 0x12345678 },
    { IR, 0, 0x100, 0x11275678ffffffff }, { IW4, 0, 0x100, 0x9abcdef0 }, { IR4, 0, 0x100, 0x9abcdef0 },
    { IR4, 0, 0x104, 0x11275678 }, { IW, 0, 0x110, ~0ull }, { IR, 0, 0x110, 0 },
    { RW, 0, 0x70, ~0ull }, { RR, 0, 0x70, 0x070fffffffffff9f }, { RW, 0, 0x78, ~0ull },
    { RR, 0, 0x78, 0x070fffffffff0f80 }, { RW4, 0, 0x74, 0 }, { RR, 0, 0x70, 0xffffff9f },
    { RW4, 0, 0, 1 }, { RR4, 0, 0, 3 }, { RW, 0, 0x70, 0 }, { RR4, 0, 0x70, 0xffffff9f },
    { IW4, 0, 4, 0 }, { IR4, 0, 0, 1u << 31 }, { IW4, 0, 0, 1 }, { IR4, 0, 0, 1 },
    { IW, 0, 0x100, 0 }, { IR4, 0, 0x100, 0x9abcdef0 }, { IW, 0, 0x80, 0 }, { IR4, 0, 0x80, 0xfffffcff } } },

  { "a message becomes an LPI", false, {
    { IRQ, 0, 0, 0 }, { MSI, 8, 0, 0 }, { IRQ, 0, 0, 1 }, { SR, 0, HPPIR1, L0 }, { SR, 0, IAR1, L0 },
    { IRQ, 0, 0, 0 }, { SR, 0, RPR, 0xa0 }, { SR, 0, IAR1, 1023 }, { SW, 0, EOIR1, L0 },
    { SR, 0, RPR, 0xff }, { MSI, 8, 0, 2 }, { IRQ, 0, 0, 0 }, { IRQ, 1, 0, 1 }, { SR, 1, IAR1, L0 + 2 } } },

  { "messages nobody waits for", false, {
    { MSI, 9, 0, 0 }, { MSI, 8, 0, 4 }, { MSI, 8, 0, 32 }, { MSI, 8, 0, ~0u }, { MSI, 0x10008, 0, 0 },
    { MSI, 8192, 0, 0 }, { MSI, ~0u, 0, 0 }, { IRQ, 0, 0, 0 }, { IRQ, 1, 0, 0 }, { IRQ, 2, 0, 0 },
    { IW4, 0, 0, 0 }, { MSI, 8, 0, 0 }, { IRQ, 0, 0, 0 } } },

  { "an address that is another's", false, { { MSI, 8, 0x44, 0 }, { IRQ, 0, 0, 0 } } },

  { "no active state: pending again while it is handled", false, {
    { MSI, 8, 0, 0 }, { SR, 0, IAR1, L0 }, { MSI, 8, 0, 0 }, { IRQ, 0, 0, 0 }, { SW, 0, EOIR1, L0 },
    { IRQ, 0, 0, 1 }, { SR, 0, IAR1, L0 }, { SW, 0, DIR_, L0 }, { SW, 0, EOIR1, L0 }, { IRQ, 0, 0, 0 } } },

  { "INT and CLEAR", false, {
    INT (8, 0), { IRQ, 0, 0, 1 }, CLEAR (8, 0), { IRQ, 0, 0, 0 }, INT (8, 3), { IRQ, 2, 0, 1 },
    CLEAR (8, 0), { IRQ, 2, 0, 1 }, INT (7, 0), INT (8, 9), { IRQ, 0, 0, 0 }, SYNC } },

  { "configuration is looked at when it is invalidated", false, {
    { CFG, 0, 0, 0xa0 }, { MSI, 8, 0, 0 }, { IRQ, 0, 0, 0 }, { CFG, 0, 0, 0xa1 }, { IRQ, 0, 0, 0 },
    INV (8, 1), { IRQ, 0, 0, 0 }, INV (8, 0), { IRQ, 0, 0, 1 }, { CFG, 0, 0, 0xa0 }, { IRQ, 0, 0, 1 },
    INVALL (1), { IRQ, 0, 0, 1 }, INVALL (0), { IRQ, 0, 0, 0 }, { CFG, 0, 0, 1 }, INVALL (0),
    { SR, 0, IAR1, L0 }, { SR, 0, RPR, 0 } } },

  { "the most urgent first, then the lower number", false, {
    { CFG, 0, 1, 0x81 }, { MSI, 8, 0, 0 }, { MSI, 8, 0, 1 }, { SPI, 0, 0, 1 }, { SR, 0, HPPIR1, L0 + 1 },
    { CFG, 0, 1, 0xa1 }, INV (8, 1), { SR, 0, HPPIR1, 32 }, { SPI, 0, 0, 0 }, { SR, 0, HPPIR1, L0 },
    { CFG, 0, 0, 0xf9 }, INV (8, 0), { SR, 0, HPPIR1, L0 + 1 }, { SR, 0, IAR1, L0 + 1 },
    { SW, 0, EOIR1, L0 + 1 }, { SR, 0, IAR1, 1023 }, { SW, 0, PMR, 0xff }, { SR, 0, IAR1, 1023 },
    { CFG, 0, 0, 0xf1 }, INV (8, 0), { SR, 0, IAR1, L0 } } },

  { "an SPI of the same priority goes first", false, {
    { MSI, 8, 0, 0 }, { SPI, 0, 0, 1 }, { SR, 0, IAR1, 32 } } },

  { "MOVI takes the pending one along", false, {
    { MSI, 8, 0, 0 }, { IRQ, 0, 0, 1 }, MOVI (8, 0, 2), { IRQ, 0, 0, 0 }, { IRQ, 2, 0, 1 },
    { SR, 2, IAR1, L0 }, { SW, 2, EOIR1, L0 }, { MSI, 8, 0, 0 }, { IRQ, 2, 0, 1 }, { IRQ, 0, 0, 0 },
    MOVI (8, 0, 9), { IRQ, 2, 0, 1 }, MOVI (8, 9, 0), MOVI (8, 0, 2), { IRQ, 2, 0, 1 } } },

  { "MOVALL", false, {
    { MSI, 8, 0, 0 }, { MSI, 8, 0, 1 }, { MSI, 8, 0, 2 }, MOVALL (0, 1), { IRQ, 0, 0, 0 },
    { SR, 1, IAR1, L0 }, { SW, 1, EOIR1, L0 }, { SR, 1, IAR1, L0 + 1 }, { SW, 1, EOIR1, L0 + 1 },
    { SR, 1, IAR1, L0 + 2 }, { SW, 1, EOIR1, L0 + 2 }, { SR, 1, IAR1, 1023 }, { MSI, 8, 0, 0 },
    MOVALL (0, 3), MOVALL (3, 0), MOVALL (0, 0), { IRQ, 0, 0, 1 } } },

  { "DISCARD forgets event and interrupt", false, {
    { MSI, 8, 0, 0 }, DISCARD (8, 0), { IRQ, 0, 0, 0 }, { MSI, 8, 0, 0 }, { IRQ, 0, 0, 0 },
    DISCARD (8, 0), { MSI, 8, 0, 1 }, { IRQ, 0, 0, 1 } } },

  { "unmapped things", false, {
    UNMAPC (0), { MSI, 8, 0, 0 }, { IRQ, 0, 0, 0 }, MAPC (0, 2), { MSI, 8, 0, 0 }, { IRQ, 2, 0, 1 },
    UNMAPD (8), { MSI, 8, 0, 1 }, { SR, 2, IAR1, L0 }, { SW, 2, EOIR1, L0 }, { SR, 2, IAR1, 1023 } } },

  { "MAPI", false, {
    MAPD (9, SPARE, 15), MAPI (9, L0 + 5, 1), { CFG, 0, 5, 0x81 }, { MSI, 9, 0, L0 + 5 },
    { SR, 1, IAR1, L0 + 5 }, MAPI (9, 100, 1), { MSI, 9, 0, 100 }, { SR, 1, IAR1, 1023 } } },

  { "commands that make no sense are skipped", false, {
    MAPD (0x10000, SPARE, 4), MAPD (9, SPARE, 16), { MSI, 9, 0, 0 }, MAPC (0x1000, 0), MAPC (5, 3),
    MAPTI (8, 5, 100, 0), MAPTI (8, 5, 0x10000, 0), MAPTI (8, 32, L0, 0), MAPTI (9, 0, L0, 0),
    { CMD, 0, 0x2a }, { CMD, 0, 0xff }, INVALL (9), INV (9, 0), { MSI, 8, 0, 5 }, { IRQ, 0, 0, 0 },
    { MSI, 8, 0, 0 }, { IRQ, 0, 0, 1 } } },

  { "the queue wraps, and stands where it cannot be read", false, {
    { IW4, 0, 0, 0 }, { IW, 0, 0x80, (RAM + QUEUE + SPARE) | VALID }, { IR, 0, 0x90, 0 }, { IW, 0, 0x88, 0xfe0 },
    { IR, 0, 0x90, 0 }, { IW4, 0, 0, 1 }, { IR, 0, 0x90, 0xfe0 }, { IW, 0, 0x88, 0x20 },
    { IR, 0, 0x90, 0x20 }, { IW, 0, 0x88, 0x1000 }, { IR, 0, 0x90, 0x20 }, { IW4, 0, 0, 0 },
    { IW, 0, 0x80, 0x1000 | VALID }, { IW4, 0, 0, 1 }, { IW, 0, 0x88, 0x40 }, { IR, 0, 0x90, 0 },
    { IW4, 0, 0, 0 }, { IW, 0, 0x80, RAM + SPARE }, { IW4, 0, 0, 1 }, { IR, 0, 0x90, 0 } } },

  { "commands wait for the ITS to be on", false, {
    { IW4, 0, 0, 0 }, { PUT, 0, 8ull << 32 | 3, 0 }, { IRQ, 0, 0, 0 }, { IW4, 0, 0, 1 }, { IRQ, 0, 0, 1 } } },

  { "a device table of two levels", false, {
    { IW4, 0, 0, 0 }, { IW, 0, 0x100, (RAM + SPARE) | VALID | 1ull << 62 }, { IW4, 0, 0, 1 },
    { MSI, 8, 0, 0 }, { IRQ, 0, 0, 0 }, MAPD (8, ITT, 4), { MSI, 8, 0, 0 }, { IRQ, 0, 0, 0 },
    { MW, 0, SPARE, (RAM + SPARE + 0x1000) | VALID }, MAPD (8, ITT, 4), { MSI, 8, 0, 0 }, { IRQ, 0, 0, 1 },
    { MR, 0, SPARE + 0x1000 + 64, (RAM + ITT) | VALID | 4 }, { MW, 0, SPARE + 8, VALID | 1ull << 50 },
    MAPD (512, ITT, 4), { MW, 0, SPARE + 8, (RAM + SPARE + 0x2000) | VALID }, MAPD (513, ITT, 4),
    { MR, 0, SPARE + 0x2008, (RAM + ITT) | VALID | 4 }, MAPD (0xffff, ITT, 4) } },

  { "pages of other sizes", false, {
    { IW4, 0, 0, 0 }, { IW, 0, 0x100, (RAM + SPARE) | VALID | 2 << 8 }, { IW4, 0, 0, 1 },
    MAPD (8191, ITT, 4), { MR, 0, SPARE + 8191 * 8, (RAM + ITT) | VALID | 4 }, MAPD (8192, ITT, 4),
    { MR, 0, SPARE + 8192 * 8, 0 }, { IW4, 0, 0, 0 }, { IW, 0, 0x100, (RAM + SPARE) | 0x1000 | VALID | 2 << 8 },
    { IW4, 0, 0, 1 }, MAPD (9, ITT, 4), { MR, 0, SPARE + 72, 0 }, { IW4, 0, 0, 0 },
    { IW, 0, 0x100, (RAM + SPARE) | 0x1000 | VALID | 1 << 8 }, { IW4, 0, 0, 1 }, MAPD (9, ITT, 4),
    { MR, 0, SPARE + 72, (RAM + ITT) | VALID | 4 }, MAPD (2048, ITT, 4), { MR, 0, SPARE + 2048 * 8, 0 } } },

  { "entries that lie about what is where", false, {
    { MW, 0, DEVICES + 64, 0x1000 | VALID | 4 }, { MSI, 8, 0, 0 }, { MW, 0, DEVICES + 64, (RAM + ITT) | VALID | 31 },
    { MSI, 8, 0, 0 }, { MW, 0, DEVICES + 64, (RAM + ITT) | VALID | 4 }, { MW, 0, ITT, VALID | 5 },
    { MSI, 8, 0, 0 }, { MW, 0, ITT, VALID | 0xffffffff }, { MSI, 8, 0, 0 },
    { MW, 0, ITT, VALID | 0xffffull << 32 | L0 }, { MSI, 8, 0, 0 }, { MW, 0, COLLECTIONS, VALID | 3 },
    { MSI, 8, 0, 1 }, { MW, 0, COLLECTIONS, VALID | 0xffffffffffff }, { MSI, 8, 0, 1 }, INVALL (0),
    { IRQ, 0, 0, 0 }, { IRQ, 1, 0, 0 }, { IRQ, 2, 0, 0 } } },

  { "pending LPIs go to the table and come back", false, {
    { MSI, 8, 0, 0 }, { CFG, 0, 1, 0 }, { MSI, 8, 0, 1 }, { RW4, 0, 0, 0 }, { RR4, 0, 0, 2 },
    { IRQ, 0, 0, 0 }, { MR1, 0, PENDING + 1024, 3 }, { MSI, 8, 0, 1 }, { IRQ, 0, 0, 0 }, { RW4, 0, 0, 1 },
    { SR, 0, IAR1, L0 }, { SW, 0, EOIR1, L0 }, { SR, 0, IAR1, 1023 }, { CFG, 0, 1, 0xa1 }, INV (8, 1),
    { SR, 0, IAR1, L0 + 1 }, { SW, 0, EOIR1, L0 + 1 }, { RW4, 0, 0, 0 }, { MR1, 0, PENDING + 1024, 0 },
    { MW, 0, PENDING + 1024, 1 }, { RW, 0, 0x78, (RAM + PENDING) | 1ull << 62 }, { RW4, 0, 0, 1 },
    { IRQ, 0, 0, 0 } } },

  { "as many LPIs as there are bits", false, {
    { RW4, 0, 0, 0 }, { RW, 0, 0x70, (RAM + CONFIG) | 12 }, { RW4, 0, 0, 1 }, { MSI, 8, 0, 0 },
    { IRQ, 0, 0, 0 }, { RW4, 0, 0, 0 }, { RW, 0, 0x70, (RAM + CONFIG) | 13 }, { RW4, 0, 0, 1 },
    { MSI, 8, 0, 0 }, { IRQ, 0, 0, 1 }, { CFG, 0, 8192, 0xa1 }, MAPTI (8, 4, 16384, 1), { MSI, 8, 0, 4 },
    { IRQ, 1, 0, 1 }, MOVI (8, 4, 0), { SR, 0, IAR1, L0 }, { SW, 0, EOIR1, L0 }, { IRQ, 0, 0, 0 },
    { IRQ, 1, 0, 0 } } },

  { "the last LPI", false, {
    { CFG, 0, 57343, 0x01 }, MAPTI (8, 4, 65535, 1), { MSI, 8, 0, 4 }, { MSI, 8, 0, 2 },
    { SR, 1, IAR1, 65535 }, { SW, 1, EOIR1, 65535 }, { SR, 1, IAR1, L0 + 2 }, { SW, 1, EOIR1, 65536 },
    { SR, 1, RPR, 0xa0 } } },

  { "tables in no RAM", false, {
    { RW4, 0, 0, 0 }, { RW, 0, 0x70, 15 }, { RW, 0, 0x78, 0 }, { RW4, 0, 0, 1 }, { MSI, 8, 0, 0 },
    { IRQ, 0, 0, 0 }, { RW4, 0, 0, 0 }, { RW, 0, 0x70, 0xffffffffff00f }, { RW, 0, 0x78, 0xfffffffff0000 },
    { RW4, 0, 0, 1 }, { MSI, 8, 0, 0 }, { RW4, 0, 0, 0 }, { IRQ, 0, 0, 0 } } },

  { "save and load", false, {
    { MSI, 8, 0, 0 }, { MSI, 8, 0, 2 }, { SR, 0, IAR1, L0 }, { MSI, 8, 0, 1 }, { SAVELOAD },
    { SR, 0, RPR, 0xa0 }, { IRQ, 1, 0, 1 }, { SR, 1, IAR1, L0 + 2 }, { SW, 0, EOIR1, L0 },
    { SR, 0, IAR1, L0 + 1 }, { MSI, 8, 0, 3 }, { IRQ, 2, 0, 1 }, INT (8, 0), { SW, 0, EOIR1, L0 + 1 },
    { SR, 0, IAR1, L0 } } },

  { "reset", false, {
    { MSI, 8, 0, 0 }, { RESET }, { IRQ, 0, 0, 0 }, { IR4, 0, 0, 1u << 31 }, { IR, 0, 0x80, 0 },
    { RR4, 0, 0, 2 }, { RR, 0, 0x70, 0 }, { MSI, 8, 0, 0 }, { IRQ, 0, 0, 0 } } },
};
// clang-format on

typedef struct Rig {
  FakeVm *fake;
  Device *gic, *its;
  uint64_t writer; // where the next command goes
} Rig;

static void
make_devices (Rig *rig, FakeVm *fake)
{
  const Gicv3Config config = {
      .n_cpus = N_CPUS, .dist_base = DIST, .redist_base = REDIST, .lpis = true};

  rig->fake = fake;
  rig->gic = gicv3_new (&config);
  fake_vm_add (fake, rig->gic);
  rig->its = its_new (ITS, rig->gic);
  fake_vm_add (fake, rig->its);
}

static GuestAddr
redist (unsigned cpu, uint64_t offset)
{
  return REDIST + cpu * (uint64_t) GICV3_REDIST_BYTES + offset;
}

static void
write_sysreg (Rig *rig, unsigned cpu, uint32_t reg, uint64_t value)
{
  Vm *vm = &rig->fake->vm;
  assert_true (vm->irqchip->write (vm->irqchip_opaque, cpu, reg, value));
}

static uint64_t
read_sysreg (Rig *rig, unsigned cpu, uint32_t reg)
{
  Vm *vm = &rig->fake->vm;
  uint64_t value;
  assert_true (vm->irqchip->read (vm->irqchip_opaque, cpu, reg, &value));
  return value;
}

static void
put_command (Rig *rig, const Step *s)
{
  const uint64_t words[4] = {s->a, s->v, s->w, s->x};
  memcpy (fake_vm_ram (rig->fake) + QUEUE + rig->writer, words, sizeof words);
  rig->writer = (rig->writer + 32) % QUEUE_BYTES;
  fake_write (rig->fake, ITS + 0x88, rig->writer, 8);
}

static void
set_up (Rig *rig)
{
  static const Step commands[] = {
      MAPD (8, ITT, 4),
      MAPC (0, 0),
      MAPC (1, 1),
      MAPC (2, 2),
      MAPTI (8, 0, L0, 0),
      MAPTI (8, 1, L0 + 1, 0),
      MAPTI (8, 2, L0 + 2, 1),
      MAPTI (8, 3, L0 + 3, 2),
  };
  FakeVm *f = rig->fake;

  fake_write (f, DIST, 2, 4);
  fake_write (f, DIST + 0x84, ~0u, 4);
  fake_write (f, DIST + 0x104, 1, 4);
  fake_write (f, DIST + 0x420, 0xa0, 1);
  memset (fake_vm_ram (f) + CONFIG, 0xa1, 4);
  for (unsigned cpu = 0; cpu < N_CPUS; cpu++) {
    write_sysreg (rig, cpu, PMR, 0xf8);
    write_sysreg (rig, cpu, IGRPEN1, 1);
    fake_write (f, redist (cpu, 0x70), (RAM + CONFIG) | 15, 8);
    fake_write (f, redist (cpu, 0x78), RAM + PENDING + cpu * 0x10000, 8);
    fake_write (f, redist (cpu, 0), 1, 4);
  }
  fake_write (f, ITS + 0x80, (RAM + QUEUE) | VALID | (QUEUE_BYTES / 4096 - 1), 8);
  fake_write (f, ITS + 0x100, (RAM + DEVICES) | VALID | 15, 8);
  fake_write (f, ITS + 0x108, (RAM + COLLECTIONS) | VALID, 8);
  fake_write (f, ITS, 1, 4);
  for (unsigned i = 0; i < G_N_ELEMENTS (commands); i++)
    put_command (rig, &commands[i]);
}

static GBytes *
save (Rig *rig)
{
  StateWriter *writer = state_writer_new ();
  state_writer_begin (writer, "gic", 2);
  rig->gic->ops->save (rig->gic, writer);
  rig->its->ops->save (rig->its, writer);
  state_writer_end (writer);
  return state_writer_finish (writer);
}

static void
save_and_load (Rig *rig)
{
  g_autoptr (GBytes) bytes = save (rig);
  FakeVm *old = rig->fake, *fresh = fake_vm_new (N_CPUS, RAM_BYTES);
  uint32_t version;

  memcpy (fake_vm_ram (fresh), fake_vm_ram (old), RAM_BYTES);
  fake_vm_free (old);
  make_devices (rig, fresh);
  StateReader *reader = state_reader_new (bytes, NULL);
  assert_true (state_reader_begin (reader, "gic", 2, &version, NULL));
  assert_true (rig->gic->ops->load (rig->gic, reader, version, NULL));
  assert_true (rig->its->ops->load (rig->its, reader, 1, NULL));
  assert_true (state_reader_end (reader, NULL));
  state_reader_free (reader);
  g_autoptr (GBytes) again = save (rig);
  assert_true (g_bytes_equal (bytes, again));
}

static void
send (Rig *rig, const Step *s)
{
  MsiSink msi = its_get_msi_sink (rig->its);
  bool ours = msi.send (msi.opaque, s->c, ITS + ITS_TRANSLATER + s->a, s->v);
  assert_int_equal (ours, s->a == 0);
}

static uint64_t
read_ram (Rig *rig, uint64_t offset, unsigned size)
{
  uint64_t value = 0;
  memcpy (&value, fake_vm_ram (rig->fake) + offset, size);
  return value;
}

static void
act (Rig *rig, const Step *s)
{
  FakeVm *f = rig->fake;
  IrqLine spi;

  switch (s->what) {
  case IW:
    fake_write (f, ITS + s->a, s->v, 8);
    break;
  case IW4:
    fake_write (f, ITS + s->a, s->v, 4);
    break;
  case CMD:
  case PUT:
    put_command (rig, s);
    break;
  case MSI:
    send (rig, s);
    break;
  case CFG:
    fake_vm_ram (f)[CONFIG + s->a] = s->v;
    break;
  case MW:
    memcpy (fake_vm_ram (f) + s->a, &s->v, 8);
    break;
  case RW:
    fake_write (f, redist (s->c, s->a), s->v, 8);
    break;
  case RW4:
    fake_write (f, redist (s->c, s->a), s->v, 4);
    break;
  case SW:
    write_sysreg (rig, s->c, s->a, s->v);
    break;
  case SPI:
    spi = gicv3_get_spi (rig->gic, s->a);
    irq_line_set (&spi, s->v);
    break;
  case SAVELOAD:
    save_and_load (rig);
    break;
  default: // RESET
    rig->gic->ops->reset (rig->gic);
    rig->its->ops->reset (rig->its);
    break;
  }
}

static uint64_t
perform (Rig *rig, const Step *s)
{
  FakeVm *f = rig->fake;

  switch (s->what) {
  case IR:
    return fake_read (f, ITS + s->a, 8);
  case IR4:
    return fake_read (f, ITS + s->a, 4);
  case MR:
    return read_ram (rig, s->a, 8);
  case MR1:
    return read_ram (rig, s->a, 1);
  case RR:
    return fake_read (f, redist (s->c, s->a), 8);
  case RR4:
    return fake_read (f, redist (s->c, s->a), 4);
  case DR4:
    return fake_read (f, DIST + s->a, 4);
  case SR:
    return read_sysreg (rig, s->c, s->a);
  case IRQ:
    return f->cpus[s->c].irq;
  default:
    act (rig, s);
    return s->v;
  }
}

static void
run_script (void **state)
{
  const Script *script = *state;
  Rig rig = {0};

  make_devices (&rig, fake_vm_new (N_CPUS, RAM_BYTES));
  if (!script->bare)
    set_up (&rig);
  for (unsigned i = 0; i < G_N_ELEMENTS (script->steps) && script->steps[i].what != END; i++) {
    uint64_t seen = perform (&rig, &script->steps[i]);
    uint64_t expected = script->steps[i].v;
    if (seen != expected)
      fail_msg ("%s, step %u: 0x%" PRIx64 ", expected 0x%" PRIx64, script->name, i, seen, expected);
  }
  fake_vm_free (rig.fake);
}

int
main (void)
{
  enum { N = G_N_ELEMENTS (scripts) };
  struct CMUnitTest tests[N];

  for (unsigned i = 0; i < N; i++)
    tests[i] = (struct CMUnitTest){scripts[i].name, run_script, NULL, NULL, (void *) &scripts[i]};
  return _cmocka_run_group_tests ("its", tests, N, NULL, NULL);
}
