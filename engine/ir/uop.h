// SPDX-License-Identifier: GPL-3.0-or-later
// The intermediate representation of the translator: a list of register-machine instructions,
// uops, that name guest registers directly. A guest's translate-*.c makes them from decoded
// instructions, a host's lower-*.c makes host code of them, eval.c carries them out as reference.
// Plain data; a region is built, used and dropped by one vCPU thread.
//
// General registers: 0..30, SP, a zero register that reads 0, a sink whose writes vanish, and
// temporaries that live within one guest instruction. Vector registers: 0..31 and temporaries.
#pragma once

#include "engine/structs/types.h"

enum {
  IR_SP = 31,
  IR_ZERO = 32,
  IR_SINK = 33,
  IR_TEMP = 34, // and the next
  IR_N_TEMPS = 2,
  IR_N_REGS = IR_TEMP + IR_N_TEMPS,
  IR_VTEMP = 32,
  IR_N_VTEMPS = 4,
  IR_N_VREGS = IR_VTEMP + IR_N_VTEMPS,
  IR_PAGE_BITS = 12,
  IR_PAGE_SIZE = 1 << IR_PAGE_BITS,
  IR_MAX_INSNS = 256, // of a region
  IR_MAX_UOPS = 2048,
  IR_MAX_LABELS = 160,
};

// What a uop may do (IR_UOP's third argument).
enum {
  IR_FIN = 1u << 0,     // reads NZCV
  IR_FOUT = 1u << 1,    // writes all of NZCV
  IR_MEM = 1u << 2,     // may fault, before it changed anything
  IR_STORE = 1u << 3,   // writes memory
  IR_END = 1u << 4,     // never goes on to the next uop
  IR_CALL = 1u << 5,    // tier 0 sees and changes the whole state
  IR_VEC = 1u << 6,     // d, a, b, c are vector registers where the shape has a V
  IR_RMW = 1u << 7,     // d is read, too
  IR_TIER0 = 1u << 8,   // imm: a decoded instruction with the same effect, as INTERP has
  IR_FLOW = 1u << 9,    // other uops lead here, or it leads elsewhere: as the shape says
  IR_BASED = 1u << 10,  // an access at a constant offset from the general register a: likewise
  IR_SETS_D = 1u << 11, // writes the general register d: likewise
};

// Flags of one uop.
enum {
  UOP_W64 = 1u << 0,
  UOP_FIRST = 1u << 1,      // the first of its guest instruction
  UOP_LOCAL = 1u << 2,      // its target is a label
  UOP_LOOP = 1u << 3,       // LABEL: a jump backwards leads here
  UOP_FLAGS_LIVE = 1u << 4, // NZCV is used after it (live.c)
  UOP_Q = 1u << 5,          // vector: 128 bits, else 64
  UOP_SCALAR = 1u << 6,     // vector: the lowest element, zero above
  UOP_BASE_AGAIN =
      1u << 7, // IR_BASED: in its straight stretch another off the same base may follow
};

typedef enum IrShift { IR_LSL, IR_LSR, IR_ASR, IR_ROR } IrShift;
typedef enum IrExtend {
  IR_UXTB,
  IR_UXTH,
  IR_UXTW,
  IR_UXTX,
  IR_SXTB,
  IR_SXTH,
  IR_SXTW,
  IR_SXTX,
} IrExtend;

// In the order of the Arm ARM (C1.2.4), pairs of opposites.
typedef enum IrCond {
  IR_EQ,
  IR_NE,
  IR_CS,
  IR_CC,
  IR_MI,
  IR_PL,
  IR_VS,
  IR_VC,
  IR_HI,
  IR_LS,
  IR_GE,
  IR_LT,
  IR_GT,
  IR_LE,
  IR_AL,
  IR_NV, // always, too
} IrCond;

// aux2 of memory uops.
enum {
  IR_MEM_SIGNED = 1u << 0,  // sign-extends to the width of d (UOP_W64)
  IR_MEM_ALIGNED = 1u << 1, // faults when not aligned to the size
  IR_MEM_RELEASE = 1u << 2, // store: a fence follows (sequentially consistent)
  IR_MEM_UNPRIV = 1u << 3,  // with EL0's rights
};

// How a number is rounded to an integer: aux2 of floating-point uops.
typedef enum IrRounding {
  IR_ROUND_NEAREST, // ties to even
  IR_ROUND_DOWN,
  IR_ROUND_UP,
  IR_ROUND_ZERO,
  IR_ROUND_AWAY,          // to the nearest, ties away from zero
  IR_ROUND_EXACT = 8,     // bit: FRINT: being inexact counts
  IR_ROUND_UNSIGNED = 16, // bit: to or from unsigned integers
} IrRounding;

// How arithmetic is done: JitRequest.fp_mode. An IrRounding up to IR_ROUND_ZERO, and
enum {
  IR_FP_ROUNDING = 3,    // these bits
  IR_FP_FLUSH = 1u << 2, // denormal operands and results are zero
};

// Other aux2 of floating-point uops.
enum {
  IR_FMA_NEG_PRODUCT = 1u << 0,
  IR_FMA_NEG_ADDEND = 1u << 1,
  IR_FCMP_SIGNALS = 1u << 4, // quiet NaNs are invalid, too
};

// aux2 of VCMP and VCMP0, VHALVE, VQXTN, VSQDMLAL, SHA1R.
typedef enum IrSha1 { IR_SHA1_CHOOSE, IR_SHA1_PARITY, IR_SHA1_MAJORITY } IrSha1;
typedef enum IrVCmp { IR_VEQ, IR_VGT, IR_VGE, IR_VHI, IR_VHS, IR_VTST, IR_VLE, IR_VLT } IrVCmp;
enum {
  IR_VHALVE_SUB = 1u << 0,
  IR_VHALVE_SIGNED = 1u << 1,
  IR_VHALVE_ROUND = 1u << 2,
};
enum {
  IR_VQXTN_HIGH = 1u << 0,
  IR_VQXTN_FROM_SIGNED = 1u << 1,
  IR_VQXTN_TO_SIGNED = 1u << 2,
};
enum {
  IR_VQDMLAL_HIGH = 1u << 0,
  IR_VQDMLAL_SUB = 1u << 1,
};

typedef enum IrOp {
#define IR_UOP(name, shape, properties, meaning) UOP_##name,
#include "engine/ir/uop-fp.inc"
#include "engine/ir/uop-simd.inc"
#include "engine/ir/uop-vec.inc"
#include "engine/ir/uop.inc"
#undef IR_UOP
  UOP_N,
} IrOp;

// Which fields a uop uses. R: general, V: vector registers.
typedef enum IrShape {
  IR_SHAPE_NONE,
  IR_SHAPE_R1,  // a
  IR_SHAPE_RI,  // d, imm
  IR_SHAPE_R2,  // d, a
  IR_SHAPE_R2I, // d, a, imm (aux, aux2)
  IR_SHAPE_R2B, // d, a, aux, aux2
  IR_SHAPE_R3,  // d, a, b
  IR_SHAPE_R3S, // and a shift
  IR_SHAPE_R3X, // and an extension
  IR_SHAPE_R3B, // and aux, aux2
  IR_SHAPE_R4,  // d, a, b, c
  IR_SHAPE_MEM,
  IR_SHAPE_MEMX,
  IR_SHAPE_MEMPC,
  IR_SHAPE_MEM2,
  IR_SHAPE_AMO,
  IR_SHAPE_LABEL,
  IR_SHAPE_TARGET,
  IR_SHAPE_TARGET_R,
  IR_SHAPE_INTERP,
  IR_SHAPE_STATE,
  // Vector uops: engine/ir/uop-vec.inc.
  IR_SHAPE_VMEM,   // V d, general base a, imm
  IR_SHAPE_VMEMX,  // V d, general base a and index b
  IR_SHAPE_VMEMPC, // V d, imm
  IR_SHAPE_VMEM2,  // V d, c, general base a, imm
  IR_SHAPE_V2,     // V d, a (aux, aux2, imm)
  IR_SHAPE_V3,     // V d, a, b (aux, aux2, imm)
  IR_SHAPE_V4,     // V d, a, b, c
  IR_SHAPE_V0F,    // V a, b to NZCV
  IR_SHAPE_VI,     // V d, imm
  IR_SHAPE_RV,     // general d, V a
  IR_SHAPE_VR,     // V d, general a
} IrShape;

typedef struct Uop {
  uint16_t op; // IrOp
  uint8_t d, a, b, c;
  uint8_t aux, aux2;
  uint16_t pc_off; // of the guest instruction, in its page
  uint16_t flags;  // UOP_*
  uint32_t spare;
  int64_t imm;
} Uop;

// Small: translating reads it for each uop, a few times.
typedef struct IrInfo {
  uint8_t shape;
  uint16_t properties;
} IrInfo;

extern const IrInfo ir_info[UOP_N];
extern const char *const ir_names[UOP_N];

// A piece of straight guest code a region was made of.
typedef struct IrSpan {
  uint16_t offset; // in the page, bytes
  uint16_t bytes;
} IrSpan;

// The code reachable from one entry inside one page. Big: kept and reused by its owner.
typedef struct IrRegion {
  uint16_t entry; // offset in the page
  unsigned n_uops, n_labels, n_insns, n_spans;
  bool overflow;                    // something did not fit; the region is not to be used
  uint16_t label_pc[IR_MAX_LABELS]; // offset of a label in the page
  bool label_live[IR_MAX_LABELS];   // NZCV is used behind it (live.c)
  IrSpan spans[IR_MAX_LABELS];
  Uop uops[IR_MAX_UOPS];
} IrRegion;

// Appends; the caller fills what the shape needs. Never NULL: when the region is full it is marked
// and the last slot is given again.
static inline Uop *
ir_append (IrRegion *region, IrOp op)
{
  Uop *uop = &region->uops[region->n_uops];

  if (region->n_uops + 1 < IR_MAX_UOPS)
    region->n_uops++;
  else
    region->overflow = true;
  *uop = (Uop){.op = (uint16_t) op};
  return uop;
}

// How d, a, b and c are used, a letter each: - not at all, r read, w written, m both; capital letters
// are vector registers.
void ir_operands (const Uop *uop, char use[4]);
// sink.c: brings comparisons to their uses, before live flags are found.
void ir_sink_comparisons (IrRegion *region);
// live.c: sets UOP_FLAGS_LIVE and label_live, and UOP_BASE_AGAIN. Where the region is left NZCV is
// live.
void ir_find_live_flags (IrRegion *region);
// verify.c: NULL, or what is wrong (static text). *at: the uop.
const char *ir_verify (const IrRegion *region, unsigned *at);
// print.c: one line a uop.
void ir_print_uop (const Uop *uop, char *text, unsigned size);
