// SPDX-License-Identifier: GPL-3.0-or-later
// What of this computer plays and records a machine's sound: PipeWire, or files. What goes to
// vm_machine_set_audio_sink is sink_ops, with the Audio as its sink.
#pragma once

#include "engine/api/vm.h"

typedef struct Audio Audio;

// Settings may be changed while the machine runs. The owner's thread; NULL: it has no such thing.
typedef struct AudioOps {
  void (*free) (Audio *audio); // once the machine has stopped
  void (*set_volume) (Audio *audio, unsigned percent, bool muted);
  void (*set_microphone) (Audio *audio, bool allowed);
} AudioOps;

struct Audio {
  const AudioOps *ops;
  const VmAudioSinkOps *sink_ops;
};

void audio_free (Audio *audio); // accepts NULL

// Plays into a WAV file of 16 bits, which has the form of the first stream; others go nowhere.
// `input`: what is recorded, again and again; NULL: silence. For tests: it may wait for the disk.
Audio *audio_wav_new (const char *output, const char *input, GError **error);

// In a module of its own, libterrarium-audio.so, which links PipeWire; `config` is read at once.
// Without a server it is silent, says so, and waits for one.
Audio *terrarium_audio_new_pipewire (const VmConfig *config);
typedef Audio *(*TerrariumAudioNew) (const VmConfig *config);
#define TERRARIUM_AUDIO_NAME   "libterrarium-audio.so"
#define TERRARIUM_AUDIO_SYMBOL "terrarium_audio_new_pipewire"
