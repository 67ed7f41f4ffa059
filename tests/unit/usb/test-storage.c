// SPDX-License-Identifier: GPL-3.0-or-later
// USB mass storage behind the xHCI controller: bulk-only transport, its rules for what does not
// fit, trouble of the host's disk, saved state in the middle.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "engine/usb/storage.h"
#include "tests/support/test-disk.h"
#include "tests/support/xhci-guest.h"

enum {
  OUT = 4, // device context indices: endpoints 2 OUT and 1 IN
  IN = 3,
  DISK_BYTES = 8 << 20,
  SERIAL_STRING = 3,
};

typedef struct Rig {
  TestDisk *disk;
  BlockDevice *block;
  XhciGuest *guest;
  unsigned slot;
  uint32_t tag;
  bool disk_full;
  unsigned n_errors; // the person was told of
  unsigned number;   // the disk's
} Rig;

static void
settle (void *data)
{
  Rig *rig = data;

  for (unsigned i = 0; i < 100; i++) {
    block_device_wait (rig->block);
    fake_vm_run (rig->guest->fake);
  }
}

static void
on_request (void *opaque, VmRequest request)
{
  ((Rig *) opaque)->disk_full = request == VM_REQUEST_DISK_FULL;
  ((Rig *) opaque)->n_errors += request == VM_REQUEST_DISK_ERROR;
}

static XhciGuest *
make_machine (Rig *rig, UsbSpeed speed, bool read_only)
{
  rig->block = test_disk_open (rig->disk, read_only);
  UsbDevice *device = usb_storage_new (rig->block, speed, rig->number);
  XhciGuest *guest = xhci_guest_new (&device, 1);

  guest->settle = settle;
  guest->settle_data = rig;
  guest->fake->vm.on_request = on_request;
  guest->fake->vm.on_request_opaque = rig;
  rig->guest = guest;
  return guest;
}

static Rig *
make_rig (UsbSpeed speed, bool read_only)
{
  static const UsbSetup configure = {0, 9, 1, 0, 0};
  Rig *rig = g_new0 (Rig, 1);
  unsigned packet = speed == USB_SPEED_SUPER ? 1024 : 512;

  rig->disk = test_disk_new (DISK_BYTES);
  XhciGuest *guest = make_machine (rig, speed, read_only);
  xhci_guest_start (guest);
  rig->slot = xhci_guest_attach (guest, speed == USB_SPEED_SUPER ? XHCI_GUEST_USB3_PORT
                                                                 : XHCI_GUEST_USB2_PORT);
  xhci_guest_configure (guest, rig->slot, IN, 6, packet);
  xhci_guest_configure (guest, rig->slot, OUT, 2, packet);
  assert_int_equal (xhci_guest_control (guest, rig->slot, &configure, NULL, NULL), CC_SUCCESS);
  return rig;
}

static void
free_rig (Rig *rig)
{
  xhci_guest_free (rig->guest);
  test_disk_free (rig->disk);
  g_free (rig);
}

// ---- transport ------------------------------------------------------------------------------

static void
put_le32 (uint8_t *p, uint32_t value)
{
  for (unsigned i = 0; i < 4; i++)
    p[i] = (uint8_t) (value >> 8 * i);
}

static uint32_t
get_le32 (const uint8_t *p)
{
  return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t) p[3] << 24;
}

// Sends a command block; the completion code.
static unsigned
send_command (Rig *rig, const uint8_t cdb[16], uint32_t expected, bool in)
{
  uint8_t block[31] = {'U', 'S', 'B', 'C'};

  put_le32 (block + 4, ++rig->tag);
  put_le32 (block + 8, expected);
  block[12] = in ? 0x80 : 0;
  block[14] = 16;
  memcpy (block + 15, cdb, 16);
  return xhci_guest_transfer (rig->guest, rig->slot, OUT, block, sizeof block, NULL);
}

// Receives the status; what it says is left over.
static uint8_t
get_status (Rig *rig, uint32_t *residue)
{
  uint8_t block[13];
  uint32_t n;

  assert_int_equal (xhci_guest_transfer (rig->guest, rig->slot, IN, block, 13, &n), CC_SUCCESS);
  assert_memory_equal (block, "USBS", 4);
  assert_int_equal (get_le32 (block + 4), rig->tag);
  *residue = get_le32 (block + 8);
  return block[12];
}

static void
cdb_of (uint8_t cdb[16], uint8_t operation, uint32_t lba, unsigned n_blocks)
{
  memset (cdb, 0, 16);
  cdb[0] = operation;
  for (unsigned i = 0; i < 4; i++)
    cdb[2 + i] = (uint8_t) (lba >> (24 - 8 * i));
  cdb[7] = (uint8_t) (n_blocks >> 8);
  cdb[8] = (uint8_t) n_blocks;
}

// Reads or writes, the data phase in transfers of `piece` bytes.
static void
transfer (Rig *rig, bool write, uint32_t lba, unsigned n_blocks, uint8_t *data, uint32_t piece)
{
  uint32_t bytes = n_blocks * 512, residue, n;
  uint8_t cdb[16];

  cdb_of (cdb, write ? 0x2a : 0x28, lba, n_blocks);
  assert_int_equal (send_command (rig, cdb, bytes, !write), CC_SUCCESS);
  for (uint32_t at = 0; at < bytes; at += n) {
    uint32_t want = MIN (piece, bytes - at);
    assert_int_equal (
        xhci_guest_transfer (rig->guest, rig->slot, write ? OUT : IN, data + at, want, &n),
        CC_SUCCESS);
    assert_int_equal (n, want);
  }
  assert_int_equal (get_status (rig, &residue), 0);
  assert_int_equal (residue, 0);
}

static void
test_reading_and_writing (void **state)
{
  static const struct {
    uint32_t lba, n_blocks, piece;
  } cases[] = {
      {0, 1, 512}, {7, 8, 4096},     {100, 256, 131072}, {3, 600, 307200}, {16383, 1, 512},
      {10, 3, 13}, {11, 4, 512 + 7}, {50, 5, 511},       {60, 2, 1024},    {1000, 1100, 65536},
  };
  for (unsigned i = 0; i < 2 * G_N_ELEMENTS (cases); i++) {
    Rig *rig = make_rig (i % 2 ? USB_SPEED_SUPER : USB_SPEED_HIGH, false);
    uint32_t lba = cases[i / 2].lba, bytes = cases[i / 2].n_blocks * 512;
    g_autofree uint8_t *data = g_malloc (bytes), *before = g_memdup2 (rig->disk->bytes, DISK_BYTES);
    transfer (rig, false, lba, cases[i / 2].n_blocks, data, cases[i / 2].piece);
    assert_memory_equal (data, before + lba * 512, bytes);
    for (unsigned j = 0; j < bytes; j++)
      data[j] = (uint8_t) (j * 11 + j / 512 + 1);
    transfer (rig, true, lba, cases[i / 2].n_blocks, data, cases[i / 2].piece);
    memcpy (before + lba * 512, data, bytes);
    assert_memory_equal (rig->disk->bytes, before, DISK_BYTES);
    free_rig (rig);
  }
}

// What guest and command say of the data, and what comes of it (§6.7). A data phase is one transfer
// of the length the guest expects.
static void
test_lengths (void **state)
{
  static const struct {
    const char *name;
    uint8_t cdb[16];
    uint32_t expected;
    bool in;
    unsigned code; // of the data phase; 0: there is none
    uint32_t n;    // its bytes
    uint8_t status;
    uint32_t residue;
  } cases[] = {
      {"nothing", {0}, 0, false, 0, 0, 0, 0},
      {"all of it", {0x12, 0, 0, 0, 36}, 36, true, CC_SUCCESS, 36, 0, 0},
      {"less than expected", {0x12, 0, 0, 0, 36}, 100, true, CC_SHORT_PACKET, 36, 0, 64},
      {"more than expected", {0x12, 0, 0, 0, 36}, 10, true, CC_SUCCESS, 10, 0, 0},
      {"none, but expected", {0}, 10, true, CC_STALL, 0, 0, 10},
      {"none, but sent", {0}, 10, false, CC_SUCCESS, 10, 0, 10},
      {"failed", {0xff}, 512, true, CC_STALL, 0, 1, 512},
      {"failed, sent", {0xff}, 512, false, CC_SUCCESS, 512, 1, 512},
      {"failed, nothing", {0xff}, 0, false, 0, 0, 1, 0},
      {"read, not expected", {0x28, 0, 0, 0, 0, 0, 0, 0, 1}, 0, false, 0, 0, 2, 0},
      {"read, sent", {0x28, 0, 0, 0, 0, 0, 0, 0, 1}, 512, false, CC_SUCCESS, 512, 2, 512},
      {"read, less expected", {0x28, 0, 0, 0, 0, 0, 0, 0, 2}, 100, true, CC_SUCCESS, 100, 2, 0},
      {"read, more expected",
       {0x28, 0, 0, 0, 0, 0, 0, 0, 1},
       600,
       true,
       CC_SHORT_PACKET,
       512,
       0,
       88},
      {"write, expected to come", {0x2a, 0, 0, 0, 0, 0, 0, 0, 1}, 512, true, CC_STALL, 0, 2, 512},
      {"write, more sent", {0x2a, 0, 0, 0, 0, 0, 0, 0, 1}, 1000, false, CC_SUCCESS, 1000, 0, 488},
      {"write, less sent", {0x2a, 0, 0, 0, 0, 0, 0, 0, 2}, 700, false, CC_SUCCESS, 700, 2, 0},
      {"flush", {0x35}, 0, false, 0, 0, 0, 0},
      {"flush, expected", {0x35}, 5, true, CC_STALL, 0, 0, 5},
      {"mode select", {0x15, 0x10, 0, 0, 4}, 4, false, CC_SUCCESS, 4, 0, 0},
      {"mode select, too short", {0x15, 0x10, 0, 0, 24}, 4, false, CC_SUCCESS, 4, 1, 0},
      {"mode select, nothing", {0x15, 0x10, 0, 0, 24}, 0, false, 0, 0, 1, 0},
      {"mode select, too long", {0x55, 0x10, [7] = 2}, 512, false, CC_SUCCESS, 512, 1, 0},
      {"mode select, no pages", {0x15, 0, 0, 0, 24}, 24, false, CC_SUCCESS, 24, 1, 24},
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    Rig *rig = make_rig (USB_SPEED_HIGH, false);
    uint8_t data[1024] = {0};
    uint32_t n = 0, residue;
    unsigned code = 0, dci = cases[i].in ? IN : OUT;
    assert_int_equal (send_command (rig, cases[i].cdb, cases[i].expected, cases[i].in), CC_SUCCESS);
    if (cases[i].expected > 0)
      code = xhci_guest_transfer (rig->guest, rig->slot, dci, data, cases[i].expected, &n);
    if (code == CC_STALL)
      xhci_guest_recover (rig->guest, rig->slot, dci, 0x81);
    uint8_t status = get_status (rig, &residue);
    if (code != cases[i].code || n != cases[i].n || status != cases[i].status ||
        residue != cases[i].residue)
      fail_msg ("%s: code %u, %u bytes, status %u, %u left", cases[i].name, code, n, status,
                residue);
    // The next command works.
    transfer (rig, false, 5, 1, data, 512);
    free_rig (rig);
  }
}

static void
test_bad_command (void **state)
{
  static const struct {
    unsigned at;
    uint8_t value;
    uint32_t length;
  } cases[] = {{0, 'X', 31}, {13, 1, 31}, {14, 0, 31}, {14, 17, 31}, {0, 'U', 30}, {0, 'U', 512}};
  static const UsbSetup reset = {0x21, 0xff, 0, 0, 0};
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    Rig *rig = make_rig (USB_SPEED_HIGH, false);
    uint8_t block[512] = {'U', 'S', 'B', 'C'};
    block[14] = 6;
    block[cases[i].at] = cases[i].value;
    assert_int_equal (
        xhci_guest_transfer (rig->guest, rig->slot, OUT, block, cases[i].length, NULL), CC_STALL);
    // Both pipes, until a reset.
    assert_int_equal (xhci_guest_transfer (rig->guest, rig->slot, IN, block, 13, NULL), CC_STALL);
    xhci_guest_recover (rig->guest, rig->slot, OUT, 2);
    assert_int_equal (xhci_guest_transfer (rig->guest, rig->slot, OUT, block, 31, NULL), CC_STALL);
    assert_int_equal (xhci_guest_control (rig->guest, rig->slot, &reset, NULL, NULL), CC_SUCCESS);
    xhci_guest_recover (rig->guest, rig->slot, OUT, 2);
    xhci_guest_recover (rig->guest, rig->slot, IN, 0x81);
    transfer (rig, false, 5, 1, block, 512);
    free_rig (rig);
  }
}

static void
test_requests (void **state)
{
  static const UsbSetup max_lun = {0xa1, 0xfe, 0, 0, 1}, other = {0x21, 0x42, 0, 0, 0};
  static const UsbSetup serial = {0x80, 6, 3 << 8 | SERIAL_STRING, 0x409, 255};
  Rig *rig = make_rig (USB_SPEED_SUPER, false);
  uint8_t lun = 77, text[255];
  unsigned n;
  assert_int_equal (xhci_guest_control (rig->guest, rig->slot, &max_lun, &lun, NULL), CC_SUCCESS);
  assert_int_equal (lun, 0);
  assert_int_equal (xhci_guest_control (rig->guest, rig->slot, &serial, text, &n), CC_SUCCESS);
  assert_int_equal (n, 26); // twelve digits
  assert_int_equal (text[24], '1');
  assert_int_equal (xhci_guest_control (rig->guest, rig->slot, &other, NULL, NULL), CC_STALL);
  free_rig (rig);
}

// ---- trouble --------------------------------------------------------------------------------

static void
test_errors (void **state)
{
  for (unsigned write = 0; write < 2; write++) {
    Rig *rig = make_rig (USB_SPEED_HIGH, false);
    uint8_t cdb[16], data[2048] = {0}, sense[18];
    static const uint8_t ask[16] = {3, 0, 0, 0, 18};
    uint32_t n, residue;
    unsigned dci = write ? OUT : IN;
    test_disk_fail (rig->disk, write ? BLOCK_WRITE : BLOCK_READ, EIO);
    cdb_of (cdb, write ? 0x2a : 0x28, 8, 4);
    send_command (rig, cdb, 2048, !write);
    unsigned code = xhci_guest_transfer (rig->guest, rig->slot, dci, data, 2048, &n);
    assert_int_equal (code, write ? CC_SUCCESS : CC_STALL);
    if (!write)
      xhci_guest_recover (rig->guest, rig->slot, IN, 0x81);
    assert_int_equal (get_status (rig, &residue), 1);
    assert_int_equal (residue, 2048);
    send_command (rig, ask, 18, true);
    xhci_guest_transfer (rig->guest, rig->slot, IN, sense, 18, &n);
    assert_int_equal (sense[2], 3);
    assert_int_equal (sense[12], write ? 0x0c : 0x11);
    assert_int_equal (get_status (rig, &residue), 0);
    assert_true (rig->n_errors > 0);
    free_rig (rig);
  }
}

static void
test_failed_flush (void **state)
{
  static const uint8_t flush[16] = {0x35};
  Rig *rig = make_rig (USB_SPEED_HIGH, false);
  uint32_t residue;
  send_command (rig, flush, 0, false);
  assert_int_equal (get_status (rig, &residue), 0);
  assert_int_equal (test_disk_get_done (rig->disk, BLOCK_FLUSH), 1);
  test_disk_fail (rig->disk, BLOCK_FLUSH, EIO);
  send_command (rig, flush, 0, false);
  assert_int_equal (get_status (rig, &residue), 1);
  assert_int_equal (rig->n_errors, 1);
  free_rig (rig);
}

// A full disk of the host's: the machine is asked to pause, and resuming writes it.
static void
test_no_room (void **state)
{
  Rig *rig = make_rig (USB_SPEED_HIGH, false);
  uint8_t cdb[16];
  uint32_t residue;
  XhciTrb event;
  GuestAddr data = xhci_guest_alloc (rig->guest, 4096);
  memset (xhci_guest_ptr (rig->guest, data), 0x77, 4096);
  test_disk_fail (rig->disk, BLOCK_WRITE, ENOSPC);
  cdb_of (cdb, 0x2a, 8, 8);
  send_command (rig, cdb, 4096, false);
  xhci_guest_submit (rig->guest, rig->slot, OUT, data, 4096);
  assert_false (xhci_guest_next_event (rig->guest, &event));
  assert_true (rig->disk_full);
  rig->guest->xhci->ops->quiesce (rig->guest->xhci);
  test_disk_fail (rig->disk, BLOCK_WRITE, 0);
  rig->guest->xhci->ops->resume (rig->guest->xhci);
  event = xhci_guest_expect (rig->guest, TRB_TRANSFER_EVENT);
  assert_int_equal (xhci_guest_code (&event), CC_SUCCESS);
  assert_int_equal (get_status (rig, &residue), 0);
  assert_int_equal (rig->disk->bytes[8 * 512 + 4095], 0x77);
  free_rig (rig);
}

// So is what has to be safe, and a flush, which is a command without data: its status waits.
static void
test_no_room_to_be_safe (void **state)
{
  static const int errors[] = {ENOSPC, EDQUOT};
  for (unsigned i = 0; i < 2 * G_N_ELEMENTS (errors); i++) {
    bool write = i % 2 == 0;
    Rig *rig = make_rig (USB_SPEED_HIGH, false);
    uint8_t cdb[16] = {0x35};
    uint32_t residue;
    XhciTrb event;
    unsigned dci = write ? OUT : IN;
    GuestAddr data = xhci_guest_alloc (rig->guest, 512);
    memset (xhci_guest_ptr (rig->guest, data), 0x66, 512);
    test_disk_fail (rig->disk, BLOCK_FLUSH, errors[i / 2]);
    if (write) {
      cdb_of (cdb, 0x2a, 8, 1);
      cdb[1] = 8; // FUA
    }
    send_command (rig, cdb, write ? 512 : 0, false);
    xhci_guest_submit (rig->guest, rig->slot, dci, data, write ? 512 : 13);
    assert_false (xhci_guest_next_event (rig->guest, &event));
    assert_true (rig->disk_full);
    assert_int_equal (rig->n_errors, 0);
    rig->guest->xhci->ops->quiesce (rig->guest->xhci);
    test_disk_fail (rig->disk, BLOCK_FLUSH, 0);
    unsigned flushes = test_disk_get_done (rig->disk, BLOCK_FLUSH);
    rig->guest->xhci->ops->resume (rig->guest->xhci);
    event = xhci_guest_expect (rig->guest, TRB_TRANSFER_EVENT);
    assert_int_equal (xhci_guest_code (&event), CC_SUCCESS);
    if (write)
      assert_int_equal (get_status (rig, &residue), 0);
    else
      assert_int_equal (((uint8_t *) xhci_guest_ptr (rig->guest, data))[12], 0);
    assert_int_equal (test_disk_get_done (rig->disk, BLOCK_FLUSH), flushes + 1);
    assert_true (!write || rig->disk->bytes[8 * 512] == 0x66);
    free_rig (rig);
  }
}

// The guest gives up on a transfer the disk is slow with, and starts over.
static void
test_giving_up (void **state)
{
  static const UsbSetup reset = {0x21, 0xff, 0, 0, 0};
  Rig *rig = make_rig (USB_SPEED_HIGH, false);
  uint32_t which = rig->slot << 24 | IN << 16;
  uint8_t cdb[16], data[512];
  rig->guest->settle = NULL;
  cdb_of (cdb, 0x28, 8, 8);
  send_command (rig, cdb, 4096, true);
  test_disk_hold (rig->disk);
  xhci_guest_submit (rig->guest, rig->slot, IN, xhci_guest_alloc (rig->guest, 4096), 4096);
  xhci_guest_run (rig->guest);
  test_disk_wait_held (rig->disk, 1);
  assert_int_equal (xhci_guest_command (rig->guest, TRB_STOP_ENDPOINT, 0, which, NULL), CC_SUCCESS);
  GuestAddr ring = xhci_guest_new_ring (rig->guest, rig->slot, IN);
  assert_int_equal (xhci_guest_command (rig->guest, TRB_SET_DEQUEUE, ring | 1, which, NULL),
                    CC_SUCCESS);
  assert_int_equal (xhci_guest_control (rig->guest, rig->slot, &reset, NULL, NULL), CC_SUCCESS);
  test_disk_release (rig->disk);
  rig->guest->settle = settle;
  transfer (rig, false, 1, 1, data, 512);
  assert_memory_equal (data, rig->disk->bytes + 512, 512);
  free_rig (rig);
}

// ---- saved state ----------------------------------------------------------------------------

static GBytes *
save (XhciGuest *guest)
{
  StateWriter *writer = state_writer_new ();
  const DeviceOps *ops = guest->xhci->ops;
  ops->quiesce (guest->xhci);
  state_writer_begin (writer, ops->name, ops->state_version);
  ops->save (guest->xhci, writer);
  state_writer_end (writer);
  return state_writer_finish (writer);
}

static bool
try_load (XhciGuest *guest, GBytes *bytes)
{
  const DeviceOps *ops = guest->xhci->ops;
  StateReader *reader = state_reader_new (bytes, NULL);
  uint32_t version;
  ops->quiesce (guest->xhci);
  assert_true (state_reader_begin (reader, ops->name, ops->state_version, &version, NULL));
  bool ok = ops->load (guest->xhci, reader, version, NULL);
  if (ok)
    assert_true (state_reader_end (reader, NULL));
  state_reader_free (reader);
  ops->resume (guest->xhci);
  return ok;
}

// Into another machine with the same disk.
static void
move (Rig *rig)
{
  XhciGuest old = *rig->guest, *from = rig->guest;
  g_autoptr (GBytes) saved = save (from);
  XhciGuest *to = make_machine (rig, USB_SPEED_HIGH, false);
  memcpy (fake_vm_ram (to->fake), fake_vm_ram (from->fake), XHCI_GUEST_RAM_BYTES);
  old.fake = to->fake;
  old.pci = to->pci;
  old.xhci = to->xhci;
  old.settle = to->settle;
  *to = old;
  to->line.level = false;
  assert_true (try_load (to, saved));
  xhci_guest_free (from);
}

// A disk of the same size that is another is none to go on with.
static void
test_other_disk (void **state)
{
  Rig *rig = make_rig (USB_SPEED_HIGH, false);
  XhciGuest *first = rig->guest;
  g_autoptr (GBytes) saved = save (first);

  rig->number = 1;
  assert_false (try_load (make_machine (rig, USB_SPEED_HIGH, false), saved));
  xhci_guest_free (first);
  free_rig (rig);
}

// Between all pieces of a data phase, one of them under way.
static void
test_saved_state (void **state)
{
  for (unsigned write = 0; write < 2; write++) {
    Rig *rig = make_rig (USB_SPEED_HIGH, false);
    uint8_t cdb[16], data[4096];
    uint32_t n, residue;
    for (unsigned i = 0; i < sizeof data; i++)
      data[i] = (uint8_t) (i * 5 + i / 256);
    cdb_of (cdb, write ? 0x2a : 0x28, 8, 8);
    send_command (rig, cdb, 4096, !write);
    for (uint32_t at = 0; at < 4096; at += n) {
      uint32_t piece = MIN (4096 - at, 300);
      move (rig);
      if (at == 1500) { // on its way when the machine stops
        GuestAddr buffer = xhci_guest_alloc (rig->guest, piece);
        memcpy (xhci_guest_ptr (rig->guest, buffer), data + at, piece);
        rig->guest->settle = NULL;
        xhci_guest_submit (rig->guest, rig->slot, write ? OUT : IN, buffer, piece);
        xhci_guest_run (rig->guest);
        move (rig);
        rig->guest->settle = settle;
        xhci_guest_expect (rig->guest, TRB_TRANSFER_EVENT);
        memcpy (data + at, xhci_guest_ptr (rig->guest, buffer), piece);
        n = piece;
      } else {
        xhci_guest_transfer (rig->guest, rig->slot, write ? OUT : IN, data + at, piece, &n);
      }
    }
    move (rig);
    assert_int_equal (get_status (rig, &residue), 0);
    assert_int_equal (residue, 0);
    assert_memory_equal (rig->disk->bytes + 8 * 512, data, sizeof data);
    free_rig (rig);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_reading_and_writing),
      cmocka_unit_test (test_lengths),
      cmocka_unit_test (test_bad_command),
      cmocka_unit_test (test_requests),
      cmocka_unit_test (test_errors),
      cmocka_unit_test (test_failed_flush),
      cmocka_unit_test (test_no_room_to_be_safe),
      cmocka_unit_test (test_no_room),
      cmocka_unit_test (test_giving_up),
      cmocka_unit_test (test_other_disk),
      cmocka_unit_test (test_saved_state),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
