// SPDX-License-Identifier: GPL-3.0-or-later
// The translator's host on x86-64 computers.
#include "engine/host/x86_64/host.h"
#include "engine/machine/translator.h"

const JitHostOps *
machine_translator (void)
{
  return &x64_host_ops;
}
