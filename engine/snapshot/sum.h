// SPDX-License-Identifier: GPL-3.0-or-later
// A checksum as fast as memory, over many bytes at once: it finds damage, not malice. Every step
// can be undone, so that one changed word always changes the sum.
//
// Threads: any; also in a process that has just been forked.
#pragma once

#include <stddef.h>
#include <stdint.h>

// `length` is a multiple of 64. Never 0.
uint64_t state_sum (const void *data, size_t length);
