// SPDX-License-Identifier: GPL-3.0-or-later
// The NVMe controller against a driver made of memory accesses: commands with their status, data by
// every kind of PRP, queues that are full, deleted, nonsense; errors of the host; saved state.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "tests/support/nvme-guest.h"
#include "tests/support/test-disk.h"

enum {
  DISK_BYTES = 4 << 20,
  PAGE = 4096,
  DATA = NVME_GUEST_DATA,
  LIST = NVME_GUEST_DATA + (4 << 20), // pages of PRP lists
  ADMIN = 0,
  IO = 1,
};

typedef struct Setup {
  TestDisk *disk;
  NvmeGuest *guest;
} Setup;

static void
set_up (Setup *setup, bool read_only)
{
  setup->disk = test_disk_new (DISK_BYTES);
  setup->guest = nvme_guest_new (test_disk_open (setup->disk, read_only));
  nvme_guest_start (setup->guest, true);
}

static void
tear_down (Setup *setup)
{
  nvme_guest_free (setup->guest);
  test_disk_free (setup->disk);
}

typedef struct Case {
  const char *name;
  unsigned queue;
  NvmeGuestCommand command;
  unsigned status;
  uint32_t result;
} Case;

// Words: 0 opcode, 1 namespace, 6 and 8 the PRPs, 10 and on what depends on the command.
// clang-format off
static const Case cases[] = {
  { "unknown admin command", ADMIN, {{0x7f}}, 0x01 },
  { "fused", ADMIN, {{0x106, [6] = DATA, [10] = 1}}, 0x02 },
  { "scatter-gather list", IO, {{0x4002, 1, [6] = DATA}}, 0x02 },
  { "identify controller", ADMIN, {{6, [6] = DATA, [10] = 1}}, 0 },
  { "identify namespace", ADMIN, {{6, 1, [6] = DATA, [10] = 0}}, 0 },
  { "identify all namespaces", ADMIN, {{6, ~0u, [6] = DATA, [10] = 0}}, 0 },
  { "identify namespace 2", ADMIN, {{6, 2, [6] = DATA, [10] = 0}}, 0x0b },
  { "identify namespace 0", ADMIN, {{6, 0, [6] = DATA, [10] = 0}}, 0x0b },
  { "list of namespaces", ADMIN, {{6, 0, [6] = DATA, [10] = 2}}, 0 },
  { "list behind the last", ADMIN, {{6, ~0u, [6] = DATA, [10] = 2}}, 0x0b },
  { "descriptors", ADMIN, {{6, 1, [6] = DATA, [10] = 3}}, 0 },
  { "descriptors of another", ADMIN, {{6, 2, [6] = DATA, [10] = 3}}, 0x0b },
  { "identify something else", ADMIN, {{6, 1, [6] = DATA, [10] = 0x10}}, 0x02 },
  { "identify to nowhere", ADMIN, {{6, 1, [6] = 0x1000, [10] = 0}}, 0x04 },
  { "identify to an odd address", ADMIN, {{6, 1, [6] = DATA + 2, [10] = 0}}, 0x13 },
  { "errors", ADMIN, {{2, ~0u, [6] = DATA, [10] = 15 << 16 | 1}}, 0 },
  { "health", ADMIN, {{2, ~0u, [6] = DATA, [10] = 127 << 16 | 2}}, 0 },
  { "firmware", ADMIN, {{2, ~0u, [6] = DATA, [10] = 127 << 16 | 3}}, 0 },
  { "a log of 16 GiB", ADMIN, {{2, ~0u, [6] = DATA, [10] = 0xffffu << 16 | 2, [11] = 0xffff}}, 0 },
  { "another log", ADMIN, {{2, ~0u, [6] = DATA, [10] = 127 << 16 | 4}}, 0x109 },
  { "a log from the middle", ADMIN, {{2, ~0u, [6] = DATA, [10] = 127 << 16 | 2, [12] = 4}}, 0x02 },
  { "number of queues", ADMIN, {{9, [10] = 7, [11] = 0x50005}}, 0, 0x10001 },
  { "number of queues, asked", ADMIN, {{10, [10] = 7}}, 0, 0x10001 },
  { "write cache, asked", ADMIN, {{10, [10] = 6}}, 0, 1 },
  { "write cache off", ADMIN, {{9, [10] = 6, [11] = 0}}, 0 },
  { "write cache, asked again", ADMIN, {{10, [10] = 6}}, 0, 0 },
  { "write cache on", ADMIN, {{9, [10] = 6, [11] = 1}}, 0 },
  { "power state 1", ADMIN, {{9, [10] = 2, [11] = 1}}, 0x02 },
  { "feature 0", ADMIN, {{9, [10] = 0}}, 0x02 },
  { "feature 3", ADMIN, {{10, [10] = 3}}, 0x02 },
  { "feature 12", ADMIN, {{10, [10] = 12}}, 0x02 },
  { "feature to be saved", ADMIN, {{9, [10] = 1u << 31 | 1}}, 0x02 },
  { "abort", ADMIN, {{8, [10] = 1}}, 0, 1 },
  { "cq 0", ADMIN, {{5, [6] = DATA, [10] = 15 << 16, [11] = 1}}, 0x101 },
  { "cq 3", ADMIN, {{5, [6] = DATA, [10] = 15 << 16 | 3, [11] = 1}}, 0x101 },
  { "cq that is there", ADMIN, {{5, [6] = DATA, [10] = 15 << 16 | 1, [11] = 1}}, 0x101 },
  { "cq of one entry", ADMIN, {{5, [6] = DATA, [10] = 1, [11] = 1}}, 0x102 },
  { "cq of 1025 entries", ADMIN, {{5, [6] = DATA, [10] = 1024 << 16 | 1, [11] = 1}}, 0x102 },
  { "cq in pieces", ADMIN, {{5, [6] = DATA, [10] = 15 << 16 | 1}}, 0x02 },
  { "cq off a page", ADMIN, {{5, [6] = DATA + 64, [10] = 15 << 16 | 1, [11] = 1}}, 0x13 },
  { "sq that is there", ADMIN, {{1, [6] = DATA, [10] = 15 << 16 | 1, [11] = 1 << 16 | 1}}, 0x101 },
  { "sq 17", ADMIN, {{1, [6] = DATA, [10] = 15 << 16 | 17, [11] = 1 << 16 | 1}}, 0x101 },
  { "cq in use", ADMIN, {{4, [10] = 1}}, 0x10c },
  { "delete cq 0", ADMIN, {{4, [10] = 0}}, 0x101 },
  { "delete cq 9", ADMIN, {{4, [10] = 9}}, 0x101 },
  { "delete sq 2", ADMIN, {{0, [10] = 2}}, 0 },
  { "delete sq 2 again", ADMIN, {{0, [10] = 2}}, 0x101 },
  { "sq without a cq", ADMIN, {{1, [6] = DATA, [10] = 15 << 16 | 2, [11] = 3 << 16 | 1}}, 0x100 },
  { "sq with the admin cq", ADMIN, {{1, [6] = DATA, [10] = 15 << 16 | 2, [11] = 1}}, 0x100 },
  { "delete cq 2", ADMIN, {{4, [10] = 2}}, 0 },
  { "cq with vector 3", ADMIN, {{5, [6] = DATA, [10] = 15 << 16 | 2, [11] = 3 << 16 | 3}}, 0x108 },

  { "flush", IO, {{0, 1}}, 0 },
  { "flush everything", IO, {{0, ~0u}}, 0 },
  { "flush namespace 2", IO, {{0, 2}}, 0x0b },
  { "unknown command", IO, {{0x55, 1}}, 0x01 },
  { "read", IO, {{2, 1, [6] = DATA, [12] = 7}}, 0 },
  { "read of namespace 0", IO, {{2, 0, [6] = DATA, [12] = 7}}, 0x0b },
  { "read the last block", IO, {{2, 1, [6] = DATA, [10] = 8191}}, 0 },
  { "read behind the end", IO, {{2, 1, [6] = DATA, [10] = 8191, [12] = 1}}, 0x80 },
  { "read far behind the end", IO, {{2, 1, [6] = DATA, [10] = ~0u, [11] = ~0u}}, 0x80 },
  { "read too much", IO, {{2, 1, [6] = DATA, [8] = DATA, [12] = 2048}}, 0x02 },
  { "read to nowhere", IO, {{2, 1, [6] = 0x1000}}, 0x04 },
  { "read across the end of memory", IO, {{2, 1, [6] = DATA + (15 << 20) - 512, [12] = 7}}, 0x04 },
  { "second page off its start", IO, {{2, 1, [6] = DATA, [8] = DATA + 512, [12] = 15}}, 0x13 },
  { "second page nowhere", IO, {{2, 1, [6] = DATA, [8] = 0x1000, [12] = 15}}, 0x04 },
  { "list nowhere", IO, {{2, 1, [6] = DATA, [8] = 0x1000, [12] = 23}}, 0x04 },
  { "list at an odd address", IO, {{2, 1, [6] = DATA, [8] = LIST + 4, [12] = 23}}, 0x13 },
  { "write zeroes", IO, {{8, 1, [10] = 100, [12] = 1u << 25 | 9}}, 0 },
  { "write zeroes behind the end", IO, {{8, 1, [10] = 8190, [12] = 2}}, 0x80 },
  { "dataset, only advice", IO, {{9, 1, [6] = LIST, [10] = 3}}, 0 },
  { "dataset, nothing", IO, {{9, 1, [6] = LIST, [10] = 255, [11] = 4}}, 0 },
  { "dataset nowhere", IO, {{9, 1, [6] = 0, [10] = 255, [11] = 4}}, 0x04 },
};
// clang-format on

static void
test_commands (void **state)
{
  Setup setup;

  set_up (&setup, false);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    uint32_t result;
    unsigned status = nvme_guest_do (setup.guest, cases[i].queue, &cases[i].command, &result);
    if (status != cases[i].status || result != cases[i].result)
      fail_msg ("%s: status 0x%x, result 0x%x, expected 0x%x, 0x%x", cases[i].name, status, result,
                cases[i].status, cases[i].result);
  }
  tear_down (&setup);
}

static void
test_registers (void **state)
{
  Setup setup;

  set_up (&setup, false);
  assert_int_equal (nvme_guest_read (setup.guest, 0, 8), 0x20140103ff);
  assert_int_equal (nvme_guest_read (setup.guest, 8, 4), 0x10400);
  assert_int_equal (nvme_guest_read (setup.guest, 0x1c, 4), 1);
  nvme_guest_write (setup.guest, 0x14, nvme_guest_read (setup.guest, 0x14, 4) | 1 << 14, 4);
  assert_int_equal (nvme_guest_read (setup.guest, 0x1c, 4), 9);
  nvme_guest_write (setup.guest, 0x14, 0, 4);
  assert_int_equal (nvme_guest_read (setup.guest, 0x1c, 4), 0);
  // What is not offered, and queues of no size.
  static const uint32_t bad[][2] = {{0x460011, 0xf000f}, {0x460081, 0xf000f}, {0x460801, 0xf000f},
                                    {0x460001, 0xf0000}, {0x460001, 0xf},     {0x460001, 0xf0400}};
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
    nvme_guest_write (setup.guest, 0x24, bad[i][1], 4);
    nvme_guest_write (setup.guest, 0x14, bad[i][0], 4);
    assert_int_equal (nvme_guest_read (setup.guest, 0x1c, 4), 2);
    nvme_guest_write (setup.guest, 0x14, 0, 4);
  }
  nvme_guest_enable (setup.guest);
  assert_int_equal (nvme_guest_do (setup.guest, ADMIN, &(NvmeGuestCommand){{10, [10] = 6}}, NULL),
                    0);
  tear_down (&setup);
}

static void
test_identity (void **state)
{
  Setup setup;
  const uint8_t *data;

  set_up (&setup, true);
  data = nvme_guest_ptr (setup.guest, DATA);
  nvme_guest_do (setup.guest, ADMIN, &(NvmeGuestCommand){{6, [6] = DATA, [10] = 1}}, NULL);
  assert_memory_equal (data + 4, "serial-1            ", 20);
  assert_int_equal (data[77], 8);
  assert_int_equal (data[516], 1);
  nvme_guest_do (setup.guest, ADMIN, &(NvmeGuestCommand){{6, 1, [6] = DATA}}, NULL);
  assert_int_equal (*(const uint64_t *) data, DISK_BYTES / 512);
  assert_int_equal (data[99], 1);
  assert_int_equal (data[130], 9);
  assert_int_equal (nvme_guest_do (setup.guest, IO, &(NvmeGuestCommand){{1, 1, [6] = DATA}}, NULL),
                    0x20);
  assert_int_equal (nvme_guest_do (setup.guest, IO, &(NvmeGuestCommand){{0, 1}}, NULL), 0);
  tear_down (&setup);
}

// Data in one piece, in two, by a list, by a list that goes on on another page, from the middle of a
// page; forwards and back.
static void
test_data (void **state)
{
  static const struct {
    uint32_t first, bytes, list_offset;
  } shapes[] = {
      {0, 512, 0},         {0, PAGE, 0},          {512, PAGE, 0},           {0, 2 * PAGE, 0},
      {0, 3 * PAGE, 0},    {3584, 9 * PAGE, 0},   {0, 256 * PAGE, 0},       {4, 256 * PAGE, 0},
      {0, 5 * PAGE, 4088}, {4, 100 * PAGE, 4000}, {0, 2 * PAGE + 512, 4088}};
  Setup setup;

  set_up (&setup, false);
  for (size_t i = 0; i < G_N_ELEMENTS (shapes); i++) {
    uint32_t bytes = shapes[i].bytes, pages = (shapes[i].first + bytes + PAGE - 1) / PAGE;
    uint64_t *list = nvme_guest_ptr (setup.guest, LIST + shapes[i].list_offset);
    uint64_t prp2 = pages == 2 ? DATA + 2 * PAGE : LIST + shapes[i].list_offset;
    uint64_t *at = list;
    // Every page is where the next but one would be.
    for (uint32_t p = 1; p < pages; p++) {
      if (((uintptr_t) at & (PAGE - 1)) == PAGE - 8 && p + 1 < pages) {
        *at = LIST + 16 * PAGE;
        at = nvme_guest_ptr (setup.guest, LIST + 16 * PAGE);
      }
      *at++ = DATA + 2 * p * PAGE;
    }
    const uint32_t prp1 = DATA + shapes[i].first, n = bytes / 512 - 1;
    const NvmeGuestCommand read = {{2, 1, [6] = prp1, [8] = (uint32_t) prp2, [10] = 7, [12] = n}},
                           write = {{1, 1, [6] = prp1, [8] = (uint32_t) prp2, [10] = 7, [12] = n}};
    assert_int_equal (nvme_guest_do (setup.guest, IO, &read, NULL), 0);
    uint32_t done = 0;
    for (uint32_t p = 0; p < pages; p++) {
      uint32_t from = p == 0 ? shapes[i].first : 0, length = MIN (PAGE - from, bytes - done);
      uint8_t *page = nvme_guest_ptr (setup.guest, DATA + 2 * p * PAGE);
      if (memcmp (page + from, setup.disk->bytes + 7 * 512 + done, length) != 0)
        fail_msg ("shape %zu, page %u", i, p);
      memset (page + from, (int) (i + 1), length);
      done += length;
    }
    assert_int_equal (nvme_guest_do (setup.guest, IO, &write, NULL), 0);
    for (uint32_t b = 0; b < bytes; b++)
      assert_int_equal (setup.disk->bytes[7 * 512 + b], i + 1);
  }
  tear_down (&setup);
}

static void
test_deallocate (void **state)
{
  Setup setup;

  set_up (&setup, false);
  uint32_t *ranges = nvme_guest_ptr (setup.guest, LIST);
  for (unsigned i = 0; i < 200; i++) {
    ranges[4 * i + 1] = i % 3 == 0 ? 0 : 8; // blocks
    ranges[4 * i + 2] = 8 * i;
  }
  assert_int_equal (nvme_guest_do (setup.guest, IO,
                                   &(NvmeGuestCommand){{9, 1, [6] = LIST, [10] = 199, [11] = 4}},
                                   NULL),
                    0);
  assert_int_equal (test_disk_get_done (setup.disk, BLOCK_DISCARD), 133);
  ranges[4 * 100 + 2] = 8192;
  ranges[4 * 100 + 1] = 1;
  assert_int_equal (nvme_guest_do (setup.guest, IO,
                                   &(NvmeGuestCommand){{9, 1, [6] = LIST, [10] = 199, [11] = 4}},
                                   NULL),
                    0x80);
  assert_int_equal (test_disk_get_done (setup.disk, BLOCK_DISCARD), 133);
  tear_down (&setup);
}

static void
test_write_cache (void **state)
{
  static const NvmeGuestCommand write = {{1, 1, [6] = DATA}},
                                fua = {{1, 1, [6] = DATA, [12] = 1u << 30}},
                                off = {{9, [10] = 6, [11] = 0}};
  Setup setup;

  set_up (&setup, false);
  nvme_guest_do (setup.guest, IO, &write, NULL);
  assert_int_equal (test_disk_get_done (setup.disk, BLOCK_FLUSH), 0);
  nvme_guest_do (setup.guest, IO, &fua, NULL);
  assert_int_equal (test_disk_get_done (setup.disk, BLOCK_FLUSH), 1);
  nvme_guest_do (setup.guest, ADMIN, &off, NULL);
  nvme_guest_do (setup.guest, IO, &write, NULL);
  assert_int_equal (test_disk_get_done (setup.disk, BLOCK_FLUSH), 2);
  tear_down (&setup);
}

static void
count_errors (void *opaque, VmRequest request)
{
  *(unsigned *) opaque += request == VM_REQUEST_DISK_ERROR;
}

// The guest has the error, and the person hears of it.
static void
test_host_errors (void **state)
{
  Setup setup;
  unsigned n_errors = 0;

  set_up (&setup, false);
  setup.guest->vm.on_request = count_errors;
  setup.guest->vm.on_request_opaque = &n_errors;
  test_disk_fail (setup.disk, BLOCK_READ, EIO);
  test_disk_fail (setup.disk, BLOCK_WRITE, EIO);
  assert_int_equal (nvme_guest_do (setup.guest, IO, &(NvmeGuestCommand){{2, 1, [6] = DATA}}, NULL),
                    0x281);
  assert_int_equal (nvme_guest_do (setup.guest, IO, &(NvmeGuestCommand){{1, 1, [6] = DATA}}, NULL),
                    0x280);
  assert_int_equal (n_errors, 2);
  setup.guest->vm.on_request = NULL;
  tear_down (&setup);
}

// A flush that lacks room for what the image's format has yet to write waits too.
static void
test_full_disk_flush (void **state)
{
  Setup setup;
  uint32_t words[4];

  set_up (&setup, false);
  test_disk_fail (setup.disk, BLOCK_FLUSH, ENOSPC);
  nvme_guest_submit (setup.guest, 2, &(NvmeGuestCommand){{0 | 9 << 16, 1}});
  nvme_guest_settle (setup.guest);
  nvme_guest_quiesce (setup.guest);
  assert_false (nvme_guest_has (setup.guest, 2));
  test_disk_fail (setup.disk, BLOCK_FLUSH, 0);
  nvme_guest_resume (setup.guest);
  assert_true (nvme_guest_wait (setup.guest, 2, words));
  assert_int_equal (words[3] >> 17, 0);
  tear_down (&setup);
}

// No room on the host: the command waits, through saved state too.
static void
test_full_disk (void **state)
{
  Setup setup;
  uint32_t words[4];

  set_up (&setup, false);
  memset (nvme_guest_ptr (setup.guest, DATA), 0x77, 512);
  test_disk_fail (setup.disk, BLOCK_WRITE, ENOSPC);
  nvme_guest_submit (setup.guest, 2, &(NvmeGuestCommand){{1 | 9 << 16, 1, [6] = DATA, [10] = 3}});
  nvme_guest_settle (setup.guest);
  nvme_guest_quiesce (setup.guest);
  assert_false (nvme_guest_has (setup.guest, 2));
  g_autoptr (GBytes) bytes = nvme_guest_save (setup.guest);
  nvme_guest_reset (setup.guest);
  assert_true (nvme_guest_load (setup.guest, bytes));
  g_autoptr (GBytes) again = nvme_guest_save (setup.guest);
  assert_true (g_bytes_equal (bytes, again));
  test_disk_fail (setup.disk, BLOCK_WRITE, 0);
  nvme_guest_resume (setup.guest);
  assert_true (nvme_guest_wait (setup.guest, 2, words));
  assert_int_equal (words[3] & 0xffff, 9);
  assert_int_equal (words[3] >> 17, 0);
  assert_int_equal (setup.disk->bytes[3 * 512], 0x77);
  tear_down (&setup);
}

// A driver that takes no completions gets no more than there is room for.
static void
test_full_completion_queue (void **state)
{
  Setup setup;
  uint32_t words[4];

  set_up (&setup, false);
  for (unsigned round = 0; round < 40; round++) {
    for (unsigned i = 0; i < NVME_GUEST_ENTRIES - 1; i++)
      nvme_guest_submit (setup.guest, IO, &(NvmeGuestCommand){{2 | i << 16, 1, [6] = DATA}});
    for (unsigned i = 0; i < NVME_GUEST_ENTRIES - 1; i++) {
      assert_true (nvme_guest_wait (setup.guest, IO, words));
      assert_int_equal (words[3] >> 17, 0);
    }
  }
  assert_false (nvme_guest_has (setup.guest, IO));
  for (unsigned i = 0; i < NVME_GUEST_ENTRIES - 1; i++)
    nvme_guest_submit (setup.guest, IO, &(NvmeGuestCommand){{0x55, 1}});
  nvme_guest_settle (setup.guest);
  for (unsigned i = 0; i < 3; i++)
    nvme_guest_submit (setup.guest, IO, &(NvmeGuestCommand){{0x55 | 7 << 16, 1}});
  nvme_guest_settle (setup.guest);
  for (unsigned i = 0; i < NVME_GUEST_ENTRIES + 2; i++)
    assert_true (nvme_guest_wait (setup.guest, IO, words));
  assert_int_equal (words[3] & 0xffff, 7);
  tear_down (&setup);
}

static void
test_events_wait (void **state)
{
  Setup setup;

  set_up (&setup, false);
  for (unsigned i = 0; i < 4; i++)
    nvme_guest_submit (setup.guest, ADMIN, &(NvmeGuestCommand){{12 | i << 16}});
  assert_int_equal (nvme_guest_do (setup.guest, ADMIN, &(NvmeGuestCommand){{12 | 9 << 16}}, NULL),
                    0x105);
  assert_int_equal (nvme_guest_do (setup.guest, ADMIN, &(NvmeGuestCommand){{10, [10] = 6}}, NULL),
                    0);
  tear_down (&setup);
}

static void
test_interrupts (void **state)
{
  Setup setup;
  uint32_t words[4];

  set_up (&setup, false);
  int before = g_atomic_int_get (&setup.guest->n_messages);
  nvme_guest_do (setup.guest, IO, &(NvmeGuestCommand){{0, 1}}, NULL);
  nvme_guest_settle (setup.guest);
  assert_true (g_atomic_int_get (&setup.guest->n_messages) > before);
  tear_down (&setup);

  // By its pin: it falls when the last completion is taken, and when it is masked.
  setup.disk = test_disk_new (DISK_BYTES);
  setup.guest = nvme_guest_new (test_disk_open (setup.disk, false));
  nvme_guest_start (setup.guest, false);
  nvme_guest_settle (setup.guest);
  assert_int_equal (g_atomic_int_get (&setup.guest->pin), 0);
  nvme_guest_submit (setup.guest, ADMIN, &(NvmeGuestCommand){{10, [10] = 6}});
  nvme_guest_settle (setup.guest);
  assert_true (nvme_guest_has (setup.guest, ADMIN));
  assert_int_equal (g_atomic_int_get (&setup.guest->pin), 1);
  nvme_guest_write (setup.guest, 0x0c, 1, 4);
  assert_int_equal (g_atomic_int_get (&setup.guest->pin), 0);
  nvme_guest_write (setup.guest, 0x10, 1, 4);
  assert_int_equal (g_atomic_int_get (&setup.guest->pin), 1);
  assert_true (nvme_guest_wait (setup.guest, ADMIN, words));
  assert_int_equal (g_atomic_int_get (&setup.guest->pin), 0);
  tear_down (&setup);
}

// Doorbells that lie, and queues that are not in RAM.
static void
test_hostile (void **state)
{
  Setup setup;

  set_up (&setup, false);
  for (unsigned bell = 0; bell < 64; bell++) {
    nvme_guest_write (setup.guest, 0x1000 + 4 * bell, 0xffffffff, 4);
    nvme_guest_write (setup.guest, 0x1000 + 4 * bell, NVME_GUEST_ENTRIES, 4);
    if (bell % 2 == 1)
      nvme_guest_write (setup.guest, 0x1000 + 4 * bell, 5, 4);
  }
  nvme_guest_settle (setup.guest);
  assert_int_equal (nvme_guest_do (setup.guest, IO, &(NvmeGuestCommand){{0, 1}}, NULL), 0);
  nvme_guest_write (setup.guest, 0x14, 0, 4);
  nvme_guest_write (setup.guest, 0x28, 0x1000, 8);
  nvme_guest_write (setup.guest, 0x30, 0x1000, 8);
  nvme_guest_write (setup.guest, 0x14, 0x460001, 4);
  nvme_guest_write (setup.guest, 0x1000, 1, 4);
  nvme_guest_settle (setup.guest);
  assert_int_equal (nvme_guest_read (setup.guest, 0x1c, 4), 3);
  tear_down (&setup);
}

// A reset in the middle of it all: nothing is completed any more, and it can be used again.
static void
test_reset_in_flight (void **state)
{
  Setup setup;

  set_up (&setup, false);
  for (unsigned round = 0; round < 20; round++) {
    for (unsigned i = 0; i < 8; i++)
      nvme_guest_submit (setup.guest, 1 + i % 2,
                         &(NvmeGuestCommand){{1 + i % 2, 1, [6] = DATA, [10] = i}});
    nvme_guest_start (setup.guest, true);
    assert_int_equal (nvme_guest_do (setup.guest, IO, &(NvmeGuestCommand){{0, 1}}, NULL), 0);
  }
  tear_down (&setup);
}

static void
test_damaged_state (void **state)
{
  Setup setup;
  g_autoptr (GRand) rand = g_rand_new_with_seed (9);

  set_up (&setup, false);
  nvme_guest_quiesce (setup.guest);
  g_autoptr (GBytes) good = nvme_guest_save (setup.guest);
  gsize length;
  const uint8_t *bytes = g_bytes_get_data (good, &length);
  for (unsigned round = 0; round < 500; round++) {
    // The same fields, with a checksum of its own.
    StateWriter *writer = state_writer_new ();
    state_writer_begin (writer, "nvme", 1);
    for (gsize i = 0; i < length / 2; i++)
      state_put_u8 (writer, bytes[i + length - length / 2] ^
                                (g_rand_int_range (rand, 0, 40) == 0 ? 1 << i % 8 : 0));
    state_writer_end (writer);
    g_autoptr (GBytes) bad = state_writer_finish (writer);
    nvme_guest_load (setup.guest, bad);
  }
  nvme_guest_reset (setup.guest);
  nvme_guest_resume (setup.guest);
  nvme_guest_start (setup.guest, true);
  assert_int_equal (nvme_guest_do (setup.guest, IO, &(NvmeGuestCommand){{0, 1}}, NULL), 0);
  tear_down (&setup);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_commands),        cmocka_unit_test (test_registers),
      cmocka_unit_test (test_identity),        cmocka_unit_test (test_data),
      cmocka_unit_test (test_deallocate),      cmocka_unit_test (test_write_cache),
      cmocka_unit_test (test_host_errors),     cmocka_unit_test (test_full_disk),
      cmocka_unit_test (test_full_disk_flush), cmocka_unit_test (test_full_completion_queue),
      cmocka_unit_test (test_events_wait),     cmocka_unit_test (test_interrupts),
      cmocka_unit_test (test_hostile),         cmocka_unit_test (test_reset_in_flight),
      cmocka_unit_test (test_damaged_state),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
