// SPDX-License-Identifier: GPL-3.0-or-later
// The steps of a slider for sizes. Any thread.
#include "app/wizard/sizes.h"

#include <glib.h>

uint64_t
sizes_at (uint64_t first_bytes, unsigned step)
{
  uint64_t octave = first_bytes << (step / 2);

  return step % 2 == 0 ? octave : octave + octave / 2;
}

unsigned
sizes_last_step (uint64_t first_bytes, uint64_t limit_bytes)
{
  unsigned step = 0;

  while (sizes_at (first_bytes, step + 1) <= limit_bytes)
    step++;
  return step;
}

unsigned
sizes_step_above (uint64_t first_bytes, uint64_t bytes)
{
  return bytes < first_bytes ? 0 : sizes_last_step (first_bytes, bytes) + 1;
}

unsigned
sizes_step_from (uint64_t first_bytes, uint64_t bytes)
{
  return bytes == 0 ? 0 : sizes_step_above (first_bytes, bytes - 1);
}

char *
sizes_format (uint64_t bytes)
{
  uint64_t mib = bytes >> 20;

  if (mib < 1024)
    return g_strdup_printf ("%" G_GUINT64_FORMAT " MiB", mib);
  if (mib % 1024 == 0)
    return g_strdup_printf ("%" G_GUINT64_FORMAT " GiB", mib / 1024);
  return g_strdup_printf ("%.1f GiB", (double) mib / 1024);
}
