// SPDX-License-Identifier: GPL-3.0-or-later
// The outside judge of the encoder's tests: collects instructions with the text they should
// disassemble to, has objdump say what they are, and has as say how short they could be.
#pragma once

#include <glib.h>

#include "engine/host/x86_64/asm.h"

typedef struct JudgeInsn {
  unsigned offset;  // in the code
  bool long_for_as; // as rewrites this one
  char *text;       // what it should be
} JudgeInsn;

typedef struct Judge {
  X64Asm a;
  uint8_t *code;
  GArray *insns; // JudgeInsn, without gaps
  unsigned seen; // where the last one ends
  const char *objdump, *as;
} Judge;

void judge_init (Judge *judge, const char *objdump, const char *as);
void judge_clear (Judge *judge);

// What was emitted since the last call is one instruction, and this is it in Intel syntax as
// objdump writes it, but: operands after one blank, RIP-relative addresses as [rip->0xOFFSET]
// with the offset in the code.
void judge_expect (Judge *judge, const char *format, ...) G_GNUC_PRINTF (2, 3);

// The last instruction may be longer than what as makes of it.
void judge_excuse_length (Judge *judge);

// Compares all there is; fails the test with the first few differences. Then starts anew.
void judge_decide (Judge *judge);

enum { JUDGE_CODE_BYTES = 8 << 20, JUDGE_TEXTS = 64 };

// Texts of operands; valid until JUDGE_TEXTS more were made.
const char *reg_text (unsigned bits, unsigned reg);
const char *vec_text (unsigned bytes, unsigned reg);
const char *mem_text (Judge *judge, unsigned bytes, X64Mem mem);
const char *imm_text (unsigned bits, int64_t imm);
