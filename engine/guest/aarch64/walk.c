// SPDX-License-Identifier: GPL-3.0-or-later
// The translation table walk: VMSAv8-64 stage 1, EL1&0, 4K/16K/64K granules, 48-bit addresses,
// hierarchical attributes, hardware access flag and dirty state (Arm ARM D8.2 to D8.5). Runs on
// the vCPU's thread; the tables are shared memory that other CPUs write at the same time.
#include "engine/guest/aarch64/mmu.h"
#include "engine/guest/aarch64/sysreg.h"
#include "engine/mem/access.h"
#include "engine/vm/vm.h"

enum {
  DESC_VALID = 1u << 0,
  DESC_TABLE = 1u << 1, // also: page, at level 3
  DESC_AF = 1u << 10,
  DESC_NG = 1u << 11,
};
#define DESC_AP2       ((uint64_t) 1 << 7)
#define DESC_GP        ((uint64_t) 1 << 50)
#define DESC_DBM       ((uint64_t) 1 << 51)
#define DESC_PXN       ((uint64_t) 1 << 53)
#define DESC_UXN       ((uint64_t) 1 << 54)
#define TABLE_PXN      ((uint64_t) 1 << 59)
#define TABLE_UXN      ((uint64_t) 1 << 60)
#define TABLE_NO_EL0   ((uint64_t) 1 << 61)
#define TABLE_NO_WRITE ((uint64_t) 1 << 62)
#define OA_MASK        ((((uint64_t) 1 << A64_PA_BITS) - 1) & ~(uint64_t) 0xfff)

static uint64_t
bits (uint64_t value, unsigned low, unsigned width)
{
  return value >> low & (((uint64_t) 1 << width) - 1);
}

static unsigned
granule_bits (unsigned half, uint64_t tcr)
{
  static const uint8_t tg0[4] = {12, 16, 14, 12}, tg1[4] = {12, 14, 12, 16};

  return half == 0 ? tg0[bits (tcr, 14, 2)] : tg1[bits (tcr, 30, 2)];
}

static void
configure_half (A64Half *h, unsigned half, uint64_t tcr)
{
  unsigned size = bits (tcr, half == 0 ? 0 : 16, 6);
  unsigned stride;

  size = size < 16 ? 16 : size > 39 ? 39 : size;
  h->va_bits = 64 - size;
  h->page_bits = granule_bits (half, tcr);
  stride = h->page_bits - 3;
  h->start_level = 4 - (h->va_bits - h->page_bits + stride - 1) / stride;

  // The first table may be smaller than a page, and is then aligned to its own size.
  unsigned top_bits = h->va_bits - h->page_bits - stride * (3 - h->start_level) + 3;
  top_bits = top_bits < 6 ? 6 : top_bits;
  h->base_mask = (((uint64_t) 1 << A64_PA_BITS) - 1) & ~(((uint64_t) 1 << top_bits) - 1);

  h->disabled = bits (tcr, half == 0 ? 7 : 23, 1);
  h->tbi = bits (tcr, 37 + half, 1);
  h->tbi_code = h->tbi && !bits (tcr, 51 + half, 1);
  h->hpd = bits (tcr, 41 + half, 1);
  h->e0pd = bits (tcr, 55 + half, 1);
}

void
a64_mmu_point (A64Cpu *cpu)
{
  A64Mmu *mmu = cpu->mmu;
  const uint64_t ttbr[] = {cpu->sys->ttbr0_el1, cpu->sys->ttbr1_el1};

  for (unsigned half = 0; half < 2; half++)
    mmu->half[half].base = ttbr[half] & mmu->half[half].base_mask;
  mmu->asid = ttbr[mmu->asid_half] >> 48 & mmu->asid_mask;
}

void
a64_mmu_configure (A64Cpu *cpu)
{
  static const uint8_t ips[8] = {32, 36, 40, 42, 44, 48, 48, 48};
  A64Mmu *mmu = cpu->mmu;
  uint64_t sctlr = cpu->sys->sctlr_el1, tcr = cpu->sys->tcr_el1;

  mmu->enabled = (sctlr & A64_SCTLR_M) != 0;
  mmu->check_alignment = (sctlr & A64_SCTLR_A) != 0;
  mmu->wxn = (sctlr & A64_SCTLR_WXN) != 0;
  mmu->hardware_af = bits (tcr, 39, 1);
  mmu->hardware_dirty = mmu->hardware_af && bits (tcr, 40, 1);
  mmu->ips_bits = ips[bits (tcr, 32, 3)];
  configure_half (&mmu->half[0], 0, tcr);
  configure_half (&mmu->half[1], 1, tcr);
  mmu->asid_half = bits (tcr, 22, 1);
  mmu->asid_mask = bits (tcr, 36, 1) ? 0xffff : 0xff;
  a64_mmu_point (cpu);
}

GuestVaddr
a64_untag (const A64Mmu *mmu, GuestVaddr va)
{
  if (!mmu->half[va >> 55 & 1].tbi)
    return va;
  return (uint64_t) ((int64_t) (va << 8) >> 8);
}

GuestVaddr
a64_untag_code (const A64Mmu *mmu, GuestVaddr va)
{
  return mmu->half[va >> 55 & 1].tbi_code ? a64_untag (mmu, va) : va;
}

// Where [pa, pa + size) is in RAM, or, where `*rom` says so, in ROM.
static const uint8_t *
find_memory (A64Cpu *cpu, GuestAddr pa, unsigned size, bool *rom)
{
  A64Mmu *mmu = cpu->mmu;

  *rom = false;
  if (pa - mmu->ram_base < mmu->ram_bytes && size <= mmu->ram_bytes - (pa - mmu->ram_base))
    return mmu->ram_host + (pa - mmu->ram_base);

  const MemRegion *region = mem_bus_find (cpu->vcpu->vm->bus, pa);
  if (region == NULL || size > region->size_bytes - (pa - region->base))
    return NULL;
  *rom = region->rom != NULL;
  if (*rom)
    return region->rom + (pa - region->base);
  if (region->host == NULL)
    return NULL;
  mmu->ram_host = region->host;
  mmu->ram_base = region->base;
  mmu->ram_bytes = region->size_bytes;
  return region->host + (pa - region->base);
}

void *
a64_ram_ptr (A64Cpu *cpu, GuestAddr pa, unsigned size)
{
  bool rom;
  const uint8_t *host = find_memory (cpu, pa, size, &rom);

  return rom ? NULL : (void *) host;
}

const void *
a64_read_ptr (A64Cpu *cpu, GuestAddr pa, unsigned size)
{
  bool rom;

  return find_memory (cpu, pa, size, &rom);
}

bool
a64_permitted (const A64Translation *t, const A64Request *request)
{
  static const uint8_t el0_needs[] = {
      [A64_READ] = A64_EL0_READ, [A64_WRITE] = A64_EL0_WRITE, [A64_EXEC] = A64_EL0_EXEC};
  static const uint8_t el1_needs[] = {
      [A64_READ] = 0, [A64_WRITE] = A64_EL1_WRITE, [A64_EXEC] = A64_EL1_EXEC};

  if (request->el == 0)
    return (t->permissions & el0_needs[request->access]) != 0;
  if (request->pan && (t->permissions & A64_EL0_READ) != 0 && request->access != A64_EXEC)
    return false;
  return (t->permissions & el1_needs[request->access]) == el1_needs[request->access];
}

// What the table descriptors on the way forbid, as bits of the last-level descriptor.
typedef struct Inherited {
  bool no_el0, no_write, uxn, pxn;
} Inherited;

// Permissions of a leaf, `writable` telling whether AP[2] forbids writing (D8.4.1.2).
static uint8_t
leaf_permissions (const A64Mmu *mmu, uint64_t desc, const Inherited *in, bool writable)
{
  bool el0 = bits (desc, 6, 1) && !in->no_el0;
  uint8_t p = 0;

  writable = writable && !in->no_write;
  if (writable)
    p |= A64_EL1_WRITE;
  if (el0)
    p |= A64_EL0_READ | (writable ? A64_EL0_WRITE : 0);
  // EL1 never executes what EL0 can write; WXN takes execution from all that is writable.
  if (!(desc & DESC_PXN) && !in->pxn && !(el0 && writable) && !(mmu->wxn && writable))
    p |= A64_EL1_EXEC;
  if (!(desc & DESC_UXN) && !in->uxn && !(mmu->wxn && el0 && writable))
    p |= A64_EL0_EXEC;
  return p;
}

// Finishes a walk at a leaf that was read as `desc`. Returns -1 when the descriptor changed under
// a hardware update and must be read again, 0 on a fault, 1 when done. `at` is the entry's address.
static int
finish_leaf (A64Cpu *cpu, GuestAddr at, uint64_t desc, unsigned level, const Inherited *in,
             const A64Request *request, A64Translation *out, uint8_t *fsc)
{
  const A64Mmu *mmu = cpu->mmu;
  bool dirty_managed = mmu->hardware_dirty && (desc & DESC_DBM);
  bool writable = !(desc & DESC_AP2);
  uint64_t updated = desc;

  if (!(desc & DESC_AF)) {
    if (!mmu->hardware_af) {
      *fsc = A64_FSC_ACCESS_FLAG + level;
      return 0;
    }
    updated |= DESC_AF;
  }
  out->attr = cpu->sys->mair_el1 >> (bits (desc, 2, 3) * 8);
  out->shareability = bits (desc, 8, 2);
  out->global = !(desc & DESC_NG);
  out->guarded = (desc & DESC_GP) != 0;
  out->permissions = leaf_permissions (mmu, desc, in, writable || dirty_managed);
  if (!a64_permitted (out, request)) {
    *fsc = A64_FSC_PERMISSION + level;
    return 0;
  }
  if (dirty_managed && !writable) {
    // The first write makes the page dirty; until then it is kept as read-only here.
    if (request->access == A64_WRITE)
      updated &= ~DESC_AP2;
    else
      out->permissions &= ~(A64_EL1_WRITE | A64_EL0_WRITE);
  }
  if (updated == desc || request->no_update)
    return 1;
  // Tables in ROM cannot be updated.
  uint64_t *entry = a64_ram_ptr (cpu, at, 8);
  if (entry == NULL) {
    *fsc = A64_FSC_EXTERNAL_WALK + level;
    return 0;
  }
  return __atomic_compare_exchange_n (entry, &desc, updated, false, __ATOMIC_SEQ_CST,
                                      __ATOMIC_RELAXED)
             ? 1
             : -1;
}

static bool
translate_off (const A64Mmu *mmu, GuestVaddr va, A64Translation *out, uint8_t *fsc)
{
  GuestVaddr plain = mmu->half[va >> 55 & 1].tbi ? va & (((uint64_t) 1 << 56) - 1) : va;

  if (plain >> A64_PA_BITS != 0) {
    *fsc = A64_FSC_ADDRESS_SIZE;
    return false;
  }
  // Data accesses are Device-nGnRnE, permissions are full.
  *out = (A64Translation){
      .pa = plain & ~(GuestAddr) (A64_PAGE_SIZE - 1),
      .permissions = 0x1f,
      .size_bits = A64_PAGE_BITS,
      .shareability = 2,
      .global = true,
  };
  return true;
}

// Canonical form and the half's own switches (D8.2.5, E0PD, EPD).
static bool
in_range (const A64Half *h, unsigned half, GuestVaddr va, uint8_t el)
{
  unsigned top = h->tbi ? 56 : 64;
  uint64_t upper = bits (va, h->va_bits, top - h->va_bits);
  uint64_t ones = ((uint64_t) 1 << (top - h->va_bits)) - 1;

  if (h->disabled || (el == 0 && h->e0pd))
    return false;
  return upper == (half == 0 ? 0 : ones);
}

static bool
fault (uint8_t *fsc, uint8_t value)
{
  *fsc = value;
  return false;
}

// True when bits above the output address size are clear.
static bool
address_ok (const A64Mmu *mmu, uint64_t address)
{
  return (address & (((uint64_t) 1 << A64_PA_BITS) - 1)) >> mmu->ips_bits == 0;
}

static bool
block_allowed (const A64Half *h, unsigned level)
{
  return level == 2 || (level == 1 && h->page_bits == 12);
}

bool
a64_walk (A64Cpu *cpu, GuestVaddr va, const A64Request *request, A64Translation *out, uint8_t *fsc)
{
  const A64Mmu *mmu = cpu->mmu;
  unsigned half = va >> 55 & 1;
  const A64Half *h = &mmu->half[half];
  unsigned stride = h->page_bits - 3, level = h->start_level;
  GuestAddr table = h->base;
  Inherited in = {false, false, false, false};

  if (!mmu->enabled)
    return translate_off (mmu, va, out, fsc);
  if (!in_range (h, half, va, request->el))
    return fault (fsc, A64_FSC_TRANSLATION + 0);
  if (!address_ok (mmu, table))
    return fault (fsc, A64_FSC_ADDRESS_SIZE + 0);

  for (;;) {
    unsigned shift = h->page_bits + stride * (3 - level);
    unsigned index_bits = level == h->start_level ? h->va_bits - shift : stride;
    GuestAddr at = table + bits (va, shift, index_bits) * 8;
    const uint64_t *entry = a64_read_ptr (cpu, at, 8);
    uint64_t desc;

    if (entry == NULL)
      return fault (fsc, A64_FSC_EXTERNAL_WALK + level);
    desc = __atomic_load_n (entry, __ATOMIC_ACQUIRE);
    if (!(desc & DESC_VALID))
      return fault (fsc, A64_FSC_TRANSLATION + level);

    if (level < 3 && (desc & DESC_TABLE)) {
      table = desc & OA_MASK & ~(((uint64_t) 1 << h->page_bits) - 1);
      if (!address_ok (mmu, table))
        return fault (fsc, A64_FSC_ADDRESS_SIZE + level);
      if (!h->hpd) {
        in.no_el0 |= (desc & TABLE_NO_EL0) != 0;
        in.no_write |= (desc & TABLE_NO_WRITE) != 0;
        in.uxn |= (desc & TABLE_UXN) != 0;
        in.pxn |= (desc & TABLE_PXN) != 0;
      }
      level++;
      continue;
    }
    if (level == 3 ? !(desc & DESC_TABLE) : !block_allowed (h, level))
      return fault (fsc, A64_FSC_TRANSLATION + level);

    GuestAddr block = desc & OA_MASK & ~(((uint64_t) 1 << shift) - 1);
    if (!address_ok (mmu, block))
      return fault (fsc, A64_FSC_ADDRESS_SIZE + level);
    out->pa = block | (va & (((uint64_t) 1 << shift) - 1) & ~(uint64_t) (A64_PAGE_SIZE - 1));
    out->size_bits = shift;

    int done = finish_leaf (cpu, at, desc, level, &in, request, out, fsc);
    if (done >= 0)
      return done;
  }
}
