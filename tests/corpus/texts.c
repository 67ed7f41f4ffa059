// SPDX-License-Identifier: GPL-3.0-or-later
// Searching and compressing text.
#define _GNU_SOURCE
#include "corpus.h"

enum { LENGTH = 600 };

static char text[LENGTH + 1];

static void
fill (unsigned letters)
{
  for (int i = 0; i < LENGTH; i++)
    text[i] = (char) ('a' + next () % letters);
}

PROGRAM (string_library)
{
  char buffer[64], *save, words[] = "the quick,brown;fox  jumps over,,the lazy;dog";
  for (char *w = strtok_r (words, " ,;", &save); w != NULL; w = strtok_r (NULL, " ,;", &save))
    printf ("%s %zu %zu %d\n", w, strspn (w, "thequick"), strcspn (w, "aeiou"),
            strcasecmp (w, "QUICK") < 0);
  fill (3);
  for (size_t n = 1; n < 12; n++) {
    char *found = memmem (text + 20, LENGTH - 20, text, n), *any = strpbrk (text + n, "c"),
         *last = memrchr (text, 'b', 300);
    printf ("%td %td %td %zu\n", found ? found - text : -1, any ? any - text : -1, last - text,
            strnlen (text, n * 70));
  }
  strcpy (buffer, "abc"), strncat (buffer, "defghij", 4), memset (buffer + 7, 'x', 9),
      buffer[16] = 0;
  printf ("%s %s %s %d\n", buffer, stpcpy (buffer + 20, "end") - 3, strndup (buffer, 5),
          strverscmp ("a10", "a9") > 0);
}

PROGRAM (knuth_morris_pratt)
{
  int next_at[20] = {-1}, n = 0, found = 0;
  fill (2);
  const char *pattern = "abaabab";
  for (int i = 0, k = -1; pattern[i] != 0;) {
    while (k >= 0 && pattern[i] != pattern[k])
      k = next_at[k];
    next_at[++i] = ++k;
  }
  for (int i = 0; i < LENGTH; i++) {
    while (n >= 0 && pattern[n] != text[i])
      n = next_at[n];
    if (pattern[++n] == 0)
      printf ("%d ", i), n = next_at[n], found++;
  }
  printf ("%d\n", found);
}

PROGRAM (boyer_moore_horspool)
{
  fill (4);
  for (size_t m = 2; m < 8; m++) {
    size_t skip[256];
    unsigned found = 0, tried = 0;
    for (int i = 0; i < 256; i++)
      skip[i] = m;
    for (size_t i = 0; i + 1 < m; i++)
      skip[(uint8_t) text[100 + i]] = m - 1 - i;
    for (size_t at = 0; at + m <= LENGTH; at += skip[(uint8_t) text[at + m - 1]], tried++)
      found += memcmp (text + at, text + 100, m) == 0;
    printf ("%u %u\n", found, tried);
  }
}

PROGRAM (edit_distances)
{
  static int d[61][61], common[61][61];
  fill (4);
  for (int i = 0; i <= 60; i++)
    for (int j = 0; j <= 60; j++) {
      int same = i && j && text[i - 1] == text[99 + j];
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      int least = d[i - 1][j] < d[i][j - 1] ? d[i - 1][j] + 1 : d[i][j - 1] + 1;
      d[i][j] = d[i - 1][j - 1] + !same < least ? d[i - 1][j - 1] + !same : least;
      common[i][j] = same                                  ? common[i - 1][j - 1] + 1
                     : common[i - 1][j] > common[i][j - 1] ? common[i - 1][j]
                                                           : common[i][j - 1];
    }
  for (int i = 5; i <= 60; i += 11)
    printf ("%d %d ", d[i][60], common[60][i]);
}

PROGRAM (palindromes)
{
  int radius[2 * LENGTH + 1] = {0}, center = 0, right = 0, longest = 0;
  fill (2);
  for (int i = 0; i < 2 * LENGTH + 1; i++) {
    if (i < right)
      radius[i] = radius[2 * center - i] < right - i ? radius[2 * center - i] : right - i;
    for (int r = radius[i] + 1; i - r >= 0 && i + r <= 2 * LENGTH; r++) {
      if (((i - r) & 1) && text[(i - r) / 2] != text[(i + r) / 2])
        break;
      radius[i] = r;
    }
    if (i + radius[i] > right)
      center = i, right = i + radius[i];
    longest = radius[i] > longest ? radius[i] : longest;
  }
  printf ("%d %d\n", longest, radius[77]);
}

static int
by_suffix (const void *a, const void *b)
{
  return strcmp (text + *(const int *) a, text + *(const int *) b);
}

PROGRAM (burrows_wheeler)
{
  static int suffixes[LENGTH + 1], counts[129], links[LENGTH + 1];
  static char last[LENGTH + 1], back[LENGTH + 1];
  fill (5);
  for (int i = 0; i <= LENGTH; i++)
    suffixes[i] = i;
  qsort (suffixes, LENGTH + 1, sizeof *suffixes, by_suffix);
  for (int i = 0; i <= LENGTH; i++) {
    last[i] = suffixes[i] == 0 ? 0 : text[suffixes[i] - 1];
    counts[last[i] + 1]++;
  }
  for (int i = 0; i < 128; i++)
    counts[i + 1] += counts[i];
  for (int i = 0; i <= LENGTH; i++)
    links[i] = counts[(int) last[i]]++;
  for (int n = LENGTH, at = 0; n-- > 0; at = links[at])
    back[n] = last[at];
  printf ("%d %d %.40s\n", suffixes[1], memcmp (back, text, LENGTH), last + 1);
}

PROGRAM (huffman)
{
  unsigned weights[60] = {0}, lengths[30] = {0}, n = 26, total = 0;
  int parents[60] = {0};
  for (int i = 0; i < 2000; i++)
    weights[__builtin_ctzll (next () | 1 << 25)]++;
  for (int i = 0; i < 26; i++)
    weights[i] += 1;
  char used[60] = {0};
  for (; n < 51; n++) {
    int least[2] = {-1, -1};
    for (int k = 0; k < 2; k++) {
      for (unsigned i = 0; i < n; i++)
        if (!used[i] && (least[k] < 0 || weights[i] < weights[least[k]]))
          least[k] = (int) i;
      used[least[k]] = 1;
    }
    weights[n] = weights[least[0]] + weights[least[1]];
    parents[least[0]] = parents[least[1]] = (int) n;
  }
  for (int i = 0; i < 26; i++) {
    for (int at = i; parents[at] != 0; at = parents[at])
      lengths[i]++;
    total += lengths[i] * weights[i];
    printf ("%u ", lengths[i]);
  }
  printf ("%u\n", total);
}

PROGRAM (lz77)
{
  static char out[4 * LENGTH], back[LENGTH + 300];
  int n = 0, m = 0;
  fill (2);
  for (int i = 0; i < LENGTH;) {
    int best = 0, where = 0;
    for (int at = i > 255 ? i - 255 : 0; at < i; at++) {
      int k = 0;
      while (k < 200 && i + k < LENGTH && text[at + k] == text[i + k])
        k++;
      if (k > best)
        best = k, where = i - at;
    }
    out[n++] = (char) where, out[n++] = (char) best, out[n++] = text[i + best];
    i += best + 1;
  }
  for (int i = 0; i < n; i += 3) {
    for (int k = 0; k < (uint8_t) out[i + 1]; k++, m++)
      back[m] = back[m - (uint8_t) out[i]];
    back[m++] = out[i + 2];
  }
  printf ("%d %d\n", n, memcmp (back, text, LENGTH));
}

PROGRAM (arithmetic_coder)
{
  static uint8_t out[1000];
  uint32_t low = 0, range = ~0u, bytes = 0;
  uint16_t p = 1 << 15;
  for (int i = 0; i < 2000; i++) {
    int bit = (next () & 7) == 0;
    uint32_t bound = (range >> 16) * p;
    if (bit)
      low += bound, range -= bound, p -= p >> 5;
    else
      range = bound, p = (uint16_t) (p + ((65535 - p) >> 5));
    if (bit && low < bound)
      for (uint32_t k = bytes; k-- > 0 && ++out[k] == 0;)
        ;
    for (; range < 1 << 24; range <<= 8, low <<= 8)
      out[bytes++] = (uint8_t) (low >> 24);
  }
  uint32_t sum = 0;
  for (uint32_t i = 0; i < bytes; i++)
    sum = sum * 31 + out[i];
  printf ("%u %08x\n", bytes, sum);
}
