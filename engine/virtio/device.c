// SPDX-License-Identifier: GPL-3.0-or-later
// What all virtio devices share, whatever transport they sit behind (VIRTIO 1.2 §2). See device.h
// for threads and locks.

#include "engine/virtio/device.h"

enum {
  STATUS_DRIVER_OK = 4,
  STATUS_NEEDS_RESET = 64,
};

void
virtio_device_init (VirtioDevice *vdev, const VirtioOps *ops)
{
  vdev->ops = ops;
  g_mutex_init (&vdev->lock);
}

void
virtio_device_clear (VirtioDevice *vdev)
{
  g_mutex_clear (&vdev->lock);
}

unsigned
virtio_device_add_queue (VirtioDevice *vdev, uint16_t size_max)
{
  g_assert (vdev->n_queues < VIRTIO_MAX_QUEUES && size_max <= VIRTQUEUE_SIZE_MAX);
  VirtQueue *queue = &vdev->queues[vdev->n_queues];
  *queue = (VirtQueue){.bus = vdev->vm->bus, .size_max = size_max};
  virtqueue_reset (queue);
  g_assert (virtqueue_size_valid (queue, size_max));
  return vdev->n_queues++;
}

bool
virtio_device_has (const VirtioDevice *vdev, uint64_t feature)
{
  return (vdev->acked_features & feature) == feature;
}

void
virtio_device_lock (VirtioDevice *vdev)
{
  g_mutex_lock (&vdev->lock);
}

void
virtio_device_unlock (VirtioDevice *vdev)
{
  g_mutex_unlock (&vdev->lock);
}

void
virtio_device_notify (VirtioDevice *vdev, unsigned queue)
{
  g_assert (queue < vdev->n_queues);
  if (virtqueue_should_notify (&vdev->queues[queue]))
    vdev->transport_ops->notify_queue (vdev->transport, queue);
}

void
virtio_device_config_changed (VirtioDevice *vdev)
{
  vdev->config_generation++;
  if (vdev->status & STATUS_DRIVER_OK)
    vdev->transport_ops->notify_config (vdev->transport);
}

void
virtio_device_broken (VirtioDevice *vdev, const char *why)
{
  if (vdev->status & STATUS_NEEDS_RESET)
    return;
  guest_log (&vdev->vm->log, vdev->ops->name, "needs a reset: %s", why);
  vdev->status |= STATUS_NEEDS_RESET;
  for (unsigned i = 0; i < vdev->n_queues; i++)
    vdev->queues[i].broken = true;
  if (vdev->status & STATUS_DRIVER_OK)
    vdev->transport_ops->notify_config (vdev->transport);
}
