// SPDX-License-Identifier: GPL-3.0-or-later
// virtio entropy source (VIRTIO 1.2 §5.4): buffers are filled from the host's getrandom.
//
// Threads: the I/O thread under the device's lock. A guest may have CHUNK_BYTES per interval; the
// rest of its requests wait for a timer.
#include "engine/virtio/rng.h"

#include <sys/random.h>

#include "engine/virtio/pump.h"

enum {
  QUEUE_SIZE = 64,
  REQUESTS_PER_RUN = 64,
  REQUEST_MAX_BYTES = 4096,
  INTERVAL_NS = 10 * 1000 * 1000,
  INTERVAL_BYTES = 64 * 1024, // 6.4 MB/s
};

typedef struct VirtioRng {
  VirtioDevice vdev;
  VirtioPump pump;
  VmTimer *timer;
  int64_t interval_start_ns;
  unsigned interval_bytes; // given out since then
} VirtioRng;

static bool
may_give (VirtioRng *rng)
{
  int64_t now = vm_clock_now (rng->vdev.vm->clock);
  if (now - rng->interval_start_ns >= INTERVAL_NS) {
    rng->interval_start_ns = now;
    rng->interval_bytes = 0;
  }
  if (rng->interval_bytes < INTERVAL_BYTES)
    return true;
  vm_timer_arm (rng->timer, rng->interval_start_ns + INTERVAL_NS);
  return false;
}

static bool
handle (VirtioDevice *vdev, unsigned queue, VirtChain *chain)
{
  VirtioRng *rng = (VirtioRng *) vdev;
  uint8_t bytes[REQUEST_MAX_BYTES];
  if (!may_give (rng)) {
    virtqueue_unpop (&vdev->queues[queue], chain);
    return false;
  }
  size_t length = chain->in_bytes < sizeof bytes ? (size_t) chain->in_bytes : sizeof bytes;
  ssize_t got = length > 0 ? getrandom (bytes, length, 0) : 0;
  size_t written = got > 0 ? virtchain_write (chain, 0, bytes, (size_t) got) : 0;
  rng->interval_bytes += (unsigned) written;
  virtqueue_push (&vdev->queues[queue], chain, (uint32_t) written);
  return true;
}

// I/O thread, lock not held.
static void
timer_cb (void *data)
{
  VirtioRng *rng = data;
  virtio_device_lock (&rng->vdev);
  virtio_pump_run (&rng->pump, 0);
  virtio_device_unlock (&rng->vdev);
}

// ---------------------------------------------------------------------------------------------
// Ops

static void
rng_queue_notify (VirtioDevice *vdev, unsigned queue)
{
  virtio_pump_run (&((VirtioRng *) vdev)->pump, queue);
}

static void
rng_reset (VirtioDevice *vdev)
{
  vm_timer_disarm (((VirtioRng *) vdev)->timer);
}

static void
rng_quiesce (VirtioDevice *vdev)
{
  virtio_pump_quiesce (&((VirtioRng *) vdev)->pump);
}

static void
rng_resume (VirtioDevice *vdev)
{
  virtio_pump_resume (&((VirtioRng *) vdev)->pump);
}

// There is nothing to keep: what was given out does not come again.
static void
rng_save (VirtioDevice *vdev, StateWriter *writer)
{
}

static bool
rng_load (VirtioDevice *vdev, StateReader *reader, uint32_t version, GError **error)
{
  VirtioRng *rng = (VirtioRng *) vdev;
  rng->interval_start_ns = 0;
  rng->interval_bytes = 0;
  return true;
}

static bool
rng_realize (VirtioDevice *vdev, GError **error)
{
  VirtioRng *rng = (VirtioRng *) vdev;
  virtio_device_add_queue (vdev, QUEUE_SIZE);
  virtio_pump_init (&rng->pump, vdev, 1, REQUESTS_PER_RUN, handle);
  rng->timer = vm_timer_new (vdev->vm->clock, timer_cb, rng);
  return true;
}

static void
rng_free (VirtioDevice *vdev)
{
  VirtioRng *rng = (VirtioRng *) vdev;
  virtio_pump_clear (&rng->pump);
  if (rng->timer != NULL)
    vm_timer_free (rng->timer);
  virtio_device_clear (vdev);
  g_free (rng);
}

static const VirtioOps rng_ops = {
    .name = "virtio-rng",
    .device_id = VIRTIO_ID_RNG,
    .pci_class = {0x00, 0xff, 0x00}, // unclassified
    .state_version = 1,
    .realize = rng_realize,
    .free = rng_free,
    .reset = rng_reset,
    .queue_notify = rng_queue_notify,
    .quiesce = rng_quiesce,
    .resume = rng_resume,
    .save = rng_save,
    .load = rng_load,
};

VirtioDevice *
virtio_rng_new (void)
{
  VirtioRng *rng = g_new0 (VirtioRng, 1);
  virtio_device_init (&rng->vdev, &rng_ops);
  return &rng->vdev;
}
