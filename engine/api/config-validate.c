// SPDX-License-Identifier: GPL-3.0-or-later
// What is wrong with a machine's description, in one sentence with the remedy.
//
// Threads: any. Opens files for a look at their beginning; changes nothing.
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/api/config-priv.h"
#include "engine/boot/image-format.h"
#include "engine/boot/linux.h"
#include "engine/machine/boot-order.h"
#include "engine/machine/firmware.h"
#include "engine/machine/machine.h"

static_assert ((int) VM_CONFIG_CPUS_MAX == MACHINE_CPUS_MAX &&
                   (int) VM_CONFIG_DISKS_MAX == MACHINE_DISKS_MAX &&
                   (int) VM_CONFIG_USB_DISKS_MAX == MACHINE_USB_DISKS_MAX &&
                   (int) VM_CONFIG_NICS_MAX == MACHINE_NICS_MAX && (int) VM_PORTS == MACHINE_PORTS,
               "the machine takes what the configuration allows");

G_GNUC_PRINTF (3, 4)
static bool
fail (GError **error, VmConfigError code, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, VM_CONFIG_ERROR, code, text);
  return false;
}

// ---- ranges ---------------------------------------------------------------------------------

static bool
check_nic (const VmNicConfig *nic, GError **error)
{
  if (nic->forwards->len > VM_CONFIG_FORWARDS_MAX)
    return fail (error, VM_CONFIG_ERROR_FIELD,
                 _ ("A network adapter can have at most %d port forwards; remove some."),
                 VM_CONFIG_FORWARDS_MAX);
  if ((nic->mac[0] & 1) != 0)
    return fail (error, VM_CONFIG_ERROR_FIELD,
                 _ ("The hardware address of a network adapter is a group address; its first "
                    "number must be even."));
  for (unsigned i = 0; i < nic->forwards->len; i++) {
    const VmForward *forward = &g_array_index (nic->forwards, VmForward, i);

    if (forward->host_port == 0 || forward->guest_port == 0)
      return fail (error, VM_CONFIG_ERROR_FIELD,
                   _ ("A port forward has port 0; choose ports between 1 and 65535."));
  }
  return true;
}

static unsigned
count_usb_disks (const VmConfig *config)
{
  unsigned n = 0;

  // One in a slot has a controller of its own there.
  for (unsigned i = 0; i < config->disks->len; i++) {
    const VmDiskConfig *disk = g_ptr_array_index (config->disks, i);
    n += disk->bus == VM_DISK_USB && disk->port == 0;
  }
  return n;
}

static bool
check_devices (const VmConfig *config, GError **error)
{
  if (config->disks->len > VM_CONFIG_DISKS_MAX)
    return fail (error, VM_CONFIG_ERROR_FIELD, _ ("A machine can have at most %d disks."),
                 VM_CONFIG_DISKS_MAX);
  if (count_usb_disks (config) > VM_CONFIG_USB_DISKS_MAX)
    return fail (error, VM_CONFIG_ERROR_FIELD, _ ("A machine can have at most %d disks on USB."),
                 VM_CONFIG_USB_DISKS_MAX);
  if (config->nics->len > VM_CONFIG_NICS_MAX)
    return fail (error, VM_CONFIG_ERROR_FIELD,
                 _ ("A machine can have at most %d network adapters."), VM_CONFIG_NICS_MAX);
  for (unsigned i = 0; i < config->nics->len; i++)
    if (!check_nic (g_ptr_array_index (config->nics, i), error))
      return false;
  if (config->display_width < 1 || config->display_width > VM_CONFIG_DISPLAY_MAX ||
      config->display_height < 1 || config->display_height > VM_CONFIG_DISPLAY_MAX)
    return fail (error, VM_CONFIG_ERROR_FIELD,
                 _ ("The display size must be between 1 and %d pixels each way."),
                 VM_CONFIG_DISPLAY_MAX);
  if (config->sound.volume > VM_CONFIG_SOUND_VOLUME_MAX)
    return fail (error, VM_CONFIG_ERROR_FIELD, _ ("The volume must be between 0 and %d percent."),
                 VM_CONFIG_SOUND_VOLUME_MAX);
  if (config->sound.latency_ms < VM_CONFIG_SOUND_LATENCY_MS_MIN ||
      config->sound.latency_ms > VM_CONFIG_SOUND_LATENCY_MS_MAX)
    return fail (error, VM_CONFIG_ERROR_FIELD,
                 _ ("The latency of sound must be between %d and %d milliseconds."),
                 VM_CONFIG_SOUND_LATENCY_MS_MIN, VM_CONFIG_SOUND_LATENCY_MS_MAX);
  return true;
}

static bool
check_texts (const VmConfig *config, GError **error)
{
  if (config->name[0] == '\0')
    return fail (error, VM_CONFIG_ERROR_FIELD, _ ("The machine has no name; give it one."));
  if (strlen (config->name) > VM_CONFIG_NAME_MAX || !g_utf8_validate (config->name, -1, NULL))
    return fail (error, VM_CONFIG_ERROR_FIELD,
                 _ ("The machine's name is too long or not valid text; choose another."));
  if (!g_uuid_string_is_valid (config->uuid))
    return fail (error, VM_CONFIG_ERROR_FIELD, _ ("\"%s\" is not a valid UUID."), config->uuid);
  if (config->firmware == NULL && config->nvram != NULL)
    return fail (error, VM_CONFIG_ERROR_FIELD,
                 _ ("The machine has a file for its firmware's variables but no firmware; choose "
                    "one."));
  for (unsigned i = 0; config->boot_order != NULL && config->boot_order[i] != NULL; i++)
    if (!boot_order_is_name (config->boot_order[i]))
      return fail (error, VM_CONFIG_ERROR_FIELD,
                   _ ("\"%s\" is nothing to start from; the boot order names disk0, net0 and so "
                      "on."),
                   config->boot_order[i]);
  if (config->cmdline != NULL && strlen (config->cmdline) > VM_CONFIG_CMDLINE_MAX)
    return fail (error, VM_CONFIG_ERROR_FIELD,
                 _ ("The kernel command line is longer than %d bytes; shorten it."),
                 VM_CONFIG_CMDLINE_MAX);
  return true;
}

bool
vm_config_check_ranges (const VmConfig *config, GError **error)
{
  if (!check_texts (config, error))
    return false;
  if (config->cpus < 1 || config->cpus > VM_CONFIG_CPUS_MAX)
    return fail (error, VM_CONFIG_ERROR_FIELD,
                 _ ("The number of processors must be between 1 and %d."), VM_CONFIG_CPUS_MAX);
  if (config->memory_bytes < VM_CONFIG_MEMORY_MIN)
    return fail (error, VM_CONFIG_ERROR_FIELD, _ ("The machine needs at least %u MiB of memory."),
                 (unsigned) (VM_CONFIG_MEMORY_MIN >> 20));
  if (config->memory_bytes % MIB (1) != 0)
    return fail (error, VM_CONFIG_ERROR_FIELD,
                 _ ("The memory must be a whole number of MiB (1048576 bytes)."));
  return check_devices (config, error);
}

// ---- files ----------------------------------------------------------------------------------

// What a message says of a file that cannot be opened.
static bool
fail_open (const char *name, int error_number, GError **error)
{
  switch (error_number) {
  case ENOENT:
  case ENOTDIR:
    return fail (error, VM_CONFIG_ERROR_FILE, _ ("The file %s does not exist; choose another."),
                 name);
  case EACCES:
  case EPERM:
    return fail (error, VM_CONFIG_ERROR_FILE,
                 _ ("You may not read %s; choose another file or change its permissions."), name);
  default:
    return fail (error, VM_CONFIG_ERROR_FILE, _ ("The file %s cannot be opened: %s."), name,
                 g_strerror (error_number));
  }
}

// Opens without waiting (a pipe) and without following what a terminal might do.
static int
open_for_look (const char *path, struct stat *st, const char *name, GError **error)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

  if (fd < 0 || fstat (fd, st) < 0) {
    fail_open (name, errno, error);
    if (fd >= 0)
      close (fd);
    return -1;
  }
  return fd;
}

static bool
fail_kind (const char *name, GError **error)
{
  return fail (error, VM_CONFIG_ERROR_FILE, _ ("%s is not a regular file; choose another file."),
               name);
}

// The first bytes of a regular file.
typedef struct Head {
  uint8_t *data; // g_free
  size_t length;
  uint64_t file_bytes;
} Head;

static bool
read_head (const char *path, const char *name, Head *head, GError **error)
{
  struct stat st;
  int fd = open_for_look (path, &st, name, error);

  if (fd < 0)
    return false;
  head->data = g_malloc (BOOT_PROBE_BYTES);
  head->file_bytes = (uint64_t) st.st_size;
  ssize_t got = S_ISREG (st.st_mode) ? pread (fd, head->data, BOOT_PROBE_BYTES, 0) : 0;
  int error_number = errno;
  close (fd);
  if (got >= 0 && S_ISREG (st.st_mode)) {
    head->length = (size_t) got;
    return true;
  }
  g_clear_pointer (&head->data, g_free);
  return got < 0 ? fail_open (name, error_number, error) : fail_kind (name, error);
}

static bool
probe_kernel (const Head *head, const char *name, GError **error)
{
  g_autoptr (GError) why = NULL;

  if (boot_kernel_probe (head->data, head->length, head->file_bytes, name, &why))
    return true;
  return fail (error, VM_CONFIG_ERROR_FILE, "%s", why->message);
}

static bool
check_kernel (const VmConfig *config, GError **error)
{
  Head head;

  if (config->kernel == NULL && config->firmware != NULL)
    return true;
  if (config->kernel == NULL)
    return fail (error, VM_CONFIG_ERROR_FIELD,
                 _ ("The machine has nothing to start; choose a kernel."));
  g_autofree char *name = g_filename_display_name (config->kernel);
  if (!read_head (config->kernel, name, &head, error))
    return false;
  bool ok = probe_kernel (&head, name, error);
  g_free (head.data);
  return ok;
}

static bool
check_firmware (const VmConfig *config, GError **error)
{
  g_autoptr (GError) why = NULL;

  if (config->firmware == NULL || firmware_check (config->firmware, config->nvram, &why))
    return true;
  return fail (error, VM_CONFIG_ERROR_FILE, "%s", why->message);
}

static bool
check_initrd (const VmConfig *config, GError **error)
{
  struct stat st;

  if (config->initrd == NULL)
    return true;
  g_autofree char *name = g_filename_display_name (config->initrd);
  int fd = open_for_look (config->initrd, &st, name, error);
  if (fd < 0)
    return false;
  close (fd);
  if (!S_ISREG (st.st_mode))
    return fail_kind (name, error);
  if (st.st_size == 0)
    return fail (error, VM_CONFIG_ERROR_FILE,
                 _ ("The initial RAM disk %s is empty; choose another file."), name);
  if ((uint64_t) st.st_size >= config->memory_bytes)
    return fail (
        error, VM_CONFIG_ERROR_FILE,
        _ ("The initial RAM disk %s (%u MiB) is larger than the machine's memory (%u MiB); "
           "give the machine more memory."),
        name, (unsigned) (st.st_size >> 20), (unsigned) (config->memory_bytes >> 20));
  return true;
}

static bool
check_disk (const VmDiskConfig *disk, GError **error)
{
  g_autofree char *name = g_filename_display_name (disk->path);
  struct stat st;

  if (disk->cdrom && disk->path[0] == '\0')
    return true;
  int fd = open_for_look (disk->path, &st, name, error);
  if (fd < 0)
    return false;
  close (fd);
  if (!S_ISREG (st.st_mode) && !S_ISBLK (st.st_mode))
    return fail (error, VM_CONFIG_ERROR_FILE,
                 _ ("%s is neither a file nor a disk; choose another file."), name);
  if (S_ISREG (st.st_mode) && st.st_size == 0)
    return fail (error, VM_CONFIG_ERROR_FILE, _ ("The disk image %s is empty; choose another."),
                 name);
  if (!disk->read_only && faccessat (AT_FDCWD, disk->path, W_OK, AT_EACCESS) < 0)
    return fail (error, VM_CONFIG_ERROR_FILE,
                 _ ("The disk image %s may not be written to; make it writable or attach it "
                    "read-only."),
                 name);
  return true;
}

// Two disks may share a file that neither writes to.
static bool
check_shared (const VmDiskConfig *disk, const VmDiskConfig *other, GError **error)
{
  struct stat a, b;
  bool same = stat (disk->path, &a) == 0 && stat (other->path, &b) == 0 && a.st_dev == b.st_dev &&
              a.st_ino == b.st_ino;

  if (!same || (disk->read_only && other->read_only))
    return true;
  g_autofree char *name = g_filename_display_name (disk->path);
  return fail (error, VM_CONFIG_ERROR_FILE,
               _ ("The machine has the disk %s already; choose another, or attach both read-only."),
               name);
}

static bool
check_disks (const VmConfig *config, GError **error)
{
  for (unsigned i = 0; i < config->disks->len; i++) {
    const VmDiskConfig *disk = config->disks->pdata[i];
    if (!check_disk (disk, error))
      return false;
    for (unsigned j = 0; j < i; j++)
      if (!check_shared (disk, config->disks->pdata[j], error))
        return false;
  }
  return true;
}

bool
vm_config_validate (const VmConfig *config, GError **error)
{
  if (!vm_config_check_ranges (config, error))
    return false;
  if (config->memory_bytes > vm_host_get_memory_bytes ())
    return fail (error, VM_CONFIG_ERROR_FIELD,
                 _ ("The machine's memory (%u MiB) is more than this computer has (%u MiB); choose "
                    "less."),
                 (unsigned) (config->memory_bytes >> 20),
                 (unsigned) (vm_host_get_memory_bytes () >> 20));
  if (!check_firmware (config, error) || !check_kernel (config, error) ||
      !check_initrd (config, error))
    return false;
  return check_disks (config, error);
}

// ---- files a person offers ------------------------------------------------------------------

bool
vm_file_probe (const char *path, VmFileKind *kind, GError **error)
{
  g_autofree char *name = g_filename_display_name (path);
  g_autoptr (GError) why = NULL;
  Head head;

  if (!read_head (path, name, &head, error))
    return false;
  bool kernel = probe_kernel (&head, name, &why);
  bool qcow2 = !kernel && image_format_detect (head.data, head.length) == IMAGE_QCOW2;
  bool raw = !kernel && boot_is_raw_disk (head.data, head.length, head.file_bytes);
  g_free (head.data);
  if (kernel || qcow2 || raw) {
    *kind = kernel ? VM_FILE_KERNEL_AARCH64 : qcow2 ? VM_FILE_QCOW2_DISK : VM_FILE_RAW_DISK;
    return true;
  }
  g_propagate_error (error, g_steal_pointer (&why));
  return false;
}
