// SPDX-License-Identifier: GPL-3.0-or-later
// See virt-firmware.h.
#include "engine/machine/virt-firmware.h"

#include <string.h>

#include "engine/boot/acpi.h"
#include "engine/boot/smbios.h"
#include "engine/guest/aarch64/aarch64.h"
#include "engine/hw/cfi-flash.h"
#include "engine/hw/fw-cfg.h"
#include "engine/hw/ged.h"
#include "engine/hw/gic.h"
#include "engine/hw/its.h"
#include "engine/hw/pl011.h"
#include "engine/machine/boot-order.h"
#include "engine/machine/firmware.h"
#include "engine/machine/virt-map.h"

// ---- fw_cfg ---------------------------------------------------------------------------------

static void
add_blob (Device *cfg, uint16_t length_key, uint16_t key, GBytes *take)
{
  fw_cfg_add_number (cfg, length_key, (uint32_t) g_bytes_get_size (take), 4);
  fw_cfg_add_item (cfg, key, take);
}

// A kernel that the firmware is to start.
static bool
add_kernel (Device *cfg, const MachineBoot *boot, GError **error)
{
  GBytes *kernel = machine_boot_read_kernel (boot, error), *initrd;

  if (boot->kernel_fd < 0)
    return true;
  if (kernel == NULL)
    return false;
  add_blob (cfg, FW_CFG_KERNEL_BYTES, FW_CFG_KERNEL, kernel);
  add_blob (cfg, FW_CFG_CMDLINE_BYTES, FW_CFG_CMDLINE,
            g_bytes_new (boot->cmdline, strlen (boot->cmdline) + 1));
  if (boot->initrd_fd < 0)
    return true;
  initrd = machine_boot_read_initrd (boot, error);
  if (initrd == NULL)
    return false;
  add_blob (cfg, FW_CFG_INITRD_BYTES, FW_CFG_INITRD, initrd);
  return true;
}

static void
add_boot_order (Device *cfg, const MachineConfig *config)
{
  const char *const *names = config->boot_order;
  char *paths = names != NULL ? boot_order_paths (names, config->disks, config->n_disks) : NULL;

  if (paths != NULL)
    fw_cfg_add_file (cfg, "bootorder", g_bytes_new_take (paths, strlen (paths) + 1));
}

// ---- tables ---------------------------------------------------------------------------------

enum { GSI_SPI = 32 };

static uint64_t
affinity (unsigned cpu)
{
  return a64_cpu_affinity (cpu);
}

static void
add_acpi (Device *cfg, unsigned n_cpus)
{
  const AcpiBoard board = {
      .n_cpus = n_cpus,
      .cpu_affinity = affinity,
      .gic_dist = VIRT_GIC_DIST,
      .gic_redist = VIRT_GIC_REDIST,
      .gic_redist_bytes = GICV3_REDIST_BYTES * n_cpus,
      .its = VIRT_GIC_ITS,
      .timer_secure = VIRT_PPI_TIMER_SECURE,
      .timer_phys = VIRT_PPI_TIMER_PHYS,
      .timer_virt = VIRT_PPI_TIMER_VIRT,
      .timer_hyp = VIRT_PPI_TIMER_HYP,
      .pmu = VIRT_PPI_PMU,
      .uart = {VIRT_UART, PL011_BYTES, GSI_SPI + VIRT_SPI_UART},
      .fw_cfg = {VIRT_FW_CFG, FW_CFG_BYTES, 0},
      .ged = {VIRT_GED, GED_BYTES, GSI_SPI + VIRT_SPI_GED},
      .ged_power_button = GED_EVENT_POWER_BUTTON,
      .virtio = {VIRT_VIRTIO, VIRT_VIRTIO_BYTES, GSI_SPI + VIRT_SPI_VIRTIO},
      .n_virtio = VIRT_N_VIRTIO,
      .ecam = {VIRT_PCI_ECAM, VIRT_PCI_ECAM_BYTES},
      .pci_mmio32 = {VIRT_PCI_MMIO32, VIRT_PCI_MMIO32_BYTES},
      .pci_mmio64 = {VIRT_PCI_MMIO64, VIRT_PCI_MMIO64_BYTES},
      .pci_pio = {VIRT_PCI_PIO, VIRT_PCI_PIO_BYTES},
      .pci_inta = GSI_SPI + VIRT_SPI_PCI_INTA,
  };
  AcpiFiles files = acpi_build (&board);

  fw_cfg_add_file (cfg, ACPI_FILE_TABLES, g_steal_pointer (&files.tables));
  fw_cfg_add_file (cfg, ACPI_FILE_RSDP, g_steal_pointer (&files.rsdp));
  fw_cfg_add_file (cfg, ACPI_FILE_LOADER, g_steal_pointer (&files.loader));
}

static void
add_smbios (Device *cfg, const MachineConfig *config)
{
  const SmbiosMachine machine = {
      .name = config->name,
      .uuid = config->uuid,
      .version = "1",
      .n_cpus = config->cpus,
      .ram_base = VIRT_RAM,
      .ram_bytes = config->memory_bytes,
  };
  GBytes *anchor, *tables;

  smbios_build (&machine, &anchor, &tables);
  fw_cfg_add_file (cfg, SMBIOS_FILE_ANCHOR, anchor);
  fw_cfg_add_file (cfg, SMBIOS_FILE_TABLES, tables);
}

static void
add_cpus (Device *cfg, unsigned n)
{
  fw_cfg_add_number (cfg, FW_CFG_N_CPUS, n, 2);
  fw_cfg_add_number (cfg, FW_CFG_MAX_CPUS, n, 2);
}

static bool
add_fw_cfg (Machine *machine, const MachineConfig *config, GError **error)
{
  Device *cfg = fw_cfg_new (VIRT_FW_CFG);

  vm_add_device (machine->vm, cfg, "fw-cfg");
  add_cpus (cfg, config->cpus);
  add_boot_order (cfg, config);
  add_smbios (cfg, config);
  if (!config->no_acpi)
    add_acpi (cfg, config->cpus);
  return add_kernel (cfg, &machine->boot, error);
}

// ---- flash ----------------------------------------------------------------------------------

static bool
add_flash (Vm *vm, const MachineConfig *config, GError **error)
{
  FirmwareFiles files;
  bool ok = firmware_open (&files, config->firmware, config->nvram, error);

  if (ok) {
    vm_add_device (vm, cfi_rom_new (VIRT_FLASH0, files.code), "flash0");
    vm_add_device (vm,
                   cfi_flash_new (VIRT_FLASH1, files.variables, g_steal_pointer (&files.nvram),
                                  files.nvram_name),
                   "flash1");
  }
  firmware_clear (&files);
  return ok;
}

bool
virt_add_firmware (Machine *machine, const MachineConfig *config, Device *gic, GError **error)
{
  if (!add_flash (machine->vm, config, error) || !add_fw_cfg (machine, config, error))
    return false;
  machine->ged = ged_new (VIRT_GED, gicv3_get_spi (gic, VIRT_SPI_GED));
  vm_add_device (machine->vm, machine->ged, "ged");
  return true;
}
