// SPDX-License-Identifier: GPL-3.0-or-later
// Key combinations a window system keeps for itself, as a menu. Main thread.
#pragma once

#include <gio/gio.h>
#include <stddef.h>

#define SEND_KEYS_MAX 4

typedef struct SendKeys {
  const char *label;
  unsigned codes[SEND_KEYS_MAX]; // evdev; 0 ends
} SendKeys;

// Items with the action "viewer.send-keys" and their position as an "i" target. Transfer full.
GMenuModel *send_keys_make_menu (void);
// NULL when out of range.
const SendKeys *send_keys_get (int position, size_t *n_codes);
