// SPDX-License-Identifier: GPL-3.0-or-later
// A file in memory; see mem-file.h.
#include "tests/support/mem-file.h"

#include <errno.h>
#include <string.h>

#include "engine/block/iov.h"

static void
make_long (MemFile *mem, uint64_t length)
{
  uint64_t old = mem->bytes->len;
  if (length <= old)
    return;
  g_byte_array_set_size (mem->bytes, (guint) length);
  memset (mem->bytes->data + old, 0, length - old);
}

static void
record (MemFile *mem, MemEventKind kind, uint64_t offset, uint64_t length, const uint8_t *data)
{
  const MemEvent event = {kind, offset, length, g_memdup2 (data, data != NULL ? length : 0)};
  if (mem->events != NULL)
    g_array_append_val (mem->events, event);
  else
    g_free (event.data);
}

// Counts a call; the error it shall give.
static int
call (MemFile *mem)
{
  mem->n_calls++;
  if (mem->n_calls < mem->fail_from || mem->n_calls > mem->fail_to)
    return 0;
  mem->failed = true;
  return mem->error;
}

static int
mem_read (void *impl, const struct iovec *iov, unsigned n_iov, uint64_t offset, uint64_t *done)
{
  MemFile *mem = impl;
  *done = 0;
  g_mutex_lock (&mem->lock);
  int error = mem->reads_too ? call (mem) : 0;
  if (error != 0) {
    g_mutex_unlock (&mem->lock);
    return error;
  }
  uint64_t there = offset < mem->bytes->len ? mem->bytes->len - offset : 0;
  *done = MIN (there, block_iov_bytes (iov, n_iov));
  if (*done > 0)
    block_iov_put (iov, n_iov, 0, mem->bytes->data + offset, *done);
  g_mutex_unlock (&mem->lock);
  return 0;
}

static int
mem_write (void *impl, const struct iovec *iov, unsigned n_iov, uint64_t offset)
{
  MemFile *mem = impl;
  uint64_t length = block_iov_bytes (iov, n_iov), at = 0;
  g_autofree uint8_t *data = g_malloc (length);
  for (unsigned i = 0; i < n_iov; at += iov[i++].iov_len)
    memcpy (data + at, iov[i].iov_base, iov[i].iov_len);
  g_mutex_lock (&mem->lock);
  int error = call (mem);
  if (error == 0 && mem->room != 0 && offset + length > mem->room) {
    error = ENOSPC;
    mem->failed = true;
  }
  // One that fails may have begun.
  if (error != 0)
    length = length / 2 & ~UINT64_C (511);
  if (mem->room != 0 && error != 0)
    length = offset < mem->room ? MIN (length, mem->room - offset) : 0;
  if (length > 0) {
    make_long (mem, offset + length);
    memcpy (mem->bytes->data + offset, data, length);
    record (mem, MEM_WRITE, offset, length, data);
  }
  g_mutex_unlock (&mem->lock);
  return error;
}

static int
mem_sync (void *impl)
{
  MemFile *mem = impl;
  g_mutex_lock (&mem->lock);
  if (mem->sync_failed)
    mem->n_syncs_after_failure++;
  int error = call (mem);
  if (error == 0)
    record (mem, MEM_SYNC, 0, 0, NULL);
  else
    mem->sync_failed = true;
  g_mutex_unlock (&mem->lock);
  return error;
}

static int
mem_zero (void *impl, uint64_t offset, uint64_t length)
{
  MemFile *mem = impl;
  const MemEvent event = {MEM_ZERO, offset, length, NULL};
  g_mutex_lock (&mem->lock);
  int error = call (mem);
  if (error == 0) {
    mem_file_apply (mem, &event, length);
    record (mem, MEM_ZERO, offset, length, NULL);
  }
  g_mutex_unlock (&mem->lock);
  return error;
}

static int
mem_get_size (void *impl, uint64_t *bytes)
{
  MemFile *mem = impl;
  g_mutex_lock (&mem->lock);
  *bytes = mem->bytes->len;
  g_mutex_unlock (&mem->lock);
  return 0;
}

static int
mem_set_size (void *impl, uint64_t bytes)
{
  MemFile *mem = impl;
  const MemEvent event = {MEM_SIZE, 0, bytes, NULL};
  g_mutex_lock (&mem->lock);
  int error = call (mem);
  if (error == 0) {
    mem_file_apply (mem, &event, bytes);
    record (mem, MEM_SIZE, 0, bytes, NULL);
  }
  g_mutex_unlock (&mem->lock);
  return error;
}

static void
mem_close (void *impl)
{
}

static const BlockFileOps mem_ops = {
    .read = mem_read,
    .write = mem_write,
    .sync = mem_sync,
    .punch = mem_zero,
    .zero = mem_zero,
    .get_size = mem_get_size,
    .set_size = mem_set_size,
    .free = mem_close,
};

static void
clear_event (void *data)
{
  g_free (((MemEvent *) data)->data);
}

MemFile *
mem_file_new (void)
{
  MemFile *mem = g_new0 (MemFile, 1);
  g_mutex_init (&mem->lock);
  mem->bytes = g_byte_array_new ();
  return mem;
}

void
mem_file_free (MemFile *mem)
{
  g_byte_array_unref (mem->bytes);
  g_clear_pointer (&mem->events, g_array_unref);
  g_mutex_clear (&mem->lock);
  g_free (mem);
}

BlockFile *
mem_file_open (MemFile *mem)
{
  return block_file_new (&mem_ops, mem);
}

void
mem_file_record (MemFile *mem)
{
  mem->events = g_array_new (FALSE, FALSE, sizeof (MemEvent));
  g_array_set_clear_func (mem->events, clear_event);
}

void
mem_file_apply (MemFile *mem, const MemEvent *event, uint64_t length)
{
  uint64_t there = mem->bytes->len;
  if (event->kind == MEM_WRITE) {
    make_long (mem, event->offset + length);
    memcpy (mem->bytes->data + event->offset, event->data, length);
  } else if (event->kind == MEM_ZERO && event->offset < there) {
    memset (mem->bytes->data + event->offset, 0, MIN (event->length, there - event->offset));
  } else if (event->kind == MEM_SIZE) {
    make_long (mem, event->length);
    g_byte_array_set_size (mem->bytes, (guint) event->length);
  }
}

void
mem_file_set (MemFile *mem, const MemFile *from)
{
  g_byte_array_set_size (mem->bytes, 0);
  g_byte_array_append (mem->bytes, from->bytes->data, from->bytes->len);
}
