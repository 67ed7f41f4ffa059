// SPDX-License-Identifier: GPL-3.0-or-later
// ACPI tables as firmware makes them of the loader's script, looked at by an outside compiler where
// there is one (iasl: it takes them apart, and what comes out compiles again without an error); and
// the SMBIOS structures.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib/gstdio.h>
#include <string.h>

#include "engine/boot/acpi-aml.h"
#include "engine/boot/acpi.h"
#include "engine/boot/smbios.h"

enum {
  TABLES_ADDRESS = 0x50000000, // where this test's firmware puts the file
  ENTRY_BYTES = 128,
  HEADER_BYTES = 36,
};

static uint64_t
affinity (unsigned cpu)
{
  return cpu;
}

static AcpiBoard
make_board (unsigned n_cpus, bool its)
{
  return (AcpiBoard){
      .n_cpus = n_cpus,
      .cpu_affinity = affinity,
      .gic_dist = 0x08000000,
      .gic_redist = 0x080a0000,
      .gic_redist_bytes = 0x20000 * n_cpus,
      .its = its ? 0x08080000 : 0,
      .timer_secure = 29,
      .timer_phys = 30,
      .timer_virt = 27,
      .timer_hyp = 26,
      .pmu = 23,
      .uart = {0x09000000, 0x1000, 33},
      .fw_cfg = {0x09020000, 0x18, 0},
      .ged = {0x09080000, 4, 41},
      .ged_power_button = 2,
      .virtio = {0x0a000000, 0x200, 48},
      .n_virtio = 32,
      .ecam = {0x4010000000, 0x10000000},
      .pci_mmio32 = {0x10000000, 0x2eff0000},
      .pci_mmio64 = {0x8000000000, 0x8000000000},
      .pci_pio = {0x3eff0000, 0x10000},
      .pci_inta = 35,
  };
}

// ---- a firmware's part ----------------------------------------------------------------------

typedef struct Loaded {
  uint8_t *tables, *rsdp;
  size_t tables_bytes, rsdp_bytes;
} Loaded;

static uint64_t
get (const uint8_t *at, unsigned bytes)
{
  uint64_t value = 0;

  memcpy (&value, at, bytes);
  return value;
}

static uint8_t *
file_of (const Loaded *l, const uint8_t *name, size_t *bytes)
{
  bool rsdp = strcmp ((const char *) name, ACPI_FILE_RSDP) == 0;

  assert_true (rsdp || strcmp ((const char *) name, ACPI_FILE_TABLES) == 0);
  *bytes = rsdp ? l->rsdp_bytes : l->tables_bytes;
  return rsdp ? l->rsdp : l->tables;
}

static uint8_t
sum (const uint8_t *data, size_t length)
{
  uint8_t total = 0;

  for (size_t i = 0; i < length; i++)
    total = (uint8_t) (total + data[i]);
  return total;
}

static void
obey (Loaded *l, const uint8_t *entry)
{
  size_t bytes;
  uint64_t value;

  switch (get (entry, 4)) {
  case 1:
    file_of (l, entry + 4, &bytes);
    break;
  case 2: {
    uint8_t *dest = file_of (l, entry + 4, &bytes);
    uint64_t at = get (entry + 116, 4);

    assert_int_equal (entry[120], 8);
    assert_true (at + 8 <= bytes);
    value = get (dest + at, 8);
    assert_true (value < l->tables_bytes);
    value += TABLES_ADDRESS;
    memcpy (dest + at, &value, 8);
    break;
  }
  case 3: {
    uint8_t *file = file_of (l, entry + 4, &bytes);
    uint64_t at = get (entry + 60, 4), start = get (entry + 64, 4), length = get (entry + 68, 4);

    assert_true (start + length <= bytes && at < bytes);
    file[at] = (uint8_t) (file[at] - sum (file + start, length));
    break;
  }
  default:
    fail_msg ("command %d", (int) get (entry, 4));
  }
}

static Loaded
load (unsigned n_cpus, bool its)
{
  const AcpiBoard board = make_board (n_cpus, its);
  AcpiFiles files = acpi_build (&board);
  Loaded l = {0};
  size_t bytes;
  const uint8_t *script = g_bytes_get_data (files.loader, &bytes);

  l.tables =
      g_memdup2 (g_bytes_get_data (files.tables, &l.tables_bytes), g_bytes_get_size (files.tables));
  l.rsdp = g_memdup2 (g_bytes_get_data (files.rsdp, &l.rsdp_bytes), g_bytes_get_size (files.rsdp));
  assert_int_equal (bytes % ENTRY_BYTES, 0);
  for (size_t at = 0; at < bytes; at += ENTRY_BYTES)
    obey (&l, script + at);
  acpi_files_clear (&files);
  return l;
}

static void
unload (Loaded *l)
{
  g_free (l->tables);
  g_free (l->rsdp);
}

static const uint8_t *
table_at (const Loaded *l, uint64_t address, uint32_t *bytes)
{
  uint64_t at = address - TABLES_ADDRESS;

  assert_true (at + HEADER_BYTES <= l->tables_bytes && at % 8 == 0);
  *bytes = (uint32_t) get (l->tables + at + 4, 4);
  assert_true (*bytes <= l->tables_bytes - at);
  assert_int_equal (sum (l->tables + at, *bytes), 0);
  return l->tables + at;
}

// NULL: there is none.
static const uint8_t *
find (const Loaded *l, const char *signature, uint32_t *bytes)
{
  uint32_t xsdt_bytes;
  const uint8_t *xsdt = table_at (l, get (l->rsdp + 24, 8), &xsdt_bytes);

  for (uint32_t at = HEADER_BYTES; at < xsdt_bytes; at += 8) {
    const uint8_t *table = table_at (l, get (xsdt + at, 8), bytes);

    if (memcmp (table, signature, 4) == 0)
      return table;
  }
  return NULL;
}

// ---- what is in them ------------------------------------------------------------------------

static void
test_tables (void **state)
{
  static const struct {
    const char *signature;
    uint32_t bytes; // for three CPUs, with an ITS
  } cases[] = {
      {"FACP", 276}, {"APIC", 44 + 24 + 3 * 80 + 16 + 20}, {"GTDT", 104}, {"MCFG", 60},
      {"SPCR", 80},  {"DBG2", 36 + 8 + 22 + 12 + 4 + 11},  {"PPTT", 116}, {"IORT", 128},
  };
  Loaded l = load (3, true);
  uint32_t bytes;

  assert_memory_equal (l.rsdp, "RSD PTR ", 8);
  assert_int_equal (sum (l.rsdp, 20), 0);
  assert_int_equal (sum (l.rsdp, 36), 0);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    assert_non_null (find (&l, cases[i].signature, &bytes));
    assert_int_equal (bytes, cases[i].bytes);
  }
  const uint8_t *fadt = find (&l, "FACP", &bytes);
  assert_memory_equal (table_at (&l, get (fadt + 140, 8), &bytes), "DSDT", 4);
  unload (&l);
  l = load (1, false);
  assert_null (find (&l, "IORT", &bytes));
  find (&l, "APIC", &bytes);
  assert_int_equal (bytes, 44 + 24 + 80 + 16);
  unload (&l);
}

// Every length at which its encoding grows.
static void
test_lengths (void **state)
{
  static const struct {
    unsigned body, encoded; // bytes
  } cases[] = {{0, 1}, {62, 1}, {63, 2}, {4093, 2}, {4094, 3}, {1048572, 3}, {1048573, 4}};

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    Aml aml;

    aml_init (&aml);
    aml_begin_else (&aml);
    for (unsigned n = 0; n < cases[i].body; n++)
      aml_op (&aml, 0xa3);
    aml_end (&aml);
    const uint8_t *p = aml.bytes->data + 1;
    assert_int_equal (aml.bytes->len, 1 + cases[i].encoded + cases[i].body);
    assert_int_equal (p[0] >> 6, cases[i].encoded - 1);
    unsigned length = cases[i].encoded == 1 ? p[0] & 0x3fu : p[0] & 0xfu;
    for (unsigned n = 1; n < cases[i].encoded; n++)
      length |= (unsigned) p[n] << (4 + 8 * (n - 1));
    assert_int_equal (length, cases[i].encoded + cases[i].body);
    aml_clear (&aml);
  }
}

// ---- an outside judge -----------------------------------------------------------------------

static void
run_iasl (const char *folder, const char *option, const char *file)
{
  const char *argv[] = {"iasl", option, file, NULL};
  g_autofree char *out = NULL, *err = NULL;
  int status;

  assert_true (g_spawn_sync (folder, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out,
                             &err, &status, NULL));
  if (status != 0 || strstr (out, "Invalid") != NULL || strstr (err, "Invalid") != NULL)
    fail_msg ("iasl %s %s:\n%s%s", option, file, out, err);
}

static void
judge (const char *folder, const uint8_t *table, uint32_t bytes)
{
  g_autofree char *name = g_strdup_printf ("%.4s", (const char *) table);
  g_autofree char *aml = g_strdup_printf ("%s/%s.aml", folder, name);
  g_autofree char *binary = g_strdup_printf ("%s.aml", name),
                  *text = g_strdup_printf ("%s.dsl", name);

  assert_true (g_file_set_contents (aml, (const char *) table, bytes, NULL));
  run_iasl (folder, "-d", binary);
  run_iasl (folder, "-ve", text);
  g_remove (aml);
  g_autofree char *dsl = g_build_filename (folder, text, NULL);
  g_remove (dsl);
}

static void
test_iasl (void **state)
{
  g_autofree char *iasl = g_find_program_in_path ("iasl");
  g_autofree char *folder = g_dir_make_tmp ("terrarium-acpi.XXXXXX", NULL);
  static const char *const names[] = {"FACP", "APIC", "GTDT", "MCFG",
                                      "SPCR", "DBG2", "PPTT", "IORT"};
  Loaded l = load (4, true);
  uint32_t bytes;

  for (size_t i = 0; iasl != NULL && i < G_N_ELEMENTS (names); i++) {
    const uint8_t *table = find (&l, names[i], &bytes);
    judge (folder, table, bytes);
  }
  const uint8_t *fadt = find (&l, "FACP", &bytes);
  const uint8_t *dsdt = table_at (&l, get (fadt + 140, 8), &bytes);
  if (iasl != NULL)
    judge (folder, dsdt, bytes);
  unload (&l);
  g_rmdir (folder);
  if (iasl == NULL)
    skip ();
}

// ---- SMBIOS ---------------------------------------------------------------------------------

static void
test_smbios (void **state)
{
  static const uint8_t types[] = {0, 1, 3, 4, 16, 17, 19, 32, 127};
  static const uint8_t lengths[] = {24, 27, 22, 48, 23, 40, 31, 11, 4};
  SmbiosMachine machine = {
      .name = "a name that is far longer than any field of these structures has room for, really",
      .uuid = "00112233-4455-6677-8899-aabbccddeeff",
      .version = "1",
      .n_cpus = 4,
      .ram_base = 0x40000000,
      .ram_bytes = UINT64_C (1) << 31,
  };
  GBytes *anchor, *tables;
  size_t bytes, at = 0;

  smbios_build (&machine, &anchor, &tables);
  const uint8_t *entry = g_bytes_get_data (anchor, &bytes);
  assert_int_equal (bytes, 24);
  assert_memory_equal (entry, "_SM3_", 5);
  assert_int_equal (sum (entry, 24), 0);
  const uint8_t *data = g_bytes_get_data (tables, &bytes);
  assert_int_equal (get (entry + 12, 4), bytes);
  for (size_t i = 0; i < G_N_ELEMENTS (types); i++) {
    assert_int_equal (data[at], types[i]);
    assert_int_equal (data[at + 1], lengths[i]);
    if (types[i] == 1)
      assert_memory_equal (data + at + 8, "\x33\x22\x11\0\x55\x44\x77\x66\x88\x99", 10);
    at += lengths[i];
    while (data[at] != 0 || data[at + 1] != 0)
      at++;
    at += 2;
  }
  assert_int_equal (at, bytes);
  g_bytes_unref (anchor);
  g_bytes_unref (tables);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_tables),
      cmocka_unit_test (test_lengths),
      cmocka_unit_test (test_iasl),
      cmocka_unit_test (test_smbios),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
