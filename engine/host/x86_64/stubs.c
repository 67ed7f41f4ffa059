// SPDX-License-Identifier: GPL-3.0-or-later
// The shared pieces of generated code: ways in and out, and calls of C. A call of C happens with
// everything in the CPU's state, so that exceptions find it there; pins are read again afterwards.
// System V AMD64 ABI.
#include "engine/host/x86_64/lower-fp.h"
#include "engine/host/x86_64/lower-vec.h"

enum {
  KEPT_BYTES = 8, // keeps rsp aligned below the six pushes and the return address
  NZCV_IN_AX = 0xc101,
  FP_IN_AX = 0x4500,
  // NZCV for greater (0), less (1), equal (4) and unordered (7); less and greater change places.
  FP_NZCV = 0x2 | 0x8 << 4 | 0x6 << 16 | 0x3 << 28,
  FP_NZCV_SWAPPED = 0x8 | 0x2 << 4 | 0x6 << 16 | 0x3 << 28,
  MXCSR = 0x1f80, // to the nearest, nothing traps
  MXCSR_UP = MXCSR | 0x4000,
  MXCSR_DOWN = MXCSR | 0x2000,
  MXCSR_ZERO = MXCSR | 0x6000,
  MXCSR_FLUSH = 0x8040, // results and operands
  MXCSR_MODES = 0xe0,   // of the second byte: it is not MXCSR
  MXCSR_FLAGS = 0x3d,
};

static void
spill (X64Asm *a, const JitLayout *layout)
{
  for (unsigned r = 0; r < IR_N_REGS; r++)
    if (x64_pinned (r))
      x64_mov_mr (a, 64, x64_state (layout->x + 8 * (int32_t) r), (unsigned) x64_pins[r]);
}

static void
reload (X64Asm *a, const JitLayout *layout)
{
  for (unsigned r = 0; r < IR_N_REGS; r++)
    if (x64_pinned (r))
      x64_mov_rm (a, 64, (unsigned) x64_pins[r], x64_state (layout->x + 8 * (int32_t) r));
}

static const uint8_t kept[] = {X64_RBP, X64_RBX, X64_R12, X64_R13, X64_R14, X64_R15};

// The host computes as the guest wants it. Two registers are used.
static void
load_modes (X64Asm *a, const JitLayout *layout, const X64Stubs *stubs, unsigned r, unsigned s)
{
  x64_movzx_rm (a, 16, r, x64_state (layout->fp_rounding));
  x64_mov_rr (a, 32, s, r);
  x64_shift_ri (a, X64_SHR, 32, s, 6);
  x64_alu_rr (a, X64_OR, 32, r, s);
  x64_alu_ri (a, X64_AND, 32, r, 7);
  x64_lea (a, 64, s, x64_rip (stubs->fp_constants));
  x64_ldmxcsr (a, x64_mem_index (s, r, 2, 0));
}

// void enter (void *cpu, const void *code, GuestVaddr va)
static void
emit_enter (X64Asm *a, const JitLayout *layout, const X64Stubs *stubs)
{
  for (unsigned i = 0; i < sizeof kept; i++)
    x64_push (a, kept[i]);
  x64_alu_ri (a, X64_SUB, 64, X64_RSP, KEPT_BYTES);
  x64_lea (a, 64, X64_CPU, x64_mem (X64_RDI, X64_CPU_BIAS));
  load_modes (a, layout, stubs, X64_RAX, X64_RCX);
  x64_mov_rr (a, 64, X64_RCX, X64_RSI);
  x64_mov_rr (a, 64, X64_RAX, X64_RDX);
  x64_mov_rm (a, 64, X64_CTX, x64_state (layout->ctx));
  reload (a, layout);
  x64_jmp_r (a, X64_RCX);
}

// Adds the cumulative exceptions of MXCSR, which are to the right but for the one of denormal
// operands in between, to those of the state. rcx and rdx are used. The compiler's code raises none:
// nothing computes with numbers on this thread but the sound device, in an environment of its own.
static void
fold_exceptions (X64Asm *a, const JitLayout *layout, X64Short *none)
{
  X64Mem scratch = x64_mem (X64_RSP, -8);

  x64_stmxcsr (a, scratch);
  x64_test_mi (a, 8, scratch, MXCSR_FLAGS);
  x64_jcc_short (a, X64_CC_E, none);
  x64_mov_rm (a, 32, X64_RCX, scratch);
  x64_mov_rr (a, 32, X64_RDX, X64_RCX);
  x64_alu_ri (a, X64_AND, 32, X64_RDX, 1);
  x64_shift_ri (a, X64_SHR, 32, X64_RCX, 1);
  x64_alu_ri (a, X64_AND, 32, X64_RCX, 0x1e);
  x64_alu_rr (a, X64_OR, 32, X64_RCX, X64_RDX);
  x64_alu_mr (a, X64_OR, 32, x64_state (layout->fp_flags), X64_RCX);
}

// rax: where the guest goes on.
static void
emit_leave (X64Asm *a, const JitLayout *layout, const X64Stubs *stubs)
{
  X64Short none = {0}, usual = {0};

  fold_exceptions (a, layout, &none);
  x64_bind_short (a, &none);
  x64_test_mi (a, 8, x64_mem (X64_RSP, -7), (int8_t) MXCSR_MODES);
  x64_jcc_short (a, X64_CC_E, &usual);
  x64_ldmxcsr (a, x64_rip (stubs->fp_constants));
  x64_bind_short (a, &usual);
  x64_mov_mr (a, 64, x64_state (layout->pc), X64_RAX);
  x64_mov_mr (a, 64, x64_state (layout->page), X64_PAGE);
  spill (a, layout);
  x64_alu_ri (a, X64_ADD, 64, X64_RSP, KEPT_BYTES);
  for (unsigned i = sizeof kept; i-- > 0;)
    x64_pop (a, kept[i]);
  x64_ret (a);
}

// rax: where the guest goes on, in a context and mode that may be new.
static void
emit_dispatch (X64Asm *a, const JitLayout *layout, const X64Stubs *stubs)
{
  x64_mov_rm (a, 64, X64_CTX, x64_state (layout->ctx));
  x64_lea (a, 64, X64_RDX, x64_mem (X64_CTX, layout->ctx_jc));
  x64_alu_rm (a, X64_CMP, 64, X64_RDX, x64_state (layout->jc));
  x64_jcc_to (a, X64_CC_NE, stubs->leave);
  x64_jump_by_cache (a, layout, 0, stubs->second);
}

// Before C is called: the state is complete, and the CPU the first argument.
static void
begin_c (X64Asm *a, const JitLayout *layout)
{
  spill (a, layout);
  x64_mov_mr (a, 64, x64_state (layout->page), X64_PAGE);
  x64_lea (a, 64, X64_RDI, x64_mem (X64_CPU, -X64_CPU_BIAS));
}

// In what generated code called: leaves it instead of going back, to where the CPU goes on.
static void
leave_caller (X64Asm *a, const JitLayout *layout, const X64Stubs *stubs)
{
  x64_alu_ri (a, X64_ADD, 64, X64_RSP, 8);
  x64_mov_rm (a, 64, X64_RAX, x64_state (layout->pc));
  x64_jmp_to (a, stubs->dispatch);
}

// f (cpu, rax, ecx), a bool or (`pointer`) a void *: false, NULL: an exception was taken. Called from
// generated code, so the stack is 8 bytes off. What was read comes back in rax and rdx, or the
// pointer in rdx.
static void
emit_slow (X64Asm *a, const JitLayout *layout, const X64Stubs *stubs, uintptr_t function,
           bool pointer)
{
  X64Short fault = {0};

  begin_c (a, layout);
  x64_mov_rr (a, 64, X64_RSI, X64_RAX);
  x64_mov_rr (a, 32, X64_RDX, X64_RCX);
  x64_alu_ri (a, X64_SUB, 64, X64_RSP, 8);
  x64_mov_ri (a, X64_RAX, function);
  x64_call_r (a, X64_RAX);
  x64_alu_ri (a, X64_ADD, 64, X64_RSP, 8);
  reload (a, layout);
  x64_test_rr (a, pointer ? 64 : 8, X64_RAX, X64_RAX);
  x64_jcc_short (a, X64_CC_E, &fault);
  if (pointer) {
    x64_mov_rr (a, 64, X64_RDX, X64_RAX);
  } else {
    x64_mov_rm (a, 64, X64_RAX, x64_state (layout->access_data));
    x64_mov_rm (a, 64, X64_RDX, x64_state (layout->access_data + 8));
  }
  x64_ret (a);
  x64_bind_short (a, &fault);
  leave_caller (a, layout, stubs);
}

// To `missed`, with all as it was, unless the `bytes` at rax are in the table; their addend into rdx.
static void
look_up (X64Asm *a, const JitLayout *layout, int32_t table, unsigned bytes, const uint8_t *missed)
{
  x64_push (a, X64_RCX);
  x64_mov_rr (a, 32, X64_RDX, X64_RAX);
  x64_shift_ri (a, X64_SHR, 32, X64_RDX, IR_PAGE_BITS - 4);
  x64_alu_ri (a, X64_AND, 32, X64_RDX, ((1 << layout->tlb_bits) - 1) << 4);
  x64_lea (a, 64, X64_RCX, x64_mem (X64_RAX, (int32_t) bytes - 1));
  x64_alu_ri (a, X64_AND, 64, X64_RCX, -IR_PAGE_SIZE);
  x64_alu_rm (a, X64_CMP, 64, X64_RCX, x64_mem_index (X64_CTX, X64_RDX, 0, table));
  x64_pop (a, X64_RCX);
  x64_jcc_to (a, X64_CC_NE, missed);
  x64_mov_rm (a, 64, X64_RDX, x64_mem_index (X64_CTX, X64_RDX, 0, table + 8));
}

static void
emit_look_load (X64Asm *a, const JitLayout *layout, const X64Stubs *stubs, unsigned size, bool pair)
{
  unsigned bits = 8u << size;

  look_up (a, layout, layout->ctx_read, (pair ? 2u : 1u) << size, stubs->load);
  if (pair)
    x64_alu_rr (a, X64_ADD, 64, X64_RDX, X64_RAX);
  x64_movzx_rm (a, bits, X64_RAX,
                pair ? x64_mem (X64_RDX, 0) : x64_mem_index (X64_RDX, X64_RAX, 0, 0));
  if (pair)
    x64_movzx_rm (a, bits, X64_RDX, x64_mem (X64_RDX, (int32_t) bits / 8));
  x64_ret (a);
}

static void
emit_look_store (X64Asm *a, const JitLayout *layout, const X64Stubs *stubs, unsigned size,
                 bool pair)
{
  unsigned bits = 8u << size;

  look_up (a, layout, layout->ctx_write, (pair ? 2u : 1u) << size, stubs->store);
  x64_alu_rr (a, X64_ADD, 64, X64_RDX, X64_RAX);
  x64_mov_rm (a, 64, X64_RCX, x64_state (layout->access_data));
  x64_mov_mr (a, bits, x64_mem (X64_RDX, 0), X64_RCX);
  if (pair) {
    x64_mov_rm (a, 64, X64_RCX, x64_state (layout->access_data + 8));
    x64_mov_mr (a, bits, x64_mem (X64_RDX, (int32_t) bits / 8), X64_RCX);
  }
  x64_ret (a);
}

// Calls the function an instruction of tier 0 (rax) starts with. `then` is where to go behind the
// last of a region, which is jumped to; NULL: it is called, and the region left when nothing set
// went_on.
static void
emit_interp (X64Asm *a, const JitLayout *layout, const X64Stubs *stubs, const uint8_t *then)
{
  X64Short left = {0};
  bool ends = then != NULL;

  begin_c (a, layout);
  x64_mov_rr (a, 64, X64_RSI, X64_RAX);
  if (!ends) {
    x64_mov_mi (a, 8, x64_state (layout->went_on), 0);
    x64_alu_ri (a, X64_SUB, 64, X64_RSP, 8);
  }
  x64_call_m (a, x64_mem (X64_RSI, 0));
  reload (a, layout);
  if (!ends) {
    x64_alu_ri (a, X64_ADD, 64, X64_RSP, 8);
    x64_alu_mi (a, X64_CMP, 8, x64_state (layout->went_on), 0);
    x64_jcc_short (a, X64_CC_E, &left);
    x64_ret (a);
    x64_bind_short (a, &left);
    leave_caller (a, layout, stubs);
    return;
  }
  x64_mov_rm (a, 64, X64_RAX, x64_state (layout->pc));
  x64_jmp_to (a, then);
}

static void
emit_fp_sync (X64Asm *a, const JitLayout *layout, const X64Stubs *stubs)
{
  X64Short none = {0};

  fold_exceptions (a, layout, &none);
  load_modes (a, layout, stubs, X64_RCX, X64_RDX);
  x64_bind_short (a, &none);
  x64_ret (a);
}

// Pairs of 128 bits for singles and doubles: X64FpConstant.
static void
emit_fp_constants (X64Asm *a)
{
  static const uint64_t words[][4] = {
      [X64_FP_MXCSR] = {MXCSR | (uint64_t) MXCSR_UP << 32, MXCSR_DOWN | (uint64_t) MXCSR_ZERO << 32,
                        MXCSR | MXCSR_FLUSH | (uint64_t) (MXCSR_UP | MXCSR_FLUSH) << 32,
                        MXCSR_DOWN | MXCSR_FLUSH | (uint64_t) (MXCSR_ZERO | MXCSR_FLUSH) << 32},
      [X64_FP_ABS] = {0x7fffffff7fffffff, 0x7fffffff7fffffff, INT64_MAX, INT64_MAX},
      [X64_FP_ABS_SCALAR] = {0x7fffffff, 0, INT64_MAX, 0},
      [X64_FP_SIGN] = {0x8000000080000000, 0x8000000080000000, 1ull << 63, 1ull << 63},
      [X64_FP_SIGN_SCALAR] = {0x80000000, 0, 1ull << 63, 0},
      [X64_FP_INTEGERS] = {0x4b000000, 0, 0x4330000000000000, 0},
      [X64_FP_2_63] = {0x5f000000, 0, 0x43e0000000000000, 0},
      [X64_FP_HALF] = {0x3f000000, 0, 0x3fe0000000000000, 0},
      [X64_FP_ONE] = {0x3f800000, 0, 0x3ff0000000000000, 0},
      [X64_FP_DENORMALS] = {0xffffff, 0, (1ull << 53) - 1, 0},
      [X64_FP_LEAST] = {0x0080000000800000, 0x0080000000800000, 1ull << 52, 1ull << 52},
  };

  for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
    for (unsigned k = 0; k < 4; k++)
      x64_raw (a, words[i][k], 8);
}

static const uint8_t *
begin (X64Asm *a)
{
  while ((uintptr_t) a->p % 16 != 0)
    x64_int3 (a);
  return a->p;
}

// CRC-32 of one byte, polynomial 0x04c11db7 reflected.
static void
emit_crc_table (X64Asm *a)
{
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t crc = i;

    for (unsigned bit = 0; bit < 8; bit++)
      crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    x64_raw (a, crc, 4);
  }
}

// int64_t addend (cpu, rax, ecx): comes back in rdx, with rax, and the flags of whether it is 0.
static void
emit_addend (X64Asm *a, const JitLayout *layout)
{
  spill (a, layout);
  x64_mov_mr (a, 64, x64_state (layout->access_data), X64_RAX);
  x64_lea (a, 64, X64_RDI, x64_mem (X64_CPU, -X64_CPU_BIAS));
  x64_mov_rr (a, 64, X64_RSI, X64_RAX);
  x64_mov_rr (a, 32, X64_RDX, X64_RCX);
  x64_alu_ri (a, X64_SUB, 64, X64_RSP, 8);
  x64_mov_ri (a, X64_RAX, (uintptr_t) layout->addend);
  x64_call_r (a, X64_RAX);
  x64_alu_ri (a, X64_ADD, 64, X64_RSP, 8);
  x64_mov_rr (a, 64, X64_RDX, X64_RAX);
  reload (a, layout);
  x64_mov_rm (a, 64, X64_RAX, x64_state (layout->access_data));
  x64_test_rr (a, 64, X64_RDX, X64_RDX);
  x64_ret (a);
}

// Something is pending; rax: where the guest goes on. Jumped to.
static void
emit_attend (X64Asm *a, const JitLayout *layout, const X64Stubs *stubs)
{
  X64Mem at = x64_state (layout->access_data);

  x64_mov_mr (a, 64, at, X64_RAX);
  begin_c (a, layout);
  x64_mov_rr (a, 64, X64_RSI, X64_RAX);
  x64_mov_ri (a, X64_RAX, (uintptr_t) layout->attend);
  x64_call_r (a, X64_RAX);
  reload (a, layout);
  x64_test_rr (a, 8, X64_RAX, X64_RAX);
  x64_mov_rm (a, 64, X64_RAX, at);
  x64_jcc_to (a, X64_CC_E, stubs->leave);
  x64_mov_rm (a, 64, X64_RAX, x64_state (layout->pc));
  x64_jmp_to (a, stubs->dispatch);
}

static void
emit_slow_paths (X64Asm *a, const JitLayout *layout, X64Stubs *stubs)
{
  stubs->attend = begin (a);
  emit_attend (a, layout, stubs);

  stubs->load = begin (a);
  emit_slow (a, layout, stubs, (uintptr_t) layout->load, false);
  stubs->store = begin (a);
  emit_slow (a, layout, stubs, (uintptr_t) layout->store, false);
  stubs->check_sp = begin (a);
  emit_slow (a, layout, stubs, (uintptr_t) layout->check_sp, false);
  stubs->rmw = begin (a);
  emit_slow (a, layout, stubs, (uintptr_t) layout->rmw, true);
  stubs->addend = begin (a);
  emit_addend (a, layout);
  for (unsigned pair = 0; pair < 2; pair++)
    for (unsigned size = 0; size < 4; size++) {
      stubs->look_load[pair][size] = begin (a);
      emit_look_load (a, layout, stubs, size, pair != 0);
      stubs->look_store[pair][size] = begin (a);
      emit_look_store (a, layout, stubs, size, pair != 0);
    }
}

bool
x64_emit_stubs (X64Asm *a, const JitLayout *layout, X64Stubs *stubs)
{
  stubs->fp_constants = begin (a);
  emit_fp_constants (a);
  stubs->enter = begin (a);
  emit_enter (a, layout, stubs);
  stubs->leave = begin (a);
  emit_leave (a, layout, stubs);
  stubs->second = begin (a);
  x64_emit_second_jump (a, layout, stubs->leave);
  stubs->dispatch = begin (a);
  emit_dispatch (a, layout, stubs);
  stubs->link = begin (a);
  x64_mov_mr (a, 64, x64_state (layout->link_site), X64_RCX);
  x64_jmp_to (a, stubs->leave);
  stubs->stale = begin (a);
  x64_mov_mi (a, 8, x64_state (layout->stale), 1);
  x64_jmp_to (a, stubs->leave);
  emit_slow_paths (a, layout, stubs);
  stubs->interp = begin (a);
  emit_interp (a, layout, stubs, NULL);
  stubs->interp_end = begin (a);
  emit_interp (a, layout, stubs, stubs->dispatch);
  stubs->interp_leave = begin (a);
  emit_interp (a, layout, stubs, stubs->leave);
  x64_emit_exception_stubs (a, layout, stubs);
  stubs->flag_mask = begin (a);
  x64_raw (a, NZCV_IN_AX, 8);
  x64_raw (a, FP_IN_AX, 4);
  x64_raw (a, (uint32_t) FP_NZCV, 4);
  x64_raw (a, (uint32_t) FP_NZCV_SWAPPED, 4);
  x64_raw (a, UINT32_C (0xf0000000), 4);
  stubs->fp_sync = begin (a);
  emit_fp_sync (a, layout, stubs);
  stubs->crc_table = begin (a);
  emit_crc_table (a);
  stubs->vectors = begin (a);
  x64_emit_vector_constants (a);
  return !a->overflow;
}
