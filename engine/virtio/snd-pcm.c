// SPDX-License-Identifier: GPL-3.0-or-later
// The streams of the sound device (VIRTIO 1.2 §5.14.6.6, §5.14.6.8).
//
// A message is given back at the moment its last frame is played by the machine's clock; in between
// its frames go to the sink as they become due. A driver that is late, which is a matter of the host's
// load as often as its own, plays what it missed at once, up to SLACK_MS; after that there was silence.
//
// A driver can have no more messages than its queue has entries, and each turn looks at each once.
#include "engine/virtio/snd-priv.h"

enum {
  TICK_NS = 5 * 1000 * 1000,  // how often frames are handed over
  TICK_LEAST_NS = 500 * 1000, // however small the messages
  SLACK_MS = 100,             // a driver may be late
  CHUNK_BYTES = 8192,         // copied at a time
  STATUS_BYTES = 8,           // struct virtio_snd_pcm_status
  HEADER_BYTES = 4,           // struct virtio_snd_pcm_xfer
};

// By the numbers of §5.14.6.6.2; AUDIO_N_SAMPLES: not offered.
static const uint8_t formats[] = {
    AUDIO_N_SAMPLES, AUDIO_MU_LAW, AUDIO_A_LAW, AUDIO_S8,    AUDIO_U8,    AUDIO_S16,   AUDIO_U16,
    AUDIO_S18_3,     AUDIO_U18_3,  AUDIO_S20_3, AUDIO_U20_3, AUDIO_S24_3, AUDIO_U24_3, AUDIO_S20,
    AUDIO_U20,       AUDIO_S24,    AUDIO_U24,   AUDIO_S32,   AUDIO_U32,   AUDIO_F32,   AUDIO_F64,
};

static const uint32_t rates[] = {
    5512,  8000,  11025, 16000, 22050,  32000,  44100,
    48000, 64000, 88200, 96000, 176400, 192000, 384000,
};

uint64_t
snd_pcm_get_formats (void)
{
  uint64_t bits = 0;

  for (unsigned i = 0; i < G_N_ELEMENTS (formats); i++)
    bits |= (uint64_t) (formats[i] != AUDIO_N_SAMPLES) << i;
  return bits;
}

uint64_t
snd_pcm_get_rates (void)
{
  return (1u << G_N_ELEMENTS (rates)) - 1;
}

bool
snd_pcm_is_valid (const SndStream *stream, const SndParams *params)
{
  unsigned most = stream->audio.capture ? SND_CHANNELS_IN_MAX : SND_CHANNELS_OUT_MAX;

  return params->format < G_N_ELEMENTS (formats) && formats[params->format] != AUDIO_N_SAMPLES &&
         params->rate < G_N_ELEMENTS (rates) && params->channels >= 1 && params->channels <= most;
}

static void
open_stream (SndStream *stream)
{
  const SndParams *params = &stream->params;

  audio_stream_open (&stream->audio, (AudioSample) formats[params->format], rates[params->rate],
                     params->channels);
}

// ---- messages -------------------------------------------------------------------------------

static void
give_back (VirtioSnd *snd, unsigned queue, VirtChain *chain, uint64_t data_bytes, uint32_t status)
{
  const uint32_t answer[STATUS_BYTES / 4] = {status, 0};
  uint64_t at = chain->in_bytes >= STATUS_BYTES ? chain->in_bytes - STATUS_BYTES : 0;
  uint64_t written = (queue == SND_QUEUE_RX ? data_bytes : 0) + STATUS_BYTES;

  virtchain_write (chain, at, answer, sizeof answer);
  virtqueue_push (&snd->vdev.queues[queue], chain, (uint32_t) MIN (written, chain->in_bytes));
}

static void
finish_message (VirtioSnd *snd, SndStream *stream)
{
  SndMessage *message = g_queue_pop_head (&stream->messages);

  give_back (snd, stream->queue, message->chain, message->done_bytes, SND_OK);
  g_free (message);
}

static void
finish_all (VirtioSnd *snd, SndStream *stream)
{
  bool any = stream->messages.length > 0;

  while (stream->messages.length > 0)
    finish_message (snd, stream);
  if (any)
    virtio_device_notify (&snd->vdev, stream->queue);
}

static void
forget_messages (SndStream *stream)
{
  SndMessage *message;

  while ((message = g_queue_pop_head (&stream->messages)) != NULL) {
    virtchain_free (message->chain);
    g_free (message);
  }
}

static uint64_t
count_data (unsigned queue, const VirtChain *chain)
{
  return queue == SND_QUEUE_TX ? chain->out_bytes - HEADER_BYTES : chain->in_bytes - STATUS_BYTES;
}

static void
keep (SndStream *stream, VirtChain *chain)
{
  SndMessage *message = g_new0 (SndMessage, 1);

  message->chain = chain;
  message->data_bytes = count_data (stream->queue, chain);
  g_queue_push_tail (&stream->messages, message);
}

bool
snd_pcm_take (VirtioSnd *snd, unsigned queue, VirtChain *chain)
{
  SndStream *stream = &snd->streams[queue == SND_QUEUE_TX ? SND_STREAM_OUT : SND_STREAM_IN];
  uint32_t id;

  if (chain->out_bytes < HEADER_BYTES || chain->in_bytes < STATUS_BYTES) {
    virtchain_free (chain);
    virtio_device_broken (&snd->vdev, "a message without room for its header or status");
    return true;
  }
  virtchain_read (chain, 0, &id, sizeof id);
  bool ready = stream->step == SND_STEP_PREPARED || stream->step == SND_STEP_STARTED ||
               stream->step == SND_STEP_STOPPED;
  if (id >= SND_N_STREAMS || &snd->streams[id] != stream || !ready) {
    give_back (snd, queue, chain, 0, SND_BAD_MESSAGE);
    return true;
  }
  keep (stream, chain);
  snd_pcm_run (snd);
  return true;
}

// ---- playing and recording ------------------------------------------------------------------

static void
move_some (SndStream *stream, SndMessage *message, size_t bytes, uint64_t frames)
{
  uint8_t copy[CHUNK_BYTES];

  if (stream->audio.capture) {
    audio_stream_read (&stream->audio, copy, frames);
    virtchain_write (message->chain, message->done_bytes, copy, bytes);
  } else {
    virtchain_read (message->chain, HEADER_BYTES + message->done_bytes, copy, bytes);
    audio_stream_write (&stream->audio, copy, frames);
  }
  message->done_bytes += bytes;
}

// Up to `due` frames of the message; how many.
static uint64_t
move (SndStream *stream, SndMessage *message, uint64_t due)
{
  const unsigned frame = audio_stream_frame_bytes (&stream->audio);
  uint64_t moved = 0;

  while (moved < due && message->data_bytes - message->done_bytes >= frame) {
    uint64_t n = MIN ((message->data_bytes - message->done_bytes) / frame, due - moved);
    n = MIN (n, CHUNK_BYTES / frame);
    move_some (stream, message, n * frame, n);
    moved += n;
  }
  return moved;
}

// A message that has less than a frame left is at its end.
static bool
is_done (const SndStream *stream, const SndMessage *message)
{
  return message->data_bytes - message->done_bytes < audio_stream_frame_bytes (&stream->audio);
}

static void
run_stream (VirtioSnd *snd, SndStream *stream, int64_t now)
{
  uint64_t due = audio_stream_get_due (&stream->audio, now);
  const uint64_t most = stream->audio.rate;
  SndMessage *message;
  bool finished = false;

  // Nobody was here for a second: what is older is lost.
  if (due > most) {
    audio_stream_write_silence (&stream->audio, due - most);
    due = most;
  }
  while ((message = g_queue_peek_head (&stream->messages)) != NULL) {
    due -= move (stream, message, due);
    if (!is_done (stream, message))
      break;
    finish_message (snd, stream);
    finished = true;
  }
  if (message == NULL && due > stream->audio.rate * (uint64_t) SLACK_MS / 1000)
    audio_stream_write_silence (&stream->audio, due);
  if (finished)
    virtio_device_notify (&snd->vdev, stream->queue);
}

// When there is something to do for the stream: its message ends, or so much time has gone by.
static int64_t
get_next (const SndStream *stream, int64_t now)
{
  const SndMessage *message = g_queue_peek_head ((GQueue *) &stream->messages);
  int64_t next = now + TICK_NS;

  if (message != NULL) {
    uint64_t left = message->data_bytes - message->done_bytes;
    int64_t end =
        audio_stream_get_time (&stream->audio, left / audio_stream_frame_bytes (&stream->audio));
    next = MIN (next, end);
  }
  return MAX (next, now + TICK_LEAST_NS);
}

void
snd_pcm_run (VirtioSnd *snd)
{
  int64_t now = vm_clock_now (snd->vdev.vm->clock), next = INT64_MAX;

  if (snd->pump.paused || !virtio_device_is_live (&snd->vdev))
    return;
  for (unsigned i = 0; i < SND_N_STREAMS; i++) {
    SndStream *stream = &snd->streams[i];
    if (!stream->audio.running)
      continue;
    run_stream (snd, stream, now);
    next = MIN (next, get_next (stream, now));
  }
  if (next != INT64_MAX)
    vm_timer_arm (snd->timer, next);
}

// ---- what the driver asks -------------------------------------------------------------------

uint32_t
snd_pcm_set_params (SndStream *stream, const SndParams *params)
{
  if (stream->step == SND_STEP_STARTED || stream->step == SND_STEP_STOPPED ||
      stream->messages.length > 0)
    return SND_BAD_MESSAGE;
  if (params->period_bytes == 0 || params->buffer_bytes < params->period_bytes)
    return SND_BAD_MESSAGE;
  if (!snd_pcm_is_valid (stream, params))
    return SND_NOT_SUPPORTED;
  audio_stream_close (&stream->audio);
  stream->params = *params;
  stream->step = SND_STEP_SET;
  return SND_OK;
}

static void
start (VirtioSnd *snd, SndStream *stream)
{
  audio_stream_start (&stream->audio, vm_clock_now (snd->vdev.vm->clock));
  stream->step = SND_STEP_STARTED;
  snd_pcm_run (snd);
}

static void
stop (VirtioSnd *snd, SndStream *stream)
{
  snd_pcm_run (snd);
  audio_stream_stop (&stream->audio);
  stream->step = SND_STEP_STOPPED;
}

static void
prepare (SndStream *stream)
{
  if (stream->audio.rate == 0)
    open_stream (stream);
  stream->step = SND_STEP_PREPARED;
}

static void
release (VirtioSnd *snd, SndStream *stream)
{
  finish_all (snd, stream);
  audio_stream_close (&stream->audio);
  stream->step = SND_STEP_RELEASED;
}

uint32_t
snd_pcm_do (VirtioSnd *snd, SndStream *stream, SndStep step)
{
  static const uint8_t allowed[SND_N_STEPS] = {
      [SND_STEP_PREPARED] = 1 << SND_STEP_SET | 1 << SND_STEP_PREPARED | 1 << SND_STEP_RELEASED,
      [SND_STEP_STARTED] = 1 << SND_STEP_PREPARED | 1 << SND_STEP_STOPPED,
      [SND_STEP_STOPPED] = 1 << SND_STEP_STARTED,
      [SND_STEP_RELEASED] = 1 << SND_STEP_PREPARED | 1 << SND_STEP_STOPPED,
  };

  if (!(allowed[step] >> stream->step & 1))
    return SND_BAD_MESSAGE;
  if (step == SND_STEP_PREPARED)
    prepare (stream);
  else if (step == SND_STEP_STARTED)
    start (snd, stream);
  else if (step == SND_STEP_STOPPED)
    stop (snd, stream);
  else
    release (snd, stream);
  return SND_OK;
}

void
snd_pcm_reset (VirtioSnd *snd)
{
  for (unsigned i = 0; i < SND_N_STREAMS; i++) {
    SndStream *stream = &snd->streams[i];
    forget_messages (stream);
    audio_stream_close (&stream->audio);
    stream->step = SND_STEP_NONE;
    stream->params = (SndParams){0};
  }
}

// ---- state ----------------------------------------------------------------------------------

static void
save_stream (const SndStream *stream, StateWriter *writer)
{
  state_put_u8 (writer, stream->step);
  state_put_u32 (writer, stream->params.buffer_bytes);
  state_put_u32 (writer, stream->params.period_bytes);
  state_put_u8 (writer, stream->params.channels);
  state_put_u8 (writer, stream->params.format);
  state_put_u8 (writer, stream->params.rate);
  state_put_u64 (writer, (uint64_t) stream->audio.start_ns);
  state_put_u64 (writer, stream->audio.done);
  state_put_u32 (writer, stream->messages.length);
  for (const GList *at = stream->messages.head; at != NULL; at = at->next) {
    const SndMessage *message = at->data;
    state_put_u16 (writer, message->chain->head);
    state_put_u64 (writer, message->done_bytes);
  }
}

void
snd_pcm_save (VirtioSnd *snd, StateWriter *writer)
{
  for (unsigned i = 0; i < SND_N_STREAMS; i++)
    save_stream (&snd->streams[i], writer);
}

static bool
load_message (VirtioSnd *snd, SndStream *stream, StateReader *reader)
{
  uint16_t head = state_get_u16 (reader);
  uint64_t done = state_get_u64 (reader);
  VirtChain *chain = virtqueue_retake (&snd->vdev.queues[stream->queue], head);

  if (chain == NULL)
    return false;
  if (chain->out_bytes < HEADER_BYTES || chain->in_bytes < STATUS_BYTES ||
      done > count_data (stream->queue, chain)) {
    virtchain_free (chain);
    return false;
  }
  keep (stream, chain);
  ((SndMessage *) g_queue_peek_tail (&stream->messages))->done_bytes = done;
  return true;
}

static bool
load_messages (VirtioSnd *snd, SndStream *stream, StateReader *reader)
{
  uint32_t n = state_get_u32 (reader);
  bool ready = stream->step == SND_STEP_PREPARED || stream->step == SND_STEP_STARTED ||
               stream->step == SND_STEP_STOPPED;

  if (n > SND_QUEUE_SIZE || (n > 0 && !ready))
    return false;
  for (uint32_t i = 0; i < n; i++)
    if (!load_message (snd, stream, reader))
      return false;
  return true;
}

// As it was; with damaged times it goes on from the present moment.
static void
resume_stream (VirtioSnd *snd, SndStream *stream, int64_t start_ns, uint64_t done)
{
  int64_t now = vm_clock_now (snd->vdev.vm->clock);

  if (stream->step == SND_STEP_PREPARED || stream->step == SND_STEP_STARTED ||
      stream->step == SND_STEP_STOPPED)
    open_stream (stream);
  if (stream->step != SND_STEP_STARTED)
    return;
  audio_stream_start (&stream->audio, now);
  audio_stream_set_paused (&stream->audio, true);
  if (start_ns < 0 || start_ns > now)
    return;
  stream->audio.start_ns = start_ns;
  stream->audio.done = MIN (done, audio_stream_get_due (&stream->audio, now));
}

static bool
load_stream (VirtioSnd *snd, SndStream *stream, StateReader *reader)
{
  uint8_t step = state_get_u8 (reader);
  SndParams params;

  params.buffer_bytes = state_get_u32 (reader);
  params.period_bytes = state_get_u32 (reader);
  params.channels = state_get_u8 (reader);
  params.format = state_get_u8 (reader);
  params.rate = state_get_u8 (reader);
  int64_t start_ns = (int64_t) state_get_u64 (reader);
  uint64_t done = state_get_u64 (reader);
  if (step >= SND_N_STEPS || (step != SND_STEP_NONE && !snd_pcm_is_valid (stream, &params)))
    return false;
  stream->step = (SndStep) step;
  stream->params = params;
  resume_stream (snd, stream, start_ns, done);
  return load_messages (snd, stream, reader);
}

bool
snd_pcm_load (VirtioSnd *snd, StateReader *reader)
{
  for (unsigned i = 0; i < SND_N_STREAMS; i++)
    if (!load_stream (snd, &snd->streams[i], reader))
      return false;
  return state_reader_ok (reader);
}
