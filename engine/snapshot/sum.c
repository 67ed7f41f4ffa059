// SPDX-License-Identifier: GPL-3.0-or-later
// Eight chains of xor, multiply and shift side by side, so that the processor need not wait for
// one product before the next. Little endian hosts only, as is all of the engine.
//
// Threads: any.
#include "engine/snapshot/sum.h"

#include <string.h>

#define FACTOR UINT64_C (0x9e3779b97f4a7c15)

enum { LANES = 8 };

uint64_t
state_sum (const void *data, size_t length)
{
  uint64_t lanes[LANES] = {1, 2, 3, 4, 5, 6, 7, 8}, sum = length;

  for (size_t at = 0; at < length; at += sizeof lanes) {
    uint64_t words[LANES];

    memcpy (words, (const uint8_t *) data + at, sizeof words);
    for (unsigned i = 0; i < LANES; i++) {
      lanes[i] = (lanes[i] ^ words[i]) * FACTOR;
      lanes[i] ^= lanes[i] >> 29;
    }
  }
  for (unsigned i = 0; i < LANES; i++)
    sum = (sum ^ lanes[i]) * FACTOR;
  return sum != 0 ? sum : 1;
}
