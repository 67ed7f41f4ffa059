// SPDX-License-Identifier: GPL-3.0-or-later
// The subcommands about machines kept on disk. Each takes its arguments with argv[0] being the
// subcommand's name and returns the exit status: 0, 1 (it failed; one line on stderr), 2 (usage).
#pragma once

int cli_list (int argc, char **argv);
int cli_info (int argc, char **argv);
int cli_start (int argc, char **argv);
int cli_stop (int argc, char **argv);
int cli_pause (int argc, char **argv);
int cli_resume (int argc, char **argv);
int cli_save (int argc, char **argv);
int cli_restore (int argc, char **argv);

// Runs the machine in the folder argv[1] without a window until it ends: what `start` detaches. With
// "--fresh" as argv[2] not from its saved state.
// Prints "ok" once it runs.
int cli_serve (int argc, char **argv);
