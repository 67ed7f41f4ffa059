// SPDX-License-Identifier: GPL-3.0-or-later
// Tier 0: bitfields, shifts, multiplication, division, bit and byte reversal, CRC32 on general
// registers (Arm ARM C4.1.86, C4.1.89). vCPU thread.
#include "engine/guest/aarch64/interp.h"

// xd in terms of n, m and a, the third source; in the 32-bit forms all are 32 bits wide.
#define DEFINE_ONE(name, bits, expression)                                                         \
  void a64_interp_##name (A64Cpu *cpu, const A64Op *op)                                            \
  {                                                                                                \
    const uint##bits##_t n = (uint##bits##_t) cpu->x[op->rn];                                      \
    const uint##bits##_t m = (uint##bits##_t) cpu->x[op->rm];                                      \
    const uint##bits##_t a = (uint##bits##_t) cpu->x[op->ra];                                      \
    (void) n, (void) m, (void) a;                                                                  \
    cpu->x[op->rd] = (uint##bits##_t) (expression);                                                \
    A64_NEXT (cpu, op);                                                                            \
  }
#define DEFINE_BOTH(id, expression32, expression64)                                                \
  DEFINE_ONE (id##_32, 32, expression32)                                                           \
  DEFINE_ONE (id##_64, 64, expression64)

// The operands are prepared such that one pair of shifts in 64 bits moves the field.
#define UNSIGNED_FIELD (cpu->x[op->rn] << op->aux[0] >> op->aux[1])
#define SIGNED_FIELD   ((int64_t) (cpu->x[op->rn] << op->aux[0]) >> op->aux[1])
#define MERGED_FIELD   ((cpu->x[op->rd] & (uint64_t) op->imm) | UNSIGNED_FIELD)
DEFINE_BOTH (UBFM, UNSIGNED_FIELD, UNSIGNED_FIELD)
DEFINE_BOTH (SBFM, SIGNED_FIELD, SIGNED_FIELD)
DEFINE_BOTH (BFM, MERGED_FIELD, MERGED_FIELD)
DEFINE_BOTH (EXTR, ((uint64_t) n << 32 | m) >> op->aux[0],
             m >> op->aux[0] | n << 1 << (63 - op->aux[0]))

DEFINE_BOTH (LSLV, n << (m & 31), n << (m & 63))
DEFINE_BOTH (LSRV, n >> (m & 31), n >> (m & 63))
DEFINE_BOTH (ASRV, (int32_t) n >> (m & 31), (int64_t) n >> (m & 63))
DEFINE_BOTH (RORV, n >> (m & 31) | n << (-m & 31), n >> (m & 63) | n << (-m & 63))

#define SIGNED_PRODUCT   ((uint64_t) ((int64_t) (int32_t) n * (int32_t) m))
#define UNSIGNED_PRODUCT ((uint64_t) (uint32_t) n * (uint32_t) m)
DEFINE_BOTH (MADD, a + n * m, a + n * m)
DEFINE_BOTH (MSUB, a - n * m, a - n * m)
DEFINE_ONE (SMADDL, 64, a + SIGNED_PRODUCT)
DEFINE_ONE (SMSUBL, 64, a - SIGNED_PRODUCT)
DEFINE_ONE (UMADDL, 64, a + UNSIGNED_PRODUCT)
DEFINE_ONE (UMSUBL, 64, a - UNSIGNED_PRODUCT)
DEFINE_ONE (SMULH, 64, (unsigned __int128) ((__int128) (int64_t) n *(int64_t) m) >> 64)
DEFINE_ONE (UMULH, 64, (unsigned __int128) n *m >> 64)

// Division by zero gives zero, and the one signed overflow wraps.
static inline int32_t
divide_32 (int32_t n, int32_t m)
{
  if (m == -1)
    return (int32_t) - (uint32_t) n;
  return m == 0 ? 0 : n / m;
}

static inline int64_t
divide_64 (int64_t n, int64_t m)
{
  if (m == -1)
    return (int64_t) - (uint64_t) n;
  return m == 0 ? 0 : n / m;
}

DEFINE_BOTH (UDIV, m == 0 ? 0 : n / m, m == 0 ? 0 : n / m)
DEFINE_BOTH (SDIV, divide_32 ((int32_t) n, (int32_t) m), divide_64 ((int64_t) n, (int64_t) m))

static inline uint64_t
reverse_bits_in_bytes (uint64_t v)
{
  v = (v >> 1 & 0x5555555555555555) | (v & 0x5555555555555555) << 1;
  v = (v >> 2 & 0x3333333333333333) | (v & 0x3333333333333333) << 2;
  return (v >> 4 & 0x0f0f0f0f0f0f0f0f) | (v & 0x0f0f0f0f0f0f0f0f) << 4;
}

static inline uint64_t
swap_bytes_in_halfwords (uint64_t v)
{
  return (v >> 8 & 0x00ff00ff00ff00ff) | (v & 0x00ff00ff00ff00ff) << 8;
}

static inline uint64_t
swap_words (uint64_t v)
{
  return v >> 32 | v << 32;
}

DEFINE_BOTH (RBIT, __builtin_bswap32 ((uint32_t) reverse_bits_in_bytes (n)),
             __builtin_bswap64 (reverse_bits_in_bytes (n)))
DEFINE_BOTH (REV16, swap_bytes_in_halfwords (n), swap_bytes_in_halfwords (n))
DEFINE_BOTH (REV, __builtin_bswap32 (n), __builtin_bswap64 (n))
DEFINE_ONE (REV32_64, 64, swap_words (__builtin_bswap64 (n)))
DEFINE_BOTH (CLZ, n == 0 ? 32 : __builtin_clz (n), n == 0 ? 64 : __builtin_clzll (n))
// clrsb counts the bits below the sign that equal it, as CLS does.
DEFINE_BOTH (CLS, __builtin_clrsb ((int32_t) n), __builtin_clrsbll ((int64_t) n))

// CRC of four bits at a time: entry i is the remainder of i in the reflected polynomial.
static const uint32_t crc32_nibbles[16] = {
    0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};
static const uint32_t crc32c_nibbles[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

static uint32_t
crc_update (const uint32_t nibbles[16], uint32_t crc, uint64_t data, unsigned n_bytes)
{
  for (unsigned i = 0; i < 2 * n_bytes; i++) {
    crc = crc >> 4 ^ nibbles[(crc ^ data) & 15];
    data >>= 4;
  }
  return crc;
}

#define DEFINE_CRC(id, table, n_bytes)                                                             \
  void a64_interp_##id (A64Cpu *cpu, const A64Op *op)                                              \
  {                                                                                                \
    cpu->x[op->rd] = crc_update (table, (uint32_t) cpu->x[op->rn], cpu->x[op->rm], n_bytes);       \
    A64_NEXT (cpu, op);                                                                            \
  }
DEFINE_CRC (CRC32B, crc32_nibbles, 1)
DEFINE_CRC (CRC32H, crc32_nibbles, 2)
DEFINE_CRC (CRC32W, crc32_nibbles, 4)
DEFINE_CRC (CRC32X, crc32_nibbles, 8)
DEFINE_CRC (CRC32CB, crc32c_nibbles, 1)
DEFINE_CRC (CRC32CH, crc32c_nibbles, 2)
DEFINE_CRC (CRC32CW, crc32c_nibbles, 4)
DEFINE_CRC (CRC32CX, crc32c_nibbles, 8)
