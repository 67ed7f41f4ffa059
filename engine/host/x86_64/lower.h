// SPDX-License-Identifier: GPL-3.0-or-later
// From uops to x86-64 code: what the files lower-*.c share. One pass forwards over a region, with
// the liveness of NZCV known; each uop becomes code at once, and what is seldom run is collected
// and written behind it (X64Cold).
//
// Register use in generated code:
//   rbp  the CPU's state + 128        r14  the translation context
//   r15  virtual address of the page  rsp  host stack, 16-byte aligned
//   rbx, rdi, rsi, r8..r13            guest registers that are pinned (x64_pins)
//   rax, rcx, rdx                     scratch, within one uop
//   xmm0, xmm1                        scratch, within one uop
//   xmm2..xmm15                       copies of guest vector registers, within a straight stretch
//                                     and where a loop begins
// All other guest registers are in the CPU's state. A result in a copy of a vector register is
// stored only before something else may see it, and where another result takes its xmm register; if
// a cold piece has to, it does so itself.
//
// NZCV is in the CPU's state, in EFLAGS, or in both. In EFLAGS: N = SF, Z = ZF, V = OF, and C is
// CF (X64_FLAGS_ADD) or its opposite (X64_FLAGS_SUB), whichever the producer left. Or they are those
// of vucomis a, b after a comparison of a and b (X64_FLAGS_FP), or of vucomis b, a.
//
// The cumulative floating-point exceptions are those of the CPU's state and of MXCSR, which is as at
// reset when generated code is entered and when they are moved (x64_lower_FPSYNC).
#pragma once

#include "engine/host/x86_64/asm.h"
#include "engine/host/x86_64/features.h"
#include "engine/jit/host.h"

enum {
  X64_CPU = X64_RBP,
  X64_CTX = X64_R14,
  X64_PAGE = X64_R15,
  X64_CPU_BIAS = 128,
  X64_NOT_PINNED = -1,
  X64_N_XMM = 16,
  X64_FIRST_COPY = 2,
  X64_NO_COPY = 0xff,
  X64_COPY_SHIFT = 6, // of copy_of: X64CopyForm above the number
  X64_MAX_COLD = 1024,
  X64_MAX_OPS = 3 * IR_MAX_INSNS, // with those of code that is there three times
  X64_MAX_STREAMS = 6,
  X64_MAX_WINDOWS = 64,
};

typedef enum X64FlagsKind {
  X64_FLAGS_NONE, // EFLAGS hold nothing
  X64_FLAGS_ADD,
  X64_FLAGS_SUB,
  X64_FLAGS_FP,
  X64_FLAGS_FP_SWAPPED,
} X64FlagsKind;

// What a copy of a vector register has of it.
typedef enum X64CopyForm {
  X64_COPY_ALL,
  X64_COPY_SHORT, // all: bits 127:64 are zero
  X64_COPY_LOW64, // bits 63:0, zero above
  X64_COPY_LOW32, // bits 31:0, zero above
} X64CopyForm;

// Where NZCV is. in_memory may be true beside a kind.
typedef struct X64Flags {
  X64FlagsKind kind;
  bool in_memory;
} X64Flags;

typedef struct X64Lower X64Lower;
typedef struct X64Cold X64Cold;

// A piece of code that is run seldom, reached from one place.
struct X64Cold {
  void (*emit) (X64Lower *l, X64Cold *cold);
  X64Label entry;
  uint8_t *resume; // where it goes back to, or NULL
  const Uop *uop;
  X64Flags flags;  // at the entry
  uint16_t copies; // xmm registers that hold copies and must be read again
  uint8_t copy_of[X64_N_XMM];
  uint16_t dirty; // xmm registers that are stored first
  uint8_t dirty_of[X64_N_XMM];
  uint8_t count; // instructions begun and not counted
  uint8_t base;  // memory: host register of the base
  int32_t disp;
  int64_t imm; // what emit needs else
};

// What lies at these offsets from the mask of NZCV: 32 bits each.
enum {
  X64_FP_IN_AX = 8, // ZF, PF, CF after lahf
  X64_FP_NZCV = 12,
  X64_FP_NZCV_SWAPPED = 16,
  X64_NZCV_BITS = 20,
};

// Accesses of one straight stretch that share a look-up: those at constant offsets from one base,
// which may be moved by constants between them, or all at one base and index. The addend is in rdx, or has to be read again from
// the CPU's state.
typedef struct X64Window {
  bool active;
  bool in_rdx;          // now
  bool saved;           // in the CPU's state, too
  const Uop *like;      // the first access
  uint16_t cold;        // the piece for when the look-up fails
  unsigned first, last; // uops
} X64Window;

// Accesses in a loop at constant offsets from one address, which moves by a constant in each round.
typedef struct X64Stream {
  uint8_t a, b, c; // as of the accesses
  bool indexed, write;
  int64_t low, high; // what is touched in a round, from the address at its beginning
  int64_t stride;
} X64Stream;

// A loop whose streams were looked up. (lower-loop.c)
typedef struct X64Loop {
  bool active;
  bool all;             // no other access, and nothing else that may take long
  unsigned in_rdx;      // the stream whose addend this is, or X64_MAX_STREAMS
  unsigned n;           // streams
  unsigned counter;     // the register that says when to look up again
  int32_t step;         // what is added to it in a round
  uint16_t cold;        // the piece for when a look-up fails
  unsigned first, last; // uops
  X64Stream streams[X64_MAX_STREAMS];
} X64Loop;

// What is known where jumps to a label meet.
typedef struct X64Meeting {
  bool from_before; // jumps to it came before it
  bool copies;      // it is a loop that begins with copies:
  uint8_t copy_of[X64_N_XMM];
  uint32_t dirty; // these may be newer than their homes
  const Uop *end; // the jump back of a loop over streams, which leads
  X64Label again; // here
} X64Meeting;

// What is known at a point of the code.
typedef struct X64Knowledge {
  X64Flags flags;
  bool sp_checked;
  uint8_t count;
  uint8_t copy_of[X64_N_XMM];
  uint8_t copy_in[IR_N_VREGS];
} X64Knowledge;

// Code that is the same each time but for one displacement: made once and copied.
typedef struct X64Piece {
  uint8_t bytes[48];
  uint8_t n;
  uint8_t field; // where the displacement is
} X64Piece;

// Addresses of shared code, as written.
typedef struct X64Stubs {
  // second: the place beside the one in a jump cache.
  const uint8_t *enter, *leave, *second, *dispatch, *link, *stale;
  const uint8_t *load, *store, *rmw, *check_sp, *attend, *addend;
  // The same as load and store of one size, or of a pair, but the context's table comes first.
  const uint8_t *look_load[2][4], *look_store[2][4];
  const uint8_t *interp, *interp_end, *interp_leave; // the last leaves whatever the mode is then
  // A system call, rax being where it returns to; an exception return to the user and to the kernel,
  // with eax the saved state and rcx the block of system registers. (lower-system.c)
  const uint8_t *call_kernel, *return_to_user, *return_to_kernel;
  const uint8_t *flag_mask; // where SF, ZF, CF, OF are after lahf; seto al; and X64_FP_IN_AX...
  const uint8_t *crc_table;
  const uint8_t *fp_sync, *fp_constants; // lower-fp.h
  const uint8_t *vectors;                // lower-vec.h
} X64Stubs;

struct X64Lower {
  X64Asm a;
  X64Piece poll;       // leads away when there is something pending
  X64Piece index;      // the address in ecx becomes an index of a table
  X64Piece compare[2]; // of the read and of the write table (lower-mem.c)
  X64Piece probe[2];   // by the mask of the jump cache
  uint32_t probe_mask[2];
  X64Window window;
  X64Loop loop;
  unsigned n_windows;
  X64Knowledge before_window[X64_MAX_WINDOWS];
  const JitLayout *layout;
  const X64Stubs *stubs;
  const X64Features *features;
  const JitRequest *request;
  const IrRegion *ir;
  X64Flags flags;
  bool sp_checked;            // SP is known to be aligned
  uint8_t count;              // instructions begun and not counted
  uint8_t copy_of[X64_N_XMM]; // guest vector register and form, or X64_NO_COPY
  uint8_t copy_in[IR_N_VREGS];
  uint32_t copies_used;  // xmm registers of operands of this uop
  uint32_t dirty;        // xmm registers with copies that are newer than their homes
  const Uop *carried_to; // the end of a loop that carries some of them along
  uint8_t results[2];    // registers this uop writes and does not read: those asked for next
  unsigned cold_of_uop;  // the first cold piece of this uop
  unsigned next_copy;
  unsigned n_cold, n_ops;
  bool failed;  // something did not fit
  bool in_cold; // the cold code is being written
  X64Label labels[IR_MAX_LABELS];
  X64Meeting met[IR_MAX_LABELS];
  X64Cold cold[X64_MAX_COLD];
  struct {
    uint8_t *field; // displacement to be completed
    unsigned op;
  } ops[X64_MAX_OPS];
  uint8_t *op_at[IR_MAX_INSNS]; // where each is written, or NULL
};

typedef void (*X64LowerFn) (X64Lower *l, const Uop *uop);

#define IR_UOP(name, shape, properties, meaning)                                                   \
  void x64_lower_##name (X64Lower *l, const Uop *uop);
#include "engine/ir/uop-fp.inc"
#include "engine/ir/uop-simd.inc"
#include "engine/ir/uop-vec.inc"
#include "engine/ir/uop.inc"
#undef IR_UOP

// Host registers of pinned guest registers.
extern const int8_t x64_pins[IR_N_REGS];

void x64_emit_exception_stubs (X64Asm *a, const JitLayout *layout, X64Stubs *stubs);
bool x64_emit_stubs (X64Asm *a, const JitLayout *layout, X64Stubs *stubs);
// What all regions have in common. The arguments stay where they are.
void x64_lower_init (X64Lower *l, const JitLayout *layout, const X64Stubs *stubs,
                     const X64Features *features);
// Of lower-mem.c.
void x64_init_look_up (X64Lower *l);

// ---- operands -------------------------------------------------------------------------------

static inline unsigned
x64_bits (const Uop *uop)
{
  return uop->flags & UOP_W64 ? 64 : 32;
}

static inline X64Mem
x64_state (int32_t offset)
{
  return x64_mem (X64_CPU, offset - X64_CPU_BIAS);
}

static inline bool
x64_pinned (unsigned r)
{
  return x64_pins[r] != X64_NOT_PINNED;
}

// The home of a general register in the CPU's state; of a pinned one it is stale.
static inline X64Mem
x64_home (const X64Lower *l, unsigned r)
{
  return x64_state (l->layout->x + 8 * (int32_t) r);
}

static inline X64Mem
x64_vhome (const X64Lower *l, unsigned v)
{
  return x64_state (l->layout->v + 16 * (int32_t) v);
}

// A host register that holds r (64 bits of it): its pin, or `scratch`, loaded.
unsigned x64_use (X64Lower *l, unsigned r, unsigned scratch);
// r into this host register.
void x64_copy_to (X64Lower *l, unsigned host, unsigned r);
// Where to compute r's new value: its pin or `scratch`; x64_put then stores it if need be.
static inline unsigned
x64_target (unsigned r, unsigned scratch)
{
  return x64_pinned (r) ? (unsigned) x64_pins[r] : scratch;
}
void x64_put (X64Lower *l, unsigned r, unsigned host);

// The xmm register that holds vector register v, to be read.
X64Vec x64_vuse (X64Lower *l, unsigned v);
// At least the lowest 4 or 8 bytes of it (size 2, 3).
X64Vec x64_vlow (X64Lower *l, unsigned v, unsigned size);
// The xmm register that has that much of it; X64_NO_COPY: none.
unsigned x64_vcopy (const X64Lower *l, unsigned v, unsigned size);
// Everything above the lowest 1 << size bytes of this xmm register, a copy, is zero.
bool x64_vshort (const X64Lower *l, X64Vec xmm, unsigned size);
// A fresh xmm register for a result, which x64_vput makes v's.
X64Vec x64_vnew (X64Lower *l);
// The same where one instruction reads the operands and writes the result: its own if it has one.
X64Vec x64_vnew_over (X64Lower *l, unsigned v);
void x64_vput (X64Lower *l, unsigned v, X64Vec xmm);
// The same where the result is zero above its lowest 1 << size bytes.
void x64_vput_short (X64Lower *l, unsigned v, X64Vec xmm, unsigned size);
// Its home, up to date.
X64Mem x64_vmemory (X64Lower *l, unsigned v);
// All homes become up to date: before the state is looked at. Cold pieces do this by themselves.
void x64_vflush (X64Lower *l);
// A uop begins: its results may take the place of what their registers held.
void x64_vresults (X64Lower *l, const Uop *uop);
// A guest instruction begins: temporaries are dead.
void x64_vforget_temps (X64Lower *l);
static inline void
x64_vbegin (X64Lower *l)
{
  uint32_t temps;

  static_assert (sizeof temps == IR_N_VTEMPS && X64_NO_COPY == UINT8_MAX, "all are looked at");
  memcpy (&temps, &l->copy_in[IR_VTEMP], sizeof temps);
  if (temps != UINT32_MAX)
    x64_vforget_temps (l);
}
// The next n results need not be preceded by stores of others.
void x64_vreserve (X64Lower *l, unsigned n);
// Copies are gone: other code ran, or comes here from elsewhere.
void x64_vforget (X64Lower *l);
// There are any; most code has none.
bool x64_has_copies (const X64Lower *l);
// Reads a copy (register and form) from its home.
void x64_read_copy (X64Lower *l, X64Vec xmm, uint8_t copy);
// Stores it there.
void x64_write_copy (X64Lower *l, X64Vec xmm, uint8_t copy);
// At a label, before it is bound: the copies are those that all jumps to it will bring.
void x64_meet (X64Lower *l, const Uop *label);
// Before a jump, or before what it depends on is looked at: the copies are those its label wants.
// EFLAGS are left alone.
void x64_join (X64Lower *l, const Uop *uop);

// ---- flags ----------------------------------------------------------------------------------

// To be called before code that changes EFLAGS, in a uop that does not itself write NZCV.
void x64_clobber (X64Lower *l, const Uop *uop);
// NZCV is in the CPU's state afterwards; EFLAGS stay valid (their kind may change).
void x64_flags_to_memory (X64Lower *l);
// EFLAGS hold NZCV afterwards; rax is used if they did not.
void x64_flags_to_host (X64Lower *l);
// What to test for an IrCond below IR_AL; loads flags if need be.
enum X64Cc x64_condition (X64Lower *l, unsigned cond);
// Where flags are those of a comparison of numbers, before a uop that may know those of integers
// only.
void x64_integer_flags_for (X64Lower *l, const Uop *uop);
// Which order of the operands of vucomis lets the condition be tested.
X64FlagsKind x64_fp_kind_for (unsigned cond);
// EFLAGS now hold NZCV, and the state does not.
static inline void
x64_flags_set (X64Lower *l, X64FlagsKind kind)
{
  l->flags = (X64Flags){.kind = kind};
}

// ---- the rest -------------------------------------------------------------------------------

// A cold piece; the caller jumps to its entry.
X64Cold *x64_cold (X64Lower *l, const Uop *uop, void (*emit) (X64Lower *l, X64Cold *cold));
// In a cold piece: copies are read again.
void x64_cold_read_copies (X64Lower *l, const X64Cold *cold);
// At its end: the same.
void x64_cold_resume (X64Lower *l, X64Cold *cold);
// It goes back to here, where the copies are those of now.
void x64_cold_return (const X64Lower *l, X64Cold *cold);
// Adds the instructions begun to the counter, where they are counted; leaves EFLAGS alone.
void x64_flush_count (X64Lower *l);
// Leaves the region, going on at the address in rax.
void x64_probe (X64Lower *l);
// To the code for the address in rax, by the context's jump cache; else to `second`, the stub that
// looks beside that. rcx is used. Returns the displacement of the jump there.
uint8_t *x64_jump_by_cache (X64Asm *a, const JitLayout *layout, uint32_t mask,
                            const uint8_t *second);
void x64_emit_second_jump (X64Asm *a, const JitLayout *layout, const uint8_t *leave);
// Appends a piece. Where its displacement is; NULL: there is no room.
static inline uint8_t *
x64_put_piece (X64Asm *a, const X64Piece *piece)
{
  uint8_t *at = a->p;

  if (__builtin_expect (a->end - at < (ptrdiff_t) sizeof piece->bytes, 0)) {
    a->overflow = true;
    return NULL;
  }
  memcpy (at, piece->bytes, sizeof piece->bytes);
  a->p = at + piece->n;
  return at + piece->field;
}
// The decoded instruction uop->imm into rax; tier 0 for all of an uop.
void x64_load_op (X64Lower *l, const Uop *uop);
void x64_interp (X64Lower *l, const Uop *uop);
// Lowers uops first..last.
void x64_lower_uops (X64Lower *l, unsigned first, unsigned last);
// Before uop `index` is lowered: begins a window with it, if it is worth it. (lower-window.c)
void x64_window_begin (X64Lower *l, unsigned index);
// The window ended with the uop before.
void x64_window_end (X64Lower *l);
// Faults where a is a misaligned SP.
void x64_check_sp (X64Lower *l, const Uop *uop);
// The access goes through the window: the addend is in rdx then.
bool x64_window_has (X64Lower *l, const Uop *uop);
// Uops that may share a look-up with others; with an index; how many bytes they access.
bool x64_is_access (const Uop *uop);
bool x64_is_indexed (const Uop *uop);
int64_t x64_access_bytes (const Uop *uop);
// What is known now, for a second copy of the code that follows.
void x64_remember (const X64Lower *l, X64Knowledge *k);
void x64_recall (X64Lower *l, const X64Knowledge *k);
// The last jump back to a label of a loop without labels and calls of C inside, or NULL.
const Uop *x64_loop_end (const X64Lower *l, const Uop *label);
bool x64_leads_to (const Uop *uop, const Uop *label);
// At a loop's label: looks up its streams, if that is worth it. (lower-loop.c)
void x64_loop_begin (X64Lower *l, const Uop *label);
// The loop ended with the uop before.
void x64_loop_leave (X64Lower *l);
// Before each uop: whether it accesses a stream.
bool x64_loop_pass (X64Lower *l, const Uop *uop, bool keeps_rdx);
// Likewise, and the addend is in rdx then.
bool x64_loop_has (X64Lower *l, const Uop *uop);
// Which word of those of generated code in the CPU's state rdx is a copy of, from 1; 0: none.
unsigned x64_addend_word (const X64Lower *l);
// A uop of uop-simd.inc that neither accesses memory nor needs tier 0: uses rax and rcx at most.
bool x64_is_plain_simd (const Uop *uop);
// A uop of uop-fp.inc whose code leaves rdx alone; where tier 0 carries it out, a window's addend is
// read again.
bool x64_is_plain_fp (const Uop *uop);
// The word for slow paths.
uint32_t x64_describe (const X64Lower *l, const Uop *uop, uint32_t bits);
