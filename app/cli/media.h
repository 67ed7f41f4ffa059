// SPDX-License-Identifier: GPL-3.0-or-later
// terrarium media: what lies in the drives of machines kept on disk.
#pragma once

// argv[0] is "media". Returns the exit status.
int cli_media (int argc, char **argv);
