// SPDX-License-Identifier: GPL-3.0-or-later
/* Integer kernels. Everything here is deterministic: same checksum on every machine. */
#include "kb.h"

/* --- coremix: list work, 16-bit matrix, state machine, crc16 --- */
struct node {
  struct node *next;
  int16_t key, val;
};
static struct node pool[512];
static uint16_t
crc16 (uint16_t c, uint32_t d, int bits)
{
  for (int i = 0; i < bits; i++) {
    int x = (c ^ d) & 1;
    c >>= 1;
    d >>= 1;
    if (x)
      c ^= 0xa001;
  }
  return c;
}
static struct node *
msort (struct node *l, int n)
{
  if (n <= 1) {
    if (l)
      l->next = 0;
    return l;
  }
  struct node *m = l;
  int h = n / 2;
  for (int i = 0; i < h; i++)
    m = m->next;
  struct node *b = msort (m, n - h);
  struct node *a = l;
  for (int i = 0; i < h - 1; i++)
    a = a->next;
  a = msort (l, h);
  struct node head, *t = &head;
  while (a && b) {
    if (a->key <= b->key) {
      t->next = a;
      a = a->next;
    } else {
      t->next = b;
      b = b->next;
    }
    t = t->next;
  }
  t->next = a ? a : b;
  return head.next;
}
static __attribute__ ((noinline)) int
scan_num (const char *s, int *counts)
{
  enum { S0, SGN, INT, FRAC, EXP, EXPD, BAD } st = S0;
  int n = 0;
  for (; *s && *s != ','; s++, n++) {
    char c = *s;
    switch (st) {
    case S0:
      if (c >= '0' && c <= '9')
        st = INT;
      else if (c == '+' || c == '-')
        st = SGN;
      else if (c == '.')
        st = FRAC;
      else
        st = BAD;
      break;
    case SGN:
      if (c >= '0' && c <= '9')
        st = INT;
      else if (c == '.')
        st = FRAC;
      else
        st = BAD;
      break;
    case INT:
      if (c == '.')
        st = FRAC;
      else if (c == 'e')
        st = EXP;
      else if (c < '0' || c > '9')
        st = BAD;
      break;
    case FRAC:
      if (c == 'e')
        st = EXP;
      else if (c < '0' || c > '9')
        st = BAD;
      break;
    case EXP:
      if (c == '-' || c == '+' || (c >= '0' && c <= '9'))
        st = EXPD;
      else
        st = BAD;
      break;
    case EXPD:
      if (c < '0' || c > '9')
        st = BAD;
      break;
    case BAD:
      break;
    }
    counts[st]++;
  }
  return n;
}
static uint64_t
coremix (void)
{
  static const char text[] = "5012,1234,-874,+122,35.54400,.1234500,-110.700,+0.64400,5.500e+3,-."
                             "123e-2,-87e+832,T0.3e-1F,-T.T++Tq,1T3.4e4z,34.0e-T^,";
  uint16_t crc = 0;
  uint64_t s = 1;
  static int16_t A[32][32], B[32][32];
  for (int it = 0; it < 40; it++) {
    for (int i = 0; i < 512; i++) {
      pool[i].next = i < 511 ? &pool[i + 1] : 0;
      pool[i].key = rng (&s);
      pool[i].val = i;
    }
    struct node *l = msort (pool, 512);
    for (int f = 0; f < 40; f++) {
      struct node *p = l;
      int k = (f * 37) & 511;
      while (p && p->val != k)
        p = p->next;
      if (p)
        crc = crc16 (crc, p->key, 16);
    }
    struct node *r = 0;
    while (l) {
      struct node *n = l->next;
      l->next = r;
      r = l;
      l = n;
    }
    crc = crc16 (crc, r->key, 16);
    for (int i = 0; i < 32; i++)
      for (int j = 0; j < 32; j++) {
        A[i][j] = i * j + it;
        B[i][j] = (i ^ j) - it;
      }
    for (int i = 0; i < 32; i++)
      for (int j = 0; j < 32; j++) {
        int32_t t = 0;
        for (int k = 0; k < 32; k++) {
          int32_t p = (int32_t) A[i][k] * B[k][j];
          t += ((p >> 2) & 15) * ((p >> 5) & 127);
        }
        crc = crc16 (crc, t, 8);
      }
    int cnt[7] = {0};
    for (int rep = 0; rep < 10; rep++)
      for (const char *p = text; *p;)
        p += scan_num (p, cnt) + 1;
    for (int i = 0; i < 7; i++)
      crc = crc16 (crc, cnt[i], 32);
  }
  return crc;
}

/* --- records: Dhrystone-like: struct copies, strings, calls, divides --- */
struct rec {
  struct rec *next;
  int kind, comp;
  int ival;
  char s[31];
};
static struct rec ra, rb;
static int garr[50], garr2[50][50];
static __attribute__ ((noinline)) void
p7 (int a, int b, int *o)
{
  *o = a + 2 + b;
}
static __attribute__ ((noinline)) int
f1 (char a, char b)
{
  return a == b ? 0 : 1;
}
static __attribute__ ((noinline)) int
f2 (const char *a, const char *b)
{
  int i = 2;
  while (i <= 2)
    if (f1 (a[i], b[i + 1]) == 0)
      i += 3;
    else
      i++;
  return strcmp (a, b) > 0;
}
static __attribute__ ((noinline)) void
p8 (int *a, int (*b)[50], int x, int y)
{
  int l = x + 5;
  a[l % 50] = y;
  a[(l + 1) % 50] = a[l % 50];
  a[(l + 30) % 50] = l;
  for (int i = l; i <= l + 1; i++)
    b[l % 50][i % 50] = l;
  b[l % 50][(l - 1) % 50]++;
  b[(l + 20) % 50][l % 50] = a[l % 50];
}
static __attribute__ ((noinline)) void
p1 (struct rec *p)
{
  struct rec *n = p->next;
  *n = ra;
  n->ival = 5;
  n->next = p;
  p7 (n->ival, 10, &n->ival);
  if (n->kind == 0)
    n->comp = 6;
  else
    *p = *n;
}
static uint64_t
records (void)
{
  uint64_t h = 0;
  char s1[31], s2[31];
  memset (&ra, 0, sizeof ra);
  memset (&rb, 0, sizeof rb);
  ra.next = &rb;
  ra.comp = 2;
  ra.ival = 40;
  strcpy (ra.s, "DHRYSTONE-LIKE, SOME STRING");
  strcpy (s1, "DHRYSTONE-LIKE, 1'ST STRING");
  for (int i = 1; i <= 100000; i++) {
    int a = 2, b = 3, c;
    strcpy (s2, "DHRYSTONE-LIKE, 2'ND STRING");
    KEEP (a);
    int g = !f2 (s1, s2);
    while (a < b) {
      c = 5 * a - b;
      p7 (a, b, &c);
      a++;
    }
    p8 (garr, garr2, a, c);
    ra.next = &rb;
    p1 (&ra);
    for (char ch = 'A'; ch <= 'B' + (i & 3); ch++)
      if (f1 (ch, 'C') == g)
        b = i;
    b = b * a;
    c = b / (c + (i & 7));
    a = 7 * (b - c) - a;
    h += (unsigned) a ^ garr[8];
  }
  return h;
}

/* --- sieve --- */
static uint8_t sv[1 << 18];
static uint64_t
sieve (void)
{
  int n = sizeof sv, c = 0;
  memset (sv, 1, n);
  for (int i = 2; i < n; i++)
    if (sv[i]) {
      c++;
      for (int j = i * 2; j < n; j += i)
        sv[j] = 0;
    }
  return c;
}

/* --- qsort: libc's, through a comparison callback --- */
static uint32_t qa[32768];
static int
qcmp (const void *a, const void *b)
{
  uint32_t x = *(uint32_t *) a, y = *(uint32_t *) b;
  return (x > y) - (x < y);
}
static uint64_t
k_qsort (void)
{
  uint64_t s = 7, h = 0;
  for (int i = 0; i < 32768; i++)
    qa[i] = rng (&s);
  qsort (qa, 32768, 4, qcmp);
  for (int i = 0; i < 32768; i += 97)
    h = mix (h, qa[i]);
  return h;
}

/* --- interp: a bytecode machine with computed gotos (indirect branches) --- */
enum { LDI, ADD, SUB, MUL, XOR, SHR, ADDI, JNZ, LD, ST, HALT };
static uint64_t
interp (void)
{
  static const uint8_t prog[][4] = {{LDI, 0, 0, 200},         {LDI, 1, 0, 1},    {LDI, 5, 0, 0},
                                    /* 3 */ {LDI, 2, 0, 250},
                                    /* 4 */ {MUL, 1, 1, 3},   {ADDI, 1, 1, 17},  {SHR, 4, 1, 7},
                                    {XOR, 5, 5, 4},           {ST, 5, 2, 0},     {LD, 6, 4, 0},
                                    {ADD, 5, 5, 6},           {ADDI, 2, 2, 255}, {JNZ, 2, 4, 0},
                                    {ADDI, 0, 0, 255},        {JNZ, 0, 3, 0},    {HALT, 0, 0, 0}};
  static void *const lab[] = {&&ldi,  &&add, &&sub, &&mul, &&xor, &&shr,
                              &&addi, &&jnz, &&ld,  &&st,  &&halt};
  uint32_t r[8] = {0, 0, 0, 1103515245u}, mem[256] = {0};
  int pc = 0;
  const uint8_t *i;
#define NEXT                                                                                       \
  do {                                                                                             \
    i = prog[pc++];                                                                                \
    goto *lab[i[0]];                                                                               \
  } while (0)
  NEXT;
ldi:
  r[i[1]] = i[3];
  NEXT;
add:
  r[i[1]] = r[i[2]] + r[i[3]];
  NEXT;
sub:
  r[i[1]] = r[i[2]] - r[i[3]];
  NEXT;
mul:
  r[i[1]] = r[i[2]] * r[i[3]];
  NEXT;
  xor : r[i[1]] = r[i[2]] ^ r[i[3]];
  NEXT;
shr:
  r[i[1]] = r[i[2]] >> i[3];
  NEXT;
addi:
  r[i[1]] = r[i[2]] + (int8_t) i[3];
  NEXT;
jnz:
  if (r[i[1]])
    pc = i[2];
  NEXT;
ld:
  r[i[1]] = mem[r[i[2]] & 255];
  NEXT;
st:
  mem[r[i[2]] & 255] = r[i[1]];
  NEXT;
halt:
  return mix (r[5], r[1]);
}

/* --- vcall: unpredictable calls through a table of function pointers --- */
typedef uint64_t (*fnp) (uint64_t);
// One function to a line; the formatter would fold the list differently each time.
// clang-format off
#define F(n, e) static __attribute__ ((noinline)) uint64_t vf##n (uint64_t x) { return e; }
F (0, x + 1)
F (1, x * 3)
F (2, x ^ (x >> 7))
F (3, x - 11)
F (4, ~x)
F (5, (x << 13) | (x >> 51))
F (6, x + (x << 2))
F (7, x ^ 0x55)
// clang-format on
static fnp vt[8] = {vf0, vf1, vf2, vf3, vf4, vf5, vf6, vf7};
static uint64_t
vcall (void)
{
  uint64_t x = 1;
  uint32_t l = 1;
  for (int i = 0; i < 500000; i++) {
    l = l * 1664525u + 1013904223u;
    x = vt[l >> 29](x);
  }
  return x;
}

/* --- fib: calls and returns --- */
static __attribute__ ((noinline)) uint64_t
fib (unsigned n)
{
  uint64_t a, b;
  if (n < 2)
    return n;
  a = fib (n - 1);
  KEEP (a);
  b = fib (n - 2);
  return a + b;
}
static uint64_t
k_fib (void)
{
  return fib (24);
}

/* --- sha256 in plain C --- */
static uint32_t K[64];
static void
sha_setup (void)
{ /* the constants are the fractions of cube roots of the first primes */
  int n = 0;
  for (int p = 2; n < 64; p++) {
    int ok = 1;
    for (int d = 2; d * d <= p; d++)
      if (p % d == 0)
        ok = 0;
    if (!ok)
      continue;
    unsigned __int128 lo = 0, hi = (unsigned __int128) 8 << 36; /* root * 2^36 */
    while (hi - lo > 1) {
      unsigned __int128 m = (lo + hi) / 2;
      if (m * m * m <= ((unsigned __int128) p << 108))
        lo = m;
      else
        hi = m;
    }
    K[n++] = (uint32_t) (lo >> 4);
  }
}
#define RR(x, n) (((x) >> (n)) | ((x) << (32 - (n))))
static void
sha_block (uint32_t *h, const uint8_t *p)
{
  uint32_t w[64], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], k = h[7];
  for (int i = 0; i < 16; i++)
    w[i] = (uint32_t) p[4 * i] << 24 | p[4 * i + 1] << 16 | p[4 * i + 2] << 8 | p[4 * i + 3];
  for (int i = 16; i < 64; i++)
    w[i] = w[i - 16] + (RR (w[i - 15], 7) ^ RR (w[i - 15], 18) ^ (w[i - 15] >> 3)) + w[i - 7] +
           (RR (w[i - 2], 17) ^ RR (w[i - 2], 19) ^ (w[i - 2] >> 10));
  for (int i = 0; i < 64; i++) {
    uint32_t t1 = k + (RR (e, 6) ^ RR (e, 11) ^ RR (e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i];
    uint32_t t2 = (RR (a, 2) ^ RR (a, 13) ^ RR (a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    k = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  h[0] += a;
  h[1] += b;
  h[2] += c;
  h[3] += d;
  h[4] += e;
  h[5] += f;
  h[6] += g;
  h[7] += k;
}
static uint64_t
k_sha (void)
{
  static uint8_t buf[1 << 18];
  uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  for (size_t i = 0; i < sizeof buf; i += 64)
    sha_block (h, buf + i);
  return (uint64_t) h[0] << 32 | h[7];
}

/* --- hash: open addressing, 8 MiB table --- */
static uint64_t *ht;
static void
hash_setup (void)
{
  if (!ht)
    ht = malloc (8 << 20);
}
static uint64_t
k_hash (void)
{
  const uint32_t M = (1 << 20) - 1;
  uint64_t s = 3, hit = 0;
  memset (ht, 0, 8 << 20);
  for (int i = 0; i < 200000; i++) {
    uint64_t k = rng (&s) | 1;
    uint32_t p = k * 0x9E3779B1u & M;
    while (ht[p] && ht[p] != k)
      p = (p + 1) & M;
    ht[p] = k;
  }
  s = 3;
  for (int i = 0; i < 200000; i++) {
    uint64_t k = (rng (&s) | 1) + (i & 2);
    uint32_t p = k * 0x9E3779B1u & M;
    while (ht[p] && ht[p] != k)
      p = (p + 1) & M;
    hit += ht[p] == k;
  }
  return hit;
}

/* --- strings: libc string functions and formatting --- */
static uint64_t
k_str (void)
{
  static char t[4096];
  uint64_t h = 0;
  char b[128];
  for (int i = 0; i < 4095; i++)
    t[i] = 'a' + (i * 7 + (i >> 5)) % 26;
  for (int r = 0; r < 400; r++) {
    t[3000 - r] = 'Z';
    h += strlen (t + r) + (uintptr_t) (strchr (t + r, 'Z') - t) +
         (uintptr_t) (memchr (t, 'Z', 4095) ? 1 : 0) + !memcmp (t, t + 26, 26);
    int n =
        snprintf (b, sizeof b, "%d %s %08x %llu", r, "hello", r * 77, (unsigned long long) r << 33);
    h += n + strtol (b, 0, 10);
    char *q = strstr (b, "hello");
    h += q ? q - b : 99;
    h += strcspn (t + 2000, "Z!");
    t[3000 - r] = 'a';
  }
  return h;
}

/* --- alu: wide multiplies, divides, bit counts, conditional selects --- */
static uint64_t
k_alu (void)
{
  uint64_t a = 0x123456789abcdefull, b = 0xfedcba987654321ull, h = 0;
  for (int i = 0; i < 200000; i++) {
    unsigned __int128 p = (unsigned __int128) a * b;
    a = (uint64_t) (p >> 64) + __builtin_bswap64 ((uint64_t) p) + 1;
    b ^= a / ((b & 0xffff) + 3);
    b += (uint32_t) a % ((uint32_t) i + 7);
    h += a > b ? (uint64_t) __builtin_clzll (a | 1) : b & 63;
    h += __builtin_ctzll (b | (1ull << 60));
    h = (h << 5 | h >> 59) ^ (int64_t) a >> 3;
    if ((int64_t) h < (int64_t) b)
      b -= h;
  }
  return h;
}

/* --- branchy: binary searches over random keys --- */
static uint64_t
k_bsearch (void)
{
  static uint32_t v[65536];
  uint64_t s = 9, h = 0;
  if (!v[65535])
    for (uint32_t i = 0; i < 65536; i++)
      v[i] = i * 65521u / 2 + 1 > 0 ? i * 32767u + 5 : 0;
  for (int i = 0; i < 60000; i++) {
    uint32_t k = rng (&s) & 0x7fffffff;
    int lo = 0, hi = 65535;
    while (lo < hi) {
      int m = (lo + hi) >> 1;
      if (v[m] < k)
        lo = m + 1;
      else
        hi = m;
      KEEP (lo);
    }
    h += lo;
  }
  return h;
}

const struct bench b_int[] = {{"int.coremix", "iter/s", 40, coremix},
                              {"int.records", "kloop/s", 100, records},
                              {"int.sieve", "Mnum/s", (1 << 18) / 1e6, sieve},
                              {"int.qsort", "Melem/s", 32768 / 1e6, k_qsort},
                              {"int.interp", "Mop/s", (200 * (250.0 * 9 + 3)) / 1e6, interp},
                              {"int.vcall", "Mcall/s", .5, vcall},
                              {"int.fib", "Mcall/s", 150049 / 1e6, k_fib},
                              {"int.sha256c", "MB/s", (1 << 18) / 1e6, k_sha, sha_setup},
                              {"int.hash", "Mop/s", .4, k_hash, hash_setup},
                              {"int.strings", "kloop/s", .4, k_str},
                              {"int.alu", "Mloop/s", .2, k_alu},
                              {"int.bsearch", "Msearch/s", .06, k_bsearch},
                              {0}};
