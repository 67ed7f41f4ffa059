// SPDX-License-Identifier: GPL-3.0-or-later
// virtio-gpu against a driver made of memory writes and a sink that keeps what it is given.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "engine/structs/frame.h"
#include "engine/virtio/gpu.h"
#include "engine/virtio/gpu/edid.h"
#include "engine/virtio/gpu/resource.h"
#include "tests/support/virtio-guest.h"

enum {
  QUEUE_CONTROL = 0,
  QUEUE_CURSOR = 1,
  KEEP_MAX = 8,
};

// Called on the I/O thread; the test looks after it has waited for the command.
typedef struct Sink {
  VmFrame *kept[KEEP_MAX]; // the newest `n_keep` frames
  unsigned n_keep, n_presents, n_disables, n_cursors;
  VmRect damage;
  VmFrame *cursor;
  int hot_x, hot_y, x, y;
} Sink;

static void
sink_present (void *data, VmFrame *frame, const VmRect *damage)
{
  Sink *sink = data;
  VmFrame **slot = &sink->kept[sink->n_presents++ % sink->n_keep];
  if (*slot != NULL)
    vm_frame_unref (*slot);
  *slot = vm_frame_ref (frame);
  sink->damage = *damage;
}

static void
sink_disable (void *data)
{
  ((Sink *) data)->n_disables++;
}

static void
sink_set_cursor (void *data, VmFrame *cursor, int hot_x, int hot_y)
{
  Sink *sink = data;
  if (sink->cursor != NULL)
    vm_frame_unref (sink->cursor);
  sink->cursor = cursor != NULL ? vm_frame_ref (cursor) : NULL;
  sink->hot_x = hot_x;
  sink->hot_y = hot_y;
  sink->n_cursors++;
}

static void
sink_move_cursor (void *data, int x, int y)
{
  ((Sink *) data)->x = x;
  ((Sink *) data)->y = y;
}

static const VmDisplaySinkOps sink_ops = {
    .present = sink_present,
    .disable = sink_disable,
    .set_cursor = sink_set_cursor,
    .move_cursor = sink_move_cursor,
};

typedef struct Setup {
  Sink sink;
  VirtioGuest *guest;
} Setup;

static void
set_up (Setup *setup)
{
  *setup = (Setup){.sink.n_keep = 1};
  setup->guest = virtio_guest_new (virtio_gpu_new (&sink_ops, &setup->sink, 1024, 768), NULL);
  virtio_guest_start (setup->guest, ~0ull, 0);
}

static void
tear_down (Setup *setup)
{
  virtio_guest_free (setup->guest);
  for (unsigned i = 0; i < KEEP_MAX; i++)
    g_clear_pointer (&setup->sink.kept[i], vm_frame_unref);
  g_clear_pointer (&setup->sink.cursor, vm_frame_unref);
}

static VmFrame *
newest (const Setup *setup)
{
  return setup->sink.kept[(setup->sink.n_presents - 1) % setup->sink.n_keep];
}

static uint32_t
pixel (const VmFrame *frame, unsigned x, unsigned y)
{
  uint32_t word;
  memcpy (&word, vm_frame_get_pixels (frame) + y * vm_frame_get_stride_bytes (frame) + x * 4,
          sizeof word);
  return word;
}

// One command, then whatever follows it in the chain; the answer's type, and all of it in `answer`.
static uint32_t
command (VirtioGuest *guest, unsigned queue, const void *cmd, uint32_t length, const void *more,
         uint32_t more_length, void *answer, uint32_t answer_length)
{
  VirtioGuestBuf bufs[3];
  unsigned n = 0;
  bufs[n++] = (VirtioGuestBuf){virtio_guest_put (guest, cmd, length), length, false};
  if (more_length > 0)
    bufs[n++] = (VirtioGuestBuf){virtio_guest_put (guest, more, more_length), more_length, false};
  uint32_t room = answer_length > sizeof (GpuHeader) ? answer_length : sizeof (GpuHeader);
  bufs[n] = (VirtioGuestBuf){virtio_guest_alloc (guest, room), room, true};
  const GpuHeader *got = virtio_guest_ptr (guest, bufs[n++].addr);
  virtio_guest_do (guest, queue, bufs, n);
  if (answer != NULL)
    memcpy (answer, got, answer_length);
  return got->type;
}

#define COMMAND(guest, cmd) command (guest, QUEUE_CONTROL, &(cmd), sizeof (cmd), NULL, 0, NULL, 0)
#define CURSOR(guest, cmd)  command (guest, QUEUE_CURSOR, &(cmd), sizeof (cmd), NULL, 0, NULL, 0)

static uint32_t
create (VirtioGuest *guest, uint32_t id, uint32_t format, uint32_t width, uint32_t height)
{
  const GpuCreate2d cmd = {.header.type = GPU_CMD_RESOURCE_CREATE_2D,
                           .resource_id = id,
                           .format = format,
                           .width = width,
                           .height = height};
  return COMMAND (guest, cmd);
}

static uint32_t
attach (VirtioGuest *guest, uint32_t id, const GpuMemEntry *entries, uint32_t n, uint32_t claimed)
{
  const GpuAttach cmd = {
      .header.type = GPU_CMD_RESOURCE_ATTACH_BACKING, .resource_id = id, .n_entries = claimed};
  return command (guest, QUEUE_CONTROL, &cmd, sizeof cmd, entries, n * sizeof *entries, NULL, 0);
}

static uint32_t
resource_command (VirtioGuest *guest, uint32_t type, uint32_t id)
{
  const GpuResourceCmd cmd = {.header.type = type, .resource_id = id};
  return COMMAND (guest, cmd);
}

static uint32_t
transfer (VirtioGuest *guest, uint32_t id, GpuRect rect, uint64_t offset)
{
  const GpuTransfer cmd = {.header.type = GPU_CMD_TRANSFER_TO_HOST_2D,
                           .rect = rect,
                           .offset = offset,
                           .resource_id = id};
  return COMMAND (guest, cmd);
}

static uint32_t
flush (VirtioGuest *guest, uint32_t id, GpuRect rect)
{
  const GpuFlush cmd = {.header.type = GPU_CMD_RESOURCE_FLUSH, .rect = rect, .resource_id = id};
  return COMMAND (guest, cmd);
}

static uint32_t
set_scanout (VirtioGuest *guest, uint32_t scanout, uint32_t id, GpuRect rect)
{
  const GpuSetScanout cmd = {
      .header.type = GPU_CMD_SET_SCANOUT, .rect = rect, .scanout_id = scanout, .resource_id = id};
  return COMMAND (guest, cmd);
}

// A resource with one piece of guest memory behind it; its first byte.
static uint8_t *
make_resource (VirtioGuest *guest, uint32_t id, uint32_t format, uint32_t width, uint32_t height)
{
  uint32_t bytes = width * height * 4;
  const GpuMemEntry entry = {.addr = virtio_guest_alloc (guest, bytes), .length = bytes};
  assert_int_equal (create (guest, id, format, width, height), GPU_RESP_OK_NODATA);
  assert_int_equal (attach (guest, id, &entry, 1, 1), GPU_RESP_OK_NODATA);
  return virtio_guest_ptr (guest, entry.addr);
}

static void
test_display_info_and_edid (void **state)
{
  Setup setup;
  GpuDisplayInfo info;
  GpuEdid edid;
  set_up (&setup);
  const GpuHeader get_info = {.type = GPU_CMD_GET_DISPLAY_INFO};
  assert_int_equal (
      command (setup.guest, 0, &get_info, sizeof get_info, NULL, 0, &info, sizeof info),
      GPU_RESP_OK_DISPLAY_INFO);
  assert_int_equal (info.modes[0].rect.width, 1024);
  assert_int_equal (info.modes[0].rect.height, 768);
  assert_int_equal (info.modes[0].enabled, 1);
  assert_int_equal (info.modes[1].enabled, 0);

  const GpuGetEdid get_edid = {.header.type = GPU_CMD_GET_EDID};
  assert_int_equal (
      command (setup.guest, 0, &get_edid, sizeof get_edid, NULL, 0, &edid, sizeof edid),
      GPU_RESP_OK_EDID);
  assert_int_equal (edid.size, 128);
  const GpuGetEdid get_other = {.header.type = GPU_CMD_GET_EDID, .scanout_id = 1};
  assert_int_equal (COMMAND (setup.guest, get_other), GPU_RESP_ERR_INVALID_SCANOUT_ID);
  tear_down (&setup);
}

static void
test_edid_sizes (void **state)
{
  static const unsigned sizes[][2] = {
      {64, 64}, {1024, 768}, {1366, 768}, {3840, 2160}, {4095, 4095}};
  static const uint8_t magic[8] = {0, 255, 255, 255, 255, 255, 255, 0};
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++) {
    uint8_t edid[GPU_EDID_BYTES], sum = 0;
    gpu_edid_fill (edid, sizes[i][0], sizes[i][1]);
    for (unsigned j = 0; j < sizeof edid; j++)
      sum = (uint8_t) (sum + edid[j]);
    assert_int_equal (sum, 0);
    assert_memory_equal (edid, magic, sizeof magic);
    const uint8_t *d = edid + 54;
    assert_int_equal (d[2] | (d[4] & 0xf0) << 4, sizes[i][0]);
    assert_int_equal (d[5] | (d[7] & 0xf0) << 4, sizes[i][1]);
    assert_true ((d[0] | d[1] << 8) > 0);
  }
}

static void
test_display_event (void **state)
{
  Setup setup;
  GpuConfig config;
  GpuDisplayInfo info;
  set_up (&setup);
  virtio_gpu_set_display_size (setup.guest->vdev, 800, 100000);
  virtio_guest_settle (setup.guest);
  assert_int_equal (virtio_guest_get_config_changes (setup.guest), 1);
  virtio_guest_read_config (setup.guest, 0, &config, sizeof config);
  assert_int_equal (config.events_read, GPU_EVENT_DISPLAY);
  assert_int_equal (config.num_scanouts, 1);
  virtio_guest_write_config (setup.guest, 4, &(uint32_t){GPU_EVENT_DISPLAY}, 4);
  virtio_guest_read_config (setup.guest, 0, &config, sizeof config);
  assert_int_equal (config.events_read, 0);
  const GpuHeader get_info = {.type = GPU_CMD_GET_DISPLAY_INFO};
  command (setup.guest, 0, &get_info, sizeof get_info, NULL, 0, &info, sizeof info);
  assert_int_equal (info.modes[0].rect.width, 800);
  assert_int_equal (info.modes[0].rect.height, GPU_DISPLAY_MAX);
  virtio_gpu_set_display_size (setup.guest->vdev, 800, 100000); // no news
  virtio_guest_settle (setup.guest);
  assert_int_equal (virtio_guest_get_config_changes (setup.guest), 1);
  tear_down (&setup);
}

// The same colour in each format arrives as the same word.
static void
test_formats (void **state)
{
  static const struct {
    uint32_t format;
    uint8_t bytes[4];
  } cases[] = {
      {GPU_FORMAT_B8G8R8A8, {0x33, 0x22, 0x11, 0x44}}, {GPU_FORMAT_B8G8R8X8, {0x33, 0x22, 0x11, 0}},
      {GPU_FORMAT_A8R8G8B8, {0x44, 0x11, 0x22, 0x33}}, {GPU_FORMAT_X8R8G8B8, {0, 0x11, 0x22, 0x33}},
      {GPU_FORMAT_R8G8B8A8, {0x11, 0x22, 0x33, 0x44}}, {GPU_FORMAT_X8B8G8R8, {0, 0x33, 0x22, 0x11}},
      {GPU_FORMAT_A8B8G8R8, {0x44, 0x33, 0x22, 0x11}}, {GPU_FORMAT_R8G8B8X8, {0x11, 0x22, 0x33, 0}},
  };
  Setup setup;
  set_up (&setup);
  for (uint32_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    const GpuRect all = {0, 0, 16, 2};
    uint8_t *pixels = make_resource (setup.guest, i + 1, cases[i].format, 16, 2);
    for (unsigned j = 0; j < 32; j++)
      memcpy (pixels + j * 4, cases[i].bytes, 4);
    assert_int_equal (transfer (setup.guest, i + 1, all, 0), GPU_RESP_OK_NODATA);
    assert_int_equal (set_scanout (setup.guest, 0, i + 1, all), GPU_RESP_OK_NODATA);
    assert_int_equal (flush (setup.guest, i + 1, all), GPU_RESP_OK_NODATA);
    assert_int_equal (pixel (newest (&setup), 15, 1) & 0xffffff, 0x112233);
  }
  tear_down (&setup);
}

// Backing in odd pieces, a partial transfer, a scanout that is a part of the resource.
static void
test_partial_update (void **state)
{
  enum { WIDTH = 40, HEIGHT = 30, STRIDE = WIDTH * 4, PIECES = 5 };
  Setup setup;
  GpuMemEntry entries[PIECES];
  uint8_t picture[HEIGHT * STRIDE];
  uint32_t cut = sizeof picture / PIECES - 3;
  set_up (&setup);
  for (size_t i = 0; i < sizeof picture; i++)
    picture[i] = (uint8_t) (i * 31 + i / 256);
  for (uint32_t i = 0, at = 0; i < PIECES; i++, at += cut) {
    uint32_t length = i == PIECES - 1 ? (uint32_t) sizeof picture - at : cut;
    entries[i] = (GpuMemEntry){.addr = virtio_guest_put (setup.guest, picture + at, length),
                               .length = length};
  }
  assert_int_equal (create (setup.guest, 7, GPU_FORMAT_B8G8R8X8, WIDTH, HEIGHT),
                    GPU_RESP_OK_NODATA);
  assert_int_equal (attach (setup.guest, 7, entries, PIECES, PIECES), GPU_RESP_OK_NODATA);
  const GpuRect shown = {8, 4, 24, 20}, part = {10, 6, 5, 9};
  assert_int_equal (set_scanout (setup.guest, 0, 7, shown), GPU_RESP_OK_NODATA);
  assert_int_equal (transfer (setup.guest, 7, part, part.y * STRIDE + part.x * 4),
                    GPU_RESP_OK_NODATA);
  assert_int_equal (flush (setup.guest, 7, (GpuRect){0, 0, WIDTH, HEIGHT}), GPU_RESP_OK_NODATA);
  const VmFrame *frame = newest (&setup);
  assert_int_equal (vm_frame_get_width (frame), shown.width);
  assert_int_equal (vm_frame_get_height (frame), shown.height);
  for (unsigned y = 0; y < shown.height; y++) {
    for (unsigned x = 0; x < shown.width; x++) {
      unsigned rx = x + shown.x, ry = y + shown.y;
      bool inside =
          rx >= part.x && rx < part.x + part.width && ry >= part.y && ry < part.y + part.height;
      uint32_t want = 0;
      memcpy (&want, picture + ry * STRIDE + rx * 4, 4);
      assert_int_equal (pixel (frame, x, y) & 0xffffff, inside ? want & 0xffffff : 0);
    }
  }
  tear_down (&setup);
}

// Frames the sink has let go of are filled with what they missed; held ones never change.
static void
test_frames_are_whole_and_constant (void **state)
{
  enum { WIDTH = 32, HEIGHT = 16, ROUNDS = 40 };
  for (unsigned keep = 1; keep <= 5; keep += 2) {
    Setup setup;
    uint32_t model[HEIGHT][WIDTH] = {0};
    set_up (&setup);
    setup.sink.n_keep = keep;
    uint8_t *pixels = make_resource (setup.guest, 1, GPU_FORMAT_B8G8R8X8, WIDTH, HEIGHT);
    set_scanout (setup.guest, 0, 1, (GpuRect){0, 0, WIDTH, HEIGHT});
    for (uint32_t round = 0; round < ROUNDS; round++) {
      GpuRect rect = {round * 7 % 30, round * 5 % 14, 1 + round % 2, 1 + round % 2};
      uint32_t checksum = 0, again = 0;
      VmFrame *held = round > 0 ? vm_frame_ref (newest (&setup)) : NULL;
      for (unsigned i = 0; held != NULL && i < WIDTH * HEIGHT; i++)
        checksum = checksum * 31 + pixel (held, i % WIDTH, i / WIDTH);
      for (unsigned y = rect.y; y < rect.y + rect.height; y++) {
        for (unsigned x = rect.x; x < rect.x + rect.width; x++)
          model[y][x] = 0x010101 * (round + 1);
      }
      memcpy (pixels, model, sizeof model);
      transfer (setup.guest, 1, rect, (rect.y * WIDTH + rect.x) * 4);
      assert_int_equal (flush (setup.guest, 1, rect), GPU_RESP_OK_NODATA);
      for (unsigned i = 0; i < WIDTH * HEIGHT; i++)
        assert_int_equal (pixel (newest (&setup), i % WIDTH, i / WIDTH) & 0xffffff,
                          model[i / WIDTH][i % WIDTH]);
      if (round > 0) {
        assert_int_equal (setup.sink.damage.x, rect.x);
        assert_int_equal (setup.sink.damage.width, rect.width);
      } else {
        assert_int_equal (setup.sink.damage.width, WIDTH);
      }
      for (unsigned i = 0; held != NULL && i < WIDTH * HEIGHT; i++)
        again = again * 31 + pixel (held, i % WIDTH, i / WIDTH);
      assert_int_equal (again, checksum);
      g_clear_pointer (&held, vm_frame_unref);
    }
    assert_int_equal (setup.sink.n_presents, ROUNDS);
    tear_down (&setup);
  }
}

static void
test_create_limits (void **state)
{
  static const struct {
    uint32_t id, format, width, height, answer;
  } cases[] = {
      {1, 1, 16, 16, GPU_RESP_OK_NODATA},
      {1, 1, 16, 16, GPU_RESP_ERR_INVALID_RESOURCE_ID},
      {0, 1, 16, 16, GPU_RESP_ERR_INVALID_RESOURCE_ID},
      {2, 0, 16, 16, GPU_RESP_ERR_INVALID_PARAMETER},
      {2, 5, 16, 16, GPU_RESP_ERR_INVALID_PARAMETER},
      {2, 1, 0, 16, GPU_RESP_ERR_INVALID_PARAMETER},
      {2, 1, 16, 0, GPU_RESP_ERR_INVALID_PARAMETER},
      {2, 1, 0x80000000, 0x80000000, GPU_RESP_ERR_INVALID_PARAMETER},
      {2, 1, 16385, 1, GPU_RESP_ERR_INVALID_PARAMETER},
      {2, 1, 16384, 16384, GPU_RESP_ERR_OUT_OF_MEMORY},
      {2, 1, 8192, 7168, GPU_RESP_OK_NODATA},         // 224 MiB
      {3, 1, 4096, 4096, GPU_RESP_ERR_OUT_OF_MEMORY}, // 64 MiB
      {3, 1, 16384, 1, GPU_RESP_OK_NODATA},
  };
  Setup setup;
  set_up (&setup);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    assert_int_equal (
        create (setup.guest, cases[i].id, cases[i].format, cases[i].width, cases[i].height),
        cases[i].answer);
  // What is given back can be had again.
  assert_int_equal (resource_command (setup.guest, GPU_CMD_RESOURCE_UNREF, 2), GPU_RESP_OK_NODATA);
  assert_int_equal (create (setup.guest, 3 + 1, 1, 8192, 7168), GPU_RESP_OK_NODATA);
  tear_down (&setup);
}

static void
test_backing_errors (void **state)
{
  Setup setup;
  set_up (&setup);
  GuestAddr ram = virtio_guest_alloc (setup.guest, 4096);
  const GuestAddr end = VIRTIO_GUEST_RAM_BASE + (GuestAddr) VIRTIO_GUEST_RAM_BYTES;
  const GpuMemEntry good = {.addr = ram, .length = 1024};
  const GpuMemEntry bad[] = {{.addr = 0, .length = 16},
                             {.addr = end - 8, .length = 16},
                             {.addr = UINT64_MAX - 7, .length = 16},
                             {.addr = ram, .length = 0}};
  assert_int_equal (create (setup.guest, 1, 1, 16, 16), GPU_RESP_OK_NODATA);
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_int_equal (attach (setup.guest, 1, &bad[i], 1, 1), GPU_RESP_ERR_INVALID_PARAMETER);
  assert_int_equal (attach (setup.guest, 1, &good, 1, 2), GPU_RESP_ERR_INVALID_PARAMETER);
  assert_int_equal (attach (setup.guest, 1, &good, 1, 0), GPU_RESP_ERR_INVALID_PARAMETER);
  assert_int_equal (attach (setup.guest, 1, &good, 1, UINT32_MAX), GPU_RESP_ERR_INVALID_PARAMETER);
  assert_int_equal (attach (setup.guest, 9, &good, 1, 1), GPU_RESP_ERR_INVALID_RESOURCE_ID);
  assert_int_equal (transfer (setup.guest, 1, (GpuRect){0, 0, 16, 16}, 0), GPU_RESP_ERR_UNSPEC);
  assert_int_equal (attach (setup.guest, 1, &good, 1, 1), GPU_RESP_OK_NODATA);
  assert_int_equal (attach (setup.guest, 1, &good, 1, 1), GPU_RESP_ERR_UNSPEC);

  static const struct {
    GpuRect rect;
    uint64_t offset;
    uint32_t answer;
  } transfers[] = {
      {{0, 0, 16, 16}, 0, GPU_RESP_OK_NODATA},
      {{15, 15, 1, 1}, 1020, GPU_RESP_OK_NODATA},
      {{15, 15, 1, 1}, 1021, GPU_RESP_ERR_INVALID_PARAMETER},
      {{0, 0, 16, 16}, 1, GPU_RESP_ERR_INVALID_PARAMETER},
      {{0, 0, 16, 16}, UINT64_MAX, GPU_RESP_ERR_INVALID_PARAMETER},
      {{0, 0, 17, 1}, 0, GPU_RESP_ERR_INVALID_PARAMETER},
      {{16, 0, 1, 1}, 0, GPU_RESP_ERR_INVALID_PARAMETER},
      {{0, 0, 0, 1}, 0, GPU_RESP_ERR_INVALID_PARAMETER},
      {{UINT32_MAX, 0, 2, 1}, 0, GPU_RESP_ERR_INVALID_PARAMETER},
      {{1, 0, UINT32_MAX, 1}, 0, GPU_RESP_ERR_INVALID_PARAMETER},
      {{0, 1, 1, UINT32_MAX}, 0, GPU_RESP_ERR_INVALID_PARAMETER},
  };
  for (size_t i = 0; i < G_N_ELEMENTS (transfers); i++) {
    assert_int_equal (transfer (setup.guest, 1, transfers[i].rect, transfers[i].offset),
                      transfers[i].answer);
    if (transfers[i].rect.width != 16 && transfers[i].offset == 0)
      assert_int_equal (flush (setup.guest, 1, transfers[i].rect), GPU_RESP_ERR_INVALID_PARAMETER);
  }
  assert_int_equal (resource_command (setup.guest, GPU_CMD_RESOURCE_DETACH_BACKING, 1),
                    GPU_RESP_OK_NODATA);
  assert_int_equal (resource_command (setup.guest, GPU_CMD_RESOURCE_DETACH_BACKING, 1),
                    GPU_RESP_ERR_UNSPEC);
  tear_down (&setup);
}

static void
test_scanout (void **state)
{
  Setup setup;
  const GpuRect all = {0, 0, 16, 16};
  set_up (&setup);
  make_resource (setup.guest, 1, 1, 16, 16);
  assert_int_equal (set_scanout (setup.guest, 1, 1, all), GPU_RESP_ERR_INVALID_SCANOUT_ID);
  assert_int_equal (set_scanout (setup.guest, 0, 2, all), GPU_RESP_ERR_INVALID_RESOURCE_ID);
  assert_int_equal (set_scanout (setup.guest, 0, 1, (GpuRect){1, 0, 16, 16}),
                    GPU_RESP_ERR_INVALID_PARAMETER);
  assert_int_equal (flush (setup.guest, 1, all), GPU_RESP_OK_NODATA);
  assert_int_equal (setup.sink.n_presents, 0); // not shown
  set_scanout (setup.guest, 0, 1, all);
  flush (setup.guest, 1, all);
  assert_int_equal (setup.sink.n_presents, 1);
  set_scanout (setup.guest, 0, 0, (GpuRect){0});
  set_scanout (setup.guest, 0, 0, (GpuRect){0});
  assert_int_equal (setup.sink.n_disables, 1);
  set_scanout (setup.guest, 0, 1, all);
  resource_command (setup.guest, GPU_CMD_RESOURCE_UNREF, 1);
  assert_int_equal (setup.sink.n_disables, 2);
  assert_int_equal (flush (setup.guest, 1, all), GPU_RESP_ERR_INVALID_RESOURCE_ID);
  make_resource (setup.guest, 1, 1, 16, 16);
  set_scanout (setup.guest, 0, 1, all);
  virtio_guest_reset (setup.guest);
  virtio_guest_settle (setup.guest);
  assert_int_equal (setup.sink.n_disables, 3);
  tear_down (&setup);
}

static void
test_cursor (void **state)
{
  Setup setup;
  set_up (&setup);
  uint8_t *pixels = make_resource (setup.guest, 5, GPU_FORMAT_B8G8R8A8, 64, 64);
  memset (pixels, 0x80, 64 * 64 * 4);
  transfer (setup.guest, 5, (GpuRect){0, 0, 64, 64}, 0);
  const GpuCursorCmd show = {.header.type = GPU_CMD_UPDATE_CURSOR,
                             .x = 100,
                             .y = 200,
                             .resource_id = 5,
                             .hot_x = 3,
                             .hot_y = 1000};
  CURSOR (setup.guest, show);
  assert_non_null (setup.sink.cursor);
  assert_int_equal (pixel (setup.sink.cursor, 63, 63), 0x80808080);
  assert_int_equal (setup.sink.hot_x, 3);
  assert_int_equal (setup.sink.hot_y, 63);
  assert_int_equal (setup.sink.y, 200);
  const GpuCursorCmd move = {.header.type = GPU_CMD_MOVE_CURSOR, .x = 7, .y = UINT32_MAX};
  CURSOR (setup.guest, move);
  assert_int_equal (setup.sink.x, 7);
  assert_int_equal (setup.sink.y, GPU_RESOURCE_SIZE_MAX);
  assert_int_equal (setup.sink.n_cursors, 1);
  // Commands on the wrong queue and unknown resources change nothing.
  assert_int_equal (COMMAND (setup.guest, show), GPU_RESP_ERR_UNSPEC);
  GpuCursorCmd unknown = show;
  unknown.resource_id = 6;
  assert_int_equal (CURSOR (setup.guest, unknown), GPU_RESP_ERR_INVALID_RESOURCE_ID);
  assert_int_equal (setup.sink.n_cursors, 1);
  unknown.resource_id = 0;
  CURSOR (setup.guest, unknown);
  assert_null (setup.sink.cursor);
  tear_down (&setup);
}

static void
test_fence (void **state)
{
  Setup setup;
  GpuHeader answer;
  set_up (&setup);
  const GpuHeader fenced = {
      .type = GPU_CMD_GET_DISPLAY_INFO, .flags = GPU_FLAG_FENCE, .fence_id = 0x123456789ab};
  command (setup.guest, 0, &fenced, sizeof fenced, NULL, 0, &answer, sizeof answer);
  assert_int_equal (answer.flags, GPU_FLAG_FENCE);
  assert_int_equal (answer.fence_id, 0x123456789ab);
  const GpuHeader unknown = {.type = 0x999};
  assert_int_equal (COMMAND (setup.guest, unknown), GPU_RESP_ERR_UNSPEC);
  const GpuHeader truncated = {.type = GPU_CMD_RESOURCE_CREATE_2D};
  assert_int_equal (COMMAND (setup.guest, truncated), GPU_RESP_ERR_INVALID_PARAMETER);
  const VirtioGuestBuf tiny = {virtio_guest_alloc (setup.guest, 8), 8, false};
  virtio_guest_submit (setup.guest, 0, &tiny, 1);
  virtio_guest_notify (setup.guest, 0);
  assert_true (virtio_guest_needs_reset (setup.guest));
  tear_down (&setup);
}

static void
test_saved_state (void **state)
{
  Setup from, to;
  const GpuRect all = {0, 0, 8, 8};
  set_up (&from);
  uint8_t *pixels = make_resource (from.guest, 3, GPU_FORMAT_B8G8R8A8, 8, 8);
  memset (pixels, 0x77, 8 * 8 * 4);
  transfer (from.guest, 3, all, 0);
  set_scanout (from.guest, 0, 3, all);
  const GpuCursorCmd show = {
      .header.type = GPU_CMD_UPDATE_CURSOR, .x = 4, .resource_id = 3, .hot_x = 2};
  CURSOR (from.guest, show);
  virtio_guest_quiesce (from.guest);
  g_autoptr (GBytes) bytes = virtio_guest_save (from.guest);

  set_up (&to);
  g_autoptr (GError) error = NULL;
  assert_true (virtio_guest_load (to.guest, bytes, &error));
  assert_int_equal (to.sink.n_presents, 1);
  assert_int_equal (pixel (newest (&to), 7, 7), 0x77777777);
  assert_int_equal (pixel (to.sink.cursor, 7, 7), 0x77777777);
  assert_int_equal (to.sink.hot_x, 2);
  assert_int_equal (to.sink.x, 4);
  g_autoptr (GBytes) again = virtio_guest_save (to.guest);
  assert_true (g_bytes_equal (bytes, again));
  tear_down (&from);
  tear_down (&to);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_display_info_and_edid),
      cmocka_unit_test (test_edid_sizes),
      cmocka_unit_test (test_display_event),
      cmocka_unit_test (test_formats),
      cmocka_unit_test (test_partial_update),
      cmocka_unit_test (test_frames_are_whole_and_constant),
      cmocka_unit_test (test_create_limits),
      cmocka_unit_test (test_backing_errors),
      cmocka_unit_test (test_scanout),
      cmocka_unit_test (test_cursor),
      cmocka_unit_test (test_fence),
      cmocka_unit_test (test_saved_state),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
