// SPDX-License-Identifier: GPL-3.0-or-later
// Snippets: see run-codegen.

// move
  fmov d0, d1

// move to a general register
  fmov x0, d0

// move from a general register
  fmov d0, x0

// move word from
  fmov s0, w0

// constant
  fmov d0, #1.0

// zero
  movi d0, #0

// add
  fadd d0, d1, d2

// add singles
  fadd s0, s1, s2

// subtract
  fsub d0, d1, d2

// multiply
  fmul d0, d1, d2

// divide
  fdiv d0, d1, d2

// square root
  fsqrt d0, d1

// fused
  fmadd d0, d1, d2, d3

// fused, negated
  fnmsub d0, d1, d2, d3

// absolute value
  fabs d0, d1

// negate
  fneg d0, d1

// minimum
  fmin d0, d1, d2

// minimum of numbers
  fminnm d0, d1, d2

// compare and branch
  fcmp d0, d1
  b.gt .+16
  nop

// compare with zero
  fcmp d0, #0.0
  b.mi .+16
  nop

// select
  fcmp d0, d1
  fcsel d0, d0, d1, lt

// single to double
  fcvt d0, s1

// double to single
  fcvt s0, d1

// to integer
  fcvtzs x0, d0

// to unsigned word
  fcvtzu w0, s0

// from integer
  scvtf d0, x0

// from unsigned
  ucvtf d0, x0

// round to integral
  frintz d0, d1

// a sum of products
  ldr d0, [x1], #8
  ldr d1, [x2], #8
  fmul d0, d0, d1
  fadd d2, d2, d0

// fused loop
  ldr d0, [x1], #8
  ldr d1, [x2], #8
  fmadd d2, d0, d1, d2
  subs x0, x0, #1
  b.ne .-16

// round lanes, ties away from zero
  frinta v0.4s, v1.4s

// lanes to integers, ties away from zero
  fcvtas v0.4s, v1.4s

// lanes to fixed-point numbers
  fcvtzs v0.4s, v1.4s, #8

// lanes of fixed-point numbers
  scvtf v0.4s, v1.4s, #8

// a fixed-point number in a vector register
  scvtf d0, d1, #8

// step of a reciprocal
  frecps v0.4s, v1.4s, v2.4s

// step of a reciprocal square root
  frsqrts d0, d1, d2

// estimates of reciprocals
  frecpe v0.4s, v1.4s

// an estimate of the reciprocal of a square root
  frsqrte s0, s1

// a product in which infinity times zero is two
  fmulx d0, d1, d2

// addition where denormal numbers are zero (flush)
  fadd d0, d1, d2

// multiplication and addition of lanes where denormal numbers are zero (flush)
  fmla v0.4s, v1.4s, v2.4s

// comparison and a branch where denormal numbers are zero (flush)
1:
  fcmp s0, s1
  b.gt 1b

// numbers of lanes compared where denormal numbers are zero (flush)
  fcmgt v0.2d, v1.2d, v2.2d

// arithmetic rounded down costs nothing (down)
  fmul d0, d1, d2

// to the nearest integer where arithmetic is rounded down (down)
  fcvtns x0, d1

// as arithmetic is rounded (down)
  frinti d0, d1
