// SPDX-License-Identifier: GPL-3.0-or-later
// Complex addition and multiplication (Arm ARM C7.2, FEAT_FCMA): lane 2 * i is the real part of a
// number, lane 2 * i + 1 the imaginary one. op->imm is the rotation in quarters of a turn. vCPU
// thread.
#include "engine/guest/aarch64/interp-fp.h"

// Adds Vm turned by 90 or 270 degrees: its parts change places and one changes sign.
#define DEFINE_ADD(id, lane, n_bits, lanes)                                                        \
  A64_FP_VECTOR (id, lane, lanes,                                                                  \
                 softfp_add##n_bits (n->lane[i],                                                   \
                                     negate##n_bits (m->lane[i ^ 1], (op->imm == 3) == i % 2),     \
                                     &cpu->fp))

// Adds one part of Vn, real or imaginary by the rotation, times the parts of Vm. `at` is the
// number of Vm that is taken for lane i.
#define DEFINE_MLA(id, lane, n_bits, lanes, at)                                                    \
  A64_FP_VECTOR (id, lane, lanes,                                                                  \
                 softfp_muladd##n_bits (                                                           \
                     d->lane[i], n->lane[(i & ~1u) | (op->imm & 1)],                               \
                     negate##n_bits (m->lane[2 * (at) + ((i ^ op->imm) & 1)], is_negated (op, i)), \
                     &cpu->fp))

#define DEFINE_LANES(n)                                                                            \
  static inline uint##n##_t negate##n (uint##n##_t a, bool negate)                                 \
  {                                                                                                \
    return a ^ (uint##n##_t) negate << (n - 1);                                                    \
  }

DEFINE_LANES (16)
DEFINE_LANES (32)
DEFINE_LANES (64)

static inline bool
is_negated (const A64Op *op, unsigned i)
{
  return i % 2 != 0 ? op->imm >= 2 : op->imm == 1 || op->imm == 2;
}

DEFINE_ADD (FCADD_vh, h, 16, 2 * op->aux[0])
DEFINE_ADD (FCADD_vs, s, 32, op->aux[0])
DEFINE_ADD (FCADD_vd, d, 64, 2)

DEFINE_MLA (FCMLA_vh, h, 16, 2 * op->aux[0], i / 2)
DEFINE_MLA (FCMLA_vs, s, 32, op->aux[0], i / 2)
DEFINE_MLA (FCMLA_vd, d, 64, 2, i / 2)
DEFINE_MLA (FCMLA_e_vh, h, 16, 2 * op->aux[0], op->aux[1])
DEFINE_MLA (FCMLA_e_vs, s, 32, op->aux[0], op->aux[1])
