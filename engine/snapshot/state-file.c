// SPDX-License-Identifier: GPL-3.0-or-later
// Writing a saved state's file (DESIGN.md): under a temporary name beside its final one, which it
// takes when all of it is on stable storage. The reader is state-file-read.c.
//
// Memory may be copied by a child process, which has it as it was when it was forked. Other threads
// of ours may have held any lock then, so the child calls nothing but the kernel.
//
// Threads: see state-file.h.
#include "engine/snapshot/state-file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/snapshot/state-file-priv.h"
#include "engine/snapshot/sum.h"

#define TEMPORARY_SUFFIX ".new-" // before six random letters

enum {
  POLL_MS = 50,          // how often a child is asked how far it is
  TELL_BYTES = 16 << 20, // how often it is told when there is no child
};

typedef struct Run {
  uint64_t start, end;
} Run;

typedef struct RamSource {
  uint64_t base, bytes;
  const uint8_t *host;
  const VmRam *ram;
  GArray *runs; // of Run: what holds something, ascending
} RamSource;

// Written by whoever copies, which may be the child.
typedef struct Shared {
  uint64_t done_bytes; // atomic
  int stop;            // atomic; set by us
  int error;
  uint64_t sums[];
} Shared;

struct StateFileWriter {
  char *path, *temporary;
  int fd;
  char arch[16];
  GBytes *stream;
  RamSource rams[STATE_FILE_RAMS_MAX];
  unsigned n_rams;
  uint64_t n_chunks, run_bytes;
  Shared *shared;          // NULL: not copied yet
  pid_t child;             // 0: none
  const StateFileJob *job; // of a copy made here
};

static bool
fail (StateFileWriter *writer, int code, GError **error)
{
  g_autofree char *name = g_filename_display_name (writer->path);

  if (code == ENOSPC || code == EDQUOT)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                 _ ("There is no room for the saved state “%s”; free about %u MiB and try again."),
                 name, (unsigned) (writer->run_bytes >> 20) + 1);
  else
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code), _ ("“%s” cannot be written: %s."),
                 name, g_strerror (code));
  return false;
}

StateFileWriter *
state_file_writer_new (const char *path, const char *arch, GError **error)
{
  StateFileWriter *writer = g_new0 (StateFileWriter, 1);
  g_autofree char *folder = g_path_get_dirname (path), *name = g_path_get_basename (path);

  writer->path = g_strdup (path);
  writer->temporary = g_strdup_printf ("%s/.%s" TEMPORARY_SUFFIX "XXXXXX", folder, name);
  g_assert (strlen (arch) < sizeof writer->arch);
  memcpy (writer->arch, arch, strlen (arch));
  // Memory of the guest is nobody else's business.
  writer->fd = g_mkstemp_full (writer->temporary, O_RDWR | O_CLOEXEC, 0600);
  if (writer->fd < 0) {
    fail (writer, errno, error);
    g_clear_pointer (&writer->temporary, g_free);
    state_file_writer_free (writer);
    return NULL;
  }
  return writer;
}

bool
state_file_is_leftover (const char *name, const char *path)
{
  g_autofree char *base = g_path_get_basename (path);
  g_autofree char *prefix = g_strdup_printf (".%s" TEMPORARY_SUFFIX, base);

  return g_str_has_prefix (name, prefix) && strlen (name) == strlen (prefix) + 6;
}

void
state_file_writer_add_ram (StateFileWriter *writer, const VmRam *ram)
{
  g_assert (writer->n_rams < STATE_FILE_RAMS_MAX && writer->shared == NULL);
  RamSource *source = &writer->rams[writer->n_rams++];
  Run run = {0};

  *source = (RamSource){.base = vm_ram_get_base (ram),
                        .bytes = vm_ram_get_size_bytes (ram),
                        .host = vm_ram_get_host (ram),
                        .ram = ram,
                        .runs = g_array_new (FALSE, FALSE, sizeof (Run))};
  g_assert (source->bytes % STATE_FILE_CHUNK_BYTES == 0);
  writer->n_chunks += source->bytes / STATE_FILE_CHUNK_BYTES;
  while (vm_ram_next_used (ram, run.end, &run.start, &run.end)) {
    // Whole chunks: what else is in them is zero and costs nothing.
    run.start -= run.start % STATE_FILE_CHUNK_BYTES;
    run.end += -run.end % STATE_FILE_CHUNK_BYTES;
    g_array_append_val (source->runs, run);
    writer->run_bytes += run.end - run.start;
  }
}

void
state_file_writer_set_stream (StateFileWriter *writer, GBytes *stream)
{
  writer->stream = g_bytes_ref (stream);
}

// ---- memory: also in the child ----------------------------------------------------------------

static int
write_all (int fd, const void *data, size_t length, uint64_t offset)
{
  while (length > 0) {
    ssize_t n = pwrite (fd, data, length, (off_t) offset);

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return n < 0 ? errno : EIO;
    data = (const uint8_t *) data + n;
    offset += (uint64_t) n;
    length -= (size_t) n;
  }
  return 0;
}

static bool
is_zero (const uint8_t *page)
{
  uint64_t any = 0, words[8];

  for (unsigned at = 0; at < STATE_FILE_PAGE_BYTES && any == 0; at += sizeof words) {
    memcpy (words, page + at, sizeof words);
    for (unsigned i = 0; i < 8; i++)
      any |= words[i];
  }
  return any == 0;
}

// The pages of a chunk that are not all zero, neighbours together. Its sum: 0 when there are none.
static int
copy_chunk (int fd, const uint8_t *chunk, uint64_t offset, uint64_t *sum)
{
  unsigned at = 0;
  int error = 0;

  *sum = 0;
  while (at < STATE_FILE_CHUNK_BYTES && error == 0) {
    unsigned end = at;

    while (end < STATE_FILE_CHUNK_BYTES && !is_zero (chunk + end))
      end += STATE_FILE_PAGE_BYTES;
    if (end > at) {
      *sum = 1;
      error = write_all (fd, chunk + at, end - at, offset + at);
    }
    at = end + STATE_FILE_PAGE_BYTES;
  }
  if (*sum != 0)
    *sum = state_sum (chunk, STATE_FILE_CHUNK_BYTES);
  return error;
}

static void
tell (const StateFileWriter *writer, const StateFileJob *job)
{
  uint64_t done = __atomic_load_n (&writer->shared->done_bytes, __ATOMIC_RELAXED);

  if (job->progress != NULL && writer->run_bytes > 0)
    job->progress (job->data, MIN (1.0, (double) done / (double) writer->run_bytes));
}

// Whether to go on after another chunk.
static bool
step (const StateFileWriter *writer)
{
  uint64_t done =
      __atomic_add_fetch (&writer->shared->done_bytes, STATE_FILE_CHUNK_BYTES, __ATOMIC_RELAXED);

  if (writer->job != NULL && done % TELL_BYTES == 0)
    tell (writer, writer->job);
  if (writer->job != NULL)
    return !g_cancellable_is_cancelled (writer->job->cancellable);
  return !__atomic_load_n (&writer->shared->stop, __ATOMIC_RELAXED);
}

static int
copy_ram (const StateFileWriter *writer, const RamSource *ram, uint64_t offset, uint64_t *sums)
{
  for (unsigned i = 0; i < ram->runs->len; i++) {
    const Run *run = &((const Run *) (void *) ram->runs->data)[i];

    for (uint64_t at = run->start; at < run->end; at += STATE_FILE_CHUNK_BYTES) {
      int error =
          copy_chunk (writer->fd, ram->host + at, offset + at, &sums[at / STATE_FILE_CHUNK_BYTES]);

      if (error != 0)
        return error;
      if (!step (writer))
        return ECANCELED;
    }
  }
  return 0;
}

// Where the i-th memory begins in the file. The one behind the last: where the rest does.
static uint64_t
ram_offset (const StateFileWriter *writer, unsigned i)
{
  uint64_t offset = STATE_FILE_RAM_OFFSET;

  while (i-- > 0)
    offset += writer->rams[i].bytes;
  return offset;
}

static void
copy_rams (const StateFileWriter *writer)
{
  uint64_t *sums = writer->shared->sums;
  int error = 0;

  for (unsigned i = 0; i < writer->n_rams && error == 0; i++) {
    error = copy_ram (writer, &writer->rams[i], ram_offset (writer, i), sums);
    if (error == 0 && vm_ram_is_lost (writer->rams[i].ram))
      error = EIO; // it was mapped from a file
    sums += writer->rams[i].bytes / STATE_FILE_CHUNK_BYTES;
  }
  writer->shared->error = error;
}

// ---- memory: here ---------------------------------------------------------------------------

static size_t
shared_bytes (const StateFileWriter *writer)
{
  return sizeof (Shared) + (size_t) writer->n_chunks * sizeof (uint64_t);
}

static bool
make_shared (StateFileWriter *writer)
{
  void *shared =
      mmap (NULL, shared_bytes (writer), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

  if (shared != MAP_FAILED)
    writer->shared = shared;
  return shared != MAP_FAILED;
}

static void
drop_shared (StateFileWriter *writer)
{
  if (writer->shared != NULL)
    munmap (writer->shared, shared_bytes (writer));
  writer->shared = NULL;
}

// In the child: it goes with its parent, whose locks it holds too.
static _Noreturn void
be_child (const StateFileWriter *writer, pid_t parent)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  if (getppid () == parent)
    copy_rams (writer);
  _exit (0);
}

bool
state_file_writer_fork (StateFileWriter *writer)
{
  pid_t parent = getpid ();
  sigset_t all, before;

  if (!make_shared (writer))
    return false;
  writer->shared->error = EIO; // unless the child says otherwise
  // A handler of ours would act in the child on what it shares with us.
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  pid_t child = fork ();
  if (child == 0)
    be_child (writer, parent);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  if (child < 0)
    drop_shared (writer);
  else
    writer->child = child;
  return child > 0;
}

static void
reap (StateFileWriter *writer)
{
  int status;

  while (waitpid (writer->child, &status, 0) < 0 && errno == EINTR)
    continue;
  writer->child = 0;
}

static void
wait_for_child (StateFileWriter *writer, const StateFileJob *job)
{
  // Readable when it has ended.
  struct pollfd ended = {.fd = (int) syscall (SYS_pidfd_open, writer->child, 0), .events = POLLIN};

  while (ended.fd >= 0 && poll (&ended, 1, POLL_MS) == 0) {
    tell (writer, job);
    if (g_cancellable_is_cancelled (job->cancellable))
      __atomic_store_n (&writer->shared->stop, 1, __ATOMIC_RELAXED);
  }
  if (ended.fd >= 0)
    close (ended.fd);
  reap (writer);
}

static void
copy_here (StateFileWriter *writer, const StateFileJob *job)
{
  writer->job = job;
  copy_rams (writer);
  writer->job = NULL;
}

bool
state_file_writer_copy (StateFileWriter *writer, const StateFileJob *job, GError **error)
{
  const StateFileJob none = {0};

  job = job != NULL ? job : &none;
  if (writer->child > 0)
    wait_for_child (writer, job);
  else if (make_shared (writer))
    copy_here (writer, job);
  else
    return fail (writer, errno, error);
  tell (writer, job);
  // A process of its own may have been done before it heard of that.
  if (writer->shared->error == ECANCELED || g_cancellable_is_cancelled (job->cancellable)) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, _ ("Saving was cancelled."));
    return false;
  }
  return writer->shared->error == 0 || fail (writer, writer->shared->error, error);
}

// ---- the rest -------------------------------------------------------------------------------

static int
put_bytes (const StateFileWriter *writer, GBytes *bytes, uint64_t *at, StateFileExtent *extent,
           uint64_t *sum)
{
  size_t length = 0;
  const void *data = bytes != NULL ? g_bytes_get_data (bytes, &length) : NULL;
  // Whole words of the checksum, and whole pages of the file.
  size_t padded =
      (length + STATE_FILE_PAGE_BYTES - 1) / STATE_FILE_PAGE_BYTES * STATE_FILE_PAGE_BYTES;
  g_autofree uint8_t *copy = g_malloc0 (MAX (padded, 1));

  memcpy (copy, data != NULL ? data : copy, length);
  *extent = (StateFileExtent){*at, length};
  *sum = length > 0 ? state_sum (copy, padded) : 0;
  *at += padded;
  return write_all (writer->fd, copy, padded, extent->offset);
}

static int
write_rest (StateFileWriter *writer)
{
  g_autofree StateFileHeader *header = g_new0 (StateFileHeader, 1);
  uint64_t at = ram_offset (writer, writer->n_rams);
  g_autoptr (GBytes) sums =
      g_bytes_new_static (writer->shared->sums, (size_t) writer->n_chunks * sizeof (uint64_t));

  memcpy (header->magic, STATE_FILE_MAGIC, sizeof header->magic);
  memcpy (header->arch, writer->arch, sizeof header->arch);
  header->version = STATE_FILE_VERSION;
  header->n_rams = writer->n_rams;
  for (unsigned i = 0; i < writer->n_rams; i++)
    header->rams[i] =
        (StateFileRam){writer->rams[i].base, writer->rams[i].bytes, ram_offset (writer, i)};
  int error = put_bytes (writer, sums, &at, &header->sums, &header->sums_sum);
  if (error == 0)
    error = put_bytes (writer, writer->stream, &at, &header->stream, &header->stream_sum);
  header->file_bytes = at;
  header->sum = state_sum (header, sizeof *header);
  return error != 0 ? error : write_all (writer->fd, header, sizeof *header, 0);
}

static int
sync_folder (const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd < 0)
    return errno;
  int error = fsync (fd) == 0 || errno == EINVAL ? 0 : errno; // a file system that cannot
  close (fd);
  return error;
}

bool
state_file_writer_finish (StateFileWriter *writer, GError **error)
{
  g_assert (writer->shared != NULL && writer->stream != NULL);
  int code = write_rest (writer);

  if (code == 0 && fsync (writer->fd) < 0)
    code = errno;
  if (code == 0 && rename (writer->temporary, writer->path) < 0)
    code = errno;
  if (code == 0) {
    g_clear_pointer (&writer->temporary, g_free);
    code = sync_folder (writer->path);
  }
  return code == 0 || fail (writer, code, error);
}

void
state_file_writer_free (StateFileWriter *writer)
{
  if (writer == NULL)
    return;
  if (writer->child > 0) {
    kill (writer->child, SIGKILL);
    reap (writer);
  }
  drop_shared (writer);
  if (writer->fd >= 0)
    close (writer->fd);
  if (writer->temporary != NULL)
    g_unlink (writer->temporary);
  for (unsigned i = 0; i < writer->n_rams; i++)
    g_array_unref (writer->rams[i].runs);
  g_clear_pointer (&writer->stream, g_bytes_unref);
  g_free (writer->temporary);
  g_free (writer->path);
  g_free (writer);
}
