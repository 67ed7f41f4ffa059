// SPDX-License-Identifier: GPL-3.0-or-later
// Between the parts that look into a medium. The thread of medium_look.
#pragma once

#include "app/medium/medium.h"

// A part of the medium: the whole, or a partition. Its end is inside the medium.
typedef struct MediumPart {
  VmImageReader *reader;
  unsigned *budget; // reads that are left: what is nested and long is not followed for ever
  uint64_t offset, length;
} MediumPart;

#define MEDIUM_READS_MAX 20000

// False: it is not inside, or cannot be read. Any offset and length.
bool medium_read (const MediumPart *part, uint64_t offset, void *buffer, size_t length);

static inline uint16_t
get16 (const uint8_t *p)
{
  return (uint16_t) (p[0] | p[1] << 8);
}

static inline uint32_t
get32 (const uint8_t *p)
{
  return (uint32_t) get16 (p) | (uint32_t) get16 (p + 2) << 16;
}

static inline uint64_t
get64 (const uint8_t *p)
{
  return (uint64_t) get32 (p) | (uint64_t) get32 (p + 4) << 32;
}

// medium-disc.c: false: it is no ISO 9660 volume.
bool medium_look_at_disc (const MediumPart *whole, Medium *medium);
// medium-table.c: partition table and what is in the partitions.
void medium_look_at_table (const MediumPart *whole, Medium *medium);
// medium-fat.c: the loaders in \EFI\BOOT of a FAT file system; 0 also where there is none.
unsigned medium_find_loaders (const MediumPart *part);
