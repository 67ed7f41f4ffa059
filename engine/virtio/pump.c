// SPDX-License-Identifier: GPL-3.0-or-later
// Bounded processing of driver-to-device queues, on the I/O thread.
#include "engine/virtio/pump.h"

enum {
  STATUS_DRIVER_OK = 4,
  STATUS_NEEDS_RESET = 64,
};

bool
virtio_device_is_live (const VirtioDevice *vdev)
{
  return (vdev->status & (STATUS_DRIVER_OK | STATUS_NEEDS_RESET)) == STATUS_DRIVER_OK;
}

static void
look_again (VirtioPump *pump, uint64_t queues)
{
  pump->pending |= queues;
  vm_event_signal (pump->again);
}

void
virtio_pump_run_again (VirtioPump *pump, unsigned queue)
{
  look_again (pump, 1ull << queue);
}

// False: stop for now, the handler refused or the budget is spent.
static bool
take_chains (VirtioPump *pump, unsigned queue, unsigned *budget)
{
  VirtQueue *vq = &pump->vdev->queues[queue];
  VirtChain *chain;
  while (*budget > 0 && (chain = virtqueue_pop (vq)) != NULL) {
    if (!pump->handle (pump->vdev, queue, chain))
      return false;
    --*budget;
  }
  return *budget > 0;
}

void
virtio_pump_run (VirtioPump *pump, unsigned queue)
{
  VirtioDevice *vdev = pump->vdev;
  if (queue >= vdev->n_queues || (pump->queues >> queue & 1) == 0 || pump->paused ||
      !virtio_device_is_live (vdev))
    return; // resume looks at every queue
  VirtQueue *vq = &vdev->queues[queue];
  unsigned budget = pump->budget;
  bool more = true;
  if (pump->begin != NULL)
    pump->begin (vdev);
  while (more) {
    virtqueue_set_notification (vq, false);
    more = take_chains (pump, queue, &budget);
    more = virtqueue_set_notification (vq, true) && more && !vq->broken;
  }
  if (vq->broken) {
    virtio_device_broken (vdev, "malformed virtqueue");
    return;
  }
  virtio_device_notify (vdev, queue);
  if (budget == 0)
    look_again (pump, 1ull << queue);
}

static void
again_cb (void *data)
{
  VirtioPump *pump = data;
  virtio_device_lock (pump->vdev);
  uint64_t pending = pump->pending;
  pump->pending = 0;
  for (unsigned queue = 0; queue < pump->vdev->n_queues; queue++) {
    if (pending >> queue & 1)
      virtio_pump_run (pump, queue);
  }
  virtio_device_unlock (pump->vdev);
}

void
virtio_pump_quiesce (VirtioPump *pump)
{
  pump->paused = true;
}

void
virtio_pump_resume (VirtioPump *pump)
{
  pump->paused = false;
  look_again (pump, pump->queues);
}

void
virtio_pump_init (VirtioPump *pump, VirtioDevice *vdev, uint64_t queues, unsigned budget,
                  VirtioHandler handle)
{
  pump->vdev = vdev;
  pump->handle = handle;
  pump->queues = queues;
  pump->budget = budget;
  pump->again = vm_event_new (vdev->vm->loop, again_cb, pump);
}

void
virtio_pump_clear (VirtioPump *pump)
{
  if (pump->again != NULL)
    vm_event_free (pump->again);
  pump->again = NULL;
}
