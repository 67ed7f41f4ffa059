// SPDX-License-Identifier: GPL-3.0-or-later
// Between the parts of vm-image.h. Any thread.
#pragma once

#include "engine/api/vm-image.h"
#include "engine/block/image.h"

// A sentence about an errno value; false for the caller to return.
bool image_fail (GError **error, const char *path, int code);
// Tells how far it is; false: end. The job may be NULL.
bool image_step (const VmImageJob *job, double done);
