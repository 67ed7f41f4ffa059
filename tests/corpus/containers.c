// SPDX-License-Identifier: GPL-3.0-or-later
// Heaps, queues, sets and allocators.
#include "corpus.h"

PROGRAM (priority_queue)
{
  static uint64_t heap[600];
  int n = 0;
  uint64_t sum = 0;
  for (int i = 0; i < 1500; i++) {
    if (n < 500 && (next () & 3) != 0) {
      uint64_t v = next () >> 20;
      int at = n++;
      for (; at > 0 && heap[(at - 1) / 4] > v; at = (at - 1) / 4)
        heap[at] = heap[(at - 1) / 4];
      heap[at] = v;
    } else if (n > 0) {
      sum = sum * 31 + heap[0];
      uint64_t v = heap[--n];
      int at = 0;
      for (;;) {
        int least = 4 * at + 1;
        for (int k = 4 * at + 2; k <= 4 * at + 4 && k < n; k++)
          least = heap[k] < heap[least] ? k : least;
        if (least >= n || heap[least] >= v)
          break;
        heap[at] = heap[least], at = least;
      }
      heap[at] = v;
    }
  }
  printf ("%d %016" PRIx64 "\n", n, sum);
}

PROGRAM (pairing_heap)
{
  typedef struct Heap {
    struct Heap *first, *after;
    uint32_t key;
  } Heap;
  static Heap all[500];
  Heap *root = NULL;
  uint32_t last = 0, ordered = 1;
#define JOIN(a, b)                                                                                 \
  (b == NULL          ? a                                                                          \
   : a->key <= b->key ? (b->after = a->first, a->first = b, a)                                     \
                      : (a->after = b->first, b->first = a, b))
  for (int i = 0; i < 500; i++) {
    Heap *one = &all[i];
    one->key = (uint32_t) next ();
    root = root == NULL ? one : JOIN (root, one);
  }
  for (int i = 0; i < 500; i++) {
    ordered &= root->key >= last, last = root->key;
    Heap *pairs = NULL, *c = root->first;
    while (c != NULL) {
      Heap *a = c, *b = c->after;
      c = b ? b->after : NULL, a->after = NULL;
      if (b)
        b->after = NULL, a = JOIN (a, b);
      a->after = pairs, pairs = a;
    }
    for (root = NULL; pairs != NULL;) {
      Heap *p = pairs;
      pairs = pairs->after, p->after = NULL;
      root = root == NULL ? p : JOIN (root, p);
    }
  }
  printf ("%u %08x\n", ordered, last);
}

PROGRAM (ring_and_deque)
{
  uint32_t ring[64], head = 0, tail = 0, lost = 0, sum = 0;
  for (int i = 0; i < 3000; i++) {
    uint64_t v = next ();
    if ((v & 3) < 2 && head - tail < 64)
      ring[head++ & 63] = (uint32_t) v;
    else if ((v & 3) == 2 && head - tail < 64)
      ring[--tail & 63] = (uint32_t) (v >> 32);
    else if (head != tail)
      sum = sum * 33 + (v & 4 ? ring[--head & 63] : ring[tail++ & 63]);
    else
      lost++;
  }
  printf ("%u %u %08x\n", head - tail, lost, sum);
}

PROGRAM (lru_cache)
{
  enum { SIZE = 32 };
  struct {
    uint32_t key, before, after;
  } e[SIZE + 1] = {0};
  uint8_t where[256] = {0};
  unsigned n = 0, hits = 0, sum = 0;
  for (int i = 0; i < 4000; i++) {
    uint32_t key = (uint32_t) (next () & next () & 255), at = where[key];
    if (at != 0) {
      hits++, e[e[at].before].after = e[at].after, e[e[at].after].before = e[at].before;
    } else if (n < SIZE) {
      at = ++n;
    } else {
      at = e[0].before, where[e[at].key] = 0, sum = sum * 31 + e[at].key;
      e[e[at].before].after = 0, e[0].before = e[at].before;
    }
    e[at].key = key, where[key] = (uint8_t) at;
    e[at].after = e[0].after, e[at].before = 0, e[e[0].after].before = at, e[0].after = at;
  }
  printf ("%u %u %08x\n", hits, n, sum);
}

PROGRAM (union_find)
{
  static int up[400], size[400];
  int sets = 400, largest = 0;
  for (int i = 0; i < 400; i++)
    up[i] = i, size[i] = 1;
  for (int i = 0; i < 330; i++) {
    int a = (int) (next () % 400), b = (int) (next () % 400);
    while (up[a] != a)
      a = up[a] = up[up[a]];
    while (up[b] != b)
      b = up[b] = up[up[b]];
    if (a == b)
      continue;
    if (size[a] < size[b])
      a ^= b, b ^= a, a ^= b;
    up[b] = a, size[a] += size[b], sets--;
    largest = size[a] > largest ? size[a] : largest;
  }
  printf ("%d %d\n", sets, largest);
}

PROGRAM (fenwick_and_segments)
{
  static int64_t fenwick[257], tree[512], add[512];
  int64_t total = 0;
  for (int i = 0; i < 600; i++) {
    unsigned at = (unsigned) (next () & 255), to = (unsigned) (next () & 255);
    int64_t v = (int64_t) (next () & 1023) - 512, sum = 0, most = INT64_MIN;
    for (unsigned k = at + 1; k <= 256; k += k & -k)
      fenwick[k] += v;
    for (unsigned k = to; k > 0; k -= k & -k)
      sum += fenwick[k];
    unsigned l = (at < to ? at : to) + 256, r = (at < to ? to : at) + 257, l0 = l, r0 = r;
    for (; l < r; l /= 2, r /= 2) {
      if (l & 1)
        tree[l] += v, add[l] += v, l++;
      if (r & 1)
        --r, tree[r] += v, add[r] += v;
    }
    for (unsigned k = l0 / 2; k > 0; k /= 2)
      tree[k] = add[k] + (tree[2 * k] > tree[2 * k + 1] ? tree[2 * k] : tree[2 * k + 1]);
    for (unsigned k = (r0 - 1) / 2; k > 0; k /= 2)
      tree[k] = add[k] + (tree[2 * k] > tree[2 * k + 1] ? tree[2 * k] : tree[2 * k + 1]);
    most = tree[1];
    total = total * 3 + sum + most;
  }
  printf ("%" PRId64 "\n", total);
}

PROGRAM (tries)
{
  static uint16_t trie[3000][4];
  static uint8_t ends[3000];
  int n = 1, words = 0, prefixes = 0;
  for (int i = 0; i < 300; i++) {
    uint64_t v = next ();
    int at = 0;
    for (unsigned length = v % 8 + 2; length-- > 0; v >>= 3) {
      uint16_t *slot = &trie[at][v >> 10 & 3];
      if (*slot == 0)
        *slot = (uint16_t) n++;
      at = *slot;
    }
    words += !ends[at], ends[at] = 1;
  }
  for (int i = 0; i < n; i++)
    for (int k = 0; k < 4; k++)
      prefixes += ends[i] && trie[i][k] != 0;
  printf ("%d %d %d\n", n, words, prefixes);
}

PROGRAM (gap_buffer)
{
  static char buffer[600];
  int gap = 0, end = 600, sum = 0;
  for (int i = 0; i < 2000; i++) {
    uint64_t v = next ();
    int size = gap + 600 - end, to = (int) (v % (unsigned) (size + 1));
    while (gap > to)
      buffer[--end] = buffer[--gap];
    while (gap < to)
      buffer[gap++] = buffer[end++];
    if ((v >> 40 & 3) != 0 && gap < end)
      buffer[gap++] = (char) ('a' + (v >> 50) % 26);
    else if (gap > 0)
      sum = sum * 31 % 1000003 + buffer[--gap];
  }
  printf ("%d %.*s\n", sum, gap < 60 ? gap : 60, buffer);
}

PROGRAM (buddy_allocator)
{
  static uint8_t split[256], taken[256]; // of a tree over 128 units
  int blocks[40][2], n = 0, failed = 0;
  unsigned hash = 0;
  for (int i = 0; i < 800; i++) {
    uint64_t v = next ();
    if (n < 40 && (v & 3) != 0) {
      int order = (int) (v >> 8) & 3, level = 7 - order, found = 0; // 2^order units
      for (int at = 1 << level; at < 2 << level && !found; at++) {
        int free = !taken[at] && !split[at];
        for (int up = at / 2; up > 0; up /= 2)
          free &= !taken[up];
        if (free)
          found = at;
      }
      if (found == 0) {
        failed++;
        continue;
      }
      taken[found] = 1;
      for (int up = found / 2; up > 0; up /= 2)
        split[up] = 1;
      blocks[n][0] = found, blocks[n++][1] = order;
      hash = hash * 31 + (unsigned) found;
    } else if (n > 0) {
      int k = (int) ((v >> 16) % (unsigned) n), at = blocks[k][0];
      taken[at] = 0;
      for (at /= 2; at > 0; at /= 2)
        split[at] = taken[2 * at] | split[2 * at] | taken[2 * at + 1] | split[2 * at + 1];
      memcpy (blocks[k], blocks[--n], sizeof blocks[k]);
    }
  }
  printf ("%d %d %08x\n", n, failed, hash);
}

PROGRAM (first_fit_allocator)
{
  static _Alignas(16) uint8_t heap[8192];
  typedef struct Block {
    uint32_t size, free;
  } Block;
  uint8_t *live[50] = {0};
  unsigned failed = 0, blocks = 0;
  *(Block *) heap = (Block){sizeof heap, 1};
  for (int i = 0; i < 2000; i++) {
    unsigned k = (unsigned) (next () % 50), want = (unsigned) (next () % 400 + 8 + 15) & ~7u;
    if (live[k] != NULL) {
      ((Block *) live[k])->free = 1, live[k] = NULL;
      continue;
    }
    for (uint8_t *p = heap; p < heap + sizeof heap && live[k] == NULL; p += ((Block *) p)->size) {
      Block *b = (Block *) p;
      while (b->free && p + b->size < heap + sizeof heap && ((Block *) (p + b->size))->free)
        b->size += ((Block *) (p + b->size))->size;
      if (!b->free || b->size < want)
        continue;
      if (b->size >= want + 16)
        *(Block *) (p + want) = (Block){b->size - want, 1}, b->size = want;
      b->free = 0, live[k] = p;
      memset (p + sizeof *b, (int) k, b->size - sizeof *b);
    }
    failed += live[k] == NULL;
  }
  for (uint8_t *p = heap; p < heap + sizeof heap; p += ((Block *) p)->size)
    blocks++;
  printf ("%u %u\n", failed, blocks);
}

PROGRAM (bit_sets)
{
  uint64_t a[16], b[16], sum = 0;
  for (int i = 0; i < 16; i++)
    a[i] = next () & next (), b[i] = next () | next ();
  for (int round = 0; round < 20; round++) {
    unsigned n = 0;
    for (int i = 0; i < 16; i++)
      a[i] = (a[i] & b[15 - i]) ^ (b[i] & ~a[(i + 1) & 15]);
    for (int i = 0; i < 16; i++)
      for (uint64_t w = a[i]; w != 0; w &= w - 1, n++)
        sum = sum * 5 + (unsigned) (64 * i + __builtin_ctzll (w));
    printf ("%u ", n);
  }
  printf ("%016" PRIx64 "\n", sum);
}

PROGRAM (linked_lists)
{
  typedef struct Cell {
    struct Cell *next;
    int v;
  } Cell;
  Cell *list = NULL, **tail = &list, *slow, *fast, *back = NULL;
  for (int i = 0; i < 200; i++) {
    *tail = malloc (sizeof **tail);
    **tail = (Cell){NULL, (int) (next () % 100)};
    tail = &(*tail)->next;
  }
  for (Cell **p = &list; *p != NULL;) {
    if ((*p)->v % 7 == 0) {
      Cell *gone = *p;
      *p = gone->next;
      free (gone);
    } else {
      p = &(*p)->next;
    }
  }
  for (slow = fast = list; fast != NULL && fast->next != NULL; slow = slow->next)
    fast = fast->next->next;
  for (Cell *c = slow, *after; c != NULL; c = after)
    after = c->next, c->next = back, back = c;
  int sum = 0, n = 0;
  for (Cell *a = list, *b = back; b != NULL && a != b; a = a->next, b = b->next, n++)
    sum = (sum * 3 + a->v * b->v) % 1000003;
  printf ("%d %d\n", n, sum);
}
