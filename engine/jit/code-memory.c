// SPDX-License-Identifier: GPL-3.0-or-later
// See code-memory.h. memfd_create(2): MFD_EXEC says that the file may be executed where the system
// would otherwise assume not; older kernels do not know it, nor madvise(2)'s MADV_POPULATE_READ and
// MADV_COLLAPSE.
#include "engine/jit/code-memory.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WITH_EXEC = 0x10, POPULATE_READ = 22, POPULATE_WRITE = 23, COLLAPSE = 25 };
enum { ZEROES = 4096, PARTS = 16 }; // written at once

static int
open_memory (void)
{
  int fd = memfd_create ("terrarium-code", MFD_CLOEXEC | WITH_EXEC);

  return fd >= 0 || errno != EINVAL ? fd : memfd_create ("terrarium-code", MFD_CLOEXEC);
}

static void *
map (size_t bytes, int protection, int flags, int fd)
{
  void *p = mmap (NULL, bytes, protection, flags | MAP_NORESERVE, fd, 0);

  return p != MAP_FAILED ? p : NULL;
}

static void *
map_at (void *where, size_t bytes, int protection, int fd)
{
  void *p = mmap (where, bytes, protection, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, fd, 0);

  return p != MAP_FAILED ? p : NULL;
}

static uintptr_t
round_up (uintptr_t n)
{
  return (n + CODE_HUGE_PAGE - 1) & ~(uintptr_t) (CODE_HUGE_PAGE - 1);
}

// Both begin where a huge page may.
static bool
map_twice (CodeMemory *memory, size_t bytes)
{
  int fd = open_memory ();

  *memory = (CodeMemory){.bytes = bytes, .fd = fd};
  if (fd < 0)
    return false;
  memory->room_bytes = 2 * round_up (bytes) + CODE_HUGE_PAGE;
  memory->room = map (memory->room_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  if (memory->room != NULL && ftruncate (fd, (off_t) bytes) == 0) {
    uint8_t *first =
        (uint8_t *) memory->room + (round_up ((uintptr_t) memory->room) - (uintptr_t) memory->room);

    memory->write = map_at (first, bytes, PROT_READ | PROT_WRITE, fd);
    memory->execute = map_at (first + round_up (bytes), bytes, PROT_READ | PROT_EXEC, fd);
  }
  if (memory->write != NULL && memory->execute != NULL)
    return true;
  code_memory_unmap (memory);
  return false;
}

bool
code_memory_map (CodeMemory *memory, size_t bytes, bool anonymous, GError **error)
{
  if (!anonymous && map_twice (memory, bytes))
    return true;
  void *both = map (bytes, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  int saved = errno;
  *memory = (CodeMemory){.write = both, .execute = both, .bytes = bytes, .fd = -1};
  if (both != NULL)
    return true;
  g_set_error (error, G_IO_ERROR, (int) g_io_error_from_errno (saved),
               _ ("This computer does not allow memory for translated code: %s."),
               g_strerror (saved));
  return false;
}

// Pages that were written through the file are only to be mapped, which the system does for several
// at a time; a quarter less than faults for writing, one page each.
static bool
write_zeroes (int fd, size_t start, size_t bytes)
{
  static const uint8_t zeroes[ZEROES];
  struct iovec parts[PARTS];
  unsigned n = (unsigned) (bytes / ZEROES);

  if (fd < 0 || n > PARTS || bytes % ZEROES != 0)
    return false;
  for (unsigned i = 0; i < n; i++)
    parts[i] = (struct iovec){.iov_base = (void *) (uintptr_t) zeroes, .iov_len = ZEROES};
  return pwritev (fd, parts, (int) n, (off_t) start) == (ssize_t) bytes;
}

void
code_memory_prepare (const CodeMemory *memory, size_t start, size_t bytes)
{
  bool written = write_zeroes (memory->fd, start, bytes);

  (void) madvise (memory->write + start, bytes, written ? POPULATE_READ : POPULATE_WRITE);
}

// Of a page there must be something for it to become part of a huge one.
bool
code_memory_prepare_huge (const CodeMemory *memory, size_t start)
{
  if (memory->fd < 0)
    return false;
  memory->write[start] = 0;
  return madvise (memory->write + start, CODE_HUGE_PAGE, COLLAPSE) == 0;
}

void
code_memory_unmap (CodeMemory *memory)
{
  bool open = memory->bytes != 0 && memory->fd >= 0;

  if (memory->room != NULL)
    munmap (memory->room, memory->room_bytes);
  else if (memory->write != NULL)
    munmap (memory->write, memory->bytes);
  if (open)
    close (memory->fd);
  *memory = (CodeMemory){.fd = -1};
}
