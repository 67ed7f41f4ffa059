// SPDX-License-Identifier: GPL-3.0-or-later
// Loading Linux directly: files into RAM, device tree, entry of CPU 0
// (Documentation/arm64/booting.rst).
//
// Threads: opened by the controlling thread; loaded on the I/O thread with every vCPU parked.
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gi18n.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/boot/linux.h"
#include "engine/machine/machine-priv.h"

// ---- files ----------------------------------------------------------------------------------

static bool
fail_file (const char *name, int error_number, GError **error)
{
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (error_number),
               _ ("The file %s cannot be read (%s); choose another or correct its permissions."),
               name, g_strerror (error_number));
  return false;
}

static bool
open_file (const char *path, int *fd, char **name, GError **error)
{
  struct stat st;

  *name = g_filename_display_name (path);
  // Not blocking: a named pipe must not hold the machine up.
  *fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (*fd < 0 || fstat (*fd, &st) < 0)
    return fail_file (*name, errno, error);
  if (!S_ISREG (st.st_mode)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE,
                 _ ("%s is not a regular file; choose another file."), *name);
    return false;
  }
  return true;
}

bool
machine_boot_open (MachineBoot *boot, const MachineConfig *config, GError **error)
{
  boot->cmdline = g_strdup (config->cmdline != NULL ? config->cmdline : "");
  boot->firmware = config->firmware != NULL;
  if (config->kernel != NULL &&
      !open_file (config->kernel, &boot->kernel_fd, &boot->kernel_name, error))
    return false;
  return config->initrd == NULL ||
         open_file (config->initrd, &boot->initrd_fd, &boot->initrd_name, error);
}

static void
close_file (int fd)
{
  if (fd >= 0)
    close (fd);
}

void
machine_boot_clear (MachineBoot *boot)
{
  close_file (boot->kernel_fd);
  close_file (boot->initrd_fd);
  g_free (boot->kernel_name);
  g_free (boot->initrd_name);
  g_free (boot->cmdline);
}

static bool
file_length (int fd, const char *name, uint64_t *length, GError **error)
{
  struct stat st;

  if (fstat (fd, &st) < 0)
    return fail_file (name, errno, error);
  *length = (uint64_t) st.st_size;
  return true;
}

static bool
read_file (int fd, const char *name, uint8_t *to, uint64_t length, GError **error)
{
  for (uint64_t done = 0; done < length;) {
    ssize_t got = pread (fd, to + done, (size_t) MIN (length - done, MIB (64)), (off_t) done);

    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return fail_file (name, errno, error);
    if (got == 0)
      return fail_file (name, EIO, error);
    done += (uint64_t) got;
  }
  return true;
}

static GBytes *
read_bytes (int fd, const char *name, GError **error)
{
  uint64_t length;
  g_autofree uint8_t *data = NULL;

  if (fd < 0 || !file_length (fd, name, &length, error))
    return NULL;
  data = g_try_malloc (MAX (length, 1));
  if (data == NULL) {
    fail_file (name, ENOMEM, error);
    return NULL;
  }
  if (!read_file (fd, name, data, length, error))
    return NULL;
  return g_bytes_new_take (g_steal_pointer (&data), length);
}

GBytes *
machine_boot_read_kernel (const MachineBoot *boot, GError **error)
{
  return read_bytes (boot->kernel_fd, boot->kernel_name, error);
}

GBytes *
machine_boot_read_initrd (const MachineBoot *boot, GError **error)
{
  return read_bytes (boot->initrd_fd, boot->initrd_name, error);
}

// ---- loading --------------------------------------------------------------------------------

static bool
load_initrd (Machine *machine, GuestAddr at, uint64_t length, GError **error)
{
  uint8_t *to = mem_bus_ram_ptr (machine->vm->bus, at, length);

  return length == 0 ||
         read_file (machine->boot.initrd_fd, machine->boot.initrd_name, to, length, error);
}

static bool
load_dtb (Machine *machine, MachineMakeDtb make_dtb, GuestAddr at, const MachineInitrd *initrd,
          GError **error)
{
  size_t length = 0;
  g_autofree void *dtb = make_dtb (machine, initrd, &length);

  if (dtb == NULL) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                 _ ("The kernel command line is too long; shorten it."));
    return false;
  }
  g_assert (mem_bus_copy_to (machine->vm->bus, at, dtb, length));
  return true;
}

static bool
load_planned (Machine *machine, MachineMakeDtb make_dtb, const BootKernel *kernel, GError **error)
{
  MachineInitrd initrd = {0};
  BootPlan plan;
  Vcpu *first = machine->vm->vcpus[0];

  if (machine->boot.initrd_fd >= 0 &&
      !file_length (machine->boot.initrd_fd, machine->boot.initrd_name, &initrd.length, error))
    return false;
  if (!boot_plan (machine->ram_base, machine->ram_bytes, kernel, initrd.length, &plan, error))
    return false;
  initrd.base = plan.initrd;
  g_assert (mem_bus_copy_to (machine->vm->bus, plan.kernel, kernel->image, kernel->image_bytes));
  if (!load_initrd (machine, plan.initrd, initrd.length, error) ||
      !load_dtb (machine, make_dtb, plan.dtb, &initrd, error))
    return false;
  first->guest->set_entry (first->cpu, plan.kernel, plan.dtb);
  return true;
}

// Firmware looks for the device tree at the start of RAM.
static bool
load_firmware (Machine *machine, MachineMakeDtb make_dtb, GError **error)
{
  const MachineInitrd none = {0};
  Vcpu *first = machine->vm->vcpus[0];

  first->guest->set_entry (first->cpu, 0, 0);
  return load_dtb (machine, make_dtb, machine->ram_base, &none, error);
}

bool
machine_boot_load (Machine *machine, MachineMakeDtb make_dtb, GError **error)
{
  const MachineBoot *boot = &machine->boot;
  BootKernel kernel;
  uint64_t length = 0;

  if (boot->firmware)
    return load_firmware (machine, make_dtb, error);
  if (!file_length (boot->kernel_fd, boot->kernel_name, &length, error))
    return false;
  // A file larger than RAM cannot fit unpacked either.
  length = MIN (length, machine->ram_bytes);
  g_autofree uint8_t *data = g_try_malloc (MAX (length, 1));
  if (data == NULL)
    return fail_file (boot->kernel_name, ENOMEM, error);
  if (!read_file (boot->kernel_fd, boot->kernel_name, data, length, error) ||
      !boot_kernel_parse (data, (size_t) length, (size_t) machine->ram_bytes, boot->kernel_name,
                          &kernel, error))
    return false;
  bool ok = load_planned (machine, make_dtb, &kernel, error);
  boot_kernel_clear (&kernel);
  return ok;
}
