// SPDX-License-Identifier: GPL-3.0-or-later
// What the first bytes of a file say about it. For engine/boot only.
//
// Threads: any; no state.
#pragma once

#include <glib.h>

#include "engine/structs/types.h"

typedef enum ImageFormat {
  IMAGE_UNKNOWN,
  IMAGE_ARM64,    // Linux arm64 Image
  IMAGE_ARM64_BE, // the same, big endian
  IMAGE_GZIP,     // anything, compressed
  IMAGE_ZBOOT,    // EFI zboot for arm64
  IMAGE_X86_BZIMAGE,
  IMAGE_ARM32,     // zImage
  IMAGE_RISCV,     // Linux RISC-V Image
  IMAGE_EFI_ARM64, // other EFI programs, by processor
  IMAGE_EFI_X86,
  IMAGE_EFI_OTHER,
  IMAGE_DOS, // MZ without a PE header
  IMAGE_ELF,
  IMAGE_UIMAGE,     // U-Boot
  IMAGE_FIT,        // U-Boot flattened image tree, or a device tree
  IMAGE_COMPRESSED, // by something else than gzip
  IMAGE_ISO,
  IMAGE_QCOW2,
  IMAGE_DISK, // a partition table or boot sector
} ImageFormat;

ImageFormat image_format_detect (const uint8_t *head, size_t length);
// What it is, in words for a person ("an x86 Linux kernel (bzImage)"); NULL when unknown.
const char *image_format_describe (ImageFormat format);

// The fields that matter of the headers; false when `length` is too short for them.
typedef struct Arm64Header {
  uint64_t text_offset, image_size, flags;
} Arm64Header;
bool image_arm64_header (const uint8_t *head, size_t length, Arm64Header *header);

typedef struct ZbootHeader {
  uint32_t payload_offset, payload_bytes;
  char compression[33];
} ZbootHeader;
bool image_zboot_header (const uint8_t *head, size_t length, ZbootHeader *header);

// How long a PE file says it is (end of its last section): 0 when it is none, UINT64_MAX when not
// even its headers are there.
uint64_t image_pe_file_bytes (const uint8_t *head, size_t length);
