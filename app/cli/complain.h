// SPDX-License-Identifier: GPL-3.0-or-later
// How the command line says that something went wrong: one line on stderr and an exit status, the
// same for all commands. Any thread.
#pragma once

enum {
  CLI_OK = 0,
  CLI_FAILED = 1, // it was understood but could not be done
  CLI_USAGE = 2,  // the command line itself is wrong
};

// What others have written, for a terminal: control characters and what is no text become visible
// (g_free).
char *cli_dup_printable (const char *text);

// "terrarium: SENTENCE"; a full stop is added where there is none. Returns CLI_FAILED.
int cli_fail (const char *sentence);
// "terrarium COMMAND: SENTENCE", without COMMAND when it is NULL. Returns CLI_USAGE.
int cli_fail_usage (const char *command, const char *sentence);
