// SPDX-License-Identifier: GPL-3.0-or-later
// The DMA engines of the HDA controller (specification 1.0a §3.3.35, §3.6): a list of buffers is gone
// through again and again, as fast as the machine's clock says. Whoever reads a position does what is
// due first, so that it is exact and nothing behind it is still to be read. Threads: see hda-priv.h.
#include <fenv.h>
#include <string.h>

#include "engine/hw/hda-priv.h"

enum {
  ENTRY_BYTES = 16,
  CHUNK_BYTES = 4096,
  TICK_NS = 5 * 1000 * 1000,       // how often frames are handed over
  TICK_POSITIONS_NS = 1000 * 1000, // and when the driver looks for positions in memory
  TICK_LEAST_NS = 200 * 1000,      // however short the buffers
  FIFO_FRAMES = 16,                // an interrupt comes a little after its position
  POSITION_BYTES = 8,              // of each stream
  CHANNELS_MAX = 2,                // the codec has no more
  LAG_MS_MAX = 250,                // that is made up for
};
#define POSITIONS_ENABLED UINT64_C (1)
#define POSITIONS_MASK    (~UINT64_C (0x7f))
#define LIST_MASK         (~UINT64_C (0x7f))

// ---- formats (§3.7.1) -----------------------------------------------------------------------

static unsigned
get_channels (uint16_t format)
{
  return (format & 0xf) + 1u;
}

static unsigned
get_rate (uint16_t format)
{
  unsigned base = (format & 1 << 14) != 0 ? 44100 : 48000;
  unsigned multiple = (format >> 11 & 7) + 1u, divisor = (format >> 8 & 7) + 1u;

  return base * (multiple <= 4 ? multiple : 1) / divisor;
}

// Samples of 20 and 24 bits are left-justified in 32.
static AudioSample
get_sample (uint16_t format)
{
  unsigned bits = format >> 4 & 7;
  return bits == 0 ? AUDIO_U8 : bits == 1 ? AUDIO_S16 : AUDIO_S32;
}

// ---- where it is in the list ----------------------------------------------------------------

void
hda_stream_reset (HdaStream *stream)
{
  audio_stream_close (&stream->audio);
  stream->control = stream->status = stream->last = 0;
  stream->format = 0;
  stream->position = stream->cyclic_bytes = 0;
  stream->list = 0;
  stream->entry = (HdaEntry){0};
  stream->index = stream->offset = 0;
}

static void
go_to_next_entry (HdaStream *stream)
{
  if (stream->entry.interrupt)
    stream->status |= HDA_STS_COMPLETE;
  stream->entry = (HdaEntry){0};
  stream->offset = 0;
  stream->index = stream->index < stream->last ? stream->index + 1 : 0;
}

// The entry it is in; false: there is none with a byte in it.
static bool
fetch_entry (Hda *hda, HdaStream *stream)
{
  struct {
    uint64_t address;
    uint32_t bytes, flags;
  } entry;

  for (unsigned i = 0; stream->entry.bytes == 0; i++) {
    GuestAddr at = (stream->list & LIST_MASK) + stream->index * (uint64_t) ENTRY_BYTES;
    if (i > stream->last || !mem_bus_copy_from (hda->device.vm->bus, at, &entry, sizeof entry))
      return false;
    stream->entry = (HdaEntry){entry.address, entry.bytes, (entry.flags & 1) != 0};
    if (entry.bytes == 0)
      go_to_next_entry (stream);
  }
  return true;
}

// Past `bytes`, which do not leave the entry.
static void
advance (HdaStream *stream, uint32_t bytes)
{
  stream->offset += bytes;
  stream->position += bytes;
  if (stream->offset >= stream->entry.bytes)
    go_to_next_entry (stream);
  if (stream->position >= stream->cyclic_bytes) {
    stream->position = stream->offset = stream->index = 0;
    stream->entry = (HdaEntry){0};
  }
}

// The next bytes of the list from or to `bytes`. What is no RAM is silent. False: there is no list.
static bool
transfer (Hda *hda, HdaStream *stream, uint8_t *bytes, uint32_t length)
{
  while (length > 0) {
    if (!fetch_entry (hda, stream))
      return false;
    uint32_t n = MIN (length, stream->entry.bytes - stream->offset);
    n = MIN (n, stream->cyclic_bytes - stream->position);
    void *at = mem_bus_ram_ptr (hda->device.vm->bus, stream->entry.address + stream->offset, n);
    if (at == NULL && !stream->audio.capture)
      memset (bytes, 0, n);
    else if (at != NULL)
      memcpy (stream->audio.capture ? at : bytes, stream->audio.capture ? bytes : at, n);
    advance (stream, n);
    bytes += n;
    length -= n;
  }
  return true;
}

// ---- playing and recording ------------------------------------------------------------------

static bool
move_some (Hda *hda, HdaStream *stream, unsigned frames)
{
  uint8_t bytes[CHUNK_BYTES];
  uint32_t length = frames * audio_stream_frame_bytes (&stream->audio);

  if (stream->audio.capture)
    audio_stream_read (&stream->audio, bytes, frames);
  if (!transfer (hda, stream, bytes, length))
    return false;
  if (!stream->audio.capture)
    audio_stream_write (&stream->audio, bytes, frames);
  return true;
}

static void
run_stream (Hda *hda, HdaStream *stream, int64_t now)
{
  uint64_t due = audio_stream_get_due (&stream->audio, now);
  const uint64_t most = (uint64_t) stream->audio.rate * LAG_MS_MAX / 1000;

  // Nobody was here for too long: that time did not pass for the stream.
  if (due > most) {
    audio_stream_write_silence (&stream->audio, due - most);
    due = most;
  }
  while (due > 0) {
    unsigned n = (unsigned) MIN (due, CHUNK_BYTES / audio_stream_frame_bytes (&stream->audio));
    if (!move_some (hda, stream, n)) {
      stream->status |= HDA_STS_DESCRIPTOR;
      audio_stream_stop (&stream->audio);
      return;
    }
    due -= n;
  }
}

static void
tell_positions (Hda *hda)
{
  if (!(hda->positions & POSITIONS_ENABLED))
    return;
  for (unsigned i = 0; i < HDA_N_STREAMS; i++) {
    uint32_t position = hda->streams[i].position;
    mem_bus_copy_to (hda->device.vm->bus, (hda->positions & POSITIONS_MASK) + i * POSITION_BYTES,
                     &position, sizeof position);
  }
}

void
hda_run (Hda *hda)
{
  int64_t now = vm_clock_now (hda->device.vm->clock);
  bool any = false;
  fenv_t environment;

  if (hda->quiet)
    return;
  // On a vCPU's thread floating point rounds and flushes as the guest has set it, and notes for it.
  fegetenv (&environment);
  fesetenv (FE_DFL_ENV);
  for (unsigned i = 0; i < HDA_N_STREAMS; i++) {
    if (!hda->streams[i].audio.running)
      continue;
    run_stream (hda, &hda->streams[i], now);
    any = true;
  }
  fesetenv (&environment);
  if (!any)
    return;
  tell_positions (hda);
  hda_update_interrupt (hda);
}

// When the entry the stream is in ends, of as much as is known of it.
static int64_t
get_end (const HdaStream *stream)
{
  uint32_t left =
      MIN (stream->entry.bytes - stream->offset, stream->cyclic_bytes - stream->position);
  unsigned frame = audio_stream_frame_bytes (&stream->audio);

  return audio_stream_get_time (&stream->audio, (left + frame - 1) / frame + FIFO_FRAMES);
}

void
hda_schedule (Hda *hda)
{
  int64_t now = vm_clock_now (hda->device.vm->clock), next = INT64_MAX;
  int64_t tick = (hda->positions & POSITIONS_ENABLED) != 0 ? TICK_POSITIONS_NS : TICK_NS;

  if (hda->quiet)
    return;
  for (unsigned i = 0; i < HDA_N_STREAMS; i++) {
    HdaStream *stream = &hda->streams[i];
    if (!stream->audio.running)
      continue;
    next = MIN (next, now + tick);
    if (fetch_entry (hda, stream) && stream->entry.interrupt)
      next = MIN (next, get_end (stream));
  }
  if (next != INT64_MAX)
    vm_timer_arm (hda->timer, MAX (next, now + TICK_LEAST_NS));
}

// ---- starting and stopping ------------------------------------------------------------------

static const HdaNode *
get_converter (const Hda *hda, unsigned index)
{
  return &hda->nodes[index == HDA_STREAM_OUT ? HDA_NODE_DAC : HDA_NODE_ADC];
}

// Whether the codec listens to the stream, or speaks on it.
static bool
is_connected (const Hda *hda, unsigned index)
{
  const HdaStream *stream = &hda->streams[index];
  unsigned tag = stream->control >> HDA_SD_TAG_SHIFT & 0xf;

  return tag != 0 && get_converter (hda, index)->stream >> 4 == tag;
}

static bool
is_wanted (const Hda *hda, unsigned index)
{
  const HdaStream *stream = &hda->streams[index];

  return (hda->gctl & HDA_GCTL_RUN) && (stream->control & HDA_SD_RUN) &&
         !(hda->sync >> index & 1) && stream->cyclic_bytes > 0 &&
         get_channels (stream->format) <= CHANNELS_MAX;
}

// The way to the sink is there or not, as the codec wants it; time goes on.
static void
connect (Hda *hda, unsigned index)
{
  HdaStream *stream = &hda->streams[index];
  AudioStream before = stream->audio;
  const VmAudioSinkOps *ops = is_connected (hda, index) ? hda->ops : NULL;

  if (before.rate != 0 && before.ops == ops)
    return;
  audio_stream_close (&stream->audio);
  stream->audio.ops = ops;
  audio_stream_open (&stream->audio, get_sample (stream->format), get_rate (stream->format),
                     get_channels (stream->format));
  if (!before.running)
    return;
  audio_stream_start (&stream->audio, before.start_ns);
  stream->audio.done = before.done;
}

void
hda_stream_update (Hda *hda, unsigned index)
{
  HdaStream *stream = &hda->streams[index];

  if (!is_wanted (hda, index)) {
    audio_stream_stop (&stream->audio);
    return;
  }
  connect (hda, index);
  audio_stream_start (&stream->audio, vm_clock_now (hda->device.vm->clock));
  hda_schedule (hda);
}

bool
hda_stream_is_valid (const HdaStream *stream)
{
  bool entry =
      stream->entry.bytes == 0 ? stream->offset == 0 : stream->offset < stream->entry.bytes;

  return entry && stream->index <= stream->last &&
         (stream->position == 0 || stream->position < stream->cyclic_bytes);
}
