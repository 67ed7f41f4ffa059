// SPDX-License-Identifier: GPL-3.0-or-later
// When notifications are put off, when they are served, and what is learnt from it
// (engine/virtio/gather.h); and what a device that is quiet or reset makes of it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/virtio/gather.h"
#include "engine/virtio/transport-priv.h"
#include "tests/unit/virtio/test-transport-rig.h"

static void
rest (Rig *rig)
{
  vm_idle_run (&rig->fake->vm.idle);
}

static unsigned
used (Rig *rig)
{
  return (unsigned) load (rig, USED + 2, 2);
}

static void
offer_and_kick (Rig *rig, unsigned n)
{
  for (unsigned i = 0; i < n; i++)
    offer (rig, 0);
  kick (rig, 0);
}

// How many of the next notifications are served as they come.
static unsigned
count_at_once (Rig *rig)
{
  for (unsigned n = 0;; n++) {
    unsigned before = used (rig);
    offer_and_kick (rig, 1);
    if (used (rig) == before)
      return n;
  }
}

static void
set_up (Rig *rig, uint64_t features)
{
  rig_init_quick (rig);
  start (rig, features);
  fake_vm_run (rig->fake); // DRIVER_OK has every queue looked at
  rig->echo->notified = 0;
}

static void
tear_down (Rig *rig)
{
  fake_vm_free (rig->fake);
}

// What comes until the vCPU rests is served together, with one interrupt, and the next is put off
// again.
static void
test_together (void **state)
{
  static const uint64_t features[] = {V1, V1 | EVENT_IDX};
  for (size_t i = 0; i < G_N_ELEMENTS (features); i++) {
    Rig rig;
    set_up (&rig, features[i]);
    for (unsigned round = 1; round <= 3; round++) {
      offer_and_kick (&rig, 1);
      offer (&rig, 0);
      offer_and_kick (&rig, 2); // a driver may notify anyway
      assert_int_equal (used (&rig), 4 * (round - 1));
      assert_int_equal (load (&rig, USED, 2), features[i] == V1); // asked not to notify
      store (&rig, AVAIL + 4 + 2 * QUEUE_SIZE, used (&rig), 2);   // used_event
      rest (&rig);
      assert_int_equal (used (&rig), 4 * round);
      assert_int_equal (load (&rig, USED, 2), 0);
      assert_int_equal (rig.line.rises, round);
      assert_int_equal (take_isr (&rig), 1);
      assert_int_equal (rig.echo->rested, round);
    }
    assert_int_equal (rig.echo->notified, 0);
    rest (&rig); // nothing is left to do
    assert_int_equal (rig.echo->rested, 3);
    tear_down (&rig);
  }
}

// Nothing came meanwhile: more and more are served at once, until one try brings something.
static void
test_alone (void **state)
{
  Rig rig;
  unsigned pause = GATHER_PAUSE_MIN;
  set_up (&rig, V1 | EVENT_IDX);
  assert_int_equal (count_at_once (&rig), 0);
  for (unsigned i = 0; i < 8; i++) {
    rest (&rig);
    assert_int_equal (count_at_once (&rig), pause);
    pause = MIN (2 * pause, GATHER_PAUSE_MAX);
  }
  offer (&rig, 0);
  rest (&rig);
  assert_int_equal (count_at_once (&rig), 0);
  tear_down (&rig);
}

// No vCPU rests: the I/O thread does it after a while, and only when many came that was worth it.
static void
test_late (void **state)
{
  Rig rig;
  set_up (&rig, V1 | EVENT_IDX);
  offer_and_kick (&rig, 1 + GATHER_WORTH_WAITING - 1);
  fake_vm_advance (rig.fake, GATHER_MAX_NS - 1);
  assert_int_equal (used (&rig), 0);
  fake_vm_advance (rig.fake, 1);
  assert_int_equal (used (&rig), GATHER_WORTH_WAITING);
  assert_int_equal (rig.echo->notified, 1);
  assert_int_equal (rig.echo->tried, 0);
  assert_int_equal (count_at_once (&rig), GATHER_PAUSE_MIN);

  for (unsigned i = 0; i < GATHER_WORTH_WAITING; i++)
    offer (&rig, 0);
  fake_vm_advance (rig.fake, GATHER_MAX_NS);
  assert_int_equal (count_at_once (&rig), 0);
  rest (&rig); // the timer is for those that wait only
  fake_vm_advance (rig.fake, 10 * GATHER_MAX_NS);
  assert_int_equal (rig.echo->notified, 2);
  tear_down (&rig);
}

// What cannot be done at once goes to the I/O thread, and the next is not put off.
static void
test_busy (void **state)
{
  Rig rig;
  set_up (&rig, V1 | EVENT_IDX);
  rig.echo->busy = true;
  offer_and_kick (&rig, 1);
  offer (&rig, 0);
  rest (&rig);
  assert_int_equal (used (&rig), 0);
  fake_vm_run (rig.fake);
  assert_int_equal (used (&rig), 2);
  offer_and_kick (&rig, 1);
  assert_int_equal (rig.echo->tried, 2);
  assert_int_equal (rig.echo->rested, 1);
  fake_vm_run (rig.fake);
  assert_int_equal (used (&rig), 3);
  tear_down (&rig);
}

// Somebody is at work on the device when the vCPU rests: the I/O thread looks then. What waits goes on
// to, for the next rest.
static void
test_locked (void **state)
{
  Rig rig;
  set_up (&rig, V1 | EVENT_IDX);
  offer_and_kick (&rig, 1);
  virtio_device_lock (&rig.echo->vdev);
  rest (&rig);
  virtio_device_unlock (&rig.echo->vdev);
  assert_int_equal (used (&rig), 0);
  fake_vm_run (rig.fake);
  assert_int_equal (used (&rig), 1);
  offer_and_kick (&rig, 1);
  assert_int_equal (used (&rig), 1);
  rest (&rig);
  assert_int_equal (used (&rig), 2);
  tear_down (&rig);
}

static void
test_many (void **state)
{
  Rig rig;
  set_up (&rig, V1 | EVENT_IDX);
  // More than the queue has entries: a driver that is wrong, which is found out as ever.
  for (unsigned i = 0; i <= QUEUE_SIZE; i++)
    offer (&rig, 0);
  kick (&rig, 0);
  assert_true (rig.echo->vdev.queues[0].broken);
  rest (&rig);
  assert_int_equal (used (&rig), 0);
  tear_down (&rig);
}

// Nothing is done while the device is quiet, and all of it afterwards.
static void
test_quiet (void **state)
{
  Rig rig;
  set_up (&rig, V1 | EVENT_IDX);
  offer_and_kick (&rig, 1);
  rig.device->ops->quiesce (rig.device);
  rest (&rig);
  fake_vm_advance (rig.fake, GATHER_MAX_NS);
  kick (&rig, 0);
  fake_vm_run (rig.fake);
  assert_int_equal (used (&rig), 0);
  rig.device->ops->resume (rig.device);
  fake_vm_run (rig.fake);
  assert_int_equal (used (&rig), 1);
  tear_down (&rig);
}

// A reset forgets what waits and what was learnt.
static void
test_reset (void **state)
{
  Rig rig;
  set_up (&rig, V1 | EVENT_IDX);
  offer_and_kick (&rig, 1);
  rest (&rig);
  assert_int_equal (count_at_once (&rig), GATHER_PAUSE_MIN);
  write_reg (&rig, STATUS, 0);
  rest (&rig);
  fake_vm_advance (rig.fake, GATHER_MAX_NS);
  fake_vm_run (rig.fake);
  assert_int_equal (used (&rig), GATHER_PAUSE_MIN + 1);
  store (&rig, AVAIL + 2, 0, 2);
  store (&rig, USED + 2, 0, 2);
  start (&rig, V1 | EVENT_IDX);
  fake_vm_run (rig.fake);
  assert_int_equal (count_at_once (&rig), 0);
  tear_down (&rig);
}

// Each queue for itself.
static void
test_two_queues (void **state)
{
  Rig rig;
  set_up (&rig, V1 | EVENT_IDX);
  offer_and_kick (&rig, 1);
  offer (&rig, 1);
  kick (&rig, 1);
  offer (&rig, 1);
  rest (&rig);
  assert_int_equal (used (&rig), 1);
  assert_int_equal (load (&rig, RINGS + USED + 2, 2), 2);
  assert_int_equal (count_at_once (&rig), GATHER_PAUSE_MIN);
  offer (&rig, 1);
  kick (&rig, 1);
  assert_int_equal (load (&rig, RINGS + USED + 2, 2), 2);
  tear_down (&rig);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_together),   cmocka_unit_test (test_alone),
      cmocka_unit_test (test_late),       cmocka_unit_test (test_busy),
      cmocka_unit_test (test_locked),     cmocka_unit_test (test_many),
      cmocka_unit_test (test_quiet),      cmocka_unit_test (test_reset),
      cmocka_unit_test (test_two_queues),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
