// SPDX-License-Identifier: GPL-3.0-or-later
// The x86-64 encoder: writes machine code into a buffer of the caller's, without allocation or
// state of its own. It knows encodings and picks the shortest; it knows nothing about guests.
// Thread: whoever owns the buffer. Intel SDM volume 2.
#pragma once

#include "engine/host/x86_64/asm-bmi.h"
#include "engine/host/x86_64/asm-core.h"
#include "engine/host/x86_64/asm-int.h"
#include "engine/host/x86_64/asm-jump.h"
#include "engine/host/x86_64/asm-vec.h"
