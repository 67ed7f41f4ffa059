// SPDX-License-Identifier: GPL-3.0-or-later
// terrarium image create|info|check|convert|resize|map: disk images as files.
#pragma once

int cli_image (int argc, char **argv);
