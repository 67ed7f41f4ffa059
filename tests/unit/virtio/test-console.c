// SPDX-License-Identifier: GPL-3.0-or-later
// virtio-console and virtio-rng against a driver made of memory writes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "engine/virtio/console.h"
#include "engine/virtio/rng.h"
#include "tests/support/virtio-guest.h"

enum {
  QUEUE_RX = 0,
  QUEUE_TX = 1,
  RING_BYTES = 65536,
};

static void
sink_write (void *sink, const uint8_t *data, size_t length)
{
  g_string_append_len (sink, (const char *) data, (gssize) length);
}

static const VmConsoleSinkOps sink_ops = {.write = sink_write};

static VirtioGuest *
make_console (GString *printed)
{
  VirtioGuest *guest =
      virtio_guest_new (virtio_console_new (printed != NULL ? &sink_ops : NULL, printed), NULL);
  assert_non_null (guest);
  virtio_guest_start (guest, ~0ull, 0);
  return guest;
}

static void
test_prints (void **state)
{
  g_autoptr (GString) printed = g_string_new (NULL);
  VirtioGuest *guest = make_console (printed);
  g_autofree char *text = g_strnfill (10000, 'x');
  const VirtioGuestBuf bufs[] = {{virtio_guest_put (guest, "hello ", 6), 6, false},
                                 {virtio_guest_put (guest, text, 10000), 10000, false}};
  assert_int_equal (virtio_guest_do (guest, QUEUE_TX, bufs, 2), 0);
  assert_int_equal (printed->len, 10006);
  assert_memory_equal (printed->str, "hello xxx", 9);
  virtio_guest_free (guest);

  guest = make_console (NULL); // nobody listens
  assert_int_equal (virtio_guest_do (guest, QUEUE_TX,
                                     &(VirtioGuestBuf){virtio_guest_put (guest, "a", 1), 1, false},
                                     1),
                    0);
  virtio_guest_free (guest);
}

static void
give_buffer (VirtioGuest *guest, VirtioGuestBuf *buf, uint32_t length)
{
  *buf = (VirtioGuestBuf){virtio_guest_alloc (guest, length), length, true};
  virtio_guest_submit (guest, QUEUE_RX, buf, 1);
  virtio_guest_notify (guest, QUEUE_RX);
}

// Typed before the driver is there, across the ring's end, in the guest's own portions.
static void
test_typing (void **state)
{
  VirtioGuest *guest = virtio_guest_new (virtio_console_new (NULL, NULL), NULL);
  VirtioGuestBuf buf;
  g_autofree uint8_t *text = g_malloc (RING_BYTES + 10);
  for (size_t i = 0; i < RING_BYTES + 10; i++)
    text[i] = (uint8_t) (i % 253);
  assert_int_equal (virtio_console_write (guest->vdev, text, 5), 5);
  virtio_guest_start (guest, ~0ull, 0);
  virtio_guest_reset (guest);
  virtio_guest_start (guest, ~0ull, 0);
  give_buffer (guest, &buf, 3);
  give_buffer (guest, &buf, 100);
  assert_true (virtio_guest_wait_used (guest, QUEUE_RX, 2));
  assert_int_equal (virtio_guest_get_used_entry (guest, QUEUE_RX, 0, NULL), 3);
  assert_int_equal (virtio_guest_get_used_entry (guest, QUEUE_RX, 1, NULL), 2);
  assert_memory_equal (virtio_guest_ptr (guest, buf.addr), text + 3, 2);

  assert_int_equal (virtio_console_write (guest->vdev, text, RING_BYTES + 10), RING_BYTES);
  assert_int_equal (virtio_console_write (guest->vdev, text, 1), 0);
  for (unsigned i = 0; i < 16; i++) {
    give_buffer (guest, &buf, 5000); // 4096 a chain
    assert_true (virtio_guest_wait_used (guest, QUEUE_RX, (uint16_t) (3 + i)));
    assert_memory_equal (virtio_guest_ptr (guest, buf.addr), text + i * 4096, 4096);
  }
  assert_int_equal (virtio_console_write (guest->vdev, text, 1), 1);
  virtio_guest_free (guest);
}

static void
test_console_state (void **state)
{
  VirtioGuest *from = make_console (NULL), *to = make_console (NULL);
  VirtioGuestBuf buf;
  assert_int_equal (virtio_console_write (from->vdev, (const uint8_t *) "typed", 5), 5);
  virtio_guest_quiesce (from);
  g_autoptr (GBytes) bytes = virtio_guest_save (from);
  virtio_guest_quiesce (to);
  assert_true (virtio_guest_load (to, bytes, NULL));
  virtio_guest_resume (to);
  to->queues[QUEUE_RX] = from->queues[QUEUE_RX];
  give_buffer (to, &buf, 16);
  assert_true (virtio_guest_wait_used (to, QUEUE_RX, 1));
  assert_memory_equal (virtio_guest_ptr (to, buf.addr), "typed", 5);
  virtio_guest_free (from);
  virtio_guest_free (to);
}

static VirtioGuest *
make_rng (void)
{
  VirtioGuest *guest = virtio_guest_new (virtio_rng_new (), NULL);
  assert_non_null (guest);
  virtio_guest_start (guest, ~0ull, 0);
  return guest;
}

static void
test_rng_fills (void **state)
{
  VirtioGuest *guest = make_rng ();
  uint8_t zeroes[64] = {0};
  VirtioGuestBuf buf = {virtio_guest_alloc (guest, 8192), 64, true};
  assert_int_equal (virtio_guest_do (guest, 0, &buf, 1), 64);
  assert_memory_not_equal (virtio_guest_ptr (guest, buf.addr), zeroes, 64);
  buf.length = 8192;
  assert_int_equal (virtio_guest_do (guest, 0, &buf, 1), 4096); // less is allowed
  buf.in = false;
  assert_int_equal (virtio_guest_do (guest, 0, &buf, 1), 0);
  virtio_guest_free (guest);
}

// Over the rate requests wait for the machine's clock, and do come.
static void
test_rng_rate (void **state)
{
  VirtioGuest *guest = make_rng ();
  const VirtioGuestBuf buf = {virtio_guest_alloc (guest, 4096), 4096, true};
  vm_clock_stop (guest->vm.clock);
  for (int i = 0; i < 40; i++)
    virtio_guest_submit (guest, 0, &buf, 1);
  virtio_guest_notify (guest, 0);
  virtio_guest_settle (guest);
  assert_int_equal (virtio_guest_get_used (guest, 0), 16); // 64 KiB
  vm_clock_start (guest->vm.clock);
  assert_true (virtio_guest_wait_used (guest, 0, 40));
  virtio_guest_free (guest);
}

static void
test_rng_pause (void **state)
{
  VirtioGuest *guest = make_rng ();
  const VirtioGuestBuf buf = {virtio_guest_alloc (guest, 16), 16, true};
  virtio_guest_quiesce (guest);
  virtio_guest_submit (guest, 0, &buf, 1);
  virtio_guest_notify (guest, 0);
  virtio_guest_settle (guest);
  assert_int_equal (virtio_guest_get_used (guest, 0), 0);
  g_autoptr (GBytes) bytes = virtio_guest_save (guest);
  assert_true (virtio_guest_load (guest, bytes, NULL));
  virtio_guest_resume (guest);
  assert_true (virtio_guest_wait_used (guest, 0, 1));
  virtio_guest_free (guest);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_prints),        cmocka_unit_test (test_typing),
      cmocka_unit_test (test_console_state), cmocka_unit_test (test_rng_fills),
      cmocka_unit_test (test_rng_rate),      cmocka_unit_test (test_rng_pause),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
