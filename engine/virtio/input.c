// SPDX-License-Identifier: GPL-3.0-or-later
// virtio input devices (VIRTIO 1.2 §5.8): a table describes each model, the rest is common.
//
// Threads: virtio_input_send from any thread puts events in a ring under a lock of its own; the
// I/O thread delivers them under the device's lock.
#include "engine/virtio/input.h"

#include <assert.h>
#include <gio/gio.h>
#include <linux/input.h>
#include <string.h>

#include "engine/virtio/pump.h"

// ---------------------------------------------------------------------------------------------
// Wire structs

enum {
  QUEUE_EVENT = 0,
  QUEUE_STATUS = 1,
  QUEUE_SIZE = 64,
  RING_EVENTS = 512,
  KEYS_MAX = 0x120, // codes that can be held down

  CFG_ID_NAME = 0x01,
  CFG_ID_DEVIDS = 0x03,
  CFG_EV_BITS = 0x11,
  CFG_ABS_INFO = 0x12,
};

typedef struct InputConfig {
  uint8_t select, subsel, size, reserved[5];
  uint8_t data[128];
} InputConfig;
static_assert (sizeof (InputConfig) == 136, "§5.8.4");

typedef struct InputDevids {
  uint16_t bustype, vendor, product, version;
} InputDevids;

typedef struct InputAbsInfo {
  uint32_t min, max, fuzz, flat, res;
} InputAbsInfo;
static_assert (sizeof (InputAbsInfo) == 20, "§5.8.4");

typedef struct InputEvent {
  uint16_t type, code;
  uint32_t value;
} InputEvent;
static_assert (sizeof (InputEvent) == 8, "§5.8.6.1");

// ---------------------------------------------------------------------------------------------
// Models

// Codes first..last of an event type; a model lists them in ascending order.
typedef struct InputCodes {
  uint16_t type, first, last;
} InputCodes;

typedef struct InputModel {
  const char *name;
  uint16_t product;
  InputCodes codes[6]; // up to the first of type EV_SYN
} InputModel;

static const InputModel keyboard_model = {
    .name = "Terrarium Keyboard",
    .product = 1,
    .codes = {{EV_KEY, KEY_ESC, 255},
              {EV_LED, LED_NUML, LED_SCROLLL},
              {EV_REP, REP_DELAY, REP_PERIOD}},
};

static const InputModel tablet_model = {
    .name = "Terrarium Tablet",
    .product = 2,
    .codes = {{EV_KEY, BTN_LEFT, BTN_EXTRA},
              {EV_REL, REL_HWHEEL, REL_HWHEEL},
              {EV_REL, REL_WHEEL, REL_WHEEL},
              {EV_ABS, ABS_X, ABS_Y}},
};

typedef struct VirtioInput {
  VirtioDevice vdev;
  const InputModel *model;
  uint8_t select, subsel;
  VirtioPump pump; // of the status queue
  VmEvent *sent;

  GMutex ring_lock; // everything below
  InputEvent ring[RING_EVENTS];
  unsigned tail, head, staged;   // free running; head..staged: the batch being sent
  uint8_t pressed[KEYS_MAX / 8]; // keys whose press was taken
  unsigned n_pressed;
  bool driven;
} VirtioInput;

static bool
has_code (const InputModel *model, uint16_t type, uint16_t code)
{
  for (const InputCodes *c = model->codes; c->type != EV_SYN; c++) {
    if (c->type == type && code >= c->first && code <= c->last)
      return true;
  }
  return false;
}

// ---------------------------------------------------------------------------------------------
// Sending. Room is kept for the release of every pressed key and the report that ends it.

static void
forget_locked (VirtioInput *input)
{
  input->tail = input->head = input->staged = 0;
  memset (input->pressed, 0, sizeof input->pressed);
  input->n_pressed = 0;
}

static bool
is_pressed_locked (const VirtioInput *input, uint16_t code)
{
  return input->pressed[code / 8] >> (code % 8) & 1;
}

static void
set_pressed_locked (VirtioInput *input, uint16_t code, bool down)
{
  input->pressed[code / 8] ^= (uint8_t) (1u << (code % 8));
  input->n_pressed += down ? 1u : -1u;
}

// Room for n more events, the report after them and the releases of n_pressed keys?
static bool
has_room_locked (const VirtioInput *input, unsigned n, unsigned n_pressed)
{
  return input->staged - input->tail + n + 1 + 2 * n_pressed <= RING_EVENTS;
}

static void
stage_locked (VirtioInput *input, uint16_t type, uint16_t code, int32_t value)
{
  input->ring[input->staged++ % RING_EVENTS] =
      (InputEvent){.type = type, .code = code, .value = (uint32_t) value};
}

// A repeat changes nothing: repeating is the guest's work.
static void
stage_key_locked (VirtioInput *input, uint16_t code, bool down)
{
  if (down == is_pressed_locked (input, code) ||
      (down && !has_room_locked (input, 1, input->n_pressed + 1)))
    return;
  set_pressed_locked (input, code, down);
  stage_locked (input, EV_KEY, code, down);
}

static void
report_locked (VirtioInput *input)
{
  if (input->staged == input->head)
    return;
  stage_locked (input, EV_SYN, SYN_REPORT, 0);
  input->head = input->staged;
}

void
virtio_input_send (VirtioDevice *vdev, uint16_t type, uint16_t code, int32_t value)
{
  VirtioInput *input = (VirtioInput *) vdev;
  bool report = type == EV_SYN && code == SYN_REPORT;
  if (!report && !has_code (input->model, type, code))
    return;
  g_mutex_lock (&input->ring_lock);
  if (report)
    report_locked (input);
  else if (type == EV_KEY)
    stage_key_locked (input, code, value != 0);
  else if ((type == EV_ABS || type == EV_REL) && has_room_locked (input, 1, input->n_pressed))
    stage_locked (input, type, code, value);
  g_mutex_unlock (&input->ring_lock);
  if (report)
    vm_event_signal (input->sent);
}

bool
virtio_input_is_driven (VirtioDevice *vdev)
{
  VirtioInput *input = (VirtioInput *) vdev;
  g_mutex_lock (&input->ring_lock);
  bool driven = input->driven;
  g_mutex_unlock (&input->ring_lock);
  return driven;
}

static void
set_driven (VirtioInput *input, bool driven)
{
  g_mutex_lock (&input->ring_lock);
  input->driven = driven;
  g_mutex_unlock (&input->ring_lock);
}

// ---------------------------------------------------------------------------------------------
// Delivering

static bool
take_event (VirtioInput *input, InputEvent *event)
{
  g_mutex_lock (&input->ring_lock);
  bool have = input->tail != input->head;
  if (have)
    *event = input->ring[input->tail++ % RING_EVENTS];
  g_mutex_unlock (&input->ring_lock);
  return have;
}

static bool
have_event (VirtioInput *input)
{
  g_mutex_lock (&input->ring_lock);
  bool have = input->tail != input->head;
  g_mutex_unlock (&input->ring_lock);
  return have;
}

static void
deliver (VirtioInput *input)
{
  VirtQueue *queue = &input->vdev.queues[QUEUE_EVENT];
  bool more = true;
  while (more && have_event (input)) {
    VirtChain *chain = virtqueue_pop (queue);
    InputEvent event;
    if (chain == NULL) {
      more = virtqueue_set_notification (queue, true) && !queue->broken;
    } else if (chain->in_bytes < sizeof event) {
      virtchain_free (chain);
      virtio_device_broken (&input->vdev, "input buffer too small");
      return;
    } else if (take_event (input, &event)) {
      virtchain_write (chain, 0, &event, sizeof event);
      virtqueue_push (queue, chain, sizeof event);
    }
  }
  if (queue->broken)
    virtio_device_broken (&input->vdev, "malformed event queue");
  else
    virtio_device_notify (&input->vdev, QUEUE_EVENT);
}

static void
deliver_or_forget (VirtioInput *input)
{
  if (input->pump.paused)
    return;
  if (virtio_device_is_live (&input->vdev)) {
    deliver (input);
  } else {
    g_mutex_lock (&input->ring_lock);
    forget_locked (input);
    g_mutex_unlock (&input->ring_lock);
  }
}

// I/O thread, lock not held.
static void
sent_cb (void *data)
{
  VirtioInput *input = data;
  virtio_device_lock (&input->vdev);
  deliver_or_forget (input);
  virtio_device_unlock (&input->vdev);
}

// LEDs: we have none to light.
static bool
handle_status (VirtioDevice *vdev, unsigned queue, VirtChain *chain)
{
  virtqueue_push (&vdev->queues[queue], chain, 0);
  return true;
}

// ---------------------------------------------------------------------------------------------
// Ops

static void
input_queue_notify (VirtioDevice *vdev, unsigned queue)
{
  VirtioInput *input = (VirtioInput *) vdev;
  if (queue == QUEUE_EVENT)
    deliver_or_forget (input);
  else
    virtio_pump_run (&input->pump, queue);
}

// The bitmap of the model's codes of one event type; its length.
static uint8_t
get_code_bits (const InputModel *model, unsigned type, uint8_t bits[128])
{
  unsigned bytes = 0;
  for (const InputCodes *c = model->codes; c->type != EV_SYN; c++) {
    for (unsigned code = c->first; c->type == type && code <= c->last; code++) {
      bits[code / 8] |= (uint8_t) (1u << (code % 8));
      bytes = code / 8 + 1;
    }
  }
  return (uint8_t) bytes;
}

static void
get_config (const VirtioInput *input, InputConfig *config)
{
  const InputModel *model = input->model;
  const InputDevids ids = {
      .bustype = BUS_VIRTUAL, .vendor = 0x1af4, .product = model->product, .version = 1};
  const InputAbsInfo range = {.max = VIRTIO_INPUT_TABLET_MAX};
  *config = (InputConfig){.select = input->select, .subsel = input->subsel};
  if (input->select == CFG_EV_BITS) {
    config->size = get_code_bits (model, input->subsel, config->data);
  } else if (input->select == CFG_ID_NAME && input->subsel == 0) {
    config->size = (uint8_t) strlen (model->name);
    memcpy (config->data, model->name, config->size);
  } else if (input->select == CFG_ID_DEVIDS && input->subsel == 0) {
    config->size = sizeof ids;
    memcpy (config->data, &ids, sizeof ids);
  } else if (input->select == CFG_ABS_INFO && has_code (model, EV_ABS, input->subsel)) {
    config->size = sizeof range;
    memcpy (config->data, &range, sizeof range);
  }
}

static void
input_read_config (VirtioDevice *vdev, unsigned offset, void *to, unsigned length)
{
  InputConfig config;
  get_config ((VirtioInput *) vdev, &config);
  memcpy (to, (const uint8_t *) &config + offset, length);
}

static void
input_write_config (VirtioDevice *vdev, unsigned offset, const void *from, unsigned length)
{
  VirtioInput *input = (VirtioInput *) vdev;
  const uint8_t *bytes = from;
  for (unsigned i = 0; i < length; i++) {
    if (offset + i == offsetof (InputConfig, select))
      input->select = bytes[i];
    else if (offset + i == offsetof (InputConfig, subsel))
      input->subsel = bytes[i];
  }
}

static void
input_set_status (VirtioDevice *vdev, uint8_t status)
{
  set_driven ((VirtioInput *) vdev, virtio_device_is_live (vdev));
}

static void
input_reset (VirtioDevice *vdev)
{
  VirtioInput *input = (VirtioInput *) vdev;
  set_driven (input, false);
  input->select = input->subsel = 0;
  g_mutex_lock (&input->ring_lock);
  forget_locked (input);
  g_mutex_unlock (&input->ring_lock);
}

static void
input_quiesce (VirtioDevice *vdev)
{
  virtio_pump_quiesce (&((VirtioInput *) vdev)->pump);
}

static void
input_resume (VirtioDevice *vdev)
{
  VirtioInput *input = (VirtioInput *) vdev;
  virtio_pump_resume (&input->pump);
  set_driven (input, virtio_device_is_live (vdev)); // state may have been loaded
  vm_event_signal (input->sent);
}

static void
input_save (VirtioDevice *vdev, StateWriter *writer)
{
  VirtioInput *input = (VirtioInput *) vdev;
  g_mutex_lock (&input->ring_lock);
  state_put_u8 (writer, input->select);
  state_put_u8 (writer, input->subsel);
  state_put_u32 (writer, input->head - input->tail);
  for (unsigned i = input->tail; i != input->head; i++) {
    const InputEvent *event = &input->ring[i % RING_EVENTS];
    state_put_u16 (writer, event->type);
    state_put_u16 (writer, event->code);
    state_put_u32 (writer, event->value);
  }
  state_put_bytes (writer, input->pressed, sizeof input->pressed);
  g_mutex_unlock (&input->ring_lock);
}

static bool
load_ring_locked (VirtioInput *input, StateReader *reader)
{
  uint32_t n = state_get_u32 (reader);
  if (n > RING_EVENTS)
    return false;
  for (uint32_t i = 0; i < n; i++) {
    uint16_t type = state_get_u16 (reader), code = state_get_u16 (reader);
    uint32_t value = state_get_u32 (reader);
    if (type != EV_SYN && !has_code (input->model, type, code))
      return false;
    stage_locked (input, type, code, (int32_t) value);
  }
  input->head = input->staged;
  uint8_t pressed[KEYS_MAX / 8];
  state_get_bytes (reader, pressed, sizeof pressed);
  // Whoever held those keys has let go of them since.
  for (uint16_t code = 0; code < KEYS_MAX; code++) {
    if ((pressed[code / 8] >> (code % 8) & 1) == 0)
      continue;
    if (!has_code (input->model, EV_KEY, code) || !has_room_locked (input, 1, 0))
      return false;
    stage_locked (input, EV_KEY, code, 0);
  }
  report_locked (input);
  return true;
}

static bool
input_load (VirtioDevice *vdev, StateReader *reader, uint32_t version, GError **error)
{
  VirtioInput *input = (VirtioInput *) vdev;
  input->select = state_get_u8 (reader);
  input->subsel = state_get_u8 (reader);
  g_mutex_lock (&input->ring_lock);
  forget_locked (input);
  bool ok = load_ring_locked (input, reader);
  g_mutex_unlock (&input->ring_lock);
  if (!ok)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "The saved state of the %s is damaged",
                 input->model->name);
  return ok;
}

static bool
input_realize (VirtioDevice *vdev, GError **error)
{
  VirtioInput *input = (VirtioInput *) vdev;
  virtio_device_add_queue (vdev, QUEUE_SIZE);
  virtio_device_add_queue (vdev, QUEUE_SIZE);
  virtio_pump_init (&input->pump, vdev, 1u << QUEUE_STATUS, QUEUE_SIZE, handle_status);
  input->sent = vm_event_new (vdev->vm->loop, sent_cb, input);
  return true;
}

static void
input_free (VirtioDevice *vdev)
{
  VirtioInput *input = (VirtioInput *) vdev;
  virtio_pump_clear (&input->pump);
  if (input->sent != NULL)
    vm_event_free (input->sent);
  g_mutex_clear (&input->ring_lock);
  virtio_device_clear (vdev);
  g_free (input);
}

static const VirtioOps input_ops = {
    .name = "virtio-input",
    .device_id = VIRTIO_ID_INPUT,
    .pci_class = {0x09, 0x80, 0x00}, // other input device
    .state_version = 1,
    .config_bytes = sizeof (InputConfig),
    .realize = input_realize,
    .free = input_free,
    .reset = input_reset,
    .set_status = input_set_status,
    .queue_notify = input_queue_notify,
    .read_config = input_read_config,
    .write_config = input_write_config,
    .quiesce = input_quiesce,
    .resume = input_resume,
    .save = input_save,
    .load = input_load,
};

static VirtioDevice *
input_new (const InputModel *model)
{
  VirtioInput *input = g_new0 (VirtioInput, 1);
  virtio_device_init (&input->vdev, &input_ops);
  input->model = model;
  g_mutex_init (&input->ring_lock);
  return &input->vdev;
}

VirtioDevice *
virtio_input_new_keyboard (void)
{
  return input_new (&keyboard_model);
}

VirtioDevice *
virtio_input_new_tablet (void)
{
  return input_new (&tablet_model);
}
