// SPDX-License-Identifier: GPL-3.0-or-later
// Parsers and interpreters: code with many ways through it.
#include <ctype.h>

#include "corpus.h"

static const char *at;

static double sum_of_products (void);

static double
factor (void)
{
  double v;
  while (*at == ' ')
    at++;
  if (*at == '-')
    return at++, -factor ();
  if (*at == '(') {
    at++;
    v = sum_of_products ();
    at++;
  } else {
    char *end;
    v = strtod (at, &end), at = end;
  }
  while (*at == ' ')
    at++;
  return *at == '^' ? at++, pow (v, factor ()) : v;
}

static double
product (void)
{
  double v = factor ();
  while (*at == '*' || *at == '/')
    v = *at++ == '*' ? v * factor () : v / factor ();
  return v;
}

static double
sum_of_products (void)
{
  double v = product ();
  while (*at == '+' || *at == '-')
    v = *at++ == '+' ? v + product () : v - product ();
  return v;
}

PROGRAM (recursive_descent)
{
  static const char *const lines[] = {"1+2*3",         "(1+2)*-3^2",  " 2 ^ 3 ^ 2 - 4/8/2",
                                      "((((7))))*1e2", "1/3+1/3+1/3", "-(2-5)*(3+.5)"};
  for (int i = 0; i < 6; i++) {
    at = lines[i];
    double v = sum_of_products ();
    printf ("%.12g %d\n", v, *at);
  }
}

static int
rank (char c)
{
  return c == '+' || c == '-' ? 1 : c == '*' || c == '/' || c == '%' ? 2 : 0;
}

PROGRAM (shunting_yard)
{
  for (int i = 0; i < 30; i++) {
    char source[80], out[80], ops[40];
    int n = 0, m = 0, depth = 0, open = 0;
    int64_t stack[40];
    for (int k = 0; k < 12; k++) {
      if ((next () & 7) == 0)
        source[n++] = '(', open++;
      source[n++] = (char) ('1' + next () % 9);
      if (open > 0 && (next () & 3) == 0)
        source[n++] = ')', open--;
      source[n++] = "+-*/%"[next () % 5];
    }
    for (n--; open > 0; open--)
      source[n++] = ')';
    for (int k = 0; k <= n; k++) {
      char c = k < n ? source[k] : 0;
      if (isdigit (c)) {
        out[m++] = c;
      } else if (c == '(') {
        ops[depth++] = c;
      } else {
        while (depth > 0 && ops[depth - 1] != '(' && rank (ops[depth - 1]) >= rank (c))
          out[m++] = ops[--depth];
        if (c == ')')
          depth -= depth > 0;
        else
          ops[depth++] = c;
      }
    }
    depth = 0;
    for (int k = 0; k < m; k++) {
      if (isdigit (out[k])) {
        stack[depth++] = out[k] - '0';
      } else if (depth > 1) {
        int64_t b = stack[--depth], a = stack[depth - 1];
        stack[depth - 1] = out[k] == '+'   ? a + b
                           : out[k] == '-' ? a - b
                           : out[k] == '*' ? a * b
                           : b == 0        ? a
                           : out[k] == '/' ? a / b
                                           : a % b;
      }
    }
    printf ("%.*s %.*s %" PRId64 "\n", n, source, m, out, stack[0]);
  }
}

PROGRAM (brain)
{
  static const char code[] = "++++++++[>++++[>++>+++>+++>+<<<<-]>+>+>->>+[<]<-]>>.>---.+++++++..+++"
                             ".>>.<-.<.+++.------.--------.>>+.>++.";
  static uint8_t tape[300];
  int p = 0, steps = 0;
  for (int pc = 0; code[pc] != 0; pc++, steps++)
    switch (code[pc]) {
    case '>':
      p++;
      break;
    case '<':
      p--;
      break;
    case '+':
      tape[p]++;
      break;
    case '-':
      tape[p]--;
      break;
    case '.':
      putchar (tape[p]);
      break;
    case '[':
    case ']':
      if ((code[pc] == '[') == (tape[p] == 0))
        for (int way = code[pc] == '[' ? 1 : -1, depth = way; depth != 0;)
          pc += way, depth += (code[pc] == '[') - (code[pc] == ']');
    }
  printf ("%d\n", steps);
}

PROGRAM (threaded_stack_machine)
{
  enum { PUSH, ADD, MUL, DUP, SWAP, JNZ, DEC, MOD, OVER, END };
  static void *const labels[] = {&&push, &&add, &&mul, &&dup,  &&swap,
                                 &&jnz,  &&dec, &&mod, &&over, &&end};
  // For n from 500 to 1: x = (x * 31 + n) % 65521.
  static const int16_t code[] = {PUSH, 7,     PUSH, 500,  SWAP, PUSH, 31,  MUL, OVER, ADD,
                                 PUSH, 32749, MOD,  SWAP, DEC,  DUP,  JNZ, -13, END};
  int64_t stack[16], *sp = stack;
  const int16_t *pc = code;
#define NEXT goto *labels[*pc++]
  NEXT;
push:
  *sp++ = *pc++;
  NEXT;
add:
  sp--, sp[-1] += sp[0];
  NEXT;
mul:
  sp--, sp[-1] *= sp[0];
  NEXT;
dup:
  *sp = sp[-1], sp++;
  NEXT;
swap:
  *sp = sp[-1], sp[-1] = sp[-2], sp[-2] = *sp;
  NEXT;
jnz:
  sp--;
  pc += *sp != 0 ? *pc : 1;
  NEXT;
dec:
  sp[-1]--;
  NEXT;
mod:
  sp--, sp[-1] %= sp[0];
  NEXT;
over:
  *sp = sp[-2], sp++;
  NEXT;
end:
  printf ("%td %" PRId64 "\n", sp - stack, stack[0]);
}

PROGRAM (register_machine)
{
  // 4 bits each: operation, target, two sources.
  uint16_t code[64];
  uint32_t r[16] = {0}, steps = 0;
  for (int i = 0; i < 64; i++)
    code[i] = (uint16_t) next ();
  for (uint32_t pc = 0; steps < 4000; steps++) {
    uint16_t w = code[pc++ & 63];
    uint32_t a = r[w >> 4 & 15], b = r[w & 15], *d = &r[w >> 8 & 15];
    switch (w >> 12) {
    case 0:
      *d = a + b;
      break;
    case 1:
      *d = a - b;
      break;
    case 2:
      *d = a * (b | 1);
      break;
    case 3:
      *d = a ^ b;
      break;
    case 4:
      *d = a << (b & 31);
      break;
    case 5:
      *d = a >> (b & 31) | a << (-b & 31);
      break;
    case 6:
      *d = (uint32_t) ((int32_t) a >> (b & 31));
      break;
    case 7:
      *d = b != 0 ? a / b : ~0u;
      break;
    case 8:
      *d = w & 255;
      break;
    case 9:
      *d = *d << 8 | (w & 255);
      break;
    case 10:
      *d = a < b;
      break;
    case 11:
      *d = (uint32_t) __builtin_popcount (a) + b;
      break;
    case 12:
      pc = *d & 1 ? a : pc;
      break;
    case 13:
      pc += *d == a ? b & 7 : 0;
      break;
    case 14:
      *d = code[a & 63];
      break;
    default:
      *d = ~a & b;
    }
  }
  for (int i = 0; i < 16; i++)
    printf ("%08x ", r[i]);
}

// (operator operand operand), (? condition then else); n and m are the arguments of the function.
static const char *
skip (const char *p)
{
  int depth = 0;
  while (*p == ' ')
    p++;
  do {
    depth += *p == '(' ? 1 : *p == ')' ? -1 : 0;
    p++;
  } while (depth > 0 || (*p != ' ' && *p != ')' && *p != 0 && p[-1] != ')'));
  return p;
}

static int64_t
eval (const char *p, const char *const *bodies, int64_t n, int64_t m)
{
  while (*p == ' ')
    p++;
  if (isdigit (*p))
    return atol (p);
  if (*p == 'n' || *p == 'm')
    return *p == 'n' ? n : m;
  const char *op = p + 1, *a = skip (op), *b = skip (a);
  if (*op == '?')
    return eval (a, bodies, n, m) != 0 ? eval (b, bodies, n, m) : eval (skip (b), bodies, n, m);
  int64_t x = eval (a, bodies, n, m), y = eval (b, bodies, n, m);
  switch (*op) {
  case '+':
    return x + y;
  case '-':
    return x - y;
  case '*':
    return x * y;
  case '<':
    return x < y;
  case '=':
    return x == y;
  case '%':
    return x % y;
  default:
    return eval (bodies[*op - 'A'], bodies, x, y);
  }
}

PROGRAM (little_lisp)
{
  static const char *const bodies[] = {
      "(? (< n 2) n (+ (A (- n 1) 0) (A (- n 2) 0)))", // Fibonacci
      "(? (= m 0) n (B m (% n m)))",                   // greatest common divisor
      "(? (= n 0) (+ m 1) (? (= m 0) (C (- n 1) 1) (C (- n 1) (C n (- m 1)))))", // Ackermann
      "(? (= n 0) 1 (* n (D (- n 1) 0)))",
  };
  printf ("%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n", eval ("(A 14 0)", bodies, 0, 0),
          eval ("(B 3528 3780)", bodies, 0, 0), eval ("(C 2 4)", bodies, 0, 0),
          eval ("(+ (D 12 0) (* (A 9 0) 2))", bodies, 0, 0));
}

PROGRAM (forth)
{
  static const char source[] =
      "1 2 + dup * 7 swap - 100 mod 3 over * 5 rot rot 6 7 rot * + - dup dup * + . "
      "9 4 mod . 2 3 4 5 * - + .";
  int64_t s[20];
  int n = 0;
  for (const char *p = source; *p != 0; p += *p == ' ') {
    const char *word = p;
    while (*p != ' ' && *p != 0)
      p++;
    size_t length = (size_t) (p - word);
#define IS(w) (length == sizeof w - 1 && memcmp (word, w, length) == 0)
    if (isdigit (*word))
      s[n++] = atol (word);
    else if (IS ("dup"))
      s[n] = s[n - 1], n++;
    else if (IS ("over"))
      s[n] = s[n - 2], n++;
    else if (IS ("swap"))
      s[n] = s[n - 1], s[n - 1] = s[n - 2], s[n - 2] = s[n];
    else if (IS ("rot"))
      s[n] = s[n - 3], memmove (s + n - 3, s + n - 2, 3 * sizeof *s);
    else if (IS ("."))
      printf ("%" PRId64 " ", s[--n]);
    else
      n--, s[n - 1] = IS ("+")   ? s[n - 1] + s[n]
                      : IS ("-") ? s[n - 1] - s[n]
                      : IS ("*") ? s[n - 1] * s[n]
                                 : s[n - 1] % s[n];
  }
  printf ("%d\n", n);
}

PROGRAM (turing_machine)
{
  // The busy beaver of four states.
  static const struct {
    int write, move, state;
  } rules[4][2] = {{{1, 1, 1}, {1, -1, 1}},
                   {{1, -1, 0}, {0, -1, 2}},
                   {{1, 1, 4}, {1, -1, 3}},
                   {{1, 1, 3}, {0, 1, 0}}};
  static uint8_t tape[64];
  int head = 32, state = 0, steps = 0, ones = 0;
  for (; state < 4; steps++) {
    int symbol = tape[head], s = state;
    tape[head] = (uint8_t) rules[s][symbol].write, head += rules[s][symbol].move,
    state = rules[s][symbol].state;
  }
  for (int i = 0; i < 64; i++)
    ones += tape[i];
  printf ("%d %d\n", steps, ones);
}

PROGRAM (cellular_automata)
{
  for (unsigned rule = 30; rule < 256; rule += 40) {
    uint64_t row = 1ull << 32, hash = 0;
    for (int i = 0; i < 100; i++) {
      uint64_t after = 0, l = row << 1 | row >> 63, r = row >> 1 | row << 63;
      for (unsigned k = 0; k < 8; k++)
        if (rule >> k & 1)
          after |= (k & 4 ? l : ~l) & (k & 2 ? row : ~row) & (k & 1 ? r : ~r);
      row = after, hash = hash * 31 + row;
    }
    printf ("%u %016" PRIx64 "\n", rule, hash);
  }
}

PROGRAM (langtons_ant)
{
  static uint8_t grid[64][64];
  int x = 32, y = 32, way = 0, black = 0;
  for (int i = 0; i < 8000; i++) {
    way = (way + (grid[y][x] ? 3 : 1)) & 3, grid[y][x] ^= 1;
    x = (x + (way == 1) - (way == 3)) & 63, y = (y + (way == 2) - (way == 0)) & 63;
  }
  for (int i = 0; i < 4096; i++)
    black += grid[i / 64][i % 64];
  printf ("%d %d %d\n", black, x, y);
}
