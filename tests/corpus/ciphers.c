// SPDX-License-Identifier: GPL-3.0-or-later
// Ciphers, random number generators, finite fields and codes. Keys are too small to be of use.
#include "corpus.h"

static uint32_t
rol (uint32_t x, unsigned n)
{
  return x << (n & 31) | x >> (-n & 31);
}

static uint8_t
times (uint8_t a, uint8_t b)
{
  uint8_t p = 0;
  for (; b != 0; b >>= 1, a = (uint8_t) (a << 1 ^ (a >> 7) * 0x1b))
    p ^= (uint8_t) (-(b & 1) & a);
  return p;
}

// x^254, and then the affine map.
static uint8_t
substitute (uint8_t x)
{
  uint8_t inverse = 1, square = x;
  for (int i = 0; i < 7; i++)
    square = times (square, square), inverse = times (inverse, square);
  uint16_t twice = (uint16_t) (inverse * 0x101);
  return (uint8_t) (inverse ^ twice >> 4 ^ twice >> 5 ^ twice >> 6 ^ twice >> 7 ^ 0x63);
}

// FIPS 197, appendix B.
PROGRAM (aes)
{
  uint8_t s[16] = {0x32, 0x43, 0xf6, 0xa8, 0x88, 0x5a, 0x30, 0x8d,
                   0x31, 0x31, 0x98, 0xa2, 0xe0, 0x37, 0x07, 0x34};
  uint8_t k[16] = {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
                   0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c};
  uint8_t t[16], rcon = 1;
  for (int round = 0; round <= 10; round++) {
    for (int i = 0; i < 16 && round > 0; i++)
      t[i] = substitute (s[(i + 4 * (i & 3)) & 15]);
    for (int c = 0; c < 16 && round > 0; c += 4)
      for (int r = 0; r < 4; r++)
        s[c + r] = round == 10 ? t[c + r]
                               : (uint8_t) (times (t[c + r], 2) ^ times (t[c + (r + 1) % 4], 3) ^
                                            t[c + (r + 2) % 4] ^ t[c + (r + 3) % 4]);
    for (int i = 0; i < 16; i++)
      s[i] ^= k[i];
    for (int i = 0; i < 4; i++)
      k[i] ^= (uint8_t) (substitute (k[12 + (i + 1) % 4]) ^ (i == 0) * rcon);
    for (int i = 4; i < 16; i++)
      k[i] ^= k[i - 4];
    rcon = times (rcon, 2);
  }
  for (int i = 0; i < 16; i++)
    printf ("%02x", s[i]);
}

PROGRAM (tea_and_xtea)
{
  uint32_t key[4], a = (uint32_t) next (), b = (uint32_t) next ();
  for (int i = 0; i < 4; i++)
    key[i] = (uint32_t) next ();
  for (int n = 0; n < 20; n++) {
    uint32_t sum = 0, x = a, y = b;
    for (int i = 0; i < 32; i++) {
      sum += 0x9e3779b9;
      a += ((b << 4) + key[0]) ^ (b + sum) ^ ((b >> 5) + key[1]);
      b += ((a << 4) + key[2]) ^ (a + sum) ^ ((a >> 5) + key[3]);
    }
    for (int i = 0; i < 32; i++) {
      x += (((y << 4) ^ (y >> 5)) + y) ^ (sum + key[sum & 3]);
      sum -= 0x9e3779b9;
      y += (((x << 4) ^ (x >> 5)) + x) ^ (sum + key[(sum >> 11) & 3]);
    }
    printf ("%08x%08x %08x%08x\n", a, b, x, y);
  }
}

PROGRAM (rc4)
{
  static const char key[] = "Wiki", text[] = "pedia";
  uint8_t s[256], i = 0, j = 0;
  for (int n = 0; n < 256; n++)
    s[n] = (uint8_t) n;
  for (int n = 0; n < 256; n++) {
    uint8_t t = s[n];
    j = (uint8_t) (j + t + key[n % 4]);
    s[n] = s[j], s[j] = t;
  }
  for (j = 0; i < 200;) {
    uint8_t t = s[++i];
    j = (uint8_t) (j + t);
    s[i] = s[j], s[j] = t;
    printf ("%02x", s[(uint8_t) (s[i] + t)] ^ (i <= 5 ? (uint8_t) text[i - 1] : 0));
  }
}

PROGRAM (salsa20)
{
  uint32_t in[16], x[16];
  for (int i = 0; i < 16; i++)
    x[i] = in[i] = (uint32_t) next ();
  for (int round = 0; round < 20; round++)
    for (int q = 0; q < 4; q++) {
      int base = round & 1 ? 4 * q : 0;
#define AT(k) x[base + (round & 1 ? (q + (k)) % 4 : (q * 5 + (k) *4) % 16)]
      AT (1) ^= rol (AT (0) + AT (3), 7);
      AT (2) ^= rol (AT (1) + AT (0), 9);
      AT (3) ^= rol (AT (2) + AT (1), 13);
      AT (0) ^= rol (AT (3) + AT (2), 18);
    }
  for (int i = 0; i < 16; i++)
    printf ("%08x", x[i] + in[i]);
}

PROGRAM (poly1305)
{
  unsigned __int128 r = ((unsigned __int128) 0x0806d5400e52447c << 64) | 0x036d555408bed685;
  uint64_t h0 = 0, h1 = 0, h2 = 0, r0 = (uint64_t) r, r1 = (uint64_t) (r >> 64);
  for (int block = 0; block < 40; block++) {
    unsigned __int128 sum = (unsigned __int128) h0 + next ();
    h0 = (uint64_t) sum;
    sum = (sum >> 64) + h1 + next ();
    h1 = (uint64_t) sum, h2 += (uint64_t) (sum >> 64) + 1;
    unsigned __int128 d0 = (unsigned __int128) h0 * r0, d1a = (unsigned __int128) h0 * r1,
                      d1b = (unsigned __int128) h1 * r0, d2 = (unsigned __int128) h1 * r1;
    unsigned __int128 middle = (d0 >> 64) + (uint64_t) d1a + (uint64_t) d1b + h2 * 0;
    unsigned __int128 high =
        (middle >> 64) + (d1a >> 64) + (d1b >> 64) + d2 + (unsigned __int128) h2 * r0;
    uint64_t top = (uint64_t) (high >> 64) + h2 * r1;
    // Below 2^130 and above it, five times.
    uint64_t low2 = (uint64_t) high & 3;
    unsigned __int128 c = ((unsigned __int128) top << 64 | (uint64_t) high) >> 2;
    sum = (unsigned __int128) (uint64_t) d0 + (uint64_t) (c * 5);
    h0 = (uint64_t) sum;
    sum = (sum >> 64) + (uint64_t) middle + (uint64_t) (c * 5 >> 64);
    h1 = (uint64_t) sum, h2 = low2 + (uint64_t) (sum >> 64);
    printf ("%" PRIx64 "%016" PRIx64 "%016" PRIx64 "\n", h2, h1, h0);
  }
}

PROGRAM (speck_and_simon)
{
  uint64_t x = next (), y = next (), k = next (), l = next ();
  uint32_t p = (uint32_t) next (), q = (uint32_t) next ();
  for (unsigned i = 0; i < 64; i++) {
    x = ((x >> 8 | x << 56) + y) ^ k, y = (y << 3 | y >> 61) ^ x;
    l = ((l >> 8 | l << 56) + k) ^ i, k = (k << 3 | k >> 61) ^ l;
    uint32_t t = p;
    p = q ^ (rol (p, 1) & rol (p, 8)) ^ rol (p, 2) ^ (uint32_t) k, q = t;
    printf ("%016" PRIx64 " %016" PRIx64 " %08x%08x\n", x, y, p, q);
  }
}

static uint64_t
power (uint64_t base, uint64_t exponent, uint64_t modulus)
{
  uint64_t result = 1;
  for (base %= modulus; exponent > 0; exponent >>= 1) {
    if (exponent & 1)
      result = (uint64_t) ((unsigned __int128) result * base % modulus);
    base = (uint64_t) ((unsigned __int128) base * base % modulus);
  }
  return result;
}

PROGRAM (rsa_and_dh)
{
  const uint64_t p = 4294967291u, q = 4294967279u, n = p * q, e = 65537,
                 prime = 18446744073709551557u;
  int64_t a = 0, b = 1;
  for (uint64_t r = (p - 1) * (q - 1), s = e; s != 0;) {
    uint64_t quotient = r / s, t = r % s;
    r = s, s = t;
    int64_t u = (int64_t) ((uint64_t) a - quotient * (uint64_t) b);
    a = b, b = u;
  }
  uint64_t d = a < 0 ? (uint64_t) a + (p - 1) * (q - 1) : (uint64_t) a;
  for (int i = 0; i < 8; i++) {
    uint64_t m = next () % n, c = power (m, e, n);
    printf ("%" PRIu64 " %d\n", c, power (c, d, n) == m);
    uint64_t x = next (), y = next ();
    printf ("%d\n", power (power (5, x, prime), y, prime) == power (power (5, y, prime), x, prime));
  }
}

// Modulo 2^255 - 19, in five limbs of 51 bits.
typedef uint64_t Field[5];

static void
field_mul (Field out, const Field a, const Field b)
{
  unsigned __int128 t[5] = {0};
  for (int i = 0; i < 5; i++)
    for (int j = 0; j < 5; j++)
      t[(i + j) % 5] += (unsigned __int128) a[i] * b[j] * (i + j >= 5 ? 19 : 1);
  for (int round = 0; round < 2; round++)
    for (int i = 0; i < 5; i++) {
      t[(i + 1) % 5] += (t[i] >> 51) * (i == 4 ? 19 : 1);
      t[i] &= ((uint64_t) 1 << 51) - 1;
    }
  for (int i = 0; i < 5; i++)
    out[i] = (uint64_t) t[i];
}

PROGRAM (field_25519)
{
  Field x = {9, 8, 7, 6, 5}, inverse = {1}, square, one;
  memcpy (square, x, sizeof x);
  // The exponent 2^255 - 21: all ones but bits 2 and 4.
  for (int bit = 0; bit < 255; bit++) {
    if (bit != 2 && bit != 4)
      field_mul (inverse, inverse, square);
    field_mul (square, square, square);
    if (bit % 50 == 0)
      printf ("%" PRIx64 " %" PRIx64 "\n", square[0], inverse[4]);
  }
  field_mul (one, x, inverse);
  printf ("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", one[0], one[1], one[4]);
}

PROGRAM (shift_registers)
{
  uint32_t galois = 0xace1, fibonacci = 0xace1, period = 0, wide = (uint32_t) next () | 1;
  do {
    galois = galois >> 1 ^ (-(galois & 1) & 0xb400);
    period++;
  } while (galois != 0xace1);
  for (int i = 0; i < 1000; i++) {
    uint32_t bit = fibonacci ^ fibonacci >> 2 ^ fibonacci >> 3 ^ fibonacci >> 5;
    fibonacci = (fibonacci >> 1 | bit << 15) & 0xffff;
    wide = wide >> 1 ^ (-(wide & 1) & 0x80200003);
  }
  printf ("%u %04x %08x\n", period, fibonacci, wide);
}

PROGRAM (mersenne_twister)
{
  static uint32_t s[624];
  unsigned at = 624;
  s[0] = 5489;
  for (unsigned i = 1; i < 624; i++)
    s[i] = 1812433253u * (s[i - 1] ^ s[i - 1] >> 30) + i;
  uint32_t y = 0;
  // The standard says what the 10000th is: 4123659995.
  for (int n = 0; n < 10000; n++) {
    if (at == 624)
      for (at = 0; at < 624; at++) {
        y = (s[at] & 0x80000000) | (s[(at + 1) % 624] & 0x7fffffff);
        s[at] = s[(at + 397) % 624] ^ y >> 1 ^ (-(y & 1) & 0x9908b0df);
      }
    at %= 624;
    y = s[at++];
    y ^= y >> 11, y ^= y << 7 & 0x9d2c5680, y ^= y << 15 & 0xefc60000, y ^= y >> 18;
  }
  printf ("%u\n", y);
}

PROGRAM (small_generators)
{
  uint64_t pcg = next (), x[4], w = 0, weyl = 0;
  uint32_t lcg = 1;
  for (int i = 0; i < 4; i++)
    x[i] = next ();
  for (int i = 0; i < 40; i++) {
    uint32_t shifted = (uint32_t) ((pcg >> 18 ^ pcg) >> 27), turn = (uint32_t) (pcg >> 59);
    pcg = pcg * 6364136223846793005u + 1442695040888963407u;
    uint64_t r = (x[1] * 5 << 7 | x[1] * 5 >> 57) * 9, t = x[1] << 17;
    x[2] ^= x[0], x[3] ^= x[1], x[1] ^= x[2], x[0] ^= x[3], x[2] ^= t,
        x[3] = x[3] << 45 | x[3] >> 19;
    w = w * w + (weyl += 0xb5ad4eceda1ce2a9), w = w >> 32 | w << 32;
    lcg = (uint32_t) ((uint64_t) lcg * 48271 % 2147483647);
    printf ("%08x %016" PRIx64 " %08x %u\n", rol (shifted, -turn & 31), r, (uint32_t) w, lcg);
  }
}

PROGRAM (reed_solomon_syndromes)
{
  uint8_t log[256], antilog[512], message[32] = {0}, bad = 0;
  for (int i = 0, x = 1; i < 255; i++) {
    antilog[i] = antilog[i + 255] = (uint8_t) x, log[x] = (uint8_t) i;
    x = x << 1 ^ (x >> 7) * 0x11d;
  }
  for (int round = 0; round < 20; round++) {
    uint8_t generator[9] = {1}, rest[40] = {0};
    for (int i = 0; i < 8; i++)
      for (int k = i + 1; k > 0; k--)
        generator[k] ^= generator[k - 1] ? antilog[log[generator[k - 1]] + i] : 0;
    for (int i = 0; i < 32; i++)
      rest[i] = message[i] = (uint8_t) next ();
    for (int i = 0; i < 32; i++)
      for (int k = 1; rest[i] != 0 && k < 9; k++)
        rest[i + k] ^= generator[k] ? antilog[log[rest[i]] + log[generator[k]]] : 0;
    memcpy (rest, message, 32);
    rest[next () % 40] ^= (uint8_t) (round & 1);
    for (int i = 0; i < 8; i++) {
      uint8_t s = 0;
      for (int k = 0; k < 40; k++)
        s = (uint8_t) ((s ? antilog[log[s] + i] : 0) ^ rest[k]);
      bad += s != 0;
      printf ("%02x", s);
    }
  }
  printf ("\n%u\n", bad);
}

PROGRAM (hamming_code)
{
  unsigned mended = 0, noticed = 0;
  for (int i = 0; i < 300; i++) {
    unsigned d = (unsigned) next () & 0x7ff, code = 0, at = 0;
    for (unsigned p = 1; p < 16; p++)
      if ((p & (p - 1)) != 0)
        code |= (d >> at++ & 1) << p;
    for (unsigned p = 1; p < 16; p++)
      if (code >> p & 1)
        at ^= p; // from 11, which the check bits take back
    at ^= 11;
    for (unsigned p = 1; p < 16; p <<= 1)
      code |= (at & p ? 1u : 0u) << p;
    code |= (unsigned) __builtin_parity (code);
    unsigned sent = code, where = 0;
    code ^= 1u << (next () & 15);
    if (i % 3 == 0)
      code ^= 1u << (next () & 15);
    for (unsigned p = 1; p < 16; p++)
      where ^= code >> p & 1 ? p : 0;
    if (__builtin_parity (code))
      mended += (code ^ 1u << where) == sent;
    else
      noticed += code != sent;
  }
  printf ("%u %u\n", mended, noticed);
}

PROGRAM (base_encodings)
{
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (int n = 0; n < 24; n++) {
    uint8_t raw[32] = {0}, back[32] = {0};
    char text[64];
    int length = 0, bytes = 0;
    for (int i = 0; i < n; i++)
      raw[i] = (uint8_t) next ();
    for (int i = 0; i < n; i += 3) {
      uint32_t v = (uint32_t) (raw[i] << 16 | raw[i + 1] << 8 | raw[i + 2]);
      for (int k = 0; k < 4; k++)
        text[length++] = i + k - 1 < n || k < 2 ? alphabet[v >> (18 - 6 * k) & 63] : '=';
    }
    text[length] = 0;
    for (int i = 0; i < length; i += 4) {
      uint32_t v = 0;
      for (int k = 0; k < 4; k++) {
        const char *p = text[i + k] == '=' ? alphabet : strchr (alphabet, text[i + k]);
        v = v << 6 | (uint32_t) (p - alphabet);
      }
      for (int k = 16; k >= 0; k -= 8)
        back[bytes++] = (uint8_t) (v >> k);
    }
    printf ("%s %d\n", text, memcmp (raw, back, (size_t) n));
    uint32_t v85 = (uint32_t) next ();
    for (int k = 0; k < 5; k++, v85 /= 85)
      text[4 - k] = (char) ('!' + v85 % 85);
    printf ("%.5s\n", text);
  }
}

PROGRAM (enigma)
{
  char rotors[3][26], reflector[26], text[200];
  for (int r = 0; r < 3; r++) {
    for (int i = 0; i < 26; i++)
      rotors[r][i] = (char) i;
    for (int i = 25; i > 0; i--) {
      int j = (int) (next () % (unsigned) (i + 1));
      char t = rotors[r][i];
      rotors[r][i] = rotors[r][j], rotors[r][j] = t;
    }
  }
  for (int i = 0; i < 26; i++)
    reflector[i] = (char) (25 - i);
  for (int pass = 0; pass < 2; pass++) {
    for (int i = 0; i < 199; i++) {
      int c = pass == 0 ? i * 7 % 26 : text[i] - 'A', turn[3] = {i % 26, i / 26 % 26, i / 5 % 26};
      for (int r = 0; r < 3; r++)
        c = rotors[r][(c + turn[r]) % 26];
      c = reflector[c];
      for (int r = 2; r >= 0; r--)
        for (int k = 0; k < 26; k++)
          if (rotors[r][k] == c) {
            c = (k + 26 - turn[r]) % 26;
            break;
          }
      text[i] = (char) ('A' + c);
    }
    printf ("%.199s\n", text);
  }
}
