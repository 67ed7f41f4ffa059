// SPDX-License-Identifier: GPL-3.0-or-later
// Which system is on a medium, with a database of the test's own: by volume identifier, by a file's
// name, not at all.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "app/medium/system.h"

#define SYSTEM(version)                                                                            \
  "<libosinfo version='0.0.1'><os id='http://example.org/green/" version                           \
  "'><short-id>green" version "</short-id><name>Green OS " version "</name><version>" version      \
  "</version><vendor>Example</vendor><family>linux</family>"
#define END "</os></libosinfo>"

static const struct File {
  const char *name, *text;
} files[] = {
    {"green-1.2.xml",
     SYSTEM ("1.2") "<media arch='aarch64'><iso><volume-id>Green 1\\.2 [a-z0-9]*</volume-id></iso>"
                    "</media><resources arch='all'><minimum><ram>536870912</ram></minimum>"
                    "<recommended><ram>2147483648</ram><storage>12884901888</storage>"
                    "</recommended></resources><resources arch='aarch64'><recommended>"
                    "<n-cpus>3</n-cpus></recommended></resources><resources arch='x86_64'>"
                    "<recommended><ram>8589934592</ram></recommended></resources>" END},
    {"green-1.xml", SYSTEM ("1") END},
};

static const struct Row {
  MediumKind kind;
  char *volume, *path;
  const char *system; // NULL: not known
  const char *name;
} rows[] = {
    {MEDIUM_DISC, "Green 1.2 arm64", "/x/a.iso", "Green OS 1.2", "Green OS 1.2"},
    {MEDIUM_DISC, "Green 2 arm64", "/x/green-1.2.iso", NULL, "Green 2 arm64"},
    {MEDIUM_DISC, NULL, "/x/Some Disc.ISO", NULL, "Some Disc"},
    {MEDIUM_DISK, NULL, "/x/Green-1.2-arm64.qcow2", "Green OS 1.2", "Green OS 1.2"},
    {MEDIUM_DISK, NULL, "/x/green_1_arm64.img", "Green OS 1", "Green OS 1"},
    {MEDIUM_DISK, NULL, "/x/green-1.3.img", NULL, "green-1.3"},
    {MEDIUM_DISK, NULL, "/x/green12.raw", NULL, "green12"},
    {MEDIUM_DISK, NULL, "/x/.img", NULL, ".img"},
};

static void
finds_systems (void **state)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (rows); i++) {
    const Medium medium = {.kind = rows[i].kind,
                           .path = rows[i].path,
                           .volume_id = rows[i].volume,
                           .volume_bytes = 1 << 20};
    g_autoptr (SystemAdvice) advice = system_advise (&medium);
    g_autofree char *name = system_suggest_name (&medium, advice);

    print_message ("%s\n", rows[i].path);
    assert_int_equal (advice->name != NULL, rows[i].system != NULL);
    if (rows[i].system)
      assert_string_equal (advice->name, rows[i].system);
    assert_string_equal (name, rows[i].name);
  }
}

static void
takes_advice (void **state)
{
  const Medium medium = {.kind = MEDIUM_DISK, .path = (char *) "/x/green1.2.img"};
  g_autoptr (SystemAdvice) advice = system_advise (&medium);

  assert_true (advice->memory_bytes == UINT64_C (2) << 30);
  assert_true (advice->disk_bytes == UINT64_C (12) << 30);
  assert_int_equal (advice->cpus, 3);
}

static void
cuts_long_names (void **state)
{
  g_autofree char *long_name = g_strnfill (90, 'a'), *path = NULL, *name = NULL;
  path = g_strdup_printf ("/x/%s€€€€€€€€.img", long_name);
  const Medium medium = {.kind = MEDIUM_DISK, .path = path};
  const SystemAdvice none = {0};

  name = system_suggest_name (&medium, &none);
  assert_true (g_utf8_validate (name, -1, NULL));
  assert_in_range (strlen (name), 100, 103);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (finds_systems),
      cmocka_unit_test (takes_advice),
      cmocka_unit_test (cuts_long_names),
  };
  g_autofree char *folder = g_dir_make_tmp ("terrarium-system-XXXXXX", NULL);
  g_autofree char *os = g_build_filename (folder, "os", NULL);
  g_autofree char *vendor = g_build_filename (os, "example.org", NULL);
  bool made = g_mkdir_with_parents (vendor, 0755) == 0;

  for (unsigned i = 0; i < G_N_ELEMENTS (files); i++) {
    g_autofree char *path = g_build_filename (vendor, files[i].name, NULL);
    made &= g_file_set_contents (path, files[i].text, -1, NULL);
  }
  g_setenv ("OSINFO_SYSTEM_DIR", folder, TRUE);
  g_setenv ("OSINFO_LOCAL_DIR", "/nonexistent", TRUE);
  g_setenv ("OSINFO_USER_DIR", "/nonexistent", TRUE);
  int failed = made ? cmocka_run_group_tests (tests, NULL, NULL) : 1;
  for (unsigned i = 0; i < G_N_ELEMENTS (files); i++) {
    g_autofree char *path = g_build_filename (vendor, files[i].name, NULL);
    g_unlink (path);
  }
  g_rmdir (vendor);
  g_rmdir (os);
  g_rmdir (folder);
  return failed;
}
