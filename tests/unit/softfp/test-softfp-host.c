// SPDX-License-Identifier: GPL-3.0-or-later
// Soft-float arithmetic against the host's own floating point, in all rounding modes: results that
// are no NaN, and the flags that all hosts agree on.
#include <fenv.h>
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/softfp/softfp.h"

enum { ROUNDS = 100000 };

// In the order of SoftfpRounding.
static const int host_rounding[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};

typedef union Double {
  double f;
  uint64_t bits;
} Double;

typedef union Single {
  float f;
  uint32_t bits;
} Single;

static uint64_t
next_random (uint64_t *state)
{
  uint64_t z = (*state += 0x9e3779b97f4a7c15);

  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// Random, or near one with few significant bits so that ties happen, or denormal.
static uint64_t
random_bits (uint64_t *state, unsigned frac_bits, unsigned exp_bits)
{
  uint64_t r = next_random (state), frac = next_random (state) & ((1ull << frac_bits) - 1);
  uint64_t bias = (1ull << (exp_bits - 1)) - 1, sign = (r >> 8 & 1) << (frac_bits + exp_bits);

  switch (r & 7) {
  case 0:
    return next_random (state) & ((2ull << (frac_bits + exp_bits)) - 1);
  case 1:
    return sign | frac >> (r >> 16) % frac_bits;
  case 2:
    return sign | (2 * bias - (r >> 16) % 4) << frac_bits | frac;
  case 3:
    return sign | (r >> 16) % 60 << frac_bits | frac;
  case 4:
    return sign | (bias - 30 + (r >> 16) % 60) << frac_bits | (frac & ~0ull << (frac_bits - 3));
  default:
    return sign | (bias - 30 + (r >> 16) % 60) << frac_bits | frac;
  }
}

// Underflow is left out: hosts differ in when they call a result tiny.
static unsigned
host_flags (void)
{
  int raised = fetestexcept (FE_ALL_EXCEPT);

  return (raised & FE_INVALID ? SOFTFP_INVALID : 0) |
         (raised & FE_DIVBYZERO ? SOFTFP_DIVBYZERO : 0) |
         (raised & FE_OVERFLOW ? SOFTFP_OVERFLOW : 0) | (raised & FE_INEXACT ? SOFTFP_INEXACT : 0);
}

typedef enum Operation { ADD, SUB, MUL, DIV, FMA, SQRT, RINT, N_OPERATIONS } Operation;

// The volatile copies keep the operation between the changes of the rounding mode.
#define DEFINE_HOST(name, type, sqrt_fn, fma_fn, rint_fn)                                          \
  static type host_##name (Operation operation, type a, type b, type c)                            \
  {                                                                                                \
    volatile type x = a, y = b, z = c, result;                                                     \
                                                                                                   \
    switch (operation) {                                                                           \
    case ADD:                                                                                      \
      result = x + y;                                                                              \
      break;                                                                                       \
    case SUB:                                                                                      \
      result = x - y;                                                                              \
      break;                                                                                       \
    case MUL:                                                                                      \
      result = x * y;                                                                              \
      break;                                                                                       \
    case DIV:                                                                                      \
      result = x / y;                                                                              \
      break;                                                                                       \
    case FMA:                                                                                      \
      result = fma_fn (x, y, z);                                                                   \
      break;                                                                                       \
    case SQRT:                                                                                     \
      result = sqrt_fn (x);                                                                        \
      break;                                                                                       \
    default:                                                                                       \
      result = rint_fn (x);                                                                        \
    }                                                                                              \
    return result;                                                                                 \
  }

DEFINE_HOST (double, double, sqrt, fma, rint)
DEFINE_HOST (single, float, sqrtf, fmaf, rintf)

#define DEFINE_OURS(n)                                                                             \
  static uint##n##_t ours##n (Operation operation, uint##n##_t a, uint##n##_t b, uint##n##_t c,    \
                              SoftfpEnv *env)                                                      \
  {                                                                                                \
    switch (operation) {                                                                           \
    case ADD:                                                                                      \
      return softfp_add##n (a, b, env);                                                            \
    case SUB:                                                                                      \
      return softfp_sub##n (a, b, env);                                                            \
    case MUL:                                                                                      \
      return softfp_mul##n (a, b, env);                                                            \
    case DIV:                                                                                      \
      return softfp_div##n (a, b, env);                                                            \
    case FMA:                                                                                      \
      return softfp_muladd##n (c, a, b, env);                                                      \
    case SQRT:                                                                                     \
      return softfp_sqrt##n (a, env);                                                              \
    default:                                                                                       \
      return softfp_round_int##n (a, env->rounding, true, env);                                    \
    }                                                                                              \
  }

DEFINE_OURS (32)
DEFINE_OURS (64)

static void
check (Operation operation, unsigned rounding, bool same, uint64_t ours, uint64_t theirs,
       unsigned our_flags, unsigned their_flags)
{
  if (!same || (our_flags & ~(unsigned) SOFTFP_UNDERFLOW) != their_flags)
    fail_msg ("operation %d rounding %u: %016" PRIx64 " flags %02x, host %016" PRIx64 " flags %02x",
              operation, rounding, ours, our_flags, theirs, their_flags);
}

static void
test_double (void **unused)
{
  uint64_t state = 1;

  for (unsigned i = 0; i < ROUNDS * N_OPERATIONS; i++) {
    Double a = {.bits = random_bits (&state, 52, 11)}, b = {.bits = random_bits (&state, 52, 11)};
    Double c = {.bits = random_bits (&state, 52, 11)}, theirs, ours;
    SoftfpEnv env = {.rounding = (i / N_OPERATIONS) % 4};
    Operation operation = i % N_OPERATIONS;
    unsigned flags;

    fesetround (host_rounding[env.rounding]);
    feclearexcept (FE_ALL_EXCEPT);
    theirs.f = host_double (operation, a.f, b.f, c.f);
    flags = host_flags ();
    fesetround (FE_TONEAREST);
    ours.bits = ours64 (operation, a.bits, b.bits, c.bits, &env);
    check (operation, env.rounding, isnan (theirs.f) ? isnan (ours.f) : ours.bits == theirs.bits,
           ours.bits, theirs.bits, env.flags, flags);
  }
}

static void
test_single (void **unused)
{
  uint64_t state = 2;

  for (unsigned i = 0; i < ROUNDS * N_OPERATIONS; i++) {
    Single a = {.bits = (uint32_t) random_bits (&state, 23, 8)};
    Single b = {.bits = (uint32_t) random_bits (&state, 23, 8)};
    Single c = {.bits = (uint32_t) random_bits (&state, 23, 8)}, theirs, ours;
    SoftfpEnv env = {.rounding = (i / N_OPERATIONS) % 4};
    Operation operation = i % N_OPERATIONS;
    unsigned flags;

    fesetround (host_rounding[env.rounding]);
    feclearexcept (FE_ALL_EXCEPT);
    theirs.f = host_single (operation, a.f, b.f, c.f);
    flags = host_flags ();
    fesetround (FE_TONEAREST);
    ours.bits = ours32 (operation, a.bits, b.bits, c.bits, &env);
    check (operation, env.rounding, isnan (theirs.f) ? isnan (ours.f) : ours.bits == theirs.bits,
           ours.bits, theirs.bits, env.flags, flags);
  }
}

// Doubles to singles, and integers to both.
static void
test_conversion (void **unused)
{
  const SoftfpFixed s64 = {64, true, 0}, u64 = {64, false, 0};
  uint64_t state = 3;

  for (unsigned i = 0; i < ROUNDS; i++) {
    Double a = {.bits = random_bits (&state, 52, 11)};
    uint64_t integer = next_random (&state) >> (next_random (&state) % 64);
    SoftfpEnv env = {.rounding = i % 4};
    volatile double value = a.f;
    volatile int64_t as_signed = (int64_t) integer;
    volatile uint64_t as_unsigned = integer;
    volatile double d;
    volatile float s, s_signed, s_unsigned;

    fesetround (host_rounding[env.rounding]);
    s = (float) value;
    d = (double) as_signed;
    s_signed = (float) as_signed;
    s_unsigned = (float) as_unsigned;
    fesetround (FE_TONEAREST);
    if (!isnan (a.f))
      assert_int_equal (softfp_convert_64_32 (a.bits, &env), ((Single){.f = s}).bits);
    assert_int_equal (softfp_from_fixed64 (integer, s64, &env), ((Double){.f = d}).bits);
    assert_int_equal (softfp_from_fixed32 (integer, s64, &env), ((Single){.f = s_signed}).bits);
    assert_int_equal (softfp_from_fixed32 (integer, u64, &env), ((Single){.f = s_unsigned}).bits);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_double),
      cmocka_unit_test (test_single),
      cmocka_unit_test (test_conversion),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
