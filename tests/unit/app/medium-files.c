// SPDX-License-Identifier: GPL-3.0-or-later
// See medium-files.h.
#include "tests/unit/app/medium-files.h"

#include <string.h>

#define SECTOR        512
#define BLOCK         2048
#define RESERVED      1
#define TABLE_SECTORS 2
#define ROOT_ENTRIES  32
#define ROOT          (RESERVED + TABLE_SECTORS)
#define DATA          (ROOT + ROOT_ENTRIES * 32 / SECTOR)
#define FAT_IN_DISC   40 // block
#define FAT_IN_DISK   64 // sector
#define DISK_SECTORS  1024

static void
put16 (uint8_t *p, unsigned value)
{
  p[0] = (uint8_t) value;
  p[1] = (uint8_t) (value >> 8);
}

static void
put32 (uint8_t *p, uint32_t value)
{
  put16 (p, value & 0xffff);
  put16 (p + 2, value >> 16);
}

// ---- FAT ------------------------------------------------------------------------------------

static uint8_t *
get_cluster (uint8_t *fat, unsigned cluster)
{
  return fat + (size_t) (DATA + cluster - 2) * SECTOR;
}

static void
put_entry (uint8_t *at, const char *name, uint8_t attribute, unsigned cluster)
{
  memcpy (at, name, 11);
  at[11] = attribute;
  put16 (at + 26, cluster);
}

static void
put_fat_link (uint8_t *fat, unsigned cluster, unsigned next)
{
  uint8_t *at = fat + RESERVED * SECTOR + cluster + cluster / 2;
  unsigned pair = at[0] | (unsigned) at[1] << 8;

  pair = cluster % 2 ? (pair & 0x000f) | next << 4 : (pair & 0xf000) | next;
  put16 (at, pair);
}

uint8_t *
medium_make_fat (const char *name, uint16_t machine)
{
  uint8_t *fat = g_malloc0 (MEDIUM_FAT_BYTES);

  put16 (fat + 11, SECTOR);
  fat[13] = 1;
  put16 (fat + 14, RESERVED);
  fat[16] = 1;
  put16 (fat + 17, ROOT_ENTRIES);
  put16 (fat + 19, MEDIUM_FAT_BYTES / SECTOR);
  put16 (fat + 22, TABLE_SECTORS);
  fat[510] = 0x55;
  fat[511] = 0xaa;
  put_entry (fat + ROOT * SECTOR, "TERRARIUM  ", 0x08, 0);
  put_entry (fat + ROOT * SECTOR + 32, "EFI        ", 0x10, 2);
  // The folder goes on in a second cluster, behind entries that do not count.
  for (unsigned i = 0; i < SECTOR / 32; i++)
    put_entry (get_cluster (fat, 2) + (size_t) i * 32, "\xe5OTHING    ", 0, 0);
  put_fat_link (fat, 2, 5);
  put_fat_link (fat, 5, 0xfff);
  put_entry (get_cluster (fat, 5), "BOOT       ", 0x10, 3);
  put_fat_link (fat, 3, 0xfff);
  put_entry (get_cluster (fat, 3), name, 0x20, 4);
  put_fat_link (fat, 4, 0xfff);
  uint8_t *program = get_cluster (fat, 4);
  memcpy (program, "MZ", 2);
  put32 (program + 60, 128);
  memcpy (program + 128, "PE\0\0", 4);
  put16 (program + 132, machine);
  return fat;
}

// ---- discs ----------------------------------------------------------------------------------

static void
put_text (uint8_t *at, size_t length, const char *text)
{
  memset (at, ' ', length);
  memcpy (at, text, strlen (text));
}

static void
put_primary (uint8_t *block, const char *volume)
{
  block[0] = 1;
  memcpy (block + 1, "CD001\1", 6);
  put_text (block + 8, 32, "LINUX");
  put_text (block + 40, 32, volume);
  put32 (block + 80, FAT_IN_DISC + MEDIUM_FAT_BYTES / BLOCK);
  put16 (block + 128, BLOCK);
  put_text (block + 318, 128, "");
  put_text (block + 574, 128, "TESTS");
}

// The default entry is for a BIOS; that of the platform is in a section of its own.
static void
put_catalog (uint8_t *catalog, uint8_t platform)
{
  unsigned sum = 0;

  catalog[0] = 1;
  put16 (catalog + 30, 0xaa55);
  for (unsigned i = 0; i < 32; i += 2)
    sum += catalog[i] | (unsigned) catalog[i + 1] << 8;
  put16 (catalog + 28, -sum & 0xffff);
  catalog[32] = platform == 0 ? 0x88 : 0;
  catalog[64] = 0x91;
  catalog[65] = platform;
  put16 (catalog + 66, 1);
  catalog[96] = 0x88;
  put32 (catalog + 96 + 8, FAT_IN_DISC);
}

GByteArray *
medium_make_disc (const char *volume, const uint8_t *fat, uint8_t platform)
{
  GByteArray *disc = g_byte_array_new ();

  g_byte_array_set_size (disc, FAT_IN_DISC * BLOCK + MEDIUM_FAT_BYTES);
  memset (disc->data, 0, disc->len);
  put_primary (disc->data + (size_t) 16 * BLOCK, volume);
  uint8_t *next = disc->data + (size_t) 17 * BLOCK;
  if (fat) {
    memcpy (next, "\0CD001\1EL TORITO SPECIFICATION", 30);
    put32 (next + 0x47, 20);
    put_catalog (disc->data + (size_t) 20 * BLOCK, platform);
    memcpy (disc->data + (size_t) FAT_IN_DISC * BLOCK, fat, MEDIUM_FAT_BYTES);
    next += BLOCK;
  }
  memcpy (next, "\377CD001\1", 7);
  return disc;
}

// ---- disks ----------------------------------------------------------------------------------

static GByteArray *
make_disk (const uint8_t *fat)
{
  GByteArray *disk = g_byte_array_new ();

  g_byte_array_set_size (disk, DISK_SECTORS * SECTOR);
  memset (disk->data, 0, disk->len);
  put16 (disk->data + 510, 0xaa55);
  if (fat)
    memcpy (disk->data + (size_t) FAT_IN_DISK * SECTOR, fat, MEDIUM_FAT_BYTES);
  return disk;
}

GByteArray *
medium_make_mbr (const uint8_t *fat)
{
  GByteArray *disk = make_disk (fat);
  uint8_t *entry = disk->data + 446;

  entry[4] = 0x0e;
  put32 (entry + 8, FAT_IN_DISK);
  put32 (entry + 12, MEDIUM_FAT_BYTES / SECTOR);
  return disk;
}

GByteArray *
medium_make_gpt (const uint8_t *fat)
{
  GByteArray *disk = make_disk (fat);
  uint8_t *header = disk->data + SECTOR, *entry = disk->data + (size_t) 2 * SECTOR;

  disk->data[446 + 4] = 0xee;
  memcpy (header, "EFI PART", 8);
  header[72] = 2;
  put32 (header + 80, 4);
  put32 (header + 84, 128);
  memset (entry + 128, 0x5a, 16); // the second of four
  put32 (entry + 128 + 32, FAT_IN_DISK);
  put32 (entry + 128 + 40, FAT_IN_DISK + MEDIUM_FAT_BYTES / SECTOR - 1);
  return disk;
}
