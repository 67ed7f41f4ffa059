// SPDX-License-Identifier: GPL-3.0-or-later
// Split virtqueues (VIRTIO 1.2 §2.7), device side. See queue.h for who may call and what is
// checked. Rings are little endian, like every host this builds for.

#include "engine/virtio/queue.h"

#include <assert.h>
#include <glib.h>
#include <stdatomic.h>

#include "engine/mem/access.h"

// A descriptor (§2.7.5).
typedef struct VirtqDesc {
  uint64_t addr;
  uint32_t len;
  uint16_t flags;
  uint16_t next;
} VirtqDesc;
static_assert (sizeof (VirtqDesc) == 16, "descriptor");

enum {
  DESC_F_NEXT = 1,
  DESC_F_WRITE = 2,
  DESC_F_INDIRECT = 4,

  AVAIL_F_NO_INTERRUPT = 1,
  USED_F_NO_NOTIFY = 1,

  // Offsets in the rings (§2.7.6, §2.7.8).
  RING_IDX = 2,
  RING_ENTRIES = 4,
  AVAIL_ENTRY_BYTES = 2,
  USED_ENTRY_BYTES = 8,
};

// The rings as host addresses.

static uint8_t *
avail_ring (const VirtQueue *queue)
{
  return mem_bus_ram_ptr (queue->bus, queue->avail,
                          RING_ENTRIES + AVAIL_ENTRY_BYTES * (queue->size + 1u));
}

static uint8_t *
used_ring (const VirtQueue *queue)
{
  return mem_bus_ram_ptr (queue->bus, queue->used,
                          RING_ENTRIES + USED_ENTRY_BYTES * (uint64_t) queue->size + 2);
}

// The two event indices sit behind the rings' entries (§2.7.10).
static uint8_t *
used_event (const VirtQueue *queue, uint8_t *avail)
{
  return avail + RING_ENTRIES + AVAIL_ENTRY_BYTES * queue->size;
}

static uint8_t *
avail_event (const VirtQueue *queue, uint8_t *used)
{
  return used + RING_ENTRIES + USED_ENTRY_BYTES * queue->size;
}

static bool
usable (const VirtQueue *queue)
{
  return queue->ready && !queue->broken && queue->size > 0;
}

// Walking a chain.

typedef struct Walk {
  VirtQueue *queue;
  const uint8_t *table; // descriptors, shared with the guest
  unsigned n_table;
  bool indirect;
  unsigned n_iov, n_out;
  uint64_t out_bytes, in_bytes;
  struct iovec *iov; // VIRTQUEUE_SIZE_MAX of them
} Walk;

static VirtqDesc
read_desc (const Walk *walk, unsigned index)
{
  const uint8_t *p = walk->table + index * sizeof (VirtqDesc);
  uint64_t rest = mem_load64 (p + 8);
  return (VirtqDesc){.addr = mem_load64 (p),
                     .len = (uint32_t) rest,
                     .flags = (uint16_t) (rest >> 32),
                     .next = (uint16_t) (rest >> 48)};
}

// §2.7.5.3: one table, not nested, in place of a descriptor that ends the chain.
static bool
enter_indirect (Walk *walk, const VirtqDesc *desc)
{
  unsigned n = desc->len / sizeof (VirtqDesc);
  if (walk->indirect || (desc->flags & DESC_F_NEXT) || desc->len % sizeof (VirtqDesc) != 0 ||
      n == 0 || n > VIRTQUEUE_SIZE_MAX)
    return false;
  walk->table = mem_bus_ram_ptr (walk->queue->bus, desc->addr, desc->len);
  walk->n_table = n;
  walk->indirect = true;
  return walk->table != NULL;
}

// Empty buffers carry nothing and are left out.
static bool
add_buffer (Walk *walk, const VirtqDesc *desc)
{
  bool in = desc->flags & DESC_F_WRITE;
  uint64_t *total = in ? &walk->in_bytes : &walk->out_bytes;

  if (!in && walk->in_bytes > 0)
    return false; // readable after writable
  if (desc->len == 0)
    return true;
  void *host = mem_bus_ram_ptr (walk->queue->bus, desc->addr, desc->len);
  *total += desc->len;
  if (host == NULL || *total > UINT32_MAX || walk->n_iov == VIRTQUEUE_SIZE_MAX)
    return false;
  walk->iov[walk->n_iov++] = (struct iovec){.iov_base = host, .iov_len = desc->len};
  walk->n_out += !in;
  return true;
}

// Collects the buffers of the chain that starts at `index`. Every table entry is visited once at
// most, so a loop ends.
static bool
walk_chain (Walk *walk, unsigned index)
{
  for (unsigned left = walk->n_table; left > 0; left--) {
    if (index >= walk->n_table)
      return false;
    VirtqDesc desc = read_desc (walk, index);
    if (desc.flags & DESC_F_INDIRECT) {
      if (!enter_indirect (walk, &desc))
        return false;
      left = walk->n_table + 1;
      index = 0;
      continue;
    }
    if (!add_buffer (walk, &desc))
      return false;
    if (!(desc.flags & DESC_F_NEXT))
      return true;
    index = desc.next;
  }
  return false;
}

static VirtChain *
new_chain (const Walk *walk, uint16_t head)
{
  VirtChain *chain = g_malloc (sizeof *chain + walk->n_iov * sizeof (struct iovec));
  struct iovec *iov = (struct iovec *) (chain + 1);

  if (walk->n_iov > 0)
    memcpy (iov, walk->iov, walk->n_iov * sizeof *iov);
  *chain = (VirtChain){
      .head = head,
      .out = iov,
      .n_out = walk->n_out,
      .out_bytes = walk->out_bytes,
      .in = iov + walk->n_out,
      .n_in = walk->n_iov - walk->n_out,
      .in_bytes = walk->in_bytes,
  };
  return chain;
}

// Breaks the queue on nonsense.
static unsigned
count_available (VirtQueue *queue)
{
  uint8_t *avail = avail_ring (queue);
  if (avail == NULL) {
    queue->broken = true;
    return 0;
  }
  uint16_t n = mem_load16 (avail + RING_IDX) - queue->last_avail;
  atomic_thread_fence (memory_order_acquire);
  if (n > queue->size) {
    queue->broken = true;
    return 0;
  }
  return n;
}

// Asks for a notification of the next buffer, then looks whether it is already there.
static bool
ask_for_event (VirtQueue *queue)
{
  uint8_t *used = used_ring (queue);
  if (used == NULL) {
    queue->broken = true;
    return false;
  }
  mem_store16 (avail_event (queue, used), queue->last_avail);
  atomic_thread_fence (memory_order_seq_cst);
  return count_available (queue) > 0;
}

unsigned
virtqueue_count_available (VirtQueue *queue)
{
  return usable (queue) ? count_available (queue) : 0;
}

VirtChain *
virtqueue_retake (VirtQueue *queue, uint16_t head)
{
  struct iovec iov[VIRTQUEUE_SIZE_MAX];
  Walk walk = {.queue = queue, .n_table = queue->size, .iov = iov};

  if (!usable (queue))
    return NULL;
  walk.table =
      mem_bus_ram_ptr (queue->bus, queue->desc, queue->size * (uint64_t) sizeof (VirtqDesc));
  if (walk.table != NULL && walk_chain (&walk, head))
    return new_chain (&walk, head);
  queue->broken = true;
  return NULL;
}

VirtChain *
virtqueue_pop (VirtQueue *queue)
{
  if (!usable (queue))
    return NULL;
  // With event indices a notification is only asked for when the queue has run empty.
  if (count_available (queue) == 0 &&
      (queue->broken || !queue->event_idx || !ask_for_event (queue)))
    return NULL;

  // A driver that makes chains available faster than it gets them back reuses descriptors in use.
  uint16_t in_flight = queue->last_avail - queue->used_idx;
  const uint8_t *avail = avail_ring (queue);
  if (in_flight >= queue->size || avail == NULL) {
    queue->broken = true;
    return NULL;
  }
  unsigned at = queue->last_avail % queue->size;
  VirtChain *chain =
      virtqueue_retake (queue, mem_load16 (avail + RING_ENTRIES + AVAIL_ENTRY_BYTES * at));
  if (chain != NULL)
    queue->last_avail++;
  return chain;
}

void
virtqueue_push (VirtQueue *queue, VirtChain *chain, uint32_t written)
{
  uint8_t *used = usable (queue) ? used_ring (queue) : NULL;

  if (used != NULL) {
    uint8_t *entry = used + RING_ENTRIES + USED_ENTRY_BYTES * (queue->used_idx % queue->size);
    mem_store32 (entry, chain->head);
    mem_store32 (entry + 4, written);
    atomic_thread_fence (memory_order_release);
    mem_store16 (used + RING_IDX, ++queue->used_idx);
  } else if (usable (queue)) {
    queue->broken = true;
  }
  virtchain_free (chain);
}

void
virtchain_free (VirtChain *chain)
{
  g_free (chain);
}

void
virtqueue_unpop (VirtQueue *queue, VirtChain *chain)
{
  queue->last_avail--;
  virtchain_free (chain);
}

bool
virtqueue_should_notify (VirtQueue *queue)
{
  uint8_t *avail = usable (queue) ? avail_ring (queue) : NULL;
  uint16_t old = queue->signalled, now = queue->used_idx;

  if (avail == NULL || old == now)
    return false;
  queue->signalled = now;
  atomic_thread_fence (memory_order_seq_cst);
  if (!queue->event_idx)
    return !(mem_load16 (avail) & AVAIL_F_NO_INTERRUPT);
  uint16_t event = mem_load16 (used_event (queue, avail));
  return (uint16_t) (now - event - 1) < (uint16_t) (now - old);
}

bool
virtqueue_set_notification (VirtQueue *queue, bool enable)
{
  uint8_t *used = usable (queue) ? used_ring (queue) : NULL;

  if (used == NULL)
    return false;
  if (queue->event_idx)
    return enable && ask_for_event (queue);
  mem_store16 (used, enable ? 0 : USED_F_NO_NOTIFY);
  atomic_thread_fence (memory_order_seq_cst);
  return enable && count_available (queue) > 0;
}

// Buffers.

// Copies between `bytes` and the buffers from `offset` on, in the direction asked for.
static size_t
copy (const struct iovec *iov, unsigned n, uint64_t offset, uint8_t *bytes, size_t length,
      bool to_guest)
{
  size_t done = 0;

  for (unsigned i = 0; i < n && done < length; i++) {
    if (offset >= iov[i].iov_len) {
      offset -= iov[i].iov_len;
      continue;
    }
    size_t part = MIN (length - done, iov[i].iov_len - offset);
    uint8_t *guest = (uint8_t *) iov[i].iov_base + offset;
    if (to_guest)
      memcpy (guest, bytes + done, part);
    else
      memcpy (bytes + done, guest, part);
    done += part;
    offset = 0;
  }
  return done;
}

size_t
virtchain_read (const VirtChain *chain, uint64_t offset, void *to, size_t length)
{
  return copy (chain->out, chain->n_out, offset, to, length, false);
}

size_t
virtchain_write (const VirtChain *chain, uint64_t offset, const void *from, size_t length)
{
  return copy (chain->in, chain->n_in, offset, (uint8_t *) (uintptr_t) from, length, true);
}

// State.

void
virtqueue_reset (VirtQueue *queue)
{
  *queue = (VirtQueue){.bus = queue->bus, .size_max = queue->size_max, .size = queue->size_max};
}

void
virtqueue_save (const VirtQueue *queue, StateWriter *writer)
{
  state_put_u16 (writer, queue->size);
  state_put_bool (writer, queue->ready);
  state_put_bool (writer, queue->broken);
  state_put_bool (writer, queue->event_idx);
  state_put_u64 (writer, queue->desc);
  state_put_u64 (writer, queue->avail);
  state_put_u64 (writer, queue->used);
  state_put_u16 (writer, queue->last_avail);
  state_put_u16 (writer, queue->used_idx);
  state_put_u16 (writer, queue->signalled);
}

bool
virtqueue_size_valid (const VirtQueue *queue, uint32_t size)
{
  return size > 0 && size <= queue->size_max && (size & (size - 1)) == 0;
}

bool
virtqueue_load (VirtQueue *queue, StateReader *reader)
{
  virtqueue_reset (queue);
  queue->size = state_get_u16 (reader);
  queue->ready = state_get_bool (reader);
  queue->broken = state_get_bool (reader);
  queue->event_idx = state_get_bool (reader);
  queue->desc = state_get_u64 (reader);
  queue->avail = state_get_u64 (reader);
  queue->used = state_get_u64 (reader);
  queue->last_avail = state_get_u16 (reader);
  queue->used_idx = state_get_u16 (reader);
  queue->signalled = state_get_u16 (reader);

  if (state_reader_ok (reader) && virtqueue_size_valid (queue, queue->size) &&
      (uint16_t) (queue->last_avail - queue->used_idx) <= queue->size)
    return true;
  virtqueue_reset (queue);
  return false;
}
