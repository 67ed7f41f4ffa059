// SPDX-License-Identifier: GPL-3.0-or-later
// terrarium memory: how much of its memory a running machine is to make do with.
#pragma once

// argv[0] is "memory". Returns the exit status.
int cli_memory (int argc, char **argv);
