// SPDX-License-Identifier: GPL-3.0-or-later
// The MMIO transport with devices behind it and without: registers in every width, queues set up
// well and badly, notifications, pauses, resets and saved state in between.
#include "engine/machine/virt-map.h"
#include "engine/virtio/console.h"
#include "engine/virtio/gpu.h"
#include "engine/virtio/input.h"
#include "engine/virtio/rng.h"
#include "engine/virtio/transport.h"
#include "tests/fuzz/machine.h"

enum {
  TRANSPORTS = 5,
  QUEUES_MAX = 4,
  STEPS_MAX = 200,
  INPUTS_PER_MACHINE = 50,
  QUEUE_AREA_BYTES = 0x8000,

  DRIVER_FEATURES = 0x020,
  DRIVER_FEATURES_SEL = 0x024,
  QUEUE_SEL = 0x030,
  QUEUE_NUM = 0x038,
  QUEUE_READY = 0x044,
  QUEUE_NOTIFY = 0x050,
  STATUS = 0x070,
  QUEUE_DESC = 0x080,
  QUEUE_DRIVER = 0x090,
  QUEUE_DEVICE = 0x0a0,
};

static void
check_line (void *opaque, unsigned n, bool level)
{
  if (n >= TRANSPORTS)
    g_error ("line %u", n);
}

static Vm *
make_vm (void)
{
  g_autoptr (GError) error = NULL;
  Vm *vm = vm_new ("fuzz");
  VirtioDevice *devices[TRANSPORTS] = {
      virtio_rng_new (),
      virtio_gpu_new (NULL, NULL, 640, 480),
      virtio_input_new_keyboard (),
      virtio_console_new (NULL, NULL),
      NULL,
  };
  VmRam *ram = vm_ram_new (VIRT_RAM, FUZZ_MACHINE_RAM_BYTES, &error);

  if (ram == NULL)
    g_error ("%s", error->message);
  vm_add_ram (vm, ram);
  for (unsigned i = 0; i < TRANSPORTS; i++) {
    g_autofree char *id = g_strdup_printf ("device%u", i);
    vm_add_device (vm,
                   virtio_mmio_new (devices[i], VIRT_VIRTIO + i * VIRT_VIRTIO_BYTES,
                                    (IrqLine){.set = check_line, .n = i}),
                   id);
  }
  if (!vm_realize (vm, &error))
    g_error ("%s", error->message);
  return vm;
}

static GuestAddr
pick_base (FuzzInput *in)
{
  return VIRT_VIRTIO + fuzz_below (in, TRANSPORTS) * VIRT_VIRTIO_BYTES;
}

static void
write32 (Vm *vm, GuestAddr addr, uint64_t value)
{
  mem_bus_write (vm->bus, addr, 4, value);
}

static void
write_halves (Vm *vm, GuestAddr addr, uint64_t value)
{
  write32 (vm, addr, value & 0xffffffff);
  write32 (vm, addr + 4, value >> 32);
}

static GuestAddr
queue_area (GuestAddr base, unsigned queue)
{
  return VIRT_RAM +
         ((base - VIRT_VIRTIO) / VIRT_VIRTIO_BYTES * QUEUES_MAX + queue) * QUEUE_AREA_BYTES;
}

static void
start_device (Vm *vm, FuzzInput *in)
{
  GuestAddr base = pick_base (in);

  if (fuzz_below (in, 2) == 0)
    write32 (vm, base + STATUS, 0);
  write32 (vm, base + STATUS, 3);
  for (unsigned i = 0; i < 2; i++) {
    write32 (vm, base + DRIVER_FEATURES_SEL, i);
    write32 (vm, base + DRIVER_FEATURES, i == 1 ? 1 : fuzz_value (in) & 0xffffffff);
  }
  write32 (vm, base + STATUS, 11);
  for (unsigned queue = 0; queue < QUEUES_MAX; queue++) {
    GuestAddr area = queue_area (base, queue);
    bool wrong = fuzz_below (in, 8) == 0;

    write32 (vm, base + QUEUE_SEL, queue);
    write32 (vm, base + QUEUE_NUM, wrong ? fuzz_value (in) : FUZZ_QUEUE_SIZE);
    write_halves (vm, base + QUEUE_DESC, wrong ? fuzz_value (in) : area);
    write_halves (vm, base + QUEUE_DRIVER, area + FUZZ_QUEUE_AVAIL);
    write_halves (vm, base + QUEUE_DEVICE, area + FUZZ_QUEUE_USED);
    write32 (vm, base + QUEUE_READY, 1);
  }
  write32 (vm, base + STATUS, 15);
}

static void
access_register (Vm *vm, FuzzInput *in)
{
  GuestAddr addr = pick_base (in) + fuzz_below (in, VIRT_VIRTIO_BYTES + 2) - 1;
  unsigned size = 1u << fuzz_below (in, 4);
  uint64_t value;

  if (fuzz_below (in, 2) == 0)
    addr &= ~(GuestAddr) 3, size = 4;
  if (fuzz_below (in, 2) == 0)
    mem_bus_write (vm->bus, addr, size, fuzz_value (in));
  else
    mem_bus_read (vm->bus, addr, size, &value);
}

static void
step (Vm *vm, FuzzInput *in)
{
  g_autoptr (GError) error = NULL;
  GuestAddr base = pick_base (in);
  unsigned queue = fuzz_below (in, QUEUES_MAX);

  switch (fuzz_below (in, 64)) {
  case 0:
    if (!vm_reset (vm, &error))
      g_error ("%s", error->message);
    break;
  case 1:
    vm_pause (vm);
    access_register (vm, in);
    vm_resume (vm);
    break;
  case 2 ... 11:
    start_device (vm, in);
    break;
  case 12 ... 39:
    fuzz_fill_queue (vm, in, queue_area (base, queue));
    write32 (vm, base + QUEUE_NOTIFY, queue);
    break;
  default:
    access_register (vm, in);
    break;
  }
}

// Into another machine, which takes the state as it is.
static void
check_state (Vm *vm)
{
  g_autoptr (GError) error = NULL;
  Vm *heir = make_vm ();

  vm_pause (vm);
  g_autoptr (GBytes) state = vm_save (vm, &error), again = NULL;
  if (state == NULL || !vm_load (heir, state, &error))
    g_error ("%s", error->message);
  again = vm_save (heir, &error);
  if (again == NULL || !g_bytes_equal (state, again))
    g_error ("the state is not the same after a load");
  vm_resume (heir);
  vm_free (heir);
  vm_resume (vm);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static Vm *vm;
  static unsigned used;
  g_autoptr (GError) error = NULL;
  FuzzInput in = {.data = data, .left = size};

  fuzz_make_warnings_fatal ();
  if (vm == NULL) {
    vm = make_vm ();
    if (!vm_start (vm, &error))
      g_error ("%s", error->message);
  }
  for (unsigned i = 0; i < STEPS_MAX && in.left > 0; i++)
    step (vm, &in);
  if (fuzz_below (&in, 8) == 0)
    check_state (vm);
  if (++used % INPUTS_PER_MACHINE == 0)
    g_clear_pointer (&vm, vm_free);
  else if (!vm_reset (vm, &error))
    g_error ("%s", error->message);
  return 0;
}
