// SPDX-License-Identifier: GPL-3.0-or-later
// Failures on the command line; see complain.h. Any thread.
#include "app/cli/complain.h"

#include <glib/gi18n.h>

// Messages of libraries come without a full stop.
static const char *
get_end (const char *sentence)
{
  // Ends a sentence.
  const char *full_stop = _ (".");

  return g_str_has_suffix (sentence, ".") || g_str_has_suffix (sentence, full_stop) ? ""
                                                                                    : full_stop;
}

int
cli_fail (const char *sentence)
{
  g_printerr ("terrarium: %s%s\n", sentence, get_end (sentence));
  return CLI_FAILED;
}

int
cli_fail_usage (const char *command, const char *sentence)
{
  if (command == NULL)
    cli_fail (sentence);
  else
    g_printerr ("terrarium %s: %s%s\n", command, sentence, get_end (sentence));
  return CLI_USAGE;
}
