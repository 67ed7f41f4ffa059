// SPDX-License-Identifier: GPL-3.0-or-later
// Draws a frame with OpenGL 3.2 core or OpenGL ES 3.0. Main thread, with the context current.
#pragma once

#include "display/transform.h"
#include "engine/api/vm.h"

typedef struct DisplayRenderer DisplayRenderer;

// `es`: the context is OpenGL ES.
DisplayRenderer *display_renderer_new (bool es, GError **error);
// NULL is fine.
void display_renderer_free (DisplayRenderer *renderer);

// Copies the damaged part (all of it when the size is new) to the texture.
void display_renderer_upload (DisplayRenderer *renderer, VmFrame *frame, const VmRect *damage);
// Fills the current framebuffer: black, and the uploaded picture where the transform says.
void display_renderer_draw (DisplayRenderer *renderer, const DisplayTransform *transform);
