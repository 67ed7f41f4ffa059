// SPDX-License-Identifier: GPL-3.0-or-later
// See system.h. Built without libosinfo: no system is known, so that the person chooses and names.
#include "app/medium/system.h"

SystemAdvice *
system_advise (const Medium *medium)
{
  return g_new0 (SystemAdvice, 1);
}
