// SPDX-License-Identifier: GPL-3.0-or-later
// Which keys and buttons the guest believes are down, so that none stays stuck when the focus
// leaves, and the release combination: Ctrl and Alt pressed together and let go with no other key
// in between. Plain data; main thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define DISPLAY_KEYS_MAX 768 // KEY_CNT of linux/input-event-codes.h

typedef struct DisplayKeys {
  uint32_t down[DISPLAY_KEYS_MAX / 32];
  unsigned n_down;
  bool armed; // Ctrl and Alt are down and nothing else was pressed since
} DisplayKeys;

// True when the guest has to hear of it: not for the repetitions of a held key.
bool display_keys_press (DisplayKeys *keys, unsigned code);
// True when the guest has to hear of it; *released tells that the combination was completed.
bool display_keys_release (DisplayKeys *keys, unsigned code, bool *released);
// Takes one held key out; -1 when none is left.
int display_keys_take (DisplayKeys *keys);
