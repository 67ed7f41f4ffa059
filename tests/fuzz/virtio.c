// SPDX-License-Identifier: GPL-3.0-or-later
// Runs a fuzz script against one virtio device.
#include "tests/fuzz/virtio.h"

#include <zlib.h>

enum {
  // Descriptors, rings and data of all scripts lie in the first of these bytes of RAM.
  AREA_BYTES = 1 << 20,
  STEPS_MAX = 200,
  CHAIN_MAX = 6,
  STATE_HEADER_BYTES = 24, // of saved state; its checksum is at STATE_CRC
  STATE_CRC = 12,
  FLAG_NEXT = 1,
  FLAG_WRITE = 2,
  FLAG_INDIRECT = 4,
};

typedef struct Script {
  bool polite; // the driver keeps to the rules of queues; what it asks for may be nonsense
  const FuzzDevice *device;
  void *context;
  VirtioGuest *guest;
  FuzzInput in;
} Script;

GuestAddr
fuzz_address (FuzzInput *in)
{
  const GuestAddr end = VIRTIO_GUEST_RAM_BASE + (GuestAddr) VIRTIO_GUEST_RAM_BYTES;
  switch (fuzz_below (in, 16)) {
  case 0:
    return fuzz_number (in, 8);
  case 1:
    return end - fuzz_below (in, 64);
  case 2:
    return VIRTIO_GUEST_RAM_BASE - 32 + fuzz_below (in, 64);
  case 3:
    return UINT64_MAX - fuzz_below (in, 64);
  default:
    return VIRTIO_GUEST_RAM_BASE + fuzz_number (in, 4) % AREA_BYTES;
  }
}

uint32_t
fuzz_length (FuzzInput *in)
{
  static const uint32_t usual[] = {0, 1, 2, 7, 8, 12, 16, 17, 24, 512, 513, 1024, 4096, 65536};
  unsigned i = fuzz_below (in, G_N_ELEMENTS (usual) + 3);
  if (i < G_N_ELEMENTS (usual))
    return usual[i];
  return i == G_N_ELEMENTS (usual) ? (uint32_t) fuzz_number (in, 4) : fuzz_below (in, 2048);
}

static unsigned
pick_queue (Script *script)
{
  return fuzz_below (&script->in, script->guest->vdev->n_queues);
}

// ---------------------------------------------------------------------------------------------
// Steps of a script

static void
step_descriptor (Script *script)
{
  FuzzInput *in = &script->in;
  unsigned queue = pick_queue (script);
  uint16_t size = script->guest->queues[queue].size;
  virtio_guest_set_desc (script->guest, queue, (uint16_t) fuzz_below (in, size), fuzz_address (in),
                         fuzz_length (in), (uint16_t) fuzz_below (in, 8),
                         (uint16_t) fuzz_below (in, size + 1u));
}

static void
step_head (Script *script)
{
  unsigned queue = pick_queue (script);
  virtio_guest_submit_head (
      script->guest, queue,
      (uint16_t) fuzz_below (&script->in, script->guest->queues[queue].size + 2u));
}

static VirtioGuestBuf
put_request (Script *script, unsigned queue)
{
  uint8_t request[FUZZ_REQUEST_BYTES] = {0};
  size_t length = script->device->make_request (&script->in, queue, request);
  GuestAddr addr = VIRTIO_GUEST_RAM_BASE + AREA_BYTES / 2 + fuzz_below (&script->in, 4096) * 16u;
  memcpy (virtio_guest_ptr (script->guest, addr), request, sizeof request);
  return (VirtioGuestBuf){addr, (uint32_t) length, false};
}

// Request, now and then data, and room for the answer; answered before the next one.
static void
polite_chain (Script *script)
{
  FuzzInput *in = &script->in;
  unsigned queue = pick_queue (script), n = 0;
  const GuestAddr data = VIRTIO_GUEST_RAM_BASE + AREA_BYTES * 3 / 4;
  VirtioGuestBuf bufs[CHAIN_MAX];
  if (script->device->make_request != NULL)
    bufs[n++] = put_request (script, queue);
  if (n == 0 || fuzz_below (in, 3) == 0)
    bufs[n++] = (VirtioGuestBuf){data, 512 * (1 + fuzz_below (in, 8)), fuzz_below (in, 2)};
  bufs[n++] = (VirtioGuestBuf){data + 8192, 1 + fuzz_below (in, 2048), true};
  virtio_guest_submit (script->guest, queue, bufs, n);
  virtio_guest_notify (script->guest, queue);
  virtio_guest_settle (script->guest);
}

// A chain that is in order, with a plausible request at its start.
static void
step_chain (Script *script)
{
  FuzzInput *in = &script->in;
  unsigned queue = pick_queue (script), n = 0;
  VirtioGuestBuf bufs[CHAIN_MAX];
  if (script->polite) {
    polite_chain (script);
    return;
  }
  if (script->device->make_request != NULL && fuzz_below (in, 8) != 0)
    bufs[n++] = put_request (script, queue);
  unsigned n_out = n + fuzz_below (in, 2), total = n_out + fuzz_below (in, 3);
  for (; n < total && n < CHAIN_MAX; n++)
    bufs[n] = (VirtioGuestBuf){fuzz_address (in), fuzz_length (in), n >= n_out};
  if (n > 0)
    virtio_guest_submit (script->guest, queue, bufs, n);
}

static void
step_indirect (Script *script)
{
  FuzzInput *in = &script->in;
  unsigned queue = pick_queue (script);
  virtio_guest_set_desc (script->guest, queue, 0, fuzz_address (in), 16 * fuzz_below (in, 20),
                         FLAG_INDIRECT | (uint16_t) fuzz_below (in, 4), 1);
  virtio_guest_submit_head (script->guest, queue, 0);
}

static void
step_memory (Script *script)
{
  FuzzInput *in = &script->in;
  uint8_t bytes[64];
  size_t length = fuzz_below (in, sizeof bytes);
  fuzz_bytes (in, bytes, length);
  GuestAddr addr = VIRTIO_GUEST_RAM_BASE + fuzz_number (in, 4) % (AREA_BYTES - sizeof bytes);
  memcpy (virtio_guest_ptr (script->guest, addr), bytes, length);
}

static void
step_notify (Script *script)
{
  virtio_guest_notify (script->guest, pick_queue (script));
}

static void
step_config (Script *script)
{
  FuzzInput *in = &script->in;
  unsigned bytes = (unsigned) script->guest->vdev->ops->config_bytes;
  uint8_t value[8];
  if (bytes == 0)
    return;
  unsigned offset = fuzz_below (in, bytes), length = 1u << fuzz_below (in, 4);
  length = MIN (length, bytes - offset);
  fuzz_bytes (in, value, length);
  if (fuzz_below (in, 2) == 0)
    virtio_guest_write_config (script->guest, offset, value, length);
  virtio_guest_read_config (script->guest, offset, value, length);
}

static void
start (Script *script)
{
  static const uint64_t features[] = {0, ~0ull, ~0ull & ~VIRTIO_F_EVENT_IDX};
  static const uint16_t sizes[] = {0, 1, 4, 16};
  // The area is used anew: rings and data overlap those of before.
  script->guest->next_alloc = VIRTIO_GUEST_RAM_BASE + fuzz_below (&script->in, 16) * 16u;
  uint16_t size = sizes[fuzz_below (&script->in, G_N_ELEMENTS (sizes))];
  virtio_guest_start (script->guest, features[fuzz_below (&script->in, G_N_ELEMENTS (features))],
                      script->polite ? 0 : size);
}

static void
step_reset (Script *script)
{
  virtio_guest_reset (script->guest);
  start (script);
}

static void
step_pause (Script *script)
{
  virtio_guest_quiesce (script->guest);
  step_notify (script);
  virtio_guest_resume (script->guest);
}

// Saved state with some bytes changed and the checksum made right again.
static void
step_damaged_state (Script *script)
{
  FuzzInput *in = &script->in;
  g_autoptr (GError) error = NULL;
  virtio_guest_quiesce (script->guest);
  g_autoptr (GBytes) bytes = virtio_guest_save (script->guest);
  gsize length;
  g_autofree uint8_t *copy =
      g_memdup2 (g_bytes_get_data (bytes, &length), g_bytes_get_size (bytes));
  for (unsigned i = fuzz_below (in, 8); i > 0; i--) {
    gsize at = STATE_HEADER_BYTES + fuzz_number (in, 3) % (length - STATE_HEADER_BYTES);
    copy[at] = (uint8_t) fuzz_number (in, 1);
  }
  uint32_t crc =
      (uint32_t) crc32 (0, copy + STATE_HEADER_BYTES, (uInt) (length - STATE_HEADER_BYTES));
  memcpy (copy + STATE_CRC, &crc, sizeof crc);
  g_autoptr (GBytes) damaged = g_bytes_new (copy, length);
  if (!virtio_guest_load (script->guest, damaged, &error))
    virtio_guest_reset (script->guest);
  virtio_guest_resume (script->guest);
}

static void
step_stimulate (Script *script)
{
  if (script->device->stimulate != NULL)
    script->device->stimulate (&script->in, script->guest, script->context);
}

// How often each step is taken by a hostile and by a polite driver.
static const struct {
  void (*run) (Script *script);
  unsigned weight[2];
} steps[] = {
    {step_chain, {30, 80}},       {step_descriptor, {10, 0}}, {step_head, {4, 0}},
    {step_indirect, {3, 0}},      {step_memory, {6, 0}},      {step_notify, {25, 2}},
    {step_config, {5, 3}},        {step_reset, {3, 1}},       {step_pause, {2, 2}},
    {step_damaged_state, {1, 2}}, {step_stimulate, {8, 8}},
};

static void
run_step (Script *script)
{
  unsigned total = 0;
  for (size_t i = 0; i < G_N_ELEMENTS (steps); i++)
    total += steps[i].weight[script->polite];
  unsigned pick = fuzz_below (&script->in, total);
  for (size_t i = 0; i < G_N_ELEMENTS (steps); i++) {
    if (pick < steps[i].weight[script->polite]) {
      steps[i].run (script);
      return;
    }
    pick -= steps[i].weight[script->polite];
  }
}

int
fuzz_virtio (const FuzzDevice *device, const uint8_t *data, size_t size)
{
  Script script = {.device = device, .in = {.data = data, .left = size}};
  script.polite = fuzz_below (&script.in, 2);
  script.guest = virtio_guest_new (device->make (&script.context), NULL);
  if (script.guest == NULL)
    g_error ("the device does not start");
  start (&script);
  for (unsigned i = 0; i < STEPS_MAX && script.in.left > 0; i++)
    run_step (&script);
  virtio_guest_settle (script.guest);
  virtio_guest_quiesce (script.guest);
  virtio_guest_free (script.guest);
  if (device->clear != NULL)
    device->clear (script.context);
  return 0;
}
