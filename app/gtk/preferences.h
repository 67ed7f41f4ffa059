// SPDX-License-Identifier: GPL-3.0-or-later
// What the application remembers from one start to the next: the settings of its GSettings schema,
// from beside the executable (the build tree), else from where it is installed. Where there is no
// such schema nothing is remembered. Main thread.
#pragma once

#include "app/compat.h"

// True at the first start only.
bool preferences_take_first_start (void);
