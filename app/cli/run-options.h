// SPDX-License-Identifier: GPL-3.0-or-later
// The options of `terrarium run`. Main thread; the parsers of single values are pure.
#pragma once

#include "engine/api/vm.h"

typedef enum RunAudio {
  RUN_AUDIO_PIPEWIRE,
  RUN_AUDIO_NONE,
  RUN_AUDIO_WAV,
} RunAudio;

typedef struct RunOptions {
  VmConfig *config;
  bool serial_stdio;
  bool window;
  bool stats;
  bool jit_stats;
  char *gdb; // where to serve gdb, or NULL
  bool gdb_wait;
  RunAudio audio;
  char *wav_output, *wav_input; // RUN_AUDIO_WAV; the latter may be NULL
} RunOptions;

// False with an error: wrong usage. Prints the help and leaves for --help.
bool run_options_parse (RunOptions *options, int argc, char **argv, GError **error);
void run_options_clear (RunOptions *options);

// "512M", "2G", "1024" (MiB).
bool run_parse_size (const char *text, uint64_t *bytes, GError **error);
// "FILE[,readonly][,format=raw]": only what ends the text is taken for an option, so a file's name
// may contain commas.
bool run_parse_disk (VmConfig *config, const char *text, GError **error);
// "user[,forward=tcp:HOST:GUEST]…"
bool run_parse_net (VmConfig *config, const char *text, GError **error);
// "pipewire", "none", "wav:FILE[,input=FILE]"
bool run_parse_audio (RunOptions *options, const char *text, GError **error);
