// SPDX-License-Identifier: GPL-3.0-or-later
// Memory for generated code: the same pages mapped twice, once to write and once to execute, so
// that no page is ever both and nothing is switched. Where that is not possible one mapping is
// both. Any thread; the owner serialises its use.
#pragma once

#include <gio/gio.h>

#include "engine/structs/types.h"

enum { CODE_HUGE_PAGE = 2 << 20 };

typedef struct CodeMemory {
  uint8_t *write;
  uint8_t *execute;
  size_t bytes;
  int fd;     // of the memory that is mapped twice, or -1
  void *room; // where both views are; NULL: there is one
  size_t room_bytes;
} CodeMemory;

// Pages take memory when they are first touched. `anonymous`: one mapping without a name, which is
// what profilers take for generated code. False: this host forbids executable memory.
bool code_memory_map (CodeMemory *memory, size_t bytes, bool anonymous, GError **error);
void code_memory_unmap (CodeMemory *memory);
// Has the pages from `start` on, which hold nothing and are going to be written, touched all at once:
// this costs less than a fault for each. Where the system cannot, nothing happens.
void code_memory_prepare (const CodeMemory *memory, size_t start, size_t bytes);
// Makes one huge page of what begins at `start`, a multiple of its size, and holds nothing: it costs
// a fraction of its small pages, and so do the look-ups of what runs there. False where there is none
// to be had.
bool code_memory_prepare_huge (const CodeMemory *memory, size_t start);
