// SPDX-License-Identifier: GPL-3.0-or-later
// What the host can give.
//
// Threads: any.
#include <unistd.h>

#include "engine/api/vm.h"

unsigned
vm_host_get_cpus (void)
{
  return g_get_num_processors ();
}

uint64_t
vm_host_get_memory_bytes (void)
{
  long pages = sysconf (_SC_PHYS_PAGES), page_bytes = sysconf (_SC_PAGESIZE);

  return pages > 0 && page_bytes > 0 ? (uint64_t) pages * (uint64_t) page_bytes : 0;
}
