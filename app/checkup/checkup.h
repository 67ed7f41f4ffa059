// SPDX-License-Identifier: GPL-3.0-or-later
// What this computer has of what machines want, in a window of its own. Main thread; the computer is
// asked on a worker.
#pragma once

#include "app/compat.h"

void terrarium_show_checkup (GtkWindow *parent);
// Shows it only if there is a problem.
void terrarium_show_checkup_if_needed (GtkWindow *parent);
