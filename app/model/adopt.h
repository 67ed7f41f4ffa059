// SPDX-License-Identifier: GPL-3.0-or-later
// Machines that are kept elsewhere: they stay there, and a link below the root leads to them, so that
// the window and the command line find them. GLib only; waits for disks: on a worker.
#pragma once

#include "app/model/bundle.h"

// Whether a file that a person opens is a machine: its folder, or the machine.json in it.
bool adopt_is_machine (const char *path);

// Makes the machine at `path` (as above) one of those below root, unless it is one; gives the name of
// its folder there (g_free), or NULL. Nothing at `path` is changed. Without `agreed`, one that would give
// its system files from outside its folder, or that somebody else can change, is refused with
// BUNDLE_ERROR_DOUBT: it may come from anywhere.
char *adopt_machine (const char *root, const char *path, bool agreed, GError **error);
