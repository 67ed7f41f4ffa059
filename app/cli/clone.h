// SPDX-License-Identifier: GPL-3.0-or-later
// terrarium clone and rename: another machine out of one, another name for it. Main thread.
#pragma once

int cli_clone (int argc, char **argv);
int cli_rename (int argc, char **argv);
