// SPDX-License-Identifier: GPL-3.0-or-later
// Soft-float operations against values worked out by hand from the Arm ARM's pseudocode (J1.3):
// NaN order, default NaN, flushing, tininess, overflow by rounding mode, saturation.
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/softfp/softfp.h"

// Short names of flags and modes, for the tables.
enum {
  IOC = SOFTFP_INVALID,
  DZC = SOFTFP_DIVBYZERO,
  OFC = SOFTFP_OVERFLOW,
  UFC = SOFTFP_UNDERFLOW,
  IXC = SOFTFP_INEXACT,
  IDC = SOFTFP_DENORMAL,
  RN = SOFTFP_NEAREST_EVEN,
  RP = SOFTFP_UP,
  RM = SOFTFP_DOWN,
  RZ = SOFTFP_ZERO,
  RA = SOFTFP_NEAREST_AWAY,
  FZ = 0x10, // added to a rounding mode
  DN = 0x20,
  AHP = 0x40,
};

static SoftfpEnv
make_env (unsigned mode)
{
  return (SoftfpEnv){
      .rounding = mode & 0xf,
      .flush_to_zero = (mode & FZ) != 0,
      .default_nan = (mode & DN) != 0,
      .alternative_half = (mode & AHP) != 0,
  };
}

static void
check (size_t row, uint64_t result, uint64_t expected, const SoftfpEnv *env, unsigned flags)
{
  if (result != expected || env->flags != flags)
    fail_msg ("row %zu: %016" PRIx64 " flags %02x, expected %016" PRIx64 " flags %02x", row, result,
              env->flags, expected, flags);
}

#define COUNT(table) (sizeof table / sizeof table[0])

#define ONE      0x3ff0000000000000
#define INF      0x7ff0000000000000
#define MAX      0x7fefffffffffffff
#define MIN_NORM 0x0010000000000000
#define QNAN     0x7ff8000000000000
#define NEG      0x8000000000000000

static const struct {
  uint64_t (*call) (uint64_t a, uint64_t b, SoftfpEnv *env);
  uint64_t a, b;
  unsigned mode;
  uint64_t expected;
  unsigned flags;
} two_operands[] = {
    // Signed zeros.
    {softfp_add64, ONE, ONE | NEG, RN, 0, 0},
    {softfp_add64, ONE, ONE | NEG, RM, NEG, 0},
    {softfp_add64, NEG, NEG, RN, NEG, 0},
    {softfp_sub64, 0, 0, RM, NEG, 0},
    {softfp_sub64, NEG, 0, RN, NEG, 0},
    {softfp_mul64, NEG, ONE, RN, NEG, 0},
    {softfp_div64, 0, ONE | NEG, RN, NEG, 0},
    // Rounding: 1 + 2^-53 is a tie, 1 + 3 * 2^-53 another.
    {softfp_add64, ONE, 0x3ca0000000000000, RN, ONE, IXC},
    {softfp_add64, ONE + 1, 0x3ca0000000000000, RN, ONE + 2, IXC},
    {softfp_add64, ONE, 0x3ca0000000000001, RN, ONE + 1, IXC},
    {softfp_add64, ONE, 0x3ca0000000000000, RP, ONE + 1, IXC},
    {softfp_add64, ONE, 1, RP, ONE + 1, IXC},
    {softfp_sub64, ONE, 1, RZ, ONE - 1, IXC},
    {softfp_sub64, ONE, 1, RN, ONE, IXC},
    // Overflow, by mode and sign.
    {softfp_add64, MAX, MAX, RN, INF, OFC | IXC},
    {softfp_add64, MAX, MAX, RM, MAX, OFC | IXC},
    {softfp_mul64, MAX | NEG, MAX, RM, INF | NEG, OFC | IXC},
    {softfp_mul64, MAX, MAX, RZ, MAX, OFC | IXC},
    // The largest number and half a unit: rounds away to infinity.
    {softfp_add64, MAX, 0x7c90000000000000, RN, INF, OFC | IXC},
    {softfp_add64, MAX, 0x7c8fffffffffffff, RN, MAX, IXC},
    // Denormal results: exact ones do not underflow; tininess is seen before rounding.
    {softfp_mul64, MIN_NORM, 0x3fe0000000000000, RN, MIN_NORM >> 1, 0},
    {softfp_mul64, MIN_NORM + 1, 0x3fe0000000000000, RN, MIN_NORM >> 1, UFC | IXC},
    {softfp_mul64, MIN_NORM, ONE - 1, RN, MIN_NORM, UFC | IXC},
    {softfp_mul64, 1, 0x3fe0000000000000, RN, 0, UFC | IXC},
    {softfp_mul64, 1, 0x3fe0000000000000, RP, 1, UFC | IXC},
    {softfp_sub64, MIN_NORM, 1, RN, MIN_NORM - 1, 0},
    // Flushing: inputs raise IDC alone, outputs UFC alone.
    {softfp_add64, 1, 0, RN | FZ, 0, IDC},
    {softfp_add64, 1 | NEG, 1 | NEG, RN | FZ, NEG, IDC},
    {softfp_mul64, MIN_NORM | NEG, 0x3fe0000000000000, RN | FZ, NEG, UFC},
    {softfp_mul64, MIN_NORM, ONE - 1, RP | FZ, 0, UFC},
    {softfp_div64, ONE, 1, RN | FZ, INF, DZC | IDC},
    // Infinities.
    {softfp_add64, INF, INF | NEG, RN, QNAN, IOC},
    {softfp_sub64, INF, INF, RN, QNAN, IOC},
    {softfp_mul64, INF, NEG, RN, QNAN, IOC},
    {softfp_mulx64, INF, NEG, RN, 0xc000000000000000, 0},
    {softfp_mulx64, ONE, ONE, RN, ONE, 0},
    {softfp_div64, INF, INF, RN, QNAN, IOC},
    {softfp_div64, 0, 0, RN, QNAN, IOC},
    {softfp_div64, ONE | NEG, 0, RN, INF | NEG, DZC},
    {softfp_div64, INF, 0, RN, INF, 0},
    // NaNs: the first signalling one, else the first; quieted; or the default NaN.
    {softfp_add64, QNAN | 1, 0x7ff0000000000002, RN, QNAN | 2, IOC},
    {softfp_add64, 0xfff0000000000001, 0x7ff0000000000002, RN, QNAN | NEG | 1, IOC},
    {softfp_sub64, ONE, QNAN | NEG | 3, RN, QNAN | NEG | 3, 0},
    {softfp_mul64, QNAN | 1, QNAN | 2, RN, QNAN | 1, 0},
    {softfp_mul64, QNAN | NEG | 1, ONE, RN | DN, QNAN, 0},
    {softfp_add64, 1, QNAN, RN | FZ, QNAN, IDC},
    // Maximum and minimum.
    {softfp_max64, 0, NEG, RN, 0, 0},
    {softfp_min64, 0, NEG, RN, NEG, 0},
    {softfp_max64, NEG, ONE | NEG, RN, NEG, 0},
    {softfp_max64, ONE, QNAN | 7, RN, QNAN | 7, 0},
    {softfp_maxnm64, ONE, QNAN | 7, RN, ONE, 0},
    {softfp_maxnm64, QNAN | 7, INF | NEG, RN, INF | NEG, 0},
    {softfp_minnm64, QNAN | 7, 0x7ff0000000000001, RN, QNAN | 1, IOC},
    {softfp_minnm64, QNAN | 7, QNAN | 8, RN, QNAN | 7, 0},
    {softfp_max64, 1, NEG | 1, RN | FZ, 0, IDC},
    // Steps: a negated NaN, the constants, and the halving before rounding.
    {softfp_recip_step64, QNAN | 1, ONE, RN, QNAN | NEG | 1, 0},
    {softfp_recip_step64, INF, 0, RN, 0x4000000000000000, 0},
    {softfp_recip_step64, INF, ONE, RN, INF | NEG, 0},
    {softfp_recip_step64, ONE, 0x4000000000000000, RM, NEG, 0},
    {softfp_rsqrt_step64, 0, INF, RN, 0x3ff8000000000000, 0},
    {softfp_rsqrt_step64, ONE, ONE, RN, ONE, 0},
    {softfp_rsqrt_step64, MAX | NEG, ONE, RN, 0x7fdfffffffffffff, IXC},
};

static void
test_two_operands (void **unused)
{
  for (size_t i = 0; i < COUNT (two_operands); i++) {
    SoftfpEnv env = make_env (two_operands[i].mode);
    uint64_t result = two_operands[i].call (two_operands[i].a, two_operands[i].b, &env);

    check (i, result, two_operands[i].expected, &env, two_operands[i].flags);
  }
}

static const struct {
  uint64_t addend, a, b;
  unsigned mode;
  uint64_t expected;
  unsigned flags;
} muladds[] = {
    {ONE, ONE, ONE, RN, 0x4000000000000000, 0},
    // (1 + 2^-52)^2 - (1 + 2^-51) is 2^-104, which a product rounded first would lose.
    {0xbff0000000000002, ONE + 1, ONE + 1, RN, 0x3970000000000000, 0},
    {ONE | NEG, ONE, ONE, RN, 0, 0},
    {ONE | NEG, ONE, ONE, RM, NEG, 0},
    {NEG, NEG, ONE, RN, NEG, 0},
    {0, NEG, ONE, RN, 0, 0},
    {1, MIN_NORM, MIN_NORM, RN, 1, UFC | IXC},
    {1, MIN_NORM, MIN_NORM, RP, 2, UFC | IXC},
    {INF, INF, ONE | NEG, RN, QNAN, IOC},
    {INF, MAX, MAX, RN, INF, 0},
    {ONE, INF, 0, RN, QNAN, IOC},
    // A quiet addend does not stop infinity times zero from being invalid; a signalling one wins.
    {QNAN | 5, INF, 0, RN, QNAN, IOC},
    {0x7ff0000000000005, INF, 0, RN, QNAN | 5, IOC},
    // The addend comes first among NaNs, and signalling ones before quiet ones.
    {QNAN | 1, QNAN | 2, QNAN | 3, RN, QNAN | 1, 0},
    {QNAN | 1, ONE, 0x7ff0000000000003, RN, QNAN | 3, IOC},
    {ONE, QNAN | 2, QNAN | 3, RN, QNAN | 2, 0},
    {1, ONE, ONE, RN | FZ, ONE, IDC},
};

static void
test_muladd (void **unused)
{
  for (size_t i = 0; i < COUNT (muladds); i++) {
    SoftfpEnv env = make_env (muladds[i].mode);
    uint64_t result = softfp_muladd64 (muladds[i].addend, muladds[i].a, muladds[i].b, &env);

    check (i, result, muladds[i].expected, &env, muladds[i].flags);
  }
}

static const struct {
  uint64_t (*call) (uint64_t a, SoftfpEnv *env);
  uint64_t a;
  unsigned mode;
  uint64_t expected;
  unsigned flags;
} one_operand[] = {
    {softfp_sqrt64, 0x4010000000000000, RN, 0x4000000000000000, 0},
    {softfp_sqrt64, 0x4000000000000000, RN, 0x3ff6a09e667f3bcd, IXC},
    {softfp_sqrt64, 0x4000000000000000, RZ, 0x3ff6a09e667f3bcc, IXC},
    {softfp_sqrt64, 0x0010000000000001, RM, 0x2000000000000000, IXC},
    {softfp_sqrt64, 1, RN, 0x1e60000000000000, 0},
    {softfp_sqrt64, NEG, RN, NEG, 0},
    {softfp_sqrt64, ONE | NEG, RN, QNAN, IOC},
    {softfp_sqrt64, 1 | NEG, RN | FZ, NEG, IDC},
    {softfp_recip_estimate64, ONE, RN, 0x3feff00000000000, 0},
    {softfp_recip_estimate64, NEG, RN, INF | NEG, DZC},
    {softfp_recip_estimate64, INF | NEG, RN, NEG, 0},
    {softfp_recip_estimate64, 1, RN, INF, OFC | IXC},
    {softfp_recip_estimate64, 1, RZ, MAX, OFC | IXC},
    {softfp_recip_estimate64, MAX, RN | FZ, 0, UFC},
    {softfp_rsqrt_estimate64, ONE, RN, 0x3feff00000000000, 0},
    {softfp_rsqrt_estimate64, NEG, RN, INF | NEG, DZC},
    {softfp_rsqrt_estimate64, INF | NEG, RN, QNAN, IOC},
    {softfp_rsqrt_estimate64, INF, RN, 0, 0},
    {softfp_recip_exponent64, ONE | NEG | 77, RN, 0xc000000000000000, 0},
    {softfp_recip_exponent64, 1, RN | FZ, 0x7fe0000000000000, IDC},
    {softfp_recip_exponent64, INF, RN, 0, 0},
};

static void
test_one_operand (void **unused)
{
  for (size_t i = 0; i < COUNT (one_operand); i++) {
    SoftfpEnv env = make_env (one_operand[i].mode);

    check (i, one_operand[i].call (one_operand[i].a, &env), one_operand[i].expected, &env,
           one_operand[i].flags);
  }
}

static const struct {
  uint64_t a;
  SoftfpFixed to;
  unsigned mode;
  uint64_t expected;
  unsigned flags;
} to_fixed[] = {
    {0x4004000000000000, {64, true, 0}, RN, 2, IXC}, // 2.5
    {0x4004000000000000, {64, true, 0}, RA, 3, IXC},
    {0xc004000000000000, {32, true, 0}, RA, 0xfffffffd, IXC},
    {0xc004000000000000, {64, true, 0}, RP, (uint64_t) -2, IXC},
    {0x4004000000000000, {64, true, 1}, RN, 5, 0},
    {0x3fdfffffffffffff, {64, true, 0}, RA, 0, IXC},
    {0xbfe0000000000000, {32, false, 0}, RZ, 0, IXC}, // -0.5 rounds to an unsigned zero
    {0xbfe0000000000000, {32, false, 0}, RA, 0, IOC}, // and to -1, which saturates
    {0x41dfffffffc00000, {32, true, 0}, RZ, 0x7fffffff, 0},
    {0x41e0000000000000, {32, true, 0}, RZ, 0x7fffffff, IOC},
    {0xc1e0000000000000, {32, true, 0}, RZ, 0x80000000, 0},
    {0xc1e0000000080000, {32, true, 0}, RN, 0x80000000, IXC},
    {0xc1e0000000080000, {32, true, 0}, RM, 0x80000000, IOC},
    {0x41effffffff00000, {32, false, 0}, RN, 0xffffffff, IOC},
    {0xc3e0000000000000, {64, true, 0}, RN, NEG, 0},
    {0x43f0000000000000, {64, false, 0}, RN, ~0ull, IOC},
    {0x43efffffffffffff, {64, false, 0}, RN, 0xfffffffffffff800, 0},
    {QNAN, {64, true, 0}, RN, 0, IOC},
    {INF | NEG, {64, true, 0}, RN, NEG, IOC},
    {INF | NEG, {64, false, 0}, RN, 0, IOC},
    {1, {64, false, 64}, RP, 1, IXC},
    {1, {64, false, 64}, RP | FZ, 0, IDC},
};

static void
test_to_fixed (void **unused)
{
  for (size_t i = 0; i < COUNT (to_fixed); i++) {
    SoftfpEnv env = make_env (to_fixed[i].mode);
    uint64_t result = softfp_to_fixed64 (to_fixed[i].a, to_fixed[i].to, env.rounding, &env);

    check (i, result, to_fixed[i].expected, &env, to_fixed[i].flags);
  }
}

static const struct {
  uint64_t a;
  SoftfpFixed from;
  unsigned mode;
  uint64_t expected64, expected32;
  unsigned flags64, flags32;
} from_fixed[] = {
    {0, {64, true, 0}, RM, 0, 0, 0, 0},
    {(uint64_t) -1, {64, true, 0}, RN, ONE | NEG, 0xbf800000, 0, 0},
    {(uint64_t) -1, {64, false, 0}, RN, 0x43f0000000000000, 0x5f800000, IXC, IXC},
    {(uint64_t) -1, {64, false, 0}, RZ, 0x43efffffffffffff, 0x5f7fffff, IXC, IXC},
    {0xdead000000000001, {32, true, 1}, RN, 0x3fe0000000000000, 0x3f000000, 0, 0},
    {0x80000000, {32, true, 32}, RN, 0xbfe0000000000000, 0xbf000000, 0, 0},
    {NEG, {64, true, 64}, RN, 0xbfe0000000000000, 0xbf000000, 0, 0},
    {0x01000001, {64, false, 0}, RN, 0x4170000010000000, 0x4b800000, 0, IXC},
};

static void
test_from_fixed (void **unused)
{
  for (size_t i = 0; i < COUNT (from_fixed); i++) {
    SoftfpEnv env = make_env (from_fixed[i].mode);

    check (i, softfp_from_fixed64 (from_fixed[i].a, from_fixed[i].from, &env),
           from_fixed[i].expected64, &env, from_fixed[i].flags64);
    env.flags = 0;
    check (i, softfp_from_fixed32 (from_fixed[i].a, from_fixed[i].from, &env),
           from_fixed[i].expected32, &env, from_fixed[i].flags32);
  }
}

static const struct {
  uint64_t a;
  bool exact;
  unsigned width; // 0: FPRoundInt, else FPRoundIntN
  unsigned mode;
  uint64_t expected;
  unsigned flags;
} round_int[] = {
    {0x4004000000000000, false, 0, RN, 0x4000000000000000, 0}, // 2.5
    {0x4004000000000000, true, 0, RN, 0x4000000000000000, IXC},
    {0x4004000000000000, false, 0, RA, 0x4008000000000000, 0},
    {0xbfe0000000000000, false, 0, RN, NEG, 0},
    {0xbfe0000000000000, false, 0, RM, ONE | NEG, 0},
    {0x3fdfffffffffffff, false, 0, RA, 0, 0},
    {1, true, 0, RP, ONE, IXC},
    {1, true, 0, RP | FZ, 0, IDC},
    {MAX, true, 0, RN, MAX, 0},
    {0x7ff0000000000001, true, 0, RN, QNAN | 1, IOC},
    {INF | NEG, true, 0, RN, INF | NEG, 0},
    {0x41e0000000000000, false, 32, RZ, 0xc1e0000000000000, IOC}, // 2^31
    {0x41dfffffffe00000, false, 32, RZ, 0x41dfffffffc00000, IXC},
    {0x41dfffffffe00000, false, 32, RP, 0xc1e0000000000000, IOC},
    {QNAN, false, 64, RZ, 0xc3e0000000000000, IOC},
    {0xc3e0000000000000, false, 64, RZ, 0xc3e0000000000000, 0},
    {INF, false, 32, RZ, 0xc1e0000000000000, IOC},
};

static void
test_round_int (void **unused)
{
  for (size_t i = 0; i < COUNT (round_int); i++) {
    SoftfpEnv env = make_env (round_int[i].mode);
    uint64_t a = round_int[i].a, result;

    if (round_int[i].width == 0)
      result = softfp_round_int64 (a, env.rounding, round_int[i].exact, &env);
    else
      result = softfp_round_int_n64 (a, env.rounding, round_int[i].width, &env);
    check (i, result, round_int[i].expected, &env, round_int[i].flags);
  }
}

typedef enum Conversion { H_S, H_D, S_H, S_D, D_H, D_S, D_S_ODD } Conversion;

static uint64_t
convert (Conversion c, uint64_t a, SoftfpEnv *env)
{
  switch (c) {
  case H_S:
    return softfp_convert_16_32 ((uint16_t) a, env);
  case H_D:
    return softfp_convert_16_64 ((uint16_t) a, env);
  case S_H:
    return softfp_convert_32_16 ((uint32_t) a, env);
  case S_D:
    return softfp_convert_32_64 ((uint32_t) a, env);
  case D_H:
    return softfp_convert_64_16 (a, env);
  case D_S:
    return softfp_convert_64_32 (a, env);
  case D_S_ODD:
    break;
  }
  return softfp_convert_64_32_odd (a, env);
}

static const struct {
  Conversion conversion;
  uint64_t a;
  unsigned mode;
  uint64_t expected;
  unsigned flags;
} conversions[] = {
    {S_D, 0x3f800000, RN, ONE, 0},
    {S_D, 1, RN, 0x36a0000000000000, 0},
    {S_D, 1, RN | FZ, 0, IDC},
    {S_D, 0xff800001, RN, 0xfff8000020000000, IOC},
    {D_S, 0xfff0000020000000, RN, 0xffc00001, IOC},
    {D_S, 0xfff0000020000000, RN | DN, 0x7fc00000, IOC},
    {D_S, ONE + 1, RN, 0x3f800000, IXC},
    {D_S, ONE + 1, RP, 0x3f800001, IXC},
    {D_S_ODD, ONE + 1, RN, 0x3f800001, IXC},
    {D_S_ODD, MAX, RP, 0x7f7fffff, OFC | IXC},
    {D_S_ODD, 1, RN, 1, UFC | IXC},
    {D_S, 0x380fffffffffffff, RN, 0x00800000, UFC | IXC},
    {D_S, 0x380fffffffffffff, RN | FZ, 0, UFC},
    // Half: FZ leaves it alone; one rounding from double (through single this would be 3c00).
    {H_S, 0x0001, RN | FZ, 0x33800000, 0},
    {H_D, 0xfc00, RN, INF | NEG, 0},
    {H_S, 0x7d00, RN, 0x7fe00000 | 0, IOC},
    {D_H, 0x3ff0020000000001, RN, 0x3c01, IXC},
    {D_H, 0x40f0000000000000, RN, 0x7c00, OFC | IXC},
    {D_H, 0x3e60000000000000, RN | FZ, 0, UFC | IXC},
    {S_H, 0x33800000, RN | FZ, 1, 0},
    // Alternative half precision has neither infinities nor NaNs.
    {H_S, 0x7c00, RN | AHP, 0x47800000, 0},
    {H_S, 0xffff, RN | AHP, 0xc7ffe000, 0},
    {S_H, 0x47ffe000, RN | AHP, 0x7fff, 0},
    {S_H, 0x47fff000, RN | AHP, 0x7fff, IOC},
    {S_H, 0xff800000, RN | AHP, 0xffff, IOC},
    {S_H, 0xffc00000, RN | AHP, 0x8000, IOC},
    {D_H, QNAN, RN | AHP | DN, 0, IOC},
};

static void
test_conversions (void **unused)
{
  for (size_t i = 0; i < COUNT (conversions); i++) {
    SoftfpEnv env = make_env (conversions[i].mode);
    uint64_t result = convert (conversions[i].conversion, conversions[i].a, &env);

    check (i, result, conversions[i].expected, &env, conversions[i].flags);
  }
}

static const struct {
  uint64_t a, b;
  bool signalling;
  unsigned mode;
  int expected;
  unsigned flags;
} compares[] = {
    {0, NEG, true, RN, SOFTFP_EQUAL, 0},
    {ONE, ONE | NEG, false, RN, SOFTFP_GREATER, 0},
    {INF | NEG, MAX | NEG, false, RN, SOFTFP_LESS, 0},
    {ONE, QNAN, false, RN, SOFTFP_UNORDERED, 0},
    {ONE, QNAN, true, RN, SOFTFP_UNORDERED, IOC},
    {0x7ff0000000000001, ONE, false, RN, SOFTFP_UNORDERED, IOC},
    {1, 2 | NEG, false, RN | FZ, SOFTFP_EQUAL, IDC},
    {1, 2, false, RN, SOFTFP_LESS, 0},
    {1 | NEG, 2 | NEG, false, RN, SOFTFP_GREATER, 0},
};

static void
test_compare (void **unused)
{
  for (size_t i = 0; i < COUNT (compares); i++) {
    SoftfpEnv env = make_env (compares[i].mode);
    int result = softfp_compare64 (compares[i].a, compares[i].b, compares[i].signalling, &env);

    check (i, (uint64_t) result, (uint64_t) compares[i].expected, &env, compares[i].flags);
  }
}

static const struct {
  uint64_t a;
  unsigned mode;
  uint32_t expected;
  bool exact;
  unsigned flags;
} js[] = {
    {ONE, RN, 1, true, 0},
    {0, RN, 0, true, 0},
    {NEG, RN, 0, false, 0},
    {0xbff8000000000000, RP, 0xffffffff, false, IXC}, // -1.5
    {0x41e0000000000000, RN, 0x80000000, false, IOC},
    {0xc1e0000000000000, RN, 0x80000000, true, 0},
    {0x41f0000000100000, RN, 1, false, IOC}, // 2^32 + 1
    {0x4330000000000001, RN, 1, false, IOC}, // 2^52 + 1
    {0x43e0000000000001, RN, 2048, false, IOC},
    {0xc400000000000001, RN, (uint32_t) -8192, false, IOC},
    {0x4530000000000001, RN, 0, false, IOC},
    {QNAN, RN, 0, false, IOC},
    {INF, RN, 0, false, IOC},
    {1, RN, 0, false, IXC},
    {1, RN | FZ, 0, false, IDC},
};

static void
test_javascript (void **unused)
{
  for (size_t i = 0; i < COUNT (js); i++) {
    SoftfpEnv env = make_env (js[i].mode);
    bool exact;

    check (i, softfp_to_int32_js (js[i].a, &exact, &env), js[i].expected, &env, js[i].flags);
    assert_int_equal (exact, js[i].exact);
  }
}

static void
test_unsigned_estimates (void **unused)
{
  assert_int_equal (softfp_unsigned_recip_estimate (0x7fffffff), 0xffffffff);
  assert_int_equal (softfp_unsigned_recip_estimate (0x80000000), 0xff800000);
  assert_int_equal (softfp_unsigned_recip_estimate (0xffffffff), 0x80000000);
  assert_int_equal (softfp_unsigned_rsqrt_estimate (0x3fffffff), 0xffffffff);
  assert_int_equal (softfp_unsigned_rsqrt_estimate (0x40000000), 0xff800000);
  assert_int_equal (softfp_unsigned_rsqrt_estimate (0xffffffff), 0x80000000);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_two_operands), cmocka_unit_test (test_muladd),
      cmocka_unit_test (test_one_operand),  cmocka_unit_test (test_to_fixed),
      cmocka_unit_test (test_from_fixed),   cmocka_unit_test (test_round_int),
      cmocka_unit_test (test_conversions),  cmocka_unit_test (test_compare),
      cmocka_unit_test (test_javascript),   cmocka_unit_test (test_unsigned_estimates),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
