// SPDX-License-Identifier: GPL-3.0-or-later
// The virtio transports with a device that echoes: the same scripts over MMIO and PCI (VIRTIO 1.2
// §3, §4.1, §4.2), then what only one of them has, then random accesses.

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/virtio/test-transport-rig.h"

typedef enum What {
  END,
  W,        // write v to register a
  R,        // register a must read v
  START,    // negotiate features v, set up both queues, DRIVER_OK
  OFFER,    // v chains that echo five bytes, in queue a
  SPOIL,    // a chain that loops, in queue a
  CLEAR,    // all of RAM
  KICK,     // notify queue a
  RUN,      // the I/O thread
  USEDIDX,  // used index of queue a must be v
  NOTIFIED, // queue_notify was called v times so far
  RESETS,
  STATUSES,
  ISR,    // interrupt status must be v; acknowledges it
  LINE,   // interrupt must be v
  CHANGE, // the device changes its configuration
  CW8,    // configuration: write v at a
  CR8,    // read
  CR16,
  CR32,
  QUIESCE,
  RESUME,
  RESET, // the machine's
  SAVELOAD,
} What;

typedef struct Step {
  What what;
  uint32_t a;
  uint64_t v;
} Step;

typedef struct Script {
  const char *name;
  Step steps[40];
} Script;

// clang-format off
static const Script scripts[] = {
  { "features offered", {
    { W, DFSEL, 0 }, { R, DF, DEVICE_FEATURE | 3u << 28 }, { W, DFSEL, 1 }, { R, DF, 1 }, { W, DFSEL, 2 },
    { R, DF, 0 }, { W, DFSEL, ~0u }, { R, DF, 0 } } },
  { "features accepted", {
    { W, STATUS, 3 }, { W, GF, DEVICE_FEATURE }, { W, GFSEL, 1 }, { W, GF, 1 }, { W, STATUS, 11 },
    { R, STATUS, 11 }, { STATUSES, 0, 2 } } },
  { "features without VERSION_1 are refused", {
    { W, STATUS, 3 }, { W, GF, DEVICE_FEATURE }, { W, STATUS, 11 }, { R, STATUS, 3 }, { W, STATUS, 15 },
    { R, STATUS, 3 } } },
  { "features not offered are refused", {
    { W, GF, 1 }, { W, GFSEL, 1 }, { W, GF, 1 }, { W, STATUS, 11 }, { R, STATUS, 3 },
    { W, GFSEL, 0 }, { W, GF, 0 }, { W, GFSEL, 7 }, { W, GF, 0 }, { W, STATUS, 11 }, { R, STATUS, 11 } } },
  { "queues", {
    { R, QMAX, QUEUE_SIZE }, { R, READY, 0 }, { W, QSEL, 1 }, { R, QMAX, QUEUE_SIZE }, { W, QSEL, 2 },
    { R, QMAX, 0 }, { R, READY, 0 }, { W, QSIZE, 8 }, { W, READY, 1 }, { W, DESC_LO, 1 },
    { R, READY, 0 }, { W, QSEL, 0xffff }, { R, QMAX, 0 }, { KICK, 2 }, { KICK, 63 }, { KICK, 64 },
    { KICK, 0xffff }, { RUN } } },
  { "status bits stay until reset", {
    { START, 0, V1 }, { R, STATUS, 15 }, { W, STATUS, 1 }, { R, STATUS, 15 }, { W, STATUS, 0x80 },
    { R, STATUS, 0x8f }, { W, STATUS, 0 }, { R, STATUS, 0 }, { W, STATUS, 0x40 }, { R, STATUS, 0 } } },
  { "echo", {
    { START, 0, V1 }, { OFFER, 0, 1 }, { KICK, 0 }, { USEDIDX, 0, 0 }, { RUN }, { USEDIDX, 0, 1 }, { LINE, 0, 1 },
    { ISR, 0, 1 }, { LINE, 0, 0 }, { ISR, 0, 0 }, { OFFER, 1, 3 }, { KICK, 1 }, { RUN }, { USEDIDX, 1, 3 },
    { ISR, 0, 1 } } },
  { "echo with event indices", {
    { START, 0, V1 | EVENT_IDX }, { OFFER, 0, 1 }, { KICK, 0 }, { RUN }, { USEDIDX, 0, 1 }, { ISR, 0, 1 },
    { OFFER, 0, 1 }, { KICK, 0 }, { RUN }, { USEDIDX, 0, 2 }, { ISR, 0, 0 } } },
  { "nothing happens before DRIVER_OK, and all of it after", {
    { OFFER, 0, 1 }, { KICK, 0 }, { RUN }, { NOTIFIED, 0, 0 }, { START, 0, V1 }, { RUN }, { NOTIFIED, 0, 2 },
    { USEDIDX, 0, 1 } } },
  { "a malformed queue needs a reset", {
    { START, 0, V1 }, { SPOIL, 0 }, { KICK, 0 }, { RUN }, { R, STATUS, 0x4f }, { ISR, 0, 2 }, { OFFER, 1, 1 },
    { KICK, 1 }, { RUN }, { USEDIDX, 1, 0 }, { W, STATUS, 0x4f }, { W, STATUS, 0 }, { R, STATUS, 0 },
    { CLEAR }, { START, 0, V1 }, { OFFER, 1, 1 }, { KICK, 1 }, { RUN }, { USEDIDX, 1, 1 } } },
  { "rings outside RAM need a reset", {
    { W, DESC_LO, 0x1000 }, { W, DESC_HI, ~0u }, { W, READY, 1 }, { START, 0, V1 }, { R, STATUS, 15 }, { RUN },
    { R, STATUS, 0x4f }, { LINE, 0, 1 } } },
  { "addresses are fixed while ready", {
    { START, 0, V1 }, { W, QSEL, 0 }, { W, AVAIL_LO, 0 }, { W, QSIZE, 2 }, { OFFER, 0, 3 }, { KICK, 0 }, { RUN },
    { USEDIDX, 0, 3 } } },
  { "a driver's reset", {
    { START, 0, V1 }, { OFFER, 0, 1 }, { KICK, 0 }, { RUN }, { LINE, 0, 1 }, { RESETS, 0, 0 }, { W, STATUS, 0 },
    { RESETS, 0, 1 }, { LINE, 0, 0 }, { W, QSEL, 0 }, { R, READY, 0 }, { OFFER, 0, 1 }, { KICK, 0 }, { RUN },
    { USEDIDX, 0, 1 } } },
  { "configuration space", {
    { CR32, 0, 0 }, { CW8, 1, 0x12 }, { CW8, 5, 0x34 }, { CR8, 1, 0x12 }, { CR32, 0, 0x1200 }, { CR32, 4, 0x3400 },
    { CR16, 4, 0x3400 }, { CR16, 6, 0 }, { CW8, 6, 1 }, { CR8, 6, 0 }, { CR32, 0xfc, 0 } } },
  { "configuration changes", {
    { R, GEN, 0 }, { CHANGE }, { R, GEN, 1 }, { LINE, 0, 0 }, { START, 0, V1 }, { RUN }, { CHANGE }, { LINE, 0, 1 },
    { R, GEN, 2 }, { ISR, 0, 2 } } },
  { "quiet while paused", {
    { START, 0, V1 }, { RUN }, { NOTIFIED, 0, 2 }, { QUIESCE }, { OFFER, 0, 1 }, { KICK, 0 }, { RUN },
    { NOTIFIED, 0, 2 }, { USEDIDX, 0, 0 }, { RESUME }, { RUN }, { USEDIDX, 0, 1 } } },
  { "the machine's reset", {
    { START, 0, V1 }, { OFFER, 0, 1 }, { KICK, 0 }, { RUN }, { LINE, 0, 1 }, { RESET }, { LINE, 0, 0 } } },
  { "save and load", {
    { START, 0, V1 | EVENT_IDX }, { OFFER, 0, 1 }, { KICK, 0 }, { RUN }, { CW8, 2, 7 }, { W, QSEL, 1 },
    { SAVELOAD }, { R, STATUS, 15 }, { R, READY, 1 }, { CR8, 2, 7 }, { ISR, 0, 1 }, { LINE, 0, 0 }, { OFFER, 0, 2 },
    { RESUME }, { RUN }, { USEDIDX, 0, 3 }, { ISR, 0, 0 } } },
  { "save and load untouched", { { SAVELOAD }, { R, STATUS, 0 }, { START, 0, V1 }, { R, STATUS, 15 } } },
};
// clang-format on

static uint64_t
perform (Rig *rig, const Step *s)
{
  FakeVm *f = rig->fake;
  VirtioDevice *vdev = &rig->echo->vdev;

  switch (s->what) {
  case W:
    write_reg (rig, s->a, s->v);
    break;
  case R:
    return read_reg (rig, s->a);
  case START:
    start (rig, s->v);
    break;
  case OFFER:
    for (unsigned i = 0; i < s->v; i++)
      offer (rig, s->a);
    break;
  case CLEAR:
    memset (fake_vm_ram (f), 0, RAM_BYTES);
    break;
  case SPOIL:
    spoil (rig, s->a);
    break;
  case KICK:
    kick (rig, s->a);
    break;
  case RUN:
    fake_vm_run (f);
    break;
  case USEDIDX:
    return load (rig, s->a * RINGS + USED + 2, 2);
  case NOTIFIED:
    return rig->echo->notified;
  case RESETS:
    return rig->echo->resets;
  case STATUSES:
    return rig->echo->statuses;
  case ISR:
    return take_isr (rig);
  case LINE:
    return rig->line.level;
  case CHANGE:
    virtio_device_lock (vdev);
    virtio_device_config_changed (vdev);
    virtio_device_unlock (vdev);
    break;
  case CW8:
    fake_write (f, config_addr (rig) + s->a, s->v, 1);
    break;
  case CR8:
    return fake_read (f, config_addr (rig) + s->a, 1);
  case CR16:
    return fake_read (f, config_addr (rig) + s->a, 2);
  case CR32:
    return fake_read (f, config_addr (rig) + s->a, 4);
  case QUIESCE:
    rig->device->ops->quiesce (rig->device);
    break;
  case RESUME:
    rig->device->ops->resume (rig->device);
    break;
  case RESET:
    rig->device->ops->reset (rig->device);
    break;
  case SAVELOAD:
    save_and_load (rig);
    break;
  case END:
    break;
  }
  return s->v;
}

static void
run_script (const Script *script, bool pci)
{
  Rig rig;

  rig_init (&rig, pci);
  for (unsigned i = 0; i < G_N_ELEMENTS (script->steps) && script->steps[i].what != END; i++) {
    uint64_t seen = perform (&rig, &script->steps[i]);
    if (seen != script->steps[i].v)
      fail_msg ("%s, step %u: 0x%" PRIx64 ", expected 0x%" PRIx64, script->name, i, seen,
                script->steps[i].v);
  }
  fake_vm_free (rig.fake);
}

static void
run_mmio (void **state)
{
  run_script (*state, false);
}

static void
run_pci (void **state)
{
  run_script (*state, true);
}

// ---- one transport only ---------------------------------------------------------------------

static void
test_echoed_bytes (void **state)
{
  Rig rig;
  rig_init (&rig, true);
  start (&rig, V1);
  offer (&rig, 0);
  kick (&rig, 0);
  fake_vm_run (rig.fake);
  assert_memory_equal (fake_vm_ram (rig.fake) + DATA + 16, "hello\0\0\0", 8);
  assert_int_equal (load (&rig, USED + 8, 4), 5);
  fake_vm_free (rig.fake);
}

static void
test_mmio_identification (void **state)
{
  static const uint32_t expected[][2] = {{0x000, 0x74726976}, {0x004, 2},   {0x008, DEVICE_ID},
                                         {0x00c, 0x1af4},     {0x0b0, ~0u}, {0x0b4, ~0u},
                                         {0x0b8, ~0u},        {0x0bc, ~0u}, {0x0c0, 0},
                                         {0x030, 0},          {0x050, 0}};
  Rig rig;
  rig_init (&rig, false);
  for (unsigned i = 0; i < G_N_ELEMENTS (expected); i++)
    assert_int_equal (fake_read (rig.fake, MMIO_BASE + expected[i][0], 4), expected[i][1]);
  assert_int_equal (fake_read (rig.fake, MMIO_BASE, 1), 0);
  fake_vm_free (rig.fake);
}

// An empty transport says so and takes no harm from anything.
static void
test_mmio_empty (void **state)
{
  FakeVm *fake = fake_vm_new (1, 0);
  FakeLine line = {0};
  Device *device = virtio_mmio_new (NULL, MMIO_BASE, fake_line (&line));

  fake_vm_add (fake, device);
  assert_int_equal (fake_read (fake, MMIO_BASE, 4), 0x74726976);
  assert_int_equal (fake_read (fake, MMIO_BASE + 8, 4), 0);
  for (unsigned at = 0; at < MMIO_BYTES; at += 4) {
    fake_write (fake, MMIO_BASE + at, 1, 4);
    if (at > 0xc)
      assert_int_equal (fake_read (fake, MMIO_BASE + at, 4), 0);
  }
  device->ops->reset (device);
  device->ops->quiesce (device);
  device->ops->resume (device);
  fake_vm_run (fake);
  assert_int_equal (line.rises, 0);
  fake_vm_free (fake);
}

// Acknowledging one of two causes makes a new edge for the other.
static void
test_mmio_edges (void **state)
{
  Rig rig;
  rig_init (&rig, false);
  start (&rig, V1);
  offer (&rig, 0);
  fake_vm_run (rig.fake);
  virtio_device_config_changed (&rig.echo->vdev);
  assert_int_equal (rig.line.rises, 1);
  fake_write (rig.fake, MMIO_BASE + 0x64, 1, 4);
  assert_int_equal (rig.line.rises, 2);
  assert_true (rig.line.level);
  fake_write (rig.fake, MMIO_BASE + 0x64, 2, 4);
  assert_false (rig.line.level);
  fake_vm_free (rig.fake);
}

// A queue that is switched off and on again starts with new rings.
static void
test_mmio_queue_again (void **state)
{
  Rig rig;
  rig_init (&rig, false);
  for (unsigned i = 0; i < 2; i++) {
    start (&rig, V1);
    write_reg (&rig, QSEL, 0);
    offer (&rig, 0);
    offer (&rig, 0);
    kick (&rig, 0);
    fake_vm_run (rig.fake);
    assert_int_equal (load (&rig, USED + 2, 2), 2);
    assert_int_equal (read_reg (&rig, STATUS), 15);
    write_reg (&rig, READY, 0);
    memset (fake_vm_ram (rig.fake), 0, RAM_BYTES);
  }
  fake_vm_free (rig.fake);
}

static uint32_t
cfg (Rig *rig, unsigned offset, unsigned size)
{
  return fake_read (rig->fake, ECAM + (SLOT << 15) + offset, size);
}

// Where the capability of a type is; 0: there is none.
static unsigned
find_cap (Rig *rig, unsigned type)
{
  unsigned at = cfg (rig, 0x34, 1);
  for (unsigned i = 0; at != 0 && i < 16; i++, at = cfg (rig, at + 1, 1))
    if (cfg (rig, at, 1) == 9 && cfg (rig, at + 3, 1) == type)
      return at;
  return 0;
}

static void
test_pci_identification (void **state)
{
  static const uint32_t caps[][4] = {
      {1, 16, 0, 56}, {3, 16, ISR_BLOCK, 1}, {4, 16, CONFIG_BLOCK, 6}, {2, 20, NOTIFY_BLOCK, 256}};
  Rig rig;
  rig_init (&rig, true);
  assert_int_equal (cfg (&rig, 0, 4), (0x1040u + DEVICE_ID) << 16 | 0x1af4);
  assert_int_equal (cfg (&rig, 8, 4), 0xff010201);
  assert_int_equal (cfg (&rig, 0x3d, 1), 1);
  for (unsigned i = 0; i < G_N_ELEMENTS (caps); i++) {
    unsigned at = find_cap (&rig, caps[i][0]);
    assert_int_not_equal (at, 0);
    assert_int_equal (cfg (&rig, at + 2, 1), caps[i][1]);
    assert_int_equal (cfg (&rig, at + 4, 4), 4);
    assert_int_equal (cfg (&rig, at + 8, 4), caps[i][2]);
    assert_int_equal (cfg (&rig, at + 12, 4), caps[i][3]);
  }
  assert_int_equal (cfg (&rig, find_cap (&rig, 2) + 16, 4), 4);
  fake_vm_free (rig.fake);
}

static void
test_pci_widths (void **state)
{
  Rig rig;
  rig_init (&rig, true);
  assert_int_equal (fake_read (rig.fake, BAR + 18, 2), N_QUEUES);
  assert_int_equal (fake_read (rig.fake, BAR + 18, 1), 0);
  assert_int_equal (fake_read (rig.fake, BAR + 16, 2), 0xffff);
  assert_int_equal (fake_read (rig.fake, BAR + 26, 2), 0xffff);
  fake_write (rig.fake, BAR + 20, 0x01010101, 4);
  assert_int_equal (read_reg (&rig, STATUS), 0);
  fake_write (rig.fake, BAR + 22, 1, 2);
  assert_int_equal (fake_read (rig.fake, BAR + 30, 2), 1);
  fake_write (rig.fake, BAR + 32, 0x123456789abcdef0, 8);
  assert_int_equal (read_reg (&rig, DESC_LO), 0x9abcdef0);
  assert_int_equal (read_reg (&rig, DESC_HI), 0x12345678);
  assert_int_equal (fake_read (rig.fake, BAR + 32, 8), 0x123456789abcdef0);
  fake_write (rig.fake, BAR + 28, 1, 2);
  fake_write (rig.fake, BAR + 28, 0, 2);
  assert_int_equal (read_reg (&rig, READY), 1);
  fake_vm_free (rig.fake);
}

// The window in configuration space reaches the same registers, and refuses nonsense.
static void
test_pci_window (void **state)
{
  Rig rig;
  rig_init (&rig, true);
  GuestAddr at = ECAM + (SLOT << 15) + find_cap (&rig, 5);

  assert_int_equal (fake_read (rig.fake, at + 16, 4), 0);
  fake_write (rig.fake, at + 4, 4, 1);
  fake_write (rig.fake, at + 8, 18, 4);
  fake_write (rig.fake, at + 12, 2, 4);
  assert_int_equal (fake_read (rig.fake, at + 16, 2), N_QUEUES);
  fake_write (rig.fake, at + 8, 20, 4);
  fake_write (rig.fake, at + 12, 1, 4);
  fake_write (rig.fake, at + 16, 3, 1);
  assert_int_equal (read_reg (&rig, STATUS), 3);
  assert_int_equal (fake_read (rig.fake, at + 16, 1), 3);
  static const uint32_t bad[][3] = {
      {4, 20, 3}, {3, 20, 1}, {4, 0x4000, 1}, {4, 21, 2}, {4, ~0u, 1}};
  for (unsigned i = 0; i < G_N_ELEMENTS (bad); i++) {
    fake_write (rig.fake, at + 4, bad[i][0], 1);
    fake_write (rig.fake, at + 8, bad[i][1], 4);
    fake_write (rig.fake, at + 12, bad[i][2], 4);
    fake_write (rig.fake, at + 16, 0x87, 4);
    assert_int_equal (read_reg (&rig, STATUS), 3);
  }
  fake_vm_free (rig.fake);
}

// ---- messages -------------------------------------------------------------------------------

enum {
  MSIX_BAR = BAR + 0x10000,
  DOORBELL = 0x400f0000, // in RAM: the last message's data stays there
};

static uint32_t
take_message (Rig *rig)
{
  uint32_t data = load (rig, DOORBELL - RAM, 4);
  store (rig, DOORBELL - RAM, 0, 4);
  return data;
}

// Vector i says 0x100 + i; the configuration has vector 1, queue 0 has 2, queue 1 has none.
static void
start_messages (Rig *rig)
{
  unsigned at = cfg (rig, 0x34, 1);

  while (cfg (rig, at, 1) != 0x11)
    at = cfg (rig, at + 1, 1);
  assert_int_equal (cfg (rig, at + 2, 2), N_QUEUES);
  fake_write (rig->fake, ECAM + (SLOT << 15) + 0x14, MSIX_BAR, 4);
  fake_write (rig->fake, ECAM + (SLOT << 15) + at + 2, 0x8000, 2);
  for (unsigned i = 0; i <= N_QUEUES; i++) {
    fake_write (rig->fake, MSIX_BAR + i * 16, DOORBELL, 8);
    fake_write (rig->fake, MSIX_BAR + i * 16 + 8, 0x100 + i, 8);
  }
  start (rig, V1);
  fake_write (rig->fake, BAR + 16, 1, 2);
  write_reg (rig, QSEL, 0);
  fake_write (rig->fake, BAR + 26, 2, 2);
  write_reg (rig, QSEL, 1);
  fake_write (rig->fake, BAR + 26, N_QUEUES + 1, 2);
  fake_vm_run (rig->fake);
}

static void
check_messages (Rig *rig)
{
  assert_int_equal (fake_read (rig->fake, BAR + 16, 2), 1);
  write_reg (rig, QSEL, 0);
  assert_int_equal (fake_read (rig->fake, BAR + 26, 2), 2);
  write_reg (rig, QSEL, 1);
  assert_int_equal (fake_read (rig->fake, BAR + 26, 2), 0xffff);
  write_reg (rig, QSEL, N_QUEUES);
  fake_write (rig->fake, BAR + 26, 0, 2);
  assert_int_equal (fake_read (rig->fake, BAR + 26, 2), 0xffff);
  offer (rig, 0);
  kick (rig, 0);
  fake_vm_run (rig->fake);
  assert_int_equal (take_message (rig), 0x102);
  virtio_device_config_changed (&rig->echo->vdev);
  assert_int_equal (take_message (rig), 0x101);
  offer (rig, 1);
  kick (rig, 1);
  fake_vm_run (rig->fake);
  assert_int_equal (take_message (rig), 0);
  assert_int_equal (take_isr (rig), 0);
  assert_int_equal (rig->line.rises, 0);
}

static void
test_pci_messages (void **state)
{
  Rig rig;
  rig_init (&rig, true);
  start_messages (&rig);
  check_messages (&rig);
  save_and_load (&rig);
  check_messages (&rig);
  write_reg (&rig, STATUS, 0);
  assert_int_equal (fake_read (rig.fake, BAR + 16, 2), 0xffff);
  start (&rig, V1);
  offer (&rig, 0);
  fake_vm_run (rig.fake);
  assert_int_equal (take_message (&rig), 0);
  rig.device->ops->reset (rig.device);
  enable_bar (&rig);
  start (&rig, V1);
  fake_vm_run (rig.fake);
  virtio_device_config_changed (&rig.echo->vdev);
  assert_int_equal (rig.line.rises, 1);
  fake_vm_free (rig.fake);
}

// ---- hostility ------------------------------------------------------------------------------

static void
test_load_hostile (void **state)
{
  Rig rig, other;
  g_autoptr (GRand) rand = g_rand_new_with_seed (3);
  unsigned refused = 0;

  rig_init (&rig, false);
  start (&rig, V1);
  for (unsigned i = 0; i < 2000; i++) {
    StateWriter *writer = state_writer_new ();
    unsigned flip = g_rand_int_range (rand, 0, 150);
    state_writer_begin (writer, "device", 1);
    state_put_u32 (writer, DEVICE_ID);
    state_put_u32 (writer, 3);
    state_put_u32 (writer, N_QUEUES);
    for (unsigned n = 0; n < 35 + N_QUEUES * 33 + 10; n++)
      state_put_u8 (writer, n == flip ? g_rand_int (rand) : g_rand_int_range (rand, 0, 20) == 0);
    state_writer_end (writer);
    g_autoptr (GBytes) bytes = state_writer_finish (writer);
    rig_init (&other, false);
    if (!load_state (&other, bytes)) {
      refused++;
      assert_int_equal (read_reg (&other, STATUS), 0);
    }
    other.device->ops->resume (other.device);
    fake_vm_run (other.fake);
    fake_vm_free (other.fake);
  }
  assert_true (refused > 1000);
  fake_vm_free (rig.fake);
}

// Registers and rings at random from fixed seeds; the sanitisers watch.
static void
run_random (bool pci, uint32_t seed)
{
  Rig rig;
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);

  rig_init (&rig, pci);
  for (unsigned i = 0; i < 50000; i++) {
    unsigned size = 1 << g_rand_int_range (rand, 0, 4);
    unsigned block = g_rand_int_range (rand, 0, 4), offset = g_rand_int_range (rand, 0, MMIO_BYTES);
    unsigned shift = g_rand_boolean (rand) ? 26 : 0;
    uint64_t value = g_rand_int (rand) >> shift;
    GuestAddr at = pci ? BAR + block * 0x1000u + offset % 64 : MMIO_BASE + offset;
    switch (g_rand_int_range (rand, 0, 8)) {
    case 0:
      fake_read (rig.fake, at, size);
      break;
    case 1:
      if (pci)
        enable_bar (&rig);
      write_reg (&rig, STATUS, 0);
      memset (fake_vm_ram (rig.fake), 0, RAM_BYTES);
      start (&rig, V1 | (g_rand_boolean (rand) ? EVENT_IDX : 0));
      break;
    case 2:
      offer (&rig, value % N_QUEUES);
      break;
    case 3:
      store (&rig, g_rand_int_range (rand, 0, N_QUEUES * RINGS), value, 2);
      break;
    case 4:
      kick (&rig, value);
      break;
    case 5:
      if (pci)
        fake_write (rig.fake, ECAM + (SLOT << 15) + g_rand_int_range (rand, 0, 256), value, size);
      break;
    case 6:
      fake_vm_run (rig.fake);
      break;
    default:
      fake_write (rig.fake, at & ~(GuestAddr) (size - 1), value, size);
      break;
    }
  }
  assert_true (rig.echo->notified > 1000);
  fake_vm_free (rig.fake);
}

static void
test_random (void **state)
{
  run_random (false, 4);
  run_random (true, 5);
}

int
main (void)
{
  enum { N = G_N_ELEMENTS (scripts) };
  const struct CMUnitTest others[] = {
      cmocka_unit_test (test_echoed_bytes),     cmocka_unit_test (test_mmio_identification),
      cmocka_unit_test (test_mmio_empty),       cmocka_unit_test (test_mmio_edges),
      cmocka_unit_test (test_mmio_queue_again), cmocka_unit_test (test_pci_identification),
      cmocka_unit_test (test_pci_widths),       cmocka_unit_test (test_pci_window),
      cmocka_unit_test (test_pci_messages),     cmocka_unit_test (test_load_hostile),
      cmocka_unit_test (test_random),
  };
  struct CMUnitTest tests[2 * N + G_N_ELEMENTS (others)];

  for (unsigned i = 0; i < N; i++) {
    void *script = (void *) &scripts[i];
    tests[2 * i] = (struct CMUnitTest){scripts[i].name, run_mmio, NULL, NULL, script};
    tests[2 * i + 1] = (struct CMUnitTest){scripts[i].name, run_pci, NULL, NULL, script};
  }
  memcpy (tests + 2 * N, others, sizeof others);
  return _cmocka_run_group_tests ("transport", tests, G_N_ELEMENTS (tests), NULL, NULL);
}
