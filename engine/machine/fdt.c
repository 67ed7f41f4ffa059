// SPDX-License-Identifier: GPL-3.0-or-later
// Writing the device tree of the `virt` machine with libfdt's sequential writer. Errors other than
// a full buffer are our mistakes, so they are looked for once, at the end.
//
// Threads: see fdt.h.
#include "engine/machine/fdt.h"

#include <libfdt.h>

#include "engine/boot/linux.h"
#include "engine/guest/aarch64/aarch64.h"
#include "engine/hw/cfi-flash.h"
#include "engine/hw/fw-cfg.h"
#include "engine/hw/gic.h"
#include "engine/hw/its.h"
#include "engine/hw/pl011.h"
#include "engine/hw/pl031.h"
#include "engine/hw/pl061.h"
#include "engine/machine/virt-map.h"

enum {
  PHANDLE_GIC = 1,
  PHANDLE_CLOCK = 2,
  PHANDLE_GPIO = 3,
  PHANDLE_ITS = 4,

  // Interrupt specifiers of the GIC's binding.
  GIC_SPI = 0,
  GIC_PPI = 1,
  LEVEL_HIGH = 4,

  POWER_BUTTON_LINE = 3,
  KEY_CODE_POWER = 116,
  N_CELLS_MAX = 192,
};

// ---- properties -----------------------------------------------------------------------------

typedef struct Fdt {
  void *data;
  int error; // the first
} Fdt;

static void
check (Fdt *fdt, int status)
{
  if (fdt->error == 0)
    fdt->error = status;
}

static void
begin (Fdt *fdt, const char *name)
{
  check (fdt, fdt_begin_node (fdt->data, name));
}

static void
begin_at (Fdt *fdt, const char *name, uint64_t unit)
{
  g_autofree char *full = g_strdup_printf ("%s@%" G_GINT64_MODIFIER "x", name, unit);

  begin (fdt, full);
}

static void
end (Fdt *fdt)
{
  check (fdt, fdt_end_node (fdt->data));
}

static void
put_bytes (Fdt *fdt, const char *name, const void *data, size_t length)
{
  check (fdt, fdt_property (fdt->data, name, data, (int) length));
}

static void
put_flag (Fdt *fdt, const char *name)
{
  put_bytes (fdt, name, NULL, 0);
}

static void
put_string (Fdt *fdt, const char *name, const char *value)
{
  check (fdt, fdt_property_string (fdt->data, name, value));
}

static void
put_cells (Fdt *fdt, const char *name, const uint32_t *cells, unsigned n)
{
  fdt32_t stored[N_CELLS_MAX];

  g_assert (n <= N_CELLS_MAX);
  for (unsigned i = 0; i < n; i++)
    stored[i] = cpu_to_fdt32 (cells[i]);
  put_bytes (fdt, name, stored, n * sizeof stored[0]);
}

#define PUT_CELLS(fdt, name, ...)                                                                  \
  put_cells ((fdt), (name), (const uint32_t[]){__VA_ARGS__},                                       \
             sizeof ((const uint32_t[]){__VA_ARGS__}) / sizeof (uint32_t))
// Both halves of a 64-bit number.
#define CELL64(value) (uint32_t) ((uint64_t) (value) >> 32), (uint32_t) (value)

// Several strings in one property: written with \0 between them.
#define PUT_STRINGS(fdt, name, strings) put_bytes ((fdt), (name), (strings), sizeof (strings))

static void
put_reg (Fdt *fdt, uint64_t base, uint64_t bytes)
{
  PUT_CELLS (fdt, "reg", CELL64 (base), CELL64 (bytes));
}

static void
put_spi (Fdt *fdt, unsigned spi)
{
  PUT_CELLS (fdt, "interrupts", GIC_SPI, spi, LEVEL_HIGH);
}

// ---- nodes ----------------------------------------------------------------------------------

static void
add_chosen (Fdt *fdt, const VirtFdt *desc)
{
  begin (fdt, "chosen");
  if (!desc->firmware)
    put_string (fdt, "bootargs", desc->cmdline);
  put_string (fdt, "stdout-path", "/pl011@9000000");
  if (desc->initrd.length > 0) {
    PUT_CELLS (fdt, "linux,initrd-start", CELL64 (desc->initrd.base));
    PUT_CELLS (fdt, "linux,initrd-end", CELL64 (desc->initrd.base + desc->initrd.length));
  }
  put_bytes (fdt, "rng-seed", desc->rng_seed, sizeof desc->rng_seed);
  PUT_CELLS (fdt, "kaslr-seed", CELL64 (desc->kaslr_seed));
  end (fdt);
  begin (fdt, "aliases");
  put_string (fdt, "serial0", "/pl011@9000000");
  end (fdt);
}

static void
add_cpus (Fdt *fdt, unsigned n)
{
  begin (fdt, "cpus");
  PUT_CELLS (fdt, "#address-cells", 1);
  PUT_CELLS (fdt, "#size-cells", 0);
  for (unsigned i = 0; i < n; i++) {
    uint64_t affinity = a64_cpu_affinity (i);

    begin_at (fdt, "cpu", affinity);
    put_string (fdt, "device_type", "cpu");
    put_string (fdt, "compatible", "arm,armv8");
    PUT_CELLS (fdt, "reg", (uint32_t) affinity);
    put_string (fdt, "enable-method", "psci");
    end (fdt);
  }
  end (fdt);
  begin (fdt, "psci");
  PUT_STRINGS (fdt, "compatible", "arm,psci-1.0\0arm,psci-0.2");
  put_string (fdt, "method", "hvc");
  end (fdt);
}

static void
add_timer (Fdt *fdt)
{
  begin (fdt, "timer");
  put_string (fdt, "compatible", "arm,armv8-timer");
  put_flag (fdt, "always-on");
  PUT_CELLS (fdt, "interrupts", GIC_PPI, VIRT_PPI_TIMER_SECURE - 16, LEVEL_HIGH, GIC_PPI,
             VIRT_PPI_TIMER_PHYS - 16, LEVEL_HIGH, GIC_PPI, VIRT_PPI_TIMER_VIRT - 16, LEVEL_HIGH,
             GIC_PPI, VIRT_PPI_TIMER_HYP - 16, LEVEL_HIGH);
  end (fdt);
}

static void
add_pmu (Fdt *fdt)
{
  begin (fdt, "pmu");
  put_string (fdt, "compatible", "arm,armv8-pmuv3");
  PUT_CELLS (fdt, "interrupts", GIC_PPI, VIRT_PPI_PMU - 16, LEVEL_HIGH);
  end (fdt);
}

static void
add_gic (Fdt *fdt, unsigned n_cpus)
{
  begin_at (fdt, "intc", VIRT_GIC_DIST);
  put_string (fdt, "compatible", "arm,gic-v3");
  PUT_CELLS (fdt, "#interrupt-cells", 3);
  put_flag (fdt, "interrupt-controller");
  PUT_CELLS (fdt, "#address-cells", 2);
  PUT_CELLS (fdt, "#size-cells", 2);
  put_flag (fdt, "ranges");
  PUT_CELLS (fdt, "#redistributor-regions", 1);
  PUT_CELLS (fdt, "reg", CELL64 (VIRT_GIC_DIST), CELL64 (GICV3_DIST_BYTES),
             CELL64 (VIRT_GIC_REDIST), CELL64 ((uint64_t) GICV3_REDIST_BYTES * n_cpus));
  PUT_CELLS (fdt, "phandle", PHANDLE_GIC);
  begin_at (fdt, "its", VIRT_GIC_ITS);
  put_string (fdt, "compatible", "arm,gic-v3-its");
  put_flag (fdt, "msi-controller");
  PUT_CELLS (fdt, "#msi-cells", 1);
  put_reg (fdt, VIRT_GIC_ITS, ITS_BYTES);
  PUT_CELLS (fdt, "phandle", PHANDLE_ITS);
  end (fdt);
  end (fdt);
}

static void
add_clock (Fdt *fdt)
{
  begin (fdt, "apb-pclk");
  put_string (fdt, "compatible", "fixed-clock");
  PUT_CELLS (fdt, "#clock-cells", 0);
  PUT_CELLS (fdt, "clock-frequency", 24000000);
  put_string (fdt, "clock-output-names", "clk24mhz");
  PUT_CELLS (fdt, "phandle", PHANDLE_CLOCK);
  end (fdt);
}

static void
add_peripherals (Fdt *fdt)
{
  begin_at (fdt, "pl011", VIRT_UART);
  PUT_STRINGS (fdt, "compatible", "arm,pl011\0arm,primecell");
  put_reg (fdt, VIRT_UART, PL011_BYTES);
  put_spi (fdt, VIRT_SPI_UART);
  PUT_CELLS (fdt, "clocks", PHANDLE_CLOCK, PHANDLE_CLOCK);
  PUT_STRINGS (fdt, "clock-names", "uartclk\0apb_pclk");
  end (fdt);

  begin_at (fdt, "pl031", VIRT_RTC);
  PUT_STRINGS (fdt, "compatible", "arm,pl031\0arm,primecell");
  put_reg (fdt, VIRT_RTC, PL031_BYTES);
  put_spi (fdt, VIRT_SPI_RTC);
  PUT_CELLS (fdt, "clocks", PHANDLE_CLOCK);
  put_string (fdt, "clock-names", "apb_pclk");
  end (fdt);

  begin_at (fdt, "pl061", VIRT_GPIO);
  PUT_STRINGS (fdt, "compatible", "arm,pl061\0arm,primecell");
  put_reg (fdt, VIRT_GPIO, PL061_BYTES);
  put_spi (fdt, VIRT_SPI_GPIO);
  PUT_CELLS (fdt, "clocks", PHANDLE_CLOCK);
  put_string (fdt, "clock-names", "apb_pclk");
  put_flag (fdt, "gpio-controller");
  PUT_CELLS (fdt, "#gpio-cells", 2);
  put_flag (fdt, "interrupt-controller");
  PUT_CELLS (fdt, "#interrupt-cells", 2);
  PUT_CELLS (fdt, "phandle", PHANDLE_GPIO);
  end (fdt);

  begin (fdt, "gpio-keys");
  put_string (fdt, "compatible", "gpio-keys");
  begin (fdt, "poweroff");
  put_string (fdt, "label", "GPIO Key Poweroff");
  PUT_CELLS (fdt, "linux,code", KEY_CODE_POWER);
  PUT_CELLS (fdt, "gpios", PHANDLE_GPIO, POWER_BUTTON_LINE, 0);
  end (fdt);
  end (fdt);
}

// The swizzle of INTx pins over four slots (PCI-to-PCI Bridge Architecture 1.2, table 9-1):
// unit address (3 cells), pin, controller, its unit address (2 cells), specifier (3 cells).
static void
put_interrupt_map (Fdt *fdt)
{
  uint32_t cells[4 * 4 * 10];
  unsigned n = 0;

  for (unsigned slot = 0; slot < 4; slot++) {
    for (unsigned pin = 0; pin < 4; pin++) {
      const uint32_t entry[] = {
          slot << 11, 0,           0,
          pin + 1,    PHANDLE_GIC, 0,
          0,          GIC_SPI,     VIRT_SPI_PCI_INTA + (slot + pin) % 4,
          LEVEL_HIGH,
      };

      memcpy (cells + n, entry, sizeof entry);
      n += G_N_ELEMENTS (entry);
    }
  }
  put_cells (fdt, "interrupt-map", cells, n);
  PUT_CELLS (fdt, "interrupt-map-mask", 3 << 11, 0, 0, 7);
}

static void
add_pci (Fdt *fdt)
{
  begin_at (fdt, "pcie", VIRT_PCI_MMIO32);
  put_string (fdt, "compatible", "pci-host-ecam-generic");
  put_string (fdt, "device_type", "pci");
  PUT_CELLS (fdt, "#address-cells", 3);
  PUT_CELLS (fdt, "#size-cells", 2);
  PUT_CELLS (fdt, "#interrupt-cells", 1);
  PUT_CELLS (fdt, "linux,pci-domain", 0);
  PUT_CELLS (fdt, "bus-range", 0, (uint32_t) (VIRT_PCI_ECAM_BYTES / MIB (1)) - 1);
  put_flag (fdt, "dma-coherent");
  put_reg (fdt, VIRT_PCI_ECAM, VIRT_PCI_ECAM_BYTES);
  // Space code (I/O, 32-bit, 64-bit memory), PCI address, CPU address, size.
  PUT_CELLS (fdt, "ranges", 0x01000000, CELL64 (0), CELL64 (VIRT_PCI_PIO),
             CELL64 (VIRT_PCI_PIO_BYTES), 0x02000000, CELL64 (VIRT_PCI_MMIO32),
             CELL64 (VIRT_PCI_MMIO32), CELL64 (VIRT_PCI_MMIO32_BYTES), 0x03000000,
             CELL64 (VIRT_PCI_MMIO64), CELL64 (VIRT_PCI_MMIO64), CELL64 (VIRT_PCI_MMIO64_BYTES));
  // A function's number is its DeviceID.
  PUT_CELLS (fdt, "msi-map", 0, PHANDLE_ITS, 0, 1 << 16);
  put_interrupt_map (fdt);
  end (fdt);
}

// The bank with the firmware itself is nothing to be found and written.
static void
add_firmware (Fdt *fdt)
{
  begin_at (fdt, "flash", VIRT_FLASH1);
  put_string (fdt, "compatible", "cfi-flash");
  put_reg (fdt, VIRT_FLASH1, CFI_FLASH_BANK_BYTES);
  PUT_CELLS (fdt, "bank-width", 4);
  end (fdt);

  begin_at (fdt, "fw-cfg", VIRT_FW_CFG);
  put_string (fdt, "compatible", "qemu,fw-cfg-mmio");
  put_reg (fdt, VIRT_FW_CFG, FW_CFG_BYTES);
  put_flag (fdt, "dma-coherent");
  end (fdt);
}

static void
add_root (Fdt *fdt, const VirtFdt *desc)
{
  begin (fdt, "");
  PUT_CELLS (fdt, "interrupt-parent", PHANDLE_GIC);
  put_string (fdt, "model", "linux,dummy-virt");
  put_string (fdt, "compatible", "linux,dummy-virt");
  PUT_CELLS (fdt, "#address-cells", 2);
  PUT_CELLS (fdt, "#size-cells", 2);
  add_chosen (fdt, desc);
  begin_at (fdt, "memory", VIRT_RAM);
  put_string (fdt, "device_type", "memory");
  put_reg (fdt, VIRT_RAM, desc->ram_bytes);
  end (fdt);
  add_cpus (fdt, desc->n_cpus);
  add_timer (fdt);
  add_pmu (fdt);
  add_gic (fdt, desc->n_cpus);
  add_clock (fdt);
  add_peripherals (fdt);
  add_pci (fdt);
  if (desc->firmware)
    add_firmware (fdt);
  end (fdt);
}

void *
virt_fdt_new (const VirtFdt *desc, size_t max_bytes, size_t *length)
{
  g_autofree void *data = g_malloc0 (max_bytes);
  Fdt fdt = {.data = data};

  check (&fdt, fdt_create (data, (int) max_bytes));
  check (&fdt, fdt_finish_reservemap (data));
  add_root (&fdt, desc);
  check (&fdt, fdt_finish (data));
  g_assert (fdt.error == 0 || fdt.error == -FDT_ERR_NOSPACE);
  if (fdt.error != 0)
    return NULL;
  *length = fdt_totalsize (data);
  return g_steal_pointer (&data);
}
