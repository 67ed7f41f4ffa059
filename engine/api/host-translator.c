// SPDX-License-Identifier: GPL-3.0-or-later
// Whether machines are translated on this computer; see vm.h. Apart from host.c, since it needs the
// translator.
//
// Threads: any.
#include "engine/api/vm.h"
#include "engine/machine/translator.h"

bool
vm_host_can_translate (const char **lacks)
{
  const JitHostOps *host = machine_translator ();

  *lacks = host != NULL ? host->unsupported () : NULL;
  return host != NULL && *lacks == NULL;
}
