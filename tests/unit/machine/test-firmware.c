// SPDX-License-Identifier: GPL-3.0-or-later
// What is taken for firmware and for its variables, and what is said of the rest; the boot order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/hw/cfi-flash.h"
#include "engine/hw/cfi-journal.h"
#include "engine/machine/boot-order.h"
#include "engine/machine/firmware.h"

typedef struct Fixture {
  char *folder, *code, *nvram;
} Fixture;

static void
put (const char *path, const char *bytes, size_t length)
{
  assert_true (g_file_set_contents (path, bytes, (gssize) length, NULL));
}

// A branch, as all firmware begins.
static int
set_up (void **state)
{
  Fixture *f = g_new0 (Fixture, 1);

  f->folder = g_dir_make_tmp ("terrarium-firmware.XXXXXX", NULL);
  f->code = g_build_filename (f->folder, "code.fd", NULL);
  f->nvram = g_build_filename (f->folder, "nvram.fd", NULL);
  put (f->code, "\x0a\0\0\x14rest", 8);
  *state = f;
  return 0;
}

static int
tear_down (void **state)
{
  Fixture *f = *state;

  g_unlink (f->code);
  g_unlink (f->nvram);
  assert_int_equal (g_rmdir (f->folder), 0); // nothing else was left behind
  g_free (f->folder);
  g_free (f->code);
  g_free (f->nvram);
  g_free (f);
  return 0;
}

// False, and `word` is in the message.
static void
expect_refused (bool ok, GError *error, const char *word)
{
  assert_false (ok);
  if (strstr (error->message, word) == NULL)
    fail_msg ("\"%s\" is not in: %s", word, error->message);
  g_error_free (error);
}

static void
test_what_is_firmware (void **state)
{
  Fixture *f = *state;
  char volume[64] = "";
  static const struct {
    const char *bytes;
    size_t length;
    const char *word;
  } cases[] = {
      {"", 0, "empty"},
      {"\0\0\0\0\0\0\0\0", 8, "no firmware;"},
      {"\xff\xff\xff\xff\xff\xff\xff\xff", 8, "no firmware"},
      {"abc", 3, "no firmware"},
      {"#!/bin/sh\necho firmware\n", 24, "text"},
      {"Schöne Grüße\n", 15, "text"},
      {"gro\xc3", 4, "text"},
      {"\x7f"
       "ELF\2\1\1",
       8, "ELF"},
      {"QFI\xfb\0\0\0\3", 8, "qcow2"},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    GError *error = NULL;

    put (f->code, cases[i].bytes, cases[i].length);
    bool ok = firmware_check (f->code, NULL, &error);
    expect_refused (ok, error, cases[i].word);
  }
  GError *error = NULL;
  memcpy (volume + 40, "_FVH", 4);
  put (f->code, volume, sizeof volume);
  bool ok = firmware_check (f->code, NULL, &error);
  expect_refused (ok, error, "another kind of computer");
  volume[3] = 0x14;
  put (f->code, volume, sizeof volume);
  assert_true (firmware_check (f->code, NULL, NULL));
  error = NULL;
  assert_int_equal (truncate (f->code, CFI_FLASH_BANK_BYTES + 1), 0);
  ok = firmware_check (f->code, NULL, &error);
  expect_refused (ok, error, "64 MiB");
  error = NULL;
  ok = firmware_check (f->folder, NULL, &error);
  expect_refused (ok, error, "not a regular file");
  error = NULL;
  ok = firmware_check (f->nvram, NULL, &error);
  expect_refused (ok, error, "nvram.fd");
}

static void
test_nvram_is_made (void **state)
{
  Fixture *f = *state;
  FirmwareFiles files, second;
  struct stat st;

  assert_true (firmware_check (f->code, f->nvram, NULL));
  assert_int_equal (access (f->nvram, F_OK), -1); // looking makes nothing
  assert_true (firmware_open (&files, f->code, f->nvram, NULL));
  assert_int_equal (g_bytes_get_size (files.code), 8);
  assert_int_equal (stat (f->nvram, &st), 0);
  assert_int_equal (st.st_size, CFI_FLASH_BANK_BYTES);
  uint8_t first = 0;
  assert_int_equal (block_file_read (files.nvram, &first, 1, 0), 0);
  assert_int_equal (first, 0xff);
  assert_int_equal (block_file_write (files.nvram, "mine", 4, 0), 0);
  // It is this machine's alone.
  GError *error = NULL;
  bool ok = firmware_open (&second, f->code, f->nvram, &error);
  expect_refused (ok, error, "nvram.fd");
  firmware_clear (&second);
  firmware_clear (&files);
  assert_true (firmware_open (&files, f->code, f->nvram, NULL));
  char kept[4];
  assert_int_equal (block_file_read (files.nvram, kept, 4, 0), 0);
  assert_memory_equal (kept, "mine", 4);
  firmware_clear (&files);
}

static void
test_bad_nvram (void **state)
{
  Fixture *f = *state;
  FirmwareFiles files;
  GError *error = NULL;

  put (f->nvram, "short", 5);
  bool ok = firmware_open (&files, f->code, f->nvram, &error);
  expect_refused (ok, error, "64 MiB");
  firmware_clear (&files);
  error = NULL;
  ok = firmware_check (f->code, f->nvram, &error);
  expect_refused (ok, error, "64 MiB");
  error = NULL;
  ok = firmware_open (&files, f->code, "/nonexistent/nvram.fd", &error);
  expect_refused (ok, error, "/nonexistent/nvram.fd");
  firmware_clear (&files);
}

// A machine was killed while a block was on its way: it is there now. What else is behind the bank
// is refused.
static void
test_nvram_with_journal (void **state)
{
  Fixture *f = *state;
  FirmwareFiles files;
  GError *error = NULL;
  g_autofree uint8_t *bytes = g_malloc (CFI_FLASH_BLOCK_BYTES);
  const CfiImage image = {3, bytes};
  uint8_t found[4];
  uint64_t length;

  memset (bytes, 0x33, CFI_FLASH_BLOCK_BYTES);
  assert_true (firmware_open (&files, f->code, f->nvram, NULL));
  assert_int_equal (cfi_journal_write (files.nvram, &image, 1), 0);
  firmware_clear (&files);
  assert_true (firmware_check (f->code, f->nvram, NULL));
  assert_true (firmware_open (&files, f->code, f->nvram, NULL));
  assert_int_equal (block_file_get_size (files.nvram, &length), 0);
  assert_int_equal (length, CFI_FLASH_BANK_BYTES);
  assert_int_equal (block_file_read (files.nvram, found, 4, 3 * CFI_FLASH_BLOCK_BYTES), 0);
  assert_memory_equal (found, "\x33\x33\x33\x33", 4);
  assert_int_equal (cfi_journal_write (files.nvram, &image, 1), 0);
  assert_int_equal (block_file_write (files.nvram, "other", 5, CFI_FLASH_BANK_BYTES), 0);
  firmware_clear (&files);
  bool ok = firmware_open (&files, f->code, f->nvram, &error);
  expect_refused (ok, error, "64 MiB");
  firmware_clear (&files);
}

static void
test_boot_order (void **state)
{
  static const char *const good[] = {"disk0", "disk15", "net0", "net7"};
  static const char *const bad[] = {"", "disk", "disk16", "net8", "disk-1", "disk0x", "cd"};
  const char *const names[] = {"disk1", "net0", "net2", "disk0", NULL};

  for (size_t i = 0; i < G_N_ELEMENTS (good); i++)
    assert_true (boot_order_is_name (good[i]));
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_false (boot_order_is_name (bad[i]));
  g_autofree char *paths = boot_order_paths (names, NULL, 0);
  assert_string_equal (paths, "/pci@i0cf8/scsi@9/disk@0,0\n"
                              "/pci@i0cf8/ethernet@1/ethernet-phy@0\n"
                              "/pci@i0cf8/ethernet@19/ethernet-phy@0\n"
                              "/pci@i0cf8/scsi@8/disk@0,0");
  static const MachineDisk disks[] = {{.bus = MACHINE_BUS_NVME},
                                      {.bus = MACHINE_BUS_SCSI},
                                      {.bus = MACHINE_BUS_SCSI, .cdrom = true},
                                      {.bus = MACHINE_BUS_USB}};
  const char *const others[] = {"disk2", "disk0", "disk1", "disk3", "disk4", NULL};
  g_autofree char *more = boot_order_paths (others, disks, G_N_ELEMENTS (disks));
  assert_string_equal (more, "/pci@i0cf8/scsi@1f/channel@0/disk@2,0\n"
                             "/pci@i0cf8/pci1b36,10@8/namespace@1,0\n"
                             "/pci@i0cf8/scsi@1f/channel@0/disk@1,0\n"
                             "/pci@i0cf8/usb@7\n"
                             "/pci@i0cf8/scsi@c/disk@0,0");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_what_is_firmware, set_up, tear_down),
      cmocka_unit_test_setup_teardown (test_nvram_is_made, set_up, tear_down),
      cmocka_unit_test_setup_teardown (test_bad_nvram, set_up, tear_down),
      cmocka_unit_test_setup_teardown (test_nvram_with_journal, set_up, tear_down),
      cmocka_unit_test (test_boot_order),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
