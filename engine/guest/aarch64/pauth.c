// SPDX-License-Identifier: GPL-3.0-or-later
// See pauth.h. The code is two folded 64 by 64 bit products of pointer, modifier and key: a few
// nanoseconds, where QARMA would take a hundred. It is as good as an attacker inside the guest
// cannot read it off: the keys never leave EL1, and a wrong guess faults.
#include <assert.h>

#include "engine/guest/aarch64/mmu.h"
#include "engine/guest/aarch64/pauth.h"
#include "engine/guest/aarch64/sysreg.h"

// Keys are found by their place: the lower half first, in the order of the enumeration.
static_assert (offsetof (A64SysRegs, apgakeyhi_el1) ==
                   offsetof (A64SysRegs, apiakeylo_el1) + (2 * A64_PAC_GA + 1) * sizeof (uint64_t),
               "the keys lie together");

void
a64_pac_configure (A64Cpu *cpu)
{
  static const uint64_t enable[] = {
      [A64_PAC_IA] = A64_SCTLR_ENIA,
      [A64_PAC_IB] = A64_SCTLR_ENIB,
      [A64_PAC_DA] = A64_SCTLR_ENDA,
      [A64_PAC_DB] = A64_SCTLR_ENDB,
  };

  cpu->pauth_keys = 0;
  for (unsigned key = 0; key < sizeof enable / sizeof enable[0]; key++)
    if ((cpu->features & A64_FEATURE_PAUTH) != 0 && (cpu->sys->sctlr_el1 & enable[key]) != 0)
      cpu->pauth_keys |= 1u << key;
}

static uint64_t
fold (uint64_t a, uint64_t b)
{
  unsigned __int128 product = (unsigned __int128) a * b;

  return (uint64_t) (product >> 64) ^ (uint64_t) product;
}

static uint64_t
compute (const A64Cpu *cpu, uint64_t value, uint64_t modifier, A64PacKey key)
{
  const uint64_t *k =
      (const uint64_t *) ((const char *) cpu->sys + offsetof (A64SysRegs, apiakeylo_el1)) + 2 * key;
  uint64_t low = k[0] ^ 0x9e3779b97f4a7c15, high = k[1] ^ 0xd1b54a32d192ed03;
  uint64_t mixed = fold (value ^ low, modifier ^ high);

  return fold (mixed ^ high, low ^ 0x8bb84b93962eacc9);
}

static uint64_t
ones (unsigned high, unsigned low)
{
  return (~(uint64_t) 0 >> (63 - high)) & (~(uint64_t) 0 << low);
}

// The bits that hold the code of a pointer of this half: those above the address but for bit 55,
// and for the tag where there is one.
static uint64_t
field (const A64Half *half, bool data)
{
  bool tagged = data ? half->tbi : half->tbi_code;

  return ones (54, half->va_bits) | (tagged ? 0 : ones (63, 56));
}

static bool
is_data (A64PacKey key)
{
  return key >= A64_PAC_DA;
}

static const A64Half *
half_of (const A64Cpu *cpu, uint64_t bit55)
{
  return &cpu->mmu->half[bit55 & 1];
}

// The pointer with its half's sign in the field.
static uint64_t
extended (uint64_t pointer, uint64_t bits, uint64_t sign)
{
  return sign & 1 ? pointer | bits : pointer & ~bits;
}

// Which half: bit 63, unless addresses have tags in either half (AddPAC).
static uint64_t
select_half (const A64Cpu *cpu, uint64_t pointer, bool data)
{
  const A64Half *h = cpu->mmu->half;
  bool tagged = data ? h[0].tbi || h[1].tbi : h[0].tbi_code || h[1].tbi_code;

  return pointer >> (tagged ? 55 : 63) & 1;
}

uint64_t
a64_pac_add (const A64Cpu *cpu, uint64_t pointer, uint64_t modifier, A64PacKey key)
{
  uint64_t sign = select_half (cpu, pointer, is_data (key));
  uint64_t bits = field (half_of (cpu, sign), is_data (key)), bit55 = (uint64_t) 1 << 55;
  uint64_t code = compute (cpu, extended (pointer, bits | bit55, sign), modifier, key);

  return extended (pointer, bit55, sign) ^ (code & bits);
}

uint64_t
a64_pac_remove (const A64Cpu *cpu, uint64_t pointer, uint64_t modifier, A64PacKey key)
{
  uint64_t sign = pointer >> 55, bits = field (half_of (cpu, sign), is_data (key));

  return pointer ^ (compute (cpu, extended (pointer, bits, sign), modifier, key) & bits);
}

uint64_t
a64_pac_strip (const A64Cpu *cpu, uint64_t pointer, bool data)
{
  uint64_t sign = pointer >> 55;

  return extended (pointer, field (half_of (cpu, sign), data), sign);
}

uint64_t
a64_pac_mask (const A64Cpu *cpu, bool data)
{
  return field (half_of (cpu, 0), data);
}

uint64_t
a64_pac_generic (const A64Cpu *cpu, uint64_t value, uint64_t modifier)
{
  return compute (cpu, value, modifier, A64_PAC_GA) & ~(uint64_t) 0xffffffff;
}
