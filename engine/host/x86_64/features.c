// SPDX-License-Identifier: GPL-3.0-or-later
// Asks CPUID and XGETBV and names the answers. Any thread.
#include <cpuid.h>
#include <stddef.h>

#include "engine/host/x86_64/features.h"

enum {
  XCR0_AVX = 0x06,        // xmm and ymm are kept
  XCR0_AVX512 = 0xe6,     // and masks, zmm, and registers 16 to 31
  LEAF1_OSXSAVE = 1 << 27 // XGETBV works
};

static bool
bit (uint32_t word, unsigned n)
{
  return word >> n & 1;
}

// x86-64-v3 (psABI, "micro-architecture levels") beyond x86-64, less the two that need XCR0.
static const char *
first_missing (const X64Cpuid *c)
{
  const struct {
    const char *name;
    bool there;
  } wanted[] = {
      {"SSE3", bit (c->leaf1_ecx, 0)},
      {"SSSE3", bit (c->leaf1_ecx, 9)},
      {"CMPXCHG16B", bit (c->leaf1_ecx, 13)},
      {"SSE4.1", bit (c->leaf1_ecx, 19)},
      {"SSE4.2", bit (c->leaf1_ecx, 20)},
      {"POPCNT", bit (c->leaf1_ecx, 23)},
      {"LAHF", bit (c->extended1_ecx, 0)},
      {"AVX", bit (c->leaf1_ecx, 28)},
      {"AVX kept by the operating system", (c->xcr0 & XCR0_AVX) == XCR0_AVX},
      {"F16C", bit (c->leaf1_ecx, 29)},
      {"FMA", bit (c->leaf1_ecx, 12)},
      {"MOVBE", bit (c->leaf1_ecx, 22)},
      {"LZCNT", bit (c->extended1_ecx, 5)},
      {"BMI1", bit (c->leaf7_ebx, 3)},
      {"AVX2", bit (c->leaf7_ebx, 5)},
      {"BMI2", bit (c->leaf7_ebx, 8)},
  };

  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
    if (!wanted[i].there)
      return wanted[i].name;
  }
  return NULL;
}

X64Features
x64_features_decode (const X64Cpuid *c)
{
  bool zmm = (c->xcr0 & XCR0_AVX512) == XCR0_AVX512 && bit (c->leaf7_ebx, 16);
  X64Features f = {
      .missing = first_missing (c),
      .aes = bit (c->leaf1_ecx, 25),
      .pclmulqdq = bit (c->leaf1_ecx, 1),
      .sha = bit (c->leaf7_ebx, 29),
      .gfni = bit (c->leaf7_ecx, 8),
      .vaes = bit (c->leaf7_ecx, 9),
      .vpclmulqdq = bit (c->leaf7_ecx, 10),
      .fsrm = bit (c->leaf7_edx, 4),
      .invariant_tsc = bit (c->extended7_edx, 8),
      .avx512f = zmm,
      .avx512vl = zmm && bit (c->leaf7_ebx, 31),
      .avx512dq = zmm && bit (c->leaf7_ebx, 17),
      .avx512bw = zmm && bit (c->leaf7_ebx, 30),
      .avx512cd = zmm && bit (c->leaf7_ebx, 28),
      .avx512ifma = zmm && bit (c->leaf7_ebx, 21),
      .avx512vbmi = zmm && bit (c->leaf7_ecx, 1),
      .avx512vbmi2 = zmm && bit (c->leaf7_ecx, 6),
      .avx512vnni = zmm && bit (c->leaf7_ecx, 11),
      .avx512bitalg = zmm && bit (c->leaf7_ecx, 12),
      .avx512vpopcntdq = zmm && bit (c->leaf7_ecx, 14),
  };

  f.baseline = f.missing == NULL;
  f.avx512 = f.avx512vl && f.avx512dq && f.avx512bw && f.avx512cd;
  return f;
}

static uint32_t
read_xcr0 (void)
{
  uint32_t low, high;

  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

X64Features
x64_features_detect (void)
{
  X64Cpuid c = {0};
  uint32_t eax, ebx, ecx, edx;

  if (__get_cpuid (1, &eax, &ebx, &ecx, &edx))
    c.leaf1_ecx = ecx;
  if (__get_cpuid_count (7, 0, &eax, &ebx, &ecx, &edx)) {
    c.leaf7_ebx = ebx;
    c.leaf7_ecx = ecx;
    c.leaf7_edx = edx;
  }
  if (__get_cpuid (0x80000001, &eax, &ebx, &ecx, &edx))
    c.extended1_ecx = ecx;
  if (__get_cpuid (0x80000007, &eax, &ebx, &ecx, &edx))
    c.extended7_edx = edx;
  if (c.leaf1_ecx & LEAF1_OSXSAVE)
    c.xcr0 = read_xcr0 ();
  return x64_features_decode (&c);
}
