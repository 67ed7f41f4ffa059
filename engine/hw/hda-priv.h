// SPDX-License-Identifier: GPL-3.0-or-later
// The inside of the HDA controller, shared by hda.c (device, state), hda-registers.c, hda-stream.c (the
// DMA engines) and hda-codec.c (what answers the verbs).
//
// Threads: everything under `lock`; registers on vCPU threads, which do what is due before they tell a
// position; the rest on the I/O thread. Sinks are called with the lock held. The host bridge's lock may
// be held when this one is taken, not the other way round.
//
// The driver is hostile: a command is copied before it is looked at, a turn takes at most a ring of
// them and a quarter of a second of sound, a list of buffers without a byte stops its stream, data
// lies in RAM.
#pragma once

#include "engine/audio/stream.h"
#include "engine/hw/hda.h"
#include "engine/vm/vm.h"

enum {
  HDA_N_STREAMS = 2,
  HDA_STREAM_IN = 0, // input streams come first
  HDA_STREAM_OUT = 1,

  HDA_NODE_ROOT = 0,
  HDA_NODE_FUNCTION = 1,
  HDA_NODE_DAC = 2,
  HDA_NODE_ADC = 3,
  HDA_NODE_LINE_OUT = 4,
  HDA_NODE_MICROPHONE = 5,
  HDA_N_NODES,

  HDA_GCTL_RUN = 1, // not in reset

  HDA_SD_RESET = 1 << 0,
  HDA_SD_RUN = 1 << 1,
  HDA_SD_ENABLES = 7 << 2, // of interrupts; where they are in the status
  HDA_STS_COMPLETE = 1 << 2,
  HDA_STS_DESCRIPTOR = 1 << 4,
  HDA_STS_CLEARABLE = 7 << 2,
  HDA_SD_TAG_SHIFT = 20,
};

// What lies behind one entry of the list of buffers.
typedef struct HdaEntry {
  GuestAddr address;
  uint32_t bytes; // 0: none was fetched
  bool interrupt; // on completion
} HdaEntry;

typedef struct HdaStream {
  AudioStream audio;
  // Registers.
  uint32_t control;
  uint8_t status;
  uint8_t last; // index of the last entry
  uint16_t format;
  uint32_t position, cyclic_bytes;
  uint64_t list;
  // Where it is in the list.
  HdaEntry entry;
  unsigned index;
  uint32_t offset; // less than entry.bytes
} HdaStream;

typedef struct HdaNode {
  uint16_t format;
  uint8_t stream; // tag and channel
  uint8_t pin, power, unsolicited, eapd;
  uint32_t defaults;
} HdaNode;

typedef struct HdaRing {
  uint64_t base;
  uint8_t write, read; // responses are only written
  uint8_t control, status;
  bool read_reset; // of commands
} HdaRing;

typedef struct Hda {
  Device device;
  PciFunction fn;
  Device *host;
  unsigned slot, function;
  const VmAudioSinkOps *ops;
  void *sink;
  VmTimer *timer;

  GMutex lock; // everything below
  bool quiet;  // between quiesce and resume
  uint32_t gctl, interrupt_control, sync;
  uint16_t wake_enable, codec_status;
  HdaRing commands, responses;
  uint16_t response_interval, n_responses; // until an interrupt; since the last
  uint32_t immediate, immediate_response;
  uint8_t immediate_status;
  uint64_t positions; // where positions are written to, and whether
  HdaStream streams[HDA_N_STREAMS];
  HdaNode nodes[HDA_N_NODES];
  uint32_t asserted; // sources of interrupts, as they were told last
  // Message-signalled interrupts, as the capability has them.
  unsigned msi_capability;
  bool msi_enabled, master;
  uint64_t msi_address;
  uint16_t msi_data;
} Hda;

// hda-registers.c
extern const MmioOps hda_registers;
void hda_reset_registers (Hda *hda);
void hda_update_interrupt (Hda *hda);
void hda_read_msi (Hda *hda); // from configuration space; its lock is held

// hda-stream.c. Plays and records what is due, tells positions and interrupts.
void hda_run (Hda *hda);
void hda_schedule (Hda *hda); // hda_run is called again when there is something to do
void hda_stream_reset (HdaStream *stream);
// RUN, the format, synchronisation or the codec's side may have changed.
void hda_stream_update (Hda *hda, unsigned index);
bool hda_stream_is_valid (const HdaStream *stream); // after loading

// hda-codec.c
void hda_codec_reset (Hda *hda);
uint32_t hda_codec_do (Hda *hda, uint32_t command);
