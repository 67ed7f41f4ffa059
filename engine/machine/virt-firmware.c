// SPDX-License-Identifier: GPL-3.0-or-later
// See virt-firmware.h.
#include "engine/machine/virt-firmware.h"

#include <string.h>

#include "engine/hw/cfi-flash.h"
#include "engine/hw/fw-cfg.h"
#include "engine/hw/ged.h"
#include "engine/hw/gic.h"
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
add_boot_order (Device *cfg, const char *const *names)
{
  char *paths = names != NULL ? boot_order_paths (names) : NULL;

  if (paths != NULL)
    fw_cfg_add_file (cfg, "bootorder", g_bytes_new_take (paths, strlen (paths) + 1));
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
  add_boot_order (cfg, config->boot_order);
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
