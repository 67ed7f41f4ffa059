// SPDX-License-Identifier: GPL-3.0-or-later
// The inside of the xHCI controller. Section numbers are of the xHCI specification 1.1.
//
// Threads: registers on vCPU threads under `lock`, which they never hold for long. Everything else
// on the I/O thread, which takes the lock for a bounded piece of work at a time, so that no guest
// memory is written once the guest has seen the controller halt. Doorbells take no lock: they set a
// bit and wake the I/O thread. Devices give transfers back through a list with a lock of its own.
#pragma once

#include <stdatomic.h>

#include "engine/hw/pci-msix.h"
#include "engine/hw/pci.h"
#include "engine/snapshot/state.h"
#include "engine/usb/xhci.h"
#include "engine/vm/vm.h"

enum {
  XHCI_SLOTS = 32,
  XHCI_ENDPOINTS = 32, // by device context index; 0 is not one
  XHCI_INTERRUPTERS = 8,
  XHCI_PORTS = 2 * XHCI_CONNECTORS, // USB 2 first
  XHCI_ERST_MAX_LOG2 = 4,
  XHCI_CONTEXT_BYTES = 32,
  XHCI_TD_TRBS = 1024,         // of one transfer descriptor
  XHCI_TD_BYTES = 8 << 20,     //
  XHCI_BACKLOG_EVENTS = 65536, // in saved state
};

typedef struct Xhci Xhci;

// A transfer request block (§6.4), in host order.
typedef struct XhciTrb {
  uint64_t parameter;
  uint32_t status, control;
} XhciTrb;

// The same with where it was.
typedef struct XhciRingTrb {
  GuestAddr addr;
  XhciTrb trb;
} XhciRingTrb;

enum {
  TRB_BYTES = 16,
  TRB_CYCLE = 1 << 0,
  TRB_TOGGLE = 1 << 1, // link
  TRB_EVENT_DATA = 1 << 2,
  TRB_ISP = 1 << 2,
  TRB_CHAIN = 1 << 4,
  TRB_IOC = 1 << 5,
  TRB_IDT = 1 << 6,
  TRB_BEI = 1 << 9,
  TRB_DIR_IN = 1 << 16, // data and status stage
  TRB_LENGTH_MASK = 0x1ffff,

  TRB_NORMAL = 1,
  TRB_SETUP = 2,
  TRB_DATA = 3,
  TRB_STATUS = 4,
  TRB_ISOCH = 5,
  TRB_LINK = 6,
  TRB_EVENT_DATA_TYPE = 7,
  TRB_NO_OP = 8,
  TRB_ENABLE_SLOT = 9,
  TRB_DISABLE_SLOT = 10,
  TRB_ADDRESS_DEVICE = 11,
  TRB_CONFIGURE_ENDPOINT = 12,
  TRB_EVALUATE_CONTEXT = 13,
  TRB_RESET_ENDPOINT = 14,
  TRB_STOP_ENDPOINT = 15,
  TRB_SET_DEQUEUE = 16,
  TRB_RESET_DEVICE = 17,
  TRB_NO_OP_COMMAND = 23,
  TRB_TRANSFER_EVENT = 32,
  TRB_COMMAND_EVENT = 33,
  TRB_PORT_EVENT = 34,
  TRB_MFINDEX_EVENT = 39,
};

// Completion codes (§6.4.5).
typedef enum XhciCode {
  CC_SUCCESS = 1,
  CC_DATA_BUFFER_ERROR = 2,
  CC_BABBLE = 3,
  CC_TRANSACTION_ERROR = 4,
  CC_TRB_ERROR = 5,
  CC_STALL = 6,
  CC_NO_SLOTS = 9,
  CC_SLOT_NOT_ENABLED = 11,
  CC_ENDPOINT_NOT_ENABLED = 12,
  CC_SHORT_PACKET = 13,
  CC_PARAMETER_ERROR = 17,
  CC_CONTEXT_STATE_ERROR = 19,
  CC_COMMAND_RING_STOPPED = 24,
  CC_STOPPED = 26,
} XhciCode;

// As in contexts (§6.2.3).
typedef enum XhciEndpointState {
  EP_DISABLED = 0,
  EP_RUNNING = 1,
  EP_HALTED = 2,
  EP_STOPPED = 3,
  EP_ERROR = 4,
} XhciEndpointState;

// As in contexts (§6.2.2), but for the first.
typedef enum XhciSlotState {
  SLOT_ENABLED = 0,
  SLOT_DEFAULT = 1,
  SLOT_ADDRESSED = 2,
  SLOT_CONFIGURED = 3,
  SLOT_DISABLED = 4,
} XhciSlotState;

// Endpoint types: a UsbTransferKind, and 4 for IN and control.
enum {
  EP_TYPE_CONTROL = 4,
  EP_TYPE_IN = 4,
};

typedef struct XhciRing {
  GuestAddr addr;
  bool cycle;
} XhciRing;

// In flight: a TD's blocks, read once, and the bytes.
typedef struct XhciTransfer XhciTransfer;
struct XhciTransfer {
  UsbTransfer usb;
  Xhci *xhci;
  uint8_t slot, dci;
  bool finished, abandoned; // done_lock
  XhciTransfer *next;       // done_lock
  XhciRing after;           // where the ring goes on
  unsigned n_trbs;
  XhciRingTrb *trbs;
  uint8_t *data;
};

typedef struct XhciEndpoint {
  XhciEndpointState state;
  uint8_t type;
  uint32_t context[5]; // as the guest gave it, without state and dequeue pointer
  XhciRing ring;
  XhciTransfer *transfer; // in flight
  // Control endpoints, between their stages.
  bool have_setup, data_done;
  UsbSetup setup;
} XhciEndpoint;

typedef struct XhciSlot {
  XhciSlotState state;
  uint8_t port;        // from 1; 0: none yet
  uint32_t context[4]; // without state and address
  GuestAddr context_addr;
  uint32_t kicked; // endpoints that may have work
  XhciEndpoint endpoints[XHCI_ENDPOINTS];
} XhciSlot;

typedef struct XhciInterrupter {
  uint32_t iman, imod, erst_size;
  uint64_t erst_base, dequeue; // dequeue with its flags
  // The event ring; read from the table when the first event comes.
  bool loaded, cycle;
  uint32_t segment, index, segment_trbs;
  GuestAddr segment_base;
  // Interrupt moderation (§4.17.2).
  bool wanted;
  int64_t not_before_ns;
  GArray *backlog; // of XhciTrb: events for which there was no room
} XhciInterrupter;

struct Xhci {
  Device device;
  PciFunction fn;
  PciMsix msix;
  Device *port; // the hot-plug slot it is in; NULL: it stays
  bool inserted;
  UsbDevice *devices[XHCI_CONNECTORS]; // owned
  VmEvent *kick;
  VmTimer *timer;
  _Atomic uint32_t doorbells[XHCI_SLOTS + 1]; // bit per target; [0] is the command ring

  GMutex lock; // everything below
  uint32_t command, status, notifications, config;
  uint64_t command_ring; // as written, flags included
  uint64_t dcbaap;
  XhciRing commands;
  bool commands_running, stop_commands, ignore_high;
  uint32_t ports[XHCI_PORTS];
  uint32_t port_resets; // bit per port: wanted
  uint32_t warm_resets; // of these
  int64_t started_ns;   // MFINDEX counts from here
  int64_t wrap_ns;      // when it starts anew
  XhciInterrupter interrupters[XHCI_INTERRUPTERS];
  XhciSlot slots[XHCI_SLOTS + 1];
  unsigned next_slot; // where the next round begins
  bool quiet;         // between quiesce and resume

  GMutex done_lock;
  XhciTransfer *done, **done_tail;
};

enum {
  USBCMD_RUN = 1 << 0,
  USBCMD_RESET = 1 << 1,
  USBCMD_INTE = 1 << 2,
  USBCMD_HSEE = 1 << 3,
  USBCMD_SAVE = 1 << 8,
  USBCMD_RESTORE = 1 << 9,
  USBCMD_EWE = 1 << 10,

  USBSTS_HALTED = 1 << 0,
  USBSTS_EINT = 1 << 3,
  USBSTS_PORT = 1 << 4,
  USBSTS_RESTORE_ERROR = 1 << 10,
  USBSTS_HCE = 1 << 12,

  CRCR_CYCLE = 1 << 0,
  CRCR_STOP = 1 << 1,
  CRCR_ABORT = 1 << 2,
  CRCR_RUNNING = 1 << 3,

  IMAN_PENDING = 1 << 0,
  IMAN_ENABLE = 1 << 1,
  ERDP_BUSY = 1 << 3,

  PORTSC_CONNECTED = 1 << 0,
  PORTSC_ENABLED = 1 << 1,
  PORTSC_RESET = 1 << 4,
  PORTSC_LINK_SHIFT = 5,
  PORTSC_LINK = 15 << PORTSC_LINK_SHIFT,
  PORTSC_POWER = 1 << 9,
  PORTSC_SPEED_SHIFT = 10,
  PORTSC_SPEED = 15 << PORTSC_SPEED_SHIFT,
  PORTSC_WRITE_LINK = 1 << 16,
  PORTSC_CHANGE_CONNECT = 1 << 17,
  PORTSC_CHANGE_WARM_RESET = 1 << 19,
  PORTSC_CHANGE_RESET = 1 << 21,
  PORTSC_CHANGE_LINK = 1 << 22,
  PORTSC_CHANGES = 0x7f << 17,
  PORTSC_WAKE = 7 << 25,

  LINK_U0 = 0,
  LINK_U3 = 3,
  LINK_DISABLED = 4,
  LINK_RX_DETECT = 5,
  LINK_POLLING = 7,
  LINK_RESUME = 15,
};
#define PORTSC_WARM_RESET (1u << 31)

static inline bool
xhci_is_running (const Xhci *xhci)
{
  return (xhci->command & USBCMD_RUN) && !(xhci->status & USBSTS_HCE);
}

// xhci-registers.c. vCPU threads.
extern const MmioOps xhci_register_ops;

// xhci.c
// The device behind a port (from 1), or NULL.
UsbDevice *xhci_get_device (Xhci *xhci, unsigned port);
// The guest broke the controller (§4.24.1): nothing works until it is reset.
void xhci_fail (Xhci *xhci, const char *why);

// xhci-work.c. I/O thread, lock held, but for the first two.
void xhci_wake (Xhci *xhci); // any thread
void xhci_done (UsbTransfer *transfer);
void xhci_work (Xhci *xhci);
void xhci_reset_controller (Xhci *xhci);
// As if what is in flight had never begun; the endpoints look again later.
void xhci_retract_all (Xhci *xhci);
void xhci_take_done (Xhci *xhci);
void xhci_drop_done (Xhci *xhci); // what was abandoned is freed, what is finished too

// xhci-events.c. Lock held.
void xhci_put_event (Xhci *xhci, unsigned interrupter, const XhciTrb *event);
void xhci_flush_events (Xhci *xhci);
bool xhci_events_blocked (const Xhci *xhci); // some ring is full: no new work
void xhci_update_interrupts (Xhci *xhci);    // registers were changed
// The guest moved its end of the ring; `handled`: its handler is done.
void xhci_set_dequeue (Xhci *xhci, unsigned interrupter, uint64_t pointer, bool handled);
void xhci_reset_interrupters (Xhci *xhci);
void xhci_timer_cb (void *data); // I/O thread, lock not held

// xhci-rings.c
bool xhci_read_trb (Xhci *xhci, GuestAddr addr, XhciTrb *trb);
// The next TD, or the next TRB of a command ring (max 1). The number of TRBs; 0: not all there yet;
// -1: it is none.
int xhci_read_td (Xhci *xhci, const XhciRing *ring, XhciRingTrb *trbs, unsigned max,
                  XhciRing *after);

static inline unsigned
xhci_trb_type (const XhciTrb *trb)
{
  return trb->control >> 10 & 0x3f;
}

// xhci-commands.c. I/O thread, lock held. The TRBs looked at.
unsigned xhci_run_commands (Xhci *xhci, unsigned budget);
void xhci_disable_slot (Xhci *xhci, unsigned slot);
void xhci_write_endpoint_context (Xhci *xhci, unsigned slot, unsigned dci);

// xhci-transfers.c. I/O thread, lock held.
unsigned xhci_run_endpoint (Xhci *xhci, unsigned slot, unsigned dci, unsigned budget);
void xhci_finish_transfer (Xhci *xhci, XhciTransfer *transfer); // frees it
void xhci_free_transfer (XhciTransfer *transfer);
// Forgets what is in flight. Then the TD is still on the ring.
void xhci_retract (Xhci *xhci, unsigned slot, unsigned dci);
// The same as the guest asked for it: it is told.
void xhci_stop_transfer (Xhci *xhci, unsigned slot, unsigned dci);

// xhci-ports.c. Lock held.
void xhci_reset_ports (Xhci *xhci); // power-on state
uint32_t xhci_read_port (const Xhci *xhci, unsigned port);
void xhci_write_port (Xhci *xhci, unsigned port, uint32_t value); // port from 0
void xhci_finish_port_resets (Xhci *xhci);                        // I/O thread
void xhci_report_ports (Xhci *xhci);                              // an event for each with changes
void xhci_connect_port (Xhci *xhci, unsigned port, const UsbDevice *device); // NULL: gone

// xhci-state.c
void xhci_save (Device *device, StateWriter *writer);
bool xhci_load (Device *device, StateReader *reader, uint32_t version, GError **error);
