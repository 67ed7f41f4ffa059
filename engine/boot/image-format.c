// SPDX-License-Identifier: GPL-3.0-or-later
// Recognising files by their first bytes. Every read is checked against the length at hand.
//
// Threads: see image-format.h.
#include "engine/boot/image-format.h"

#include <glib/gi18n.h>
#include <string.h>

enum {
  PE_MACHINE_I386 = 0x014c,
  PE_MACHINE_X86_64 = 0x8664,
  PE_MACHINE_ARM64 = 0xaa64,
  PE_SECTION_BYTES = 40,
  ARM64_HEADER_BYTES = 64,
  ARM64_FLAG_BIG_ENDIAN = 1,
  ZBOOT_HEADER_BYTES = 64,
};

// Little-endian fields; 0 beyond the end.
static uint64_t
get (const uint8_t *head, size_t length, uint64_t offset, unsigned size)
{
  uint64_t value = 0;

  if (offset > length || size > length - offset)
    return 0;
  for (unsigned i = 0; i < size; i++)
    value |= (uint64_t) head[offset + i] << (8 * i);
  return value;
}

static bool
has (const uint8_t *head, size_t length, size_t offset, const char *magic, size_t magic_length)
{
  return offset + magic_length <= length && memcmp (head + offset, magic, magic_length) == 0;
}

#define HAS(offset, magic) has (head, length, (offset), (magic), sizeof (magic) - 1)

// Offset of the PE header's "PE\0\0", 0 when there is none.
static uint64_t
pe_offset (const uint8_t *head, size_t length)
{
  uint64_t offset = get (head, length, 60, 4);

  if (!HAS (0, "MZ") || offset == 0 || get (head, length, offset, 4) != 0x00004550)
    return 0;
  return offset;
}

static ImageFormat
detect_pe (const uint8_t *head, size_t length)
{
  uint64_t offset = pe_offset (head, length);
  uint64_t machine = get (head, length, offset + 4, 2);

  if (offset == 0)
    return IMAGE_DOS;
  if (machine == PE_MACHINE_I386 || machine == PE_MACHINE_X86_64)
    return IMAGE_EFI_X86;
  if (machine != PE_MACHINE_ARM64)
    return IMAGE_EFI_OTHER;
  return HAS (4, "zimg") ? IMAGE_ZBOOT : IMAGE_EFI_ARM64;
}

ImageFormat
image_format_detect (const uint8_t *head, size_t length)
{
  // Kernels that are PE files too come before the plain ones.
  if (HAS (56, "ARM\x64"))
    return (get (head, length, 24, 8) & ARM64_FLAG_BIG_ENDIAN) != 0 ? IMAGE_ARM64_BE : IMAGE_ARM64;
  if (HAS (0x202, "HdrS") && HAS (0x1fe, "\x55\xaa"))
    return IMAGE_X86_BZIMAGE;
  if (HAS (56, "RSC\x05") || HAS (48, "RISCV\0\0\0"))
    return IMAGE_RISCV;
  if (HAS (36, "\x18\x28\x6f\x01"))
    return IMAGE_ARM32;
  if (HAS (0, "MZ"))
    return detect_pe (head, length);
  if (HAS (0, "\x1f\x8b"))
    return IMAGE_GZIP;
  if (HAS (0, "\x7f"
              "ELF"))
    return IMAGE_ELF;
  if (HAS (0, "\x27\x05\x19\x56"))
    return IMAGE_UIMAGE;
  if (HAS (0, "\xd0\x0d\xfe\xed"))
    return IMAGE_FIT;
  if (HAS (0, "\x28\xb5\x2f\xfd") ||
      HAS (0, "\xfd"
              "7zXZ") ||
      HAS (0, "BZh") || HAS (0, "\x04\x22\x4d\x18") || HAS (0, "\x02\x21\x4c\x18"))
    return IMAGE_COMPRESSED;
  if (HAS (0, "QFI\xfb"))
    return IMAGE_QCOW2;
  if (HAS (0x8001, "CD001"))
    return IMAGE_ISO;
  if (HAS (0x200, "EFI PART") || HAS (0x1fe, "\x55\xaa"))
    return IMAGE_DISK;
  return IMAGE_UNKNOWN;
}

const char *
image_format_describe (ImageFormat format)
{
  switch (format) {
  case IMAGE_ARM64:
    return _ ("an ARM Linux kernel (arm64 Image)");
  case IMAGE_ARM64_BE:
    return _ ("a big-endian ARM Linux kernel");
  case IMAGE_GZIP:
    return _ ("a file compressed with gzip");
  case IMAGE_ZBOOT:
    return _ ("an ARM Linux kernel (EFI zboot)");
  case IMAGE_X86_BZIMAGE:
    return _ ("a Linux kernel for x86 computers (bzImage)");
  case IMAGE_ARM32:
    return _ ("a Linux kernel for 32-bit ARM (zImage)");
  case IMAGE_RISCV:
    return _ ("a Linux kernel for RISC-V");
  case IMAGE_EFI_ARM64:
    return _ ("an EFI program for ARM");
  case IMAGE_EFI_X86:
    return _ ("an EFI or Windows program for x86 computers");
  case IMAGE_EFI_OTHER:
    return _ ("an EFI or Windows program for another kind of computer");
  case IMAGE_DOS:
    return _ ("a DOS program");
  case IMAGE_ELF:
    return _ ("an ELF file (vmlinux)");
  case IMAGE_UIMAGE:
    return _ ("a U-Boot image");
  case IMAGE_FIT:
    return _ ("a device tree or U-Boot image tree");
  case IMAGE_COMPRESSED:
    return _ ("compressed in a way Linux kernels for ARM are not");
  case IMAGE_ISO:
    return _ ("a CD or DVD image");
  case IMAGE_QCOW2:
    return _ ("a qcow2 disk image");
  case IMAGE_DISK:
    return _ ("a disk image");
  case IMAGE_UNKNOWN:
    break;
  }
  return NULL;
}

bool
image_arm64_header (const uint8_t *head, size_t length, Arm64Header *header)
{
  if (length < ARM64_HEADER_BYTES)
    return false;
  header->text_offset = get (head, length, 8, 8);
  header->image_size = get (head, length, 16, 8);
  header->flags = get (head, length, 24, 8);
  return true;
}

bool
image_zboot_header (const uint8_t *head, size_t length, ZbootHeader *header)
{
  if (length < ZBOOT_HEADER_BYTES)
    return false;
  header->payload_offset = (uint32_t) get (head, length, 8, 4);
  header->payload_bytes = (uint32_t) get (head, length, 12, 4);
  memcpy (header->compression, head + 24, 32);
  header->compression[32] = '\0';
  return true;
}

uint64_t
image_pe_file_bytes (const uint8_t *head, size_t length)
{
  uint64_t pe = get (head, length, 60, 4), end = 0;

  if (!HAS (0, "MZ") || pe == 0)
    return 0;
  uint64_t sections = get (head, length, pe + 6, 2);
  uint64_t table = pe + 24 + get (head, length, pe + 20, 2);
  if (pe + 24 > length || table + sections * PE_SECTION_BYTES > length)
    return UINT64_MAX;
  for (uint64_t i = 0; i < sections; i++) {
    uint64_t section = table + i * PE_SECTION_BYTES;
    uint64_t bytes = get (head, length, section + 16, 4);

    end = MAX (end, bytes + get (head, length, section + 20, 4));
  }
  return end;
}
