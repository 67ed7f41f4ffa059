// SPDX-License-Identifier: GPL-3.0-or-later
// An NVMe driver made of bare memory accesses.
#include "tests/support/nvme-guest.h"

#include <string.h>

enum {
  ECAM_BYTES = 1 << 20,
  SLOT = 3,
  BAR0 = 0x10000000,
  MSIX_TABLE = 0x10010000,
  DOORBELL = 0x08090040,
  REG_CC = 0x14,
  REG_CSTS = 0x1c,
  REG_AQA = 0x24,
  REG_ASQ = 0x28,
  REG_ACQ = 0x30,
  QUEUE_AREA = 0x4000, // of each pair
  CC_ON = 1 | 6 << 16 | 4 << 20,
  WAIT_STEPS = 200000, // of 100 us
};
#define ECAM 0x4010000000ull

static bool
send_message (void *opaque, uint32_t requester, GuestAddr addr, uint32_t data)
{
  NvmeGuest *guest = opaque;

  if (addr != DOORBELL)
    return false;
  g_atomic_int_inc (&guest->n_messages);
  return true;
}

static void
set_pin (void *opaque, unsigned n, bool level)
{
  g_atomic_int_set (&((NvmeGuest *) opaque)->pin, level);
}

static void
write_config (NvmeGuest *guest, unsigned offset, uint32_t value, unsigned size)
{
  mem_bus_write (guest->vm.bus, ECAM + (SLOT << 15) + offset, size, value);
}

static uint32_t
read_config (NvmeGuest *guest, unsigned offset, unsigned size)
{
  uint64_t value = 0;
  mem_bus_read (guest->vm.bus, ECAM + (SLOT << 15) + offset, size, &value);
  return (uint32_t) value;
}

static void
place_bars (NvmeGuest *guest)
{
  write_config (guest, 0x10, BAR0, 4);
  write_config (guest, 0x14, 0, 4);
  write_config (guest, 0x20, MSIX_TABLE, 4);
  write_config (guest, 0x04, 6, 2);
}

static void
realize_cb (void *data)
{
  NvmeGuest *guest = data;
  guest->pci->ops->realize (guest->pci, NULL);
  guest->nvme->ops->realize (guest->nvme, NULL);
}

NvmeGuest *
nvme_guest_new (BlockDevice *take)
{
  NvmeGuest *guest = g_new0 (NvmeGuest, 1);
  PciHostConfig config = {.ecam_base = ECAM,
                          .ecam_bytes = ECAM_BYTES,
                          .mmio32_base = BAR0,
                          .mmio32_bytes = 1 << 20,
                          .msi = {send_message, guest}};

  config.intx[SLOT % 4] = (IrqLine){set_pin, guest, 0};
  guest_log_init (&guest->vm.log, "test");
  guest->ram = vm_ram_new (NVME_GUEST_RAM_BASE, NVME_GUEST_RAM_BYTES, NULL);
  guest->vm.bus = mem_bus_new ();
  mem_bus_add_ram (guest->vm.bus, guest->ram);
  guest->vm.loop = vm_loop_new ("test-io");
  guest->vm.clock = vm_clock_new (guest->vm.loop);
  guest->pci = pci_host_new (&config);
  guest->nvme = nvme_new (take, "serial-1", NVME_GUEST_QUEUES, guest->pci, SLOT);
  guest->pci->vm = guest->nvme->vm = &guest->vm;
  vm_loop_call (guest->vm.loop, realize_cb, guest);
  place_bars (guest);
  return guest;
}

static void
free_cb (void *data)
{
  NvmeGuest *guest = data;
  guest->nvme->ops->free (guest->nvme);
  guest->pci->ops->free (guest->pci);
}

void
nvme_guest_free (NvmeGuest *guest)
{
  vm_loop_call (guest->vm.loop, free_cb, guest);
  vm_clock_free (guest->vm.clock);
  vm_loop_free (guest->vm.loop);
  mem_bus_free (guest->vm.bus);
  vm_ram_free (guest->ram);
  guest_log_clear (&guest->vm.log);
  g_free (guest);
}

uint64_t
nvme_guest_read (NvmeGuest *guest, unsigned offset, unsigned size)
{
  uint64_t value = 0;
  mem_bus_read (guest->vm.bus, BAR0 + offset, size, &value);
  return value;
}

void
nvme_guest_write (NvmeGuest *guest, unsigned offset, uint64_t value, unsigned size)
{
  mem_bus_write (guest->vm.bus, BAR0 + offset, size, value);
}

void *
nvme_guest_ptr (NvmeGuest *guest, GuestAddr addr)
{
  return vm_ram_get_host (guest->ram) + (addr - NVME_GUEST_RAM_BASE);
}

static void
clear_queue (NvmeGuest *guest, unsigned i)
{
  NvmeGuestQueue *queue = &guest->queues[i];

  queue->sq = NVME_GUEST_RAM_BASE + i * QUEUE_AREA;
  queue->cq = queue->sq + QUEUE_AREA / 2;
  queue->tail = queue->head = 0;
  queue->phase = true;
  memset (nvme_guest_ptr (guest, queue->sq), 0, QUEUE_AREA);
}

void
nvme_guest_enable (NvmeGuest *guest)
{
  for (unsigned i = 0; i <= NVME_GUEST_QUEUES; i++)
    clear_queue (guest, i);
  nvme_guest_write (guest, REG_CC, 0, 4);
  nvme_guest_write (guest, REG_AQA, (NVME_GUEST_ENTRIES - 1) << 16 | (NVME_GUEST_ENTRIES - 1), 4);
  nvme_guest_write (guest, REG_ASQ, guest->queues[0].sq, 8);
  nvme_guest_write (guest, REG_ACQ, guest->queues[0].cq, 8);
  nvme_guest_write (guest, REG_CC, CC_ON, 4);
}

static void
enable_messages (NvmeGuest *guest)
{
  unsigned at = read_config (guest, 0x34, 1);

  for (unsigned i = 0; i <= NVME_GUEST_QUEUES; i++) {
    mem_bus_write (guest->vm.bus, MSIX_TABLE + 16 * i, 8, DOORBELL);
    mem_bus_write (guest->vm.bus, MSIX_TABLE + 16 * i + 8, 8, i);
  }
  write_config (guest, at + 2, 0x8000, 2);
}

void
nvme_guest_start (NvmeGuest *guest, bool messages)
{
  if (messages)
    enable_messages (guest);
  nvme_guest_enable (guest);
  for (unsigned i = 1; i <= NVME_GUEST_QUEUES; i++) {
    const NvmeGuestQueue *queue = &guest->queues[i];
    const uint32_t id = i | (NVME_GUEST_ENTRIES - 1) << 16;
    nvme_guest_do (
        guest, 0,
        &(NvmeGuestCommand){{5, [6] = (uint32_t) queue->cq, [10] = id, [11] = i << 16 | 3}}, NULL);
    nvme_guest_do (
        guest, 0,
        &(NvmeGuestCommand){{1, [6] = (uint32_t) queue->sq, [10] = id, [11] = i << 16 | 1}}, NULL);
  }
}

void
nvme_guest_submit (NvmeGuest *guest, unsigned index, const NvmeGuestCommand *command)
{
  NvmeGuestQueue *queue = &guest->queues[index];

  memcpy (nvme_guest_ptr (guest, queue->sq + queue->tail * sizeof *command), command,
          sizeof *command);
  queue->tail = (queue->tail + 1) % NVME_GUEST_ENTRIES;
  nvme_guest_write (guest, 0x1000 + 8 * index, queue->tail, 4);
}

bool
nvme_guest_has (NvmeGuest *guest, unsigned index)
{
  const NvmeGuestQueue *queue = &guest->queues[index];
  const uint32_t *entry = nvme_guest_ptr (guest, queue->cq + queue->head * 16);
  return (__atomic_load_n (&entry[3], __ATOMIC_ACQUIRE) >> 16 & 1) == queue->phase;
}

static void
nothing_cb (void *data)
{
}

// Twice: what the first round signals is seen by the second.
void
nvme_guest_settle (NvmeGuest *guest)
{
  for (unsigned i = 0; i < 4; i++)
    vm_loop_call (guest->vm.loop, nothing_cb, NULL);
}

bool
nvme_guest_wait (NvmeGuest *guest, unsigned index, uint32_t words[4])
{
  NvmeGuestQueue *queue = &guest->queues[index];
  unsigned steps = 0;

  nvme_guest_settle (guest);
  while (!nvme_guest_has (guest, index)) {
    if (steps++ == WAIT_STEPS)
      return false;
    g_usleep (100);
    nvme_guest_settle (guest);
  }
  memcpy (words, nvme_guest_ptr (guest, queue->cq + queue->head * 16), 16);
  if (++queue->head == NVME_GUEST_ENTRIES) {
    queue->head = 0;
    queue->phase = !queue->phase;
  }
  nvme_guest_write (guest, 0x1000 + 8 * index + 4, queue->head, 4);
  return true;
}

unsigned
nvme_guest_do (NvmeGuest *guest, unsigned index, const NvmeGuestCommand *command, uint32_t *result)
{
  uint32_t words[4];

  nvme_guest_submit (guest, index, command);
  if (!nvme_guest_wait (guest, index, words))
    g_error ("command 0x%02x of queue %u is never completed", command->words[0] & 0xff, index);
  if (result != NULL)
    *result = words[0];
  return words[3] >> 17 & 0x7ff;
}

static void
quiesce_cb (void *data)
{
  NvmeGuest *guest = data;
  guest->nvme->ops->quiesce (guest->nvme);
}

static void
resume_cb (void *data)
{
  NvmeGuest *guest = data;
  guest->nvme->ops->resume (guest->nvme);
}

static void
reset_cb (void *data)
{
  NvmeGuest *guest = data;
  guest->nvme->ops->reset (guest->nvme);
}

void
nvme_guest_quiesce (NvmeGuest *guest)
{
  vm_loop_call (guest->vm.loop, quiesce_cb, guest);
}

void
nvme_guest_resume (NvmeGuest *guest)
{
  vm_loop_call (guest->vm.loop, resume_cb, guest);
}

void
nvme_guest_reset (NvmeGuest *guest)
{
  vm_loop_call (guest->vm.loop, reset_cb, guest);
  place_bars (guest);
}

GBytes *
nvme_guest_save (NvmeGuest *guest)
{
  StateWriter *writer = state_writer_new ();

  state_writer_begin (writer, "nvme", 1);
  guest->nvme->ops->save (guest->nvme, writer);
  state_writer_end (writer);
  return state_writer_finish (writer);
}

bool
nvme_guest_load (NvmeGuest *guest, GBytes *state)
{
  StateReader *reader = state_reader_new (state, NULL);
  uint32_t version;
  bool ok = reader != NULL && state_reader_begin (reader, "nvme", 1, &version, NULL) &&
            guest->nvme->ops->load (guest->nvme, reader, version, NULL) &&
            state_reader_end (reader, NULL);

  if (reader != NULL)
    state_reader_free (reader);
  return ok;
}
