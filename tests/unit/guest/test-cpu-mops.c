// SPDX-License-Identifier: GPL-3.0-or-later
// Memory copies and sets: what they leave in memory and registers, at every page a fault can come
// from and when they are interrupted, and the exceptions of their own (Arm ARM C6.2, D19.2.37).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib.h>

#include "engine/guest/aarch64/aarch64.h"
#include "engine/guest/aarch64/exception.h"
#include "engine/guest/aarch64/mmu.h"
#include "tests/unit/guest/cpu-vm.h"

// Pages for source and destination, in the middle of a window that is mapped to RAM.
#define WINDOW    UINT64_C (0x200000)
#define WINDOW_PA (TEST_RAM_BASE + 0x800000)
#define DEVICE_PA UINT64_C (0x0a000000)

enum {
  PAGE = 0x1000,
  WINDOW_PAGES = 24,
  WINDOW_BYTES = WINDOW_PAGES * PAGE,
  CODE_BASE = TEST_CODE,
  NZCV_C = 1 << 29,
  WNR = 1 << 6,
};

// [x0]!, [x1]!, x2! and [x0]!, x2!, x1; main and epilogue are `step` further each.
typedef struct Kind {
  const char *name;
  uint32_t prologue, step;
  bool copies, both_ways;
} Kind;

static const Kind kinds[] = {
    {"CPYF", 0x19010440, 0x00400000, true, false},
    {"CPY", 0x1d010440, 0x00400000, true, true},
    {"SET", 0x19c10440, 0x00004000, false, false},
};

typedef struct Guest {
  CpuVm *t;
  A64Cpu *cpu;
  uint64_t *descriptors[WINDOW_PAGES];
  uint8_t expected[WINDOW_BYTES];
} Guest;

static uint8_t *
window (Guest *g)
{
  return cpu_vm_host (g->t, WINDOW_PA);
}

static void
fill (Guest *g)
{
  for (unsigned i = 0; i < WINDOW_BYTES; i++)
    window (g)[i] = g->expected[i] = (uint8_t) (i * 7 + i / 251);
}

static void
write_code (Guest *g, const Kind *kind, unsigned options)
{
  uint32_t p = kind->prologue | options << 12;

  cpu_vm_write_code (g->t, CODE_BASE, (uint32_t[]){p, p + kind->step, p + 2 * kind->step, INSN_HVC},
                     4);
  a64_guest_ops.code_changed (g->cpu, 0, UINT64_MAX);
}

static void
guest_init (Guest *g)
{
  GuestAddr root;

  *g = (Guest){.t = cpu_vm_new (1)};
  g->cpu = cpu_vm_cpu (g->t, 0);
  root = cpu_vm_mmu_on (g->t, g->cpu, 0);
  for (unsigned i = 0; i < WINDOW_PAGES; i++)
    g->descriptors[i] = cpu_vm_map (
        g->t, root, &(TestMap){12, WINDOW + i * PAGE, 3, (WINDOW_PA + i * PAGE) | DESC_AF, 0});
  cpu_vm_enter (g->cpu, 1, 0xf);
  fill (g);
}

static void
guest_clear (Guest *g)
{
  cpu_vm_free (g->t);
}

typedef struct Job {
  uint64_t to, from, size; // offsets in the window
} Job;

static void
expect (Guest *g, const Kind *kind, const Job *job)
{
  if (kind->copies)
    memmove (g->expected + job->to, g->expected + job->from, job->size);
  else
    memset (g->expected + job->to, (uint8_t) (WINDOW + job->from), job->size);
}

static void
set_registers (Guest *g, const Job *job)
{
  g->cpu->x[0] = WINDOW + job->to;
  g->cpu->x[1] = WINDOW + job->from;
  g->cpu->x[2] = job->size;
  g->cpu->nzcv = 0xf0000000;
  cpu_vm_set (g->cpu, REG_ESR, 0);
}

static bool
is_backward (const Kind *kind, const Job *job)
{
  return kind->both_ways && job->from < job->to && job->from + job->size > job->to;
}

static void
assert_done (Guest *g, const Kind *kind, const Job *job)
{
  uint64_t end = is_backward (kind, job) ? 0 : job->size;

  assert_int_equal (cpu_vm_get (g->cpu, REG_ESR), 0);
  assert_int_equal (g->cpu->x[0], WINDOW + job->to + end);
  assert_int_equal (g->cpu->x[1], WINDOW + job->from + (kind->copies ? end : 0));
  assert_int_equal (g->cpu->x[2], 0);
  assert_int_equal (g->cpu->nzcv, 0);
  if (memcmp (window (g), g->expected, WINDOW_BYTES) != 0)
    fail_msg ("%s to %x from %x size %x", kind->name, (unsigned) job->to, (unsigned) job->from,
              (unsigned) job->size);
}

static const Job jobs[] = {
    {0x8000, 0x2000, 0},      {0x8000, 0x2000, 1},      {0x8001, 0x2ffe, 0x1000},
    {0x8fff, 0x2fff, 0x1001}, {0x9123, 0x2456, 0x5000}, {0x2000, 0x9000, 0x4321},
    {0x3000, 0x2001, 0x3456}, {0x2001, 0x3000, 0x3456}, {0x3001, 0x3000, 0x3000},
    {0x3000, 0x3001, 0x3000}, {0x3800, 0x3800, 0x2345}, {0x2fff, 0x2001, 0xfff},
};

static void
test_results (void **state)
{
  Guest g;

  (void) state;
  guest_init (&g);
  for (unsigned k = 0; k < G_N_ELEMENTS (kinds); k++)
    for (unsigned i = 0; i < G_N_ELEMENTS (jobs); i++) {
      // Where CPYF's memory overlaps forwards, what is copied is not defined.
      if (!kinds[k].both_ways && is_backward (&kinds[1], &jobs[i]))
        continue;
      write_code (&g, &kinds[k], 0);
      set_registers (&g, &jobs[i]);
      expect (&g, &kinds[k], &jobs[i]);
      assert_int_equal (cpu_vm_run (g.t, CODE_BASE), 3);
      assert_done (&g, &kinds[k], &jobs[i]);
    }
  guest_clear (&g);
}

// What a forward copy makes of memory that it overlaps itself does not depend on what the TLB holds.
static void
test_overlap (void **state)
{
  static const Job job = {0x2e13, 0x2e02, 0x2500};
  uint8_t *first;
  Guest g;

  (void) state;
  guest_init (&g);
  first = g_malloc (WINDOW_BYTES);
  write_code (&g, &kinds[0], 0);
  assert_false (kinds[0].both_ways);
  for (unsigned i = 0; i < 3; i++) {
    fill (&g);
    if (i == 2)
      a64_tlb_flush_all (g.cpu);
    set_registers (&g, &job);
    assert_int_equal (cpu_vm_run (g.t, CODE_BASE), 3);
    if (i == 0)
      memcpy (first, window (&g), WINDOW_BYTES);
    assert_memory_equal (first, window (&g), WINDOW_BYTES);
  }
  g_free (first);
  guest_clear (&g);
}

// What a stage leaves between the instructions: Option A.
static void
test_stages (void **state)
{
  static const Job job = {0x8100, 0x2200, 0x5000}, back = {0x2300, 0x2200, 0x5000};
  Guest g;

  (void) state;
  guest_init (&g);
  write_code (&g, &kinds[1], 0);
  for (unsigned i = 0; i < 2; i++) {
    cpu_vm_write_code (g.t, CODE_BASE + 4 + 4 * i, (uint32_t[]){INSN_HVC}, 1);
    a64_guest_ops.code_changed (g.cpu, 0, UINT64_MAX);
    set_registers (&g, &job);
    cpu_vm_run (g.t, CODE_BASE);
    assert_int_equal (g.cpu->x[0], WINDOW + job.to + job.size);
    assert_int_equal (g.cpu->x[1], WINDOW + job.from + job.size);
    // To the end of the source's page; then in pieces until less than a page is left.
    assert_int_equal (-g.cpu->x[2], i == 0 ? 0x5000 - 0xe00 : 0x200);
    assert_int_equal (g.cpu->nzcv, 0);
    set_registers (&g, &back);
    cpu_vm_run (g.t, CODE_BASE);
    assert_int_equal (g.cpu->x[0], WINDOW + back.to);
    assert_int_equal (g.cpu->x[1], WINDOW + back.from);
    assert_true ((int64_t) g.cpu->x[2] > 0 && g.cpu->x[2] < (i == 0 ? 0x5000 : 0x1000));
    write_code (&g, &kinds[1], 0);
  }
  guest_clear (&g);
}

// Sizes above the greatest are as the greatest.
static void
test_saturation (void **state)
{
  static const uint64_t greatest[] = {INT64_MAX, UINT64_C (0x007fffffffffffff), INT64_MAX};
  Guest g;

  (void) state;
  guest_init (&g);
  for (unsigned k = 0; k < G_N_ELEMENTS (kinds); k++) {
    write_code (&g, &kinds[k], 0);
    cpu_vm_write_code (g.t, CODE_BASE + 4, (uint32_t[]){INSN_HVC}, 1);
    set_registers (&g, &(Job){0x2f00, 0x9f00, UINT64_MAX});
    cpu_vm_run (g.t, CODE_BASE);
    assert_int_equal (-g.cpu->x[2], greatest[k] - 0x100);
    assert_int_equal (g.cpu->x[0], WINDOW + 0x2f00 + greatest[k]);
  }
  guest_clear (&g);
}

// ---- faults ---------------------------------------------------------------------------------

// Bytes of the job that the registers say are left.
static uint64_t
left (const Guest *g, bool prologue, bool backward)
{
  return prologue || backward ? g->cpu->x[2] : -g->cpu->x[2];
}

// One page is not there until the fault. Then the copy goes on at the instruction that faulted.
static void
check_fault (Guest *g, const Kind *kind, const Job *job, unsigned page, bool of_destination)
{
  uint64_t start = of_destination ? job->to : job->from, descriptor = *g->descriptors[page];
  uint64_t far, elr, done, page_start = MAX ((uint64_t) page * PAGE, start);
  uint64_t page_last = MIN ((uint64_t) page * PAGE + PAGE, start + job->size) - 1;
  bool backward = is_backward (kind, job);

  fill (g);
  set_registers (g, job);
  expect (g, kind, job);
  *g->descriptors[page] = 0;
  a64_guest_ops.code_changed (g->cpu, 0, UINT64_MAX);
  cpu_vm_set (g->cpu, REG_SCTLR, cpu_vm_get (g->cpu, REG_SCTLR) ^ A64_SCTLR_C); // flushes
  cpu_vm_run (g->t, CODE_BASE);
  far = cpu_vm_get (g->cpu, REG_FAR);
  elr = cpu_vm_get (g->cpu, REG_ELR);
  assert_int_equal (cpu_vm_get (g->cpu, REG_ESR), 0x96000000 | (of_destination ? WNR : 0) | 7);
  assert_int_equal (far, WINDOW + (backward ? page_last : page_start));
  assert_in_range (elr, CODE_BASE, CODE_BASE + 8);
  // Just what is on this side of the fault was done.
  done = job->size - left (g, elr == CODE_BASE, backward);
  assert_int_equal (done, backward ? start + job->size - 1 - page_last : page_start - start);
  if (elr == CODE_BASE) {
    assert_int_equal (g->cpu->x[0], WINDOW + job->to + (backward ? 0 : done));
    assert_int_equal (g->cpu->nzcv, 0xf0000000);
  }
  *g->descriptors[page] = descriptor;
  cpu_vm_set (g->cpu, REG_ESR, 0);
  cpu_vm_run (g->t, elr);
  assert_done (g, kind, job);
}

static void
test_faults (void **state)
{
  static const Job fault_jobs[] = {
      {0xc000, 0x2000, 0x5000}, // aligned alike
      {0xc321, 0x2fed, 0x5432}, {0xcfff, 0x2001, 0x4002},
      {0x5321, 0x2fed, 0x5432}, // backwards, where both ways exist
      {0x2456, 0x5432, 0x5678},
  };
  Guest g;

  (void) state;
  guest_init (&g);
  for (unsigned k = 0; k < G_N_ELEMENTS (kinds); k++)
    for (unsigned i = 0; i < G_N_ELEMENTS (fault_jobs); i++) {
      const Job *job = &fault_jobs[i];
      bool overlap = MAX (job->to, job->from) < MIN (job->to, job->from) + job->size;

      write_code (&g, &kinds[k], 0);
      if (!kinds[k].both_ways && overlap)
        continue;
      for (uint64_t page = job->to / PAGE; page <= (job->to + job->size - 1) / PAGE; page++)
        if (!overlap || page > (MIN (job->to, job->from) + job->size) / PAGE)
          check_fault (&g, &kinds[k], job, (unsigned) page, true);
      for (uint64_t page = job->from / PAGE; page <= (job->from + job->size - 1) / PAGE; page++)
        if (kinds[k].copies && (!overlap || page < MAX (job->to, job->from) / PAGE) &&
            job->from < job->to)
          check_fault (&g, &kinds[k], job, (unsigned) page, false);
    }
  guest_clear (&g);
}

// Read-only and unprivileged-only-in-part: which accesses are EL0's.
static void
test_unprivileged (void **state)
{
  static const Job job = {0x8000, 0x2000, 0x100};
  Guest g;

  (void) state;
  guest_init (&g);
  for (unsigned k = 0; k < G_N_ELEMENTS (kinds); k++)
    for (unsigned options = 0; options < (kinds[k].copies ? 16 : 4); options++)
      for (unsigned uao = 0; uao < 2; uao++) {
        bool write = options & 1, read = kinds[k].copies && (options & 2);

        write_code (&g, &kinds[k], options);
        set_registers (&g, &job);
        g.cpu->pstate.uao = uao;
        cpu_vm_run (g.t, CODE_BASE);
        g.cpu->pstate.uao = false;
        // EL0 has no access to any of the pages. The source is read first.
        assert_int_equal (cpu_vm_get (g.cpu, REG_ESR),
                          uao || !(read || write) ? 0 : 0x9600000f | (read ? 0 : WNR));
      }
  guest_clear (&g);
}

static void
test_el0 (void **state)
{
  Guest g;

  (void) state;
  guest_init (&g);
  *g.descriptors[0] |= DESC_EL0;
  cpu_vm_write_code (g.t, WINDOW_PA, (uint32_t[]){kinds[2].prologue, 0xd4000001 /* svc */}, 2);
  for (unsigned on = 0; on < 2; on++) {
    uint64_t sctlr = cpu_vm_get (g.cpu, REG_SCTLR) & ~A64_SCTLR_MSCEN;

    cpu_vm_set (g.cpu, REG_SCTLR, sctlr | (on ? A64_SCTLR_MSCEN : 0));
    set_registers (&g, &(Job){0x100, 0x7f, 0x20});
    cpu_vm_enter (g.cpu, 0, 0xf);
    cpu_vm_run (g.t, WINDOW);
    assert_int_equal (cpu_vm_get (g.cpu, REG_ESR), on ? 0x56000000 : 0x02000000);
    assert_int_equal (window (&g)[0x11f] == 0x7f, on);
    cpu_vm_enter (g.cpu, 1, 0xf);
  }
  guest_clear (&g);
}

// ---- exceptions of their own ----------------------------------------------------------------

static void
test_mismatch (void **state)
{
  Guest g;

  (void) state;
  guest_init (&g);
  for (unsigned k = 0; k < G_N_ELEMENTS (kinds); k++)
    for (unsigned options = 0; options < (kinds[k].copies ? 16 : 4); options++)
      for (unsigned stage = 1; stage < 3; stage++)
        for (unsigned wrong_option = 0; wrong_option < 2; wrong_option++) {
          uint64_t iss = 0x9e000000 | 1 << 16 | 0 << 10 | 1 << 5 | 2 | options << 19;

          write_code (&g, &kinds[k], options);
          set_registers (&g, &(Job){0x8000, 0x2000, (uint64_t) -0x1000});
          g.cpu->nzcv = wrong_option ? NZCV_C : 0;
          g.cpu->pstate.uao = true;
          iss |= (kinds[k].copies ? 0 : 1 << 24) | (stage == 2 ? 1 << 18 : 0) | wrong_option << 17;
          if (stage == 1 && !wrong_option)
            continue;
          cpu_vm_run (g.t, CODE_BASE + 4 * stage);
          assert_int_equal (cpu_vm_get (g.cpu, REG_ESR), iss);
          assert_int_equal (cpu_vm_get (g.cpu, REG_ELR), CODE_BASE + 4 * stage);
          assert_int_equal (g.cpu->x[2], (uint64_t) -0x1000);
          // With nothing left, nothing is looked at.
          set_registers (&g, &(Job){0x8000, 0x2000, 0});
          cpu_vm_run (g.t, CODE_BASE + 4 * stage);
          assert_int_equal (cpu_vm_get (g.cpu, REG_ESR), 0);
        }
  guest_clear (&g);
}

static void
test_undefined (void **state)
{
  static const uint32_t words[] = {
      0x19010400, 0x19000440, 0x19020440, // the same register twice
      0x1901045f, 0x190107e0, 0x191f0440, // register 31
      0x1d010400, 0x19c00440, 0x19c1045f, 0x19c107e0,
      0x1dc10440, // FEAT_MTE: SETGP
      0x19c1c440, // no stage
      0x59010440,
  };
  Guest g;

  (void) state;
  guest_init (&g);
  for (unsigned i = 0; i < G_N_ELEMENTS (words); i++) {
    cpu_vm_write_code (g.t, CODE_BASE, &words[i], 1);
    a64_guest_ops.code_changed (g.cpu, 0, UINT64_MAX);
    cpu_vm_set (g.cpu, REG_ESR, 0);
    cpu_vm_run (g.t, CODE_BASE);
    assert_int_equal (cpu_vm_get (g.cpu, REG_ESR), 0x02000000);
  }
  // SET of the zero register.
  cpu_vm_write_code (g.t, CODE_BASE, (uint32_t[]){0x19df0440, INSN_HVC}, 2);
  a64_guest_ops.code_changed (g.cpu, 0, UINT64_MAX);
  set_registers (&g, &(Job){0x1000, 0, 0x20});
  cpu_vm_run (g.t, CODE_BASE);
  assert_int_equal (window (&g)[0x101f], 0);
  guest_clear (&g);
}

// ---- interrupted ----------------------------------------------------------------------------

// A device whose writes ask the CPU to leave.
static uint64_t
device_read (void *opaque, uint64_t offset, unsigned size)
{
  (void) opaque, (void) offset, (void) size;
  return 0x5a;
}

static void
device_write (void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
  Guest *g = opaque;

  (void) size;
  g->expected[offset] = (uint8_t) value;
  vcpu_request (g->t->vcpus[0], VCPU_EXIT);
}

// The main instruction is left where it is when somebody wants something of the CPU, with the
// number of instructions exact, and goes on there.
static void
test_interrupted (void **state)
{
  static const MmioOps ops = {device_read, device_write, .sizes = 1 | 2 | 4 | 8};
  Guest g;
  uint64_t before;
  unsigned leaves = 0;

  (void) state;
  guest_init (&g);
  mem_bus_add_mmio (g.t->vm.bus, "leaver", DEVICE_PA, 0x1000, &ops, &g);
  *g.descriptors[10] = DEVICE_PA | DESC_AF | DESC_DEVICE | 3;
  write_code (&g, &kinds[1], 0);
  set_registers (&g, &(Job){0x9000, 0x2000, 0x4000});
  before = g.cpu->instructions;
  g.cpu->pc = CODE_BASE;
  while (g.cpu->x[2] != 0 || leaves == 0) {
    a64_guest_ops.run (g.cpu);
    atomic_fetch_and (&g.cpu->pending, ~(uint32_t) VCPU_EXIT);
    if (g.cpu->x[2] == 0)
      break;
    leaves++;
    assert_int_equal (g.cpu->pc, CODE_BASE + 4);
    assert_int_equal (g.cpu->instructions - before, 1);
    assert_int_equal (-g.cpu->x[2], 0x4000 - 0x1000 - leaves);
  }
  // Byte by byte there, up to where less than a page is left.
  assert_int_equal (leaves, 0x1000);
  assert_int_equal (cpu_vm_get (g.cpu, REG_ESR), 0);
  assert_memory_equal (g.expected, window (&g) + 0x3000, 0x1000);
  assert_memory_equal (window (&g) + 0xb000, window (&g) + 0x4000, 0x2000);
  assert_int_equal (g.cpu->instructions - before, 4);
  guest_clear (&g);
}

// A software step of a main instruction that is left has not happened yet (D2.12.3).
static void
test_stepped (void **state)
{
  static const MmioOps ops = {device_read, device_write, .sizes = 1 | 2 | 4 | 8};
  Guest g;

  (void) state;
  guest_init (&g);
  mem_bus_add_mmio (g.t->vm.bus, "leaver", DEVICE_PA, 0x1000, &ops, &g);
  *g.descriptors[10] = DEVICE_PA | DESC_AF | DESC_DEVICE | 3;
  write_code (&g, &kinds[2], 0);
  set_registers (&g, &(Job){0xafff, 0x2000, 0});
  g.cpu->x[2] = (uint64_t) -0x1001;
  g.cpu->x[0] += 0x1001;
  g.cpu->nzcv = 0;
  cpu_vm_set (g.cpu, REG_OSLAR, 0);
  cpu_vm_set (g.cpu, REG_MDSCR, A64_MDSCR_SS | A64_MDSCR_KDE);
  cpu_vm_enter (g.cpu, 1, 0);
  g.cpu->pstate.ss = true;
  g.cpu->pc = CODE_BASE + 4;
  a64_guest_ops.run (g.cpu);
  assert_int_equal (g.cpu->pc, CODE_BASE + 4);
  assert_true (g.cpu->pstate.ss);
  assert_int_equal (cpu_vm_get (g.cpu, REG_ESR), 0);
  guest_clear (&g);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_results),   cmocka_unit_test (test_overlap),
      cmocka_unit_test (test_stages),    cmocka_unit_test (test_saturation),
      cmocka_unit_test (test_faults),    cmocka_unit_test (test_unprivileged),
      cmocka_unit_test (test_el0),       cmocka_unit_test (test_mismatch),
      cmocka_unit_test (test_undefined), cmocka_unit_test (test_interrupted),
      cmocka_unit_test (test_stepped),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
