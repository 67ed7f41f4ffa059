// SPDX-License-Identifier: GPL-3.0-or-later
// `terrarium snapshot take|list|restore|delete|rename|clone`; as in machines.h.
#pragma once

int cli_snapshot (int argc, char **argv);
