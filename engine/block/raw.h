// SPDX-License-Identifier: GPL-3.0-or-later
// Raw disk images: a regular file or a host block device, byte for byte.
#pragma once

#include "engine/block/image.h"

// Takes the file, also when it fails. The error names `path`, what is wrong with it and what to
// do.
BlockImage *block_raw_open_file (BlockFile *take, const char *path, bool write, GError **error);
