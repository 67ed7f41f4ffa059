// SPDX-License-Identifier: GPL-3.0-or-later
// See jit-cases.h. Of a program X20 to X23 are small numbers, X24 to X27 and SP addresses, and X28
// counts jumps backwards down, so that most programs end.
#include "tests/differential/jit-cases.h"

#include <string.h>

#include "engine/guest/aarch64/decode.h"
#include "tests/differential/insn-state.h"

enum {
  ATTEMPTS = 50,
  COUNTER = 28,
  NOP = 0xd503201f,
  COUNT_DOWN = 0xd1000400 | COUNTER << 5 | COUNTER, // SUB X28, X28, #1
  IF_DONE = 0xb7f80000 | COUNTER,                   // TBNZ X28, #63
};

typedef enum Class { INTEGER, MEMORY, BRANCH, VECTOR, SYSTEM, N_CLASSES } Class;

struct JitCases {
  uint64_t random;
  unsigned n_rows[N_CLASSES];
  uint16_t rows[N_CLASSES][A64_N_INSNS];
  uint64_t data[UOP_DATA_BYTES / 8];
};

static uint64_t
draw (JitCases *cases)
{
  return insn_random (&cases->random) >> 8;
}

// Those whose result is not the same twice.
static bool
is_excluded (unsigned id)
{
  return id == A64_RNDR || id == A64_RNDRRS;
}

static bool
is_copy (unsigned id)
{
  const char *name = a64_insn_name (id);

  return strncmp (name, "CPY", 3) == 0 || (strncmp (name, "SET", 3) == 0 && name[3] != 'F');
}

static Class
class_of (unsigned id)
{
  unsigned flags = a64_insn_flags (id);
  uint32_t mask, value;

  a64_insn_pattern (id, &mask, &value);
  if (flags & A64_F_MEM)
    return MEMORY;
  if (flags & A64_F_FP)
    return VECTOR;
  if ((value & 0xffc00000) == 0xd5000000)
    return SYSTEM;
  return (value & 0x1c000000) == 0x14000000 ? BRANCH : INTEGER;
}

JitCases *
jit_cases_new (uint64_t seed)
{
  JitCases *cases = g_new0 (JitCases, 1);

  cases->random = seed * UINT64_C (0x9e3779b97f4a7c15) | 1;
  for (unsigned i = 0; i < UOP_DATA_BYTES / 8; i++)
    cases->data[i] = insn_memory_word (i);
  for (unsigned id = 0; id < A64_N_INSNS; id++) {
    Class class = class_of (id);

    if (!is_excluded (id) && !is_copy (id))
      cases->rows[class][cases->n_rows[class]++] = (uint16_t) id;
  }
  return cases;
}

void
jit_cases_free (JitCases *cases)
{
  g_free (cases);
}

uint64_t *
jit_cases_random (JitCases *cases)
{
  return &cases->random;
}

const uint8_t *
jit_cases_data (const JitCases *cases)
{
  return (const uint8_t *) cases->data;
}

// ---- states ---------------------------------------------------------------------------------

// Near the middle of what is mapped; one of `others` near one of the other edges.
static uint64_t
make_address (JitCases *cases, unsigned others)
{
  uint64_t r = draw (cases), address = UOP_DATA + 0x1000;

  if (r % others == 0)
    address = UOP_DATA + (r >> 8) % 6 * 0x1000;
  address += (r >> 16) % 256 - 128;
  return r >> 32 & 3 ? address & ~UINT64_C (15) : address;
}

static A64Pstate
make_pstate (JitCases *cases)
{
  uint64_t r = draw (cases);

  return (A64Pstate){
      .el = r & 1,
      .sp_sel = (r & 1) != 0 && (r & 0xe) != 0, // never at EL0
      .daif = r >> 4 & 15,
      .pan = (r >> 8 & 15) == 0,
      .uao = (r >> 12 & 3) == 0,
      .dit = r >> 16 & 1,
      .ssbs = r >> 17 & 1,
  };
}

// AHP and FZ16, FZ, RMode as well; DN may always be set.
static const uint32_t fpcr_bits[4] = {0x02080000, 0x07c80000, 0x03c00000, 0x02c00000};

static void
make_registers (JitCases *cases, UopRegisters *registers)
{
  uint64_t r = draw (cases);

  memset (registers, 0, sizeof *registers);
  for (unsigned i = 0; i < 31; i++)
    registers->x[i] =
        draw (cases) % 4 == 0 ? make_address (cases, 8) : insn_integer (&cases->random);
  registers->x[31] = make_address (cases, 8) & (r % 16 ? ~UINT64_C (15) : UINT64_MAX);
  registers->sp_bank[0] = insn_random (&cases->random);
  registers->sp_bank[1] = insn_random (&cases->random);
  for (unsigned i = 0; i < 64; i++)
    registers->v[i / 2][i % 2] = insn_lanes (&cases->random);
  registers->nzcv = (uint32_t) (r >> 8 & 15) << 28;
  if ((r >> 12 & 3) == 0)
    registers->fpcr = (uint32_t) insn_random (&cases->random) & fpcr_bits[r >> 40 & 3];
  if (r >> 14 & 1)
    registers->fpsr = (uint32_t) insn_random (&cases->random) & 0x0800009f;
  registers->pstate = make_pstate (cases);
}

static uint64_t
data_at (const JitCases *cases, uint64_t va, unsigned n_bytes)
{
  uint64_t value = 0;

  if (va - UOP_DATA <= UOP_DATA_BYTES - n_bytes)
    memcpy (&value, jit_cases_data (cases) + (va - UOP_DATA), n_bytes);
  return value;
}

// Registers that suit the one instruction which reads or writes memory.
static void
suit_registers (JitCases *cases, const A64Op *op, UopRegisters *registers)
{
  uint64_t r = draw (cases), base = make_address (cases, 8), *x = registers->x;
  unsigned n_bytes = 1u << (op->insn >> 30), rn = op->insn >> 5 & 31, rm = op->insn >> 16 & 31;

  if (is_copy (op->id)) {
    x[op->insn & 31] = base;
    x[rm] = r % 2 ? make_address (cases, 8) : r >> 8;
    x[rn] = (r >> 8) % 6000;
    return;
  }
  if (rn == 31)
    base = x[31];
  x[rn] = base;
  if ((op->insn & 0x3b200c00) == 0x38200800) // an index
    x[rm] = (r % 64 - 32) ^ (r >> 8 & 1 ? insn_random (&cases->random) << 32 : 0);
  if ((op->insn & 0x3f000000) != 0x08000000) // exclusives, compare and swap
    return;
  if (r >> 16 & 1)
    x[rm] = data_at (cases, base, n_bytes);
  if (base - UOP_DATA >= 0x2000)
    return;
  registers->monitor.valid = (r >> 17 & 3) != 0;
  registers->monitor.size_bytes = (uint8_t) (r >> 19 & 3 ? n_bytes : 8);
  registers->monitor.value[0] = r >> 21 & 3 ? data_at (cases, base, n_bytes) : r;
  registers->monitor.host = (const void *) base; // the machine's host address once it is known
}

// ---- words ----------------------------------------------------------------------------------

static uint32_t
make_word (JitCases *cases, unsigned id)
{
  uint32_t mask, value, word = (uint32_t) (insn_random (&cases->random) >> 32);
  uint64_t r = draw (cases);

  a64_insn_pattern (id, &mask, &value);
  if (r % 4 == 0) // few registers, and often the same
    word &= ~0x001c039cu;
  if ((r >> 8 & 3) && (value & 0xffd00000) == 0xd5100000) // a system register that is there
    word = (word & 31) |
           (uint32_t) a64_sysreg_get ((int) ((r >> 16) % (unsigned) a64_sysreg_count ()))->number
               << 5;
  if ((r >> 10 & 1) && (value & 0x3b000000) == 0x18000000) // literals: in the page
    word &= ~0x00ff8000u;
  return (word & ~mask) | value;
}

static bool
make_row_word (JitCases *cases, unsigned id, A64Op *op)
{
  for (unsigned i = 0; i < ATTEMPTS; i++)
    if (a64_decode (make_word (cases, id), op) && op->id == id)
      return true;
  return false;
}

static uint32_t
put_distance (uint32_t word, uint32_t distance)
{
  if ((word & 0x7c000000) == 0x14000000)
    return (word & 0xfc000000) | (distance & 0x03ffffff);
  if ((word & 0x7e000000) == 0x36000000)
    return (word & 0xfff8001f) | (distance & 0x3fff) << 5;
  return (word & 0xff00001f) | (distance & 0x7ffff) << 5;
}

static bool
is_direct (uint32_t word)
{
  return (word & 0x7c000000) == 0x14000000 || (word & 0x7e000000) == 0x34000000 ||
         (word & 0x7e000000) == 0x36000000 || (word & 0xff000000) == 0x54000000;
}

// The register field at `low` leaves the registers alone that are to last.
static uint32_t
spare (uint32_t word, unsigned low)
{
  unsigned r = word >> low & 31;

  return r >= 20 && r <= COUNTER ? word ^ 16u << low : word;
}

static uint32_t
use (uint32_t word, unsigned low, unsigned first)
{
  return (word & ~(31u << low)) | (first + (word >> low & 3)) << low;
}

static uint32_t
tame_memory (uint32_t word, bool by_sp)
{
  bool structure = (word & 0xbe800000) == 0x0c800000; // post-indexed

  word = by_sp ? word | 31u << 5 : use (word, 5, 24);
  word = spare (word, 0);
  if ((word & 0x3a000000) == 0x28000000) // pairs
    word = spare (word, 10);
  if ((word & 0x3f000000) == 0x08000000) // exclusives, CAS
    word = spare (spare (word, 10), 16);
  if ((word & 0x3b200c00) == 0x38200800 || (structure && (word >> 16 & 31) != 31))
    word = use (word, 16, 20);
  return word;
}

// What often follows an instruction and is then translated in another way, or means something
// else: MOVK, ADD of an offset within a page, a store-exclusive, B.cond, CSEL, FCSEL, FCCMP. 0:
// nothing special.
static uint32_t
make_successor (JitCases *cases, uint32_t word)
{
  uint32_t r = (uint32_t) draw (cases), registers = word & 31, condition = r >> 11 & 15;

  if ((word & 0x5f800000) == 0x52800000 || (word & 0x7f800000) == 0x12800000) // MOVZ, MOVN, MOVK
    return 0x72800000 | (r & 0x803fffe0) | registers;
  if ((word & 0x9f000000) == 0x90000000) // ADRP
    return 0x11000000 | (r & 0xc07ffc00) | registers << 5 | registers;
  if ((word & 0x3fe00000) == 0x08400000) // LDXR
    return spare ((word & 0xc000ffe0) | 0x08000000 | (r & 31) | (r >> 5 & 31) << 16, 16);
  if ((word & 0x2f000000) == 0x2b000000 || (word & 0x6f000000) == 0x61000000) // sets NZCV
    return condition | (r >> 31 ? 0x54000000 : 0x1a800000 | (r & 0xc01ff7e0));
  if ((word & 0xff20fc07) == 0x1e202000) { // FCMP
    if (r >> 29 & 1)
      return condition | (r >> 31 ? 0x54000000 : 0x1a800000 | (r & 0xc01ff7e0));
    return (r >> 31 ? 0x1e200c00 : 0x1e200400) | (r & 0x005ff3ef);
  }
  if ((word & 0xffffec00) == 0x4e284800) // AESE, AESD
    return 0x4e286800 | (word & 0x1000) | registers << 5 | registers;
  return 0;
}

// `dense`: mostly vector and floating-point instructions of few registers.
static uint32_t
make_program_word (JitCases *cases, bool dense)
{
  static const uint8_t classes[16] = {
      INTEGER, INTEGER, INTEGER, INTEGER, INTEGER, INTEGER, MEMORY, MEMORY,
      MEMORY,  MEMORY,  BRANCH,  BRANCH,  BRANCH,  VECTOR,  VECTOR, SYSTEM,
  };
  uint64_t r = draw (cases);
  unsigned class = dense && (r >> 16 & 3) ? VECTOR : classes[r % 16], id;
  A64Op op;

  do
    id = cases->rows[class][draw (cases) % cases->n_rows[class]];
  while (!make_row_word (cases, id, &op));
  if (class == MEMORY)
    return tame_memory (op.insn, (r >> 8 & 7) == 0);
  if (class == BRANCH && is_direct (op.insn))
    return op.insn;
  // What ends a program is at its end mostly.
  if ((a64_insn_flags (id) & A64_F_END) && (r >> 12 & 7))
    return NOP;
  return spare (op.insn, 0) & (dense && class == VECTOR ? ~0x318u : ~0u);
}

// Puts a branch at `at`: onwards, or backwards as often as the counter allows. How many words it is.
static unsigned
put_branch (JitCases *cases, JitCase *c, unsigned at, uint32_t word)
{
  uint64_t r = draw (cases);
  unsigned onwards = (unsigned) (r >> 8) % (c->n_words - at + 2) + 1;

  if (r % 3 != 0 || at + 3 > c->n_words) {
    c->words[at] = put_distance (word, onwards);
    return 1;
  }
  c->words[at] = COUNT_DOWN;
  c->words[at + 1] = IF_DONE | onwards << 5;
  c->words[at + 2] = put_distance (word, (uint32_t) - (int) ((r >> 8) % (at + 3)));
  return 3;
}

static void
make_program (JitCases *cases, JitCase *c)
{
  bool dense = draw (cases) % 4 == 0;

  for (unsigned at = 0; at < c->n_words;) {
    uint32_t word = at > 0 && draw (cases) % 4 ? make_successor (cases, c->words[at - 1]) : 0;

    if (word == 0)
      word = make_program_word (cases, dense);
    if (is_direct (word))
      at += put_branch (cases, c, at, word);
    else
      c->words[at++] = word;
  }
}

// ---- loops over arrays ------------------------------------------------------------------------

// An access of a register that suits arrays: by post-indexed addresses, offsets, indices, structures.
static uint32_t
make_array_access (JitCases *cases)
{
  static const uint32_t words[] = {
      0x3cc10400, 0x3c810400, 0xf8408400, 0xf8008400, 0x38401400, 0x38001400, 0xb9400000,
      0xb9000400, 0xacc10400, 0xac810400, 0xa8c10400, 0xa8810400, 0x3ce06800, 0x3ca06800,
      0xf8607800, 0xf8207800, 0x4cdf8000, 0x4c9f0000, 0x4cdf4800, 0x3cdf0400, 0x785fe400,
      0x0d9fc800, 0xfc408400, 0xbc004400, 0x39400400, 0x39000c00, 0x4c407000, 0xb8604800,
  };
  uint64_t r = draw (cases);
  uint32_t word = words[r % G_N_ELEMENTS (words)] | (r >> 8 & 31) | (r >> 16 & 3) << 5;

  return tame_memory (word | (r >> 24 & 31) << 10 * ((word & 0x3a000000) == 0x28000000), false);
}

// Moves an address, or an index.
static uint32_t
make_step (JitCases *cases)
{
  uint64_t r = draw (cases);
  uint32_t reg = r % 4 ? 24 + (r >> 8 & 3) : 20 + (r >> 8 & 3);

  return (r & 16 ? 0xd1000000 : 0x91000000) | (uint32_t) (r >> 16) % 40 << 10 | reg << 5 | reg;
}

// Straight code from the first word on, as often as the counter allows.
static void
make_loop (JitCases *cases, JitCase *c)
{
  unsigned n = c->n_words - 2;

  for (unsigned at = 0; at < n; at++) {
    uint64_t r = draw (cases);
    uint32_t word = NOP;

    if (r % 8 < 3)
      word = make_array_access (cases);
    else if (r % 8 == 3)
      word = make_step (cases);
    else if (r % 8 > 4)
      word = make_program_word (cases, true);
    c->words[at] = is_direct (word) && (word & 0x7c000000) != 0x14000000
                       ? put_distance (word, n + 2 - at)
                   : is_direct (word) ? NOP
                                      : word;
  }
  c->words[n] = COUNT_DOWN;
  c->words[n + 1] = put_distance (0xb6f80000 | COUNTER, (uint32_t) - (int) (n + 1)); // TBZ
}

// ---- cases ----------------------------------------------------------------------------------

static void
begin (JitCases *cases, JitCase *c, unsigned n_words)
{
  static const uint16_t limits[8] = {256, 256, 256, 256, 1, 1, 2, 5};
  uint64_t r = draw (cases);

  c->n_words = n_words;
  c->offset = (unsigned) (r % 16) * 64;
  if ((r >> 8 & 7) == 0)
    c->offset = 4096 - 4 * n_words;
  c->max_insns = limits[r >> 16 & 7];
  c->flush = (r >> 24 & 7) == 0;
  make_registers (cases, &c->registers);
}

bool
jit_case_of_row (JitCases *cases, unsigned id, JitCase *c)
{
  A64Op op;

  if (is_excluded (id) || !make_row_word (cases, id, &op))
    return false;
  begin (cases, c, 1);
  c->words[0] = op.insn;
  if (a64_insn_flags (id) & A64_F_MEM)
    suit_registers (cases, &op, &c->registers);
  return true;
}

void
jit_case_of_program (JitCases *cases, JitCase *c)
{
  bool loop = draw (cases) % 4 == 0;

  begin (cases, c, 4 + (unsigned) (draw (cases) % (JIT_CASE_WORDS - 4)) / (loop ? 3 : 1));
  if (loop)
    make_loop (cases, c);
  else
    make_program (cases, c);
  for (unsigned i = 20; i < 28; i++)
    c->registers.x[i] = i < 24 ? draw (cases) % 32 : make_address (cases, 48);
  c->registers.x[A64_SP] = make_address (cases, 48) & ~UINT64_C (15);
  c->registers.x[COUNTER] = draw (cases) % (loop ? 200 : 16);
}
