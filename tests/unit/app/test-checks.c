// SPDX-License-Identifier: GPL-3.0-or-later
// The check of the computer: what is said of which facts.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/model/checks.h"

#define GIB(n)  (UINT64_C (n) << 30)
#define SELF    "/proc/self/exe"
#define KIND    "TEST_RENDERER" // what the process that is asked does
#define LONG_MS 600000

static const HostFacts good = {
    .kvm = HOST_KVM_ABSENT,
    .translates = true,
    .code = HOST_CODE_TWICE,
    .renderer = (char *) "Mesa Intel(R) UHD Graphics",
    .pipewire = true,
    .folder = (char *) "/machines",
    .writable = true,
    .free_bytes = GIB (100),
    .ring = true,
};

static const Check *
find (const GPtrArray *checks, const char *id)
{
  for (unsigned i = 0; i < checks->len; i++) {
    const Check *check = checks->pdata[i];
    if (strcmp (check->id, id) == 0)
      return check;
  }
  return NULL;
}

// All but `id` is fine then, and `id` has this verdict; what is in the text, and the command.
static void
expect (const HostFacts *facts, const char *id, CheckVerdict verdict, const char *text,
        const char *command)
{
  g_autoptr (GPtrArray) checks = checks_from_facts (facts);
  const Check *check = find (checks, id);

  assert_non_null (check);
  assert_int_equal (check->verdict, verdict);
  assert_int_equal (checks_get_worst (checks), verdict);
  assert_non_null (strstr (check->text, text));
  if (command == NULL)
    assert_null (check->command);
  else
    assert_non_null (strstr (check->command, command));
  // A command is introduced.
  assert_true (check->command == NULL || g_str_has_suffix (check->remedy, ":"));
  for (unsigned i = 0; i < checks->len; i++) {
    const Check *other = checks->pdata[i];
    assert_true (other == check || (other->verdict == CHECK_OK && other->command == NULL));
    assert_true (other->text[0] != '\0' && other->title[0] != '\0');
  }
}

static void
test_fine (void **state)
{
  HostFacts facts = good;

  expect (&facts, "graphics", CHECK_OK, "Intel", NULL);
  expect (&facts, "disk", CHECK_OK, "100.0 GiB", NULL);
  expect (&facts, "kvm", CHECK_OK, "not needed", NULL);
  facts.kvm = HOST_KVM_FORBIDDEN;
  expect (&facts, "kvm", CHECK_OK, "not needed", NULL);
  facts.kvm = HOST_KVM_THERE;
  expect (&facts, "kvm", CHECK_OK, "not needed", NULL);
}

static void
test_processor (void **state)
{
  HostFacts facts = good;

  facts.translates = false;
  expect (&facts, "processor", CHECK_PROBLEM, "no translator", NULL);
  facts.lacks = "AVX2";
  expect (&facts, "processor", CHECK_PROBLEM, "AVX2", NULL);
  facts = good;
  facts.arm = true;
  facts.kvm = HOST_KVM_FORBIDDEN;
  expect (&facts, "kvm", CHECK_OK, "/dev/kvm", "KERNEL==\"kvm\"");
  facts.kvm = HOST_KVM_THERE;
  expect (&facts, "kvm", CHECK_OK, "there", NULL);
}

static void
test_code (void **state)
{
  HostFacts facts = good;

  facts.code = HOST_CODE_ONCE;
  expect (&facts, "code", CHECK_WARNING, "less safe", NULL);
  facts.memfd_noexec = true;
  expect (&facts, "code", CHECK_WARNING, "less safe", "vm.memfd_noexec=1");
  facts.code = HOST_CODE_NEVER;
  facts.deny_execmem = true;
  expect (&facts, "code", CHECK_PROBLEM, "slower", "deny_execmem off");
}

static void
test_graphics (void **state)
{
  HostFacts facts = good;

  facts.renderer = NULL;
  expect (&facts, "graphics", CHECK_WARNING, "found out", NULL);
  facts.renderer = (char *) "llvmpipe (LLVM 15.0.6, 256 bits)";
  expect (&facts, "graphics", CHECK_WARNING, "llvmpipe (LLVM", NULL);
  facts.sandboxed = true;
  expect (&facts, "graphics", CHECK_WARNING, "by the processor", "flatpak update");
}

static void
test_sound (void **state)
{
  HostFacts facts = good;

  facts.pipewire = false;
  expect (&facts, "sound", CHECK_WARNING, "silent", "systemctl --user");
  facts.sandboxed = true;
  expect (&facts, "sound", CHECK_WARNING, "silent", "flatpak override --user");
}

static void
test_disk (void **state)
{
  HostFacts facts = good;

  facts.free_bytes = GIB (10);
  expect (&facts, "disk", CHECK_OK, "/machines", NULL);
  facts.free_bytes = GIB (10) - 1;
  expect (&facts, "disk", CHECK_WARNING, "/machines", NULL);
  facts.free_bytes = GIB (1) - 1;
  expect (&facts, "disk", CHECK_PROBLEM, "/machines", NULL);
  facts.writable = false;
  facts.folder = (char *) "/caf\xe9";
  expect (&facts, "disk", CHECK_PROBLEM, "/caf", NULL);
  facts = good;
  facts.ring = false;
  expect (&facts, "io", CHECK_WARNING, "io_uring", NULL);
  facts.ring_disabled = true;
  expect (&facts, "io", CHECK_WARNING, "io_uring", "io_uring_disabled=0");
}

static void
test_json (void **state)
{
  HostFacts facts = good;
  facts.pipewire = false;
  g_autoptr (GPtrArray) checks = checks_from_facts (&facts);
  g_autoptr (JsonNode) node = checks_to_json (checks);
  JsonArray *array = json_node_get_array (node);

  assert_int_equal (json_array_get_length (array), checks->len);
  for (unsigned i = 0; i < checks->len; i++) {
    JsonObject *object = json_array_get_object_element (array, i);
    const Check *check = checks->pdata[i];
    assert_string_equal (json_object_get_string_member (object, "id"), check->id);
    assert_string_equal (json_object_get_string_member (object, "verdict"),
                         check_verdict_get_name (check->verdict));
    assert_int_equal (json_object_has_member (object, "command"), check->command != NULL);
  }
}

// This computer: whatever is said of it, it is said of all.
static void
test_run (void **state)
{
  g_autoptr (GPtrArray) checks = checks_run (SELF);

  assert_int_equal (checks->len, 7);
  assert_non_null (strstr (find (checks, "graphics")->text, "The tests' renderer"));
  for (unsigned i = 0; i < checks->len; i++) {
    const Check *check = checks->pdata[i];
    assert_true (g_utf8_validate (check->text, -1, NULL));
  }
}

// What is asked, in its own process.
static int
renderer (void)
{
  const char *kind = getenv (KIND);

  if (kind == NULL)
    return printf ("The tests' renderer\n") > 0 ? 0 : 1;
  if (strcmp (kind, "hang") == 0) {
    alarm (600);
    pause ();
  }
  // One that does not know what it is called for asks again; it must not get an answer.
  setenv (KIND, "innermost", 1);
  g_autofree char *more =
      strcmp (kind, "again") == 0 ? host_facts_ask_renderer (SELF, LONG_MS) : NULL;
  printf ("%s\n", more ? more : kind);
  return 0;
}

static void
test_asked (void **state)
{
  g_autofree char *nobody = host_facts_ask_renderer (NULL, LONG_MS);
  g_autofree char *none = host_facts_ask_renderer ("/nonexistent", LONG_MS);
  g_autofree char *silent = host_facts_ask_renderer ("/bin/true", LONG_MS);

  assert_null (nobody);
  assert_null (none);
  assert_null (silent);
  setenv (KIND, "again", 1);
  g_autofree char *outer = host_facts_ask_renderer (SELF, LONG_MS);
  assert_string_equal (outer, "again");
  setenv (KIND, "hang", 1);
  g_autofree char *late = host_facts_ask_renderer (SELF, 50);
  assert_null (late);
  unsetenv (KIND);
}

int
main (int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_fine),  cmocka_unit_test (test_processor),
      cmocka_unit_test (test_code),  cmocka_unit_test (test_graphics),
      cmocka_unit_test (test_sound), cmocka_unit_test (test_disk),
      cmocka_unit_test (test_json),  cmocka_unit_test (test_run),
      cmocka_unit_test (test_asked),
  };

  // As what draws is asked: in another process of this program.
  if (argc > 1 && strcmp (argv[1], "renderer") == 0)
    return renderer ();
  return cmocka_run_group_tests (tests, NULL, NULL);
}
