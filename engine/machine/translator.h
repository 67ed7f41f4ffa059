// SPDX-License-Identifier: GPL-3.0-or-later
// The host architecture's way to make code of uops; one file for each is chosen by meson.
#pragma once

#include "engine/jit/host.h"

// NULL: there is none for this kind of computer.
const JitHostOps *machine_translator (void);
