// SPDX-License-Identifier: GPL-3.0-or-later
// Snippets: see run-codegen.

// compare and branch
  cmp x0, x1
  b.eq .+16
  nop

// compare with a constant and branch
  cmp w0, #10
  b.hi .+16
  nop

// compare with zero and branch
  cmp x0, #0
  b.lt .+16
  nop

// compare in memory
  cmp x9, x10
  b.ne .+16
  nop

// compare and select
  cmp x0, x1
  csel x2, x3, x4, lt

// compare and set
  cmp x0, #5
  cset x0, eq

// compare and set mask
  cmp x0, x1
  csetm x0, cs

// absolute value
  cmp x0, #0
  cneg x0, x0, mi

// minimum
  cmp x0, x1
  csel x0, x0, x1, lo

// increment on a condition
  cmp x0, x1
  cinc x2, x2, hi

// test bits and branch
  tst x0, #0xf0
  b.ne .+16
  nop

// compare negative and branch
  cmn x0, #1
  b.eq .+16
  nop

// chained comparison
  cmp x0, #1
  ccmp x1, #2, #4, ne
  b.eq .+16
  nop

// chained comparison, or
  cmp x0, x1
  ccmp x2, x3, #0, eq
  b.ne .+16
  nop

// flags of an addition, used much later
  adds x0, x1, x2
  eor x3, x3, x4
  add x5, x5, #1
  b.vs .+16
  nop

// flags that live across a load
  cmp x0, x1
  ldr x2, [x3]
  b.lo .+16
  nop

// flags that die at once
  subs x0, x1, x2
  adds x0, x1, x2
  b.mi .+16
  nop

// flags used twice
  cmp x0, x1
  cset x2, lo
  cset x3, eq

// 128-bit addition
  adds x0, x0, x2
  adc x1, x1, x3

// 128-bit subtraction
  subs x0, x0, x2
  sbc x1, x1, x3

// 192-bit addition
  adds x0, x0, x3
  adcs x1, x1, x4
  adc x2, x2, x19

// countdown
  subs x0, x0, #1
  b.ne .-4

// logical flags, then a condition that reads the carry
  ands x0, x1, x2
  b.hi .+16
  nop

// flags to a register
  cmp x0, x1
  mrs x2, nzcv

// flags from a register
  msr nzcv, x0
  b.eq .+16
  nop
