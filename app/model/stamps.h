// SPDX-License-Identifier: GPL-3.0-or-later
// What tells whether a machine's disks are as they were: size and time of the last change of every
// file they are made of, those they are based on included. Any thread that may wait.
#pragma once

#include <json-glib/json-glib.h>

#include "engine/api/vm.h"

// An array with an entry per disk. What was written is on stable storage, so that the times stay.
JsonArray *stamps_take (const VmConfig *config, GError **error);
// False with an error that names the disk that has changed. The array is not trusted.
bool stamps_match (JsonArray *stamps, const VmConfig *config, GError **error);

// The files a disk is made of, itself first. NULL with an error.
GPtrArray *stamps_list_files (const VmDiskConfig *disk, GError **error);

// Whether two names lead to one file.
bool stamps_is_same_file (const char *one, const char *other);
