// SPDX-License-Identifier: GPL-3.0-or-later
// Sorting and selecting in many ways; each says whether the order is right and what came out.
#define _GNU_SOURCE
#include "corpus.h"

enum { N = 400 };

static uint32_t v[N];

static void
fill (unsigned shift)
{
  for (int i = 0; i < N; i++)
    v[i] = (uint32_t) (next () >> shift);
}

static void
swap (uint32_t *a, uint32_t *b)
{
  uint32_t t = *a;
  *a = *b, *b = t;
}

static void
report (void)
{
  int sorted = 1;
  uint64_t sum = 0;
  for (int i = 0; i < N; i++)
    sorted &= i == 0 || v[i - 1] <= v[i], sum = sum * 31 + v[i];
  printf ("%d %u %u %u %016" PRIx64 "\n", sorted, v[0], v[N / 2], v[N - 1], sum);
}

static void
quick (uint32_t *a, int n)
{
  while (n > 1) {
    uint32_t pivot = a[n / 2];
    int i = 0, j = n - 1;
    for (;; i++, j--) {
      while (a[i] < pivot)
        i++;
      while (a[j] > pivot)
        j--;
      if (i >= j)
        break;
      swap (&a[i], &a[j]);
    }
    quick (a, i);
    a += i > 0 ? i : 1, n -= i > 0 ? i : 1;
  }
}

PROGRAM (quick_sort)
{
  for (unsigned shift = 32; shift < 64; shift += 8) {
    fill (shift);
    quick (v, N);
    report ();
  }
}

static void
sift (uint32_t *a, int at, int n)
{
  for (int child; (child = 2 * at + 1) < n; at = child) {
    child += child + 1 < n && a[child + 1] > a[child];
    if (a[at] >= a[child])
      return;
    swap (&a[at], &a[child]);
  }
}

PROGRAM (heap_sort)
{
  fill (33);
  for (int i = N / 2; i-- > 0;)
    sift (v, i, N);
  for (int n = N; n-- > 1;) {
    swap (&v[0], &v[n]);
    sift (v, 0, n);
  }
  report ();
}

PROGRAM (merge_sort)
{
  static uint32_t other[N];
  uint32_t *from = v, *to = other;
  fill (40);
  for (int width = 1; width < N; width *= 2) {
    for (int start = 0; start < N; start += 2 * width) {
      int middle = start + width < N ? start + width : N;
      int end = middle + width < N ? middle + width : N;
      for (int i = start, j = middle, k = start; k < end; k++)
        to[k] = i < middle && (j >= end || from[i] <= from[j]) ? from[i++] : from[j++];
    }
    uint32_t *t = from;
    from = to, to = t;
  }
  if (from != v)
    memcpy (v, from, sizeof v);
  report ();
}

PROGRAM (shell_sort)
{
  static const int gaps[] = {301, 132, 57, 23, 10, 4, 1};
  unsigned moves = 0;
  fill (32);
  for (int g = 0; g < 7; g++)
    for (int i = gaps[g]; i < N; i++) {
      uint32_t x = v[i];
      int j = i;
      for (; j >= gaps[g] && v[j - gaps[g]] > x; j -= gaps[g], moves++)
        v[j] = v[j - gaps[g]];
      v[j] = x;
    }
  report ();
  printf ("%u\n", moves);
}

PROGRAM (radix_sort)
{
  static uint32_t other[N];
  fill (32);
  for (int shift = 0; shift < 32; shift += 8) {
    unsigned at[257] = {0};
    for (int i = 0; i < N; i++)
      at[(v[i] >> shift & 255) + 1]++;
    for (int i = 0; i < 256; i++)
      at[i + 1] += at[i];
    for (int i = 0; i < N; i++)
      other[at[v[i] >> shift & 255]++] = v[i];
    memcpy (v, other, sizeof v);
  }
  report ();
}

// Most significant bit first, in place, numbers with a sign.
static void
split (int32_t *a, int n, int bit)
{
  int i = 0, j = n;
  if (n < 2 || bit < 0)
    return;
  while (i < j) {
    int one = (a[i] >> bit & 1) != (bit == 31);
    if (!one) {
      i++;
    } else {
      int32_t t = a[--j];
      a[j] = a[i], a[i] = t;
    }
  }
  split (a, i, bit - 1);
  split (a + i, n - i, bit - 1);
}

PROGRAM (binary_quick_sort)
{
  int32_t a[N];
  int sorted = 1;
  for (int i = 0; i < N; i++)
    a[i] = (int32_t) next ();
  split (a, N, 31);
  for (int i = 1; i < N; i++)
    sorted &= a[i - 1] <= a[i];
  printf ("%d %d %d %d\n", sorted, a[0], a[N / 2], a[N - 1]);
}

PROGRAM (counting_sort)
{
  unsigned counts[256] = {0}, at = 0;
  fill (56);
  for (int i = 0; i < N; i++)
    counts[v[i]]++;
  for (unsigned k = 0; k < 256; k++)
    while (counts[k]-- > 0)
      v[at++] = k;
  report ();
}

PROGRAM (comb_and_cocktail_sort)
{
  int gap = N, swapped = 1, rounds = 0;
  fill (34);
  for (; gap > 8; gap = gap * 10 / 13, rounds++)
    for (int i = 0; i + gap < N; i++)
      if (v[i] > v[i + gap])
        swap (&v[i], &v[i + gap]);
  for (int low = 0, high = N - 1; swapped; low++, high--, rounds++) {
    swapped = 0;
    for (int i = low; i < high; i++)
      if (v[i] > v[i + 1])
        swap (&v[i], &v[i + 1]), swapped = 1;
    for (int i = high; i > low; i--)
      if (v[i - 1] > v[i])
        swap (&v[i], &v[i - 1]), swapped = 1;
  }
  report ();
  printf ("%d\n", rounds);
}

PROGRAM (bitonic_network)
{
  enum { WIDE = 256 };
  fill (36);
  for (unsigned k = 2; k <= WIDE; k *= 2)
    for (unsigned j = k / 2; j > 0; j /= 2)
      for (unsigned i = 0; i < WIDE; i++) {
        unsigned l = i ^ j;
        if (l > i && (v[i] > v[l]) == ((i & k) == 0))
          swap (&v[i], &v[l]);
      }
  uint64_t sum = 0;
  int sorted = 1;
  for (int i = 0; i < WIDE; i++)
    sum = sum * 33 + v[i], sorted &= i == 0 || v[i - 1] <= v[i];
  printf ("%d %016" PRIx64 "\n", sorted, sum);
}

PROGRAM (insertion_with_search)
{
  unsigned compared = 0;
  fill (48);
  for (int i = 1; i < N; i++) {
    uint32_t x = v[i];
    int low = 0, high = i;
    while (low < high) {
      int middle = (low + high) / 2;
      compared++;
      if (v[middle] <= x)
        low = middle + 1;
      else
        high = middle;
    }
    memmove (&v[low + 1], &v[low], (size_t) (i - low) * sizeof *v);
    v[low] = x;
  }
  report ();
  printf ("%u\n", compared);
}

PROGRAM (selection)
{
  fill (37);
  for (int k = 0; k < N; k += 37) {
    int low = 0, high = N - 1;
    while (low < high) {
      uint32_t pivot = v[(low + high) / 2];
      int i = low - 1, j = high + 1;
      for (;;) {
        while (v[++i] < pivot)
          ;
        while (v[--j] > pivot)
          ;
        if (i >= j)
          break;
        swap (&v[i], &v[j]);
      }
      if (k <= j)
        high = j;
      else
        low = j + 1;
    }
    printf ("%u ", v[k]);
  }
}

typedef struct Person {
  char name[12];
  uint16_t age;
  double weight;
} Person;

static int
by_age_and_name (const void *a, const void *b, void *data)
{
  const Person *p = a, *q = b;
  ++*(int *) data;
  return p->age != q->age ? p->age - q->age : strcmp (p->name, q->name);
}

PROGRAM (records)
{
  Person people[120];
  int compared = 0;
  for (int i = 0; i < 120; i++) {
    for (int k = 0; k < 11; k++)
      people[i].name[k] = (char) ('a' + next () % 3);
    people[i].name[11] = 0;
    people[i].age = (uint16_t) (next () % 20 + 20);
    people[i].weight = next_real ();
  }
  qsort_r (people, 120, sizeof *people, by_age_and_name, &compared);
  for (int i = 0; i < 120; i += 7)
    printf ("%s %u %.6f\n", people[i].name, people[i].age, people[i].weight);
  printf ("%d\n", compared > 100);
}

typedef struct Link {
  struct Link *next;
  uint32_t key, place;
} Link;

static Link *
merge_lists (Link *a, Link *b)
{
  Link head, *tail = &head;
  while (a != NULL && b != NULL) {
    Link **least = a->key <= b->key ? &a : &b;
    tail = tail->next = *least;
    *least = (*least)->next;
  }
  tail->next = a != NULL ? a : b;
  return head.next;
}

PROGRAM (list_sort)
{
  static Link links[N];
  Link *bins[12] = {0}, *all = NULL;
  for (unsigned i = 0; i < N; i++) {
    links[i] = (Link){NULL, (uint32_t) (next () % 50), i};
    Link *one = &links[i];
    int k = 0;
    for (; bins[k] != NULL; bins[k++] = NULL)
      one = merge_lists (bins[k], one);
    bins[k] = one;
  }
  for (int k = 0; k < 12; k++)
    all = merge_lists (bins[k], all);
  int stable = 1, n = 0;
  for (Link *l = all; l != NULL; l = l->next, n++)
    stable &= l->next == NULL || l->key < l->next->key ||
              (l->key == l->next->key && l->place < l->next->place);
  printf ("%d %d %u %u\n", stable, n, all->key, all->place);
}

PROGRAM (bucket_sort_of_reals)
{
  enum { BUCKETS = 64, EACH = 40 };
  static double buckets[BUCKETS][EACH];
  int sizes[BUCKETS] = {0};
  for (int i = 0; i < N; i++) {
    double x = fabs (next_real ());
    int b = (int) (x * BUCKETS), k = sizes[b]++;
    for (; k > 0 && buckets[b][k - 1] > x; k--)
      buckets[b][k] = buckets[b][k - 1];
    buckets[b][k] = x;
  }
  double last = -1;
  int sorted = 1;
  for (int b = 0; b < BUCKETS; b++)
    for (int k = 0; k < sizes[b]; k++)
      sorted &= buckets[b][k] >= last, last = buckets[b][k];
  printf ("%d %a %d\n", sorted, last, sizes[7]);
}

PROGRAM (median_of_medians)
{
  double sums[5] = {0};
  for (int round = 0; round < 50; round++) {
    double a[5];
    for (int i = 0; i < 5; i++)
      a[i] = next_real ();
#define ORDER(i, j)                                                                                \
  do {                                                                                             \
    double least = fmin (a[i], a[j]), most = fmax (a[i], a[j]);                                    \
    a[i] = least, a[j] = most;                                                                     \
  } while (0)
    ORDER (0, 1);
    ORDER (3, 4);
    ORDER (2, 4);
    ORDER (2, 3);
    ORDER (1, 4);
    ORDER (0, 3);
    ORDER (0, 2);
    ORDER (1, 3);
    ORDER (1, 2);
    for (int i = 0; i < 5; i++)
      sums[i] += a[i];
  }
  for (int i = 0; i < 5; i++)
    printf ("%.12f ", sums[i]);
}
