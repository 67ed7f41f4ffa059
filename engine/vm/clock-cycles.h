// SPDX-License-Identifier: GPL-3.0-or-later
// The host's cycle counter, where it is good for telling the time: it goes at one rate, always, and
// is the same on all processors. Any thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

bool clock_cycles_usable (void);
// Not before anything the program did before.
uint64_t clock_cycles (void);
