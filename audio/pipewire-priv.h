// SPDX-License-Identifier: GPL-3.0-or-later
// The inside of the PipeWire side, shared by pipewire.c (the connection, what the machine and its
// owner ask) and pipewire-stream.c (one stream).
//
// Threads: PipeWire's loop does everything with PipeWire's objects. The machine's threads and the
// owner only say what they want, under `lock`, and wake the loop: they never wait for it. Sound itself
// passes through AudioLinks, on PipeWire's realtime thread at their other end, which takes no lock.
#pragma once

#include <pipewire/pipewire.h>

#include "audio/audio.h"
#include "audio/link.h"

typedef struct PwAudio PwAudio;

typedef struct PwStream {
  PwAudio *audio;
  bool capture;
  VmAudioFormat format;
  AudioLink *link;

  // Under the lock.
  bool running, closed;

  // The loop's.
  struct pw_stream *stream; // NULL: there is none at the moment
  struct spa_hook listener;
  bool active, failed;
  unsigned idle_ticks; // since it was closed or stopped
  unsigned gaps;       // that are known
} PwStream;

struct PwAudio {
  Audio audio;
  // Constant.
  char *name;           // the machine's
  char *output, *input; // devices; NULL: the default
  unsigned latency_ms;
  struct pw_thread_loop *loop;
  struct spa_source *changed, *timer;

  GMutex lock;
  GPtrArray *streams; // of PwStream
  double volume;
  bool microphone;

  // The loop's.
  struct pw_context *context;
  struct pw_core *core; // NULL: no server
  struct spa_hook core_listener;
  bool lost, told;
  unsigned retry_ticks; // until the next attempt
};

// The loop's thread.
void pw_stream_make (PwStream *stream); // with a server
void pw_stream_drop (PwStream *stream);
