// SPDX-License-Identifier: GPL-3.0-or-later
// The file the firmware's variables are kept in, beside the firmware.
//
// Threads: see firmware.h.
#include "engine/machine/firmware.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "engine/hw/cfi-flash.h"
#include "engine/hw/cfi-journal.h"

static bool
fail_make (const char *name, int error_number, GError **error)
{
  g_set_error (error, G_IO_ERROR, (int) g_io_error_from_errno (error_number),
               _ ("The file %s for the firmware's variables cannot be made (%s); choose another "
                  "place."),
               name, g_strerror (error_number));
  return false;
}

// A machine was killed while it wrote there, and what it had begun cannot be completed.
static bool
fail_write (const char *name, int error_number, GError **error)
{
  g_set_error (error, G_IO_ERROR, (int) g_io_error_from_errno (error_number),
               _ ("The file %s for the firmware's variables cannot be written (%s); make room on "
                  "its disk or choose another place."),
               name, g_strerror (error_number));
  return false;
}

// Complete or not there at all: written beside its place and then moved there.
static bool
make_nvram (const char *path, const char *name, GBytes *variables, GError **error)
{
  g_autofree char *temporary = g_strdup_printf ("%s.XXXXXX", path);
  int fd = g_mkstemp_full (temporary, O_RDWR | O_CLOEXEC, 0600), failed = 0;
  size_t length;
  const void *data = g_bytes_get_data (variables, &length);

  if (fd < 0)
    return fail_make (name, errno, error);
  BlockFile *file = block_file_new_for_fd (fd);
  failed = block_file_write (file, data, length, 0);
  if (failed == 0)
    failed = block_file_set_size (file, CFI_FLASH_BANK_BYTES);
  if (failed == 0)
    failed = block_file_sync (file);
  block_file_free (file);
  // A file that came to be meanwhile is somebody's.
  if (failed == 0 && link (temporary, path) < 0 && errno != EEXIST)
    failed = rename (temporary, path) < 0 ? errno : 0;
  unlink (temporary);
  return failed == 0 || fail_make (name, failed, error);
}

static bool
open_nvram (FirmwareFiles *files, const char *path, GError **error)
{
  uint64_t bytes = 0;

  files->nvram_name = g_filename_display_name (path);
  if (files->variables != NULL && !make_nvram (path, files->nvram_name, files->variables, error))
    return false;
  files->nvram = block_file_open (path, BLOCK_FILE_WRITE, error);
  if (files->nvram == NULL)
    return false;
  int failed = cfi_journal_replay (files->nvram);
  if (failed != 0)
    return fail_write (files->nvram_name, failed, error);
  failed = block_file_get_size (files->nvram, &bytes);
  if (failed != 0)
    return fail_make (files->nvram_name, failed, error);
  return firmware_check_nvram (files->nvram_name, bytes, error);
}

bool
firmware_open (FirmwareFiles *files, const char *firmware, const char *nvram, GError **error)
{
  bool is_there = nvram != NULL && (access (nvram, F_OK) == 0 || errno != ENOENT);

  *files = (FirmwareFiles){0};
  return firmware_read (firmware, &files->code, is_there ? NULL : &files->variables, error) &&
         (nvram == NULL || open_nvram (files, nvram, error));
}

void
firmware_clear (FirmwareFiles *files)
{
  g_clear_pointer (&files->code, g_bytes_unref);
  g_clear_pointer (&files->variables, g_bytes_unref);
  g_clear_pointer (&files->nvram, block_file_free);
  g_clear_pointer (&files->nvram_name, g_free);
}
