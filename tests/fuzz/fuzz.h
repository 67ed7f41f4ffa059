// SPDX-License-Identifier: GPL-3.0-or-later
// A fuzz target is one file with LLVMFuzzerTestOneInput. It is linked with libFuzzer where that
// exists, else with fuzz-main.c, which feeds it pseudo-random inputs or the files it is given.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

// The input as a stream of numbers; zeroes behind its end.
typedef struct FuzzInput {
  const uint8_t *data;
  size_t left;
} FuzzInput;

static inline void
fuzz_bytes (FuzzInput *in, void *to, size_t length)
{
  size_t n = length < in->left ? length : in->left;
  memset (to, 0, length);
  if (n > 0)
    memcpy (to, in->data, n);
  in->data += n;
  in->left -= n;
}

static inline uint64_t
fuzz_number (FuzzInput *in, size_t bytes)
{
  uint64_t value = 0;
  uint8_t raw[8];
  fuzz_bytes (in, raw, bytes);
  for (size_t i = bytes; i > 0; i--)
    value = value << 8 | raw[i - 1];
  return value;
}

// 0 .. n - 1.
static inline unsigned
fuzz_below (FuzzInput *in, unsigned n)
{
  return (unsigned) (fuzz_number (in, 2) % n);
}
