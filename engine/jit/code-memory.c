// SPDX-License-Identifier: GPL-3.0-or-later
// See code-memory.h. memfd_create(2): MFD_EXEC says that the file may be executed where the system
// would otherwise assume not; older kernels do not know it, nor madvise(2)'s MADV_POPULATE_WRITE.
#include "engine/jit/code-memory.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <sys/mman.h>
#include <unistd.h>

enum { WITH_EXEC = 0x10, POPULATE_WRITE = 23 };

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

static bool
map_twice (CodeMemory *memory, size_t bytes)
{
  int fd = open_memory ();

  *memory = (CodeMemory){.bytes = bytes};
  if (fd < 0)
    return false;
  if (ftruncate (fd, (off_t) bytes) == 0) {
    memory->write = map (bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    memory->execute = map (bytes, PROT_READ | PROT_EXEC, MAP_SHARED, fd);
  }
  close (fd);
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
  *memory = (CodeMemory){.write = both, .execute = both, .bytes = bytes};
  if (both != NULL)
    return true;
  g_set_error (error, G_IO_ERROR, (int) g_io_error_from_errno (saved),
               _ ("This computer does not allow memory for translated code: %s."),
               g_strerror (saved));
  return false;
}

void
code_memory_prepare (void *start, size_t bytes)
{
  (void) madvise (start, bytes, POPULATE_WRITE);
}

void
code_memory_unmap (CodeMemory *memory)
{
  if (memory->write != NULL)
    munmap (memory->write, memory->bytes);
  if (memory->execute != NULL && memory->execute != memory->write)
    munmap (memory->execute, memory->bytes);
  *memory = (CodeMemory){0};
}
