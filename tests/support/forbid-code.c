// SPDX-License-Identifier: GPL-3.0-or-later
// forbid-code COMMAND...: runs a command on a host that forbids memory for generated code
// (forbid-code.h). Exit status 77: this cannot be played here.
#include <stdio.h>
#include <unistd.h>

#include "tests/support/forbid-code.h"

int
main (int argc, char **argv)
{
  if (argc < 2 || !forbid_code (true))
    return 77;
  execvp (argv[1], argv + 1);
  perror (argv[1]);
  return 127;
}
