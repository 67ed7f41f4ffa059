// SPDX-License-Identifier: GPL-3.0-or-later
// What several CPUs do to each other beyond memory order: locks and counters with every kind of
// atomic, TLB and instruction-cache maintenance for all CPUs, software-generated interrupts, and
// CPUs that go off and on. Each test prints `ok NAME` or `FAIL NAME numbers`.
#include "guest.h"

enum {
  CALL_AFFINITY_INFO = 4,
};

static u64 failures;

static void
verdict (const char *name, u64 seen, u64 wanted)
{
  print (seen == wanted ? "ok " : "FAIL ");
  print (name);
  if (seen != wanted) {
    print (" ");
    print_number (seen);
    print (" instead of ");
    print_number (wanted);
  }
  print ("\n");
}

static void
count_failure (void)
{
  fetch_add (&failures, 1);
}

// ---- atomics and locks ----------------------------------------------------------------------

typedef unsigned __int128 __attribute__ ((may_alias)) Pair;
static u64 lock, ticket, serving;
static u64 counter[2] __attribute__ ((aligned (64))), pair_wrong;

static void
lock_exclusive (void)
{
  u32 failed;
  u64 value;

  __asm__ volatile("sevl\n"
                   "1: wfe\n"
                   "2: ldaxr %0, %2\n"
                   "cbnz %0, 1b\n"
                   "stxr %w1, %3, %2\n"
                   "cbnz %w1, 2b"
                   : "=&r"(value), "=&r"(failed), "+Q"(lock)
                   : "r"(1ul)
                   : "memory");
}

static void
lock_swap (void)
{
  unsigned turns = 0;
  u64 old;

  for (;;) {
    __asm__ volatile("swpa %2, %0, %1" : "=r"(old), "+Q"(lock) : "r"(1ul) : "memory");
    if (old == 0)
      return;
    relax (&turns);
  }
}

static void
unlock (void)
{
  store_release (&lock, 0);
  send_event ();
}

static void
add_exclusive_lock (void)
{
  lock_exclusive ();
  counter[0]++;
  unlock ();
}

static void
add_swap_lock (void)
{
  lock_swap ();
  counter[0]++;
  unlock ();
}

static void
add_ticket_lock (void)
{
  unsigned turns = 0;
  u64 mine;

  __asm__ volatile("ldadda %2, %0, %1" : "=r"(mine), "+Q"(ticket) : "r"(1ul) : "memory");
  while (load_acquire (&serving) != mine)
    relax (&turns);
  counter[0]++;
  store_release (&serving, mine + 1);
  send_event ();
}

static void
add_exclusive (void)
{
  u64 value;
  u32 failed;

  __asm__ volatile("1: ldxr %0, %2\n"
                   "add %0, %0, #1\n"
                   "stxr %w1, %0, %2\n"
                   "cbnz %w1, 1b"
                   : "=&r"(value), "=&r"(failed), "+Q"(counter[0])
                   :
                   : "memory");
}

// Both halves count; a pair that differs was torn.
static void
add_exclusive_pair (void)
{
  u64 low, high;
  u32 failed;

  __asm__ volatile("1: ldxp %0, %1, %3\n"
                   "add %0, %0, #1\n"
                   "add %1, %1, #1\n"
                   "stxp %w2, %0, %1, %3\n"
                   "cbnz %w2, 1b"
                   : "=&r"(low), "=&r"(high), "=&r"(failed), "+Q"(*(Pair *) counter)
                   :
                   : "memory");
  if (low != high)
    fetch_add (&pair_wrong, 1);
}

static void
add_swap_pair (void)
{
  register u64 x0 __asm__("x0");
  register u64 x1 __asm__("x1");
  register u64 x2 __asm__("x2");
  register u64 x3 __asm__("x3");
  u64 low = 0, high = 0;

  do {
    x0 = low, x1 = high, x2 = low + 1, x3 = high + 1;
    __asm__ volatile("caspal x0, x1, x2, x3, %4"
                     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+Q"(*(Pair *) counter)
                     :
                     : "memory");
    if (x0 == low && x1 == high)
      break;
    low = x0;
    high = x1;
  } while (1);
  if (low != high)
    fetch_add (&pair_wrong, 1);
}

static void
add_lse (void)
{
  __asm__ volatile("stadd %1, %0" : "+Q"(counter[0]) : "r"(1ul) : "memory");
}

static void
add_compare_swap (void)
{
  u64 seen = *(volatile u64 *) counter, old;

  for (;; seen = old) {
    old = seen;
    __asm__ volatile("cas %0, %2, %1" : "+r"(old), "+Q"(counter[0]) : "r"(seen + 1) : "memory");
    if (old == seen)
      return;
  }
}

static const struct {
  const char *name;
  void (*add) (void);
} adders[] = {
    {"lock-exclusive", add_exclusive_lock},
    {"lock-swap", add_swap_lock},
    {"lock-ticket", add_ticket_lock},
    {"add-exclusive", add_exclusive},
    {"add-exclusive-pair", add_exclusive_pair},
    {"add-compare-swap-pair", add_swap_pair},
    {"add-lse", add_lse},
    {"add-compare-swap", add_compare_swap},
};
static unsigned adder;

// A lock that is handed on in turn waits for each CPU to be scheduled on the host.
static u64
adder_rounds (void)
{
  return adders[adder].add == add_ticket_lock ? system_rounds / 8 : system_rounds;
}

static void
adder_job (unsigned cpu)
{
  (void) cpu;
  barrier ((unsigned) n_cpus);
  for (u64 i = 0; i < adder_rounds (); i++)
    adders[adder].add ();
}

static void
test_adders (void)
{
  for (adder = 0; adder < sizeof adders / sizeof adders[0]; adder++) {
    counter[0] = counter[1] = 0;
    run_on ((unsigned) n_cpus, adder_job);
    verdict (adders[adder].name, counter[0], n_cpus * adder_rounds ());
  }
  verdict ("pairs-whole", pair_wrong, 0);
}

// ---- TLB maintenance ------------------------------------------------------------------------

// Two pages take turns behind one virtual page. A page that was replaced is spoiled as soon as the
// maintenance is complete: nobody may see or change it then.
enum {
  POISON = 0xdead,
};
static volatile u64 pages[2][PAGE / 8] __attribute__ ((aligned (4096)));
static u64 stop;
#define SHARED_PAGE ((volatile u64 *) WINDOW)

void on_fault (u64 esr, u64 far);
void on_interrupt (void);
void on_stray (u64 esr, u64 far, u64 elr);

static unsigned
this_cpu (void)
{
  u64 cpu;
  __asm__ volatile("mrs %0, tpidr_el1" : "=r"(cpu));
  return (unsigned) cpu;
}

void
on_stray (u64 esr, u64 far, u64 elr)
{
  print ("FAIL stray exception ");
  print_number (esr);
  print (" ");
  print_number (far);
  print (" ");
  print_number (elr);
  print ("\n");
  power_off ();
}

// A translation fault in the window: the page is being replaced, and the access is tried again.
void
on_fault (u64 esr, u64 far)
{
  u64 elr;

  __asm__ volatile("mrs %0, elr_el1" : "=r"(elr));
  if (esr >> 26 != 0x25 || (esr & 0x3c) != 4 || far - WINDOW >= 512 * PAGE)
    on_stray (esr, far, elr);
  n_faults[this_cpu ()]++;
}

static void
flush_page (u64 va)
{
  __asm__ volatile("dsb ishst\n\ttlbi vae1is, %0\n\tdsb ish\n\tisb" ::"r"(va >> 12) : "memory");
}

static void
flush_everything (void)
{
  __asm__ volatile("dsb ishst\n\ttlbi vmalle1is\n\tdsb ish\n\tisb" ::: "memory");
}

static void
replace_page (u64 round)
{
  volatile u64 *old = pages[round & 1], *new = pages[~round & 1];

  new[0] = round;
  for (unsigned i = 1; i <= MAX_CPUS; i++)
    new[i * 8] = 0;
  // Break before make; all kinds of maintenance in turn.
  level3[0] = 0;
  if (round % 3 == 0)
    flush_everything ();
  else
    flush_page (WINDOW);
  level3[0] = (u64) new | 0x707;
  __asm__ volatile("dsb ish\n\tisb" ::: "memory");
  old[0] = POISON;
  for (unsigned i = 1; i <= MAX_CPUS; i++)
    old[i * 8] = POISON;
}

static void
check_spoiled (u64 round)
{
  for (unsigned i = 1; i <= MAX_CPUS; i++)
    if (pages[round & 1][i * 8] != POISON)
      count_failure ();
}

static void
remap_job (unsigned cpu)
{
  barrier ((unsigned) n_cpus);
  if (cpu == 0) {
    for (u64 round = 1; round <= system_rounds / 4; round++) {
      replace_page (round);
      for (unsigned i = 0; i < 50; i++)
        __asm__ volatile("yield");
      check_spoiled (round);
    }
    store_release (&stop, 1);
    return;
  }
  for (u64 last = 0, i = 1; load_acquire (&stop) == 0; i++) {
    u64 seen = SHARED_PAGE[0];

    // Rounds only go forward.
    if (seen == POISON || seen < last)
      count_failure ();
    last = seen;
    SHARED_PAGE[(cpu + 1) * 8] = i & 0xff;
  }
}

static void
test_remap (void)
{
  failures = stop = 0;
  pages[0][0] = 0;
  level3[0] = (u64) pages[0] | 0x707;
  __asm__ volatile("dsb ish\n\tisb" ::: "memory");
  run_on ((unsigned) n_cpus, remap_job);
  verdict ("remap", failures, 0);
}

// Permission taken away: after the maintenance no store gets through, though the page is in
// everybody's TLB as writable.
static void
protect_job (unsigned cpu)
{
  barrier ((unsigned) n_cpus);
  if (cpu == 0) {
    for (u64 round = 0; round < system_rounds / 4; round++) {
      u64 before, after;

      level3[1] = 0;
      flush_page (WINDOW + PAGE);
      before = pages[0][64];
      for (unsigned i = 0; i < 50; i++)
        __asm__ volatile("yield");
      after = pages[0][64];
      if (before != after)
        count_failure ();
      level3[1] = (u64) pages[0] | 0x707;
      __asm__ volatile("dsb ish\n\tisb" ::: "memory");
    }
    store_release (&stop, 1);
    return;
  }
  while (load_acquire (&stop) == 0)
    __asm__ volatile("stadd %1, %0" : "+Q"(SHARED_PAGE[512 + 64]) : "r"(1ul) : "memory");
}

static void
test_protect (void)
{
  failures = stop = 0;
  level3[1] = (u64) pages[0] | 0x707;
  __asm__ volatile("dsb ish\n\tisb" ::: "memory");
  run_on ((unsigned) n_cpus, protect_job);
  verdict ("protect", failures, 0);
}

// ---- new code -------------------------------------------------------------------------------

// One CPU writes `mov x0, #round; ret` again and again; who knows of a round sees no older code.
static u32 code[PAGE / 4] __attribute__ ((aligned (4096)));
static u64 code_round;

static void
write_code (u64 round)
{
  code[0] = 0xd2800000 | (u32) round << 5;
  code[1] = 0xd65f03c0;
  __asm__ volatile("dc cvau, %0\n\tdsb ish\n\tic ivau, %0\n\tdsb ish\n\tisb" ::"r"(code)
                   : "memory");
}

static void
code_job (unsigned cpu)
{
  u64 (*run) (void) = (u64 (*) (void)) code;

  if (cpu == 0)
    write_code (0);
  barrier ((unsigned) n_cpus);
  if (cpu == 0) {
    for (u64 round = 1; round <= system_rounds / 4 && round < 0x10000; round++) {
      write_code (round);
      store_release (&code_round, round);
    }
    store_release (&stop, 1);
    return;
  }
  while (load_acquire (&stop) == 0) {
    u64 known = load_acquire (&code_round);

    __asm__ volatile("isb" ::: "memory");
    u64 seen = run ();
    if (seen < known || seen > load_acquire (&code_round) + 1)
      count_failure ();
  }
}

static void
test_code (void)
{
  failures = stop = code_round = 0;
  run_on ((unsigned) n_cpus, code_job);
  verdict ("new-code", failures, 0);
}

// ---- interrupts -----------------------------------------------------------------------------

static volatile u64 sgi_message[MAX_CPUS], sgi_seen[MAX_CPUS];

void
on_interrupt (void)
{
  unsigned cpu = this_cpu ();

  if (!take_sgi ())
    return;
  n_interrupts[cpu]++;
  // What was stored before the interrupt was sent is there.
  sgi_seen[cpu] = sgi_message[cpu];
}

// CPU 0 interrupts each of the others in turn and waits for the message; they sleep in WFI, with
// interrupts masked every other time.
static void
sgi_job (unsigned cpu)
{
  barrier ((unsigned) n_cpus);
  // What woke this CPU for the job may come late.
  while (take_sgi ())
    ;
  barrier ((unsigned) n_cpus);
  if (cpu == 0) {
    for (u64 round = 1; round <= system_rounds / 16; round++)
      for (unsigned to = 1; to < n_cpus; to++) {
        unsigned turns = 0;

        sgi_message[to] = round;
        send_sgi (to, (unsigned) (round & 15));
        while (sgi_seen[to] != round)
          relax (&turns);
        __asm__ volatile("dmb ish" ::: "memory");
        if (n_interrupts[to] != round)
          count_failure ();
      }
    store_release (&stop, 1);
    for (unsigned to = 1; to < n_cpus; to++)
      send_sgi (to, 1);
    return;
  }
  for (u64 i = 0; load_acquire (&stop) == 0; i++) {
    if (i & 1)
      __asm__ volatile("msr daifset, #2\n\twfi\n\tmsr daifclr, #2" ::: "memory");
    else
      __asm__ volatile("msr daifclr, #2\n\tisb" ::: "memory");
  }
  __asm__ volatile("msr daifset, #2" ::: "memory");
}

static void
test_sgi (void)
{
  failures = stop = 0;
  run_on ((unsigned) n_cpus, sgi_job);
  verdict ("sgi", failures, 0);
}

// ---- power ----------------------------------------------------------------------------------

static u64 ran;

static void
present_job (unsigned cpu)
{
  (void) cpu;
  fetch_add (&ran, 1);
}

static void
test_power (void)
{
  u64 rounds = system_rounds / 64, on_again = 0;

  failures = ran = 0;
  for (u64 round = 0; round < rounds; round++) {
    run_on (0, 0);
    for (unsigned cpu = 1; cpu < n_cpus; cpu++)
      while (psci (0xc4000000 | CALL_AFFINITY_INFO, cpu, 0, 0) != 1)
        __asm__ volatile("yield");
    // Work for CPUs that are off must neither be lost nor block.
    for (unsigned i = 0; i < 300; i++)
      flush_page (WINDOW);
    // Again, while it starts: a QEMU machine may start it twice, which harms nothing.
    for (unsigned cpu = 1; cpu < n_cpus; cpu++) {
      cpu_start (cpu);
      on_again += psci (0xc4000003, cpu, (u64) other_entry, cpu) == -4;
    }
    run_on ((unsigned) n_cpus, present_job);
  }
  verdict ("power", ran, rounds * n_cpus);
  verdict ("power-already-on", on_again, rounds * (n_cpus - 1));
}

void
system_tests (void)
{
  test_adders ();
  test_remap ();
  test_protect ();
  test_code ();
  test_sgi ();
  test_power ();
}
