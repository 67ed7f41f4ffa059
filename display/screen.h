// SPDX-License-Identifier: GPL-3.0-or-later
// What a machine shows, for the main thread: the newest picture and cursor, fed through the
// mailbox by the display sink. Widgets and thumbnails watch it; it outlives all of them and the
// machine's run.
#pragma once

#include <gdk/gdk.h>

#include "engine/api/vm.h"

#define DISPLAY_TYPE_SCREEN (display_screen_get_type ())
G_DECLARE_FINAL_TYPE (DisplayScreen, display_screen, DISPLAY, SCREEN, GObject)

// Signals: "changed" (const VmRect *damage; NULL: the output went off or came on), "cursor-changed".
DisplayScreen *display_screen_new (void);

// To be given to vm_machine_set_display_sink with the screen as the sink.
extern const VmDisplaySinkOps display_screen_sink_ops;

// All borrowed; NULL when there is none.
VmFrame *display_screen_get_frame (DisplayScreen *screen);
VmFrame *display_screen_get_cursor (DisplayScreen *screen, int *hot_x, int *hot_y);
// Whether the guest draws its own pointer with the cursor plane (it may have hidden it).
bool display_screen_has_cursor_plane (DisplayScreen *screen);

// Forgets everything shown: the machine is over.
void display_screen_reset (DisplayScreen *screen);

// A copy scaled down to fit, for cards and files; NULL when nothing is shown.
GdkTexture *display_screen_make_texture (DisplayScreen *screen, int max_width, int max_height);
