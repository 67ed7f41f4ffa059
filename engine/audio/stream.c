// SPDX-License-Identifier: GPL-3.0-or-later
// Streams of sound; see stream.h for threads.
#include "engine/audio/stream.h"

#include <glib.h>
#include <string.h>

enum {
  NS_PER_S = 1000 * 1000 * 1000,
  CHUNK_SAMPLES = 1024,    // converted at a time
  SILENCE_MAX_SECONDS = 1, // more is not told: the sink is silent by itself
};

void
audio_stream_init (AudioStream *stream, const VmAudioSinkOps *ops, void *sink, bool capture)
{
  *stream = (AudioStream){.ops = ops, .sink = sink, .capture = capture};
}

void
audio_get_positions (unsigned channels, VmAudioPosition positions[VM_AUDIO_CHANNELS_MAX])
{
  static const VmAudioPosition all[VM_AUDIO_CHANNELS_MAX] = {
      VM_AUDIO_FRONT_LEFT,   VM_AUDIO_FRONT_RIGHT, VM_AUDIO_REAR_LEFT, VM_AUDIO_REAR_RIGHT,
      VM_AUDIO_FRONT_CENTER, VM_AUDIO_LFE,         VM_AUDIO_SIDE_LEFT, VM_AUDIO_SIDE_RIGHT,
  };

  memcpy (positions, all, sizeof all);
  if (channels == 1)
    positions[0] = VM_AUDIO_MONO;
}

void
audio_stream_open (AudioStream *stream, AudioSample sample, unsigned rate, unsigned channels)
{
  VmAudioFormat format = {.rate = rate, .channels = channels};

  g_assert (rate > 0 && rate <= VM_AUDIO_RATE_MAX);
  g_assert (channels > 0 && channels <= VM_AUDIO_CHANNELS_MAX && sample < AUDIO_N_SAMPLES);
  audio_stream_close (stream);
  stream->sample = sample;
  stream->rate = rate;
  stream->channels = channels;
  audio_get_positions (channels, format.positions);
  if (stream->ops != NULL)
    stream->opened = stream->ops->open (stream->sink, stream->capture, &format);
}

void
audio_stream_close (AudioStream *stream)
{
  audio_stream_stop (stream);
  if (stream->opened != NULL)
    stream->ops->close (stream->opened);
  stream->opened = NULL;
  stream->rate = stream->channels = 0;
}

unsigned
audio_stream_frame_bytes (const AudioStream *stream)
{
  return stream->channels * audio_sample_bytes (stream->sample);
}

static void
tell_running (AudioStream *stream, bool running)
{
  if (stream->opened != NULL && stream->ops->set_running != NULL)
    stream->ops->set_running (stream->opened, running);
}

void
audio_stream_start (AudioStream *stream, int64_t now_ns)
{
  if (stream->running || stream->rate == 0)
    return;
  stream->running = true;
  stream->start_ns = now_ns;
  stream->done = 0;
  tell_running (stream, true);
}

void
audio_stream_stop (AudioStream *stream)
{
  if (!stream->running)
    return;
  stream->running = false;
  tell_running (stream, false);
}

void
audio_stream_set_paused (AudioStream *stream, bool paused)
{
  if (stream->running)
    tell_running (stream, !paused);
}

// ---- time -----------------------------------------------------------------------------------

// Without a product that overflows in a year.
static uint64_t
frames_in (uint64_t ns, unsigned rate)
{
  return ns / NS_PER_S * rate + ns % NS_PER_S * rate / NS_PER_S;
}

uint64_t
audio_stream_get_due (const AudioStream *stream, int64_t now_ns)
{
  if (!stream->running || now_ns <= stream->start_ns)
    return 0;
  uint64_t played = frames_in ((uint64_t) (now_ns - stream->start_ns), stream->rate);
  return played > stream->done ? played - stream->done : 0;
}

int64_t
audio_stream_get_time (const AudioStream *stream, uint64_t n)
{
  uint64_t frames = stream->done + n;
  uint64_t part = (frames % stream->rate * NS_PER_S + stream->rate - 1) / stream->rate;

  return stream->start_ns + (int64_t) (frames / stream->rate * NS_PER_S + part);
}

// ---- frames ---------------------------------------------------------------------------------

static unsigned
chunk_frames (const AudioStream *stream, uint64_t n)
{
  unsigned most = CHUNK_SAMPLES / stream->channels;
  return n < most ? (unsigned) n : most;
}

void
audio_stream_write (AudioStream *stream, const void *bytes, uint64_t n)
{
  const uint8_t *at = bytes;
  float frames[CHUNK_SAMPLES];

  stream->done += n;
  if (stream->opened == NULL)
    return;
  while (n > 0) {
    unsigned some = chunk_frames (stream, n);
    audio_samples_to_float (stream->sample, at, frames, some * stream->channels);
    stream->ops->write (stream->opened, frames, some);
    at += some * audio_stream_frame_bytes (stream);
    n -= some;
  }
}

void
audio_stream_read (AudioStream *stream, void *bytes, uint64_t n)
{
  uint8_t *at = bytes;
  float frames[CHUNK_SAMPLES] = {0};

  stream->done += n;
  while (n > 0) {
    unsigned some = chunk_frames (stream, n);
    if (stream->opened != NULL)
      stream->ops->read (stream->opened, frames, some);
    audio_samples_from_float (stream->sample, frames, at, some * stream->channels);
    at += some * audio_stream_frame_bytes (stream);
    n -= some;
  }
}

void
audio_stream_write_silence (AudioStream *stream, uint64_t n)
{
  const uint64_t most = (uint64_t) stream->rate * SILENCE_MAX_SECONDS;
  float frames[CHUNK_SAMPLES] = {0};

  stream->done += n;
  n = n < most ? n : most;
  while (stream->opened != NULL && n > 0) {
    unsigned some = chunk_frames (stream, n);
    if (stream->capture)
      stream->ops->read (stream->opened, frames, some);
    else
      stream->ops->write (stream->opened, frames, some);
    n -= some;
  }
}
