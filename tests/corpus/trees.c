// SPDX-License-Identifier: GPL-3.0-or-later
// Trees that keep themselves in order.
#include "corpus.h"

typedef struct Node {
  struct Node *child[2], *up;
  uint32_t key;
  int height, size;
} Node;

static Node pool[1000];
static int used;

static Node *
make (uint32_t key)
{
  pool[used] = (Node){.key = key, .height = 1, .size = 1};
  return &pool[used++];
}

static int
height (const Node *n)
{
  return n == NULL ? 0 : n->height;
}

static void
update (Node *n)
{
  int l = height (n->child[0]), r = height (n->child[1]);
  n->height = (l > r ? l : r) + 1;
  n->size = 1 + (n->child[0] ? n->child[0]->size : 0) + (n->child[1] ? n->child[1]->size : 0);
}

static Node *
rotate (Node *n, int side)
{
  Node *top = n->child[!side];
  n->child[!side] = top->child[side], top->child[side] = n;
  update (n), update (top);
  return top;
}

static Node *
avl_insert (Node *n, uint32_t key)
{
  if (n == NULL)
    return make (key);
  if (key == n->key)
    return n;
  n->child[key > n->key] = avl_insert (n->child[key > n->key], key);
  update (n);
  int lean = height (n->child[1]) - height (n->child[0]);
  if (lean < -1 || lean > 1) {
    int side = lean > 1;
    Node *c = n->child[side];
    if (height (c->child[!side]) > height (c->child[side]))
      n->child[side] = rotate (c, side);
    n = rotate (n, !side);
  }
  return n;
}

PROGRAM (avl_tree)
{
  Node *root = NULL;
  for (uint32_t i = 0; i < 500; i++)
    root = avl_insert (root, i & 1 ? i : (uint32_t) (next () % 1000));
  printf ("%d %d %u\n", root->height, root->size, root->key);
  for (int k = 0; k < root->size; k += 41) {
    int rank = k;
    Node *n = root;
    for (int left; rank != (left = n->child[0] ? n->child[0]->size : 0);) {
      if (rank > left)
        rank -= left + 1, n = n->child[1];
      else
        n = n->child[0];
    }
    printf ("%u ", n->key);
  }
}

static void
splay (Node **root, uint32_t key)
{
  Node head = {{0}}, *l = &head, *r = &head, *t = *root;
  for (;;) {
    int side = key > t->key;
    if (key == t->key || t->child[side] == NULL)
      break;
    if (t->child[side]->key != key && (key > t->child[side]->key) == side) {
      Node *c = t->child[side];
      t->child[side] = c->child[!side], c->child[!side] = t, t = c;
      if (t->child[side] == NULL)
        break;
    }
    if (side)
      l = l->child[1] = t, t = t->child[1];
    else
      r = r->child[0] = t, t = t->child[0];
  }
  l->child[1] = t->child[0], r->child[0] = t->child[1];
  t->child[0] = head.child[1], t->child[1] = head.child[0];
  *root = t;
}

PROGRAM (splay_tree)
{
  Node *root = make (500);
  unsigned hits = 0;
  for (int i = 0; i < 900; i++) {
    uint32_t key = (uint32_t) (next () % 700);
    splay (&root, key);
    if (root->key == key) {
      hits++;
    } else {
      int side = key > root->key;
      Node *n = make (key);
      n->child[!side] = root, n->child[side] = root->child[side], root->child[side] = NULL;
      root = n;
    }
  }
  printf ("%u %u %d\n", hits, root->key, used);
}

static Node *
treap_merge (Node *a, Node *b)
{
  if (a == NULL || b == NULL)
    return a ? a : b;
  if (a->height > b->height) { // a random priority
    a->child[1] = treap_merge (a->child[1], b);
    return a;
  }
  b->child[0] = treap_merge (a, b->child[0]);
  return b;
}

static void
treap_split (Node *t, uint32_t key, Node **a, Node **b)
{
  if (t == NULL) {
    *a = *b = NULL;
  } else if (t->key < key) {
    treap_split (t->child[1], key, &t->child[1], b);
    *a = t;
  } else {
    treap_split (t->child[0], key, a, &t->child[0]);
    *b = t;
  }
}

static unsigned
depth_sum (const Node *n, unsigned depth)
{
  return n == NULL
             ? 0
             : depth + depth_sum (n->child[0], depth + 1) + depth_sum (n->child[1], depth + 1);
}

PROGRAM (treap)
{
  Node *root = NULL, *a, *b;
  for (uint32_t i = 0; i < 600; i++) {
    Node *n = make ((uint32_t) (next () & 0xffff));
    n->height = (int) (next () >> 33);
    treap_split (root, n->key, &a, &b);
    root = treap_merge (treap_merge (a, n), b);
  }
  treap_split (root, 0x8000, &a, &b);
  printf ("%u %u %u\n", depth_sum (root, 0), depth_sum (a, 0), depth_sum (b, 0));
}

PROGRAM (skip_list)
{
  typedef struct Item {
    struct Item *next[10];
    uint32_t key;
  } Item;
  static Item items[400], head;
  unsigned steps = 0, found = 0;
  for (int i = 0; i < 400; i++) {
    Item *at = &head, *n = &items[i];
    int level = __builtin_ctzll (next () | 1 << 9);
    n->key = (uint32_t) (next () % 5000);
    for (int l = 9; l >= 0; l--) {
      while (at->next[l] != NULL && at->next[l]->key < n->key)
        at = at->next[l], steps++;
      if (l <= level)
        n->next[l] = at->next[l], at->next[l] = n;
    }
  }
  for (uint32_t key = 0; key < 5000; key += 3) {
    Item *at = &head;
    for (int l = 9; l >= 0; l--)
      while (at->next[l] != NULL && at->next[l]->key < key)
        at = at->next[l];
    found += at->next[0] != NULL && at->next[0]->key == key;
  }
  printf ("%u %u %u\n", steps, found, head.next[5] ? head.next[5]->key : 0);
}

// Left-leaning red-black.
static Node *
llrb_insert (Node *n, uint32_t key)
{
  if (n == NULL)
    return make (key); // height 1: red
  if (key != n->key)
    n->child[key > n->key] = llrb_insert (n->child[key > n->key], key);
#define RED(x) ((x) != NULL && (x)->height == 1)
  if (RED (n->child[1]) && !RED (n->child[0])) {
    Node *r = n->child[1];
    n->child[1] = r->child[0], r->child[0] = n, r->height = n->height, n->height = 1, n = r;
  }
  if (RED (n->child[0]) && RED (n->child[0]->child[0])) {
    Node *l = n->child[0];
    n->child[0] = l->child[1], l->child[1] = n, l->height = n->height, n->height = 1, n = l;
  }
  if (RED (n->child[0]) && RED (n->child[1]))
    n->height = 1, n->child[0]->height = n->child[1]->height = 0;
  return n;
}

static int
black_height (const Node *n)
{
  if (n == NULL)
    return 1;
  int l = black_height (n->child[0]), r = black_height (n->child[1]);
  return l < 0 || l != r || (RED (n) && RED (n->child[0])) ? -1 : l + !RED (n);
}

PROGRAM (red_black_tree)
{
  Node *root = NULL;
  for (uint32_t i = 0; i < 700; i++) {
    root = llrb_insert (root, i < 300 ? i * 3 : (uint32_t) (next () % 900));
    root->height = 0;
  }
  printf ("%d %d %u\n", black_height (root), used, depth_sum (root, 0));
}

PROGRAM (b_tree)
{
  enum { T = 4 };
  typedef struct Page {
    int n;
    uint32_t keys[2 * T];
    struct Page *child[2 * T + 1];
  } Page;
  Page *root = calloc (1, sizeof *root);
  int pages = 1, depth = 0;
  for (int i = 0; i < 500; i++) {
    uint32_t key = (uint32_t) next ();
    Page *p = root, *up = NULL;
    for (int at = 0;; up = p, p = p->child[at]) {
      if (p->n == 2 * T - 1) { // is split on the way down
        Page *right = calloc (1, sizeof *right);
        right->n = T - 1, pages++;
        memcpy (right->keys, p->keys + T, (T - 1) * sizeof *p->keys);
        memcpy (right->child, p->child + T, T * sizeof *p->child);
        p->n = T - 1;
        if (up == NULL) {
          up = root = calloc (1, sizeof *root);
          up->child[0] = p, at = 0, pages++;
        }
        memmove (up->keys + at + 1, up->keys + at, (size_t) (up->n - at) * sizeof *p->keys);
        memmove (up->child + at + 2, up->child + at + 1, (size_t) (up->n - at) * sizeof *p->child);
        up->keys[at] = p->keys[T - 1], up->child[at + 1] = right, up->n++;
        if (key > up->keys[at])
          p = right;
      }
      for (at = 0; at < p->n && p->keys[at] < key;)
        at++;
      if (p->child[0] == NULL) {
        memmove (p->keys + at + 1, p->keys + at, (size_t) (p->n - at) * sizeof *p->keys);
        p->keys[at] = key, p->n++;
        break;
      }
    }
  }
  for (Page *p = root; p != NULL; p = p->child[p->n], depth++)
    printf ("%d %08x ", p->n, p->keys[p->n - 1]);
  printf ("%d %d\n", pages, depth);
}
