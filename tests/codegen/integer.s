// SPDX-License-Identifier: GPL-3.0-or-later
// Snippets: see run-codegen.

// add, registers with homes of their own
  add x0, x1, x2

// add, registers in memory
  add x9, x10, x11

// add to itself, in memory
  add x9, x9, x10

// add, 32 bits
  add w0, w1, w2

// add, shifted
  add x0, x1, x2, lsl #3

// add, shifted right
  add x0, x1, x2, asr #7

// add, extended word
  add x0, x1, w2, uxtw #2

// add, sign-extended byte
  add x0, x1, w2, sxtb

// add small constant
  add x0, x0, #1

// add constant to another
  add x0, x1, #4095

// add big constant
  add x0, x1, #1, lsl #12

// subtract
  sub x0, x1, x2

// subtract from itself
  sub x0, x0, x1

// subtract, result over the second operand
  sub x1, x0, x1

// negate
  neg x0, x1

// negate shifted
  neg x0, x1, lsl #2

// stack pointer down
  sub sp, sp, #64

// and
  and x0, x1, x2

// and constant
  and x0, x1, #0xff

// and wide constant
  and x0, x1, #0xffff0000ffff0000

// align down
  and x0, x0, #-16

// bic
  bic x0, x1, x2

// or
  orr x0, x1, x2

// orn
  orn x0, x1, x2

// not
  mvn x0, x1

// exclusive or
  eor x0, x1, x2

// exclusive or of a rotated one
  eor x0, x1, x2, ror #17

// eon
  eon x0, x1, x2

// move
  mov x0, x1

// move word
  mov w0, w1

// move from memory to memory
  mov x9, x10

// zero
  mov x0, #0

// constant of four parts
  movz x0, #0x1234
  movk x0, #0x5678, lsl #16
  movk x0, #0x9abc, lsl #32
  movk x0, #0xdef0, lsl #48

// constant, inverted
  mov x0, #-2

// insert 16 bits
  movk x0, #7, lsl #16

// address of this page
  adr x0, .+20

// address of a symbol
  adrp x0, .
  add x0, x0, #0x123

// shift left by a constant
  lsl x0, x1, #5

// shift right by a constant
  lsr x0, x1, #5

// arithmetic shift, word
  asr w0, w1, #5

// rotate by a constant
  ror x0, x1, #5

// shift by a register
  lsl x0, x1, x2

// arithmetic shift by a register, word
  asr w0, w1, w2

// rotate by a register
  ror x0, x1, x2

// zero-extend byte
  and w0, w1, #0xff

// zero-extend byte by UBFM
  uxtb w0, w1

// zero-extend word
  ubfx x0, x1, #0, #32

// sign-extend byte
  sxtb x0, w1

// sign-extend word
  sxtw x0, w1

// extract bits
  ubfx x0, x1, #12, #9

// extract signed bits
  sbfx x0, x1, #12, #9

// bits moved up
  ubfiz x0, x1, #4, #20

// insert bits
  bfi x0, x1, #8, #16

// insert low bits
  bfxil x0, x1, #8, #16

// two registers, shifted
  extr x0, x1, x2, #20

// multiply
  mul x0, x1, x2

// multiply and add
  madd x0, x1, x2, x3

// multiply and subtract
  msub x0, x1, x2, x3

// wide product of words
  umull x0, w1, w2

// signed wide product and sum
  smaddl x0, w1, w2, x3

// high half of a product
  umulh x0, x1, x2

// signed high half
  smulh x0, x1, x2

// divide
  udiv x0, x1, x2

// signed divide
  sdiv x0, x1, x2

// signed divide, words
  sdiv w0, w1, w2

// remainder
  udiv x3, x0, x1
  msub x0, x3, x1, x0

// count leading zeros
  clz x0, x1

// count leading sign bits
  cls x0, x1

// trailing zeros
  rbit x0, x1
  clz x0, x0

// reverse bytes
  rev x0, x1

// reverse bytes of a word
  rev w0, w1

// reverse bytes of halves
  rev16 w0, w1

// reverse bits, word
  rbit w0, w1

// checksum of a byte
  crc32b w0, w1, w2

// checksum of a doubleword
  crc32cx w0, w1, x2
