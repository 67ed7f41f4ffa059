// SPDX-License-Identifier: GPL-3.0-or-later
// qcow2 images as hostile input: a good image of some shape with some data in it, fields of its
// header and tables replaced, then looked at, checked, read, written to and resized. Whatever it
// says, memory and time stay bounded and nothing outside the image is touched.
#include "engine/block/qcow2/qcow2.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/mem-file.h"

enum {
  FILE_BYTES_MAX = 24 << 20,
  CHANGES_MAX = 8,
  OPERATIONS = 24,
  BUFFER_BYTES = 128 << 10,
};

static uint64_t
load (const MemFile *mem, uint64_t offset)
{
  uint64_t value = 0;
  if (offset + sizeof value <= mem->bytes->len)
    memcpy (&value, mem->bytes->data + offset, sizeof value);
  return GUINT64_FROM_BE (value);
}

static void
put (MemFile *mem, uint64_t offset, uint64_t value, unsigned bytes)
{
  value = GUINT64_TO_BE (value);
  if (offset + bytes <= mem->bytes->len)
    memcpy (mem->bytes->data + offset, (uint8_t *) &value + 8 - bytes, bytes);
}

// Reads or changes what is anywhere on the disk.
static void
operate (FuzzInput *in, const BlockImage *image, uint8_t *buffer)
{
  uint64_t sectors = image->size_bytes / BLOCK_SECTOR_BYTES;
  if (sectors == 0)
    return;
  // Near the beginning, where the data is, or anywhere.
  uint64_t first = fuzz_number (in, fuzz_below (in, 3) == 0 ? 8 : 2) % sectors;
  uint64_t n = 1 + fuzz_below (in, BUFFER_BYTES / BLOCK_SECTOR_BYTES);
  uint64_t offset = first * BLOCK_SECTOR_BYTES;
  uint64_t length = MIN (n, sectors - first) * BLOCK_SECTOR_BYTES;
  struct iovec iov[] = {{buffer, length / 2}, {buffer + length / 2, length - length / 2}};
  BlockExtent extent;
  switch (fuzz_below (in, image->read_only ? 3 : 7)) {
  case 0:
  case 1:
    image->ops->read (image->driver, iov, 2, offset);
    break;
  case 2:
    if (image->ops->get_extent (image->driver, offset, length, &extent) == 0)
      g_assert (extent.length > 0 && extent.length <= length);
    break;
  case 3:
    image->ops->write (image->driver, iov, 2, offset);
    break;
  case 4:
    image->ops->write_zeroes (image->driver, offset, length, true);
    break;
  case 5:
    image->ops->discard (image->driver, offset, length);
    break;
  default:
    image->ops->flush (image->driver);
  }
}

static bool
make_image (FuzzInput *in, MemFile *mem, uint8_t *buffer, unsigned *cluster_bits)
{
  static const uint8_t bits[] = {9, 9, 10, 12, 14, 16};
  *cluster_bits = bits[fuzz_below (in, sizeof bits)];
  const Qcow2CreateOptions options = {
      .size_bytes = (uint64_t) (1 + fuzz_below (in, 200)) << *cluster_bits,
      .cluster_bits = *cluster_bits,
      .refcount_order = fuzz_below (in, 7),
      .has_refcount_order = true,
      .extended_l2 = *cluster_bits >= 14 && fuzz_below (in, 2) == 0,
      .backing = fuzz_below (in, 8) == 0 ? "base" : NULL,
      .backing_format = "raw",
  };
  BlockFile *file = mem_file_open (mem);
  int error = qcow2_create (file, &options);
  block_file_free (file);
  BlockImage *image = qcow2_open (mem_file_open (mem), "image",
                                  BLOCK_IMAGE_WRITE | BLOCK_IMAGE_NO_BACKING, NULL, NULL);
  for (unsigned i = 0; error == 0 && image != NULL && i < 6; i++)
    operate (in, image, buffer);
  block_image_free (image);
  return error == 0;
}

// A value that means something in a table, or not.
static uint64_t
make_value (FuzzInput *in, const MemFile *mem, unsigned cluster_bits)
{
  static const uint64_t edges[] = {0,          1,          2,          UINT32_MAX, INT64_MAX,
                                   UINT64_MAX, 1ull << 63, 3ull << 62, 1ull << 62, 1ull << 56};
  uint64_t cluster = (uint64_t) fuzz_below (in, mem->bytes->len / 512 + 2) << cluster_bits;
  switch (fuzz_below (in, 4)) {
  case 0:
    return edges[fuzz_below (in, G_N_ELEMENTS (edges))];
  case 1:
    return cluster | (uint64_t) fuzz_below (in, 4) << 62;
  case 2: // compressed
    return 1ull << 62 | fuzz_number (in, 3) | fuzz_number (in, 1) << (62 - cluster_bits + 8);
  default:
    return fuzz_number (in, 8);
  }
}

// Snapshots and bitmaps, which images made here do not have, at clusters that are anything.
static void
add_extras (FuzzInput *in, MemFile *mem, unsigned cluster_bits)
{
  uint64_t at = make_value (in, mem, cluster_bits) & 0xfffffe00;
  if (fuzz_below (in, 2) == 0) {
    put (mem, 60, 1 + fuzz_below (in, 3), 4);
    put (mem, 64, at, 8);
    put (mem, at, make_value (in, mem, cluster_bits) & 0xfffffe00, 8);
    put (mem, at + 8, fuzz_below (in, 64), 4);
    put (mem, at + 12, fuzz_number (in, 2), 4);
    put (mem, at + 36, fuzz_below (in, 32), 4);
    return;
  }
  put (mem, 88, 1, 8);
  put (mem, 112, 0x23852875, 4);
  put (mem, 116, 24, 4);
  put (mem, 120, 1 + fuzz_below (in, 3), 4);
  put (mem, 128, fuzz_below (in, 4096), 8);
  put (mem, 136, at, 8);
  put (mem, at, make_value (in, mem, cluster_bits) & 0xfffffe00, 8);
  put (mem, at + 8, fuzz_below (in, 64), 4);
  put (mem, at + 16, fuzz_number (in, 8), 8);
}

static void
change (FuzzInput *in, MemFile *mem, unsigned cluster_bits)
{
  if (fuzz_below (in, 4) == 0)
    add_extras (in, mem, cluster_bits);
  uint64_t l1 = load (mem, 40), reftable = load (mem, 48);
  uint64_t tables[] = {l1, load (mem, l1) & ~(1ull << 63), reftable, load (mem, reftable)};
  for (unsigned n = fuzz_below (in, CHANGES_MAX + 1); n > 0; n--) {
    uint64_t value = make_value (in, mem, cluster_bits);
    unsigned where = fuzz_below (in, 7);
    if (where < 4)
      put (mem, tables[where] + 8 * fuzz_below (in, 64), value, 8);
    else if (where < 6)
      put (mem, fuzz_below (in, 140), value, 1u << fuzz_below (in, 4));
    else
      put (mem, fuzz_below (in, 65536), value, 1u << fuzz_below (in, 4));
  }
  if (fuzz_below (in, 8) == 0)
    g_byte_array_set_size (mem->bytes, fuzz_below (in, 65536) % (mem->bytes->len + 1));
}

static bool
go_on (void *data, double done)
{
  g_assert (done >= 0 && done <= 1);
  return true;
}

static void
use (FuzzInput *in, MemFile *mem, BlockImageFlags flags, uint8_t *buffer)
{
  BlockImage *image = qcow2_open (mem_file_open (mem), "image", flags, NULL, NULL);
  Qcow2Check check = {.progress = go_on};
  Qcow2Info info;
  if (image == NULL)
    return;
  qcow2_get_info (image, &info);
  if (fuzz_below (in, 2) == 0)
    qcow2_check (image, &check, false);
  if (image->read_only && info.n_snapshots > 0 && fuzz_below (in, 2) == 0)
    qcow2_show_snapshot (image, fuzz_below (in, info.n_snapshots));
  for (unsigned i = 0; i < OPERATIONS && in->left > 0; i++)
    operate (in, image, buffer);
  if (flags & BLOCK_IMAGE_WRITE && fuzz_below (in, 4) == 0)
    qcow2_resize (image,
                  (uint64_t) fuzz_below (in, 1000) * BLOCK_SECTOR_BYTES << fuzz_below (in, 24));
  block_image_free (image);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  FuzzInput in = {data, size};
  g_autofree uint8_t *buffer = g_malloc0 (BUFFER_BYTES);
  MemFile *mem = mem_file_new ();
  unsigned cluster_bits;
  mem->room = FILE_BYTES_MAX;
  if (make_image (&in, mem, buffer, &cluster_bits)) {
    change (&in, mem, cluster_bits);
    BlockImageFlags write = fuzz_below (&in, 3) != 0 ? BLOCK_IMAGE_WRITE : 0;
    use (&in, mem, write | BLOCK_IMAGE_NO_BACKING, buffer);
    use (&in, mem, BLOCK_IMAGE_NO_BACKING, buffer);
  }
  mem_file_free (mem);
  return 0;
}
