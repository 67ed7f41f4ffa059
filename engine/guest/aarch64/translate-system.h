// SPDX-License-Identifier: GPL-3.0-or-later
// What forming a region needs to know of system instructions.
#pragma once

#include "engine/guest/aarch64/decode.h"
#include "engine/guest/aarch64/translate-emit.h"

// Of an MSR: it does not end the region as the decode table says.
bool a64_translate_goes_on (const A64TranslateKey *key, const A64Op *op);
