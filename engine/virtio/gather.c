// SPDX-License-Identifier: GPL-3.0-or-later
// See gather.h.
#include "engine/virtio/gather.h"

void
virtio_gather_init (VirtioGather *gather, Vm *vm, void (*rested) (void *), void (*late) (void *),
                    void *data)
{
  gather->rest = vm_idle_new (&vm->idle, rested, data);
  gather->timer = vm_timer_new (vm->clock, late, data);
}

void
virtio_gather_clear (VirtioGather *gather)
{
  g_clear_pointer (&gather->rest, vm_idle_free);
  g_clear_pointer (&gather->timer, vm_timer_free);
}

bool
virtio_gather_put_off (VirtioGather *gather, VirtioDevice *vdev, unsigned queue)
{
  if (gather->waiting >> queue & 1) {
    vm_idle_want (gather->rest, true);
    return true;
  }
  if (gather->queues[queue].skip > 0) {
    gather->queues[queue].skip--;
    return false;
  }
  unsigned n = virtqueue_count_available (&vdev->queues[queue]);
  if (n == 0 || n >= GATHER_MAX_CHAINS)
    return false;
  gather->queues[queue].n = (uint16_t) n;
  gather->waiting |= 1ull << queue;
  virtqueue_set_notification (&vdev->queues[queue], false);
  vm_timer_arm (gather->timer, vm_clock_now (vdev->vm->clock) + GATHER_MAX_NS);
  vm_idle_want (gather->rest, true);
  return true;
}

int
virtio_gather_take (VirtioGather *gather, VirtioDevice *vdev, unsigned *n_more)
{
  if (gather->waiting == 0) {
    vm_timer_disarm (gather->timer);
    return -1;
  }
  unsigned queue = (unsigned) __builtin_ctzll (gather->waiting);
  gather->waiting &= gather->waiting - 1;
  unsigned n = virtqueue_count_available (&vdev->queues[queue]), before = gather->queues[queue].n;
  *n_more = n > before ? n - before : 0;
  return (int) queue;
}

void
virtio_gather_judge (VirtioGather *gather, unsigned queue, bool good)
{
  unsigned pause = gather->queues[queue].pause;
  pause = good ? 0 : MIN (MAX (2 * pause, GATHER_PAUSE_MIN), GATHER_PAUSE_MAX);
  gather->queues[queue].skip = gather->queues[queue].pause = (uint16_t) pause;
}

void
virtio_gather_stop (VirtioGather *gather)
{
  gather->waiting = 0;
  if (gather->rest == NULL)
    return;
  vm_idle_want (gather->rest, false);
  vm_timer_disarm (gather->timer);
}

void
virtio_gather_forget (VirtioGather *gather)
{
  virtio_gather_stop (gather);
  memset (gather->queues, 0, sizeof gather->queues);
}
