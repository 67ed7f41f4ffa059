// SPDX-License-Identifier: GPL-3.0-or-later
// The interrupt controller with its ITS: registers of all frames, commands good and bad, tables that
// lie anywhere and say anything, messages, CPUs that take interrupts; saved state in between, which
// another machine takes as it is.
#include <zlib.h>

#include "engine/hw/gic.h"
#include "engine/hw/its.h"
#include "engine/snapshot/state.h"
#include "engine/structs/a64-sysreg.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/hw/fake-vm.h"

enum {
  N_CPUS = 3,
  RAM_BYTES = 1 << 20,
  STEPS_MAX = 300,
  DIST = 0x08000000,
  ITS = 0x08080000,
  REDIST = 0x080a0000,
  QUEUE = 0x00000,
  DEVICES = 0x10000,
  COLLECTIONS = 0x20000,
  CONFIG = 0x30000,
  PENDING = 0x40000, // 64 KiB for each CPU
  ITT = 0x80000,
  QUEUE_BYTES = 0x2000,
  LPI = 8192,

  IAR1 = A64_SYSREG (3, 0, 12, 12, 0),
  EOIR1 = A64_SYSREG (3, 0, 12, 12, 1),
  DIR1 = A64_SYSREG (3, 0, 12, 11, 1),
  PMR = A64_SYSREG (3, 0, 4, 6, 0),
  IGRPEN1 = A64_SYSREG (3, 0, 12, 12, 7),
};
#define RAM   UINT64_C (0x40000000)
#define VALID (UINT64_C (1) << 63)

typedef struct Rig {
  FakeVm *fake;
  Device *gic, *its;
  unsigned writer;
} Rig;

static void
make_rig (Rig *rig)
{
  const Gicv3Config config = {
      .n_cpus = N_CPUS, .dist_base = DIST, .redist_base = REDIST, .lpis = true};

  rig->fake = fake_vm_new (N_CPUS, RAM_BYTES);
  rig->gic = gicv3_new (&config);
  fake_vm_add (rig->fake, rig->gic);
  rig->its = its_new (ITS, rig->gic);
  fake_vm_add (rig->fake, rig->its);
}

static void
write_sysreg (Rig *rig, unsigned cpu, uint32_t reg, uint64_t value)
{
  Vm *vm = &rig->fake->vm;
  vm->irqchip->write (vm->irqchip_opaque, cpu, reg, value);
}

static void
set_up (Rig *rig, FuzzInput *in)
{
  FakeVm *f = rig->fake;
  uint64_t indirect = fuzz_below (in, 4) == 0 ? UINT64_C (1) << 62 : 0;

  fake_write (f, DIST, 3, 4);
  for (unsigned cpu = 0; cpu < N_CPUS; cpu++) {
    GuestAddr redist = REDIST + cpu * (uint64_t) GICV3_REDIST_BYTES;
    write_sysreg (rig, cpu, PMR, 0xf8);
    write_sysreg (rig, cpu, IGRPEN1, 1);
    fake_write (f, redist + 0x70, RAM + CONFIG + (12 + fuzz_below (in, 20)), 8);
    fake_write (f, redist + 0x78, RAM + PENDING + cpu * 0x10000, 8);
    fake_write (f, redist, fuzz_below (in, 8) != 0, 4);
  }
  memset (fake_vm_ram (f) + CONFIG, 0xa1, 0x8000);
  fake_write (f, ITS, 0, 4);
  fake_write (f, ITS + 0x80, (RAM + QUEUE) | VALID | (QUEUE_BYTES / 4096 - 1), 8);
  fake_write (f, ITS + 0x100, (RAM + DEVICES) | VALID | indirect | fuzz_below (in, 0x400), 8);
  fake_write (f, ITS + 0x108, (RAM + COLLECTIONS) | VALID | fuzz_below (in, 0x400), 8);
  fake_write (f, ITS, 1, 4);
  rig->writer = 0;
}

static uint64_t
pick_address (FuzzInput *in)
{
  switch (fuzz_below (in, 8)) {
  case 0:
    return fuzz_number (in, 8);
  case 1:
    return RAM + RAM_BYTES - fuzz_below (in, 512);
  case 2:
    return RAM - fuzz_below (in, 512);
  default:
    return RAM + fuzz_number (in, 3) % RAM_BYTES;
  }
}

// Most of them make sense.
static void
step_command (Rig *rig, FuzzInput *in)
{
  static const uint8_t ops[] = {1, 3, 3, 4, 5, 8, 9, 10, 10, 10, 11, 12, 13, 14, 15, 0x2a};
  uint64_t op = ops[fuzz_below (in, sizeof ops)], device = fuzz_below (in, 6);
  uint64_t event = fuzz_below (in, 40), collection = fuzz_below (in, 5), cpu = fuzz_below (in, 4);
  uint64_t words[4] = {op | device << 32, event, collection, (uint64_t) fuzz_below (in, 4) << 16};

  if (op == 8)
    words[1] = fuzz_below (in, 20), words[2] = (RAM + ITT + device * 0x1000) | VALID;
  else if (op == 9 || op == 14)
    words[2] = cpu << 16 | collection | (fuzz_below (in, 8) != 0 ? VALID : 0);
  else if (op == 10)
    words[1] |= (uint64_t) (LPI + fuzz_below (in, 64)) << 32;
  if (fuzz_below (in, 16) == 0)
    words[fuzz_below (in, 4)] = fuzz_below (in, 2) ? fuzz_number (in, 8) : pick_address (in);
  memcpy (fake_vm_ram (rig->fake) + QUEUE + rig->writer, words, sizeof words);
  rig->writer = (rig->writer + 32) % QUEUE_BYTES;
  if (fuzz_below (in, 3) != 0)
    fake_write (rig->fake, ITS + 0x88, rig->writer, 8);
}

static void
step_register (Rig *rig, FuzzInput *in)
{
  static const uint32_t hot[] = {ITS,           ITS + 0x80, ITS + 0x88,       ITS + 0x100,
                                 ITS + 0x108,   REDIST,     REDIST + 0x70,    REDIST + 0x78,
                                 ITS + 0x10040, DIST,       REDIST + 0x20000, ITS + 0x104};
  unsigned size = 1u << fuzz_below (in, 4);
  GuestAddr addr = fuzz_below (in, 2)
                       ? hot[fuzz_below (in, G_N_ELEMENTS (hot))]
                       : DIST + fuzz_number (in, 3) % (0xa0000 + N_CPUS * GICV3_REDIST_BYTES);

  if (fuzz_below (in, 4) == 0)
    fake_read (rig->fake, addr, size);
  else
    fake_write (rig->fake, addr,
                fuzz_below (in, 2) ? fuzz_number (in, 8) : pick_address (in) | VALID, size);
}

static void
step_cpu (Rig *rig, FuzzInput *in)
{
  Vm *vm = &rig->fake->vm;
  unsigned cpu = fuzz_below (in, N_CPUS);
  uint64_t intid = 0;

  vm->irqchip->read (vm->irqchip_opaque, cpu, IAR1, &intid);
  if (fuzz_below (in, 8) == 0)
    intid = fuzz_number (in, 3);
  write_sysreg (rig, cpu, fuzz_below (in, 8) == 0 ? DIR1 : EOIR1, intid);
}

static void
step_memory (Rig *rig, FuzzInput *in)
{
  static const uint32_t places[] = {DEVICES,        COLLECTIONS, CONFIG,
                                    PENDING + 1024, ITT,         ITT + 0x1000};
  uint8_t *at = fake_vm_ram (rig->fake) + places[fuzz_below (in, G_N_ELEMENTS (places))] +
                8 * fuzz_below (in, 64);
  uint64_t value = fuzz_below (in, 2) ? fuzz_number (in, 8) : pick_address (in) | VALID;

  memcpy (at, &value, sizeof value);
}

static GBytes *
save (Rig *rig)
{
  StateWriter *writer = state_writer_new ();

  state_writer_begin (writer, "gic", 2);
  rig->gic->ops->save (rig->gic, writer);
  rig->its->ops->save (rig->its, writer);
  state_writer_end (writer);
  return state_writer_finish (writer);
}

static bool
load (Rig *rig, GBytes *bytes)
{
  uint32_t version;
  StateReader *reader = state_reader_new (bytes, NULL);
  bool ok = state_reader_begin (reader, "gic", 2, &version, NULL) &&
            rig->gic->ops->load (rig->gic, reader, version, NULL) &&
            rig->its->ops->load (rig->its, reader, 1, NULL) && state_reader_end (reader, NULL);

  state_reader_free (reader);
  return ok;
}

static void
step_move (Rig *rig, FuzzInput *in)
{
  g_autoptr (GBytes) bytes = save (rig);
  Rig heir = {.writer = rig->writer};
  gsize length = g_bytes_get_size (bytes);

  make_rig (&heir);
  memcpy (fake_vm_ram (heir.fake), fake_vm_ram (rig->fake), RAM_BYTES);
  if (!load (&heir, bytes))
    g_error ("its own state is refused");
  g_autoptr (GBytes) again = save (&heir);
  if (!g_bytes_equal (bytes, again))
    g_error ("the state is not the same after a load");
  g_autofree uint8_t *copy = g_memdup2 (g_bytes_get_data (bytes, NULL), length);
  for (unsigned i = fuzz_below (in, 8); i > 0; i--)
    copy[24 + fuzz_number (in, 3) % (length - 24)] = (uint8_t) fuzz_number (in, 1);
  uint32_t crc = (uint32_t) crc32 (0, copy + 24, (uInt) (length - 24));
  memcpy (copy + 12, &crc, sizeof crc);
  g_autoptr (GBytes) damaged = g_bytes_new (copy, length);
  load (&heir, damaged);
  fake_vm_free (rig->fake);
  *rig = heir;
}

static void
step (Rig *rig, FuzzInput *in)
{
  MsiSink msi = its_get_msi_sink (rig->its);

  switch (fuzz_below (in, 64)) {
  case 0:
    rig->gic->ops->reset (rig->gic);
    rig->its->ops->reset (rig->its);
    break;
  case 1 ... 2:
    set_up (rig, in);
    break;
  case 3:
    step_move (rig, in);
    break;
  case 4 ... 9:
    step_register (rig, in);
    break;
  case 10 ... 15:
    step_memory (rig, in);
    break;
  case 16 ... 25:
    step_cpu (rig, in);
    break;
  case 26 ... 38:
    msi.send (msi.opaque, fuzz_below (in, 6), ITS + ITS_TRANSLATER, fuzz_below (in, 40));
    break;
  default:
    step_command (rig, in);
    break;
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  FuzzInput in = {.data = data, .left = size};
  Rig rig = {0};

  make_rig (&rig);
  set_up (&rig, &in);
  for (unsigned i = 0; i < STEPS_MAX && in.left > 0; i++)
    step (&rig, &in);
  fake_vm_free (rig.fake);
  return 0;
}
