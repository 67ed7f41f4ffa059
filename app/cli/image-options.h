// SPDX-License-Identifier: GPL-3.0-or-later
// The command lines of `terrarium image`. Main thread.
#pragma once

#include <stdbool.h>

#include "engine/api/vm-image.h"

enum {
  IMAGE_NAMES_MAX = 2,
};

typedef struct ImageOptions {
  gboolean json, allow_backing, shrink;
  char *format, *source_format, *backing, *backing_format, *cluster_size, *snapshot;
  char **names; // what is left: as many as were asked for
} ImageOptions;

void image_options_clear (ImageOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ImageOptions, image_options_clear)

// `usage` is what stands behind the command in its help, such as "FILE SIZE"; `what` one sentence.
// Only the options in `known`, such as "format json", are there.
bool image_options_parse (ImageOptions *options, int argc, char **argv, const char *known,
                          unsigned n_names, const char *usage, const char *what, GError **error);

// "10G", "512M", "4096"; "+1G" is added to `base`.
bool image_parse_size (const char *text, uint64_t base, uint64_t *bytes, GError **error);
// Of a file that is there: as `name` says, else as it looks.
bool image_choose_format (const char *name, const char *path, VmImageFormat *format,
                          GError **error);
// Of a file to be made: as `name` says, else as it is called, else qcow2.
bool image_choose_new_format (const char *name, const char *path, VmImageFormat *format,
                              GError **error);
