// SPDX-License-Identifier: GPL-3.0-or-later
// One stream of sound of a guest's device: how many frames it has played or recorded by the machine's
// clock, and the way of those frames to and from the sink. Without a sink it is an ideal device that
// nobody hears.
//
// Threads: whoever has the lock of the device it belongs to.
#pragma once

#include "engine/audio/samples.h"
#include "engine/structs/sink.h"

typedef struct AudioStream {
  const VmAudioSinkOps *ops; // NULL: nobody hears it
  void *sink;
  bool capture;
  void *opened; // the sink's; NULL: it is not open, or goes nowhere
  AudioSample sample;
  unsigned rate, channels; // 0: not configured
  bool running;            // it keeps time
  int64_t start_ns;        // when it started, by the machine's clock
  uint64_t done;           // frames since
} AudioStream;

// `rate` frames a second, 1 to VM_AUDIO_CHANNELS_MAX channels.
void audio_stream_init (AudioStream *stream, const VmAudioSinkOps *ops, void *sink, bool capture);
void audio_stream_open (AudioStream *stream, AudioSample sample, unsigned rate, unsigned channels);
void audio_stream_close (AudioStream *stream); // also one that is not open
unsigned audio_stream_frame_bytes (const AudioStream *stream);

// From `now` on frames become due. Starting what runs does nothing.
void audio_stream_start (AudioStream *stream, int64_t now_ns);
void audio_stream_stop (AudioStream *stream);
// The machine is paused, or goes on: what the sink is told.
void audio_stream_set_paused (AudioStream *stream, bool paused);

// Frames that should have been played or recorded by now and were not.
uint64_t audio_stream_get_due (const AudioStream *stream, int64_t now_ns);
// When n more will be due.
int64_t audio_stream_get_time (const AudioStream *stream, uint64_t n);

// The next n frames; they count as done. Bytes are the guest's, and may change meanwhile. Silence:
// what is played is silent, what was recorded is lost.
void audio_stream_write (AudioStream *stream, const void *bytes, uint64_t n);
void audio_stream_read (AudioStream *stream, void *bytes, uint64_t n);
void audio_stream_write_silence (AudioStream *stream, uint64_t n);

// The places of n channels, as guests have them in order.
void audio_get_positions (unsigned channels, VmAudioPosition positions[VM_AUDIO_CHANNELS_MAX]);
