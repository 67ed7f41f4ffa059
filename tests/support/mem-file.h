// SPDX-License-Identifier: GPL-3.0-or-later
// A file in memory under an image: records what is done to it, so that the file can be had as it
// was at any moment, and fails when told to.
//
// Threads: any, several at once.
#pragma once

#include "engine/block/file.h"

typedef enum {
  MEM_WRITE,
  MEM_ZERO, // punched out or zeroed
  MEM_SIZE,
  MEM_SYNC,
} MemEventKind;

typedef struct MemEvent {
  MemEventKind kind;
  uint64_t offset, length;
  uint8_t *data; // MEM_WRITE
} MemEvent;

typedef struct MemFile {
  GMutex lock;
  GByteArray *bytes;
  GArray *events; // of MemEvent; NULL: not recorded
  // The calls that change something are counted from 1, with reads if reads_too; those from
  // fail_from to fail_to fail.
  bool reads_too;
  uint64_t n_calls, fail_from, fail_to;
  int error;
  bool failed;
  unsigned n_syncs_after_failure; // syncs that were tried after one had failed
  bool sync_failed;
  uint64_t room; // the file may not become longer (ENOSPC); 0: any length
} MemFile;

MemFile *mem_file_new (void);
void mem_file_free (MemFile *mem);
BlockFile *mem_file_open (MemFile *mem); // does not take it
void mem_file_record (MemFile *mem);

// Applies one event to the bytes; a torn write ends at a multiple of 512.
void mem_file_apply (MemFile *mem, const MemEvent *event, uint64_t length);
void mem_file_set (MemFile *mem, const MemFile *from);
