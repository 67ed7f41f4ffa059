// SPDX-License-Identifier: GPL-3.0-or-later
// See code-memory.h. memfd_create(2): MFD_EXEC says that the file may be executed where the system
// would otherwise assume not; older kernels do not know it.
#include "engine/jit/code-memory.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

enum { WITH_EXEC = 0x10 };

static int
open_memory (void)
{
  int fd = memfd_create ("terrarium-code", MFD_CLOEXEC | WITH_EXEC);

  return fd >= 0 || errno != EINVAL ? fd : memfd_create ("terrarium-code", MFD_CLOEXEC);
}

bool
code_memory_map (CodeMemory *memory, size_t bytes, GError **error)
{
  int fd = open_memory ();
  void *write = MAP_FAILED, *execute = MAP_FAILED;

  *memory = (CodeMemory){.bytes = bytes};
  if (fd >= 0 && ftruncate (fd, (off_t) bytes) == 0) {
    write = mmap (NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    execute = mmap (NULL, bytes, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_NORESERVE, fd, 0);
  }
  int saved = errno;
  if (fd >= 0)
    close (fd);
  memory->write = write != MAP_FAILED ? write : NULL;
  memory->execute = execute != MAP_FAILED ? execute : NULL;
  if (memory->write != NULL && memory->execute != NULL)
    return true;
  code_memory_unmap (memory);
  g_set_error (error, G_IO_ERROR, (int) g_io_error_from_errno (saved),
               "This computer does not allow memory for translated code: %s", g_strerror (saved));
  return false;
}

void
code_memory_unmap (CodeMemory *memory)
{
  if (memory->write != NULL)
    munmap (memory->write, memory->bytes);
  if (memory->execute != NULL)
    munmap (memory->execute, memory->bytes);
  *memory = (CodeMemory){0};
}
