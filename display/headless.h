// SPDX-License-Identifier: GPL-3.0-or-later
// A display nobody looks at, for tests and command lines: a sink that keeps the newest frame and
// cursor and lets another thread wait for what it wants to see. No GTK.
#pragma once

#include "engine/api/vm.h"

typedef struct DisplayHeadless DisplayHeadless;

DisplayHeadless *display_headless_new (void);
// After the machine's run. NULL is fine.
void display_headless_free (DisplayHeadless *headless);

// To be given to vm_machine_set_display_sink with the headless as the sink.
extern const VmDisplaySinkOps display_headless_sink_ops;

// Any thread. The newest frame and cursor (the caller unrefs), NULL when there is none.
VmFrame *display_headless_dup_frame (DisplayHeadless *headless);
VmFrame *display_headless_dup_cursor (DisplayHeadless *headless, int *hot_x, int *hot_y);
void display_headless_get_pointer (DisplayHeadless *headless, int *x, int *y);
unsigned display_headless_count_frames (DisplayHeadless *headless);

// Waits until `wanted` holds for a frame (the newest is offered at once, then each new one), at
// most `timeout_ms`. False: the time ran out.
bool display_headless_wait (DisplayHeadless *headless, bool (*wanted) (VmFrame *frame, void *data),
                            void *data, unsigned timeout_ms);

// Writes a frame as a binary portable pixmap.
bool display_headless_write_ppm (VmFrame *frame, const char *path, GError **error);
