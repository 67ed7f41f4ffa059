// SPDX-License-Identifier: GPL-3.0-or-later
// What every device is to the machine. A device embeds Device as its first member. Made by its
// own `xyz_new (...)`, which only stores options; realize does what can fail.
#pragma once

#include <glib.h>

#include "engine/structs/types.h"

typedef struct Vm Vm;
typedef struct Device Device;
typedef struct StateWriter StateWriter;
typedef struct StateReader StateReader;

// Unless said otherwise: called on the I/O thread, with every vCPU parked; NULL means nothing to
// do (save/load may not be NULL).
typedef struct DeviceOps {
  const char *name;       // the type, also the name of its section in saved state
  uint32_t state_version; // of save's format
  // Takes host resources and hooks itself to bus and interrupts. Called once.
  bool (*realize) (Device *device, GError **error);
  // Back to power-on state.
  void (*reset) (Device *device);
  // The machine stops running (pause, save, stop): finish or park host work in flight, so that no
  // completion arrives until resume. May wait for the host.
  void (*quiesce) (Device *device);
  void (*resume) (Device *device);
  // Releases everything and frees the device; accepts a half-realized one.
  void (*free) (Device *device);
  // Device is quiescent. load validates everything it reads (saved state is hostile input) and
  // fails with an error rather than keep a value out of range.
  void (*save) (Device *device, StateWriter *writer);
  bool (*load) (Device *device, StateReader *reader, uint32_t version, GError **error);
} DeviceOps;

struct Device {
  const DeviceOps *ops;
  Vm *vm;   // set by vm_add_device
  char *id; // unique within the machine, e.g. "virtio-blk0"; owned by the Vm's device list
};
