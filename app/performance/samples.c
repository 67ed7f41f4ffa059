// SPDX-License-Identifier: GPL-3.0-or-later
// From counters to rates, and to a table.
#include "app/performance/samples.h"

#include <string.h>

void
samples_init (Samples *samples)
{
  *samples = (Samples){.samples = g_array_new (FALSE, FALSE, sizeof (Sample))};
}

void
samples_clear (Samples *samples)
{
  g_clear_pointer (&samples->samples, g_array_unref);
}

void
samples_reset (Samples *samples)
{
  g_array_set_size (samples->samples, 0);
  samples->has_last = false;
}

// Counters of a machine that was started anew begin again.
static double
rate (uint64_t now, uint64_t before, double seconds)
{
  return now > before ? (double) (now - before) / seconds : 0;
}

static double
share (double now, double before, double seconds)
{
  return CLAMP ((now - before) / seconds, 0, 1);
}

static double
or_negative (uint64_t bytes)
{
  return bytes == UINT64_MAX ? -1 : (double) bytes;
}

static void
fill_host (const Samples *samples, const VmStats *stats, const HostLoad *load, double seconds,
           Sample *sample)
{
  const HostLoad *before = &samples->last_load;

  sample->host_available = 1;
  if (load->cpus == 0 || before->cpus == 0 || load->memory_bytes == 0)
    return;
  double own = stats->vcpu_cpu_seconds - samples->last.vcpu_cpu_seconds;
  double all = load->busy_seconds - before->busy_seconds;
  sample->others = CLAMP ((all - own) / seconds / load->cpus, 0, 1);
  sample->host_available = (double) load->available_bytes / (double) load->memory_bytes;
}

static void
append (Samples *samples, gint64 now_us, const VmStats *stats, const HostLoad *load,
        uint64_t frames)
{
  const VmStats *before = &samples->last;
  double seconds = (double) (now_us - samples->last_us) / G_USEC_PER_SEC;
  Sample sample = {
      .seconds = (double) (now_us - samples->first_us) / G_USEC_PER_SEC,
      .memory_bytes = (double) stats->resident_ram_bytes,
      .guest_total_bytes = or_negative (stats->memory_total_bytes),
      .guest_available_bytes = or_negative (stats->memory_available_bytes),
      .disk_read = rate (stats->disk_read_bytes, before->disk_read_bytes, seconds),
      .disk_written = rate (stats->disk_written_bytes, before->disk_written_bytes, seconds),
      .net_received = rate (stats->net_received_bytes, before->net_received_bytes, seconds),
      .net_sent = rate (stats->net_sent_bytes, before->net_sent_bytes, seconds),
      .frames = rate (frames, samples->last_frames, seconds),
  };

  for (unsigned i = 0; i < stats->n_cpus; i++)
    sample.cpu[i] = share (stats->cpu_seconds[i], before->cpu_seconds[i], seconds);
  fill_host (samples, stats, load, seconds, &sample);
  if (samples->samples->len == SAMPLES_MAX)
    g_array_remove_range (samples->samples, 0, SAMPLES_MAX / 8);
  g_array_append_val (samples->samples, sample);
}

void
samples_add (Samples *samples, gint64 now_us, const VmStats *stats, const HostLoad *load,
             uint64_t frames)
{
  if (samples->has_last && now_us <= samples->last_us)
    return;
  if (samples->has_last)
    append (samples, now_us, stats, load, frames);
  else
    samples->first_us = now_us;
  samples->has_last = true;
  samples->n_cpus = stats->n_cpus;
  samples->last_us = now_us;
  samples->last = *stats;
  samples->last_load = *load;
  samples->last_frames = frames;
}

const Sample *
samples_get_last (const Samples *samples)
{
  guint n = samples->samples->len;

  return n > 0 ? &g_array_index (samples->samples, Sample, n - 1) : NULL;
}

double
sample_get_cpu (const Sample *sample, unsigned n_cpus)
{
  double sum = 0;

  for (unsigned i = 0; i < n_cpus; i++)
    sum += sample->cpu[i];
  return sum;
}

// ---- table ----------------------------------------------------------------------------------

// With a point, whatever the language.
static void
append_number (GString *csv, double value, const char *format)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  g_string_append_c (csv, ',');
  if (value >= 0)
    g_string_append (csv, g_ascii_formatd (text, sizeof text, format, value));
}

static void
append_line (GString *csv, const Sample *sample, unsigned n_cpus)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  g_string_append (csv, g_ascii_formatd (text, sizeof text, "%.1f", sample->seconds));
  for (unsigned i = 0; i < n_cpus; i++)
    append_number (csv, sample->cpu[i] * 100, "%.1f");
  append_number (csv, sample->others * 100, "%.1f");
  append_number (csv, sample->memory_bytes, "%.0f");
  append_number (csv, sample->guest_total_bytes, "%.0f");
  append_number (csv, sample->guest_available_bytes, "%.0f");
  append_number (csv, sample->disk_read, "%.0f");
  append_number (csv, sample->disk_written, "%.0f");
  append_number (csv, sample->net_received, "%.0f");
  append_number (csv, sample->net_sent, "%.0f");
  append_number (csv, sample->frames, "%.1f");
  g_string_append (csv, "\r\n");
}

// RFC 4180. The headings are for programs: not translated.
char *
samples_to_csv (const Samples *samples)
{
  GString *csv = g_string_new ("seconds");

  for (unsigned i = 0; i < samples->n_cpus; i++)
    g_string_append_printf (csv, ",cpu%u_percent", i);
  g_string_append (csv, ",other_programs_percent,host_memory_bytes,guest_total_bytes,"
                        "guest_available_bytes,disk_read_bytes_per_second,"
                        "disk_written_bytes_per_second,net_received_bytes_per_second,"
                        "net_sent_bytes_per_second,frames_per_second\r\n");
  for (guint i = 0; i < samples->samples->len; i++)
    append_line (csv, &g_array_index (samples->samples, Sample, i), samples->n_cpus);
  return g_string_free (csv, FALSE);
}
