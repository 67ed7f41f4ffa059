// SPDX-License-Identifier: GPL-3.0-or-later
// Memory copies and sets (C6.2, FEAT_MOPS): results, faults of every page of source and destination
// with what the registers say then, unprivileged forms, SCTLR_EL1.MSCEn, and the exceptions of
// their own (D19.2.37, EC 0x27). The architecture leaves two formats of the registers open; both
// machines have Option A, and the amounts of the stages are read from the registers.
#include "el1.h"

#define SCTLR_MSCEN BIT (33)
#define WINDOW      0x300000000u // pages that come and go
#define NZCV_C      BIT (29)
#define SIZE        0x2345

enum { PAGES_OF_WINDOW = 16, PAGE = 0x1000 };

const Trap *run_code (u64 pc, u64 spsr, const u64 *x);

// [x0]!, [x1]!, x2! and [x0]!, x2!, x1.
CODE (c_cpyf, ".inst 0x19010440, 0x19410440, 0x19810440");
CODE (c_cpy, ".inst 0x1d010440, 0x1d410440, 0x1d810440");
CODE (c_set, ".inst 0x19c10440, 0x19c14440, 0x19c18440");
// Reads, writes and both as EL0.
CODE (c_cpyf_rt, ".inst 0x19012440, 0x19412440, 0x19812440");
CODE (c_cpyf_wt, ".inst 0x19011440, 0x19411440, 0x19811440");
CODE (c_cpy_tn, ".inst 0x1d01f440, 0x1d41f440, 0x1d81f440");
CODE (c_set_t, ".inst 0x19c11440, 0x19c15440, 0x19c19440");

typedef struct Kind {
  const char *what;
  const u32 *code;
  bool copies, both_ways;
} Kind;

static const Kind kinds[] = {
    {"cpyf", c_cpyf, true, false},
    {"cpy", c_cpy, true, true},
    {"set", c_set, false, false},
};

static u64 base; // of the window's memory

static void
map_window (u64 bits)
{
  for (unsigned i = 0; i < PAGES_OF_WINDOW; i++)
    map (&low_space, WINDOW + i * PAGE, base + i * PAGE, 3, D_RAM | D_UXN | D_PXN | bits);
  flush_tlb ();
}

static void
fill (void)
{
  for (unsigned i = 0; i < PAGES_OF_WINDOW * PAGE; i++)
    ((volatile u8 *) base)[i] = (u8) (i * 7 + i / 251);
}

// Whether the window is as the job should leave it after `fill`.
static bool
is_done (const Kind *kind, u64 to, u64 from)
{
  for (unsigned i = 0; i < PAGES_OF_WINDOW * PAGE; i++) {
    unsigned at = i - to < SIZE && kind->copies ? (unsigned) (i - to + from) : i;
    u8 expected = (u8) (at * 7 + at / 251);

    if (!kind->copies && i - to < SIZE)
      expected = (u8) (WINDOW + from);
    if (((volatile u8 *) base)[i] != expected)
      return false;
  }
  return true;
}

static const Trap *
start (const Kind *kind, u64 to, u64 from)
{
  const u64 x[8] = {WINDOW + to, WINDOW + from, SIZE};

  fill ();
  return run_code ((u64) kind->code, EL1H, x);
}

static bool
is_backward (const Kind *kind, u64 to, u64 from)
{
  return kind->both_ways && from < to && to < from + SIZE;
}

static void
check_done (const char *what, const Kind *kind, u64 to, u64 from, const Trap *t)
{
  u64 moved = is_backward (kind, to, from) ? 0 : SIZE;

  check_end (what, t);
  check_that (name ("%s-memory", what), is_done (kind, to, from));
  check (name ("%s-to", what), t->x[0], WINDOW + to + moved);
  check (name ("%s-from", what), t->x[1], WINDOW + from + (kind->copies ? moved : 0));
  check (name ("%s-left", what), t->x[2], 0);
  check (name ("%s-nzcv", what), t->spsr >> 28, 0);
}

// One page away; then it comes back and the code goes on.
static void
test_fault (const Kind *kind, u64 to, u64 from, unsigned page, bool write)
{
  u64 first = write ? to : from, start_of_page = (u64) page * PAGE;
  u64 low = start_of_page > first ? start_of_page : first;
  u64 high = start_of_page + PAGE < first + SIZE ? start_of_page + PAGE : first + SIZE;
  bool back = is_backward (kind, to, from);
  const char *what = name ("%s-%s-page-%d", kind->what, write ? "write" : "read", page);
  u64 *entry = entry_at (&low_space, WINDOW + start_of_page, 3), kept = *entry;

  *entry = 0;
  flush_tlb ();
  const Trap *t = start (kind, to, from);
  u64 at = t->elr - (u64) kind->code, left = back || at == 0 ? t->x[2] : -t->x[2];

  check (name ("%s-esr", what), t->esr, ESR (0x25, (write ? WNR : 0) | 7));
  check (name ("%s-far", what), t->far, WINDOW + (back ? high - 1 : low));
  check_that (name ("%s-elr", what), at <= 8 && at % 4 == 0);
  check (name ("%s-left", what), left, back ? high - first : first + SIZE - low);
  if (at == 0)
    check (name ("%s-prologue-to", what), t->x[0], WINDOW + to + (back ? 0 : SIZE - left));
  *entry = kept;
  flush_tlb ();
  t = run_code (t->elr, (t->spsr & 0xf0000000) | EL1H, t->x);
  check_done (what, kind, to, from, t);
}

static void
test_kind (const Kind *kind)
{
  static const struct {
    u16 to, from;
  } jobs[] = {{0x8000, 0x2000}, {0x8fed, 0x2123}, {0x2345, 0x9fff}};

  for (unsigned i = 0; i < sizeof jobs / sizeof *jobs; i++) {
    u64 to = jobs[i].to, from = jobs[i].from;

    check_done (name ("%s-%d", kind->what, i), kind, to, from, start (kind, to, from));
    for (unsigned page = to / PAGE; page <= (to + SIZE - 1) / PAGE; page++)
      test_fault (kind, to, from, page, true);
    for (unsigned page = from / PAGE; kind->copies && page <= (from + SIZE - 1) / PAGE; page++)
      test_fault (kind, to, from, page, false);
  }
}

static void
test_overlap (void)
{
  check_done ("cpy-to-higher", &kinds[1], 0x2f00, 0x2e81, start (&kinds[1], 0x2f00, 0x2e81));
  check_done ("cpy-to-lower", &kinds[1], 0x2e81, 0x2f00, start (&kinds[1], 0x2e81, 0x2f00));
  check_done ("cpy-to-itself", &kinds[1], 0x2f00, 0x2f00, start (&kinds[1], 0x2f00, 0x2f00));
  // Where reads go first: backwards from the last page of the destination alone.
  test_fault (&kinds[1], 0x5100, 0x2ff0, 7, true);
}

// ---- who may --------------------------------------------------------------------------------

static void
test_unprivileged (void)
{
  static const struct {
    const char *what;
    const u32 *code;
    bool reads, writes;
  } forms[] = {
      {"cpyf", c_cpyf, false, false},     {"cpyfrt", c_cpyf_rt, true, false},
      {"cpyfwt", c_cpyf_wt, false, true}, {"cpytn", c_cpy_tn, true, true},
      {"set", c_set, false, false},       {"sett", c_set_t, false, true},
  };
  const u64 x[8] = {WINDOW + 0x8000, WINDOW + 0x2000, 0x80};

  for (unsigned i = 0; i < sizeof forms / sizeof *forms; i++) {
    bool any = forms[i].reads || forms[i].writes;
    u64 esr = any ? ESR (0x25, (forms[i].reads ? 0 : WNR) | 0xf) : (u64) ESR_END;

    map_window (0);
    check (name ("%s-of-el1-pages", forms[i].what), run_code ((u64) forms[i].code, EL1H, x)->esr,
           esr);
    check (name ("%s-with-uao", forms[i].what),
           run_code ((u64) forms[i].code, EL1H | SPSR_UAO, x)->esr, ESR_END);
    // PAN forbids EL0's pages to what is not unprivileged.
    map_window (D_EL0);
    bool set = forms[i].code == c_set || forms[i].code == c_set_t;
    bool refused = set ? !forms[i].writes : !forms[i].reads || !forms[i].writes;
    bool of_write = set || forms[i].reads;
    esr = refused ? ESR (0x25, (of_write ? WNR : 0) | 0xf) : (u64) ESR_END;
    check (name ("%s-with-pan", forms[i].what),
           run_code ((u64) forms[i].code, EL1H | SPSR_PAN, x)->esr, esr);
  }
  map_window (0);
}

static void
test_el0 (void)
{
  const u64 x[8] = {WINDOW + 0x8000, WINDOW + 0x2000, 0x80};

  map_window (D_EL0);
  for (unsigned i = 0; i < 3; i++) {
    sctlr_set (0, SCTLR_MSCEN);
    check (name ("%s-el0-without-mscen", kinds[i].what),
           run_code (el0_address (kinds[i].code), EL0, x)->esr, ESR (0, 0));
    check (name ("%s-el1-without-mscen", kinds[i].what),
           run_code ((u64) kinds[i].code, EL1H, x)->esr, ESR_END);
    sctlr_set (SCTLR_MSCEN, 0);
    check (name ("%s-el0", kinds[i].what), run_code (el0_address (kinds[i].code), EL0, x)->esr,
           ESR_END);
  }
  map_window (0);
}

// ---- registers that no prologue left --------------------------------------------------------

static void
test_mismatch (void)
{
  static const u32 *const forms[] = {c_cpyf, c_cpy, c_set, c_cpyf_rt, c_cpy_tn, c_set_t};
  const u64 x[8] = {WINDOW + 0x9000, WINDOW + 0x3000, (u64) -0x1000};
  const u64 nothing[8] = {WINDOW + 0x9000, WINDOW + 0x3000, 0};

  map_window (D_EL0);
  for (unsigned i = 0; i < sizeof forms / sizeof *forms; i++) {
    bool set = (forms[i][0] & 0x00c00000) == 0x00c00000;
    unsigned options = forms[i][0] >> 12 & (set ? 3 : 15);
    u64 iss = 1 << 16 | 1 << 5 | 2 | options << 19 | (set ? 1 << 24 : 0);

    for (unsigned stage = 1; stage < 3; stage++)
      for (unsigned el = 0; el < 2; el++) {
        u64 pc = el ? (u64) (forms[i] + stage) : el0_address (forms[i] + stage);
        u64 spsr = el ? EL1H | SPSR_UAO : EL0, from = stage == 2 ? 1 << 18 : 0;
        const Trap *t = run_code (pc, spsr | NZCV_C, x);

        check (name ("mismatch-%d-%d-el%d-option", i, stage, el), t->esr,
               ESR (0x27, iss | from | 1 << 17));
        check (name ("mismatch-%d-%d-el%d-elr", i, stage, el), t->elr, pc);
        check (name ("mismatch-%d-%d-el%d-left", i, stage, el), t->x[2], x[2]);
        // More than an epilogue does.
        if (stage == 2)
          check (name ("mismatch-%d-el%d-size", i, el), run_code (pc, spsr, x)->esr,
                 ESR (0x27, iss | from));
        check (name ("mismatch-%d-%d-el%d-nothing-left", i, stage, el),
               run_code (pc, spsr | NZCV_C, nothing)->esr, ESR_END);
      }
  }
  map_window (0);
}

void
test_main (void)
{
  start_mmu ();
  // Without the feature there is nothing to see.
  if ((READ (s3_0_c0_c6_2) >> 16 & 15) == 0) {
    check_trap ("absent", run (c_cpy, EL1H, 0, 0), FROM_EL1H, ESR (0, 0), 0);
    return;
  }
  base = page_new ();
  map_window (0);
  for (unsigned i = 0; i < 3; i++)
    test_kind (&kinds[i]);
  test_overlap ();
  test_unprivileged ();
  test_el0 ();
  test_mismatch ();
}
