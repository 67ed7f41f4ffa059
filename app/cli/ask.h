// SPDX-License-Identifier: GPL-3.0-or-later
// Something long that a running machine is asked for: saving it, taking a snapshot. Main thread.
#pragma once

#include <json-glib/json-glib.h>
#include <stdbool.h>

// As control_call; meanwhile progress is shown on a terminal unless `quiet`, and signals that end a
// process cancel what was asked for: then, too, the machine's answer is waited for.
JsonObject *ask_run (const char *uuid, JsonObject *request, bool quiet, GError **error);
