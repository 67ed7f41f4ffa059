// SPDX-License-Identifier: GPL-3.0-or-later
// fw_cfg: named pieces of data that the machine hands to its firmware (QEMU's specification,
// docs/specs/fw_cfg, in its memory-mapped form with DMA).
#pragma once

#include "engine/vm/device.h"

enum {
  FW_CFG_BYTES = 0x18,
  FW_CFG_NAME_BYTES = 56, // with the 0 at its end

  // Items with fixed numbers.
  FW_CFG_UUID = 0x02,
  FW_CFG_N_CPUS = 0x05,
  FW_CFG_KERNEL_BYTES = 0x08,
  FW_CFG_INITRD_BYTES = 0x0b,
  FW_CFG_BOOT_MENU = 0x0e,
  FW_CFG_MAX_CPUS = 0x0f,
  FW_CFG_KERNEL = 0x11,
  FW_CFG_INITRD = 0x12,
  FW_CFG_CMDLINE_BYTES = 0x14,
  FW_CFG_CMDLINE = 0x15,
};

Device *fw_cfg_new (GuestAddr base);
// Before the machine is realized. Takes the contents.
void fw_cfg_add_item (Device *device, uint16_t key, GBytes *take_contents);
void fw_cfg_add_number (Device *device, uint16_t key, uint32_t value, unsigned bytes);
void fw_cfg_add_file (Device *device, const char *name, GBytes *take_contents);
