// SPDX-License-Identifier: GPL-3.0-or-later
// Loads, stores and atomics (lower.h). An access first looks into the context's read or write
// table: an entry is {tag, addend}, indexed by the virtual page, and hits when the page of the
// access's last byte equals the tag, which also catches accesses over a page's end. A miss goes to
// C and comes back behind the access.
#include "engine/host/x86_64/lower-mem.h"

// ---- addresses ------------------------------------------------------------------------------

static void
misaligned_sp (X64Lower *l, X64Cold *cold)
{
  x64_mov_ri (&l->a, X64_RCX, x64_describe (l, cold->uop, 0));
  x64_call_to (&l->a, l->stubs->check_sp);
  x64_cold_resume (l, cold);
}

void
x64_check_sp (X64Lower *l, const Uop *uop)
{
  if (uop->a != IR_SP || l->sp_checked)
    return;
  X64Cold *cold = x64_cold (l, uop, misaligned_sp);
  x64_test_ri (&l->a, 32, (unsigned) x64_pins[IR_SP], 15);
  x64_jcc (&l->a, X64_CC_NE, &cold->entry);
  cold->resume = l->a.p;
  l->sp_checked = true;
}

static X64Address
plain_address (X64Lower *l, const Uop *uop)
{
  x64_check_sp (l, uop);
  unsigned base = x64_use (l, uop->a, X64_RAX);
  if (x64_fits32 (uop->imm))
    return (X64Address){base, (int32_t) uop->imm};
  x64_mov_ri (&l->a, X64_RCX, (uint64_t) uop->imm);
  x64_lea (&l->a, 64, X64_RAX, x64_mem_index (base, X64_RCX, 0, 0));
  return (X64Address){X64_RAX, 0};
}

static X64Address
page_address (X64Lower *l, const Uop *uop)
{
  x64_lea (&l->a, 64, X64_RAX, x64_mem (X64_PAGE, (int32_t) uop->imm));
  return (X64Address){X64_RAX, 0};
}

// Base and index; c says how the index is extended (high nibble) and shifted (low nibble).
X64Address
x64_indexed_address (X64Lower *l, const Uop *uop)
{
  unsigned extend = uop->c >> 4, shift = uop->c & 15, index;

  x64_check_sp (l, uop);
  index = x64_use (l, uop->b, X64_RCX);
  if (extend == IR_UXTW || extend == IR_SXTW) {
    if (extend == IR_UXTW)
      x64_mov_rr (&l->a, 32, X64_RCX, index);
    else
      x64_movsx_rr (&l->a, 32, 64, X64_RCX, index);
    index = X64_RCX;
  }
  if (shift > 3) {
    if (index != X64_RCX)
      x64_mov_rr (&l->a, 64, X64_RCX, index);
    x64_shift_ri (&l->a, X64_SHL, 64, X64_RCX, shift);
    index = X64_RCX;
    shift = 0;
  }
  unsigned base = x64_use (l, uop->a, X64_RAX);
  x64_lea (&l->a, 64, X64_RAX, x64_mem_index (base, index, shift, 0));
  return (X64Address){X64_RAX, 0};
}

// ---- the table ------------------------------------------------------------------------------

static void
begin_piece (X64Asm *a, X64Piece *piece)
{
  *a = (X64Asm){.p = piece->bytes, .end = piece->bytes + sizeof piece->bytes};
}

static void
end_piece (const X64Asm *a, X64Piece *piece)
{
  assert (!a->overflow);
  piece->n = (uint8_t) (a->p - piece->bytes);
}

void
x64_init_look_up (X64Lower *l)
{
  const JitLayout *layout = l->layout;
  X64Asm a;

  begin_piece (&a, &l->index);
  x64_shift_ri (&a, X64_SHR, 32, X64_RCX, IR_PAGE_BITS - 4);
  x64_alu_ri (&a, X64_AND, 32, X64_RCX, ((1 << layout->tlb_bits) - 1) << 4);
  end_piece (&a, &l->index);
  for (unsigned write = 0; write < 2; write++) {
    X64Piece *piece = &l->compare[write];
    X64Mem entry =
        x64_mem_index (X64_CTX, X64_RCX, 0, write ? layout->ctx_write : layout->ctx_read);

    begin_piece (&a, piece);
    x64_alu_ri (&a, X64_AND, 64, X64_RDX, -IR_PAGE_SIZE);
    x64_alu_rm (&a, X64_CMP, 64, X64_RDX, entry);
    piece->field = (uint8_t) (x64_jcc_rel32 (&a, X64_CC_NE, a.p) - piece->bytes);
    entry.disp += 8;
    x64_mov_rm (&a, 64, X64_RDX, entry);
    end_piece (&a, piece);
  }
}

// With EL0's rights: in the table of its context.
static void
compare_unprivileged (X64Lower *l, bool write, X64Cold *cold)
{
  X64Mem entry = x64_mem (X64_RCX, write ? l->layout->ctx_write : l->layout->ctx_read);

  x64_alu_ri (&l->a, X64_AND, 64, X64_RDX, -IR_PAGE_SIZE);
  x64_alu_rm (&l->a, X64_ADD, 64, X64_RCX, x64_state (l->layout->ctx_el0));
  x64_alu_rm (&l->a, X64_CMP, 64, X64_RDX, entry);
  x64_jcc (&l->a, X64_CC_NE, &cold->entry);
  entry.disp += 8;
  x64_mov_rm (&l->a, 64, X64_RDX, entry);
}

X64Cold *
x64_look_up (X64Lower *l, const Uop *uop, X64Address at, unsigned bytes, bool write,
             X64EmitCold emit)
{
  X64Asm *a = &l->a;
  X64Cold *cold;

  if ((l->window.active || l->loop.active) && x64_window_has (l, uop))
    return NULL;
  cold = x64_cold (l, uop, emit);
  cold->base = (uint8_t) at.base;
  cold->disp = at.disp;
  if (at.disp == 0)
    x64_mov_rr (a, 32, X64_RCX, at.base);
  else
    x64_lea (a, 32, X64_RCX, x64_mem (at.base, at.disp));
  if (uop->aux2 & IR_MEM_ALIGNED && bytes > 1) {
    x64_test_ri (a, 32, X64_RCX, (int32_t) bytes - 1);
    x64_jcc (a, X64_CC_NE, &cold->entry);
  }
  x64_put_piece (a, &l->index);
  x64_lea (a, 64, X64_RDX, x64_mem (at.base, at.disp + (int32_t) bytes - 1));
  if (uop->aux2 & IR_MEM_UNPRIV)
    compare_unprivileged (l, write, cold);
  else
    x64_label_add (&cold->entry, x64_put_piece (a, &l->compare[write]));
  return cold;
}

static void
resume_here (X64Lower *l, X64Cold *cold)
{
  if (cold != NULL)
    cold->resume = l->a.p;
}

X64Mem
x64_host_memory (X64Address at, int32_t more)
{
  return x64_mem_index (X64_RDX, at.base, 0, at.disp + more);
}

// The address into rax, what to do into ecx.
static void
describe (X64Lower *l, const Uop *uop, X64Address at, uint32_t bits)
{
  if (uop->aux2 & IR_MEM_UNPRIV)
    bits |= JIT_DESC_UNPRIV;
  if (uop->aux2 & IR_MEM_ALIGNED)
    bits |= JIT_DESC_ALIGNED;
  if (at.base != X64_RAX || at.disp != 0)
    x64_lea (&l->a, 64, X64_RAX, x64_mem (at.base, at.disp));
  x64_mov_ri (&l->a, X64_RCX, x64_describe (l, uop, bits));
}

// In a cold piece.
static void
describe_slow (X64Lower *l, const X64Cold *cold, uint32_t bits)
{
  describe (l, cold->uop, (X64Address){cold->base, cold->disp}, bits);
}

// The second copy of a window's code, which runs seldom, is made of calls.
static bool
is_called (const X64Lower *l, const Uop *uop)
{
  return l->in_cold && (uop->aux2 & (IR_MEM_ALIGNED | IR_MEM_UNPRIV)) == 0 && !x64_has_copies (l);
}

// ---- general registers ----------------------------------------------------------------------

// Where a loaded value may go at once.
static void
load_value (X64Lower *l, const Uop *uop, unsigned host, X64Mem from)
{
  // movzx, mov; movsx to 32 and to 64 bits where the value is not as wide.
  static const X64Op ops[3][4] = {
      {X64_OP_0F | 0xb6, X64_OP_0F | 0xb7, 0x8b, X64_OP_W | 0x8b},
      {X64_OP_0F | 0xbe, X64_OP_0F | 0xbf, 0x8b, X64_OP_W | 0x8b},
      {X64_OP_W | X64_OP_0F | 0xbe, X64_OP_W | X64_OP_0F | 0xbf, X64_OP_W | 0x63, X64_OP_W | 0x8b},
  };
  unsigned kind = !(uop->aux2 & IR_MEM_SIGNED) ? 0 : uop->flags & UOP_W64 ? 2 : 1;

  x64_op_rm (&l->a, ops[kind][uop->aux], host, from);
}

// A value that came back in a register.
static void
extend_value (X64Lower *l, const Uop *uop, unsigned host, unsigned from)
{
  unsigned size = 8u << uop->aux;

  if (uop->aux2 & IR_MEM_SIGNED && size < x64_bits (uop))
    x64_movsx_rr (&l->a, size, x64_bits (uop), host, from);
  else if (size < 64)
    x64_movzx_rr (&l->a, size, host, from);
  else if (host != from)
    x64_mov_rr (&l->a, 64, host, from);
}

static void
call_load (X64Lower *l, const Uop *uop, X64Address at, const uint8_t *stub)
{
  unsigned d = x64_target (uop->d, X64_RAX);

  describe (l, uop, at, 0);
  x64_call_to (&l->a, stub);
  extend_value (l, uop, d, X64_RAX);
  x64_put (l, uop->d, d);
}

static void
load_slow (X64Lower *l, X64Cold *cold)
{
  call_load (l, cold->uop, (X64Address){cold->base, cold->disp}, l->stubs->load);
  x64_cold_resume (l, cold);
}

static void
load (X64Lower *l, const Uop *uop, X64Address at)
{
  unsigned d = x64_target (uop->d, X64_RCX);

  if (is_called (l, uop)) {
    call_load (l, uop, at, l->stubs->look_load[false][uop->aux]);
    return;
  }
  X64Cold *cold = x64_look_up (l, uop, at, 1u << uop->aux, false, load_slow);
  load_value (l, uop, d, x64_host_memory (at, 0));
  x64_put (l, uop->d, d);
  resume_here (l, cold);
}

void
x64_lower_LD (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  load (l, uop, plain_address (l, uop));
}

void
x64_lower_LDX (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  load (l, uop, x64_indexed_address (l, uop));
}

void
x64_lower_LDPC (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  load (l, uop, page_address (l, uop));
}

static void
call_load_pair (X64Lower *l, const Uop *uop, X64Address at, const uint8_t *stub)
{
  describe (l, uop, at, JIT_DESC_PAIR);
  x64_call_to (&l->a, stub);
  extend_value (l, uop, X64_RAX, X64_RAX);
  extend_value (l, uop, X64_RDX, X64_RDX);
  x64_put (l, uop->d, X64_RAX);
  x64_put (l, uop->c, X64_RDX);
}

static void
load_pair_slow (X64Lower *l, X64Cold *cold)
{
  call_load_pair (l, cold->uop, (X64Address){cold->base, cold->disp}, l->stubs->load);
  x64_cold_resume (l, cold);
}

void
x64_lower_LD2 (X64Lower *l, const Uop *uop)
{
  int32_t size = 1 << uop->aux;

  x64_clobber (l, uop);
  X64Address at = plain_address (l, uop);
  if (is_called (l, uop)) {
    call_load_pair (l, uop, at, l->stubs->look_load[true][uop->aux]);
    return;
  }
  X64Cold *cold = x64_look_up (l, uop, at, 2u << uop->aux, false, load_pair_slow);
  // The base may be the first destination, so that goes last. It may be in rax: not read again.
  load_value (l, uop, X64_RCX, x64_host_memory (at, 0));
  load_value (l, uop, X64_RAX, x64_host_memory (at, size));
  x64_put (l, uop->d, X64_RCX);
  x64_put (l, uop->c, X64_RAX);
  resume_here (l, cold);
}

static void
call_store (X64Lower *l, const Uop *uop, X64Address at, const uint8_t *stub)
{
  describe (l, uop, at, JIT_DESC_STORE);
  x64_mov_mr (&l->a, 64, x64_state (l->layout->access_data), x64_use (l, uop->d, X64_RDX));
  x64_call_to (&l->a, stub);
}

static void
store_slow (X64Lower *l, X64Cold *cold)
{
  call_store (l, cold->uop, (X64Address){cold->base, cold->disp}, l->stubs->store);
  x64_cold_resume (l, cold);
}

static void
fence_after (X64Lower *l, const Uop *uop)
{
  if (uop->aux2 & IR_MEM_RELEASE && l->request->smp)
    x64_fence (&l->a);
}

static void
store (X64Lower *l, const Uop *uop, X64Address at)
{
  unsigned size = 8u << uop->aux;

  if (is_called (l, uop)) {
    call_store (l, uop, at, l->stubs->look_store[false][uop->aux]);
    fence_after (l, uop);
    return;
  }
  X64Cold *cold = x64_look_up (l, uop, at, 1u << uop->aux, true, store_slow);
  if (uop->d == IR_ZERO)
    x64_mov_mi (&l->a, size, x64_host_memory (at, 0), 0);
  else
    x64_mov_mr (&l->a, size, x64_host_memory (at, 0), x64_use (l, uop->d, X64_RCX));
  resume_here (l, cold);
  fence_after (l, uop);
}

void
x64_lower_ST (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  store (l, uop, plain_address (l, uop));
}

void
x64_lower_STX (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  store (l, uop, x64_indexed_address (l, uop));
}

static void
call_store_pair (X64Lower *l, const Uop *uop, X64Address at, const uint8_t *stub)
{
  X64Mem data = x64_state (l->layout->access_data);

  describe (l, uop, at, JIT_DESC_STORE | JIT_DESC_PAIR);
  x64_mov_mr (&l->a, 64, data, x64_use (l, uop->d, X64_RDX));
  data.disp += 8;
  x64_mov_mr (&l->a, 64, data, x64_use (l, uop->c, X64_RDX));
  x64_call_to (&l->a, stub);
}

static void
store_pair_slow (X64Lower *l, X64Cold *cold)
{
  call_store_pair (l, cold->uop, (X64Address){cold->base, cold->disp}, l->stubs->store);
  x64_cold_resume (l, cold);
}

void
x64_lower_ST2 (X64Lower *l, const Uop *uop)
{
  unsigned size = 8u << uop->aux;

  x64_clobber (l, uop);
  X64Address at = plain_address (l, uop);
  if (is_called (l, uop)) {
    call_store_pair (l, uop, at, l->stubs->look_store[true][uop->aux]);
    return;
  }
  X64Cold *cold = x64_look_up (l, uop, at, 2u << uop->aux, true, store_pair_slow);
  x64_mov_mr (&l->a, size, x64_host_memory (at, 0), x64_use (l, uop->d, X64_RCX));
  x64_mov_mr (&l->a, size, x64_host_memory (at, (int32_t) size / 8), x64_use (l, uop->c, X64_RCX));
  resume_here (l, cold);
}

// ---- vector registers -----------------------------------------------------------------------

static void
load_vector (X64Lower *l, unsigned size, X64Vec d, X64Mem from)
{
  switch (size) {
  case 0:
    x64_movzx_rm (&l->a, 8, X64_RCX, from);
    x64_vrr (&l->a, X64_VMOVD, d, X64_RCX);
    break;
  case 1:
    x64_movzx_rm (&l->a, 16, X64_RCX, from);
    x64_vrr (&l->a, X64_VMOVD, d, X64_RCX);
    break;
  case 2:
    x64_vrm (&l->a, X64_VMOVD, d, from);
    break;
  case 3:
    x64_vrm (&l->a, X64_VMOVQ, d, from);
    break;
  default:
    x64_vrm (&l->a, X64_VMOVDQU, d, from);
  }
}

static X64Vec
stored (X64Lower *l, const Uop *uop, unsigned v)
{
  return uop->aux >= 4 ? x64_vuse (l, v) : x64_vlow (l, v, uop->aux < 3 ? 2 : 3);
}

static void
store_vector (X64Lower *l, unsigned size, X64Mem to, X64Vec s)
{
  switch (size) {
  case 0:
  case 1:
    x64_vrr (&l->a, X64_VMOVD_ST, X64_RCX, s);
    x64_mov_mr (&l->a, 8u << size, to, X64_RCX);
    break;
  case 2:
    x64_vmr (&l->a, X64_VMOVD_ST, to, s);
    break;
  case 3:
    x64_vmr (&l->a, X64_VMOVQ_ST, to, s);
    break;
  default:
    x64_vmr (&l->a, X64_VMOVDQU_ST, to, s);
  }
}

// In cold pieces: the registers' homes are what counts; the copies of the resumed code are read
// again from there.
static void
home_of_slow (X64Lower *l, unsigned v, unsigned size, int32_t data)
{
  load_vector (l, size, 0, x64_state (l->layout->access_data + data));
  x64_vmr (&l->a, X64_VMOVDQU_ST, x64_vhome (l, v), 0);
}

static void
loadv_slow (X64Lower *l, X64Cold *cold)
{
  const Uop *uop = cold->uop;

  describe_slow (l, cold, 0);
  x64_call_to (&l->a, l->stubs->load);
  home_of_slow (l, uop->d, uop->aux, 0);
  x64_cold_resume (l, cold);
}

// The copies at the point of return are those after the load.
static void
note_copies (const X64Lower *l, X64Cold *cold)
{
  if (cold == NULL)
    return;
  cold->copies = 0;
  for (unsigned i = X64_FIRST_COPY; i < X64_N_XMM; i++)
    if (l->copy_of[i] != X64_NO_COPY) {
      cold->copies |= (uint16_t) (1u << i);
      cold->copy_of[i] = l->copy_of[i];
    }
  cold->resume = l->a.p;
}

static void
loadv (X64Lower *l, const Uop *uop, X64Address at)
{
  X64Vec d = x64_vnew (l);

  X64Cold *cold = x64_look_up (l, uop, at, 1u << uop->aux, false, loadv_slow);
  load_vector (l, uop->aux, d, x64_host_memory (at, 0));
  x64_vput_short (l, uop->d, d, uop->aux);
  note_copies (l, cold);
}

void
x64_lower_LDV (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  loadv (l, uop, plain_address (l, uop));
}

void
x64_lower_LDVX (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  loadv (l, uop, x64_indexed_address (l, uop));
}

void
x64_lower_LDVPC (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  loadv (l, uop, page_address (l, uop));
}

static void
loadv_pair_slow (X64Lower *l, X64Cold *cold)
{
  const Uop *uop = cold->uop;

  describe_slow (l, cold, JIT_DESC_PAIR);
  x64_call_to (&l->a, l->stubs->load);
  home_of_slow (l, uop->d, uop->aux, 0);
  home_of_slow (l, uop->c, uop->aux, uop->aux == 4 ? 16 : 8);
  x64_cold_resume (l, cold);
}

void
x64_lower_LDV2 (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  X64Address at = plain_address (l, uop);
  X64Vec d = x64_vnew (l), c = x64_vnew (l);
  X64Cold *cold = x64_look_up (l, uop, at, 2u << uop->aux, false, loadv_pair_slow);
  load_vector (l, uop->aux, d, x64_host_memory (at, 0));
  load_vector (l, uop->aux, c, x64_host_memory (at, 1 << uop->aux));
  x64_vput_short (l, uop->d, d, uop->aux);
  x64_vput_short (l, uop->c, c, uop->aux);
  note_copies (l, cold);
}

static void
storev_slow (X64Lower *l, X64Cold *cold)
{
  describe_slow (l, cold, JIT_DESC_STORE);
  x64_vrm (&l->a, X64_VMOVDQU, 0, x64_vhome (l, cold->uop->d));
  x64_vmr (&l->a, X64_VMOVDQU_ST, x64_state (l->layout->access_data), 0);
  x64_call_to (&l->a, l->stubs->store);
  x64_cold_resume (l, cold);
}

static void
storev (X64Lower *l, const Uop *uop, X64Address at)
{
  X64Vec d = stored (l, uop, uop->d);

  X64Cold *cold = x64_look_up (l, uop, at, 1u << uop->aux, true, storev_slow);
  store_vector (l, uop->aux, x64_host_memory (at, 0), d);
  resume_here (l, cold);
}

void
x64_lower_STV (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  storev (l, uop, plain_address (l, uop));
}

void
x64_lower_STVX (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  storev (l, uop, x64_indexed_address (l, uop));
}

static void
storev_pair_slow (X64Lower *l, X64Cold *cold)
{
  const Uop *uop = cold->uop;
  int32_t data = l->layout->access_data;

  describe_slow (l, cold, JIT_DESC_STORE | JIT_DESC_PAIR);
  x64_vrm (&l->a, X64_VMOVDQU, 0, x64_vhome (l, uop->d));
  x64_vmr (&l->a, X64_VMOVDQU_ST, x64_state (data), 0);
  x64_vrm (&l->a, X64_VMOVDQU, 0, x64_vhome (l, uop->c));
  x64_vmr (&l->a, X64_VMOVDQU_ST, x64_state (data + (uop->aux == 4 ? 16 : 8)), 0);
  x64_call_to (&l->a, l->stubs->store);
  x64_cold_resume (l, cold);
}

void
x64_lower_STV2 (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  X64Address at = plain_address (l, uop);
  X64Vec d = stored (l, uop, uop->d), c = stored (l, uop, uop->c);
  X64Cold *cold = x64_look_up (l, uop, at, 2u << uop->aux, true, storev_pair_slow);
  store_vector (l, uop->aux, x64_host_memory (at, 0), d);
  store_vector (l, uop->aux, x64_host_memory (at, 1 << uop->aux), c);
  resume_here (l, cold);
}

// ---- atomics --------------------------------------------------------------------------------

static void
rmw_slow (X64Lower *l, X64Cold *cold)
{
  describe_slow (l, cold, (uint32_t) cold->imm);
  x64_call_to (&l->a, l->stubs->rmw);
  x64_cold_resume (l, cold);
}

// The host address of [a] into rdx; `bits` are those of the description for the slow path.
static void
host_address (X64Lower *l, const Uop *uop, uint32_t bits)
{
  Uop aligned = *uop;

  x64_clobber (l, uop);
  X64Address at = plain_address (l, uop);
  aligned.aux2 = IR_MEM_ALIGNED;
  X64Cold *cold =
      x64_look_up (l, &aligned, at, 1u << uop->aux, (bits & JIT_DESC_STORE) != 0, rmw_slow);
  cold->uop = uop;
  cold->imm = bits;
  if (at.disp != 0)
    x64_lea (&l->a, 64, X64_RDX, x64_mem_index (X64_RDX, at.base, 0, at.disp));
  else
    x64_alu_rr (&l->a, X64_ADD, 64, X64_RDX, at.base);
  cold->resume = l->a.p;
}

enum { FOR_ATOMIC = JIT_DESC_STORE | JIT_DESC_ATOMIC | JIT_DESC_ALIGNED };

// The old value, in `host`, becomes d.
static void
put_old (X64Lower *l, const Uop *uop, unsigned host)
{
  if (uop->d == IR_SINK)
    return;
  if (uop->aux < 3)
    x64_movzx_rr (&l->a, 8u << uop->aux, host, host);
  x64_put (l, uop->d, host);
}

void
x64_lower_SWP (X64Lower *l, const Uop *uop)
{
  host_address (l, uop, FOR_ATOMIC);
  x64_copy_to (l, X64_RCX, uop->b);
  x64_xchg_mr (&l->a, 8u << uop->aux, x64_mem (X64_RDX, 0), X64_RCX);
  put_old (l, uop, X64_RCX);
}

void
x64_lower_LDADD (X64Lower *l, const Uop *uop)
{
  host_address (l, uop, FOR_ATOMIC);
  x64_copy_to (l, X64_RCX, uop->b);
  if (uop->d == IR_SINK)
    x64_lock_alu_mr (&l->a, X64_ADD, 8u << uop->aux, x64_mem (X64_RDX, 0), X64_RCX);
  else
    x64_lock_xadd (&l->a, 8u << uop->aux, x64_mem (X64_RDX, 0), X64_RCX);
  put_old (l, uop, X64_RCX);
}

// Logic: one instruction where the old value is not wanted, else a loop around an exchange. An
// operand that is to be inverted is so at first.
static void
atomic_logic (X64Lower *l, const Uop *uop, enum X64Alu alu, bool invert)
{
  unsigned size = 8u << uop->aux, wide = size == 64 ? 64 : 32;
  X64Label again = {0};

  host_address (l, uop, FOR_ATOMIC);
  if (uop->d == IR_SINK) {
    x64_copy_to (l, X64_RCX, uop->b);
    if (invert)
      x64_unary_r (&l->a, X64_NOT, 64, X64_RCX);
    x64_lock_alu_mr (&l->a, alu, size, x64_mem (X64_RDX, 0), X64_RCX);
    return;
  }
  x64_movzx_rm (&l->a, size, X64_RAX, x64_mem (X64_RDX, 0));
  x64_bind (&l->a, &again);
  x64_copy_to (l, X64_RCX, uop->b);
  if (invert)
    x64_unary_r (&l->a, X64_NOT, 64, X64_RCX);
  x64_alu_rr (&l->a, alu, wide, X64_RCX, X64_RAX);
  x64_lock_cmpxchg (&l->a, size, x64_mem (X64_RDX, 0), X64_RCX);
  x64_jcc (&l->a, X64_CC_NE, &again);
  put_old (l, uop, X64_RAX);
}

void
x64_lower_LDCLR (X64Lower *l, const Uop *uop)
{
  atomic_logic (l, uop, X64_AND, true);
}

void
x64_lower_LDEOR (X64Lower *l, const Uop *uop)
{
  atomic_logic (l, uop, X64_XOR, false);
}

void
x64_lower_LDSET (X64Lower *l, const Uop *uop)
{
  atomic_logic (l, uop, X64_OR, false);
}

void
x64_lower_CAS (X64Lower *l, const Uop *uop)
{
  host_address (l, uop, FOR_ATOMIC);
  x64_copy_to (l, X64_RAX, uop->b);
  x64_lock_cmpxchg (&l->a, 8u << uop->aux, x64_mem (X64_RDX, 0), x64_use (l, uop->c, X64_RCX));
  put_old (l, uop, X64_RAX);
}

// ---- exclusives -----------------------------------------------------------------------------

// The monitor remembers the host address and the value; "valid" and the size lie side by side.
void
x64_lower_LDEX (X64Lower *l, const Uop *uop)
{
  unsigned bytes = 1u << uop->aux;

  host_address (l, uop, JIT_DESC_ALIGNED);
  x64_movzx_rm (&l->a, 8 * bytes, X64_RCX, x64_mem (X64_RDX, 0));
  x64_mov_mr (&l->a, 64, x64_state (l->layout->excl_host), X64_RDX);
  x64_mov_mr (&l->a, 64, x64_state (l->layout->excl_value), X64_RCX);
  x64_mov_mi (&l->a, 16, x64_state (l->layout->excl_valid), (int32_t) (1 | bytes << 8));
  x64_put (l, uop->d, X64_RCX);
}

// A store without the monitor's leave touches no memory.
void
x64_lower_STEX (X64Lower *l, const Uop *uop)
{
  unsigned bytes = 1u << uop->aux;
  X64Mem monitor = x64_state (l->layout->excl_valid);
  X64Label refused = {0}, done = {0};

  x64_clobber (l, uop);
  x64_check_sp (l, uop);
  x64_alu_mi (&l->a, X64_CMP, 16, monitor, (int32_t) (1 | bytes << 8));
  x64_jcc (&l->a, X64_CC_NE, &refused);
  host_address (l, uop, JIT_DESC_STORE | JIT_DESC_ALIGNED);
  x64_alu_rm (&l->a, X64_CMP, 64, X64_RDX, x64_state (l->layout->excl_host));
  x64_jcc (&l->a, X64_CC_NE, &refused);
  x64_mov_rm (&l->a, 64, X64_RAX, x64_state (l->layout->excl_value));
  x64_lock_cmpxchg (&l->a, 8 * bytes, x64_mem (X64_RDX, 0), x64_use (l, uop->b, X64_RCX));
  x64_setcc_r (&l->a, X64_CC_NE, X64_RCX);
  x64_movzx_rr (&l->a, 8, X64_RCX, X64_RCX);
  x64_jmp (&l->a, &done);
  x64_bind (&l->a, &refused);
  x64_mov_ri (&l->a, X64_RCX, 1);
  x64_bind (&l->a, &done);
  x64_mov_mi (&l->a, 8, monitor, 0);
  x64_put (l, uop->d, X64_RCX);
}

void
x64_lower_CLREX (X64Lower *l, const Uop *uop)
{
  (void) uop;
  x64_mov_mi (&l->a, 8, x64_state (l->layout->excl_valid), 0);
}

void
x64_lower_FENCE (X64Lower *l, const Uop *uop)
{
  x64_clobber (l, uop);
  x64_fence (&l->a);
}
