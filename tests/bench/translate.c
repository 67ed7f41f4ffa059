// SPDX-License-Identifier: GPL-3.0-or-later
// What translation costs: the regions of a run's --jit-dump are made again, in their order, by the
// translator as it is now. CPU time of this thread for each guest instruction: of the first time,
// with caches and memory as they come, and the least of the other rounds, which find all warm; and for
// each of the guest's instructions that are in the dump once or more often, that is, for new ones.
//
//   bench-translate DUMP [ROUNDS [NEW]]
//
// NEW: where the last round is dumped to; two such of two translators show what a change made of the
// code of a whole boot. (Regions with instructions for tier 0 have addresses of the program in them.)
// `valgrind --tool=callgrind` counts its instructions; --toggle-collect=a64_jit_find leaves out the
// reading of the dump.
#include <gio/gio.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "engine/guest/aarch64/aarch64.h"
#include "engine/guest/aarch64/accel-jit.h"
#include "engine/host/x86_64/host.h"
#include "engine/jit/jit.h"
#include "tests/unit/guest/cpu-vm.h"

enum {
  ROUNDS = 5,
  CODE_BYTES = 256 << 20,
  MODE_EL1 = 1, // of accel-jit.c; other modes are taken for the ordinary one of their level
};

// Where it is, and what the guest's page was like.
typedef struct Region {
  GuestAddr pa;
  unsigned mode;
  uint32_t *page;
  bool changed; // it was another before
} Region;

typedef struct Reader {
  GHashTable *pages; // by address: the page, and which of its words are known
  GArray *regions;
  uint64_t n_new; // words that were not known
} Reader;

typedef struct Page {
  bool known[A64_PAGE_SIZE / 4];
  uint32_t *words;
} Page;

// ---- reading --------------------------------------------------------------------------------

static uint32_t *
new_words (const uint32_t *like)
{
  uint32_t *words = g_aligned_alloc (A64_PAGE_SIZE / 4, sizeof *words, A64_PAGE_SIZE);

  memset (words, 0, A64_PAGE_SIZE);
  if (like != NULL)
    memcpy (words, like, A64_PAGE_SIZE);
  return words;
}

static Page *
page_of (Reader *reader, GuestAddr pa)
{
  GuestAddr key = pa & ~(GuestAddr) (A64_PAGE_SIZE - 1);
  Page *page = g_hash_table_lookup (reader->pages, &key);

  if (page != NULL)
    return page;
  page = g_new0 (Page, 1);
  page->words = new_words (NULL);
  g_hash_table_insert (reader->pages, g_memdup2 (&key, sizeof key), page);
  return page;
}

static void
read_word (Reader *reader, const char *line)
{
  Region *region = &g_array_index (reader->regions, Region, reader->regions->len - 1);
  char *end;
  unsigned at = (unsigned) strtoul (line, &end, 16) / 4 % (A64_PAGE_SIZE / 4);
  uint32_t word = (uint32_t) strtoul (end, NULL, 16);
  Page *page = page_of (reader, region->pa);

  if (page->known[at] && page->words[at] != word) {
    page->words = region->page = new_words (page->words);
    region->changed = true;
  }
  reader->n_new += !page->known[at] || page->words[at] != word;
  page->known[at] = true;
  page->words[at] = word;
}

static void
read_region (Reader *reader, const char *line)
{
  char *end;
  Region region = {.pa = strtoull (line, &end, 16)};

  region.mode = (unsigned) strtoul (end + strlen (" mode "), NULL, 16);
  region.page = page_of (reader, region.pa)->words;
  g_array_append_val (reader->regions, region);
}

static bool
read_dump (Reader *reader, const char *name)
{
  FILE *file = fopen (name, "r");
  char line[256];

  if (file == NULL)
    return false;
  while (fgets (line, sizeof line, file) != NULL)
    if (g_str_has_prefix (line, "region "))
      read_region (reader, line + strlen ("region "));
    else if (g_str_has_prefix (line, "entry "))
      read_region (reader, line + strlen ("entry "));
    else if (g_str_has_prefix (line, "guest ") && reader->regions->len > 0)
      read_word (reader, line + strlen ("guest "));
  fclose (file);
  return reader->regions->len > 0;
}

// ---- making ---------------------------------------------------------------------------------

static double
now_ns (void)
{
  struct timespec t;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &t);
  return (double) t.tv_sec * 1e9 + (double) t.tv_nsec;
}

// Nanoseconds; *insns: how many instructions were translated.
static double
make_all (const Reader *reader, const char *dump, uint64_t *insns)
{
  const JitConfig config = {.bytes = CODE_BYTES, .at_once = true, .dump = dump};
  CpuVm *vm = cpu_vm_new (1);
  A64Cpu *cpu = cpu_vm_cpu (vm, 0);
  g_autoptr (GString) figures = g_string_new (NULL);
  double took = 0;

  *insns = 0;
  if (!a64_use_jit (vm->vcpus[0], &x64_host_ops, &config, NULL))
    return 0;
  cpu_vm_set (cpu, REG_CPACR, 0x300000);
  double begin = now_ns ();
  for (unsigned i = 0; i < reader->regions->len; i++) {
    const Region *region = &g_array_index (reader->regions, Region, i);

    cpu->pstate.el = region->mode & MODE_EL1;
    if (region->changed)
      a64_jit_mark_page (cpu, region->pa);
    a64_jit_find (cpu, region->pa, (const uint8_t *) region->page);
  }
  took = now_ns () - begin;
  a64_jit_report (cpu, figures);
  sscanf (strstr (figures->str, "insns="), "insns=%" G_GUINT64_FORMAT, insns);
  cpu_vm_free (vm);
  return took;
}

static void
print (const char *name, double took, uint64_t insns, uint64_t n_new)
{
  printf ("%s %.1f ns an instruction, %.1f a new one\n", name, took / (double) insns,
          took / (double) n_new);
}

int
main (int argc, char **argv)
{
  Reader reader = {.pages = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free),
                   .regions = g_array_new (false, false, sizeof (Region))};
  unsigned rounds = argc > 2 ? (unsigned) atoi (argv[2]) : ROUNDS;
  uint64_t insns = 0;
  double least = 0;

  if (argc < 2 || !read_dump (&reader, argv[1])) {
    fprintf (stderr, "bench-translate: no regions\n");
    return EXIT_FAILURE;
  }
  for (unsigned i = 0; i < rounds; i++) {
    double took = make_all (&reader, argc > 3 && i + 1 == rounds ? argv[3] : NULL, &insns);

    if (i == 0)
      print ("first", took, insns, reader.n_new);
    else if (least == 0 || took < least)
      least = took;
  }
  if (rounds > 1)
    print ("then ", least, insns, reader.n_new);
  g_array_free (reader.regions, true);
  g_hash_table_destroy (reader.pages);
  return EXIT_SUCCESS;
}
