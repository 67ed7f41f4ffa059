// SPDX-License-Identifier: GPL-3.0-or-later
// The device tree a guest finds: read back with libfdt, as a guest would.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <libfdt.h>

#include "engine/boot/linux.h"
#include "engine/machine/fdt.h"
#include "engine/machine/virt-map.h"

static void *
make (unsigned n_cpus, const char *cmdline, uint64_t initrd_length)
{
  VirtFdt desc = {
      .n_cpus = n_cpus,
      .ram_bytes = GIB (3),
      .cmdline = cmdline,
      .initrd = {.base = 0x48000000, .length = initrd_length},
      .rng_seed = {1, 2, 3},
      .kaslr_seed = 0x1122334455667788,
  };
  size_t length = 0;
  void *dtb = virt_fdt_new (&desc, BOOT_DTB_BYTES_MAX, &length);

  if (dtb != NULL) {
    assert_int_equal (length, fdt_totalsize (dtb));
    assert_int_equal (fdt_check_full (dtb, length), 0);
  }
  return dtb;
}

static int
node (const void *dtb, const char *path)
{
  int offset = fdt_path_offset (dtb, path);

  assert_true (offset >= 0);
  return offset;
}

// The cells of a property, as they are in the blob.
static void
expect_cells (const void *dtb, const char *path, const char *name, const uint32_t *cells,
              unsigned n)
{
  int length;
  const fdt32_t *found = fdt_getprop (dtb, node (dtb, path), name, &length);

  assert_non_null (found);
  assert_int_equal (length, n * 4);
  for (unsigned i = 0; i < n; i++)
    assert_int_equal (fdt32_to_cpu (found[i]), cells[i]);
}

#define EXPECT_CELLS(dtb, path, name, ...)                                                         \
  expect_cells ((dtb), (path), (name), (const uint32_t[]){__VA_ARGS__},                            \
                sizeof ((const uint32_t[]){__VA_ARGS__}) / sizeof (uint32_t))

// Addresses and interrupts of the platform's table.
static void
test_map (void **state)
{
  g_autofree void *dtb = make (2, "", 0);

  EXPECT_CELLS (dtb, "/memory@40000000", "reg", 0, 0x40000000, 0, 0xc0000000);
  EXPECT_CELLS (dtb, "/pl011@9000000", "reg", 0, 0x09000000, 0, 0x1000);
  EXPECT_CELLS (dtb, "/pl011@9000000", "interrupts", 0, 1, 4);
  EXPECT_CELLS (dtb, "/pl031@9010000", "interrupts", 0, 2, 4);
  EXPECT_CELLS (dtb, "/pl061@9030000", "interrupts", 0, 7, 4);
  EXPECT_CELLS (dtb, "/timer", "interrupts", 1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4);
  EXPECT_CELLS (dtb, "/intc@8000000", "reg", 0, 0x08000000, 0, 0x10000, 0, 0x080a0000, 0, 0x40000);
  EXPECT_CELLS (dtb, "/intc@8000000/its@8080000", "reg", 0, 0x08080000, 0, 0x20000);
  EXPECT_CELLS (dtb, "/intc@8000000/its@8080000", "#msi-cells", 1);
  EXPECT_CELLS (dtb, "/pcie@10000000", "msi-map", 0,
                fdt_get_phandle (dtb, node (dtb, "/intc@8000000/its@8080000")), 0, 0x10000);
  EXPECT_CELLS (dtb, "/pcie@10000000", "reg", 0x40, 0x10000000, 0, 0x10000000);
  EXPECT_CELLS (dtb, "/pcie@10000000", "ranges", 0x01000000, 0, 0, 0, 0x3eff0000, 0, 0x10000,
                0x02000000, 0, 0x10000000, 0, 0x10000000, 0, 0x2eff0000, 0x03000000, 0x80, 0, 0x80,
                0, 0x80, 0);
  EXPECT_CELLS (dtb, "/gpio-keys/poweroff", "linux,code", 116);
}

static void
test_phandles (void **state)
{
  g_autofree void *dtb = make (1, "", 0);
  static const struct {
    const char *path, *property;
    unsigned cell;
    const char *target;
  } references[] = {
      {"/", "interrupt-parent", 0, "/intc@8000000"},
      {"/pl011@9000000", "clocks", 0, "/apb-pclk"},
      {"/pl011@9000000", "clocks", 1, "/apb-pclk"},
      {"/gpio-keys/poweroff", "gpios", 0, "/pl061@9030000"},
      {"/pcie@10000000", "interrupt-map", 4, "/intc@8000000"},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (references); i++) {
    int length;
    const fdt32_t *cells =
        fdt_getprop (dtb, node (dtb, references[i].path), references[i].property, &length);

    assert_true (length >= (int) (references[i].cell + 1) * 4);
    assert_int_equal (fdt_node_offset_by_phandle (dtb, fdt32_to_cpu (cells[references[i].cell])),
                      node (dtb, references[i].target));
  }
}

// Slot 1's INTA is the second line, slot 3's INTB comes round to the first.
static void
test_interrupt_map (void **state)
{
  g_autofree void *dtb = make (1, "", 0);
  int length;
  const fdt32_t *map = fdt_getprop (dtb, node (dtb, "/pcie@10000000"), "interrupt-map", &length);

  assert_int_equal (length, 16 * 10 * 4);
  for (unsigned i = 0; i < 16; i++) {
    unsigned slot = fdt32_to_cpu (map[i * 10]) >> 11, pin = fdt32_to_cpu (map[i * 10 + 3]);

    assert_int_equal (slot, i / 4);
    assert_int_equal (pin, i % 4 + 1);
    assert_int_equal (fdt32_to_cpu (map[i * 10 + 8]), 3 + (slot + pin - 1) % 4);
  }
}

static void
test_cpus (void **state)
{
  for (unsigned n = 1; n <= 8; n++) {
    g_autofree void *dtb = make (n, "", 0);
    int cpus = node (dtb, "/cpus"), cpu;
    unsigned count = 0;

    fdt_for_each_subnode (cpu, dtb, cpus)
    {
      const fdt32_t *reg = fdt_getprop (dtb, cpu, "reg", NULL);

      assert_int_equal (fdt32_to_cpu (*reg), count);
      assert_string_equal (fdt_getprop (dtb, cpu, "enable-method", NULL), "psci");
      count++;
    }
    assert_int_equal (count, n);
  }
}

static void
test_chosen (void **state)
{
  g_autofree void *dtb = make (1, "console=ttyAMA0 quiet", 12345);

  assert_string_equal (fdt_getprop (dtb, node (dtb, "/chosen"), "bootargs", NULL),
                       "console=ttyAMA0 quiet");
  assert_string_equal (fdt_getprop (dtb, node (dtb, "/chosen"), "stdout-path", NULL),
                       "/pl011@9000000");
  EXPECT_CELLS (dtb, "/chosen", "linux,initrd-start", 0, 0x48000000);
  EXPECT_CELLS (dtb, "/chosen", "linux,initrd-end", 0, 0x48000000 + 12345);
  EXPECT_CELLS (dtb, "/chosen", "kaslr-seed", 0x11223344, 0x55667788);
  g_autofree void *without = make (1, "", 0);
  assert_null (fdt_getprop (without, node (without, "/chosen"), "linux,initrd-start", NULL));
}

static void
test_too_large (void **state)
{
  g_autofree char *cmdline = g_strnfill (BOOT_DTB_BYTES_MAX, 'x');

  assert_null (make (1, cmdline, 0));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_map),           cmocka_unit_test (test_phandles),
      cmocka_unit_test (test_interrupt_map), cmocka_unit_test (test_cpus),
      cmocka_unit_test (test_chosen),        cmocka_unit_test (test_too_large),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
