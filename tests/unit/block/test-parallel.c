// SPDX-License-Identifier: GPL-3.0-or-later
// A qcow2 disk under many requests at once, through the device and its workers: clients write,
// discard and read sectors of their own that share clusters with everybody else's, while flushes
// commit. Each always finds what it wrote last.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/block/qcow2/qcow2.h"
#include "engine/block/raw.h"
#include "tests/support/mem-file.h"

enum {
  CLIENTS = 12,
  ROWS = 60, // sectors of each client: CLIENTS apart
  OPERATIONS = 400,
};

// One request in flight.
typedef struct Client {
  BlockRequest request; // first: what reap gives is this
  struct iovec iov;
  uint8_t sector[BLOCK_SECTOR_BYTES];
  unsigned number, row, n_done, n_at_once;
  bool whole; // a sector is a whole cluster: discarding makes it zero
  uint64_t random;
  uint8_t expected[ROWS]; // the byte each of its sectors is filled with
} Client;

static uint64_t
next_random (Client *client)
{
  client->random = client->random * 6364136223846793005u + 1442695040888963407u;
  return client->random >> 33;
}

static uint64_t
offset_of (const Client *client, unsigned row)
{
  return ((uint64_t) row * CLIENTS + client->number) * BLOCK_SECTOR_BYTES;
}

// Everything is submitted, or tried first.
static bool
submit (BlockDevice *device, Client *client, bool try)
{
  static const BlockOp ops[] = {BLOCK_READ,  BLOCK_READ,         BLOCK_WRITE, BLOCK_WRITE,
                                BLOCK_WRITE, BLOCK_WRITE_ZEROES, BLOCK_FLUSH, BLOCK_DISCARD};
  client->row = (unsigned) (next_random (client) % ROWS);
  client->iov = (struct iovec){client->sector, sizeof client->sector};
  client->request = (BlockRequest){
      .op = ops[next_random (client) % G_N_ELEMENTS (ops)],
      .offset_bytes = offset_of (client, client->row),
      .length_bytes = BLOCK_SECTOR_BYTES,
      .iov = &client->iov,
      .n_iov = 1,
      .may_unmap = true,
  };
  uint8_t fill = (uint8_t) (next_random (client) | 1);
  if (client->request.op == BLOCK_WRITE)
    memset (client->sector, fill, sizeof client->sector);
  if (client->request.op == BLOCK_FLUSH)
    client->request.offset_bytes = client->request.length_bytes = 0;
  if (try && block_device_try (device, &client->request))
    return false;
  block_device_submit (device, &client->request);
  return true;
}

static void
judge (Client *client)
{
  uint8_t *expected = &client->expected[client->row];
  assert_int_equal (client->request.error, 0);
  if (client->request.op == BLOCK_WRITE)
    *expected = client->sector[0];
  else if (client->request.op == BLOCK_WRITE_ZEROES ||
           (client->request.op == BLOCK_DISCARD && client->whole))
    *expected = 0;
  else if (client->request.op == BLOCK_READ)
    for (unsigned i = 0; i < BLOCK_SECTOR_BYTES; i++)
      assert_int_equal (client->sector[i], *expected);
}

// Until one of the client's requests is in flight; false: it is through.
static bool
go_on (BlockDevice *device, Client *client, bool try)
{
  while (client->n_done < OPERATIONS) {
    if (submit (device, client, try))
      return true;
    judge (client);
    client->n_done++;
    client->n_at_once++;
  }
  return false;
}

static void
run (BlockDevice *device, Client *clients, bool try)
{
  unsigned running = 0;
  for (unsigned i = 0; i < CLIENTS; i++)
    running += go_on (device, &clients[i], try);
  while (running > 0) {
    Client *client = (Client *) block_device_reap (device);
    if (client == NULL) {
      g_thread_yield ();
      continue;
    }
    judge (client);
    client->n_done++;
    running -= !go_on (device, client, try);
  }
}

static void
check_clean (MemFile *mem)
{
  Qcow2Check check = {0};
  BlockImage *image = qcow2_open (mem_file_open (mem), "mem", 0, NULL, NULL);
  assert_non_null (image);
  assert_int_equal (qcow2_check (image, &check, false), 0);
  assert_int_equal (check.n_corrupt, 0);
  assert_int_equal (check.n_leaked, 0);
  block_image_free (image);
}

// On a file of the host, through the ring where there is one.
static void
test_ring (void **state)
{
  static const unsigned bits[] = {9, 12, 16};
  g_autofree char *path = g_build_filename (g_get_tmp_dir (), "terrarium-ring-XXXXXX", NULL);
  int fd = g_mkstemp (path);
  assert_true (fd >= 0);
  close (fd);
  for (size_t b = 0; b < 2 * G_N_ELEMENTS (bits); b++) {
    const Qcow2CreateOptions options = {.size_bytes = CLIENTS * ROWS * BLOCK_SECTOR_BYTES,
                                        .cluster_bits = bits[b / 2]};
    bool raw = b % 2;
    BlockFile *file = block_file_open (path, BLOCK_FILE_WRITE, NULL);
    assert_int_equal (block_file_set_size (file, 0), 0);
    assert_int_equal (
        raw ? block_file_set_size (file, options.size_bytes) : qcow2_create (file, &options), 0);
    block_file_free (file);
    BlockImage *image = block_image_open (path, raw ? BLOCK_FORMAT_RAW : BLOCK_FORMAT_QCOW2,
                                          BLOCK_IMAGE_WRITE, NULL);
    BlockDevice *device = block_image_to_device (image);
    print_message ("ring: %s\n", block_device_use_ring (device) ? "yes" : "no");
    g_autofree Client *clients = g_new0 (Client, CLIENTS);
    for (unsigned i = 0; i < CLIENTS; i++)
      clients[i] = (Client){.number = i, .random = b * 1000 + i, .whole = raw || b / 2 == 0};
    run (device, clients, false);
    block_device_free (device);
    if (!raw) {
      Qcow2Check check = {0};
      image = block_image_open (path, BLOCK_FORMAT_QCOW2, 0, NULL);
      assert_int_equal (qcow2_check (image, &check, false), 0);
      assert_int_equal (check.n_corrupt + check.n_leaked, 0);
      block_image_free (image);
    }
  }
  g_unlink (path);
}

// The file becomes shorter under it: an error, as without a ring.
static void
test_ring_short (void **state)
{
  g_autofree char *path = g_build_filename (g_get_tmp_dir (), "terrarium-ring-XXXXXX", NULL);
  int fd = g_mkstemp (path);
  assert_int_equal (ftruncate (fd, 65536), 0);
  BlockDevice *device =
      block_image_to_device (block_image_open (path, BLOCK_FORMAT_RAW, BLOCK_IMAGE_WRITE, NULL));
  block_device_use_ring (device);
  assert_int_equal (ftruncate (fd, 4096 + 512), 0);
  uint8_t bytes[4096];
  struct iovec iov = {bytes, sizeof bytes};
  for (unsigned i = 0; i < 2; i++) {
    BlockRequest read = {.op = BLOCK_READ,
                         .offset_bytes = 4096 * i,
                         .length_bytes = sizeof bytes,
                         .iov = &iov,
                         .n_iov = 1};
    block_device_submit (device, &read);
    block_device_wait (device);
    assert_ptr_equal (block_device_reap (device), &read);
    assert_int_equal (read.error, i == 0 ? 0 : EIO);
  }
  block_device_free (device);
  close (fd);
  g_unlink (path);
}

// A file in memory: transfers are done at once where their place is known, and the rest meanwhile.
static void
test_try (void **state)
{
  static const unsigned bits[] = {9, 12, 16};
  for (size_t b = 0; b < G_N_ELEMENTS (bits); b++) {
    const Qcow2CreateOptions options = {.size_bytes = CLIENTS * ROWS * BLOCK_SECTOR_BYTES,
                                        .cluster_bits = bits[b]};
    int fd = memfd_create ("disk", MFD_CLOEXEC);
    BlockFile *file = block_file_new_for_fd (fd);
    assert_int_equal (qcow2_create (file, &options), 0);
    BlockImage *image = qcow2_open (file, "mem", BLOCK_IMAGE_WRITE, NULL, NULL);
    BlockDevice *device = block_image_to_device (image);
    g_autofree Client *clients = g_new0 (Client, CLIENTS);
    for (unsigned i = 0; i < CLIENTS; i++)
      clients[i] = (Client){.number = i, .random = b * 1000 + i, .whole = bits[b] == 9};
    run (device, clients, true);
    for (unsigned i = 0; i < CLIENTS; i++)
      assert_true (clients[i].n_at_once > 0);
    block_device_free (device);
  }
}

// What is cut off, or would have to be waited for, is not done at once.
static void
test_try_refused (void **state)
{
  int fd = memfd_create ("disk", MFD_CLOEXEC);
  BlockFile *file = block_file_new_for_fd (fd);
  assert_int_equal (ftruncate (fd, 8192), 0);
  BlockDevice *device = block_image_to_device (block_raw_open_file (file, "disk", true, NULL));
  uint8_t bytes[4096] = {0};
  struct iovec iov = {bytes, sizeof bytes};
  BlockRequest request = {.op = BLOCK_READ, .length_bytes = sizeof bytes, .iov = &iov, .n_iov = 1};
  assert_true (block_device_try (device, &request));
  request.op = BLOCK_WRITE;
  assert_true (block_device_try (device, &request));
  request.fua = true;
  assert_false (block_device_try (device, &request));
  request.fua = false;
  assert_int_equal (ftruncate (fd, 4096 + 512), 0);
  request.op = BLOCK_READ;
  request.offset_bytes = 4096;
  assert_false (block_device_try (device, &request));
  request = (BlockRequest){.op = BLOCK_FLUSH};
  assert_false (block_device_try (device, &request));
  block_device_free (device);
}

static void
test_parallel (void **state)
{
  static const unsigned bits[] = {9, 10, 12, 16};
  for (size_t b = 0; b < G_N_ELEMENTS (bits); b++) {
    const Qcow2CreateOptions options = {.size_bytes = CLIENTS * ROWS * BLOCK_SECTOR_BYTES,
                                        .cluster_bits = bits[b]};
    MemFile *mem = mem_file_new ();
    BlockFile *file = mem_file_open (mem);
    assert_int_equal (qcow2_create (file, &options), 0);
    BlockImage *image = qcow2_open (file, "mem", BLOCK_IMAGE_WRITE, NULL, NULL);
    BlockDevice *device = block_image_to_device (image);
    g_autofree Client *clients = g_new0 (Client, CLIENTS);
    for (unsigned i = 0; i < CLIENTS; i++)
      clients[i] = (Client){.number = i, .random = b * 1000 + i, .whole = bits[b] == 9};
    run (device, clients, false);
    block_device_free (device);
    check_clean (mem);
    mem_file_free (mem);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_parallel),    cmocka_unit_test (test_ring),
      cmocka_unit_test (test_ring_short),  cmocka_unit_test (test_try),
      cmocka_unit_test (test_try_refused),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
