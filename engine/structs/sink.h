// SPDX-License-Identifier: GPL-3.0-or-later
// Where what a guest shows, prints and plays leaves the engine: pictures and the tables of functions
// that take them. Part of the public interface: api/vm.h includes it, nothing else outside engine/ may.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// One immutable picture, ref-counted, of any thread. 32-bit little-endian words 0xXXRRGGBB.
typedef struct VmFrame VmFrame;
VmFrame *vm_frame_ref (VmFrame *frame);
void vm_frame_unref (VmFrame *frame);
unsigned vm_frame_get_width (const VmFrame *frame);
unsigned vm_frame_get_height (const VmFrame *frame);
size_t vm_frame_get_stride_bytes (const VmFrame *frame);
const uint8_t *vm_frame_get_pixels (const VmFrame *frame);

typedef struct VmRect {
  int x, y, width, height;
} VmRect;

// All called on the machine's I/O thread; must not block; every entry may be NULL.
typedef struct VmDisplaySinkOps {
  // A new picture; `damage` is the part that differs from the one before. The sink refs what it
  // keeps; keeping only the newest is expected.
  void (*present) (void *sink, VmFrame *frame, const VmRect *damage);
  // The guest switched the output off (or was reset): nothing to show.
  void (*disable) (void *sink);
  // A new cursor shape, 0xAARRGGBB premultiplied, NULL: hidden. hot_x/y in its pixels.
  void (*set_cursor) (void *sink, VmFrame *cursor, int hot_x, int hot_y);
  // The guest's own idea of where the pointer is, in pixels of the picture.
  void (*move_cursor) (void *sink, int x, int y);
} VmDisplaySinkOps;

// I/O thread; must not block (a slow reader drops or queues).
typedef struct VmConsoleSinkOps {
  void (*write) (void *sink, const uint8_t *data, size_t length);
} VmConsoleSinkOps;

// Where a channel of sound is heard; VIRTIO's numbers (1.2 §5.14.6.9.1.1).
typedef enum VmAudioPosition {
  VM_AUDIO_MONO = 2,
  VM_AUDIO_FRONT_LEFT,
  VM_AUDIO_FRONT_RIGHT,
  VM_AUDIO_REAR_LEFT,
  VM_AUDIO_REAR_RIGHT,
  VM_AUDIO_FRONT_CENTER,
  VM_AUDIO_LFE,
  VM_AUDIO_SIDE_LEFT,
  VM_AUDIO_SIDE_RIGHT,
} VmAudioPosition;

enum {
  VM_AUDIO_CHANNELS_MAX = 8,
  VM_AUDIO_RATE_MAX = 384000,
};

typedef struct VmAudioFormat {
  unsigned rate;     // frames a second
  unsigned channels; // 1 to VM_AUDIO_CHANNELS_MAX
  VmAudioPosition positions[VM_AUDIO_CHANNELS_MAX];
} VmAudioFormat;

// Where a guest's sound goes, and where what it records comes from. The guest's device keeps time by
// the host's clock, whatever is at the other end: it hands over and asks for as many frames as the
// time that went by, and whoever has a clock of his own adapts. A frame is one float for each
// channel, -1 to 1.
//
// On the I/O thread or one of the machine's CPUs, one call at a time; must not block.
typedef struct VmAudioSinkOps {
  // A stream that is played, or recorded (capture). NULL: it goes nowhere, and silence comes.
  void *(*open) (void *sink, bool capture, const VmAudioFormat *format);
  // The guest starts and stops it; also when the machine is paused and goes on.
  void (*set_running) (void *stream, bool running);
  void (*write) (void *stream, const float *frames, unsigned n); // played
  void (*read) (void *stream, float *frames, unsigned n);        // recorded: fills all of it
  void (*close) (void *stream);
} VmAudioSinkOps;
