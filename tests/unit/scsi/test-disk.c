// SPDX-License-Identifier: GPL-3.0-or-later
// Commands of a SCSI disk: a table of command blocks and what becomes of them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "engine/scsi/disk.h"

#define MANY 0x123456789aull

static const struct {
  const char *name;
  bool read_only, many; // 2048 blocks, or MANY
  uint8_t cdb[16];
  ScsiKind kind;
  uint64_t lba, length;
  unsigned sense; // key, code, qualifier in two digits each; 0: it works
  uint8_t data[20];
  unsigned at, n_data; // these bytes of the answer
} cases[] = {
    {"test unit ready", 0, 0, {0}, SCSI_DONE, 0, 0, 0, {0}, 0, 0},
    {"request sense", 0, 0, {3, 0, 0, 0, 18}, SCSI_DATA_IN, 0, 18, 0, {0x70, 0, 0}, 0, 3},
    {"inquiry", 0, 0, {0x12, 0, 0, 0, 36}, SCSI_DATA_IN, 0, 36, 0, {0, 0x80, 6, 2, 31}, 0, 5},
    {"inquiry, little room", 0, 0, {0x12, 0, 0, 0, 5}, SCSI_DATA_IN, 0, 5, 0, {0}, 0, 1},
    {"inquiry, no page", 0, 0, {0x12, 0, 1, 0, 36}, SCSI_DONE, 0, 0, 0x52400, {0}, 0, 0},
    {"pages", 0, 0, {0x12, 1, 0, 0, 99}, SCSI_DATA_IN, 0, 7, 0, {0, 0, 0, 3, 0, 0x80, 0x83}, 0, 7},
    {"serial", 0, 0, {0x12, 1, 0x80, 0, 99}, SCSI_DATA_IN, 0, 7, 0, {3, 'A', 'B', 'C'}, 3, 4},
    {"identification",
     0,
     0,
     {0x12, 1, 0x83, 0, 99},
     SCSI_DATA_IN,
     0,
     19,
     0,
     {15, 2, 1, 0, 11, 'T'},
     3,
     6},
    {"bad page", 0, 0, {0x12, 1, 0xc0, 0, 99}, SCSI_DONE, 0, 0, 0x52400, {0}, 0, 0},
    {"read 6", 0, 0, {8, 0, 1, 2, 3}, SCSI_READ, 0x102, 3 * 512, 0, {0}, 0, 0},
    {"read 6 of 256", 0, 0, {8, 0xe0, 0, 0, 0}, SCSI_READ, 0, 256 * 512, 0, {0}, 0, 0},
    {"write 6", 0, 0, {10, 0, 0, 4, 1}, SCSI_WRITE, 4, 512, 0, {0}, 0, 0},
    {"read 10", 0, 0, {0x28, 0, 0, 0, 7, 0xff, 0, 0, 1}, SCSI_READ, 2047, 512, 0, {0}, 0, 0},
    {"read 10 past the end",
     0,
     0,
     {0x28, 0, 0, 0, 7, 0xff, 0, 0, 2},
     SCSI_DONE,
     0,
     0,
     0x52100,
     {0},
     0,
     0},
    {"read 10 behind the end",
     0,
     0,
     {0x28, 0, 0xff, 0, 0, 0, 0, 0, 1},
     SCSI_DONE,
     0,
     0,
     0x52100,
     {0},
     0,
     0},
    {"read 10 of nothing", 0, 0, {0x28, 0, 0, 0, 8, 0, 0, 0, 0}, SCSI_DONE, 0, 0, 0, {0}, 0, 0},
    {"write 10", 0, 0, {0x2a, 8, 0, 0, 0, 1, 0, 1, 0}, SCSI_WRITE, 1, 256 * 512, 0, {0}, 0, 0},
    {"write 10, read-only",
     1,
     0,
     {0x2a, 0, 0, 0, 0, 1, 0, 0, 1},
     SCSI_DONE,
     0,
     0,
     0x72700,
     {0},
     0,
     0},
    {"read 12", 0, 0, {0xa8, 0, 0, 0, 0, 9, 0, 0, 1, 0}, SCSI_READ, 9, 256 * 512, 0, {0}, 0, 0},
    {"read 16",
     0,
     1,
     {0x88, 0, 0, 0, 0, 0x12, 0x34, 0x56, 0x78, 0x99, 0, 0, 0, 1},
     SCSI_READ,
     MANY - 1,
     512,
     0,
     {0},
     0,
     0},
    {"read 16, sum overflows",
     0,
     1,
     {0x88, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 2},
     SCSI_DONE,
     0,
     0,
     0x52100,
     {0},
     0,
     0},
    {"mode sense 6",
     0,
     0,
     {0x1a, 0, 0x3f, 0, 192},
     SCSI_DATA_IN,
     0,
     24,
     0,
     {23, 0, 0, 0, 8, 18, 4},
     0,
     7},
    {"mode sense 6, read-only",
     1,
     0,
     {0x1a, 0, 8, 0, 192},
     SCSI_DATA_IN,
     0,
     24,
     0,
     {23, 0, 0x80},
     0,
     3},
    {"mode sense 10",
     1,
     0,
     {0x5a, 0, 8, 0, 0, 0, 0, 0, 200},
     SCSI_DATA_IN,
     0,
     28,
     0,
     {0, 26, 0, 0x80, 0, 0, 0, 0, 8},
     0,
     9},
    {"mode sense, no such page",
     0,
     0,
     {0x1a, 0, 0x1c, 0, 192},
     SCSI_DONE,
     0,
     0,
     0x52400,
     {0},
     0,
     0},
    {"mode select", 0, 0, {0x15, 0, 0, 0, 24}, SCSI_TAKE, 0, 24, 0, {0}, 0, 0},
    {"start stop", 0, 0, {0x1b, 0, 0, 0, 2}, SCSI_DONE, 0, 0, 0, {0}, 0, 0},
    {"prevent removal", 0, 0, {0x1e, 0, 0, 0, 1}, SCSI_DONE, 0, 0, 0, {0}, 0, 0},
    {"format capacities",
     0,
     0,
     {0x23, 0, 0, 0, 0, 0, 0, 0, 252},
     SCSI_DATA_IN,
     0,
     12,
     0,
     {8, 0, 0, 8, 0, 2, 0, 2, 0},
     3,
     9},
    {"capacity", 0, 0, {0x25}, SCSI_DATA_IN, 0, 8, 0, {0, 0, 7, 255, 0, 0, 2, 0}, 0, 8},
    {"capacity of many", 0, 1, {0x25}, SCSI_DATA_IN, 0, 8, 0, {255, 255, 255, 255}, 0, 4},
    {"capacity 16",
     0,
     1,
     {0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32},
     SCSI_DATA_IN,
     0,
     32,
     0,
     {0, 0, 0, 0x12, 0x34, 0x56, 0x78, 0x99, 0, 0, 2, 0, 0, 3},
     0,
     14},
    {"other service", 0, 0, {0x9e, 0x11}, SCSI_DONE, 0, 0, 0x52400, {0}, 0, 0},
    {"synchronize", 0, 0, {0x35}, SCSI_FLUSH, 0, 0, 0, {0}, 0, 0},
    {"synchronize, read-only", 1, 0, {0x35}, SCSI_DONE, 0, 0, 0, {0}, 0, 0},
    {"report LUNs",
     0,
     0,
     {0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 16},
     SCSI_DATA_IN,
     0,
     16,
     0,
     {0, 0, 0, 8},
     0,
     4},
    {"unknown", 0, 0, {0xff}, SCSI_DONE, 0, 0, 0x52000, {0}, 0, 0},
};

static void
test_commands (void **state)
{
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    ScsiDisk disk = {.n_blocks = cases[i].many ? MANY : 2048,
                     .read_only = cases[i].read_only,
                     .removable = true,
                     .serial = "ABC"};
    ScsiCommand command;
    scsi_disk_start (&disk, cases[i].cdb, &command);
    unsigned sense = disk.sense.key << 16 | disk.sense.code << 8 | disk.sense.qualifier;
    if (command.kind != cases[i].kind || command.length != cases[i].length ||
        command.lba != cases[i].lba || sense != cases[i].sense ||
        (command.status == SCSI_GOOD) != (cases[i].sense == 0) ||
        memcmp (command.data + cases[i].at, cases[i].data, cases[i].n_data) != 0)
      fail_msg ("%s: kind %d, block %llu, %llu bytes, status %u, sense %x", cases[i].name,
                command.kind, (unsigned long long) command.lba, (unsigned long long) command.length,
                command.status, sense);
  }
}

// What failed can be asked for once.
static void
test_sense (void **state)
{
  ScsiDisk disk = {.n_blocks = 1};
  ScsiCommand command;
  static const uint8_t sense[16] = {3, 0, 0, 0, 252};
  for (unsigned i = 0; i < 2; i++) {
    scsi_disk_set_failed (&disk, i == 1);
    scsi_disk_start (&disk, sense, &command);
    assert_int_equal (command.data[2], 3);
    assert_int_equal (command.data[12], i == 1 ? 0x0c : 0x11);
    scsi_disk_start (&disk, sense, &command);
    assert_int_equal (command.data[2], 0);
  }
}

// No command block leads out of the answer or off the disk.
static void
test_any_bytes (void **state)
{
  ScsiDisk disk = {.n_blocks = 2048, .serial = "a serial number that is far too long for the page"};
  uint32_t random = 1;
  for (unsigned i = 0; i < 200000; i++) {
    uint8_t cdb[16];
    ScsiCommand command;
    for (unsigned j = 0; j < sizeof cdb; j++)
      cdb[j] = (uint8_t) ((random = random * 1664525 + 1013904223) >> 24);
    if (i % 2)
      cdb[1] &= 1, cdb[2] &= 0x83;
    scsi_disk_start (&disk, cdb, &command);
    assert_true (command.kind != SCSI_DATA_IN || command.length <= SCSI_DATA_BYTES);
    if (command.kind == SCSI_READ || command.kind == SCSI_WRITE)
      assert_true (command.lba + command.length / 512 <= 2048);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_commands),
      cmocka_unit_test (test_sense),
      cmocka_unit_test (test_any_bytes),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
