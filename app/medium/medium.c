// SPDX-License-Identifier: GPL-3.0-or-later
// See medium.h. The parts of the specifications are in the files beside this one.
#include "app/medium/medium-priv.h"

#include <glib/gi18n.h>
#include <string.h>

#define SECTOR_BYTES 512

bool
medium_read (const MediumPart *part, uint64_t offset, void *buffer, size_t length)
{
  if (offset > part->length || length > part->length - offset || *part->budget == 0)
    return false;
  --*part->budget;
  uint64_t first = (part->offset + offset) / SECTOR_BYTES * SECTOR_BYTES;
  uint64_t skip = part->offset + offset - first;
  uint64_t end = part->offset + offset + length;
  uint64_t whole = (end - first + SECTOR_BYTES - 1) / SECTOR_BYTES * SECTOR_BYTES;
  g_autofree uint8_t *sectors = g_malloc (whole);

  if (!vm_image_reader_read (part->reader, first, sectors, whole, NULL))
    return false;
  if (length > 0)
    memcpy (buffer, sectors + skip, length);
  return true;
}

void
medium_free (Medium *medium)
{
  if (!medium)
    return;
  g_free (medium->path);
  g_free (medium->backing);
  g_free (medium->volume_id);
  g_free (medium->system_id);
  g_free (medium->publisher_id);
  g_free (medium->application_id);
  g_free (medium);
}

// What is a disc is so by what its reader sees, whatever stands at the file's beginning: discs that
// start as a stick as well have a partition table there.
static bool
look_inside (Medium *medium, GError **error)
{
  g_autoptr (VmImageReader) reader = vm_image_reader_new (medium->path, medium->format, error);

  if (!reader)
    return false;
  unsigned budget = MEDIUM_READS_MAX;
  MediumPart whole = {reader, &budget, 0, vm_image_reader_get_size (reader)};
  medium->size_bytes = whole.length;
  medium->kind = MEDIUM_DISK;
  if (medium->format == VM_IMAGE_RAW && medium_look_at_disc (&whole, medium))
    medium->kind = MEDIUM_DISC;
  medium_look_at_table (&whole, medium);
  return true;
}

static bool
look_at_file (Medium *medium, GError **error)
{
  g_autoptr (VmImageInfo) info = vm_image_get_info (medium->path, medium->format, error);

  if (!info)
    return false;
  medium->file_bytes = info->file_bytes;
  medium->backing = g_strdup (info->backing);
  return true;
}

// A raw image looks like nothing in particular; kernels and what is not known are told apart here.
static bool
look_at_raw (Medium *medium, GError **error)
{
  VmFileKind kind;

  if (medium->kind == MEDIUM_DISC || medium->table != MEDIUM_NO_TABLE || medium->disk_loaders)
    return true;
  if (!vm_file_probe (medium->path, &kind, error))
    return false;
  if (kind == VM_FILE_KERNEL_AARCH64)
    medium->kind = MEDIUM_KERNEL;
  return true;
}

Medium *
medium_look (const char *path, GError **error)
{
  g_autoptr (Medium) medium = g_new0 (Medium, 1);
  VmFileKind kind;

  medium->path = g_strdup (path);
  // First of all, a kernel that is also a program for EFI has marks of both.
  if (vm_file_probe (path, &kind, NULL) && kind == VM_FILE_KERNEL_AARCH64) {
    medium->kind = MEDIUM_KERNEL;
    return g_steal_pointer (&medium);
  }
  if (!vm_image_probe (path, &medium->format, error) || !look_at_file (medium, error) ||
      !look_inside (medium, error))
    return NULL;
  if (medium->format == VM_IMAGE_RAW && !look_at_raw (medium, error))
    return NULL;
  return g_steal_pointer (&medium);
}

bool
medium_starts_arm (const Medium *medium)
{
  return ((medium->disc_loaders | medium->disk_loaders) & MEDIUM_AARCH64) != 0;
}

char *
medium_describe_loaders (unsigned loaders)
{
  static const struct {
    unsigned flag;
    const char *name;
  } names[] = {
      {MEDIUM_AARCH64, N_ ("ARM (64 bits)")}, {MEDIUM_ARM, N_ ("ARM (32 bits)")},
      {MEDIUM_X86_64, N_ ("x86 (64 bits)")},  {MEDIUM_IA32, N_ ("x86 (32 bits)")},
      {MEDIUM_RISCV64, N_ ("RISC-V")},
  };
  GString *text = g_string_new (NULL);

  for (unsigned i = 0; i < G_N_ELEMENTS (names); i++)
    if (loaders & names[i].flag)
      g_string_append_printf (text, "%s%s", text->len > 0 ? ", " : "", _ (names[i].name));
  return g_string_free (text, text->len == 0);
}
