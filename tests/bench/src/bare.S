// SPDX-License-Identifier: GPL-3.0-or-later
/* Bare metal for an Arm "virt" board: one line on the PL011, then PSCI SYSTEM_OFF.
 * Doubles as a flat Image (64-byte arm64 header) and as an ELF. */
        .global _start
_start: b       1f
        .word   0
        .quad   0x80000         /* text_offset */
        .quad   _end - _start   /* image_size */
        .quad   0xa             /* flags: little endian, 4K */
        .quad   0, 0, 0
        .ascii  "ARM\x64"
        .word   0
1:      mov     x1, #0x09000000
        adr     x2, msg
2:      ldrb    w3, [x2], #1
        cbz     w3, 3f
        str     w3, [x1]
        b       2b
3:      movz    w0, #0x8400, lsl #16
        movk    w0, #8          /* SYSTEM_OFF */
        hvc     #0
4:      wfi
        b       4b
msg:    .asciz  "BARE-UP\n"
        .align  4
_end:
