// SPDX-License-Identifier: GPL-3.0-or-later
// The bare-metal side of the EL1 tests that C cannot say: the arm64 Image header, entry, the
// vectors, and run_code, which executes a piece of code at EL0 or EL1 and comes back with the
// exception it ended in.
        .arch   armv8.2-a

// Trap, as in el1.h.
#define T_VECTOR 0
#define T_ESR    8
#define T_FAR    16
#define T_ELR    24
#define T_SPSR   32
#define T_X      40
#define T_SAVED  104
#define T_ARMED  208
#define T_PAN    224
#define T_UAO    232

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
entry:  adrp    x1, boot_stack_top
        add     sp, x1, :lo12:boot_stack_top
        ldr     x0, =trap_records
        bl      setup_cpu
        ldr     x0, =__bss_start
        ldr     x1, =__bss_end
1:      cmp     x0, x1
        b.hs    2f
        str     xzr, [x0], #8
        b       1b
2:      bl      program_main
        b       .

// x0: the record for exceptions. FP is on, everything else as at reset.
setup_cpu:
        msr     tpidr_el1, x0
        adrp    x1, vectors
        add     x1, x1, :lo12:vectors
        msr     vbar_el1, x1
        mov     x1, #3 << 20
        msr     cpacr_el1, x1
        isb
        ret

// Entered by PSCI CPU_ON with the function to call in x0. Its stack and record are CPU 1's.
        .global second_entry
second_entry:
        adrp    x1, second_stack_top
        add     sp, x1, :lo12:second_stack_top
        mov     x19, x0
        ldr     x0, =trap_records + 256
        bl      setup_cpu
        blr     x19
        movz    x0, #0x8400, lsl #16    // CPU_OFF
        movk    x0, #2
        hvc     #0
        b       .

// Trap *run_code (uint64_t pc, uint64_t spsr, const uint64_t x[8])
        .global run_code
run_code:
        mrs     x9, tpidr_el1
        add     x10, x9, #T_SAVED
        stp     x19, x20, [x10], #16
        stp     x21, x22, [x10], #16
        stp     x23, x24, [x10], #16
        stp     x25, x26, [x10], #16
        stp     x27, x28, [x10], #16
        stp     x29, x30, [x10], #16
        mov     x11, sp
        mov     x12, #1
        stp     x11, x12, [x10]
        msr     elr_el1, x0
        msr     spsr_el1, x1
        mov     x8, x2
        ldp     x6, x7, [x8, #48]
        ldp     x4, x5, [x8, #32]
        ldp     x2, x3, [x8, #16]
        ldp     x0, x1, [x8]
        eret

        .macro  vector number
        .balign 0x80
        msr     tpidr_el0, x0
        mov     x0, #\number * 0x80
        b       trap
        .endm

        .balign 0x800
vectors:
        .irp    number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        vector  \number
        .endr

trap:   msr     tpidrro_el0, x1
        mrs     x1, tpidr_el1
        str     x0, [x1, #T_VECTOR]
        mrs     x0, esr_el1
        str     x0, [x1, #T_ESR]
        mrs     x0, far_el1
        str     x0, [x1, #T_FAR]
        mrs     x0, elr_el1
        str     x0, [x1, #T_ELR]
        mrs     x0, spsr_el1
        str     x0, [x1, #T_SPSR]
        mrs     x0, tpidr_el0
        str     x0, [x1, #T_X]
        mrs     x0, tpidrro_el0
        str     x0, [x1, #T_X + 8]
        stp     x2, x3, [x1, #T_X + 16]
        stp     x4, x5, [x1, #T_X + 32]
        stp     x6, x7, [x1, #T_X + 48]
        mrs     x0, s3_0_c4_c2_3        // PAN
        str     x0, [x1, #T_PAN]
        mrs     x0, s3_0_c4_c2_4        // UAO
        str     x0, [x1, #T_UAO]
        ldr     x0, [x1, #T_ARMED]
        cbz     x0, unexpected
        str     xzr, [x1, #T_ARMED]
        add     x10, x1, #T_SAVED
        ldp     x19, x20, [x10], #16
        ldp     x21, x22, [x10], #16
        ldp     x23, x24, [x10], #16
        ldp     x25, x26, [x10], #16
        ldp     x27, x28, [x10], #16
        ldp     x29, x30, [x10], #16
        ldr     x11, [x10]
        mov     sp, x11
        msr     pan, #0
        mov     x0, x1
        ret

unexpected:
        adrp    x2, boot_stack_top
        add     sp, x2, :lo12:boot_stack_top
        mov     x0, x1
        bl      unexpected_trap
        b       .

        .bss
        .balign 16
        .global trap_records
trap_records:
        .skip   512
        .skip   8192
boot_stack_top:
        .skip   8192
second_stack_top:
