// SPDX-License-Identifier: GPL-3.0-or-later
// Raw disk images. Opened on any thread; the driver's functions run on the disk's workers, several
// at once, and keep no state but the descriptor.
#include "engine/block/raw.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gi18n.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct BlockRaw {
  int fd;
} BlockRaw;

enum {
  BATCH_MAX = 128, // segments for one system call
  ZEROES_BYTES = 65536,
};

static const uint8_t zeroes[ZEROES_BYTES];

// ---------------------------------------------------------------------------------------------
// Transfers

// Copies what is left of iov after `skip` bytes to `batch`; the number of segments.
static unsigned
next_batch (struct iovec batch[BATCH_MAX], const struct iovec *iov, unsigned n_iov, uint64_t skip)
{
  unsigned n = 0;
  for (unsigned i = 0; i < n_iov && n < BATCH_MAX; i++) {
    if (skip >= iov[i].iov_len) {
      skip -= iov[i].iov_len;
      continue;
    }
    batch[n].iov_base = (uint8_t *) iov[i].iov_base + skip;
    batch[n].iov_len = iov[i].iov_len - skip;
    skip = 0;
    n++;
  }
  return n;
}

static int
transfer (const BlockRaw *raw, bool write, const struct iovec *iov, unsigned n_iov, uint64_t offset)
{
  struct iovec batch[BATCH_MAX];
  uint64_t done = 0;
  unsigned n;
  while ((n = next_batch (batch, iov, n_iov, done)) > 0) {
    off_t at = (off_t) (offset + done);
    ssize_t bytes =
        write ? pwritev (raw->fd, batch, (int) n, at) : preadv (raw->fd, batch, (int) n, at);
    if (bytes > 0)
      done += (uint64_t) bytes;
    else if (bytes == 0)
      return EIO; // the file has become shorter
    else if (errno != EINTR)
      return errno;
  }
  return 0;
}

static int
raw_read (void *driver, const struct iovec *iov, unsigned n_iov, uint64_t offset)
{
  return transfer (driver, false, iov, n_iov, offset);
}

static int
raw_write (void *driver, const struct iovec *iov, unsigned n_iov, uint64_t offset)
{
  return transfer (driver, true, iov, n_iov, offset);
}

static int
raw_flush (void *driver)
{
  const BlockRaw *raw = driver;
  return fdatasync (raw->fd) == 0 ? 0 : errno;
}

// ---------------------------------------------------------------------------------------------
// Holes

static bool
is_unsupported (int error)
{
  return error == EOPNOTSUPP || error == ENOSYS || error == ENODEV || error == EINVAL;
}

static int
allocate (const BlockRaw *raw, int mode, uint64_t offset, uint64_t length)
{
  for (;;) {
    if (fallocate (raw->fd, mode | FALLOC_FL_KEEP_SIZE, (off_t) offset, (off_t) length) == 0)
      return 0;
    if (errno != EINTR)
      return errno;
  }
}

static int
raw_discard (void *driver, uint64_t offset, uint64_t length)
{
  int error = allocate (driver, FALLOC_FL_PUNCH_HOLE, offset, length);
  return is_unsupported (error) ? 0 : error; // a hint only
}

static int
write_zero_bytes (const BlockRaw *raw, uint64_t offset, uint64_t length)
{
  while (length > 0) {
    struct iovec iov = {.iov_base = (void *) zeroes,
                        .iov_len = length < ZEROES_BYTES ? length : ZEROES_BYTES};
    int error = transfer (raw, true, &iov, 1, offset);
    if (error != 0)
      return error;
    offset += iov.iov_len;
    length -= iov.iov_len;
  }
  return 0;
}

static int
raw_write_zeroes (void *driver, uint64_t offset, uint64_t length, bool may_unmap)
{
  int error = EOPNOTSUPP;
  if (may_unmap)
    error = allocate (driver, FALLOC_FL_PUNCH_HOLE, offset, length);
  if (is_unsupported (error))
    error = allocate (driver, FALLOC_FL_ZERO_RANGE, offset, length);
  if (is_unsupported (error))
    error = write_zero_bytes (driver, offset, length);
  return error;
}

static void
raw_free (void *driver)
{
  BlockRaw *raw = driver;
  close (raw->fd); // gives the lock back
  g_free (raw);
}

static const BlockDriverOps raw_ops = {
    .name = "raw",
    .read = raw_read,
    .write = raw_write,
    .flush = raw_flush,
    .discard = raw_discard,
    .write_zeroes = raw_write_zeroes,
    .free = raw_free,
};

// ---------------------------------------------------------------------------------------------
// Opening

static int
open_file (const char *path, bool read_only, GError **error)
{
  // O_NONBLOCK: opening a pipe that nobody writes to must not hang.
  int fd = open (path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd >= 0)
    return fd;
  int code = errno;
  const char *remedy = _ ("check the name and try again");
  const char *what = g_strerror (code);
  if (code == ENOENT)
    what = _ ("there is no such file"), remedy = _ ("choose another disk image");
  else if (code == EISDIR)
    what = _ ("it is a folder"), remedy = _ ("choose a disk image in it");
  else if (!read_only && (code == EACCES || code == EROFS || code == EPERM || code == ETXTBSY))
    what = _ ("it cannot be written to"),
    remedy = _ ("change its permissions or attach it read-only");
  else if (code == EACCES)
    what = _ ("it may not be read"), remedy = _ ("change its permissions");
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code),
               _ ("Could not open the disk “%s”: %s; %s"), path, what, remedy);
  return -1;
}

static bool
get_size (int fd, const char *path, uint64_t *size, GError **error)
{
  struct stat st;
  const char *what = NULL;
  bool have_size = fstat (fd, &st) == 0;
  if (have_size && S_ISREG (st.st_mode))
    *size = (uint64_t) st.st_size;
  else if (have_size && S_ISBLK (st.st_mode))
    have_size = ioctl (fd, BLKGETSIZE64, size) == 0;
  else if (have_size)
    what = S_ISDIR (st.st_mode) ? _ ("it is a folder; choose a disk image in it")
                                : _ ("it is not a file; choose a disk image");
  if (!have_size)
    what = g_strerror (errno);
  else if (what == NULL && *size == 0)
    what = _ ("it is empty; choose another disk image");
  else if (what == NULL && *size % BLOCK_SECTOR_BYTES != 0)
    what = _ ("its size is not a multiple of 512 bytes; it is cut short or not a raw disk image");
  if (what == NULL)
    return true;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, _ ("Could not use the disk “%s”: %s"), path,
               what);
  return false;
}

static bool
lock_file (int fd, const char *path, bool read_only, GError **error)
{
  struct flock range = {.l_type = read_only ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET};
  if (fcntl (fd, F_OFD_SETLK, &range) == 0)
    return true;
  int code = errno;
  if (code == EAGAIN || code == EACCES)
    g_set_error (
        error, G_IO_ERROR, G_IO_ERROR_BUSY,
        _ ("The disk “%s” is in use by another machine; stop that machine or choose another "
           "disk"),
        path);
  else
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code),
                 _ ("Could not lock the disk “%s”: %s; move it to a local file system"), path,
                 g_strerror (code));
  return false;
}

BlockDevice *
block_raw_open (const char *path, bool read_only, GError **error)
{
  int fd = open_file (path, read_only, error);
  if (fd < 0)
    return NULL;
  uint64_t size;
  if (!get_size (fd, path, &size, error) || !lock_file (fd, path, read_only, error)) {
    close (fd);
    return NULL;
  }
  BlockRaw *raw = g_new0 (BlockRaw, 1);
  raw->fd = fd;
  return block_device_new (&raw_ops, raw, size, read_only);
}
