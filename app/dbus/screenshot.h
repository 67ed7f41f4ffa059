// SPDX-License-Identifier: GPL-3.0-or-later
// A picture of what a machine shows, for somebody else's file. Main thread; it is made and written on
// a worker.
#pragma once

#include "display/screen.h"

// NULL: nothing is shown.
GdkTexture *screenshot_take (DisplayScreen *screen);

// A PNG into a file or a pipe, which is taken: what is neither, or not open for writing, is refused
// (G_IO_ERROR_INVALID_ARGUMENT). Somebody who does not read is not waited for longer than a while.
void screenshot_write_async (GdkTexture *texture, int take_fd, GAsyncReadyCallback callback,
                             void *user_data);
bool screenshot_write_finish (GAsyncResult *result, unsigned *width, unsigned *height,
                              GError **error);
