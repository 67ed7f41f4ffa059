// SPDX-License-Identifier: GPL-3.0-or-later
// The steps of machine.h: mostly plausible, so that they get far, and wrong in places.
#include "engine/machine/virt-map.h"
#include "engine/structs/a64-sysreg.h"
#include "tests/fuzz/machine.h"

enum {
  RAM_AREA_BYTES = 1 << 20, // where rings and data are
  QUEUE_AREA_BYTES = 0x8000,
  QUEUES_MAX = 4,
  DESCRIPTORS_MAX = FUZZ_QUEUE_SIZE,

  BAR_BYTES = 0x4000,
  CONFIG_COMMAND = 0x04,
  CONFIG_BAR4 = 0x20,

  COMMON_DRIVER_FEATURE_SELECT = 8,
  COMMON_DRIVER_FEATURE = 12,
  COMMON_STATUS = 20,
  COMMON_QUEUE_SELECT = 22,
  COMMON_QUEUE_SIZE = 24,
  COMMON_QUEUE_ENABLE = 28,
  COMMON_QUEUE_DESC = 32,
  COMMON_QUEUE_DRIVER = 40,
  COMMON_QUEUE_DEVICE = 48,
  NOTIFY_BLOCK = 0x3000,
};

static const uint8_t slots[] = {VIRT_SLOT_NIC0,   VIRT_SLOT_GPU,      VIRT_SLOT_KEYBOARD,
                                VIRT_SLOT_TABLET, VIRT_SLOT_RNG,      VIRT_SLOT_CONSOLE,
                                VIRT_SLOT_DISK0,  VIRT_SLOT_DISK0 + 1};

static unsigned
pick_slot (FuzzInput *in)
{
  return slots[fuzz_below (in, G_N_ELEMENTS (slots))];
}

// Where the steps put a function's BAR.
static GuestAddr
bar_of (unsigned slot)
{
  return VIRT_PCI_MMIO32 + (GuestAddr) slot * BAR_BYTES;
}

static GuestAddr
config_of (unsigned slot)
{
  return VIRT_PCI_ECAM + ((GuestAddr) slot << 15);
}

uint64_t
fuzz_value (FuzzInput *in)
{
  switch (fuzz_below (in, 8)) {
  case 0:
    return 0;
  case 1:
    return UINT64_MAX;
  case 2:
    return 1ull << fuzz_below (in, 64);
  case 3:
    return fuzz_below (in, 256);
  case 4:
    return VIRT_RAM + fuzz_number (in, 4) % RAM_AREA_BYTES;
  default:
    return fuzz_number (in, 8);
  }
}

// An address a descriptor may name: mostly RAM, sometimes its edges, devices or nothing.
static GuestAddr
pick_address (FuzzInput *in)
{
  switch (fuzz_below (in, 12)) {
  case 0:
    return fuzz_number (in, 8);
  case 1:
    return VIRT_RAM + FUZZ_MACHINE_RAM_BYTES - fuzz_below (in, 64);
  case 2:
    return VIRT_RAM - 32 + fuzz_below (in, 64);
  case 3:
    return bar_of (pick_slot (in)) + fuzz_below (in, BAR_BYTES);
  case 4:
    return VIRT_UART + fuzz_below (in, 64);
  case 5:
    return UINT64_MAX - fuzz_below (in, 64);
  default:
    return VIRT_RAM + fuzz_number (in, 4) % RAM_AREA_BYTES;
  }
}

// ---- accesses -------------------------------------------------------------------------------

static void
write_at (FuzzMachine *fm, GuestAddr addr, unsigned size, uint64_t value)
{
  mem_bus_write (fm->vm->bus, addr, size, value);
}

static void
access_once (FuzzMachine *fm, FuzzInput *in, GuestAddr addr, unsigned size)
{
  uint64_t value = 0;

  if (fuzz_below (in, 2) == 0)
    write_at (fm, addr, size, fuzz_value (in));
  else if (mem_bus_read (fm->vm->bus, addr, size, &value) && size < 8 && value >> (size * 8) != 0)
    g_error ("more bits than were asked for");
}

// 1, 2, 4, 8 and 16 bytes, the last in two halves.
static void
access_any_size (FuzzMachine *fm, FuzzInput *in, GuestAddr addr)
{
  unsigned size = 1u << fuzz_below (in, 5);

  access_once (fm, in, addr, MIN (size, 8));
  if (size == 16)
    access_once (fm, in, addr + 8, 8);
}

// Where registers are, closer together than in the windows they lie in.
typedef struct Region {
  GuestAddr base;
  uint64_t bytes;
} Region;

static const Region registers[] = {
    {VIRT_UART, 0x50},
    {VIRT_RTC, 0x20},
    {VIRT_GPIO + 0x3f0, 0x38},
    {VIRT_GIC_DIST, 0xd00},
    {VIRT_GIC_DIST + 0x6000, 0x900},
    {VIRT_GIC_REDIST, 0x20},
    {VIRT_GIC_REDIST + 0x10000, 0xc10},
    {VIRT_GIC_REDIST + 0x20000, 0x20},
    {VIRT_GIC_REDIST + 0x30000, 0xc10},
    {VIRT_VIRTIO, 0x100},
};
static const Region windows[] = {
    {VIRT_GIC_DIST, 0x10000},
    {VIRT_GIC_REDIST, 0x40000},
    {VIRT_UART, 0x1000},
    {VIRT_RTC, 0x1000},
    {VIRT_GPIO, 0x1000},
    {VIRT_VIRTIO, VIRT_N_VIRTIO *VIRT_VIRTIO_BYTES},
    {VIRT_PCI_ECAM, 32 << 15},
    {VIRT_PCI_MMIO32, 32 * BAR_BYTES},
    {VIRT_PCI_MMIO64, 32 * BAR_BYTES},
    {VIRT_PCI_PIO, VIRT_PCI_PIO_BYTES},
    {VIRT_RAM, FUZZ_MACHINE_RAM_BYTES},
};

// A register in its own width.
static void
step_register (FuzzMachine *fm, FuzzInput *in)
{
  const Region *region = &registers[fuzz_below (in, G_N_ELEMENTS (registers))];

  for (unsigned n = 1 + fuzz_below (in, 6); n > 0; n--)
    access_once (fm, in, region->base + 4 * fuzz_below (in, (unsigned) region->bytes / 4), 4);
}

// Anywhere in any width: the start, the end, in between.
static void
step_access (FuzzMachine *fm, FuzzInput *in)
{
  const Region *window = &windows[fuzz_below (in, G_N_ELEMENTS (windows))];
  uint64_t offset;

  switch (fuzz_below (in, 4)) {
  case 0:
    offset = (uint64_t) fuzz_below (in, 18) - 1;
    break;
  case 1:
    offset = window->bytes - 17 + fuzz_below (in, 18);
    break;
  default:
    offset = fuzz_number (in, 4) % window->bytes;
    break;
  }
  access_any_size (fm, in, window->base + offset);
}

// Every offset of a few registers' neighbourhood, in every size.
static void
step_sweep (FuzzMachine *fm, FuzzInput *in)
{
  static const GuestAddr bases[] = {VIRT_UART, VIRT_RTC, VIRT_GPIO, VIRT_GIC_DIST, VIRT_GIC_REDIST};
  unsigned i = fuzz_below (in, G_N_ELEMENTS (bases) + 2);
  GuestAddr base = i < G_N_ELEMENTS (bases)    ? bases[i]
                   : i == G_N_ELEMENTS (bases) ? config_of (pick_slot (in))
                                               : bar_of (pick_slot (in));

  base += fuzz_below (in, 0x4000) & ~15u;
  for (unsigned offset = 0; offset < 18; offset++)
    for (unsigned size = 1; size <= 8; size *= 2)
      access_once (fm, in, base + offset - 1, size);
}

static void
step_sysreg (FuzzMachine *fm, FuzzInput *in)
{
  const IrqChipOps *ops = fm->vm->irqchip;
  unsigned cpu = fuzz_below (in, fm->vm->n_vcpus);
  unsigned crm = fuzz_below (in, 16), op2 = fuzz_below (in, 8);
  uint32_t reg =
      fuzz_below (in, 8) == 0 ? A64_SYSREG (3, 0, 4, 6, 0) : A64_SYSREG (3, 0, 12, crm, op2);
  uint64_t value;

  if (fuzz_below (in, 2) == 0)
    ops->write (fm->vm->irqchip_opaque, cpu, reg, fuzz_value (in));
  else
    ops->read (fm->vm->irqchip_opaque, cpu, reg, &value);
}

// ---- PCI and virtio -------------------------------------------------------------------------

static void
step_bar (FuzzMachine *fm, FuzzInput *in)
{
  GuestAddr config = config_of (pick_slot (in));

  write_at (fm, config + CONFIG_COMMAND, 2, fuzz_number (in, 2));
  write_at (fm, config + CONFIG_BAR4, 4, fuzz_value (in));
  write_at (fm, config + CONFIG_BAR4 + 4, 4, fuzz_below (in, 4) == 0 ? fuzz_value (in) : 0);
}

// The access window of virtio's own capability: type, BAR, offset, length, data.
static void
step_window (FuzzMachine *fm, FuzzInput *in)
{
  GuestAddr config = config_of (pick_slot (in));
  uint64_t at, value, type;

  mem_bus_read (fm->vm->bus, config + 0x34, 1, &at);
  while (at != 0 && mem_bus_read (fm->vm->bus, config + at + 3, 1, &type) && type != 5)
    mem_bus_read (fm->vm->bus, config + at + 1, 1, &at);
  write_at (fm, config + at + 4, 1, fuzz_below (in, 8) == 0 ? fuzz_value (in) : 4);
  write_at (fm, config + at + 8, 4, fuzz_below (in, BAR_BYTES + 16));
  write_at (fm, config + at + 12, 4, fuzz_below (in, 4) == 0 ? fuzz_value (in) : 4);
  if (fuzz_below (in, 2) == 0)
    write_at (fm, config + at + 16, 4, fuzz_value (in));
  else
    mem_bus_read (fm->vm->bus, config + at + 16, 4, &value);
}

static GuestAddr
queue_area (unsigned slot, unsigned queue)
{
  return VIRT_RAM + ((GuestAddr) (slot * QUEUES_MAX + queue) * QUEUE_AREA_BYTES) % RAM_AREA_BYTES;
}

static void
set_queue (FuzzMachine *fm, FuzzInput *in, unsigned slot, unsigned queue)
{
  GuestAddr bar = bar_of (slot), area = queue_area (slot, queue);
  bool wrong = fuzz_below (in, 8) == 0;

  write_at (fm, bar + COMMON_QUEUE_SELECT, 2, queue);
  write_at (fm, bar + COMMON_QUEUE_SIZE, 2, wrong ? fuzz_value (in) : DESCRIPTORS_MAX);
  write_at (fm, bar + COMMON_QUEUE_DESC, 8, wrong ? pick_address (in) : area);
  write_at (fm, bar + COMMON_QUEUE_DRIVER, 8, wrong ? pick_address (in) : area + FUZZ_QUEUE_AVAIL);
  write_at (fm, bar + COMMON_QUEUE_DEVICE, 8, wrong ? pick_address (in) : area + FUZZ_QUEUE_USED);
  write_at (fm, bar + COMMON_QUEUE_ENABLE, 2, 1);
}

// As a driver starts a device.
static void
step_start (FuzzMachine *fm, FuzzInput *in)
{
  unsigned slot = pick_slot (in);
  GuestAddr bar = bar_of (slot), config = config_of (slot);
  uint64_t features = fuzz_below (in, 2) == 0 ? 0 : fuzz_value (in);

  write_at (fm, config + CONFIG_COMMAND, 2, 7);
  write_at (fm, config + CONFIG_BAR4, 4, bar);
  write_at (fm, config + CONFIG_BAR4 + 4, 4, 0);
  if (fuzz_below (in, 2) == 0)
    write_at (fm, bar + COMMON_STATUS, 1, 0);
  write_at (fm, bar + COMMON_STATUS, 1, 3);
  write_at (fm, bar + COMMON_DRIVER_FEATURE_SELECT, 4, 0);
  write_at (fm, bar + COMMON_DRIVER_FEATURE, 4, features & 0xffffffff);
  write_at (fm, bar + COMMON_DRIVER_FEATURE_SELECT, 4, 1);
  write_at (fm, bar + COMMON_DRIVER_FEATURE, 4, 1);
  write_at (fm, bar + COMMON_STATUS, 1, 11);
  for (unsigned queue = 0; queue < QUEUES_MAX; queue++)
    set_queue (fm, in, slot, queue);
  write_at (fm, bar + COMMON_STATUS, 1, 15);
}

static void
fill_descriptor (Vm *vm, FuzzInput *in, GuestAddr desc)
{
  static const uint32_t lengths[] = {0, 1, 16, 24, 64, 512, 4096, 0x10000, UINT32_MAX};
  unsigned i = fuzz_below (in, G_N_ELEMENTS (lengths) + 2);
  uint32_t length = i < G_N_ELEMENTS (lengths) ? lengths[i] : (uint32_t) fuzz_number (in, 2);

  mem_bus_write (vm->bus, desc, 8, pick_address (in));
  mem_bus_write (vm->bus, desc + 8, 4, length);
  mem_bus_write (vm->bus, desc + 12, 2, fuzz_below (in, fuzz_below (in, 4) == 0 ? 8 : 4));
  mem_bus_write (vm->bus, desc + 14, 2, fuzz_below (in, DESCRIPTORS_MAX + 2));
}

// Chain 0 is of a request that a disk or the graphics adapter may know, data and an answer.
static void
fill_request (Vm *vm, FuzzInput *in, GuestAddr desc)
{
  static const uint32_t types[] = {0,     1,     4,     8,     11,    13,    0x100, 0x101, 0x102,
                                   0x103, 0x104, 0x105, 0x106, 0x107, 0x10a, 0x300, 0x301};
  static const uint16_t flags[] = {1, 1, 2};
  GuestAddr request = VIRT_RAM + fuzz_below (in, 0x1000) * 64;

  for (unsigned i = 0; i < 16; i++)
    mem_bus_write (vm->bus, request + 4 * i, 4, fuzz_below (in, fuzz_below (in, 2) ? 4 : 1024));
  mem_bus_write (vm->bus, request, 4, types[fuzz_below (in, G_N_ELEMENTS (types))]);
  for (unsigned i = 0; i < G_N_ELEMENTS (flags); i++) {
    mem_bus_write (vm->bus, desc + 16 * i, 8, request + 0x1000 * i);
    mem_bus_write (vm->bus, desc + 16 * i + 8, 4, i == 0 ? 16 + 8 * fuzz_below (in, 6) : 512);
    mem_bus_write (vm->bus, desc + 16 * i + 12, 2,
                   flags[i] | (i == 1 ? fuzz_below (in, 2) * 2 : 0));
    mem_bus_write (vm->bus, desc + 16 * i + 14, 2, i + 1);
  }
}

void
fuzz_fill_queue (Vm *vm, FuzzInput *in, GuestAddr area)
{
  GuestAddr avail = area + FUZZ_QUEUE_AVAIL;
  bool request = fuzz_below (in, 2) == 0;
  uint64_t index = 0;

  for (unsigned i = fuzz_below (in, 5); i > 0; i--)
    fill_descriptor (vm, in, area + 16 * fuzz_below (in, DESCRIPTORS_MAX));
  for (unsigned i = fuzz_below (in, 9); i > 0; i--)
    mem_bus_write (vm->bus, VIRT_RAM + fuzz_number (in, 4) % RAM_AREA_BYTES, 4,
                   fuzz_number (in, 4));
  if (request)
    fill_request (vm, in, area);
  mem_bus_read (vm->bus, avail + 2, 2, &index);
  mem_bus_write (vm->bus, avail, 2, fuzz_below (in, 2));
  mem_bus_write (vm->bus, avail + 4 + 2 * (index % DESCRIPTORS_MAX), 2,
                 request ? 0 : fuzz_below (in, DESCRIPTORS_MAX + 1));
  mem_bus_write (vm->bus, avail + 2, 2,
                 index + (fuzz_below (in, 16) == 0 ? fuzz_number (in, 2) : 1));
}

static void
step_queue (FuzzMachine *fm, FuzzInput *in)
{
  unsigned slot = pick_slot (in), queue = fuzz_below (in, QUEUES_MAX);

  fuzz_fill_queue (fm->vm, in, queue_area (slot, queue));
  write_at (fm, bar_of (slot) + NOTIFY_BLOCK + 4 * queue, 2, queue);
}

static void
step_notify (FuzzMachine *fm, FuzzInput *in)
{
  unsigned size = 1u << fuzz_below (in, 4);

  write_at (fm, bar_of (pick_slot (in)) + NOTIFY_BLOCK + fuzz_below (in, 0x1000 - 8), size,
            fuzz_number (in, 2));
}

// ---- the host's side ------------------------------------------------------------------------

static void
step_person (FuzzMachine *fm, FuzzInput *in)
{
  Machine *machine = fm->machine;
  uint8_t text[64];
  size_t length = fuzz_below (in, sizeof text);

  fuzz_bytes (in, text, length);
  switch (fuzz_below (in, 8)) {
  case 0:
    machine_press_power_button (machine);
    break;
  case 1:
    machine_send_serial (machine, text, length);
    break;
  case 2:
    machine_send_console (machine, text, length);
    break;
  case 3:
    machine_send_key (machine, fuzz_below (in, 0x400), fuzz_below (in, 2));
    break;
  case 4:
    machine_send_button (machine, 0x110 + fuzz_below (in, 8), fuzz_below (in, 2));
    break;
  case 5:
    machine_send_position (machine, fuzz_below (in, 2000), fuzz_below (in, 2000), 1280, 800);
    break;
  case 6:
    machine_send_scroll (machine, (int) fuzz_below (in, 5) - 2, (int) fuzz_below (in, 5) - 2);
    break;
  default:
    machine_set_display_size (machine, (unsigned) fuzz_value (in), (unsigned) fuzz_value (in));
    break;
  }
}

static void
step_settle (FuzzMachine *fm, FuzzInput *in)
{
  fuzz_machine_settle (fm);
}

static const struct {
  void (*run) (FuzzMachine *fm, FuzzInput *in);
  unsigned weight;
} steps[] = {
    {step_register, 20}, {step_access, 15}, {step_sweep, 2},  {step_sysreg, 10},
    {step_bar, 2},       {step_window, 4},  {step_start, 12}, {step_queue, 30},
    {step_notify, 5},    {step_person, 8},  {step_settle, 5},
};

void
fuzz_machine_step (FuzzMachine *fm, FuzzInput *in)
{
  unsigned total = 0;

  for (size_t i = 0; i < G_N_ELEMENTS (steps); i++)
    total += steps[i].weight;
  unsigned pick = fuzz_below (in, total);
  for (size_t i = 0; i < G_N_ELEMENTS (steps); i++) {
    if (pick < steps[i].weight) {
      steps[i].run (fm, in);
      return;
    }
    pick -= steps[i].weight;
  }
}
