// SPDX-License-Identifier: GPL-3.0-or-later
// Parts of the configuration that only engine/api uses.
#pragma once

#include "engine/api/vm.h"
#include "engine/structs/types.h"

// Limits of this version's machines.
enum {
  VM_CONFIG_CPU_FEATURES = 0, // unless said otherwise
  VM_CONFIG_CPUS_MAX = 8,
  VM_CONFIG_DISKS_MAX = 16,
  VM_CONFIG_USB_DISKS_MAX = 13, // of these
  VM_CONFIG_NICS_MAX = 8,
  VM_CONFIG_FORWARDS_MAX = 64,
  VM_CONFIG_DISPLAY_MAX = 8192,     // pixels, each way
  VM_CONFIG_SOUND_VOLUME_MAX = 100, // percent
  VM_CONFIG_SOUND_LATENCY_MS = 60,  // unless said otherwise
  VM_CONFIG_SOUND_LATENCY_MS_MIN = 10,
  VM_CONFIG_SOUND_LATENCY_MS_MAX = 500,
  VM_CONFIG_NAME_MAX = 255,     // bytes
  VM_CONFIG_CMDLINE_MAX = 2047, // bytes, as the kernel's COMMAND_LINE_SIZE has it
};
#define VM_CONFIG_MEMORY_MIN MIB (64)

// With defaults but an empty name and no adapter.
VmConfig *vm_config_new_empty (VmArch arch);
// Its own address, or one made from the machine's uuid and the adapter's position.
void vm_config_get_mac (const VmConfig *config, unsigned nic_index, uint8_t mac[6]);
// Form and ranges only: opens no files and asks nothing of the host.
bool vm_config_check_ranges (const VmConfig *config, GError **error);
