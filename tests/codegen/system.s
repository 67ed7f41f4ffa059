// SPDX-License-Identifier: GPL-3.0-or-later
// Snippets: see run-codegen.

// thread pointer
  mrs x0, tpidr_el0

// current task
  mrs x0, sp_el0

// per-CPU offset
  mrs x0, tpidr_el1

// mask interrupts
  msr daifset, #2

// unmask interrupts
  msr daifclr, #2

// interrupt mask
  mrs x0, daif

// save and mask
  mrs x0, daif
  msr daifset, #3

// exception registers
  mrs x0, esr_el1
  mrs x1, far_el1

// return address and state
  mrs x0, elr_el1
  mrs x1, spsr_el1

// write them back
  msr elr_el1, x0
  msr spsr_el1, x1

// counter
  mrs x0, cntvct_el0

// current exception level
  mrs x0, currentel

// identification
  mrs x0, id_aa64pfr0_el1

// floating-point mode
  mrs x0, fpcr

// floating-point status
  mrs x0, fpsr

// write floating-point status
  msr fpsr, x0

// what DC ZVA clears
  mrs x0, dczid_el0

// what DC ZVA clears (user)
  mrs x0, dczid_el0

// caches
  mrs x0, ctr_el0

// caches (user)
  mrs x0, ctr_el0

// processor
  mrs x0, midr_el1

// address space
  msr ttbr0_el1, x0

// interrupt acknowledged and ended
  mrs x0, s3_0_c12_c12_0
  msr s3_0_c12_c12_1, x0

// supervisor call
  svc #0

// system call (user)
  svc #0

// system call with a number (user)
  svc #1

// exception return
  eret

// counter (user)
  mrs x5, cntvct_el0

// physical counter (user)
  mrs x0, cntpct_el0

// instruction barrier
  isb

// full barrier
  dsb sy

// invalidate a page
  tlbi vae1is, x0

// other address space
  msr ttbr0_el1, x0

// hint
  hint #0

// pointer authentication where there is none
  paciasp
  autiasp
  ret

// wait
  wfi

// undefined
  udf #1
