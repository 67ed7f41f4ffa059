// SPDX-License-Identifier: GPL-3.0-or-later
// cpu-features: pauth,bti
// Pointer authentication (D8.10): what is signed comes back for every key and form, and for nothing
// else; XPAC strips; a code is the same each time. Codes differ between implementations, so none is
// written here. With FEAT_FPAC a wrong code faults (EC 0x1c); without, the pointer is no address.
#include "el1.h"

#define SCTLR_KEYS (BIT (31) | BIT (30) | BIT (27) | BIT (13)) // EnIA, EnIB, EnDA, EnDB
#define POINTER    0x0000123456789ab0u
#define HIGH       0xffffffb456789ab0u // 39 bits
#define MODIFIER   0x1122334455667788u

enum { IA, IB, DA, DB, N_KEYS };

#define ISAR1 READ (id_aa64isar1_el1)
#define ISAR2 READ (s3_0_c0_c6_2)

// What the feature amounts to: API or APA, or APA3.
static unsigned
level (void)
{
  unsigned apa = ISAR1 >> 4 & 15, api = ISAR1 >> 8 & 15, apa3 = ISAR2 >> 12 & 15;

  return apa > api ? (apa > apa3 ? apa : apa3) : api > apa3 ? api : apa3;
}

static bool
faults (bool combined)
{
  return level () >= (combined ? 5 : 4);
}

// Where instructions find the pointer and the modifier, and leave the result.
typedef struct Form {
  const char *what;
  const u32 *sign, *check;
  unsigned key;
  bool zero; // the modifier is
} Form;

#define PAUTH ".arch armv8.5-a\n "
// With x0 the pointer, x1 the modifier, in and out.
#define HINT(text, pointer, modifier)                                                              \
  "mov " pointer ", x0\n mov " modifier ", x1\n " text "\n mov x0, " pointer
#define SP_FORM(text)                                                                              \
  PAUTH "mov x30, x0\n mov x2, sp\n and x1, x1, #-16\n mov sp, x1\n " text                         \
        "\n mov sp, x2\n mov x0, x30"

CODE (s_ia, PAUTH "pacia x0, x1");
CODE (s_ib, PAUTH "pacib x0, x1");
CODE (s_da, PAUTH "pacda x0, x1");
CODE (s_db, PAUTH "pacdb x0, x1");
CODE (a_ia, PAUTH "autia x0, x1");
CODE (a_ib, PAUTH "autib x0, x1");
CODE (a_da, PAUTH "autda x0, x1");
CODE (a_db, PAUTH "autdb x0, x1");
CODE (s_iza, PAUTH "paciza x0");
CODE (s_izb, PAUTH "pacizb x0");
CODE (s_dza, PAUTH "pacdza x0");
CODE (s_dzb, PAUTH "pacdzb x0");
CODE (a_iza, PAUTH "autiza x0");
CODE (a_izb, PAUTH "autizb x0");
CODE (a_dza, PAUTH "autdza x0");
CODE (a_dzb, PAUTH "autdzb x0");
CODE (s_ia1716, HINT ("pacia1716", "x17", "x16"));
CODE (s_ib1716, HINT ("pacib1716", "x17", "x16"));
CODE (a_ia1716, HINT ("autia1716", "x17", "x16"));
CODE (a_ib1716, HINT ("autib1716", "x17", "x16"));
CODE (s_iaz, "mov x30, x0\n paciaz\n mov x0, x30");
CODE (s_ibz, "mov x30, x0\n pacibz\n mov x0, x30");
CODE (a_iaz, "mov x30, x0\n autiaz\n mov x0, x30");
CODE (a_ibz, "mov x30, x0\n autibz\n mov x0, x30");
CODE (s_iasp, SP_FORM ("paciasp"));
CODE (s_ibsp, SP_FORM ("pacibsp"));
CODE (a_iasp, SP_FORM ("autiasp"));
CODE (a_ibsp, SP_FORM ("autibsp"));
CODE (x_i, PAUTH "xpaci x0");
CODE (x_d, PAUTH "xpacd x0");
CODE (x_lr, "mov x30, x0\n xpaclri\n mov x0, x30");
CODE (generic, PAUTH "pacga x0, x0, x1");

static const Form forms[] = {
    {"ia", s_ia, a_ia, IA, false},
    {"ib", s_ib, a_ib, IB, false},
    {"da", s_da, a_da, DA, false},
    {"db", s_db, a_db, DB, false},
    {"iza", s_iza, a_iza, IA, true},
    {"izb", s_izb, a_izb, IB, true},
    {"dza", s_dza, a_dza, DA, true},
    {"dzb", s_dzb, a_dzb, DB, true},
    {"ia1716", s_ia1716, a_ia1716, IA, false},
    {"ib1716", s_ib1716, a_ib1716, IB, false},
    {"iaz", s_iaz, a_iaz, IA, true},
    {"ibz", s_ibz, a_ibz, IB, true},
    {"iasp", s_iasp, a_iasp, IA, false},
    {"ibsp", s_ibsp, a_ibsp, IB, false},
};

static u64
apply (const u32 *code, u64 spsr, u64 pointer, u64 modifier)
{
  const Trap *t = run (code, spsr, pointer, modifier);

  return t->esr == ESR_END ? t->x[0] : ~t->esr;
}

// The check refuses: a fault with the key in its syndrome, or a pointer that is no address.
static void
check_refused (const char *what, const Form *form, u64 spsr, u64 pointer, u64 modifier)
{
  const Trap *t = run (form->check, spsr, pointer, modifier);

  if (faults (false)) {
    check (what, t->esr, ESR (0x1c, form->key));
    check (name ("%s-x0", what), t->x[0], pointer); // or what was copied to another register
  } else {
    check (what, t->esr, ESR_END);
    check_that (name ("%s-x0", what), t->x[0] >> 48 != 0 && t->x[0] >> 48 != 0xffff);
  }
}

static void
test_form (const Form *form, u64 spsr, u64 pointer)
{
  const char *what =
      name ("%s-%s-%s", form->what, spsr == EL0 ? "el0" : "el1", pointer == HIGH ? "high" : "low");
  u64 code = apply (form->sign, spsr, pointer, MODIFIER & -16ul);
  u64 flip = BIT (54); // of a code's bits

  check_that (name ("%s-signed", what), code != pointer);
  // The address and bit 55 stay.
  check (name ("%s-rest", what),
         (code ^ pointer) & (BIT (55) | (BIT (pointer == HIGH ? 39 : 48) - 1)), 0);
  check (name ("%s-again", what), apply (form->sign, spsr, pointer, MODIFIER & -16ul), code);
  check (name ("%s-back", what), apply (form->check, spsr, code, MODIFIER & -16ul), pointer);
  check_refused (name ("%s-other-code", what), form, spsr, code ^ flip, MODIFIER & -16ul);
  if (!form->zero)
    check_refused (name ("%s-other-modifier", what), form, spsr, code, (MODIFIER & -16ul) + 16);
  // Another pointer has another code, but for one in 2^15.
  check_refused (name ("%s-other-pointer", what), form, spsr, code ^ 64, MODIFIER & -16ul);
  // Forms with one key and modifier agree.
  if (form->key == IA && !form->zero)
    check (name ("%s-as-pacia", what), apply (s_ia, spsr, pointer, MODIFIER & -16ul), code);
  check (name ("%s-stripped", what), apply (form->key < DA ? x_i : x_d, spsr, code, 0), pointer);
  if (form->key < DA)
    check (name ("%s-stripped-lr", what), apply (x_lr, spsr, code, 0), pointer);
}

// Nothing is signed or checked with a key that is off.
static void
test_disabled (void)
{
  static const u8 bit[N_KEYS] = {31, 30, 27, 13};

  for (unsigned i = 0; i < sizeof forms / sizeof *forms; i++) {
    sctlr_set (0, BIT (bit[forms[i].key]));
    check (name ("%s-off-sign", forms[i].what), apply (forms[i].sign, EL1H, POINTER, MODIFIER),
           POINTER);
    check (name ("%s-off-check", forms[i].what),
           apply (forms[i].check, EL1H, 0x55aa123456789ab0, MODIFIER), 0x55aa123456789ab0);
    sctlr_set (BIT (bit[forms[i].key]), 0);
  }
}

static void
test_keys (void)
{
  u64 code = apply (s_ia, EL1H, POINTER, MODIFIER), ga = apply (generic, EL1H, 5, 6);

  check_that ("ga-upper-half-only", (u32) ga == 0 && ga != 0);
  check ("ga-again", apply (generic, EL1H, 5, 6), ga);
  check ("ga-el0", apply (generic, EL0, 5, 6), ga);
  check_that ("ga-modifier", apply (generic, EL1H, 5, 7) != ga);
  check_that ("ga-value", apply (generic, EL1H, 4, 6) != ga);
  WRITE (s3_0_c2_c1_1, 0x1234); // APIAKeyHi_EL1
  check_that ("other-key", apply (s_ia, EL1H, POINTER, MODIFIER) != code);
  WRITE (s3_0_c2_c3_0, 0x1234); // APGAKeyLo_EL1
  check_that ("other-ga-key", apply (generic, EL1H, 5, 6) != ga);
  check ("key-reads-back", READ (s3_0_c2_c1_1), 0x1234);
}

// ---- with a branch, a return or a load ------------------------------------------------------

// The target is the svc behind the code; x0 is a pointer to it, signed with x1.
CODE (c_braa, PAUTH "braa x0, x1");
CODE (c_brab, PAUTH "brab x0, x1");
CODE (c_blraa, PAUTH "blraa x0, x1");
CODE (c_blrab, PAUTH "blrab x0, x1");
CODE (c_braaz, PAUTH "braaz x0");
CODE (c_blrabz, PAUTH "blrabz x0");
CODE (c_retaa, PAUTH "mov x30, x0\n mov sp, x1\n retaa");
CODE (c_retab, PAUTH "mov x30, x0\n mov sp, x1\n retab");
CODE (c_eretaa, PAUTH "msr elr_el1, x0\n msr spsr_el1, x2\n mov sp, x1\n eretaa");
CODE (c_eretab, PAUTH "msr elr_el1, x0\n msr spsr_el1, x2\n mov sp, x1\n eretab");
CODE (c_target, "mov x7, #0x77");
CODE (c_ldraa, PAUTH "ldraa x7, [x0]");
CODE (c_ldrab, PAUTH "ldrab x7, [x0, #8]!");

const Trap *run_code (u64 pc, u64 spsr, const u64 *x);

static void
test_combined (void)
{
  static const struct {
    const char *what;
    const u32 *code, *sign;
    unsigned key, at; // of the instruction
    bool el1_only, data;
  } cases[] = {
      {"braa", c_braa, s_ia, IA, 0, false, false},
      {"brab", c_brab, s_ib, IB, 0, false, false},
      {"blraa", c_blraa, s_ia, IA, 0, false, false},
      {"blrab", c_blrab, s_ib, IB, 0, false, false},
      {"braaz", c_braaz, s_iza, IA, 0, false, false},
      {"blrabz", c_blrabz, s_izb, IB, 0, false, false},
      {"retaa", c_retaa, s_ia, IA, 8, false, false},
      {"retab", c_retab, s_ib, IB, 8, false, false},
      {"eretaa", c_eretaa, s_ia, IA, 12, true, false},
      {"eretab", c_eretab, s_ib, IB, 12, true, false},
      {"ldraa", c_ldraa, s_dza, DA, 0, false, true},
      {"ldrab", c_ldrab, s_dzb, DB, 0, false, true},
  };
  volatile u64 *data = (volatile u64 *) page_new ();
  u64 stack = page_new () + 0x8000;

  data[0] = data[1] = 0x77;
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
    for (unsigned el = cases[i].el1_only; el < 2; el++) {
      u64 spsr = el ? EL1H : EL0, code = el ? (u64) cases[i].code : el0_address (cases[i].code);
      u64 target = cases[i].data ? (el ? (u64) data : el0_data ((void *) data))
                   : el          ? (u64) c_target
                                 : el0_address (c_target);
      u64 x[8] = {apply (cases[i].sign, spsr, target, stack), stack, EL1H};
      const char *what = name ("%s-el%d", cases[i].what, el);
      const Trap *t = run_code (code, spsr, x);

      check (name ("%s-esr", what), t->esr, ESR_END);
      check (name ("%s-there", what), t->x[7], 0x77);
      x[0] ^= BIT (54);
      t = run_code (code, spsr, x);
      if (faults (true)) {
        check (name ("%s-wrong", what), t->esr, ESR (0x1c, cases[i].key));
        check (name ("%s-wrong-elr", what), t->elr, code + cases[i].at);
      } else if (faults (false)) {
        check_that (name ("%s-wrong", what), t->esr != ESR_END);
      } else {
        // A translation fault of the instruction or of the load.
        check (name ("%s-wrong", what), t->esr & ~0x3fu,
               ESR ((cases[i].data ? 0x24 : 0x20) + el, 0));
      }
    }
}

void
test_main (void)
{
  static const u64 key[2] = {0x0123456789abcdef, 0xfedcba9876543210};

  start_mmu ();
  sctlr_set (SCTLR_KEYS, 0);
  if (level () == 0) {
    check_trap ("absent", run (s_ia, EL1H, 0, 0), FROM_EL1H, ESR (0, 0), 0);
    return;
  }
  WRITE (s3_0_c2_c1_0, key[0]);
  WRITE (s3_0_c2_c1_1, key[1]);
  WRITE (s3_0_c2_c1_2, key[0] * 3);
  WRITE (s3_0_c2_c1_3, key[1] * 3);
  WRITE (s3_0_c2_c2_0, key[0] * 5);
  WRITE (s3_0_c2_c2_1, key[1] * 5);
  WRITE (s3_0_c2_c2_2, key[0] * 7);
  WRITE (s3_0_c2_c2_3, key[1] * 7);
  WRITE (s3_0_c2_c3_0, key[0] * 9);
  WRITE (s3_0_c2_c3_1, key[1] * 9);
  for (unsigned i = 0; i < sizeof forms / sizeof *forms; i++)
    for (unsigned el = 0; el < 2; el++) {
      test_form (&forms[i], el ? EL1H : EL0, POINTER);
      test_form (&forms[i], el ? EL1H : EL0, HIGH);
    }
  test_combined ();
  test_disabled ();
  test_keys ();
}
