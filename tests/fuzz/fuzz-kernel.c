// SPDX-License-Identifier: GPL-3.0-or-later
// Kernel files as hostile input: a header of each kind the loader knows, fields of it replaced,
// then whatever bytes; compressed kinds also with a good stream that unpacks to such a thing.
// What is taken must lie inside its file, and what is placed inside RAM.
#include <zlib.h>

#include "engine/boot/linux.h"
#include "tests/fuzz/fuzz.h"

enum {
  FILE_BYTES = 8192,
  RAM_BYTES = 64 << 20,
  UNPACK_BYTES_MAX = 1 << 20,
  CHANGES_MAX = 6,
};

static void
put (uint8_t *to, uint64_t value, unsigned size)
{
  value = GUINT64_TO_LE (value);
  memcpy (to, &value, size);
}

static void
make_image (uint8_t *file)
{
  memcpy (file, "MZ", 2);
  put (file + 16, 0x100000, 8);
  memcpy (file + 56, "ARM\x64", 4);
  put (file + 60, 64, 4);
  memcpy (file + 64, "PE\0\0\x64\xaa\x02", 7);
  put (file + 64 + 20, 160, 2);
  put (file + 64 + 24 + 160 + 16, 4096, 4);
  put (file + 64 + 24 + 160 + 20, 4096, 4);
}

// A gzip stream of a kernel header, at `to`; its length.
static size_t
make_gzip (uint8_t *to, size_t room, FuzzInput *in)
{
  uint8_t inner[4096];
  z_stream stream = {.next_in = inner, .avail_in = sizeof inner, .next_out = to};

  fuzz_bytes (in, inner, sizeof inner);
  if (fuzz_below (in, 4) != 0)
    make_image (inner);
  stream.avail_out = (uInt) room;
  if (deflateInit2 (&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    return 0;
  deflate (&stream, Z_FINISH);
  deflateEnd (&stream);
  return stream.total_out;
}

static void
make_zboot (uint8_t *file, FuzzInput *in)
{
  static const char *const names[] = {"gzip", "zstd", "zstd22", "lzma"};
  size_t length = make_gzip (file + 1024, FILE_BYTES - 1024, in);

  memcpy (file, "MZ\0\0zimg", 8);
  put (file + 8, 1024, 4);
  put (file + 12, length, 4);
  strcpy ((char *) file + 24, names[fuzz_below (in, 4)]);
  put (file + 60, 128, 4);
  memcpy (file + 128, "PE\0\0\x64\xaa\x01", 7);
}

static void
change_fields (uint8_t *file, FuzzInput *in)
{
  static const uint64_t edges[] = {0,          1,         0x7fffffff, 0x80000000,
                                   0xffffffff, INT64_MAX, 1ull << 63, UINT64_MAX};

  for (unsigned n = fuzz_below (in, CHANGES_MAX); n > 0; n--) {
    unsigned at = fuzz_below (in, fuzz_below (in, 4) == 0 ? FILE_BYTES - 8 : 320);
    unsigned i = fuzz_below (in, 16);

    put (file + at, i < 8 ? edges[i] : fuzz_number (in, 8), 1u << fuzz_below (in, 4));
  }
}

static void
check (const BootKernel *kernel, const uint8_t *file, size_t length, FuzzInput *in)
{
  uint64_t initrd = fuzz_number (in, fuzz_below (in, 9));
  BootPlan plan;

  if (kernel->owned == NULL)
    g_assert (kernel->image >= file && kernel->image + kernel->image_bytes <= file + length);
  g_assert (kernel->image_bytes <= MAX (UNPACK_BYTES_MAX, length));
  g_assert (kernel->memory_bytes >= kernel->image_bytes);
  if (!boot_plan (GIB (1), RAM_BYTES, kernel, initrd, &plan, NULL))
    return;
  g_assert (plan.kernel >= GIB (1) + BOOT_DTB_BYTES_MAX);
  g_assert (plan.kernel + kernel->memory_bytes <= GIB (1) + RAM_BYTES);
  g_assert (initrd == 0 || plan.initrd >= plan.kernel + kernel->memory_bytes);
  g_assert (initrd == 0 || plan.initrd + initrd <= GIB (1) + RAM_BYTES);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  FuzzInput in = {data, size};
  unsigned kind = fuzz_below (&in, 4);
  size_t length = fuzz_below (&in, 3) == 0 ? fuzz_below (&in, FILE_BYTES + 1) : FILE_BYTES;
  g_autofree uint8_t *file = g_malloc0 (FILE_BYTES);
  BootKernel kernel;

  if (kind == 0)
    fuzz_bytes (&in, file, FILE_BYTES);
  else if (kind == 1)
    make_image (file);
  else if (kind == 2)
    make_zboot (file, &in);
  else
    make_gzip (file, FILE_BYTES, &in);
  change_fields (file, &in);
  // A copy of the right size, so that a sanitizer sees a read behind its end.
  g_autofree uint8_t *copy = g_malloc (MAX (length, 1));
  memcpy (copy, file, length);
  boot_kernel_probe (copy, length, fuzz_number (&in, 4), "kernel", NULL);
  boot_is_raw_disk (copy, length, length);
  if (boot_kernel_parse (copy, length, UNPACK_BYTES_MAX, "kernel", &kernel, NULL)) {
    check (&kernel, copy, length, &in);
    boot_kernel_clear (&kernel);
  }
  return 0;
}
