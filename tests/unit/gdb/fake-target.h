// SPDX-License-Identifier: GPL-3.0-or-later
// A target for the gdb session without a machine: two threads, a few registers, one page of
// virtual memory at FAKE_VA that is FAKE_PA physically, and a record of what was asked.
#pragma once

#include "engine/gdb/session.h"

enum {
  FAKE_THREADS = 2,
  FAKE_REGISTERS = 4, // r0 64 bits, r1 32, r2 128; r3 64, read-only, not general
  FAKE_MEMORY_BYTES = 256,
  FAKE_POINTS = 4,
};

#define FAKE_VA UINT64_C (0xffff000000001000)
#define FAKE_PA UINT64_C (0x40001000)

typedef struct FakeTarget {
  unsigned stops, resumes, kills;
  bool running;
  GdbAction actions[FAKE_THREADS];
  uint8_t registers[FAKE_THREADS][FAKE_REGISTERS][GUEST_REGISTER_BYTES];
  uint8_t memory[FAKE_MEMORY_BYTES];
  unsigned n_points;
  bool set;
  GuestPoint kind;
  uint64_t addr, length;
} FakeTarget;

extern const GdbTargetOps fake_target_ops;
