// SPDX-License-Identifier: GPL-3.0-or-later
// Requests of one disk, its worker threads, and the way of completions back to the I/O thread.
//
// Threads: workers are made when there is work and nobody to do it, up to WORKERS_MAX; they live
// as long as the device. The ring is the user's alone. `lock` guards everything below it in the
// struct.
#include "engine/block/device.h"

#include <assert.h>
#include <errno.h>

#include "engine/block/iov.h"
#include "engine/block/ring.h"

enum {
  WORKERS_MAX = 4,
};

typedef struct RequestList {
  BlockRequest *head, *tail;
} RequestList;

struct BlockDevice {
  const BlockDriverOps *ops;
  void *driver;
  uint64_t size_bytes;
  bool read_only;
  BlockRing *ring;   // NULL: none
  unsigned n_mapped; // transfers in the ring

  GMutex lock;
  GCond work;               // a request is queued, or stopping
  GCond finished;           // a request was completed, and n_waiting threads wait for that
  RequestList queued, done; // not begun; completed and not reaped
  unsigned n_outstanding;   // submitted and not completed
  unsigned n_queued, n_idle, n_workers, n_waiting;
  GThread *workers[WORKERS_MAX];
  bool stopping;
  int flush_error;  // of the first flush that failed
  VmEvent *event;   // tells the user about completions; NULL: not attached
  Traffic *traffic; // or NULL
};

static void
list_append (RequestList *list, BlockRequest *request)
{
  request->next = NULL;
  if (list->tail != NULL)
    list->tail->next = request;
  else
    list->head = request;
  list->tail = request;
}

static BlockRequest *
list_take (RequestList *list)
{
  BlockRequest *request = list->head;
  if (request != NULL) {
    list->head = request->next;
    if (list->head == NULL)
      list->tail = NULL;
    request->next = NULL;
  }
  return request;
}

// ---------------------------------------------------------------------------------------------
// Workers

static int
flush (BlockDevice *device)
{
  int error = __atomic_load_n (&device->flush_error, __ATOMIC_ACQUIRE);
  if (error != 0)
    return error;
  error = device->ops->flush (device->driver);
  if (error != 0 && error != ENOSPC && error != EDQUOT)
    __atomic_store_n (&device->flush_error, error, __ATOMIC_RELEASE);
  return error;
}

static int
execute (BlockDevice *device, BlockRequest *request)
{
  const BlockDriverOps *ops = device->ops;
  int error = 0;
  switch (request->op) {
  case BLOCK_READ:
    return ops->read (device->driver, request->iov, request->n_iov, request->offset_bytes);
  case BLOCK_WRITE:
    error = ops->write (device->driver, request->iov, request->n_iov, request->offset_bytes);
    break;
  case BLOCK_WRITE_ZEROES:
    error = ops->write_zeroes (device->driver, request->offset_bytes, request->length_bytes,
                               request->may_unmap);
    break;
  case BLOCK_DISCARD:
    return ops->discard (device->driver, request->offset_bytes, request->length_bytes);
  case BLOCK_FLUSH:
    return flush (device);
  }
  if (error == 0 && request->fua)
    error = flush (device);
  return error;
}

static void
complete_locked (BlockDevice *device, BlockRequest *request, int error)
{
  request->error = error;
  list_append (&device->done, request);
  device->n_outstanding--;
  if (device->n_waiting > 0)
    g_cond_broadcast (&device->finished);
  if (device->event != NULL)
    vm_event_signal (device->event);
}

static void *
worker_main (void *data)
{
  BlockDevice *device = data;
  g_mutex_lock (&device->lock);
  for (;;) {
    BlockRequest *request = list_take (&device->queued);
    if (request != NULL) {
      device->n_queued--;
      g_mutex_unlock (&device->lock);
      int error = execute (device, request);
      g_mutex_lock (&device->lock);
      complete_locked (device, request, error);
    } else if (device->stopping) {
      break;
    } else {
      device->n_idle++;
      g_cond_wait (&device->work, &device->lock);
      device->n_idle--;
    }
  }
  g_mutex_unlock (&device->lock);
  return NULL;
}

// Idle workers that were woken but have not run yet still count as idle, hence the comparison with
// what is queued. False: nobody is there to do the work.
static bool
wake_worker_locked (BlockDevice *device)
{
  g_cond_signal (&device->work);
  if (device->n_queued >= device->n_idle && device->n_workers < WORKERS_MAX) {
    GThread *thread = g_thread_try_new ("block", worker_main, device, NULL);
    if (thread != NULL)
      device->workers[device->n_workers++] = thread;
  }
  return device->n_workers > 0;
}

static void
queue_locked (BlockDevice *device, BlockRequest *request)
{
  if (wake_worker_locked (device)) {
    list_append (&device->queued, request);
    device->n_queued++;
  } else {
    complete_locked (device, request, EAGAIN);
  }
}

// ---------------------------------------------------------------------------------------------
// Transfers whose place is known

static bool
map (BlockDevice *device, BlockRequest *request)
{
  bool write = request->op == BLOCK_WRITE;
  return device->ops->map != NULL && (write || request->op == BLOCK_READ) && !request->fua &&
         request->n_iov <= BLOCK_RING_IOV_MAX && request->length_bytes > 0 &&
         device->ops->map (device->driver, write, request->offset_bytes, request->length_bytes,
                           &request->mapping);
}

static void
count (BlockDevice *device, const BlockRequest *request)
{
  if (request->op == BLOCK_READ || request->op == BLOCK_WRITE)
    traffic_add (device->traffic, request->op == BLOCK_WRITE, request->length_bytes);
}

bool
block_device_try (BlockDevice *device, BlockRequest *request)
{
  const BlockMapping *mapping = &request->mapping;
  bool done = true;
  if (!map (device, request))
    return false;
  if (mapping->file == NULL)
    block_iov_zero (request->iov, request->n_iov, 0, request->length_bytes);
  else
    done = block_file_try (mapping->file, request->op == BLOCK_WRITE, request->iov, request->n_iov,
                           mapping->offset, request->length_bytes);
  device->ops->unmap (device->driver, &request->mapping);
  if (done)
    count (device, request);
  return done;
}

// False: it is for the workers.
static bool
submit_mapped (BlockDevice *device, BlockRequest *request)
{
  BlockMapping *mapping = &request->mapping;
  if (device->ring == NULL || device->n_mapped >= BLOCK_RING_ENTRIES || !map (device, request))
    return false;
  if (mapping->file == NULL ||
      !block_ring_submit (device->ring, mapping->fd, request->op == BLOCK_WRITE, request->iov,
                          request->n_iov, mapping->offset, request)) {
    device->ops->unmap (device->driver, mapping);
    return false;
  }
  device->n_mapped++;
  return true;
}

// Takes what the ring has completed. What it did not do in whole a worker does anew: that finds out
// why, or does it after all.
static void
harvest (BlockDevice *device, bool wait)
{
  BlockRequest *request;
  int64_t moved;
  while (device->n_mapped > 0 && (request = block_ring_reap (device->ring, wait, &moved)) != NULL) {
    device->ops->unmap (device->driver, &request->mapping);
    device->n_mapped--;
    wait = false;
    g_mutex_lock (&device->lock);
    if (moved >= 0 && (uint64_t) moved == request->length_bytes)
      complete_locked (device, request, 0);
    else
      queue_locked (device, request);
    g_mutex_unlock (&device->lock);
  }
}

bool
block_device_use_ring (BlockDevice *device)
{
  if (device->ring == NULL && device->ops->map != NULL)
    device->ring = block_ring_new ();
  return device->ring != NULL;
}

// ---------------------------------------------------------------------------------------------
// The user's side

void
block_device_set_traffic (BlockDevice *device, Traffic *traffic)
{
  device->traffic = traffic;
}

void
block_device_submit (BlockDevice *device, BlockRequest *request)
{
  assert (request->op == BLOCK_READ || request->op == BLOCK_FLUSH || !device->read_only);
  assert (request->offset_bytes <= device->size_bytes &&
          request->length_bytes <= device->size_bytes - request->offset_bytes);
  count (device, request);
  bool mapped = submit_mapped (device, request);
  g_mutex_lock (&device->lock);
  device->n_outstanding++;
  if (!mapped)
    queue_locked (device, request);
  g_mutex_unlock (&device->lock);
}

BlockRequest *
block_device_reap (BlockDevice *device)
{
  harvest (device, false);
  g_mutex_lock (&device->lock);
  BlockRequest *request = list_take (&device->done);
  g_mutex_unlock (&device->lock);
  return request;
}

static void
wait_locked (BlockDevice *device)
{
  device->n_waiting++;
  while (device->n_outstanding > 0)
    g_cond_wait (&device->finished, &device->lock);
  device->n_waiting--;
}

// Whoever waits for a range that the ring holds goes on then.
static void
wait_for_ring (BlockDevice *device)
{
  while (device->n_mapped > 0)
    harvest (device, true);
}

void
block_device_wait (BlockDevice *device)
{
  wait_for_ring (device);
  g_mutex_lock (&device->lock);
  wait_locked (device);
  g_mutex_unlock (&device->lock);
}

void
block_device_cancel (BlockDevice *device)
{
  g_mutex_lock (&device->lock);
  BlockRequest *request;
  device->n_queued = 0;
  while ((request = list_take (&device->queued)) != NULL)
    complete_locked (device, request, ECANCELED);
  g_mutex_unlock (&device->lock);
  block_device_wait (device);
}

void
block_device_attach (BlockDevice *device, VmLoop *loop, void (*completed) (void *), void *data)
{
  assert (device->event == NULL);
  device->event = vm_event_new (loop, completed, data);
  if (block_device_use_ring (device) &&
      !block_ring_notify (device->ring, vm_event_get_fd (device->event)))
    g_clear_pointer (&device->ring, block_ring_free);
}

void
block_device_detach (BlockDevice *device)
{
  g_mutex_lock (&device->lock);
  VmEvent *event = device->event;
  device->event = NULL;
  g_mutex_unlock (&device->lock);
  if (event != NULL)
    vm_event_free (event);
}

uint64_t
block_device_get_size_bytes (const BlockDevice *device)
{
  return device->size_bytes;
}

bool
block_device_is_read_only (const BlockDevice *device)
{
  return device->read_only;
}

// Twice: the second time for what the first one made free.
int
block_device_settle (BlockDevice *device)
{
  int error = 0;
  for (unsigned i = 0; i < 2 && error == 0 && !device->read_only; i++)
    error = flush (device);
  return error;
}

void
block_device_swap (BlockDevice *device, const BlockDriverOps **ops, void **driver)
{
  const BlockDriverOps *old_ops = device->ops;
  void *old_driver = device->driver;
  assert (device->n_outstanding == 0);
  device->ops = *ops;
  device->driver = *driver;
  *ops = old_ops;
  *driver = old_driver;
}

BlockDevice *
block_device_new (const BlockDriverOps *ops, void *driver, uint64_t size_bytes, bool read_only)
{
  assert (size_bytes % BLOCK_SECTOR_BYTES == 0);
  BlockDevice *device = g_new0 (BlockDevice, 1);
  device->ops = ops;
  device->driver = driver;
  device->size_bytes = size_bytes;
  device->read_only = read_only;
  g_mutex_init (&device->lock);
  g_cond_init (&device->work);
  g_cond_init (&device->finished);
  return device;
}

void
block_device_free (BlockDevice *device)
{
  if (device == NULL)
    return;
  block_device_detach (device);
  block_device_wait (device);
  block_ring_free (device->ring);
  g_mutex_lock (&device->lock);
  device->stopping = true;
  g_cond_broadcast (&device->work);
  g_mutex_unlock (&device->lock);
  for (unsigned i = 0; i < device->n_workers; i++)
    g_thread_join (device->workers[i]);
  device->ops->free (device->driver);
  g_mutex_clear (&device->lock);
  g_cond_clear (&device->work);
  g_cond_clear (&device->finished);
  g_free (device);
}
