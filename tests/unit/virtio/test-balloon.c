// SPDX-License-Identifier: GPL-3.0-or-later
// virtio-balloon: pages that go back to the host, figures, targets; nothing outside RAM is touched.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "engine/virtio/balloon.h"
#include "tests/support/virtio-guest.h"

enum {
  INFLATE,
  DEFLATE,
  STATS,
  REPORT,
  REPORT_LATER, // where the specification has it
  PAGE = 4096,
};
#define F_STATS  (1ull << 1)
#define F_REPORT (1ull << 5)

static VirtioGuest *
make_guest (uint64_t features)
{
  GError *error = NULL;
  VirtioGuest *guest = virtio_guest_new (virtio_balloon_new (), &error);

  assert_non_null (guest);
  virtio_guest_start (guest, features, 0);
  return guest;
}

// `n` pages of their own, filled.
static GuestAddr
fill_pages (VirtioGuest *guest, unsigned n)
{
  GuestAddr at = (virtio_guest_alloc (guest, (n + 1) * PAGE) + PAGE - 1) & ~(GuestAddr) (PAGE - 1);

  memset (virtio_guest_ptr (guest, at), 0x5a, n * PAGE);
  return at;
}

static bool
is_gone (VirtioGuest *guest, GuestAddr at)
{
  const uint8_t *page = virtio_guest_ptr (guest, at);
  return page[0] == 0 && memcmp (page, page + 1, PAGE - 1) == 0;
}

static uint32_t
send (VirtioGuest *guest, unsigned queue, const void *data, size_t bytes)
{
  const VirtioGuestBuf buf = {virtio_guest_put (guest, data, bytes), (uint32_t) bytes, false};
  return virtio_guest_do (guest, queue, &buf, 1);
}

static void
test_pages (void **state)
{
  VirtioGuest *guest = make_guest (0);
  GuestAddr at = fill_pages (guest, 8);
  uint32_t page = (uint32_t) (at >> 12);
  // Up, down, one alone, one that is no RAM, one above all.
  const uint32_t list[] = {page, page + 1, page + 5, page + 4, page + 7, 0, 0xffffffff};
  static const bool gone[] = {1, 1, 0, 0, 1, 1, 0, 1};

  assert_int_equal (send (guest, INFLATE, list, sizeof list), 0);
  for (unsigned i = 0; i < 8; i++)
    assert_int_equal (is_gone (guest, at + i * PAGE), gone[i]);
  // Taking them back changes nothing.
  memset (virtio_guest_ptr (guest, at), 1, PAGE);
  send (guest, DEFLATE, list, sizeof list);
  assert_false (is_gone (guest, at));
  // A list that ends in the middle of a number.
  send (guest, INFLATE, list, 6);
  assert_true (is_gone (guest, at));
  assert_false (virtio_guest_needs_reset (guest));
  virtio_guest_free (guest);
}

static void
test_reports (void **state)
{
  for (unsigned queue = REPORT; queue <= REPORT_LATER; queue++) {
    VirtioGuest *guest = make_guest (F_STATS | F_REPORT);
    GuestAddr at = fill_pages (guest, 6);
    const VirtioGuestBuf bufs[] = {{at, 2 * PAGE, true}, {at + 3 * PAGE + 8, 2 * PAGE, true}};
    VirtioBalloonStats stats;
    virtio_guest_do (guest, queue, bufs, 2);
    assert_true (is_gone (guest, at) && is_gone (guest, at + PAGE));
    assert_false (is_gone (guest, at + 2 * PAGE));
    assert_false (is_gone (guest, at + 3 * PAGE)); // not whole
    assert_true (is_gone (guest, at + 4 * PAGE));
    assert_false (is_gone (guest, at + 5 * PAGE));
    virtio_balloon_get_stats (guest->vdev, &stats);
    assert_int_equal (stats.reported, 3 * PAGE);
    virtio_guest_free (guest);
  }
}

// Packed: without statistics the third queue reports; without the feature nothing is given back.
static void
test_packed (void **state)
{
  for (unsigned with = 0; with < 2; with++) {
    VirtioGuest *guest = make_guest (with ? F_REPORT : 0);
    GuestAddr at = fill_pages (guest, 1);
    const VirtioGuestBuf buf = {at, PAGE, true};
    virtio_guest_do (guest, STATS, &buf, 1);
    assert_int_equal (is_gone (guest, at), with);
    virtio_guest_free (guest);
  }
}

static void
submit_stats (VirtioGuest *guest, uint64_t free_bytes)
{
  uint8_t data[30] = {4, 0, [10] = 5, [20] = 0xff, [21] = 0xff};
  const uint64_t total = 1 << 30;

  memcpy (data + 2, &free_bytes, 8);
  memcpy (data + 12, &total, 8);
  const VirtioGuestBuf buf = {virtio_guest_put (guest, data, sizeof data), sizeof data, false};
  virtio_guest_submit (guest, STATS, &buf, 1);
  virtio_guest_notify (guest, STATS);
  virtio_guest_settle (guest);
}

static void
test_figures (void **state)
{
  VirtioGuest *guest = make_guest (F_STATS);
  VirtioBalloonStats stats;

  virtio_balloon_get_stats (guest->vdev, &stats);
  assert_true (stats.free == UINT64_MAX && stats.available == UINT64_MAX);
  submit_stats (guest, 12345);
  assert_int_equal (virtio_guest_get_used (guest, STATS), 0); // kept until others are wanted
  virtio_balloon_get_stats (guest->vdev, &stats);
  assert_true (stats.free == 12345 && stats.total == 1 << 30 && stats.available == UINT64_MAX);
  assert_true (virtio_guest_wait_used (guest, STATS, 1));
  submit_stats (guest, 777);
  submit_stats (guest, 778); // too many
  assert_true (virtio_guest_wait_used (guest, STATS, 2));
  // Nothing is out while the state is saved.
  virtio_guest_quiesce (guest);
  assert_int_equal (virtio_guest_get_used (guest, STATS), 3);
  virtio_guest_resume (guest);
  virtio_guest_reset (guest);
  virtio_balloon_get_stats (guest->vdev, &stats);
  assert_true (stats.free == UINT64_MAX);
  virtio_guest_free (guest);
}

static void
test_target (void **state)
{
  VirtioGuest *guest = make_guest (F_STATS);
  uint32_t pages, actual = 77;
  VirtioBalloonStats stats;
  GError *error = NULL;

  virtio_balloon_set_target (guest->vdev, 10 * PAGE + 5);
  assert_int_equal (virtio_guest_get_config_changes (guest), 1);
  virtio_guest_read_config (guest, 0, &pages, 4);
  assert_int_equal (pages, 10);
  virtio_guest_write_config (guest, 4, &actual, 4);
  virtio_guest_write_config (guest, 0, &actual, 4); // the host's
  virtio_guest_write_config (guest, 8, &actual, 4);
  virtio_balloon_get_stats (guest->vdev, &stats);
  assert_true (stats.target == 10 * PAGE && stats.actual == 77 * PAGE);
  virtio_guest_quiesce (guest);
  g_autoptr (GBytes) saved = virtio_guest_save (guest);
  virtio_guest_reset (guest);
  virtio_balloon_get_stats (guest->vdev, &stats);
  assert_true (stats.target == 10 * PAGE && stats.actual == 0);
  virtio_balloon_set_target (guest->vdev, UINT64_MAX);
  assert_true (virtio_guest_load (guest, saved, &error));
  virtio_balloon_get_stats (guest->vdev, &stats);
  assert_true (stats.target == 10 * PAGE && stats.actual == 77 * PAGE);
  virtio_guest_free (guest);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_pages),  cmocka_unit_test (test_reports),
      cmocka_unit_test (test_packed), cmocka_unit_test (test_figures),
      cmocka_unit_test (test_target),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
