// SPDX-License-Identifier: GPL-3.0-or-later
// Direct boot of an arm64 Linux kernel: what a file is, unpacking it, and where it and its
// companions go (Documentation/arm64/booting.rst; EFI zboot: drivers/firmware/efi/libstub).
//
// Everything works on bytes already in memory, which may be hostile. `name` is the file's, for
// messages; each message is one sentence with the remedy.
//
// Threads: any; no state.
#pragma once

#include <glib.h>

#include "engine/structs/types.h"

enum {
  BOOT_PROBE_BYTES = 64 * 1024,        // as many of a file's first bytes as probing wants
  BOOT_DTB_BYTES_MAX = 1024 * 1024,    // room for the device tree
  BOOT_KERNEL_ALIGN = 2 * 1024 * 1024, // of the address text_offset counts from
};

// Whether the file that begins with `head` and has `file_bytes` bytes is a kernel this machine can
// start, as far as its beginning shows. False with an error that says what it is instead.
bool boot_kernel_probe (const uint8_t *head, size_t head_length, uint64_t file_bytes,
                        const char *name, GError **error);

// Whether a file looks like a raw disk image: a partition table, a file system, or blank.
bool boot_is_raw_disk (const uint8_t *head, size_t head_length, uint64_t file_bytes);

// A kernel ready to be copied into RAM.
typedef struct BootKernel {
  const uint8_t *image; // in `owned`, or in the file's bytes
  size_t image_bytes;
  uint8_t *owned;
  uint64_t text_offset;  // from a 2 MiB boundary, as the header asks
  uint64_t memory_bytes; // from its first byte, what it uses beyond its file included
} BootKernel;

// Unpacks (up to max_bytes) and checks the whole file; `data` must outlive the kernel.
bool boot_kernel_parse (const uint8_t *data, size_t length, size_t max_bytes, const char *name,
                        BootKernel *kernel, GError **error);
void boot_kernel_clear (BootKernel *kernel);

// Where things go: the device tree at the start of RAM, the kernel at the next 2 MiB boundary, the
// initial RAM disk behind it.
typedef struct BootPlan {
  GuestAddr dtb, kernel, initrd;
} BootPlan;

// False when they do not fit. initrd_bytes 0: none.
bool boot_plan (GuestAddr ram_base, uint64_t ram_bytes, const BootKernel *kernel,
                uint64_t initrd_bytes, BootPlan *plan, GError **error);
