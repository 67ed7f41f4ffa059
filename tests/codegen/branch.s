// SPDX-License-Identifier: GPL-3.0-or-later
// Snippets: see run-codegen.

// branch to another page
  b .+8192

// branch in the page, out of the region
  b .+64

// call
  bl .+8192

// return
  ret

// indirect jump
  br x1

// indirect call
  blr x1

// zero?
  cbz x0, .+64

// not zero, word, in memory
  cbnz w9, .+64

// bit?
  tbz x0, #3, .+64

// sign bit
  tbnz x0, #63, .+64

// bit of a register in memory
  tbnz x9, #41, .+64

// loop
  add x0, x0, x1
  sub x1, x1, #1
  cbnz x1, .-8

// if and else
  cmp x0, #0
  b.eq .+12
  mov x1, #1
  b .+8
  mov x1, #2
  ret

// loop with an exit
  ldrb w2, [x0], #1
  cbz w2, .+12
  subs x1, x1, #1
  b.ne .-12
  ret

// function: prologue and epilogue
  stp x29, x30, [sp, #-32]!
  mov x29, sp
  str x19, [sp, #16]
  mov x19, x0
  ldr x19, [sp, #16]
  ldp x29, x30, [sp], #32
  ret

// indirect jump (BTI)
  br x16

// indirect call (BTI)
  blr x30
