// SPDX-License-Identifier: GPL-3.0-or-later
// virtio console with one port (VIRTIO 1.2 §5.3). Its size is unknown to us, so none is offered.
//
// Threads: the I/O thread under the device's lock; virtio_console_write from any thread puts bytes
// in a ring under a lock of its own.
#include "engine/virtio/console.h"

#include <string.h>

#include "engine/virtio/pump.h"

enum {
  QUEUE_RX = 0,
  QUEUE_TX = 1,
  QUEUE_SIZE = 128,
  CHAINS_PER_RUN = 64,
  CHUNK_BYTES = 4096,
  RING_BYTES = 65536, // a power of two
  CONFIG_BYTES = 12,  // cols, rows, max_nr_ports, emerg_wr: nothing of it is offered
};

typedef struct VirtioConsole {
  VirtioDevice vdev;
  const VmConsoleSinkOps *sink_ops;
  void *sink;
  VirtioPump pump; // of what the guest prints
  VmEvent *typed;

  GMutex ring_lock; // everything below
  uint8_t ring[RING_BYTES];
  uint32_t head, tail; // read at tail, write at head, both free running
} VirtioConsole;

// ---------------------------------------------------------------------------------------------
// To the guest

size_t
virtio_console_write (VirtioDevice *vdev, const uint8_t *data, size_t length)
{
  VirtioConsole *console = (VirtioConsole *) vdev;
  g_mutex_lock (&console->ring_lock);
  size_t room = RING_BYTES - (console->head - console->tail);
  size_t taken = length < room ? length : room;
  for (size_t i = 0; i < taken; i++)
    console->ring[(console->head + i) % RING_BYTES] = data[i];
  console->head += (uint32_t) taken;
  g_mutex_unlock (&console->ring_lock);
  if (taken > 0)
    vm_event_signal (console->typed);
  return taken;
}

// Copies what comes next without taking it.
static size_t
peek (VirtioConsole *console, uint8_t *to, size_t length)
{
  g_mutex_lock (&console->ring_lock);
  size_t have = console->head - console->tail;
  size_t given = length < have ? length : have;
  for (size_t i = 0; i < given; i++)
    to[i] = console->ring[(console->tail + i) % RING_BYTES];
  g_mutex_unlock (&console->ring_lock);
  return given;
}

static void
take (VirtioConsole *console, size_t length)
{
  g_mutex_lock (&console->ring_lock);
  console->tail += (uint32_t) length;
  g_mutex_unlock (&console->ring_lock);
}

static void
deliver (VirtioConsole *console)
{
  VirtQueue *queue = &console->vdev.queues[QUEUE_RX];
  uint8_t bytes[CHUNK_BYTES];
  if (console->pump.paused || !virtio_device_is_live (&console->vdev))
    return;
  size_t length;
  bool more = true;
  while (more && (length = peek (console, bytes, sizeof bytes)) > 0) {
    VirtChain *chain = virtqueue_pop (queue);
    if (chain == NULL) {
      more = virtqueue_set_notification (queue, true) && !queue->broken;
      continue;
    }
    size_t written = virtchain_write (chain, 0, bytes, length);
    take (console, written);
    virtqueue_push (queue, chain, (uint32_t) written);
  }
  if (queue->broken)
    virtio_device_broken (&console->vdev, "malformed receive queue");
  else
    virtio_device_notify (&console->vdev, QUEUE_RX);
}

// I/O thread, lock not held.
static void
typed_cb (void *data)
{
  VirtioConsole *console = data;
  virtio_device_lock (&console->vdev);
  deliver (console);
  virtio_device_unlock (&console->vdev);
}

// ---------------------------------------------------------------------------------------------
// From the guest

static bool
print (VirtioDevice *vdev, unsigned queue, VirtChain *chain)
{
  VirtioConsole *console = (VirtioConsole *) vdev;
  uint8_t bytes[CHUNK_BYTES];
  uint64_t offset = 0;
  size_t length;
  // A chain can name the same megabytes a thousand times: more than a ring's worth is dropped.
  while (offset < RING_BYTES &&
         (length = virtchain_read (chain, offset, bytes, sizeof bytes)) > 0) {
    if (console->sink_ops != NULL && console->sink_ops->write != NULL)
      console->sink_ops->write (console->sink, bytes, length);
    offset += length;
  }
  virtqueue_push (&vdev->queues[queue], chain, 0);
  return true;
}

// ---------------------------------------------------------------------------------------------
// Ops

static void
console_queue_notify (VirtioDevice *vdev, unsigned queue)
{
  VirtioConsole *console = (VirtioConsole *) vdev;
  if (queue == QUEUE_RX)
    deliver (console);
  else
    virtio_pump_run (&console->pump, queue);
}

static void
console_read_config (VirtioDevice *vdev, unsigned offset, void *to, unsigned length)
{
  memset (to, 0, length);
}

// What was typed stays: it may be meant for the driver that is about to start.
static void
console_reset (VirtioDevice *vdev)
{
}

static void
console_quiesce (VirtioDevice *vdev)
{
  virtio_pump_quiesce (&((VirtioConsole *) vdev)->pump);
}

static void
console_resume (VirtioDevice *vdev)
{
  VirtioConsole *console = (VirtioConsole *) vdev;
  virtio_pump_resume (&console->pump);
  vm_event_signal (console->typed);
}

static void
console_save (VirtioDevice *vdev, StateWriter *writer)
{
  VirtioConsole *console = (VirtioConsole *) vdev;
  g_autofree uint8_t *pending = g_malloc (RING_BYTES);
  state_put_bytes (writer, pending, peek (console, pending, RING_BYTES));
}

static bool
console_load (VirtioDevice *vdev, StateReader *reader, uint32_t version, GError **error)
{
  g_autoptr (GBytes) pending = state_get_blob (reader, RING_BYTES);
  if (pending == NULL)
    return true; // the reader has failed; whoever ends the section says so
  gsize length;
  const uint8_t *data = g_bytes_get_data (pending, &length);
  virtio_console_write (vdev, data, length);
  return true;
}

static bool
console_realize (VirtioDevice *vdev, GError **error)
{
  VirtioConsole *console = (VirtioConsole *) vdev;
  virtio_device_add_queue (vdev, QUEUE_SIZE);
  virtio_device_add_queue (vdev, QUEUE_SIZE);
  virtio_pump_init (&console->pump, vdev, 1u << QUEUE_TX, CHAINS_PER_RUN, print);
  console->typed = vm_event_new (vdev->vm->loop, typed_cb, console);
  return true;
}

static void
console_free (VirtioDevice *vdev)
{
  VirtioConsole *console = (VirtioConsole *) vdev;
  virtio_pump_clear (&console->pump);
  if (console->typed != NULL)
    vm_event_free (console->typed);
  g_mutex_clear (&console->ring_lock);
  virtio_device_clear (vdev);
  g_free (console);
}

static const VirtioOps console_ops = {
    .name = "virtio-console",
    .device_id = VIRTIO_ID_CONSOLE,
    .pci_class = {0x07, 0x80, 0x00}, // other communication controller
    .state_version = 1,
    .config_bytes = CONFIG_BYTES,
    .realize = console_realize,
    .free = console_free,
    .reset = console_reset,
    .queue_notify = console_queue_notify,
    .read_config = console_read_config,
    .quiesce = console_quiesce,
    .resume = console_resume,
    .save = console_save,
    .load = console_load,
};

VirtioDevice *
virtio_console_new (const VmConsoleSinkOps *ops, void *sink)
{
  VirtioConsole *console = g_new0 (VirtioConsole, 1);
  virtio_device_init (&console->vdev, &console_ops);
  console->sink_ops = ops;
  console->sink = sink;
  g_mutex_init (&console->ring_lock);
  return &console->vdev;
}
