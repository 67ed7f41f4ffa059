// SPDX-License-Identifier: GPL-3.0-or-later
// A virtio driver made of bare memory writes.
#include "tests/support/virtio-guest.h"

#include <stdlib.h>
#include <string.h>

enum {
  STATUS_READY = 1 | 2 | 4 | 8, // acknowledge, driver, driver OK, features OK
  STATUS_NEEDS_RESET = 64,
  DESC_NEXT = 1,
  DESC_WRITE = 2,
  WAIT_SECONDS = 20,
};

static void
notify_queue (void *transport, unsigned queue)
{
  VirtioGuest *guest = transport;
  g_mutex_lock (&guest->lock);
  guest->n_interrupts++;
  g_cond_broadcast (&guest->changed);
  g_mutex_unlock (&guest->lock);
}

static void
notify_config (void *transport)
{
  VirtioGuest *guest = transport;
  g_mutex_lock (&guest->lock);
  guest->n_config_changes++;
  g_cond_broadcast (&guest->changed);
  g_mutex_unlock (&guest->lock);
}

static const VirtioTransportOps transport_ops = {
    .notify_queue = notify_queue,
    .notify_config = notify_config,
};

// ---------------------------------------------------------------------------------------------
// Calls into the device, on the I/O thread and with its lock, as a transport makes them

typedef struct Call {
  VirtioGuest *guest;
  unsigned queue, offset, length;
  void *data;
  uint64_t features;
  StateWriter *writer;
  StateReader *reader;
  GError **error;
  bool ok;
} Call;

static void
run (VirtioGuest *guest, void (*fn) (void *), Call *call)
{
  call->guest = guest;
  vm_loop_call (guest->vm.loop, fn, call);
}

static void
realize_cb (void *data)
{
  Call *call = data;
  VirtioDevice *vdev = call->guest->vdev;
  call->ok = vdev->ops->realize (vdev, call->error);
}

static void
free_cb (void *data)
{
  Call *call = data;
  VirtioDevice *vdev = call->guest->vdev;
  vdev->ops->free (vdev);
}

static void
start_cb (void *data)
{
  Call *call = data;
  VirtioGuest *guest = call->guest;
  VirtioDevice *vdev = guest->vdev;
  virtio_device_lock (vdev);
  vdev->acked_features = call->features & (vdev->features | VIRTIO_F_VERSION_1 |
                                           VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX);
  for (unsigned i = 0; i < vdev->n_queues; i++) {
    VirtQueue *queue = &vdev->queues[i];
    queue->size = guest->queues[i].size;
    queue->desc = guest->queues[i].desc;
    queue->avail = guest->queues[i].avail;
    queue->used = guest->queues[i].used;
    queue->event_idx = (vdev->acked_features & VIRTIO_F_EVENT_IDX) != 0;
    queue->ready = true;
  }
  vdev->status = STATUS_READY;
  if (vdev->ops->set_status != NULL)
    vdev->ops->set_status (vdev, vdev->status);
  virtio_device_unlock (vdev);
}

static void
reset_cb (void *data)
{
  Call *call = data;
  VirtioDevice *vdev = call->guest->vdev;
  virtio_device_lock (vdev);
  vdev->ops->reset (vdev);
  for (unsigned i = 0; i < vdev->n_queues; i++)
    virtqueue_reset (&vdev->queues[i]);
  vdev->status = 0;
  vdev->acked_features = 0;
  virtio_device_unlock (vdev);
}

static void
notify_cb (void *data)
{
  Call *call = data;
  VirtioDevice *vdev = call->guest->vdev;
  virtio_device_lock (vdev);
  vdev->ops->queue_notify (vdev, call->queue);
  virtio_device_unlock (vdev);
}

static void
quiesce_cb (void *data)
{
  Call *call = data;
  VirtioDevice *vdev = call->guest->vdev;
  virtio_device_lock (vdev);
  if (vdev->ops->quiesce != NULL)
    vdev->ops->quiesce (vdev);
  virtio_device_unlock (vdev);
}

static void
resume_cb (void *data)
{
  Call *call = data;
  VirtioDevice *vdev = call->guest->vdev;
  virtio_device_lock (vdev);
  if (vdev->ops->resume != NULL)
    vdev->ops->resume (vdev);
  virtio_device_unlock (vdev);
}

static void
save_cb (void *data)
{
  Call *call = data;
  VirtioDevice *vdev = call->guest->vdev;
  virtio_device_lock (vdev);
  state_put_u8 (call->writer, vdev->status);
  state_put_u64 (call->writer, vdev->acked_features);
  for (unsigned i = 0; i < vdev->n_queues; i++)
    virtqueue_save (&vdev->queues[i], call->writer);
  vdev->ops->save (vdev, call->writer);
  virtio_device_unlock (vdev);
}

static void
load_cb (void *data)
{
  Call *call = data;
  VirtioDevice *vdev = call->guest->vdev;
  virtio_device_lock (vdev);
  vdev->status = state_get_u8 (call->reader);
  vdev->acked_features = state_get_u64 (call->reader);
  call->ok = true;
  for (unsigned i = 0; i < vdev->n_queues; i++)
    call->ok = virtqueue_load (&vdev->queues[i], call->reader) && call->ok;
  call->ok =
      call->ok && vdev->ops->load (vdev, call->reader, vdev->ops->state_version, call->error);
  virtio_device_unlock (vdev);
}

static void
read_config_cb (void *data)
{
  Call *call = data;
  VirtioDevice *vdev = call->guest->vdev;
  virtio_device_lock (vdev);
  vdev->ops->read_config (vdev, call->offset, call->data, call->length);
  virtio_device_unlock (vdev);
}

static void
write_config_cb (void *data)
{
  Call *call = data;
  VirtioDevice *vdev = call->guest->vdev;
  virtio_device_lock (vdev);
  if (vdev->ops->write_config != NULL)
    vdev->ops->write_config (vdev, call->offset, call->data, call->length);
  virtio_device_unlock (vdev);
}

static void
nothing_cb (void *data)
{
}

// ---------------------------------------------------------------------------------------------
// Life

VirtioGuest *
virtio_guest_new (VirtioDevice *take, GError **error)
{
  VirtioGuest *guest = g_new0 (VirtioGuest, 1);
  g_mutex_init (&guest->lock);
  g_cond_init (&guest->changed);
  guest_log_init (&guest->vm.log, "test");
  guest->ram = vm_ram_new (VIRTIO_GUEST_RAM_BASE, VIRTIO_GUEST_RAM_BYTES, NULL);
  guest->vm.bus = mem_bus_new ();
  mem_bus_add_ram (guest->vm.bus, guest->ram);
  guest->vm.loop = vm_loop_new ("test-io");
  guest->vm.clock = vm_clock_new (guest->vm.loop);
  vm_clock_start (guest->vm.clock);
  guest->next_alloc = VIRTIO_GUEST_RAM_BASE;
  guest->vdev = take;
  take->vm = &guest->vm;
  take->transport_ops = &transport_ops;
  take->transport = guest;

  Call call = {.error = error};
  run (guest, realize_cb, &call);
  if (call.ok)
    return guest;
  virtio_guest_free (guest);
  return NULL;
}

void
virtio_guest_free (VirtioGuest *guest)
{
  Call call = {0};
  if (guest == NULL)
    return;
  run (guest, free_cb, &call);
  vm_clock_free (guest->vm.clock);
  vm_loop_free (guest->vm.loop);
  mem_bus_free (guest->vm.bus);
  vm_ram_free (guest->ram);
  guest_log_clear (&guest->vm.log);
  g_cond_clear (&guest->changed);
  g_mutex_clear (&guest->lock);
  g_free (guest);
}

void
virtio_guest_start (VirtioGuest *guest, uint64_t features, uint16_t queue_size)
{
  Call call = {.features = features | VIRTIO_F_VERSION_1};
  for (unsigned i = 0; i < guest->vdev->n_queues; i++) {
    uint16_t size = queue_size != 0 ? queue_size : guest->vdev->queues[i].size_max;
    guest->queues[i] = (VirtioGuestQueue){
        .size = size,
        .desc = virtio_guest_alloc (guest, size * 16u),
        .avail = virtio_guest_alloc (guest, 6 + 2u * size),
        .used = virtio_guest_alloc (guest, 6 + 8u * size),
    };
  }
  run (guest, start_cb, &call);
}

void
virtio_guest_reset (VirtioGuest *guest)
{
  Call call = {0};
  run (guest, reset_cb, &call);
}

bool
virtio_guest_needs_reset (VirtioGuest *guest)
{
  virtio_guest_settle (guest);
  virtio_device_lock (guest->vdev);
  bool needs = (guest->vdev->status & STATUS_NEEDS_RESET) != 0;
  virtio_device_unlock (guest->vdev);
  return needs;
}

void
virtio_guest_quiesce (VirtioGuest *guest)
{
  Call call = {0};
  vm_clock_stop (guest->vm.clock);
  run (guest, quiesce_cb, &call);
}

void
virtio_guest_resume (VirtioGuest *guest)
{
  Call call = {0};
  vm_clock_start (guest->vm.clock);
  run (guest, resume_cb, &call);
}

GBytes *
virtio_guest_save (VirtioGuest *guest)
{
  Call call = {.writer = state_writer_new ()};
  state_writer_begin (call.writer, guest->vdev->ops->name, guest->vdev->ops->state_version);
  run (guest, save_cb, &call);
  state_writer_end (call.writer);
  return state_writer_finish (call.writer);
}

bool
virtio_guest_load (VirtioGuest *guest, GBytes *state, GError **error)
{
  uint32_t version;
  Call call = {.reader = state_reader_new (state, error), .error = error};
  if (call.reader == NULL)
    return false;
  bool ok = state_reader_begin (call.reader, guest->vdev->ops->name,
                                guest->vdev->ops->state_version, &version, error);
  if (ok) {
    run (guest, load_cb, &call);
    ok = call.ok && state_reader_end (call.reader, error);
  }
  state_reader_free (call.reader);
  return ok;
}

// ---------------------------------------------------------------------------------------------
// Memory and queues

GuestAddr
virtio_guest_alloc (VirtioGuest *guest, size_t bytes)
{
  GuestAddr addr = guest->next_alloc;
  guest->next_alloc += (bytes + 15) & ~(size_t) 15;
  if (guest->next_alloc > VIRTIO_GUEST_RAM_BASE + (GuestAddr) VIRTIO_GUEST_RAM_BYTES)
    abort ();
  return addr;
}

void *
virtio_guest_ptr (VirtioGuest *guest, GuestAddr addr)
{
  return vm_ram_get_host (guest->ram) + (addr - VIRTIO_GUEST_RAM_BASE);
}

GuestAddr
virtio_guest_put (VirtioGuest *guest, const void *data, size_t bytes)
{
  GuestAddr addr = virtio_guest_alloc (guest, bytes);
  memcpy (virtio_guest_ptr (guest, addr), data, bytes);
  return addr;
}

void
virtio_guest_set_desc (VirtioGuest *guest, unsigned queue, uint16_t index, GuestAddr addr,
                       uint32_t length, uint16_t flags, uint16_t next)
{
  uint8_t *desc = virtio_guest_ptr (guest, guest->queues[queue].desc + index * 16u);
  memcpy (desc, &addr, 8);
  memcpy (desc + 8, &length, 4);
  memcpy (desc + 12, &flags, 2);
  memcpy (desc + 14, &next, 2);
}

void
virtio_guest_submit_head (VirtioGuest *guest, unsigned queue, uint16_t head)
{
  VirtioGuestQueue *q = &guest->queues[queue];
  uint16_t *avail = virtio_guest_ptr (guest, q->avail);
  avail[2 + q->avail_idx % q->size] = head;
  __atomic_store_n (&avail[1], ++q->avail_idx, __ATOMIC_RELEASE);
}

uint16_t
virtio_guest_submit (VirtioGuest *guest, unsigned queue, const VirtioGuestBuf *bufs, unsigned n)
{
  VirtioGuestQueue *q = &guest->queues[queue];
  uint16_t head = q->next_desc;
  for (unsigned i = 0; i < n; i++) {
    uint16_t index = q->next_desc, next = (uint16_t) ((index + 1) % q->size);
    uint16_t flags = (uint16_t) ((i + 1 < n ? DESC_NEXT : 0) | (bufs[i].in ? DESC_WRITE : 0));
    virtio_guest_set_desc (guest, queue, index, bufs[i].addr, bufs[i].length, flags, next);
    q->next_desc = next;
  }
  virtio_guest_submit_head (guest, queue, head);
  return head;
}

void
virtio_guest_notify (VirtioGuest *guest, unsigned queue)
{
  Call call = {.queue = queue};
  run (guest, notify_cb, &call);
}

// A second turn lets callbacks of events that the first one signalled run too.
void
virtio_guest_settle (VirtioGuest *guest)
{
  Call call = {0};
  for (int i = 0; i < 4; i++)
    run (guest, nothing_cb, &call);
}

uint16_t
virtio_guest_get_used (VirtioGuest *guest, unsigned queue)
{
  uint16_t *used = virtio_guest_ptr (guest, guest->queues[queue].used);
  return __atomic_load_n (&used[1], __ATOMIC_ACQUIRE);
}

// Asks for an interrupt when used entry n - 1 is written (§2.7.7.1).
static void
ask_for_interrupt (VirtioGuest *guest, unsigned queue, uint16_t n)
{
  const VirtioGuestQueue *q = &guest->queues[queue];
  uint16_t *used_event = virtio_guest_ptr (guest, q->avail + 4 + 2u * q->size);
  __atomic_store_n (used_event, (uint16_t) (n - 1), __ATOMIC_SEQ_CST);
  __atomic_thread_fence (__ATOMIC_SEQ_CST);
}

bool
virtio_guest_wait_used (VirtioGuest *guest, unsigned queue, uint16_t n)
{
  ask_for_interrupt (guest, queue, n);
  gint64 deadline = g_get_monotonic_time () + WAIT_SECONDS * G_TIME_SPAN_SECOND;
  bool in_time = true;
  g_mutex_lock (&guest->lock);
  while (in_time && (int16_t) (virtio_guest_get_used (guest, queue) - n) < 0)
    in_time = g_cond_wait_until (&guest->changed, &guest->lock, deadline);
  g_mutex_unlock (&guest->lock);
  return in_time;
}

uint32_t
virtio_guest_get_used_entry (VirtioGuest *guest, unsigned queue, uint16_t i, uint32_t *head)
{
  const VirtioGuestQueue *q = &guest->queues[queue];
  const uint32_t *entry = virtio_guest_ptr (guest, q->used + 4 + 8u * (i % q->size));
  if (head != NULL)
    *head = entry[0];
  return entry[1];
}

uint32_t
virtio_guest_do (VirtioGuest *guest, unsigned queue, const VirtioGuestBuf *bufs, unsigned n)
{
  uint16_t used = virtio_guest_get_used (guest, queue);
  virtio_guest_submit (guest, queue, bufs, n);
  virtio_guest_notify (guest, queue);
  if (!virtio_guest_wait_used (guest, queue, (uint16_t) (used + 1)))
    g_error ("the device did not give the chain back");
  return virtio_guest_get_used_entry (guest, queue, used, NULL);
}

void
virtio_guest_read_config (VirtioGuest *guest, unsigned offset, void *to, unsigned length)
{
  Call call = {.offset = offset, .data = to, .length = length};
  run (guest, read_config_cb, &call);
}

void
virtio_guest_write_config (VirtioGuest *guest, unsigned offset, const void *from, unsigned length)
{
  Call call = {.offset = offset, .data = (void *) from, .length = length};
  run (guest, write_config_cb, &call);
}

unsigned
virtio_guest_get_interrupts (VirtioGuest *guest)
{
  g_mutex_lock (&guest->lock);
  unsigned n = guest->n_interrupts;
  g_mutex_unlock (&guest->lock);
  return n;
}

unsigned
virtio_guest_get_config_changes (VirtioGuest *guest)
{
  g_mutex_lock (&guest->lock);
  unsigned n = guest->n_config_changes;
  g_mutex_unlock (&guest->lock);
  return n;
}
