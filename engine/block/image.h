// SPDX-License-Identifier: GPL-3.0-or-later
// A disk image of any format, with the images it is based on. DESIGN.md says why formats are told
// and not guessed.
//
// Threads: opened and closed on any thread that may wait; the format's functions run on any
// thread, several at once.
#pragma once

#include "engine/block/device.h"
#include "engine/block/file.h"

typedef enum {
  BLOCK_FORMAT_RAW,
  BLOCK_FORMAT_QCOW2,
  // Read only.
  BLOCK_FORMAT_VDI,
  BLOCK_FORMAT_VMDK,
  BLOCK_FORMAT_VHDX,
} BlockFormat;

enum {
  BLOCK_CHAIN_MAX = 32, // images, the first included
};

#define BLOCK_IMAGE_ERROR (block_image_error_quark ())
GQuark block_image_error_quark (void);
enum {
  BLOCK_IMAGE_ERROR_BACKING, // it is based on a file, and following that was not allowed
};

typedef struct BlockImage {
  const BlockDriverOps *ops;
  void *driver;
  BlockFormat format;
  uint64_t size_bytes; // multiple of BLOCK_SECTOR_BYTES
  bool read_only;
} BlockImage;

typedef enum {
  BLOCK_IMAGE_WRITE = 1 << 0,
  BLOCK_IMAGE_ALLOW_BACKING = 1 << 1, // follow the name of a backing file in the image
  BLOCK_IMAGE_UNLOCKED = 1 << 2,      // for a look; not with WRITE
  BLOCK_IMAGE_NO_BACKING = 1 << 3,    // what is not in this image reads as zeroes
} BlockImageFlags;

BlockImage *block_image_open (const char *path, BlockFormat format, BlockImageFlags flags,
                              GError **error);
void block_image_free (BlockImage *image); // writes out what it keeps; accepts NULL
// The same with its last chance to hear of trouble: 0 or an errno value.
int block_image_close (BlockImage *image);
BlockDevice *block_image_to_device (BlockImage *take);

const char *block_format_get_name (BlockFormat format);
bool block_format_from_name (const char *name, BlockFormat *format);
// What a file looks like. For commands a person gives; never for a machine's disk.
bool block_image_probe (const char *path, BlockFormat *format, GError **error);

typedef struct BlockChain BlockChain;
// For formats: opens what `path` names as its backing file. `format_name` may be NULL: not
// recorded. `chain` is what the format was opened with.
BlockImage *block_image_open_backing (const BlockChain *chain, const char *name,
                                      const char *format_name, GError **error);
const char *block_chain_get_path (const BlockChain *chain);
