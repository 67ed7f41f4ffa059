// SPDX-License-Identifier: GPL-3.0-or-later
// The language of the program. Main thread, once, before anything is said.
#pragma once

// The user's locale, and translations from beside the executable (the build tree), else from where
// they are installed.
void language_init (void);
