// SPDX-License-Identifier: GPL-3.0-or-later
// A machine ready to run, built from a plain description: the only folder that names devices.
//
// Threads: built and freed by the controlling thread (vm.h); the description is only read by
// machine_new. What is sent to the guest may come from any thread.
#pragma once

#include <glib.h>

#include "engine/block/image.h"
#include "engine/jit/jit.h"
#include "engine/net/user.h"
#include "engine/structs/sink.h"
#include "engine/vm/vm.h"

enum {
  MACHINE_CPUS_MAX = 8,
  MACHINE_DISKS_MAX = 16,
  MACHINE_USB_DISKS_MAX = 13, // of these
  MACHINE_NICS_MAX = 8,
  MACHINE_PORTS = 4, // hot-plug slots, numbered from 1
};

typedef enum MachineBus {
  MACHINE_BUS_VIRTIO,
  MACHINE_BUS_SCSI,
  MACHINE_BUS_NVME,
  MACHINE_BUS_USB,
} MachineBus;

typedef struct MachineDisk {
  const char *path; // "": a drive with nothing in it
  BlockFormat format;
  bool read_only;
  bool allow_backing; // follow the backing file that the image names
  MachineBus bus;
  bool cdrom;    // a drive with this medium, on SCSI
  unsigned port; // the slot it is in, on virtio; 0: it stays
} MachineDisk;

typedef struct MachineNic {
  uint8_t mac[6];
  const NetForward *forwards;
  unsigned n_forwards;
  unsigned port; // as of a disk
} MachineNic;

// Where one console's output goes; ops NULL: nowhere.
typedef struct MachineConsole {
  const VmConsoleSinkOps *ops;
  void *sink;
} MachineConsole;

typedef enum MachineAccel {
  MACHINE_ACCEL_AUTO,
  MACHINE_ACCEL_INTERP,
  MACHINE_ACCEL_JIT, // or it is an error
} MachineAccel;

typedef enum MachineSound {
  MACHINE_SOUND_NONE,
  MACHINE_SOUND_VIRTIO,
  MACHINE_SOUND_HDA,
} MachineSound;

typedef struct MachineConfig {
  const char *name;
  const char *uuid; // as text; NULL: none
  unsigned cpus;    // 1..MACHINE_CPUS_MAX
  bool pauth, bti;  // what the CPUs have
  bool strict_code; // changed code is noticed though the guest does not say so
  MachineAccel accel;
  JitConfig jit;                         // of the translator; bytes 0: as many as are good
  uint64_t memory_bytes;                 // a multiple of 1 MiB
  const char *kernel, *initrd, *cmdline; // initrd, cmdline: may be NULL; kernel: with firmware
  // What the machine starts with; NULL: the kernel. A file, or FIRMWARE_UEFI (firmware.h).
  const char *firmware;
  const char *nvram; // file of the firmware's variables; NULL: they are forgotten at the end
  bool no_acpi;      // the firmware describes the machine by its device tree
  const char *const *boot_order; // disk0, net0 …, the first to be tried first; NULL: up to it
  const char *vsock; // path of the socket that leads to the guest's (virtio/vsock.h); NULL: none
  const MachineDisk *disks;
  unsigned n_disks; // up to MACHINE_DISKS_MAX
  const MachineNic *nics;
  unsigned n_nics; // up to MACHINE_NICS_MAX
  bool display;    // graphics adapter, keyboards and tablets
  unsigned display_width, display_height;
  const VmDisplaySinkOps *display_ops;
  void *display_sink;
  MachineConsole serial, virtio_console;
  MachineSound sound;
  const VmAudioSinkOps *audio_ops; // NULL: nobody hears it
  void *audio_sink;
  bool verify; // translated code is compared with the interpreter, as it runs: one CPU
} MachineConfig;

typedef struct Machine Machine;

// Everything realized, ready for vm_start or vm_load. The errors are sentences for a person.
Machine *machine_new_virt_aarch64 (const MachineConfig *config, GError **error);
void machine_free (Machine *machine); // stops it first; accepts NULL
Vm *machine_get_vm (Machine *machine);

// What lies in drive `disk` (a cdrom of the configuration): another image, or nothing (NULL). While
// the machine runs or is paused; may wait for the host. On false all is as before. While the guest
// has locked the drive it is asked to let go, and the error is G_IO_ERROR_BUSY; not with `force`.
bool machine_change_medium (Machine *machine, unsigned disk, const MachineDisk *medium, bool force,
                            GError **error);

// Devices that come and go, while the machine runs or is paused (hotplug.c). The port, which the
// description names, is free; the guest is told. On false all is as before.
bool machine_attach_disk (Machine *machine, const MachineDisk *disk, GError **error);
bool machine_attach_nic (Machine *machine, const MachineNic *nic, GError **error);
// Asks the guest to let go of what is in the port: VM_REQUEST_UNPLUG says that it has. Any thread.
void machine_press_detach (Machine *machine, unsigned port);
// A port whose device the guest has let go of; 0: none.
unsigned machine_find_released (Machine *machine);
// Takes it out, whatever the guest thinks of it.
void machine_detach (Machine *machine, unsigned port);
bool machine_port_is_used (const Machine *machine, unsigned port);

// Any thread; never wait. Without such a device nothing happens.
void machine_press_power_button (Machine *machine);
size_t machine_send_serial (Machine *machine, const uint8_t *data, size_t length);
size_t machine_send_console (Machine *machine, const uint8_t *data, size_t length);
void machine_send_key (Machine *machine, unsigned evdev_code, bool down);
void machine_send_button (Machine *machine, unsigned evdev_code, bool down);
// x and y of a picture of width by height.
void machine_send_position (Machine *machine, double x, double y, unsigned width, unsigned height);
void machine_send_scroll (Machine *machine, int dx, int dy);
// The guest is to make do with so much of its memory; of what it says of that, UINT64_MAX stands for
// nothing.
void machine_set_memory_target (Machine *machine, uint64_t bytes);
typedef struct MachineMemory {
  uint64_t target, now;            // bytes the guest is to have, and has
  uint64_t reported;               // given back by itself so far
  uint64_t total, free, available; // as the guest sees it
} MachineMemory;
void machine_get_memory (Machine *machine, MachineMemory *memory);
typedef struct MachineTraffic {
  uint64_t disk_read, disk_written, net_received,
      net_sent; // bytes, of all disks and adapters so far
} MachineTraffic;
void machine_get_traffic (Machine *machine, MachineTraffic *traffic);
void machine_set_display_size (Machine *machine, unsigned width, unsigned height);

// A paused machine's disks. settle: nothing is left to write, so that closing them changes nothing.
// put_on_overlays: each disk goes on in the qcow2 image paths[i] (as many as there are disks; NULL:
// it stays, as drives do), which was made on top of what it is now and is still empty; that is only read from
// then on. On false all is as before. take_off undoes it, with the images still empty.
bool machine_settle_disks (Machine *machine, GError **error);
bool machine_put_on_overlays (Machine *machine, const char *const *paths, GError **error);
void machine_take_off_overlays (Machine *machine, const char *const *paths);
