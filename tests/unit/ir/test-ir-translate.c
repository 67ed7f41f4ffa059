// SPDX-License-Identifier: GPL-3.0-or-later
// Regions of A64 code: what is followed and what is not, labels and loops, page ends and limits,
// and the uops that depend on the key. The expected text is that of ir_print_uop. What single
// instructions become is compared with tier 0 in tests/differential/.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/guest/aarch64/translate.h"

enum {
  NOP = 0xd503201f,
  RET = 0xd65f03c0,
  ADD_X0_1 = 0x91000400,  // add x0, x0, #1
  SUBS_X0_1 = 0xf1000400, // subs x0, x0, #1
  SVC = 0xd4000001,
  ERET = 0xd69f03e0,
  UDF = 0,
};

#define B(words)       (0x14000000u | ((uint32_t) (words) &0x3ffffff))
#define BL(words)      (0x94000000u | ((uint32_t) (words) &0x3ffffff))
#define B_COND(c, w)   (0x54000000u | ((uint32_t) (w) &0x7ffff) << 5 | (c))
#define CBZ_X0(words)  (0xb4000000u | ((uint32_t) (words) &0x7ffff) << 5)
#define TBNZ_W0(words) (0x37000000u | ((uint32_t) (words) &0x3fff) << 5)

static const A64TranslateKey el1 = {.el = 1, .sp_sel = true};
static const A64TranslateKey el1_sp0 = {.el = 1};
static const A64TranslateKey el1_uao = {.el = 1, .sp_sel = true, .uao = true};
static const A64TranslateKey el0 = {.el = 0};
static const A64TranslateKey trapped = {.el = 0, .fp_trapped = true};
static const A64TranslateKey bti = {.el = 0, .features = A64_FEATURE_BTI};
static const A64TranslateKey pauth = {.el = 1, .sp_sel = true, .features = A64_FEATURE_PAUTH};

typedef struct Example {
  const char *name;
  const A64TranslateKey *key;
  unsigned offset, max;
  uint32_t words[10]; // from the offset; UDF behind them
  const char *uops;
} Example;

static const Example examples[] = {
    {"straight",
     &el1,
     0x100,
     256,
     {ADD_X0_1, NOP, RET},
     "100: ADDI.64 x0, x0, 0x1\n"
     "104: NOP\n"
     "108: JUMP.64 x30\n"},
    {"loop",
     &el1,
     0,
     256,
     {NOP, SUBS_X0_1, B_COND (1, -1), RET},
     "000: NOP\n"
     "004  LABEL L0 loop\n"
     "004: SUBSI.64 x0, x0, 0x1 live\n"
     "008: BCOND ne L0\n"
     "00c: JUMP.64 x30\n"},
    {"to itself",
     &el1,
     0,
     256,
     {CBZ_X0 (0), B (0)},
     "000  LABEL L0 loop\n"
     "000: CBZ.64 x0, L0\n"
     "004  LABEL L1 loop\n"
     "004: B L1\n"},
    {"both sides",
     &el1,
     0,
     256,
     {CBZ_X0 (3), ADD_X0_1, RET, SUBS_X0_1, RET},
     "000: CBZ.64 x0, L0\n"
     "004: ADDI.64 x0, x0, 0x1\n"
     "008: JUMP.64 x30\n"
     "00c  LABEL L0\n"
     "00c: SUBSI.64 x0, x0, 0x1 live\n"
     "010: JUMP.64 x30\n"},
    {"into the middle",
     &el1,
     0,
     256,
     {CBZ_X0 (4), NOP, ADD_X0_1, RET, TBNZ_W0 (-2), B (-4)},
     "000: CBZ.64 x0, L0\n"
     "004  LABEL L1 loop\n"
     "004: NOP\n"
     "008  LABEL L2 loop\n"
     "008: ADDI.64 x0, x0, 0x1\n"
     "00c: JUMP.64 x30\n"
     "010  LABEL L0\n"
     "010: TBNZ.64 x0 bit 0, L2\n"
     "014: B L1\n"},
    {"two to one place",
     &el1,
     0,
     256,
     {CBZ_X0 (2), CBZ_X0 (1), RET},
     "000: CBZ.64 x0, L0\n"
     "004: CBZ.64 x0, L0\n"
     "008  LABEL L0\n"
     "008: JUMP.64 x30\n"},
    {"a jump is followed",
     &el1,
     0,
     256,
     {B (2), UDF, ADD_X0_1, RET},
     "000: NOP\n"
     "008: ADDI.64 x0, x0, 0x1\n"
     "00c: JUMP.64 x30\n"},
    {"back before the entry",
     &el1,
     0x20,
     3,
     {CBZ_X0 (-8), B (-8)},
     "020: CBZ.64 x0, page+0\n"
     "024: NOP\n"
     "004: INTERP_END 0 live\n"},
    {"a condition that always holds",
     &el1,
     0,
     256,
     {B_COND (14, 2), UDF, B_COND (15, -2)},
     "000  LABEL L0 loop\n"
     "000: NOP\n"
     "008: B L0\n"},
    {"the end of the page",
     &el1,
     0xff8,
     256,
     {CBZ_X0 (3), ADD_X0_1},
     "ff8: CBZ.64 x0, page+4100\n"
     "ffc: ADDI.64 x0, x0, 0x1\n"
     "ffc  B page+4096\n"},
    {"a jump out",
     &el1,
     0,
     256,
     {B_COND (0, -1), B (1024)},
     "000: BCOND eq page-4\n"
     "004: B page+4100\n"},
    {"the limit",
     &el1,
     0,
     3,
     {CBZ_X0 (4), ADD_X0_1, CBZ_X0 (-2), RET},
     "000  LABEL L0 loop\n"
     "000: CBZ.64 x0, page+16\n"
     "004: ADDI.64 x0, x0, 0x1\n"
     "008: CBZ.64 x0, L0\n"
     "008  B page+12\n"},
    {"one instruction that jumps to itself",
     &el1,
     4,
     1,
     {B (0)},
     "004  LABEL L0 loop\n"
     "004: B L0\n"},
    {"calls",
     &el1,
     0,
     256,
     {ADD_X0_1, BL (-4)},
     "000: ADDI.64 x0, x0, 0x1\n"
     "004: MOVPC.64 x30, 0x8\n"
     "004  B page-12\n"},
    {"blr x3",
     &el1,
     0,
     256,
     {0xd63f0060},
     "000: MOVPC.64 x30, 0x4\n"
     "000  JUMP.64 x3\n"},
    {"blr x30",
     &el1,
     0,
     256,
     {0xd63f03c0},
     "000: MOV.64 t0, x30\n"
     "000  MOVPC.64 x30, 0x4\n"
     "000  JUMP.64 t0\n"},
    {"br x3 with BTI", &bti, 0, 256, {0xd61f0060}, "000: JUMPTYPED.64 x3 live\n"},
    {"blr x3 with BTI", &bti, 0, 256, {0xd63f0060}, "000: JUMPTYPED.64 x3 live\n"},
    {"what ends",
     &el1,
     0,
     256,
     {NOP, SVC, RET},
     "000: NOP\n"
     "004: INTERP_END 0 live\n"},
    {"svc #0 at EL0", &el0, 0, 256, {SVC, RET}, "000: CALL_KERNEL 0 live\n"},
    {"svc #1 at EL0", &el0, 0, 256, {SVC | 1 << 5, RET}, "000: INTERP_END 0 live\n"},
    {"eret", &el1, 0, 256, {ERET, RET}, "000: RETURN 0 live\n"},
    {"eret with SP_EL0 as SP", &el1_sp0, 0, 256, {ERET, RET}, "000: INTERP_END 0 live\n"},
    {"eret with UAO", &el1_uao, 0, 256, {ERET, RET}, "000: INTERP_END 0 live\n"},
    {"eret at EL0", &el0, 0, 256, {ERET, RET}, "000: INTERP_END 0 live\n"},
    // mrs x5, cntvct_el0; mrs xzr, cntvct_el0; mrs x0, cntpct_el0
    {"counters",
     &el0,
     0,
     256,
     {0xd53be045, 0xd53be05f, 0xd53be020, RET},
     "000: GETTICKS.64 x5, 0\n"
     "004: INTERP 1\n"
     "008: GETTICKS.64 x0, 0x2\n"
     "00c: JUMP.64 x30\n"},
    {"unallocated",
     &el1,
     0,
     256,
     {NOP, UDF},
     "000: NOP\n"
     "004: INTERP_END 0 live\n"},
    {"frecpe d0, d0",
     &el0,
     0,
     256,
     {0x5ee1d800, 0xfd400000 /* ldr d0, [x0] */, RET},
     "000: INTERP_VEC 0\n"
     "004: LDV v0, x0 +0 (8 bytes)\n"
     "008: JUMP.64 x30\n"},
    {"the same trapped",
     &trapped,
     0,
     256,
     {NOP, 0xfd400000, RET},
     "000: NOP\n"
     "004: INTERP_END 0 live\n"},
    {"a constant",
     &el1,
     0,
     256,
     {0xd2824680, 0xf2a8acf1, 0xf2a8ace0, 0xf2c00020, RET},
     "000: MOVI.64 x0, 0x1234\n"
     "004: ANDI.64 x17, x17, 0xffffffff0000ffff\n"
     "004  ORI.64 x17, x17, 0x45670000\n"
     "008: ANDI.64 x0, x0, 0xffffffff0000ffff\n"
     "008  ORI.64 x0, x0, 0x45670000\n"
     "00c: ANDI.64 x0, x0, 0xffff0000ffffffff\n"
     "00c  ORI.64 x0, x0, 0x100000000\n"
     "010: JUMP.64 x30\n"},
    {"a constant in one piece",
     &el1,
     0,
     256,
     {0xd2824680, 0xf2a8ace0, 0xf2c00020, RET},
     "000: NOP\n"
     "004: NOP\n"
     "008: MOVI.64 x0, 0x145671234\n"
     "00c: JUMP.64 x30\n"},
    {"not across a label",
     &el1,
     0,
     256,
     {0xd2824680, 0xf2a8ace0, CBZ_X0 (-1), RET},
     "000: MOVI.64 x0, 0x1234\n"
     "004  LABEL L0 loop\n"
     "004: ANDI.64 x0, x0, 0xffffffff0000ffff\n"
     "004  ORI.64 x0, x0, 0x45670000\n"
     "008: CBZ.64 x0, L0\n"
     "00c: JUMP.64 x30\n"},
    {"adrp x1; add x1, x1, #8",
     &el1,
     0,
     256,
     {0xb0000001, 0x91002021, RET},
     "000: NOP\n"
     "004: MOVPC.64 x1, 0x1008\n"
     "008: JUMP.64 x30\n"},
    // mrs x1, sp_el0; mrs x2, tpidr_el1; mrs x3, currentel; msr sp_el0, x1
    {"system registers",
     &el1,
     0,
     256,
     {0xd5384101, 0xd538d082, 0xd5384243, 0xd5184101, RET},
     "000: GET.64 x1, SP_EL0\n"
     "004: GETSYS.64 x2, TPIDR_EL1\n"
     "008: MOVI.64 x3, 0x4\n"
     "00c: PUT.64 x1, SP_EL0\n"
     "010: JUMP.64 x30\n"},
    {"with SP_EL0 as SP",
     &el1_sp0,
     0,
     256,
     {0xd5384101, 0xd5184101, RET},
     "000: INTERP 0\n"
     "004: INTERP_END 1 live\n"},
    {"at EL0",
     &el0,
     0,
     256,
     {0xd5384101, 0xd538d082, RET},
     "000: INTERP 0\n"
     "004: INTERP 1\n"
     "008: JUMP.64 x30\n"},
    // mrs x1, nzcv; msr nzcv, x1; mrs x2, fpsr
    {"flags",
     &el0,
     0,
     256,
     {0xd53b4201, 0xd51b4201, 0xd53b4422, RET},
     "000: GETFLAGS x1\n"
     "004: PUTFLAGS x1 live\n"
     "008: FPSYNC\n"
     "008  GET.64 t0, SP_EL0\n"
     "008  GET.64 x2, SP_EL0\n"
     "008  OR.64 x2, x2, t0\n"
     "00c: JUMP.64 x30\n"},
    // mrs xzr, fpsr; msr fpsr, x1
    {"status",
     &el0,
     0,
     256,
     {0xd53b443f, 0xd51b4421, RET},
     "000: FPSYNC\n"
     "000  INTERP_VEC 0\n"
     "004: FPSYNC\n"
     "004  ANDI.64 t0, x1, 0x8000000\n"
     "004  PUT.64 t0, SP_EL0\n"
     "004  ANDI.64 t0, x1, 0x9f\n"
     "004  PUT.64 t0, SP_EL0\n"
     "008: JUMP.64 x30\n"},
    {"status, trapped",
     &trapped,
     0,
     256,
     {0xd53b4421, 0xd51b4421, RET},
     "000: FPSYNC\n"
     "000  INTERP_VEC 0\n"
     "004: FPSYNC\n"
     "004  INTERP_END 1 live\n"},
    // mrs x1, dczid_el0; mrs x2, ctr_el0; mrs x3, midr_el1
    {"identification",
     &el1,
     0,
     256,
     {0xd53b00e1, 0xd53b0022, 0xd5380003, RET},
     "000: MOVI.64 x1, 0x9\n"
     "004: MOVI.64 x2, 0x9444c00a\n"
     "008: MOVI.64 x3, 0xf7e50\n"
     "00c: JUMP.64 x30\n"},
    // msr ttbr0_el1, x1; msr ttbr1_el1, x2; msr tcr_el1, x3
    {"address spaces",
     &el1,
     0,
     256,
     {0xd5182001, 0xd5182022, 0xd5182043, RET},
     "000: INTERP 0\n"
     "004: INTERP 1\n"
     "008: INTERP_END 2 live\n"},
    // mrs x1, icc_iar1_el1; msr icc_eoir1_el1, x1; msr icc_pmr_el1, x2; msr vbar_el1, x3
    {"interrupts",
     &el1,
     0,
     256,
     {0xd538cc01, 0xd518cc21, 0xd5184602, 0xd518c003, RET},
     "000: INTERP 0\n"
     "004: INTERP 1\n"
     "008: INTERP 2\n"
     "00c: ANDI.64 t0, x3, 0xfffffffffffff800\n"
     "00c  PUTSYS.64 t0, TPIDR_EL1\n"
     "010: JUMP.64 x30\n"},
    {"interrupts at EL0", &el0, 0, 256, {0xd518cc21, RET}, "000: INTERP_END 0 live\n"},
    {"identification at EL0",
     &el0,
     0,
     256,
     {0xd53b00e1, 0xd53b0022, 0xd5380003, RET},
     "000: GETSYS.64 x1, TPIDR_EL1\n"
     "000  UBFM.64 x1, x1, 10, 63\n"
     "000  ANDI.64 x1, x1, 0x10\n"
     "000  XORI.64 x1, x1, 0x19\n"
     "004: INTERP 0\n"
     "008: INTERP 1\n"
     "00c: JUMP.64 x30\n"},
    {"what the key depends on",
     &el1,
     0,
     256,
     {0xd500417f /* msr uao, #1 */, RET},
     "000: INTERP_END 0 live\n"},
    {"msr spsel, #0", &el1, 0, 256, {0xd50040bf, RET}, "000: INTERP_END 0 live\n"},
    {"ldtr x0, [x1]",
     &el1,
     0,
     256,
     {0xf8400820, RET},
     "000: LD.64 x0, x1 +0 (8 bytes unprivileged)\n"
     "004: JUMP.64 x30\n"},
    {"ldtr with UAO",
     &el1_uao,
     0,
     256,
     {0xf8400820, RET},
     "000: LD.64 x0, x1 +0 (8 bytes)\n"
     "004: JUMP.64 x30\n"},
    {"ldtr at EL0",
     &el0,
     0,
     256,
     {0xf8400820, RET},
     "000: LD.64 x0, x1 +0 (8 bytes)\n"
     "004: JUMP.64 x30\n"},
    // ldr x1, [x1], #8; ldp x1, x1, [x2]; str x1, [x1], #8
    {"registers that overlap",
     &el1,
     0,
     256,
     {0xf8408421, 0xa9400441, 0xf8008421, RET},
     "000: INTERP 0\n"
     "004: INTERP 1\n"
     "008: ST.64 x1, x1 +0 (8 bytes)\n"
     "008  ADDI.64 x1, x1, 0x8\n"
     "00c: JUMP.64 x30\n"},
    {"paciasp without pauth",
     &el1,
     0,
     256,
     {0xd503233f, RET},
     "000: NOP\n"
     "004: JUMP.64 x30\n"},
    {"paciasp",
     &pauth,
     0,
     256,
     {0xd503233f, RET},
     "000: INTERP 0\n"
     "004: JUMP.64 x30\n"},
};

static A64Region region;
static uint8_t page[IR_PAGE_SIZE];

static void
set_word (unsigned offset, uint32_t word)
{
  memcpy (page + offset, &word, sizeof word);
}

// The text of the region, with the places of the CPU's state by their names.
static void
print_region (char *text, size_t size)
{
  text[0] = '\0';
  for (unsigned i = 0; i < region.ir.n_uops; i++) {
    const Uop *uop = &region.ir.uops[i];
    size_t used;

    used = strlen (text);
    ir_print_uop (uop, text + used, (unsigned) (size - used - 1));
    if (ir_info[uop->op].shape == IR_SHAPE_STATE)
      strcpy (strrchr (text, ' '),
              uop->op == UOP_GETSYS || uop->op == UOP_PUTSYS ? " TPIDR_EL1" : " SP_EL0");
    strcat (text, "\n");
  }
}

static void
check_region (const char *name)
{
  unsigned at;
  const char *wrong = ir_verify (&region.ir, &at);

  if (wrong != NULL)
    fail_msg ("%s: %s at %u", name, wrong, at);
}

static void
test_examples (void **state)
{
  (void) state;
  for (unsigned i = 0; i < sizeof examples / sizeof examples[0]; i++) {
    const Example *x = &examples[i];
    char text[4096];

    memset (page, 0, sizeof page);
    for (unsigned k = 0; k < 10 && x->offset + k * 4 < IR_PAGE_SIZE; k++)
      set_word (x->offset + k * 4, x->words[k]);
    assert_true (a64_translate_region (&region, x->key, page, x->offset, x->max));
    print_region (text, sizeof text);
    if (strcmp (text, x->uops) != 0)
      fail_msg ("%s:\n%sand not\n%s", x->name, text, x->uops);
    check_region (x->name);
  }
}

// Tier 0's instructions are complete but for the handler of what follows.
static void
test_ops (void **state)
{
  (void) state;
  memset (page, 0, sizeof page);
  set_word (0x20, ADD_X0_1);
  set_word (0x24, SVC | 7 << 5);
  assert_true (a64_translate_region (&region, &el1, page, 0x20, 256));
  assert_int_equal (region.n_ops, 1);
  assert_int_equal (region.ops[0].op[0].imm, 7);
  assert_int_equal (region.ops[0].op[0].pc_off, 0x24);
  assert_non_null (region.ops[0].op[0].fn);
  assert_int_equal (region.ops[0].op[1].pc_off, 0x28);
  assert_int_equal (region.ir.n_insns, 2);
  assert_int_equal (region.ir.n_spans, 1);
  assert_int_equal (region.ir.spans[0].offset, 0x20);
  assert_int_equal (region.ir.spans[0].bytes, 8);
}

// More labels and pieces of code than there is room for: what is left out is left the region for.
static void
test_limits (void **state)
{
  (void) state;
  for (unsigned i = 0; i < 1024; i++)
    set_word (i * 4, CBZ_X0 (i < 1022 ? 2 : -1));
  assert_true (a64_translate_region (&region, &el1, page, 0, 10000));
  assert_int_equal (region.ir.n_insns, IR_MAX_INSNS);
  assert_int_equal (region.ir.n_labels, IR_MAX_LABELS);
  check_region ("labels");

  for (unsigned i = 0; i < 1024; i++)
    set_word (i * 4, B (2));
  assert_true (a64_translate_region (&region, &el1, page, 0, 10000));
  assert_int_equal (region.ir.n_spans, IR_MAX_LABELS);
  check_region ("spans");
}

static uint32_t
next_random (uint64_t *random)
{
  *random = *random * UINT64_C (6364136223846793005) + 1442695040888963407u;
  return (uint32_t) (*random >> 32);
}

static void
random_page (uint64_t *random)
{
  for (unsigned i = 0; i < 1024; i++) {
    uint32_t r = next_random (random), distance = (r >> 8) % 40;
    const uint32_t branches[] = {B (distance - 20), CBZ_X0 (distance - 20), TBNZ_W0 (distance - 20),
                                 ADD_X0_1, NOP};

    set_word (i * 4, r % 3 ? branches[r % 5] : next_random (random));
  }
}

// Any words from anywhere, a third of them branches to nearby, make a region that is right.
static void
test_random (void **state)
{
  uint64_t random = 1;

  (void) state;
  for (unsigned round = 0; round < 1500; round++) {
    random_page (&random);
    assert_true (a64_translate_region (&region, round % 2 ? &el1 : &el0, page,
                                       next_random (&random) % 1024 * 4,
                                       1 + next_random (&random) % 300));
    check_region ("random");
  }
}

// ---- code that is elsewhere -----------------------------------------------------------------

static bool
is_in_region (unsigned offset)
{
  for (unsigned i = 0; i < region.ir.n_spans; i++)
    if (offset - region.ir.spans[i].offset < region.ir.spans[i].bytes)
      return true;
  return false;
}

static bool
is_place (const uint64_t *places, unsigned offset)
{
  return (places[offset / 256] >> offset / 4 % 64 & 1) != 0;
}

static void
translate_rest (unsigned entry, const uint64_t *places, bool always, unsigned max)
{
  assert_true (a64_translate_rest (&region, &el1, page, entry, max,
                                   &(A64Elsewhere){.places = places, .always = always}));
  check_region ("the rest");
}

// Eight instructions before a return are worth a jump there, seven are not.
static void
test_what_is_elsewhere_is_left_out (void **state)
{
  uint64_t places[16] = {1};

  (void) state;
  for (unsigned n = 6; n <= 7; n++) {
    memset (page, 0, sizeof page);
    for (unsigned i = 0; i < n; i++)
      set_word (i * 4, ADD_X0_1);
    set_word (n * 4, B (100 - n)); // followed
    set_word (400, RET);
    set_word (800, CBZ_X0 (-200)); // goes there; so does what follows
    set_word (804, B (-201));
    for (unsigned always = 0; always < 2; always++) {
      bool out = n == 7 || always;

      translate_rest (800, places, always, 256);
      assert_int_equal (region.ir.n_insns, out ? 2 : 2 + n + 2);
      assert_int_equal (is_in_region (0), !out);
      assert_int_equal (region.ir.n_labels, !out);
    }
    // The entry is never elsewhere, nor what is reached from there.
    translate_rest (0, places, true, 256);
    assert_int_equal (region.ir.n_insns, n + 2);
  }
}

// What was made can be made again from where it was and is not.
static void
test_made_again (void **state)
{
  static uint64_t places[16], others[16];
  static Uop uops[IR_MAX_UOPS];
  uint64_t random = 2;

  (void) state;
  for (unsigned round = 0; round < 500; round++) {
    unsigned entry = next_random (&random) % 1024 * 4, insns, n;

    random_page (&random);
    for (unsigned i = 0; i < 16; i++)
      places[i] = (uint64_t) next_random (&random) << 32 & (uint64_t) next_random (&random) << 32;
    translate_rest (entry, places, round % 2, 1 + next_random (&random) % 300);
    for (unsigned offset = 0; offset < 4096; offset += 4)
      if (round % 2 && offset != entry && is_place (places, offset))
        assert_false (is_in_region (offset));
    insns = region.ir.n_insns;
    n = region.ir.n_uops;
    memcpy (uops, region.ir.uops, n * sizeof *uops);
    memset (others, 0xff, sizeof others);
    for (unsigned offset = 0; offset < 4096; offset += 4)
      if (is_in_region (offset))
        others[offset / 256] &= ~(UINT64_C (1) << offset / 4 % 64);
    translate_rest (entry, others, true, insns);
    assert_int_equal (region.ir.n_insns, insns);
    assert_int_equal (region.ir.n_uops, n);
    assert_memory_equal (region.ir.uops, uops, n * sizeof *uops);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_examples),
      cmocka_unit_test (test_ops),
      cmocka_unit_test (test_limits),
      cmocka_unit_test (test_random),
      cmocka_unit_test (test_what_is_elsewhere_is_left_out),
      cmocka_unit_test (test_made_again),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
