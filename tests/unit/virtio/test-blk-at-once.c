// SPDX-License-Identifier: GPL-3.0-or-later
// What virtio-blk does on the vCPU that notifies, and what it leaves to the I/O thread.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "tests/unit/virtio/test-blk-rig.h"

// As the transport would.
static bool
try_queue (VirtioGuest *guest, bool at_rest)
{
  virtio_device_lock (guest->vdev);
  bool done = guest->vdev->ops->queue_try (guest->vdev, 0, at_rest);
  virtio_device_unlock (guest->vdev);
  return done;
}

static bool
notify_from_vcpu (VirtioGuest *guest)
{
  return try_queue (guest, false);
}

static const uint8_t *
put_request (VirtioGuest *guest, uint32_t type, const void *out, uint32_t out_length,
             uint32_t in_length)
{
  VirtioGuestBuf bufs[4];
  unsigned n;
  const VirtioGuestBuf *status =
      make_request (guest, bufs, &n, &(Header){.type = type}, out, out_length, in_length);
  virtio_guest_submit (guest, 0, bufs, n);
  return virtio_guest_ptr (guest, status->addr);
}

// Transfers that need not wait are there when the notification returns, with their interrupt.
static void
test_at_once (void **state)
{
  Setup setup;
  uint8_t data[SECTOR];
  memset (data, 0x5a, sizeof data);
  set_up_quick (&setup, DISK_SECTORS * SECTOR, F_ALL);
  const uint8_t *written = put_request (setup.guest, T_OUT, data, sizeof data, 0);
  const uint8_t *read = put_request (setup.guest, T_IN, NULL, 0, SECTOR);
  assert_true (notify_from_vcpu (setup.guest));
  assert_int_equal (virtio_guest_get_used (setup.guest, 0), 2);
  assert_int_equal (virtio_guest_get_interrupts (setup.guest), 1);
  assert_int_equal (*written, S_OK);
  assert_int_equal (*read, S_OK);
  assert_int_equal (setup.disk->bytes[SECTOR - 1], 0x5a);
  tear_down (&setup);
}

// The rest is left to the I/O thread, in order: what has to wait, what is long, what is no transfer.
static void
test_not_at_once (void **state)
{
  enum {
    LONG = 1 << 20,
  };
  static const struct {
    uint32_t type, out, in;
    bool busy;
    uint64_t features;
    unsigned n_tried; // by the vCPU
  } cases[] = {
      {T_IN, 0, SECTOR, true, F_ALL, 1},
      {T_IN, 0, LONG, false, F_ALL, 0},
      {T_OUT, SECTOR, 0, false, F_ALL & ~F_FLUSH, 0}, // has to be safe
      {T_FLUSH, 0, 0, false, F_ALL, 0},
  };
  g_autofree uint8_t *data = g_malloc0 (LONG);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    Setup setup;
    set_up_quick (&setup, LONG, cases[i].features);
    setup.disk->busy = cases[i].busy;
    const uint8_t *status =
        put_request (setup.guest, cases[i].type, data, cases[i].out, cases[i].in);
    const uint8_t *behind = put_request (setup.guest, T_GET_ID, NULL, 0, 20);
    assert_false (notify_from_vcpu (setup.guest));
    assert_int_equal (virtio_guest_get_used (setup.guest, 0), 0);
    assert_int_equal (setup.disk->n_tried, cases[i].n_tried);
    virtio_guest_notify (setup.guest, 0);
    assert_true (virtio_guest_wait_used (setup.guest, 0, 2));
    assert_int_equal (*status, S_OK);
    assert_int_equal (*behind, S_OK);
    tear_down (&setup);
  }
}

// A vCPU copies so much and no more for one notification.
static void
test_at_once_budget (void **state)
{
  enum {
    EACH = 32 << 10,
    N = 16,
  };
  Setup setup;
  const uint8_t *status[N];
  set_up_quick (&setup, EACH, F_ALL);
  for (unsigned i = 0; i < N; i++)
    status[i] = put_request (setup.guest, T_IN, NULL, 0, EACH);
  assert_false (notify_from_vcpu (setup.guest));
  unsigned done = virtio_guest_get_used (setup.guest, 0);
  assert_in_range (done, 1, N - 1);
  virtio_guest_notify (setup.guest, 0);
  assert_true (virtio_guest_wait_used (setup.guest, 0, N));
  for (unsigned i = 0; i < N; i++)
    assert_int_equal (*status[i], S_OK);
  tear_down (&setup);
}

// More when it has nothing else to do.
static void
test_budget_at_rest (void **state)
{
  enum {
    EACH = 32 << 10,
    N = 16,
  };
  Setup setup;
  set_up_quick (&setup, EACH, F_ALL);
  for (unsigned i = 0; i < N; i++)
    put_request (setup.guest, T_IN, NULL, 0, EACH);
  assert_true (try_queue (setup.guest, true));
  assert_int_equal (virtio_guest_get_used (setup.guest, 0), N);
  assert_int_equal (virtio_guest_get_interrupts (setup.guest), 1);
  tear_down (&setup);
}

// What is too much for one run of the I/O thread is done at once in the next; the driver hears of
// what is done before all of it is.
static void
test_more_than_a_run (void **state)
{
  enum {
    EACH = 1 << 20,
    N = 11,
  };
  Setup setup;
  const uint8_t *status[N];
  set_up_quick (&setup, EACH, F_ALL & ~F_EVENT_IDX);
  for (unsigned i = 0; i < N; i++)
    status[i] = put_request (setup.guest, T_IN, NULL, 0, EACH);
  virtio_guest_notify (setup.guest, 0);
  assert_true (virtio_guest_wait_used (setup.guest, 0, N));
  for (unsigned i = 0; i < N; i++)
    assert_int_equal (*status[i], S_OK);
  virtio_device_lock (setup.guest->vdev);
  assert_int_equal (setup.disk->n_tried, N);
  assert_int_equal (test_disk_get_done (setup.disk, BLOCK_READ), 0);
  // Runs of 4, 4 and 3 MiB: in the middle of each, and at its end.
  assert_int_equal (virtio_guest_get_interrupts (setup.guest), 6);
  virtio_device_unlock (setup.guest->vdev);
  tear_down (&setup);
}

static void
test_at_once_malformed (void **state)
{
  Setup setup;
  set_up_quick (&setup, DISK_SECTORS * SECTOR, F_ALL);
  const VirtioGuestBuf buf = {virtio_guest_alloc (setup.guest, 4), 4, false};
  virtio_guest_submit (setup.guest, 0, &buf, 1);
  notify_from_vcpu (setup.guest);
  assert_true (virtio_guest_needs_reset (setup.guest));
  assert_int_equal (virtio_guest_get_used (setup.guest, 0), 0);
  tear_down (&setup);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_at_once),         cmocka_unit_test (test_not_at_once),
      cmocka_unit_test (test_at_once_budget),  cmocka_unit_test (test_budget_at_rest),
      cmocka_unit_test (test_more_than_a_run), cmocka_unit_test (test_at_once_malformed),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
