// SPDX-License-Identifier: GPL-3.0-or-later
// The host's pointer in the guest's shape. Main thread.
#pragma once

#include <gdk/gdk.h>

#include "engine/api/vm.h"

// `scale`: logical pixels per guest pixel. A NULL or fully transparent cursor hides the pointer.
GdkCursor *display_cursor_new (VmFrame *cursor, int hot_x, int hot_y, double scale);
