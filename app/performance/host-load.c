// SPDX-License-Identifier: GPL-3.0-or-later
// What the computer does and has: proc(5). Any thread.
#include <string.h>
#include <unistd.h>

#include "app/performance/samples.h"

// "cpu  user nice system idle iowait irq softirq steal guest guest_nice", in ticks; the last two are
// part of the first.
static void
parse_stat (HostLoad *load, const char *stat)
{
  uint64_t ticks[8] = {0};
  long per_second = sysconf (_SC_CLK_TCK);
  const char *at = stat + strlen ("cpu");

  if (!g_str_has_prefix (stat, "cpu ") || per_second <= 0)
    return;
  for (unsigned i = 0; i < G_N_ELEMENTS (ticks); i++) {
    char *end;

    ticks[i] = g_ascii_strtoull (at, &end, 10);
    if (end == at)
      return;
    at = end;
  }
  uint64_t busy = ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6] + ticks[7];
  load->busy_seconds = (double) busy / (double) per_second;
  // All there are, not those that this process may use.
  while ((at = strstr (at, "\ncpu")) != NULL) {
    load->cpus++;
    at += strlen ("\ncpu");
  }
}

static uint64_t
find_kib (const char *meminfo, const char *name)
{
  const char *at = strstr (meminfo, name);

  return at != NULL ? g_ascii_strtoull (at + strlen (name), NULL, 10) : 0;
}

void
host_load_parse (HostLoad *load, const char *stat, const char *meminfo)
{
  *load = (HostLoad){
      .memory_bytes = find_kib (meminfo, "MemTotal:") << 10,
      .available_bytes = find_kib (meminfo, "MemAvailable:") << 10,
  };
  parse_stat (load, stat);
}

void
host_load_read (HostLoad *load)
{
  g_autofree char *stat = NULL, *meminfo = NULL;

  *load = (HostLoad){0};
  if (g_file_get_contents ("/proc/stat", &stat, NULL, NULL) &&
      g_file_get_contents ("/proc/meminfo", &meminfo, NULL, NULL))
    host_load_parse (load, stat, meminfo);
}
