// SPDX-License-Identifier: GPL-3.0-or-later
// Text for a machine, as if a person typed it: on a keyboard with the American layout. Main thread.
#pragma once

#include "engine/api/vm.h"

enum { TYPING_MAX = 4096 }; // characters at once

// The key for a character (evdev code). False: there is none.
bool typing_find_key (gunichar c, unsigned *code, bool *shift);

// Text that has a character without a key, or too many, is refused (G_IO_ERROR_INVALID_ARGUMENT) before
// anything is typed; what is typed is not faster than a guest can read. One text at a time.
void typing_async (VmMachine *machine, const char *text, GAsyncReadyCallback callback,
                   void *user_data);
bool typing_finish (VmMachine *machine, GAsyncResult *result, GError **error);
