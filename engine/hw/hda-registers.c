// SPDX-License-Identifier: GPL-3.0-or-later
// The registers of the HDA controller (specification 1.0a §3.3), its command rings and interrupts.
// They are looked at as words of 32 bits, whatever part of one is accessed. vCPU threads; see
// hda-priv.h.
#include "engine/hw/hda-priv.h"
#include "engine/hw/pci-priv.h"

enum {
  REG_CAPABILITIES = 0x00, // and the version
  REG_PAYLOAD = 0x04,
  REG_GCTL = 0x08,
  REG_WAKE = 0x0c, // and which codecs there are
  REG_STREAM_PAYLOAD = 0x18,
  REG_INTCTL = 0x20,
  REG_INTSTS = 0x24,
  REG_WALL_CLOCK = 0x30,
  REG_SYNC_OLD = 0x34, // where this controller had it first
  REG_SYNC = 0x38,
  REG_CORB = 0x40,
  REG_CORB_POINTERS = 0x48,
  REG_CORB_CONTROL = 0x4c,
  REG_RIRB = 0x50,
  REG_RIRB_POINTERS = 0x58,
  REG_RIRB_CONTROL = 0x5c,
  REG_IMMEDIATE = 0x60,
  REG_IMMEDIATE_RESPONSE = 0x64,
  REG_IMMEDIATE_STATUS = 0x68,
  REG_POSITIONS = 0x70,
  REG_STREAMS = 0x80,
  REG_ALIAS_CLOCK = 0x2030,
  REG_ALIAS_STREAMS = 0x2080,
  STREAM_BYTES = 0x20,

  SD_CONTROL = 0x00, // and the status
  SD_POSITION = 0x04,
  SD_CYCLIC = 0x08,
  SD_LAST = 0x0c,
  SD_FORMAT = 0x10, // and the size of the FIFO
  SD_LIST = 0x18,

  // One stream in, one out, addresses of 64 bits; version 1.0.
  CAPABILITIES = 1 << 12 | 1 << 8 | 1 | 1 << 24,
  PAYLOAD = 0x3c | 0x1d << 16,
  GCTL_UNSOLICITED = 1 << 8,
  CODEC_0 = 1,
  INTCTL_WRITABLE = 0xc0000003,
  SOURCE_CONTROLLER = 1 << 30,
  RING_RUN = 1 << 1,
  RING_SIZE = 0x42, // 256 entries and nothing else
  CORB_ERROR = 1 << 0,
  CORB_ERROR_ENABLE = 1 << 0,
  RIRB_DONE = 1 << 0,
  RIRB_DONE_ENABLE = 1 << 0,
  RIRB_OVERRUN = 1 << 2,
  IMMEDIATE_BUSY = 1 << 0,
  IMMEDIATE_VALID = 1 << 1,
  STATUS_FIFO_READY = 1 << 5,
  SD_WRITABLE = 0xff001f,
  SD_FORMAT_WRITABLE = 0x7f7f,
  FIFO_BYTES = 0xc0,
  CODEC_SHIFT = 28,
};
#define GLOBAL_ENABLE   (1u << 31)
#define RING_MASK       (~UINT64_C (0x7f))
#define POSITIONS_MASK  (~UINT64_C (0x7e))
#define NS_TO_TICKS(ns) ((uint64_t) (ns) / 125 * 3 + (uint64_t) (ns) % 125 * 3 / 125) // 24 MHz

// ---- interrupts -----------------------------------------------------------------------------

static uint32_t
get_sources (const Hda *hda)
{
  uint32_t sources = 0;

  for (unsigned i = 0; i < HDA_N_STREAMS; i++)
    if (hda->streams[i].status & hda->streams[i].control & HDA_SD_ENABLES)
      sources |= 1u << i;
  if ((hda->responses.status & hda->responses.control & RIRB_DONE_ENABLE) ||
      (hda->commands.status & hda->commands.control & CORB_ERROR_ENABLE) ||
      (hda->codec_status & hda->wake_enable))
    sources |= SOURCE_CONTROLLER;
  return sources;
}

// A message for each source that was not there before.
void
hda_update_interrupt (Hda *hda)
{
  uint32_t control = hda->interrupt_control;
  uint32_t now = (control & GLOBAL_ENABLE) != 0 ? get_sources (hda) & control : 0;
  uint32_t news = now & ~hda->asserted;

  hda->asserted = now;
  pci_function_set_intx (&hda->fn, now != 0 && !hda->msi_enabled);
  if (news != 0 && hda->msi_enabled && hda->master)
    pci_host_send_msi (&hda->fn, hda->msi_address, hda->msi_data);
}

void
hda_read_msi (Hda *hda)
{
  const uint8_t *config = hda->fn.config, *msi = config + hda->msi_capability;

  hda->msi_enabled = pci_get16 (msi + 2) & 1;
  hda->msi_address = (uint64_t) pci_get16 (msi + 8) << 32 | (uint64_t) pci_get16 (msi + 10) << 48 |
                     (uint64_t) pci_get16 (msi + 6) << 16 | (pci_get16 (msi + 4) & ~3u);
  hda->msi_data = pci_get16 (msi + 12);
  hda->master = pci_get16 (config + PCI_COMMAND) & PCI_COMMAND_MASTER;
}

// ---- commands -------------------------------------------------------------------------------

static void
respond (Hda *hda, uint32_t response)
{
  const uint32_t entry[2] = {response, 0}; // from codec 0, asked for

  if (!(hda->responses.control & RING_RUN))
    return;
  hda->responses.write++;
  mem_bus_copy_to (hda->device.vm->bus,
                   (hda->responses.base & RING_MASK) + hda->responses.write * sizeof entry, entry,
                   sizeof entry);
  unsigned interval = hda->response_interval != 0 ? hda->response_interval : 256;
  if (++hda->n_responses >= interval) {
    hda->n_responses = 0;
    hda->responses.status |= RIRB_DONE;
  }
}

// A ring has 256 entries, so this ends.
static void
run_commands (Hda *hda)
{
  HdaRing *ring = &hda->commands;
  uint32_t command;

  while ((ring->control & RING_RUN) && ring->read != ring->write) {
    ring->read++;
    if (!mem_bus_copy_from (hda->device.vm->bus,
                            (ring->base & RING_MASK) + ring->read * sizeof command, &command,
                            sizeof command)) {
      ring->status |= CORB_ERROR;
      ring->control &= (uint8_t) ~RING_RUN;
      return;
    }
    if (command >> CODEC_SHIFT == 0)
      respond (hda, hda_codec_do (hda, command));
  }
  // The driver does not wait for more than there will be.
  if (hda->n_responses > 0) {
    hda->n_responses = 0;
    hda->responses.status |= RIRB_DONE;
  }
}

static void
do_immediate (Hda *hda, uint32_t value)
{
  hda->immediate_status &= (uint8_t) ~(value & IMMEDIATE_VALID);
  if (!(value & IMMEDIATE_BUSY))
    return;
  if (hda->immediate >> CODEC_SHIFT == 0)
    hda->immediate_response = hda_codec_do (hda, hda->immediate);
  else
    hda->immediate_response = UINT32_MAX;
  hda->immediate_status = IMMEDIATE_VALID;
}

// ---- reading --------------------------------------------------------------------------------

static uint32_t
read_stream (Hda *hda, unsigned index, uint64_t offset)
{
  HdaStream *stream = &hda->streams[index];
  uint32_t ready = (stream->control & HDA_SD_RUN) ? STATUS_FIFO_READY : 0;

  switch (offset) {
  case SD_CONTROL:
    hda_run (hda);
    return stream->control | (stream->status | ready) << 24;
  case SD_POSITION:
    hda_run (hda);
    return stream->position;
  case SD_CYCLIC:
    return stream->cyclic_bytes;
  case SD_LAST:
    return stream->last;
  case SD_FORMAT:
    return FIFO_BYTES | (uint32_t) stream->format << 16;
  case SD_LIST:
    return stream->list & 0xffffffff;
  case SD_LIST + 4:
    return stream->list >> 32;
  default:
    return 0;
  }
}

static uint32_t
read_rings (const Hda *hda, uint64_t offset)
{
  const HdaRing *commands = &hda->commands, *responses = &hda->responses;

  switch (offset) {
  case REG_CORB:
    return commands->base & 0xffffffff;
  case REG_CORB + 4:
    return commands->base >> 32;
  case REG_CORB_POINTERS:
    return commands->write | (uint32_t) commands->read << 16 |
           (uint32_t) commands->read_reset << 31;
  case REG_CORB_CONTROL:
    return commands->control | (uint32_t) commands->status << 8 | RING_SIZE << 16;
  case REG_RIRB:
    return responses->base & 0xffffffff;
  case REG_RIRB + 4:
    return responses->base >> 32;
  case REG_RIRB_POINTERS:
    return responses->write | (uint32_t) hda->response_interval << 16;
  case REG_RIRB_CONTROL:
    return responses->control | (uint32_t) responses->status << 8 | RING_SIZE << 16;
  default:
    return 0;
  }
}

static uint32_t
read_interrupts (Hda *hda)
{
  hda_run (hda);
  uint32_t sources = get_sources (hda);
  return sources | (sources & hda->interrupt_control ? GLOBAL_ENABLE : 0);
}

static uint32_t
read32 (Hda *hda, uint64_t offset)
{
  if (offset >= REG_STREAMS && offset < REG_STREAMS + HDA_N_STREAMS * STREAM_BYTES)
    return read_stream (hda, (unsigned) (offset - REG_STREAMS) / STREAM_BYTES,
                        offset % STREAM_BYTES);
  if (offset >= REG_ALIAS_STREAMS && offset < REG_ALIAS_STREAMS + HDA_N_STREAMS * STREAM_BYTES)
    return offset % STREAM_BYTES == SD_POSITION
               ? read_stream (hda, (unsigned) (offset - REG_ALIAS_STREAMS) / STREAM_BYTES,
                              SD_POSITION)
               : 0;
  switch (offset) {
  case REG_CAPABILITIES:
    return CAPABILITIES;
  case REG_PAYLOAD:
  case REG_STREAM_PAYLOAD:
    return PAYLOAD;
  case REG_GCTL:
    return hda->gctl;
  case REG_WAKE:
    return hda->wake_enable | (uint32_t) hda->codec_status << 16;
  case REG_INTCTL:
    return hda->interrupt_control;
  case REG_INTSTS:
    return read_interrupts (hda);
  case REG_WALL_CLOCK:
  case REG_ALIAS_CLOCK:
    return (uint32_t) NS_TO_TICKS (vm_clock_now (hda->device.vm->clock));
  case REG_SYNC_OLD:
  case REG_SYNC:
    return hda->sync;
  case REG_IMMEDIATE:
    return hda->immediate;
  case REG_IMMEDIATE_RESPONSE:
    return hda->immediate_response;
  case REG_IMMEDIATE_STATUS:
    return hda->immediate_status;
  case REG_POSITIONS:
    return hda->positions & 0xffffffff;
  case REG_POSITIONS + 4:
    return hda->positions >> 32;
  default:
    return read_rings (hda, offset);
  }
}

// ---- writing --------------------------------------------------------------------------------

// The bits of `mask` are written.
static uint32_t
merge (uint32_t old, uint32_t value, uint32_t mask)
{
  return (old & ~mask) | (value & mask);
}

static void
merge_half (uint64_t *to, bool high, uint32_t value, uint32_t mask)
{
  unsigned shift = high ? 32 : 0;
  uint32_t half = merge ((uint32_t) (*to >> shift), value, mask);

  *to = (*to & ~(UINT64_C (0xffffffff) << shift)) | (uint64_t) half << shift;
}

static void
write_control (Hda *hda, unsigned index, uint32_t value, uint32_t mask)
{
  HdaStream *stream = &hda->streams[index];
  uint32_t control = merge (stream->control, value, mask) & SD_WRITABLE;

  hda_run (hda);
  stream->status &= (uint8_t) ~((value & mask) >> 24 & HDA_STS_CLEARABLE);
  if (control & HDA_SD_RESET) {
    hda_stream_reset (stream);
    stream->control = HDA_SD_RESET;
  } else {
    stream->control = control;
    hda_stream_update (hda, index);
  }
  hda_update_interrupt (hda);
}

// Where the sound is and in which form: not while it is being played.
static void
write_shape (HdaStream *stream, uint64_t offset, uint32_t value, uint32_t mask)
{
  if (stream->control & HDA_SD_RUN)
    return;
  if (offset == SD_CYCLIC)
    stream->cyclic_bytes = merge (stream->cyclic_bytes, value, mask);
  else if (offset == SD_LAST)
    stream->last = merge (stream->last, value, mask) & 0xff;
  else if (offset == SD_FORMAT)
    stream->format =
        merge ((uint32_t) stream->format << 16, value, mask) >> 16 & SD_FORMAT_WRITABLE;
  else
    merge_half (&stream->list, offset != SD_LIST, value, mask);
  audio_stream_close (&stream->audio);
  stream->position = stream->offset = stream->index = 0;
  stream->entry = (HdaEntry){0};
}

static void
write_stream (Hda *hda, unsigned index, uint64_t offset, uint32_t value, uint32_t mask)
{
  switch (offset) {
  case SD_CONTROL:
    write_control (hda, index, value, mask);
    break;
  case SD_CYCLIC:
  case SD_LAST:
  case SD_FORMAT:
  case SD_LIST:
  case SD_LIST + 4:
    write_shape (&hda->streams[index], offset, value, mask);
    break;
  default:
    break;
  }
}

static void
write_corb_pointers (Hda *hda, uint32_t value, uint32_t mask)
{
  HdaRing *ring = &hda->commands;

  ring->write = (uint8_t) merge (ring->write, value, mask);
  if (mask >> 24 != 0) {
    ring->read_reset = value >> 31;
    ring->read = ring->read_reset ? 0 : ring->read;
  }
  run_commands (hda);
}

static void
write_ring_control (HdaRing *ring, uint32_t value, uint32_t mask, uint8_t writable)
{
  ring->control = (uint8_t) merge (ring->control, value, mask) & writable;
  ring->status &= (uint8_t) ~((value & mask) >> 8);
}

static void
write_rirb_pointers (Hda *hda, uint32_t value, uint32_t mask)
{
  if (value & mask & 1 << 15)
    hda->responses.write = 0;
  hda->response_interval =
      (uint16_t) (merge ((uint32_t) hda->response_interval << 16, value, mask) >> 16 & 0xff);
}

static void
write_rings (Hda *hda, uint64_t offset, uint32_t value, uint32_t mask)
{
  switch (offset) {
  case REG_CORB:
  case REG_CORB + 4:
    merge_half (&hda->commands.base, offset != REG_CORB, value, mask);
    break;
  case REG_CORB_POINTERS:
    write_corb_pointers (hda, value, mask);
    break;
  case REG_CORB_CONTROL:
    write_ring_control (&hda->commands, value, mask, RING_RUN | CORB_ERROR_ENABLE);
    run_commands (hda);
    break;
  case REG_RIRB:
  case REG_RIRB + 4:
    merge_half (&hda->responses.base, offset != REG_RIRB, value, mask);
    break;
  case REG_RIRB_POINTERS:
    write_rirb_pointers (hda, value, mask);
    break;
  case REG_RIRB_CONTROL:
    write_ring_control (&hda->responses, value, mask, RING_RUN | RIRB_DONE_ENABLE | RIRB_OVERRUN);
    break;
  default:
    return;
  }
  hda_update_interrupt (hda);
}

static void
write_gctl (Hda *hda, uint32_t value)
{
  bool on = value & HDA_GCTL_RUN, was_on = hda->gctl & HDA_GCTL_RUN;

  if (!on && was_on)
    hda_reset_registers (hda);
  hda->gctl = value & (HDA_GCTL_RUN | GCTL_UNSOLICITED);
  if (on && !was_on)
    hda->codec_status = CODEC_0;
  hda_update_interrupt (hda);
}

static void
write_sync (Hda *hda, uint32_t value)
{
  hda_run (hda);
  hda->sync = value & ((1u << HDA_N_STREAMS) - 1);
  for (unsigned i = 0; i < HDA_N_STREAMS; i++)
    hda_stream_update (hda, i);
}

static void
write_global (Hda *hda, uint64_t offset, uint32_t value, uint32_t mask)
{
  switch (offset) {
  case REG_WAKE:
    hda->wake_enable = (uint16_t) merge (hda->wake_enable, value, mask) & CODEC_0;
    hda->codec_status &= (uint16_t) ~((value & mask) >> 16);
    hda_update_interrupt (hda);
    break;
  case REG_INTCTL:
    hda->interrupt_control = merge (hda->interrupt_control, value, mask) & INTCTL_WRITABLE;
    hda_update_interrupt (hda);
    break;
  case REG_SYNC_OLD:
  case REG_SYNC:
    write_sync (hda, merge (hda->sync, value, mask));
    break;
  case REG_IMMEDIATE:
    hda->immediate = merge (hda->immediate, value, mask);
    break;
  case REG_IMMEDIATE_STATUS:
    do_immediate (hda, value & mask);
    break;
  case REG_POSITIONS:
  case REG_POSITIONS + 4:
    merge_half (&hda->positions, offset != REG_POSITIONS, value, mask);
    hda->positions &= POSITIONS_MASK;
    break;
  default:
    write_rings (hda, offset, value, mask);
    break;
  }
}

static void
write32 (Hda *hda, uint64_t offset, uint32_t value, uint32_t mask)
{
  if (offset == REG_GCTL)
    write_gctl (hda, merge (hda->gctl, value, mask));
  else if (!(hda->gctl & HDA_GCTL_RUN))
    return;
  else if (offset >= REG_STREAMS && offset < REG_STREAMS + HDA_N_STREAMS * STREAM_BYTES)
    write_stream (hda, (unsigned) (offset - REG_STREAMS) / STREAM_BYTES, offset % STREAM_BYTES,
                  value, mask);
  else
    write_global (hda, offset, value, mask);
}

// ---- the BAR --------------------------------------------------------------------------------

static uint64_t
bar_read (void *opaque, uint64_t offset, unsigned size)
{
  Hda *hda = opaque;

  g_mutex_lock (&hda->lock);
  uint64_t value = read32 (hda, offset & ~UINT64_C (3));
  if (size == 8)
    value |= (uint64_t) read32 (hda, offset + 4) << 32;
  g_mutex_unlock (&hda->lock);
  return value >> 8 * (offset & 3);
}

static void
bar_write (void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
  Hda *hda = opaque;
  unsigned shift = 8 * (offset & 3);
  uint32_t mask = size >= 4 ? UINT32_MAX : ((1u << 8 * size) - 1) << shift;

  g_mutex_lock (&hda->lock);
  write32 (hda, offset & ~UINT64_C (3), (uint32_t) value << shift, mask);
  if (size == 8)
    write32 (hda, offset + 4, (uint32_t) (value >> 32), UINT32_MAX);
  g_mutex_unlock (&hda->lock);
}

const MmioOps hda_registers = {
    .read = bar_read,
    .write = bar_write,
    .sizes = 1 | 2 | 4 | 8,
};

void
hda_reset_registers (Hda *hda)
{
  for (unsigned i = 0; i < HDA_N_STREAMS; i++)
    hda_stream_reset (&hda->streams[i]);
  hda->gctl = hda->interrupt_control = hda->sync = 0;
  hda->wake_enable = hda->codec_status = 0;
  hda->commands = hda->responses = (HdaRing){0};
  hda->response_interval = hda->n_responses = 0;
  hda->immediate = hda->immediate_response = 0;
  hda->immediate_status = 0;
  hda->positions = 0;
  hda_codec_reset (hda);
}
