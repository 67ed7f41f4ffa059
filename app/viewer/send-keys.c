// SPDX-License-Identifier: GPL-3.0-or-later
// Key combinations a window system keeps for itself. One table makes the menu and what is sent.
#include "app/viewer/send-keys.h"

#include <glib/gi18n.h>
#include <linux/input-event-codes.h>

static const SendKeys combinations[] = {
    {"Ctrl+Alt+Del", {KEY_LEFTCTRL, KEY_LEFTALT, KEY_DELETE}},
    {"Ctrl+Alt+Backspace", {KEY_LEFTCTRL, KEY_LEFTALT, KEY_BACKSPACE}},
    {"Ctrl+Alt+F1", {KEY_LEFTCTRL, KEY_LEFTALT, KEY_F1}},
    {"Ctrl+Alt+F2", {KEY_LEFTCTRL, KEY_LEFTALT, KEY_F2}},
    {"Ctrl+Alt+F3", {KEY_LEFTCTRL, KEY_LEFTALT, KEY_F3}},
    {"Ctrl+Alt+F4", {KEY_LEFTCTRL, KEY_LEFTALT, KEY_F4}},
    {"Ctrl+Alt+F5", {KEY_LEFTCTRL, KEY_LEFTALT, KEY_F5}},
    {"Ctrl+Alt+F6", {KEY_LEFTCTRL, KEY_LEFTALT, KEY_F6}},
    {"Ctrl+Alt+F7", {KEY_LEFTCTRL, KEY_LEFTALT, KEY_F7}},
    {N_ ("Print Screen"), {KEY_SYSRQ}},
    {N_ ("Super"), {KEY_LEFTMETA}},
    {"Alt+Tab", {KEY_LEFTALT, KEY_TAB}},
    {"Alt+F4", {KEY_LEFTALT, KEY_F4}},
};

GMenuModel *
send_keys_make_menu (void)
{
  GMenu *menu = g_menu_new ();

  for (unsigned i = 0; i < G_N_ELEMENTS (combinations); i++) {
    g_autofree char *action = g_strdup_printf ("viewer.send-keys(%u)", i);
    g_menu_append (menu, _ (combinations[i].label), action);
  }
  return G_MENU_MODEL (menu);
}

const SendKeys *
send_keys_get (int position, size_t *n_codes)
{
  if (position < 0 || (size_t) position >= G_N_ELEMENTS (combinations))
    return NULL;
  const SendKeys *keys = &combinations[position];
  for (*n_codes = 0; *n_codes < SEND_KEYS_MAX && keys->codes[*n_codes] != 0;)
    ++*n_codes;
  return keys;
}
