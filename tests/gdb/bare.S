// SPDX-License-Identifier: GPL-3.0-or-later
/* Bare metal to be looked at with gdb: counts in memory and in registers, then PSCI SYSTEM_OFF. */
        .global _start
_start: b       1f
        .word   0
        .quad   0x80000         /* text_offset */
        .quad   _end - _start   /* image_size */
        .quad   0xa             /* flags: little endian, 4K */
        .quad   0, 0, 0
        .ascii  "ARM\x64"
        .word   0
1:      mov     x0, #3 << 20    /* FP and SIMD do not trap */
        msr     cpacr_el1, x0
        isb
        mov     x19, #5
        adr     x20, counter
loop:   ldr     x0, [x20]
        add     x0, x0, #1
store:  str     x0, [x20]
after:  fmov    d1, #1.5
        bl      callee
        subs    x19, x19, #1
        b.ne    loop
done:   movz    w0, #0x8400, lsl #16
        movk    w0, #8          /* SYSTEM_OFF */
        hvc     #0
2:      wfi
        b       2b
callee: add     x1, x1, #2
        ret
        .align  3
counter: .quad  41
_end:
