// SPDX-License-Identifier: GPL-3.0-or-later
// What a file that a person offers is, by looking into it: a Linux kernel, a CD or DVD, a disk; and
// which processors it can start. GLib and the engine only. Blocks; any thread. The file is not
// trusted: whatever it says is bounded, and what does not make sense is as good as not there.
#pragma once

#include "engine/api/vm.h"

typedef enum {
  MEDIUM_KERNEL, // a Linux kernel for ARM
  MEDIUM_DISC,   // ISO 9660, or UDF with a bridge to it
  MEDIUM_DISK,
} MediumKind;

// Processors that an EFI loader is for.
enum {
  MEDIUM_AARCH64 = 1 << 0,
  MEDIUM_ARM = 1 << 1,
  MEDIUM_X86_64 = 1 << 2,
  MEDIUM_IA32 = 1 << 3,
  MEDIUM_RISCV64 = 1 << 4,
};

typedef enum {
  MEDIUM_NO_TABLE,
  MEDIUM_MBR,
  MEDIUM_GPT,
} MediumTable;

typedef struct Medium {
  char *path;
  MediumKind kind;
  VmImageFormat format;
  uint64_t size_bytes; // of the disc or disk
  uint64_t file_bytes; // of the file
  char *backing;       // a disk: the file it is based on, or NULL
  // A disc: what its volume descriptor says, or NULL.
  char *volume_id, *system_id, *publisher_id, *application_id;
  uint64_t volume_bytes;
  // What firmware finds where it looks by itself (\EFI\BOOT): on the disc as a CD, and in the
  // partitions when it is attached as a disk.
  unsigned disc_loaders, disk_loaders;
  bool bios; // starts computers with a BIOS
  MediumTable table;
  unsigned n_partitions;
} Medium;

// NULL with an error that says what it is instead.
Medium *medium_look (const char *path, GError **error);
void medium_free (Medium *medium); // accepts NULL
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Medium, medium_free)

// Whether the firmware of an ARM machine can start it.
bool medium_starts_arm (const Medium *medium);
// "ARM (64 bits)", "x86 (64 bits), x86 (32 bits)": what those loaders are for; NULL: none.
char *medium_describe_loaders (unsigned loaders);
