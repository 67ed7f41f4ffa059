// SPDX-License-Identifier: GPL-3.0-or-later
// The inside of the ITS, shared by its.c (registers, device, state), its-tables.c (what the guest's
// tables say) and its-commands.c. Everything is under the interrupt controller's lock, and all of
// it is guest-controlled: tables lie where the guest says and change when it likes.
#pragma once

#include "engine/hw/gic-priv.h"
#include "engine/hw/its.h"

enum {
  ITS_DEVICE_BITS = 16,
  ITS_EVENT_BITS = 16,
  ITS_COLLECTION_BITS = 16,
  ITS_ENTRY_BYTES = 8, // of every table
  ITS_COMMAND_BYTES = 32,

  ITS_CTLR_ENABLED = 1u << 0,
};

// GITS_BASER<n>.
enum {
  ITS_DEVICES,
  ITS_COLLECTIONS,
  ITS_N_TABLES,
};

#define ITS_VALID          (UINT64_C (1) << 63) // of registers and of our entries
#define ITS_BASER_INDIRECT (UINT64_C (1) << 62)
#define ITS_CBASER_ADDR    UINT64_C (0x000ffffffffff000)
#define ITS_ITT_ADDR       UINT64_C (0x000fffffffffff00)

typedef struct Its {
  Device device;
  Gicv3 *gic;
  GuestAddr base;
  uint32_t ctlr;
  uint64_t cbaser, cwriter, creadr;
  uint64_t baser[ITS_N_TABLES];
} Its;

// An event's place in its table.
typedef struct ItsEvent {
  void *entry;
  uint32_t intid;
  uint16_t collection;
} ItsEvent;

// All with the lock held; false: there is no such thing, or no place for it.
bool its_set_device (Its *its, uint64_t device, bool valid, GuestAddr itt, unsigned size);
bool its_set_collection (Its *its, unsigned collection, bool valid, uint64_t cpu);
bool its_get_collection (const Its *its, unsigned collection, uint64_t *cpu);
bool its_set_event (Its *its, uint64_t device, uint64_t event, uint32_t intid, uint16_t collection);
bool its_get_event (const Its *its, uint64_t device, uint64_t event, ItsEvent *found);
void its_drop_event (const ItsEvent *event);
void its_move_event (const ItsEvent *event, uint16_t collection);
// Which LPI of which CPU.
bool its_translate (const Its *its, uint64_t device, uint64_t event, uint64_t *cpu,
                    uint32_t *intid);

// Works off what is between GITS_CREADR and GITS_CWRITER.
void its_run_commands (Its *its);
