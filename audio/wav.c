// SPDX-License-Identifier: GPL-3.0-or-later
// Sound to and from WAV files, for tests. Streams are called by the machine's threads, one at a time.
#include <errno.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "audio/audio.h"

enum {
  HEADER_BYTES = 44,
  DATA_BYTES_MAX = 0x7fffff00,
  FORMAT_PCM = 1,
  INPUT_BYTES_MAX = 64 << 20,
};

typedef struct Wav {
  Audio audio;
  FILE *file;
  VmAudioFormat format; // rate 0: nothing was played yet
  uint32_t data_bytes;
  // What is recorded.
  int16_t *input;
  unsigned input_rate, input_channels, input_frames;
} Wav;

typedef struct Stream {
  Wav *wav;
  unsigned rate, channels;
  double at; // of the input
} Stream;

// ---- playing --------------------------------------------------------------------------------

static void
put (uint8_t *to, uint32_t value, unsigned bytes)
{
  for (unsigned i = 0; i < bytes; i++)
    to[i] = (uint8_t) (value >> 8 * i);
}

static void
write_header (Wav *wav)
{
  const unsigned frame = 2 * wav->format.channels;
  uint8_t header[HEADER_BYTES];

  memcpy (header, "RIFF....WAVEfmt ", 16);
  put (header + 4, HEADER_BYTES - 8 + wav->data_bytes, 4);
  put (header + 16, 16, 4);
  put (header + 20, FORMAT_PCM, 2);
  put (header + 22, wav->format.channels, 2);
  put (header + 24, wav->format.rate, 4);
  put (header + 28, wav->format.rate * frame, 4);
  put (header + 32, frame, 2);
  put (header + 34, 16, 2);
  memcpy (header + 36, "data", 4);
  put (header + 40, wav->data_bytes, 4);
  rewind (wav->file);
  fwrite (header, sizeof header, 1, wav->file);
}

static void *
wav_open (void *sink, bool capture, const VmAudioFormat *format)
{
  Wav *wav = sink;
  bool same = format->rate == wav->format.rate && format->channels == wav->format.channels;

  if (capture ? wav->input == NULL : wav->format.rate != 0 && !same)
    return NULL;
  if (!capture && wav->format.rate == 0) {
    wav->format = *format;
    write_header (wav);
  }
  Stream *stream = g_new0 (Stream, 1);
  stream->wav = wav;
  stream->rate = format->rate;
  stream->channels = format->channels;
  return stream;
}

static void
wav_write (void *data, const float *frames, unsigned n)
{
  Stream *stream = data;
  Wav *wav = stream->wav;

  for (unsigned i = 0; i < n * stream->channels; i++) {
    long value = lrintf (CLAMP (frames[i], -1, 1) * 32767);
    uint8_t bytes[2];
    if (wav->data_bytes >= DATA_BYTES_MAX)
      return;
    put (bytes, (uint32_t) value, sizeof bytes);
    wav->data_bytes += (uint32_t) fwrite (bytes, 1, sizeof bytes, wav->file);
  }
}

// From one sample to the next in a straight line; from the end to the start.
static void
wav_read (void *data, float *frames, unsigned n)
{
  Stream *stream = data;
  const Wav *wav = stream->wav;

  for (unsigned i = 0; i < n; i++) {
    unsigned at = (unsigned) stream->at, next = (at + 1) % wav->input_frames;
    float part = (float) (stream->at - at);
    for (unsigned c = 0; c < stream->channels; c++) {
      unsigned from = c % wav->input_channels;
      float a = wav->input[at * wav->input_channels + from];
      float b = wav->input[next * wav->input_channels + from];
      *frames++ = (a + part * (b - a)) / 32768;
    }
    stream->at += (double) wav->input_rate / stream->rate;
    if (stream->at >= wav->input_frames)
      stream->at = fmod (stream->at, wav->input_frames);
  }
}

static const VmAudioSinkOps sink_ops = {
    .open = wav_open,
    .write = wav_write,
    .read = wav_read,
    .close = g_free,
};

// ---- the input ------------------------------------------------------------------------------

static uint32_t
get (const uint8_t *from, unsigned bytes)
{
  uint32_t value = 0;

  for (unsigned i = bytes; i > 0; i--)
    value = value << 8 | from[i - 1];
  return value;
}

static bool
fail_input (const char *path, GError **error)
{
  g_autofree char *name = g_filename_display_name (path);

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               _ ("%s is not a WAV file of 16 bits; choose another file."), name);
  return false;
}

static bool
take_samples (Wav *wav, const uint8_t *data, uint32_t length)
{
  unsigned samples = length / 2;

  if (wav->input_channels == 0 || samples < wav->input_channels)
    return false;
  wav->input = g_new (int16_t, samples);
  for (unsigned i = 0; i < samples; i++)
    wav->input[i] = (int16_t) get (data + 2 * i, 2);
  wav->input_frames = samples / wav->input_channels;
  return true;
}

// The chunks of the file: the form, then the samples.
static bool
parse_input (Wav *wav, const uint8_t *data, size_t length)
{
  if (length < 12 || memcmp (data, "RIFF", 4) != 0 || memcmp (data + 8, "WAVE", 4) != 0)
    return false;
  for (size_t at = 12; length - at >= 8;) {
    const uint8_t *chunk = data + at + 8;
    size_t bytes = MIN (get (data + at + 4, 4), length - at - 8);
    if (memcmp (data + at, "data", 4) == 0)
      return take_samples (wav, chunk, (uint32_t) bytes);
    if (memcmp (data + at, "fmt ", 4) == 0) {
      if (bytes < 16 || get (chunk, 2) != FORMAT_PCM || get (chunk + 14, 2) != 16)
        return false;
      wav->input_channels = get (chunk + 2, 2);
      wav->input_rate = get (chunk + 4, 4);
      if (wav->input_channels > VM_AUDIO_CHANNELS_MAX || wav->input_rate == 0 ||
          wav->input_rate > VM_AUDIO_RATE_MAX)
        return false;
    }
    at += MIN (8 + bytes + bytes % 2, length - at);
  }
  return false;
}

static bool
read_input (Wav *wav, const char *path, GError **error)
{
  g_autofree char *data = NULL;
  gsize length;

  if (!g_file_get_contents (path, &data, &length, error))
    return false;
  if (length > INPUT_BYTES_MAX || !parse_input (wav, (const uint8_t *) data, length))
    return fail_input (path, error);
  return true;
}

// ---- life -----------------------------------------------------------------------------------

static void
wav_free (Audio *audio)
{
  Wav *wav = (Wav *) audio;

  if (wav->file != NULL) {
    write_header (wav);
    fclose (wav->file);
  }
  g_free (wav->input);
  g_free (wav);
}

static const AudioOps audio_ops = {.free = wav_free};

Audio *
audio_wav_new (const char *output, const char *input, GError **error)
{
  Wav *wav = g_new0 (Wav, 1);

  wav->audio.ops = &audio_ops;
  wav->audio.sink_ops = &sink_ops;
  if (input != NULL && !read_input (wav, input, error)) {
    wav_free (&wav->audio);
    return NULL;
  }
  wav->file = g_fopen (output, "wb");
  if (wav->file == NULL) {
    g_autofree char *name = g_filename_display_name (output);
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
                 _ ("The file %s cannot be written: %s."), name, g_strerror (errno));
    wav_free (&wav->audio);
    return NULL;
  }
  return &wav->audio;
}
