// SPDX-License-Identifier: GPL-3.0-or-later
// What Arm's PrimeCell peripherals have in common: the identification registers at 0xfe0..0xffc.
#pragma once

#include "engine/structs/types.h"

enum {
  PRIMECELL_IDREGS = 0xfe0,
};

// part: 0x011 for the PL011 and so on; revision as in PeriphID2.
static inline uint32_t
primecell_id (uint64_t offset, uint8_t part, uint8_t revision)
{
  const uint8_t ids[8] = {part, 0x10, revision << 4 | 4, 0, 0x0d, 0xf0, 0x05, 0xb1};
  return ids[(offset - PRIMECELL_IDREGS) / 4 % 8];
}
