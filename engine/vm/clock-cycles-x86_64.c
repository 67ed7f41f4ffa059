// SPDX-License-Identifier: GPL-3.0-or-later
// clock-cycles.h for x86-64: the time-stamp counter. Whether it is synchronous on all processors only
// the system knows, which uses it for its own clock then.
#include "engine/vm/clock-cycles.h"

#include <cpuid.h>
#include <glib.h>
#include <string.h>
#include <x86intrin.h>

enum {
  LEAF_POWER = 0x80000007,
  INVARIANT = 1u << 8,
};

static bool
is_system_clock (void)
{
  char *name = NULL;
  bool is = g_file_get_contents ("/sys/devices/system/clocksource/clocksource0/current_clocksource",
                                 &name, NULL, NULL) &&
            strcmp (name, "tsc\n") == 0;

  g_free (name);
  return is;
}

bool
clock_cycles_usable (void)
{
  unsigned a, b, c, d = 0;

  return __get_cpuid (LEAF_POWER, &a, &b, &c, &d) && (d & INVARIANT) && is_system_clock ();
}

uint64_t
clock_cycles (void)
{
  _mm_lfence ();
  return __rdtsc ();
}
