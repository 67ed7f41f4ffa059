// SPDX-License-Identifier: GPL-3.0-or-later
// The inside of a machine, shared by the files of this folder.
#pragma once

#include "engine/machine/machine.h"
#include "engine/usb/usb.h"
#include "engine/virtio/device.h"

// What is put back into RAM at every start and reset (boot-linux.c). The files stay open, so that
// a reset works although they were replaced meanwhile.
typedef struct MachineBoot {
  bool firmware;            // the machine starts with it; the rest is for it to load
  int kernel_fd, initrd_fd; // -1: none
  char *kernel_name, *initrd_name;
  char *cmdline;
} MachineBoot;

// A hot-plug slot.
typedef struct MachinePort {
  Device *port;
  Device *device;    // in it; owned by vm; NULL: nothing
  BlockDevice *disk; // of it, or NULL
} MachinePort;

struct Machine {
  Vm *vm;
  MachineBoot boot;
  GuestAddr ram_base;
  uint64_t ram_bytes;
  // Owned by vm; NULL: not there.
  Device *uart, *gpio, *ged;
  VirtioDevice *gpu, *keyboard, *tablet, *console, *scsi, *balloon;
  Device *usb; // the controller
  UsbDevice *usb_keyboard, *usb_tablet;
  GMutex input_lock;                     // one batch of input events at a time
  BlockDevice *disks[MACHINE_DISKS_MAX]; // owned by their adapters; NULL: a drive
  unsigned n_disks;
  MachinePort ports[MACHINE_PORTS + 1]; // by number; 0: unused
  unsigned n_fixed; // of vm->devices: those that stay, with the others behind them by port
  unsigned queues;  // of a disk
  Traffic disk_traffic, net_traffic; // of all of a kind
};

// The ports; then what is in some of them from the start, when all that stays has been added.
void machine_add_ports (Machine *machine, Device *pci);
Device *machine_make_disk (Machine *machine, const MachineDisk *disk, BlockDevice *take);
VirtioDevice *machine_make_net (Machine *machine, const MachineNic *nic);
Device *machine_make_nic (Machine *machine, const MachineNic *nic); // the same in its port
void machine_add_to_port (Machine *machine, unsigned port, Device *take, BlockDevice *disk);

// Opens the next disk; its adapter takes what comes back. NULL with an error, or for
// a drive with nothing in it.
BlockDevice *machine_open_disk (Machine *machine, const MachineDisk *disk, GError **error);

// Whether this process may open `n` more files: timers and events, which a machine makes by the
// dozen, have no way to fail (descriptors.c).
bool machine_check_descriptors (unsigned n, GError **error);

// A USB controller with keyboard and tablet.
void machine_add_usb (Machine *machine, Device *pci, unsigned slot);
// Whether the machine has one: with a display, firmware, or a disk on USB.
bool machine_wants_usb (const MachineConfig *config);
// Of the i-th disk.
void machine_add_usb_disk (Machine *machine, const MachineConfig *config, unsigned i,
                           BlockDevice *take);

// Opens what a drive is to have; NULL without an error: nothing.
BlockDevice *machine_open_medium (const MachineDisk *medium, GError **error);

bool machine_boot_open (MachineBoot *boot, const MachineConfig *config, GError **error);
void machine_boot_clear (MachineBoot *boot);
// The kernel's and the initial RAM disk's bytes; NULL with an error, or without one where there is
// none.
GBytes *machine_boot_read_kernel (const MachineBoot *boot, GError **error);
GBytes *machine_boot_read_initrd (const MachineBoot *boot, GError **error);

// Where the initial RAM disk went; length 0: there is none.
typedef struct MachineInitrd {
  GuestAddr base;
  uint64_t length;
} MachineInitrd;

// A device tree for what was loaded: its bytes (g_free) and how many.
typedef void *(*MachineMakeDtb) (Machine *machine, const MachineInitrd *initrd, size_t *length);
// Loads kernel, initial RAM disk and device tree into RAM and sets CPU 0's entry.
bool machine_boot_load (Machine *machine, MachineMakeDtb make_dtb, GError **error);
