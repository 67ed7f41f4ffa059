// SPDX-License-Identifier: GPL-3.0-or-later
// virtio memory balloon (VIRTIO 1.2 §5.5) with statistics and free page reporting. Pages the guest
// lets go of are given back to the host at once; touching them again brings zeroes, or, where memory
// is mapped from saved state, what was there then: the guest's own in any case.
//
// Queues there are only with their feature are packed by drivers as they are, and have a fixed place
// in the specification: 2 is for statistics if these were negotiated, 3 and 4 report free pages.
//
// Threads: the I/O thread under the device's lock; what the machine's owner asks, any.
#include "engine/virtio/balloon.h"

#include <assert.h>
#include <string.h>

#include "engine/mem/ram.h"
#include "engine/virtio/pump.h"

enum {
  QUEUE_INFLATE = 0,
  QUEUE_DEFLATE = 1,
  QUEUE_STATS = 2,
  N_QUEUES = 5,
  QUEUE_SIZE = 128,
  CHAINS_PER_RUN = 32,

  PAGE_SHIFT = 12,
  PAGE_BYTES = 1 << PAGE_SHIFT,
  PAGES_PER_CHAIN = 16384, // more than drivers send at once
  PAGES_PER_READ = 256,

  N_TAGS = 10,
  STATS_PER_CHAIN = 32,
};

#define F_STATS_VQ       (1ull << 1)
#define F_DEFLATE_ON_OOM (1ull << 2)
#define F_REPORTING      (1ull << 5)

typedef struct BalloonConfig {
  uint32_t num_pages, actual;
  uint32_t free_page_hint_cmd_id, poison_val; // not offered
} BalloonConfig;
static_assert (sizeof (BalloonConfig) == 16, "§5.5.4");

typedef struct __attribute__ ((packed)) BalloonStat {
  uint16_t tag;
  uint64_t value;
} BalloonStat;
static_assert (sizeof (BalloonStat) == 10, "§5.5.6.3");

typedef struct VirtioBalloon {
  VirtioDevice vdev;
  VirtioPump pump;
  VmEvent *wish; // somebody wants newer figures
  // The device's lock.
  uint32_t num_pages, actual;
  uint64_t reported_bytes;
  uint64_t stats[N_TAGS];
  VirtChain *waiting; // the driver's buffer of figures, until newer ones are wanted
} VirtioBalloon;

// ---- pages ----------------------------------------------------------------------------------

// A run of pages that lie side by side, in either direction: drivers let go of them as they come.
typedef struct Run {
  uint64_t first, n; // page numbers
} Run;

static void
discard (VirtioBalloon *balloon, const Run *run)
{
  uint64_t bytes = run->n << PAGE_SHIFT;
  void *host =
      run->n != 0 ? mem_bus_ram_ptr (balloon->vdev.vm->bus, run->first << PAGE_SHIFT, bytes) : NULL;

  if (host != NULL)
    vm_ram_discard (host, bytes);
}

static void
add_page (VirtioBalloon *balloon, Run *run, uint32_t page)
{
  if (run->n != 0 && page == run->first + run->n) {
    run->n++;
  } else if (run->n != 0 && run->first != 0 && page == run->first - 1) {
    run->first--;
    run->n++;
  } else {
    discard (balloon, run);
    *run = (Run){page, 1};
  }
}

static void
inflate (VirtioBalloon *balloon, const VirtChain *chain)
{
  uint32_t pages[PAGES_PER_READ];
  Run run = {0, 0};

  for (unsigned done = 0; done < PAGES_PER_CHAIN; done += PAGES_PER_READ) {
    size_t n = virtchain_read (chain, done * sizeof *pages, pages, sizeof pages) / sizeof *pages;
    for (size_t i = 0; i < n; i++)
      add_page (balloon, &run, pages[i]);
    if (n < PAGES_PER_READ)
      break;
  }
  discard (balloon, &run);
}

// The buffers themselves are what is free.
static void
report (VirtioBalloon *balloon, const VirtChain *chain)
{
  for (unsigned i = 0; i < chain->n_in; i++)
    balloon->reported_bytes += vm_ram_discard (chain->in[i].iov_base, chain->in[i].iov_len);
}

// ---- figures --------------------------------------------------------------------------------

static void
forget_stats (VirtioBalloon *balloon)
{
  for (unsigned i = 0; i < N_TAGS; i++)
    balloon->stats[i] = UINT64_MAX;
}

static void
take_stats (VirtioBalloon *balloon, VirtChain *chain)
{
  BalloonStat stats[STATS_PER_CHAIN];
  size_t n = virtchain_read (chain, 0, stats, sizeof stats) / sizeof *stats;

  for (size_t i = 0; i < n; i++)
    if (stats[i].tag < N_TAGS)
      balloon->stats[stats[i].tag] = stats[i].value;
  // One buffer is enough; a driver that sends more gets the others back.
  if (balloon->waiting != NULL)
    virtqueue_push (&balloon->vdev.queues[QUEUE_STATS], balloon->waiting, 0);
  balloon->waiting = chain;
}

static void
give_stats_back (VirtioBalloon *balloon)
{
  if (balloon->waiting == NULL || !virtio_device_is_live (&balloon->vdev))
    return;
  virtqueue_push (&balloon->vdev.queues[QUEUE_STATS], g_steal_pointer (&balloon->waiting), 0);
  virtio_device_notify (&balloon->vdev, QUEUE_STATS);
}

static void
wish_cb (void *data)
{
  VirtioBalloon *balloon = data;

  virtio_device_lock (&balloon->vdev);
  if (!balloon->pump.paused)
    give_stats_back (balloon);
  virtio_device_unlock (&balloon->vdev);
}

void
virtio_balloon_get_stats (VirtioDevice *vdev, VirtioBalloonStats *stats)
{
  VirtioBalloon *balloon = (VirtioBalloon *) vdev;

  virtio_device_lock (vdev);
  *stats = (VirtioBalloonStats){
      .target = (uint64_t) balloon->num_pages << PAGE_SHIFT,
      .actual = (uint64_t) balloon->actual << PAGE_SHIFT,
      .reported = balloon->reported_bytes,
      .swapped_in = balloon->stats[0],
      .swapped_out = balloon->stats[1],
      .major_faults = balloon->stats[2],
      .minor_faults = balloon->stats[3],
      .free = balloon->stats[4],
      .total = balloon->stats[5],
      .available = balloon->stats[6],
      .caches = balloon->stats[7],
  };
  virtio_device_unlock (vdev);
  vm_event_signal (balloon->wish);
}

void
virtio_balloon_set_target (VirtioDevice *vdev, uint64_t bytes)
{
  VirtioBalloon *balloon = (VirtioBalloon *) vdev;

  virtio_device_lock (vdev);
  balloon->num_pages = (uint32_t) MIN (bytes >> PAGE_SHIFT, UINT32_MAX);
  virtio_device_config_changed (vdev);
  virtio_device_unlock (vdev);
}

// ---- ops ------------------------------------------------------------------------------------

static bool
handle (VirtioDevice *vdev, unsigned queue, VirtChain *chain)
{
  VirtioBalloon *balloon = (VirtioBalloon *) vdev;

  if (queue == QUEUE_STATS && virtio_device_has (vdev, F_STATS_VQ)) {
    take_stats (balloon, chain);
    return true;
  }
  if (queue == QUEUE_INFLATE)
    inflate (balloon, chain);
  else if (queue != QUEUE_DEFLATE && virtio_device_has (vdev, F_REPORTING))
    report (balloon, chain);
  virtqueue_push (&vdev->queues[queue], chain, 0);
  return true;
}

static void
balloon_queue_notify (VirtioDevice *vdev, unsigned queue)
{
  virtio_pump_run (&((VirtioBalloon *) vdev)->pump, queue);
}

static void
balloon_read_config (VirtioDevice *vdev, unsigned offset, void *to, unsigned length)
{
  const VirtioBalloon *balloon = (VirtioBalloon *) vdev;
  const BalloonConfig config = {.num_pages = balloon->num_pages, .actual = balloon->actual};
  memcpy (to, (const uint8_t *) &config + offset, length);
}

// Of what is not the driver's to write nothing is kept.
static void
balloon_write_config (VirtioDevice *vdev, unsigned offset, const void *from, unsigned length)
{
  VirtioBalloon *balloon = (VirtioBalloon *) vdev;

  if (offset == offsetof (BalloonConfig, actual) && length == sizeof balloon->actual)
    memcpy (&balloon->actual, from, length);
}

static void
drop_waiting (VirtioBalloon *balloon)
{
  if (balloon->waiting != NULL)
    virtchain_free (g_steal_pointer (&balloon->waiting));
}

// What is wanted of the guest outlives it.
static void
balloon_reset (VirtioDevice *vdev)
{
  VirtioBalloon *balloon = (VirtioBalloon *) vdev;

  drop_waiting (balloon);
  forget_stats (balloon);
  balloon->actual = 0;
}

// The buffer of figures goes back, so that no chain is out in saved state; it comes again.
static void
balloon_quiesce (VirtioDevice *vdev)
{
  VirtioBalloon *balloon = (VirtioBalloon *) vdev;

  virtio_pump_quiesce (&balloon->pump);
  give_stats_back (balloon);
  drop_waiting (balloon);
}

static void
balloon_resume (VirtioDevice *vdev)
{
  virtio_pump_resume (&((VirtioBalloon *) vdev)->pump);
}

static void
balloon_save (VirtioDevice *vdev, StateWriter *writer)
{
  const VirtioBalloon *balloon = (VirtioBalloon *) vdev;

  state_put_u32 (writer, balloon->num_pages);
  state_put_u32 (writer, balloon->actual);
}

static bool
balloon_load (VirtioDevice *vdev, StateReader *reader, uint32_t version, GError **error)
{
  VirtioBalloon *balloon = (VirtioBalloon *) vdev;

  balloon->num_pages = state_get_u32 (reader);
  balloon->actual = state_get_u32 (reader);
  drop_waiting (balloon);
  forget_stats (balloon);
  return true; // any number is one the host may want or the guest may tell
}

static bool
balloon_realize (VirtioDevice *vdev, GError **error)
{
  VirtioBalloon *balloon = (VirtioBalloon *) vdev;

  vdev->features = F_STATS_VQ | F_DEFLATE_ON_OOM | F_REPORTING;
  for (unsigned i = 0; i < N_QUEUES; i++)
    virtio_device_add_queue (vdev, QUEUE_SIZE);
  virtio_pump_init (&balloon->pump, vdev, (1u << N_QUEUES) - 1, CHAINS_PER_RUN, handle);
  balloon->wish = vm_event_new (vdev->vm->loop, wish_cb, balloon);
  return true;
}

static void
balloon_free (VirtioDevice *vdev)
{
  VirtioBalloon *balloon = (VirtioBalloon *) vdev;

  drop_waiting (balloon);
  virtio_pump_clear (&balloon->pump);
  g_clear_pointer (&balloon->wish, vm_event_free);
  virtio_device_clear (vdev);
  g_free (balloon);
}

static const VirtioOps balloon_ops = {
    .name = "virtio-balloon",
    .device_id = VIRTIO_ID_BALLOON,
    .pci_class = {0x00, 0xff, 0x00}, // unclassified
    .state_version = 1,
    .config_bytes = sizeof (BalloonConfig),
    .realize = balloon_realize,
    .free = balloon_free,
    .reset = balloon_reset,
    .queue_notify = balloon_queue_notify,
    .read_config = balloon_read_config,
    .write_config = balloon_write_config,
    .quiesce = balloon_quiesce,
    .resume = balloon_resume,
    .save = balloon_save,
    .load = balloon_load,
};

VirtioDevice *
virtio_balloon_new (void)
{
  VirtioBalloon *balloon = g_new0 (VirtioBalloon, 1);

  virtio_device_init (&balloon->vdev, &balloon_ops);
  forget_stats (balloon);
  return &balloon->vdev;
}
