// SPDX-License-Identifier: GPL-3.0-or-later
// virtio graphics adapter, 2D, one output (VIRTIO 1.2 §5.7): commands and configuration.
//
// Threads: the I/O thread under the device's lock; reset may come from a vCPU thread. Every command is finished before the next is
// looked at, so a fence has passed when its command is answered.
#include "engine/virtio/gpu.h"

#include <gio/gio.h>
#include <string.h>

#include "engine/virtio/gpu/edid.h"
#include "engine/virtio/gpu/screen.h"
#include "engine/virtio/pump.h"

enum {
  QUEUE_CONTROL = 0,
  QUEUE_CURSOR = 1,
  CONTROL_QUEUE_SIZE = 256,
  CURSOR_QUEUE_SIZE = 16,
  COMMANDS_PER_RUN = 16, // each may copy a whole screen
};

typedef struct VirtioGpu {
  VirtioDevice vdev;
  GpuResources resources;
  GpuScreen screen;
  unsigned width, height; // what the guest is told
  uint32_t events;        // events_read
  VirtioPump pump;
  VmEvent *look; // something for the I/O thread to look at: reset, wanted size

  GMutex wanted_lock; // everything below
  unsigned wanted_width, wanted_height;
} VirtioGpu;

// A command's chain and its answer.
typedef struct GpuCommand {
  VirtioGpu *gpu;
  const VirtChain *chain;
  GpuHeader header;
  union {
    GpuHeader header;
    GpuDisplayInfo display_info;
    GpuEdid edid;
  } answer;
  size_t answer_bytes;
} GpuCommand;

// ---------------------------------------------------------------------------------------------
// Commands. Each reads its struct from the chain once and gives the code of the answer.

static bool
read_command (const GpuCommand *command, void *to, size_t length)
{
  return virtchain_read (command->chain, 0, to, length) == length;
}

static uint32_t
get_display_info (GpuCommand *command)
{
  GpuDisplayInfo *info = &command->answer.display_info;
  info->modes[0].rect.width = command->gpu->width;
  info->modes[0].rect.height = command->gpu->height;
  info->modes[0].enabled = 1;
  command->answer_bytes = sizeof *info;
  return GPU_RESP_OK_DISPLAY_INFO;
}

static uint32_t
get_edid (GpuCommand *command)
{
  GpuGetEdid get;
  GpuEdid *edid = &command->answer.edid;
  if (!read_command (command, &get, sizeof get))
    return GPU_RESP_ERR_INVALID_PARAMETER;
  if (get.scanout_id != 0)
    return GPU_RESP_ERR_INVALID_SCANOUT_ID;
  gpu_edid_fill (edid->edid, command->gpu->width, command->gpu->height);
  edid->size = GPU_EDID_BYTES;
  command->answer_bytes = sizeof *edid;
  return GPU_RESP_OK_EDID;
}

static uint32_t
create_2d (GpuCommand *command)
{
  GpuCreate2d create;
  if (!read_command (command, &create, sizeof create))
    return GPU_RESP_ERR_INVALID_PARAMETER;
  return gpu_resources_create (&command->gpu->resources, create.resource_id, create.format,
                               create.width, create.height);
}

static uint32_t
unref_resource (GpuCommand *command)
{
  GpuResourceCmd unref;
  if (!read_command (command, &unref, sizeof unref))
    return GPU_RESP_ERR_INVALID_PARAMETER;
  if (unref.resource_id != 0 && unref.resource_id == command->gpu->screen.resource_id)
    gpu_screen_disable (&command->gpu->screen);
  return gpu_resources_remove (&command->gpu->resources, unref.resource_id);
}

static uint32_t
set_scanout (GpuCommand *command)
{
  GpuSetScanout set;
  VirtioGpu *gpu = command->gpu;
  if (!read_command (command, &set, sizeof set))
    return GPU_RESP_ERR_INVALID_PARAMETER;
  if (set.scanout_id != 0)
    return GPU_RESP_ERR_INVALID_SCANOUT_ID;
  if (set.resource_id == 0) {
    gpu_screen_disable (&gpu->screen);
    return GPU_RESP_OK_NODATA;
  }
  const GpuResource *resource = gpu_resources_find (&gpu->resources, set.resource_id);
  if (resource == NULL)
    return GPU_RESP_ERR_INVALID_RESOURCE_ID;
  if (!gpu_resource_contains (resource, &set.rect))
    return GPU_RESP_ERR_INVALID_PARAMETER;
  gpu_screen_set_scanout (&gpu->screen, resource, &set.rect);
  return GPU_RESP_OK_NODATA;
}

static uint32_t
flush_resource (GpuCommand *command)
{
  GpuFlush flush;
  if (!read_command (command, &flush, sizeof flush))
    return GPU_RESP_ERR_INVALID_PARAMETER;
  const GpuResource *resource = gpu_resources_find (&command->gpu->resources, flush.resource_id);
  if (resource == NULL)
    return GPU_RESP_ERR_INVALID_RESOURCE_ID;
  if (!gpu_resource_contains (resource, &flush.rect))
    return GPU_RESP_ERR_INVALID_PARAMETER;
  gpu_screen_flush (&command->gpu->screen, resource, &flush.rect);
  return GPU_RESP_OK_NODATA;
}

static uint32_t
transfer_to_host (GpuCommand *command)
{
  GpuTransfer transfer;
  if (!read_command (command, &transfer, sizeof transfer))
    return GPU_RESP_ERR_INVALID_PARAMETER;
  return gpu_resources_transfer (&command->gpu->resources, transfer.resource_id, &transfer.rect,
                                 transfer.offset);
}

static uint32_t
attach_backing (GpuCommand *command)
{
  GpuAttach attach;
  if (!read_command (command, &attach, sizeof attach) || attach.n_entries > GPU_BACKING_ENTRIES_MAX)
    return GPU_RESP_ERR_INVALID_PARAMETER;
  size_t bytes = attach.n_entries * sizeof (GpuMemEntry);
  g_autofree GpuMemEntry *entries = g_malloc (bytes + 1);
  if (virtchain_read (command->chain, sizeof attach, entries, bytes) != bytes)
    return GPU_RESP_ERR_INVALID_PARAMETER;
  return gpu_resources_attach (&command->gpu->resources, attach.resource_id, entries,
                               attach.n_entries);
}

static uint32_t
detach_backing (GpuCommand *command)
{
  GpuResourceCmd detach;
  if (!read_command (command, &detach, sizeof detach))
    return GPU_RESP_ERR_INVALID_PARAMETER;
  return gpu_resources_detach (&command->gpu->resources, detach.resource_id);
}

static uint32_t
update_cursor (GpuCommand *command)
{
  GpuCursorCmd update;
  VirtioGpu *gpu = command->gpu;
  if (!read_command (command, &update, sizeof update))
    return GPU_RESP_ERR_INVALID_PARAMETER;
  if (update.scanout_id != 0)
    return GPU_RESP_ERR_INVALID_SCANOUT_ID;
  const GpuResource *resource = gpu_resources_find (&gpu->resources, update.resource_id);
  if (update.resource_id != 0 && resource == NULL)
    return GPU_RESP_ERR_INVALID_RESOURCE_ID;
  if (!gpu_screen_set_cursor (&gpu->screen, resource, update.hot_x, update.hot_y))
    return GPU_RESP_ERR_INVALID_PARAMETER;
  gpu_screen_move_cursor (&gpu->screen, update.x, update.y);
  return GPU_RESP_OK_NODATA;
}

static uint32_t
move_cursor (GpuCommand *command)
{
  GpuCursorCmd move;
  if (!read_command (command, &move, sizeof move))
    return GPU_RESP_ERR_INVALID_PARAMETER;
  if (move.scanout_id != 0)
    return GPU_RESP_ERR_INVALID_SCANOUT_ID;
  gpu_screen_move_cursor (&command->gpu->screen, move.x, move.y);
  return GPU_RESP_OK_NODATA;
}

static const struct {
  uint32_t type;
  unsigned queue;
  uint32_t (*run) (GpuCommand *command);
} commands[] = {
    {GPU_CMD_GET_DISPLAY_INFO, QUEUE_CONTROL, get_display_info},
    {GPU_CMD_RESOURCE_CREATE_2D, QUEUE_CONTROL, create_2d},
    {GPU_CMD_RESOURCE_UNREF, QUEUE_CONTROL, unref_resource},
    {GPU_CMD_SET_SCANOUT, QUEUE_CONTROL, set_scanout},
    {GPU_CMD_RESOURCE_FLUSH, QUEUE_CONTROL, flush_resource},
    {GPU_CMD_TRANSFER_TO_HOST_2D, QUEUE_CONTROL, transfer_to_host},
    {GPU_CMD_RESOURCE_ATTACH_BACKING, QUEUE_CONTROL, attach_backing},
    {GPU_CMD_RESOURCE_DETACH_BACKING, QUEUE_CONTROL, detach_backing},
    {GPU_CMD_GET_EDID, QUEUE_CONTROL, get_edid},
    {GPU_CMD_UPDATE_CURSOR, QUEUE_CURSOR, update_cursor},
    {GPU_CMD_MOVE_CURSOR, QUEUE_CURSOR, move_cursor},
};

static uint32_t
run_command (GpuCommand *command, unsigned queue)
{
  for (size_t i = 0; i < G_N_ELEMENTS (commands); i++) {
    if (commands[i].type == command->header.type && commands[i].queue == queue)
      return commands[i].run (command);
  }
  return GPU_RESP_ERR_UNSPEC;
}

static bool
handle (VirtioDevice *vdev, unsigned queue, VirtChain *chain)
{
  GpuCommand command = {.gpu = (VirtioGpu *) vdev, .chain = chain};
  GpuHeader *answer = &command.answer.header;
  if (!read_command (&command, &command.header, sizeof command.header)) {
    virtchain_free (chain);
    virtio_device_broken (vdev, "graphics command without header");
    return false;
  }
  gpu_screen_tell (&command.gpu->screen);
  command.answer_bytes = sizeof *answer;
  answer->type = run_command (&command, queue);
  if (command.header.flags & GPU_FLAG_FENCE) {
    answer->flags = GPU_FLAG_FENCE;
    answer->fence_id = command.header.fence_id;
    answer->ctx_id = command.header.ctx_id;
  }
  size_t written = virtchain_write (chain, 0, &command.answer, command.answer_bytes);
  virtqueue_push (&vdev->queues[queue], chain, (uint32_t) written);
  return true;
}

// ---------------------------------------------------------------------------------------------
// Size of the display

static unsigned
clamp_size (unsigned pixels)
{
  return CLAMP (pixels, (unsigned) GPU_DISPLAY_MIN, (unsigned) GPU_DISPLAY_MAX);
}

void
virtio_gpu_set_display_size (VirtioDevice *vdev, unsigned width, unsigned height)
{
  VirtioGpu *gpu = (VirtioGpu *) vdev;
  g_mutex_lock (&gpu->wanted_lock);
  gpu->wanted_width = clamp_size (width);
  gpu->wanted_height = clamp_size (height);
  g_mutex_unlock (&gpu->wanted_lock);
  vm_event_signal (gpu->look);
}

static void
take_size (VirtioGpu *gpu)
{
  g_mutex_lock (&gpu->wanted_lock);
  unsigned width = gpu->wanted_width, height = gpu->wanted_height;
  g_mutex_unlock (&gpu->wanted_lock);
  if (gpu->pump.paused || (width == gpu->width && height == gpu->height))
    return;
  gpu->width = width;
  gpu->height = height;
  gpu->events |= GPU_EVENT_DISPLAY;
  virtio_device_config_changed (&gpu->vdev);
}

// I/O thread, lock not held.
static void
look_cb (void *data)
{
  VirtioGpu *gpu = data;
  virtio_device_lock (&gpu->vdev);
  gpu_screen_tell (&gpu->screen);
  take_size (gpu);
  virtio_device_unlock (&gpu->vdev);
}

// ---------------------------------------------------------------------------------------------
// Ops

static void
gpu_queue_notify (VirtioDevice *vdev, unsigned queue)
{
  virtio_pump_run (&((VirtioGpu *) vdev)->pump, queue);
}

static void
gpu_read_config (VirtioDevice *vdev, unsigned offset, void *to, unsigned length)
{
  const VirtioGpu *gpu = (VirtioGpu *) vdev;
  const GpuConfig config = {.events_read = gpu->events, .num_scanouts = 1};
  memcpy (to, (const uint8_t *) &config + offset, length);
}

static void
gpu_write_config (VirtioDevice *vdev, unsigned offset, const void *from, unsigned length)
{
  VirtioGpu *gpu = (VirtioGpu *) vdev;
  uint32_t clear;
  if (offset != offsetof (GpuConfig, events_clear) || length != sizeof clear)
    return;
  memcpy (&clear, from, sizeof clear);
  gpu->events &= ~clear;
}

static void
gpu_reset (VirtioDevice *vdev)
{
  VirtioGpu *gpu = (VirtioGpu *) vdev;
  gpu_screen_reset (&gpu->screen);
  gpu_resources_remove_all (&gpu->resources);
  gpu->events = 0;
  vm_event_signal (gpu->look);
}

static void
gpu_quiesce (VirtioDevice *vdev)
{
  virtio_pump_quiesce (&((VirtioGpu *) vdev)->pump);
}

static void
gpu_resume (VirtioDevice *vdev)
{
  VirtioGpu *gpu = (VirtioGpu *) vdev;
  virtio_pump_resume (&gpu->pump);
  vm_event_signal (gpu->look);
}

static void
gpu_save (VirtioDevice *vdev, StateWriter *writer)
{
  const VirtioGpu *gpu = (VirtioGpu *) vdev;
  state_put_u32 (writer, gpu->width);
  state_put_u32 (writer, gpu->height);
  state_put_u32 (writer, gpu->events);
  gpu_resources_save (&gpu->resources, writer);
  gpu_screen_save (&gpu->screen, writer);
}

static bool
gpu_load (VirtioDevice *vdev, StateReader *reader, uint32_t version, GError **error)
{
  VirtioGpu *gpu = (VirtioGpu *) vdev;
  gpu_reset (vdev);
  gpu_screen_tell (&gpu->screen);
  gpu->width = clamp_size (state_get_u32 (reader));
  gpu->height = clamp_size (state_get_u32 (reader));
  gpu->events = state_get_u32 (reader) & GPU_EVENT_DISPLAY;
  if (gpu_resources_load (&gpu->resources, reader) &&
      gpu_screen_load (&gpu->screen, &gpu->resources, reader))
    return true;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               "The saved state of the graphics adapter is damaged");
  return false;
}

static bool
gpu_realize (VirtioDevice *vdev, GError **error)
{
  VirtioGpu *gpu = (VirtioGpu *) vdev;
  vdev->features = VIRTIO_GPU_F_EDID;
  virtio_device_add_queue (vdev, CONTROL_QUEUE_SIZE);
  virtio_device_add_queue (vdev, CURSOR_QUEUE_SIZE);
  gpu_resources_init (&gpu->resources, vdev->vm->bus);
  virtio_pump_init (&gpu->pump, vdev, 1u << QUEUE_CONTROL | 1u << QUEUE_CURSOR, COMMANDS_PER_RUN,
                    handle);
  gpu->look = vm_event_new (vdev->vm->loop, look_cb, gpu);
  return true;
}

static void
gpu_free (VirtioDevice *vdev)
{
  VirtioGpu *gpu = (VirtioGpu *) vdev;
  virtio_pump_clear (&gpu->pump);
  if (gpu->look != NULL)
    vm_event_free (gpu->look);
  gpu_screen_clear (&gpu->screen);
  gpu_resources_clear (&gpu->resources);
  g_mutex_clear (&gpu->wanted_lock);
  virtio_device_clear (vdev);
  g_free (gpu);
}

static const VirtioOps gpu_ops = {
    .name = "virtio-gpu",
    .device_id = VIRTIO_ID_GPU,
    .pci_class = {0x03, 0x80, 0x00}, // display controller, not VGA
    .state_version = 1,
    .config_bytes = sizeof (GpuConfig),
    .realize = gpu_realize,
    .free = gpu_free,
    .reset = gpu_reset,
    .queue_notify = gpu_queue_notify,
    .read_config = gpu_read_config,
    .write_config = gpu_write_config,
    .quiesce = gpu_quiesce,
    .resume = gpu_resume,
    .save = gpu_save,
    .load = gpu_load,
};

VirtioDevice *
virtio_gpu_new (const VmDisplaySinkOps *ops, void *sink, unsigned width, unsigned height)
{
  VirtioGpu *gpu = g_new0 (VirtioGpu, 1);
  virtio_device_init (&gpu->vdev, &gpu_ops);
  gpu_screen_init (&gpu->screen, ops, sink);
  gpu->width = gpu->wanted_width = clamp_size (width);
  gpu->height = gpu->wanted_height = clamp_size (height);
  g_mutex_init (&gpu->wanted_lock);
  return &gpu->vdev;
}
