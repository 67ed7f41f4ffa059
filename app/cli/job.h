// SPDX-License-Identifier: GPL-3.0-or-later
// A long command: its progress on a terminal, Ctrl-C ends it cleanly. Main thread.
#pragma once

#include <stdbool.h>

#include "engine/api/vm-image.h"

typedef bool (*JobWork) (void *data, const VmImageJob *job, GError **error);

// Runs `work` on a thread of its own and waits for it. Signals that end a process cancel it.
bool job_run (JobWork work, void *data, bool quiet, GError **error);

// The work's thread, for what tells how far it is by a BundleProgress: `data` is the job.
void job_tell (double done, void *data);
