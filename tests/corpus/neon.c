// SPDX-License-Identifier: GPL-3.0-or-later
// The processor's own vector, cryptographic and checksum instructions against plain C: each line
// says how many of its results were the same, and what they hash to. ARM's only.
#include "corpus.h"

#ifdef __aarch64__
#include <arm_acle.h>
#include <arm_neon.h>

enum { ROUNDS = 200 };

static uint64_t hash;

static void
add_hash (const void *p, size_t n)
{
  for (size_t i = 0; i < n; i++)
    hash = (hash ^ ((const uint8_t *) p)[i]) * 0x100000001b3u;
}

static void
fill (void *p, size_t n)
{
  for (size_t i = 0; i < n; i++)
    ((uint8_t *) p)[i] = (uint8_t) (next () >> 20);
}

#define DONE(good) printf ("%d %016" PRIx64 "\n", good, hash)

PROGRAM (neon_saturation)
{
  int good = 0;
  for (int round = 0; round < ROUNDS; round++) {
    int16_t a[8], b[8], r[8], plain[8];
    uint8_t narrow[8];
    fill (a, 16), fill (b, 16);
    vst1q_s16 (r, vqaddq_s16 (vqrdmulhq_s16 (vld1q_s16 (a), vld1q_s16 (b)),
                              vqshlq_n_s16 (vld1q_s16 (a), 2)));
    vst1_u8 (narrow, vqmovun_s16 (vld1q_s16 (r)));
    for (int i = 0; i < 8; i++) {
      int product = (2 * a[i] * b[i] + 0x8000) >> 16, shifted = a[i] * 4;
      if (a[i] == -32768 && b[i] == -32768)
        product = 32767;
      shifted = shifted > 32767 ? 32767 : shifted < -32768 ? -32768 : shifted;
      product += shifted;
      plain[i] = (int16_t) (product > 32767 ? 32767 : product < -32768 ? -32768 : product);
      good += plain[i] == r[i] && narrow[i] == (plain[i] < 0 ? 0 : plain[i] > 255 ? 255 : plain[i]);
    }
    add_hash (r, 16);
  }
  DONE (good);
}

PROGRAM (neon_widening)
{
  int good = 0;
  for (int round = 0; round < ROUNDS; round++) {
    uint8_t a[16], b[16];
    uint16_t sums[8];
    uint32_t dot = 0, plain = 0;
    fill (a, 16), fill (b, 16);
    uint16x8_t p = vmull_u8 (vld1_u8 (a), vld1_u8 (b)),
               q = vmull_high_u8 (vld1q_u8 (a), vld1q_u8 (b));
    dot = vaddvq_u32 (vpadalq_u16 (vpaddlq_u16 (p), q));
    vst1q_u16 (sums,
               vabal_u8 (vaddl_u8 (vld1_u8 (a), vld1_u8 (b)), vld1_u8 (a + 8), vld1_u8 (b + 8)));
    for (int i = 0; i < 16; i++)
      plain += (uint32_t) a[i] * b[i];
    for (int i = 0; i < 8; i++)
      good += sums[i] == a[i] + b[i] + abs (a[i + 8] - b[i + 8]);
    good += dot == plain, add_hash (sums, 16);
  }
  DONE (good);
}

PROGRAM (neon_tables)
{
  int good = 0;
  for (int round = 0; round < ROUNDS; round++) {
    uint8_t table[64], index[16], r[16], x[16];
    fill (table, 64), fill (index, 16), fill (x, 16);
    for (int i = 0; i < 16; i++)
      index[i] &= 127;
    uint8x16x4_t four = vld1q_u8_x4 (table);
    uint8x16x2_t two = vld1q_u8_x2 (table);
    vst1q_u8 (r, vaddq_u8 (vqtbl4q_u8 (four, vld1q_u8 (index)),
                           vqtbx2q_u8 (vld1q_u8 (x), two, vld1q_u8 (index))));
    for (int i = 0; i < 16; i++) {
      uint8_t plain = index[i] < 64 ? table[index[i]] : 0;
      good += r[i] == (uint8_t) (plain + (index[i] < 32 ? table[index[i]] : x[i]));
    }
    add_hash (r, 16);
  }
  DONE (good);
}

PROGRAM (neon_structures)
{
  int good = 0;
  static uint8_t pixels[48 * ROUNDS];
  static uint16_t quads[32];
  fill (pixels, sizeof pixels);
  for (int i = 0; i < ROUNDS; i++) {
    uint8x16x3_t p = vld3q_u8 (pixels + 48 * i);
    uint8_t before[48], *at = pixels + 48 * i;
    memcpy (before, at, 48);
    p.val[0] = vhaddq_u8 (p.val[0], p.val[1]), p.val[2] = veorq_u8 (p.val[2], p.val[1]);
    vst3q_u8 (at, p);
    for (int k = 0; k < 48; k += 3)
      good += at[k] == (before[k] + before[k + 1]) / 2 && at[k + 1] == before[k + 1] &&
              at[k + 2] == (before[k + 1] ^ before[k + 2]);
    uint16x8x4_t q = vld4q_u16 (quads);
    q = vld4q_lane_u16 ((const uint16_t *) (const void *) at, q, 3);
    q.val[1] = vaddq_u16 (q.val[1], q.val[3]);
    vst4q_u16 (quads, q);
  }
  add_hash (pixels, sizeof pixels), add_hash (quads, sizeof quads);
  DONE (good);
}

PROGRAM (neon_permutations)
{
  int good = 0;
  for (int round = 0; round < ROUNDS; round++) {
    uint16_t a[8], b[8], r[8];
    fill (a, 16), fill (b, 16);
    uint16x8_t x = vld1q_u16 (a), y = vld1q_u16 (b);
    vst1q_u16 (r, vextq_u16 (vzip1q_u16 (x, y), vuzp2q_u16 (x, y), 3));
    good += r[0] == b[1] && r[1] == a[2] && r[4] == b[3] && r[5] == a[1] && r[7] == a[5];
    add_hash (r, 16);
    vst1q_u16 (r, vtrn2q_u16 (vrev64q_u16 (x), vrev32q_u16 (y)));
    good += r[0] == a[2] && r[1] == b[0] && r[2] == a[0] && r[7] == b[6];
    add_hash (r, 16);
  }
  DONE (good);
}

PROGRAM (neon_reals)
{
  int good = 0;
  for (int round = 0; round < ROUNDS; round++) {
    float a[4], b[4], c[4], r[4];
    double d[2], e[2];
    for (int i = 0; i < 4; i++)
      a[i] = (float) next_real () * 100, b[i] = (float) next_real () * 10,
      c[i] = (float) next_real ();
    for (int i = 0; i < 2; i++)
      d[i] = next_real () * 1e6;
    vst1q_f32 (r, vmaxnmq_f32 (vfmaq_laneq_f32 (vld1q_f32 (a), vld1q_f32 (b), vld1q_f32 (c), 2),
                               vsqrtq_f32 (vabsq_f32 (vld1q_f32 (b)))));
    vst1q_f64 (
        e, vrndmq_f64 (vaddq_f64 (vld1q_f64 (d), vcvtq_f64_s64 (vcvtnq_s64_f64 (vld1q_f64 (d))))));
    for (int i = 0; i < 4; i++)
      good += r[i] == fmaxf (fmaf (b[i], c[2], a[i]), sqrtf (fabsf (b[i])));
    for (int i = 0; i < 2; i++)
      good += e[i] == floor (d[i] + (double) (int64_t) rint (d[i]));
    add_hash (r, 16), add_hash (e, 16);
  }
  DONE (good);
}

PROGRAM (neon_estimates)
{
  int good = 0;
  for (int round = 0; round < ROUNDS; round++) {
    float x = fabsf ((float) next_real ()) * 50 + 0.01f;
    float32x4_t v = vdupq_n_f32 (x), e = vrecpeq_f32 (v), s = vrsqrteq_f32 (v);
    for (int i = 0; i < 2; i++)
      e = vmulq_f32 (e, vrecpsq_f32 (v, e)), s = vmulq_f32 (s, vrsqrtsq_f32 (vmulq_f32 (v, s), s));
    float r[2] = {vgetq_lane_f32 (e, 1), vgetq_lane_f32 (s, 3)};
    good += fabsf (r[0] * x - 1) < 1e-6f && fabsf (r[1] * r[1] * x - 1) < 1e-5f;
    add_hash (r, sizeof r);
  }
  DONE (good);
}

PROGRAM (neon_shifts)
{
  int good = 0;
  for (int round = 0; round < ROUNDS; round++) {
    int32_t a[4], r[4];
    int8_t by[4];
    uint32_t u[4];
    fill (a, 16), fill (by, 4);
    int32_t wide[4] = {by[0] % 40, by[1] % 40, by[2] % 40, by[3] % 40};
    vst1q_s32 (r, vrshlq_s32 (vld1q_s32 (a), vld1q_s32 (wide)));
    vst1q_u32 (u, vsliq_n_u32 (vsraq_n_u32 (vreinterpretq_u32_s32 (vld1q_s32 (a)),
                                            vdupq_n_u32 (0xdeadbeef), 7),
                               vdupq_n_u32 (0x123), 12));
    for (int i = 0; i < 4; i++) {
      int64_t n = wide[i] >= 0    ? wide[i] >= 32 ? 0 : (int64_t) ((uint32_t) a[i] << wide[i])
                     : wide[i] < -32 ? 0
                                  : ((int64_t) a[i] + ((int64_t) 1 << (-wide[i] - 1))) >> -wide[i];
      uint32_t m = (uint32_t) a[i] + (0xdeadbeef >> 7);
      good += (int32_t) n == r[i] && u[i] == ((m & 0xfff) | 0x123 << 12);
    }
    add_hash (r, 16);
  }
  DONE (good);
}

PROGRAM (neon_polynomials)
{
  int good = 0;
  for (int round = 0; round < ROUNDS; round++) {
    uint8_t a[8], b[8];
    uint16_t r[8];
    fill (a, 8), fill (b, 8);
    vst1q_u16 (r, vreinterpretq_u16_p16 (vmull_p8 (vreinterpret_p8_u8 (vld1_u8 (a)),
                                                   vreinterpret_p8_u8 (vld1_u8 (b)))));
    for (int i = 0; i < 8; i++) {
      uint16_t plain = 0;
      for (int k = 0; k < 8; k++)
        plain ^= (uint16_t) (b[i] >> k & 1 ? a[i] << k : 0);
      good += plain == r[i];
    }
    add_hash (r, 16);
  }
  DONE (good);
}

__attribute__ ((target ("+crc"))) PROGRAM (crc_instructions)
{
  int good = 0;
  for (int round = 0; round < ROUNDS; round++) {
    uint8_t data[15];
    uint32_t plain[2] = {~0u, ~0u}, r[2] = {~0u, ~0u}, w;
    uint64_t d;
    uint16_t h;
    fill (data, 15);
    memcpy (&d, data, 8), memcpy (&w, data + 8, 4), memcpy (&h, data + 12, 2);
    r[0] = __crc32b (__crc32h (__crc32w (__crc32d (r[0], d), w), h), data[14]);
    r[1] = __crc32cb (__crc32ch (__crc32cw (__crc32cd (r[1], d), w), h), data[14]);
    for (int i = 0; i < 15 * 8; i++)
      for (int k = 0; k < 2; k++) {
        uint32_t bit = (plain[k] ^ data[i / 8] >> i % 8) & 1;
        plain[k] = plain[k] >> 1 ^ (-bit & (k ? 0x82f63b78 : 0xedb88320));
      }
    good += plain[0] == r[0] && plain[1] == r[1];
    add_hash (r, 8);
  }
  DONE (good);
}

__attribute__ ((target ("+crypto"))) PROGRAM (aes_instructions)
{
  // FIPS 197, appendix B; the key schedule takes its SubWord from AESE with a key of zero.
  uint8_t key[16] = {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
                     0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c};
  static const uint8_t text[16] = {0x32, 0x43, 0xf6, 0xa8, 0x88, 0x5a, 0x30, 0x8d,
                                   0x31, 0x31, 0x98, 0xa2, 0xe0, 0x37, 0x07, 0x34};
  uint8_t keys[11][16], out[16], rcon = 1;
  for (int round = 0; round < 11; round++) {
    uint32_t w[4], last;
    memcpy (keys[round], key, 16);
    memcpy (w, key, 16);
    // All four columns are the same, so that ShiftRows changes nothing.
    vst1q_u8 (out, vaeseq_u8 (vreinterpretq_u8_u32 (vdupq_n_u32 (w[3])), vdupq_n_u8 (0)));
    memcpy (&last, out, 4);
    w[0] ^= (last >> 8 | last << 24) ^ rcon, w[1] ^= w[0], w[2] ^= w[1], w[3] ^= w[2];
    memcpy (key, w, 16);
    rcon = (uint8_t) (rcon << 1 ^ (rcon >> 7) * 0x1b);
  }
  uint8x16_t s = vld1q_u8 (text);
  for (int round = 0; round < 9; round++)
    s = vaesmcq_u8 (vaeseq_u8 (s, vld1q_u8 (keys[round])));
  s = veorq_u8 (vaeseq_u8 (s, vld1q_u8 (keys[9])), vld1q_u8 (keys[10]));
  vst1q_u8 (out, s);
  for (int i = 0; i < 16; i++)
    printf ("%02x", out[i]);
  s = veorq_u8 (s, vld1q_u8 (keys[10]));
  for (int round = 9; round > 0; round--) {
    s = veorq_u8 (vaesdq_u8 (s, vdupq_n_u8 (0)), vld1q_u8 (keys[round]));
    s = vaesimcq_u8 (s);
  }
  vst1q_u8 (out, veorq_u8 (vaesdq_u8 (s, vdupq_n_u8 (0)), vld1q_u8 (keys[0])));
  printf (" %d\n", memcmp (out, text, 16));
}

__attribute__ ((target ("+crypto"))) PROGRAM (sha_instructions)
{
  uint32_t w[64], h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                          0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  uint32_t abcd[4], dcba[4], e = 0xc3d2e1f0;
  for (int i = 0; i < 16; i++)
    w[i] = (uint32_t) next ();
  for (int i = 16; i < 64; i += 4)
    vst1q_u32 (w + i,
               vsha256su1q_u32 (vsha256su0q_u32 (vld1q_u32 (w + i - 16), vld1q_u32 (w + i - 12)),
                                vld1q_u32 (w + i - 8), vld1q_u32 (w + i - 4)));
  int good = 0;
#define ROR(x, n) ((x) >> (n) | (x) << (32 - (n)))
  for (int i = 16; i < 64; i++)
    good += w[i] == w[i - 16] + w[i - 7] +
                        (ROR (w[i - 15], 7) ^ ROR (w[i - 15], 18) ^ w[i - 15] >> 3) +
                        (ROR (w[i - 2], 17) ^ ROR (w[i - 2], 19) ^ w[i - 2] >> 10);
  uint32x4_t x = vld1q_u32 (h), y = vld1q_u32 (h + 4), z;
  for (int i = 0; i < 64; i += 4) {
    uint32x4_t k = vaddq_u32 (vld1q_u32 (w + i), vdupq_n_u32 (0x428a2f98u * (uint32_t) (i + 1)));
    z = x, x = vsha256hq_u32 (x, y, k), y = vsha256h2q_u32 (y, z, k);
  }
  vst1q_u32 (h, x), vst1q_u32 (h + 4, y);
  x = vld1q_u32 (h);
  for (int i = 0; i < 60; i += 4) {
    uint32_t rotated = vsha1h_u32 (vgetq_lane_u32 (x, 0));
    x = i < 20   ? vsha1cq_u32 (x, e, vld1q_u32 (w + i))
        : i < 40 ? vsha1pq_u32 (x, e, vld1q_u32 (w + i))
                 : vsha1mq_u32 (x, e, vld1q_u32 (w + i));
    e = rotated;
  }
  vst1q_u32 (abcd, x);
  vst1q_u32 (
      dcba, vsha1su1q_u32 (vsha1su0q_u32 (vld1q_u32 (w), vld1q_u32 (w + 4), vld1q_u32 (w + 8)), x));
  add_hash (h, 32), add_hash (abcd, 16), add_hash (dcba, 16);
  DONE (good);
}

__attribute__ ((target ("arch=armv8.2-a+dotprod+i8mm"))) PROGRAM (dot_products)
{
  int good = 0;
  for (int round = 0; round < ROUNDS; round++) {
    int8_t a[16], b[16];
    uint8_t u[16];
    int32_t r[4], m[4], mixed[4];
    fill (a, 16), fill (b, 16), fill (u, 16);
    vst1q_s32 (r, vdotq_laneq_s32 (vdupq_n_s32 (round), vld1q_s8 (a), vld1q_s8 (b), 2));
    vst1q_s32 (m, vmmlaq_s32 (vdupq_n_s32 (-round), vld1q_s8 (a), vld1q_s8 (b)));
    vst1q_s32 (mixed, vusdotq_s32 (vdupq_n_s32 (3), vld1q_u8 (u), vld1q_s8 (b)));
    for (int i = 0; i < 4; i++) {
      int32_t plain = round, matrix = -round, wanted = 3;
      for (int k = 0; k < 4; k++)
        plain += a[4 * i + k] * b[8 + k], wanted += u[4 * i + k] * b[4 * i + k];
      for (int k = 0; k < 8; k++)
        matrix += a[i / 2 * 8 + k] * b[i % 2 * 8 + k];
      good += plain == r[i] && matrix == m[i] && wanted == mixed[i];
    }
    add_hash (r, 16);
  }
  DONE (good);
}

__attribute__ ((target ("arch=armv8.3-a"))) PROGRAM (complex_instructions)
{
  int good = 0;
  for (int round = 0; round < ROUNDS; round++) {
    float a[4], b[4], r[4];
    for (int i = 0; i < 4; i++)
      a[i] = (float) next_real (), b[i] = (float) next_real ();
    float32x4_t x = vld1q_f32 (a), y = vld1q_f32 (b);
    vst1q_f32 (r,
               vcaddq_rot90_f32 (vcmlaq_rot90_f32 (vcmlaq_f32 (vdupq_n_f32 (0), x, y), x, y), x));
    for (int i = 0; i < 4; i += 2) {
      float re = fmaf (-a[i + 1], b[i + 1], a[i] * b[i]) - a[i + 1],
            im = fmaf (a[i + 1], b[i], a[i] * b[i + 1]) + a[i];
      good += re == r[i] && im == r[i + 1];
    }
    add_hash (r, 16);
  }
  DONE (good);
}

__attribute__ ((target ("arch=armv8.2-a+fp16"))) PROGRAM (half_vectors)
{
  int good = 0;
  for (int round = 0; round < ROUNDS; round++) {
    __fp16 a[8], b[8], r[8];
    for (int i = 0; i < 8; i++)
      a[i] = (__fp16) (next_real () * 30), b[i] = (__fp16) next_real ();
    float16x8_t x = vld1q_f16 ((float16_t *) a), y = vld1q_f16 ((float16_t *) b);
    vst1q_f16 ((float16_t *) r,
               vminnmq_f16 (vaddq_f16 (vmulq_f16 (x, y), y), vdivq_f16 (x, vabsq_f16 (y))));
    for (int i = 0; i < 8; i++) {
      __fp16 product = (__fp16) ((float) a[i] * (float) b[i]),
             sum = (__fp16) ((float) product + (float) b[i]);
      __fp16 quotient = (__fp16) ((float) a[i] / fabsf ((float) b[i]));
      good += (float) r[i] == fminf ((float) sum, (float) quotient);
    }
    add_hash (r, 16);
  }
  DONE (good);
}
#endif
