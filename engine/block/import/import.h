// SPDX-License-Identifier: GPL-3.0-or-later
// Images of other programs, to be read and converted: VDI, VMDK, VHDX. All of them are blocks of
// one size, each somewhere in the file or nowhere; a parser makes the table of where.
//
// Threads: opened on any thread that may wait; read on any thread, several at once.
#pragma once

#include "engine/block/image.h"

// Takes the file, also when it fails. The error names `path`.
BlockImage *import_open (BlockFile *take, const char *path, BlockFormat format, bool write,
                         GError **error);
// What the first bytes say. False: none of these.
bool import_probe (const uint8_t head[64], BlockFormat *format);
