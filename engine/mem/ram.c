// SPDX-License-Identifier: GPL-3.0-or-later
// Guest RAM in anonymous private memory: the only kind that gets huge pages on a system as it is
// installed, and a guest's accesses all over its memory take up to twice as long without them.
// (Shared memory could have them, but systems come with that switched off.) What was never touched
// is found in /proc/self/pagemap (proc(5)), where looking does not touch it.
//
// After a restore it is a private mapping of the saved state instead: there at once, and read from
// the file as it is used, but without huge pages until the next start or reset.
//
// Threads: see ram.h.
#include "engine/mem/ram.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gi18n.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/mem/ram-loss.h"

struct VmRam {
  GuestAddr base;
  uint64_t size_bytes;
  uint8_t *host;
  int pagemap; // -1: this system has none for us
  // Of the file it is mapped from: whether a piece of chunk_bytes of it holds something. NULL: none.
  bool *filled;
  uint64_t chunk_bytes;
  bool is_lost; // atomic
  void (*lost) (void *data);
  void *lost_data;
};

enum { PAGEMAP_BATCH = 512 };
#define PAGEMAP_IN_USE (UINT64_C (3) << 62) // present, or swapped out

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

// Wishes only: a kernel without huge pages says no, and that is fine. Guest memory has no place in a
// core file of ours.
static void
make_wishes (void *host, uint64_t bytes)
{
  madvise (host, (size_t) bytes, MADV_HUGEPAGE);
  madvise (host, (size_t) bytes, MADV_DONTDUMP);
}

// At `at` in place of what is there, or anywhere.
static void *
map_nothing (void *at, uint64_t bytes)
{
  void *host =
      mmap (at, (size_t) bytes, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at != NULL ? MAP_FIXED : 0), -1, 0);

  if (host != MAP_FAILED)
    make_wishes (host, bytes);
  return host;
}

VmRam *
vm_ram_new (GuestAddr base, uint64_t size_bytes, GError **error)
{
  VmRam *ram = g_new0 (VmRam, 1);

  g_assert (size_bytes > 0 && size_bytes % (uint64_t) sysconf (_SC_PAGESIZE) == 0);
  g_assert (base + (size_bytes - 1) >= base);
  ram->base = base;
  ram->size_bytes = size_bytes;
  ram->pagemap = open ("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (size_bytes > SIZE_MAX)
    return fail (ram, EFBIG, error);

  void *host = map_nothing (NULL, size_bytes);
  if (host == MAP_FAILED)
    return fail (ram, errno, error);
  ram->host = host;
  return ram;
}

void
vm_ram_set_loss_handler (VmRam *ram, void (*lost) (void *data), void *data)
{
  ram->lost = lost;
  ram->lost_data = data;
}

bool
vm_ram_is_lost (const VmRam *ram)
{
  return __atomic_load_n (&ram->is_lost, __ATOMIC_ACQUIRE);
}

// In a signal handler.
static void
lose (void *data)
{
  VmRam *ram = data;

  __atomic_store_n (&ram->is_lost, true, __ATOMIC_RELEASE);
  if (ram->lost != NULL)
    ram->lost (ram->lost_data);
}

int
vm_ram_map_file (VmRam *ram, int fd, uint64_t offset, uint64_t chunk_bytes, const uint64_t *filled)
{
  uint64_t n = ram->size_bytes / chunk_bytes;
  void *host = mmap (ram->host, (size_t) ram->size_bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED, fd, (off_t) offset);

  g_assert (ram->size_bytes % chunk_bytes == 0);
  if (host == MAP_FAILED)
    return errno;
  make_wishes (host, ram->size_bytes);
  ram_loss_forget (host);
  ram_loss_watch (host, (size_t) ram->size_bytes, lose, ram);
  g_free (ram->filled);
  ram->filled = g_new (bool, n);
  ram->chunk_bytes = chunk_bytes;
  for (uint64_t i = 0; i < n; i++)
    ram->filled[i] = filled[i] != 0;
  return 0;
}

void
vm_ram_free (VmRam *ram)
{
  if (ram == NULL)
    return;
  if (ram->filled != NULL)
    ram_loss_forget (ram->host);
  if (ram->host != NULL)
    munmap (ram->host, (size_t) ram->size_bytes);
  if (ram->pagemap >= 0)
    close (ram->pagemap);
  g_free (ram->filled);
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

// How many entries from that of page `first` on were read; 0: there are none to read.
static unsigned
read_pagemap (const VmRam *ram, uint64_t first, uint64_t entries[PAGEMAP_BATCH])
{
  uint64_t page_bytes = (uint64_t) sysconf (_SC_PAGESIZE);
  uint64_t at = (uintptr_t) ram->host / page_bytes + first;
  uint64_t left = ram->size_bytes / page_bytes - first;
  ssize_t got = -1;

  if (ram->pagemap >= 0)
    got = pread (ram->pagemap, entries, sizeof *entries * MIN (left, PAGEMAP_BATCH),
                 (off_t) (at * sizeof *entries));
  return got > 0 ? (unsigned) ((size_t) got / sizeof *entries) : 0;
}

// A page that is not there may still be in the file.
static bool
is_in_file (const VmRam *ram, uint64_t offset)
{
  return ram->filled != NULL && ram->filled[offset / ram->chunk_bytes];
}

// As vm_ram_next_used; `files`: also what is only in the file.
static bool
next_used (const VmRam *ram, bool files, uint64_t from, uint64_t *start, uint64_t *end)
{
  uint64_t page_bytes = (uint64_t) sysconf (_SC_PAGESIZE), entries[PAGEMAP_BATCH];
  uint64_t page = from / page_bytes, pages = ram->size_bytes / page_bytes;
  bool found = false;

  while (page < pages) {
    unsigned n = read_pagemap (ram, page, entries);

    if (n == 0) { // unknown: all the rest may be in use
      *start = found ? *start : page * page_bytes;
      *end = ram->size_bytes;
      return true;
    }
    for (unsigned i = 0; i < n; i++, page++) {
      bool used =
          (entries[i] & PAGEMAP_IN_USE) != 0 || (files && is_in_file (ram, page * page_bytes));

      if (used && !found)
        *start = page * page_bytes;
      *end = page * page_bytes;
      if (found && !used)
        return true;
      found |= used;
    }
  }
  *end = ram->size_bytes;
  return found;
}

bool
vm_ram_next_used (const VmRam *ram, uint64_t from, uint64_t *start, uint64_t *end)
{
  return next_used (ram, true, from, start, end);
}

uint64_t
vm_ram_get_resident_bytes (const VmRam *ram)
{
  uint64_t sum = 0, start, end;

  for (uint64_t at = 0; next_used (ram, false, at, &start, &end); at = end)
    sum += end - start;
  return sum;
}

void
vm_ram_clear (VmRam *ram)
{
  bool mapped = ram->filled != NULL;

  if (mapped)
    ram_loss_forget (ram->host);
  __atomic_store_n (&ram->is_lost, false, __ATOMIC_RELEASE);
  g_clear_pointer (&ram->filled, g_free);
  if (mapped ? map_nothing (ram->host, ram->size_bytes) == MAP_FAILED
             : madvise (ram->host, (size_t) ram->size_bytes, MADV_DONTNEED) < 0)
    memset (ram->host, 0, (size_t) ram->size_bytes);
}

uint64_t
vm_ram_discard (void *host, uint64_t bytes)
{
  uintptr_t page_bytes = (uintptr_t) sysconf (_SC_PAGESIZE);
  uintptr_t first = ((uintptr_t) host + page_bytes - 1) & ~(page_bytes - 1);
  uintptr_t end = ((uintptr_t) host + bytes) & ~(page_bytes - 1);

  if (end <= first ||
      madvise ((uint8_t *) host + (first - (uintptr_t) host), end - first, MADV_DONTNEED) < 0)
    return 0;
  return end - first;
}
