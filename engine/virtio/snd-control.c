// SPDX-License-Identifier: GPL-3.0-or-later
// What the driver of the sound device asks on its control queue (VIRTIO 1.2 §5.14.6.1 to §5.14.6.9).
// Threads: see snd-priv.h.
#include <assert.h>
#include <string.h>

#include "engine/virtio/snd-priv.h"

enum {
  REQUEST_JACK_INFO = 1,
  REQUEST_PCM_INFO = 0x100,
  REQUEST_PCM_SET_PARAMS = 0x101,
  REQUEST_PCM_PREPARE = 0x102,
  REQUEST_PCM_RELEASE = 0x103,
  REQUEST_PCM_START = 0x104,
  REQUEST_PCM_STOP = 0x105,
  REQUEST_CHMAP_INFO = 0x200,

  DIRECTION_OUT = 0,
  DIRECTION_IN = 1,
  CHMAP_POSITIONS = 18,
  ITEM_BYTES_MAX = 32,

  // As an HDA codec's pins have them: a green line-out at the back, a pink microphone there.
  JACK_OUT_DEFAULT = 0x01014010,
  JACK_OUT_CAPS = 1 << 4,
  JACK_IN_DEFAULT = 0x01a19020,
  JACK_IN_CAPS = 1 << 5,
};

typedef struct SndQuery {
  uint32_t code, start, count, size;
} SndQuery;
static_assert (sizeof (SndQuery) == 16, "§5.14.6.2");

typedef struct SndJackInfo {
  uint32_t nid, features, defaults, caps;
  uint8_t connected, padding[7];
} SndJackInfo;
static_assert (sizeof (SndJackInfo) == 24, "§5.14.6.4.1");

typedef struct SndPcmInfo {
  uint32_t nid, features;
  uint64_t formats, rates;
  uint8_t direction, channels_min, channels_max, padding[5];
} SndPcmInfo;
static_assert (sizeof (SndPcmInfo) == 32 && sizeof (SndPcmInfo) <= ITEM_BYTES_MAX, "§5.14.6.6.2");

typedef struct SndChmapInfo {
  uint32_t nid;
  uint8_t direction, channels, positions[CHMAP_POSITIONS];
} SndChmapInfo;
static_assert (sizeof (SndChmapInfo) == 24, "§5.14.6.9.1");

typedef struct SndPcmRequest {
  uint32_t code, stream;
} SndPcmRequest;

typedef struct SndSetParams {
  uint32_t code, stream, buffer_bytes, period_bytes, features;
  uint8_t channels, format, rate, padding;
} SndSetParams;
static_assert (sizeof (SndSetParams) == 24, "§5.14.6.6.3");

// ---- what there is --------------------------------------------------------------------------

static size_t
put_jack (VirtioSnd *snd, unsigned i, void *to)
{
  const SndJackInfo info = {
      .defaults = i == SND_STREAM_OUT ? JACK_OUT_DEFAULT : JACK_IN_DEFAULT,
      .caps = i == SND_STREAM_OUT ? JACK_OUT_CAPS : JACK_IN_CAPS,
      .connected = 1,
  };

  memcpy (to, &info, sizeof info);
  return sizeof info;
}

static size_t
put_pcm (VirtioSnd *snd, unsigned i, void *to)
{
  const bool in = i == SND_STREAM_IN;
  const SndPcmInfo info = {
      .formats = snd_pcm_get_formats (),
      .rates = snd_pcm_get_rates (),
      .direction = in ? DIRECTION_IN : DIRECTION_OUT,
      .channels_min = 1,
      .channels_max = in ? SND_CHANNELS_IN_MAX : SND_CHANNELS_OUT_MAX,
  };

  memcpy (to, &info, sizeof info);
  return sizeof info;
}

// Every number of channels a stream can have.
static size_t
put_chmap (VirtioSnd *snd, unsigned i, void *to)
{
  const bool in = i >= SND_CHANNELS_OUT_MAX;
  SndChmapInfo info = {.direction = in ? DIRECTION_IN : DIRECTION_OUT};
  VmAudioPosition positions[VM_AUDIO_CHANNELS_MAX];

  info.channels = (uint8_t) ((in ? i - SND_CHANNELS_OUT_MAX : i) + 1);
  audio_get_positions (info.channels, positions);
  for (unsigned c = 0; c < info.channels; c++)
    info.positions[c] = (uint8_t) positions[c];
  memcpy (to, &info, sizeof info);
  return sizeof info;
}

// The items the driver names go behind the answer's first word.
static uint32_t
answer_query (VirtioSnd *snd, VirtChain *chain, unsigned n_items,
              size_t (*put) (VirtioSnd *snd, unsigned i, void *to), uint64_t *written)
{
  SndQuery query;
  uint8_t item[ITEM_BYTES_MAX];
  uint64_t at = sizeof (uint32_t);

  if (virtchain_read (chain, 0, &query, sizeof query) < sizeof query || query.start >= n_items ||
      query.count > n_items - query.start || query.size != put (snd, query.start, item) ||
      chain->in_bytes < at + (uint64_t) query.count * query.size)
    return SND_BAD_MESSAGE;
  for (uint32_t i = 0; i < query.count; i++) {
    size_t length = put (snd, query.start + i, item);
    virtchain_write (chain, at, item, length);
    at += length;
  }
  *written = at;
  return SND_OK;
}

// ---- streams --------------------------------------------------------------------------------

static uint32_t
set_params (SndStream *stream, const VirtChain *chain)
{
  SndSetParams request;

  if (virtchain_read (chain, 0, &request, sizeof request) < sizeof request)
    return SND_BAD_MESSAGE;
  if (request.features != 0)
    return SND_NOT_SUPPORTED;
  const SndParams params = {
      .buffer_bytes = request.buffer_bytes,
      .period_bytes = request.period_bytes,
      .channels = request.channels,
      .format = request.format,
      .rate = request.rate,
  };
  return snd_pcm_set_params (stream, &params);
}

static uint32_t
answer_pcm (VirtioSnd *snd, const VirtChain *chain, uint32_t code)
{
  static const SndStep steps[] = {
      [REQUEST_PCM_PREPARE - REQUEST_PCM_PREPARE] = SND_STEP_PREPARED,
      [REQUEST_PCM_RELEASE - REQUEST_PCM_PREPARE] = SND_STEP_RELEASED,
      [REQUEST_PCM_START - REQUEST_PCM_PREPARE] = SND_STEP_STARTED,
      [REQUEST_PCM_STOP - REQUEST_PCM_PREPARE] = SND_STEP_STOPPED,
  };
  SndPcmRequest request;

  if (virtchain_read (chain, 0, &request, sizeof request) < sizeof request ||
      request.stream >= SND_N_STREAMS)
    return SND_BAD_MESSAGE;
  SndStream *stream = &snd->streams[request.stream];
  if (code == REQUEST_PCM_SET_PARAMS)
    return set_params (stream, chain);
  return snd_pcm_do (snd, stream, steps[code - REQUEST_PCM_PREPARE]);
}

// ---- requests -------------------------------------------------------------------------------

static uint32_t
answer (VirtioSnd *snd, VirtChain *chain, uint32_t code, uint64_t *written)
{
  switch (code) {
  case REQUEST_JACK_INFO:
    return answer_query (snd, chain, SND_N_STREAMS, put_jack, written);
  case REQUEST_PCM_INFO:
    return answer_query (snd, chain, SND_N_STREAMS, put_pcm, written);
  case REQUEST_CHMAP_INFO:
    return answer_query (snd, chain, SND_CHANNELS_OUT_MAX + SND_CHANNELS_IN_MAX, put_chmap,
                         written);
  case REQUEST_PCM_SET_PARAMS:
  case REQUEST_PCM_PREPARE:
  case REQUEST_PCM_RELEASE:
  case REQUEST_PCM_START:
  case REQUEST_PCM_STOP:
    return answer_pcm (snd, chain, code);
  default:
    return SND_NOT_SUPPORTED; // jacks cannot be remapped
  }
}

bool
snd_control (VirtioSnd *snd, VirtChain *chain)
{
  uint64_t written = sizeof (uint32_t);
  uint32_t code, status;

  if (virtchain_read (chain, 0, &code, sizeof code) < sizeof code ||
      chain->in_bytes < sizeof status) {
    virtchain_free (chain);
    virtio_device_broken (&snd->vdev, "a request without code or room for its status");
    return true;
  }
  status = answer (snd, chain, code, &written);
  virtchain_write (chain, 0, &status, sizeof status);
  virtqueue_push (&snd->vdev.queues[SND_QUEUE_CONTROL], chain, (uint32_t) written);
  return true;
}
