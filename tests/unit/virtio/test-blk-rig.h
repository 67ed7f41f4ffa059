// SPDX-License-Identifier: GPL-3.0-or-later
// A virtio-blk device on a disk in memory, and requests in the plain layout.
#pragma once

#include "engine/virtio/blk.h"
#include "tests/support/test-disk.h"
#include "tests/support/virtio-guest.h"

enum {
  T_IN = 0,
  T_OUT = 1,
  T_FLUSH = 4,
  T_GET_ID = 8,
  T_DISCARD = 11,
  T_WRITE_ZEROES = 13,
  S_OK = 0,
  S_IOERR = 1,
  S_UNSUPP = 2,
  S_UNTOUCHED = 0xee,
  DISK_SECTORS = 128,
  SECTOR = 512,
};

#define F_RO         (1ull << 5)
#define F_FLUSH      (1ull << 9)
#define F_CONFIG_WCE (1ull << 11)
#define F_MQ         (1ull << 12)
#define F_EVENT_IDX  (1ull << 29)
#define F_ALL        (~0ull)

typedef struct Header {
  uint32_t type, reserved;
  uint64_t sector;
} Header;

typedef struct Range {
  uint64_t sector;
  uint32_t n, flags;
} Range;

typedef struct Setup {
  TestDisk *disk;
  VirtioGuest *guest;
} Setup;

void set_up_queues (Setup *setup, bool read_only, uint64_t features, unsigned n_queues);
void set_up (Setup *setup, bool read_only, uint64_t features);
// One that can do transfers at once.
void set_up_quick (Setup *setup, size_t bytes, uint64_t features);
void tear_down (Setup *setup);
// One request in the plain layout; `out` after the header, `in_length` bytes before the status,
// whose buffer is given back.
VirtioGuestBuf *make_request (VirtioGuest *guest, VirtioGuestBuf bufs[4], unsigned *n,
                              const Header *header, const void *out, uint32_t out_length,
                              uint32_t in_length);
