// SPDX-License-Identifier: GPL-3.0-or-later
// SCSI units behind a virtio SCSI host: commands as bytes, with the status, the sense data and the
// bytes that must come back.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "engine/virtio/scsi.h"
#include "tests/support/test-disk.h"
#include "tests/support/virtio-guest.h"

enum {
  DISK = 3, // targets
  CDROM = 5,
  DISK_BYTES = 128 * 512,
  DISC_BYTES = 8 * 2048,
  REQUEST_QUEUE = 2,
  HEADER_BYTES = 19,
  CDB_BYTES = 32,
  RESPONSE_BYTES = 108,
  DATA_MAX = 8192,
  CHECK = 2,
  BAD_TARGET = 3,
};
#define F_ALL (~0ull)

typedef struct Setup {
  TestDisk *disk, *disc;
  VirtioGuest *guest;
} Setup;

typedef struct Result {
  uint8_t response, status;
  uint32_t sense; // key, code, qualifier
  uint32_t residual;
  uint8_t data[DATA_MAX];
} Result;

static void
set_up (Setup *setup, bool read_only)
{
  VirtioDevice *vdev = virtio_scsi_new (2);

  setup->disk = test_disk_new (DISK_BYTES);
  setup->disc = test_disk_new (DISC_BYTES);
  virtio_scsi_add (vdev, DISK, scsi_disk_new (test_disk_open (setup->disk, read_only), "disk-1"));
  virtio_scsi_add (vdev, CDROM, scsi_cdrom_new (test_disk_open (setup->disc, true), "cd-1"));
  setup->guest = virtio_guest_new (vdev, NULL);
  assert_non_null (setup->guest);
  virtio_guest_start (setup->guest, F_ALL, 0);
}

static void
tear_down (Setup *setup)
{
  virtio_guest_free (setup->guest);
  test_disk_free (setup->disk);
  test_disk_free (setup->disc);
}

static unsigned
make_chain (VirtioGuest *guest, VirtioGuestBuf bufs[4], unsigned target, const uint8_t cdb[16],
            const void *out, uint32_t out_bytes, uint32_t in_bytes)
{
  uint8_t request[HEADER_BYTES + CDB_BYTES] = {1, target, 0x40, 0};
  unsigned n = 0;

  memcpy (request + HEADER_BYTES, cdb, 16);
  bufs[n++] = (VirtioGuestBuf){virtio_guest_put (guest, request, sizeof request), sizeof request};
  if (out_bytes > 0)
    bufs[n++] = (VirtioGuestBuf){virtio_guest_put (guest, out, out_bytes), out_bytes};
  bufs[n++] = (VirtioGuestBuf){virtio_guest_alloc (guest, RESPONSE_BYTES), RESPONSE_BYTES, true};
  if (in_bytes > 0)
    bufs[n++] = (VirtioGuestBuf){virtio_guest_alloc (guest, in_bytes), in_bytes, true};
  return n;
}

static void
get_result (VirtioGuest *guest, const VirtioGuestBuf *bufs, unsigned n, Result *result)
{
  unsigned at = bufs[n - 1].length == RESPONSE_BYTES ? n - 1 : n - 2;
  const uint8_t *response = virtio_guest_ptr (guest, bufs[at].addr);

  memset (result, 0, sizeof *result);
  memcpy (&result->residual, response + 4, 4);
  result->status = response[10];
  result->response = response[11];
  if (response[0] != 0)
    result->sense = response[12 + 2] << 16 | response[12 + 12] << 8 | response[12 + 13];
  if (at == n - 2)
    memcpy (result->data, virtio_guest_ptr (guest, bufs[n - 1].addr), bufs[n - 1].length);
}

static void
perform (Setup *setup, unsigned target, const uint8_t cdb[16], const void *out, uint32_t out_bytes,
         uint32_t in_bytes, Result *result)
{
  VirtioGuestBuf bufs[4];
  unsigned n = make_chain (setup->guest, bufs, target, cdb, out, out_bytes, in_bytes);

  virtio_guest_do (setup->guest, REQUEST_QUEUE, bufs, n);
  get_result (setup->guest, bufs, n, result);
}

// Takes the attention every unit begins with.
static void
settle (Setup *setup, unsigned target)
{
  Result result;
  perform (setup, target, (const uint8_t[16]){0}, NULL, 0, 0, &result);
}

typedef struct Case {
  const char *name;
  unsigned target;
  uint8_t cdb[16];
  uint32_t out_bytes, in_bytes; // out: bytes 0, 1, 2…
  uint32_t sense;               // 0: good
  uint32_t moved;
  uint8_t data[40]; // as much of what is moved
  bool any_data;
} Case;

// clang-format off
static const Case cases[] = {
  { "test unit ready", DISK, {0x00}, 0, 0, 0, 0 },
  { "unknown command", DISK, {0x77}, 0, 0, 0x52000 },
  { "a drive's command to a disk", DISK, {0x43}, 0, 16, 0x52000 },
  { "a disk's command to a drive", CDROM, {0x42}, 24, 0, 0x52000 },
  { "inquiry", DISK, {0x12, 0, 0, 0, 36}, 0, 36, 0, 36,
    {0, 0, 6, 0x12, 31, 0, 0, 2, 'T', 'E', 'R', 'R', 'A', 'R', 'I', 'U', 'D', 'I', 'S', 'K', ' ', ' ',
     ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', '1', ' ', ' ', ' '} },
  { "inquiry of a drive", CDROM, {0x12, 0, 0, 0, 5}, 0, 36, 0, 5, {5, 0x80, 6, 0x12, 31} },
  { "inquiry, short buffer", DISK, {0x12, 0, 0, 0, 36}, 0, 4, 0, 4, {0, 0, 6, 0x12} },
  { "inquiry with a page and no EVPD", DISK, {0x12, 0, 1, 0, 36}, 0, 36, 0x52400 },
  { "pages", DISK, {0x12, 1, 0, 0, 36}, 0, 36, 0, 10, {0, 0, 0, 6, 0, 0x80, 0x83, 0xb0, 0xb1, 0xb2} },
  { "pages of a drive", CDROM, {0x12, 1, 0, 0, 36}, 0, 36, 0, 7, {5, 0, 0, 3, 0, 0x80, 0x83} },
  { "serial number", DISK, {0x12, 1, 0x80, 0, 36}, 0, 36, 0, 10, {0, 0x80, 0, 6, 'd', 'i', 's', 'k', '-', '1'} },
  { "identification", CDROM, {0x12, 1, 0x83, 0, 36}, 0, 36, 0, 12,
    {5, 0x83, 0, 8, 2, 0, 0, 4, 'c', 'd', '-', '1'} },
  { "provisioning", DISK, {0x12, 1, 0xb2, 0, 36}, 0, 36, 0, 8, {0, 0xb2, 0, 4, 0, 0xe0, 2, 0} },
  { "limits", DISK, {0x12, 1, 0xb0, 0, 36}, 0, 36, 0, 36,
    {0, 0xb0, 0, 60, 1, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 1, 0, 0, 0, 8} },
  { "no such page", DISK, {0x12, 1, 0x8f, 0, 36}, 0, 36, 0x52400 },
  { "no such page of a drive", CDROM, {0x12, 1, 0xb0, 0, 36}, 0, 36, 0x52400 },
  { "report luns", DISK, {0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 16}, 0, 16, 0, 16, {0, 0, 0, 8} },
  { "request sense", DISK, {0x03, 0, 0, 0, 18}, 0, 18, 0, 18, {0x70, 0, 0, 0, 0, 0, 0, 10} },
  { "capacity", DISK, {0x25}, 0, 8, 0, 8, {0, 0, 0, 127, 0, 0, 2, 0} },
  { "capacity of a disc", CDROM, {0x25}, 0, 8, 0, 8, {0, 0, 0, 7, 0, 0, 8, 0} },
  { "capacity (16)", DISK, {0x9e, 0x10, [13] = 32}, 0, 32, 0, 32,
    {0, 0, 0, 0, 0, 0, 0, 127, 0, 0, 2, 0, 0, 3, 0x80} },
  { "another service", DISK, {0x9e, 0x11, [13] = 32}, 0, 32, 0x52400 },
  { "mode sense (6), caching", DISK, {0x1a, 0, 0x08, 0, 255}, 0, 255, 0, 24, {23, 0, 0x10, 0, 8, 18, 4} },
  { "mode sense (6), what changes", DISK, {0x1a, 0, 0x48, 0, 255}, 0, 255, 0, 24, {23, 0, 0x10, 0, 8, 18, 4} },
  { "mode sense (10)", DISK, {0x5a, 0, 0x0a, 0, 0, 0, 0, 0, 255}, 0, 255, 0, 20, {0, 18, 0, 0x10, 0, 0, 0, 0, 10, 10} },
  { "mode sense, all", DISK, {0x1a, 0, 0x3f, 0, 255}, 0, 255, 0, 48, .any_data = true },
  { "mode sense, capabilities", CDROM, {0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 255}, 0, 255, 0, 28,
    {0, 26, 0, 0, 0, 0, 0, 0, 0x2a, 18, 0x3b, 0, 0x70, 0, 0x29, 0, 0x22, 0x60, 0, 0, 0, 0, 0x22, 0x60} },
  { "mode sense, saved", DISK, {0x1a, 0, 0xc8, 0, 255}, 0, 255, 0x53900 },
  { "mode sense, no such page", DISK, {0x1a, 0, 0x2a, 0, 255}, 0, 255, 0x52400 },
  { "mode select, nothing", DISK, {0x15, 0x10}, 0, 0, 0, 0 },
  { "mode select, wrong page", DISK, {0x15, 0x10, 0, 0, 12}, 12, 0, 0x52600 },
  { "mode select, short", DISK, {0x15, 0x10, 0, 0, 24}, 12, 0, 0x51a00 },
  { "mode select, saved", DISK, {0x15, 0x11, 0, 0, 24}, 24, 0, 0x52400 },
  { "read (6)", DISK, {0x08, 0, 0, 2, 1}, 0, 512, 0, 512, .any_data = true },
  { "read (10)", DISK, {0x28, 0, 0, 0, 0, 1, 0, 0, 2}, 0, 1024, 0, 1024, .any_data = true },
  { "read (12)", DISK, {0xa8, 0, 0, 0, 0, 127, 0, 0, 0, 1}, 0, 512, 0, 512, .any_data = true },
  { "read (16)", DISK, {0x88, [9] = 1, [13] = 3}, 0, 2048, 0, 1536, .any_data = true },
  { "read nothing", DISK, {0x28}, 0, 0, 0, 0 },
  { "read nothing at the end", DISK, {0x28, 0, 0, 0, 0, 128}, 0, 0, 0, 0 },
  { "read behind the end", DISK, {0x28, 0, 0, 0, 0, 127, 0, 0, 2}, 0, 1024, 0x52100 },
  { "read far behind the end", DISK, {0x88, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, [13] = 1}, 0, 512, 0x52100 },
  { "read more than there is room for", DISK, {0x28, 0, 0, 0, 0, 1, 0, 0, 2}, 0, 1023, 0x52400 },
  { "read (6) of 256 blocks", DISK, {0x08, 0, 0, 0, 0}, 0, 512, 0x52100 },
  { "read a disc", CDROM, {0x28, 0, 0, 0, 0, 7, 0, 0, 1}, 0, 2048, 0, 2048, .any_data = true },
  { "read a disc behind its end", CDROM, {0x28, 0, 0, 0, 0, 8, 0, 0, 1}, 0, 2048, 0x52100 },
  { "read (6) a disc", CDROM, {0x08, 0, 0, 0, 1}, 0, 2048, 0x52000 },
  { "write", DISK, {0x2a, 0, 0, 0, 0, 9, 0, 0, 2}, 1024, 0, 0, 1024, .any_data = true },
  { "write (16), at once", DISK, {0x8a, 8, [9] = 20, [13] = 1}, 512, 0, 0, 512, .any_data = true },
  { "write behind the end", DISK, {0x2a, 0, 0, 0, 0, 128, 0, 0, 1}, 512, 0, 0x52100 },
  { "write more than was sent", DISK, {0x2a, 0, 0, 0, 0, 9, 0, 0, 2}, 1023, 0, 0x52400 },
  { "write to a disc", CDROM, {0x2a, 0, 0, 0, 0, 1, 0, 0, 1}, 2048, 0, 0x52000 },
  { "verify", DISK, {0x2f, 0, 0, 0, 0, 127, 0, 0, 1}, 0, 0, 0, 0 },
  { "verify behind the end", DISK, {0x8f, 0, [9] = 128, [13] = 1}, 0, 0, 0x52100 },
  { "verify with data", DISK, {0x2f, 2, 0, 0, 0, 0, 0, 0, 1}, 512, 0, 0x52400 },
  { "flush", DISK, {0x35}, 0, 0, 0, 0 },
  { "flush (16)", DISK, {0x91}, 0, 0, 0, 0 },
  { "flush of a disc", CDROM, {0x35}, 0, 0, 0, 0 },
  { "unmap, anchored", DISK, {0x42, 1, [8] = 24}, 24, 0, 0x52400 },
  { "unmap, nothing", DISK, {0x42}, 0, 0, 0, 0 },
  { "unmap, short", DISK, {0x42, [8] = 20}, 20, 0, 0x51a00 },
  { "unmap, too many", DISK, {0x42, [8] = 24}, 24, 0, 0x52600 },
  { "write same of something", DISK, {0x41, [8] = 1}, 512, 0, 0x52400 },
  { "write same of nothing", DISK, {0x93, 1}, 0, 0, 0x52400 },
  { "write same behind the end", DISK, {0x93, 1, [9] = 127, [13] = 2}, 0, 0, 0x52100 },
  { "write same, zeroes by default", DISK, {0x93, 9, [9] = 30, [13] = 2}, 0, 0, 0, 0 },
  { "write same without its data", DISK, {0x93, 0, [9] = 30, [13] = 2}, 0, 0, 0x51a00 },
  { "start", DISK, {0x1b, 0, 0, 0, 1}, 0, 0, 0, 0 },
  { "eject a disk", DISK, {0x1b, 0, 0, 0, 2}, 0, 0, 0, 0 },
  { "toc", CDROM, {0x43, 0, 0, 0, 0, 0, 0, 0, 20}, 0, 20, 0, 20,
    {0, 18, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0, 0, 0x14, 0xaa, 0, 0, 0, 0, 8} },
  { "toc in minutes", CDROM, {0x43, 2, 0, 0, 0, 0, 0, 0, 20}, 0, 20, 0, 20,
    {0, 18, 1, 1, 0, 0x14, 1, 0, 0, 0, 2, 0, 0, 0x14, 0xaa, 0, 0, 0, 2, 8} },
  { "toc, lead-out", CDROM, {0x43, 0, 0, 0, 0, 0, 0xaa, 0, 20}, 0, 20, 0, 12,
    {0, 10, 1, 1, 0, 0x14, 0xaa, 0, 0, 0, 0, 8} },
  { "toc, sessions", CDROM, {0x43, 0, 1, 0, 0, 0, 0, 0, 20}, 0, 20, 0, 12, {0, 10, 1, 1, 0, 0x14, 1} },
  { "toc of track 2", CDROM, {0x43, 0, 0, 0, 0, 0, 2, 0, 20}, 0, 20, 0x52400 },
  { "toc, raw", CDROM, {0x43, 0, 2, 0, 0, 0, 0, 0, 20}, 0, 20, 0x52400 },
  { "events", CDROM, {0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8}, 0, 8, 0, 8, {0, 6, 4, 0x10, 0, 2} },
  { "events of another class", CDROM, {0x4a, 1, 0, 0, 2, 0, 0, 0, 8}, 0, 8, 0, 4, {0, 2, 0x80, 0x10} },
  { "events, not polled", CDROM, {0x4a, 0, 0, 0, 0x10, 0, 0, 0, 8}, 0, 8, 0x52400 },
  { "configuration", CDROM, {0x46, [8] = 20}, 0, 20, 0, 20,
    {0, 0, 0, 68, 0, 0, 0, 8, 0, 0, 3, 8, 0, 0x10, 0, 0, 0, 8, 1, 0} },
  { "configuration, one", CDROM, {0x46, 2, 0, 3, [8] = 20}, 0, 20, 0, 16,
    {0, 0, 0, 12, 0, 0, 0, 8, 0, 3, 3, 4, 0x29} },
  { "configuration, current", CDROM, {0x46, 1, 0, 0x1e, [8] = 24}, 0, 24, 0, 16,
    {0, 0, 0, 12, 0, 0, 0, 8, 0, 0x1e, 9, 4} },
  { "disc information", CDROM, {0x51, [8] = 34}, 0, 34, 0, 34, .any_data = true },
  { "mechanism", CDROM, {0xbd, [9] = 8}, 0, 8, 0, 8, {0, 0, 0, 0, 0, 1} },
  { "read cd", CDROM, {0xbe, 0, 0, 0, 0, 1, 0, 0, 1, 0x10}, 0, 2048, 0, 2048, .any_data = true },
  { "read cd, headers too", CDROM, {0xbe, 0, 0, 0, 0, 1, 0, 0, 1, 0xf8}, 0, 2352, 0x56400 },
  { "read cd, nothing", CDROM, {0xbe, 0, 0, 0, 0, 1, 0, 0, 1, 0}, 0, 0, 0, 0 },
};
// clang-format on

static void
check_case (Setup *setup, const Case *c)
{
  uint8_t out[DATA_MAX];
  Result result;

  for (unsigned i = 0; i < sizeof out; i++)
    out[i] = i;
  perform (setup, c->target, c->cdb, out, c->out_bytes, c->in_bytes, &result);
  uint32_t room = c->in_bytes != 0 ? c->in_bytes : c->out_bytes;
  if (result.response != 0 || result.sense != c->sense || result.status != (c->sense ? CHECK : 0))
    fail_msg ("%s: response %u, status %u, sense 0x%x, expected 0x%x", c->name, result.response,
              result.status, result.sense, c->sense);
  bool data = c->in_bytes != 0 || c->cdb[0] == 0x2a || c->cdb[0] == 0x8a;
  if (c->sense == 0 && data && room - result.residual != c->moved)
    fail_msg ("%s: %u bytes moved, expected %u", c->name, room - result.residual, c->moved);
  if (c->sense == 0 && c->in_bytes != 0 && !c->any_data)
    assert_memory_equal (result.data, c->data, MIN (c->moved, sizeof c->data));
}

static void
test_commands (void **state)
{
  Setup setup;

  set_up (&setup, false);
  settle (&setup, DISK);
  settle (&setup, CDROM);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    check_case (&setup, &cases[i]);
  tear_down (&setup);
}

// Where the bytes go and come from.
static void
test_data (void **state)
{
  static const uint8_t read[16] = {0x28, 0, 0, 0, 0, 5, 0, 0, 2},
                       write[16] = {0x2a, 0, 0, 0, 0, 7, 0, 0, 1},
                       read_disc[16] = {0xa8, 0, 0, 0, 0, 3, 0, 0, 0, 1},
                       zero[16] = {0x93, 9, [9] = 5, [13] = 1}, unmap[16] = {0x42, [8] = 24};
  static const uint8_t range[24] = {0, 22, 0, 16, [15] = 8, [19] = 8};
  uint8_t data[512];
  Setup setup;
  Result result;

  set_up (&setup, false);
  settle (&setup, DISK);
  settle (&setup, CDROM);
  perform (&setup, DISK, read, NULL, 0, 1024, &result);
  assert_memory_equal (result.data, setup.disk->bytes + 5 * 512, 1024);
  perform (&setup, CDROM, read_disc, NULL, 0, 2048, &result);
  assert_memory_equal (result.data, setup.disc->bytes + 3 * 2048, 2048);
  memset (data, 0x5a, sizeof data);
  perform (&setup, DISK, write, data, sizeof data, 0, &result);
  assert_memory_equal (setup.disk->bytes + 7 * 512, data, sizeof data);
  perform (&setup, DISK, zero, NULL, 0, 0, &result);
  assert_int_equal (setup.disk->bytes[5 * 512], 0);
  assert_int_equal (test_disk_get_done (setup.disk, BLOCK_WRITE_ZEROES), 1);
  perform (&setup, DISK, unmap, range, sizeof range, 0, &result);
  assert_int_equal (result.status, 0);
  assert_int_equal (test_disk_get_done (setup.disk, BLOCK_DISCARD), 1);
  tear_down (&setup);
}

static void
test_write_cache (void **state)
{
  static const uint8_t off[16] = {0x15, 0x10, 0, 0, 24}, get[16] = {0x1a, 0, 8, 0, 24},
                       write[16] = {0x0a, 0, 0, 7, 1}, now[16] = {0x2a, 8, 0, 0, 0, 7, 0, 0, 1};
  static const uint8_t page[24] = {0, 0, 0, 0, 8, 18};
  uint8_t data[512] = {0};
  Setup setup;
  Result result;

  set_up (&setup, false);
  settle (&setup, DISK);
  perform (&setup, DISK, write, data, sizeof data, 0, &result);
  assert_int_equal (test_disk_get_done (setup.disk, BLOCK_FLUSH), 0);
  perform (&setup, DISK, now, data, sizeof data, 0, &result);
  assert_int_equal (test_disk_get_done (setup.disk, BLOCK_FLUSH), 1);
  perform (&setup, DISK, off, page, sizeof page, 0, &result);
  assert_int_equal (result.status, 0);
  perform (&setup, DISK, get, NULL, 0, 24, &result);
  assert_int_equal (result.data[6], 0);
  perform (&setup, DISK, write, data, sizeof data, 0, &result);
  assert_int_equal (test_disk_get_done (setup.disk, BLOCK_FLUSH), 2);
  tear_down (&setup);
}

static void
test_read_only (void **state)
{
  static const uint8_t cdbs[][16] = {{0x2a, [8] = 1}, {0x42, [8] = 24}, {0x93, 1, [13] = 1}};
  Setup setup;
  Result result;
  uint8_t data[512] = {0};

  set_up (&setup, true);
  settle (&setup, DISK);
  for (size_t i = 0; i < G_N_ELEMENTS (cdbs); i++) {
    perform (&setup, DISK, cdbs[i], data, sizeof data, 0, &result);
    assert_int_equal (result.sense, 0x72700);
  }
  perform (&setup, DISK, (const uint8_t[16]){0x1a, 0, 0x3f, 0, 4}, NULL, 0, 4, &result);
  assert_int_equal (result.data[2], 0x90);
  tear_down (&setup);
}

// Attention first: power on, then a medium that was changed; INQUIRY and REQUEST SENSE do not wait.
static void
test_attention (void **state)
{
  static const uint8_t inquiry[16] = {0x12, 0, 0, 0, 36}, sense[16] = {3, 0, 0, 0, 18}, ready[16];
  Setup setup;
  Result result;

  set_up (&setup, false);
  perform (&setup, DISK, inquiry, NULL, 0, 36, &result);
  assert_int_equal (result.status, 0);
  perform (&setup, DISK, ready, NULL, 0, 0, &result);
  assert_int_equal (result.sense, 0x62900);
  perform (&setup, DISK, ready, NULL, 0, 0, &result);
  assert_int_equal (result.status, 0);
  perform (&setup, CDROM, sense, NULL, 0, 18, &result);
  assert_int_equal (result.data[2], 6);
  assert_int_equal (result.data[12], 0x29);
  perform (&setup, CDROM, ready, NULL, 0, 0, &result);
  assert_int_equal (result.status, 0);
  tear_down (&setup);
}

typedef struct Change {
  Setup *setup;
  BlockDevice *medium;
} Change;

static void
change_cb (void *data)
{
  const Change *change = data;
  virtio_scsi_change_medium (change->setup->guest->vdev, CDROM, change->medium);
}

static void
change_medium (Setup *setup, TestDisk *disk)
{
  Change change = {setup, disk != NULL ? test_disk_open (disk, true) : NULL};
  vm_loop_call (setup->guest->vm.loop, change_cb, &change);
}

static void
expect (Setup *setup, const uint8_t cdb[16], uint32_t in_bytes, uint32_t sense, Result *result)
{
  perform (setup, CDROM, cdb, NULL, 0, in_bytes, result);
  if (result->sense != sense)
    fail_msg ("sense 0x%x after command 0x%x, expected 0x%x", result->sense, cdb[0], sense);
}

static void
test_medium (void **state)
{
  static const uint8_t ready[16], events[16] = {0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8},
                                  eject[16] = {0x1b, 0, 0, 0, 2}, load[16] = {0x1b, 0, 0, 0, 3},
                                  lock[16] = {0x1e, 0, 0, 0, 1}, unlock[16] = {0x1e},
                                  capacity[16] = {0x25}, sense[16] = {3, 0, 0, 0, 18};
  Setup setup;
  Result result;
  TestDisk *other = test_disk_new (4 * 2048);

  set_up (&setup, false);
  settle (&setup, CDROM);
  expect (&setup, eject, 0, 0, &result);
  expect (&setup, ready, 0, 0x23a02, &result);
  expect (&setup, events, 8, 0, &result);
  assert_int_equal (result.data[4] << 8 | result.data[5], 0x301);
  expect (&setup, events, 8, 0, &result);
  assert_int_equal (result.data[4] << 8 | result.data[5], 0x001);
  expect (&setup, load, 0, 0, &result);
  expect (&setup, ready, 0, 0x62800, &result);
  expect (&setup, ready, 0, 0, &result);
  expect (&setup, lock, 0, 0, &result);
  expect (&setup, eject, 0, 0x55302, &result);
  change_medium (&setup, other); // by hand, whatever the guest thinks of it
  expect (&setup, ready, 0, 0x62800, &result);
  expect (&setup, capacity, 8, 0, &result);
  assert_int_equal (result.data[3], 3);
  expect (&setup, events, 8, 0, &result);
  assert_int_equal (result.data[4] << 8 | result.data[5], 0x202);
  change_medium (&setup, NULL);
  expect (&setup, ready, 0, 0x62800, &result);
  expect (&setup, ready, 0, 0x23a01, &result);
  expect (&setup, capacity, 8, 0x23a01, &result);
  expect (&setup, sense, 18, 0, &result);
  assert_int_equal (result.data[12], 0x3a);
  expect (&setup, unlock, 0, 0, &result);
  expect (&setup, eject, 0, 0, &result);
  expect (&setup, ready, 0, 0x23a02, &result);
  change_medium (&setup, setup.disc);
  expect (&setup, ready, 0, 0x62800, &result);
  expect (&setup, ready, 0, 0, &result);
  tear_down (&setup);
  test_disk_free (other);
}

// What is being read is read from the old disc.
static void
test_medium_in_use (void **state)
{
  static const uint8_t read[16] = {0x28, 0, 0, 0, 0, 1, 0, 0, 1};
  VirtioGuestBuf bufs[4];
  Setup setup;
  Result result;

  set_up (&setup, false);
  settle (&setup, CDROM);
  test_disk_hold (setup.disc);
  unsigned n = make_chain (setup.guest, bufs, CDROM, read, NULL, 0, 2048);
  virtio_guest_submit (setup.guest, REQUEST_QUEUE, bufs, n);
  virtio_guest_notify (setup.guest, REQUEST_QUEUE);
  test_disk_wait_held (setup.disc, 1);
  test_disk_release (setup.disc);
  change_medium (&setup, NULL);
  assert_true (virtio_guest_wait_used (setup.guest, REQUEST_QUEUE, 2));
  get_result (setup.guest, bufs, n, &result);
  assert_int_equal (result.status, 0);
  assert_memory_equal (result.data, setup.disc->bytes + 2048, 2048);
  tear_down (&setup);
}

static void
count_errors (void *opaque, VmRequest request)
{
  *(unsigned *) opaque += request == VM_REQUEST_DISK_ERROR;
}

// The guest has the error, and the person hears of it.
static void
test_errors (void **state)
{
  static const uint8_t read[16] = {0x28, [8] = 1}, write[16] = {0x2a, [8] = 1}, flush[16] = {0x35};
  uint8_t data[512] = {0};
  Setup setup;
  Result result;
  unsigned n_errors = 0;

  set_up (&setup, false);
  setup.guest->vm.on_request = count_errors;
  setup.guest->vm.on_request_opaque = &n_errors;
  settle (&setup, DISK);
  test_disk_fail (setup.disk, BLOCK_READ, EIO);
  perform (&setup, DISK, read, NULL, 0, 512, &result);
  assert_int_equal (result.sense, 0x31100);
  assert_int_equal (result.residual, 512);
  test_disk_fail (setup.disk, BLOCK_WRITE, EIO);
  perform (&setup, DISK, write, data, sizeof data, 0, &result);
  assert_int_equal (result.sense, 0x30c00);
  test_disk_fail (setup.disk, BLOCK_FLUSH, EIO);
  perform (&setup, DISK, flush, NULL, 0, 0, &result);
  assert_int_equal (result.sense, 0x30c00);
  assert_int_equal (n_errors, 3);
  setup.guest->vm.on_request = NULL;
  tear_down (&setup);
}

// No room on the host: the request waits, through saved state too, and is done when there is.
static void
test_full_disk (void **state)
{
  static const uint8_t write[16] = {0x2a, 0, 0, 0, 0, 2, 0, 0, 1};
  VirtioGuestBuf bufs[4];
  uint8_t data[512] = {77};
  Setup setup;
  Result result;

  set_up (&setup, false);
  settle (&setup, DISK);
  test_disk_fail (setup.disk, BLOCK_WRITE, ENOSPC);
  unsigned n = make_chain (setup.guest, bufs, DISK, write, data, sizeof data, 0);
  virtio_guest_submit (setup.guest, REQUEST_QUEUE + 1, bufs, n);
  virtio_guest_notify (setup.guest, REQUEST_QUEUE + 1);
  virtio_guest_quiesce (setup.guest);
  assert_int_equal (virtio_guest_get_used (setup.guest, REQUEST_QUEUE + 1), 0);
  g_autoptr (GBytes) bytes = virtio_guest_save (setup.guest);
  assert_true (virtio_guest_load (setup.guest, bytes, NULL));
  test_disk_fail (setup.disk, BLOCK_WRITE, 0);
  virtio_guest_resume (setup.guest);
  assert_true (virtio_guest_wait_used (setup.guest, REQUEST_QUEUE + 1, 1));
  get_result (setup.guest, bufs, n, &result);
  assert_int_equal (result.status, 0);
  assert_int_equal (setup.disk->bytes[1024], 77);
  tear_down (&setup);
}

static void
test_targets (void **state)
{
  static const uint8_t luns[][4] = {{1, 0, 0x40, 0},   {1, 4, 0x40, 0},  {0, DISK, 0x40, 0},
                                    {1, 255, 0x40, 0}, {1, 32, 0x40, 0}, {1, DISK, 0x40, 1},
                                    {1, DISK, 0x41, 0}};
  Setup setup;

  set_up (&setup, false);
  for (size_t i = 0; i < G_N_ELEMENTS (luns); i++) {
    VirtioGuestBuf bufs[4];
    Result result;
    unsigned n = make_chain (setup.guest, bufs, DISK, (const uint8_t[16]){0x12}, NULL, 0, 36);
    memcpy (virtio_guest_ptr (setup.guest, bufs[0].addr), luns[i], 4);
    virtio_guest_do (setup.guest, REQUEST_QUEUE, bufs, n);
    get_result (setup.guest, bufs, n, &result);
    assert_int_equal (result.response, BAD_TARGET);
  }
  tear_down (&setup);
}

static uint8_t
control (Setup *setup, uint32_t type, uint32_t subtype, unsigned target)
{
  uint32_t request[6] = {type, subtype};
  uint8_t lun[4] = {1, target, 0x40, 0};

  memcpy (&request[type == 0 ? 2 : 1], lun, sizeof lun);
  VirtioGuestBuf bufs[2] = {
      {virtio_guest_put (setup->guest, request, sizeof request), sizeof request, false},
      {virtio_guest_alloc (setup->guest, 8), type == 0 ? 1 : 5, true}};
  virtio_guest_do (setup->guest, 0, bufs, 2);
  return ((uint8_t *) virtio_guest_ptr (setup->guest, bufs[1].addr))[type == 0 ? 0 : 4];
}

static void
test_control (void **state)
{
  Setup setup;

  set_up (&setup, false);
  assert_int_equal (control (&setup, 0, 5, DISK), 10);
  assert_int_equal (control (&setup, 0, 0, CDROM), 10);
  assert_int_equal (control (&setup, 0, 8, DISK), 11);
  assert_int_equal (control (&setup, 0, 5, 9), BAD_TARGET);
  assert_int_equal (control (&setup, 1, 0, CDROM), 0);
  assert_int_equal (control (&setup, 2, 0, 9), BAD_TARGET);
  assert_int_equal (control (&setup, 3, 0, DISK), 11);
  tear_down (&setup);
}

static void
test_sizes (void **state)
{
  static const struct {
    unsigned at;
    uint32_t value, expected;
  } sizes[] = {{24, 16, 16}, {24, 64, 64}, {24, 65, 64},   {24, 0, 64},  {24, 32, 32},
               {20, 0, 0},   {20, 253, 0}, {20, 252, 252}, {20, 96, 96}, {0, 9, 2}};
  Setup setup;
  uint32_t value;

  set_up (&setup, false);
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++) {
    virtio_guest_write_config (setup.guest, sizes[i].at, &sizes[i].value, 4);
    virtio_guest_read_config (setup.guest, sizes[i].at, &value, 4);
    assert_int_equal (value, sizes[i].expected);
  }
  settle (&setup, DISK);
  tear_down (&setup);
}

// Chains that are no request.
static void
test_malformed (void **state)
{
  static const struct {
    unsigned queue;
    uint32_t out, in;
  } bad[] = {{0, 15, 1}, {0, 16, 0}, {2, 50, 108}, {2, 51, 107}, {3, 0, 108}, {2, 51, 0}};

  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
    Setup setup;
    VirtioGuestBuf bufs[2];
    unsigned n = 0;
    set_up (&setup, false);
    GuestAddr addr = virtio_guest_alloc (setup.guest, 512);
    if (bad[i].out > 0)
      bufs[n++] = (VirtioGuestBuf){addr, bad[i].out, false};
    if (bad[i].in > 0)
      bufs[n++] = (VirtioGuestBuf){addr + 256, bad[i].in, true};
    virtio_guest_submit (setup.guest, bad[i].queue, bufs, n);
    virtio_guest_notify (setup.guest, bad[i].queue);
    assert_true (virtio_guest_needs_reset (setup.guest));
    tear_down (&setup);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_commands),      cmocka_unit_test (test_data),
      cmocka_unit_test (test_write_cache),   cmocka_unit_test (test_read_only),
      cmocka_unit_test (test_attention),     cmocka_unit_test (test_medium),
      cmocka_unit_test (test_medium_in_use), cmocka_unit_test (test_errors),
      cmocka_unit_test (test_full_disk),     cmocka_unit_test (test_targets),
      cmocka_unit_test (test_control),       cmocka_unit_test (test_sizes),
      cmocka_unit_test (test_malformed),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
