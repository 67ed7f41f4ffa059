// SPDX-License-Identifier: GPL-3.0-or-later
// One stream of a machine in PipeWire. The loop's thread, but for process, which is the realtime one.
#include <spa/param/audio/format-utils.h>

#include "audio/pipewire-priv.h"

#define ICON "io.github.terrarium_vm.Terrarium"

enum {
  POD_BYTES = 1024,
  QUANTA_IN_STOCK = 3, // of a server's turns, in what is kept against gaps
};

static const uint32_t positions[] = {
    [VM_AUDIO_MONO] = SPA_AUDIO_CHANNEL_MONO,      [VM_AUDIO_FRONT_LEFT] = SPA_AUDIO_CHANNEL_FL,
    [VM_AUDIO_FRONT_RIGHT] = SPA_AUDIO_CHANNEL_FR, [VM_AUDIO_REAR_LEFT] = SPA_AUDIO_CHANNEL_RL,
    [VM_AUDIO_REAR_RIGHT] = SPA_AUDIO_CHANNEL_RR,  [VM_AUDIO_FRONT_CENTER] = SPA_AUDIO_CHANNEL_FC,
    [VM_AUDIO_LFE] = SPA_AUDIO_CHANNEL_LFE,        [VM_AUDIO_SIDE_LEFT] = SPA_AUDIO_CHANNEL_SL,
    [VM_AUDIO_SIDE_RIGHT] = SPA_AUDIO_CHANNEL_SR,
};

// ---- realtime -------------------------------------------------------------------------------

static void
play (PwStream *stream, struct pw_buffer *buffer)
{
  struct spa_data *data = &buffer->buffer->datas[0];
  const uint32_t frame = stream->format.channels * sizeof (float);
  uint32_t n = data->maxsize / frame;

  if (buffer->requested != 0)
    n = (uint32_t) MIN (n, buffer->requested);
  audio_link_read (stream->link, data->data, n);
  data->chunk->offset = 0;
  data->chunk->stride = (int32_t) frame;
  data->chunk->size = n * frame;
}

static void
record (PwStream *stream, const struct pw_buffer *buffer)
{
  const struct spa_data *data = &buffer->buffer->datas[0];
  const uint32_t frame = stream->format.channels * sizeof (float);
  uint32_t offset = MIN (data->chunk->offset, data->maxsize);
  uint32_t bytes = MIN (data->chunk->size, data->maxsize - offset);

  audio_link_write (stream->link, (const float *) ((const uint8_t *) data->data + offset),
                    bytes / frame);
}

static void
process (void *data)
{
  PwStream *stream = data;
  struct pw_buffer *buffer = pw_stream_dequeue_buffer (stream->stream);

  if (buffer == NULL)
    return;
  if (buffer->buffer->datas[0].data != NULL && stream->capture)
    record (stream, buffer);
  else if (buffer->buffer->datas[0].data != NULL)
    play (stream, buffer);
  pw_stream_queue_buffer (stream->stream, buffer);
}

// ---- life -----------------------------------------------------------------------------------

static void
state_changed (void *data, enum pw_stream_state old, enum pw_stream_state state, const char *error)
{
  PwStream *stream = data;

  // Not from in here: it is made anew at the next tick.
  if (state == PW_STREAM_STATE_ERROR || state == PW_STREAM_STATE_UNCONNECTED)
    stream->failed = true;
}

static const struct pw_stream_events events = {
    PW_VERSION_STREAM_EVENTS,
    .state_changed = state_changed,
    .process = process,
};

static struct pw_properties *
make_properties (const PwStream *stream)
{
  const PwAudio *audio = stream->audio;
  const char *device = stream->capture ? audio->input : audio->output;
  struct pw_properties *properties = pw_properties_new (
      PW_KEY_MEDIA_TYPE, "Audio", PW_KEY_MEDIA_CATEGORY, stream->capture ? "Capture" : "Playback",
      PW_KEY_MEDIA_NAME, audio->name, PW_KEY_NODE_NAME, audio->name, PW_KEY_NODE_DESCRIPTION,
      audio->name, PW_KEY_APP_NAME, "Terrarium", PW_KEY_APP_ID, ICON, PW_KEY_APP_ICON_NAME, ICON,
      NULL);

  pw_properties_setf (properties, PW_KEY_NODE_LATENCY, "%u/%u",
                      stream->format.rate * audio->latency_ms / 1000 / QUANTA_IN_STOCK + 1,
                      stream->format.rate);
  if (device != NULL)
    pw_properties_set (properties, PW_KEY_TARGET_OBJECT, device);
  return properties;
}

void
pw_stream_make (PwStream *stream)
{
  struct spa_audio_info_raw info = {
      .format = SPA_AUDIO_FORMAT_F32,
      .rate = stream->format.rate,
      .channels = stream->format.channels,
  };
  uint8_t bytes[POD_BYTES];
  struct spa_pod_builder builder = SPA_POD_BUILDER_INIT (bytes, sizeof bytes);

  stream->failed = false;
  stream->active = true;
  for (unsigned i = 0; i < info.channels; i++)
    info.position[i] = positions[stream->format.positions[i]];
  stream->stream =
      pw_stream_new (stream->audio->core, stream->audio->name, make_properties (stream));
  if (stream->stream == NULL) {
    stream->failed = true;
    return;
  }
  const struct spa_pod *params[] = {
      spa_format_audio_raw_build (&builder, SPA_PARAM_EnumFormat, &info)};
  pw_stream_add_listener (stream->stream, &stream->listener, &events, stream);
  if (pw_stream_connect (
          stream->stream, stream->capture ? PW_DIRECTION_INPUT : PW_DIRECTION_OUTPUT, PW_ID_ANY,
          PW_STREAM_FLAG_AUTOCONNECT | PW_STREAM_FLAG_MAP_BUFFERS | PW_STREAM_FLAG_RT_PROCESS,
          params, G_N_ELEMENTS (params)) < 0)
    stream->failed = true;
}

void
pw_stream_drop (PwStream *stream)
{
  if (stream->stream == NULL)
    return;
  spa_hook_remove (&stream->listener);
  pw_stream_destroy (stream->stream);
  stream->stream = NULL;
}
