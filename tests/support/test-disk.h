// SPDX-License-Identifier: GPL-3.0-or-later
// A disk in memory for tests: counts what is done to it, fails when told to, and can be held so
// that requests stay in flight.
//
// Threads: the disk's workers call in; every field is under `lock`.
#pragma once

#include "engine/block/device.h"

enum {
  TEST_DISK_OPS = BLOCK_WRITE_ZEROES + 1,
};

typedef struct TestDisk {
  GMutex lock;
  GCond changed;
  uint8_t *bytes;
  size_t size_bytes;
  unsigned n_done[TEST_DISK_OPS]; // by BlockOp, failed ones too
  int fail[TEST_DISK_OPS];        // errno to fail with; 0: works
  bool held;
  unsigned n_held; // requests that wait
  BlockFile *file; // what is tried is done on; NULL: nothing is
  bool busy;       // trying fails
  unsigned n_tried;
} TestDisk;

TestDisk *test_disk_new (size_t size_bytes); // byte i is a pattern of i
void test_disk_free (TestDisk *disk);        // after the BlockDevice
BlockDevice *test_disk_open (TestDisk *disk, bool read_only);
// One that can do transfers at once (block_device_try).
BlockDevice *test_disk_open_quick (TestDisk *disk);

void test_disk_hold (TestDisk *disk);
void test_disk_wait_held (TestDisk *disk, unsigned n); // until n requests wait
void test_disk_release (TestDisk *disk);
void test_disk_fail (TestDisk *disk, BlockOp op, int error);
unsigned test_disk_get_done (TestDisk *disk, BlockOp op);
