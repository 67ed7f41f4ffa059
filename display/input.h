// SPDX-License-Identifier: GPL-3.0-or-later
// Keyboard and pointer of a display widget, on their way to a machine. Main thread.
#pragma once

#include <gtk/gtk.h>

#include "display/transform.h"
#include "engine/api/vm.h"

typedef struct DisplayInput DisplayInput;

// `transform` is read at every event; `released` is called when Ctrl+Alt was pressed and let go,
// `grab_changed` when the keyboard went to the guest or came back. All outlive the input, which
// must be freed while the widget lives.
DisplayInput *display_input_new (GtkWidget *widget, const DisplayTransform *transform,
                                 void (*grab_changed) (GtkWidget *),
                                 void (*released) (GtkWidget *));
void display_input_free (DisplayInput *input);

// NULL: nobody listens. What the previous machine believed to be held is let go first.
void display_input_set_machine (DisplayInput *input, VmMachine *machine);
bool display_input_get_grabbed (const DisplayInput *input);
