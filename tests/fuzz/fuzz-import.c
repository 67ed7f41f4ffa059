// SPDX-License-Identifier: GPL-3.0-or-later
// Images of other programs as hostile input: a small good VDI, VMDK or VHDX with fields replaced,
// then whatever bytes. What is opened is read all over; memory and time stay bounded.
#include "engine/block/import/import.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/mem-file.h"

enum {
  FILE_BYTES = 640 << 10,
  CHANGES_MAX = 8,
  READS = 40,
  BUFFER_BYTES = 64 << 10,
};

static void
put (uint8_t *file, size_t at, uint64_t value, unsigned size)
{
  value = GUINT64_TO_LE (value);
  memcpy (file + at, &value, size);
}

static void
make_vdi (uint8_t *file)
{
  memcpy (file, "<<< Oracle VM VirtualBox Disk Image >>>\n", 40);
  put (file, 0x40, 0xbeda107f, 4);
  put (file, 0x4c, 1, 4);
  put (file, 0x154, 0x200, 4);
  put (file, 0x158, 0x400, 4);
  put (file, 0x170, 16 << 12, 8);
  put (file, 0x178, 1 << 12, 4);
  put (file, 0x180, 16, 4);
  for (unsigned i = 0; i < 16; i++)
    put (file, 0x200 + i * 4, i % 3 == 0 ? 0xffffffff : i, 4);
}

static void
make_vmdk (uint8_t *file, bool packed)
{
  memcpy (file, "KDMV", 4);
  put (file, 4, packed ? 3 : 1, 4);
  put (file, 8, packed ? 0x30001 : 3, 4);
  put (file, 0x0c, 4096, 8);
  put (file, 0x14, 8, 8);
  put (file, 0x1c, 1, 8);
  put (file, 0x24, 2, 8);
  put (file, 0x2c, 128, 4);
  put (file, 0x38, 4, 8);
  put (file, 0x4d, packed, 2);
  memcpy (file + 512, "# Disk DescriptorFile\nparentCID=ffffffff\n", 41);
  for (unsigned i = 0; i < 4; i++)
    put (file, 2048 + i * 4, 8 + i, 4);
  for (unsigned i = 0; i < 300; i++)
    put (file, 4096 + i * 4, 64 + 8 * (i % 100), 4);
  for (unsigned i = 0; packed && i < 100; i++)
    put (file, (64 + 8 * i) * 512 + 8, 100, 4);
}

static void
put_hex (uint8_t *file, size_t at, const char *digits)
{
  for (unsigned i = 0; digits[2 * i] != '\0'; i++)
    file[at + i] = (uint8_t) (g_ascii_xdigit_value (digits[2 * i]) << 4 |
                              g_ascii_xdigit_value (digits[2 * i + 1]));
}

static void
make_vhdx (uint8_t *file)
{
  const size_t regions = 192 << 10, metadata = 256 << 10, items = metadata + 4096;
  memcpy (file, "vhdxfile", 8);
  memcpy (file + (64 << 10), "head", 4);
  memcpy (file + (128 << 10), "head", 4);
  memcpy (file + regions, "regi", 4);
  put (file, regions + 8, 2, 4);
  put_hex (file, regions + 16, "6677c22d23f600429d64115e9bfd4a08");
  put (file, regions + 32, 384 << 10, 8);
  put (file, regions + 40, 64 << 10, 4);
  put_hex (file, regions + 48, "06a27c8b90479a4bb8fe575f050f886e");
  put (file, regions + 64, metadata, 8);
  memcpy (file + metadata, "metadata", 8);
  put (file, metadata + 10, 3, 2);
  put_hex (file, metadata + 32, "3767a1ca36fa434db3b633f0aa44e76b");
  put_hex (file, metadata + 64, "2442a52f1bcd7648b2115dbed83bf4b8");
  put_hex (file, metadata + 96, "1dbf41816fa90947ba47f233a8faab5f");
  for (unsigned i = 0; i < 3; i++) {
    put (file, metadata + 32 + i * 32 + 16, items - metadata + i * 16, 4);
    put (file, metadata + 32 + i * 32 + 20, 8, 4);
  }
  put (file, items, 1 << 20, 8);
  put (file, items + 16, 100 << 20, 8);
  put (file, items + 32, 512, 4);
  for (unsigned i = 0; i < 100; i++)
    put (file, (384 << 10) + i * 8, i % 4 == 0 ? 0 : 6 | 1 << 20, 8);
}

static void
change (uint8_t *file, FuzzInput *in)
{
  static const uint64_t edges[] = {0,          1,         0x7fffffff, 0x80000000,
                                   0xffffffff, INT64_MAX, 1ull << 63, UINT64_MAX};
  static const unsigned places[] = {0,        0,         512,       2048,      4096,
                                    64 << 10, 192 << 10, 256 << 10, 260 << 10, 384 << 10};
  for (unsigned n = fuzz_below (in, CHANGES_MAX + 1); n > 0; n--) {
    unsigned at = places[fuzz_below (in, G_N_ELEMENTS (places))] + fuzz_below (in, 500);
    unsigned i = fuzz_below (in, 16);
    put (file, at, i < 8 ? edges[i] : fuzz_number (in, 8), 1u << fuzz_below (in, 4));
  }
}

static void
use (FuzzInput *in, BlockImage *image)
{
  g_autofree uint8_t *buffer = g_malloc (BUFFER_BYTES);
  uint64_t sectors = image->size_bytes / BLOCK_SECTOR_BYTES;
  g_assert (image->read_only && sectors > 0);
  for (unsigned i = 0; i < READS && in->left > 0; i++) {
    uint64_t first = fuzz_number (in, 1 + fuzz_below (in, 8)) % sectors;
    uint64_t n = 1 + fuzz_below (in, BUFFER_BYTES / BLOCK_SECTOR_BYTES);
    uint64_t offset = first * BLOCK_SECTOR_BYTES;
    uint64_t length = MIN (n, sectors - first) * BLOCK_SECTOR_BYTES;
    struct iovec iov[] = {{buffer, length / 2}, {buffer + length / 2, length - length / 2}};
    BlockExtent extent;
    image->ops->read (image->driver, iov, 2, offset);
    if (image->ops->get_extent (image->driver, offset, length, &extent) == 0)
      g_assert (extent.length > 0 && extent.length <= length);
  }
  block_image_free (image);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  FuzzInput in = {data, size};
  g_autofree uint8_t *file = g_malloc0 (FILE_BYTES);
  unsigned kind = fuzz_below (&in, 5);
  BlockFormat format;
  if (kind == 0)
    make_vdi (file);
  else if (kind < 3)
    make_vmdk (file, kind == 2);
  else if (kind == 3)
    make_vhdx (file);
  else
    fuzz_bytes (&in, file, FILE_BYTES / 4);
  change (file, &in);
  if (!import_probe (file, &format))
    format = BLOCK_FORMAT_VDI + fuzz_below (&in, 3);
  MemFile *mem = mem_file_new ();
  g_byte_array_append (mem->bytes, file,
                       fuzz_below (&in, 4) == 0 ? fuzz_below (&in, 65536) : FILE_BYTES);
  BlockImage *image = import_open (mem_file_open (mem), "image", format, false, NULL);
  if (image != NULL)
    use (&in, image);
  mem_file_free (mem);
  return 0;
}
