// SPDX-License-Identifier: GPL-3.0-or-later
// A decoded A64 instruction, and how the interpreter's handlers are chained.
//
// decode.inc has one row per instruction: A64_INSN (ID, MASK, VALUE, FORMAT, FLAGS). A word w is
// that instruction when (w & MASK) == VALUE and a64_fmt_FORMAT (w, op) says true; the format
// function extracts the operands and refuses reserved field combinations. From the rows the
// preprocessor makes: the A64_ID enum, the decode tree (at build time), the handler table
// (a64_interp_ID), the names, and the lists the tests and fuzzers walk.
#pragma once

#include "engine/structs/types.h"

typedef struct A64Cpu A64Cpu;
typedef struct A64Op A64Op;

// Executes one decoded instruction and goes on to the next with A64_NEXT, or returns to leave the
// block: after a branch (cpu->pc set) or after an exception was raised (exception.h).
typedef void (*A64Handler) (A64Cpu *cpu, const A64Op *op);

// Register operands are indices into cpu->x: 0..30, A64_SP, A64_ZR (reads 0) or A64_SINK (writes
// vanish). The format function chooses between SP and ZR/SINK as the instruction defines, so that
// handlers never test for 31. For V registers they are 0..31. 32 bytes: two to a cache line.
struct A64Op {
  A64Handler fn;
  int64_t imm;            // immediate, already shifted/decoded (bitmask immediates, offsets)
  uint32_t insn;          // the word itself
  uint16_t id;            // A64_<ID>
  uint16_t pc_off;        // offset of the instruction in its 4 KiB page of virtual addresses
  uint8_t rd, rn, rm, ra; // also Rt, Rn, Rs/Rm, Rt2/Ra
  uint8_t aux[4];         // format-specific small fields
};

enum {
  A64_SP = 31,
  A64_ZR = 32,
  A64_SINK = 33,
  A64_N_X = 34,
};

// Row flags.
enum {
  A64_F_FP = 1u << 0,     // traps when CPACR_EL1.FPEN forbids FP/SIMD at the current EL
  A64_F_END = 1u << 1,    // last of its block: branches, exception generation and return, anything
                          // that may change what the following instructions mean
  A64_F_MEM = 1u << 2,    // reads or writes memory through a register address
  A64_F_BRANCH = 1u << 3, // a conditional branch: the block goes on where it is not taken. rm is
                          // how many instructions of the block follow it, ra whether its target
                          // is one of them (set when the block is decoded)
};

// A sibling call in optimised builds; blocks are short enough for a plain call otherwise.
#define A64_NEXT(cpu, op)                                                                          \
  do {                                                                                             \
    (op)[1].fn ((cpu), (op) + 1);                                                                  \
    return;                                                                                        \
  } while (0)
