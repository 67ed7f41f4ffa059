// SPDX-License-Identifier: GPL-3.0-or-later
// What C cannot say of the bare-metal guest with several CPUs: the arm64 Image header, entry of
// the first and the other CPUs with the MMU on, and the vectors.
        .arch   armv8.2-a
        .equ    STACK_BYTES, 8192

        .section .head, "ax"
        .global _start
_start: b       entry
        .word   0
        .quad   0               // text_offset
        .quad   _end - _start   // image_size
        .quad   0xa             // little endian, 4 KiB pages, anywhere
        .quad   0, 0, 0
        .ascii  "ARM\x64"
        .word   0

        .text
entry:  ldr     x0, =__bss_start
        ldr     x1, =__bss_end
1:      cmp     x0, x1
        b.hs    2f
        str     xzr, [x0], #8
        b       1b
2:      bl      make_tables
        mov     x0, #0
        bl      set_up
        mov     x0, #0
        bl      first_main
        b       .

// Entered by PSCI CPU_ON with the number of the CPU in x0.
        .global other_entry
other_entry:
        bl      set_up
        bl      other_main
        movz    x0, #0x8400, lsl #16    // CPU_OFF
        movk    x0, #2
        hvc     #0
        b       .

// x0, kept: which CPU. Runs on no stack, leaves with one. 39-bit addresses, both shareable.
set_up: ldr     x1, =stacks + STACK_BYTES
        mov     x2, #STACK_BYTES
        madd    x1, x0, x2, x1
        mov     sp, x1
        msr     tpidr_el1, x0
        ldr     x1, =vectors
        msr     vbar_el1, x1
        mov     x1, #0xff00             // Attr0: Device-nGnRnE, Attr1: Normal, write-back
        msr     mair_el1, x1
        ldr     x1, =0x500803519        // T0SZ 25, WB WA inner shareable, EPD1, 40-bit output
        msr     tcr_el1, x1
        ldr     x1, =level1
        msr     ttbr0_el1, x1
        isb
        tlbi    vmalle1
        dsb     ish
        isb
        mrs     x1, sctlr_el1
        mov     x2, #0x1005             // M, C, I
        orr     x1, x1, x2
        msr     sctlr_el1, x1
        isb
        ret

        .macro  vector to
        .balign 0x80
        sub     sp, sp, #192
        stp     x0, x1, [sp]
        stp     x30, x18, [sp, #16]
        mov     x1, #(. - vectors)
        b       \to
        .endm

        .balign 0x800
vectors:
        .irp    number, 0, 1, 2, 3
        vector  stray
        .endr
        vector  fault
        vector  interrupt
        .irp    number, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        vector  stray
        .endr

        .macro  save
        stp     x2, x3, [sp, #32]
        stp     x4, x5, [sp, #48]
        stp     x6, x7, [sp, #64]
        stp     x8, x9, [sp, #80]
        stp     x10, x11, [sp, #96]
        stp     x12, x13, [sp, #112]
        stp     x14, x15, [sp, #128]
        stp     x16, x17, [sp, #144]
        mrs     x2, elr_el1
        mrs     x3, spsr_el1
        stp     x2, x3, [sp, #160]
        .endm

fault:  save
        mrs     x0, esr_el1
        mrs     x1, far_el1
        bl      on_fault
        b       leave
interrupt:
        save
        bl      on_interrupt
leave:  ldp     x2, x3, [sp, #160]
        msr     elr_el1, x2
        msr     spsr_el1, x3
        ldp     x2, x3, [sp, #32]
        ldp     x4, x5, [sp, #48]
        ldp     x6, x7, [sp, #64]
        ldp     x8, x9, [sp, #80]
        ldp     x10, x11, [sp, #96]
        ldp     x12, x13, [sp, #112]
        ldp     x14, x15, [sp, #128]
        ldp     x16, x17, [sp, #144]
        ldp     x30, x18, [sp, #16]
        ldp     x0, x1, [sp]
        add     sp, sp, #192
        eret
stray:  mrs     x0, esr_el1
        mrs     x1, far_el1
        mrs     x2, elr_el1
        bl      on_stray
        b       .

        .bss
        .balign 16
stacks: .skip   STACK_BYTES * 8
