// SPDX-License-Identifier: GPL-3.0-or-later
// How arguments and results travel: structures of all sizes, homogeneous ones, unions, wide
// integers, vectors, complex numbers, varargs; alignment, packing, alloca, arrays of variable size.
#include <alloca.h>
#include <stddef.h>

#include "corpus.h"

#define AWAY __attribute__ ((noinline, noclone))

#define SIZED(n)                                                                                   \
  typedef struct Bytes##n {                                                                        \
    uint8_t b[n];                                                                                  \
  } Bytes##n;                                                                                      \
  static AWAY Bytes##n turn##n (Bytes##n v, int by)                                                \
  {                                                                                                \
    Bytes##n r;                                                                                    \
    for (int i = 0; i < n; i++)                                                                    \
      r.b[i] = (uint8_t) (v.b[(i + by) % n] + by);                                                 \
    return r;                                                                                      \
  }                                                                                                \
  struct Bytes##n
SIZED (1);
SIZED (2);
SIZED (3);
SIZED (4);
SIZED (5);
SIZED (7);
SIZED (8);
SIZED (9);
SIZED (12);
SIZED (15);
SIZED (16);
SIZED (17);
SIZED (32);
SIZED (65);

#define TURN(n)                                                                                    \
  do {                                                                                             \
    Bytes##n v;                                                                                    \
    for (int i = 0; i < n; i++)                                                                    \
      v.b[i] = (uint8_t) next ();                                                                  \
    v = turn##n (turn##n (v, 1), 2);                                                               \
    for (int i = 0; i < n; i++)                                                                    \
      printf ("%02x", v.b[i]);                                                                     \
    printf ("\n");                                                                                 \
  } while (0)

PROGRAM (structures_of_all_sizes)
{
  TURN (1);
  TURN (2);
  TURN (3);
  TURN (4);
  TURN (5);
  TURN (7);
  TURN (8);
  TURN (9);
  TURN (12);
  TURN (15);
  TURN (16);
  TURN (17);
  TURN (32);
  TURN (65);
}

typedef struct Floats {
  float a, b, c;
} Floats;
typedef struct Doubles {
  double a, b, c, d;
} Doubles;
typedef struct Five {
  double v[5];
} Five;
typedef struct Mixed {
  float f;
  int32_t i;
  double d;
} Mixed;

static AWAY Floats
mix_floats (Doubles d, Floats f, float scale, Five five, Mixed m)
{
  return (Floats){f.a * scale + (float) d.a, f.b - (float) d.d,
                  (float) (f.c * five.v[4] + m.d + m.i + m.f)};
}

static AWAY Doubles
mix_doubles (Floats f, Doubles d, Floats g, int i, Doubles e)
{
  return (Doubles){f.a + d.b, g.c * e.d, i + d.c, e.a - g.a};
}

PROGRAM (homogeneous_aggregates)
{
  Floats f = {1, 2, 3};
  Doubles d = {0.5, 0.25, 4, 8};
  for (int i = 0; i < 30; i++) {
    double x = next_real (), y = next_real ();
    Five five = {{x, 1, 2, 3, y}};
    f = mix_floats (d, f, (float) (x * y), five, (Mixed){0.5f, i, x - y});
    d = mix_doubles (f, d, f, i, (Doubles){y, 2, 3, x});
    printf ("%a %a %a %a %a %a %a\n", (double) f.a, (double) f.b, (double) f.c, d.a, d.b, d.c, d.d);
  }
}

static AWAY double
many (int8_t a, double b, int64_t c, float d, uint16_t e, double f, int g, int h, int i, int8_t j,
      int16_t k, float l, double m, double n, double o, double p, double q, float r, int64_t s,
      uint8_t t)
{
  return a + 2 * b + 3 * (double) c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j +
         11 * k + 12 * l + 13 * m + 14 * n + 15 * o + 16 * p + 17 * q + 18 * r + 19 * (double) s +
         20 * t;
}

PROGRAM (twenty_arguments)
{
  for (int i = 0; i < 30; i++) {
    uint64_t v = next ();
    double x = next_real ();
    printf ("%.10g\n",
            many ((int8_t) v, x, (int64_t) v >> 40, (float) x, (uint16_t) (v >> 7), -x, i, -i,
                  i * i, (int8_t) (v >> 9), (int16_t) (v >> 20), 0.5f, x * 2, x * 3, x / 2, 1, 2,
                  (float) -x, -(int64_t) (v >> 50), (uint8_t) (v >> 30)));
  }
}

static AWAY unsigned __int128
wide (int a, unsigned __int128 x, int b, int c, int d, unsigned __int128 y, int e, __int128 z)
{
  return x * (unsigned) (a + b) + y / (unsigned) (c + 1) - (unsigned __int128) (z >> d) +
         (unsigned) e;
}

PROGRAM (int128_arguments)
{
  unsigned __int128 x = 1, y = (unsigned __int128) 1 << 100;
  for (int i = 1; i < 40; i++) {
    x = wide (i, x, 3, i, i & 31, y ^ next (), -i, -(__int128) x);
    printf ("%016" PRIx64 "%016" PRIx64 "\n", (uint64_t) (x >> 64), (uint64_t) x);
  }
}

typedef int32_t V4 __attribute__ ((vector_size (16)));
typedef double D2 __attribute__ ((vector_size (16)));
typedef struct Vectors {
  V4 a, b;
} Vectors;

static AWAY Vectors
vectors (V4 a, D2 b, Vectors c, V4 d)
{
  return (Vectors){a + c.b - d, c.a ^ (V4) b};
}

PROGRAM (vector_arguments)
{
  Vectors v = {{1, 2, 3, 4}, {5, 6, 7, 8}};
  for (int i = 0; i < 30; i++) {
    int32_t n = (int32_t) next ();
    v = vectors (v.a * 3, (D2){next_real (), 1}, v, (V4){n, i, -i, n >> 3});
    printf ("%08x %08x %08x %08x\n", (unsigned) v.a[0], (unsigned) v.a[3], (unsigned) v.b[1],
            (unsigned) v.b[2]);
  }
}

static AWAY double complex
rotate (double complex z, float complex w, int i, double complex y)
{
  return i & 1 ? z * w + y : conj (y) - z * crealf (w) * 0.5;
}

PROGRAM (complex_arguments)
{
  double complex z = 1 + 0.5 * I;
  for (int i = 0; i < 40; i++) {
    float re = (float) next_real (), im = (float) next_real ();
    z = rotate (z, (re + im * I) * 0.5f, i, next_real ());
    printf ("%.12g %.12g\n", creal (z), cimag (z));
  }
}

typedef struct Item {
  int kind;
  double weight;
} Item;
typedef struct Large {
  int64_t v[6];
} Large;

static AWAY double
gather (const char *kinds, ...)
{
  double sum = 0;
  va_list ap;
  va_start (ap, kinds);
  for (; *kinds != 0; kinds++)
    switch (*kinds) {
    case 'i':
      sum = sum * 3 + va_arg (ap, int);
      break;
    case 'd':
      sum += va_arg (ap, double);
      break;
    case 's': {
      Item item = va_arg (ap, Item);
      sum += item.kind * item.weight;
      break;
    }
    case 'l':
      sum -= (double) va_arg (ap, Large).v[5];
      break;
    case 'q':
      sum += (double) va_arg (ap, __int128);
      break;
    case 'h': {
      Floats f = va_arg (ap, Floats);
      sum += f.a - f.b * f.c;
      break;
    }
    default:
      sum += (double) strlen (va_arg (ap, char *));
    }
  va_end (ap);
  return sum;
}

PROGRAM (structures_in_varargs)
{
  for (int i = 0; i < 20; i++) {
    Large large = {{i, 2, 3, 4, 5, i * 7}};
    Item item = {i, next_real ()};
    Floats f = {0.5f, (float) i, 2};
    printf ("%.10g %.10g\n",
            gather ("isdlqhpisdhdd", i, item, 0.5, large, (__int128) 5 << 20, f, "four", -i, item,
                    1.5, f, 2.5, 3.5),
            gather ("iiiiiiiiiidddddddddds", 1, 2, 3, i, 5, 6, 7, 8, 9, 10, 1., 2., 3., 4., 5., 6.,
                    7., 8., 9., 10., item));
  }
}

typedef union Number {
  uint64_t u;
  double d;
  float f[2];
  uint8_t b[8];
  struct {
    uint64_t fraction : 52, exponent : 11, sign : 1;
  } parts;
} Number;

PROGRAM (unions)
{
  for (int i = 0; i < 40; i++) {
    Number n = {.d = next_real () * (1 << (i & 15))};
    printf ("%016" PRIx64 " %u %u %013" PRIx64 " %02x ", n.u, (unsigned) n.parts.sign,
            (unsigned) n.parts.exponent, (uint64_t) n.parts.fraction, n.b[6]);
    n.parts.exponent++, n.b[0] ^= 1, n.parts.sign ^= 1;
    printf ("%a %a\n", n.d, (double) (n.f[1] * 2));
  }
}

typedef struct __attribute__ ((packed)) Packed {
  uint8_t a;
  uint32_t b;
  uint16_t c;
  double d;
  uint64_t e : 37, f : 20;
} Packed;

PROGRAM (packed_structures)
{
  static Packed p[20];
  uint64_t sum = 0;
  for (int i = 0; i < 20; i++) {
    uint64_t v = next ();
    p[i] = (Packed){(uint8_t) v, (uint32_t) (v >> 8),   (uint16_t) (v >> 40), next_real (),
                    v >> 3,      (unsigned) v & 0xfffff};
    p[i].b += p[i].a, p[i].d *= 2, p[i].e += p[i].c, p[i].f ^= 0x55;
  }
  for (size_t i = 0; i < sizeof p; i++)
    sum = sum * 31 + ((uint8_t *) p)[i];
  printf ("%zu %zu %016" PRIx64 " %a\n", sizeof *p, offsetof (Packed, d), sum, p[7].d);
}

typedef struct Aligned {
  char c;
  __attribute__ ((aligned (64))) int64_t v;
  long double l;
  short tail[];
} Aligned;

static AWAY int
aligned_locals (int depth)
{
  __attribute__ ((aligned (128))) volatile char buffer[64];
  buffer[depth] = 1;
  return (int) ((uintptr_t) buffer % 128) + (depth > 0 ? aligned_locals (depth - 1) : 0) +
         buffer[depth];
}

PROGRAM (alignment)
{
  Aligned *a = aligned_alloc (64, 256);
  a->tail[3] = 77;
  printf ("%zu %zu %zu %zu %zu %d %d %d\n", sizeof (Aligned), _Alignof(Aligned),
          offsetof (Aligned, l), offsetof (Aligned, tail), _Alignof(max_align_t),
          (int) ((uintptr_t) a % 64), a->tail[3], aligned_locals (9));
}

static AWAY uint64_t
eat_stack (int depth)
{
  size_t n = next () % 300 + 16;
  uint8_t *p = alloca (n), array[n];
  memset (p, depth, n);
  for (size_t i = 0; i < n; i++)
    array[i] = (uint8_t) (p[n - 1 - i] + i);
  uint64_t below = depth > 0 ? eat_stack (depth - 1) : 0, sum = below;
  for (size_t i = 0; i < n; i++)
    sum = sum * 31 + (p[i] ^ array[i]);
  return sum;
}

PROGRAM (stack_of_variable_size)
{
  printf ("%016" PRIx64 "\n", eat_stack (60));
  for (int n = 1; n < 12; n++) {
    int matrix[n][n + 1], sum = 0;
    for (int i = 0; i < n * (n + 1); i++)
      matrix[i / (n + 1)][i % (n + 1)] = (int) (next () & 255);
    for (int i = 0; i < n; i++)
      sum += matrix[i][i] - matrix[n - 1 - i][i + 1];
    printf ("%d %zu\n", sum, sizeof matrix);
  }
}

typedef struct Shape Shape;
struct Shape {
  double (*area) (const Shape *);
  const char *(*name) (void);
  double a, b;
};

static double
circle_area (const Shape *s)
{
  return 3 * s->a * s->a;
}
static double
box_area (const Shape *s)
{
  return s->a * s->b;
}
static const char *
circle_name (void)
{
  return "circle";
}
static const char *
box_name (void)
{
  return "box";
}

PROGRAM (virtual_functions)
{
  double total = 0;
  for (int i = 0; i < 200; i++) {
    double a = next_real (), b = next_real ();
    Shape s = {box_area, box_name, a, b};
    if (next () & 1)
      s.area = circle_area, s.name = circle_name;
    total += s.area (&s) * (double) strlen (s.name ());
  }
  printf ("%.12g\n", total);
}

static int even (unsigned n);
static AWAY int
odd (unsigned n)
{
  return n == 0 ? 0 : even (n - 1);
}
static AWAY int
even (unsigned n)
{
  return n == 0 ? 1 : odd (n - 1);
}
static AWAY unsigned
hofstadter (unsigned n)
{
  return n < 3 ? 1 : hofstadter (n - hofstadter (n - 1)) + hofstadter (n - hofstadter (n - 2));
}
static AWAY int
takeuchi (int x, int y, int z)
{
  return y >= x ? z
                : takeuchi (takeuchi (x - 1, y, z), takeuchi (y - 1, z, x), takeuchi (z - 1, x, y));
}

PROGRAM (deep_recursion)
{
  printf ("%d %d %u %d\n", even (5000), odd (7001), hofstadter (18), takeuchi (9, 5, 1));
}

#define KIND(x)                                                                                    \
  _Generic((x), int : 1, unsigned : 2, long : 3, float : 4, double : 5, char * : 6, default : 7)

PROGRAM (generic_selection)
{
  uint8_t u = 1;
  float f = 1;
  printf ("%d%d%d%d%d%d%d%d %zu\n", KIND (u + u), KIND (u + 1u), KIND (1L << u), KIND (f * 2),
          KIND (f * 2.0), KIND ("x"), KIND (u), KIND ((__int128) 1), sizeof (long double));
}

static int order[8], n_started;
__attribute__ ((constructor (201))) static void
start_second (void)
{
  order[n_started++] = 2;
}
__attribute__ ((constructor (200))) static void
start_first (void)
{
  order[n_started++] = 1;
}
extern int not_there (int) __attribute__ ((weak));
static int
there (int x)
{
  return x + 1;
}
extern int other_name (int) __attribute__ ((alias ("there")));

static void
bye (void)
{
  printf ("bye %d\n", n_started);
}

PROGRAM (linking)
{
  atexit (bye);
  printf ("%d%d %d %d\n", order[0], order[1], not_there == NULL, other_name (4));
  exit (0);
}

typedef struct Tree {
  struct Tree *child[2];
  int value;
} Tree;

static AWAY Tree *
build (int depth)
{
  Tree *t = malloc (sizeof *t);
  *t = (Tree){{0}, (int) (next () & 1023)};
  for (int i = 0; i < 2 && depth > 0; i++)
    t->child[i] = build (depth - 1);
  return t;
}
static AWAY int
fold (const Tree *t, int (*f) (int, int), int start)
{
  return t == NULL
             ? start
             : f (f (fold (t->child[0], f, start), t->value), fold (t->child[1], f, start + 1));
}
static int
larger (int a, int b)
{
  return a > b ? a : b;
}
static int
hash_of (int a, int b)
{
  return (int) ((unsigned) a * 33u ^ (unsigned) b);
}

PROGRAM (folds)
{
  Tree *t = build (9);
  printf ("%d %d\n", fold (t, larger, 0), fold (t, hash_of, 1));
}
