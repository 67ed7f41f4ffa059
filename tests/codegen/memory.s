// SPDX-License-Identifier: GPL-3.0-or-later
// Snippets: see run-codegen.

// load
  ldr x0, [x1]

// load at an offset
  ldr x0, [x1, #16]

// load into memory, base in memory
  ldr x9, [x10, #8]

// load word
  ldr w0, [x1, #4]

// load byte
  ldrb w0, [x1]

// load signed byte
  ldrsb x0, [x1]

// load signed word
  ldrsw x0, [x1]

// load half
  ldrh w0, [x1, #2]

// load by index
  ldr x0, [x1, x2, lsl #3]

// load by index in memory
  ldr w0, [x1, w9, sxtw #2]

// load and move on
  ldr x0, [x1], #8

// move on and load
  ldr x0, [x1, #8]!

// load from here
  ldr x0, .+16

// store
  str x0, [x1]

// store zero
  str xzr, [x1, #8]

// store byte by index
  strb w0, [x1, x2]

// store half
  strh w9, [x1]

// store and move on
  str x0, [x1], #8

// pair
  ldp x0, x1, [x2]

// pair of words
  ldp w0, w1, [x2, #8]

// store a pair
  stp x0, x1, [x2, #16]

// push a pair
  stp x29, x30, [sp, #-16]!

// pop a pair
  ldp x29, x30, [sp], #16

// accesses off one base
  ldr x0, [x2]
  ldr x1, [x2, #8]
  str x0, [x2, #16]

// accesses off the stack pointer
  str x0, [sp, #8]
  ldr x1, [sp, #16]
  str x1, [sp, #24]

// save registers
  stp x19, x20, [sp, #16]
  stp x21, x22, [sp, #32]
  stp x23, x24, [sp, #48]

// copy loop
  ldp x2, x3, [x1], #16
  stp x2, x3, [x0], #16
  subs x4, x4, #16
  b.hi .-12

// clear a block
  dc zva, x0

// load-acquire
  ldar x0, [x1]

// store-release
  stlr x0, [x1]

// weak load-acquire
  ldapr w0, [x1]

// load-exclusive
  ldxr x0, [x1]

// store-exclusive
  stxr w2, x0, [x1]

// exclusive loop
  ldaxr w0, [x1]
  add w0, w0, #1
  stlxr w2, w0, [x1]
  cbnz w2, .-12

// atomic add
  ldadd x0, x2, [x1]

// atomic add without its result
  stadd w0, [x1]

// atomic set of bits
  ldset x0, x2, [x1]

// atomic clear of bits without its result
  stclr x0, [x1]

// swap
  swpal w0, w2, [x1]

// compare and swap
  cas x0, x2, [x1]

// barrier
  dmb ish

// barrier of loads
  dmb ishld

// vector load
  ldr q0, [x1]

// vector store
  str q0, [x1, #16]

// double load
  ldr d0, [x1, #8]

// single store
  str s0, [x1]

// pair of vectors
  ldp q0, q1, [x1]

// store a pair of vectors
  stp q0, q1, [x1], #32

// unprivileged load
  ldtr x0, [x1]
