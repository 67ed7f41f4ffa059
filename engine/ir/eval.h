// SPDX-License-Identifier: GPL-3.0-or-later
// The meaning of uops: carries a region out, one uop at a time, on a state that is not a CPU's.
// Slow and plain; a reference for tests of translators and of host code. Any thread, the state is
// the caller's.
#pragma once

#include "engine/ir/uop.h"

typedef struct IrEval IrEval;

// How the surroundings are reached. False (NULL): a fault; nothing was changed.
typedef struct IrEvalOps {
  // All n_bytes (two registers' for pairs) at once or not at all; the uop says how.
  bool (*load) (IrEval *e, const Uop *uop, uint64_t va, unsigned n_bytes, void *data);
  bool (*store) (IrEval *e, const Uop *uop, uint64_t va, unsigned n_bytes, const void *data);
  // Memory to be changed in place, aligned.
  void *(*rmw) (IrEval *e, const Uop *uop, uint64_t va, unsigned n_bytes);
  // The base is SP and not aligned to 16 bytes.
  bool (*check_sp) (IrEval *e, const Uop *uop);
  // Carries instruction imm out on e; false: it did not go on to the next. Floating-point uops
  // (IR_TIER0) have no other meaning.
  bool (*interp) (IrEval *e, const Uop *uop);
} IrEvalOps;

typedef union IrVector {
  uint8_t b[16];
  uint16_t h[8];
  uint32_t s[4];
  uint64_t d[2];
} IrVector;

struct IrEval {
  uint64_t x[IR_N_REGS]; // ZERO and SINK are not looked at
  IrVector v[IR_N_VREGS];
  uint32_t nzcv; // bits 31:28
  uint64_t page; // address of the page
  uint8_t *cpu, *sys;
  struct {
    bool valid;
    uint8_t n_bytes;
    const void *at;
    uint64_t value;
  } monitor;
  bool spoils_flags; // flags that are not live are spoilt, to find those that are
  const IrEvalOps *ops;
  void *opaque;
};

typedef enum IrEvalEnd {
  IR_EVAL_LEFT,   // for pc
  IR_EVAL_FAULT,  // of the instruction at pc
  IR_EVAL_TIER0,  // it went elsewhere
  IR_EVAL_STEPS,  // max_insns were begun, at the label of a loop
  IR_EVAL_UNKNOWN // no meaning is known of the uop
} IrEvalEnd;

typedef struct IrEvalResult {
  IrEvalEnd end;
  uint64_t pc;
  unsigned at;      // the uop
  uint64_t n_insns; // begun
  bool flags_live;  // NZCV is what it would be; it always is where the region is left
} IrEvalResult;

IrEvalResult ir_eval (IrEval *e, const IrRegion *region, uint64_t max_insns);

// ---- for the files of meanings --------------------------------------------------------------

static inline uint64_t
ir_eval_get (const IrEval *e, unsigned r)
{
  return r == IR_ZERO ? 0 : e->x[r];
}

static inline void
ir_eval_set (IrEval *e, unsigned r, uint64_t value)
{
  if (r != IR_SINK)
    e->x[r] = value;
}

// Whether a condition (IrCond) holds.
bool ir_eval_condition (const IrEval *e, unsigned condition);
// eval-int.c: uops of general registers alone. False: it is none.
bool ir_eval_integer (IrEval *e, const Uop *uop);
// eval-simd.c: lanes of integers. False: it is none of these.
bool ir_eval_simd (IrEval *e, const Uop *uop);
