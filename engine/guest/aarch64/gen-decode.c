// SPDX-License-Identifier: GPL-3.0-or-later
// Build-time program: prints the decode tree of decode.inc as C arrays. Each of the 2048 values of
// bits 31:21 has the list of rows that can match it, the most specific mask first: masks and values
// lie next to one another, which is what decoding waits for, and so does which function reads the
// operands.
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Row {
  uint32_t mask, value;
  const char *name, *format;
} Row;

static const Row rows[] = {
#define A64_INSN(id, mask, value, format, flags) {mask, value, #id, #format},
#include "engine/guest/aarch64/decode.inc"
#undef A64_INSN
};

enum { N_ROWS = sizeof rows / sizeof rows[0], N_BUCKETS = 2048 };

static int
compare_rows (const void *a, const void *b)
{
  unsigned i = *(const unsigned *) a, j = *(const unsigned *) b;
  int bits_i = __builtin_popcount (rows[i].mask), bits_j = __builtin_popcount (rows[j].mask);

  if (bits_i != bits_j)
    return bits_j - bits_i;
  return i < j ? -1 : 1;
}

// Prints the table of the functions; formats[i]: that of row i in it.
static void
print_formats (unsigned char formats[N_ROWS])
{
  const char *names[UCHAR_MAX + 1];
  unsigned n = 0;

  printf ("static bool (*const a64_tree_formats[]) (uint32_t insn, A64Op *op) = {\n");
  for (unsigned i = 0; i < N_ROWS; i++) {
    unsigned k = 0;

    while (k < n && strcmp (names[k], rows[i].format) != 0)
      k++;
    if (k == n) {
      if (n > UCHAR_MAX)
        exit (1);
      names[n++] = rows[i].format;
      printf ("  a64_fmt_%s,\n", rows[i].format);
    }
    formats[i] = (unsigned char) k;
  }
  printf ("};\n");
}

int
main (void)
{
  static unsigned start[N_BUCKETS + 1];
  unsigned char formats[N_ROWS];
  unsigned order[N_ROWS], total = 0;

  for (unsigned i = 0; i < N_ROWS; i++) {
    if ((rows[i].value & ~rows[i].mask) != 0) {
      fprintf (stderr, "decode.inc: %s: value has bits outside its mask\n", rows[i].name);
      return 1;
    }
    order[i] = i;
  }
  qsort (order, N_ROWS, sizeof order[0], compare_rows);

  print_formats (formats);
  printf ("static const struct {\n  uint32_t mask, value;\n  uint16_t id;\n  uint8_t format;\n"
          "} a64_tree_rows[] = {");
  for (unsigned bucket = 0; bucket < N_BUCKETS; bucket++) {
    start[bucket] = total;
    for (unsigned k = 0; k < N_ROWS; k++) {
      const Row *row = &rows[order[k]];
      if ((((bucket << 21) ^ row->value) & row->mask & 0xffe00000u) == 0) {
        printf ("%s{0x%08x, 0x%08x, %u, %u},", total % 4 == 0 ? "\n  " : " ", (unsigned) row->mask,
                (unsigned) row->value, order[k], formats[order[k]]);
        total++;
      }
    }
  }
  start[N_BUCKETS] = total;
  printf ("\n};\nstatic const uint32_t a64_tree_start[%d] = {", N_BUCKETS + 1);
  for (unsigned bucket = 0; bucket <= N_BUCKETS; bucket++)
    printf ("%s%u,", bucket % 16 == 0 ? "\n  " : " ", start[bucket]);
  printf ("\n};\n");
  return 0;
}
