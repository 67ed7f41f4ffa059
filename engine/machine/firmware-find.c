// SPDX-License-Identifier: GPL-3.0-or-later
// Finding, reading and judging firmware.
//
// Threads: see firmware.h.
#include "engine/machine/firmware.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gi18n.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/boot/image-format.h"
#include "engine/hw/cfi-flash.h"
#include "engine/hw/cfi-journal.h"

enum {
  HEAD_BYTES = 64 * 1024,
  CHUNK_BYTES = 128 * 1024,
  ERASED_BYTES = 4 * 1024 * 1024, // of a new store without a template
};

// Where systems keep the UEFI for this board and an empty variable store for it, the best first.
static const struct {
  const char *code, *variables;
} uefi_places[] = {
    {"terrarium/firmware/aarch64/code.fd", "terrarium/firmware/aarch64/vars.fd"},
    {"AAVMF/AAVMF_CODE.no-secboot.fd", "AAVMF/AAVMF_VARS.fd"},
    {"AAVMF/AAVMF_CODE.fd", "AAVMF/AAVMF_VARS.fd"},
    {"edk2/aarch64/QEMU_EFI-silent-pflash.raw", "edk2/aarch64/vars-template-pflash.raw"},
    {"qemu-efi-aarch64/QEMU_EFI.fd", NULL},
};

G_GNUC_PRINTF (3, 4)
static bool
fail (GError **error, int code, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, G_IO_ERROR, code, text);
  return false;
}

static bool
fail_file (const char *name, int error_number, GError **error)
{
  return fail (error, (int) g_io_error_from_errno (error_number),
               _ ("The file %s cannot be read (%s); choose another or correct its permissions."),
               name, g_strerror (error_number));
}

// ---- finding --------------------------------------------------------------------------------

// In the first data folder that has it; the system's own are looked through even if the person's
// environment does not name them.
static char *
find_data (const char *relative)
{
  const char *const *dirs = g_get_system_data_dirs ();
  const char *const fixed[] = {"/app/share", "/usr/local/share", "/usr/share"};

  for (unsigned i = 0; dirs[i] != NULL; i++) {
    g_autofree char *path = g_build_filename (dirs[i], relative, NULL);

    if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
      return g_steal_pointer (&path);
  }
  for (unsigned i = 0; i < G_N_ELEMENTS (fixed); i++) {
    g_autofree char *path = g_build_filename (fixed[i], relative, NULL);

    if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
      return g_steal_pointer (&path);
  }
  return NULL;
}

static bool
find_uefi (char **code, char **variables, GError **error)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (uefi_places); i++) {
    *code = find_data (uefi_places[i].code);
    if (*code == NULL)
      continue;
    *variables = uefi_places[i].variables != NULL ? find_data (uefi_places[i].variables) : NULL;
    return true;
  }
  return fail (error, G_IO_ERROR_NOT_FOUND,
               _ ("This computer has no UEFI for ARM machines; install the package "
                  "qemu-efi-aarch64, or name a firmware file."));
}

// ---- reading --------------------------------------------------------------------------------

static bool
check_size (const char *name, uint64_t bytes, GError **error)
{
  if (bytes == 0)
    return fail (error, G_IO_ERROR_INVALID_DATA,
                 _ ("The firmware %s is empty; choose another file."), name);
  if (bytes > CFI_FLASH_BANK_BYTES)
    return fail (error, G_IO_ERROR_INVALID_DATA,
                 _ ("The firmware %s is longer than %d MiB; choose another file."), name,
                 CFI_FLASH_BANK_BYTES >> 20);
  return true;
}

// Only what can be read: no code is, and neither are its zeroes.
static bool
is_text (const uint8_t *head, size_t length)
{
  for (size_t i = 0; i < length; i++)
    if (head[i] == 0 || head[i] == 0x7f ||
        (head[i] < ' ' && strchr ("\t\n\v\f\r\033", head[i]) == NULL))
      return false;
  const char *end;
  // A character may be cut off at the end.
  return length > 0 && (g_utf8_validate ((const char *) head, (gssize) length, &end) ||
                        length - (size_t) ((const uint8_t *) end - head) < 4);
}

// Firmware begins with an instruction. That of UEFI volumes ("_FVH" at 40) for other computers
// begins with zeroes.
static bool
judge (const char *name, const uint8_t *head, size_t length, GError **error)
{
  const char *what = image_format_describe (image_format_detect (head, length));

  if (what != NULL)
    return fail (error, G_IO_ERROR_INVALID_DATA,
                 _ ("%s is no firmware but %s; choose another file."), name, what);
  if (is_text (head, length))
    return fail (error, G_IO_ERROR_INVALID_DATA,
                 _ ("%s is no firmware but text; choose another file."), name);
  bool volume = length >= 44 && memcmp (head + 40, "_FVH", 4) == 0;
  bool begins =
      length >= 4 && memcmp (head, "\0\0\0\0", 4) != 0 && memcmp (head, "\xff\xff\xff\xff", 4) != 0;
  if (!begins && volume)
    return fail (error, G_IO_ERROR_INVALID_DATA,
                 _ ("%s is UEFI for another kind of computer, or holds only its variables; choose "
                    "firmware for ARM (AArch64)."),
                 name);
  if (!begins)
    return fail (error, G_IO_ERROR_INVALID_DATA, _ ("%s is no firmware; choose another file."),
                 name);
  return true;
}

static bool
is_zero (const uint8_t *data, size_t length)
{
  return length == 0 || (data[0] == 0 && memcmp (data, data + 1, length - 1) == 0);
}

// Such files are padded with zeroes, to many times their length: those at the end are left away.
static int
read_trimmed (int fd, size_t length, GByteArray *to)
{
  g_autofree uint8_t *chunk = g_malloc (CHUNK_BYTES);

  for (size_t at = 0; at < length;) {
    ssize_t got = pread (fd, chunk, MIN (CHUNK_BYTES, length - at), (off_t) at);

    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return got < 0 ? errno : EIO;
    if (!is_zero (chunk, (size_t) got)) {
      unsigned end = to->len;

      g_byte_array_set_size (to, (guint) at);
      if (at > end)
        memset (to->data + end, 0, at - end);
      g_byte_array_append (to, chunk, (guint) got);
    }
    at += (size_t) got;
  }
  return 0;
}

// The first `max` bytes of a regular file of fitting length, without zeroes at the end.
static GBytes *
read_file (const char *path, const char *name, size_t max, GError **error)
{
  struct stat st = {0};
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), failed = 0;
  g_autoptr (GByteArray) data = g_byte_array_new ();
  bool ok = false;

  if (fd < 0 || fstat (fd, &st) < 0)
    failed = errno;
  else if (!S_ISREG (st.st_mode))
    fail (error, G_IO_ERROR_NOT_REGULAR_FILE, _ ("%s is not a regular file; choose another file."),
          name);
  else if (check_size (name, (uint64_t) st.st_size, error)) {
    failed = read_trimmed (fd, MIN (max, (size_t) st.st_size), data);
    ok = failed == 0;
  }
  if (fd >= 0)
    close (fd);
  if (failed != 0)
    fail_file (name, failed, error);
  return ok ? g_byte_array_free_to_bytes (g_steal_pointer (&data)) : NULL;
}

static GBytes *
read_firmware (const char *path, size_t max, GError **error)
{
  g_autofree char *name = g_filename_display_name (path);
  g_autoptr (GBytes) bytes = read_file (path, name, max, error);
  size_t length;

  if (bytes == NULL)
    return NULL;
  const uint8_t *data = g_bytes_get_data (bytes, &length);
  return judge (name, data, MIN (length, HEAD_BYTES), error) ? g_steal_pointer (&bytes) : NULL;
}

// Without a template: erased flash, in which UEFI makes a store by itself.
static GBytes *
read_variables (const char *path, GError **error)
{
  if (path == NULL) {
    uint8_t *erased = g_malloc (ERASED_BYTES);

    memset (erased, 0xff, ERASED_BYTES);
    return g_bytes_new_take (erased, ERASED_BYTES);
  }
  g_autofree char *name = g_filename_display_name (path);
  return read_file (path, name, CFI_FLASH_BANK_BYTES, error);
}

// ---- all of it ------------------------------------------------------------------------------

// Which files they are: g_free both; no `*variables`: there is no template.
static bool
find (const char *firmware, char **code, char **variables, GError **error)
{
  *code = *variables = NULL;
  if (strcmp (firmware, FIRMWARE_UEFI) == 0)
    return find_uefi (code, variables, error);
  *code = g_strdup (firmware);
  return true;
}

bool
firmware_read (const char *firmware, GBytes **code, GBytes **variables, GError **error)
{
  g_autofree char *code_path = NULL, *variables_path = NULL;

  *code = NULL;
  if (!find (firmware, &code_path, &variables_path, error))
    return false;
  *code = read_firmware (code_path, CFI_FLASH_BANK_BYTES, error);
  if (*code == NULL || variables == NULL)
    return *code != NULL;
  *variables = read_variables (variables_path, error);
  return *variables != NULL;
}

bool
firmware_check_nvram (const char *name, uint64_t bytes, GError **error)
{
  if (bytes == CFI_FLASH_BANK_BYTES)
    return true;
  return fail (error, G_IO_ERROR_INVALID_DATA,
               _ ("%s holds no firmware variables: it must be %d MiB long. Choose another file, or "
                  "remove it to begin with fresh variables."),
               name, CFI_FLASH_BANK_BYTES >> 20);
}

bool
firmware_check (const char *firmware, const char *nvram, GError **error)
{
  g_autofree char *code = NULL, *variables = NULL;
  struct stat st;

  if (!find (firmware, &code, &variables, error))
    return false;
  g_autoptr (GBytes) head = read_firmware (code, HEAD_BYTES, error);
  if (head == NULL)
    return false;
  if (nvram == NULL || stat (nvram, &st) < 0)
    return true;
  g_autofree char *name = g_filename_display_name (nvram);
  // What a killed machine left behind the variables is seen to when the file is opened.
  uint64_t bytes = (uint64_t) st.st_size;
  return cfi_journal_fits (bytes) || firmware_check_nvram (name, bytes, error);
}
