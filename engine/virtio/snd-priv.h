// SPDX-License-Identifier: GPL-3.0-or-later
// The inside of the sound device, shared by snd.c (device, state), snd-control.c (what the driver asks)
// and snd-pcm.c (the streams). Threads: the I/O thread under the device's lock.
#pragma once

#include "engine/audio/stream.h"
#include "engine/virtio/pump.h"
#include "engine/virtio/snd.h"

enum {
  SND_QUEUE_CONTROL = 0,
  SND_QUEUE_EVENT = 1,
  SND_QUEUE_TX = 2,
  SND_QUEUE_RX = 3,
  SND_QUEUE_SIZE = 256,

  SND_N_STREAMS = 2,
  SND_STREAM_OUT = 0,
  SND_STREAM_IN = 1,
  SND_CHANNELS_OUT_MAX = 8,
  SND_CHANNELS_IN_MAX = 2,

  SND_OK = 0x8000,
  SND_BAD_MESSAGE = 0x8001,
  SND_NOT_SUPPORTED = 0x8002,
};

// What the driver has done to a stream last (§5.14.6.6.1).
typedef enum SndStep {
  SND_STEP_NONE,
  SND_STEP_SET,
  SND_STEP_PREPARED,
  SND_STEP_STARTED,
  SND_STEP_STOPPED,
  SND_STEP_RELEASED,
  SND_N_STEPS,
} SndStep;

// As SET_PARAMS has them.
typedef struct SndParams {
  uint32_t buffer_bytes, period_bytes;
  uint8_t channels, format, rate;
} SndParams;

// A chain with some of a stream's sound, or room for it.
typedef struct SndMessage {
  VirtChain *chain;
  uint64_t data_bytes, done_bytes;
} SndMessage;

typedef struct SndStream {
  AudioStream audio;
  SndStep step;
  SndParams params;
  GQueue messages; // of SndMessage
  unsigned queue;
} SndStream;

typedef struct VirtioSnd {
  VirtioDevice vdev;
  const VmAudioSinkOps *ops;
  void *sink;
  VirtioPump pump; // of all queues but the events'
  VmTimer *timer;
  SndStream streams[SND_N_STREAMS];
} VirtioSnd;

// snd-control.c: one request.
bool snd_control (VirtioSnd *snd, VirtChain *chain);

// snd-pcm.c.
uint64_t snd_pcm_get_formats (void); // bit per number of §5.14.6.6.2
uint64_t snd_pcm_get_rates (void);
bool snd_pcm_is_valid (const SndStream *stream, const SndParams *params);
// What the driver asks of a stream; the answer.
uint32_t snd_pcm_set_params (SndStream *stream, const SndParams *params);
uint32_t snd_pcm_do (VirtioSnd *snd, SndStream *stream, SndStep step);
bool snd_pcm_take (VirtioSnd *snd, unsigned queue, VirtChain *chain); // a message
// Plays and records what is due, and sees to it that it is called again.
void snd_pcm_run (VirtioSnd *snd);
void snd_pcm_reset (VirtioSnd *snd);
void snd_pcm_save (VirtioSnd *snd, StateWriter *writer);
bool snd_pcm_load (VirtioSnd *snd, StateReader *reader);
