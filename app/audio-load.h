// SPDX-License-Identifier: GPL-3.0-or-later
// Loading what brings a machine's sound to PipeWire, which is a module of its own (audio/audio.h), from
// audio/ in the build tree, else from where it is installed. Main thread.
#pragma once

#include "audio/audio.h"

// Gives the machine the sound that its configuration asks for; before it starts. NULL: it has no
// sound device, or stays silent, after a message that says why. audio_free is for after its end.
Audio *audio_load (VmMachine *machine);
