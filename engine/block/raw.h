// SPDX-License-Identifier: GPL-3.0-or-later
// Raw disk images: a regular file or a host block device, byte for byte.
#pragma once

#include "engine/block/device.h"

// Opens and locks `path` (for writing: nobody else may have it; read-only: no writer may). The
// error names the file, what is wrong with it and what to do.
BlockDevice *block_raw_open (const char *path, bool read_only, GError **error);
