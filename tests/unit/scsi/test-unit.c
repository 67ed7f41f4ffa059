// SPDX-License-Identifier: GPL-3.0-or-later
// Commands of a SCSI stick and disk: a table of command blocks and what they come to. What carries
// them out, and drives, are tested behind virtio-scsi.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "engine/scsi/scsi.h"

#define MANY 0x123456789aull

static void
free_nothing (void *driver)
{
}

// A disk whose bytes nobody needs.
static BlockDevice *
open_disk (uint64_t n_blocks, bool read_only)
{
  static const BlockDriverOps ops = {.name = "none", .free = free_nothing};
  return block_device_new (&ops, NULL, n_blocks * 512, read_only);
}

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
    {"inquiry", 0, 0, {0x12, 0, 0, 0, 36}, SCSI_DATA_IN, 0, 36, 0, {0, 0x80, 6, 0x12, 31}, 0, 5},
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
     11,
     0,
     {7, 2, 0, 0, 3, 'A', 'B', 'C'},
     3,
     8},
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
     48,
     0,
     {47, 0, 0x10, 0, 1, 10},
     0,
     6},
    {"mode sense 6, read-only",
     1,
     0,
     {0x1a, 0, 8, 0, 192},
     SCSI_DATA_IN,
     0,
     24,
     0,
     {23, 0, 0x90},
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
     {0, 26, 0, 0x90, 0, 0, 0, 0, 8},
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
    {"mode select", 0, 0, {0x15, 0x10, 0, 0, 24}, SCSI_PARAMETERS, 0, 24, 0, {0}, 0, 0},
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
    ScsiUnit *unit =
        scsi_stick_new (open_disk (cases[i].many ? MANY : 2048, cases[i].read_only), "ABC");
    ScsiCommand command;
    scsi_unit_start (unit, cases[i].cdb, &command);
    if (command.kind != cases[i].kind || command.length != cases[i].length ||
        command.offset != cases[i].lba * 512 || command.sense != cases[i].sense ||
        scsi_unit_get_sense (unit) != cases[i].sense ||
        memcmp (command.data + cases[i].at, cases[i].data, cases[i].n_data) != 0)
      fail_msg ("%s: kind %d, byte %llu, %llu bytes, sense %x", cases[i].name, command.kind,
                (unsigned long long) command.offset, (unsigned long long) command.length,
                command.sense);
    scsi_unit_free (unit);
  }
}

// What failed can be asked for once.
static void
test_sense (void **state)
{
  ScsiUnit *unit = scsi_stick_new (open_disk (2048, false), "");
  ScsiCommand command;
  static const uint8_t sense[16] = {3, 0, 0, 0, 252};
  for (unsigned i = 0; i < 2; i++) {
    scsi_unit_set_failed (unit, i == 1);
    scsi_unit_start (unit, sense, &command);
    assert_int_equal (command.data[2], 3);
    assert_int_equal (command.data[12], i == 1 ? 0x0c : 0x11);
    scsi_unit_start (unit, sense, &command);
    assert_int_equal (command.data[2], 0);
  }
  scsi_unit_free (unit);
}

// The first command after power-on is told of it, on a disk; then parameters do what they say.
static void
test_parameters (void **state)
{
  static const uint8_t ready[16] = {0}, sync_off[] = {0, 0, 0, 0, 8, 18, [23] = 0};
  static const uint8_t select[16] = {0x15, 0x10, 0, 0, sizeof sync_off};
  static const uint8_t unmap[16] = {0x42, 0, 0, 0, 0, 0, 0, 0, 24};
  static const uint8_t range[24] = {0, 22, 0, 16, [15] = 5, [19] = 3};
  static const uint8_t same[16] = {0x93, 8, [9] = 2, [13] = 4};
  static const uint8_t zeroes[512] = {0}, write[16] = {0x2a, [8] = 1};
  ScsiUnit *unit = scsi_disk_new (open_disk (2048, false), "");
  ScsiCommand command;

  scsi_unit_start (unit, ready, &command);
  assert_int_equal (command.sense, 0x62900);
  scsi_unit_start (unit, write, &command);
  assert_true (command.kind == SCSI_WRITE && !command.fua);
  scsi_unit_start (unit, select, &command);
  assert_true (command.kind == SCSI_PARAMETERS && command.length == sizeof sync_off);
  scsi_unit_take (unit, select, sync_off, sizeof sync_off - 1, &command);
  assert_true (command.kind == SCSI_DONE && command.sense == 0x51a00);
  scsi_unit_take (unit, select, sync_off, sizeof sync_off, &command);
  assert_true (command.kind == SCSI_DONE && command.sense == 0);
  scsi_unit_start (unit, write, &command);
  assert_true (command.kind == SCSI_WRITE && command.fua);
  scsi_unit_start (unit, unmap, &command);
  assert_true (command.kind == SCSI_PARAMETERS && command.length == 24);
  scsi_unit_take (unit, unmap, range, sizeof range, &command);
  assert_true (command.kind == SCSI_DISCARD && command.offset == 5 * 512 &&
               command.length == 3 * 512);
  scsi_unit_start (unit, same, &command);
  assert_true (command.kind == SCSI_PARAMETERS && command.length == 512);
  scsi_unit_take (unit, same, zeroes, sizeof zeroes, &command);
  assert_true (command.kind == SCSI_ZERO && command.offset == 2 * 512 &&
               command.length == 4 * 512 && command.may_unmap && command.fua);
  scsi_unit_free (unit);
}

// No command block leads out of the answer or off the disk, whatever its parameters are.
static void
try_any_bytes (ScsiUnit *unit, uint64_t bytes)
{
  uint32_t random = 1;

  for (unsigned i = 0; i < 200000; i++) {
    uint8_t cdb[16], parameters[512];
    ScsiCommand command;
    for (unsigned j = 0; j < sizeof cdb; j++)
      cdb[j] = (uint8_t) ((random = random * 1664525 + 1013904223) >> 24);
    if (i % 2)
      cdb[1] &= 1, cdb[2] &= 0x83;
    scsi_unit_start (unit, cdb, &command);
    if (command.kind == SCSI_PARAMETERS) {
      for (unsigned j = 0; j < sizeof parameters; j++)
        parameters[j] = (uint8_t) ((random = random * 1664525 + 1013904223) >> 24 & 0x13);
      scsi_unit_take (unit, cdb, parameters, MIN (command.length, sizeof parameters), &command);
      assert_int_not_equal (command.kind, SCSI_PARAMETERS);
    }
    assert_true (command.kind != SCSI_DATA_IN || command.length <= SCSI_DATA_BYTES);
    if (command.kind >= SCSI_READ)
      assert_true (command.offset + command.length <= bytes);
  }
  scsi_unit_free (unit);
}

static void
test_any_bytes (void **state)
{
  const char *serial = "a serial number that is far too long for the page";

  try_any_bytes (scsi_stick_new (open_disk (2048, false), serial), 2048 * 512);
  try_any_bytes (scsi_disk_new (open_disk (2048, false), serial), 2048 * 512);
  try_any_bytes (scsi_cdrom_new (open_disk (2048, true), serial), 2048 * 512);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_commands),
      cmocka_unit_test (test_sense),
      cmocka_unit_test (test_parameters),
      cmocka_unit_test (test_any_bytes),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
