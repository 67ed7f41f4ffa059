// SPDX-License-Identifier: GPL-3.0-or-later
// void insn_run (InsnState *state): loads every register from *state, runs the eight instructions
// stored at insn_slot, and stores every register back. insn_abandon is where the signal handler
// resumes when an instruction faulted. The thread pointer serves as the one spare register.
	.bss
	.balign 16
insn_state:	.skip 8
insn_stack:	.skip 8
insn_thread:	.skip 8

	.macro address register, symbol
	adrp \register, \symbol
	add \register, \register, :lo12:\symbol
	.endm

	.macro store_at symbol, register, scratch
	address \scratch, \symbol
	str \register, [\scratch]
	.endm

	.macro load_from register, symbol
	address \register, \symbol
	ldr \register, [\register]
	.endm

	.text
	.global insn_run, insn_slot, insn_abandon
insn_run:
	clrex
	stp x29, x30, [sp, #-160]!
	stp x19, x20, [sp, #16]
	stp x21, x22, [sp, #32]
	stp x23, x24, [sp, #48]
	stp x25, x26, [sp, #64]
	stp x27, x28, [sp, #80]
	stp d8, d9, [sp, #96]
	stp d10, d11, [sp, #112]
	stp d12, d13, [sp, #128]
	stp d14, d15, [sp, #144]
	store_at insn_state, x0, x2
	mov x1, sp
	store_at insn_stack, x1, x2
	mrs x1, tpidr_el0
	store_at insn_thread, x1, x2
	ldp x1, x2, [x0, #248]
	mov sp, x1
	msr nzcv, x2
	ldp x1, x2, [x0, #264]
	msr fpcr, x1
	msr fpsr, x2
	add x1, x0, #288
	ldp q0, q1, [x1], #32
	ldp q2, q3, [x1], #32
	ldp q4, q5, [x1], #32
	ldp q6, q7, [x1], #32
	ldp q8, q9, [x1], #32
	ldp q10, q11, [x1], #32
	ldp q12, q13, [x1], #32
	ldp q14, q15, [x1], #32
	ldp q16, q17, [x1], #32
	ldp q18, q19, [x1], #32
	ldp q20, q21, [x1], #32
	ldp q22, q23, [x1], #32
	ldp q24, q25, [x1], #32
	ldp q26, q27, [x1], #32
	ldp q28, q29, [x1], #32
	ldp q30, q31, [x1], #32
	ldp x2, x3, [x0, #16]
	ldp x4, x5, [x0, #32]
	ldp x6, x7, [x0, #48]
	ldp x8, x9, [x0, #64]
	ldp x10, x11, [x0, #80]
	ldp x12, x13, [x0, #96]
	ldp x14, x15, [x0, #112]
	ldp x16, x17, [x0, #128]
	ldp x18, x19, [x0, #144]
	ldp x20, x21, [x0, #160]
	ldp x22, x23, [x0, #176]
	ldp x24, x25, [x0, #192]
	ldp x26, x27, [x0, #208]
	ldp x28, x29, [x0, #224]
	ldr x30, [x0, #240]
	ldp x0, x1, [x0]
	b insn_slot
insn_return:
	msr tpidr_el0, x0
	load_from x0, insn_state
	str x1, [x0, #8]
	mrs x1, tpidr_el0
	str x1, [x0]
	stp x2, x3, [x0, #16]
	stp x4, x5, [x0, #32]
	stp x6, x7, [x0, #48]
	stp x8, x9, [x0, #64]
	stp x10, x11, [x0, #80]
	stp x12, x13, [x0, #96]
	stp x14, x15, [x0, #112]
	stp x16, x17, [x0, #128]
	stp x18, x19, [x0, #144]
	stp x20, x21, [x0, #160]
	stp x22, x23, [x0, #176]
	stp x24, x25, [x0, #192]
	stp x26, x27, [x0, #208]
	stp x28, x29, [x0, #224]
	str x30, [x0, #240]
	mov x1, sp
	mrs x2, nzcv
	stp x1, x2, [x0, #248]
	mrs x1, fpcr
	mrs x2, fpsr
	stp x1, x2, [x0, #264]
	add x1, x0, #288
	stp q0, q1, [x1], #32
	stp q2, q3, [x1], #32
	stp q4, q5, [x1], #32
	stp q6, q7, [x1], #32
	stp q8, q9, [x1], #32
	stp q10, q11, [x1], #32
	stp q12, q13, [x1], #32
	stp q14, q15, [x1], #32
	stp q16, q17, [x1], #32
	stp q18, q19, [x1], #32
	stp q20, q21, [x1], #32
	stp q22, q23, [x1], #32
	stp q24, q25, [x1], #32
	stp q26, q27, [x1], #32
	stp q28, q29, [x1], #32
	stp q30, q31, [x1], #32
insn_abandon:
	load_from x0, insn_thread
	msr tpidr_el0, x0
	msr fpcr, xzr
	load_from x0, insn_stack
	mov sp, x0
	ldp x19, x20, [sp, #16]
	ldp x21, x22, [sp, #32]
	ldp x23, x24, [sp, #48]
	ldp x25, x26, [sp, #64]
	ldp x27, x28, [sp, #80]
	ldp d8, d9, [sp, #96]
	ldp d10, d11, [sp, #112]
	ldp d12, d13, [sp, #128]
	ldp d14, d15, [sp, #144]
	ldp x29, x30, [sp], #160
	ret
// On a page of its own, as an emulator translates a page again after it was written; at INSN_SLOT,
// by the linker's command line.
	.section .insn_slot, "ax", %progbits
	.balign 4096
insn_slot:
	.rept 8
	nop
	.endr
	b insn_return
	.balign 4096
	.section .note.GNU-stack,"",%progbits
