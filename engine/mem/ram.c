// SPDX-License-Identifier: GPL-3.0-or-later
// Guest RAM on a memfd. A shared file rather than anonymous memory, so that other processes
// (vhost-user, a machine's own process) and copy-on-write restore can map the same pages later.
//
// Threads: see ram.h.
#include "engine/mem/ram.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gi18n.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct VmRam {
  GuestAddr base;
  uint64_t size_bytes;
  uint8_t *host;
  int fd;
};

static VmRam *
fail (VmRam *ram, int error_number, GError **error)
{
  g_set_error (
      error, G_IO_ERROR, g_io_error_from_errno (error_number),
      _ ("This computer cannot provide %u MiB of memory for the machine: %s; give it less."),
      (unsigned) (ram->size_bytes >> 20), g_strerror (error_number));
  vm_ram_free (ram);
  return NULL;
}

VmRam *
vm_ram_new (GuestAddr base, uint64_t size_bytes, GError **error)
{
  VmRam *ram = g_new0 (VmRam, 1);

  g_assert (size_bytes > 0 && size_bytes % (uint64_t) sysconf (_SC_PAGESIZE) == 0);
  g_assert (base + (size_bytes - 1) >= base);
  ram->base = base;
  ram->size_bytes = size_bytes;
  ram->fd = memfd_create ("guest-ram", MFD_CLOEXEC);
  if (ram->fd < 0)
    return fail (ram, errno, error);
  if (size_bytes > G_MAXINT64 || size_bytes > SIZE_MAX)
    return fail (ram, EFBIG, error);
  if (ftruncate (ram->fd, (off_t) size_bytes) < 0)
    return fail (ram, errno, error);

  void *host = mmap (NULL, (size_t) size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
                     ram->fd, 0);
  if (host == MAP_FAILED)
    return fail (ram, errno, error);
  ram->host = host;
  // Wishes only: a kernel without huge pages for shared memory says no, and that is fine. Guest
  // memory has no place in a core file of ours.
  madvise (host, (size_t) size_bytes, MADV_HUGEPAGE);
  madvise (host, (size_t) size_bytes, MADV_DONTDUMP);
  return ram;
}

void
vm_ram_free (VmRam *ram)
{
  if (ram == NULL)
    return;
  if (ram->host != NULL)
    munmap (ram->host, (size_t) ram->size_bytes);
  if (ram->fd >= 0)
    close (ram->fd);
  g_free (ram);
}

GuestAddr
vm_ram_get_base (const VmRam *ram)
{
  return ram->base;
}

uint64_t
vm_ram_get_size_bytes (const VmRam *ram)
{
  return ram->size_bytes;
}

uint8_t *
vm_ram_get_host (const VmRam *ram)
{
  return ram->host;
}

int
vm_ram_get_fd (const VmRam *ram)
{
  return ram->fd;
}

uint64_t
vm_ram_get_resident_bytes (const VmRam *ram)
{
  struct stat st;

  if (fstat (ram->fd, &st) < 0)
    return 0;
  return (uint64_t) st.st_blocks * 512;
}

void
vm_ram_clear (VmRam *ram)
{
  if (fallocate (ram->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t) ram->size_bytes) <
      0)
    memset (ram->host, 0, (size_t) ram->size_bytes);
}
