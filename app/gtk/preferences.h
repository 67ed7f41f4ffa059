// SPDX-License-Identifier: GPL-3.0-or-later
// What the application remembers from one start to the next: the settings of its GSettings schema,
// from beside the executable (the build tree), else from where it is installed. Main thread.
#pragma once

#include "app/compat.h"

// NULL: there is no such schema; nothing is remembered, and all of the following know that.
GSettings *preferences_new (void);

// True at the first start only.
bool preferences_take_first_start (GSettings *settings);

// A window's, of the library (machine "") or while a machine is shown (its uuid).
typedef struct WindowShape {
  int width, height; // when it is not maximized
  bool maximized;
} WindowShape;

// False: it is not known.
bool preferences_get_shape (GSettings *settings, const char *machine, WindowShape *shape);
void preferences_set_shape (GSettings *settings, const char *machine, const WindowShape *shape);

// What the window showed last: a machine's uuid, or "" for the library.
char *preferences_dup_page (GSettings *settings);
void preferences_set_page (GSettings *settings, const char *machine);
