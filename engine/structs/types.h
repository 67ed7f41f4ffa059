// SPDX-License-Identifier: GPL-3.0-or-later
// Basic types every engine folder shares.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A guest physical address, in bytes.
typedef uint64_t GuestAddr;

// A guest virtual address, in bytes, as the guest's instruction formed it (tag bits included).
typedef uint64_t GuestVaddr;

#define KIB(n) ((uint64_t) (n) << 10)
#define MIB(n) ((uint64_t) (n) << 20)
#define GIB(n) ((uint64_t) (n) << 30)
