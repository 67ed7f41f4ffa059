// SPDX-License-Identifier: GPL-3.0-or-later
// The adapter's output: makes the pictures a display sink gets, from what the guest flushes.
//
// Threads: the I/O thread under the device's lock, unless said otherwise; the sink is called from
// here.
#pragma once

#include "engine/snapshot/state.h"
#include "engine/structs/frame.h"
#include "engine/virtio/gpu/resource.h"

enum {
  GPU_SCREEN_FRAMES = 3, // one shown, one waiting, one being filled
  GPU_CURSOR_SIZE_MAX = 512,
};

// A picture that is filled again when the sink has let go of it: only what changed since.
typedef struct GpuPooledFrame {
  VmFrame *frame; // NULL: not made yet
  VmRect stale;   // differs from the scanout; width 0: nothing
} GpuPooledFrame;

typedef struct GpuScreen {
  const VmDisplaySinkOps *ops; // may be NULL
  void *sink;
  uint32_t resource_id; // 0: switched off
  VmRect rect;          // of the resource, that is shown
  GpuPooledFrame frames[GPU_SCREEN_FRAMES];
  unsigned last;  // the frame presented last
  VmRect changed; // since the last present; width 0: nothing
  bool was_reset; // and the sink does not know

  VmFrame *cursor; // NULL: hidden
  int hot_x, hot_y, cursor_x, cursor_y;
} GpuScreen;

void gpu_screen_init (GpuScreen *screen, const VmDisplaySinkOps *ops, void *sink);
void gpu_screen_clear (GpuScreen *screen); // frees; says nothing to the sink
// Switches the output off and hides the cursor. Any thread: the sink learns of it by the next
// gpu_screen_tell, which the I/O thread calls before anything else below.
void gpu_screen_reset (GpuScreen *screen);
void gpu_screen_tell (GpuScreen *screen);

// Shows a part of a resource from the next flush on. rect is inside.
void gpu_screen_set_scanout (GpuScreen *screen, const GpuResource *resource, const GpuRect *rect);
void gpu_screen_disable (GpuScreen *screen);
// A rectangle of a resource changed for the viewer; ignored when it is not shown.
void gpu_screen_flush (GpuScreen *screen, const GpuResource *resource, const GpuRect *rect);

// resource NULL hides it. False: its size is not one of a cursor.
bool gpu_screen_set_cursor (GpuScreen *screen, const GpuResource *resource, uint32_t hot_x,
                            uint32_t hot_y);
void gpu_screen_move_cursor (GpuScreen *screen, uint32_t x, uint32_t y);

void gpu_screen_save (const GpuScreen *screen, StateWriter *writer);
// After the resources; shows what it found. False: damaged.
bool gpu_screen_load (GpuScreen *screen, const GpuResources *resources, StateReader *reader);
