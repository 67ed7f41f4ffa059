// SPDX-License-Identifier: GPL-3.0-or-later
// The figures of one translator as text. Any thread, while they do not change.
#include "engine/jit/jit.h"

static double
per (double sum, uint64_t n)
{
  return n != 0 ? sum / (double) n : 0;
}

void
jit_format_stats (const JitStats *stats, GString *out)
{
  const struct {
    const char *name;
    uint64_t value;
  } figures[] = {
      {"regions", stats->regions},
      {"insns", stats->insns},
      {"code_made", stats->code_made},
      {"code_bytes", stats->code_bytes},
      {"evictions", stats->evictions},
      {"evicted", stats->evicted},
      {"spared", stats->spared},
      {"remade", stats->remade},
      {"gone_bytes", stats->gone_bytes},
      {"marked", stats->marked},
      {"revalidated", stats->revalidated},
      {"changed", stats->changed},
      {"links", stats->links},
      {"unlinks", stats->unlinks},
      {"finds", stats->finds},
      {"entries", stats->entries},
  };

  for (unsigned i = 0; i < G_N_ELEMENTS (figures); i++)
    g_string_append_printf (out, "%s=%" G_GUINT64_FORMAT " ", figures[i].name, figures[i].value);
  g_string_append_printf (out, "ns_per_insn=%.0f bytes_per_guest_byte=%.2f insns_per_region=%.1f",
                          per ((double) stats->translate_ns, stats->insns),
                          per ((double) stats->code_made, 4 * stats->insns),
                          per ((double) stats->insns, stats->regions));
}
