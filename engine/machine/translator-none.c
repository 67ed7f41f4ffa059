// SPDX-License-Identifier: GPL-3.0-or-later
// Computers for which there is no translator: the interpreter runs everything.
#include "engine/machine/translator.h"

const JitHostOps *
machine_translator (void)
{
  return NULL;
}
