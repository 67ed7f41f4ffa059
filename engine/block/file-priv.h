// SPDX-License-Identifier: GPL-3.0-or-later
// Between the parts of BlockFile.
#pragma once

#include "engine/block/file.h"

// NULL when the file is of another kind.
void *block_file_get_impl (const BlockFile *file, const BlockFileOps *ops);
// Who has this file locked, such as "terrarium, process 42"; NULL when that cannot be seen.
char *block_file_dup_owner (int fd);
