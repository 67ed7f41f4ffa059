// SPDX-License-Identifier: GPL-3.0-or-later
// See test-transport-rig.h.

#include "tests/unit/virtio/test-transport-rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

// ---- the device -----------------------------------------------------------------------------

static bool
echo_realize (VirtioDevice *vdev, GError **error)
{
  vdev->features = DEVICE_FEATURE;
  for (unsigned i = 0; i < N_QUEUES; i++)
    virtio_device_add_queue (vdev, QUEUE_SIZE);
  return true;
}

static void
echo_free (VirtioDevice *vdev)
{
  virtio_device_clear (vdev);
  g_free (vdev);
}

static void
echo_reset (VirtioDevice *vdev)
{
  ((Echo *) vdev)->resets++;
}

static void
echo_set_status (VirtioDevice *vdev, uint8_t status)
{
  ((Echo *) vdev)->statuses++;
}

static void
echo_all (VirtioDevice *vdev, unsigned index)
{
  VirtChain *chain;

  while ((chain = virtqueue_pop (&vdev->queues[index])) != NULL) {
    uint8_t bytes[16];
    size_t n = virtchain_read (chain, 0, bytes, sizeof bytes);
    n = virtchain_write (chain, 0, bytes, n);
    virtqueue_push (&vdev->queues[index], chain, n);
  }
  virtio_device_notify (vdev, index);
}

static void
echo_notify (VirtioDevice *vdev, unsigned index)
{
  ((Echo *) vdev)->notified++;
  echo_all (vdev, index);
}

// As a pump does it, for drivers without event indices.
static bool
echo_try (VirtioDevice *vdev, unsigned index, bool at_rest)
{
  Echo *echo = (Echo *) vdev;

  echo->tried++;
  echo->rested += at_rest;
  if (echo->busy)
    return false;
  echo_all (vdev, index);
  virtqueue_set_notification (&vdev->queues[index], true);
  return true;
}

static void
echo_read_config (VirtioDevice *vdev, unsigned offset, void *to, unsigned length)
{
  assert_true (offset + length <= sizeof ((Echo *) vdev)->config);
  memcpy (to, ((Echo *) vdev)->config + offset, length);
}

static void
echo_write_config (VirtioDevice *vdev, unsigned offset, const void *from, unsigned length)
{
  assert_true (offset + length <= sizeof ((Echo *) vdev)->config);
  memcpy (((Echo *) vdev)->config + offset, from, length);
}

static void
echo_save (VirtioDevice *vdev, StateWriter *writer)
{
  state_put_bytes (writer, ((Echo *) vdev)->config, sizeof ((Echo *) vdev)->config);
}

static bool
echo_load (VirtioDevice *vdev, StateReader *reader, uint32_t version, GError **error)
{
  state_get_bytes (reader, ((Echo *) vdev)->config, sizeof ((Echo *) vdev)->config);
  return true;
}

#define ECHO_OPS                                                                                   \
  .name = "virtio-echo", .device_id = DEVICE_ID, .pci_class = {0xff, 0x01, 0x02},                  \
  .state_version = 3, .config_bytes = 6, .realize = echo_realize, .free = echo_free,               \
  .reset = echo_reset, .set_status = echo_set_status, .queue_notify = echo_notify,                 \
  .read_config = echo_read_config, .write_config = echo_write_config, .save = echo_save,           \
  .load = echo_load

static const VirtioOps echo_ops = {ECHO_OPS};
static const VirtioOps quick_ops = {ECHO_OPS, .queue_try = echo_try};

// ---- its driver -----------------------------------------------------------------------------

static const struct {
  uint16_t mmio, pci;
  uint8_t pci_bytes;
} regs[N_REGS] = {
    [DFSEL] = {0x14, 0, 4},     [DF] = {0x10, 4, 4},        [GFSEL] = {0x24, 8, 4},
    [GF] = {0x20, 12, 4},       [STATUS] = {0x70, 20, 1},   [GEN] = {0xfc, 21, 1},
    [QSEL] = {0x30, 22, 2},     [QMAX] = {0x34, 24, 2},     [QSIZE] = {0x38, 24, 2},
    [READY] = {0x44, 28, 2},    [DESC_LO] = {0x80, 32, 4},  [DESC_HI] = {0x84, 36, 4},
    [AVAIL_LO] = {0x90, 40, 4}, [AVAIL_HI] = {0x94, 44, 4}, [USED_LO] = {0xa0, 48, 4},
    [USED_HI] = {0xa4, 52, 4},
};

GuestAddr
config_addr (const Rig *rig)
{
  return rig->pci ? BAR + CONFIG_BLOCK : MMIO_BASE + 0x100;
}

void
write_reg (Rig *rig, Reg reg, uint32_t value)
{
  if (rig->pci)
    fake_write (rig->fake, BAR + regs[reg].pci, value, regs[reg].pci_bytes);
  else
    fake_write (rig->fake, MMIO_BASE + regs[reg].mmio, value, 4);
}

uint32_t
read_reg (Rig *rig, Reg reg)
{
  return rig->pci ? fake_read (rig->fake, BAR + regs[reg].pci, regs[reg].pci_bytes)
                  : fake_read (rig->fake, MMIO_BASE + regs[reg].mmio, 4);
}

void
enable_bar (Rig *rig)
{
  fake_write (rig->fake, ECAM + (SLOT << 15) + 0x20, BAR, 4);
  fake_write (rig->fake, ECAM + (SLOT << 15) + 0x24, 0, 4);
  fake_write (rig->fake, ECAM + (SLOT << 15) + 0x04, 6, 2);
}

static void
init (Rig *rig, bool pci, const VirtioOps *ops)
{
  PciHostConfig config = {
      .ecam_base = ECAM, .ecam_bytes = 1 << 20, .mmio32_base = BAR, .mmio32_bytes = 1 << 20};

  *rig = (Rig){.fake = fake_vm_new (1, RAM_BYTES), .pci = pci};
  rig->echo = g_new0 (Echo, 1);
  virtio_device_init (&rig->echo->vdev, ops);
  config.intx[SLOT % 4] = fake_line (&rig->line);
  if (pci) {
    rig->host = pci_host_new (&config);
    fake_vm_add (rig->fake, rig->host);
    rig->device = virtio_pci_new (&rig->echo->vdev, rig->host, SLOT);
  } else {
    rig->device = virtio_mmio_new (&rig->echo->vdev, MMIO_BASE, fake_line (&rig->line));
  }
  fake_vm_add (rig->fake, rig->device);
  if (pci)
    enable_bar (rig);
}

void
rig_init (Rig *rig, bool pci)
{
  init (rig, pci, &echo_ops);
}

void
rig_init_quick (Rig *rig)
{
  init (rig, true, &quick_ops);
}

void
store (Rig *rig, uint32_t at, uint64_t value, unsigned bytes)
{
  memcpy (fake_vm_ram (rig->fake) + at, &value, bytes);
}

uint64_t
load (Rig *rig, uint32_t at, unsigned bytes)
{
  uint64_t value = 0;
  memcpy (&value, fake_vm_ram (rig->fake) + at, bytes);
  return value;
}

static void
store_desc (Rig *rig, uint32_t at, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
  store (rig, at, addr, 8);
  store (rig, at + 8, len, 4);
  store (rig, at + 12, flags, 2);
  store (rig, at + 14, next, 2);
}

void
start (Rig *rig, uint64_t features)
{
  write_reg (rig, STATUS, 3);
  for (unsigned i = 0; i < 2; i++) {
    write_reg (rig, GFSEL, i);
    write_reg (rig, GF, features >> 32 * i);
  }
  write_reg (rig, STATUS, 11);
  for (unsigned q = 0; q < N_QUEUES; q++) {
    uint32_t at = q * RINGS;
    write_reg (rig, QSEL, q);
    write_reg (rig, DESC_LO, RAM + at);
    write_reg (rig, AVAIL_LO, RAM + at + AVAIL);
    write_reg (rig, USED_LO, RAM + at + USED);
    write_reg (rig, READY, 1);
  }
  write_reg (rig, STATUS, 15);
}

static void
make_available (Rig *rig, unsigned queue, uint16_t head)
{
  uint32_t avail = queue * RINGS + AVAIL;
  uint16_t idx = load (rig, avail + 2, 2);
  store (rig, avail + 4 + 2 * (idx % QUEUE_SIZE), head, 2);
  store (rig, avail + 2, idx + 1u, 2);
}

void
offer (Rig *rig, unsigned queue)
{
  uint32_t at = queue * RINGS;
  store (rig, at + DATA, 0x6f6c6c6568, 8);
  store_desc (rig, at, RAM + at + DATA, 5, 1, 1);
  store_desc (rig, at + 16, RAM + at + DATA + 16, 8, 2, 0);
  make_available (rig, queue, 0);
}

void
spoil (Rig *rig, unsigned queue)
{
  store_desc (rig, queue * RINGS, RAM + DATA, 5, 1, 0);
  make_available (rig, queue, 0);
}

void
kick (Rig *rig, uint32_t queue)
{
  if (!rig->pci)
    fake_write (rig->fake, MMIO_BASE + 0x50, queue, 4);
  else if (queue < 1024)
    fake_write (rig->fake, BAR + NOTIFY_BLOCK + 4 * queue, queue, 2);
}

uint32_t
take_isr (Rig *rig)
{
  if (rig->pci)
    return fake_read (rig->fake, BAR + ISR_BLOCK, 1);
  uint32_t isr = fake_read (rig->fake, MMIO_BASE + 0x60, 4);
  fake_write (rig->fake, MMIO_BASE + 0x64, isr, 4);
  return isr;
}

GBytes *
save (Rig *rig)
{
  StateWriter *writer = state_writer_new ();
  state_writer_begin (writer, "device", 1);
  if (rig->pci)
    rig->host->ops->save (rig->host, writer);
  rig->device->ops->save (rig->device, writer);
  state_writer_end (writer);
  return state_writer_finish (writer);
}

bool
load_state (Rig *rig, GBytes *bytes)
{
  uint32_t version;
  StateReader *reader = state_reader_new (bytes, NULL);
  assert_true (state_reader_begin (reader, "device", 1, &version, NULL));
  bool ok = (!rig->pci || rig->host->ops->load (rig->host, reader, version, NULL)) &&
            rig->device->ops->load (rig->device, reader, version, NULL) &&
            state_reader_end (reader, NULL);
  state_reader_free (reader);
  return ok;
}

void
save_and_load (Rig *rig)
{
  rig->device->ops->quiesce (rig->device);
  g_autoptr (GBytes) bytes = save (rig);
  g_autofree uint8_t *ram = g_memdup2 (fake_vm_ram (rig->fake), RAM_BYTES);
  bool pci = rig->pci;

  fake_vm_free (rig->fake);
  rig_init (rig, pci);
  memcpy (fake_vm_ram (rig->fake), ram, RAM_BYTES);
  assert_true (load_state (rig, bytes));
  g_autoptr (GBytes) again = save (rig);
  assert_true (g_bytes_equal (bytes, again));
}
