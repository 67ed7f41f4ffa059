// SPDX-License-Identifier: GPL-3.0-or-later
// A file or block device of the host. Its functions run on any thread, several at once, and keep
// no state but the descriptor and what it cannot do.
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gi18n.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "engine/block/file-priv.h"
#include "engine/block/file.h"
#include "engine/block/iov.h"

typedef struct HostFile {
  int fd;
  bool in_memory; // tmpfs: there is no disk to wait for
  int blocks[2];  // reading, writing: whether that may always wait; atomic
} HostFile;

enum {
  BATCH_MAX = 128, // segments for one system call
};

// ---------------------------------------------------------------------------------------------
// Transfers

// Until all is done or, when reading, the file ends.
static int
transfer (const HostFile *host, bool write, const struct iovec *iov, unsigned n_iov,
          uint64_t offset, uint64_t *done)
{
  struct iovec batch[BATCH_MAX];
  unsigned n;
  *done = 0;
  while ((n = block_iov_slice (batch, BATCH_MAX, iov, n_iov, *done, UINT64_MAX)) > 0) {
    off_t at = (off_t) (offset + *done);
    ssize_t bytes =
        write ? pwritev (host->fd, batch, (int) n, at) : preadv (host->fd, batch, (int) n, at);
    if (bytes > 0)
      *done += (uint64_t) bytes;
    else if (bytes == 0)
      return write ? EIO : 0;
    else if (errno != EINTR)
      return errno;
  }
  return 0;
}

static int
host_read (void *impl, const struct iovec *iov, unsigned n_iov, uint64_t offset, uint64_t *done)
{
  return transfer (impl, false, iov, n_iov, offset, done);
}

static int
host_write (void *impl, const struct iovec *iov, unsigned n_iov, uint64_t offset)
{
  uint64_t done;
  return transfer (impl, true, iov, n_iov, offset, &done);
}

static bool
host_try (void *impl, bool write, const struct iovec *iov, unsigned n_iov, uint64_t offset,
          uint64_t length)
{
  HostFile *host = impl;
  int flags = host->in_memory ? 0 : RWF_NOWAIT;
  if (__atomic_load_n (&host->blocks[write], __ATOMIC_RELAXED))
    return false;
  ssize_t bytes = write ? pwritev2 (host->fd, iov, (int) n_iov, (off_t) offset, flags)
                        : preadv2 (host->fd, iov, (int) n_iov, (off_t) offset, flags);
  if (bytes < 0 && errno == EOPNOTSUPP)
    __atomic_store_n (&host->blocks[write], true, __ATOMIC_RELAXED);
  return bytes >= 0 && (uint64_t) bytes == length;
}

static int
host_sync (void *impl)
{
  const HostFile *host = impl;
  return fdatasync (host->fd) == 0 ? 0 : errno;
}

static int
allocate (const HostFile *host, int mode, uint64_t offset, uint64_t length)
{
  for (;;) {
    if (fallocate (host->fd, mode | FALLOC_FL_KEEP_SIZE, (off_t) offset, (off_t) length) == 0)
      return 0;
    if (errno != EINTR)
      return errno;
  }
}

static int
host_punch (void *impl, uint64_t offset, uint64_t length)
{
  return allocate (impl, FALLOC_FL_PUNCH_HOLE, offset, length);
}

static int
host_zero (void *impl, uint64_t offset, uint64_t length)
{
  return allocate (impl, FALLOC_FL_ZERO_RANGE, offset, length);
}

static int
host_get_size (void *impl, uint64_t *bytes)
{
  const HostFile *host = impl;
  struct stat st;
  if (fstat (host->fd, &st) != 0)
    return errno;
  *bytes = (uint64_t) st.st_size;
  if (S_ISBLK (st.st_mode) && ioctl (host->fd, BLKGETSIZE64, bytes) != 0)
    return errno;
  return 0;
}

static int
host_set_size (void *impl, uint64_t bytes)
{
  const HostFile *host = impl;
  return ftruncate (host->fd, (off_t) bytes) == 0 ? 0 : errno;
}

static int
host_seek (void *impl, uint64_t offset, bool hole, uint64_t *found)
{
  const HostFile *host = impl;
  off_t at = lseek (host->fd, (off_t) offset, hole ? SEEK_HOLE : SEEK_DATA);
  if (at < 0)
    return errno;
  *found = (uint64_t) at;
  return 0;
}

static void
host_free (void *impl)
{
  HostFile *host = impl;
  close (host->fd); // gives the lock back
  g_free (host);
}

static const BlockFileOps host_ops = {
    .read = host_read,
    .write = host_write,
    .try = host_try,
    .sync = host_sync,
    .punch = host_punch,
    .zero = host_zero,
    .get_size = host_get_size,
    .set_size = host_set_size,
    .seek = host_seek,
    .free = host_free,
};

// ---------------------------------------------------------------------------------------------
// Opening

static int
open_path (const char *path, bool write, GError **error)
{
  // O_NONBLOCK: opening a pipe that nobody writes to must not hang.
  int fd = open (path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd >= 0)
    return fd;
  int code = errno;
  const char *remedy = _ ("check the name and try again");
  const char *what = g_strerror (code);
  if (code == ENOENT)
    what = _ ("there is no such file"), remedy = _ ("choose another disk image");
  else if (code == EISDIR)
    what = _ ("it is a folder"), remedy = _ ("choose a disk image in it");
  else if (write && (code == EACCES || code == EROFS || code == EPERM || code == ETXTBSY))
    what = _ ("it cannot be written to"),
    remedy = _ ("change its permissions or attach it read-only");
  else if (code == EACCES)
    what = _ ("it may not be read"), remedy = _ ("change its permissions");
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code),
               _ ("Could not open the disk “%s”: %s; %s."), path, what, remedy);
  return -1;
}

static bool
check_kind (int fd, const char *path, GError **error)
{
  struct stat st;
  const char *what;
  if (fstat (fd, &st) != 0)
    what = g_strerror (errno);
  else if (S_ISREG (st.st_mode) || S_ISBLK (st.st_mode))
    return true;
  else if (S_ISDIR (st.st_mode))
    what = _ ("it is a folder; choose a disk image in it");
  else
    what = _ ("it is not a file; choose a disk image");
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, _ ("Could not use the disk “%s”: %s."), path,
               what);
  return false;
}

static bool
lock_file (int fd, const char *path, bool write, GError **error)
{
  struct flock range = {.l_type = write ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET};
  if (fcntl (fd, F_OFD_SETLK, &range) == 0)
    return true;
  int code = errno;
  if (code == EAGAIN || code == EACCES) {
    g_autofree char *owner = block_file_dup_owner (fd);
    if (owner != NULL)
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_BUSY,
                   _ ("The disk “%s” is in use by another machine (%s); stop that machine or "
                      "choose another disk."),
                   path, owner);
    else
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_BUSY,
                   _ ("The disk “%s” is in use by another machine; stop that machine or choose "
                      "another disk."),
                   path);
  } else {
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code),
                 _ ("Could not lock the disk “%s”: %s; move it to a local file system."), path,
                 g_strerror (code));
  }
  return false;
}

BlockFile *
block_file_new_for_fd (int fd)
{
  struct statfs fs;
  HostFile *host = g_new0 (HostFile, 1);
  host->fd = fd;
  host->in_memory = fstatfs (fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
  return block_file_new (&host_ops, host);
}

BlockFile *
block_file_open (const char *path, BlockFileFlags flags, GError **error)
{
  bool write = flags & BLOCK_FILE_WRITE;
  int fd = open_path (path, write, error);
  if (fd < 0)
    return NULL;
  if (!check_kind (fd, path, error) ||
      (!(flags & BLOCK_FILE_UNLOCKED) && !lock_file (fd, path, write, error))) {
    close (fd);
    return NULL;
  }
  return block_file_new_for_fd (fd);
}

int
block_file_get_fd (const BlockFile *file)
{
  const HostFile *host = block_file_get_impl (file, &host_ops);
  return host != NULL ? host->fd : -1;
}
