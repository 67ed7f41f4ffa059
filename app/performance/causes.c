// SPDX-License-Identifier: GPL-3.0-or-later
// "Why is it slow?": from the averages of the last seconds to sentences with a remedy.
#include <glib/gi18n.h>

#include "app/performance/samples.h"

enum {
  SECONDS = 10,    // looked at
  SECONDS_MIN = 5, // before that nothing is said of loads
};

typedef struct Averages {
  double cpu; // of the machine's CPUs, 0..1 of what they could be
  double others, host_available, guest_available; // shares; the last negative: unknown
} Averages;

static void
cause_free (Cause *cause)
{
  g_free (cause->text);
  g_free (cause->remedy);
  g_free (cause);
}

static void
add (GPtrArray *causes, const char *text, const char *remedy)
{
  Cause *cause = g_new (Cause, 1);

  *cause = (Cause){g_strdup (text), g_strdup (remedy)};
  g_ptr_array_add (causes, cause);
}

static bool
average (const Samples *samples, Averages *averages)
{
  guint n = samples->samples->len;
  guint from = n > SECONDS ? n - SECONDS : 0;
  const Sample *last = samples_get_last (samples);

  *averages = (Averages){.guest_available = -1};
  if (n < SECONDS_MIN || samples->n_cpus == 0)
    return false;
  for (guint i = from; i < n; i++) {
    const Sample *sample = &g_array_index (samples->samples, Sample, i);

    averages->cpu += sample_get_cpu (sample, samples->n_cpus) / samples->n_cpus / (n - from);
    averages->others += sample->others / (n - from);
    averages->host_available += sample->host_available / (n - from);
  }
  if (last->guest_total_bytes > 0 && last->guest_available_bytes >= 0)
    averages->guest_available = last->guest_available_bytes / last->guest_total_bytes;
  return true;
}

static void
explain_accel (GPtrArray *causes, const CauseFacts *facts)
{
  if (facts->cannot_translate)
    add (causes,
         _ ("This computer’s processor is not one that systems can be translated for: they are "
            "interpreted."),
         _ ("Run the machine on a computer whose processor has AVX2 (x86-64-v3)."));
  else if (facts->interpreted)
    add (causes,
         _ ("The machine’s settings say that the system is interpreted, which is many times "
            "slower."),
         _ ("Take “interp” out of machine.json (“accel”) or off the command line."));
  if (facts->strict_code)
    add (causes, _ ("Changes of code are looked for all the time."),
         _ ("If the system in the machine does not need it, turn that off in machine.json "
            "(“strict-code”)."));
}

static void
explain_cpu (GPtrArray *causes, const CauseFacts *facts, const Averages *averages,
             unsigned host_cpus)
{
  bool busy = averages->cpu > 0.85;

  if (averages->others > 0.3 && averages->others + averages->cpu * facts->cpus / host_cpus > 0.85)
    add (causes, _ ("Other programs keep this computer busy."),
         _ ("Close those that you do not need, or wait for them."));
  if (facts->cpus > host_cpus)
    add (causes, _ ("The machine has more processors than this computer; they take turns."),
         _ ("Give it fewer in its settings, when it is off."));
  if (!busy)
    return;
  if (facts->cpus < host_cpus)
    add (causes, _ ("Programs in the machine use all of its processors."),
         _ ("Give it more in its settings, when it is off; or close programs in it."));
  else
    add (causes, _ ("Programs in the machine use all that this computer can give."),
         _ ("Close programs in it that you do not need."));
}

static void
explain_memory (GPtrArray *causes, const CauseFacts *facts, const Averages *averages,
                const HostLoad *load)
{
  if (averages->guest_available >= 0 && averages->guest_available < 0.08) {
    bool room = facts->memory_bytes * 2 < load->memory_bytes;

    add (causes, _ ("The system in the machine has almost no memory left."),
         room ? _ ("Give it more in its settings, when it is off; or close programs in it.")
              : _ ("Close programs in it; this computer has hardly more to give."));
  }
  if (averages->host_available < 0.06)
    add (causes,
         _ ("This computer has almost no memory left, and moves what programs need to its disk."),
         _ ("Close programs that you do not need, or give the machine less memory."));
}

GPtrArray *
samples_explain (const Samples *samples, const CauseFacts *facts)
{
  GPtrArray *causes = g_ptr_array_new_with_free_func ((GDestroyNotify) cause_free);
  const HostLoad *load = &samples->last_load;
  Averages averages;
  bool known = average (samples, &averages);

  explain_accel (causes, facts);
  if (known && load->cpus > 0) {
    explain_memory (causes, facts, &averages, load);
    explain_cpu (causes, facts, &averages, load->cpus);
  }
  return causes;
}
