// SPDX-License-Identifier: GPL-3.0-or-later
// Copies a file that may be large and mostly holes. Blocks; any thread.
#pragma once

#include <gio/gio.h>
#include <stdbool.h>
#include <stdint.h>

// Told after each piece how many more bytes of the file (holes included) are dealt with.
typedef void (*CopyProgress) (uint64_t more, void *data);

// `target` must not exist. Holes stay holes, blocks are shared where the file system can, and the
// copy is on stable storage when true is returned; otherwise the target is gone again. A source
// whose length changes meanwhile is an error.
bool copy_file (const char *source, const char *target, CopyProgress progress, void *progress_data,
                GCancellable *cancellable, GError **error);
