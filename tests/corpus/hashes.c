// SPDX-License-Identifier: GPL-3.0-or-later
// Checksums, hashes and tables of them. Where a published value exists it is part of the output.
#include "corpus.h"

enum { BYTES = 1000 };

static uint8_t data[BYTES + 16];

static void
fill (void)
{
  for (int i = 0; i < BYTES; i++)
    data[i] = (uint8_t) (next () >> 24);
}

static uint32_t
rol (uint32_t x, unsigned n)
{
  return x << n | x >> (32 - n);
}

static uint64_t
rol64 (uint64_t x, unsigned n)
{
  return x << n | x >> (64 - n);
}

static uint32_t
load32 (const void *p)
{
  uint32_t x;
  memcpy (&x, p, 4);
  return x;
}

static uint64_t
load64 (const void *p)
{
  uint64_t x;
  memcpy (&x, p, 8);
  return x;
}

static void
print_bytes (const uint8_t *p, int n)
{
  for (int i = 0; i < n; i++)
    printf ("%02x", p[i]);
  printf ("\n");
}

static uint32_t
murmur (const uint8_t *p, unsigned n, uint32_t h)
{
  uint32_t k = 0;
  for (unsigned i = 0; i + 4 <= n; i += 4) {
    k = rol (load32 (p + i) * 0xcc9e2d51, 15) * 0x1b873593;
    h = rol (h ^ k, 13) * 5 + 0xe6546b64;
  }
  k = 0;
  switch (n & 3) {
  case 3:
    k ^= (uint32_t) p[(n & ~3u) + 2] << 16;
    // fall through
  case 2:
    k ^= (uint32_t) p[(n & ~3u) + 1] << 8;
    // fall through
  case 1:
    k ^= p[n & ~3u];
    h ^= rol (k * 0xcc9e2d51, 15) * 0x1b873593;
  }
  h ^= n;
  h = (h ^ h >> 16) * 0x85ebca6b;
  h = (h ^ h >> 13) * 0xc2b2ae35;
  return h ^ h >> 16;
}

PROGRAM (murmur3)
{
  fill ();
  for (unsigned n = 0; n < 40; n++)
    printf ("%08x ", murmur (data + n, n * 7, n));
}

PROGRAM (jenkins_hashes)
{
  fill ();
  for (unsigned n = 1; n < 60; n += 3) {
    uint32_t one = 0, k = 0, djb = 5381, sdbm = 0, elf = 0;
    for (unsigned i = 0; i < n; i++) {
      one = (one + data[i]) * 1025, one ^= one >> 6;
      djb = djb * 33 ^ data[i];
      sdbm = data[i] + (sdbm << 6) + (sdbm << 16) - sdbm;
      elf = (elf << 4) + data[i], k = elf & 0xf0000000, elf ^= k >> 24, elf &= ~k;
    }
    one *= 9, one ^= one >> 11, one *= 32769;
    printf ("%08x %08x %08x %08x\n", one, djb, sdbm, elf);
  }
}

#define SIP_ROUND                                                                                  \
  (a += b, b = rol64 (b, 13) ^ a, a = rol64 (a, 32), c += d, d = rol64 (d, 16) ^ c, a += d,        \
   d = rol64 (d, 21) ^ a, c += b, b = rol64 (b, 17) ^ c, c = rol64 (c, 32))

PROGRAM (sip_hash)
{
  for (unsigned n = 0; n < 24; n++) {
    uint64_t k0 = 0x0706050403020100, k1 = 0x0f0e0d0c0b0a0908, m = 0;
    uint64_t a = k0 ^ 0x736f6d6570736575, b = k1 ^ 0x646f72616e646f6d, c = k0 ^ 0x6c7967656e657261,
             d = k1 ^ 0x7465646279746573;
    for (unsigned i = 0; i < n; i++) {
      m |= (uint64_t) i << 8 * (i & 7);
      if ((i & 7) == 7) {
        d ^= m;
        SIP_ROUND, SIP_ROUND;
        a ^= m, m = 0;
      }
    }
    m |= (uint64_t) n << 56;
    d ^= m;
    SIP_ROUND, SIP_ROUND;
    a ^= m, c ^= 255;
    SIP_ROUND, SIP_ROUND, SIP_ROUND, SIP_ROUND;
    printf ("%016" PRIx64 "\n", a ^ b ^ c ^ d);
  }
}

PROGRAM (xx_hash)
{
  const uint32_t p1 = 2654435761u, p2 = 2246822519u, p3 = 3266489917u, p4 = 668265263u,
                 p5 = 374761393u;
  fill ();
  for (unsigned n = 0; n < 80; n += 9) {
    const uint8_t *p = data, *end = data + n;
    uint32_t h = p5, s[4] = {p1 + p2, p2, 0, -p1};
    if (n >= 16) {
      for (; p + 16 <= end; p += 16)
        for (int k = 0; k < 4; k++)
          s[k] = rol (s[k] + load32 (p + 4 * k) * p2, 13) * p1;
      h = rol (s[0], 1) + rol (s[1], 7) + rol (s[2], 12) + rol (s[3], 18);
    }
    h += n;
    for (; p + 4 <= end; p += 4)
      h = rol (h + load32 (p) * p3, 17) * p4;
    for (; p < end; p++)
      h = rol (h + *p * p5, 11) * p1;
    h = (h ^ h >> 15) * p2, h = (h ^ h >> 13) * p3;
    printf ("%08x ", h ^ h >> 16);
  }
}

PROGRAM (fletcher_and_internet)
{
  fill ();
  for (unsigned n = 2; n < BYTES; n += 97) {
    uint32_t a = 0xff, b = 0xff, sum = 0, a32 = 0xffff, b32 = 0xffff;
    for (unsigned i = 0; i < n; i++)
      a = (a + data[i]) % 255, b = (b + a) % 255;
    for (unsigned i = 0; i + 1 < n; i += 2) {
      uint16_t half = (uint16_t) (data[i] << 8 | data[i + 1]);
      sum += half, a32 = (a32 + half) % 65535, b32 = (b32 + a32) % 65535;
    }
    while (sum >> 16 != 0)
      sum = (sum & 0xffff) + (sum >> 16);
    printf ("%02x%02x %04x %04x%04x\n", b, a, ~sum & 0xffff, b32, a32);
  }
}

PROGRAM (crc16_variants)
{
  static const uint8_t check[] = "123456789";
  uint16_t ccitt = 0xffff, xmodem = 0, arc = 0, kermit = 0;
  for (int i = 0; i < 9; i++) {
    ccitt ^= (uint16_t) (check[i] << 8), xmodem ^= (uint16_t) (check[i] << 8);
    arc ^= check[i], kermit ^= check[i];
    for (int k = 0; k < 8; k++) {
      ccitt = (uint16_t) (ccitt & 0x8000 ? ccitt << 1 ^ 0x1021 : ccitt << 1);
      xmodem = (uint16_t) (xmodem << 1 ^ (xmodem >> 15) * 0x1021);
      arc = (uint16_t) (arc & 1 ? arc >> 1 ^ 0xa001 : arc >> 1);
      kermit = (uint16_t) (kermit >> 1 ^ (kermit & 1) * 0x8408);
    }
    printf ("%04x %04x %04x %04x\n", ccitt, xmodem, arc, kermit);
  }
}

PROGRAM (crc32_by_slices)
{
  static uint32_t table[4][256];
  fill ();
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t c = i;
    for (int k = 0; k < 8; k++)
      c = c >> 1 ^ (0x82f63b78 & -(c & 1));
    table[0][i] = c;
  }
  for (int t = 1; t < 4; t++)
    for (int i = 0; i < 256; i++)
      table[t][i] = table[t - 1][i] >> 8 ^ table[0][table[t - 1][i] & 255];
  uint32_t crc = ~0u, slow = ~0u;
  for (int i = 0; i < BYTES; i += 4) {
    uint32_t x = crc ^ load32 (data + i);
    crc = table[3][x & 255] ^ table[2][x >> 8 & 255] ^ table[1][x >> 16 & 255] ^ table[0][x >> 24];
  }
  for (int i = 0; i < BYTES; i++)
    slow = slow >> 8 ^ table[0][(slow ^ data[i]) & 255];
  printf ("%08x %d\n", ~crc, crc == slow);
}

PROGRAM (crc64)
{
  static uint64_t table[256];
  for (unsigned i = 0; i < 256; i++) {
    uint64_t c = (uint64_t) i << 56;
    for (int k = 0; k < 8; k++)
      c = c << 1 ^ (c >> 63) * 0x42f0e1eba9ea3693;
    table[i] = c;
  }
  uint64_t crc = 0;
  for (const char *p = "123456789"; *p != 0; p++)
    crc = crc << 8 ^ table[(crc >> 56 ^ (uint8_t) *p) & 255];
  printf ("%016" PRIx64 "\n", crc);
  fill ();
  for (int i = 0; i < BYTES; i++)
    crc = crc << 8 ^ table[crc >> 56 ^ data[i]];
  printf ("%016" PRIx64 "\n", crc);
}

PROGRAM (md5)
{
  static const uint8_t shifts[] = {7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21};
  uint32_t h[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}, k[64];
  uint8_t block[64] = "The quick brown fox jumps over the lazy dog\x80";
  block[56] = 43 * 8 & 255, block[57] = 43 * 8 >> 8;
  for (int i = 0; i < 64; i++)
    k[i] = (uint32_t) (fabs (sin (i + 1)) * 4294967296.0);
  for (int round = 0; round < 3; round++) {
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3];
    for (unsigned i = 0; i < 64; i++) {
      uint32_t f, g;
      if (i < 16)
        f = (b & c) | (~b & d), g = i;
      else if (i < 32)
        f = (d & b) | (~d & c), g = (5 * i + 1) & 15;
      else if (i < 48)
        f = b ^ c ^ d, g = (3 * i + 5) & 15;
      else
        f = c ^ (b | ~d), g = 7 * i & 15;
      f += a + k[i] + load32 (block + 4 * g);
      a = d, d = c, c = b, b += rol (f, shifts[(i >> 4) * 4 + (i & 3)]);
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d;
    print_bytes ((uint8_t *) h, 16);
  }
}

PROGRAM (sha1)
{
  uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}, w[80];
  uint8_t block[64] = "abc\x80";
  block[63] = 24;
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 80; i++)
      w[i] = i < 16 ? __builtin_bswap32 (load32 (block + 4 * i))
                    : rol (w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 80; i++) {
      uint32_t f = i < 20   ? ((b & c) | (~b & d)) + 0x5a827999
                   : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                   : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
                            : (b ^ c ^ d) + 0xca62c1d6;
      f += rol (a, 5) + e + w[i];
      e = d, d = c, c = rol (b, 30), b = a, a = f;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
    printf ("%08x%08x%08x%08x%08x\n", h[0], h[1], h[2], h[3], h[4]);
  }
}

// The constants of SHA-512 are such fractions: the largest x with x to the power of degree below
// prime, in 40 bits behind the point.
static uint64_t
root_fraction (unsigned prime, unsigned degree)
{
  unsigned __int128 low = 0, high = (unsigned __int128) 8 << 40;
  while (high - low > 1) {
    unsigned __int128 x = (low + high) / 2, power = x * x >> 40;
    if (degree == 3)
      power = power * x >> 40;
    if (power >= (unsigned __int128) prime << 40)
      high = x;
    else
      low = x;
  }
  return (uint64_t) low & (((uint64_t) 1 << 40) - 1);
}

PROGRAM (roots_of_primes)
{
  for (unsigned p = 2; p < 60; p++)
    printf ("%u %010" PRIx64 " %010" PRIx64 "\n", p, root_fraction (p, 2), root_fraction (p, 3));
}

PROGRAM (keccak)
{
  static const uint8_t offsets[] = {1,  3,  6,  10, 15, 21, 28, 36, 45, 55, 2,  14,
                                    27, 41, 56, 8,  25, 43, 62, 18, 39, 61, 20, 44};
  static const uint8_t lanes[] = {10, 7,  11, 17, 18, 3, 5,  16, 8,  21, 24, 4,
                                  15, 23, 19, 13, 12, 2, 20, 14, 22, 9,  6,  1};
  uint64_t s[25] = {'a' | 'b' << 8 | 'c' << 16 | 6 << 24};
  uint8_t lfsr = 1;
  s[16] = 1ull << 63;
  for (int round = 0; round < 24; round++) {
    uint64_t c[5], t = s[1];
    for (int x = 0; x < 5; x++)
      c[x] = s[x] ^ s[x + 5] ^ s[x + 10] ^ s[x + 15] ^ s[x + 20];
    for (int i = 0; i < 25; i++)
      s[i] ^= c[(i % 5 + 4) % 5] ^ rol64 (c[(i % 5 + 1) % 5], 1);
    t = s[1];
    for (int i = 0; i < 24; i++) {
      uint64_t keep = s[lanes[i]];
      s[lanes[i]] = rol64 (t, offsets[i]), t = keep;
    }
    for (int y = 0; y < 25; y += 5) {
      memcpy (c, s + y, sizeof c);
      for (int x = 0; x < 5; x++)
        s[y + x] ^= ~c[(x + 1) % 5] & c[(x + 2) % 5];
    }
    for (int j = 0; j < 7; j++) {
      if (lfsr & 1)
        s[0] ^= 1ull << ((1 << j) - 1);
      lfsr = (uint8_t) (lfsr << 1 ^ (lfsr >> 7) * 0x71);
    }
  }
  print_bytes ((uint8_t *) s, 32);
}

#define MIX(a, b, c, d, x, y)                                                                      \
  (v[a] += v[b] + (x), v[d] = rol (v[d] ^ v[a], 16), v[c] += v[d], v[b] = rol (v[b] ^ v[c], 20),   \
   v[a] += v[b] + (y), v[d] = rol (v[d] ^ v[a], 24), v[c] += v[d], v[b] = rol (v[b] ^ v[c], 25))

PROGRAM (blake3_rounds)
{
  static const uint8_t order[] = {2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8};
  uint32_t v[16], m[16], t[16];
  for (int i = 0; i < 16; i++)
    v[i] = (uint32_t) next (), m[i] = (uint32_t) next ();
  for (int round = 0; round < 70; round++) {
    MIX (0, 4, 8, 12, m[0], m[1]), MIX (1, 5, 9, 13, m[2], m[3]);
    MIX (2, 6, 10, 14, m[4], m[5]), MIX (3, 7, 11, 15, m[6], m[7]);
    MIX (0, 5, 10, 15, m[8], m[9]), MIX (1, 6, 11, 12, m[10], m[11]);
    MIX (2, 7, 8, 13, m[12], m[13]), MIX (3, 4, 9, 14, m[14], m[15]);
    for (int i = 0; i < 16; i++)
      t[i] = m[order[i]];
    memcpy (m, t, sizeof m);
  }
  for (int i = 0; i < 8; i++)
    printf ("%08x", v[i] ^ v[i + 8]);
}

PROGRAM (pearson_and_zobrist)
{
  uint8_t table[256], h[8] = {0};
  uint64_t squares[64], board = 0;
  for (int i = 0; i < 256; i++)
    table[i] = (uint8_t) i;
  for (int i = 255; i > 0; i--) {
    unsigned j = (unsigned) (next () % ((unsigned) i + 1));
    uint8_t t = table[i];
    table[i] = table[j], table[j] = t;
  }
  fill ();
  for (int k = 0; k < 8; k++)
    for (int i = 0; i < 200; i++)
      h[k] = table[h[k] ^ (uint8_t) (data[i] + (i == 0) * k)];
  print_bytes (h, 8);
  for (int i = 0; i < 64; i++)
    squares[i] = next ();
  for (int i = 0; i < 500; i++)
    board ^= squares[next () & 63];
  printf ("%016" PRIx64 "\n", board);
}

typedef struct Slot {
  uint64_t key;
  uint32_t value, distance;
} Slot;

PROGRAM (robin_hood_table)
{
  enum { SIZE = 512 };
  static Slot slots[SIZE];
  unsigned n = 0, longest = 0, found = 0;
  for (unsigned i = 0; i < 430; i++) {
    Slot s = {next () % 600 + 1, i, 0};
    uint64_t want = s.key;
    for (unsigned at = (unsigned) (s.key * 0x9e3779b97f4a7c15u >> 55);; at = (at + 1) % SIZE) {
      if (slots[at].key == 0) {
        slots[at] = s, n++;
        break;
      }
      if (slots[at].key == want) {
        slots[at].value += i;
        break;
      }
      if (slots[at].distance < s.distance) {
        Slot t = slots[at];
        slots[at] = s, s = t, want = 0;
      }
      s.distance++;
      longest = longest > s.distance ? longest : s.distance;
    }
  }
  for (uint64_t key = 1; key < 700; key++)
    for (unsigned at = (unsigned) (key * 0x9e3779b97f4a7c15u >> 55), d = 0;
         slots[at].key != 0 && d <= slots[at].distance; at = (at + 1) % SIZE, d++)
      if (slots[at].key == key)
        found += slots[at].value;
  printf ("%u %u %u\n", n, longest, found);
}

PROGRAM (bloom_filter)
{
  uint64_t bits[64] = {0};
  unsigned wrong = 0, right = 0;
  for (uint32_t i = 0; i < 400; i++)
    for (unsigned k = 0; k < 4; k++) {
      uint32_t h = murmur ((uint8_t *) &i, 4, k) % 4096;
      bits[h / 64] |= 1ull << h % 64;
    }
  for (uint32_t i = 0; i < 4000; i++) {
    unsigned in = 1;
    for (unsigned k = 0; k < 4; k++) {
      uint32_t h = murmur ((uint8_t *) &i, 4, k) % 4096;
      in &= bits[h / 64] >> h % 64 & 1;
    }
    right += in && i < 400, wrong += in && i >= 400;
  }
  printf ("%u %u %016" PRIx64 "\n", right, wrong, bits[17]);
}

PROGRAM (cuckoo_table)
{
  enum { SIZE = 256 };
  static uint32_t tables[2][SIZE];
  unsigned kicks = 0, lost = 0, here = 0;
  for (unsigned i = 0; i < 230; i++) {
    uint32_t key = (uint32_t) next () | 1;
    int tries = 0;
    for (unsigned side = 0; key != 0 && tries < 60; side ^= 1, tries++) {
      unsigned at = murmur ((uint8_t *) &key, 4, side + 7) % SIZE;
      uint32_t out = tables[side][at];
      tables[side][at] = key, key = out, kicks += out != 0;
    }
    lost += key != 0;
  }
  for (unsigned side = 0; side < 2; side++)
    for (unsigned i = 0; i < SIZE; i++)
      here +=
          tables[side][i] != 0 && murmur ((uint8_t *) &tables[side][i], 4, side + 7) % SIZE == i;
  printf ("%u %u %u\n", kicks, lost, here);
}

PROGRAM (rolling_hash)
{
  fill ();
  uint64_t buzz = 0, table[256];
  unsigned cuts = 0, last = 0;
  for (int i = 0; i < 256; i++)
    table[i] = next ();
  for (unsigned i = 0; i < BYTES; i++) {
    buzz = rol64 (buzz, 1) ^ table[data[i]];
    if (i >= 48)
      buzz ^= rol64 (table[data[i - 48]], 48);
    if (i >= 48 && (buzz & 31) == 7)
      printf ("%u ", i - last), last = i, cuts++;
  }
  printf ("%u %016" PRIx64 " %016" PRIx64 "\n", cuts, buzz, load64 (data + 5));
}
