// SPDX-License-Identifier: GPL-3.0-or-later
// Making of the pictures that sinks get: for display devices only.
//
// Threads: whoever made a frame writes its pixels until it hands it out; from then on they are
// constant as long as anybody else holds a reference. References are atomic, of any thread.
#pragma once

#include <stdbool.h>

#include "engine/structs/sink.h"

// Pixels are not initialised. width and height are 1..16384. NULL when there is no memory.
VmFrame *vm_frame_new (unsigned width, unsigned height);
// True when the caller's reference is the only one: nobody sees the pixels change.
bool vm_frame_is_unique (const VmFrame *frame);
uint8_t *vm_frame_get_writable_pixels (VmFrame *frame);
