// SPDX-License-Identifier: GPL-3.0-or-later
// Compares a64_decode with an independent disassembler, binutils' objdump: for words from fixed
// seeds, is the word an instruction or unallocated? One half of the words is uniformly random, the
// other is made of the decode table's rows with random free bits. The words on which the two may
// differ are listed, with reasons, in decode-skip.inc.
//
// Usage: decode-objdump N_WORDS [FIRST_SEED]. Needs aarch64-linux-gnu-objdump; without it the test
// is skipped (exit status 77).
#include <fnmatch.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/guest/aarch64/decode.h"

enum {
  CHUNK = 1 << 18, // words, and so 1 MiB, per run of objdump
  MAX_REPORTED = 200,
};

typedef enum Side {
  THEY_ALLOW, // objdump prints an instruction that we do not have
  WE_ALLOW,   // we have one that objdump does not print
} Side;

typedef struct Skip {
  Side side;
  uint32_t mask, value;
  const char *mnemonic; // objdump's, a glob
  const char *reason;
} Skip;

static const Skip skips[] = {
#define SKIP(side, mask, value, mnemonic, reason) {side, mask, value, mnemonic, reason},
#include "decode-skip.inc"
#undef SKIP
};

typedef struct Report {
  GHashTable *groups; // "side mnemonic row" -> Group
  uint64_t n_words, n_allocated, n_skipped, n_different;
  uint64_t used[G_N_ELEMENTS (skips)];
} Report;

typedef struct Group {
  unsigned count;
  uint32_t example;
} Group;

// xorshift64*: the words must be the same everywhere and always.
static uint64_t
next_random (uint64_t *state)
{
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return *state * UINT64_C (0x2545f4914f6cdd1d);
}

static void
make_words (uint32_t *words, unsigned n, uint64_t seed)
{
  uint64_t state = seed * UINT64_C (0x9e3779b97f4a7c15) + 1;

  for (unsigned i = 0; i < n; i++) {
    uint32_t random = (uint32_t) (next_random (&state) >> 32);

    words[i] = random;
    if (i % 2 != 0) {
      uint32_t mask, value;
      a64_insn_pattern ((unsigned) ((next_random (&state) >> 32) % A64_N_INSNS), &mask, &value);
      words[i] = (random & ~mask) | value;
    }
  }
}

static bool
is_skipped (Report *report, Side side, uint32_t word, const char *mnemonic)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (skips); i++) {
    const Skip *skip = &skips[i];

    if (skip->side != side || (word & skip->mask) != skip->value ||
        fnmatch (skip->mnemonic, mnemonic, 0) != 0)
      continue;
    report->used[i]++;
    report->n_skipped++;
    return true;
  }
  return false;
}

static void
compare (Report *report, uint32_t word, const char *mnemonic)
{
  A64Op op;
  bool ours = a64_decode (word, &op);
  bool theirs = strcmp (mnemonic, ".inst") != 0;
  Side side = theirs ? THEY_ALLOW : WE_ALLOW;
  char key[96];
  Group *group;

  report->n_words++;
  report->n_allocated += ours;
  if (ours == theirs || is_skipped (report, side, word, mnemonic))
    return;
  report->n_different++;
  g_snprintf (key, sizeof key, "%s %s", theirs ? mnemonic : "undefined", a64_insn_name (op.id));
  group = g_hash_table_lookup (report->groups, key);
  if (group == NULL) {
    group = g_new0 (Group, 1);
    group->example = word;
    g_hash_table_insert (report->groups, g_strdup (key), group);
  }
  group->count++;
}

// A line of the listing is "  OFFSET:<TAB>WORD <TAB>MNEMONIC<TAB>OPERANDS".
static bool
parse_line (char *line, uint32_t *word, const char **mnemonic)
{
  char *colon = strchr (line, ':'), *end;
  unsigned long value;

  if (colon == NULL || colon[1] != '\t')
    return false;
  value = strtoul (colon + 2, &end, 16);
  if (end != colon + 10 || end[0] != ' ' || end[1] != '\t')
    return false;
  *word = (uint32_t) value;
  *mnemonic = end + 2;
  end[2 + strcspn (end + 2, " \t\n")] = '\0';
  return true;
}

static bool
run_chunk (Report *report, const char *path, const uint32_t *words, unsigned n)
{
  g_autofree char *command =
      g_strdup_printf ("aarch64-linux-gnu-objdump -D -z -b binary -m aarch64 %s", path);
  char *line = NULL;
  size_t size = 0;
  unsigned i = 0;
  FILE *pipe;

  if (!g_file_set_contents (path, (const char *) words, (gssize) (n * sizeof *words), NULL))
    return false;
  pipe = popen (command, "r");
  if (pipe == NULL)
    return false;
  while (getline (&line, &size, pipe) > 0) {
    const char *mnemonic;
    uint32_t word;

    if (!parse_line (line, &word, &mnemonic))
      continue;
    if (i == n || word != words[i]) {
      fprintf (stderr, "objdump's word %u is %08x\n", i, word);
      break;
    }
    compare (report, word, mnemonic);
    i++;
  }
  free (line);
  return pclose (pipe) == 0 && i == n;
}

static void
print_report (const Report *report)
{
  GHashTableIter iter;
  gpointer key, value;
  unsigned n = 0;

  printf ("%" G_GUINT64_FORMAT " words, %" G_GUINT64_FORMAT " allocated, %" G_GUINT64_FORMAT
          " skipped, %" G_GUINT64_FORMAT " different\n",
          report->n_words, report->n_allocated, report->n_skipped, report->n_different);
  g_hash_table_iter_init (&iter, report->groups);
  while (g_hash_table_iter_next (&iter, &key, &value) && n++ < MAX_REPORTED) {
    const Group *group = value;
    printf ("  %08x objdump/ours: %s (%u times)\n", group->example, (const char *) key,
            group->count);
  }
  for (unsigned i = 0; i < G_N_ELEMENTS (skips); i++)
    printf ("  skipped %8" G_GUINT64_FORMAT ": %s\n", report->used[i], skips[i].reason);
}

int
main (int argc, char **argv)
{
  uint64_t n_words = argc > 1 ? g_ascii_strtoull (argv[1], NULL, 10) : 0;
  uint64_t seed = argc > 2 ? g_ascii_strtoull (argv[2], NULL, 10) : 1;
  g_autofree char *objdump = g_find_program_in_path ("aarch64-linux-gnu-objdump");
  g_autofree char *dir = g_dir_make_tmp ("decode-XXXXXX", NULL);
  g_autofree char *path = dir != NULL ? g_build_filename (dir, "words.bin", NULL) : NULL;
  g_autofree uint32_t *words = g_new (uint32_t, CHUNK);
  Report report = {.groups = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free)};
  bool ok = n_words > 0 && path != NULL;

  if (objdump == NULL)
    return 77;
  for (uint64_t done = 0; ok && done < n_words; seed++) {
    unsigned n = (unsigned) MIN (n_words - done, CHUNK);

    make_words (words, n, seed);
    ok = run_chunk (&report, path, words, n);
    done += n;
  }
  print_report (&report);
  if (path != NULL) {
    unlink (path);
    rmdir (dir);
  }
  ok = ok && report.n_different == 0;
  g_hash_table_unref (report.groups);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
