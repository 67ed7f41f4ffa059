// SPDX-License-Identifier: GPL-3.0-or-later
// Direct boot of an arm64 Linux kernel.
//
// Threads: see linux.h.
#include "engine/boot/linux.h"

#include <gio/gio.h>
#include <glib/gi18n.h>
#include <string.h>

#include "engine/boot/decompress.h"
#include "engine/boot/image-format.h"

enum {
  // Kernels without image_size (before 3.17) have this text_offset, and some room behind.
  OLD_TEXT_OFFSET = 0x80000,
  OLD_EXTRA_BYTES = 16 * 1024 * 1024,
  INITRD_ALIGN = 64 * 1024,
};

static bool
fail (GError **error, const char *format, const char *name)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, format, name);
  return false;
}

static bool
fail_incomplete (const char *name, GError **error)
{
  return fail (error, _ ("The kernel %s is incomplete; fetch it again."), name);
}

static bool
fail_format (ImageFormat format, const char *name, GError **error)
{
  const char *what = image_format_describe (format);

  if (what == NULL)
    return fail (error,
                 _ ("%s is not a Linux kernel for ARM; choose an arm64 Image, which may be "
                    "compressed with gzip or as EFI zboot."),
                 name);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               _ ("%s is %s, not a Linux kernel for ARM; choose an arm64 Image, which may be "
                  "compressed with gzip or as EFI zboot."),
               name, what);
  return false;
}

// The Image format proper: `head` may be only the beginning of `file_bytes` bytes.
static bool
check_arm64 (const uint8_t *head, size_t head_length, uint64_t file_bytes, const char *name,
             Arm64Header *header, GError **error)
{
  if (!image_arm64_header (head, head_length, header) ||
      image_pe_file_bytes (head, head_length) > file_bytes)
    return fail_incomplete (name, error);
  return true;
}

static bool
check_zboot (const uint8_t *head, size_t head_length, uint64_t file_bytes, const char *name,
             ZbootHeader *header, BootCompression *compression, GError **error)
{
  if (!image_zboot_header (head, head_length, header))
    return fail_incomplete (name, error);
  if (strcmp (header->compression, "gzip") == 0)
    *compression = BOOT_GZIP;
  else if (g_str_has_prefix (header->compression, "zstd"))
    *compression = BOOT_ZSTD;
  else
    return fail (error,
                 _ ("The kernel %s is compressed in a way that is not supported; choose one "
                    "compressed with gzip or zstd."),
                 name);
  if (header->payload_offset > file_bytes ||
      header->payload_bytes > file_bytes - header->payload_offset)
    return fail_incomplete (name, error);
  return true;
}

// The beginning of what a gzip file holds.
static bool
probe_gzip (const uint8_t *head, size_t head_length, const char *name, GError **error)
{
  g_autofree uint8_t *inner = g_malloc0 (BOOT_PROBE_BYTES);
  size_t got = boot_gzip_peek (head, head_length, inner, BOOT_PROBE_BYTES);
  ImageFormat format = image_format_detect (inner, got);

  if (got == 0)
    return fail (error, _ ("The kernel %s is damaged; fetch it again."), name);
  return format == IMAGE_ARM64 || fail_format (format, name, error);
}

bool
boot_kernel_probe (const uint8_t *head, size_t head_length, uint64_t file_bytes, const char *name,
                   GError **error)
{
  ImageFormat format = image_format_detect (head, head_length);
  Arm64Header arm64;
  ZbootHeader zboot;
  BootCompression compression;

  if (file_bytes == 0)
    return fail (error, _ ("The kernel %s is empty; choose another file."), name);
  switch (format) {
  case IMAGE_ARM64:
    return check_arm64 (head, head_length, file_bytes, name, &arm64, error);
  case IMAGE_ZBOOT:
    return check_zboot (head, head_length, file_bytes, name, &zboot, &compression, error);
  case IMAGE_GZIP:
    return probe_gzip (head, head_length, name, error);
  default:
    return fail_format (format, name, error);
  }
}

bool
boot_is_raw_disk (const uint8_t *head, size_t head_length, uint64_t file_bytes)
{
  if (head_length < 4096 || file_bytes % 512 != 0)
    return false;
  ImageFormat format = image_format_detect (head, head_length);
  bool ext4 = head[0x438] == 0x53 && head[0x439] == 0xef;
  bool blank = head[0] == 0 && memcmp (head, head + 1, head_length - 1) == 0;

  return format == IMAGE_DISK || (format == IMAGE_UNKNOWN && (ext4 || blank));
}

static bool
parse_image (const uint8_t *data, size_t length, const char *name, BootKernel *kernel,
             GError **error)
{
  ImageFormat format = image_format_detect (data, length);
  Arm64Header header;

  if (format != IMAGE_ARM64)
    return fail_format (format, name, error);
  if (!check_arm64 (data, length, length, name, &header, error))
    return false;
  kernel->image = data;
  kernel->image_bytes = length;
  kernel->text_offset = header.image_size != 0 ? header.text_offset : OLD_TEXT_OFFSET;
  kernel->memory_bytes =
      header.image_size != 0 ? MAX (header.image_size, length) : length + OLD_EXTRA_BYTES;
  return true;
}

static bool
unpack (BootCompression compression, const uint8_t *data, size_t length, size_t max_bytes,
        const char *name, BootKernel *kernel, GError **error)
{
  size_t unpacked;

  kernel->owned = boot_decompress (compression, data, length, max_bytes, name, &unpacked, error);
  return kernel->owned != NULL && parse_image (kernel->owned, unpacked, name, kernel, error);
}

bool
boot_kernel_parse (const uint8_t *data, size_t length, size_t max_bytes, const char *name,
                   BootKernel *kernel, GError **error)
{
  ZbootHeader zboot;
  BootCompression compression;
  bool ok;

  *kernel = (BootKernel){0};
  if (!boot_kernel_probe (data, length, length, name, error))
    return false;
  switch (image_format_detect (data, length)) {
  case IMAGE_GZIP:
    ok = unpack (BOOT_GZIP, data, length, max_bytes, name, kernel, error);
    break;
  case IMAGE_ZBOOT:
    ok = check_zboot (data, length, length, name, &zboot, &compression, error) &&
         unpack (compression, data + zboot.payload_offset, zboot.payload_bytes, max_bytes, name,
                 kernel, error);
    break;
  default:
    ok = parse_image (data, length, name, kernel, error);
    break;
  }
  if (!ok)
    boot_kernel_clear (kernel);
  return ok;
}

void
boot_kernel_clear (BootKernel *kernel)
{
  g_free (kernel->owned);
  *kernel = (BootKernel){0};
}

static uint64_t
align_up (uint64_t value, uint64_t align)
{
  return (value + align - 1) & ~(align - 1);
}

bool
boot_plan (GuestAddr ram_base, uint64_t ram_bytes, const BootKernel *kernel, uint64_t initrd_bytes,
           BootPlan *plan, GError **error)
{
  uint64_t kernel_base = align_up (ram_base + BOOT_DTB_BYTES_MAX, BOOT_KERNEL_ALIGN) - ram_base;

  // All as offsets into RAM; each sum is of terms that are known to be small by then.
  if (kernel_base > ram_bytes || kernel->text_offset > ram_bytes - kernel_base ||
      kernel->memory_bytes > ram_bytes - kernel_base - kernel->text_offset) {
    g_set_error (
        error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
        _ ("The kernel needs more than the %u MiB of memory this machine has; give it more "
           "memory."),
        (unsigned) (ram_bytes >> 20));
    return false;
  }
  uint64_t kernel_at = kernel_base + kernel->text_offset;
  uint64_t initrd_at = align_up (kernel_at + kernel->memory_bytes, INITRD_ALIGN);
  if (initrd_bytes > 0 && (initrd_at > ram_bytes || initrd_bytes > ram_bytes - initrd_at)) {
    g_set_error (
        error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
        _ ("The initial RAM disk (%u MiB) does not fit beside the kernel into the %u MiB of "
           "memory this machine has; give it more memory."),
        (unsigned) ((initrd_bytes + MIB (1) - 1) >> 20), (unsigned) (ram_bytes >> 20));
    return false;
  }
  *plan = (BootPlan){
      .dtb = ram_base,
      .kernel = ram_base + kernel_at,
      .initrd = initrd_bytes > 0 ? ram_base + initrd_at : 0,
  };
  return true;
}
