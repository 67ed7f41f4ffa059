// SPDX-License-Identifier: GPL-3.0-or-later
// The subcommand that runs a machine described by options.
#pragma once

// Returns the exit status: 0 when the guest powered off, 1 otherwise (one line on stderr), 2 for
// wrong usage, 128 + n after signal n.
int cli_run (int argc, char **argv);
