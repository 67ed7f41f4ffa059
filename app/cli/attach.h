// SPDX-License-Identifier: GPL-3.0-or-later
// terrarium attach|detach: devices in the hot-plug slots of machines kept on disk.
#pragma once

// argv[0] is the subcommand's name. Both return the exit status.
int cli_attach (int argc, char **argv);
int cli_detach (int argc, char **argv);
