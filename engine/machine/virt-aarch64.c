// SPDX-License-Identifier: GPL-3.0-or-later
// The `virt` machine for AArch64: which devices it has and how they are wired.
//
// Threads: see machine.h.
#include <gio/gio.h>
#include <glib/gi18n.h>
#include <sys/random.h>

#include "engine/boot/linux.h"
#include "engine/guest/aarch64/aarch64.h"
#include "engine/hw/gic.h"
#include "engine/hw/hda.h"
#include "engine/hw/its.h"
#include "engine/hw/nvme.h"
#include "engine/hw/pci.h"
#include "engine/hw/pl011.h"
#include "engine/hw/pl031.h"
#include "engine/hw/pl061.h"
#include "engine/machine/fdt.h"
#include "engine/machine/machine-priv.h"
#include "engine/machine/psci.h"
#include "engine/machine/translator.h"
#include "engine/machine/virt-firmware.h"
#include "engine/machine/virt-map.h"
#include "engine/virtio/balloon.h"
#include "engine/virtio/blk.h"
#include "engine/virtio/console.h"
#include "engine/virtio/gpu.h"
#include "engine/virtio/input.h"
#include "engine/virtio/net.h"
#include "engine/virtio/rng.h"
#include "engine/virtio/scsi.h"
#include "engine/virtio/snd.h"
#include "engine/virtio/transport.h"
#include "engine/virtio/vsock.h"

enum {
  // Files one machine may open, those of its disks, networks and CPUs apart: with room to spare.
  DESCRIPTORS = 48,
};

// ---- boot -----------------------------------------------------------------------------------

static void *
make_dtb (Machine *machine, const MachineInitrd *initrd, size_t *length)
{
  VirtFdt desc = {
      .n_cpus = machine->vm->n_vcpus,
      .ram_bytes = machine->ram_bytes,
      .cmdline = machine->boot.cmdline,
      .initrd = *initrd,
      .firmware = machine->boot.firmware,
  };

  // Without entropy the seeds stay zero, which the guest takes for none.
  if (getrandom (desc.rng_seed, sizeof desc.rng_seed, 0) < 0 ||
      getrandom (&desc.kaslr_seed, sizeof desc.kaslr_seed, 0) < 0)
    desc.kaslr_seed = 0;
  return virt_fdt_new (&desc, BOOT_DTB_BYTES_MAX, length);
}

static bool
load_boot (void *opaque, GError **error)
{
  return machine_boot_load (opaque, make_dtb, error);
}

// ---- devices --------------------------------------------------------------------------------

static Device *
add_gic (Vm *vm, unsigned n_cpus)
{
  const Gicv3Config config = {
      .n_cpus = n_cpus,
      .dist_base = VIRT_GIC_DIST,
      .redist_base = VIRT_GIC_REDIST,
      .lpis = true,
  };
  Device *gic = gicv3_new (&config);

  vm_add_device (vm, gic, "gic");
  return gic;
}

static void
wire_cpus (Vm *vm, Device *gic)
{
  for (unsigned i = 0; i < vm->n_vcpus; i++) {
    a64_wire_output (vm->vcpus[i], A64_OUTPUT_TIMER_VIRT,
                     gicv3_get_ppi (gic, i, VIRT_PPI_TIMER_VIRT));
    a64_wire_output (vm->vcpus[i], A64_OUTPUT_TIMER_PHYS,
                     gicv3_get_ppi (gic, i, VIRT_PPI_TIMER_PHYS));
    a64_wire_output (vm->vcpus[i], A64_OUTPUT_PMU, gicv3_get_ppi (gic, i, VIRT_PPI_PMU));
  }
}

static void
add_peripherals (Machine *machine, const MachineConfig *config, Device *gic)
{
  Vm *vm = machine->vm;

  machine->uart = pl011_new (VIRT_UART, gicv3_get_spi (gic, VIRT_SPI_UART), config->serial.ops,
                             config->serial.sink);
  vm_add_device (vm, machine->uart, "uart");
  vm_add_device (vm, pl031_new (VIRT_RTC, gicv3_get_spi (gic, VIRT_SPI_RTC)), "rtc");
  machine->gpio = pl061_new (VIRT_GPIO, gicv3_get_spi (gic, VIRT_SPI_GPIO));
  vm_add_device (vm, machine->gpio, "gpio");
}

static void
add_virtio_mmio (Vm *vm, Device *gic)
{
  for (unsigned i = 0; i < VIRT_N_VIRTIO; i++) {
    g_autofree char *id = g_strdup_printf ("virtio-mmio%u", i);
    IrqLine irq = gicv3_get_spi (gic, VIRT_SPI_VIRTIO + i);

    vm_add_device (vm, virtio_mmio_new (NULL, VIRT_VIRTIO + i * VIRT_VIRTIO_BYTES, irq), id);
  }
}

static Device *
add_pci_host (Vm *vm, Device *gic)
{
  Device *its = its_new (VIRT_GIC_ITS, gic);
  PciHostConfig config = {
      .ecam_base = VIRT_PCI_ECAM,
      .ecam_bytes = VIRT_PCI_ECAM_BYTES,
      .mmio32_base = VIRT_PCI_MMIO32,
      .mmio32_bytes = VIRT_PCI_MMIO32_BYTES,
      .mmio64_base = VIRT_PCI_MMIO64,
      .mmio64_bytes = VIRT_PCI_MMIO64_BYTES,
      .pio_base = VIRT_PCI_PIO,
      .pio_bytes = VIRT_PCI_PIO_BYTES,
      .msi = its_get_msi_sink (its),
  };

  vm_add_device (vm, its, "its");
  for (unsigned i = 0; i < G_N_ELEMENTS (config.intx); i++)
    config.intx[i] = gicv3_get_spi (gic, VIRT_SPI_PCI_INTA + i);
  Device *host = pci_host_new (&config);
  vm_add_device (vm, host, "pci");
  return host;
}

static void
add_virtio (Machine *machine, Device *pci, VirtioDevice *vdev, unsigned slot, const char *id)
{
  vm_add_device (machine->vm, virtio_pci_new (vdev, pci, slot), id);
}

static void
add_balloon (Machine *machine, Device *pci)
{
  machine->balloon = virtio_balloon_new ();
  vm_add_device (
      machine->vm,
      virtio_pci_new_function (machine->balloon, pci, VIRT_SLOT_RNG, VIRT_FUNCTION_BALLOON),
      "balloon");
}

static void
add_display (Machine *machine, const MachineConfig *config, Device *pci)
{
  machine->gpu = virtio_gpu_new (config->display_ops, config->display_sink, config->display_width,
                                 config->display_height);
  add_virtio (machine, pci, machine->gpu, VIRT_SLOT_GPU, "gpu");
  machine->keyboard = virtio_input_new_keyboard ();
  add_virtio (machine, pci, machine->keyboard, VIRT_SLOT_KEYBOARD, "keyboard");
  machine->tablet = virtio_input_new_tablet ();
  add_virtio (machine, pci, machine->tablet, VIRT_SLOT_TABLET, "tablet");
}

static void
add_sound (Machine *machine, const MachineConfig *config, Device *pci)
{
  const unsigned slot = VIRT_SLOT_RNG, function = VIRT_FUNCTION_SOUND;
  Device *sound = NULL;

  if (config->sound == MACHINE_SOUND_VIRTIO)
    sound = virtio_pci_new_function (virtio_snd_new (config->audio_ops, config->audio_sink), pci,
                                     slot, function);
  else if (config->sound == MACHINE_SOUND_HDA)
    sound = hda_new (config->audio_ops, config->audio_sink, pci, slot, function);
  if (sound != NULL)
    vm_add_device (machine->vm, sound, "sound");
}

static void
add_nics (Machine *machine, const MachineConfig *config, Device *pci)
{
  for (unsigned i = 0; i < config->n_nics; i++) {
    const MachineNic *nic = &config->nics[i];
    if (nic->port != 0)
      continue;
    g_autofree char *id = g_strdup_printf ("net%u", i);

    add_virtio (machine, pci, machine_make_net (machine, nic),
                i == 0 ? VIRT_SLOT_NIC0 : VIRT_SLOT_NIC1 + i - 1, id);
  }
}

// The SCSI host comes with the first unit; a disk's number is its target's.
static void
add_scsi_unit (Machine *machine, const MachineConfig *config, Device *pci, unsigned target,
               ScsiUnit *unit)
{
  if (machine->scsi == NULL) {
    machine->scsi = virtio_scsi_new (config->cpus);
    add_virtio (machine, pci, machine->scsi, VIRT_SLOT_SCSI, "scsi");
  }
  virtio_scsi_add (machine->scsi, target, unit);
}

static void
add_disk (Machine *machine, const MachineConfig *config, Device *pci, unsigned i,
          BlockDevice *device)
{
  const MachineDisk *disk = &config->disks[i];
  g_autofree char *id = g_strdup_printf ("disk%u", i);

  if (disk->cdrom)
    add_scsi_unit (machine, config, pci, i, scsi_cdrom_new (device, id));
  else if (disk->bus == MACHINE_BUS_SCSI)
    add_scsi_unit (machine, config, pci, i, scsi_disk_new (device, id));
  else if (disk->bus == MACHINE_BUS_USB)
    machine_add_usb_disk (machine, config, i, device);
  else if (disk->bus == MACHINE_BUS_NVME)
    vm_add_device (
        machine->vm,
        nvme_new (device, id, MAX (config->cpus, NVME_QUEUES_MIN), pci, VIRT_SLOT_DISK0 + i), id);
  else
    add_virtio (machine, pci, virtio_blk_new (device, id, config->cpus), VIRT_SLOT_DISK0 + i, id);
}

static bool
add_disks (Machine *machine, const MachineConfig *config, Device *pci, GError **error)
{
  for (unsigned i = 0; i < config->n_disks; i++) {
    const MachineDisk *disk = &config->disks[i];
    BlockDevice *device = machine_open_disk (machine, disk, error);

    if (device == NULL && !(disk->cdrom && disk->path[0] == '\0'))
      return false;
    if (disk->port != 0)
      machine->ports[disk->port].disk = device;
    else
      add_disk (machine, config, pci, i, device);
  }
  return true;
}

// What is in hot-plug slots comes last.
static void
fill_ports (Machine *machine, const MachineConfig *config)
{
  machine->n_fixed = machine->vm->devices->len;
  for (unsigned port = 1; port <= MACHINE_PORTS; port++) {
    BlockDevice *disk = machine->ports[port].disk;
    for (unsigned i = 0; i < config->n_disks; i++)
      if (config->disks[i].port == port)
        machine_add_to_port (machine, port, machine_make_disk (machine, &config->disks[i], disk),
                             disk);
    for (unsigned i = 0; i < config->n_nics; i++)
      if (config->nics[i].port == port)
        machine_add_to_port (machine, port, machine_make_nic (machine, &config->nics[i]), NULL);
  }
}

// ---- the machine ----------------------------------------------------------------------------

// All CPUs together may keep this much code.
enum { CODE_MIB = 256, CODE_MIB_LEAST = 32 };

static bool
use_translator (Vm *vm, const JitConfig *wanted, GError **error)
{
  const JitHostOps *host = machine_translator ();
  const char *why = host == NULL ? "there is none for it" : host->unsupported ();
  JitConfig jit = *wanted;

  if (why != NULL) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                 _ ("The translator does not run on this computer: %s."), why);
    return false;
  }
  if (jit.bytes == 0)
    jit.bytes = MIB (MAX (CODE_MIB / vm->n_vcpus, CODE_MIB_LEAST));
  jit.bytes = CLAMP (jit.bytes, MIB (1), MIB (CODE_MIB));
  return a64_use_jit_on_all (vm, host, &jit, error);
}

// Where the translator does not run, the interpreter does; a person who asked for the translator is
// told instead.
static bool
choose_accelerator (Vm *vm, const MachineConfig *config, GError **error)
{
  g_autoptr (GError) why = NULL;

  if (config->accel == MACHINE_ACCEL_INTERP || use_translator (vm, &config->jit, &why))
    return true;
  if (config->accel == MACHINE_ACCEL_AUTO) {
    g_message (_ ("%s The interpreter is used, which is slower."), why->message);
    return true;
  }
  g_propagate_error (error, g_steal_pointer (&why));
  return false;
}

// A second CPU would see what the interpreter wrote before it is undone.
static bool
verify (Vm *vm, GError **error)
{
  if (vm->n_vcpus == 1) {
    a64_verify_jit (vm->vcpus[0]);
    return true;
  }
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
               "Translated code is verified with one processor only.");
  return false;
}

static bool
build (Machine *machine, const MachineConfig *config, GError **error)
{
  Vm *vm = machine->vm;

  if (!machine_check_descriptors (
          DESCRIPTORS + config->n_disks * 2 + config->n_nics * 16 + config->cpus * 4, error) ||
      !machine_boot_open (&machine->boot, config, error))
    return false;
  VmRam *ram = vm_ram_new (VIRT_RAM, config->memory_bytes, error);
  if (ram == NULL)
    return false;
  vm_add_ram (vm, ram);
  if (!vm_add_vcpus (vm, config->cpus, &a64_guest_ops, error))
    return false;
  for (unsigned i = 0; i < vm->n_vcpus; i++)
    a64_set_features (vm->vcpus[i], &(A64Features){.pauth = config->pauth, .bti = config->bti});
  if (config->strict_code)
    a64_watch_code (vm, VIRT_RAM + config->memory_bytes);
  if (!choose_accelerator (vm, config, error))
    return false;
  Device *gic = add_gic (vm, config->cpus);
  wire_cpus (vm, gic);
  if (config->verify && !verify (vm, error))
    return false;
  add_peripherals (machine, config, gic);
  add_virtio_mmio (vm, gic);
  if (config->firmware != NULL && !virt_add_firmware (machine, config, gic, error))
    return false;
  Device *pci = add_pci_host (vm, gic);
  if (config->display)
    add_display (machine, config, pci);
  if (machine_wants_usb (config))
    machine_add_usb (machine, pci, VIRT_SLOT_USB);
  add_virtio (machine, pci, virtio_rng_new (), VIRT_SLOT_RNG, "rng");
  add_balloon (machine, pci);
  if (config->vsock != NULL)
    vm_add_device (vm,
                   virtio_pci_new_function (virtio_vsock_new (config->vsock), pci, VIRT_SLOT_RNG,
                                            VIRT_FUNCTION_VSOCK),
                   "vsock");
  machine->console = virtio_console_new (config->virtio_console.ops, config->virtio_console.sink);
  add_virtio (machine, pci, machine->console, VIRT_SLOT_CONSOLE, "console");
  machine_add_ports (machine, pci);
  add_sound (machine, config, pci);
  add_nics (machine, config, pci);
  if (!add_disks (machine, config, pci, error))
    return false;
  fill_ports (machine, config);
  return vm_realize (vm, error);
}

Machine *
machine_new_virt_aarch64 (const MachineConfig *config, GError **error)
{
  Machine *machine = g_new0 (Machine, 1);

  g_assert (config->n_disks <= MACHINE_DISKS_MAX && config->n_nics <= MACHINE_NICS_MAX);
  g_mutex_init (&machine->input_lock);
  machine->boot.kernel_fd = machine->boot.initrd_fd = -1;
  machine->ram_base = VIRT_RAM;
  machine->ram_bytes = config->memory_bytes;
  machine->queues = config->cpus;
  machine->vm = vm_new (config->name);
  machine->vm->hypercall = psci_call;
  machine->vm->hypercall_opaque = machine->vm;
  machine->vm->load_boot = load_boot;
  machine->vm->load_boot_opaque = machine;
  if (!build (machine, config, error)) {
    machine_free (machine);
    return NULL;
  }
  return machine;
}

void
machine_free (Machine *machine)
{
  if (machine == NULL)
    return;
  vm_free (machine->vm);
  machine_boot_clear (&machine->boot);
  g_mutex_clear (&machine->input_lock);
  g_free (machine);
}

Vm *
machine_get_vm (Machine *machine)
{
  return machine->vm;
}
