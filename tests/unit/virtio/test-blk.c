// SPDX-License-Identifier: GPL-3.0-or-later
// virtio-blk against a driver made of memory writes and a disk in memory.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "tests/unit/virtio/test-blk-rig.h"

static uint8_t
request (VirtioGuest *guest, const Header *header, const void *out, uint32_t out_length, void *in,
         uint32_t in_length)
{
  VirtioGuestBuf bufs[4];
  unsigned n;
  const VirtioGuestBuf *status = make_request (guest, bufs, &n, header, out, out_length, in_length);
  virtio_guest_do (guest, 0, bufs, n);
  if (in != NULL)
    memcpy (in, virtio_guest_ptr (guest, bufs[n - 2].addr), in_length);
  return *(uint8_t *) virtio_guest_ptr (guest, status->addr);
}

static uint8_t
write_sector (VirtioGuest *guest, uint64_t sector)
{
  uint8_t data[SECTOR];
  memset (data, 0x5a, sizeof data);
  return request (guest, &(Header){.type = T_OUT, .sector = sector}, data, sizeof data, NULL, 0);
}

static uint8_t
flush (VirtioGuest *guest)
{
  return request (guest, &(Header){.type = T_FLUSH}, NULL, 0, NULL, 0);
}

static void
test_config (void **state)
{
  Setup setup;
  uint64_t capacity;
  set_up (&setup, true, F_ALL);
  virtio_guest_read_config (setup.guest, 0, &capacity, sizeof capacity);
  assert_int_equal (capacity, DISK_SECTORS);
  assert_true (setup.guest->vdev->features & F_RO);
  assert_int_equal (write_sector (setup.guest, 0), S_IOERR);
  assert_int_equal (flush (setup.guest), S_OK);
  assert_int_equal (test_disk_get_done (setup.disk, BLOCK_WRITE), 0);
  tear_down (&setup);
}

// Both those that are done at once and those that go through the device's threads.
static void
test_traffic (void **state)
{
  for (unsigned quick = 0; quick < 2; quick++) {
    Traffic traffic = {0};
    Setup setup = {.disk = test_disk_new (DISK_SECTORS * SECTOR)};
    BlockDevice *device =
        quick ? test_disk_open_quick (setup.disk) : test_disk_open (setup.disk, false);
    uint8_t data[4 * SECTOR] = {0};
    const Header out = {.type = T_OUT, .sector = 100}, in = {.type = T_IN, .sector = 100};

    block_device_set_traffic (device, &traffic);
    setup.guest = virtio_guest_new (virtio_blk_new (device, "serial-1", 1), NULL);
    virtio_guest_start (setup.guest, F_ALL, 0);
    assert_int_equal (request (setup.guest, &out, data, sizeof data, NULL, 0), S_OK);
    assert_int_equal (request (setup.guest, &in, NULL, 0, data, SECTOR), S_OK);
    assert_int_equal (flush (setup.guest), S_OK);
    assert_int_equal (traffic.out, sizeof data);
    assert_int_equal (traffic.in, SECTOR);
    tear_down (&setup);
  }
}

// How header, data and status are cut into buffers is the driver's choice (§2.7.4).
static void
test_layouts (void **state)
{
  static const struct {
    uint32_t out[4], in[4]; // lengths, 0 ends
  } layouts[] = {
      {{16}, {1024, 1}}, {{8, 8}, {1024, 1}},  {{1, 15}, {512, 512, 1}},
      {{16}, {1025}},    {{16}, {3, 1020, 2}}, {{4, 4, 8}, {1, 1023, 1}},
  };
  Setup setup;
  set_up (&setup, false, F_ALL);
  for (size_t i = 0; i < G_N_ELEMENTS (layouts); i++) {
    const Header header = {.type = T_IN, .sector = 5};
    GuestAddr out = virtio_guest_put (setup.guest, &header, sizeof header);
    GuestAddr in = virtio_guest_alloc (setup.guest, 1025), at = out;
    VirtioGuestBuf bufs[8];
    unsigned n = 0;
    memset (virtio_guest_ptr (setup.guest, in), S_UNTOUCHED, 1025);
    for (unsigned j = 0; j < 4 && layouts[i].out[j] > 0; at += layouts[i].out[j++])
      bufs[n++] = (VirtioGuestBuf){at, layouts[i].out[j], false};
    at = in;
    for (unsigned j = 0; j < 4 && layouts[i].in[j] > 0; at += layouts[i].in[j++])
      bufs[n++] = (VirtioGuestBuf){at, layouts[i].in[j], true};
    assert_int_equal (virtio_guest_do (setup.guest, 0, bufs, n), 1025);
    const uint8_t *got = virtio_guest_ptr (setup.guest, in);
    assert_memory_equal (got, setup.disk->bytes + 5 * SECTOR, 1024);
    assert_int_equal (got[1024], S_OK);
  }
  tear_down (&setup);
}

static void
test_write_reads_back (void **state)
{
  Setup setup;
  uint8_t data[4 * SECTOR], back[4 * SECTOR];
  set_up (&setup, false, F_ALL);
  for (size_t i = 0; i < sizeof data; i++)
    data[i] = (uint8_t) (i ^ 0xa5);
  const Header out = {.type = T_OUT, .sector = 100}, in = {.type = T_IN, .sector = 100};
  assert_int_equal (request (setup.guest, &out, data, sizeof data, NULL, 0), S_OK);
  assert_memory_equal (setup.disk->bytes + 100 * SECTOR, data, sizeof data);
  assert_int_equal (request (setup.guest, &in, NULL, 0, back, sizeof back), S_OK);
  assert_memory_equal (back, data, sizeof data);
  // The first may have been seen in the ring before its interrupt; the second was asked for.
  virtio_guest_settle (setup.guest);
  assert_true (virtio_guest_get_interrupts (setup.guest) >= 1);
  tear_down (&setup);
}

static void
test_bounds (void **state)
{
  static const struct {
    uint32_t type;
    uint64_t sector;
    uint32_t length;
    uint8_t status;
  } cases[] = {
      {T_IN, 0, 512, S_OK},
      {T_IN, 127, 512, S_OK},
      {T_IN, 128, 512, S_IOERR},
      {T_IN, 127, 1024, S_IOERR},
      {T_IN, 0, 511, S_IOERR},
      {T_IN, 0, 513, S_IOERR},
      {T_IN, UINT64_MAX, 512, S_IOERR},
      {T_IN, UINT64_MAX / 512 + 1, 512, S_IOERR},
      {T_IN, 128, 0, S_OK},
      {T_OUT, 127, 512, S_OK},
      {T_OUT, 128, 512, S_IOERR},
      {T_OUT, 1ull << 55, 512, S_IOERR},
      {T_OUT, 0, 100, S_IOERR},
      {2, 0, 512, S_UNSUPP},
      {0x80000000, 0, 512, S_UNSUPP},
  };
  Setup setup;
  set_up (&setup, false, F_ALL);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    uint8_t data[1024] = {0};
    const Header header = {.type = cases[i].type, .sector = cases[i].sector};
    bool out = cases[i].type == T_OUT;
    assert_int_equal (request (setup.guest, &header, data, out ? cases[i].length : 0, NULL,
                               out ? 0 : cases[i].length),
                      cases[i].status);
  }
  tear_down (&setup);
}

static void
test_ranges (void **state)
{
  static const struct {
    uint32_t type;
    Range range;
    uint32_t length;
    uint8_t status;
  } cases[] = {
      {T_DISCARD, {8, 8, 0}, 16, S_OK},
      {T_WRITE_ZEROES, {16, 8, 0}, 16, S_OK},
      {T_WRITE_ZEROES, {24, 8, 1}, 16, S_OK},
      {T_WRITE_ZEROES, {24, 0, 0}, 16, S_OK},
      {T_DISCARD, {8, 8, 1}, 16, S_UNSUPP},
      {T_WRITE_ZEROES, {8, 8, 2}, 16, S_UNSUPP},
      {T_DISCARD, {120, 9, 0}, 16, S_IOERR},
      {T_DISCARD, {UINT64_MAX, 8, 0}, 16, S_IOERR},
      {T_WRITE_ZEROES, {0, UINT32_MAX, 0}, 16, S_IOERR},
      {T_WRITE_ZEROES, {0, 8, 0}, 15, S_IOERR},
      {T_WRITE_ZEROES, {0, 8, 0}, 0, S_IOERR},
  };
  Setup setup;
  set_up (&setup, false, F_ALL);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    const Header header = {.type = cases[i].type};
    assert_int_equal (request (setup.guest, &header, &cases[i].range, cases[i].length, NULL, 0),
                      cases[i].status);
  }
  assert_int_equal (setup.disk->bytes[8 * SECTOR], 0xdd);
  assert_int_equal (setup.disk->bytes[16 * SECTOR - 1], 0xdd);
  assert_int_equal (setup.disk->bytes[16 * SECTOR], 0);
  assert_int_equal (setup.disk->bytes[32 * SECTOR - 1], 0);
  assert_int_equal (test_disk_get_done (setup.disk, BLOCK_DISCARD), 1);
  assert_int_equal (test_disk_get_done (setup.disk, BLOCK_WRITE_ZEROES), 2);
  tear_down (&setup);
}

static void
test_get_id (void **state)
{
  Setup setup;
  char id[21] = "";
  set_up (&setup, false, F_ALL);
  assert_int_equal (request (setup.guest, &(Header){.type = T_GET_ID}, NULL, 0, id, 20), S_OK);
  assert_string_equal (id, "serial-1");
  assert_int_equal (request (setup.guest, &(Header){.type = T_GET_ID}, NULL, 0, id, 3), S_OK);
  tear_down (&setup);
}

// Without a cache, or a driver that knows of one, a completed write is on stable storage.
static void
test_write_through (void **state)
{
  static const struct {
    uint64_t features;
    bool turn_off;
    unsigned flushes;
  } cases[] = {
      {F_ALL, false, 0}, {0, false, 1}, {F_FLUSH, false, 0}, {F_ALL, true, 1}, {F_FLUSH, true, 0},
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    Setup setup;
    set_up (&setup, false, cases[i].features);
    if (cases[i].turn_off)
      virtio_guest_write_config (setup.guest, 32, &(uint8_t){0}, 1);
    assert_int_equal (write_sector (setup.guest, 1), S_OK);
    assert_int_equal (test_disk_get_done (setup.disk, BLOCK_FLUSH), cases[i].flushes);
    tear_down (&setup);
  }
}

static void
test_host_errors (void **state)
{
  Setup setup;
  uint8_t data[SECTOR];
  set_up (&setup, false, F_ALL);
  test_disk_fail (setup.disk, BLOCK_READ, EIO);
  test_disk_fail (setup.disk, BLOCK_WRITE, EIO);
  assert_int_equal (request (setup.guest, &(Header){.type = T_IN}, NULL, 0, data, sizeof data),
                    S_IOERR);
  assert_int_equal (write_sector (setup.guest, 0), S_IOERR);
  test_disk_fail (setup.disk, BLOCK_READ, 0);
  assert_int_equal (request (setup.guest, &(Header){.type = T_IN}, NULL, 0, data, sizeof data),
                    S_OK);
  tear_down (&setup);
}

static void
count_request (void *opaque, VmRequest request)
{
  assert_int_equal (request, VM_REQUEST_DISK_FULL);
  ++*(unsigned *) opaque;
}

// Writes and write-zeroes in turn, a sector each, not waited for; where the status bytes are.
static void
submit_writes (VirtioGuest *guest, unsigned n, const uint8_t *status[])
{
  uint8_t data[SECTOR];
  memset (data, 0x5a, sizeof data);
  for (unsigned i = 0; i < n; i++) {
    const Range range = {i, 1, 0};
    const Header header = {.type = i % 2 == 0 ? T_OUT : T_WRITE_ZEROES, .sector = i};
    VirtioGuestBuf bufs[4];
    unsigned n_bufs;
    const VirtioGuestBuf *last =
        i % 2 == 0 ? make_request (guest, bufs, &n_bufs, &header, data, sizeof data, 0)
                   : make_request (guest, bufs, &n_bufs, &header, &range, sizeof range, 0);
    status[i] = virtio_guest_ptr (guest, last->addr);
    virtio_guest_submit (guest, 0, bufs, n_bufs);
  }
  virtio_guest_notify (guest, 0);
}

enum {
  WRITES = 10,
};

// A disk that is full: ten requests that did not work, the machine paused as the device asked.
static unsigned
set_up_full (Setup *setup, int error, const uint8_t *status[WRITES])
{
  unsigned n_requests = 0;
  set_up (setup, false, F_ALL);
  setup->guest->vm.on_request = count_request;
  setup->guest->vm.on_request_opaque = &n_requests;
  test_disk_fail (setup->disk, BLOCK_WRITE, error);
  test_disk_fail (setup->disk, BLOCK_WRITE_ZEROES, error);
  submit_writes (setup->guest, WRITES, status);
  virtio_guest_quiesce (setup->guest);
  setup->guest->vm.on_request = NULL;
  assert_int_equal (test_disk_get_done (setup->disk, BLOCK_WRITE), WRITES / 2);
  assert_int_equal (virtio_guest_get_used (setup->guest, 0), 0);
  return n_requests;
}

static void
make_room (Setup *setup)
{
  test_disk_fail (setup->disk, BLOCK_WRITE, 0);
  test_disk_fail (setup->disk, BLOCK_WRITE_ZEROES, 0);
}

static void
assert_written (Setup *setup, const uint8_t *status[WRITES])
{
  for (unsigned i = 0; i < WRITES; i++) {
    assert_int_equal (*status[i], S_OK);
    assert_int_equal (setup->disk->bytes[i * SECTOR], i % 2 == 0 ? 0x5a : 0);
  }
}

// What did not fit on the host's disk waits for the machine to be resumed; the guest sees no error.
static void
test_full_disk (void **state)
{
  static const int errors[] = {ENOSPC, EDQUOT};
  for (size_t i = 0; i < G_N_ELEMENTS (errors); i++) {
    Setup setup;
    const uint8_t *status[WRITES];
    assert_true (set_up_full (&setup, errors[i], status) >= 1);
    // Still full: nothing is lost.
    virtio_guest_resume (setup.guest);
    virtio_guest_quiesce (setup.guest);
    assert_int_equal (virtio_guest_get_used (setup.guest, 0), 0);
    make_room (&setup);
    virtio_guest_resume (setup.guest);
    assert_true (virtio_guest_wait_used (setup.guest, 0, WRITES));
    assert_written (&setup, status);
    tear_down (&setup);
  }
}

// Likewise where the room was lacking only for making it safe: writes through, and a flush.
static void
test_full_disk_write_through (void **state)
{
  Setup setup;
  const uint8_t *status[WRITES];
  set_up (&setup, false, 0);
  test_disk_fail (setup.disk, BLOCK_FLUSH, ENOSPC);
  submit_writes (setup.guest, WRITES, status);
  virtio_guest_quiesce (setup.guest);
  assert_int_equal (virtio_guest_get_used (setup.guest, 0), 0);
  test_disk_fail (setup.disk, BLOCK_FLUSH, 0);
  virtio_guest_resume (setup.guest);
  assert_true (virtio_guest_wait_used (setup.guest, 0, WRITES));
  assert_written (&setup, status);
  tear_down (&setup);
}

static void
count_errors (void *opaque, VmRequest request)
{
  if (request == VM_REQUEST_DISK_ERROR)
    (*(unsigned *) opaque)++;
}

// A disk that fails: the guest has an error, and the person hears of it.
static void
test_failing_disk (void **state)
{
  Setup setup;
  unsigned n = 0;
  set_up (&setup, false, F_ALL);
  setup.guest->vm.on_request = count_errors;
  setup.guest->vm.on_request_opaque = &n;
  test_disk_fail (setup.disk, BLOCK_WRITE, EIO);
  assert_int_equal (write_sector (setup.guest, 0), S_IOERR);
  assert_int_equal (n, 1);
  test_disk_fail (setup.disk, BLOCK_FLUSH, EIO);
  assert_int_equal (flush (setup.guest), S_IOERR);
  setup.guest->vm.on_request = NULL;
  tear_down (&setup);
}

static void
test_full_disk_reset (void **state)
{
  Setup setup;
  const uint8_t *status[WRITES];
  set_up_full (&setup, ENOSPC, status);
  make_room (&setup);
  virtio_guest_reset (setup.guest);
  virtio_guest_start (setup.guest, F_ALL, 0);
  virtio_guest_resume (setup.guest);
  assert_int_equal (write_sector (setup.guest, 90), S_OK);
  assert_int_equal (virtio_guest_get_used (setup.guest, 0), 1);
  assert_int_not_equal (setup.disk->bytes[0], 0x5a);
  assert_int_equal (test_disk_get_done (setup.disk, BLOCK_WRITE), WRITES / 2 + 1);
  tear_down (&setup);
}

// The requests that wait are part of the machine's state.
static void
test_full_disk_saved (void **state)
{
  Setup from, to;
  const uint8_t *status[WRITES], *moved[WRITES];
  set_up_full (&from, ENOSPC, status);
  g_autoptr (GBytes) bytes = virtio_guest_save (from.guest);
  set_up (&to, false, F_ALL);
  virtio_guest_quiesce (to.guest);
  memcpy (virtio_guest_ptr (to.guest, VIRTIO_GUEST_RAM_BASE),
          virtio_guest_ptr (from.guest, VIRTIO_GUEST_RAM_BASE), VIRTIO_GUEST_RAM_BYTES);
  for (unsigned i = 0; i < WRITES; i++)
    moved[i] = (const uint8_t *) virtio_guest_ptr (to.guest, VIRTIO_GUEST_RAM_BASE) +
               (status[i] - (const uint8_t *) virtio_guest_ptr (from.guest, VIRTIO_GUEST_RAM_BASE));
  assert_true (virtio_guest_load (to.guest, bytes, NULL));
  virtio_guest_resume (to.guest);
  assert_true (virtio_guest_wait_used (to.guest, 0, WRITES));
  assert_written (&to, moved);
  tear_down (&from);
  tear_down (&to);
}

// The host forgets what it could not write: a later flush that works proves nothing.
static void
test_failed_flush_stays_failed (void **state)
{
  Setup setup;
  set_up (&setup, false, F_ALL);
  assert_int_equal (flush (setup.guest), S_OK);
  test_disk_fail (setup.disk, BLOCK_FLUSH, EIO);
  assert_int_equal (flush (setup.guest), S_IOERR);
  test_disk_fail (setup.disk, BLOCK_FLUSH, 0);
  assert_int_equal (flush (setup.guest), S_IOERR);
  assert_int_equal (test_disk_get_done (setup.disk, BLOCK_FLUSH), 2);
  tear_down (&setup);
}

static void
submit_reads (VirtioGuest *guest, unsigned n)
{
  for (unsigned i = 0; i < n; i++) {
    VirtioGuestBuf bufs[4];
    unsigned n_bufs;
    make_request (guest, bufs, &n_bufs, &(Header){.type = T_IN, .sector = i}, NULL, 0, SECTOR);
    virtio_guest_submit (guest, 0, bufs, n_bufs);
  }
  virtio_guest_notify (guest, 0);
}

static void *
release (void *disk)
{
  test_disk_release (disk);
  return NULL;
}

// Reset waits for what a worker has begun; nothing of it reaches the new driver.
static void
test_reset_drops_requests (void **state)
{
  Setup setup;
  set_up (&setup, false, F_ALL);
  test_disk_hold (setup.disk);
  submit_reads (setup.guest, 10);
  test_disk_wait_held (setup.disk, 4); // the workers; the other requests are queued
  GThread *thread = g_thread_new ("release", release, setup.disk);
  virtio_guest_reset (setup.guest);
  uint16_t used = virtio_guest_get_used (setup.guest, 0);
  g_thread_join (thread);
  assert_true (test_disk_get_done (setup.disk, BLOCK_READ) >= 4);
  virtio_guest_settle (setup.guest);
  assert_int_equal (virtio_guest_get_used (setup.guest, 0), used);
  virtio_guest_start (setup.guest, F_ALL, 0);
  assert_int_equal (write_sector (setup.guest, 3), S_OK);
  assert_int_equal (virtio_guest_get_used (setup.guest, 0), 1);
  tear_down (&setup);
}

static void
test_pause_completes_and_holds_back (void **state)
{
  Setup setup;
  set_up (&setup, false, F_ALL);
  submit_reads (setup.guest, 10);
  virtio_guest_quiesce (setup.guest);
  assert_int_equal (virtio_guest_get_used (setup.guest, 0), 10);
  submit_reads (setup.guest, 1);
  virtio_guest_settle (setup.guest);
  assert_int_equal (virtio_guest_get_used (setup.guest, 0), 10);
  assert_int_equal (test_disk_get_done (setup.disk, BLOCK_READ), 10);
  virtio_guest_resume (setup.guest);
  assert_true (virtio_guest_wait_used (setup.guest, 0, 11));
  tear_down (&setup);
}

static void
test_saved_state (void **state)
{
  Setup from, to, other;
  uint8_t writeback = 1;
  set_up (&from, false, F_ALL);
  virtio_guest_write_config (from.guest, 32, &(uint8_t){0}, 1);
  virtio_guest_quiesce (from.guest);
  g_autoptr (GBytes) bytes = virtio_guest_save (from.guest);
  set_up (&to, false, F_ALL);
  assert_true (virtio_guest_load (to.guest, bytes, NULL));
  virtio_guest_read_config (to.guest, 32, &writeback, 1);
  assert_int_equal (writeback, 0);

  other.disk = test_disk_new (64 * SECTOR);
  other.guest =
      virtio_guest_new (virtio_blk_new (test_disk_open (other.disk, false), NULL, 1), NULL);
  g_autoptr (GError) error = NULL;
  assert_false (virtio_guest_load (other.guest, bytes, &error));
  assert_non_null (error);
  tear_down (&from);
  tear_down (&to);
  tear_down (&other);
}

// Requests are answered where they came from, those that had to wait for room too.
static void
test_queues (void **state)
{
  Setup setup;
  uint16_t n_queues = 0;
  set_up_queues (&setup, false, F_ALL, 3);
  virtio_guest_read_config (setup.guest, 34, &n_queues, sizeof n_queues);
  assert_int_equal (n_queues, 3);
  assert_true (setup.guest->vdev->acked_features & F_MQ);
  for (unsigned round = 0; round < 2; round++) {
    test_disk_fail (setup.disk, BLOCK_WRITE, round == 0 ? ENOSPC : 0);
    for (unsigned queue = 0; queue < 3; queue++) {
      VirtioGuestBuf bufs[4];
      unsigned n;
      uint8_t data[SECTOR] = {1 + queue};
      make_request (setup.guest, bufs, &n, &(Header){.type = T_OUT, .sector = queue}, data,
                    sizeof data, 0);
      virtio_guest_submit (setup.guest, queue, bufs, n);
      virtio_guest_notify (setup.guest, queue);
    }
    virtio_guest_quiesce (setup.guest);
    for (unsigned queue = 0; queue < 3; queue++)
      assert_int_equal (virtio_guest_get_used (setup.guest, queue), 2 * round);
    g_autoptr (GBytes) bytes = virtio_guest_save (setup.guest);
    assert_true (virtio_guest_load (setup.guest, bytes, NULL));
    test_disk_fail (setup.disk, BLOCK_WRITE, 0);
    virtio_guest_resume (setup.guest);
    for (unsigned queue = 0; queue < 3; queue++)
      assert_true (virtio_guest_wait_used (setup.guest, queue, round + 1));
  }
  for (unsigned queue = 0; queue < 3; queue++)
    assert_int_equal (setup.disk->bytes[queue * SECTOR], 1 + queue);
  tear_down (&setup);
}

// Chains that are no request: the device asks for a reset and takes nothing more.
static void
test_malformed (void **state)
{
  static const struct {
    uint32_t out, in;
  } cases[] = {{0, 1}, {15, 1}, {16, 0}, {0, 0}};
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    Setup setup;
    VirtioGuestBuf bufs[2];
    unsigned n = 0;
    set_up (&setup, false, F_ALL);
    GuestAddr addr = virtio_guest_alloc (setup.guest, 64);
    bufs[n++] = (VirtioGuestBuf){addr, cases[i].out, false};
    bufs[n++] = (VirtioGuestBuf){addr + 32, cases[i].in, true};
    virtio_guest_submit (setup.guest, 0, bufs, n);
    virtio_guest_notify (setup.guest, 0);
    assert_true (virtio_guest_needs_reset (setup.guest));
    assert_true (virtio_guest_get_config_changes (setup.guest) > 0);
    submit_reads (setup.guest, 1);
    virtio_guest_settle (setup.guest);
    assert_int_equal (virtio_guest_get_used (setup.guest, 0), 0);
    tear_down (&setup);
  }
}

// Many more requests than one run of the queue takes, each way of asking for notifications.
static void
test_full_queue (void **state)
{
  static const uint64_t features[] = {F_ALL & ~VIRTIO_F_EVENT_IDX, F_ALL};
  for (size_t i = 0; i < G_N_ELEMENTS (features); i++) {
    Setup setup;
    set_up (&setup, false, features[i]);
    submit_reads (setup.guest, 80); // 240 of 256 descriptors
    assert_true (virtio_guest_wait_used (setup.guest, 0, 80));
    submit_reads (setup.guest, 80);
    assert_true (virtio_guest_wait_used (setup.guest, 0, 160));
    tear_down (&setup);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_config),
      cmocka_unit_test (test_traffic),
      cmocka_unit_test (test_layouts),
      cmocka_unit_test (test_write_reads_back),
      cmocka_unit_test (test_bounds),
      cmocka_unit_test (test_ranges),
      cmocka_unit_test (test_get_id),
      cmocka_unit_test (test_write_through),
      cmocka_unit_test (test_host_errors),
      cmocka_unit_test (test_full_disk),
      cmocka_unit_test (test_full_disk_write_through),
      cmocka_unit_test (test_failing_disk),
      cmocka_unit_test (test_full_disk_reset),
      cmocka_unit_test (test_full_disk_saved),
      cmocka_unit_test (test_failed_flush_stays_failed),
      cmocka_unit_test (test_reset_drops_requests),
      cmocka_unit_test (test_pause_completes_and_holds_back),
      cmocka_unit_test (test_saved_state),
      cmocka_unit_test (test_queues),
      cmocka_unit_test (test_malformed),
      cmocka_unit_test (test_full_queue),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
