// SPDX-License-Identifier: GPL-3.0-or-later
// TerrariumDisplay: shows a machine's screen and sends it keyboard and pointer. Main thread.
#pragma once

#include <gtk/gtk.h>

#include "display/screen.h"
#include "engine/api/vm.h"

#define TERRARIUM_TYPE_DISPLAY (terrarium_display_get_type ())
G_DECLARE_FINAL_TYPE (TerrariumDisplay, terrarium_display, TERRARIUM, DISPLAY, GtkGLArea)

// Property "grabbed" (read): the keyboard belongs to the guest. Signal "released": the person
// pressed Ctrl+Alt; the focus should go elsewhere.
GtkWidget *terrarium_display_new (void);

// Both may be NULL; the widget holds references.
void terrarium_display_set_screen (TerrariumDisplay *display, DisplayScreen *screen);
void terrarium_display_set_machine (TerrariumDisplay *display, VmMachine *machine);
gboolean terrarium_display_get_grabbed (TerrariumDisplay *display);

// Presses the keys in order and lets them go in reverse.
void terrarium_display_send_keys (TerrariumDisplay *display, const unsigned *evdev_codes,
                                  size_t n_codes);
