// SPDX-License-Identifier: GPL-3.0-or-later
// What a machine uses: rates from counters, the table, and what is said of slowness.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "app/performance/samples.h"

#define SECOND     G_USEC_PER_SEC
#define GIB(n)     (UINT64_C (n) << 30)
#define NEAR(a, b) assert_true (((a) > (b) ? (a) - (b) : (b) - (a)) < 1e-9)

// A second of a machine and its computer.
typedef struct Load {
  double cpu[2]; // of the machine's CPUs
  double busy;   // of all the computer's, in processors
  uint64_t host_available, guest_available;
} Load;

typedef struct Run {
  Samples samples;
  VmStats stats;
  HostLoad load;
  gint64 now_us;
  uint64_t frames;
} Run;

static void
begin (Run *run, unsigned host_cpus)
{
  *run = (Run){
      .stats = {.n_cpus = 2, .memory_total_bytes = GIB (1), .resident_ram_bytes = 12345},
      .load = {.cpus = host_cpus, .memory_bytes = GIB (8)},
      .now_us = 1000,
  };
  samples_init (&run->samples);
  samples_add (&run->samples, run->now_us, &run->stats, &run->load, 0);
}

static void
pass (Run *run, unsigned seconds, const Load *load)
{
  for (unsigned i = 0; i < seconds; i++) {
    run->now_us += SECOND;
    for (unsigned cpu = 0; cpu < 2; cpu++) {
      run->stats.cpu_seconds[cpu] += load->cpu[cpu];
      run->stats.vcpu_cpu_seconds += load->cpu[cpu];
    }
    run->load.busy_seconds += load->busy;
    run->load.available_bytes = load->host_available;
    run->stats.memory_available_bytes = load->guest_available;
    samples_add (&run->samples, run->now_us, &run->stats, &run->load, run->frames);
  }
}

static const Load idle = {.host_available = GIB (4), .guest_available = GIB (1) / 2};

static void
test_rates (void **state)
{
  Run run;

  begin (&run, 4);
  assert_null (samples_get_last (&run.samples));
  run.now_us += SECOND / 2;
  run.stats.cpu_seconds[0] = run.stats.vcpu_cpu_seconds = 0.25;
  run.stats.disk_read_bytes = 1000;
  run.stats.disk_written_bytes = 50;
  run.stats.net_received_bytes = 7;
  run.stats.net_sent_bytes = 9;
  run.stats.memory_available_bytes = UINT64_MAX;
  run.load.busy_seconds = 1.25;
  run.load.available_bytes = GIB (2);
  samples_add (&run.samples, run.now_us, &run.stats, &run.load, 30);
  const Sample *last = samples_get_last (&run.samples);
  assert_non_null (last);
  NEAR (last->seconds, 0.5);
  NEAR (last->cpu[0], 0.5);
  NEAR (last->cpu[1], 0);
  NEAR (sample_get_cpu (last, 2), 0.5);
  NEAR (last->others, 0.5); // one of 1.25 s in half a second of four processors
  NEAR (last->host_available, 0.25);
  NEAR (last->disk_read, 2000);
  NEAR (last->disk_written, 100);
  NEAR (last->net_received, 14);
  NEAR (last->net_sent, 18);
  NEAR (last->frames, 60);
  NEAR (last->memory_bytes, 12345);
  assert_true (last->guest_available_bytes < 0);

  // Counters that begin again, and a clock that stands still.
  run.stats.disk_read_bytes = 0;
  samples_add (&run.samples, run.now_us, &run.stats, &run.load, 0);
  assert_int_equal (run.samples.samples->len, 1);
  samples_add (&run.samples, run.now_us + SECOND, &run.stats, &run.load, 0);
  NEAR (samples_get_last (&run.samples)->disk_read, 0);
  NEAR (samples_get_last (&run.samples)->frames, 0);
  samples_reset (&run.samples);
  assert_null (samples_get_last (&run.samples));
  samples_clear (&run.samples);
}

static void
test_long (void **state)
{
  Run run;

  begin (&run, 4);
  pass (&run, SAMPLES_MAX + 10, &idle);
  assert_true (run.samples.samples->len <= SAMPLES_MAX);
  NEAR (samples_get_last (&run.samples)->seconds, SAMPLES_MAX + 10);
  samples_clear (&run.samples);
}

static void
test_table (void **state)
{
  Run run;

  begin (&run, 4);
  run.stats.disk_read_bytes = 512;
  pass (&run, 1, &(Load){{0.5, 1}, 1.5, GIB (1), UINT64_MAX});
  g_autofree char *csv = samples_to_csv (&run.samples);
  assert_string_equal (csv, "seconds,cpu0_percent,cpu1_percent,other_programs_percent,"
                            "host_memory_bytes,guest_total_bytes,guest_available_bytes,"
                            "disk_read_bytes_per_second,disk_written_bytes_per_second,"
                            "net_received_bytes_per_second,net_sent_bytes_per_second,"
                            "frames_per_second\r\n"
                            "1.0,50.0,100.0,0.0,12345,1073741824,,512,0,0,0,0.0\r\n");
  samples_clear (&run.samples);
}

// What is said after ten seconds of a load: a part of each cause, in this order, ended by NULL.
static void
expect (unsigned host_cpus, const Load *load, const CauseFacts *facts, const char *const *parts)
{
  Run run;

  begin (&run, host_cpus);
  pass (&run, 10, load);
  g_autoptr (GPtrArray) causes = samples_explain (&run.samples, facts);
  for (guint i = 0; i < causes->len; i++) {
    const Cause *cause = causes->pdata[i];
    assert_non_null (parts[i]);
    assert_non_null (strstr (cause->text, parts[i]));
    assert_true (cause->remedy[0] != '\0');
  }
  assert_null (parts[causes->len]);
  samples_clear (&run.samples);
}

#define SAYS(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__ (, ) NULL})

static void
test_causes (void **state)
{
  const CauseFacts facts = {.cpus = 2, .memory_bytes = GIB (1)};
  CauseFacts other = facts;
  Load load = idle;

  expect (4, &load, &facts, SAYS ());
  other.interpreted = true;
  expect (4, &load, &other, SAYS ("interpreted"));
  other.cannot_translate = true;
  expect (4, &load, &other, SAYS ("not one that"));
  other = facts;
  other.strict_code = true;
  expect (4, &load, &other, SAYS ("Changes of code"));

  load = (Load){{1, 1}, 2, GIB (4), GIB (1) / 2};
  expect (4, &load, &facts, SAYS ("all of its processors"));
  expect (2, &load, &facts, SAYS ("all that this computer can give"));
  expect (1, &load, &facts, SAYS ("more processors than this computer", "all that this computer"));
  load = (Load){{0.5, 0.4}, 3.9, GIB (4), GIB (1) / 2};
  expect (4, &load, &facts, SAYS ("Other programs"));

  load = idle;
  load.guest_available = GIB (1) / 50;
  expect (4, &load, &facts, SAYS ("The system in the machine has almost no memory"));
  load = idle;
  load.host_available = GIB (8) / 50;
  expect (4, &load, &facts, SAYS ("This computer has almost no memory"));
}

// With too few samples, or nothing known of the computer, only what the settings say.
static void
test_too_early (void **state)
{
  const CauseFacts facts = {.cpus = 2, .memory_bytes = GIB (1)};
  const Load load = {{1, 1}, 2, GIB (4), GIB (1) / 2};
  Run run;

  begin (&run, 2);
  pass (&run, 4, &load);
  g_autoptr (GPtrArray) causes = samples_explain (&run.samples, &facts);
  assert_int_equal (causes->len, 0);
  samples_clear (&run.samples);
  expect (0, &load, &facts, SAYS ());
}

static void
test_proc (void **state)
{
  HostLoad load;

  host_load_parse (
      &load, "cpu  100 20 30 4000 50 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\ncpu1 0 0 0 0\nintr 1\n",
      "MemTotal:       2048 kB\nMemFree: 1 kB\nMemAvailable:    1024 kB\n");
  NEAR (load.busy_seconds * (double) sysconf (_SC_CLK_TCK), 100 + 20 + 30 + 6 + 7 + 8);
  assert_int_equal (load.memory_bytes, 2048 * 1024);
  assert_int_equal (load.available_bytes, 1024 * 1024);
  assert_int_equal (load.cpus, 2);
  host_load_parse (&load, "", "");
  assert_int_equal (load.cpus, 0);
  host_load_parse (&load, "cpu  1 2", "MemTotal:");
  assert_int_equal (load.cpus, 0);
  host_load_read (&load);
  assert_true (load.cpus > 0 && load.memory_bytes >= load.available_bytes);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_rates),     cmocka_unit_test (test_long),
      cmocka_unit_test (test_table),     cmocka_unit_test (test_causes),
      cmocka_unit_test (test_too_early), cmocka_unit_test (test_proc),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
