// SPDX-License-Identifier: GPL-3.0-or-later
// Host features: what is said about processors that lack one thing each, and that this one is
// described as the kernel describes it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib.h>
#include <string.h>

#include "engine/host/x86_64/features.h"

// Everything.
static const X64Cpuid full = {
    .leaf1_ecx = UINT32_MAX,
    .leaf7_ebx = UINT32_MAX,
    .leaf7_ecx = UINT32_MAX,
    .leaf7_edx = UINT32_MAX,
    .extended1_ecx = UINT32_MAX,
    .extended7_edx = UINT32_MAX,
    .xcr0 = 0xe7,
};

enum {
  LEAF1_ECX = offsetof (X64Cpuid, leaf1_ecx),
  LEAF7_EBX = offsetof (X64Cpuid, leaf7_ebx),
  LEAF7_ECX = offsetof (X64Cpuid, leaf7_ecx),
  LEAF7_EDX = offsetof (X64Cpuid, leaf7_edx),
  EXTENDED1_ECX = offsetof (X64Cpuid, extended1_ecx),
  EXTENDED7_EDX = offsetof (X64Cpuid, extended7_edx),
  XCR0 = offsetof (X64Cpuid, xcr0),
};

// Each is there in full and gone without its bit; `linux` is the name in /proc/cpuinfo.
#define FEATURE(name) offsetof (X64Features, name)
static const struct {
  size_t feature;
  unsigned word, bit;
  const char *linux_name;
} features[] = {
    {FEATURE (aes), LEAF1_ECX, 25, "aes"},
    {FEATURE (pclmulqdq), LEAF1_ECX, 1, "pclmulqdq"},
    {FEATURE (sha), LEAF7_EBX, 29, "sha_ni"},
    {FEATURE (gfni), LEAF7_ECX, 8, "gfni"},
    {FEATURE (vaes), LEAF7_ECX, 9, "vaes"},
    {FEATURE (vpclmulqdq), LEAF7_ECX, 10, "vpclmulqdq"},
    {FEATURE (fsrm), LEAF7_EDX, 4, "fsrm"},
    {FEATURE (invariant_tsc), EXTENDED7_EDX, 8, "nonstop_tsc"},
    {FEATURE (avx512f), LEAF7_EBX, 16, "avx512f"},
    {FEATURE (avx512vl), LEAF7_EBX, 31, "avx512vl"},
    {FEATURE (avx512dq), LEAF7_EBX, 17, "avx512dq"},
    {FEATURE (avx512bw), LEAF7_EBX, 30, "avx512bw"},
    {FEATURE (avx512cd), LEAF7_EBX, 28, "avx512cd"},
    {FEATURE (avx512ifma), LEAF7_EBX, 21, "avx512ifma"},
    {FEATURE (avx512vbmi), LEAF7_ECX, 1, "avx512vbmi"},
    {FEATURE (avx512vbmi2), LEAF7_ECX, 6, "avx512_vbmi2"},
    {FEATURE (avx512vnni), LEAF7_ECX, 11, "avx512_vnni"},
    {FEATURE (avx512bitalg), LEAF7_ECX, 12, "avx512_bitalg"},
    {FEATURE (avx512vpopcntdq), LEAF7_ECX, 14, "avx512_vpopcntdq"},
    {FEATURE (avx512), LEAF7_EBX, 31, "avx512vl"},
    {FEATURE (avx512), LEAF7_EBX, 17, "avx512dq"},
    {FEATURE (avx512), LEAF7_EBX, 28, "avx512cd"},
    {FEATURE (avx512), XCR0, 7, NULL},
    {FEATURE (avx512vbmi), XCR0, 6, NULL},
    {FEATURE (avx512f), XCR0, 5, NULL},
    {FEATURE (baseline), LEAF1_ECX, 0, "pni"},
    {FEATURE (baseline), LEAF1_ECX, 9, "ssse3"},
    {FEATURE (baseline), LEAF1_ECX, 12, "fma"},
    {FEATURE (baseline), LEAF1_ECX, 13, "cx16"},
    {FEATURE (baseline), LEAF1_ECX, 19, "sse4_1"},
    {FEATURE (baseline), LEAF1_ECX, 20, "sse4_2"},
    {FEATURE (baseline), LEAF1_ECX, 22, "movbe"},
    {FEATURE (baseline), LEAF1_ECX, 23, "popcnt"},
    {FEATURE (baseline), LEAF1_ECX, 28, "avx"},
    {FEATURE (baseline), LEAF1_ECX, 29, "f16c"},
    {FEATURE (baseline), LEAF7_EBX, 3, "bmi1"},
    {FEATURE (baseline), LEAF7_EBX, 5, "avx2"},
    {FEATURE (baseline), LEAF7_EBX, 8, "bmi2"},
    {FEATURE (baseline), EXTENDED1_ECX, 0, "lahf_lm"},
    {FEATURE (baseline), EXTENDED1_ECX, 5, "abm"},
    {FEATURE (baseline), XCR0, 1, NULL},
    {FEATURE (baseline), XCR0, 2, NULL},
};

static bool
has (const X64Features *f, size_t feature)
{
  return *(const bool *) ((const char *) f + feature);
}

static void
test_each_bit (void **state)
{
  X64Features all = x64_features_decode (&full);

  assert_null (all.missing);
  for (size_t i = 0; i < G_N_ELEMENTS (features); i++) {
    X64Cpuid c = full;
    X64Features f;

    *(uint32_t *) ((char *) &c + features[i].word) &= ~(1u << features[i].bit);
    f = x64_features_decode (&c);
    if (!has (&all, features[i].feature) || has (&f, features[i].feature))
      fail_msg ("row %zu", i);
    assert_int_equal (f.baseline, f.missing == NULL);
  }
}

static void
test_names (void **state)
{
  X64Cpuid c = full;

  c.leaf7_ebx &= ~(1u << 5);
  assert_string_equal (x64_features_decode (&c).missing, "AVX2");
  c = (X64Cpuid){0};
  assert_string_equal (x64_features_decode (&c).missing, "SSE3");
}

// A feature is there exactly when Linux lists it (with the baseline: when it lists all of it).
static void
test_this_host (void **state)
{
  g_autofree char *cpuinfo = NULL;
  X64Features f = x64_features_detect ();
  bool baseline = true;
  char *flags = NULL, *end;

  if (!g_file_get_contents ("/proc/cpuinfo", &cpuinfo, NULL, NULL) ||
      (flags = strstr (cpuinfo, "\nflags")) == NULL)
    skip ();
  end = strchr (flags + 1, '\n');
  *end = ' ';
  end[1] = '\0';
  for (size_t i = 0; i < G_N_ELEMENTS (features); i++) {
    g_autofree char *word = g_strdup_printf (" %s ", features[i].linux_name);
    bool listed = features[i].linux_name == NULL || strstr (flags, word) != NULL;

    if (features[i].feature == FEATURE (baseline))
      baseline &= listed;
    else if (features[i].feature != FEATURE (avx512) && features[i].linux_name != NULL &&
             listed != has (&f, features[i].feature))
      fail_msg ("%s: listed %d", features[i].linux_name, listed);
  }
  assert_int_equal (f.baseline, baseline);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_each_bit),
      cmocka_unit_test (test_names),
      cmocka_unit_test (test_this_host),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
