// SPDX-License-Identifier: GPL-3.0-or-later
// Snippets: see run-codegen.

// add bytes
  add v0.16b, v1.16b, v2.16b

// add words, half a register
  add v0.2s, v1.2s, v2.2s

// subtract doublewords
  sub v0.2d, v1.2d, v2.2d

// multiply words
  mul v0.4s, v1.4s, v2.4s

// multiply and add
  mla v0.8h, v1.8h, v2.8h

// and
  and v0.16b, v1.16b, v2.16b

// bit select
  bsl v0.16b, v1.16b, v2.16b

// bit insert
  bit v0.16b, v1.16b, v2.16b

// compare equal
  cmeq v0.16b, v1.16b, v2.16b

// compare unsigned
  cmhi v0.16b, v1.16b, v2.16b

// compare with zero
  cmeq v0.16b, v1.16b, #0

// test bits
  cmtst v0.16b, v1.16b, v2.16b

// minimum
  umin v0.16b, v1.16b, v2.16b

// largest of all lanes
  umaxv b0, v1.16b

// sum of all lanes
  addv s0, v1.4s

// pairwise sum
  addp v0.4s, v1.4s, v2.4s

// constant
  movi v0.16b, #0x55

// duplicate a register
  dup v0.4s, w0

// duplicate a lane
  dup v0.4s, v1.s[2]

// insert
  mov v0.s[1], w0

// extract
  umov w0, v0.b[3]

// shift left
  shl v0.4s, v1.4s, #3

// shift right
  ushr v0.2d, v1.2d, #7

// shift bytes right
  sshr v0.16b, v1.16b, #2

// shift by a register
  ushl v0.4s, v1.4s, v2.4s

// narrow
  xtn v0.8b, v1.8h

// lengthen
  ushll v0.8h, v1.8b, #0

// narrow shifted
  shrn v0.8b, v1.8h, #4

// long product
  umull v0.2d, v1.2s, v2.2s

// two registers shifted
  ext v0.16b, v1.16b, v2.16b, #5

// interleave
  zip1 v0.4s, v1.4s, v2.4s

// look up
  tbl v0.16b, {v1.16b}, v2.16b

// reverse bytes
  rev64 v0.16b, v1.16b

// count bits
  cnt v0.8b, v1.8b

// saturating add
  sqadd v0.8h, v1.8h, v2.8h

// absolute difference
  uabd v0.16b, v1.16b, v2.16b

// float add
  fadd v0.4s, v1.4s, v2.4s

// float multiply and add
  fmla v0.2d, v1.2d, v2.2d

// float multiply by a lane
  fmul v0.4s, v1.4s, v2.s[0]

// float compare
  fcmgt v0.4s, v1.4s, v2.4s

// float from integers
  scvtf v0.4s, v1.4s

// AES round
  aese v0.16b, v1.16b
  aesmc v0.16b, v0.16b

// polynomial product
  pmull v0.1q, v1.1d, v2.1d

// SHA-256
  sha256h q0, q1, v2.4s

// load two registers
  ld1 {v0.16b, v1.16b}, [x0], #32

// load and separate
  ld2 {v0.8b, v1.8b}, [x0]

// string length loop
  ldr q0, [x0], #16
  cmeq v1.16b, v0.16b, #0
  umaxp v1.16b, v1.16b, v1.16b
  fmov x1, d1
  cbz x1, .-16

// copy 64 bytes
  ldp q0, q1, [x1]
  ldp q2, q3, [x1, #32]
  stp q0, q1, [x0]
  stp q2, q3, [x0, #32]
// a loop over pixels: what it writes is stored where it is left
1: ldr q0, [x2, x1]
ldr q2, [x4, x1]
uxtl v1.8h, v0.8b
uxtl2 v0.8h, v0.16b
uxtl v6.8h, v2.8b
uxtl2 v2.8h, v2.16b
mul v1.8h, v1.8h, v3.8h
mul v0.8h, v0.8h, v3.8h
mla v1.8h, v6.8h, v4.8h
mla v0.8h, v2.8h, v4.8h
add v1.8h, v1.8h, v5.8h
add v0.8h, v0.8h, v5.8h
uzp2 v0.16b, v1.16b, v0.16b
str q0, [x2, x1]
add x1, x1, 16
cmp x1, 65536
b.ne 1b
// a loop that adds up distances
2: ldr q1, [x4, x1]
ldr q2, [x2, x1]
add x1, x1, 16
uabdl2 v0.8h, v1.16b, v2.16b
uabal v0.8h, v1.8b, v2.8b
uadalp v3.4s, v0.8h
cmp x1, 65536
b.ne 2b
// a loop of products and sums
3: ldr q0, [x2, x1]
ldr q1, [x3, x1]
fmla v1.2d, v0.2d, v2.2d
str q1, [x3, x1]
add x1, x1, 16
cmp x1, 32768
b.ne 3b
// a loop that is left from its middle
4: ldr q0, [x0], #16
cmeq v0.16b, v0.16b, #0
umaxv b0, v0.16b
umov w2, v0.b[0]
cbnz w2, 5f
subs x1, x1, #16
b.ne 4b
5: add v1.4s, v1.4s, v0.4s
// rounded shift by a register
srshl v0.4s, v1.4s, v2.4s
// the same of unsigned lanes
urshl v0.2d, v1.2d, v2.2d

// saturating shift to the left by a constant
  sqshl v0.8h, v1.8h, #3

// what is negative has no unsigned result
  sqshlu v0.16b, v1.16b, #2

// a signed number added to an unsigned one, saturated
  usqadd v0.16b, v1.16b

// saturating negation
  sqneg v0.4s, v1.4s

// a scalar narrowed, saturated
  sqxtn h0, s1

// a saturating product of scalars
  sqdmulh s0, s1, s2

// a doubled product added, saturated
  sqdmlal v0.4s, v1.4h, v2.4h
