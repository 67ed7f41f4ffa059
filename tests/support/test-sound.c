// SPDX-License-Identifier: GPL-3.0-or-later
// A sink of sound for tests.
#include <fenv.h>

#include "tests/support/test-sound.h"

typedef struct Stream {
  TestSound *sound;
  unsigned channels;
  bool capture, running;
} Stream;

TestSound *
test_sound_new (void)
{
  TestSound *sound = g_new0 (TestSound, 1);

  sound->played = g_array_new (FALSE, FALSE, sizeof (float));
  return sound;
}

void
test_sound_free (TestSound *sound)
{
  g_assert (sound->n_open == 0 && sound->n_running == 0);
  g_array_unref (sound->played);
  g_free (sound);
}

static void *
open_stream (void *sink, bool capture, const VmAudioFormat *format)
{
  TestSound *sound = sink;

  if (sound->refuses)
    return NULL;
  Stream *stream = g_new0 (Stream, 1);
  stream->sound = sound;
  stream->channels = format->channels;
  stream->capture = capture;
  sound->format = *format;
  sound->n_open++;
  sound->n_opened++;
  return stream;
}

static void
set_running (void *data, bool running)
{
  Stream *stream = data;

  if (stream->running != running)
    stream->sound->n_running += running ? 1u : -1u;
  stream->running = running;
}

static void
write_frames (void *data, const float *frames, unsigned n)
{
  Stream *stream = data;

  g_assert (!stream->capture);
  stream->sound->rounding = fegetround ();
  // A fuzzer's guest plays for days.
  if (stream->sound->played->len < 1 << 22)
    g_array_append_vals (stream->sound->played, frames, n * stream->channels);
}

static void
read_frames (void *data, float *frames, unsigned n)
{
  Stream *stream = data;

  g_assert (stream->capture);
  stream->sound->rounding = fegetround ();
  for (unsigned i = 0; i < n; i++, stream->sound->recorded++)
    for (unsigned c = 0; c < stream->channels; c++)
      *frames++ = (float) (stream->sound->recorded % 32768) / 32768;
}

static void
close_stream (void *data)
{
  Stream *stream = data;

  set_running (stream, false);
  stream->sound->n_open--;
  g_free (stream);
}

const VmAudioSinkOps test_sound_ops = {
    .open = open_stream,
    .set_running = set_running,
    .write = write_frames,
    .read = read_frames,
    .close = close_stream,
};
