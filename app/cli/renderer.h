// SPDX-License-Identifier: GPL-3.0-or-later
// terrarium renderer, which no help names: prints what draws with OpenGL in this session, for the
// process that checks the computer (app/model/host-facts.c). Main thread.
#pragma once

// This program, also when another one has taken the place of its file.
#define CLI_RENDERER_PROGRAM "/proc/self/exe"

int cli_renderer (int argc, char **argv);
