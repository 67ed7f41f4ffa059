// SPDX-License-Identifier: GPL-3.0-or-later
// Held keys and the release combination, as scripts of presses ('+') and releases ('-').
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <linux/input-event-codes.h>

#include "display/keys.h"

#define MAX_STEPS 12

typedef struct Step {
  char what; // + press, - release
  unsigned code;
  bool sent;     // the guest hears of it
  bool released; // the combination was completed
} Step;

typedef struct Script {
  const char *name;
  Step steps[MAX_STEPS];
} Script;

static const Script scripts[] = {
    {"a repeated key is sent once",
     {{'+', KEY_A, true},
      {'+', KEY_A, false},
      {'+', KEY_A, false},
      {'-', KEY_A, true},
      {'-', KEY_A, false}}},
    {"Ctrl and Alt release",
     {{'+', KEY_LEFTCTRL, true},
      {'+', KEY_LEFTALT, true},
      {'-', KEY_LEFTALT, true, true},
      {'-', KEY_LEFTCTRL, true}}},
    {"the other order and the right-hand keys release",
     {{'+', KEY_RIGHTALT, true}, {'+', KEY_RIGHTCTRL, true}, {'-', KEY_RIGHTALT, true, true}}},
    {"a repetition does not disarm",
     {{'+', KEY_LEFTCTRL, true},
      {'+', KEY_LEFTALT, true},
      {'+', KEY_LEFTALT, false},
      {'-', KEY_LEFTCTRL, true, true}}},
    {"Ctrl+Alt+Del is the guest's",
     {{'+', KEY_LEFTCTRL, true},
      {'+', KEY_LEFTALT, true},
      {'+', KEY_DELETE, true},
      {'-', KEY_DELETE, true},
      {'-', KEY_LEFTALT, true},
      {'-', KEY_LEFTCTRL, true}}},
    {"a key held before is no combination",
     {{'+', KEY_A, true},
      {'+', KEY_LEFTCTRL, true},
      {'+', KEY_LEFTALT, true},
      {'-', KEY_LEFTALT, true},
      {'-', KEY_LEFTCTRL, true}}},
    {"one key is none", {{'+', KEY_LEFTCTRL, true}, {'-', KEY_LEFTCTRL, true}}},
    {"two Ctrls are none",
     {{'+', KEY_LEFTCTRL, true}, {'+', KEY_RIGHTCTRL, true}, {'-', KEY_LEFTCTRL, true}}},
    {"codes out of range are nobody's", {{'+', DISPLAY_KEYS_MAX, false}, {'-', ~0u, false}}},
};

static void
run_script (const Script *script)
{
  DisplayKeys keys = {0};

  for (const Step *step = script->steps; step->what; step++) {
    bool released = false;
    bool sent = step->what == '+' ? display_keys_press (&keys, step->code)
                                  : display_keys_release (&keys, step->code, &released);
    if (sent != step->sent || released != step->released)
      fail_msg ("%s: step %d", script->name, (int) (step - script->steps));
  }
}

static void
test_scripts (void **state)
{
  for (unsigned i = 0; i < sizeof scripts / sizeof *scripts; i++)
    run_script (&scripts[i]);
}

// What is held when the focus leaves comes out, each once, and nothing stays armed.
static void
test_take (void **state)
{
  static const unsigned held[] = {KEY_ESC, KEY_LEFTCTRL, KEY_LEFTALT, BTN_LEFT,
                                  DISPLAY_KEYS_MAX - 1};
  DisplayKeys keys = {0};
  bool released;

  for (unsigned i = 0; i < sizeof held / sizeof *held; i++)
    display_keys_press (&keys, held[i]);
  for (unsigned n = sizeof held / sizeof *held; n > 0; n--) {
    int code = display_keys_take (&keys);
    assert_true (code > 0);
    assert_false (display_keys_release (&keys, (unsigned) code, &released));
  }
  assert_int_equal (display_keys_take (&keys), -1);
  assert_int_equal (keys.n_down, 0);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_scripts),
      cmocka_unit_test (test_take),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
