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

char *
cli_dup_printable (const char *text)
{
  GString *out = g_string_new (NULL);

  for (const char *at = text; *at != '\0';) {
    gunichar c = g_utf8_get_char_validated (at, -1);
    if (c >= (gunichar) -2) {
      g_string_append_printf (out, "\\x%02x", (unsigned char) *at++);
      continue;
    }
    // Marks that turn the direction of text are not seen, but what they do is.
    if (g_unichar_iscntrl (c) || g_unichar_type (c) == G_UNICODE_FORMAT)
      g_string_append_printf (out, "\\u%04x", c);
    else
      g_string_append_unichar (out, c);
    at = g_utf8_next_char (at);
  }
  return g_string_free (out, FALSE);
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
