// SPDX-License-Identifier: GPL-3.0-or-later
// Reading a saved state's file (DESIGN.md): nothing in it is believed before it is checked.
//
// Threads: see state-file.h.
#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/snapshot/state-file-priv.h"
#include "engine/snapshot/state-file.h"
#include "engine/snapshot/sum.h"

G_DEFINE_QUARK (terrarium - state - file - error, state_file_error)

struct StateFile {
  char *name; // for messages
  int fd;
  StateFileHeader header;
  uint64_t *sums;
  GBytes *stream;
};

static bool
fail (const StateFile *file, int code, const char *why, GError **error)
{
  g_set_error (error, STATE_FILE_ERROR, code, _ ("The saved state “%s” cannot be used: %s."),
               file->name, why);
  return false;
}

static bool
fail_damaged (const StateFile *file, GError **error)
{
  return fail (file, STATE_FILE_ERROR_DAMAGED, _ ("it is damaged"), error);
}

static bool
fail_host (const StateFile *file, int code, GError **error)
{
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code),
               _ ("The saved state “%s” cannot be read: %s."), file->name, g_strerror (code));
  return false;
}

static bool
read_all (int fd, void *data, size_t length, uint64_t offset)
{
  while (length > 0) {
    ssize_t n = pread (fd, data, length, (off_t) offset);

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      errno = n == 0 ? EIO : errno;
      return false;
    }
    data = (uint8_t *) data + n;
    offset += (uint64_t) n;
    length -= (size_t) n;
  }
  return true;
}

// ---- the header -----------------------------------------------------------------------------

// Inside the file, on a page, and padded to the next.
static bool
fits (const StateFile *file, uint64_t offset, uint64_t length)
{
  uint64_t bytes = file->header.file_bytes;

  return offset % STATE_FILE_PAGE_BYTES == 0 && offset >= STATE_FILE_HEADER_BYTES &&
         offset <= bytes && length <= bytes - offset;
}

// The memories lie one behind the other, and there is a sum for each chunk of them.
static bool
check_rams (const StateFile *file)
{
  const StateFileHeader *header = &file->header;
  uint64_t offset = STATE_FILE_RAM_OFFSET, chunks = 0;

  if (header->n_rams > STATE_FILE_RAMS_MAX)
    return false;
  for (unsigned i = 0; i < header->n_rams; i++) {
    const StateFileRam *ram = &header->rams[i];

    if (ram->bytes == 0 || ram->bytes % STATE_FILE_CHUNK_BYTES != 0 || ram->offset != offset ||
        !fits (file, ram->offset, ram->bytes))
      return false;
    offset += ram->bytes;
    chunks += ram->bytes / STATE_FILE_CHUNK_BYTES;
  }
  return header->sums.length == chunks * sizeof (uint64_t);
}

static bool
check_header (StateFile *file, const char *arch, GError **error)
{
  StateFileHeader *header = &file->header;
  char expected[sizeof header->arch] = {0};
  uint64_t sum = header->sum;

  g_assert (strlen (arch) < sizeof expected);
  memcpy (expected, arch, strlen (arch));
  if (memcmp (header->magic, STATE_FILE_MAGIC, sizeof header->magic) != 0)
    return fail (file, STATE_FILE_ERROR_FOREIGN, _ ("it was not made by Terrarium"), error);
  if (header->version > STATE_FILE_VERSION)
    return fail (file, STATE_FILE_ERROR_NEWER,
                 _ ("it was made by a newer Terrarium; update Terrarium"), error);
  header->sum = 0;
  if (sum != state_sum (header, sizeof *header))
    return fail_damaged (file, error);
  if (memcmp (header->arch, expected, sizeof expected) != 0)
    return fail (file, STATE_FILE_ERROR_FOREIGN, _ ("it is of another kind of machine"), error);
  return true;
}

static bool
check_size (const StateFile *file, GError **error)
{
  struct stat status;

  if (fstat (file->fd, &status) < 0)
    return fail_host (file, errno, error);
  if ((uint64_t) status.st_size < file->header.file_bytes)
    return fail (file, STATE_FILE_ERROR_DAMAGED, _ ("it is incomplete"), error);
  return true;
}

// ---- opening --------------------------------------------------------------------------------

// The bytes of an extent with a matching sum; NULL otherwise.
static uint8_t *
read_extent (const StateFile *file, const StateFileExtent *extent, uint64_t sum, GError **error)
{
  uint64_t pages = (extent->length + STATE_FILE_PAGE_BYTES - 1) / STATE_FILE_PAGE_BYTES;
  size_t padded = (size_t) pages * STATE_FILE_PAGE_BYTES;

  if (extent->length > STATE_FILE_STREAM_MAX || !fits (file, extent->offset, padded)) {
    fail_damaged (file, error);
    return NULL;
  }
  g_autofree uint8_t *data = g_try_malloc (MAX (padded, 1));
  if (data == NULL) {
    fail_host (file, ENOMEM, error);
    return NULL;
  }
  if (!read_all (file->fd, data, padded, extent->offset)) {
    fail_host (file, errno, error);
    return NULL;
  }
  if (extent->length > 0 && sum != state_sum (data, padded)) {
    fail_damaged (file, error);
    return NULL;
  }
  return g_steal_pointer (&data);
}

static bool
read_parts (StateFile *file, GError **error)
{
  const StateFileHeader *header = &file->header;

  if (!check_rams (file))
    return fail_damaged (file, error);
  file->sums = (void *) read_extent (file, &header->sums, header->sums_sum, error);
  if (file->sums == NULL)
    return false;
  uint8_t *stream = read_extent (file, &header->stream, header->stream_sum, error);
  if (stream == NULL)
    return false;
  file->stream = g_bytes_new_take (stream, (size_t) header->stream.length);
  return true;
}

static bool
open_file (StateFile *file, const char *path, const char *arch, GError **error)
{
  struct stat status;

  file->fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file->fd < 0 || fstat (file->fd, &status) < 0)
    return fail_host (file, errno, error);
  if (!S_ISREG (status.st_mode) || status.st_size < STATE_FILE_HEADER_BYTES)
    return fail (file, STATE_FILE_ERROR_FOREIGN, _ ("it was not made by Terrarium"), error);
  if (!read_all (file->fd, &file->header, sizeof file->header, 0))
    return fail_host (file, errno, error);
  return check_header (file, arch, error) && check_size (file, error) && read_parts (file, error);
}

StateFile *
state_file_open (const char *path, const char *arch, GError **error)
{
  StateFile *file = g_new0 (StateFile, 1);

  file->name = g_filename_display_name (path);
  if (open_file (file, path, arch, error))
    return file;
  state_file_free (file);
  return NULL;
}

void
state_file_free (StateFile *file)
{
  if (file == NULL)
    return;
  if (file->fd >= 0)
    close (file->fd);
  g_clear_pointer (&file->stream, g_bytes_unref);
  g_free (file->sums);
  g_free (file->name);
  g_free (file);
}

GBytes *
state_file_get_stream (const StateFile *file)
{
  return file->stream;
}

unsigned
state_file_get_n_rams (const StateFile *file)
{
  return file->header.n_rams;
}

uint64_t
state_file_get_ram_bytes (const StateFile *file)
{
  uint64_t chunks = 0;

  for (uint64_t i = 0; i < file->header.sums.length / sizeof *file->sums; i++)
    chunks += file->sums[i] != 0;
  return chunks * STATE_FILE_CHUNK_BYTES;
}

// ---- memory ---------------------------------------------------------------------------------

static const uint64_t *
get_sums (const StateFile *file, unsigned i)
{
  return file->sums +
         (file->header.rams[i].offset - STATE_FILE_RAM_OFFSET) / STATE_FILE_CHUNK_BYTES;
}

bool
state_file_map_ram (const StateFile *file, unsigned i, VmRam *ram, GError **error)
{
  g_assert (i < file->header.n_rams);
  const StateFileRam *saved = &file->header.rams[i];
  const uint64_t *sums = get_sums (file, i);
  uint64_t n = saved->bytes / STATE_FILE_CHUNK_BYTES;

  if (saved->base != vm_ram_get_base (ram) || saved->bytes != vm_ram_get_size_bytes (ram))
    return fail (file, STATE_FILE_ERROR_FOREIGN,
                 _ ("it belongs to a machine with another amount of memory"), error);
  int code = vm_ram_map_file (ram, file->fd, saved->offset, STATE_FILE_CHUNK_BYTES, sums);
  if (code != 0)
    return fail_host (file, code, error);
  for (uint64_t chunk = 0; chunk < n; chunk++) {
    const uint8_t *data = vm_ram_get_host (ram) + chunk * STATE_FILE_CHUNK_BYTES;

    if (sums[chunk] != 0 && state_sum (data, STATE_FILE_CHUNK_BYTES) != sums[chunk])
      return fail_damaged (file, error);
  }
  return true;
}
