// SPDX-License-Identifier: GPL-3.0-or-later
// From A64 code to uops (engine/ir/uop.h): what is reachable from one entry inside a 4 KiB page.
//
// translate.c finds the instructions and forms the region; one row of translate-*.inc per
// instruction of the decode table says how it becomes uops. What has no row is carried out by
// tier 0. Runs on the vCPU's thread; touches nothing but its arguments.
#pragma once

#include "engine/guest/aarch64/cpu.h"
#include "engine/ir/uop.h"

// What translated code depends on beside the words: code is only valid for the key it was made
// with. Nothing inside a region changes it: what may ends the region.
typedef struct A64TranslateKey {
  uint8_t el;       // 0 or 1
  bool sp_sel;      // PSTATE.SP: at EL1, SP_EL0 is a register beside SP
  bool uao;         // PSTATE.UAO: LDTR and STTR have the rights of EL1
  bool fp_trapped;  // FP and SIMD instructions trap
  bool fp_tier0;    // FP arithmetic is tier 0's
  bool half_tier0;  // conversions from and to half precision are
  uint8_t fp_mode;  // IR_FP_*: FZ and RMode of FPCR
  bool smp;         // more than one CPU
  bool count;       // instructions are counted
  uint8_t features; // A64_FEATURE_*
} A64TranslateKey;

// FPCR.DN changes only what tier 0 is asked for anyway, FZ16 what is all its.
static inline uint8_t
a64_translate_fp_mode (unsigned rounding, bool flush)
{
  static const uint8_t of_softfp[] = {
      [SOFTFP_NEAREST_EVEN] = IR_ROUND_NEAREST,
      [SOFTFP_UP] = IR_ROUND_UP,
      [SOFTFP_DOWN] = IR_ROUND_DOWN,
      [SOFTFP_ZERO] = IR_ROUND_ZERO,
  };

  return (uint8_t) (of_softfp[rounding & 3] | (flush ? IR_FP_FLUSH : 0));
}

// An instruction for tier 0 and what follows it there, with one of A64Region's handlers.
typedef struct A64TranslatedOp {
  A64Op op[2];
} A64TranslatedOp;

enum { A64_N_WORDS = IR_PAGE_SIZE / 4 };

// What is known of a word of the page.
enum {
  A64_WORD_IN_REGION = 1u << 0,
  A64_WORD_JUMPED_TO = 1u << 1,
  A64_WORD_HAS_LABEL = 1u << 2,
};

// A region and its instructions for tier 0: INTERP's imm is an index of ops. Big (about 90 KiB):
// kept and reused by its owner.
typedef struct A64Region {
  IrRegion ir;
  A64Handler goes_on, ends; // of the owner: what follows an instruction of tier 0; INTERP_END
  unsigned n_ops;
  A64TranslatedOp ops[IR_MAX_INSNS];
  // Of translate.c.
  unsigned n_decoded;
  A64Op decoded[IR_MAX_INSNS];       // all of its instructions, in the order of the uops
  uint8_t words[A64_N_WORDS];        // A64_WORD_*
  uint8_t labels[A64_N_WORDS];       // number, where the word has one
  uint16_t label_uop[IR_MAX_LABELS]; // where the LABEL is, + 1; 0: not yet
} A64Region;

// Code of the page that was translated before and can be jumped to.
typedef struct A64Elsewhere {
  const uint64_t *places; // a bit for each word, or NULL
  bool always;            // even where it would take but a few instructions to have it here, too
} A64Elsewhere;

// Decodes and translates what is reachable from `offset` in the 4 KiB page at `page` (host
// address), at most max_insns instructions, and finds the live flags. Each word is read once. False
// when it did not fit, which does not happen to any code within the limits of IrRegion.
bool a64_translate_region (A64Region *region, const A64TranslateKey *key, const uint8_t *page,
                           unsigned offset, unsigned max_insns);
// The same without what is elsewhere.
bool a64_translate_rest (A64Region *region, const A64TranslateKey *key, const uint8_t *page,
                         unsigned offset, unsigned max_insns, const A64Elsewhere *elsewhere);
