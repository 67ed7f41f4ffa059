// SPDX-License-Identifier: GPL-3.0-or-later
// Book-keeping of held keys and the release combination. Main thread.
#include "display/keys.h"

#include <linux/input-event-codes.h>

static bool
is_down (const DisplayKeys *keys, unsigned code)
{
  return keys->down[code / 32] >> (code % 32) & 1;
}

static void
set_down (DisplayKeys *keys, unsigned code, bool down)
{
  uint32_t bit = UINT32_C (1) << (code % 32);

  if (down) {
    keys->down[code / 32] |= bit;
    keys->n_down++;
  } else {
    keys->down[code / 32] &= ~bit;
    keys->n_down--;
  }
}

static bool
is_combination_key (unsigned code)
{
  return code == KEY_LEFTCTRL || code == KEY_RIGHTCTRL || code == KEY_LEFTALT ||
         code == KEY_RIGHTALT;
}

// AltGr alone (right Alt with a left Ctrl invented by no one here) must not release, so two keys
// have to be held, one of each kind, and nothing else.
static bool
is_combination (const DisplayKeys *keys)
{
  bool ctrl = is_down (keys, KEY_LEFTCTRL) || is_down (keys, KEY_RIGHTCTRL);
  bool alt = is_down (keys, KEY_LEFTALT) || is_down (keys, KEY_RIGHTALT);

  return keys->n_down == 2 && ctrl && alt;
}

bool
display_keys_press (DisplayKeys *keys, unsigned code)
{
  if (code >= DISPLAY_KEYS_MAX || is_down (keys, code))
    return false;
  set_down (keys, code, true);
  keys->armed = is_combination_key (code) && is_combination (keys);
  return true;
}

bool
display_keys_release (DisplayKeys *keys, unsigned code, bool *released)
{
  *released = false;
  if (code >= DISPLAY_KEYS_MAX || !is_down (keys, code))
    return false;
  set_down (keys, code, false);
  if (keys->armed) {
    *released = is_combination_key (code);
    keys->armed = false;
  }
  return true;
}

int
display_keys_take (DisplayKeys *keys)
{
  keys->armed = false;
  for (unsigned word = 0; keys->n_down > 0 && word < DISPLAY_KEYS_MAX / 32; word++) {
    if (keys->down[word] == 0)
      continue;
    unsigned code = word * 32 + (unsigned) __builtin_ctz (keys->down[word]);
    set_down (keys, code, false);
    return (int) code;
  }
  return -1;
}
