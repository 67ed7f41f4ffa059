// SPDX-License-Identifier: GPL-3.0-or-later
// Descriptions of machines: round trip through machine.json, hostile texts, and every complaint of
// validation.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/api/config-priv.h"

static VmConfig *
make_config (void)
{
  VmConfig *config = vm_config_new (VM_ARCH_AARCH64);

  g_free (config->name);
  config->name = g_strdup ("Größe „1“");
  config->cpus = 3;
  config->memory_bytes = MIB (768);
  config->kernel = g_strdup ("/machines/a/kernel");
  config->initrd = g_strdup ("/elsewhere/initrd.gz");
  config->cmdline = g_strdup ("console=ttyAMA0 \"quoted\\\"");
  config->firmware = g_strdup ("uefi");
  config->nvram = g_strdup ("/machines/a/nvram.fd");
  config->no_acpi = true;
  config->strict_code = true;
  config->boot_order = g_strsplit ("disk1,net0", ",", -1);
  vm_config_add_disk (config, "/machines/a/disks/root.raw", false);
  VmDiskConfig *disk = vm_config_add_disk (config, "/machines/ab", true);
  disk->format = VM_IMAGE_QCOW2;
  disk->allow_backing = true;
  disk->bus = VM_DISK_NVME;
  vm_config_add_cdrom (config, "/machines/a/disc.iso");
  VmNicConfig *nic = g_ptr_array_index (config->nics, 0);
  vm_nic_config_add_forward (nic, false, 8022, 22);
  vm_nic_config_add_forward (nic, true, 65535, 1);
  memcpy (vm_config_add_nic (config)->mac, "\x52\x54\x00\x12\x34\x56", 6);
  config->display = true;
  config->display_width = 1920;
  config->display_height = 1080;
  config->sound.device = VM_SOUND_HDA;
  config->sound.microphone = true;
  config->sound.volume = 40;
  config->sound.output = g_strdup ("speakers");
  return config;
}

static void
test_round_trip (void **state)
{
  VmConfig *config = make_config ();
  VmConfig *copy = vm_config_copy (config);
  g_autofree char *json = vm_config_to_json (copy, "/machines/a/");
  g_autoptr (GError) error = NULL;

  // Files below the folder move with it; others stay.
  assert_non_null (strstr (json, "\"kernel\""));
  assert_null (strstr (json, "/machines/a/kernel"));
  VmConfig *moved = vm_config_from_json (json, -1, "/new", &error);
  assert_null (error);
  assert_non_null (moved);
  assert_string_equal (moved->kernel, "/new/kernel");
  assert_string_equal (moved->initrd, "/elsewhere/initrd.gz");
  assert_string_equal (moved->firmware, "uefi");
  assert_string_equal (moved->nvram, "/new/nvram.fd");
  assert_true (moved->no_acpi);
  assert_true (moved->strict_code);
  assert_string_equal (moved->boot_order[1], "net0");
  assert_string_equal (((VmDiskConfig *) g_ptr_array_index (moved->disks, 0))->path,
                       "/new/disks/root.raw");
  assert_string_equal (((VmDiskConfig *) g_ptr_array_index (moved->disks, 1))->path,
                       "/machines/ab");
  assert_int_equal (((VmDiskConfig *) g_ptr_array_index (moved->disks, 1))->format, VM_IMAGE_QCOW2);
  assert_true (((VmDiskConfig *) g_ptr_array_index (moved->disks, 1))->allow_backing);
  assert_false (((VmDiskConfig *) g_ptr_array_index (moved->disks, 0))->allow_backing);
  assert_int_equal (((VmDiskConfig *) g_ptr_array_index (moved->disks, 1))->bus, VM_DISK_NVME);
  assert_false (((VmDiskConfig *) g_ptr_array_index (moved->disks, 1))->cdrom);
  assert_true (((VmDiskConfig *) g_ptr_array_index (moved->disks, 2))->cdrom);
  assert_true (((VmDiskConfig *) g_ptr_array_index (moved->disks, 2))->read_only);
  assert_int_equal (((VmDiskConfig *) g_ptr_array_index (moved->disks, 2))->bus, VM_DISK_SCSI);
  vm_config_free (moved);

  VmConfig *same = vm_config_from_json (json, -1, "/machines/a", NULL);
  g_autofree char *again = vm_config_to_json (same, "/machines/a");
  assert_string_equal (json, again);
  assert_string_equal (same->name, config->name);
  assert_string_equal (same->uuid, config->uuid);
  assert_string_equal (same->cmdline, config->cmdline);
  assert_int_equal (same->cpus, 3);
  assert_int_equal (same->memory_bytes, MIB (768));
  assert_int_equal (same->nics->len, 2);
  const VmNicConfig *nic = g_ptr_array_index (same->nics, 0);
  assert_int_equal (nic->forwards->len, 2);
  assert_int_equal (g_array_index (nic->forwards, VmForward, 1).host_port, 65535);
  assert_true (g_array_index (nic->forwards, VmForward, 1).udp);
  assert_true (same->display);
  assert_int_equal (same->display_width, 1920);
  assert_int_equal (same->sound.device, VM_SOUND_HDA);
  assert_true (same->sound.microphone && !same->sound.muted);
  assert_int_equal (same->sound.volume, 40);
  assert_string_equal (same->sound.output, "speakers");
  assert_null (same->sound.input);
  vm_config_free (same);
  vm_config_free (copy);
  vm_config_free (config);
}

static void
test_macs (void **state)
{
  VmConfig *config = make_config ();
  uint8_t made[6], again[6], given[6];

  vm_config_get_mac (config, 0, made);
  vm_config_get_mac (config, 0, again);
  vm_config_get_mac (config, 1, given);
  assert_memory_equal (made, again, 6);
  assert_int_equal (made[0] & 3, 2);
  assert_memory_equal (given, "\x52\x54\x00\x12\x34\x56", 6);
  // Another machine has another address.
  g_free (config->uuid);
  config->uuid = g_uuid_string_random ();
  vm_config_get_mac (config, 0, again);
  assert_memory_not_equal (made, again, 6);
  vm_config_free (config);
}

static void
test_as_new (void **state)
{
  VmConfig *config = make_config ();
  uint8_t of_config[6], of_copy[6];

  config->vsock = g_strdup ("/run/one");
  VmConfig *copy = vm_config_copy_as_new (config, "Other");
  assert_string_equal (copy->name, "Other");
  assert_string_not_equal (copy->uuid, config->uuid);
  assert_null (copy->vsock);
  assert_int_equal (copy->disks->len, config->disks->len);
  assert_int_equal (copy->nics->len, config->nics->len);
  for (unsigned i = 0; i < copy->nics->len; i++) {
    const VmNicConfig *nic = g_ptr_array_index (copy->nics, i);

    assert_int_equal (nic->forwards->len, 0);
    vm_config_get_mac (config, i, of_config);
    vm_config_get_mac (copy, i, of_copy);
    assert_memory_not_equal (of_config, of_copy, 6);
  }
  vm_config_free (copy);
  vm_config_free (config);
}

// What `python3 -c 'import uuid; print(uuid.uuid5(uuid.NAMESPACE_URL, "file:///machines/a"))'` says.
#define UUID_OF_MACHINES_A "bd627955-9593-5eb9-85f3-35c99aec7010"

static void
test_without_uuid (void **state)
{
  static const char json[] = "{\"version\":1,\"arch\":\"aarch64\",\"name\":\"n\"}";
  VmConfig *first = vm_config_from_json (json, -1, "/machines/a", NULL);
  VmConfig *again = vm_config_from_json (json, -1, "/machines/b/../a", NULL);
  VmConfig *other = vm_config_from_json (json, -1, "/machines/b", NULL);

  assert_string_equal (first->uuid, UUID_OF_MACHINES_A);
  assert_string_equal (again->uuid, UUID_OF_MACHINES_A);
  assert_string_not_equal (other->uuid, UUID_OF_MACHINES_A);
  assert_true (g_uuid_string_is_valid (other->uuid));
  vm_config_free (first);
  vm_config_free (again);
  vm_config_free (other);
}

#define HEAD "{\"version\":1,\"arch\":\"aarch64\",\"name\":\"n\""

static void
test_texts (void **state)
{
  // code -1: fine.
  static const struct {
    const char *json;
    int code;
    const char *word;
  } cases[] = {
      {HEAD "}", -1, NULL},
      {HEAD ",\"unknown\":[1,{}]}", -1, NULL},
      {HEAD ",\"memory-mib\":64,\"cpus\":8}", -1, NULL},
      {"", VM_CONFIG_ERROR_FORMAT, "not a description"},
      {"[]", VM_CONFIG_ERROR_FORMAT, "not a description"},
      {"{", VM_CONFIG_ERROR_FORMAT, "not a description"},
      {"{}", VM_CONFIG_ERROR_FORMAT, "not a description"},
      {"\xff\xfe", VM_CONFIG_ERROR_FORMAT, "not a description"},
      {"{\"version\":2}", VM_CONFIG_ERROR_VERSION, "newer"},
      {"{\"version\":0}", VM_CONFIG_ERROR_FORMAT, "not a description"},
      {"{\"version\":\"1\"}", VM_CONFIG_ERROR_FORMAT, "version"},
      {"{\"version\":1,\"name\":\"n\"}", VM_CONFIG_ERROR_FORMAT, "arch"},
      {"{\"version\":1,\"arch\":\"riscv64\",\"name\":\"n\"}", VM_CONFIG_ERROR_FORMAT, "arch"},
      {"{\"version\":1,\"arch\":\"aarch64\"}", VM_CONFIG_ERROR_FIELD, "name"},
      {HEAD ",\"accel\":\"warp\"}", VM_CONFIG_ERROR_FORMAT, "accel"},
      {HEAD ",\"cpus\":0}", VM_CONFIG_ERROR_FIELD, "processors"},
      {HEAD ",\"cpus\":9}", VM_CONFIG_ERROR_FIELD, "processors"},
      {HEAD ",\"cpus\":-1}", VM_CONFIG_ERROR_FORMAT, "cpus"},
      {HEAD ",\"cpus\":1.5}", VM_CONFIG_ERROR_FORMAT, "cpus"},
      {HEAD ",\"cpus\":4294967297}", VM_CONFIG_ERROR_FORMAT, "cpus"},
      {HEAD ",\"memory-mib\":63}", VM_CONFIG_ERROR_FIELD, "64 MiB"},
      {HEAD ",\"memory-mib\":99999999999}", VM_CONFIG_ERROR_FORMAT, "memory-mib"},
      {HEAD ",\"uuid\":\"../..\"}", VM_CONFIG_ERROR_FIELD, "UUID"},
      {HEAD ",\"kernel\":5}", VM_CONFIG_ERROR_FORMAT, "kernel"},
      {HEAD ",\"kernel\":\"\"}", VM_CONFIG_ERROR_FORMAT, "kernel"},
      {HEAD ",\"kernel\":null}", VM_CONFIG_ERROR_FORMAT, "kernel"},
      {HEAD ",\"disks\":{}}", VM_CONFIG_ERROR_FORMAT, "disks"},
      {HEAD ",\"disks\":[1]}", VM_CONFIG_ERROR_FORMAT, "disks"},
      {HEAD ",\"disks\":[{}]}", VM_CONFIG_ERROR_FORMAT, "path"},
      {HEAD ",\"disks\":[{\"path\":\"a\",\"read-only\":1}]}", VM_CONFIG_ERROR_FORMAT, "read-only"},
      {HEAD ",\"disks\":[{\"path\":\"a\",\"bus\":\"ide\"}]}", VM_CONFIG_ERROR_FORMAT, "bus"},
      {HEAD ",\"disks\":[{\"path\":\"a\",\"cdrom\":true}]}", VM_CONFIG_ERROR_FORMAT, "cdrom"},
      {HEAD ",\"disks\":[{\"path\":\"a\",\"format\":\"vdi\"}]}", VM_CONFIG_ERROR_FORMAT, "format"},
      {HEAD ",\"nics\":[{\"mac\":\"52:54:00:12:34\"}]}", VM_CONFIG_ERROR_FORMAT, "mac"},
      {HEAD ",\"nics\":[{\"mac\":\"52:54:00:12:34:5g\"}]}", VM_CONFIG_ERROR_FORMAT, "mac"},
      {HEAD ",\"nics\":[{\"mac\":\"53:54:00:12:34:56\"}]}", VM_CONFIG_ERROR_FIELD, "group"},
      {HEAD ",\"nics\":[{\"forwards\":[{}]}]}", VM_CONFIG_ERROR_FIELD, "port 0"},
      {HEAD ",\"nics\":[{\"forwards\":[{\"host-port\":65536}]}]}", VM_CONFIG_ERROR_FORMAT,
       "host-port"},
      {HEAD ",\"nics\":[{\"forwards\":[{\"protocol\":\"icmp\"}]}]}", VM_CONFIG_ERROR_FORMAT,
       "protocol"},
      {HEAD ",\"nics\":[{},{},{},{},{},{},{},{},{}]}", VM_CONFIG_ERROR_FIELD, "8 network"},
      {HEAD ",\"display\":{\"width\":0}}", VM_CONFIG_ERROR_FIELD, "display"},
      {HEAD ",\"display\":true}", VM_CONFIG_ERROR_FORMAT, "display"},
      {HEAD ",\"sound\":{\"device\":\"hda\",\"volume\":100}}", -1, NULL},
      {HEAD ",\"sound\":{\"device\":\"horn\"}}", VM_CONFIG_ERROR_FORMAT, "device"},
      {HEAD ",\"sound\":{\"volume\":101}}", VM_CONFIG_ERROR_FORMAT, "volume"},
      {HEAD ",\"sound\":{\"latency-ms\":9}}", VM_CONFIG_ERROR_FIELD, "latency"},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    VmConfig *config = vm_config_from_json (cases[i].json, -1, "/b", &error);

    if (cases[i].code < 0) {
      assert_non_null (config);
      vm_config_free (config);
      continue;
    }
    if (config != NULL || error->code != cases[i].code ||
        strstr (error->message, cases[i].word) == NULL)
      fail_msg ("%s: %s", cases[i].json, error != NULL ? error->message : "taken");
  }
}

static void
test_deep_and_long (void **state)
{
  g_autofree char *deep = g_strnfill (100000, '[');
  g_autofree char *name = g_strnfill (2000000, 'n');
  g_autofree char *text =
      g_strdup_printf ("{\"version\":1,\"arch\":\"aarch64\",\"name\":\"%s\"}", name);

  assert_null (vm_config_from_json (deep, -1, NULL, NULL));
  assert_null (vm_config_from_json (text, -1, NULL, NULL));
  assert_null (vm_config_from_json ("{\"version\":1\0}", 14, NULL, NULL));
}

// ---- validation -----------------------------------------------------------------------------

static char *folder;

static int
make_folder (void **state)
{
  folder = g_dir_make_tmp ("terrarium-test-XXXXXX", NULL);
  return folder != NULL ? 0 : -1;
}

static int
remove_folder (void **state)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (folder, name, NULL);
    g_remove (path);
  }
  g_rmdir (folder);
  g_free (folder);
  return 0;
}

static char *
in_folder (const char *name)
{
  return g_build_filename (folder, name, NULL);
}

static void
write_file (const char *name, const void *data, size_t length)
{
  g_autofree char *path = in_folder (name);

  assert_true (g_file_set_contents (path, data, (gssize) length, NULL));
}

static void
write_files (void)
{
  uint8_t image[4096] = {0};
  uint64_t size = GUINT64_TO_LE (4096);
  g_autofree char *path = in_folder ("big-initrd");

  memcpy (image + 16, &size, 8);
  memcpy (image + 56, "ARM\x64", 4);
  write_file ("kernel", image, sizeof image);
  write_file ("short-kernel", image, 60);
  write_file ("empty", "", 0);
  write_file ("text", "hello\n", 6);
  write_file ("initrd", "initrd", 6);
  write_file ("disk", image, sizeof image);
  write_file ("big-initrd", "x", 1);
  assert_int_equal (truncate (path, (off_t) MIB (64)), 0);
}

static void
test_validate (void **state)
{
  // Fields left NULL or 0 are those of a good machine. word NULL: valid.
  static const struct {
    const char *kernel, *initrd, *disk;
    uint64_t memory;
    const char *word;
  } cases[] = {
      {.word = NULL},
      {.initrd = "initrd", .disk = "disk", .word = NULL},
      {.kernel = "missing", .word = "missing does not exist"},
      {.kernel = "empty", .word = "empty is empty"},
      {.kernel = "text", .word = "not a Linux kernel for ARM"},
      {.kernel = "short-kernel", .word = "short-kernel"},
      {.kernel = ".", .word = "not a regular file"},
      {.initrd = "missing", .word = "missing does not exist"},
      {.initrd = "empty", .word = "empty is empty"},
      {.initrd = "big-initrd", .memory = MIB (64), .word = "larger than the machine's memory"},
      {.disk = "missing", .word = "missing does not exist"},
      {.disk = "empty", .word = "empty is empty"},
      {.disk = ".", .word = "neither a file nor a disk"},
      {.memory = MIB (63), .word = "at least 64 MiB"},
      {.memory = MIB (64) + 1, .word = "whole number of MiB"},
      {.memory = MIB (64) << 30, .word = "more than this computer has"},
  };

  write_files ();
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    VmConfig *config = vm_config_new (VM_ARCH_AARCH64);
    g_autoptr (GError) error = NULL;

    config->memory_bytes = cases[i].memory != 0 ? cases[i].memory : MIB (128);
    config->kernel = in_folder (cases[i].kernel != NULL ? cases[i].kernel : "kernel");
    if (cases[i].initrd != NULL)
      config->initrd = in_folder (cases[i].initrd);
    if (cases[i].disk != NULL) {
      g_autofree char *disk = in_folder (cases[i].disk);
      vm_config_add_disk (config, disk, false);
    }
    bool ok = vm_config_validate (config, &error);
    if (ok != (cases[i].word == NULL) || (!ok && strstr (error->message, cases[i].word) == NULL))
      fail_msg ("case %zu: %s", i, ok ? "valid" : error->message);
    if (!ok)
      assert_int_equal (error->domain, VM_CONFIG_ERROR);
    vm_config_free (config);
  }
}

// One file can be two disks when nobody writes to it, by whatever names.
static void
test_disk_twice (void **state)
{
  write_files ();
  g_autofree char *kernel = in_folder ("kernel"), *disk = in_folder ("disk");
  g_autofree char *same = in_folder ("./disk"), *linked = in_folder ("linked");
  assert_int_equal (symlink ("disk", linked), 0);
  const char *names[] = {disk, same, linked};
  for (unsigned i = 0; i < 4 * G_N_ELEMENTS (names); i++) {
    VmConfig *config = vm_config_new (VM_ARCH_AARCH64);
    g_autoptr (GError) error = NULL;
    bool expected = i % 4 == 3;
    config->memory_bytes = MIB (128);
    config->kernel = g_strdup (kernel);
    vm_config_add_disk (config, disk, i & 1);
    vm_config_add_cdrom (config, NULL);
    vm_config_add_disk (config, names[i / 4], i & 2);
    assert_int_equal (vm_config_validate (config, &error), expected);
    assert_true (expected || strstr (error->message, "already") != NULL);
    vm_config_free (config);
  }
}

static void
test_no_kernel (void **state)
{
  VmConfig *config = vm_config_new (VM_ARCH_AARCH64);
  g_autoptr (GError) error = NULL;

  assert_false (vm_config_validate (config, &error));
  assert_non_null (strstr (error->message, "choose a kernel"));
  vm_config_free (config);
}

static void
test_probe (void **state)
{
  static const struct {
    const char *name;
    int kind; // -1: neither
  } cases[] = {
      {"kernel", VM_FILE_KERNEL_AARCH64},
      {"big-initrd", -1},
      {"text", -1},
      {"empty", -1},
      {"missing", -1},
      {"blank", VM_FILE_RAW_DISK},
      {"qcow2", VM_FILE_QCOW2_DISK},
  };
  g_autofree char *blank = in_folder ("blank");

  write_files ();
  write_file ("blank", "", 0);
  write_file ("qcow2", "QFI\xfb", 4);
  assert_int_equal (truncate (blank, 65536), 0);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *path = in_folder (cases[i].name);
    g_autoptr (GError) error = NULL;
    VmFileKind kind;
    bool known = vm_file_probe (path, &kind, &error);

    assert_int_equal (known, cases[i].kind >= 0);
    assert_int_equal (error == NULL, known);
    if (known)
      assert_int_equal (kind, cases[i].kind);
  }
}

// What a processor has, as text and through machine.json; unknown words are refused.
static void
test_cpu_features (void **state)
{
  static const struct {
    const char *text, *same;
    unsigned features;
  } good[] = {
      {"none", "none", 0},
      {"pauth", "pauth", VM_CPU_PAUTH},
      {"bti,pauth", "pauth,bti", VM_CPU_PAUTH | VM_CPU_BTI},
  };
  static const char *const bad[] = {"", "sve", "pauth,", "pauth bti", "none,bti"};
  unsigned features;

  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (good); i++) {
    g_autoptr (VmConfig) config = vm_config_new (VM_ARCH_AARCH64);

    assert_true (vm_cpu_features_parse (good[i].text, &config->cpu_features));
    assert_int_equal (config->cpu_features, good[i].features);
    g_autofree char *text = vm_cpu_features_format (config->cpu_features);
    assert_string_equal (text, good[i].same);
    g_autofree char *json = vm_config_to_json (config, NULL);
    g_autoptr (VmConfig) again = vm_config_from_json (json, -1, NULL, NULL);
    assert_non_null (again);
    assert_int_equal (again->cpu_features, good[i].features);
  }
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_false (vm_cpu_features_parse (bad[i], &features));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_round_trip),   cmocka_unit_test (test_macs),
      cmocka_unit_test (test_without_uuid), cmocka_unit_test (test_as_new),
      cmocka_unit_test (test_texts),        cmocka_unit_test (test_deep_and_long),
      cmocka_unit_test (test_validate),     cmocka_unit_test (test_no_kernel),
      cmocka_unit_test (test_disk_twice),   cmocka_unit_test (test_probe),
      cmocka_unit_test (test_cpu_features),
  };

  return cmocka_run_group_tests (tests, make_folder, remove_folder);
}
