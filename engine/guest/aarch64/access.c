// SPDX-License-Identifier: GPL-3.0-or-later
// The slow paths of guest memory access: TLB misses, page crossings, MMIO, alignment and faults
// (Arm ARM B2.5, D8.15 for the fault syndromes). Runs on the vCPU's thread.
#include "engine/guest/aarch64/access.h"
#include "engine/guest/aarch64/accel-verify.h"
#include "engine/guest/aarch64/code-watch.h"
#include "engine/guest/aarch64/debug.h"
#include "engine/guest/aarch64/debugger.h"
#include "engine/guest/aarch64/exception.h"
#include "engine/guest/aarch64/mmu.h"
#include "engine/guest/aarch64/sysreg.h"
#include "engine/vm/vm.h"

enum {
  ISS_WNR = 1u << 6,
  ISS_CM = 1u << 8,
};

// The part of an access that lies in one 4 KiB page.
typedef struct Piece {
  GuestAddr pa;
  uint8_t *host; // NULL: MMIO or nothing
  unsigned size;
  bool device;
} Piece;

static bool
raise_abort (A64Cpu *cpu, const A64Op *op, GuestVaddr va, uint8_t fsc, uint32_t iss)
{
  unsigned ec = cpu->pstate.el == 0 ? A64_EC_DATA_ABORT_LOWER : A64_EC_DATA_ABORT;

  a64_raise_fault (cpu, op, ec, fsc | iss, va);
  return false;
}

// The same, of a data access.
static bool
raise_access (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned flags, uint8_t fsc,
              uint32_t iss)
{
  // DC ZVA reports the address as it was given.
  return raise_abort (cpu, op, flags & A64_ACC_DCZVA ? cpu->x[op->rd] : va, fsc, iss);
}

static uint32_t
write_bit (bool write)
{
  return write ? ISS_WNR : 0;
}

// An LDTR or STTR has EL0's view, unless PSTATE.UAO.
static unsigned
effective_el (const A64Cpu *cpu, unsigned flags)
{
  return (flags & A64_ACC_UNPRIV) && !cpu->pstate.uao ? 0 : cpu->pstate.el;
}

static bool
is_watched (const A64Cpu *cpu, GuestVaddr va)
{
  return (cpu->debugger != NULL && a64_debugger_watches_page (cpu, va)) ||
         (cpu->watches != 0 && a64_debug_watches_page (cpu, va));
}

// Accesses to pages that are watched all come here, and those that are noted.
static bool
may_be_kept (const A64Cpu *cpu, GuestVaddr va)
{
  return (cpu->verify == NULL || !a64_verify_is_noting (cpu)) && !is_watched (cpu, va);
}

// Translates the piece of [va, va + size) that is in va's page, and enters it into the TLB.
static bool
translate_piece (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned flags,
                 bool write, Piece *piece)
{
  unsigned el = effective_el (cpu, flags);
  A64Request request = {.access = write ? A64_WRITE : A64_READ, .el = el, .pan = cpu->pstate.pan};
  unsigned offset = va & (A64_PAGE_SIZE - 1), room = A64_PAGE_SIZE - offset;
  A64Translation t;
  uint8_t fsc;

  if (!a64_translate (cpu, va, &request, &t, &fsc)) {
    // An atomic that could not even have read reports a read.
    bool as_read = write && (flags & A64_ACC_ATOMIC) && (fsc & 0x3c) != A64_FSC_PERMISSION;
    return raise_access (cpu, op, va, flags, fsc, write_bit (write && !as_read));
  }
  // Loads may be from ROM; an exclusive one too, whose store then finds no memory.
  uint8_t *page = write ? a64_ram_ptr (cpu, t.pa, A64_PAGE_SIZE)
                        : (uint8_t *) a64_read_ptr (cpu, t.pa, A64_PAGE_SIZE);
  piece->pa = t.pa | offset;
  piece->host = page != NULL ? page + offset : NULL;
  piece->size = size < room ? size : room;
  piece->device = a64_attr_is_device (t.attr);
  if (cpu->debugger != NULL && a64_debugger_watches (cpu, op, va, piece->size, write))
    return false;
  if (cpu->watches != 0 && a64_debug_watches (cpu, op, va, piece->size, el, write, false))
    return false;
  if (cpu->verify != NULL)
    a64_verify_note (cpu, piece->host, piece->size, write);
  if (cpu->code_watch != NULL && write && page != NULL)
    a64_code_watch_store (cpu, t.pa);
  if (page != NULL && may_be_kept (cpu, va))
    a64_tlb_fill (cpu, el == 0 ? cpu->ctx_el0 : cpu->ctx_el1, va, write, &t, page);
  return true;
}

int64_t
a64_addend (A64Cpu *cpu, GuestVaddr va, bool write)
{
  unsigned el = cpu->pstate.el;
  A64Request request = {.access = write ? A64_WRITE : A64_READ, .el = el, .pan = cpu->pstate.pan};
  A64Translation t;

  if (cpu->mmu->check_alignment || cpu->verify != NULL || !may_be_kept (cpu, va) ||
      (write && cpu->code_watch != NULL) || !a64_translate_known (cpu, va, &request, &t) ||
      a64_attr_is_device (t.attr))
    return 0;
  uint8_t *page = write ? a64_ram_ptr (cpu, t.pa, A64_PAGE_SIZE)
                        : (uint8_t *) a64_read_ptr (cpu, t.pa, A64_PAGE_SIZE);
  if (page == NULL)
    return 0;
  a64_tlb_fill (cpu, el == 0 ? cpu->ctx_el0 : cpu->ctx_el1, va, write, &t, page);
  return (int64_t) ((uint64_t) (uintptr_t) page - (va & ~(GuestVaddr) (A64_PAGE_SIZE - 1)));
}

// Both pieces of an access, everything checked; returns how many, 0 when a fault was raised.
static unsigned
translate_access (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned flags,
                  bool write, Piece pieces[2])
{
  bool bad = (va & (size - 1)) != 0;
  unsigned n = 1;

  if (bad && ((flags & A64_ACC_ALIGNED) || cpu->mmu->check_alignment)) {
    raise_abort (cpu, op, va, A64_FSC_ALIGNMENT, write_bit (write));
    return 0;
  }
  if (!translate_piece (cpu, op, va, size, flags, write, &pieces[0]))
    return 0;
  if (pieces[0].size < size) {
    if (!translate_piece (cpu, op, va + pieces[0].size, size - pieces[0].size, flags, write,
                          &pieces[1]))
      return 0;
    n = 2;
  }
  if (bad && (pieces[0].device || (n == 2 && pieces[1].device))) {
    raise_abort (cpu, op, va, A64_FSC_ALIGNMENT, write_bit (write));
    return 0;
  }
  return n;
}

static unsigned
mmio_unit (GuestAddr pa, unsigned left)
{
  unsigned unit = 8;

  while (unit > left || (pa & (unit - 1)) != 0)
    unit /= 2;
  return unit;
}

static bool
read_piece (A64Cpu *cpu, const Piece *piece, uint8_t *to)
{
  if (piece->host != NULL) {
    memcpy (to, piece->host, piece->size);
    return true;
  }
  for (unsigned done = 0, unit; done < piece->size; done += unit) {
    uint64_t value;

    unit = mmio_unit (piece->pa + done, piece->size - done);
    if (!mem_bus_read (cpu->vcpu->vm->bus, piece->pa + done, unit, &value))
      return false;
    memcpy (to + done, &value, unit);
  }
  return true;
}

static bool
write_piece (A64Cpu *cpu, const Piece *piece, const uint8_t *from)
{
  if (piece->host != NULL) {
    memcpy (piece->host, from, piece->size);
    return true;
  }
  for (unsigned done = 0, unit; done < piece->size; done += unit) {
    uint64_t value = 0;

    unit = mmio_unit (piece->pa + done, piece->size - done);
    memcpy (&value, from + done, unit);
    if (!mem_bus_write (cpu->vcpu->vm->bus, piece->pa + done, unit, value))
      return false;
  }
  return true;
}

// Aligned accesses to RAM are single-copy atomic; memcpy does not promise that.
static bool
load_atomic (const void *host, unsigned size, void *data)
{
  if (((uintptr_t) host & (size - 1)) != 0)
    return false;
  switch (size) {
  case 1:
    *(uint8_t *) data = mem_load8 (host);
    return true;
  case 2:
    *(uint16_t *) data = mem_load16 (host);
    return true;
  case 4:
    *(uint32_t *) data = mem_load32 (host);
    return true;
  case 8:
    *(uint64_t *) data = mem_load64 (host);
    return true;
  case 16:
    ((uint64_t *) data)[0] = mem_load64 (host);
    ((uint64_t *) data)[1] = mem_load64 ((const uint8_t *) host + 8);
    return true;
  default:
    return false;
  }
}

static bool
store_atomic (void *host, unsigned size, const void *data)
{
  if (((uintptr_t) host & (size - 1)) != 0)
    return false;
  switch (size) {
  case 1:
    mem_store8 (host, *(const uint8_t *) data);
    return true;
  case 2:
    mem_store16 (host, *(const uint16_t *) data);
    return true;
  case 4:
    mem_store32 (host, *(const uint32_t *) data);
    return true;
  case 8:
    mem_store64 (host, *(const uint64_t *) data);
    return true;
  case 16:
    mem_store64 (host, ((const uint64_t *) data)[0]);
    mem_store64 ((uint8_t *) host + 8, ((const uint64_t *) data)[1]);
    return true;
  default:
    return false;
  }
}

bool
a64_load_slow (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned flags,
               void *data)
{
  Piece pieces[2];
  unsigned n = translate_access (cpu, op, va, size, flags, false, pieces);
  uint8_t bytes[64];

  if (n == 0)
    return false;
  if (n == 1 && pieces[0].host != NULL && load_atomic (pieces[0].host, size, data))
    return true;
  if (!read_piece (cpu, &pieces[0], bytes))
    return raise_abort (cpu, op, va, A64_FSC_EXTERNAL, 0);
  if (n == 2 && !read_piece (cpu, &pieces[1], bytes + pieces[0].size))
    return raise_abort (cpu, op, va + pieces[0].size, A64_FSC_EXTERNAL, 0);
  memcpy (data, bytes, size);
  return true;
}

bool
a64_store_slow (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned flags,
                const void *data)
{
  Piece pieces[2];
  unsigned n = translate_access (cpu, op, va, size, flags, true, pieces);

  if (n == 0)
    return false;
  if (n == 1 && pieces[0].host != NULL && store_atomic (pieces[0].host, size, data))
    return true;
  if (!write_piece (cpu, &pieces[0], data))
    return raise_abort (cpu, op, va, A64_FSC_EXTERNAL, ISS_WNR);
  if (n == 2 && !write_piece (cpu, &pieces[1], (const uint8_t *) data + pieces[0].size))
    return raise_abort (cpu, op, va + pieces[0].size, A64_FSC_EXTERNAL, ISS_WNR);
  return true;
}

static bool
host_to_pa (const A64Mmu *mmu, const uint8_t *host, GuestAddr *pa)
{
  uint64_t offset = (uintptr_t) host - (uintptr_t) mmu->ram_host;

  *pa = mmu->ram_base + offset;
  return offset < mmu->ram_bytes;
}

void *
a64_rmw_ptr (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned flags,
             GuestAddr *pa)
{
  bool write = (flags & (A64_ACC_STORE | A64_ACC_ATOMIC)) != 0;
  Piece piece;
  uint8_t *host = a64_tlb_lookup (write ? cpu->ctx->wr : cpu->ctx->rd, va, size);

  if (host != NULL && (va & (size - 1)) == 0 && host_to_pa (cpu->mmu, host, pa))
    return host;
  if ((va & (size - 1)) != 0) {
    // An atomic would fault as a read already.
    raise_abort (cpu, op, va, A64_FSC_ALIGNMENT, write_bit (write && !(flags & A64_ACC_ATOMIC)));
    return NULL;
  }
  if ((flags & A64_ACC_ATOMIC) && !translate_piece (cpu, op, va, size, flags, false, &piece))
    return NULL;
  if (!translate_piece (cpu, op, va, size, flags, write, &piece))
    return NULL;
  if ((flags & A64_ACC_DCZVA) && piece.device) {
    raise_access (cpu, op, va, flags, A64_FSC_ALIGNMENT, ISS_WNR);
    return NULL;
  }
  if (piece.host == NULL) {
    uint8_t fsc = flags & A64_ACC_DCZVA ? A64_FSC_EXTERNAL : A64_FSC_UNSUPPORTED;

    raise_access (cpu, op, va, flags, fsc, write_bit (write));
    return NULL;
  }
  *pa = piece.pa;
  return piece.host;
}

// Alignment is left to the stores themselves, whose unit is smaller.
bool
a64_probe_store (A64Cpu *cpu, const A64Op *op, GuestVaddr va, unsigned size, unsigned flags)
{
  Piece piece;

  for (unsigned done = 0; done < size; done += piece.size)
    if (!translate_piece (cpu, op, va + done, size - done, flags, true, &piece))
      return false;
  return true;
}

bool
a64_bulk_ptr (A64Cpu *cpu, const A64Op *op, GuestVaddr va, GuestVaddr start, unsigned n,
              unsigned flags, bool write, void **host)
{
  Piece piece;

  *host = NULL;
  if (is_watched (cpu, va))
    return true;
  if (!translate_piece (cpu, op, va, 1, flags, write, &piece))
    return false;
  if (piece.host == NULL)
    return true;
  *host = piece.host - (va - start);
  if (cpu->verify != NULL)
    a64_verify_note (cpu, *host, n, write);
  return true;
}

bool
a64_check_sp (A64Cpu *cpu, const A64Op *op)
{
  uint64_t enabled = cpu->pstate.el == 0 ? A64_SCTLR_SA0 : A64_SCTLR_SA;

  if ((cpu->x[A64_SP] & 15) == 0 || !(cpu->sys->sctlr_el1 & enabled))
    return true;
  a64_raise_sync (cpu, op, A64_EC_SP_ALIGNMENT, 0);
  return false;
}

bool
a64_maintenance_abort (A64Cpu *cpu, const A64Op *op, GuestVaddr va, uint8_t fsc)
{
  return raise_abort (cpu, op, va, fsc, ISS_CM | ISS_WNR);
}

bool
a64_maintenance_address (A64Cpu *cpu, const A64Op *op, GuestVaddr va, bool write, GuestAddr *pa)
{
  A64Request request = {.access = write ? A64_WRITE : A64_READ, .el = cpu->pstate.el};
  A64Translation t;
  uint8_t fsc;

  if (!a64_translate (cpu, va, &request, &t, &fsc))
    return a64_maintenance_abort (cpu, op, va, fsc);
  // What only invalidates counts as a store for watchpoints.
  if (write && cpu->watches != 0 &&
      a64_debug_watches (cpu, op, va & ~(GuestVaddr) (A64_LINE_BYTES - 1), A64_LINE_BYTES,
                         request.el, true, true))
    return false;
  *pa = t.pa | (va & (A64_PAGE_SIZE - 1));
  return true;
}
