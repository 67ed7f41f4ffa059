// SPDX-License-Identifier: GPL-3.0-or-later
// A disk in memory that can be held and made to fail.
#include "tests/support/test-disk.h"

#include <string.h>

enum {
  PATTERN_BYTES = 128 << 10, // comes again and again
};

// Counts the operation, waits while the disk is held; the error it shall give. Leaves it locked.
static int
begin (TestDisk *disk, BlockOp op)
{
  g_mutex_lock (&disk->lock);
  disk->n_held++;
  g_cond_broadcast (&disk->changed);
  while (disk->held)
    g_cond_wait (&disk->changed, &disk->lock);
  disk->n_held--;
  disk->n_done[op]++;
  return disk->fail[op];
}

static int
end (TestDisk *disk, int error)
{
  g_mutex_unlock (&disk->lock);
  return error;
}

static void
transfer (TestDisk *disk, bool write, const struct iovec *iov, unsigned n_iov, uint64_t offset)
{
  for (unsigned i = 0; i < n_iov; i++) {
    if (write)
      memcpy (disk->bytes + offset, iov[i].iov_base, iov[i].iov_len);
    else
      memcpy (iov[i].iov_base, disk->bytes + offset, iov[i].iov_len);
    offset += iov[i].iov_len;
  }
}

static int
disk_read (void *driver, const struct iovec *iov, unsigned n_iov, uint64_t offset)
{
  int error = begin (driver, BLOCK_READ);
  if (error == 0)
    transfer (driver, false, iov, n_iov, offset);
  return end (driver, error);
}

static int
disk_write (void *driver, const struct iovec *iov, unsigned n_iov, uint64_t offset)
{
  int error = begin (driver, BLOCK_WRITE);
  if (error == 0)
    transfer (driver, true, iov, n_iov, offset);
  return end (driver, error);
}

static int
disk_flush (void *driver)
{
  return end (driver, begin (driver, BLOCK_FLUSH));
}

static int
disk_discard (void *driver, uint64_t offset, uint64_t length)
{
  TestDisk *disk = driver;
  int error = begin (disk, BLOCK_DISCARD);
  if (error == 0)
    memset (disk->bytes + offset, 0xdd, length);
  return end (disk, error);
}

static int
disk_write_zeroes (void *driver, uint64_t offset, uint64_t length, bool may_unmap)
{
  TestDisk *disk = driver;
  int error = begin (disk, BLOCK_WRITE_ZEROES);
  if (error == 0)
    memset (disk->bytes + offset, 0, length);
  return end (disk, error);
}

static void
disk_free (void *driver)
{
}

static const BlockDriverOps disk_ops = {
    .name = "test",
    .read = disk_read,
    .write = disk_write,
    .flush = disk_flush,
    .discard = disk_discard,
    .write_zeroes = disk_write_zeroes,
    .free = disk_free,
};

static bool
disk_map (void *driver, bool write, uint64_t offset, uint64_t length, BlockMapping *mapping)
{
  TestDisk *disk = driver;
  mapping->file = disk->file;
  mapping->fd = -1; // not for the ring: a worker does it anew
  mapping->offset = offset;
  return true;
}

static void
disk_unmap (void *driver, BlockMapping *mapping)
{
}

static const BlockDriverOps quick_disk_ops = {
    .name = "quick",
    .read = disk_read,
    .write = disk_write,
    .flush = disk_flush,
    .discard = disk_discard,
    .write_zeroes = disk_write_zeroes,
    .map = disk_map,
    .unmap = disk_unmap,
    .free = disk_free,
};

static bool
file_try (void *impl, bool write, const struct iovec *iov, unsigned n_iov, uint64_t offset,
          uint64_t length)
{
  TestDisk *disk = impl;
  g_mutex_lock (&disk->lock);
  bool done = !disk->busy;
  disk->n_tried++;
  if (done)
    transfer (disk, write, iov, n_iov, offset);
  g_mutex_unlock (&disk->lock);
  return done;
}

static void
file_free (void *impl)
{
}

static const BlockFileOps quick_file_ops = {
    .try = file_try,
    .free = file_free,
};

// i * 7 + i / 512 at i; made once.
static const uint8_t *
get_pattern (void)
{
  static uint8_t pattern[PATTERN_BYTES];
  static bool made;

  for (size_t i = 0; !made && i < PATTERN_BYTES; i++)
    pattern[i] = (uint8_t) (i * 7 + i / 512);
  made = true;
  return pattern;
}

TestDisk *
test_disk_new (size_t size_bytes)
{
  TestDisk *disk = g_new0 (TestDisk, 1);
  g_mutex_init (&disk->lock);
  g_cond_init (&disk->changed);
  disk->bytes = g_malloc (size_bytes);
  disk->size_bytes = size_bytes;
  for (size_t i = 0; i < size_bytes; i += PATTERN_BYTES)
    memcpy (disk->bytes + i, get_pattern (), MIN (size_bytes - i, PATTERN_BYTES));
  return disk;
}

void
test_disk_free (TestDisk *disk)
{
  block_file_free (disk->file);
  g_free (disk->bytes);
  g_cond_clear (&disk->changed);
  g_mutex_clear (&disk->lock);
  g_free (disk);
}

BlockDevice *
test_disk_open (TestDisk *disk, bool read_only)
{
  return block_device_new (&disk_ops, disk, disk->size_bytes, read_only);
}

BlockDevice *
test_disk_open_quick (TestDisk *disk)
{
  disk->file = block_file_new (&quick_file_ops, disk);
  return block_device_new (&quick_disk_ops, disk, disk->size_bytes, false);
}

void
test_disk_hold (TestDisk *disk)
{
  g_mutex_lock (&disk->lock);
  disk->held = true;
  g_mutex_unlock (&disk->lock);
}

void
test_disk_wait_held (TestDisk *disk, unsigned n)
{
  g_mutex_lock (&disk->lock);
  while (disk->n_held < n)
    g_cond_wait (&disk->changed, &disk->lock);
  g_mutex_unlock (&disk->lock);
}

void
test_disk_release (TestDisk *disk)
{
  g_mutex_lock (&disk->lock);
  disk->held = false;
  g_cond_broadcast (&disk->changed);
  g_mutex_unlock (&disk->lock);
}

void
test_disk_fail (TestDisk *disk, BlockOp op, int error)
{
  g_mutex_lock (&disk->lock);
  disk->fail[op] = error;
  g_mutex_unlock (&disk->lock);
}

unsigned
test_disk_get_done (TestDisk *disk, BlockOp op)
{
  g_mutex_lock (&disk->lock);
  unsigned n = disk->n_done[op];
  g_mutex_unlock (&disk->lock);
  return n;
}
