// SPDX-License-Identifier: GPL-3.0-or-later
// The devices of a whole machine, through their registers and rings, with pauses, resets and the
// teardown in any state. Most inputs share a machine that is reset in between.
#include "tests/fuzz/machine.h"

enum {
  STEPS_MAX = 300,
  INPUTS_PER_MACHINE = 50,
};

static void
step (FuzzMachine *fm, FuzzInput *in)
{
  g_autoptr (GError) error = NULL;

  switch (fuzz_below (in, 100)) {
  case 0:
    if (!vm_reset (fm->vm, &error))
      g_error ("reset: %s", error->message);
    break;
  case 1:
    vm_pause (fm->vm);
    fuzz_machine_step (fm, in);
    vm_resume (fm->vm);
    break;
  default:
    fuzz_machine_step (fm, in);
    break;
  }
}

static FuzzMachine *
start (void)
{
  g_autoptr (GError) error = NULL;
  FuzzMachine *fm = fuzz_machine_new (2, FUZZ_PARKED);

  if (!vm_start (fm->vm, &error))
    g_error ("start: %s", error->message);
  return fm;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static FuzzMachine *fm;
  static unsigned used;
  g_autoptr (GError) error = NULL;
  FuzzInput in = {.data = data, .left = size};

  fuzz_make_warnings_fatal ();
  if (fm == NULL)
    fm = start ();
  for (unsigned i = 0; i < STEPS_MAX && in.left > 0; i++)
    step (fm, &in);
  if (++used % INPUTS_PER_MACHINE == 0)
    g_clear_pointer (&fm, fuzz_machine_free);
  else if (!vm_reset (fm->vm, &error))
    g_error ("reset: %s", error->message);
  return 0;
}
