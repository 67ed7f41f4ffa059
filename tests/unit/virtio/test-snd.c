// SPDX-License-Identifier: GPL-3.0-or-later
// The sound device by its queues, with a clock that the test moves: what it says it has, what is
// played and recorded when, a driver that is late, wrong steps, saved state.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "engine/virtio/snd.h"
#include "tests/support/test-sound.h"
#include "tests/support/virtio-guest.h"

enum {
  CONTROL = 0,
  TX = 2,
  RX = 3,
  OK = 0x8000,
  BAD_MESSAGE = 0x8001,
  NOT_SUPPORTED = 0x8002,
  JACK_INFO = 1,
  PCM_INFO = 0x100,
  SET_PARAMS = 0x101,
  PREPARE = 0x102,
  RELEASE = 0x103,
  START = 0x104,
  STOP = 0x105,
  CHMAP_INFO = 0x200,
  FORMAT_S16 = 5,
  RATE_48K = 7,
  PERIOD = 480, // frames: 10 ms
};
#define MS INT64_C (1000000)

typedef struct Rig {
  TestSound *sound;
  VirtioGuest *guest;
} Rig;

static void
set_time (Rig *rig, int64_t now)
{
  vm_clock_set (rig->guest->vm.clock, now);
}

// With a clock that stands.
static VirtioGuest *
new_guest (TestSound *sound)
{
  VirtioGuest *guest = virtio_guest_new (virtio_snd_new (&test_sound_ops, sound), NULL);

  assert_non_null (guest);
  vm_clock_stop (guest->vm.clock);
  vm_clock_set (guest->vm.clock, 0);
  virtio_guest_start (guest, 0, 0);
  return guest;
}

static int
setup (void **state)
{
  Rig *rig = g_new0 (Rig, 1);

  rig->sound = test_sound_new ();
  rig->guest = new_guest (rig->sound);
  *state = rig;
  return 0;
}

static int
teardown (void **state)
{
  Rig *rig = *state;

  virtio_guest_free (rig->guest);
  test_sound_free (rig->sound);
  g_free (rig);
  return 0;
}

// A request and its answer's first word; *length: of the whole answer.
static uint32_t
ask (Rig *rig, const void *request, uint32_t bytes, void *answer, uint32_t room, uint32_t *length)
{
  GuestAddr to = virtio_guest_put (rig->guest, request, bytes);
  GuestAddr from = virtio_guest_alloc (rig->guest, room);
  const VirtioGuestBuf bufs[] = {{to, bytes, false}, {from, room, true}};
  uint32_t written = virtio_guest_do (rig->guest, CONTROL, bufs, 2), status;

  if (length != NULL)
    *length = written;
  memcpy (&status, virtio_guest_ptr (rig->guest, from), sizeof status);
  if (answer != NULL)
    memcpy (answer, virtio_guest_ptr (rig->guest, from), room);
  return status;
}

static uint32_t
query (Rig *rig, uint32_t code, uint32_t start, uint32_t count, uint32_t size, uint8_t *answer,
       uint32_t *length)
{
  const uint32_t request[] = {code, start, count, size};
  return ask (rig, request, sizeof request, answer, 4 + 10 * 32, length);
}

static uint32_t
step (Rig *rig, uint32_t code, uint32_t stream)
{
  const uint32_t request[] = {code, stream};
  return ask (rig, request, sizeof request, NULL, 4, NULL);
}

static uint32_t
set_params (Rig *rig, uint32_t stream, uint8_t channels, uint8_t format, uint8_t rate)
{
  const struct {
    uint32_t code, stream, buffer, period, features;
    uint8_t channels, format, rate, padding;
  } request = {SET_PARAMS, stream, 4 * PERIOD * 4, PERIOD * 4, 0, channels, format, rate, 0};

  return ask (rig, &request, sizeof request, NULL, 4, NULL);
}

static void
prepare (Rig *rig, uint32_t stream)
{
  assert_int_equal (set_params (rig, stream, 2, FORMAT_S16, RATE_48K), OK);
  assert_int_equal (step (rig, PREPARE, stream), OK);
}

// A period of frames, all of this value on both channels; where its status will be.
static GuestAddr
play (Rig *rig, int16_t value)
{
  int16_t frames[2 * PERIOD];
  const uint32_t stream = 0;
  GuestAddr status = virtio_guest_alloc (rig->guest, 8);

  for (unsigned i = 0; i < G_N_ELEMENTS (frames); i++)
    frames[i] = value;
  const VirtioGuestBuf bufs[] = {
      {virtio_guest_put (rig->guest, &stream, sizeof stream), 4, false},
      {virtio_guest_put (rig->guest, frames, sizeof frames), sizeof frames, false},
      {status, 8, true},
  };
  virtio_guest_submit (rig->guest, TX, bufs, 3);
  virtio_guest_notify (rig->guest, TX);
  return status;
}

static GuestAddr
record (Rig *rig)
{
  const uint32_t stream = 1;
  GuestAddr to = virtio_guest_alloc (rig->guest, PERIOD * 4 + 8);
  const VirtioGuestBuf bufs[] = {
      {virtio_guest_put (rig->guest, &stream, sizeof stream), 4, false},
      {to, PERIOD * 4 + 8, true},
  };

  virtio_guest_submit (rig->guest, RX, bufs, 2);
  virtio_guest_notify (rig->guest, RX);
  return to;
}

static uint32_t
get_word (Rig *rig, GuestAddr at)
{
  uint32_t word;
  memcpy (&word, virtio_guest_ptr (rig->guest, at), sizeof word);
  return word;
}

static unsigned
frames_played (Rig *rig)
{
  return rig->sound->played->len / 2;
}

static int
frame_at (Rig *rig, unsigned i)
{
  return (int) (g_array_index (rig->sound->played, float, 2 * i) * 32768);
}

static void
resume_cb (void *data)
{
  VirtioDevice *vdev = data;

  virtio_device_lock (vdev);
  vdev->ops->resume (vdev);
  virtio_device_unlock (vdev);
}

// The machine goes on, but its clock stands; what is due by it is done.
static void
resume (Rig *rig)
{
  vm_loop_call (rig->guest->vm.loop, resume_cb, rig->guest->vdev);
}

static void
test_info (void **state)
{
  Rig *rig = *state;
  uint32_t config[3], length;
  uint8_t answer[4 + 10 * 32];
  uint64_t formats;

  virtio_guest_read_config (rig->guest, 0, config, sizeof config);
  assert_true (config[0] == 2 && config[1] == 2 && config[2] == 10);
  assert_int_equal (query (rig, JACK_INFO, 0, 2, 24, answer, &length), OK);
  assert_int_equal (length, 4 + 48);
  assert_int_equal (answer[4 + 16], 1); // something is plugged in
  assert_int_equal (query (rig, PCM_INFO, 0, 2, 32, answer, &length), OK);
  assert_int_equal (length, 4 + 64);
  memcpy (&formats, answer + 4 + 8, sizeof formats);
  assert_int_equal (formats, 0x1ffffe);
  assert_int_equal (answer[4 + 24], 0);      // out
  assert_int_equal (answer[4 + 26], 8);      // channels
  assert_int_equal (answer[4 + 32 + 24], 1); // in
  assert_int_equal (answer[4 + 32 + 26], 2);
  assert_int_equal (query (rig, CHMAP_INFO, 1, 8, 24, answer, &length), OK);
  assert_int_equal (length, 4 + 8 * 24);
  assert_int_equal (answer[4 + 5], 2); // the second has two channels, left and right
  assert_true (answer[4 + 6] == 3 && answer[4 + 7] == 4);

  assert_int_equal (query (rig, PCM_INFO, 1, 2, 32, answer, &length), BAD_MESSAGE);
  assert_int_equal (length, 4);
  assert_int_equal (query (rig, PCM_INFO, 2, 0, 32, answer, NULL), BAD_MESSAGE);
  assert_int_equal (query (rig, PCM_INFO, 0, UINT32_MAX, 32, answer, NULL), BAD_MESSAGE);
  assert_int_equal (query (rig, PCM_INFO, 0, 1, 31, answer, NULL), BAD_MESSAGE);
  assert_int_equal (query (rig, 2, 0, 1, 24, answer, NULL), NOT_SUPPORTED);
  assert_false (virtio_guest_needs_reset (rig->guest));
}

static void
test_play (void **state)
{
  Rig *rig = *state;

  prepare (rig, 0);
  assert_int_equal (rig->sound->format.rate, 48000);
  GuestAddr first = play (rig, 1);
  play (rig, 2);
  assert_int_equal (virtio_guest_get_used (rig->guest, TX), 0);
  assert_int_equal (step (rig, START, 0), OK);
  assert_int_equal (rig->sound->n_running, 1);
  assert_int_equal (frames_played (rig), 0);
  // Half of the first; a moment before its end; its end.
  set_time (rig, 5 * MS);
  play (rig, 3);
  assert_int_equal (frames_played (rig), 240);
  set_time (rig, 10 * MS - 1);
  play (rig, 4);
  assert_int_equal (frames_played (rig), 479);
  assert_int_equal (virtio_guest_get_used (rig->guest, TX), 0);
  set_time (rig, 10 * MS);
  play (rig, 5);
  assert_int_equal (virtio_guest_get_used (rig->guest, TX), 1);
  assert_int_equal (get_word (rig, first), OK);
  assert_int_equal (frames_played (rig), 480);
  set_time (rig, 45 * MS);
  play (rig, 6);
  assert_int_equal (virtio_guest_get_used (rig->guest, TX), 4);
  for (unsigned i = 0; i < 45 * 48; i++)
    assert_int_equal (frame_at (rig, i), 1 + i / PERIOD);
  // Stopping gives nothing back, releasing all.
  assert_int_equal (step (rig, STOP, 0), OK);
  assert_int_equal (rig->sound->n_running, 0);
  assert_int_equal (virtio_guest_get_used (rig->guest, TX), 4);
  assert_int_equal (step (rig, RELEASE, 0), OK);
  assert_int_equal (virtio_guest_get_used (rig->guest, TX), 6);
  assert_int_equal (rig->sound->n_open, 0);
}

static void
test_late (void **state)
{
  Rig *rig = *state;

  prepare (rig, 0);
  play (rig, 1);
  assert_int_equal (step (rig, START, 0), OK);
  // Ninety milliseconds too late: all is played at once, and time is as it was.
  set_time (rig, 100 * MS);
  for (int16_t i = 2; i <= 10; i++)
    play (rig, i);
  assert_int_equal (virtio_guest_get_used (rig->guest, TX), 10);
  assert_int_equal (frames_played (rig), 10 * PERIOD);
  for (unsigned i = 0; i < 10 * PERIOD; i++)
    assert_int_equal (frame_at (rig, i), 1 + i / PERIOD);
  // Much too late: it was silent, and what comes is played from then on.
  set_time (rig, 300 * MS);
  resume (rig);
  assert_int_equal (frames_played (rig), 30 * PERIOD);
  play (rig, 11);
  assert_int_equal (frames_played (rig), 30 * PERIOD);
  assert_int_equal (frame_at (rig, 10 * PERIOD), 0);
  set_time (rig, 310 * MS);
  play (rig, 12);
  assert_int_equal (frames_played (rig), 31 * PERIOD);
  assert_int_equal (frame_at (rig, 30 * PERIOD), 11);
}

static void
test_record (void **state)
{
  Rig *rig = *state;

  prepare (rig, 1);
  GuestAddr to[3];
  for (unsigned i = 0; i < 2; i++)
    to[i] = record (rig);
  assert_int_equal (step (rig, START, 1), OK);
  set_time (rig, 20 * MS);
  to[2] = record (rig);
  assert_int_equal (virtio_guest_get_used (rig->guest, RX), 2);
  for (unsigned m = 0; m < 2; m++) {
    const int16_t *frames = virtio_guest_ptr (rig->guest, to[m]);
    assert_int_equal (virtio_guest_get_used_entry (rig->guest, RX, (uint16_t) m, NULL),
                      PERIOD * 4 + 8);
    assert_int_equal (get_word (rig, to[m] + PERIOD * 4), OK);
    for (unsigned i = 0; i < PERIOD; i++)
      assert_int_equal (frames[2 * i + 1], m * PERIOD + i);
  }
  // Released half way: no more than was recorded.
  set_time (rig, 25 * MS);
  assert_int_equal (step (rig, STOP, 1), OK);
  assert_int_equal (step (rig, RELEASE, 1), OK);
  assert_int_equal (virtio_guest_get_used_entry (rig->guest, RX, 2, NULL), PERIOD * 2 + 8);
  assert_int_equal (get_word (rig, to[2] + PERIOD * 4), OK);
}

static void
test_wrong_steps (void **state)
{
  Rig *rig = *state;

  assert_int_equal (step (rig, PREPARE, 0), BAD_MESSAGE);
  assert_int_equal (step (rig, START, 0), BAD_MESSAGE);
  assert_int_equal (step (rig, RELEASE, 0), BAD_MESSAGE);
  assert_int_equal (step (rig, PREPARE, 2), BAD_MESSAGE);
  assert_int_equal (set_params (rig, 0, 9, FORMAT_S16, RATE_48K), NOT_SUPPORTED);
  assert_int_equal (set_params (rig, 0, 0, FORMAT_S16, RATE_48K), NOT_SUPPORTED);
  assert_int_equal (set_params (rig, 1, 3, FORMAT_S16, RATE_48K), NOT_SUPPORTED);
  assert_int_equal (set_params (rig, 0, 2, 0, RATE_48K), NOT_SUPPORTED);
  assert_int_equal (set_params (rig, 0, 2, 255, RATE_48K), NOT_SUPPORTED);
  assert_int_equal (set_params (rig, 0, 2, FORMAT_S16, 14), NOT_SUPPORTED);
  // A message of a stream that is not prepared.
  GuestAddr status = play (rig, 1);
  assert_int_equal (get_word (rig, status), BAD_MESSAGE);
  prepare (rig, 0);
  assert_int_equal (step (rig, STOP, 0), BAD_MESSAGE);
  assert_int_equal (step (rig, START, 0), OK);
  assert_int_equal (step (rig, START, 0), BAD_MESSAGE);
  assert_int_equal (step (rig, RELEASE, 0), BAD_MESSAGE);
  assert_int_equal (set_params (rig, 0, 2, FORMAT_S16, RATE_48K), BAD_MESSAGE);
  assert_false (virtio_guest_needs_reset (rig->guest));
  // A message without room for its status.
  const uint32_t stream = 0;
  const VirtioGuestBuf buf = {virtio_guest_put (rig->guest, &stream, 4), 4, false};
  virtio_guest_submit (rig->guest, TX, &buf, 1);
  virtio_guest_notify (rig->guest, TX);
  assert_true (virtio_guest_needs_reset (rig->guest));
  virtio_guest_reset (rig->guest);
  assert_int_equal (rig->sound->n_open, 0);
  virtio_guest_start (rig->guest, 0, 0);
  prepare (rig, 0);
}

// In the midst of a message; in the same memory, by another device.
static void
test_state (void **state)
{
  Rig *rig = *state;
  g_autoptr (GError) error = NULL;

  prepare (rig, 0);
  for (int16_t i = 1; i <= 4; i++)
    play (rig, i);
  assert_int_equal (step (rig, START, 0), OK);
  set_time (rig, 15 * MS);
  play (rig, 5);
  assert_int_equal (frames_played (rig), 15 * 48);
  virtio_guest_quiesce (rig->guest);
  g_autoptr (GBytes) bytes = virtio_guest_save (rig->guest);
  virtio_guest_reset (rig->guest);
  assert_true (virtio_guest_load (rig->guest, bytes, &error));
  assert_null (error);
  assert_int_equal (rig->sound->n_running, 0);
  resume (rig);
  assert_int_equal (rig->sound->n_running, 1);
  set_time (rig, 60 * MS);
  play (rig, 6);
  assert_int_equal (virtio_guest_get_used (rig->guest, TX), 6);
  for (unsigned i = 0; i < 60 * 48; i++)
    assert_int_equal (frame_at (rig, i), 1 + i / PERIOD);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_info, setup, teardown),
      cmocka_unit_test_setup_teardown (test_play, setup, teardown),
      cmocka_unit_test_setup_teardown (test_late, setup, teardown),
      cmocka_unit_test_setup_teardown (test_record, setup, teardown),
      cmocka_unit_test_setup_teardown (test_wrong_steps, setup, teardown),
      cmocka_unit_test_setup_teardown (test_state, setup, teardown),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
