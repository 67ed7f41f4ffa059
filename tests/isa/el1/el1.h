// SPDX-License-Identifier: GPL-3.0-or-later
// What the EL1 test programs share. A program is a test_main that calls checks and ends; each
// check prints `ok NAME` or `FAIL NAME …`, and the end prints `DONE n`. References are to the Arm
// Architecture Reference Manual (DDI 0487) unless they name another document.
//
// Memory: the program is at 0x40200000 in a machine with 256 MiB at 0x40000000. From POOL on there
// are pages for tables and tests. Identity mapping is for EL1; EL0 runs and reads the program at
// an offset of EL0_CODE, and reads and writes all of RAM at an offset of EL0_DATA.
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define BIT(n) ((u64) 1 << (n))

// ---- system registers and instructions ------------------------------------------------------

// In two steps, so that a register's name may be a macro.
#define READ(reg) READ_ (reg)
#define READ_(reg)                                                                                 \
  ({                                                                                               \
    u64 v_;                                                                                        \
    asm volatile("mrs %0, " #reg : "=r"(v_)::"memory");                                            \
    v_;                                                                                            \
  })
#define WRITE(reg, value)  WRITE_ (reg, value)
#define WRITE_(reg, value) asm volatile("msr " #reg ", %0\n isb" ::"r"((u64) (value)) : "memory")
#define SYS(what, value)   asm volatile(what ", %0" ::"r"((u64) (value)) : "memory")
#define DO(what)           asm volatile(what::: "memory")

static inline void
sync (void)
{
  DO ("dsb sy\n isb");
}

#define MMIO32(address) (*(volatile u32 *) (u64) (address))
#define MMIO8(address)  (*(volatile u8 *) (u64) (address))
#define MMIO64(address) (*(volatile u64 *) (u64) (address))

// ---- verdicts -------------------------------------------------------------------------------

// A name from a format with %s, %d and %x; good for some calls.
const char *name (const char *format, ...);
void check (const char *what, u64 got, u64 expected);
void check_that (const char *what, bool holds);
void note (const char *format, ...); // a line that is no verdict

// ---- running code ---------------------------------------------------------------------------

typedef struct Trap {
  u64 vector, esr, far, elr, spsr;
  u64 x[8];
  u64 saved[13], armed; // start.S
  u64 at;               // ELR - address of the code
  u64 pan, uao;         // PSTATE at the vector
} Trap;

// Defines a piece of code; unless it is left by an exception, it ends in `svc #0xfff0`.
#define CODE(label, ...)                                                                           \
  asm(".pushsection .snippets, \"ax\"\n .balign 4\n" #label ":\n" __VA_ARGS__                      \
      "\n svc #0xfff0\n .popsection");                                                             \
  extern const u32 label[]

enum {
  ESR_END = 0x5600fff0, // the code ran to its end
  EL0 = 0x3c0,          // SPSR values: everything masked
  EL1T = 0x3c4,
  EL1H = 0x3c5,
  SPSR_SS = 1 << 21,
  SPSR_IL = 1 << 20,
  SPSR_PAN = 1 << 22,
  SPSR_UAO = 1 << 23,
  SPSR_D = 1 << 9,
  SPSR_I = 1 << 7,
  SPSR_F = 1 << 6,
  FROM_EL1T = 0x000, // vectors
  FROM_EL1H = 0x200,
  FROM_EL0 = 0x400,
  IRQ = 0x80,
  FIQ = 0x100,
};

// x0 to x7 are what `run` was given, the others zero.
const Trap *run (const u32 *code, u64 spsr, u64 x0, u64 x1);
const Trap *run_at (u64 pc, u64 spsr, u64 x0, u64 x1);
// Where `code` is for EL0.
u64 el0_address (const void *p);
u64 el0_data (const void *p);

// The trap came through `vector` with this syndrome, `at` bytes into the code.
void check_trap (const char *what, const Trap *t, u64 vector, u64 esr, u64 at);
// The same and FAR_EL1.
void check_fault (const char *what, const Trap *t, u64 vector, u64 esr, u64 at, u64 far);
void check_end (const char *what, const Trap *t);

enum {
  EC_SHIFT = 26,
  IL = 1 << 25,
  WNR = 1 << 6,
  CM = 1 << 8,
};
#define ESR(ec, iss) ((u64) (ec) << EC_SHIFT | IL | (iss))

// ---- translation ----------------------------------------------------------------------------

#define EL0_CODE  0x40000000u
#define EL0_DATA  0x80000000u
#define POOL      0x44000000u // tables
#define PAGES     0x48000000u // for the tests
#define PAGES_END 0x4f000000u

// Descriptor bits.
enum {
  D_VALID = 1,
  D_TABLE = 3, // and a page
  D_BLOCK = 1,
  D_DEVICE = 0 << 2, // MAIR indices
  D_NORMAL = 1 << 2,
  D_DEVICE_GRE = 2 << 2,
  D_NC = 3 << 2,
  D_EL0 = 1 << 6, // AP[1]
  D_RO = 1 << 7,  // AP[2]
  D_SH_INNER = 3 << 8,
  D_AF = 1 << 10,
  D_NG = 1 << 11,
};
#define D_DBM      BIT (51)
#define D_PXN      BIT (53)
#define D_UXN      BIT (54)
#define DT_PXN     BIT (59) // in tables
#define DT_UXN     BIT (60)
#define DT_NO_EL0  BIT (61)
#define DT_RO      BIT (62)
#define D_RAM      (D_NORMAL | D_SH_INNER | D_AF)
#define MAIR_VALUE 0x4404ff00u // from index 0: Device-nGnRnE, Normal, Device-nGnRE, Normal-NC

typedef struct Space {
  unsigned page_bits, va_bits;
  u64 *root;
} Space;

enum {
  SCTLR_M = 1 << 0,
  SCTLR_A = 1 << 1,
  SCTLR_C = 1 << 2,
  SCTLR_SA = 1 << 3,
  SCTLR_SA0 = 1 << 4,
  SCTLR_UMA = 1 << 9,
  SCTLR_I = 1 << 12,
  SCTLR_DZE = 1 << 14,
  SCTLR_UCT = 1 << 15,
  SCTLR_NTWI = 1 << 16,
  SCTLR_NTWE = 1 << 18,
  SCTLR_WXN = 1 << 19,
  SCTLR_SPAN = 1 << 23,
  SCTLR_UCI = 1 << 26,
  SCTLR_ON = SCTLR_M | SCTLR_C | SCTLR_I | SCTLR_SA | SCTLR_SA0 | SCTLR_SPAN | SCTLR_NTWI |
             SCTLR_NTWE | SCTLR_UCI | SCTLR_UCT | SCTLR_DZE,
  SCTLR_RES1 = 0x30500980,
};
#define TCR_HA    BIT (39)
#define TCR_HD    BIT (40)
#define TCR_TBI0  BIT (37)
#define TCR_TBI1  BIT (38)
#define TCR_AS    BIT (36)
#define TCR_EPD0  BIT (7)
#define TCR_EPD1  BIT (23)
#define TCR_A1    BIT (22)
#define TCR_E0PD0 BIT (55)
#define TCR_E0PD1 BIT (56)

u64 *pool_table (unsigned bytes); // zeroed, aligned to its size
u64 page_new (void);              // 64 KiB, zeroed, physical
void space_init (Space *space, unsigned page_bits, unsigned va_bits, bool identity);
unsigned level_shift (const Space *space, unsigned level);
unsigned start_level (const Space *space);
// The descriptor of `va` at `level`; tables above it are made. A table that would replace a block
// is a mistake of the test.
u64 *entry_at (const Space *space, u64 va, unsigned level);
void map (const Space *space, u64 va, u64 pa, unsigned level, u64 bits);
// TCR_EL1 for these; `high` may be NULL (then EPD1 is set).
u64 tcr_for (const Space *low, const Space *high);
void mmu_on (const Space *low, const Space *high, u64 more_tcr, u64 more_sctlr);
void mmu_off (void);
void sctlr_set (u64 set, u64 clear);
void flush_tlb (void); // all of it

extern Space low_space; // as start_mmu made it
void start_mmu (void);  // 4 KiB pages, 48 bits, TTBR0 only

// ---- PSCI and the second CPU ----------------------------------------------------------------

u64 hvc (u64 function, u64 a, u64 b, u64 c);
bool second_start (void (*fn) (void)); // MMU off; CPU_ON's success
void second_wait_off (void);
// Waits until *word is `value`, at most about a second.
bool wait_for (volatile u32 *word, u32 value);
u64 counter (void);
u64 counter_frequency (void);
void delay_us (unsigned us);
