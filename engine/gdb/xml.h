// SPDX-License-Identifier: GPL-3.0-or-later
// The target description (gdb manual, "Target Descriptions") of a guest CPU. Pure.
#pragma once

#include "engine/vm/guest.h"

// Without the features whose bits are set in `absent`.
GString *gdb_target_xml (const GuestDebugOps *debug, uint32_t absent);
