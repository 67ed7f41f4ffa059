// SPDX-License-Identifier: GPL-3.0-or-later
// terrarium doctor [--json]: what this computer has of what machines want. Main thread, without a
// main loop. Returns 1 when there is a problem (checks.h).
#pragma once

int cli_doctor (int argc, char **argv);
