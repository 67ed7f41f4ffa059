// SPDX-License-Identifier: GPL-3.0-or-later
// What a running machine uses, once a second, and what of that makes it slow. Pure; one thread at a
// time.
#pragma once

#include "engine/api/vm.h"

enum {
  SAMPLES_KEPT = 120, // for the pictures; the table of all of a run is as long as SAMPLES_MAX
  SAMPLES_MAX = 4 * 3600,
};

// What the computer did and has, read together with a machine's figures.
typedef struct HostLoad {
  double busy_seconds;      // of all its processors, since it was started
  unsigned cpus;            // 0: nothing of this is known
  uint64_t memory_bytes;    // it has
  uint64_t available_bytes; // of these, before programs are pushed out of memory
} HostLoad;

// As the kernel says; any thread; short.
void host_load_read (HostLoad *load);
// From the texts of /proc/stat and /proc/meminfo.
void host_load_parse (HostLoad *load, const char *stat, const char *meminfo);

// Between two readings; rates are per second of real time.
typedef struct Sample {
  double seconds;          // since the first reading
  double cpu[VM_CPUS_MAX]; // of one processor of the computer, 0..1
  double others;           // programs other than the machine's CPUs, of the whole computer, 0..1
  double memory_bytes;     // of the computer that the machine's memory takes
  double guest_total_bytes, guest_available_bytes; // as the guest says; negative: it does not
  double host_available;                           // share of the computer's memory, 0..1
  double disk_read, disk_written, net_received, net_sent; // bytes
  double frames;
} Sample;

typedef struct Samples {
  GArray *samples; // of Sample
  unsigned n_cpus;
  bool has_last; // a first reading
  gint64 first_us, last_us;
  VmStats last;
  HostLoad last_load;
  uint64_t last_frames;
} Samples;

void samples_init (Samples *samples);
void samples_clear (Samples *samples);
// Forgets everything: another run.
void samples_reset (Samples *samples);
// `frames`: how many pictures there were so far.
void samples_add (Samples *samples, gint64 now_us, const VmStats *stats, const HostLoad *load,
                  uint64_t frames);
// The newest; NULL: there is none yet.
const Sample *samples_get_last (const Samples *samples);
// Of all CPUs of the machine together, 0..n_cpus.
double sample_get_cpu (const Sample *sample, unsigned n_cpus);
// A table with a line for each sample and one of headings. g_free.
char *samples_to_csv (const Samples *samples);

// Why it is slow: causes, the weightiest first, each with what can be done.
typedef struct Cause {
  char *text, *remedy; // sentences
} Cause;

// What a machine is, beside its figures.
typedef struct CauseFacts {
  bool interpreted;      // by its settings
  bool cannot_translate; // whatever the settings
  bool strict_code;
  unsigned cpus;
  uint64_t memory_bytes;
} CauseFacts;

// Over the last seconds; of Cause, never NULL. Empty: nothing stands out, or there are too few samples.
GPtrArray *samples_explain (const Samples *samples, const CauseFacts *facts);
