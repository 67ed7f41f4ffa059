// SPDX-License-Identifier: GPL-3.0-or-later
// The xHCI controller with keyboard, tablet and two disks: a script of register writes, commands,
// contexts and rings as a hostile driver makes them, and of what the host does meanwhile. Some
// scripts begin with a driver that sets everything up as it should be, so that the others reach
// far.
#include <errno.h>
#include <zlib.h>

#include "engine/usb/hid.h"
#include "engine/usb/storage.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/test-disk.h"
#include "tests/support/xhci-guest.h"

enum {
  STEPS_MAX = 150,
  DISK_BYTES = 1 << 16,
  RAM_BYTES = 1 << 20,
  N_DEVICES = 4,
  N_SLOTS = N_DEVICES + 1, // that scripts speak of
  RING_TRBS = 16,

  // What lies where in RAM.
  DCBAA = FAKE_RAM_BASE + 0x1000,
  INPUT = FAKE_RAM_BASE + 0x2000,
  COMMANDS = FAKE_RAM_BASE + 0x3000,
  EVENT_TABLE = FAKE_RAM_BASE + 0x4000,
  EVENTS = FAKE_RAM_BASE + 0x5000,
  OUTPUT = FAKE_RAM_BASE + 0x10000, // a page for each slot
  RINGS = FAKE_RAM_BASE + 0x20000,  // RING_TRBS for each endpoint of each slot
  DATA = FAKE_RAM_BASE + 0x40000,
  DATA_BYTES = 0x40000,

  STATE_HEADER_BYTES = 24, // of saved state; its checksum is at STATE_CRC
  STATE_CRC = 12,
};

typedef struct Script {
  FuzzInput in;
  XhciGuest *guest;
  UsbDevice *keyboard, *tablet;
  TestDisk *disk;
  BlockDevice *blocks[2];
  unsigned command; // where the next one goes
  unsigned at[N_SLOTS][XHCI_ENDPOINTS];
  bool quiet;
} Script;

// ---- memory ---------------------------------------------------------------------------------

static GuestAddr
pick_address (Script *script)
{
  FuzzInput *in = &script->in;
  const GuestAddr end = FAKE_RAM_BASE + (GuestAddr) RAM_BYTES;

  switch (fuzz_below (in, 16)) {
  case 0:
    return fuzz_number (in, 8);
  case 1:
    return end - fuzz_below (in, 128);
  case 2:
    return UINT64_MAX - fuzz_below (in, 64);
  case 3:
    return FAKE_RAM_BASE + fuzz_number (in, 2) * 16;
  default:
    return DATA + fuzz_number (in, 3) % DATA_BYTES;
  }
}

static void
put (Script *script, GuestAddr addr, const void *from, size_t bytes)
{
  memcpy (xhci_guest_ptr (script->guest, addr), from, bytes);
}

static void
put32 (Script *script, GuestAddr addr, uint32_t value)
{
  put (script, addr, &value, sizeof value);
}

static void
put64 (Script *script, GuestAddr addr, uint64_t value)
{
  put (script, addr, &value, sizeof value);
}

static GuestAddr
ring_of (unsigned slot, unsigned dci)
{
  return RINGS + (slot * XHCI_ENDPOINTS + dci) * RING_TRBS * TRB_BYTES;
}

// Rings go round without a link: cycle bits are what the script says, and 1 in what is set up.
static void
put_transfer (Script *script, unsigned slot, unsigned dci, const XhciTrb *trb)
{
  unsigned n = script->at[slot][dci]++ % RING_TRBS;

  put (script, ring_of (slot, dci) + n * TRB_BYTES, trb, TRB_BYTES);
}

static void
put_command (Script *script, uint64_t parameter, uint32_t control)
{
  const XhciTrb trb = {parameter, 0, control | 1};

  put (script, COMMANDS + script->command++ % 200 * TRB_BYTES, &trb, TRB_BYTES);
}

static void
settle (void *data)
{
  Script *script = data;

  for (unsigned i = 0; i < G_N_ELEMENTS (script->blocks); i++)
    block_device_wait (script->blocks[i]);
}

static void
run (Script *script)
{
  for (unsigned i = 0; i < 4; i++)
    xhci_guest_run (script->guest);
}

// ---- a driver that knows its business -------------------------------------------------------

static void
start (Script *script)
{
  XhciGuest *guest = script->guest;

  put64 (script, EVENT_TABLE, EVENTS);
  put32 (script, EVENT_TABLE + 8, 128);
  for (unsigned slot = 1; slot < N_SLOTS; slot++)
    put64 (script, DCBAA + 8 * slot, OUTPUT + slot * 0x1000);
  xhci_guest_write (guest, X_CONFIG, XHCI_SLOTS, 4);
  xhci_guest_write (guest, X_DCBAAP, DCBAA, 8);
  xhci_guest_write (guest, X_CRCR, COMMANDS | 1, 8);
  xhci_guest_write (guest, X_ERSTSZ, 1, 4);
  xhci_guest_write (guest, X_ERSTBA, EVENT_TABLE, 8);
  xhci_guest_write (guest, X_ERDP, fuzz_below (&script->in, 3) ? 0 : EVENTS, 8); // 0: never full
  xhci_guest_write (guest, X_IMAN, 2, 4);
  xhci_guest_write (guest, X_USBCMD, USBCMD_RUN | USBCMD_INTE, 4);
}

static void
put_context (Script *script, unsigned slot, unsigned dci, unsigned type)
{
  GuestAddr at = INPUT + (dci + 1) * XHCI_CONTEXT_BYTES;

  put32 (script, at, 0);
  put32 (script, at + 4, type << 3 | 512 << 16);
  put64 (script, at + 8, ring_of (slot, dci) | 1);
}

static void
set_up_device (Script *script, unsigned slot, unsigned port, bool storage)
{
  XhciGuest *guest = script->guest;
  const XhciTrb setup = {9 << 8 | 1 << 16, 8, TRB_SETUP << 10 | TRB_IDT | 1};
  const XhciTrb status = {0, 0, TRB_STATUS << 10 | TRB_DIR_IN | 1};

  xhci_guest_write (guest, X_PORTSC + (port - 1) * 0x10, PORTSC_POWER | PORTSC_RESET, 4);
  put_command (script, 0, TRB_ENABLE_SLOT << 10);
  put64 (script, INPUT, 3ull << 32);
  put32 (script, INPUT + XHCI_CONTEXT_BYTES, 1u << 27);
  put32 (script, INPUT + XHCI_CONTEXT_BYTES + 4, port << 16);
  put_context (script, slot, 1, EP_TYPE_CONTROL);
  put_command (script, INPUT, TRB_ADDRESS_DEVICE << 10 | slot << 24);
  xhci_guest_write (guest, X_DOORBELL, 0, 4);
  run (script);
  put64 (script, INPUT, (storage ? 0x19ull : 0x9ull) << 32);
  put_context (script, slot, 3, storage ? 6 : 7);
  put_context (script, slot, 4, 2);
  put_command (script, INPUT, TRB_CONFIGURE_ENDPOINT << 10 | slot << 24);
  put_transfer (script, slot, 1, &setup);
  put_transfer (script, slot, 1, &status);
  xhci_guest_write (guest, X_DOORBELL, 0, 4);
  xhci_guest_ring_doorbell (guest, slot, 1);
  run (script);
}

static void
set_up (Script *script)
{
  start (script);
  for (unsigned i = 0; i < N_DEVICES; i++)
    set_up_device (script, i + 1, i + 1 + (i == 3 ? XHCI_CONNECTORS : 0), i >= 2);
}

// ---- steps ----------------------------------------------------------------------------------

static void
step_register (Script *script)
{
  static const uint16_t known[] = {
      X_USBCMD, X_USBSTS, X_DNCTRL, X_CRCR,   X_CRCR + 4,   X_CONFIG, X_DCBAAP,   X_PORTSC,
      X_IMAN,   X_IMOD,   X_ERSTSZ, X_ERSTBA, X_ERSTBA + 4, X_ERDP,   X_ERDP + 4, X_DOORBELL};
  static const uint64_t usual[] = {0, 1, 2, 4, 5, 8, 0x10, 0x20, 0x202, 0x210, 0x10020, ~0ull};
  FuzzInput *in = &script->in;
  unsigned which = fuzz_below (in, G_N_ELEMENTS (known) + 1), size = 1u << fuzz_below (in, 4);
  unsigned offset = which < G_N_ELEMENTS (known) ? known[which] : fuzz_below (in, 0x4000);
  uint64_t value;

  if (offset == X_PORTSC)
    offset += 0x10 * fuzz_below (in, XHCI_PORTS);
  else if (offset >= X_IMAN && offset <= X_ERDP + 4)
    offset += 0x20 * (fuzz_below (in, 4) == 0 ? fuzz_below (in, XHCI_INTERRUPTERS) : 0);
  if (fuzz_below (in, 3) == 0)
    value = pick_address (script);
  else if (fuzz_below (in, 3) == 0)
    value = fuzz_number (in, 8);
  else
    value = usual[fuzz_below (in, G_N_ELEMENTS (usual))];
  xhci_guest_write (script->guest, offset & ~(fuzz_below (in, 8) ? size - 1 : 0), value, size);
  xhci_guest_read (script->guest, offset, size);
}

static void
step_command (Script *script)
{
  FuzzInput *in = &script->in;
  unsigned type = fuzz_below (in, 8) == 0 ? fuzz_below (in, 64) : 9 + fuzz_below (in, 9);
  uint32_t control = type << 10 | fuzz_below (in, N_SLOTS + 1) << 24 | fuzz_below (in, 7) << 16 |
                     (fuzz_below (in, 8) == 0 ? 1 << 9 : 0);
  uint64_t parameter = fuzz_below (in, 2) ? INPUT : pick_address (script);

  if (type == TRB_SET_DEQUEUE && fuzz_below (in, 4) != 0) {
    unsigned slot = control >> 24 < N_SLOTS ? control >> 24 : 1, dci = control >> 16 & 7;
    script->at[slot][dci] = 0;
    parameter = ring_of (slot, dci) | 1;
  }
  put_command (script, parameter, control);
  xhci_guest_write (script->guest, X_DOORBELL, 0, 4);
}

static void
step_context (Script *script)
{
  FuzzInput *in = &script->in;

  put32 (script, INPUT, fuzz_below (in, 3) ? 0 : (uint32_t) fuzz_number (in, 4));
  put32 (script, INPUT + 4, fuzz_below (in, 2) ? 3 : (uint32_t) fuzz_below (in, 256) | 1);
  put32 (script, INPUT + XHCI_CONTEXT_BYTES + 4, (fuzz_below (in, XHCI_PORTS + 3)) << 16);
  put_context (script, fuzz_below (in, N_SLOTS), 1 + fuzz_below (in, 6), fuzz_below (in, 8));
  put32 (script, INPUT + fuzz_below (in, 0x100) * 4, (uint32_t) fuzz_number (in, 4));
}

// A TRB of a transfer ring, mostly one that makes sense there.
static XhciTrb
make_trb (Script *script, unsigned dci)
{
  static const uint8_t types[] = {1, 1, 1, 1, 6, 7, 8, 5, 0, 63};
  FuzzInput *in = &script->in;
  unsigned type = dci == 1 ? 1 + fuzz_below (in, 5) : types[fuzz_below (in, sizeof types)];
  uint32_t flags = (uint32_t) fuzz_number (in, 2) & 0x37f;
  uint32_t bytes = fuzz_below (in, 4) == 0 ? (uint32_t) fuzz_number (in, 3) : fuzz_below (in, 600);

  if (fuzz_below (in, 3) != 0)
    flags &= ~(uint32_t) TRB_CHAIN;
  return (XhciTrb){pick_address (script), bytes | fuzz_below (in, 16) << 22,
                   type << 10 | (flags & ~1u) | (fuzz_below (in, 8) != 0) |
                       fuzz_below (in, 2) << 16};
}

static void
step_transfer (Script *script)
{
  FuzzInput *in = &script->in;
  unsigned slot = fuzz_below (in, N_SLOTS), dci = 1 + fuzz_below (in, 5);

  for (unsigned n = 1 + fuzz_below (in, 4); n > 0; n--) {
    const XhciTrb trb = make_trb (script, dci);
    put_transfer (script, slot, dci, &trb);
  }
  xhci_guest_ring_doorbell (script->guest, slot, dci);
}

static void
step_control (Script *script)
{
  static const uint8_t kinds[] = {0x80, 0x00, 0x81, 0xa1, 0x21, 0x02, 0x82};
  FuzzInput *in = &script->in;
  unsigned slot = fuzz_below (in, N_SLOTS), kind = kinds[fuzz_below (in, sizeof kinds)];
  unsigned request = fuzz_below (in, 8) == 0 ? fuzz_below (in, 256) : fuzz_below (in, 12);
  unsigned length = fuzz_below (in, 3) == 0 ? 0 : fuzz_below (in, 300);
  uint64_t words = (uint64_t) fuzz_below (in, 0x2400) << 16 | (uint64_t) fuzz_below (in, 4) << 32;
  bool is_in = kind & 0x80;
  const XhciTrb setup = {kind | request << 8 | words | (uint64_t) length << 48, 8,
                         TRB_SETUP << 10 | TRB_IDT | 1};
  const XhciTrb data = {pick_address (script), length,
                        TRB_DATA << 10 | (is_in ? TRB_DIR_IN : 0) | TRB_ISP | 1};
  const XhciTrb status = {0, 0, TRB_STATUS << 10 | TRB_IOC | (is_in ? 0 : TRB_DIR_IN) | 1};

  put_transfer (script, slot, 1, &setup);
  if (length > 0)
    put_transfer (script, slot, 1, &data);
  put_transfer (script, slot, 1, &status);
  xhci_guest_ring_doorbell (script->guest, slot, 1);
}

// A command block for a disk, and room for what comes.
static void
step_disk (Script *script)
{
  static const uint8_t operations[] = {0x28, 0x2a, 0x28, 0x2a, 0x12, 0x25, 0x35, 0x1a, 0x03, 0x88};
  FuzzInput *in = &script->in;
  unsigned slot = 3 + fuzz_below (in, 2), lba = fuzz_below (in, 520), n = fuzz_below (in, 20);
  uint32_t bytes = fuzz_below (in, 3) == 0 ? fuzz_below (in, 4096) : n * 512;
  bool is_in = fuzz_below (in, 2);
  GuestAddr block = pick_address (script) & ~63ull;
  uint8_t cbw[31] = {'U', 'S', 'B', 'C', 1, 2, 3, 4, bytes & 0xff, bytes >> 8 & 0xff};
  const XhciTrb command = {block, 31, TRB_NORMAL << 10 | TRB_IOC | 1};
  const XhciTrb data = {DATA, bytes, TRB_NORMAL << 10 | TRB_IOC | 1};
  const XhciTrb status = {DATA, 13, TRB_NORMAL << 10 | TRB_IOC | 1};

  cbw[12] = is_in ? 0x80 : 0;
  cbw[14] = 16;
  cbw[15] = fuzz_below (in, 4) ? operations[fuzz_below (in, sizeof operations)]
                               : (uint8_t) fuzz_number (in, 1);
  cbw[19] = lba >> 8 & 0xff, cbw[20] = lba & 0xff;
  cbw[23] = (uint8_t) n;
  if (fuzz_below (in, 4) == 0)
    cbw[fuzz_below (in, sizeof cbw)] = (uint8_t) fuzz_number (in, 1);
  if (mem_bus_copy_to (script->guest->fake->vm.bus, block, cbw, sizeof cbw))
    put_transfer (script, slot, 4, &command);
  if (bytes > 0)
    put_transfer (script, slot, is_in ? 3 : 4, &data);
  put_transfer (script, slot, 3, &status);
  xhci_guest_ring_doorbell (script->guest, slot, 4);
  xhci_guest_ring_doorbell (script->guest, slot, 3);
}

static void
step_input (Script *script)
{
  FuzzInput *in = &script->in;

  if (script->keyboard == NULL)
    return;
  for (unsigned n = fuzz_below (in, 20); n > 0; n--) {
    usb_keyboard_send (script->keyboard, fuzz_below (in, 300), fuzz_below (in, 2));
    usb_tablet_send_button (script->tablet, 0x110 + fuzz_below (in, 6), fuzz_below (in, 2));
    usb_tablet_send_position (script->tablet, (uint16_t) fuzz_number (in, 2), 5);
    usb_tablet_send_scroll (script->tablet, (int) fuzz_number (in, 1) - 128, 1);
  }
}

static void
step_disk_trouble (Script *script)
{
  static const int errors[] = {0, 0, EIO, ENOSPC};
  FuzzInput *in = &script->in;
  unsigned op = fuzz_below (in, TEST_DISK_OPS);

  test_disk_fail (script->disk, (BlockOp) op, errors[fuzz_below (in, G_N_ELEMENTS (errors))]);
}

static void
step_quiet (Script *script)
{
  Device *xhci = script->guest->xhci;

  script->quiet = !script->quiet;
  if (script->quiet)
    xhci->ops->quiesce (xhci);
  else
    xhci->ops->resume (xhci);
}

static GBytes *
damage (FuzzInput *in, GBytes *saved)
{
  gsize length;
  const uint8_t *bytes = g_bytes_get_data (saved, &length);
  uint8_t *copy = g_memdup2 (bytes, length);

  for (unsigned n = fuzz_below (in, 8); n > 0; n--) {
    gsize at = STATE_HEADER_BYTES + fuzz_number (in, 3) % (length - STATE_HEADER_BYTES);
    copy[at] = (uint8_t) fuzz_number (in, 1);
  }
  uint32_t crc =
      (uint32_t) crc32 (0, copy + STATE_HEADER_BYTES, (uInt) (length - STATE_HEADER_BYTES));
  memcpy (copy + STATE_CRC, &crc, sizeof crc);
  return g_bytes_new_take (copy, length);
}

static void
step_state (Script *script)
{
  Device *xhci = script->guest->xhci;
  StateWriter *writer = state_writer_new ();
  uint32_t version;

  xhci->ops->quiesce (xhci);
  state_writer_begin (writer, "xhci", 1);
  xhci->ops->save (xhci, writer);
  state_writer_end (writer);
  g_autoptr (GBytes) saved = state_writer_finish (writer);
  g_autoptr (GBytes) damaged = damage (&script->in, saved);
  StateReader *reader = state_reader_new (damaged, NULL);
  if (reader == NULL || !state_reader_begin (reader, "xhci", 1, &version, NULL) ||
      !xhci->ops->load (xhci, reader, version, NULL) || !state_reader_end (reader, NULL))
    xhci->ops->reset (xhci);
  if (reader != NULL)
    state_reader_free (reader);
  if (!script->quiet)
    xhci->ops->resume (xhci);
}

static void
step_plug (Script *script)
{
  unsigned connector = fuzz_below (&script->in, 2);

  // Quiet machines do not change.
  if (script->quiet)
    return;
  if (script->keyboard != NULL) {
    xhci_unplug (script->guest->xhci, 0);
    xhci_unplug (script->guest->xhci, 1);
    script->keyboard = script->tablet = NULL;
    return;
  }
  script->keyboard = usb_keyboard_new ();
  script->tablet = usb_tablet_new ();
  xhci_plug (script->guest->xhci, script->keyboard, connector, NULL);
  xhci_plug (script->guest->xhci, script->tablet, !connector, NULL);
}

static void
step_bytes (Script *script)
{
  GuestAddr at = FAKE_RAM_BASE + 0x1000 + fuzz_number (&script->in, 3) % 0x30000;
  uint8_t bytes[16];

  fuzz_bytes (&script->in, bytes, sizeof bytes);
  put (script, at, bytes, sizeof bytes);
}

static void
step_run (Script *script)
{
  fake_vm_advance (script->guest->fake, (int64_t) fuzz_number (&script->in, 4));
  run (script);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static void (*const steps[]) (Script *) = {
      step_register,     step_register, step_command, step_command, step_context,
      step_transfer,     step_transfer, step_control, step_disk,    step_disk,
      step_disk,         step_input,    step_run,     step_run,     step_bytes,
      step_disk_trouble, step_quiet,    step_state,   step_plug,
  };
  Script script = {.in = {data, size}, .disk = test_disk_new (DISK_BYTES)};
  UsbDevice *devices[N_DEVICES] = {usb_keyboard_new (), usb_tablet_new ()};

  for (unsigned i = 0; i < 2; i++) {
    script.blocks[i] = test_disk_open (script.disk, i == 1 && fuzz_below (&script.in, 2));
    devices[2 + i] =
        usb_storage_new (script.blocks[i], i == 0 ? USB_SPEED_HIGH : USB_SPEED_SUPER, i);
  }
  script.keyboard = devices[0];
  script.tablet = devices[1];
  script.guest = xhci_guest_new_with_ram (devices, N_DEVICES, RAM_BYTES);
  script.guest->settle = settle;
  script.guest->settle_data = &script;
  guest_log_init (&script.guest->fake->vm.log, "fuzz");
  if (fuzz_below (&script.in, 8) != 0)
    set_up (&script);
  for (unsigned i = 0; i < STEPS_MAX && script.in.left > 0; i++)
    steps[fuzz_below (&script.in, G_N_ELEMENTS (steps))](&script);
  run (&script);
  guest_log_clear (&script.guest->fake->vm.log);
  xhci_guest_free (script.guest);
  test_disk_free (script.disk);
  return 0;
}
