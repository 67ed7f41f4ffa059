// SPDX-License-Identifier: GPL-3.0-or-later
// The clock stands still while stopped and never goes back; timers fire once, not early, not while
// it is stopped; and the loop's posts, calls and events.
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/vm/clock.h"

typedef struct Fixture {
  VmLoop *loop;
  VmClock *clock;
  GMutex lock;
  GCond cond;
  int fired;
  int64_t fired_at;
  bool on_loop;
  atomic_bool watched; // test_never_back: enough seen
} Fixture;

static int
set_up (void **state)
{
  Fixture *fixture = g_new0 (Fixture, 1);

  fixture->loop = vm_loop_new ("test-io");
  fixture->clock = vm_clock_new (fixture->loop);
  g_mutex_init (&fixture->lock);
  g_cond_init (&fixture->cond);
  *state = fixture;
  return 0;
}

static int
tear_down (void **state)
{
  Fixture *fixture = *state;

  vm_clock_free (fixture->clock);
  vm_loop_free (fixture->loop);
  g_cond_clear (&fixture->cond);
  g_mutex_clear (&fixture->lock);
  g_free (fixture);
  return 0;
}

static void
fired_cb (void *data)
{
  Fixture *fixture = data;

  g_mutex_lock (&fixture->lock);
  fixture->fired++;
  fixture->fired_at = vm_clock_now (fixture->clock);
  fixture->on_loop = vm_loop_is_current (fixture->loop);
  g_cond_broadcast (&fixture->cond);
  g_mutex_unlock (&fixture->lock);
}

static void
wait_fired (Fixture *fixture, int count)
{
  g_mutex_lock (&fixture->lock);
  while (fixture->fired < count)
    g_cond_wait (&fixture->cond, &fixture->lock);
  g_mutex_unlock (&fixture->lock);
}

// By the host's clock, without sleeping.
static void
let_host_time_pass (int64_t ns)
{
  gint64 until = g_get_monotonic_time () + ns / 1000 + 1;

  while (g_get_monotonic_time () < until)
    g_thread_yield ();
}

static void
nothing (void *data)
{
}

static void
test_clock (void **state)
{
  Fixture *fixture = *state;
  VmClock *clock = fixture->clock;

  assert_int_equal (vm_clock_now (clock), 0);
  let_host_time_pass (1000000);
  assert_int_equal (vm_clock_now (clock), 0);
  vm_clock_set (clock, 5000000000);
  vm_clock_start (clock);
  vm_clock_start (clock);
  let_host_time_pass (1000000);
  int64_t running = vm_clock_now (clock);
  assert_in_range (running, 5001000000, 3600000000000);
  vm_clock_stop (clock);
  int64_t stopped = vm_clock_now (clock);
  assert_true (stopped >= running);
  let_host_time_pass (1000000);
  assert_int_equal (vm_clock_now (clock), stopped);
  vm_clock_stop (clock);
  vm_clock_start (clock);
  int64_t resumed = vm_clock_now (clock);
  assert_true (resumed >= stopped);
  vm_clock_stop (clock);
}

// A reader beside a clock that starts and stops all the time, until told to end.
static void *
watch_clock (void *data)
{
  Fixture *fixture = data;
  int64_t last = 0;

  while (!atomic_load (&fixture->watched)) {
    int64_t now = vm_clock_now (fixture->clock);
    if (now < last)
      return (void *) 1;
    last = now;
  }
  return NULL;
}

static void
test_never_back (void **state)
{
  Fixture *fixture = *state;
  GThread *watcher = g_thread_new ("watch", watch_clock, fixture);

  for (unsigned i = 0; i < 100000; i++) {
    vm_clock_start (fixture->clock);
    vm_clock_stop (fixture->clock);
  }
  atomic_store (&fixture->watched, true);
  assert_null (g_thread_join (watcher));
}

// What the guest's counter said, whoever read it.
typedef struct Counted {
  VmClock *clock;
  _Atomic int64_t most;
  atomic_bool went_back;
} Counted;

static void
count (Counted *counted, bool exactly)
{
  int64_t most = atomic_load (&counted->most);
  int64_t now = exactly ? vm_clock_count_exactly (counted->clock) : vm_clock_count (counted->clock);

  if (now < most)
    atomic_store (&counted->went_back, true);
  while (now > most && !atomic_compare_exchange_weak (&counted->most, &most, now))
    continue;
}

static void *
count_for_long (void *data)
{
  // Long enough for the host's counter to be measured, where it can be used.
  gint64 end = g_get_monotonic_time () + 500000;

  for (unsigned i = 0; g_get_monotonic_time () < end; i++)
    count (data, i % 1024 == 0);
  return NULL;
}

static void
test_counter (void **state)
{
  Fixture *fixture = *state;
  Counted counted = {.clock = fixture->clock};
  GThread *threads[3];

  vm_clock_start (fixture->clock);
  for (unsigned i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("count", count_for_long, &counted);
  for (unsigned i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  assert_false (atomic_load (&counted.went_back));
  for (unsigned i = 0; i < 1000; i++) {
    int64_t before = vm_clock_now (fixture->clock), now = vm_clock_count (fixture->clock);

    assert_true (now >= before - 100000);
    assert_true (now <= vm_clock_now (fixture->clock) + 100000);
    before = vm_clock_now (fixture->clock);
    assert_true (vm_clock_count_exactly (fixture->clock) >= before);
  }
  vm_clock_stop (fixture->clock);
  int64_t stopped = vm_clock_count (fixture->clock);
  assert_true (stopped >= atomic_load (&counted.most));
  assert_int_equal (vm_clock_count (fixture->clock), stopped);
  vm_clock_set (fixture->clock, 5);
  assert_int_equal (vm_clock_count (fixture->clock), 5);
}

static void
test_timer_fires_once (void **state)
{
  Fixture *fixture = *state;
  VmTimer *timer = vm_timer_new (fixture->clock, fired_cb, fixture);

  vm_clock_start (fixture->clock);
  int64_t deadline = vm_clock_now (fixture->clock) + 2000000;
  vm_timer_arm (timer, deadline);
  wait_fired (fixture, 1);
  assert_true (fixture->fired_at >= deadline);
  assert_true (fixture->on_loop);
  // A moment that has passed: at once.
  vm_timer_arm (timer, 0);
  wait_fired (fixture, 2);
  vm_timer_free (timer);
  assert_int_equal (fixture->fired, 2);
}

static void
test_timer_moves (void **state)
{
  Fixture *fixture = *state;
  VmTimer *timer = vm_timer_new (fixture->clock, fired_cb, fixture);

  vm_clock_start (fixture->clock);
  int64_t now = vm_clock_now (fixture->clock);
  // Later: the first deadline must not fire. Earlier: the new one must.
  vm_timer_arm (timer, now + 1000000);
  vm_timer_arm (timer, now + 4000000);
  wait_fired (fixture, 1);
  assert_true (fixture->fired_at >= now + 4000000);
  vm_timer_arm (timer, INT64_MAX - 1);
  vm_timer_arm (timer, vm_clock_now (fixture->clock) + 1000000);
  wait_fired (fixture, 2);
  // Disarmed: the wake-up that is still on its way does nothing.
  vm_timer_arm (timer, vm_clock_now (fixture->clock) + 1000000);
  vm_timer_disarm (timer);
  let_host_time_pass (3000000);
  vm_loop_call (fixture->loop, nothing, NULL);
  vm_timer_free (timer);
  assert_int_equal (fixture->fired, 2);
}

static void
test_timer_waits_for_clock (void **state)
{
  Fixture *fixture = *state;
  VmTimer *timer = vm_timer_new (fixture->clock, fired_cb, fixture);

  vm_timer_arm (timer, 1000000);
  let_host_time_pass (3000000);
  vm_loop_call (fixture->loop, nothing, NULL);
  assert_int_equal (fixture->fired, 0);
  vm_clock_start (fixture->clock);
  wait_fired (fixture, 1);
  assert_true (fixture->fired_at >= 1000000);
  // Armed while it runs, stopped before the deadline, let go again.
  int64_t deadline = vm_clock_now (fixture->clock) + 20000000;
  vm_timer_arm (timer, deadline);
  vm_clock_stop (fixture->clock);
  let_host_time_pass (30000000);
  vm_loop_call (fixture->loop, nothing, NULL);
  assert_int_equal (fixture->fired, 1);
  vm_clock_start (fixture->clock);
  wait_fired (fixture, 2);
  assert_true (fixture->fired_at >= deadline);
  vm_timer_free (timer);
}

static void
add_one (void *data)
{
  ++*(int *) data;
}

static void
call_inside (void *data)
{
  Fixture *fixture = data;

  // At once, not behind what waits.
  vm_loop_call (fixture->loop, fired_cb, fixture);
}

static void
test_loop (void **state)
{
  Fixture *fixture = *state;
  int posted = 0;

  for (int i = 0; i < 1000; i++)
    vm_loop_post (fixture->loop, add_one, &posted);
  vm_loop_call (fixture->loop, add_one, &posted);
  assert_int_equal (posted, 1001);
  assert_false (vm_loop_is_current (fixture->loop));
  vm_loop_call (fixture->loop, call_inside, fixture);
  assert_int_equal (fixture->fired, 1);
  assert_true (fixture->on_loop);
  // What was posted before the end still runs.
  VmLoop *other = vm_loop_new ("other");
  posted = 0;
  for (int i = 0; i < 100; i++)
    vm_loop_post (other, add_one, &posted);
  vm_loop_free (other);
  assert_int_equal (posted, 100);
}

typedef struct Mail {
  atomic_int sent, seen;
  VmEvent *event;
} Mail;

static void
look (void *data)
{
  Mail *mail = data;

  atomic_store (&mail->seen, atomic_load (&mail->sent));
}

static void *
send_mail (void *data)
{
  Mail *mail = data;

  for (int i = 0; i < 20000; i++) {
    atomic_fetch_add (&mail->sent, 1);
    vm_event_signal (mail->event);
  }
  return NULL;
}

static void
free_event (void *data)
{
  vm_event_free (data);
}

// After the last signal the callback has seen everything that was sent before it.
static void
test_event_is_not_lost (void **state)
{
  Fixture *fixture = *state;
  Mail mail = {0};

  mail.event = vm_event_new (fixture->loop, look, &mail);
  for (int round = 1; round <= 5; round++) {
    GThread *senders[2];

    for (unsigned i = 0; i < 2; i++)
      senders[i] = g_thread_new ("send", send_mail, &mail);
    for (unsigned i = 0; i < 2; i++)
      g_thread_join (senders[i]);
    // Hangs here when a signal was lost.
    while (atomic_load (&mail.seen) != round * 40000)
      g_thread_yield ();
  }
  vm_loop_call (fixture->loop, free_event, mail.event);
}

// A machine that ran longer than the host is up, or as long as saved state may say.
static void
test_older_than_host (void **state)
{
  const int64_t ages[] = {INT64_C (315360000) * 1000000000, INT64_MAX / 2};
  Fixture *fixture = *state;
  VmTimer *timer = vm_timer_new (fixture->clock, fired_cb, fixture);

  for (int i = 0; i < (int) G_N_ELEMENTS (ages); i++) {
    vm_clock_set (fixture->clock, ages[i]);
    vm_timer_arm (timer, ages[i] + 1000);
    vm_clock_start (fixture->clock);
    // Hangs here when the timer is lost.
    wait_fired (fixture, i + 1);
    vm_clock_stop (fixture->clock);
    assert_true (fixture->fired_at >= ages[i] + 1000);
  }
  vm_timer_free (timer);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_clock, set_up, tear_down),
      cmocka_unit_test_setup_teardown (test_never_back, set_up, tear_down),
      cmocka_unit_test_setup_teardown (test_counter, set_up, tear_down),
      cmocka_unit_test_setup_teardown (test_timer_fires_once, set_up, tear_down),
      cmocka_unit_test_setup_teardown (test_timer_moves, set_up, tear_down),
      cmocka_unit_test_setup_teardown (test_timer_waits_for_clock, set_up, tear_down),
      cmocka_unit_test_setup_teardown (test_older_than_host, set_up, tear_down),
      cmocka_unit_test_setup_teardown (test_loop, set_up, tear_down),
      cmocka_unit_test_setup_teardown (test_event_is_not_lost, set_up, tear_down),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
