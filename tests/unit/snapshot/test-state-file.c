// SPDX-License-Identifier: GPL-3.0-or-later
// Files of saved state: what is written comes back, zero pages take no room, memory is private once
// mapped; a file that is cut short, changed anywhere, foreign or newer is refused with a reason; a
// save that is broken off leaves what was there.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/snapshot/state-file-priv.h"
#include "engine/snapshot/state-file.h"
#include "engine/snapshot/sum.h"

enum {
  RAM_BYTES = 4 << 20,
};

static char *folder, *path;

static VmRam *
make_ram (void)
{
  VmRam *ram = vm_ram_new (0x40000000, RAM_BYTES, NULL);
  uint8_t *host = vm_ram_get_host (ram);

  memset (host + 5000, 0x42, 3);
  memset (host + 3 * 65536, 0x43, 70000);
  host[RAM_BYTES - 1] = 0x44;
  host[2 << 20] = 0; // touched, but zero
  return ram;
}

static bool
save (VmRam *ram, bool in_child, GError **error)
{
  StateFileWriter *writer = state_file_writer_new (path, "test", error);
  g_autoptr (GBytes) stream = g_bytes_new_static ("the devices", 11);

  if (writer == NULL)
    return false;
  state_file_writer_add_ram (writer, ram);
  state_file_writer_set_stream (writer, stream);
  if (in_child) {
    assert_true (state_file_writer_fork (writer));
    // Not the child's.
    memset (vm_ram_get_host (ram), 0x99, RAM_BYTES);
  }
  bool ok =
      state_file_writer_copy (writer, NULL, error) && state_file_writer_finish (writer, error);
  state_file_writer_free (writer);
  return ok;
}

static void
check_loaded (VmRam *ram)
{
  VmRam *expected = make_ram ();

  assert_memory_equal (vm_ram_get_host (ram), vm_ram_get_host (expected), RAM_BYTES);
  vm_ram_free (expected);
}

static unsigned
count_files (void)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  unsigned n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  g_dir_close (dir);
  return n;
}

static void
round_trip (bool in_child)
{
  VmRam *ram = make_ram (), *other = vm_ram_new (0x40000000, RAM_BYTES, NULL);
  struct stat status;
  uint64_t start, end;

  assert_true (save (ram, in_child, NULL));
  assert_int_equal (count_files (), 1);
  assert_int_equal (stat (path, &status), 0);
  assert_true (status.st_size > RAM_BYTES);
  assert_true (status.st_blocks * 512 < 300 << 10);
  StateFile *file = state_file_open (path, "test", NULL);
  assert_non_null (file);
  assert_int_equal (state_file_get_n_rams (file), 1);
  assert_int_equal (g_bytes_get_size (state_file_get_stream (file)), 11);
  assert_int_equal (state_file_get_ram_bytes (file), 4 * 65536);
  memset (vm_ram_get_host (other), 0x55, RAM_BYTES);
  assert_true (state_file_map_ram (file, 0, other, NULL));
  state_file_free (file);
  // Before anything was looked at: what is only in the file is in use too.
  assert_true (vm_ram_next_used (other, 0, &start, &end));
  assert_int_equal (start, 0);
  check_loaded (other);
  vm_ram_get_host (other)[5000] = 0;
  vm_ram_get_host (other)[1 << 20] = 1;
  file = state_file_open (path, "test", NULL);
  assert_true (state_file_map_ram (file, 0, ram, NULL));
  check_loaded (ram);
  // A reset gives zeroes, not the file again.
  vm_ram_clear (ram);
  assert_false (vm_ram_next_used (ram, 0, &start, &end));
  assert_int_equal (vm_ram_get_host (ram)[5000], 0);
  state_file_free (file);
  vm_ram_free (ram);
  vm_ram_free (other);
}

static void
test_round_trip (void **state)
{
  round_trip (false);
}

static void
test_child (void **state)
{
  round_trip (true);
}

// Saved from a mapping, over the very file that is mapped.
static void
test_again (void **state)
{
  VmRam *ram = make_ram ();

  assert_true (save (ram, false, NULL));
  StateFile *file = state_file_open (path, "test", NULL);
  assert_true (state_file_map_ram (file, 0, ram, NULL));
  state_file_free (file);
  assert_true (save (ram, false, NULL));
  check_loaded (ram);
  file = state_file_open (path, "test", NULL);
  assert_true (state_file_map_ram (file, 0, ram, NULL));
  check_loaded (ram);
  state_file_free (file);
  vm_ram_free (ram);
}

// ---- damage ---------------------------------------------------------------------------------

// Whether it can be opened and mapped; otherwise there must be a reason.
static bool
is_good (void)
{
  g_autoptr (GError) error = NULL;
  VmRam *ram = vm_ram_new (0x40000000, RAM_BYTES, NULL);
  StateFile *file = state_file_open (path, "test", &error);
  bool ok = file != NULL && state_file_get_n_rams (file) == 1 &&
            state_file_map_ram (file, 0, ram, &error);

  assert_true (ok || error != NULL);
  state_file_free (file);
  vm_ram_free (ram);
  return ok;
}

static void
change (uint64_t at, uint8_t with)
{
  int fd = open (path, O_RDWR);
  uint8_t byte;

  assert_int_equal (pread (fd, &byte, 1, (off_t) at), 1);
  byte ^= with;
  assert_int_equal (pwrite (fd, &byte, 1, (off_t) at), 1);
  close (fd);
}

static void
test_damaged (void **state)
{
  static const uint64_t places[] = {0,
                                    7,
                                    8,
                                    12,
                                    16,
                                    40,
                                    200,
                                    4095,
                                    STATE_FILE_RAM_OFFSET + 5000,
                                    STATE_FILE_RAM_OFFSET + 6000, // a zero between
                                    STATE_FILE_RAM_OFFSET + RAM_BYTES - 1,
                                    STATE_FILE_RAM_OFFSET + RAM_BYTES,         // sums
                                    STATE_FILE_RAM_OFFSET + RAM_BYTES + 600,   // their padding
                                    STATE_FILE_RAM_OFFSET + RAM_BYTES + 4096,  // the stream
                                    STATE_FILE_RAM_OFFSET + RAM_BYTES + 8191}; // its padding
  VmRam *ram = make_ram ();

  assert_true (save (ram, false, NULL));
  for (size_t i = 0; i < G_N_ELEMENTS (places); i++) {
    change (places[i], 0x20);
    if (is_good ())
      fail_msg ("a change at %#" G_GINT64_MODIFIER "x goes unnoticed", places[i]);
    change (places[i], 0x20);
    assert_true (is_good ());
  }
  vm_ram_free (ram);
}

static void
test_cut_short (void **state)
{
  static const off_t lengths[] = {
      0, 1, 4095, 4096, STATE_FILE_RAM_OFFSET, RAM_BYTES, STATE_FILE_RAM_OFFSET + RAM_BYTES + 8191};
  VmRam *ram = make_ram ();

  for (size_t i = 0; i < G_N_ELEMENTS (lengths); i++) {
    assert_true (save (ram, false, NULL));
    assert_int_equal (truncate (path, lengths[i]), 0);
    assert_false (is_good ());
  }
  vm_ram_free (ram);
}

// With a checksum that is right: nothing is believed.
static void
forge (size_t offset, uint64_t value)
{
  StateFileHeader header;
  int fd = open (path, O_RDWR);

  assert_int_equal (pread (fd, &header, sizeof header, 0), sizeof header);
  memcpy ((uint8_t *) &header + offset, &value, sizeof value);
  header.sum = 0;
  header.sum = state_sum (&header, sizeof header);
  assert_int_equal (pwrite (fd, &header, sizeof header, 0), sizeof header);
  close (fd);
}

static void
test_forged (void **state)
{
  static const size_t fields[] = {
      offsetof (StateFileHeader, file_bytes),    offsetof (StateFileHeader, sums.offset),
      offsetof (StateFileHeader, sums.length),   offsetof (StateFileHeader, stream.offset),
      offsetof (StateFileHeader, stream.length), offsetof (StateFileHeader, rams[0].bytes),
      offsetof (StateFileHeader, rams[0].offset)};
  static const uint64_t values[] = {0,
                                    1,
                                    4095,
                                    4096,
                                    65536,
                                    RAM_BYTES,
                                    1 << 30,
                                    1u << 31,
                                    INT64_MAX,
                                    1ull << 63,
                                    UINT64_MAX - 4095};
  VmRam *ram = make_ram ();

  for (size_t i = 0; i < G_N_ELEMENTS (fields); i++)
    for (size_t j = 0; j < G_N_ELEMENTS (values); j++) {
      uint64_t before;

      assert_true (save (ram, false, NULL));
      int fd = open (path, O_RDONLY);
      assert_int_equal (pread (fd, &before, sizeof before, (off_t) fields[i]), sizeof before);
      close (fd);
      forge (fields[i], values[j]);
      // A stream that is cut short is for its own reader to find.
      assert_true (!is_good () || before == values[j] ||
                   fields[i] == offsetof (StateFileHeader, stream.length));
    }
  vm_ram_free (ram);
}

static void
test_refused (void **state)
{
  VmRam *ram = make_ram (), *other = vm_ram_new (0x40000000, 2 * RAM_BYTES, NULL);
  g_autoptr (GError) error = NULL;

  assert_true (save (ram, false, NULL));
  assert_null (state_file_open (path, "other", &error));
  assert_true (g_error_matches (error, STATE_FILE_ERROR, STATE_FILE_ERROR_FOREIGN));
  g_clear_error (&error);
  StateFile *file = state_file_open (path, "test", NULL);
  assert_false (state_file_map_ram (file, 0, other, &error));
  assert_true (g_error_matches (error, STATE_FILE_ERROR, STATE_FILE_ERROR_FOREIGN));
  g_clear_error (&error);
  state_file_free (file);
  change (8, 1 ^ 2);
  assert_null (state_file_open (path, "test", &error));
  assert_true (g_error_matches (error, STATE_FILE_ERROR, STATE_FILE_ERROR_NEWER));
  g_clear_error (&error);
  assert_true (g_file_set_contents (path, "a text", -1, NULL));
  assert_null (state_file_open (path, "test", &error));
  assert_true (g_error_matches (error, STATE_FILE_ERROR, STATE_FILE_ERROR_FOREIGN));
  vm_ram_free (ram);
  vm_ram_free (other);
}

// ---- broken off -----------------------------------------------------------------------------

static void
progress_cb (void *data, double done)
{
  *(double *) data = done;
}

static void
test_cancelled (void **state)
{
  VmRam *ram = make_ram ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GBytes) stream = g_bytes_new_static ("x", 1);
  g_autoptr (GError) error = NULL;
  double done = 0;
  const StateFileJob job = {cancellable, progress_cb, &done};

  assert_true (save (ram, false, NULL));
  g_cancellable_cancel (cancellable);
  memset (vm_ram_get_host (ram), 0x77, RAM_BYTES);
  StateFileWriter *writer = state_file_writer_new (path, "test", NULL);
  state_file_writer_add_ram (writer, ram);
  state_file_writer_set_stream (writer, stream);
  assert_false (state_file_writer_copy (writer, &job, &error));
  assert_true (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
  assert_int_equal (count_files (), 2);
  state_file_writer_free (writer);
  assert_int_equal (count_files (), 1);
  assert_true (is_good ());
  vm_ram_free (ram);
}

static void
test_no_room (void **state)
{
  struct rlimit before, small = {STATE_FILE_RAM_OFFSET, STATE_FILE_RAM_OFFSET};
  g_autoptr (GError) error = NULL;
  VmRam *ram = make_ram ();

  assert_true (save (ram, false, NULL));
  signal (SIGXFSZ, SIG_IGN);
  getrlimit (RLIMIT_FSIZE, &before);
  small.rlim_max = before.rlim_max;
  setrlimit (RLIMIT_FSIZE, &small);
  assert_false (save (ram, false, &error));
  setrlimit (RLIMIT_FSIZE, &before);
  assert_non_null (error);
  assert_int_equal (count_files (), 1);
  assert_true (is_good ());
  vm_ram_free (ram);
}

static void
test_leftovers (void **state)
{
  assert_true (state_file_is_leftover (".a.state.new-x1Y2z3", "/some/a.state"));
  assert_false (state_file_is_leftover ("a.state", "/some/a.state"));
  assert_false (state_file_is_leftover (".a.state.new-x1Y2z", "/some/a.state"));
  assert_false (state_file_is_leftover (".b.state.new-x1Y2z3", "/some/a.state"));
}

static int
teardown (void **state)
{
  g_unlink (path);
  return 0;
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown (test_round_trip, teardown),
      cmocka_unit_test_teardown (test_child, teardown),
      cmocka_unit_test_teardown (test_again, teardown),
      cmocka_unit_test_teardown (test_damaged, teardown),
      cmocka_unit_test_teardown (test_cut_short, teardown),
      cmocka_unit_test_teardown (test_forged, teardown),
      cmocka_unit_test_teardown (test_refused, teardown),
      cmocka_unit_test_teardown (test_cancelled, teardown),
      cmocka_unit_test_teardown (test_no_room, teardown),
      cmocka_unit_test (test_leftovers),
  };

  folder = g_dir_make_tmp ("terrarium-state.XXXXXX", NULL);
  path = g_build_filename (folder, "a.state", NULL);
  int failed = cmocka_run_group_tests (tests, NULL, NULL);
  g_rmdir (folder);
  g_free (folder);
  g_free (path);
  return failed;
}
