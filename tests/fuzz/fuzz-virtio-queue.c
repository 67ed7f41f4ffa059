// SPDX-License-Identifier: GPL-3.0-or-later
// The virtqueue alone: descriptors, rings and queue registers are the input's; whatever is popped
// is read, written and given back.
#include "engine/virtio/queue.h"
#include "tests/fuzz/fuzz.h"

enum {
  RAM_BASE = 0x40000000,
  RAM_BYTES = 1 << 16,
  STEPS_MAX = 300,
};

static void
use_chain (VirtQueue *queue, VirtChain *chain, FuzzInput *in)
{
  uint8_t bytes[256];
  uint64_t sum = 0;
  for (unsigned i = 0; i < chain->n_out; i++)
    sum += chain->out[i].iov_len;
  if (sum != chain->out_bytes || chain->n_out + chain->n_in > VIRTQUEUE_SIZE_MAX)
    __builtin_trap ();
  size_t got = virtchain_read (chain, fuzz_below (in, 64), bytes, sizeof bytes);
  virtchain_write (chain, fuzz_below (in, 64), bytes, got);
  switch (fuzz_below (in, 8)) {
  case 0:
    virtqueue_unpop (queue, chain);
    break;
  case 1:
    virtchain_free (chain);
    break;
  default:
    virtqueue_push (queue, chain, (uint32_t) fuzz_number (in, 4));
  }
}

static void
set_up (VirtQueue *queue, FuzzInput *in)
{
  virtqueue_reset (queue);
  queue->size = (uint16_t) (1u << fuzz_below (in, 9));
  // Most of the time in RAM, at times partly outside.
  queue->desc = RAM_BASE + (fuzz_number (in, 3) % (RAM_BYTES + 256) & ~15ull);
  queue->avail = RAM_BASE + (fuzz_number (in, 3) % RAM_BYTES & ~1ull);
  queue->used = RAM_BASE + (fuzz_number (in, 3) % RAM_BYTES & ~3ull);
  queue->event_idx = fuzz_below (in, 2);
  queue->ready = true;
}

static void
write_descriptor (VirtQueue *queue, VmRam *ram, FuzzInput *in)
{
  uint64_t at = queue->desc - RAM_BASE + 16u * fuzz_below (in, queue->size);
  if (at + 16 > RAM_BYTES)
    return;
  uint8_t *desc = vm_ram_get_host (ram) + at;
  uint64_t addr = RAM_BASE + fuzz_number (in, 3) % (RAM_BYTES + 64);
  uint32_t length = fuzz_below (in, 8) == 0 ? (uint32_t) fuzz_number (in, 4) : fuzz_below (in, 512);
  uint16_t flags = (uint16_t) fuzz_below (in, 8),
           next = (uint16_t) fuzz_below (in, queue->size + 1u);
  memcpy (desc, &addr, 8);
  memcpy (desc + 8, &length, 4);
  memcpy (desc + 12, &flags, 2);
  memcpy (desc + 14, &next, 2);
}

static void
make_available (VirtQueue *queue, VmRam *ram, FuzzInput *in)
{
  uint64_t at = queue->avail - RAM_BASE;
  uint16_t index, head = (uint16_t) fuzz_below (in, queue->size + 1u);
  if (at + 4 + 2u * queue->size > RAM_BYTES)
    return;
  uint8_t *avail = vm_ram_get_host (ram) + at;
  memcpy (&index, avail + 2, 2);
  memcpy (avail + 4 + 2 * (index % queue->size), &head, 2);
  index = (uint16_t) (index + (fuzz_below (in, 50) == 0 ? fuzz_below (in, 1000) : 1));
  memcpy (avail + 2, &index, 2);
}

static void
step (VirtQueue *queue, VmRam *ram, FuzzInput *in)
{
  VirtChain *chain;
  switch (fuzz_below (in, 12)) {
  case 0:
    set_up (queue, in);
    break;
  case 1:
    virtqueue_set_notification (queue, fuzz_below (in, 2));
    break;
  case 2:
    virtqueue_should_notify (queue);
    break;
  case 3:
    fuzz_bytes (in, vm_ram_get_host (ram) + fuzz_number (in, 3) % (RAM_BYTES - 64), 64);
    break;
  case 4:
  case 5:
  case 6:
    write_descriptor (queue, ram, in);
    break;
  case 7:
  case 8:
    make_available (queue, ram, in);
    break;
  default:
    chain = virtqueue_pop (queue);
    if (chain != NULL)
      use_chain (queue, chain, in);
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  FuzzInput in = {.data = data, .left = size};
  VmRam *ram = vm_ram_new (RAM_BASE, RAM_BYTES, NULL);
  MemBus *bus = mem_bus_new ();
  mem_bus_add_ram (bus, ram);
  VirtQueue queue = {.bus = bus, .size_max = 256};
  set_up (&queue, &in);
  for (unsigned i = 0; i < STEPS_MAX && in.left > 0; i++)
    step (&queue, ram, &in);
  mem_bus_free (bus);
  vm_ram_free (ram);
  return 0;
}
