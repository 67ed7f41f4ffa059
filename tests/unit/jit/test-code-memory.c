// SPDX-License-Identifier: GPL-3.0-or-later
// Executable memory: two views of the same bytes, one where that is not allowed, and what is said
// where none is. Hosts that forbid it are played by a filter of system calls (seccomp(2)) in a
// process of its own.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/jit/code-memory.h"
#include "tests/support/forbid-code.h"

enum { BYTES = 1 << 20, SKIPPED = 77 };

static void
test_both_views_are_of_the_same_bytes (void **state)
{
  CodeMemory memory;

  (void) state;
  assert_true (code_memory_map (&memory, BYTES, false, NULL));
  memcpy (memory.write + 5000, "code", 5);
  assert_string_equal ((char *) memory.execute + 5000, "code");
  assert_ptr_not_equal (memory.write, memory.execute);
  code_memory_unmap (&memory);
  assert_null (memory.write);
}

static void
test_one_mapping_when_wanted (void **state)
{
  CodeMemory memory;

  (void) state;
  assert_true (code_memory_map (&memory, BYTES, true, NULL));
  assert_ptr_equal (memory.write, memory.execute);
  memory.write[BYTES - 1] = 1;
  code_memory_unmap (&memory);
}

// What is prepared is of the file, and only what was asked for.
static void
test_prepared_pages_are_written_to_both (void **state)
{
  enum { START = 3 << 16, PREPARED = 1 << 16 };
  CodeMemory memory;

  (void) state;
  assert_true (code_memory_map (&memory, BYTES, false, NULL));
  memset (memory.write + START - 8, 0x5a, 8);
  memset (memory.write + START + PREPARED, 0x5a, 8);
  code_memory_prepare (&memory, START, PREPARED);
  assert_int_equal (memory.write[START - 1], 0x5a);
  assert_int_equal (memory.write[START + PREPARED], 0x5a);
  for (unsigned i = 0; i < PREPARED; i += 4096)
    assert_int_equal (memory.execute[START + i], 0);
  memory.write[START] = 0xc3;
  assert_int_equal (memory.execute[START], 0xc3);
  code_memory_unmap (&memory);
}

// Where the system gives none nothing but the byte that was to become part of it is touched.
static void
test_a_huge_page_is_of_both (void **state)
{
  enum { PAGES = 4 };
  CodeMemory memory;

  (void) state;
  assert_true (code_memory_map (&memory, (size_t) PAGES * CODE_HUGE_PAGE, false, NULL));
  assert_int_equal ((uintptr_t) memory.write % CODE_HUGE_PAGE, 0);
  assert_int_equal ((uintptr_t) memory.execute % CODE_HUGE_PAGE, 0);
  memory.write[CODE_HUGE_PAGE - 1] = memory.write[2 * CODE_HUGE_PAGE] = 0x5a;
  bool huge = code_memory_prepare_huge (&memory, CODE_HUGE_PAGE);
  print_message ("huge pages: %s\n", huge ? "yes" : "no");
  assert_int_equal (memory.execute[CODE_HUGE_PAGE - 1], 0x5a);
  assert_int_equal (memory.execute[2 * CODE_HUGE_PAGE], 0x5a);
  for (unsigned i = 0; i < CODE_HUGE_PAGE; i += 4096)
    assert_int_equal (memory.execute[CODE_HUGE_PAGE + i], 0);
  memory.write[CODE_HUGE_PAGE + 5000] = 0xc3;
  assert_int_equal (memory.execute[CODE_HUGE_PAGE + 5000], 0xc3);
  code_memory_unmap (&memory);

  // One view has none.
  assert_true (code_memory_map (&memory, (size_t) PAGES * CODE_HUGE_PAGE, true, NULL));
  assert_false (code_memory_prepare_huge (&memory, CODE_HUGE_PAGE));
  code_memory_unmap (&memory);
}

// Runs `body` under a filter; its exit status.
static int
run_forbidden (bool both, int (*body) (void))
{
  pid_t pid = fork ();
  int status;

  if (pid == 0)
    _exit (forbid_code (both) ? body () : SKIPPED);
  assert_int_equal (waitpid (pid, &status, 0), pid);
  assert_true (WIFEXITED (status));
  return WEXITSTATUS (status);
}

static int
is_one_mapping (void)
{
  CodeMemory memory;

  return code_memory_map (&memory, BYTES, false, NULL) && memory.write == memory.execute ? 0 : 1;
}

static int
is_refused (void)
{
  CodeMemory memory;
  g_autoptr (GError) error = NULL;

  if (code_memory_map (&memory, BYTES, false, &error) || memory.write != NULL)
    return 1;
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED) &&
                 strstr (error->message, "does not allow memory for translated code") != NULL
             ? 0
             : 2;
}

static void
check (int status)
{
  if (status == SKIPPED)
    skip ();
  assert_int_equal (status, 0);
}

static void
test_shared_code_forbidden (void **state)
{
  (void) state;
  check (run_forbidden (false, is_one_mapping));
}

static void
test_all_code_forbidden (void **state)
{
  (void) state;
  check (run_forbidden (true, is_refused));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_both_views_are_of_the_same_bytes),
      cmocka_unit_test (test_one_mapping_when_wanted),
      cmocka_unit_test (test_prepared_pages_are_written_to_both),
      cmocka_unit_test (test_a_huge_page_is_of_both),
      cmocka_unit_test (test_shared_code_forbidden),
      cmocka_unit_test (test_all_code_forbidden),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
