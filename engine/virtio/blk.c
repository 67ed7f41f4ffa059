// SPDX-License-Identifier: GPL-3.0-or-later
// virtio block device (VIRTIO 1.2 §5.2): queues of requests, carried out straight into and out of
// guest memory: at once what takes no waiting (it is in the host's page cache), by the kernel or the
// disk's workers the rest.
//
// Threads: the I/O thread under the device's lock, and the vCPU that notifies for a little that can
// be done at once; reset may come from a vCPU thread. A chain is
// kept while its request is in flight. Reset waits for requests a worker has begun: they use guest
// memory that the driver may give to something else right afterwards.
//
// When the host's disk is full, what could not be written is no error for the guest: the request
// stalls, the machine is asked to pause, and resuming it tries again.
#include "engine/virtio/blk.h"

#include <assert.h>
#include <errno.h>
#include <gio/gio.h>
#include <string.h>

#include "engine/virtio/pump.h"

// ---------------------------------------------------------------------------------------------
// Wire structs

#define VIRTIO_BLK_F_SEG_MAX      (1ull << 2)
#define VIRTIO_BLK_F_RO           (1ull << 5)
#define VIRTIO_BLK_F_BLK_SIZE     (1ull << 6)
#define VIRTIO_BLK_F_FLUSH        (1ull << 9)
#define VIRTIO_BLK_F_TOPOLOGY     (1ull << 10)
#define VIRTIO_BLK_F_CONFIG_WCE   (1ull << 11)
#define VIRTIO_BLK_F_MQ           (1ull << 12)
#define VIRTIO_BLK_F_DISCARD      (1ull << 13)
#define VIRTIO_BLK_F_WRITE_ZEROES (1ull << 14)

enum {
  VIRTIO_BLK_T_IN = 0,
  VIRTIO_BLK_T_OUT = 1,
  VIRTIO_BLK_T_FLUSH = 4,
  VIRTIO_BLK_T_GET_ID = 8,
  VIRTIO_BLK_T_DISCARD = 11,
  VIRTIO_BLK_T_WRITE_ZEROES = 13,

  VIRTIO_BLK_S_OK = 0,
  VIRTIO_BLK_S_IOERR = 1,
  VIRTIO_BLK_S_UNSUPP = 2,

  VIRTIO_BLK_ID_BYTES = 20,
  VIRTIO_BLK_UNMAP = 1,

  QUEUE_SIZE = 256,
  STALLED_MAX = QUEUE_SIZE * VIRTIO_BLK_QUEUES_MAX,
  REQUESTS_PER_RUN = 64,
  MAX_DISCARD_SECTORS = 1 << 21,      // 1 GiB
  MAX_WRITE_ZEROES_SECTORS = 1 << 17, // 64 MiB: the host may have to write them
  MAX_TRANSFER_BYTES = 1 << 30,

  // What a run does at once, which is copying: tens of microseconds on a vCPU, but when that has
  // nothing else to do.
  AT_ONCE_BYTES = 4 << 20,
  AT_ONCE_BYTES_AT_REST = 1 << 20,
  AT_ONCE_BYTES_VCPU = 128 << 10,
  // The driver hears of so much before the run ends: it has the next ready by then.
  NOTIFY_BYTES = 2 << 20,
};

typedef struct BlkConfig {
  uint64_t capacity; // sectors
  uint32_t size_max, seg_max;
  uint16_t cylinders;
  uint8_t heads, sectors;
  uint32_t blk_size;
  uint8_t physical_block_exp, alignment_offset;
  uint16_t min_io_size;
  uint32_t opt_io_size;
  uint8_t writeback, unused0;
  uint16_t num_queues;
  uint32_t max_discard_sectors, max_discard_seg, discard_sector_alignment;
  uint32_t max_write_zeroes_sectors, max_write_zeroes_seg;
  uint8_t write_zeroes_may_unmap, unused1[3];
} BlkConfig;
enum {
  BLK_CONFIG_BYTES = offsetof (BlkConfig, unused1) + 3,
};
static_assert (BLK_CONFIG_BYTES == 60 && offsetof (BlkConfig, writeback) == 32, "§5.2.4");

typedef struct BlkHeader {
  uint32_t type, reserved;
  uint64_t sector;
} BlkHeader;
static_assert (sizeof (BlkHeader) == 16, "§5.2.6");

typedef struct BlkRange {
  uint64_t sector;
  uint32_t n_sectors, flags;
} BlkRange;
static_assert (sizeof (BlkRange) == 16, "§5.2.6");

// A chain that waits for room on the host's disk.
typedef struct Stalled {
  uint16_t queue, head;
} Stalled;

typedef struct VirtioBlk {
  VirtioDevice vdev;
  BlockDevice *disk;
  unsigned n_queues;
  char serial[VIRTIO_BLK_ID_BYTES];
  bool writeback;
  VirtioPump pump;
  // Of the run under way: what may still be done at once, what was and the driver has not heard of,
  // whether it leaves the rest to the I/O thread, and whether it left any to that or another run.
  uint64_t at_once_bytes, unheard_bytes;
  bool on_vcpu, left_rest;
  Stalled stalled[STALLED_MAX];
  unsigned n_stalled;
} VirtioBlk;

// One in flight.
typedef struct BlkRequest {
  BlockRequest block; // first: what reap gives is this
  unsigned queue;
  VirtChain *chain;
  struct iovec iov[];
} BlkRequest;

// One being looked at.
typedef struct BlkChain {
  unsigned queue;
  VirtChain *chain;
} BlkChain;

// ---------------------------------------------------------------------------------------------
// Requests

// Copies `length` bytes' worth of segments from byte `skip` on; the number of segments.
static unsigned
slice (struct iovec *to, const struct iovec *from, unsigned n_from, uint64_t skip, uint64_t length)
{
  unsigned n = 0;
  for (unsigned i = 0; i < n_from && length > 0; i++) {
    if (skip >= from[i].iov_len) {
      skip -= from[i].iov_len;
      continue;
    }
    uint64_t bytes = from[i].iov_len - skip;
    if (bytes > length)
      bytes = length;
    to[n].iov_base = (uint8_t *) from[i].iov_base + skip;
    to[n++].iov_len = bytes;
    skip = 0;
    length -= bytes;
  }
  return n;
}

// Puts the status byte at the end of the writable buffers and gives the chain back.
static void
finish (VirtioBlk *blk, BlkChain taken, uint8_t status)
{
  VirtChain *chain = taken.chain;
  virtchain_write (chain, chain->in_bytes - 1, &status, 1);
  uint64_t written = chain->in_bytes;
  virtqueue_push (&blk->vdev.queues[taken.queue], chain,
                  written < UINT32_MAX ? (uint32_t) written : 1);
}

// Sector and length inside the disk?
static bool
in_range (const VirtioBlk *blk, uint64_t sector, uint64_t bytes)
{
  uint64_t capacity = block_device_get_size_bytes (blk->disk) / BLOCK_SECTOR_BYTES;
  return bytes % BLOCK_SECTOR_BYTES == 0 && sector <= capacity &&
         bytes / BLOCK_SECTOR_BYTES <= capacity - sector;
}

static bool
try_at_once (VirtioBlk *blk, BlockRequest *request)
{
  if (request->length_bytes > blk->at_once_bytes || !block_device_try (blk->disk, request))
    return false;
  blk->at_once_bytes -= request->length_bytes;
  return true;
}

static void
finish_at_once (VirtioBlk *blk, BlkChain taken, uint64_t bytes)
{
  finish (blk, taken, VIRTIO_BLK_S_OK);
  blk->unheard_bytes += bytes;
  if (blk->unheard_bytes >= NOTIFY_BYTES) {
    virtio_device_notify (&blk->vdev, taken.queue);
    blk->unheard_bytes = 0;
  }
}

// Another run may do it at once.
static bool
is_spent (const VirtioBlk *blk, const BlockRequest *request)
{
  return request->length_bytes > blk->at_once_bytes && request->length_bytes <= AT_ONCE_BYTES;
}

static void
leave (VirtioBlk *blk, BlkChain taken)
{
  virtqueue_unpop (&blk->vdev.queues[taken.queue], taken.chain);
  blk->left_rest = true;
  if (!blk->on_vcpu)
    virtio_pump_run_again (&blk->pump, taken.queue);
}

static void
submit (VirtioBlk *blk, BlkChain taken, const BlockRequest *what, const struct iovec *iov,
        unsigned n_iov, uint64_t skip)
{
  BlkRequest *request = g_malloc (sizeof *request + n_iov * sizeof (struct iovec));
  request->block = *what;
  request->queue = taken.queue;
  request->chain = taken.chain;
  request->block.iov = request->iov;
  request->block.n_iov = n_iov > 0 ? slice (request->iov, iov, n_iov, skip, what->length_bytes) : 0;
  if (try_at_once (blk, &request->block)) {
    g_free (request);
    finish_at_once (blk, taken, what->length_bytes);
  } else if (blk->on_vcpu || is_spent (blk, what)) {
    g_free (request);
    leave (blk, taken);
  } else {
    block_device_submit (blk->disk, &request->block);
  }
}

// The driver asked for writes that are safe when they complete: no cache, or none it knows of.
static bool
is_write_through (const VirtioBlk *blk)
{
  return !virtio_device_has (&blk->vdev, VIRTIO_BLK_F_FLUSH) || !blk->writeback;
}

static void
start_transfer (VirtioBlk *blk, BlkChain taken, const BlkHeader *header)
{
  const VirtChain *chain = taken.chain;
  bool write = header->type == VIRTIO_BLK_T_OUT;
  uint64_t bytes = write ? chain->out_bytes - sizeof *header : chain->in_bytes - 1;
  BlockRequest what = {.op = write ? BLOCK_WRITE : BLOCK_READ,
                       .fua = write && is_write_through (blk),
                       .offset_bytes = header->sector * BLOCK_SECTOR_BYTES,
                       .length_bytes = bytes};
  if (bytes > MAX_TRANSFER_BYTES || !in_range (blk, header->sector, bytes) ||
      (write && block_device_is_read_only (blk->disk)))
    finish (blk, taken, VIRTIO_BLK_S_IOERR);
  else if (bytes == 0)
    finish (blk, taken, VIRTIO_BLK_S_OK);
  else if (write)
    submit (blk, taken, &what, chain->out, chain->n_out, sizeof *header);
  else
    submit (blk, taken, &what, chain->in, chain->n_in, 0);
}

static void
start_range (VirtioBlk *blk, BlkChain taken, const BlkHeader *header)
{
  const VirtChain *chain = taken.chain;
  bool discard = header->type == VIRTIO_BLK_T_DISCARD;
  uint32_t max = discard ? MAX_DISCARD_SECTORS : MAX_WRITE_ZEROES_SECTORS;
  BlkRange range;
  if (chain->out_bytes != sizeof *header + sizeof range // one range: max_..._seg
      || block_device_is_read_only (blk->disk)) {
    finish (blk, taken, VIRTIO_BLK_S_IOERR);
    return;
  }
  virtchain_read (chain, sizeof *header, &range, sizeof range);
  BlockRequest what = {.op = discard ? BLOCK_DISCARD : BLOCK_WRITE_ZEROES,
                       .may_unmap = range.flags & VIRTIO_BLK_UNMAP,
                       .fua = !discard && is_write_through (blk),
                       .offset_bytes = range.sector * BLOCK_SECTOR_BYTES,
                       .length_bytes = (uint64_t) range.n_sectors * BLOCK_SECTOR_BYTES};
  if ((range.flags & ~(uint32_t) VIRTIO_BLK_UNMAP) != 0 || (discard && range.flags != 0))
    finish (blk, taken, VIRTIO_BLK_S_UNSUPP);
  else if (range.n_sectors > max || !in_range (blk, range.sector, what.length_bytes))
    finish (blk, taken, VIRTIO_BLK_S_IOERR);
  else if (range.n_sectors == 0)
    finish (blk, taken, VIRTIO_BLK_S_OK);
  else
    submit (blk, taken, &what, NULL, 0, 0);
}

static void
start_flush (VirtioBlk *blk, BlkChain taken)
{
  const BlockRequest what = {.op = BLOCK_FLUSH};
  if (block_device_is_read_only (blk->disk))
    finish (blk, taken, VIRTIO_BLK_S_OK);
  else
    submit (blk, taken, &what, NULL, 0, 0);
}

static void
get_id (VirtioBlk *blk, BlkChain taken)
{
  const VirtChain *chain = taken.chain;
  size_t room = (size_t) (chain->in_bytes - 1);
  virtchain_write (chain, 0, blk->serial, room < sizeof blk->serial ? room : sizeof blk->serial);
  finish (blk, taken, VIRTIO_BLK_S_OK);
}

static bool
handle (VirtioDevice *vdev, unsigned queue, VirtChain *chain)
{
  VirtioBlk *blk = (VirtioBlk *) vdev;
  const BlkChain taken = {queue, chain};
  BlkHeader header;
  if (virtchain_read (chain, 0, &header, sizeof header) != sizeof header || chain->in_bytes < 1) {
    virtchain_free (chain);
    virtio_device_broken (vdev, "block request without header or status");
    return false;
  }
  switch (header.type) {
  case VIRTIO_BLK_T_IN:
  case VIRTIO_BLK_T_OUT:
    start_transfer (blk, taken, &header);
    break;
  case VIRTIO_BLK_T_FLUSH:
    start_flush (blk, taken);
    break;
  case VIRTIO_BLK_T_GET_ID:
    get_id (blk, taken);
    break;
  case VIRTIO_BLK_T_DISCARD:
  case VIRTIO_BLK_T_WRITE_ZEROES:
    start_range (blk, taken, &header);
    break;
  default:
    finish (blk, taken, VIRTIO_BLK_S_UNSUPP);
  }
  return !blk->left_rest;
}

// There may be room later. Of a flush too: it lacked room for what the image's format had yet to
// write, and still has. (A sync that failed is EIO: block/file.h.)
static bool
can_try_again (const BlockRequest *request)
{
  return request->error == ENOSPC || request->error == EDQUOT;
}

static void
stall (VirtioBlk *blk, BlkChain taken)
{
  assert (blk->n_stalled < STALLED_MAX); // no more chains are out than the queues have entries
  blk->stalled[blk->n_stalled++] = (Stalled){taken.queue, taken.chain->head};
  virtchain_free (taken.chain);
  vm_request (blk->vdev.vm, VM_REQUEST_DISK_FULL);
}

static void
notify_all (VirtioBlk *blk)
{
  for (unsigned i = 0; i < blk->n_queues; i++)
    virtio_device_notify (&blk->vdev, i);
}

// The guest has the error; the person should know why it complains.
static void
finish_with (VirtioBlk *blk, BlkChain taken, int error)
{
  if (error != 0)
    vm_request (blk->vdev.vm, VM_REQUEST_DISK_ERROR);
  finish (blk, taken, error == 0 ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR);
}

static void
reap (VirtioBlk *blk)
{
  BlkRequest *request;
  while ((request = (BlkRequest *) block_device_reap (blk->disk)) != NULL) {
    int error = request->block.error;
    const BlkChain taken = {request->queue, request->chain};
    if (can_try_again (&request->block))
      stall (blk, taken);
    else
      finish_with (blk, taken, error);
    g_free (request);
  }
  notify_all (blk);
}

// The driver may have changed the chains meanwhile: they are looked at as if for the first time. None
// can be left to another run: they are not the last that were taken from their queue.
static void
try_again (VirtioBlk *blk)
{
  unsigned n = blk->n_stalled;
  blk->n_stalled = 0;
  blk->at_once_bytes = UINT64_MAX;
  for (unsigned i = 0; i < n && virtio_device_is_live (&blk->vdev); i++) {
    const Stalled *stalled = &blk->stalled[i];
    VirtChain *chain = virtqueue_retake (&blk->vdev.queues[stalled->queue], stalled->head);
    if (chain == NULL)
      virtio_device_broken (&blk->vdev, "malformed virtqueue");
    else
      handle (&blk->vdev, stalled->queue, chain);
  }
  notify_all (blk);
}

// I/O thread, lock not held.
static void
completed_cb (void *data)
{
  VirtioBlk *blk = data;
  virtio_device_lock (&blk->vdev);
  reap (blk);
  virtio_device_unlock (&blk->vdev);
}

static void
drop_requests (VirtioBlk *blk)
{
  BlkRequest *request;
  block_device_cancel (blk->disk);
  while ((request = (BlkRequest *) block_device_reap (blk->disk)) != NULL) {
    virtchain_free (request->chain);
    g_free (request);
  }
}

// ---------------------------------------------------------------------------------------------
// Ops

static void
begin_run (VirtioDevice *vdev)
{
  VirtioBlk *blk = (VirtioBlk *) vdev;
  blk->left_rest = false;
  blk->unheard_bytes = 0;
  if (!blk->on_vcpu)
    blk->at_once_bytes = AT_ONCE_BYTES;
}

static void
blk_queue_notify (VirtioDevice *vdev, unsigned queue)
{
  virtio_pump_run (&((VirtioBlk *) vdev)->pump, queue);
}

static bool
blk_queue_try (VirtioDevice *vdev, unsigned queue, bool at_rest)
{
  VirtioBlk *blk = (VirtioBlk *) vdev;
  blk->at_once_bytes = at_rest ? AT_ONCE_BYTES_AT_REST : AT_ONCE_BYTES_VCPU;
  blk->on_vcpu = true;
  virtio_pump_run (&blk->pump, queue);
  blk->on_vcpu = false;
  bool done = !blk->left_rest;
  blk->left_rest = false;
  return done;
}

static void
blk_read_config (VirtioDevice *vdev, unsigned offset, void *to, unsigned length)
{
  const VirtioBlk *blk = (VirtioBlk *) vdev;
  const BlkConfig config = {
      .capacity = block_device_get_size_bytes (blk->disk) / BLOCK_SECTOR_BYTES,
      .seg_max = QUEUE_SIZE - 2,
      .blk_size = BLOCK_SECTOR_BYTES,
      .physical_block_exp = 3, // 4 KiB
      .min_io_size = 8,
      .writeback = blk->writeback,
      .num_queues = blk->n_queues,
      .max_discard_sectors = MAX_DISCARD_SECTORS,
      .max_discard_seg = 1,
      .discard_sector_alignment = 8,
      .max_write_zeroes_sectors = MAX_WRITE_ZEROES_SECTORS,
      .max_write_zeroes_seg = 1,
      .write_zeroes_may_unmap = 1,
  };
  memcpy (to, (const uint8_t *) &config + offset, length);
}

static void
blk_write_config (VirtioDevice *vdev, unsigned offset, const void *from, unsigned length)
{
  VirtioBlk *blk = (VirtioBlk *) vdev;
  if (offset == offsetof (BlkConfig, writeback) && length == 1 &&
      virtio_device_has (vdev, VIRTIO_BLK_F_CONFIG_WCE))
    blk->writeback = *(const uint8_t *) from & 1;
}

static void
blk_reset (VirtioDevice *vdev)
{
  VirtioBlk *blk = (VirtioBlk *) vdev;
  drop_requests (blk);
  blk->n_stalled = 0;
  blk->writeback = true;
}

static void
blk_quiesce (VirtioDevice *vdev)
{
  VirtioBlk *blk = (VirtioBlk *) vdev;
  virtio_pump_quiesce (&blk->pump);
  block_device_wait (blk->disk);
  reap (blk);
}

static void
blk_resume (VirtioDevice *vdev)
{
  VirtioBlk *blk = (VirtioBlk *) vdev;
  try_again (blk);
  virtio_pump_resume (&blk->pump);
}

static void
blk_save (VirtioDevice *vdev, StateWriter *writer)
{
  const VirtioBlk *blk = (VirtioBlk *) vdev;
  state_put_u64 (writer, block_device_get_size_bytes (blk->disk));
  state_put_bool (writer, blk->writeback);
  state_put_u16 (writer, (uint16_t) blk->n_stalled);
  for (unsigned i = 0; i < blk->n_stalled; i++) {
    state_put_u16 (writer, blk->stalled[i].queue);
    state_put_u16 (writer, blk->stalled[i].head);
  }
}

// As many as can be: chains that are out of their queue. Which they are is the driver's to say
// anyway.
static bool
load_stalled (VirtioBlk *blk, StateReader *reader)
{
  unsigned n = state_get_u16 (reader), found[VIRTIO_BLK_QUEUES_MAX] = {0};
  if (n > STALLED_MAX)
    return false;
  for (blk->n_stalled = 0; blk->n_stalled < n; blk->n_stalled++) {
    Stalled *stalled = &blk->stalled[blk->n_stalled];
    stalled->queue = state_get_u16 (reader);
    stalled->head = state_get_u16 (reader);
    if (stalled->queue >= blk->n_queues)
      return false;
    const VirtQueue *queue = &blk->vdev.queues[stalled->queue];
    uint16_t out = queue->last_avail - queue->used_idx;
    if (++found[stalled->queue] > MIN (out, QUEUE_SIZE))
      return false;
  }
  return state_reader_ok (reader);
}

static bool
blk_load (VirtioDevice *vdev, StateReader *reader, uint32_t version, GError **error)
{
  VirtioBlk *blk = (VirtioBlk *) vdev;
  uint64_t size = state_get_u64 (reader);
  blk->writeback = state_get_bool (reader);
  if (!load_stalled (blk, reader)) {
    blk->n_stalled = 0;
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                 "The saved state of the disk is damaged");
    return false;
  }
  if (size == block_device_get_size_bytes (blk->disk))
    return true;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               "The disk is %" G_GUINT64_FORMAT " bytes long, but was %" G_GUINT64_FORMAT
               " bytes long when the machine was saved",
               block_device_get_size_bytes (blk->disk), size);
  return false;
}

static bool
blk_realize (VirtioDevice *vdev, GError **error)
{
  VirtioBlk *blk = (VirtioBlk *) vdev;
  vdev->features = VIRTIO_BLK_F_SEG_MAX | VIRTIO_BLK_F_BLK_SIZE | VIRTIO_BLK_F_FLUSH |
                   VIRTIO_BLK_F_TOPOLOGY | VIRTIO_BLK_F_CONFIG_WCE;
  vdev->features |= block_device_is_read_only (blk->disk)
                        ? VIRTIO_BLK_F_RO
                        : VIRTIO_BLK_F_DISCARD | VIRTIO_BLK_F_WRITE_ZEROES;
  if (blk->n_queues > 1)
    vdev->features |= VIRTIO_BLK_F_MQ;
  for (unsigned i = 0; i < blk->n_queues; i++)
    virtio_device_add_queue (vdev, QUEUE_SIZE);
  virtio_pump_init (&blk->pump, vdev, (1ull << blk->n_queues) - 1, REQUESTS_PER_RUN, handle);
  blk->pump.begin = begin_run;
  block_device_attach (blk->disk, vdev->vm->loop, completed_cb, blk);
  return true;
}

static void
blk_free (VirtioDevice *vdev)
{
  VirtioBlk *blk = (VirtioBlk *) vdev;
  drop_requests (blk);
  block_device_free (blk->disk);
  virtio_pump_clear (&blk->pump);
  virtio_device_clear (vdev);
  g_free (blk);
}

static const VirtioOps blk_ops = {
    .name = "virtio-blk",
    .device_id = VIRTIO_ID_BLOCK,
    .pci_class = {0x01, 0x00, 0x00}, // mass storage, SCSI by convention
    .state_version = 3,
    .config_bytes = BLK_CONFIG_BYTES,
    .realize = blk_realize,
    .free = blk_free,
    .reset = blk_reset,
    .queue_notify = blk_queue_notify,
    .queue_try = blk_queue_try,
    .read_config = blk_read_config,
    .write_config = blk_write_config,
    .quiesce = blk_quiesce,
    .resume = blk_resume,
    .save = blk_save,
    .load = blk_load,
};

VirtioDevice *
virtio_blk_new (BlockDevice *take, const char *serial, unsigned n_queues)
{
  g_assert (n_queues >= 1 && n_queues <= VIRTIO_BLK_QUEUES_MAX);
  VirtioBlk *blk = g_new0 (VirtioBlk, 1);
  virtio_device_init (&blk->vdev, &blk_ops);
  blk->disk = take;
  blk->writeback = true;
  blk->n_queues = n_queues;
  if (serial != NULL)
    memcpy (blk->serial, serial, strnlen (serial, sizeof blk->serial));
  return &blk->vdev;
}
