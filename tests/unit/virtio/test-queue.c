// SPDX-License-Identifier: GPL-3.0-or-later
// Split virtqueues against friendly and hostile drivers: what is in the rings on one side, what
// comes out on the other (VIRTIO 1.2 §2.7).

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/virtio/queue.h"
#include "tests/unit/hw/fake-vm.h"

enum {
  RAM = FAKE_RAM_BASE,
  RAM_BYTES = 1 << 20,
  DESC = RAM,
  AVAIL = RAM + 0x8000,
  USED = RAM + 0x10000,
  TABLE = RAM + 0x18000, // indirect
  TABLE2 = RAM + 0x20000,
  BUF = RAM + 0x40000,

  NEXT = 1,
  WRITE = 2,
  INDIRECT = 4,
};

typedef struct Desc {
  uint64_t addr;
  uint32_t len;
  uint16_t flags, next;
} Desc;

typedef enum Outcome {
  BROKEN,
  EMPTY,
  CHAIN,
} Outcome;

typedef struct Case {
  const char *name;
  uint16_t size; // 0: 8
  Desc desc[8], table[4], table2[2];
  uint16_t avail_idx, heads[8];
  uint16_t last_avail, used_idx;
  uint64_t avail_at, used_at, desc_at; // 0: where they are
  Outcome outcome;
  unsigned n_out, n_in;
  uint64_t out_bytes, in_bytes;
  uint64_t first; // guest address of the first buffer
} Case;

// clang-format off
static const Case cases[] = {
  { .name = "nothing", .outcome = EMPTY },
  { .name = "one readable buffer", .desc = { { BUF, 10 } }, .avail_idx = 1, .outcome = CHAIN,
    .n_out = 1, .out_bytes = 10, .first = BUF },
  { .name = "one writable buffer", .desc = { { BUF, 10, WRITE } }, .avail_idx = 1, .outcome = CHAIN,
    .n_in = 1, .in_bytes = 10, .first = BUF },
  { .name = "a chain out of order",
    .desc = { { BUF + 8, 2, NEXT | WRITE, 3 }, { 0 }, { BUF, 7, NEXT, 0 }, { BUF + 16, 5, WRITE } },
    .avail_idx = 1, .heads = { 2 }, .outcome = CHAIN, .n_out = 1, .out_bytes = 7, .n_in = 2, .in_bytes = 7,
    .first = BUF },
  { .name = "next is ignored without the flag", .desc = { { BUF, 1, 0, 99 } }, .avail_idx = 1,
    .outcome = CHAIN, .n_out = 1, .out_bytes = 1 },
  { .name = "empty buffers are left out", .desc = { { BUF, 0, NEXT, 1 }, { 12, 0, NEXT | WRITE, 2 }, { BUF, 3, WRITE } },
    .avail_idx = 1, .outcome = CHAIN, .n_in = 1, .in_bytes = 3 },
  { .name = "nothing but an empty buffer", .desc = { { 0, 0 } }, .avail_idx = 1, .outcome = CHAIN },
  { .name = "the longest chain", .size = 4,
    .desc = { { BUF, 1, NEXT, 1 }, { BUF, 1, NEXT, 2 }, { BUF, 1, NEXT, 3 }, { BUF, 1, WRITE } },
    .avail_idx = 1, .outcome = CHAIN, .n_out = 3, .out_bytes = 3, .n_in = 1, .in_bytes = 1 },
  { .name = "indices wrap", .desc = { { BUF, 1 }, { BUF + 1, 2 } }, .avail_idx = 0, .last_avail = 0xffff,
    .used_idx = 0xffff, .heads = { 0, 0, 0, 0, 0, 0, 0, 1 }, .outcome = CHAIN, .n_out = 1, .out_bytes = 2,
    .first = BUF + 1 },
  { .name = "the last byte of RAM", .desc = { { RAM + RAM_BYTES - 1, 1 } }, .avail_idx = 1, .outcome = CHAIN,
    .n_out = 1, .out_bytes = 1 },

  { .name = "a loop of one", .desc = { { BUF, 1, NEXT, 0 } }, .avail_idx = 1 },
  { .name = "a loop of two", .desc = { { BUF, 1, NEXT, 1 }, { BUF, 1, NEXT, 0 } }, .avail_idx = 1 },
  { .name = "a loop of empty buffers", .desc = { { BUF, 0, NEXT, 1 }, { BUF, 0, NEXT, 0 } }, .avail_idx = 1 },
  { .name = "head out of range", .avail_idx = 1, .heads = { 8 } },
  { .name = "head far out of range", .avail_idx = 1, .heads = { 0xffff } },
  { .name = "next out of range", .desc = { { BUF, 1, NEXT, 8 } }, .avail_idx = 1 },
  { .name = "more available than entries", .desc = { { BUF, 1 } }, .avail_idx = 9 },
  { .name = "the available index went back", .desc = { { BUF, 1 } }, .avail_idx = 4, .last_avail = 5, .used_idx = 5 },
  { .name = "all descriptors already out", .desc = { { BUF, 1 } }, .avail_idx = 9, .last_avail = 8, .used_idx = 0 },
  { .name = "buffer not in RAM", .desc = { { 0x1000, 1 } }, .avail_idx = 1 },
  { .name = "buffer past the end of RAM", .desc = { { RAM + RAM_BYTES - 1, 2 } }, .avail_idx = 1 },
  { .name = "huge length", .desc = { { BUF, 0xffffffff } }, .avail_idx = 1 },
  { .name = "address overflow", .desc = { { ~0ull, 2 } }, .avail_idx = 1 },
  { .name = "address overflow into RAM", .desc = { { ~0ull - 0x1000, 0xffffffff } }, .avail_idx = 1 },
  { .name = "readable after writable", .desc = { { BUF, 1, WRITE | NEXT, 1 }, { BUF, 1 } }, .avail_idx = 1 },
  { .name = "rings not in RAM: available", .avail_at = 0x1000, .avail_idx = 1 },
  { .name = "rings not in RAM: available, partly", .avail_at = RAM + RAM_BYTES - 16, .avail_idx = 1 },
  { .name = "rings not in RAM: descriptors", .desc_at = RAM + RAM_BYTES - 127, .avail_idx = 1 },
  { .name = "rings at the end of the address space", .avail_at = ~0ull - 1, .avail_idx = 1 },

  { .name = "an indirect table", .desc = { { TABLE, 48, INDIRECT } },
    .table = { { BUF, 4, NEXT, 2 }, { BUF, 100 }, { BUF + 4, 6, WRITE } }, .avail_idx = 1, .outcome = CHAIN,
    .n_out = 1, .out_bytes = 4, .n_in = 1, .in_bytes = 6, .first = BUF },
  { .name = "an indirect table at the end of a chain", .desc = { { BUF, 1, NEXT, 1 }, { TABLE, 16, INDIRECT | WRITE } },
    .table = { { BUF, 4 } }, .avail_idx = 1, .outcome = CHAIN, .n_out = 2, .out_bytes = 5 },
  { .name = "an indirect table larger than the queue", .size = 2, .desc = { { TABLE, 64, INDIRECT } },
    .table = { { BUF, 1, NEXT, 1 }, { BUF, 1, NEXT, 2 }, { BUF, 1, NEXT, 3 }, { BUF, 1 } }, .avail_idx = 1,
    .outcome = CHAIN, .n_out = 4, .out_bytes = 4 },
  { .name = "indirect in indirect", .desc = { { TABLE, 16, INDIRECT } }, .table = { { TABLE2, 16, INDIRECT } },
    .table2 = { { BUF, 1 } }, .avail_idx = 1 },
  { .name = "indirect in itself", .desc = { { TABLE, 16, INDIRECT } }, .table = { { TABLE, 16, INDIRECT } }, .avail_idx = 1 },
  { .name = "indirect and next", .desc = { { TABLE, 16, INDIRECT | NEXT, 1 }, { BUF, 1 } }, .table = { { BUF, 1 } }, .avail_idx = 1 },
  { .name = "indirect table of no length", .desc = { { TABLE, 0, INDIRECT } }, .avail_idx = 1 },
  { .name = "indirect table of odd length", .desc = { { TABLE, 17, INDIRECT } }, .table = { { BUF, 1 } }, .avail_idx = 1 },
  { .name = "indirect table too long", .desc = { { TABLE, 16 * 1025, INDIRECT } }, .table = { { BUF, 1 } }, .avail_idx = 1 },
  { .name = "indirect table of huge length", .desc = { { TABLE, 0xfffffff0, INDIRECT } }, .table = { { BUF, 1 } }, .avail_idx = 1 },
  { .name = "indirect table not in RAM", .desc = { { RAM - 16, 32, INDIRECT } }, .avail_idx = 1 },
  { .name = "a loop in an indirect table", .desc = { { TABLE, 32, INDIRECT } },
    .table = { { BUF, 1, NEXT, 1 }, { BUF, 1, NEXT, 0 } }, .avail_idx = 1 },
  { .name = "next out of an indirect table", .desc = { { TABLE, 32, INDIRECT } }, .table = { { BUF, 1, NEXT, 2 } }, .avail_idx = 1 },
};
// clang-format on

static void
store (FakeVm *fake, GuestAddr addr, const void *data, size_t bytes)
{
  memcpy (fake_vm_ram (fake) + (addr - RAM), data, bytes);
}

static void
store16 (FakeVm *fake, GuestAddr addr, uint16_t value)
{
  store (fake, addr, &value, 2);
}

static uint16_t
load16 (FakeVm *fake, GuestAddr addr)
{
  uint16_t value;
  memcpy (&value, fake_vm_ram (fake) + (addr - RAM), 2);
  return value;
}

static uint32_t
load32 (FakeVm *fake, GuestAddr addr)
{
  return load16 (fake, addr) | (uint32_t) load16 (fake, addr + 2) << 16;
}

static VirtQueue
make_queue (FakeVm *fake, uint16_t size)
{
  return (VirtQueue){.bus = fake->vm.bus,
                     .size_max = size,
                     .size = size,
                     .ready = true,
                     .desc = DESC,
                     .avail = AVAIL,
                     .used = USED};
}

static void
check_chain (FakeVm *fake, const Case *c, VirtQueue *queue, VirtChain *chain)
{
  const struct iovec *first = c->n_out > 0 ? chain->out : chain->in;

  assert_int_equal (chain->n_out, c->n_out);
  assert_int_equal (chain->n_in, c->n_in);
  assert_int_equal (chain->out_bytes, c->out_bytes);
  assert_int_equal (chain->in_bytes, c->in_bytes);
  if (c->first != 0)
    assert_ptr_equal (first->iov_base, fake_vm_ram (fake) + (c->first - RAM));
  uint16_t slot = queue->used_idx % queue->size, head = chain->head;
  virtqueue_push (queue, chain, 77);
  assert_int_equal (load16 (fake, USED + 2), queue->used_idx);
  assert_int_equal (load32 (fake, USED + 4 + 8 * slot), head);
  assert_int_equal (load32 (fake, USED + 8 + 8 * slot), 77);
}

static void
run_case (void **state)
{
  const Case *c = *state;
  FakeVm *fake = fake_vm_new (1, RAM_BYTES);
  VirtQueue queue = make_queue (fake, c->size != 0 ? c->size : 8);

  store (fake, DESC, c->desc, sizeof c->desc);
  store (fake, TABLE, c->table, sizeof c->table);
  store (fake, TABLE2, c->table2, sizeof c->table2);
  store16 (fake, AVAIL + 2, c->avail_idx);
  store (fake, AVAIL + 4, c->heads, sizeof c->heads);
  queue.last_avail = c->last_avail;
  queue.used_idx = c->used_idx;
  queue.avail = c->avail_at != 0 ? c->avail_at : AVAIL;
  queue.desc = c->desc_at != 0 ? c->desc_at : DESC;

  VirtChain *chain = virtqueue_pop (&queue);
  assert_int_equal (queue.broken, c->outcome == BROKEN);
  assert_int_equal (chain != NULL, c->outcome == CHAIN);
  if (chain != NULL)
    check_chain (fake, c, &queue, chain);
  assert_null (virtqueue_pop (&queue));
  fake_vm_free (fake);
}

// A chain as long as an indirect table may be, of which each buffer is large: its bytes may not be
// more than a length has room for. As many buffers as there may be, and one more.
static void
test_large_chains (void **state)
{
  enum { LARGE_RAM = 8 << 20, N = VIRTQUEUE_SIZE_MAX };
  static const struct {
    unsigned direct, indirect;
    uint32_t length, last;
    Outcome outcome;
  } chains[] = {
      {0, 513, LARGE_RAM, 0, BROKEN},
      {0, 512, LARGE_RAM, LARGE_RAM - 1, CHAIN},
      {0, N, LARGE_RAM, LARGE_RAM, BROKEN},
      {0, N, 1, 1, CHAIN},
      {1, N - 1, 1, 1, CHAIN},
      {1, N, 1, 1, BROKEN},
      {N - 1, 1, 1, 1, CHAIN},
      {N - 1, 2, 1, 1, BROKEN},
      {1, N, 1, 0, CHAIN}, // the last one is empty
  };
  for (unsigned c = 0; c < G_N_ELEMENTS (chains); c++) {
    for (unsigned in = 0; in < 2; in++) {
      FakeVm *fake = fake_vm_new (1, LARGE_RAM);
      VirtQueue queue = make_queue (fake, N);
      unsigned direct = chains[c].direct, indirect = chains[c].indirect;
      for (unsigned i = 0; i < direct + indirect; i++) {
        bool is_last = i == direct + indirect - 1;
        Desc desc = {RAM, is_last ? chains[c].last : chains[c].length,
                     (in ? WRITE : 0) | (is_last ? 0 : NEXT),
                     (uint16_t) (i < direct ? i + 1 : i + 1 - direct)};
        store (fake, i < direct ? DESC + 16 * i : TABLE + 16 * (i - direct), &desc, sizeof desc);
      }
      Desc table = {TABLE, 16 * indirect, INDIRECT, 0};
      store (fake, DESC + 16 * direct, &table, sizeof table);
      store16 (fake, AVAIL + 2, 1);
      VirtChain *chain = virtqueue_pop (&queue);
      if (queue.broken != (chains[c].outcome == BROKEN) || queue.broken != (chain == NULL))
        fail_msg ("chain %u", c);
      virtchain_free (chain);
      fake_vm_free (fake);
    }
  }
}

// Makes `n` one-byte chains available.
static void
offer (FakeVm *fake, VirtQueue *queue, uint16_t n)
{
  Desc desc = {BUF, 1, WRITE, 0};
  uint16_t idx = load16 (fake, AVAIL + 2);
  for (uint16_t i = 0; i < n; i++) {
    uint16_t head = (uint16_t) (idx + i) % queue->size;
    store (fake, DESC + 16 * head, &desc, sizeof desc);
    store16 (fake, AVAIL + 4 + 2 * head, head);
  }
  store16 (fake, AVAIL + 2, idx + n);
}

// A queue of no entries has nothing in it, whatever its rings say.
static void
test_no_entries (void **state)
{
  FakeVm *fake = fake_vm_new (1, RAM_BYTES);
  VirtQueue queue = make_queue (fake, 8);
  offer (fake, &queue, 1);
  queue.size = 0;
  assert_int_equal (virtqueue_count_available (&queue), 0);
  assert_null (virtqueue_pop (&queue));
  assert_false (virtqueue_should_notify (&queue));
  assert_false (virtqueue_set_notification (&queue, true));
  assert_false (queue.broken);
  fake_vm_free (fake);
}

// Chains handed out again before they came back: no more than the queue's size are ever out.
static void
test_in_flight_bounded (void **state)
{
  FakeVm *fake = fake_vm_new (1, RAM_BYTES);
  VirtQueue queue = make_queue (fake, 4);
  VirtChain *chains[8];
  unsigned n = 0;

  for (unsigned round = 0; round < 2; round++) {
    offer (fake, &queue, 4);
    while (n < 8 && (chains[n] = virtqueue_pop (&queue)) != NULL)
      n++;
  }
  assert_int_equal (n, 4);
  assert_true (queue.broken);
  uint16_t used = load16 (fake, USED + 2);
  for (unsigned i = 0; i < n; i++)
    virtqueue_push (&queue, chains[i], 0);
  assert_int_equal (load16 (fake, USED + 2), used);
  fake_vm_free (fake);
}

static void
test_unpop (void **state)
{
  FakeVm *fake = fake_vm_new (1, RAM_BYTES);
  VirtQueue queue = make_queue (fake, 4);

  offer (fake, &queue, 2);
  VirtChain *chain = virtqueue_pop (&queue);
  assert_int_equal (chain->head, 0);
  virtqueue_unpop (&queue, chain);
  chain = virtqueue_pop (&queue);
  assert_int_equal (chain->head, 0);
  virtchain_free (chain);
  fake_vm_free (fake);
}

// Popping and pushing n chains: an interrupt?
static bool
serve (VirtQueue *queue, unsigned n)
{
  for (unsigned i = 0; i < n; i++) {
    VirtChain *chain = virtqueue_pop (queue);
    assert_non_null (chain);
    virtqueue_push (queue, chain, 0);
  }
  return virtqueue_should_notify (queue);
}

static void
test_interrupt_flags (void **state)
{
  FakeVm *fake = fake_vm_new (1, RAM_BYTES);
  VirtQueue queue = make_queue (fake, 4);

  assert_false (virtqueue_should_notify (&queue));
  offer (fake, &queue, 3);
  assert_true (serve (&queue, 1));
  assert_false (virtqueue_should_notify (&queue));
  store16 (fake, AVAIL, 1);
  assert_false (serve (&queue, 1));
  store16 (fake, AVAIL, 0);
  assert_true (serve (&queue, 1));
  fake_vm_free (fake);
}

// { used_event, chains served, interrupt }, one after the other.
static void
test_interrupt_events (void **state)
{
  static const uint16_t steps[][3] = {{0, 1, 1}, {0, 1, 0}, {3, 1, 0}, {3, 1, 1},
                                      {4, 3, 1}, {9, 2, 0}, {8, 2, 0}, {0xffff, 3, 0}};
  FakeVm *fake = fake_vm_new (1, RAM_BYTES);
  VirtQueue queue = make_queue (fake, 8);

  queue.event_idx = true;
  for (unsigned i = 0; i < G_N_ELEMENTS (steps); i++) {
    store16 (fake, AVAIL + 4 + 2 * 8, steps[i][0]);
    offer (fake, &queue, steps[i][1]);
    assert_int_equal (serve (&queue, steps[i][1]), steps[i][2]);
  }
  // The driver ignores flags with event indices, and so does the device.
  store16 (fake, AVAIL, 1);
  store16 (fake, AVAIL + 4 + 2 * 8, queue.used_idx);
  offer (fake, &queue, 1);
  assert_true (serve (&queue, 1));
  fake_vm_free (fake);
}

static void
test_notification_flags (void **state)
{
  FakeVm *fake = fake_vm_new (1, RAM_BYTES);
  VirtQueue queue = make_queue (fake, 8);

  assert_false (virtqueue_set_notification (&queue, false));
  assert_int_equal (load16 (fake, USED), 1);
  offer (fake, &queue, 1);
  assert_true (virtqueue_set_notification (&queue, true));
  assert_int_equal (load16 (fake, USED), 0);
  serve (&queue, 1);
  assert_false (virtqueue_set_notification (&queue, true));
  fake_vm_free (fake);
}

// With event indices the device asks when it ran dry, and not before.
static void
test_notification_events (void **state)
{
  FakeVm *fake = fake_vm_new (1, RAM_BYTES);
  VirtQueue queue = make_queue (fake, 8);
  GuestAddr avail_event = USED + 4 + 8 * 8;

  queue.event_idx = true;
  offer (fake, &queue, 3);
  serve (&queue, 2);
  assert_int_equal (load16 (fake, avail_event), 0);
  assert_true (virtqueue_set_notification (&queue, true));
  assert_int_equal (load16 (fake, avail_event), 2);
  serve (&queue, 1);
  assert_null (virtqueue_pop (&queue));
  assert_int_equal (load16 (fake, avail_event), 3);
  offer (fake, &queue, 1);
  serve (&queue, 1);
  assert_false (virtqueue_set_notification (&queue, false));
  assert_int_equal (load16 (fake, avail_event), 3);
  assert_false (virtqueue_set_notification (&queue, true)); // and nothing is there
  assert_int_equal (load16 (fake, avail_event), 4);
  // One that comes while the device asks is found at once.
  offer (fake, &queue, 1);
  assert_int_equal (serve (&queue, 1), false);
  fake_vm_free (fake);
}

static void
test_not_ready (void **state)
{
  FakeVm *fake = fake_vm_new (1, RAM_BYTES);
  VirtQueue queue = make_queue (fake, 8);

  offer (fake, &queue, 2);
  VirtChain *chain = virtqueue_pop (&queue);
  virtqueue_reset (&queue);
  assert_int_equal (queue.size, 8);
  virtqueue_push (&queue, chain, 1); // a device that comes too late does no harm
  assert_int_equal (load16 (fake, USED + 2), 0);
  assert_null (virtqueue_pop (&queue));
  assert_false (virtqueue_should_notify (&queue));
  assert_false (virtqueue_set_notification (&queue, true));
  queue.ready = true; // all rings at 0, where there is no RAM
  assert_null (virtqueue_pop (&queue));
  assert_true (queue.broken);
  fake_vm_free (fake);
}

// What looks at the queue between notifications finds nothing in one that cannot be used, and takes
// nothing anew.
static void
test_look (void **state)
{
  FakeVm *fake = fake_vm_new (1, RAM_BYTES);
  VirtQueue queue = make_queue (fake, 8);
  assert_int_equal (virtqueue_count_available (&queue), 0);
  offer (fake, &queue, 3);
  assert_int_equal (virtqueue_count_available (&queue), 3);
  queue.ready = false;
  assert_int_equal (virtqueue_count_available (&queue), 0);
  assert_null (virtqueue_retake (&queue, 0));
  assert_false (queue.broken);
  queue.ready = true;
  queue.broken = true;
  assert_int_equal (virtqueue_count_available (&queue), 0);
  assert_null (virtqueue_retake (&queue, 0));
  // With event indices an empty queue asks to be told, where the driver must have put that.
  queue = make_queue (fake, 8);
  queue.event_idx = true;
  queue.last_avail = queue.used_idx = load16 (fake, queue.avail + 2);
  queue.used = 0x1000; // not in RAM
  assert_null (virtqueue_pop (&queue));
  assert_true (queue.broken);
  fake_vm_free (fake);
}

static void
test_used_ring_gone (void **state)
{
  FakeVm *fake = fake_vm_new (1, RAM_BYTES);
  VirtQueue queue = make_queue (fake, 8);

  offer (fake, &queue, 1);
  VirtChain *chain = virtqueue_pop (&queue);
  queue.used = RAM + RAM_BYTES - 8;
  virtqueue_push (&queue, chain, 1);
  assert_true (queue.broken);
  fake_vm_free (fake);
}

static void
test_copy (void **state)
{
  uint8_t a[4] = "abcd", b[3] = "efg", c[2], d[5], out[8] = "";
  struct iovec iov[] = {{a, 4}, {b, 3}, {c, 2}, {d, 5}};
  VirtChain chain = {
      .out = iov, .n_out = 2, .out_bytes = 7, .in = iov + 2, .n_in = 2, .in_bytes = 7};

  assert_int_equal (virtchain_read (&chain, 0, out, 7), 7);
  assert_memory_equal (out, "abcdefg", 7);
  assert_int_equal (virtchain_read (&chain, 3, out, 2), 2);
  assert_memory_equal (out, "de", 2);
  assert_int_equal (virtchain_read (&chain, 5, out, 8), 2);
  assert_int_equal (virtchain_read (&chain, 7, out, 8), 0);
  assert_int_equal (virtchain_read (&chain, UINT64_MAX, out, 8), 0);
  assert_int_equal (virtchain_write (&chain, 1, "xyz", 3), 3);
  assert_int_equal (c[1], 'x');
  assert_memory_equal (d, "yz", 2);
  assert_int_equal (virtchain_write (&chain, 6, "12", 2), 1);
  assert_int_equal (d[4], '1');
}

typedef struct Loaded {
  uint16_t size, last_avail, used_idx;
  bool ok;
} Loaded;

static void
test_load (void **state)
{
  static const Loaded cases_[] = {{8, 3, 1, true},      {8, 9, 1, true},  {8, 10, 1, false},
                                  {8, 0, 0xffff, true}, {8, 0, 1, false}, {0, 0, 0, false},
                                  {16, 0, 0, false},    {6, 0, 0, false}, {0xffff, 0, 0, false}};
  FakeVm *fake = fake_vm_new (1, RAM_BYTES);

  for (unsigned i = 0; i < G_N_ELEMENTS (cases_); i++) {
    VirtQueue saved = make_queue (fake, cases_[i].size), queue = make_queue (fake, 8);
    saved.last_avail = cases_[i].last_avail;
    saved.used_idx = cases_[i].used_idx;
    StateWriter *writer = state_writer_new ();
    state_writer_begin (writer, "queue", 1);
    virtqueue_save (&saved, writer);
    state_writer_end (writer);
    g_autoptr (GBytes) bytes = state_writer_finish (writer);
    StateReader *reader = state_reader_new (bytes, NULL);
    uint32_t version;
    assert_true (state_reader_begin (reader, "queue", 1, &version, NULL));
    assert_int_equal (virtqueue_load (&queue, reader), cases_[i].ok);
    assert_int_equal (queue.ready, cases_[i].ok);
    assert_int_equal (queue.avail, cases_[i].ok ? AVAIL : 0);
    state_reader_free (reader);
  }
  fake_vm_free (fake);
}

// Random rings from a fixed seed, biased towards the plausible: every chain lies in RAM.
static void
test_random (void **state)
{
  FakeVm *fake = fake_vm_new (1, RAM_BYTES);
  g_autoptr (GRand) rand = g_rand_new_with_seed (2);
  unsigned n_chains = 0;

  for (unsigned round = 0; round < 20000; round++) {
    VirtQueue queue = make_queue (fake, 8);
    queue.event_idx = g_rand_boolean (rand);
    for (unsigned i = 0; i < 16; i++) {
      Desc desc = {g_rand_int_range (rand, 0, 8) ? BUF + g_rand_int_range (rand, 0, 4096) : TABLE,
                   g_rand_int_range (rand, 0, 16) ? g_rand_int_range (rand, 0, 64)
                                                  : (int) g_rand_int (rand),
                   g_rand_int_range (rand, 0, 8), g_rand_int_range (rand, 0, 9)};
      store (fake, (i < 8 ? DESC : TABLE) + 16 * (i % 8), &desc, sizeof desc);
      store16 (fake, AVAIL + 4 + 2 * (i % 8), g_rand_int_range (rand, 0, 9));
    }
    store16 (fake, AVAIL + 2, g_rand_int_range (rand, 0, 10));
    VirtChain *chain;
    while ((chain = virtqueue_pop (&queue)) != NULL) {
      n_chains++;
      for (unsigned i = 0; i < chain->n_out + chain->n_in; i++) {
        uint64_t at = (uint8_t *) chain->out[i].iov_base - fake_vm_ram (fake);
        assert_true (at < RAM_BYTES && chain->out[i].iov_len <= RAM_BYTES - at);
      }
      virtqueue_push (&queue, chain, 0);
    }
  }
  assert_true (n_chains > 1000);
  fake_vm_free (fake);
}

int
main (void)
{
  enum { N = G_N_ELEMENTS (cases) };
  const struct CMUnitTest others[] = {
      cmocka_unit_test (test_in_flight_bounded),
      cmocka_unit_test (test_large_chains),
      cmocka_unit_test (test_no_entries),
      cmocka_unit_test (test_unpop),
      cmocka_unit_test (test_look),
      cmocka_unit_test (test_interrupt_flags),
      cmocka_unit_test (test_interrupt_events),
      cmocka_unit_test (test_notification_flags),
      cmocka_unit_test (test_notification_events),
      cmocka_unit_test (test_not_ready),
      cmocka_unit_test (test_used_ring_gone),
      cmocka_unit_test (test_copy),
      cmocka_unit_test (test_load),
      cmocka_unit_test (test_random),
  };
  struct CMUnitTest tests[N + G_N_ELEMENTS (others)];

  for (unsigned i = 0; i < N; i++)
    tests[i] = (struct CMUnitTest){cases[i].name, run_case, NULL, NULL, (void *) &cases[i]};
  memcpy (tests + N, others, sizeof others);
  return _cmocka_run_group_tests ("queue", tests, N + G_N_ELEMENTS (others), NULL, NULL);
}
