// SPDX-License-Identifier: GPL-3.0-or-later
// The HDA controller as a device: PCI function, message-signalled interrupts, reset, saved state. See
// hda-priv.h for threads.
#include <gio/gio.h>

#include "engine/hw/hda-priv.h"
#include "engine/hw/pci-priv.h"
#include "engine/snapshot/state.h"

enum {
  // What drivers know; they choose by it.
  VENDOR = 0x8086,
  DEVICE = 0x2668,
  SUBSYSTEM = 0x1100,
  BAR_BYTES = 0x4000,
  MSI_ID = 0x05,
  MSI_BYTES = 14,
  MSI_CONTROL_64BIT = 1 << 7,
  MSI_CONTROL_ENABLED = 1,
};

// I/O thread, lock not held.
static void
timer_cb (void *data)
{
  Hda *hda = data;

  g_mutex_lock (&hda->lock);
  hda_run (hda);
  hda_schedule (hda);
  g_mutex_unlock (&hda->lock);
}

// The host bridge's lock is held.
static void
config_write (PciFunction *fn, unsigned offset, unsigned size, uint32_t value)
{
  Hda *hda = fn->opaque;

  g_mutex_lock (&hda->lock);
  hda_read_msi (hda);
  hda_update_interrupt (hda);
  g_mutex_unlock (&hda->lock);
}

static void
add_msi (Hda *hda)
{
  PciFunction *fn = &hda->fn;
  unsigned at = pci_function_add_capability (fn, MSI_ID, MSI_BYTES);

  hda->msi_capability = at;
  pci_put16 (fn->config + at + 2, MSI_CONTROL_64BIT);
  pci_put16 (fn->writable + at + 2, MSI_CONTROL_ENABLED);
  pci_put32 (fn->writable + at + 4, ~3u);
  pci_put32 (fn->writable + at + 8, ~0u);
  pci_put16 (fn->writable + at + 12, 0xffff);
}

// ---- ops ------------------------------------------------------------------------------------

static bool
hda_realize (Device *device, GError **error)
{
  Hda *hda = (Hda *) device;

  hda->timer = vm_timer_new (device->vm->clock, timer_cb, hda);
  pci_host_add_function (hda->host, &hda->fn, hda->slot, hda->function);
  return true;
}

static void
hda_reset (Device *device)
{
  Hda *hda = (Hda *) device;

  vm_timer_disarm (hda->timer);
  pci_function_reset (&hda->fn);
  g_mutex_lock (&hda->lock);
  hda_reset_registers (hda);
  hda_read_msi (hda);
  hda_update_interrupt (hda);
  g_mutex_unlock (&hda->lock);
}

static void
set_paused (Hda *hda, bool paused)
{
  hda->quiet = paused;
  for (unsigned i = 0; i < HDA_N_STREAMS; i++)
    audio_stream_set_paused (&hda->streams[i].audio, paused);
}

static void
hda_quiesce (Device *device)
{
  Hda *hda = (Hda *) device;

  g_mutex_lock (&hda->lock);
  set_paused (hda, true);
  g_mutex_unlock (&hda->lock);
}

static void
hda_resume (Device *device)
{
  Hda *hda = (Hda *) device;

  g_mutex_lock (&hda->lock);
  set_paused (hda, false);
  hda_schedule (hda);
  g_mutex_unlock (&hda->lock);
}

static void
hda_free (Device *device)
{
  Hda *hda = (Hda *) device;

  for (unsigned i = 0; i < HDA_N_STREAMS; i++)
    audio_stream_close (&hda->streams[i].audio);
  g_clear_pointer (&hda->timer, vm_timer_free);
  g_mutex_clear (&hda->lock);
  g_free (hda);
}

// ---- state ----------------------------------------------------------------------------------

static void
save_ring (const HdaRing *ring, StateWriter *writer)
{
  state_put_u64 (writer, ring->base);
  state_put_u8 (writer, ring->write);
  state_put_u8 (writer, ring->read);
  state_put_u8 (writer, ring->control);
  state_put_u8 (writer, ring->status);
  state_put_bool (writer, ring->read_reset);
}

static void
load_ring (HdaRing *ring, StateReader *reader)
{
  ring->base = state_get_u64 (reader);
  ring->write = state_get_u8 (reader);
  ring->read = state_get_u8 (reader);
  ring->control = state_get_u8 (reader);
  ring->status = state_get_u8 (reader);
  ring->read_reset = state_get_bool (reader);
}

static void
save_stream (const HdaStream *stream, StateWriter *writer)
{
  state_put_u32 (writer, stream->control);
  state_put_u8 (writer, stream->status);
  state_put_u8 (writer, stream->last);
  state_put_u16 (writer, stream->format);
  state_put_u32 (writer, stream->position);
  state_put_u32 (writer, stream->cyclic_bytes);
  state_put_u64 (writer, stream->list);
  state_put_u64 (writer, stream->entry.address);
  state_put_u32 (writer, stream->entry.bytes);
  state_put_bool (writer, stream->entry.interrupt);
  state_put_u32 (writer, stream->index);
  state_put_u32 (writer, stream->offset);
  state_put_bool (writer, stream->audio.running);
  state_put_u64 (writer, (uint64_t) stream->audio.start_ns);
  state_put_u64 (writer, stream->audio.done);
}

static bool
load_stream (Hda *hda, unsigned index, StateReader *reader)
{
  HdaStream *stream = &hda->streams[index];
  int64_t now = vm_clock_now (hda->device.vm->clock);

  stream->control = state_get_u32 (reader);
  stream->status = state_get_u8 (reader);
  stream->last = state_get_u8 (reader);
  stream->format = state_get_u16 (reader);
  stream->position = state_get_u32 (reader);
  stream->cyclic_bytes = state_get_u32 (reader);
  stream->list = state_get_u64 (reader);
  stream->entry.address = state_get_u64 (reader);
  stream->entry.bytes = state_get_u32 (reader);
  stream->entry.interrupt = state_get_bool (reader);
  stream->index = state_get_u32 (reader);
  stream->offset = state_get_u32 (reader);
  bool running = state_get_bool (reader);
  int64_t start_ns = (int64_t) state_get_u64 (reader);
  uint64_t done = state_get_u64 (reader);
  if (!hda_stream_is_valid (stream))
    return false;
  hda_stream_update (hda, index);
  if (!running) // it had met the end of a list without bytes
    audio_stream_stop (&stream->audio);
  if (!stream->audio.running || start_ns < 0 || start_ns > now)
    return true;
  stream->audio.start_ns = start_ns;
  stream->audio.done = 0;
  stream->audio.done = MIN (done, audio_stream_get_due (&stream->audio, now));
  return true;
}

static void
save_nodes (const Hda *hda, StateWriter *writer)
{
  for (unsigned i = 0; i < HDA_N_NODES; i++) {
    const HdaNode *node = &hda->nodes[i];
    state_put_u16 (writer, node->format);
    state_put_u8 (writer, node->stream);
    state_put_u8 (writer, node->pin);
    state_put_u8 (writer, node->power);
    state_put_u8 (writer, node->unsolicited);
    state_put_u8 (writer, node->eapd);
    state_put_u32 (writer, node->defaults);
  }
}

static void
load_nodes (Hda *hda, StateReader *reader)
{
  for (unsigned i = 0; i < HDA_N_NODES; i++) {
    HdaNode *node = &hda->nodes[i];
    node->format = state_get_u16 (reader);
    node->stream = state_get_u8 (reader);
    node->pin = state_get_u8 (reader);
    node->power = state_get_u8 (reader);
    node->unsolicited = state_get_u8 (reader);
    node->eapd = state_get_u8 (reader);
    node->defaults = state_get_u32 (reader);
  }
}

static void
hda_save (Device *device, StateWriter *writer)
{
  Hda *hda = (Hda *) device;

  pci_function_save (&hda->fn, writer);
  g_mutex_lock (&hda->lock);
  state_put_u32 (writer, hda->gctl);
  state_put_u32 (writer, hda->interrupt_control);
  state_put_u32 (writer, hda->sync);
  state_put_u16 (writer, hda->wake_enable);
  state_put_u16 (writer, hda->codec_status);
  save_ring (&hda->commands, writer);
  save_ring (&hda->responses, writer);
  state_put_u16 (writer, hda->response_interval);
  state_put_u16 (writer, hda->n_responses);
  state_put_u32 (writer, hda->immediate);
  state_put_u32 (writer, hda->immediate_response);
  state_put_u8 (writer, hda->immediate_status);
  state_put_u64 (writer, hda->positions);
  state_put_u32 (writer, hda->asserted);
  save_nodes (hda, writer);
  for (unsigned i = 0; i < HDA_N_STREAMS; i++)
    save_stream (&hda->streams[i], writer);
  g_mutex_unlock (&hda->lock);
}

static bool
load_locked (Hda *hda, StateReader *reader)
{
  hda_reset_registers (hda);
  hda->gctl = state_get_u32 (reader);
  hda->interrupt_control = state_get_u32 (reader);
  hda->sync = state_get_u32 (reader);
  hda->wake_enable = state_get_u16 (reader);
  hda->codec_status = state_get_u16 (reader);
  load_ring (&hda->commands, reader);
  load_ring (&hda->responses, reader);
  hda->response_interval = state_get_u16 (reader);
  hda->n_responses = state_get_u16 (reader);
  hda->immediate = state_get_u32 (reader);
  hda->immediate_response = state_get_u32 (reader);
  hda->immediate_status = state_get_u8 (reader);
  hda->positions = state_get_u64 (reader);
  hda->asserted = state_get_u32 (reader);
  load_nodes (hda, reader);
  for (unsigned i = 0; i < HDA_N_STREAMS; i++)
    if (!load_stream (hda, i, reader))
      return false;
  return state_reader_ok (reader);
}

static bool
hda_load (Device *device, StateReader *reader, uint32_t version, GError **error)
{
  Hda *hda = (Hda *) device;

  if (!pci_function_load (&hda->fn, reader, error))
    return false;
  g_mutex_lock (&hda->lock);
  hda_read_msi (hda);
  bool ok = load_locked (hda, reader);
  if (!ok)
    hda_reset_registers (hda);
  set_paused (hda, hda->quiet);
  g_mutex_unlock (&hda->lock);
  if (!ok)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                 "The saved state of the sound controller is damaged.");
  return ok;
}

static const DeviceOps device_ops = {
    .name = "hda",
    .state_version = 1,
    .realize = hda_realize,
    .reset = hda_reset,
    .quiesce = hda_quiesce,
    .resume = hda_resume,
    .free = hda_free,
    .save = hda_save,
    .load = hda_load,
};

Device *
hda_new (const VmAudioSinkOps *ops, void *sink, Device *host, unsigned slot, unsigned function)
{
  static const uint8_t class_code[3] = {0x04, 0x03, 0x00};
  Hda *hda = g_new0 (Hda, 1);
  const PciBar bar = {
      .size_bytes = BAR_BYTES, .is_64bit = true, .ops = &hda_registers, .opaque = hda};

  hda->device.ops = &device_ops;
  hda->ops = ops;
  hda->sink = sink;
  hda->host = host;
  hda->slot = slot;
  hda->function = function;
  g_mutex_init (&hda->lock);
  for (unsigned i = 0; i < HDA_N_STREAMS; i++)
    audio_stream_init (&hda->streams[i].audio, ops, sink, i == HDA_STREAM_IN);
  pci_function_init (&hda->fn, VENDOR, DEVICE, SUBSYSTEM, class_code, 1);
  pci_function_set_bar (&hda->fn, 0, &bar);
  add_msi (hda);
  hda->fn.config_write = config_write;
  hda->fn.opaque = hda;
  hda_reset_registers (hda);
  return &hda->device;
}
