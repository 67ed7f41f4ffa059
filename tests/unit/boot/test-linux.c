// SPDX-License-Identifier: GPL-3.0-or-later
// Kernels of every kind we take and do not take, whole, cut short and hostile; and where things go.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "engine/boot/linux.h"

enum {
  IMAGE_BYTES = 200000,
};

static void
put (GByteArray *bytes, size_t offset, const void *data, size_t length)
{
  if (bytes->len < offset + length) {
    size_t old = bytes->len;
    g_byte_array_set_size (bytes, (guint) (offset + length));
    memset (bytes->data + old, 0, bytes->len - old);
  }
  memcpy (bytes->data + offset, data, length);
}

static void
put_number (GByteArray *bytes, size_t offset, uint64_t value, unsigned size)
{
  value = GUINT64_TO_LE (value);
  put (bytes, offset, &value, size);
}

// ---- files ----------------------------------------------------------------------------------

static GByteArray *
make_image (void)
{
  GByteArray *bytes = g_byte_array_new ();

  // Contents that compress badly, so that cutting the file short cuts into them.
  put (bytes, IMAGE_BYTES - 1, "", 1);
  for (unsigned i = 64; i < IMAGE_BYTES; i++)
    bytes->data[i] = (uint8_t) (i * 2654435761u >> 13);
  put_number (bytes, 0, 0x14000010, 4);
  put_number (bytes, 8, 0x80000, 8);   // text_offset
  put_number (bytes, 16, 0x100000, 8); // image_size
  put_number (bytes, 24, 0xa, 8);      // flags
  put (bytes, 56, "ARM\x64", 4);
  return bytes;
}

static void
put_pe (GByteArray *bytes, size_t at, uint16_t machine, uint32_t section_end)
{
  put (bytes, 0, "MZ", 2);
  put_number (bytes, 60, at, 4);
  put (bytes, at, "PE\0", 4);
  put_number (bytes, at + 4, machine, 2);
  put_number (bytes, at + 6, 1, 2);   // one section
  put_number (bytes, at + 20, 16, 2); // optional header
  put_number (bytes, at + 24 + 16 + 16, section_end - 0x400, 4);
  put_number (bytes, at + 24 + 16 + 20, 0x400, 4);
}

static GByteArray *
make_efi_image (void)
{
  GByteArray *bytes = make_image ();

  put_pe (bytes, 64, 0xaa64, IMAGE_BYTES);
  return bytes;
}

static GByteArray *
gzip (GByteArray *take)
{
  GByteArray *bytes = g_byte_array_new ();
  z_stream stream = {.next_in = take->data, .avail_in = take->len};

  g_byte_array_set_size (bytes, take->len + 1000);
  assert_int_equal (deflateInit2 (&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_out = bytes->data;
  stream.avail_out = bytes->len;
  assert_int_equal (deflate (&stream, Z_FINISH), Z_STREAM_END);
  g_byte_array_set_size (bytes, (guint) stream.total_out);
  deflateEnd (&stream);
  g_byte_array_unref (take);
  return bytes;
}

static GByteArray *
zstd (GByteArray *take)
{
  GByteArray *bytes = g_byte_array_new ();

  g_byte_array_set_size (bytes, (guint) ZSTD_compressBound (take->len));
  size_t length = ZSTD_compress (bytes->data, bytes->len, take->data, take->len, 3);
  assert_false (ZSTD_isError (length));
  g_byte_array_set_size (bytes, (guint) length);
  g_byte_array_unref (take);
  return bytes;
}

static GByteArray *
make_gzip (void)
{
  return gzip (make_image ());
}

static GByteArray *
make_zboot (const char *compression, GByteArray *take_payload)
{
  GByteArray *bytes = g_byte_array_new ();

  put_pe (bytes, 128, 0xaa64, 0x1000);
  put (bytes, 4, "zimg", 4);
  put_number (bytes, 8, 0x1000, 4);
  put_number (bytes, 12, take_payload->len, 4);
  put (bytes, 24, compression, strlen (compression) + 1);
  put (bytes, 0x1000, take_payload->data, take_payload->len);
  g_byte_array_unref (take_payload);
  return bytes;
}

static GByteArray *
make_zboot_gzip (void)
{
  return make_zboot ("gzip", make_gzip ());
}

static GByteArray *
make_zboot_zstd (void)
{
  return make_zboot ("zstd22", zstd (make_image ()));
}

static GByteArray *
make_zboot_lzma (void)
{
  return make_zboot ("lzma", make_gzip ());
}

static GByteArray *
make_zboot_of_rubbish (void)
{
  GByteArray *rubbish = g_byte_array_new ();

  put (rubbish, 0, "no kernel at all", 17);
  return make_zboot ("gzip", gzip (rubbish));
}

static GByteArray *
make_old_image (void)
{
  GByteArray *bytes = make_image ();

  put_number (bytes, 8, 0x1234, 8);
  put_number (bytes, 16, 0, 8);
  return bytes;
}

static GByteArray *
make_big_endian (void)
{
  GByteArray *bytes = make_image ();

  put_number (bytes, 24, 0xb, 8);
  return bytes;
}

static GByteArray *
make_bzimage (void)
{
  GByteArray *bytes = g_byte_array_new ();

  put_pe (bytes, 0x80, 0x8664, 0x1000);
  put (bytes, 0x1fe, "\x55\xaa", 2);
  put (bytes, 0x202, "HdrS", 4);
  put (bytes, 0x1000, "", 1);
  return bytes;
}

static GByteArray *
make_pe_x86 (void)
{
  GByteArray *bytes = g_byte_array_new ();

  put_pe (bytes, 0x80, 0x8664, 0x1000);
  put (bytes, 0x1000, "", 1);
  return bytes;
}

static GByteArray *
make_elf (void)
{
  GByteArray *bytes = g_byte_array_new ();

  put (bytes, 0,
       "\x7f"
       "ELF\2\1\1",
       7);
  put (bytes, 4000, "", 1);
  return bytes;
}

static GByteArray *
make_text (void)
{
  GByteArray *bytes = g_byte_array_new ();

  put (bytes, 0, "This is no kernel.\n", 20);
  return bytes;
}

static GByteArray *
make_empty (void)
{
  return g_byte_array_new ();
}

static GByteArray *
make_gzip_of_bzimage (void)
{
  return gzip (make_bzimage ());
}

static GByteArray *
make_bomb (void)
{
  GByteArray *bytes = make_image ();

  put (bytes, 64 << 20, "", 1);
  return gzip (bytes);
}

static GByteArray *
make_riscv (void)
{
  GByteArray *bytes = g_byte_array_new ();

  put (bytes, 48, "RISCV\0\0", 8);
  put (bytes, 56, "RSC\x05", 4);
  put (bytes, 4000, "", 1);
  return bytes;
}

// ---- what is taken and what is not -----------------------------------------------------------

static void
test_kernels (void **state)
{
  static const struct {
    const char *name;
    GByteArray *(*make) (void);
    const char *complaint; // NULL: taken
    uint64_t text_offset;
  } cases[] = {
      {"image", make_image, NULL, 0x80000},
      {"efi-image", make_efi_image, NULL, 0x80000},
      {"gzip", make_gzip, NULL, 0x80000},
      {"zboot-gzip", make_zboot_gzip, NULL, 0x80000},
      {"zboot-zstd", make_zboot_zstd, NULL, 0x80000},
      {"old-image", make_old_image, NULL, 0x80000},
      {"zboot-lzma", make_zboot_lzma, "not supported", 0},
      {"zboot-rubbish", make_zboot_of_rubbish, "not a Linux kernel for ARM", 0},
      {"big-endian", make_big_endian, "big-endian", 0},
      {"bzimage", make_bzimage, "x86 computers (bzImage)", 0},
      {"gzip-bzimage", make_gzip_of_bzimage, "x86 computers (bzImage)", 0},
      {"pe", make_pe_x86, "x86 computers", 0},
      {"elf", make_elf, "ELF", 0},
      {"riscv", make_riscv, "RISC-V", 0},
      {"text", make_text, "not a Linux kernel for ARM", 0},
      {"empty", make_empty, "is empty", 0},
      {"bomb", make_bomb, "more than the memory", 0},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GByteArray) bytes = cases[i].make ();
    g_autoptr (GError) error = NULL;
    BootKernel kernel;
    bool ok = boot_kernel_parse (bytes->data, bytes->len, MIB (16), cases[i].name, &kernel, &error);

    if (cases[i].complaint != NULL) {
      assert_false (ok);
      assert_non_null (strstr (error->message, cases[i].complaint));
      assert_non_null (strstr (error->message, cases[i].name));
      continue;
    }
    g_autoptr (GByteArray) image = make_image ();
    assert_true (ok);
    assert_int_equal (kernel.text_offset, cases[i].text_offset);
    assert_int_equal (kernel.image_bytes, IMAGE_BYTES);
    assert_memory_equal (kernel.image + 1000, image->data + 1000, IMAGE_BYTES - 1000);
    assert_true (kernel.memory_bytes >= 0x100000);
    boot_kernel_clear (&kernel);
  }
}

// Probing says the same of a file of which it sees only the beginning.
static void
test_probe (void **state)
{
  static const struct {
    GByteArray *(*make) (void);
    bool ok;
  } cases[] = {
      {make_image, true},      {make_efi_image, true}, {make_gzip, true},
      {make_zboot_gzip, true}, {make_bzimage, false},  {make_gzip_of_bzimage, false},
      {make_text, false},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GByteArray) bytes = cases[i].make ();
    size_t head = MIN (bytes->len, BOOT_PROBE_BYTES);
    g_autofree uint8_t *copy = g_memdup2 (bytes->data, head);

    assert_int_equal (boot_kernel_probe (copy, head, bytes->len, "k", NULL), cases[i].ok);
  }
}

// Cut short anywhere: an error, or a smaller image of a kind that does not know its length.
static void
test_cut_short (void **state)
{
  GByteArray *(*const makers[]) (void) = {make_efi_image, make_gzip, make_zboot_gzip,
                                          make_zboot_zstd};

  for (size_t i = 0; i < G_N_ELEMENTS (makers); i++) {
    g_autoptr (GByteArray) bytes = makers[i]();

    for (size_t length = 0; length < bytes->len; length += length < 5000 ? 7 : 1777) {
      g_autofree uint8_t *copy = g_memdup2 (bytes->data, MAX (length, 1));
      BootKernel kernel;

      assert_false (boot_kernel_parse (copy, length, MIB (16), "k", &kernel, NULL));
    }
  }
}

// Every header byte set to extremes: no crash, and what is taken stays inside the file.
static void
test_hostile (void **state)
{
  GByteArray *(*const makers[]) (void) = {make_efi_image, make_zboot_gzip, make_zboot_zstd,
                                          make_gzip};
  static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};

  for (size_t i = 0; i < G_N_ELEMENTS (makers); i++) {
    g_autoptr (GByteArray) bytes = makers[i]();

    for (size_t at = 0; at < 300; at++) {
      for (size_t v = 0; v < G_N_ELEMENTS (values); v++) {
        uint8_t old = bytes->data[at];
        BootKernel kernel;

        bytes->data[at] = values[v];
        if (boot_kernel_parse (bytes->data, bytes->len, MIB (1), "k", &kernel, NULL)) {
          BootPlan plan;

          assert_true (kernel.image_bytes <= MIB (1));
          if (boot_plan (0, MIB (64), &kernel, 4096, &plan, NULL)) {
            assert_true (plan.kernel + kernel.memory_bytes <= plan.initrd);
            assert_true (plan.initrd + 4096 <= MIB (64));
          }
          boot_kernel_clear (&kernel);
        }
        bytes->data[at] = old;
      }
    }
  }
}

static void
test_plan (void **state)
{
  static const struct {
    uint64_t ram, text_offset, kernel, initrd;
    bool ok;
    uint64_t kernel_at, initrd_at;
  } cases[] = {
      {MIB (64), 0, MIB (30), MIB (10), true, MIB (2), MIB (32)},
      {MIB (64), 0x80000, MIB (30), 0, true, MIB (2) + 0x80000, 0},
      {MIB (64), 0, MIB (30) + 1, MIB (1), true, MIB (2), MIB (32) + 0x10000},
      {MIB (64), 0, MIB (62), 0, true, MIB (2), 0},
      {MIB (64), 0, MIB (62) + 1, 0, false, 0, 0},
      {MIB (64), 0, MIB (62), 1, false, 0, 0},
      {MIB (64), 0, MIB (30), MIB (32), true, MIB (2), MIB (32)},
      {MIB (64), 0, MIB (30), MIB (32) + 1, false, 0, 0},
      {MIB (64), UINT64_MAX, MIB (1), 0, false, 0, 0},
      {MIB (64), 0, UINT64_MAX, 0, false, 0, 0},
      {MIB (64), MIB (62), MIB (1), 0, false, 0, 0},
      {MIB (64), 0, MIB (1), UINT64_MAX, false, 0, 0},
      {MIB (1), 0, 1, 0, false, 0, 0},
  };
  const uint64_t base = GIB (1);

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    const BootKernel kernel = {.text_offset = cases[i].text_offset,
                               .memory_bytes = cases[i].kernel};
    g_autoptr (GError) error = NULL;
    BootPlan plan;
    bool ok = boot_plan (base, cases[i].ram, &kernel, cases[i].initrd, &plan, &error);

    assert_int_equal (ok, cases[i].ok);
    assert_int_equal (error != NULL, !ok);
    if (!ok)
      continue;
    assert_int_equal (plan.dtb, base);
    assert_int_equal (plan.kernel, base + cases[i].kernel_at);
    assert_int_equal (plan.initrd, cases[i].initrd == 0 ? 0 : base + cases[i].initrd_at);
  }
}

static void
test_raw_disks (void **state)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  put (bytes, 8191, "", 1);
  assert_true (boot_is_raw_disk (bytes->data, bytes->len, 8192)); // blank
  assert_false (boot_is_raw_disk (bytes->data, bytes->len, 8193));
  put (bytes, 0, "text", 4);
  assert_false (boot_is_raw_disk (bytes->data, bytes->len, 8192));
  put (bytes, 0x438, "\x53\xef", 2);
  assert_true (boot_is_raw_disk (bytes->data, bytes->len, 8192)); // ext4
  put (bytes, 0x438, "\0", 2);
  put (bytes, 0x1fe, "\x55\xaa", 2);
  assert_true (boot_is_raw_disk (bytes->data, bytes->len, 8192)); // partition table
  put (bytes, 0, "QFI\xfb", 4);
  assert_false (boot_is_raw_disk (bytes->data, bytes->len, 8192));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_kernels),   cmocka_unit_test (test_probe),
      cmocka_unit_test (test_cut_short), cmocka_unit_test (test_hostile),
      cmocka_unit_test (test_plan),      cmocka_unit_test (test_raw_disks),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
