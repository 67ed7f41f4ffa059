// SPDX-License-Identifier: GPL-3.0-or-later
// The file under an image: bytes on the host at offsets. Tests put their own below a format: one
// in memory, one that records, one that fails.
//
// Threads: any, several at once.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <glib.h>

typedef struct BlockFile BlockFile;

// 0 or an errno value. Waiting is fine.
typedef struct BlockFileOps {
  // `*done` bytes from the start were read; fewer than the segments hold: the file ends there.
  int (*read) (void *impl, const struct iovec *iov, unsigned n_iov, uint64_t offset,
               uint64_t *done);
  int (*write) (void *impl, const struct iovec *iov, unsigned n_iov, uint64_t offset);
  // Reads or writes all of it if that takes no waiting for a disk. False: it did not, or a part
  // only. Optional.
  bool (*try) (void *impl, bool write, const struct iovec *iov, unsigned n_iov, uint64_t offset,
               uint64_t length);
  int (*sync) (void *impl);
  // The range reads as zeroes and takes no space. EOPNOTSUPP: cannot.
  int (*punch) (void *impl, uint64_t offset, uint64_t length);
  // The range reads as zeroes and keeps its space. EOPNOTSUPP: cannot.
  int (*zero) (void *impl, uint64_t offset, uint64_t length);
  int (*get_size) (void *impl, uint64_t *bytes);
  int (*set_size) (void *impl, uint64_t bytes);
  // The next data or hole at or behind `offset` (SEEK_DATA, SEEK_HOLE); NULL: all is data.
  int (*seek) (void *impl, uint64_t offset, bool hole, uint64_t *found);
  void (*free) (void *impl);
} BlockFileOps;

BlockFile *block_file_new (const BlockFileOps *ops, void *take);
void block_file_free (BlockFile *file); // accepts NULL

typedef enum {
  BLOCK_FILE_WRITE = 1 << 0,   // else for reading
  BLOCK_FILE_UNLOCKED = 1 << 1 // for a look: neither keeps others out nor minds them
} BlockFileFlags;
// A regular file or a host block device, locked: one writer, or any number of readers. The error
// names the file, what is wrong with it and what to do.
BlockFile *block_file_open (const char *path, BlockFileFlags flags, GError **error);
// Of a descriptor that is open already, which it takes.
BlockFile *block_file_new_for_fd (int fd);
int block_file_get_fd (const BlockFile *file); // -1: not a host file

// EIO when the file ends before.
int block_file_read (BlockFile *file, void *to, size_t length, uint64_t offset);
int block_file_readv (BlockFile *file, const struct iovec *iov, unsigned n_iov, uint64_t offset);
// What is behind the end reads as zeroes.
int block_file_readv_padded (BlockFile *file, const struct iovec *iov, unsigned n_iov,
                             uint64_t offset);
int block_file_write (BlockFile *file, const void *from, size_t length, uint64_t offset);
int block_file_writev (BlockFile *file, const struct iovec *iov, unsigned n_iov, uint64_t offset);
// See BlockFileOps. `length`: the sum over iov, of at most 1024 segments.
bool block_file_try (BlockFile *file, bool write, const struct iovec *iov, unsigned n_iov,
                     uint64_t offset, uint64_t length);
// Everything written before is on stable storage. Once it has failed, it fails for good: the host
// would report the next one as done although what it could not write is lost. Never for lack of
// room: that is EIO here, so that nobody tries again.
int block_file_sync (BlockFile *file);
int block_file_punch (BlockFile *file, uint64_t offset, uint64_t length); // a hint only
int block_file_write_zeroes (BlockFile *file, uint64_t offset, uint64_t length, bool may_unmap);
int block_file_get_size (BlockFile *file, uint64_t *bytes);
int block_file_set_size (BlockFile *file, uint64_t bytes);
// How much from `offset` on, at most `length`, is a hole (or data): `*hole`.
uint64_t block_file_get_run (BlockFile *file, uint64_t offset, uint64_t length, bool *hole);
