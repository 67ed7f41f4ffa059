// SPDX-License-Identifier: GPL-3.0-or-later
// The sample system of the wizard: files that lie ready in a documented folder,
// $XDG_DATA_HOME/terrarium/samples/debian-12-installer-arm64/{gtk,text}/{linux,initrd.gz};
// TERRARIUM_SAMPLES names another folder in place of …/samples. Any thread.
#pragma once

#include <stdbool.h>

typedef enum {
  SAMPLE_GRAPHICAL,
  SAMPLE_TEXT,
} SampleKind;

// Where the files are looked for.
char *sample_get_folder (void);
bool sample_find (SampleKind kind, char **kernel, char **initrd);
// What its kernel has to be told.
const char *sample_get_cmdline (SampleKind kind);
