// SPDX-License-Identifier: GPL-3.0-or-later
// The inside of the NVMe controller, shared by nvme.c (device, registers, state), nvme-queue.c (taking
// commands, completing them), nvme-admin.c and nvme-io.c (the commands).
//
// Threads: doorbells only leave a number and wake the I/O thread, which takes commands and completes
// them; the other registers on vCPU threads. Everything but the doorbells is under `lock`.
//
// The driver is hostile: queues are at most NVME_ENTRIES_MAX long, a command is taken only when there
// is room for its completion, a run takes a bounded number of them, each command is copied before it
// is looked at, and data lies in RAM.
#pragma once

#include <stdatomic.h>
#include <string.h>

#include "engine/hw/nvme.h"
#include "engine/hw/pci-msix.h"
#include "engine/vm/vm.h"

enum {
  NVME_N_QUEUES = NVME_IO_QUEUES_MAX + 1, // with the admin queue, 0
  NVME_ENTRIES_MAX = 1024,
  NVME_COMMAND_BYTES = 64,
  NVME_COMPLETION_BYTES = 16,
  NVME_PAGE_BYTES = 4096,
  NVME_TRANSFER_PAGES = 256, // MDTS
  NVME_MDTS = 8,
  NVME_AERS_MAX = 4, // asynchronous event requests
  NVME_N_FEATURES = 12,

  NVME_CC_ENABLE = 1u << 0,
  NVME_CSTS_READY = 1u << 0,
  NVME_CSTS_FATAL = 1u << 1,
  NVME_CSTS_SHUTDOWN_DONE = 2u << 2,
};

// Features (§5.21.1).
enum {
  NVME_FEATURE_POWER = 2,
  NVME_FEATURE_ERROR_RECOVERY = 5,
  NVME_FEATURE_WRITE_CACHE = 6,
  NVME_FEATURE_QUEUES = 7,
};

// Status codes with their type (§4.6.1), as in a completion without its phase bit.
enum {
  NVME_OK = 0,
  NVME_INVALID_OPCODE = 0x01,
  NVME_INVALID_FIELD = 0x02,
  NVME_TRANSFER_ERROR = 0x04,
  NVME_ABORTED = 0x07,
  NVME_INVALID_NAMESPACE = 0x0b,
  NVME_INVALID_PRP = 0x13,
  NVME_WRITE_PROTECTED = 0x20,
  NVME_OUT_OF_RANGE = 0x80,
  NVME_INVALID_CQ = 0x100,
  NVME_INVALID_QUEUE_ID = 0x101,
  NVME_INVALID_QUEUE_SIZE = 0x102,
  NVME_TOO_MANY_EVENTS = 0x105,
  NVME_INVALID_VECTOR = 0x108,
  NVME_INVALID_LOG = 0x109,
  NVME_INVALID_DELETION = 0x10c,
  NVME_WRITE_FAULT = 0x280,
  NVME_READ_ERROR = 0x281,
  NVME_PENDING = 0xffff, // it is completed later, or never
  NVME_NO_RETRY = 0x4000,
};

typedef struct NvmeSq {
  GuestAddr base;
  uint16_t size; // entries; 0: there is no such queue
  uint16_t head, tail, cq;
} NvmeSq;

typedef struct NvmeCq {
  GuestAddr base;
  uint16_t size;
  uint16_t head, tail, vector;
  bool phase, interrupts;
  bool posted;       // derived: something to interrupt for
  unsigned reserved; // derived: commands that were taken and not completed
} NvmeCq;

// Little endian, like everything here.
typedef struct NvmeCommand {
  uint8_t opcode, flags;
  uint16_t id;
  uint32_t nsid;
  uint64_t reserved, metadata;
  uint64_t prp1, prp2;
  uint32_t dw10, dw11, dw12, dw13, dw14, dw15;
} NvmeCommand;

typedef struct NvmeRange {
  uint32_t attributes, n_blocks;
  uint64_t first;
} NvmeRange;

// Room on the host was lacking.
typedef struct NvmeStalled {
  uint16_t sq;
  NvmeCommand command;
} NvmeStalled;

// One in flight.
typedef struct NvmeRequest {
  BlockRequest block; // first
  uint16_t sq;
  NvmeCommand command;
  NvmeRange *ranges; // of a deallocation
  unsigned n_ranges, next_range;
  struct iovec iov[];
} NvmeRequest;

typedef struct Nvme {
  Device device;
  PciFunction fn;
  PciMsix msix;
  Device *host; // NULL: it is in a port
  unsigned slot;
  Device *port; // NULL: it stays
  bool inserted;
  BlockDevice *disk;
  unsigned n_queues; // for I/O
  char serial[20 + 1];
  VmEvent *event;
  // Doorbells: what was written last. Any thread.
  _Atomic uint32_t sq_bell[NVME_N_QUEUES], cq_bell[NVME_N_QUEUES];

  GMutex lock;
  uint32_t cc, csts, aqa, interrupt_mask;
  uint64_t asq, acq;
  NvmeSq sqs[NVME_N_QUEUES];
  NvmeCq cqs[NVME_N_QUEUES];
  uint32_t features[NVME_N_FEATURES];
  uint16_t aers[NVME_AERS_MAX]; // identifiers of commands
  unsigned n_aers;
  GArray *stalled;      // of NvmeStalled
  unsigned n_in_flight; // requests
  bool quiet;           // between quiesce and resume
} Nvme;

static inline bool
nvme_is_on (const Nvme *nvme)
{
  return nvme->csts & NVME_CSTS_READY;
}

static inline uint64_t
nvme_n_blocks (const Nvme *nvme)
{
  return block_device_get_size_bytes (nvme->disk) / BLOCK_SECTOR_BYTES;
}

// nvme-queue.c; all on the I/O thread with the lock held, unless said otherwise.
void nvme_run (Nvme *nvme);
// A command's end: it is in the completion queue. `result`: dword 0.
void nvme_complete (Nvme *nvme, unsigned sq, uint16_t id, uint16_t status, uint32_t result);
// What the disk has done since.
void nvme_reap (Nvme *nvme);
void nvme_drain (Nvme *nvme); // until nothing is in flight
void nvme_free_request (Nvme *nvme, NvmeRequest *request);
// Tells the driver of what was completed. Any thread.
void nvme_interrupt (Nvme *nvme);
void nvme_update_pin (Nvme *nvme); // any thread
// Takes over what was written into a completion queue's doorbell. Any thread.
void nvme_look_at_cq_bell (Nvme *nvme, unsigned cq);
// Carries one out; what may still be pending counts as taken.
void nvme_execute (Nvme *nvme, unsigned sq, const NvmeCommand *command);
void nvme_try_again (Nvme *nvme);
// All requests are dropped, all queues gone. Any thread.
void nvme_drop_all (Nvme *nvme);

// nvme-admin.c: a status, or NVME_PENDING.
uint16_t nvme_admin (Nvme *nvme, const NvmeCommand *command, uint32_t *result);

// nvme-io.c.
uint16_t nvme_io (Nvme *nvme, unsigned sq, const NvmeCommand *command);
// Goes on with a request that has several steps; false: it is done.
bool nvme_go_on (Nvme *nvme, NvmeRequest *request);
// The pieces of `bytes` bytes of data (NVME_TRANSFER_PAGES + 1 at most); NVME_OK or a status.
uint16_t nvme_map (Nvme *nvme, const NvmeCommand *command, uint64_t bytes, struct iovec *iov,
                   unsigned *n);
// Copies to or from the data of a command.
uint16_t nvme_copy (Nvme *nvme, const NvmeCommand *command, void *data, size_t bytes,
                    bool to_guest);
