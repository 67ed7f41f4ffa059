// SPDX-License-Identifier: GPL-3.0-or-later
// The options of `terrarium run`: values, and whole command lines.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "app/cli/run-options.h"

static void
test_sizes (void **state)
{
  static const struct {
    const char *text;
    uint64_t bytes; // 0: refused
  } cases[] = {
      {"512M", 512ull << 20},
      {"2G", 2ull << 30},
      {"1024", 1024ull << 20},
      {"512m", 512ull << 20},
      {"65536K", 65536ull << 10},
      {"2GiB", 2ull << 30},
      {"2GB", 2ull << 30},
      {"64MiB", 64ull << 20},
      {"", 0},
      {"0", 0},
      {"-1G", 0},
      {"+1G", 0},
      {" 1G", 0},
      {"1T", 0},
      {"G", 0},
      {"1Gx", 0},
      {"1.5G", 0},
      {"99999999999G", 0},
      {"18446744073709551615", 0},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    uint64_t bytes = 0;
    bool ok = run_parse_size (cases[i].text, &bytes, &error);

    assert_int_equal (ok, cases[i].bytes != 0);
    assert_int_equal (bytes, cases[i].bytes);
    assert_int_equal (error == NULL, ok);
  }
}

static void
test_disks (void **state)
{
  static const struct {
    const char *text, *path; // path NULL: refused
    bool read_only, allow_backing;
    VmImageFormat format;
    VmDiskBus bus;
  } cases[] = {
      {"a.raw", "a.raw", false},
      {"a.raw,readonly", "a.raw", true},
      {"a.raw,format=raw", "a.raw", false},
      {"a.raw,readonly,format=raw", "a.raw", true},
      {"a.raw,format=raw,readonly", "a.raw", true},
      {"a,b.raw", "a,b.raw", false},
      {"a,readonly,b", "a,readonly,b", false},
      {"a.qcow2", "a.qcow2", false, false, VM_IMAGE_QCOW2},
      {"a.qcow2,format=raw", "a.qcow2"},
      {"a,format=qcow2", "a", false, false, VM_IMAGE_QCOW2},
      {"a.qcow2,allow-backing,readonly", "a.qcow2", true, true, VM_IMAGE_QCOW2},
      {"a.raw,bus=scsi", "a.raw", .bus = VM_DISK_SCSI},
      {"a.raw,bus=nvme,readonly", "a.raw", true, .bus = VM_DISK_NVME},
      {"a.raw,bus=virtio", "a.raw"},
      {"a.raw,bus=usb", "a.raw", .bus = VM_DISK_USB},
      {"a.raw,bus=ide", NULL},
      {"a,format=vdi", NULL},
      {",readonly", NULL, false},
      {"", NULL, false},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    VmConfig *config = vm_config_new (VM_ARCH_AARCH64);
    bool ok = run_parse_disk (config, cases[i].text, NULL);

    assert_int_equal (ok, cases[i].path != NULL);
    assert_int_equal (config->disks->len, ok);
    if (ok) {
      const VmDiskConfig *disk = g_ptr_array_index (config->disks, 0);

      assert_string_equal (disk->path, cases[i].path);
      assert_int_equal (disk->read_only, cases[i].read_only);
      assert_int_equal (disk->allow_backing, cases[i].allow_backing);
      assert_int_equal (disk->format, cases[i].format);
      assert_int_equal (disk->bus, cases[i].bus);
    }
    vm_config_free (config);
  }
}

// A raw disk whose guest wrote a qcow2 header is not one; the person is asked.
static void
test_disk_that_looks_like_qcow2 (void **state)
{
  g_autofree char *path = g_build_filename (g_get_tmp_dir (), "terrarium-look-XXXXXX", NULL);
  int fd = g_mkstemp (path);

  assert_int_equal (write (fd, "QFI\xfb", 4), 4);
  close (fd);
  for (unsigned told = 0; told < 3; told++) {
    static const char *const suffixes[] = {"", ",format=raw", ",format=qcow2"};
    g_autofree char *text = g_strconcat (path, suffixes[told], NULL);
    g_autoptr (GError) error = NULL;
    VmConfig *config = vm_config_new (VM_ARCH_AARCH64);

    assert_int_equal (run_parse_disk (config, text, &error), told > 0);
    if (told == 0)
      assert_non_null (strstr (error->message, "looks like a qcow2 image"));
    vm_config_free (config);
  }
  g_unlink (path);
}

static void
test_nets (void **state)
{
  static const struct {
    const char *text;
    int forwards; // -1: refused
  } cases[] = {
      {"user", 0},
      {"user,forward=tcp:8022:22", 1},
      {"user,forward=tcp:8022:22,forward=udp:5353:53", 2},
      {"tap", -1},
      {"", -1},
      {"user,", -1},
      {"user,forward=", -1},
      {"user,forward=tcp:8022", -1},
      {"user,forward=tcp:8022:22:1", -1},
      {"user,forward=sctp:1:1", -1},
      {"user,forward=tcp:0:22", -1},
      {"user,forward=tcp:22:65536", -1},
      {"user,forward=tcp:x:22", -1},
      {"user,other=1", -1},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    VmConfig *config = vm_config_new (VM_ARCH_AARCH64);
    bool ok = run_parse_net (config, cases[i].text, NULL);

    assert_int_equal (ok, cases[i].forwards >= 0);
    if (ok) {
      const VmNicConfig *nic = g_ptr_array_index (config->nics, config->nics->len - 1);
      assert_int_equal (nic->forwards->len, cases[i].forwards);
    }
    vm_config_free (config);
  }
}

// A command line as one text, without quoting.
static bool
parse (const char *line, RunOptions *options, GError **error)
{
  g_auto (GStrv) words = g_strsplit (line, " ", -1);
  // The parser moves the pointers about.
  g_autofree char **argv = g_memdup2 (words, (g_strv_length (words) + 1) * sizeof (char *));

  return run_options_parse (options, (int) g_strv_length (words), argv, error);
}

static void
test_command_line (void **state)
{
  RunOptions options;

  assert_true (parse ("run --kernel k", &options, NULL));
  assert_int_equal (options.config->cpus, 1);
  assert_int_equal (options.config->memory_bytes, 1ull << 30);
  assert_int_equal (options.config->nics->len, 1);
  assert_true (options.serial_stdio);
  assert_false (options.window);
  assert_false (options.stats);
  run_options_clear (&options);

  assert_true (parse ("run --name box --arch aarch64 --cpus 4 --memory 2G --kernel k --initrd i "
                      "--append quiet --disk a --disk b,readonly --net user --net user --accel "
                      "interp --strict-code --serial none --stats",
                      &options, NULL));
  assert_string_equal (options.config->name, "box");
  assert_string_equal (options.config->initrd, "i");
  assert_string_equal (options.config->cmdline, "quiet");
  assert_int_equal (options.config->cpus, 4);
  assert_int_equal (options.config->disks->len, 2);
  assert_int_equal (options.config->nics->len, 2);
  assert_int_equal (options.config->accel, VM_ACCEL_INTERP);
  assert_true (options.config->strict_code);
  assert_false (options.serial_stdio);
  assert_true (options.stats);
  run_options_clear (&options);

  // With a window the terminal is left alone unless asked for.
  assert_true (parse ("run --kernel k --display window --no-net", &options, NULL));
  assert_true (options.window);
  assert_true (options.config->display);
  assert_false (options.serial_stdio);
  assert_int_equal (options.config->nics->len, 0);
  run_options_clear (&options);
}

static void
test_bad_command_lines (void **state)
{
  static const struct {
    const char *line, *word;
  } cases[] = {
      {"run", "--kernel"},
      {"run --kernel", "--kernel"},
      {"run --kernel k --nvram v", "--firmware"},
      {"run --kernel k --frob", "frob"},
      {"run --kernel k extra", "extra"},
      {"run --kernel k --cpus two", "two"},
      {"run --kernel k --cpus -1", "negative"},
      {"run --kernel k --arch riscv64", "riscv64"},
      {"run --kernel k --accel warp", "warp"},
      {"run --kernel k --serial tcp", "tcp"},
      {"run --kernel k --display curses", "curses"},
      {"run --kernel k --net user --no-net", "--no-net"},
      {"run --kernel k --memory much", "much"},
      {"run --kernel k --gdb-wait", "--gdb-wait"},
      {"run --kernel k --gdb tcp::1 --display window", "--display"},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    RunOptions options;

    assert_false (parse (cases[i].line, &options, &error));
    if (strstr (error->message, cases[i].word) == NULL)
      fail_msg ("%s: %s", cases[i].line, error->message);
    run_options_clear (&options);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_sizes),
      cmocka_unit_test (test_disks),
      cmocka_unit_test (test_disk_that_looks_like_qcow2),
      cmocka_unit_test (test_nets),
      cmocka_unit_test (test_command_line),
      cmocka_unit_test (test_bad_command_lines),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
