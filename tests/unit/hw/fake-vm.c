// SPDX-License-Identifier: GPL-3.0-or-later
// See fake-vm.h. One thread.

#include "tests/unit/hw/fake-vm.h"

#include <string.h>

struct MemBus {
  MemRegion regions[64];
  unsigned n_regions;
  uint8_t *ram;
  uint64_t ram_bytes;
};

struct VmEvent {
  void (*fn) (void *);
  void *data;
  bool signalled;
};

struct VmTimer {
  VmClock *clock;
  void (*fn) (void *);
  void *data;
  int64_t deadline_ns;
};

struct VmClock {
  int64_t now_ns;
  GPtrArray *timers;
};

struct VmLoop {
  GPtrArray *events;
};

// Bus.

void
mem_bus_add_mmio (MemBus *bus, const char *name, GuestAddr base, uint64_t size_bytes,
                  const MmioOps *ops, void *opaque)
{
  g_assert (bus->n_regions < G_N_ELEMENTS (bus->regions));
  bus->regions[bus->n_regions++] = (MemRegion){
      .base = base, .size_bytes = size_bytes, .ops = ops, .opaque = opaque, .name = name};
}

void
mem_bus_add_rom (MemBus *bus, const char *name, GuestAddr base, uint64_t size_bytes,
                 const uint8_t *host, const MmioOps *ops, void *opaque)
{
  mem_bus_add_mmio (bus, name, base, size_bytes, ops, opaque);
  bus->regions[bus->n_regions - 1].rom = host;
}

const MemRegion *
mem_bus_find (const MemBus *bus, GuestAddr addr)
{
  for (unsigned i = 0; i < bus->n_regions; i++)
    if (addr - bus->regions[i].base < bus->regions[i].size_bytes)
      return &bus->regions[i];
  return NULL;
}

static bool
accepts (const MemRegion *region, GuestAddr addr, unsigned size)
{
  return (region->ops->sizes & size) &&
         (region->ops->allow_unaligned || (addr - region->base) % size == 0);
}

bool
mem_bus_read (MemBus *bus, GuestAddr addr, unsigned size, uint64_t *value)
{
  const MemRegion *region = mem_bus_find (bus, addr);
  if (region == NULL)
    return false;
  if (region->rom != NULL) {
    *value = 0;
    memcpy (value, region->rom + (addr - region->base), size);
    return true;
  }
  *value = accepts (region, addr, size)
               ? region->ops->read (region->opaque, addr - region->base, size)
               : 0;
  return true;
}

bool
mem_bus_write (MemBus *bus, GuestAddr addr, unsigned size, uint64_t value)
{
  const MemRegion *region = mem_bus_find (bus, addr);
  if (region != NULL && accepts (region, addr, size))
    region->ops->write (region->opaque, addr - region->base, value, size);
  return region != NULL;
}

void *
mem_bus_ram_ptr (const MemBus *bus, GuestAddr addr, uint64_t length)
{
  uint64_t offset = addr - FAKE_RAM_BASE;
  if (length == 0 || offset >= bus->ram_bytes || length > bus->ram_bytes - offset)
    return NULL;
  return bus->ram + offset;
}

bool
mem_bus_copy_from (const MemBus *bus, GuestAddr addr, void *to, uint64_t length)
{
  const void *ram = mem_bus_ram_ptr (bus, addr, length);
  if (ram != NULL)
    memcpy (to, ram, length);
  return ram != NULL;
}

bool
mem_bus_copy_to (MemBus *bus, GuestAddr addr, const void *from, uint64_t length)
{
  void *ram = mem_bus_ram_ptr (bus, addr, length);
  if (ram != NULL)
    memcpy (ram, from, length);
  return ram != NULL;
}

uint64_t
fake_read (FakeVm *fake, GuestAddr addr, unsigned size)
{
  uint64_t value = 0xdead;
  mem_bus_read (fake->vm.bus, addr, size, &value);
  return value;
}

void
fake_write (FakeVm *fake, GuestAddr addr, uint64_t value, unsigned size)
{
  mem_bus_write (fake->vm.bus, addr, size, value);
}

// CPUs.

static void
fake_set_irq (void *opaque, GuestIrq irq, bool level)
{
  FakeCpu *cpu = opaque;
  *(irq == GUEST_IRQ ? &cpu->irq : &cpu->fiq) = level;
}

static const GuestOps fake_guest = {
    .name = "fake",
    .set_irq = fake_set_irq,
};

void
vcpu_request (Vcpu *vcpu, uint32_t bits)
{
  FakeCpu *cpu = vcpu->cpu;
  if (bits & VCPU_IRQ)
    cpu->requests++;
}

// Events, clock, timers.

VmEvent *
vm_event_new (VmLoop *loop, void (*fn) (void *), void *data)
{
  VmEvent *event = g_new0 (VmEvent, 1);
  event->fn = fn;
  event->data = data;
  g_ptr_array_add (loop->events, event);
  return event;
}

void
vm_event_signal (VmEvent *event)
{
  __atomic_store_n (&event->signalled, true, __ATOMIC_RELEASE);
}

// There is none: the kernel signals nothing here.
int
vm_event_get_fd (const VmEvent *event)
{
  return -1;
}

// The loop frees it: a test may hold a device that was never freed.
void
vm_event_free (VmEvent *event)
{
  if (event != NULL)
    event->signalled = false, event->fn = NULL;
}

void
fake_vm_run (FakeVm *fake)
{
  GPtrArray *events = fake->vm.loop->events;
  for (unsigned i = 0; i < events->len; i++) {
    VmEvent *event = events->pdata[i];
    if (__atomic_exchange_n (&event->signalled, false, __ATOMIC_ACQUIRE) && event->fn != NULL) {
      event->fn (event->data);
      i = -1u;
    }
  }
}

int64_t
vm_clock_now (VmClock *clock)
{
  return clock->now_ns;
}

VmTimer *
vm_timer_new (VmClock *clock, void (*fn) (void *), void *data)
{
  VmTimer *timer = g_new0 (VmTimer, 1);
  *timer = (VmTimer){.clock = clock, .fn = fn, .data = data, .deadline_ns = INT64_MAX};
  g_ptr_array_add (clock->timers, timer);
  return timer;
}

void
vm_timer_free (VmTimer *timer)
{
  if (timer != NULL)
    timer->deadline_ns = INT64_MAX;
}

void
vm_timer_arm (VmTimer *timer, int64_t deadline_ns)
{
  timer->deadline_ns = deadline_ns;
}

void
vm_timer_disarm (VmTimer *timer)
{
  timer->deadline_ns = INT64_MAX;
}

void
fake_vm_advance (FakeVm *fake, int64_t ns)
{
  VmClock *clock = fake->vm.clock;
  clock->now_ns += ns;
  for (unsigned i = 0; i < clock->timers->len; i++) {
    VmTimer *timer = clock->timers->pdata[i];
    if (timer->deadline_ns <= clock->now_ns) {
      timer->deadline_ns = INT64_MAX;
      timer->fn (timer->data);
    }
  }
}

// Machine.

// The last one's is the next one's, all zero: fuzz targets make machines by the million.
static uint8_t *spare_ram;
static uint64_t spare_bytes;

static uint8_t *
take_ram (uint64_t bytes)
{
  uint8_t *ram = g_steal_pointer (&spare_ram);

  if (ram != NULL && spare_bytes == bytes)
    return memset (ram, 0, bytes);
  g_free (ram);
  return g_malloc0 (bytes);
}

static void
give_ram (uint8_t *ram, uint64_t bytes)
{
  g_free (spare_ram);
  spare_ram = ram;
  spare_bytes = bytes;
}

FakeVm *
fake_vm_new (unsigned n_cpus, uint64_t ram_bytes)
{
  FakeVm *fake = g_new0 (FakeVm, 1);
  fake->vm.bus = g_new0 (MemBus, 1);
  fake->vm.bus->ram = take_ram (ram_bytes + 1);
  fake->vm.bus->ram_bytes = ram_bytes;
  fake->vm.loop = g_new0 (VmLoop, 1);
  fake->vm.loop->events = g_ptr_array_new_with_free_func (g_free);
  fake->vm.clock = g_new0 (VmClock, 1);
  fake->vm.clock->timers = g_ptr_array_new_with_free_func (g_free);
  fake->vm.devices = g_ptr_array_new ();
  fake->vm.vcpus = fake->vcpu_list;
  fake->vm.n_vcpus = n_cpus;
  for (unsigned i = 0; i < n_cpus; i++) {
    fake->vcpus[i] =
        (Vcpu){.vm = &fake->vm, .index = i, .guest = &fake_guest, .cpu = &fake->cpus[i]};
    fake->vcpu_list[i] = &fake->vcpus[i];
  }
  return fake;
}

void
fake_vm_add (FakeVm *fake, Device *device)
{
  g_autoptr (GError) error = NULL;
  device->vm = &fake->vm;
  g_ptr_array_add (fake->vm.devices, device);
  if (device->ops->realize != NULL && !device->ops->realize (device, &error))
    g_error ("%s: %s", device->ops->name, error->message);
}

void
fake_vm_free (FakeVm *fake)
{
  for (unsigned i = fake->vm.devices->len; i-- > 0;) {
    Device *device = fake->vm.devices->pdata[i];
    device->ops->free (device);
  }
  g_ptr_array_unref (fake->vm.devices);
  g_ptr_array_unref (fake->vm.loop->events);
  g_ptr_array_unref (fake->vm.clock->timers);
  g_free (fake->vm.loop);
  g_free (fake->vm.clock);
  give_ram (fake->vm.bus->ram, fake->vm.bus->ram_bytes + 1);
  g_free (fake->vm.bus);
  g_free (fake);
}

uint8_t *
fake_vm_ram (FakeVm *fake)
{
  return fake->vm.bus->ram;
}

static void
set_line (void *opaque, unsigned n, bool level)
{
  FakeLine *line = opaque;
  line->rises += level && !line->level;
  line->level = level;
}

IrqLine
fake_line (FakeLine *line)
{
  return (IrqLine){.set = set_line, .opaque = line};
}
