// SPDX-License-Identifier: GPL-3.0-or-later
// virtio sound (VIRTIO 1.2 §5.14) as a device. See snd-priv.h for threads. There is nothing to tell
// on the event queue: jacks stay as they are, and periods and late drivers are not announced.
#include "engine/virtio/snd.h"

#include <assert.h>
#include <gio/gio.h>
#include <string.h>

#include "engine/virtio/snd-priv.h"

enum {
  CHAINS_PER_RUN = 64,
};

typedef struct SndConfig {
  uint32_t jacks, streams, chmaps;
} SndConfig;
static_assert (sizeof (SndConfig) == 12, "§5.14.4");

static bool
handle (VirtioDevice *vdev, unsigned queue, VirtChain *chain)
{
  VirtioSnd *snd = (VirtioSnd *) vdev;

  return queue == SND_QUEUE_CONTROL ? snd_control (snd, chain) : snd_pcm_take (snd, queue, chain);
}

// I/O thread, lock not held.
static void
timer_cb (void *data)
{
  VirtioSnd *snd = data;

  virtio_device_lock (&snd->vdev);
  snd_pcm_run (snd);
  virtio_device_unlock (&snd->vdev);
}

// ---- ops ------------------------------------------------------------------------------------

static void
snd_queue_notify (VirtioDevice *vdev, unsigned queue)
{
  virtio_pump_run (&((VirtioSnd *) vdev)->pump, queue);
}

static void
snd_read_config (VirtioDevice *vdev, unsigned offset, void *to, unsigned length)
{
  const SndConfig config = {
      .jacks = SND_N_STREAMS,
      .streams = SND_N_STREAMS,
      .chmaps = SND_CHANNELS_OUT_MAX + SND_CHANNELS_IN_MAX,
  };

  memcpy (to, (const uint8_t *) &config + offset, length);
}

static void
snd_reset (VirtioDevice *vdev)
{
  VirtioSnd *snd = (VirtioSnd *) vdev;

  vm_timer_disarm (snd->timer);
  snd_pcm_reset (snd);
}

static void
snd_quiesce (VirtioDevice *vdev)
{
  VirtioSnd *snd = (VirtioSnd *) vdev;

  virtio_pump_quiesce (&snd->pump);
  for (unsigned i = 0; i < SND_N_STREAMS; i++)
    audio_stream_set_paused (&snd->streams[i].audio, true);
}

static void
snd_resume (VirtioDevice *vdev)
{
  VirtioSnd *snd = (VirtioSnd *) vdev;

  virtio_pump_resume (&snd->pump);
  for (unsigned i = 0; i < SND_N_STREAMS; i++)
    audio_stream_set_paused (&snd->streams[i].audio, false);
  snd_pcm_run (snd);
}

static void
snd_save (VirtioDevice *vdev, StateWriter *writer)
{
  snd_pcm_save ((VirtioSnd *) vdev, writer);
}

static bool
snd_load (VirtioDevice *vdev, StateReader *reader, uint32_t version, GError **error)
{
  VirtioSnd *snd = (VirtioSnd *) vdev;

  snd_pcm_reset (snd);
  if (snd_pcm_load (snd, reader))
    return true;
  snd_pcm_reset (snd);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               "The saved state of the sound device is damaged.");
  return false;
}

static bool
snd_realize (VirtioDevice *vdev, GError **error)
{
  VirtioSnd *snd = (VirtioSnd *) vdev;

  for (unsigned i = 0; i <= SND_QUEUE_RX; i++)
    virtio_device_add_queue (vdev, SND_QUEUE_SIZE);
  virtio_pump_init (&snd->pump, vdev,
                    1u << SND_QUEUE_CONTROL | 1u << SND_QUEUE_TX | 1u << SND_QUEUE_RX,
                    CHAINS_PER_RUN, handle);
  snd->timer = vm_timer_new (vdev->vm->clock, timer_cb, snd);
  return true;
}

static void
snd_free (VirtioDevice *vdev)
{
  VirtioSnd *snd = (VirtioSnd *) vdev;

  snd_pcm_reset (snd);
  virtio_pump_clear (&snd->pump);
  if (snd->timer != NULL)
    vm_timer_free (snd->timer);
  virtio_device_clear (vdev);
  g_free (snd);
}

static const VirtioOps snd_ops = {
    .name = "virtio-snd",
    .device_id = VIRTIO_ID_SOUND,
    .pci_class = {0x04, 0x01, 0x00}, // audio device
    .state_version = 1,
    .config_bytes = sizeof (SndConfig),
    .realize = snd_realize,
    .free = snd_free,
    .reset = snd_reset,
    .queue_notify = snd_queue_notify,
    .read_config = snd_read_config,
    .quiesce = snd_quiesce,
    .resume = snd_resume,
    .save = snd_save,
    .load = snd_load,
};

VirtioDevice *
virtio_snd_new (const VmAudioSinkOps *ops, void *sink)
{
  VirtioSnd *snd = g_new0 (VirtioSnd, 1);

  virtio_device_init (&snd->vdev, &snd_ops);
  for (unsigned i = 0; i < SND_N_STREAMS; i++) {
    SndStream *stream = &snd->streams[i];
    g_queue_init (&stream->messages);
    audio_stream_init (&stream->audio, ops, sink, i == SND_STREAM_IN);
    stream->queue = i == SND_STREAM_IN ? SND_QUEUE_RX : SND_QUEUE_TX;
  }
  return &snd->vdev;
}
