// SPDX-License-Identifier: GPL-3.0-or-later
// The steps of a slider for sizes: powers of two and the halves between them. Pure; any thread.
#pragma once

#include <stdint.h>

// The size at step n >= 0 from `first_bytes`: first, 1.5 first, 2 first, 3 first, 4 first …
uint64_t sizes_at (uint64_t first_bytes, unsigned step);
// The last step that is not above `limit_bytes`; 0 when even the first is.
unsigned sizes_last_step (uint64_t first_bytes, uint64_t limit_bytes);
// The first step that is above `bytes`.
unsigned sizes_step_above (uint64_t first_bytes, uint64_t bytes);
// The first step that is not below `bytes`.
unsigned sizes_step_from (uint64_t first_bytes, uint64_t bytes);
// "512 MiB", "1.5 GiB". Owned by the caller (g_free).
char *sizes_format (uint64_t bytes);
