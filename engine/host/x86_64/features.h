// SPDX-License-Identifier: GPL-3.0-or-later
// What the host processor, and its operating system, can do (Intel SDM volume 2, CPUID; volume
// 1, chapter 13 for XCR0; AMD APM volume 3, appendix E). Asked once per machine, on any thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct X64Features {
  // All of x86-64-v3 is there, so the translator can run; else what is missing first, for people.
  bool baseline;
  const char *missing;

  // Beyond the baseline.
  bool aes, pclmulqdq, sha, gfni, vaes, vpclmulqdq;
  bool fsrm;          // short rep movsb is fast
  bool invariant_tsc; // the same rate in every sleep state

  // False where the operating system does not keep the registers.
  bool avx512f, avx512vl, avx512dq, avx512bw, avx512cd;
  bool avx512vbmi, avx512vbmi2, avx512bitalg, avx512vpopcntdq, avx512ifma, avx512vnni;
  bool avx512; // f, vl, dq, bw and cd: registers 16 to 31 can be used for nearly all there is
} X64Features;

// The answers of CPUID and XGETBV that matter; what does not exist is 0.
typedef struct X64Cpuid {
  uint32_t leaf1_ecx;
  uint32_t leaf7_ebx, leaf7_ecx, leaf7_edx;
  uint32_t extended1_ecx; // 0x80000001
  uint32_t extended7_edx; // 0x80000007
  uint32_t xcr0;
} X64Cpuid;

X64Features x64_features_detect (void);

X64Features x64_features_decode (const X64Cpuid *cpuid);
