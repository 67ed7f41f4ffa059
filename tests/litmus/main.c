// SPDX-License-Identifier: GPL-3.0-or-later
// The bare-metal guest of the litmus tests: start of the CPUs, jobs that run on several of them,
// and the histograms of the generated tests. Prints for run-litmus, then powers off.
#include "guest.h"

enum {
  STRIDE = 32,      // words from one set of locations to the next
  LOCATION = 8,     // words from x to y to z
  BATCH_TWO = 128,  // sets between two meetings: few, so that threads stay close together
  BATCH_MORE = 512, // host CPUs may be fewer than threads, meetings are dear
  KEYS = 4096,
  N_RESULTS = 4, // registers of all threads of a test
};

#define DIST   0x08000000ul
#define REDIST 0x080a0000ul

static u64 locations[BATCH_MORE * STRIDE] __attribute__ ((aligned (256)));
static u64 results[N_RESULTS][BATCH_MORE] __attribute__ ((aligned (256)));
static u64 histogram[KEYS];
static const Litmus *current;
static unsigned batch;

u64 level1[512] __attribute__ ((aligned (4096)));
static u64 level2[512] __attribute__ ((aligned (4096)));
u64 level3[512] __attribute__ ((aligned (4096)));
volatile u64 n_faults[MAX_CPUS], n_interrupts[MAX_CPUS];

static Job *job;
static u64 job_cpus, job_number, jobs_done, meeting, arrived;

void make_tables (void);
void first_main (u64 cpu);
void other_main (u64 cpu);

// ---- output ---------------------------------------------------------------------------------

void
print (const char *text)
{
  for (; *text != 0; text++)
    *(volatile u32 *) 0x09000000 = (u8) *text;
}

void
print_number (u64 n)
{
  char digits[21], *p = digits + 20;

  for (*p = 0; n > 9; n /= 10)
    *--p = (char) ('0' + n % 10);
  *--p = (char) ('0' + n);
  print (p);
}

long
psci (u64 function, u64 a, u64 b, u64 c)
{
  register u64 x0 __asm__("x0") = function;
  register u64 x1 __asm__("x1") = a;
  register u64 x2 __asm__("x2") = b;
  register u64 x3 __asm__("x3") = c;

  __asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory");
  return (long) x0;
}

void
power_off (void)
{
  psci (0x84000008, 0, 0, 0);
  for (;;)
    __asm__ volatile("wfi");
}

// ---- CPUs -----------------------------------------------------------------------------------

void
make_tables (void)
{
  level1[0] = 0x0060000000000401; // Device, access flag, never executed
  level1[1] = 0x40000000 + 0x705; // RAM: Normal, inner shareable
  level1[2] = (u64) level2 | 3;
  level2[0] = (u64) level3 | 3;
}

void
cpu_start (unsigned cpu)
{
  long status;

  // A CPU that is on its way off is still on for a moment.
  do
    status = psci (0xc4000003, cpu, (u64) other_entry, cpu);
  while (status == -4);
  if (status != 0) {
    print ("FAIL cpu-on\n");
    power_off ();
  }
}

void
barrier (unsigned n)
{
  u64 now = load_acquire (&meeting);
  unsigned turns = 0;

  if (fetch_add (&arrived, 1) == n - 1) {
    arrived = 0;
    store_release (&meeting, now + 1);
    send_event ();
  } else {
    while (load_acquire (&meeting) == now)
      relax (&turns);
  }
}

static volatile u32 *
reg32 (u64 address)
{
  return (volatile u32 *) address;
}

static void
gic_set_up (unsigned cpu)
{
  u64 redist = REDIST + cpu * 0x20000ul;

  if (cpu == 0)
    *reg32 (DIST) = 1u << 4 | 1u << 1;
  *reg32 (redist + 0x14) &= ~2u; // awake
  while (*reg32 (redist + 0x14) & 4)
    ;
  *reg32 (redist + 0x10080) = ~0u; // group 1
  *reg32 (redist + 0x10100) = 0xffff;
  __asm__ volatile("msr s3_0_c12_c12_5, %0\n\t" // SRE
                   "isb\n\t"
                   "msr s3_0_c4_c6_0, %1\n\t"   // PMR
                   "msr s3_0_c12_c12_7, %2\n\t" // IGRPEN1
                   "isb" ::"r"(7ul),
                   "r"(0xfful), "r"(1ul));
}

void
send_sgi (unsigned cpu, unsigned id)
{
  __asm__ volatile("dsb ishst\n\tmsr s3_0_c12_c11_5, %0\n\tisb" ::"r"((u64) id << 24 | 1ul << cpu)
                   : "memory");
}

bool
take_sgi (void)
{
  u64 id;

  __asm__ volatile("mrs %0, s3_0_c12_c12_0\n\tdsb sy" : "=r"(id)::"memory");
  if (id >= 1020)
    return false;
  __asm__ volatile("msr s3_0_c12_c12_1, %0\n\tisb" ::"r"(id) : "memory");
  return true;
}

void
run_on (unsigned n, Job *fn)
{
  unsigned turns = 0;

  job = fn;
  job_cpus = fn != 0 ? n : 0;
  jobs_done = 0;
  store_release (&job_number, job_number + 1);
  for (unsigned cpu = 1; cpu < n_cpus; cpu++)
    send_sgi (cpu, 0);
  if (fn == 0)
    return; // the others are on their way off
  fn (0);
  while (load_acquire (&jobs_done) != n_cpus - 1)
    relax (&turns);
}

void
other_main (u64 cpu)
{
  static u64 seen[MAX_CPUS];

  gic_set_up ((unsigned) cpu);
  for (;;) {
    // Interrupts are masked: they end the sleep all the same.
    for (;;) {
      while (take_sgi ())
        ;
      if (load_acquire (&job_number) != seen[cpu])
        break;
      __asm__ volatile("wfi" ::: "memory");
    }
    seen[cpu]++;
    if (cpu < job_cpus)
      job ((unsigned) cpu);
    else if (job == 0)
      return; // and off
    fetch_add (&jobs_done, 1);
    send_event ();
  }
}

// ---- litmus tests ---------------------------------------------------------------------------

// The key of an outcome: two bits for each register, then x and y as they are at the end.
static void
count_outcomes (void)
{
  for (unsigned i = 0; i < batch; i++) {
    u64 *x = &locations[i * STRIDE], key = 0;

    for (unsigned r = 0; r < N_RESULTS; r++) {
      if (results[r][i] > 3)
        print ("FAIL torn\n");
      key |= (results[r][i] & 3) << 2 * r;
      results[r][i] = 0;
    }
    key |= (x[0] & 3) << 2 * N_RESULTS | (x[LOCATION] & 3) << (2 * N_RESULTS + 2);
    histogram[key]++;
    x[0] = x[LOCATION] = x[2 * LOCATION] = 0;
  }
}

static void
litmus_job (unsigned cpu)
{
  unsigned n = (unsigned) current->n_threads;

  for (u64 done = 0; done < litmus_iterations; done += batch) {
    arrivals[cpu * STRIDE] = 0;
    barrier (n);
    current->threads[cpu](locations, batch, results[0]);
    barrier (n);
    if (cpu == 0)
      count_outcomes ();
  }
}

static void
run_litmus (const Litmus *test)
{
  current = test;
  batch = test->n_threads == 2 ? BATCH_TWO : BATCH_MORE;
  for (unsigned i = 0; i < KEYS; i++)
    histogram[i] = 0;
  run_on ((unsigned) test->n_threads, litmus_job);
  print ("T ");
  print (test->name);
  for (unsigned i = 0; i < KEYS; i++)
    if (histogram[i] != 0) {
      print (" ");
      print_number (i);
      print (":");
      print_number (histogram[i]);
    }
  print ("\n");
}

void
first_main (u64 cpu)
{
  gic_set_up ((unsigned) cpu);
  for (unsigned i = 1; i < n_cpus; i++)
    cpu_start (i);
  for (u64 i = 0; i < litmus_count; i++)
    run_litmus (&litmus_table[i]);
  if (system_rounds != 0)
    system_tests ();
  print ("DONE\n");
  power_off ();
}
