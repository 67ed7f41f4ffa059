// SPDX-License-Identifier: GPL-3.0-or-later
// Copies a file in pieces, keeping its holes, so that it can report and be cancelled. Any thread.
#include "app/model/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_BYTES ((size_t) 8 << 20)

typedef struct Copy {
  int in, out;
  const char *source, *target;
  CopyProgress progress;
  void *progress_data;
  GCancellable *cancellable;
} Copy;

static bool
fail (const char *sentence, const char *path, GError **error)
{
  int saved = errno;
  g_autofree char *name = g_filename_display_name (path);

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved), sentence, name,
               g_strerror (saved));
  return false;
}

// Somebody writes it: what was copied is neither the old file nor the new one.
static bool
fail_changed (const Copy *copy, GError **error)
{
  g_autofree char *name = g_filename_display_name (copy->source);

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
               _ ("“%s” changed while it was copied; close the program that writes it and try "
                  "again."),
               name);
  return false;
}

// For file systems between which the kernel cannot copy.
static ssize_t
copy_through_memory (Copy *copy, off_t *offset, size_t length)
{
  g_autofree char *buffer = g_malloc (PIECE_BYTES);
  ssize_t got = pread (copy->in, buffer, MIN (length, PIECE_BYTES), *offset);

  for (ssize_t put = 0; put < got;) {
    ssize_t n = pwrite (copy->out, buffer + put, (size_t) (got - put), *offset + put);
    if (n < 0)
      return -1;
    put += n;
  }
  if (got > 0)
    *offset += got;
  return got;
}

static ssize_t
copy_piece (Copy *copy, off_t *offset, size_t length)
{
  off_t to = *offset;
  ssize_t n = copy_file_range (copy->in, offset, copy->out, &to, MIN (length, PIECE_BYTES), 0);

  // Zero for data that is there: some special file systems do that.
  if (n == 0 || (n < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP ||
                           errno == ENOSYS || errno == EBADF)))
    return copy_through_memory (copy, offset, length);
  return n;
}

static bool
copy_range (Copy *copy, off_t start, off_t end, GError **error)
{
  for (off_t at = start; at < end;) {
    off_t before = at;
    if (g_cancellable_set_error_if_cancelled (copy->cancellable, error))
      return false;
    ssize_t n = copy_piece (copy, &at, (size_t) (end - at));
    if (n < 0)
      return fail (_ ("“%s” cannot be copied: %s."), copy->source, error);
    if (n == 0)
      return fail_changed (copy, error);
    copy->progress ((uint64_t) (at - before), copy->progress_data);
  }
  return true;
}

static bool
copy_extents (Copy *copy, off_t length, GError **error)
{
  struct stat status;
  off_t end = 0;

  if (ftruncate (copy->out, length) < 0)
    return fail (_ ("“%s” cannot be written: %s."), copy->target, error);
  while (end < length) {
    off_t start = lseek (copy->in, end, SEEK_DATA);
    if (start < 0 && errno == ENXIO)
      start = length; // only a hole is left
    else if (start < 0)
      start = end; // the file system knows no holes
    copy->progress ((uint64_t) (MIN (start, length) - end), copy->progress_data);
    if (start >= length)
      break;
    end = lseek (copy->in, start, SEEK_HOLE);
    if (end < 0 || end > length)
      end = length;
    if (!copy_range (copy, start, end, error))
      return false;
  }
  // A part that was cut off looks like a hole.
  if (fstat (copy->in, &status) < 0)
    return fail (_ ("“%s” cannot be read: %s."), copy->source, error);
  if (status.st_size != length)
    return fail_changed (copy, error);
  return fsync (copy->out) == 0 || fail (_ ("“%s” cannot be written: %s."), copy->target, error);
}

bool
copy_file (const char *source, const char *target, CopyProgress progress, void *progress_data,
           GCancellable *cancellable, GError **error)
{
  Copy copy = {-1, -1, source, target, progress, progress_data, cancellable};
  struct stat status;
  bool done = false;

  copy.in = open (source, O_RDONLY | O_CLOEXEC);
  if (copy.in < 0 || fstat (copy.in, &status) < 0)
    fail (_ ("“%s” cannot be read: %s."), source, error);
  else if ((copy.out = open (target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644)) < 0)
    fail (_ ("“%s” cannot be written: %s."), target, error);
  else
    done = copy_extents (&copy, status.st_size, error);

  if (copy.in >= 0)
    close (copy.in);
  if (copy.out >= 0 && close (copy.out) < 0 && done)
    done = fail (_ ("“%s” cannot be written: %s."), target, error);
  if (copy.out >= 0 && !done)
    unlink (target);
  return done;
}
