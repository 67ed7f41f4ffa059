// SPDX-License-Identifier: GPL-3.0-or-later
// Graphs, searches, puzzles, dynamic programming.
#include "corpus.h"

enum { V = 80, E = 320 };

static int from[E], to[E], weight[E];

static void
fill (void)
{
  for (int i = 0; i < E; i++)
    from[i] = (int) (next () % V), to[i] = (int) (next () % V),
    weight[i] = (int) (next () % 100) + 1;
}

PROGRAM (dijkstra)
{
  int d[V], done[V] = {0}, sum = 0;
  fill ();
  for (int i = 0; i < V; i++)
    d[i] = i == 0 ? 0 : 1 << 28;
  for (int round = 0; round < V; round++) {
    int best = -1;
    for (int i = 0; i < V; i++)
      if (!done[i] && (best < 0 || d[i] < d[best]))
        best = i;
    done[best] = 1;
    for (int e = 0; e < E; e++)
      if (from[e] == best && d[best] + weight[e] < d[to[e]])
        d[to[e]] = d[best] + weight[e];
  }
  for (int i = 0; i < V; i++)
    sum += d[i] < 1 << 28 ? d[i] * (i + 1) : 7;
  printf ("%d\n", sum);
}

PROGRAM (bellman_ford)
{
  int64_t d[V] = {0};
  int rounds = 0, changed = 1;
  fill ();
  for (int i = 0; i < E; i++)
    weight[i] = from[i] < to[i] ? weight[i] - 30 : weight[i] + 4000;
  for (; changed && rounds < V; rounds++) {
    changed = 0;
    for (int e = 0; e < E; e++)
      if (d[from[e]] + weight[e] < d[to[e]])
        d[to[e]] = d[from[e]] + weight[e], changed = 1;
  }
  printf ("%d %d %" PRId64 " %" PRId64 "\n", rounds, changed, d[V - 1], d[V / 2]);
}

PROGRAM (spanning_trees)
{
  int up[V], order[E], kruskal = 0, prim = 0, in[V] = {1};
  fill ();
  for (int i = 0; i < V; i++)
    up[i] = i;
  for (int i = 0; i < E; i++) {
    int k = i;
    for (; k > 0 && weight[order[k - 1]] > weight[i]; k--)
      order[k] = order[k - 1];
    order[k] = i;
  }
  for (int i = 0; i < E; i++) {
    int a = from[order[i]], b = to[order[i]];
    while (up[a] != a)
      a = up[a];
    while (up[b] != b)
      b = up[b];
    if (a != b)
      up[a] = b, kruskal += weight[order[i]];
  }
  for (int found = 1; found;) {
    found = 0;
    for (int i = 0; i < E && !found; i++) {
      int e = order[i];
      if (in[from[e]] != in[to[e]])
        in[from[e]] = in[to[e]] = 1, prim += weight[e], found = 1;
    }
  }
  printf ("%d %d\n", kruskal, prim);
}

static int mark[V], low[V], stack[V], on_stack[V], depth, n_marks, n_components, largest;

static void
tarjan (int v)
{
  mark[v] = low[v] = ++n_marks, stack[depth++] = v, on_stack[v] = 1;
  for (int e = 0; e < E; e++)
    if (from[e] == v) {
      int w = to[e];
      if (mark[w] == 0) {
        tarjan (w);
        low[v] = low[w] < low[v] ? low[w] : low[v];
      } else if (on_stack[w]) {
        low[v] = mark[w] < low[v] ? mark[w] : low[v];
      }
    }
  if (low[v] == mark[v]) {
    int size = 0, w;
    do
      w = stack[--depth], on_stack[w] = 0, size++;
    while (w != v);
    n_components++, largest = size > largest ? size : largest;
  }
}

PROGRAM (strong_components)
{
  fill ();
  for (int e = 0; e < E; e++)
    to[e] = e % 3 == 0 ? to[e] : (from[e] + 5) % V & ~3;
  for (int v = 0; v < V; v++)
    if (mark[v] == 0)
      tarjan (v);
  printf ("%d %d\n", n_components, largest);
}

PROGRAM (topological_order)
{
  int incoming[V] = {0}, queue[V], head = 0, tail = 0, longest[V] = {0}, sum = 0;
  fill ();
  for (int e = 0; e < E; e++) {
    if (from[e] > to[e]) {
      int t = from[e];
      from[e] = to[e], to[e] = t;
    }
    incoming[to[e]] += from[e] != to[e];
  }
  for (int v = 0; v < V; v++)
    if (incoming[v] == 0)
      queue[tail++] = v;
  for (; head < tail; head++)
    for (int e = 0; e < E; e++)
      if (from[e] == queue[head] && to[e] != from[e]) {
        int l = longest[queue[head]] + weight[e];
        longest[to[e]] = l > longest[to[e]] ? l : longest[to[e]];
        if (--incoming[to[e]] == 0)
          queue[tail++] = to[e];
      }
  for (int i = 0; i < tail; i++)
    sum = (sum * 31 + queue[i] + longest[i]) % 1000003;
  printf ("%d %d\n", tail, sum);
}

PROGRAM (maximum_flow)
{
  static int c[V][V];
  int flow = 0, paths = 0, before[V], queue[V];
  fill ();
  for (int e = 0; e < E; e++)
    c[from[e]][to[e]] += weight[e];
  for (;; paths++) {
    int tail = 1, least = 1 << 28;
    memset (before, -1, sizeof before);
    queue[0] = 0, before[0] = 0;
    for (int head = 0; head < tail && before[V - 1] < 0; head++)
      for (int v = 0; v < V; v++)
        if (before[v] < 0 && c[queue[head]][v] > 0)
          before[v] = queue[head], queue[tail++] = v;
    if (before[V - 1] < 0)
      break;
    for (int v = V - 1; v != 0; v = before[v])
      least = c[before[v]][v] < least ? c[before[v]][v] : least;
    for (int v = V - 1; v != 0; v = before[v])
      c[before[v]][v] -= least, c[v][before[v]] += least;
    flow += least;
  }
  printf ("%d %d\n", flow, paths > 0);
}

static int partner[V], seen[V];

static int
augment (int v)
{
  for (int e = 0; e < E; e++)
    if (from[e] == v && !seen[to[e]]) {
      seen[to[e]] = 1;
      if (partner[to[e]] < 0 || augment (partner[to[e]])) {
        partner[to[e]] = v;
        return 1;
      }
    }
  return 0;
}

PROGRAM (bipartite_matching)
{
  int matched = 0;
  fill ();
  for (int e = 0; e < E; e++)
    from[e] /= 2, to[e] /= 2;
  memset (partner, -1, sizeof partner);
  for (int v = 0; v < V / 2; v++) {
    memset (seen, 0, sizeof seen);
    matched += augment (v);
  }
  printf ("%d\n", matched);
}

PROGRAM (maze)
{
  enum { W = 31, H = 21 };
  static char cells[H][W];
  static int distance[H][W];
  int path[W * H], n = 1, queue[W * H], tail = 1;
  path[0] = W + 1, cells[1][1] = 1;
  while (n > 0) {
    int at = path[n - 1], y = at / W, x = at % W, moved = 0, start = (int) (next () & 3);
    for (int k = 0; k < 4 && !moved; k++) {
      int d = (start + k) & 3, dx = (d == 0) - (d == 1), dy = (d == 2) - (d == 3);
      int nx = x + 2 * dx, ny = y + 2 * dy;
      if (nx > 0 && ny > 0 && nx < W && ny < H && !cells[ny][nx])
        cells[y + dy][x + dx] = cells[ny][nx] = 1, path[n++] = ny * W + nx, moved = 1;
    }
    n -= !moved;
  }
  queue[0] = W + 1, distance[1][1] = 1;
  for (int head = 0; head < tail; head++)
    for (int k = 0; k < 4; k++) {
      int y = queue[head] / W + (k == 0) - (k == 1), x = queue[head] % W + (k == 2) - (k == 3);
      if (cells[y][x] && distance[y][x] == 0)
        distance[y][x] = distance[queue[head] / W][queue[head] % W] + 1, queue[tail++] = y * W + x;
    }
  printf ("%d %d\n", tail, distance[H - 2][W - 2]);
}

PROGRAM (game_of_life)
{
  uint64_t rows[64], after[64];
  for (int i = 0; i < 64; i++)
    rows[i] = next ();
  for (int generation = 0; generation < 60; generation++) {
    for (int i = 0; i < 64; i++) {
      uint64_t ones = 0, twos = 0, fours = 0;
      for (int dy = 63; dy < 66; dy++)
        for (int dx = -1; dx < 2; dx++) {
          uint64_t r = rows[(i + dy) & 63], n = dx < 0   ? r << 1 | r >> 63
                                                : dx > 0 ? r >> 1 | r << 63
                                                         : r;
          if (dy == 64 && dx == 0)
            continue;
          uint64_t carry = ones & n, more = twos & carry;
          ones ^= n, twos ^= carry, fours |= more;
        }
      after[i] = twos & ~fours & (ones | rows[i]);
    }
    memcpy (rows, after, sizeof rows);
  }
  int alive = 0;
  uint64_t hash = 0;
  for (int i = 0; i < 64; i++)
    alive += __builtin_popcountll (rows[i]), hash = hash * 31 + rows[i];
  printf ("%d %016" PRIx64 "\n", alive, hash);
}

PROGRAM (flood_fill)
{
  enum { S = 40 };
  static uint8_t map[S][S];
  int areas = 0, biggest = 0, stack_[S * S], n;
  for (int i = 0; i < S * S; i++)
    map[i / S][i % S] = next () % 5 > 1;
  for (int i = 0; i < S * S; i++)
    if (map[i / S][i % S] == 1) {
      int size = 0;
      stack_[0] = i, n = 1, map[i / S][i % S] = 2, areas++;
      while (n > 0) {
        int y = stack_[--n] / S, x = stack_[n] % S;
        size++;
        for (int k = 0; k < 4; k++) {
          int ny = y + (k == 0) - (k == 1), nx = x + (k == 2) - (k == 3);
          if (ny >= 0 && nx >= 0 && ny < S && nx < S && map[ny][nx] == 1)
            map[ny][nx] = 2, stack_[n++] = ny * S + nx;
        }
      }
      biggest = size > biggest ? size : biggest;
    }
  printf ("%d %d\n", areas, biggest);
}

static int
minimax (unsigned mine, unsigned theirs, int *nodes)
{
  static const unsigned lines[] = {7, 56, 448, 73, 146, 292, 273, 84};
  int best = -2;
  ++*nodes;
  for (int i = 0; i < 8; i++)
    if ((theirs & lines[i]) == lines[i])
      return -1;
  if ((mine | theirs) == 511)
    return 0;
  for (unsigned free = 511 & ~(mine | theirs); free != 0; free &= free - 1) {
    int v = -minimax (theirs, mine | (free & -free), nodes);
    best = v > best ? v : best;
  }
  return best;
}

PROGRAM (noughts_and_crosses)
{
  int nodes = 0, value = minimax (1, 0, &nodes);
  printf ("%d %d\n", value, nodes);
}

static uint16_t rows[9], columns[9], boxes[9];
static char board[82];
static long tries;

static int
solve (void)
{
  int best = -1, least = 10;
  for (int i = 0; i < 81; i++)
    if (board[i] == '.') {
      int n = 9 - __builtin_popcount (rows[i / 9] | columns[i % 9] | boxes[i / 27 * 3 + i % 9 / 3]);
      if (n < least)
        least = n, best = i;
    }
  if (best < 0)
    return 1;
  uint16_t *r = &rows[best / 9], *c = &columns[best % 9], *b = &boxes[best / 27 * 3 + best % 9 / 3];
  for (uint16_t bit = 1, digit = '1'; bit < 512; bit = (uint16_t) (bit << 1), digit++)
    if (!((*r | *c | *b) & bit)) {
      *r |= bit, *c |= bit, *b |= bit, board[best] = (char) digit, tries++;
      if (solve ())
        return 1;
      *r &= (uint16_t) ~bit, *c &= (uint16_t) ~bit, *b &= (uint16_t) ~bit, board[best] = '.';
    }
  return 0;
}

PROGRAM (sudoku)
{
  strcpy (board,
          "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79");
  board[0] = board[4] = board[21] = '.';
  for (int i = 0; i < 81; i++)
    if (board[i] != '.') {
      uint16_t bit = (uint16_t) (1 << (board[i] - '1'));
      rows[i / 9] |= bit, columns[i % 9] |= bit, boxes[i / 27 * 3 + i % 9 / 3] |= bit;
    }
  int solved = solve ();
  printf ("%d %ld %s\n", solved, tries, board);
}

PROGRAM (knapsack_and_change)
{
  static int best[501];
  static uint64_t ways[501] = {1};
  static const int coins[] = {1, 2, 5, 10, 20, 50, 100, 200};
  for (int item = 0; item < 40; item++) {
    int w = (int) (next () % 60) + 1, value = (int) (next () % 100);
    for (int c = 500; c >= w; c--)
      best[c] = best[c - w] + value > best[c] ? best[c - w] + value : best[c];
  }
  for (int i = 0; i < 8; i++)
    for (int c = coins[i]; c <= 500; c++)
      ways[c] += ways[c - coins[i]];
  printf ("%d %d %" PRIu64 "\n", best[500], best[250], ways[500]);
}

PROGRAM (increasing_subsequence)
{
  uint32_t tails[300], n = 0, v[300];
  int64_t best = INT64_MIN, here = 0;
  for (int i = 0; i < 300; i++) {
    v[i] = (uint32_t) next () >> 8;
    uint32_t low = 0, high = n;
    while (low < high) {
      uint32_t middle = (low + high) / 2;
      if (tails[middle] < v[i])
        low = middle + 1;
      else
        high = middle;
    }
    tails[low] = v[i], n += low == n;
    here = (here > 0 ? here : 0) + (int32_t) (v[i] - (1 << 23));
    best = here > best ? here : best;
  }
  printf ("%u %u %" PRId64 "\n", n, tails[n - 1], best);
}

PROGRAM (travelling_salesman)
{
  enum { C = 12 };
  static int d[C][C], best[1 << C][C];
  for (int i = 0; i < C; i++)
    for (int j = 0; j < i; j++)
      d[i][j] = d[j][i] = (int) (next () % 90) + 10;
  memset (best, 0x3f, sizeof best);
  best[1][0] = 0;
  for (int set = 1; set < 1 << C; set += 2)
    for (int last = 0; last < C; last++)
      for (int to_ = 1; to_ < C; to_++)
        if (!(set >> to_ & 1)) {
          int *slot = &best[set | 1 << to_][to_], v = best[set][last] + d[last][to_];
          *slot = v < *slot ? v : *slot;
        }
  int least = 1 << 28;
  for (int last = 1; last < C; last++) {
    int v = best[(1 << C) - 1][last] + d[last][0];
    least = v < least ? v : least;
  }
  printf ("%d\n", least);
}

static void
permute (char *s, int n, int *count, uint32_t *hash)
{
  if (n == 1) {
    ++*count;
    for (int i = 0; i < 7; i++)
      *hash = *hash * 31 + (uint8_t) s[i];
    return;
  }
  for (int i = 0; i < n; i++) { // Heap
    permute (s, n - 1, count, hash);
    int k = n & 1 ? 0 : i;
    char t = s[k];
    s[k] = s[n - 1], s[n - 1] = t;
  }
}

PROGRAM (permutations)
{
  char s[] = "abcdefg";
  int count = 0;
  uint32_t hash = 0;
  permute (s, 7, &count, &hash);
  printf ("%d %08x %s\n", count, hash, s);
}

static uint64_t
hanoi (int n, int a, int b, int c, uint64_t hash)
{
  if (n == 0)
    return hash;
  hash = hanoi (n - 1, a, c, b, hash);
  hash = hash * 31 + (unsigned) (n * 9 + a * 3 + b);
  return hanoi (n - 1, c, b, a, hash);
}

PROGRAM (towers_of_hanoi)
{
  printf ("%016" PRIx64 "\n", hanoi (12, 0, 1, 2, 1));
}

PROGRAM (knights_tour)
{
  static const int dx[] = {1, 2, 2, 1, -1, -2, -2, -1}, dy[] = {-2, -1, 1, 2, 2, 1, -1, -2};
  int order[64] = {0}, at = 0, n = 1;
  order[0] = 1;
  for (int found = 1; found;) {
    int best = 9, go = -1;
    for (int k = 0; k < 8; k++) {
      int x = at % 8 + dx[k], y = at / 8 + dy[k], ways = 0;
      if (x < 0 || y < 0 || x > 7 || y > 7 || order[y * 8 + x])
        continue;
      for (int m = 0; m < 8; m++) {
        int p = x + dx[m], q = y + dy[m];
        ways += p >= 0 && q >= 0 && p < 8 && q < 8 && !order[q * 8 + p];
      }
      if (ways < best)
        best = ways, go = y * 8 + x;
    }
    found = go >= 0;
    if (found)
      order[at = go] = ++n;
  }
  for (int i = 0; i < 64; i++)
    printf ("%d ", order[i]);
}

PROGRAM (convex_hull)
{
  int x[60], y[60], order[60], hull[120], n = 0;
  int64_t area = 0;
  for (int i = 0; i < 60; i++) {
    x[i] = (int) (next () & 1023), y[i] = (int) (next () & 1023);
    int k = i;
    for (; k > 0 && (x[order[k - 1]] > x[i] || (x[order[k - 1]] == x[i] && y[order[k - 1]] > y[i]));
         k--)
      order[k] = order[k - 1];
    order[k] = i;
  }
  for (int pass = 0, start = 0; pass < 2; pass++, start = --n)
    for (int k = 0; k < 60; k++) {
      int p = order[pass ? 59 - k : k];
      while (n >= start + 2 &&
             (int64_t) (x[hull[n - 1]] - x[hull[n - 2]]) * (y[p] - y[hull[n - 2]]) <=
                 (int64_t) (y[hull[n - 1]] - y[hull[n - 2]]) * (x[p] - x[hull[n - 2]]))
        n--;
      hull[n++] = p;
    }
  for (int i = 0; i < n; i++)
    area +=
        (int64_t) x[hull[i]] * y[hull[(i + 1) % n]] - (int64_t) x[hull[(i + 1) % n]] * y[hull[i]];
  printf ("%d %" PRId64 "\n", n, area);
}
