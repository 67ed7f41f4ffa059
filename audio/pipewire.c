// SPDX-License-Identifier: GPL-3.0-or-later
// PipeWire: the connection and the machine's streams. What there is is brought in line with what is
// wanted whenever somebody says so and twice a second: so a server that restarts, a device that goes
// and a stream that failed all come back by themselves. See pipewire-priv.h for threads.
#include "audio/pipewire-priv.h"

#include <glib/gi18n.h>

enum {
  TICK_MS = 250,
  RETRY_TICKS = 2,  // between attempts to reach the server
  LINGER_TICKS = 8, // a driver that closes a stream mostly opens it again
  STREAMS_MAX = 8,  // with those that linger
};

// ---- the server (loop) ----------------------------------------------------------------------

static void
core_error (void *data, uint32_t id, int seq, int res, const char *message)
{
  PwAudio *audio = data;

  if (id == PW_ID_CORE && res == -EPIPE) {
    audio->lost = true;
    pw_loop_signal_event (pw_thread_loop_get_loop (audio->loop), audio->changed);
  }
}

static const struct pw_core_events core_events = {PW_VERSION_CORE_EVENTS, .error = core_error};

static void
disconnect (PwAudio *audio)
{
  audio->lost = false;
  if (audio->core == NULL)
    return;
  g_mutex_lock (&audio->lock);
  for (unsigned i = 0; i < audio->streams->len; i++)
    pw_stream_drop (g_ptr_array_index (audio->streams, i));
  g_mutex_unlock (&audio->lock);
  spa_hook_remove (&audio->core_listener);
  pw_core_disconnect (audio->core);
  audio->core = NULL;
}

static void
reach_server (PwAudio *audio)
{
  if (audio->retry_ticks > 0) {
    audio->retry_ticks--;
    return;
  }
  audio->core = pw_context_connect (audio->context, NULL, 0);
  audio->retry_ticks = RETRY_TICKS;
  if (audio->core != NULL) {
    pw_core_add_listener (audio->core, &audio->core_listener, &core_events, audio);
    audio->told = false;
  } else if (!audio->told) {
    g_message (_ ("PipeWire does not run here, so the machine “%s” is silent until it does."),
               audio->name);
    audio->told = true;
  }
}

// ---- streams (loop) -------------------------------------------------------------------------

static void
free_stream (PwStream *stream)
{
  pw_stream_drop (stream);
  audio_link_free (stream->link);
  g_free (stream);
}

// What is wanted of one stream, as it was at a moment.
typedef struct Wish {
  PwStream *stream;
  bool running, allowed;
  bool over; // it is the machine's no more
} Wish;

// Only the loop takes streams away, so they stay while it works without the lock.
static unsigned
take_wishes (PwAudio *audio, Wish wishes[STREAMS_MAX])
{
  unsigned n = 0;

  g_mutex_lock (&audio->lock);
  for (unsigned i = audio->streams->len; i > 0; i--) {
    PwStream *stream = g_ptr_array_index (audio->streams, i - 1);
    Wish *wish = &wishes[n++];
    stream->idle_ticks = stream->running ? 0 : stream->idle_ticks + 1;
    wish->stream = stream;
    wish->running = stream->running;
    wish->allowed = !stream->capture || audio->microphone;
    wish->over = stream->closed && stream->idle_ticks >= LINGER_TICKS;
    if (wish->over)
      g_ptr_array_remove_index (audio->streams, i - 1);
  }
  g_mutex_unlock (&audio->lock);
  return n;
}

// What was left to play when it stopped is played before the stream is at rest.
static void
grant (PwAudio *audio, const Wish *wish)
{
  PwStream *stream = wish->stream;
  bool active = wish->running || (!stream->capture && stream->idle_ticks < LINGER_TICKS);
  unsigned gaps = audio_link_get_gaps (stream->link);

  if (stream->stream != NULL && (stream->failed || !wish->allowed))
    pw_stream_drop (stream);
  if (stream->stream == NULL && wish->allowed && wish->running && audio->core != NULL)
    pw_stream_make (stream);
  if (stream->stream != NULL && active != stream->active) {
    stream->active = active;
    pw_stream_set_active (stream->stream, active);
  }
  if (gaps != stream->gaps)
    g_debug ("%s: %u gaps in sound", audio->name, gaps);
  stream->gaps = gaps;
}

static void
update (PwAudio *audio)
{
  Wish wishes[STREAMS_MAX];

  if (audio->lost)
    disconnect (audio);
  unsigned n = take_wishes (audio, wishes);
  // Nobody is told of a server that nothing would be played on.
  if (n > 0 && audio->core == NULL)
    reach_server (audio);
  for (unsigned i = 0; i < n; i++)
    if (wishes[i].over)
      free_stream (wishes[i].stream);
    else
      grant (audio, &wishes[i]);
}

static void
changed_cb (void *data, uint64_t count)
{
  update (data);
}

// ---- what the machine wants -----------------------------------------------------------------

static void
wake (PwAudio *audio)
{
  pw_loop_signal_event (pw_thread_loop_get_loop (audio->loop), audio->changed);
}

// One that was closed a moment ago.
static PwStream *
find_closed (PwAudio *audio, bool capture, const VmAudioFormat *format)
{
  for (unsigned i = 0; i < audio->streams->len; i++) {
    PwStream *stream = g_ptr_array_index (audio->streams, i);
    if (stream->closed && stream->capture == capture && stream->format.rate == format->rate &&
        stream->format.channels == format->channels)
      return stream;
  }
  return NULL;
}

static PwStream *
add_stream (PwAudio *audio, bool capture, const VmAudioFormat *format)
{
  if (audio->streams->len >= STREAMS_MAX)
    return NULL;
  PwStream *stream = g_new0 (PwStream, 1);
  stream->audio = audio;
  stream->capture = capture;
  stream->format = *format;
  stream->link = audio_link_new (format->rate, format->channels, audio->latency_ms);
  if (!capture)
    audio_link_set_volume (stream->link, audio->volume);
  g_ptr_array_add (audio->streams, stream);
  return stream;
}

static void *
sink_open (void *sink, bool capture, const VmAudioFormat *format)
{
  PwAudio *audio = sink;

  g_mutex_lock (&audio->lock);
  PwStream *stream = find_closed (audio, capture, format);
  if (stream == NULL)
    stream = add_stream (audio, capture, format);
  if (stream != NULL)
    stream->closed = false;
  g_mutex_unlock (&audio->lock);
  return stream;
}

static void
sink_set_running (void *data, bool running)
{
  PwStream *stream = data;

  g_mutex_lock (&stream->audio->lock);
  stream->running = running;
  g_mutex_unlock (&stream->audio->lock);
  audio_link_set_running (stream->link, running);
  wake (stream->audio);
}

static void
sink_write (void *data, const float *frames, unsigned n)
{
  audio_link_write (((PwStream *) data)->link, frames, n);
}

static void
sink_read (void *data, float *frames, unsigned n)
{
  audio_link_read (((PwStream *) data)->link, frames, n);
}

static void
sink_close (void *data)
{
  PwStream *stream = data;
  PwAudio *audio = stream->audio;

  sink_set_running (stream, false);
  g_mutex_lock (&audio->lock);
  stream->closed = true;
  g_mutex_unlock (&audio->lock);
}

static const VmAudioSinkOps sink_ops = {
    .open = sink_open,
    .set_running = sink_set_running,
    .write = sink_write,
    .read = sink_read,
    .close = sink_close,
};

// ---- what the owner wants -------------------------------------------------------------------

static void
set_volume (Audio *base, unsigned percent, bool muted)
{
  PwAudio *audio = (PwAudio *) base;

  g_mutex_lock (&audio->lock);
  audio->volume = muted ? 0 : MIN (percent, 100) / 100.0;
  for (unsigned i = 0; i < audio->streams->len; i++) {
    PwStream *stream = g_ptr_array_index (audio->streams, i);
    if (!stream->capture)
      audio_link_set_volume (stream->link, audio->volume);
  }
  g_mutex_unlock (&audio->lock);
}

static void
set_microphone (Audio *base, bool allowed)
{
  PwAudio *audio = (PwAudio *) base;

  g_mutex_lock (&audio->lock);
  audio->microphone = allowed;
  g_mutex_unlock (&audio->lock);
  wake (audio);
}

static void
free_audio (Audio *base)
{
  PwAudio *audio = (PwAudio *) base;

  if (audio->loop != NULL) {
    pw_thread_loop_stop (audio->loop);
    disconnect (audio);
    g_clear_pointer (&audio->context, pw_context_destroy);
    for (unsigned i = 0; i < audio->streams->len; i++)
      free_stream (g_ptr_array_index (audio->streams, i));
    pw_thread_loop_destroy (audio->loop);
  }
  g_ptr_array_unref (audio->streams);
  g_mutex_clear (&audio->lock);
  g_free (audio->name);
  g_free (audio->output);
  g_free (audio->input);
  g_free (audio);
  pw_deinit ();
}

static const AudioOps audio_ops = {
    .free = free_audio,
    .set_volume = set_volume,
    .set_microphone = set_microphone,
};

// False: there is something wrong with PipeWire's library on this computer.
static bool
start_loop (PwAudio *audio)
{
  struct timespec tick = {.tv_nsec = TICK_MS * 1000 * 1000L};

  audio->loop = pw_thread_loop_new ("audio", NULL);
  if (audio->loop == NULL)
    return false;
  struct pw_loop *loop = pw_thread_loop_get_loop (audio->loop);
  audio->context = pw_context_new (loop, NULL, 0);
  audio->changed = pw_loop_add_event (loop, changed_cb, audio);
  audio->timer = pw_loop_add_timer (loop, changed_cb, audio);
  if (audio->context == NULL || audio->changed == NULL || audio->timer == NULL)
    return false;
  pw_loop_update_timer (loop, audio->timer, &tick, &tick, false);
  return pw_thread_loop_start (audio->loop) == 0;
}

Audio *
terrarium_audio_new_pipewire (const VmConfig *config)
{
  const VmSoundConfig *sound = &config->sound;
  PwAudio *audio = g_new0 (PwAudio, 1);

  pw_init (NULL, NULL);
  audio->audio.ops = &audio_ops;
  audio->audio.sink_ops = &sink_ops;
  audio->name = g_strdup (config->name);
  audio->output = g_strdup (sound->output);
  audio->input = g_strdup (sound->input);
  audio->latency_ms = sound->latency_ms;
  audio->volume = sound->muted ? 0 : MIN (sound->volume, 100) / 100.0;
  audio->microphone = sound->microphone;
  audio->streams = g_ptr_array_new ();
  g_mutex_init (&audio->lock);
  if (start_loop (audio))
    return &audio->audio;
  g_message (_ ("PipeWire cannot be used here, so the machine “%s” is silent."), audio->name);
  free_audio (&audio->audio);
  return NULL;
}
