// SPDX-License-Identifier: GPL-3.0-or-later
// cpus: 2
// The interrupt translation service and LPIs (IHI 0069 ch. 5, 6): tables in memory, each command,
// what is pending where. The INT command takes the place of a device.
#include "gic.h"

#define GITS 0x08080000u

enum {
  GITS_CTLR = 0x000,
  GITS_TYPER = 0x008,
  GITS_CBASER = 0x080,
  GITS_CWRITER = 0x088,
  GITS_CREADR = 0x090,
  GITS_BASER = 0x100,
  GICR_CTLR = 0x000,
  GICR_PROPBASER = 0x070,
  GICR_PENDBASER = 0x078,

  LPI = 8192, // the first
  DEVICE = 5,
  EVENTS_BITS = 5,
  COLLECTION_0 = 1, // of CPU 0
  COLLECTION_1 = 2, // of CPU 1
  QUEUE_BYTES = 4096,
  ID_BITS = 14,

  CMD_MOVI = 0x01,
  CMD_INT = 0x03,
  CMD_CLEAR = 0x04,
  CMD_SYNC = 0x05,
  CMD_MAPD = 0x08,
  CMD_MAPC = 0x09,
  CMD_MAPTI = 0x0a,
  CMD_MAPI = 0x0b,
  CMD_INV = 0x0c,
  CMD_INVALL = 0x0d,
  CMD_MOVALL = 0x0e,
  CMD_DISCARD = 0x0f,

  OFF = 0xa0, // configuration of an LPI
  ON = 0xa1,
  URGENT = 0x41,
};
#define VALID  (1ull << 63)
#define CACHED (7ull << 59 | 1ull << 10) // for registers of the ITS: write-back, inner shareable

static u8 devices[0x10000] __attribute__ ((aligned (0x10000)));
static u8 collections[0x10000] __attribute__ ((aligned (0x10000)));
static u8 pending[2][0x10000] __attribute__ ((aligned (0x10000)));
static u8 config[1 << ID_BITS] __attribute__ ((aligned (0x1000)));
static u8 events[0x1000] __attribute__ ((aligned (0x1000)));
static u8 other_events[0x1000] __attribute__ ((aligned (0x1000)));
static u64 queue[QUEUE_BYTES / 8] __attribute__ ((aligned (0x1000)));
static u32 next; // byte of the queue

static u64
at (const void *p)
{
  return (u64) p;
}

static bool
command (u64 op, u64 device, u64 word1, u64 word2, u64 word3)
{
  u64 *to = queue + next / 8;
  to[0] = op | device << 32;
  to[1] = word1;
  to[2] = word2;
  to[3] = word3;
  next = (next + 32) % QUEUE_BYTES;
  DO ("dsb sy");
  MMIO64 (GITS + GITS_CWRITER) = next;
  for (unsigned i = 0; i < 1000000; i++)
    if (MMIO64 (GITS + GITS_CREADR) == next) {
      sync ();
      return true;
    }
  return false;
}

static void
event (u64 op, u64 n)
{
  command (op, DEVICE, n, 0, 0);
}

static void
map_event (u64 n, u64 intid, u64 collection)
{
  command (CMD_MAPTI, DEVICE, intid << 32 | n, collection, 0);
}

static void
configure (unsigned n, u8 value)
{
  config[n] = value;
  DO ("dsb sy");
}

static bool
is_raised (void)
{
  DO ("dsb sy\n isb");
  return READ (isr_el1) & ISR_I;
}

static u64
take (void)
{
  u64 intid = READ (ICC_IAR1);
  if (intid != SPURIOUS)
    WRITE (ICC_EOIR1, intid);
  sync ();
  return intid;
}

// ---- set-up ---------------------------------------------------------------------------------

static void
set_table (unsigned n)
{
  u64 base = MMIO64 (GITS + GITS_BASER + 8 * n);
  unsigned type = base >> 56 & 7;
  const void *table = type == 1 ? devices : collections;

  if (type != 1 && type != 4)
    return;
  MMIO64 (GITS + GITS_BASER + 8 * n) = VALID | CACHED | at (table) | 15; // 16 pages of 4 KiB
}

static void
set_redistributor (unsigned cpu)
{
  gic_wake (cpu);
  MMIO64 (GICR (cpu) + GICR_PROPBASER) = at (config) | 7 << 7 | 1 << 10 | (ID_BITS - 1);
  MMIO64 (GICR (cpu) + GICR_PENDBASER) = at (pending[cpu]) | 7 << 7 | 1 << 10;
  MMIO32 (GICR (cpu) + GICR_CTLR) |= 1;
}

static void
test_set_up (void)
{
  u64 typer = MMIO64 (GITS + GITS_TYPER);

  check ("gicd-typer-lpis", MMIO32 (GICD + GICD_TYPER) >> 17 & 1, 1);
  check ("gicr-typer-lpis", MMIO64 (GICR (0) + 8) & 1, 1);
  check ("gits-pidr2-v3", MMIO32 (GITS + 0xffe8) >> 4 & 15, 3);
  check ("gits-typer-physical", typer & 1, 1);
  check ("gits-typer-cpu-numbers", typer >> 19 & 1, 0);
  check_that ("gits-typer-events", (typer >> 8 & 31) >= EVENTS_BITS);
  check_that ("gits-typer-devices", (typer >> 13 & 31) >= 3);
  check ("gits-quiescent", MMIO32 (GITS + GITS_CTLR) >> 31, 1);
  check ("baser-0-is-devices", MMIO64 (GITS + GITS_BASER) >> 56 & 7, 1);
  for (unsigned n = 0; n < 8; n++)
    set_table (n);
  check ("baser-keeps-its-address", MMIO64 (GITS + GITS_BASER) & 0xfffffffff000, at (devices));
  MMIO64 (GITS + GITS_CBASER) = VALID | CACHED | at (queue);
  check ("creadr", MMIO64 (GITS + GITS_CREADR), 0);
  MMIO64 (GITS + GITS_CWRITER) = 0;
  set_redistributor (0);
  set_redistributor (1);
  check ("gicr-ctlr-lpis-on", MMIO32 (GICR (0) + GICR_CTLR) & 1, 1);
  MMIO32 (GITS + GITS_CTLR) = 1;
  check ("gits-on", MMIO32 (GITS + GITS_CTLR) & 1, 1);
}

// ---- commands -------------------------------------------------------------------------------

static void
test_mapping (void)
{
  check_that ("mapc-runs", command (CMD_MAPC, 0, 0, VALID | 0 << 16 | COLLECTION_0, 0));
  command (CMD_MAPC, 0, 0, VALID | 1 << 16 | COLLECTION_1, 0);
  command (CMD_MAPD, DEVICE, EVENTS_BITS - 1, VALID | at (events), 0);
  check_that ("sync-runs", command (CMD_SYNC, 0, 0, 0, 0));
  for (unsigned n = 0; n < 4; n++)
    configure (n, ON);
  map_event (0, LPI, COLLECTION_0);
  map_event (1, LPI + 1, COLLECTION_0);
  map_event (2, LPI + 2, COLLECTION_1);
  command (CMD_INVALL, 0, 0, COLLECTION_0, 0);
  command (CMD_INVALL, 0, 0, COLLECTION_1, 0);
}

static void
test_pending (void)
{
  check ("quiet", is_raised (), 0);
  event (CMD_INT, 0);
  check ("int-raises", is_raised (), 1);
  check ("hppir", READ (ICC_HPPIR1), LPI);
  event (CMD_CLEAR, 0);
  check ("clear", is_raised (), 0);
  check ("clear-iar", take (), SPURIOUS);
  event (CMD_INT, 0);
  event (CMD_INT, 1);
  check ("lower-first", take (), LPI);
  check ("then-the-other", take (), LPI + 1);
  check ("then-none", take (), SPURIOUS);
  event (CMD_INT, 3);
  check ("an-event-nobody-mapped", is_raised (), 0);
  command (CMD_INT, DEVICE + 1, 0, 0, 0);
  check ("a-device-nobody-mapped", is_raised (), 0);
  event (CMD_INT, 2);
  check ("for-the-other-cpu", is_raised (), 0);
  event (CMD_CLEAR, 2);
}

static void
test_no_active_state (void)
{
  event (CMD_INT, 0);
  u64 first = READ (ICC_IAR1);
  check ("iar", first, LPI);
  check ("running-priority", READ (ICC_RPR), 0xa0);
  event (CMD_INT, 0);
  check ("masked-by-itself", is_raised (), 0);
  WRITE (ICC_EOIR1, first);
  check ("pending-again", is_raised (), 1);
  check ("taken-again", take (), LPI);
  check ("idle-priority", READ (ICC_RPR), 0xff);
}

static void
test_configuration (void)
{
  configure (0, OFF);
  event (CMD_INV, 0);
  event (CMD_INT, 0);
  check ("off", is_raised (), 0);
  configure (0, ON);
  event (CMD_INV, 0);
  check ("on-after-inv", is_raised (), 1);
  configure (1, URGENT);
  event (CMD_INV, 1);
  event (CMD_INT, 1);
  check ("more-urgent", take (), LPI + 1);
  configure (0, OFF);
  command (CMD_INVALL, 0, 0, COLLECTION_0, 0);
  check ("off-after-invall", is_raised (), 0);
  configure (0, ON);
  command (CMD_INVALL, 0, 0, COLLECTION_0, 0);
  check ("on-after-invall", take (), LPI);
  WRITE (ICC_PMR, 0x60);
  event (CMD_INT, 0);
  check ("below-the-mask", is_raised (), 0);
  event (CMD_INT, 1);
  check ("above-the-mask", is_raised (), 1);
  WRITE (ICC_PMR, 0xff);
  check ("preempting", take (), LPI + 1);
  check ("the-rest", take (), LPI);
}

static void
test_moving (void)
{
  event (CMD_INT, 0);
  command (CMD_MOVI, DEVICE, 0, COLLECTION_1, 0);
  check ("moved-away", is_raised (), 0);
  command (CMD_MOVI, DEVICE, 0, COLLECTION_0, 0);
  check ("moved-back", is_raised (), 1);
  check ("moved-taken", take (), LPI);
  event (CMD_INT, 0);
  event (CMD_INT, 1);
  command (CMD_MOVALL, 0, 0, 0 << 16, 1 << 16);
  check ("all-moved-away", is_raised (), 0);
  command (CMD_MOVALL, 0, 0, 1 << 16, 0 << 16);
  check ("all-moved-back", take (), LPI + 1);
  check ("all-moved-back-2", take (), LPI);
  command (CMD_MAPC, 0, 0, VALID | 1 << 16 | COLLECTION_0, 0);
  event (CMD_INT, 0);
  check ("collection-of-another", is_raised (), 0);
  event (CMD_CLEAR, 0);
  command (CMD_MAPC, 0, 0, VALID | 0 << 16 | COLLECTION_0, 0);
}

static void
test_unmapping (void)
{
  event (CMD_INT, 1);
  event (CMD_DISCARD, 1);
  check ("discarded", is_raised (), 0);
  event (CMD_INT, 1);
  check ("discarded-for-good", is_raised (), 0);
  map_event (1, LPI + 1, COLLECTION_0);
  event (CMD_INT, 1);
  check ("mapped-again", take (), LPI + 1);
  command (CMD_MAPD, DEVICE, 0, 0, 0);
  event (CMD_INT, 0);
  check ("device-unmapped", is_raised (), 0);
  command (CMD_MAPD, DEVICE, 15, VALID | at (other_events), 0);
  command (CMD_MAPI, DEVICE, LPI + 3, COLLECTION_0, 0);
  check_that ("queue-goes-on", command (CMD_SYNC, 0, 0, 0, 0));
}

static void
test_queue_wraps (void)
{
  bool all = true;

  command (CMD_MAPD, DEVICE, EVENTS_BITS - 1, VALID | at (events), 0);
  map_event (0, LPI, COLLECTION_0);
  for (unsigned i = 0; i < 2 * QUEUE_BYTES / 32; i++) {
    event (CMD_INT, 0);
    all = all && take () == LPI;
  }
  check_that ("around-twice", all);
  // Half a queue at once.
  for (unsigned i = 0; i < QUEUE_BYTES / 64; i++) {
    u64 *to = queue + next / 8;
    to[0] = (i % 2 ? CMD_CLEAR : CMD_INT) | (u64) DEVICE << 32;
    to[1] = to[2] = to[3] = 0;
    next = (next + 32) % QUEUE_BYTES;
  }
  check_that ("many-at-once", command (CMD_INT, DEVICE, 0, 0, 0));
  check ("the-last-counts", take (), LPI);
}

void
test_main (void)
{
  start_mmu ();
  gic_on ();
  test_set_up ();
  test_mapping ();
  test_pending ();
  test_no_active_state ();
  test_configuration ();
  test_moving ();
  test_unmapping ();
  test_queue_wraps ();
}
