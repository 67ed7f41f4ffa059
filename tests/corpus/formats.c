// SPDX-License-Identifier: GPL-3.0-or-later
// Encodings of characters, numbers as text, patterns, dates.
#define _GNU_SOURCE
#include <ctype.h>
#include <time.h>
#include <wchar.h>

#include "corpus.h"

static int
encode (uint32_t c, uint8_t *out)
{
  int n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  for (int i = n - 1; i > 0; i--, c >>= 6)
    out[i] = (uint8_t) (0x80 | (c & 63));
  out[0] = (uint8_t) (n == 1 ? c : (0xf00 >> n & 0xff) | c);
  return n;
}

static int
decode (const uint8_t *p, int left, uint32_t *c)
{
  int n = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (n == 0 || n > left)
    return 0;
  *c = n == 1 ? p[0] : p[0] & (0x7f >> n);
  for (int i = 1; i < n; i++) {
    if (p[i] >> 6 != 2)
      return 0;
    *c = *c << 6 | (p[i] & 63);
  }
  return *c < least[n] || *c > 0x10ffff || *c >> 11 == 27 ? 0 : n;
}

PROGRAM (utf8)
{
  uint8_t bytes[8];
  unsigned wrong = 0, valid = 0;
  for (int i = 0; i < 400; i++) {
    uint32_t c = (uint32_t) next () >> (i % 20 + 8) & 0x1fffff, back = 0;
    if (c > 0x10ffff || c >> 11 == 27)
      continue;
    int n = encode (c, bytes);
    wrong += decode (bytes, n, &back) != n || back != c;
    uint16_t high = (uint16_t) (0xd7c0 + (c >> 10)), low = (uint16_t) (0xdc00 | (c & 0x3ff));
    if (c >= 0x10000)
      wrong += ((uint32_t) (high - 0xd7c0) << 10 | (low & 0x3ff)) != c;
  }
  for (int i = 0; i < 2000; i++) {
    uint32_t c;
    uint64_t v = next () | 0x8080c0;
    memcpy (bytes, &v, 8);
    valid += decode (bytes, 8, &c) != 0;
  }
  printf ("%u %u\n", wrong, valid);
}

PROGRAM (wide_characters)
{
  wchar_t a[40], b[40];
  for (int i = 0; i < 20; i++) {
    swprintf (a, 40, L"%d-%ls-%x", (int) (next () >> 50), i & 1 ? L"odd" : L"even", i);
    wcscpy (b, a), wmemset (b + 2, L'z', 3);
    wchar_t *end, *dash = wcschr (a, L'-');
    long v = wcstol (a, &end, 10);
    printf ("%zu %td %ld %td %d %zu %ls\n", wcslen (a), dash - a, v, end - a, wcscmp (a, b) < 0,
            wcscspn (a, L"dn"), b);
  }
}

PROGRAM (number_formats)
{
  for (int i = 0; i < 40; i++) {
    uint64_t v = next () >> i;
    double d = next_real () * pow (10, i % 12 - 4);
    printf ("[%5hhd|%-6hu|%+.5d|%#o|%#10x|%-#12lx|%020lu|% ld|%zx|%jd]", (signed char) v,
            (unsigned short) v, (int) v, (unsigned) v, (unsigned) v, (long) v, (long) v, (long) v,
            (size_t) v, (intmax_t) v);
    printf ("[%*.*f|%-+12.3e|%G|%#.0f|%010.2f|%.15g|%c%%%5s|%-5.2s|]\n", 12, i % 5, d, d, d, d, d,
            d, 'a' + i % 26, "ab", "xyz");
  }
}

PROGRAM (scanning)
{
  static const char *const lines[] = {
      "12 0x1f 3.5e2 word", "-7 077 .5 a b", "99999999999 z", "1,2,3", "  42abc", "k=v;x=1.25"};
  for (int i = 0; i < 6; i++) {
    int a = 0, b = 0, n = 0;
    float f = 0;
    char w[20] = "", set[20] = "";
    printf ("%d ", sscanf (lines[i], "%d %i %f %19s%n", &a, &b, &f, w, &n));
    printf ("%d %d %g %s %d ", i == 2 ? 0 : a, b, (double) f, w, n);
    printf ("%d %s %ld %lu\n", sscanf (lines[i], "%19[^;=,]", set), set, strtol (lines[i], NULL, 0),
            strtoul (lines[i], NULL, 16));
  }
}

PROGRAM (json)
{
  static const char source[] =
      "{\"a\": [1, -2.5e1, {\"b\": \"x\\u0041\\n\"}], \"c\": true, \"d\": {}, \"e\": [[], null]}";
  char stack[20];
  int depth = 0, deepest = 0, strings = 0, tokens = 0;
  double sum = 0;
  for (const char *p = source; *p != 0;) {
    if (*p == '{' || *p == '[') {
      stack[depth++] = *p++, deepest = depth > deepest ? depth : deepest;
    } else if (*p == '}' || *p == ']') {
      printf ("%d", stack[--depth] + 2 == *p++);
    } else if (*p == '"') {
      for (p++; *p != '"'; strings++)
        p += *p != '\\' ? 1 : p[1] == 'u' ? 6 : 2;
      p++;
    } else if (*p == '-' || isdigit (*p)) {
      char *end;
      sum += strtod (p, &end), p = end;
    } else if (isalpha (*p)) {
      while (isalpha (*p))
        p++;
    } else {
      p++, tokens--;
    }
    tokens++;
  }
  printf (" %d %d %d %g\n", deepest, strings, tokens, sum);
}

PROGRAM (csv)
{
  static const char source[] =
      "name,qty,price\n\"Bolt, M8\",12,0.35\n\"He said \"\"no\"\"\",3,4.5\n,,\nlast,7,1e2";
  char field[40];
  int n = 0, row = 0, column = 0, quoted = 0;
  double total = 0, quantity = 0;
  for (const char *p = source;; p++) {
    if (quoted && *p == '"' && p[1] == '"') {
      field[n++] = *p++;
    } else if (*p == '"') {
      quoted = !quoted;
    } else if (!quoted && (*p == ',' || *p == '\n' || *p == 0)) {
      field[n] = 0, n = 0;
      printf ("<%s>", field);
      quantity = column == 1 ? atof (field) : quantity;
      total += column == 2 && row > 0 ? quantity * atof (field) : 0;
      column = *p == ',' ? column + 1 : (row++, 0);
      if (*p == 0)
        break;
    } else {
      field[n++] = *p;
    }
  }
  printf (" %d %g\n", row, total);
}

static int
match (const char *p, const char *s)
{
  if (*p == 0)
    return *s == 0;
  if (*p == '*')
    return match (p + 1, s) || (*s != 0 && match (p, s + 1));
  if (*p == '[' && *s != 0) {
    int yes = 0;
    for (p++; *p != ']'; p++)
      if (p[1] == '-' && p[2] != ']')
        yes |= *s >= p[0] && *s <= p[2], p += 2;
      else
        yes |= *s == *p;
    return yes && match (p + 1, s + 1);
  }
  return *s != 0 && (*p == '?' || *p == *s) && match (p + 1, s + 1);
}

PROGRAM (glob_patterns)
{
  static const char *const patterns[] = {"*a*b",     "?b[a-c]*",     "*",
                                         "a*a*a*a*", "[ab][ab][ab]", "*[c]"};
  for (int i = 0; i < 6; i++) {
    unsigned hits = 0;
    for (int k = 0; k < 300; k++) {
      char s[10] = {0};
      for (uint64_t v = next (), n = v % 7; n > 0; n--, v >>= 5)
        s[n - 1] = (char) ('a' + (v >> 8) % 3);
      hits += (unsigned) match (patterns[i], s);
    }
    printf ("%u ", hits);
  }
}

// Characters, ., *, +, ?, |, () by following all states at once.
typedef struct Regex {
  const char *p;
  struct {
    int kind, a, b;
  } nodes[64];
  int n;
} Regex;

static int
node (Regex *r, int kind, int a, int b)
{
  r->nodes[r->n].kind = kind, r->nodes[r->n].a = a, r->nodes[r->n].b = b;
  return r->n++;
}

// Compiles from the end: each piece is given what follows it.
static int alternatives (Regex *r, const char *from, const char *to, int after);

static const char *
piece_end (const char *p, const char *to)
{
  int depth = 0;
  do
    depth += *p == '(' ? 1 : *p == ')' ? -1 : 0;
  while (++p < to && depth > 0);
  return p < to && strchr ("*+?", *p) != NULL ? p + 1 : p;
}

static int
sequence (Regex *r, const char *from, const char *to, int after)
{
  if (from >= to)
    return after;
  const char *end = piece_end (from, to), *body_end = end;
  int rest = sequence (r, end, to, after);
  char suffix = strchr ("*+?", end[-1]) != NULL ? end[-1] : 0;
  body_end -= suffix != 0;
  int join = suffix ? node (r, '|', 0, rest) : rest;
  int target = suffix == '?' ? rest : join;
  int body = *from == '(' ? alternatives (r, from + 1, body_end - 1, target)
                          : node (r, *from == '.' ? 1 : 2 + *from, target, 0);
  if (suffix)
    r->nodes[join].a = body;
  return suffix == 0 || suffix == '+' ? body : join;
}

static int
alternatives (Regex *r, const char *from, const char *to, int after)
{
  int depth = 0;
  for (const char *p = from; p < to; p++) {
    depth += *p == '(' ? 1 : *p == ')' ? -1 : 0;
    if (*p == '|' && depth == 0) {
      int left = sequence (r, from, p, after), right = alternatives (r, p + 1, to, after);
      return node (r, '|', left, right);
    }
  }
  return sequence (r, from, to, after);
}

static uint64_t
follow (const Regex *r, int at, uint64_t set)
{
  if (set >> at & 1)
    return set;
  set |= 1ull << at;
  return r->nodes[at].kind == '|' ? follow (r, r->nodes[at].b, follow (r, r->nodes[at].a, set))
                                  : set;
}

PROGRAM (regular_expressions)
{
  static const char *const patterns[] = {"a(b|c)*d", "(a|b)+c?d",     "a.b*|cd",
                                         "(ab?)+",   "((a|b)(c|d))*", "a?a?a?aaa"};
  for (int i = 0; i < 6; i++) {
    Regex r = {0};
    int final = node (&r, 0, 0, 0),
        start = alternatives (&r, patterns[i], patterns[i] + strlen (patterns[i]), final);
    unsigned hits = 0;
    for (int k = 0; k < 400; k++) {
      uint64_t v = next (), set = follow (&r, start, 0);
      for (unsigned n = v % 6; n > 0; n--, v >>= 6) {
        int c = 2 + 'a' + (int) (v >> 9 & 3);
        uint64_t after = 0;
        for (int s = 0; s < r.n; s++)
          if ((set >> s & 1) && (r.nodes[s].kind == c || r.nodes[s].kind == 1))
            after = follow (&r, r.nodes[s].a, after);
        set = after;
      }
      hits += set >> final & 1;
    }
    printf ("%d %u\n", r.n, hits);
  }
}

PROGRAM (calendars)
{
  for (int i = 0; i < 60; i++) {
    int64_t t = (int64_t) (next () >> 30) - (1ll << 32);
    time_t when = t;
    struct tm tm;
    char out[80];
    gmtime_r (&when, &tm);
    strftime (out, sizeof out, "%Y-%m-%d %H:%M:%S %j %U %w %a %b %p", &tm);
    // The same by hand.
    int64_t days = t / 86400 - (t % 86400 < 0), z = days + 719468,
            era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097, yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153,
            month = mp < 10 ? mp + 3 : mp - 9;
    int64_t year = yoe + era * 400 + (month <= 2);
    int same = year == tm.tm_year + 1900 && month == tm.tm_mon + 1;
    tm.tm_mon += 14, tm.tm_mday -= 40;
    int64_t later = timegm (&tm) - t;
    printf ("%s %d %" PRId64 "\n", out, same, later);
  }
}

PROGRAM (easter_and_zeller)
{
  for (int y = 1900; y < 2100; y += 7) {
    int a = y % 19, b = y / 100, c = y % 100, d = b / 4, e = b % 4, g = (8 * b + 13) / 25,
        h = (19 * a + b - d - g + 15) % 30;
    int i = c / 4, k = c % 4, l = (32 + 2 * e + 2 * i - h - k) % 7, m = (a + 11 * h + 22 * l) / 451;
    int month = (h + l - 7 * m + 114) / 31, day = (h + l - 7 * m + 114) % 31 + 1;
    int weekday = (day + 13 * (month + 1) / 5 + c + c / 4 + b / 4 + 5 * b) % 7;
    printf ("%d-%d-%d %d\n", y, month, day, weekday);
  }
}

PROGRAM (roman_numerals)
{
  static const char *const digits[] = {"m",  "cm", "d",  "cd", "c",  "xc", "l",
                                       "xl", "x",  "ix", "v",  "iv", "i"};
  static const int values[] = {1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1};
  unsigned wrong = 0, letters = 0;
  for (int n = 1; n < 4000; n++) {
    char out[20] = "";
    int v = n, back = 0;
    for (int i = 0; i < 13; i++)
      for (; v >= values[i]; v -= values[i])
        strcat (out, digits[i]);
    for (char *p = out; *p != 0;)
      for (int i = 0; i < 13; i++)
        if (strncmp (p, digits[i], strlen (digits[i])) == 0) {
          back += values[i], p += strlen (digits[i]);
          break;
        }
    wrong += back != n, letters += (unsigned) strlen (out);
  }
  printf ("%u %u\n", wrong, letters);
}
