// SPDX-License-Identifier: GPL-3.0-or-later
// What start.S calls in lib.c.
#pragma once

#include "el1.h"

void *memset (void *to, int value, unsigned long n);
void *memcpy (void *to, const void *from, unsigned long n);
void program_main (void);
void unexpected_trap (const Trap *t);
