// SPDX-License-Identifier: GPL-3.0-or-later
// The HDA codec: nodes and verbs (specification 1.0a §7). It has neither volume nor switches: guests
// without such have their own, and there is nothing that could be left muted.
// Threads: see hda-priv.h.
#include <string.h>

#include "engine/hw/hda-priv.h"

enum {
  VENDOR = 0x1af40a01,
  REVISION = 0x00100100,
  SUBSYSTEM = 0x1af40a01,

  VERB_GET_PARAMETER = 0xf00,
  VERB_GET_CONNECTION = 0xf01,
  VERB_GET_CONNECTIONS = 0xf02,
  VERB_GET_POWER = 0xf05,
  VERB_SET_POWER = 0x705,
  VERB_GET_STREAM = 0xf06,
  VERB_SET_STREAM = 0x706,
  VERB_GET_PIN = 0xf07,
  VERB_SET_PIN = 0x707,
  VERB_GET_UNSOLICITED = 0xf08,
  VERB_SET_UNSOLICITED = 0x708,
  VERB_GET_SENSE = 0xf09,
  VERB_GET_EAPD = 0xf0c,
  VERB_SET_EAPD = 0x70c,
  VERB_GET_DEFAULTS = 0xf1c,
  VERB_SET_DEFAULTS = 0x71c, // and the three after it: a byte each
  VERB_GET_SUBSYSTEM = 0xf20,
  VERB_RESET = 0x7ff,
  VERB_GET_FORMAT = 0xa, // four bits, as the next
  VERB_SET_FORMAT = 0x2,

  PARAMETER_VENDOR = 0x00,
  PARAMETER_REVISION = 0x02,
  PARAMETER_NODES = 0x04,
  PARAMETER_FUNCTION = 0x05,
  PARAMETER_CAPS = 0x09,
  PARAMETER_PCM = 0x0a,
  PARAMETER_STREAMS = 0x0b,
  PARAMETER_PIN_CAPS = 0x0c,
  PARAMETER_CONNECTIONS = 0x0e,
  PARAMETER_POWER = 0x0f,

  CAPS_STEREO = 1 << 0,
  CAPS_CONNECTIONS = 1 << 8,
  CAPS_TYPE_SHIFT = 20, // 0: output converter, 1: input converter, 4: pin
  PIN_CAPS_PRESENCE = 1 << 2,
  PIN_CAPS_OUTPUT = 1 << 4,
  PIN_CAPS_INPUT = 1 << 5,
  PIN_OUT_ENABLE = 1 << 6,
  PIN_IN_ENABLE = 1 << 5,

  PCM_RATES = 0x7ff,      // 8 to 192 kHz
  PCM_SIZES = 0x1f << 16, // 8, 16, 20, 24, 32 bits
  STREAMS_PCM = 1 << 0,
  POWER_STATES = 0x0f,      // D0 to D3
  SENSE_PRESENT = 1u << 31, // something is plugged in

  FORMAT_48K_16_2 = 0x0011,
  // Line out, at the back, green; microphone, at the back, pink: each the first of its group.
  DEFAULT_LINE_OUT = 0x01014010,
  DEFAULT_MICROPHONE = 0x01a19020,
};

void
hda_codec_reset (Hda *hda)
{
  memset (hda->nodes, 0, sizeof hda->nodes);
  hda->nodes[HDA_NODE_DAC].format = hda->nodes[HDA_NODE_ADC].format = FORMAT_48K_16_2;
  hda->nodes[HDA_NODE_LINE_OUT].pin = PIN_OUT_ENABLE;
  hda->nodes[HDA_NODE_LINE_OUT].defaults = DEFAULT_LINE_OUT;
  hda->nodes[HDA_NODE_MICROPHONE].pin = PIN_IN_ENABLE;
  hda->nodes[HDA_NODE_MICROPHONE].defaults = DEFAULT_MICROPHONE;
}

// ---- parameters -----------------------------------------------------------------------------

static uint32_t
get_caps (unsigned node)
{
  switch (node) {
  case HDA_NODE_DAC:
    return CAPS_STEREO;
  case HDA_NODE_ADC:
    return CAPS_STEREO | CAPS_CONNECTIONS | 1 << CAPS_TYPE_SHIFT;
  case HDA_NODE_LINE_OUT:
    return CAPS_STEREO | CAPS_CONNECTIONS | 4 << CAPS_TYPE_SHIFT;
  case HDA_NODE_MICROPHONE:
    return CAPS_STEREO | 4 << CAPS_TYPE_SHIFT;
  default:
    return 0;
  }
}

// What a node's sound comes from; 0: from outside.
static uint32_t
get_source (unsigned node)
{
  return node == HDA_NODE_ADC ? HDA_NODE_MICROPHONE : node == HDA_NODE_LINE_OUT ? HDA_NODE_DAC : 0;
}

static bool
is_converter (unsigned node)
{
  return node == HDA_NODE_DAC || node == HDA_NODE_ADC;
}

static uint32_t
get_nodes (unsigned node)
{
  if (node == HDA_NODE_ROOT)
    return HDA_NODE_FUNCTION << 16 | 1;
  return node == HDA_NODE_FUNCTION ? HDA_NODE_DAC << 16 | (HDA_N_NODES - HDA_NODE_DAC) : 0;
}

static uint32_t
get_pin_caps (unsigned node)
{
  if (node == HDA_NODE_LINE_OUT)
    return PIN_CAPS_OUTPUT | PIN_CAPS_PRESENCE;
  return node == HDA_NODE_MICROPHONE ? PIN_CAPS_INPUT | PIN_CAPS_PRESENCE : 0;
}

static uint32_t
get_parameter (unsigned node, unsigned parameter)
{
  const bool pcm = is_converter (node) || node == HDA_NODE_FUNCTION;

  switch (parameter) {
  case PARAMETER_VENDOR:
    return node == HDA_NODE_ROOT ? VENDOR : 0;
  case PARAMETER_REVISION:
    return node == HDA_NODE_ROOT ? REVISION : 0;
  case PARAMETER_NODES:
    return get_nodes (node);
  case PARAMETER_FUNCTION:
    return node == HDA_NODE_FUNCTION; // an audio function
  case PARAMETER_CAPS:
    return get_caps (node);
  case PARAMETER_PCM:
    return pcm ? PCM_RATES | PCM_SIZES : 0;
  case PARAMETER_STREAMS:
    return pcm ? STREAMS_PCM : 0;
  case PARAMETER_PIN_CAPS:
    return get_pin_caps (node);
  case PARAMETER_CONNECTIONS:
    return get_source (node) != 0;
  case PARAMETER_POWER:
    return node == HDA_NODE_FUNCTION ? POWER_STATES : 0;
  default:
    return 0;
  }
}

// ---- verbs ----------------------------------------------------------------------------------

static void
set_stream (Hda *hda, unsigned node, uint8_t value)
{
  if (!is_converter (node) || hda->nodes[node].stream == value)
    return;
  hda->nodes[node].stream = value;
  hda_stream_update (hda, node == HDA_NODE_DAC ? HDA_STREAM_OUT : HDA_STREAM_IN);
}

static void
set_defaults (HdaNode *node, unsigned byte, uint8_t value)
{
  node->defaults &= ~(0xffu << 8 * byte);
  node->defaults |= (uint32_t) value << 8 * byte;
}

static void
reset_function (Hda *hda)
{
  hda_codec_reset (hda);
  for (unsigned i = 0; i < HDA_N_STREAMS; i++)
    hda_stream_update (hda, i);
}

static void
set (Hda *hda, unsigned id, unsigned verb, uint8_t value)
{
  HdaNode *node = &hda->nodes[id];

  switch (verb) {
  case VERB_SET_POWER:
    node->power = value & 0xf;
    break;
  case VERB_SET_STREAM:
    set_stream (hda, id, value);
    break;
  case VERB_SET_PIN:
    node->pin = value;
    break;
  case VERB_SET_UNSOLICITED:
    node->unsolicited = value;
    break;
  case VERB_SET_EAPD:
    node->eapd = value;
    break;
  case VERB_SET_DEFAULTS ... VERB_SET_DEFAULTS + 3:
    set_defaults (node, verb - VERB_SET_DEFAULTS, value);
    break;
  case VERB_RESET:
    if (id == HDA_NODE_FUNCTION)
      reset_function (hda);
    break;
  default:
    break;
  }
}

static uint32_t
get (const Hda *hda, unsigned id, unsigned verb, uint8_t value)
{
  const HdaNode *node = &hda->nodes[id];

  switch (verb) {
  case VERB_GET_PARAMETER:
    return get_parameter (id, value);
  case VERB_GET_CONNECTIONS:
    return value == 0 ? get_source (id) : 0;
  case VERB_GET_POWER:
    return node->power | (uint32_t) node->power << 4; // is as it was set
  case VERB_GET_STREAM:
    return node->stream;
  case VERB_GET_PIN:
    return node->pin;
  case VERB_GET_UNSOLICITED:
    return node->unsolicited;
  case VERB_GET_SENSE:
    return get_pin_caps (id) != 0 ? SENSE_PRESENT : 0;
  case VERB_GET_EAPD:
    return node->eapd;
  case VERB_GET_DEFAULTS:
    return node->defaults;
  case VERB_GET_SUBSYSTEM:
    return SUBSYSTEM;
  case VERB_GET_CONNECTION: // always the only one
  default:
    return 0;
  }
}

// Verbs have four bits with sixteen of payload, or twelve with eight.
uint32_t
hda_codec_do (Hda *hda, uint32_t command)
{
  unsigned id = command >> 20 & 0xff, verb = command >> 8 & 0xfff, word = command & 0xffff;

  if (id >= HDA_N_NODES)
    return 0;
  if (verb >> 8 == VERB_GET_FORMAT)
    return hda->nodes[id].format;
  if (verb >> 8 == VERB_SET_FORMAT) {
    if (is_converter (id))
      hda->nodes[id].format = (uint16_t) word;
    return 0;
  }
  if (verb >> 8 == 0x7) {
    set (hda, id, verb, command & 0xff);
    return 0;
  }
  return get (hda, id, verb, command & 0xff);
}
