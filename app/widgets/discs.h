// SPDX-License-Identifier: GPL-3.0-or-later
// Another disc in a machine's drive, as a person chooses it: the file chooser, and the question if the
// guest is using what is there. Main thread.
#pragma once

#include "app/compat.h"
#include "app/model/machine.h"

// `owner` is as it was given; `error` NULL: what lies in the drive may be another disc now.
typedef void (*TerrariumDiscDone) (GtkWidget *owner, const char *error);

// `owner` lies in the window that asks, and is kept until the end. `path` NULL: out with what is there.
void terrarium_change_disc (GtkWidget *owner, TerrariumMachine *machine, unsigned drive,
                            const char *path, TerrariumDiscDone done);
void terrarium_choose_disc (GtkWidget *owner, TerrariumMachine *machine, unsigned drive,
                            TerrariumDiscDone done);
