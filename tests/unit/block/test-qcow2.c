// SPDX-License-Identifier: GPL-3.0-or-later
// qcow2 images of every shape: random operations against a plain copy, reopened now and then,
// judged by our own check and, where qemu-img is there, by that.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/block/qcow2/qcow2.h"
#include "tests/support/disk-model.h"

static char *folder;

static char *
path_of (const char *name)
{
  return g_build_filename (folder, name, NULL);
}

static int
set_up (void **state)
{
  folder = g_dir_make_tmp ("terrarium-qcow2-XXXXXX", NULL);
  return folder == NULL;
}

static int
tear_down (void **state)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  while ((name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = path_of (name);
    g_unlink (path);
  }
  g_rmdir (folder);
  g_free (folder);
  return 0;
}

// Whether the command ends well; skipped without qemu-img.
static bool
qemu_img (const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *arguments = g_strdup_vprintf (format, args);
  va_end (args);
  g_autofree char *tool = g_find_program_in_path ("qemu-img");
  g_autofree char *command = g_strdup_printf ("qemu-img %s", arguments), *out = NULL, *err = NULL;
  int status;
  if (tool == NULL)
    return true;
  assert_true (g_spawn_command_line_sync (command, &out, &err, &status, NULL));
  if (!g_spawn_check_wait_status (status, NULL)) {
    print_error ("%s: %s%s\n", command, out, err);
    return false;
  }
  return true;
}

static BlockImage *
open_image (const char *path, BlockImageFlags flags)
{
  g_autoptr (GError) error = NULL;
  BlockImage *image = block_image_open (path, BLOCK_FORMAT_QCOW2, flags, &error);
  if (image == NULL)
    fail_msg ("%s", error->message);
  return image;
}

static void
say_fault (void *data, bool corrupt, const char *text)
{
  print_error ("%s: %s\n", corrupt ? "corrupt" : "leaked", text);
}

static void
assert_clean (const char *path)
{
  Qcow2Check check = {.fault = say_fault};
  BlockImage *image = open_image (path, BLOCK_IMAGE_NO_BACKING);
  assert_int_equal (qcow2_check (image, &check, false), 0);
  assert_int_equal (check.n_corrupt, 0);
  assert_int_equal (check.n_leaked, 0);
  block_image_free (image);
}

static void
create (const char *path, const Qcow2CreateOptions *options)
{
  int fd = open (path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  assert_true (fd >= 0);
  BlockFile *file = block_file_new_for_fd (fd);
  assert_int_equal (qcow2_create (file, options), 0);
  block_file_free (file);
}

static void
save_model (const DiskModel *model, const char *path)
{
  assert_true (
      g_file_set_contents (path, (const char *) model->bytes, (gssize) model->size_bytes, NULL));
}

// Compares all, closes, lets the judges look at it.
static void
judge (DiskModel *model, BlockImage *image, const char *path)
{
  g_autofree char *raw = path_of ("model.raw");
  assert_int_equal (disk_model_compare (model, image), model->size_bytes);
  assert_true (disk_model_settle (model, image));
  assert_int_equal (block_image_close (image), 0);
  assert_clean (path);
  save_model (model, raw);
  assert_true (qemu_img ("check -q -f qcow2 %s", path));
  assert_true (qemu_img ("compare -q -f qcow2 -F raw %s %s", path, raw));
}

static void
do_random (DiskModel *model, BlockImage *image, unsigned n)
{
  for (unsigned i = 0; i < n; i++) {
    DiskOp op = disk_model_next (model);
    int error = disk_model_do (model, image, &op);
    if (error != 0)
      fail_msg ("operation %u (%d, 0x%" PRIx64 " + 0x%" PRIx64 "): %s", i, op.op, op.offset,
                op.length, strerror (error));
    disk_model_apply (model, &op);
  }
}

static unsigned
dose (unsigned n)
{
  const char *scale = getenv ("TERRARIUM_BLOCK_SCALE");
  return scale != NULL ? n * (unsigned) atoi (scale) : n;
}

// ---------------------------------------------------------------------------------------------

static const struct Shape {
  unsigned cluster_bits, refcount_order;
  bool version2, extended;
  uint64_t clusters; // of the disk
} shapes[] = {
    {9, 4, false, false, 6001},  {9, 0, false, false, 3000}, {10, 6, false, false, 3001},
    {12, 4, false, false, 1500}, {12, 1, false, false, 500}, {16, 4, false, false, 200},
    {16, 2, false, false, 100},  {16, 5, false, false, 100}, {18, 3, false, false, 40},
    {21, 4, false, false, 12},   {16, 4, true, false, 150},  {9, 4, true, false, 2000},
    {14, 4, false, true, 300},   {16, 4, false, true, 100},  {21, 6, false, true, 9},
};

static Qcow2CreateOptions
options_of (const struct Shape *shape)
{
  uint64_t cluster = UINT64_C (1) << shape->cluster_bits;
  return (Qcow2CreateOptions){
      // Not a whole number of clusters, where that can be.
      .size_bytes = shape->clusters * cluster + cluster / 2 / 512 * 512,
      .cluster_bits = shape->cluster_bits,
      .refcount_order = shape->refcount_order,
      .has_refcount_order = true,
      .version2 = shape->version2,
      .extended_l2 = shape->extended,
  };
}

static void
test_random (void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS (shapes); i++) {
    g_autofree char *path = path_of ("random.qcow2");
    Qcow2CreateOptions options = options_of (&shapes[i]);
    DiskModel *model =
        disk_model_new (options.size_bytes, UINT64_C (1) << shapes[i].cluster_bits, i + 1);
    create (path, &options);
    assert_clean (path);
    for (unsigned round = 0; round < dose (2); round++) {
      BlockImage *image = open_image (path, BLOCK_IMAGE_WRITE);
      assert_int_equal (image->size_bytes, options.size_bytes);
      do_random (model, image, 100);
      judge (model, image, path);
    }
    disk_model_free (model);
  }
}

// The base is shorter than the disk and has things of its own.
static void
test_backing (void **state)
{
  static const struct {
    const char *format;
    bool version2;
  } cases[] = {{"raw", false}, {"qcow2", false}, {"raw", true}};
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    enum { BASE_BYTES = 3 << 20, TOP_BYTES = 4 << 20 };
    g_autofree char *path = path_of ("top.qcow2"), *base = path_of ("base");
    DiskModel *model = disk_model_new (TOP_BYTES, 65536, 77 + i);
    for (uint64_t at = 0; at < BASE_BYTES; at++)
      model->bytes[at] = (uint8_t) (at * 11 + (at >> 12));
    if (strcmp (cases[i].format, "raw") == 0) {
      assert_true (g_file_set_contents (base, (const char *) model->bytes, BASE_BYTES, NULL));
    } else {
      const Qcow2CreateOptions below = {.size_bytes = BASE_BYTES, .cluster_bits = 12};
      struct iovec iov = {model->bytes, BASE_BYTES};
      create (base, &below);
      BlockImage *image = open_image (base, BLOCK_IMAGE_WRITE);
      assert_int_equal (image->ops->write (image->driver, &iov, 1, 0), 0);
      assert_int_equal (block_image_close (image), 0);
    }
    const Qcow2CreateOptions options = {.size_bytes = TOP_BYTES,
                                        .version2 = cases[i].version2,
                                        .backing = "base",
                                        .backing_format = cases[i].format};
    create (path, &options);
    for (unsigned round = 0; round < dose (2); round++) {
      BlockImage *image = open_image (path, BLOCK_IMAGE_WRITE | BLOCK_IMAGE_ALLOW_BACKING);
      do_random (model, image, 60);
      judge (model, image, path);
    }
    disk_model_free (model);
  }
}

// qemu-io does what comes next, in a process that ends.
static void
let_qemu_io (DiskModel *model, const char *path, unsigned n)
{
  g_autoptr (GString) command = g_string_new ("qemu-io -f qcow2");
  g_autofree char *out = NULL, *err = NULL;
  int status;
  for (unsigned i = 0; i < n; i++) {
    DiskOp op = disk_model_next (model);
    if (op.op == BLOCK_WRITE)
      g_string_append_printf (command, " -c 'write -P %u", op.seed);
    else if (op.op == BLOCK_WRITE_ZEROES)
      g_string_append (command, op.may_unmap ? " -c 'write -zu" : " -c 'write -z");
    else if (op.op == BLOCK_DISCARD)
      g_string_append (command, " -c 'discard");
    else
      continue;
    g_string_append_printf (command, " %" PRIu64 " %" PRIu64 "'", op.offset, op.length);
    disk_model_apply (model, &op);
    if (op.op == BLOCK_WRITE)
      memset (model->bytes + op.offset, op.seed, op.length);
  }
  g_string_append_printf (command, " %s", path);
  assert_true (g_spawn_command_line_sync (command->str, &out, &err, &status, NULL));
  if (!g_spawn_check_wait_status (status, NULL))
    fail_msg ("%s: %s%s", command->str, out, err);
}

// QEMU and we take turns at one image.
static void
test_turns (void **state)
{
  g_autofree char *tool = g_find_program_in_path ("qemu-io");
  if (tool == NULL)
    skip ();
  for (size_t i = 0; i < G_N_ELEMENTS (shapes); i += 2) {
    g_autofree char *path = path_of ("turns.qcow2");
    Qcow2CreateOptions options = options_of (&shapes[i]);
    DiskModel *model =
        disk_model_new (options.size_bytes, UINT64_C (1) << shapes[i].cluster_bits, i + 900);
    create (path, &options);
    for (unsigned round = 0; round < dose (2); round++) {
      let_qemu_io (model, path, 25);
      BlockImage *image = open_image (path, BLOCK_IMAGE_WRITE);
      assert_int_equal (disk_model_compare (model, image), model->size_bytes);
      assert_true (disk_model_settle (model, image));
      do_random (model, image, 40);
      judge (model, image, path);
    }
    disk_model_free (model);
  }
}

// qemu-img takes a snapshot, we write on; the snapshot stays what it was.
static void
test_snapshot (void **state)
{
  g_autofree char *tool = g_find_program_in_path ("qemu-img");
  if (tool == NULL)
    skip ();
  static const unsigned bits[] = {9, 12, 16};
  for (size_t i = 0; i < G_N_ELEMENTS (bits); i++) {
    const Qcow2CreateOptions options = {.size_bytes = UINT64_C (90) << bits[i],
                                        .cluster_bits = bits[i]};
    g_autofree char *path = path_of ("snapshot.qcow2"), *before = path_of ("before.raw"),
                    *got = path_of ("got.raw");
    DiskModel *model = disk_model_new (options.size_bytes, UINT64_C (1) << bits[i], i + 5);
    Qcow2Info info;
    create (path, &options);
    for (unsigned round = 0; round < dose (2); round++) {
      BlockImage *image = open_image (path, BLOCK_IMAGE_WRITE);
      qcow2_get_info (image, &info);
      assert_int_equal (info.n_snapshots, round == 0 ? 0 : 1);
      if (round > 0)
        assert_string_equal (info.snapshots[0].name, "first");
      do_random (model, image, 60);
      judge (model, image, path);
      if (round == 0) {
        save_model (model, before);
        assert_true (qemu_img ("snapshot -c first %s", path));
      }
      assert_true (qemu_img ("convert -f qcow2 -O raw -l first %s %s", path, got));
      assert_true (qemu_img ("compare -q -f raw -F raw %s %s", before, got));
    }
    assert_true (qemu_img ("snapshot -d first %s", path));
    assert_clean (path);
    disk_model_free (model);
  }
}

// What snapshot `i` kept, through us.
static void
assert_shows (const char *path, unsigned i, const uint8_t *bytes, uint64_t size_bytes)
{
  g_autofree uint8_t *got = g_malloc (size_bytes);
  struct iovec iov = {got, size_bytes};
  BlockImage *image = open_image (path, 0);
  assert_int_equal (qcow2_show_snapshot (image, i), 0);
  assert_int_equal (image->size_bytes, size_bytes);
  assert_true (image->read_only);
  assert_int_equal (image->ops->read (image->driver, &iov, 1, 0), 0);
  assert_memory_equal (got, bytes, size_bytes);
  block_image_free (image);
}

// Two snapshots that qemu-img takes between our writes and resizes, one deleted between them: each
// shows what the disk was.
static void
test_snapshots_shown (void **state)
{
  g_autofree char *tool = g_find_program_in_path ("qemu-img");
  if (tool == NULL)
    skip ();
  static const unsigned bits[] = {9, 16};
  for (size_t i = 0; i < G_N_ELEMENTS (bits); i++) {
    const Qcow2CreateOptions options = {.size_bytes = UINT64_C (90) << bits[i],
                                        .cluster_bits = bits[i]};
    g_autofree char *path = path_of ("shown.qcow2");
    uint64_t sizes[3];
    uint8_t *kept[3];
    DiskModel *model = disk_model_new (options.size_bytes, UINT64_C (1) << bits[i], i + 15);
    create (path, &options);
    for (unsigned n = 0; n < 3; n++) {
      BlockImage *image = open_image (path, BLOCK_IMAGE_WRITE);
      do_random (model, image, 40);
      assert_true (disk_model_settle (model, image));
      sizes[n] = model->size_bytes;
      kept[n] = g_memdup2 (model->bytes, model->size_bytes);
      assert_int_equal (block_image_close (image), 0);
      assert_true (qemu_img ("snapshot -c number%u %s", n, path));
      image = open_image (path, BLOCK_IMAGE_WRITE);
      DiskModel *larger = disk_model_new (sizes[n] * 3, UINT64_C (1) << bits[i], i + n);
      assert_int_equal (qcow2_resize (image, sizes[n] * 3), 0);
      memcpy (larger->bytes, model->bytes, sizes[n]);
      disk_model_free (model);
      model = larger;
      assert_int_equal (block_image_close (image), 0);
    }
    for (unsigned n = 0; n < 3; n++)
      assert_shows (path, n, kept[n], sizes[n]);
    assert_true (qemu_img ("snapshot -d number1 %s", path));
    assert_shows (path, 0, kept[0], sizes[0]);
    assert_shows (path, 1, kept[2], sizes[2]);
    BlockImage *image = open_image (path, BLOCK_IMAGE_WRITE);
    judge (model, image, path);
    for (unsigned n = 0; n < 3; n++)
      g_free (kept[n]);
    disk_model_free (model);
  }
}

static void
patch (BlockFile *file, uint64_t offset, uint64_t value, unsigned bytes)
{
  value = GUINT64_TO_BE (value);
  assert_int_equal (block_file_write (file, (uint8_t *) &value + 8 - bytes, bytes, offset), 0);
}

enum {
  TABLE_AT = 1 << 20,     // a snapshot table made by hand
  SNAPSHOT_L1 = 17 << 16, // behind it
  SNAPSHOT_END = 18 << 16,
};

// One snapshot of a disk of 1 MiB, whose L1 table has one entry.
static void
add_snapshot (BlockFile *file, uint64_t l1_offset, uint32_t l1_entries, uint64_t disk_bytes,
              uint64_t l1_entry)
{
  patch (file, SNAPSHOT_END - 8, 0, 8);
  patch (file, 60, 1, 4);
  patch (file, 64, TABLE_AT, 8);
  patch (file, TABLE_AT, l1_offset, 8);
  patch (file, TABLE_AT + 8, l1_entries, 4);
  patch (file, TABLE_AT + 12, 0x00010001, 4);
  patch (file, TABLE_AT + 36, 16, 4);
  patch (file, TABLE_AT + 48, disk_bytes, 8);
  assert_int_equal (block_file_write (file, "1s", 2, TABLE_AT + 56), 0);
  patch (file, SNAPSHOT_L1, l1_entry, 8);
}

// A snapshot's numbers are not believed: an error, now or when what they lead to is read.
static void
test_snapshot_damaged (void **state)
{
  static const struct {
    uint64_t l1_offset;
    uint32_t l1_entries;
    uint64_t disk_bytes, l1_entry;
    int show, read;
  } cases[] = {
      {SNAPSHOT_L1, 1, 1 << 20, 0, 0, 0},
      {SNAPSHOT_L1, 1, 0, 0, 0, 0},
      {0, 0, 0, 0, 0, 0},
      {0, 1, 1 << 20, 0, EIO, 0},
      {SNAPSHOT_L1, 0, 1 << 20, 0, EIO, 0},
      {SNAPSHOT_L1, 1, (512 << 20) + 512, 0, EIO, 0},
      {SNAPSHOT_L1, 1, UINT64_MAX, 0, EIO, 0},
      {SNAPSHOT_L1, 1, INT64_MAX, 0, EIO, 0},
      {SNAPSHOT_L1, 8193, 1 << 20, 0, EIO, 0},
      {SNAPSHOT_END, 1, 1 << 20, 0, EIO, 0},
      {UINT64_C (1) << 62, 1, 1 << 20, 0, EIO, 0},
      {UINT64_MAX << 16, 1, 1 << 20, 0, EIO, 0},
      {SNAPSHOT_L1, 1, 1 << 20, 0x200, 0, EIO},                 // not at a cluster
      {SNAPSHOT_L1, 1, 1 << 20, UINT64_C (1) << 40, 0, EIO},    // behind the file
      {SNAPSHOT_L1, 1, 1 << 20, UINT64_C (0x7f) << 56, 0, EIO}, // reserved bits
  };
  const Qcow2CreateOptions options = {.size_bytes = 1 << 20};
  g_autofree char *path = path_of ("damaged.qcow2");
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    uint8_t sector[512];
    struct iovec iov = {sector, sizeof sector};
    create (path, &options);
    BlockFile *file = block_file_open (path, BLOCK_FILE_WRITE, NULL);
    add_snapshot (file, cases[i].l1_offset, cases[i].l1_entries, cases[i].disk_bytes,
                  cases[i].l1_entry);
    block_file_free (file);
    BlockImage *image = open_image (path, 0);
    int code = qcow2_show_snapshot (image, 0);
    if (code == 0 && image->size_bytes > 0)
      code = image->ops->read (image->driver, &iov, 1, 0);
    if (code != MAX (cases[i].show, cases[i].read))
      fail_msg ("case %zu: %s", i, g_strerror (code));
    block_image_free (image);
  }
  // Longer than any disk's, or not at a cluster: the table itself is refused.
  create (path, &options);
  BlockFile *file = block_file_open (path, BLOCK_FILE_WRITE, NULL);
  add_snapshot (file, SNAPSHOT_L1, (32 << 20) / 8 + 1, 1 << 20, 0);
  assert_null (block_image_open (path, BLOCK_FORMAT_QCOW2, BLOCK_IMAGE_UNLOCKED, NULL));
  add_snapshot (file, SNAPSHOT_L1 + 512, 1, 1 << 20, 0);
  assert_null (block_image_open (path, BLOCK_FORMAT_QCOW2, BLOCK_IMAGE_UNLOCKED, NULL));
  add_snapshot (file, SNAPSHOT_L1, 1, 1 << 20, 0);
  patch (file, TABLE_AT + 36, 1025, 4);
  assert_null (block_image_open (path, BLOCK_FORMAT_QCOW2, BLOCK_IMAGE_UNLOCKED, NULL));
  // An older entry, without the disk's size: the disk's own holds.
  add_snapshot (file, SNAPSHOT_L1, 1, 1 << 20, 0);
  patch (file, TABLE_AT + 36, 0, 4);
  BlockImage *image = block_image_open (path, BLOCK_FORMAT_QCOW2, BLOCK_IMAGE_UNLOCKED, NULL);
  assert_non_null (image);
  assert_int_equal (qcow2_show_snapshot (image, 0), 0);
  assert_int_equal (image->size_bytes, 1 << 20);
  block_image_free (image);
  block_file_free (file);
}

static uint64_t
autoclear_of (const char *path)
{
  uint64_t value;
  BlockFile *file = block_file_open (path, BLOCK_FILE_UNLOCKED, NULL);
  assert_int_equal (block_file_read (file, &value, 8, 88), 0);
  block_file_free (file);
  return GUINT64_FROM_BE (value);
}

static bool
lists_bitmap (const char *path)
{
  g_autofree char *command = g_strdup_printf ("qemu-img info -U --output=json %s", path),
                  *out = NULL;
  assert_true (g_spawn_command_line_sync (command, &out, NULL, NULL, NULL));
  return strstr (out, "\"changes\"") != NULL;
}

// A bitmap of what changed says nothing of our writes: before the first of them it is invalid, in the
// file, also when nothing is closed. Only reading leaves it alone.
static void
test_bitmap_ends (void **state)
{
  g_autofree char *tool = g_find_program_in_path ("qemu-img");
  if (tool == NULL)
    skip ();
  const Qcow2CreateOptions options = {.size_bytes = 4 << 20};
  for (unsigned dirty = 0; dirty < 2; dirty++) {
    g_autofree char *path = path_of ("bitmap.qcow2");
    DiskModel *model = disk_model_new (options.size_bytes, 65536, 60 + dirty);
    create (path, &options);
    assert_true (qemu_img ("bitmap --add -f qcow2 %s changes", path));
    assert_int_equal (autoclear_of (path), 1);
    block_image_free (open_image (path, 0));
    assert_clean (path);
    assert_int_equal (autoclear_of (path), 1);
    assert_true (lists_bitmap (path));
    // As a killed QEMU leaves it: opening repairs it too.
    BlockFile *file = block_file_open (path, BLOCK_FILE_WRITE, NULL);
    if (dirty)
      patch (file, 72, 1, 8);
    block_file_free (file);
    BlockImage *image = open_image (path, BLOCK_IMAGE_WRITE);
    assert_int_equal (autoclear_of (path), 0);
    do_random (model, image, 20);
    assert_true (disk_model_settle (model, image));
    assert_int_equal (block_image_close (image), 0);
    assert_int_equal (autoclear_of (path), 0);
    assert_false (lists_bitmap (path));
    // What the bitmap took is lost space, no damage; QEMU finds it.
    assert_true (qemu_img ("check -q -r leaks -f qcow2 %s", path));
    image = open_image (path, BLOCK_IMAGE_WRITE);
    judge (model, image, path);
    disk_model_free (model);
  }
}

static void
test_resize (void **state)
{
  static const struct {
    unsigned cluster_bits;
    uint64_t from, to;
  } cases[] = {{16, 1 << 20, 600 << 20},
               {9, 1 << 20, 40 << 20}, // the L1 table moves
               {9, 64 << 10, 200 << 20},
               {16, 4 << 20, 1 << 20},
               {12, 1 << 20, (1 << 20) - 512}};
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    const Qcow2CreateOptions options = {.size_bytes = cases[i].from,
                                        .cluster_bits = cases[i].cluster_bits};
    g_autofree char *path = path_of ("resize.qcow2");
    uint64_t both = MIN (cases[i].from, cases[i].to);
    DiskModel *model =
        disk_model_new (cases[i].from, UINT64_C (1) << cases[i].cluster_bits, i + 50);
    create (path, &options);
    BlockImage *image = open_image (path, BLOCK_IMAGE_WRITE);
    do_random (model, image, 50);
    assert_true (disk_model_settle (model, image));
    assert_int_equal (qcow2_resize (image, cases[i].to), 0);
    assert_int_equal (image->size_bytes, cases[i].to);
    DiskModel *after = disk_model_new (cases[i].to, UINT64_C (1) << cases[i].cluster_bits, i + 150);
    memcpy (after->bytes, model->bytes, both);
    assert_int_equal (disk_model_compare (after, image), cases[i].to);
    do_random (after, image, 50);
    judge (after, image, path);
    disk_model_free (model);
    disk_model_free (after);
  }
}

// A file that grows until the refcount table has to move, several times.
static void
test_refcount_table_moves (void **state)
{
  const Qcow2CreateOptions options = {.size_bytes = 24 << 20, .cluster_bits = 9};
  g_autofree char *path = path_of ("growing.qcow2");
  DiskModel *model = disk_model_new (options.size_bytes, 512, 3);
  create (path, &options);
  BlockImage *image = open_image (path, BLOCK_IMAGE_WRITE);
  for (uint64_t at = 0; at < options.size_bytes; at += 1 << 20) {
    DiskOp op = {.op = BLOCK_WRITE, .offset = at, .length = 1 << 20, .seed = (uint8_t) (at >> 20)};
    assert_int_equal (disk_model_do (model, image, &op), 0);
    disk_model_apply (model, &op);
  }
  judge (model, image, path);
  disk_model_free (model);
}

// ---------------------------------------------------------------------------------------------

static void
test_refused (void **state)
{
  static const struct {
    unsigned at, bytes;
    uint64_t value;
    const char *says;
  } cases[] = {
      {0, 4, 0x514649fa, "not a qcow2"},
      {4, 4, 4, "version 4"},
      {4, 4, 1, "version 1"},
      {20, 4, 8, "cluster size"},
      {20, 4, 22, "cluster size"},
      {24, 8, UINT64_MAX, "disk size"},
      {24, 8, 1ull << 40, "L1 table is too short"},
      {32, 4, 1, "encrypted"},
      {36, 4, 0x7fffffff, "L1 table"},
      {40, 8, 0x1ffffffffff0000, "L1 table"},
      {40, 8, 0x30200, "L1 table"},
      {48, 8, 3, "refcount table"},
      {56, 4, 0, "refcount table"},
      {56, 4, 0x10000, "refcount table"},
      {60, 4, 0x10001, "snapshot table"},
      {60, 4, 1, "snapshot table"},
      {72, 8, 4, "another file"},
      {72, 8, 1ull << 17, "“17”"},
      {72, 8, 2, "damaged"},
      {72, 8, 8, "compression"},
      {96, 4, 7, "refcount width"},
      {100, 4, 96, "header length"},
      {100, 4, 0x20000, "header length"},
      {104, 1, 1, "compression"},
      {116, 4, 0x20000, "extension"},
  };
  const Qcow2CreateOptions options = {.size_bytes = 8 << 20};
  g_autofree char *path = path_of ("refused.qcow2");
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    uint64_t value = GUINT64_TO_BE (cases[i].value);
    create (path, &options);
    BlockFile *file = block_file_open (path, BLOCK_FILE_WRITE, NULL);
    assert_int_equal (block_file_write (file, (uint8_t *) &value + 8 - cases[i].bytes,
                                        cases[i].bytes, cases[i].at),
                      0);
    block_file_free (file);
    BlockImage *image = block_image_open (path, BLOCK_FORMAT_QCOW2, BLOCK_IMAGE_WRITE, &error);
    if (image != NULL)
      fail_msg ("case %zu was opened", i);
    if (strstr (error->message, cases[i].says) == NULL || strstr (error->message, path) == NULL)
      fail_msg ("case %zu: %s", i, error->message);
  }
}

static void
test_backing_refused (void **state)
{
  static const struct {
    const char *backing, *format;
    bool allow;
    const char *says;
  } cases[] = {
      {"base", "raw", false, "which would be read too"},
      {"nbd:localhost:1", "raw", true, "not the name of a file"},
      {"json:{}", "raw", true, "not the name of a file"},
      {"missing", "raw", true, "no such file"},
      {"base", "dmg", true, "dmg"},
      {"loop.qcow2", "qcow2", true, "itself"},
  };
  g_autofree char *path = path_of ("loop.qcow2"), *base = path_of ("base");
  assert_true (g_file_set_contents (base, "0123456789abcdef", 16, NULL));
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    const Qcow2CreateOptions options = {
        .size_bytes = 1 << 20, .backing = cases[i].backing, .backing_format = cases[i].format};
    g_autoptr (GError) error = NULL;
    create (path, &options);
    assert_null (block_image_open (path, BLOCK_FORMAT_QCOW2,
                                   cases[i].allow ? BLOCK_IMAGE_ALLOW_BACKING : 0, &error));
    if (strstr (error->message, cases[i].says) == NULL)
      fail_msg ("case %zu: %s", i, error->message);
  }
}

// A base whose format is not recorded may itself have no base: its guest may have written all of
// it.
static void
test_guessed_base_has_no_base (void **state)
{
  g_autofree char *top = path_of ("a.qcow2"), *base = path_of ("b"), *secret = path_of ("secret");
  g_autoptr (GError) error = NULL;
  const Qcow2CreateOptions lower = {
      .size_bytes = 1 << 20, .backing = "secret", .backing_format = "raw"};
  const Qcow2CreateOptions upper = {.size_bytes = 1 << 20, .backing = "b"};
  assert_true (g_file_set_contents (secret, "0123456789abcdef", 16, NULL));
  create (base, &lower);
  create (top, &upper);
  assert_null (block_image_open (top, BLOCK_FORMAT_QCOW2, BLOCK_IMAGE_ALLOW_BACKING, &error));
  assert_non_null (strstr (error->message, "does not record its format"));
}

// Writing stops at the first sign that an image's tables are wrong.
static void
test_overlap_is_refused (void **state)
{
  const Qcow2CreateOptions options = {.size_bytes = 1 << 20};
  g_autofree char *path = path_of ("overlap.qcow2");
  uint8_t sector[512] = {1};
  struct iovec iov = {sector, sizeof sector};
  Qcow2Info info;
  create (path, &options);
  BlockImage *image = open_image (path, BLOCK_IMAGE_WRITE);
  assert_int_equal (image->ops->write (image->driver, &iov, 1, 0), 0);
  block_image_free (image);
  // The first cluster of the disk is the refcount table.
  uint64_t l1_offset, l2_offset, entry = GUINT64_TO_BE (0x10000 | 1ull << 63);
  BlockFile *file = block_file_open (path, BLOCK_FILE_WRITE, NULL);
  assert_int_equal (block_file_read (file, &l1_offset, 8, 40), 0);
  assert_int_equal (block_file_read (file, &l2_offset, 8, GUINT64_FROM_BE (l1_offset)), 0);
  l2_offset = GUINT64_FROM_BE (l2_offset) & ~(1ull << 63);
  assert_int_equal (block_file_write (file, &entry, 8, l2_offset), 0);
  block_file_free (file);
  image = open_image (path, BLOCK_IMAGE_WRITE);
  assert_int_equal (image->ops->write (image->driver, &iov, 1, 0), EIO);
  assert_int_equal (image->ops->write (image->driver, &iov, 1, 65536), EIO);
  block_image_free (image);
  image = open_image (path, 0);
  qcow2_get_info (image, &info);
  assert_true (info.corrupt);
  Qcow2Check check = {0};
  assert_int_equal (qcow2_check (image, &check, false), 0);
  assert_true (check.n_corrupt > 0);
  block_image_free (image);
}

// Marked as not closed, with refcounts that say nothing: opening for writing counts anew.
static void
test_dirty_is_repaired (void **state)
{
  static const unsigned bits[] = {9, 12, 16};
  for (size_t i = 0; i < G_N_ELEMENTS (bits); i++) {
    const Qcow2CreateOptions options = {.size_bytes = UINT64_C (600) << bits[i],
                                        .cluster_bits = bits[i]};
    g_autofree char *path = path_of ("dirty.qcow2");
    DiskModel *model = disk_model_new (options.size_bytes, UINT64_C (1) << bits[i], i + 500);
    create (path, &options);
    BlockImage *image = open_image (path, BLOCK_IMAGE_WRITE);
    do_random (model, image, 60);
    assert_true (disk_model_settle (model, image));
    assert_int_equal (block_image_close (image), 0);

    BlockFile *file = block_file_open (path, BLOCK_FILE_WRITE, NULL);
    uint64_t dirty = GUINT64_TO_BE (1), table, block;
    g_autofree uint8_t *zeroes = g_malloc0 (1u << bits[i]);
    assert_int_equal (block_file_write (file, &dirty, 8, 72), 0);
    assert_int_equal (block_file_read (file, &table, 8, 48), 0);
    assert_int_equal (block_file_read (file, &block, 8, GUINT64_FROM_BE (table)), 0);
    assert_int_equal (block_file_write (file, zeroes, 1u << bits[i], GUINT64_FROM_BE (block)), 0);
    block_file_free (file);

    image = open_image (path, BLOCK_IMAGE_WRITE);
    assert_int_equal (disk_model_compare (model, image), model->size_bytes);
    assert_int_equal (block_image_close (image), 0);
    assert_clean (path);
    image = open_image (path, BLOCK_IMAGE_WRITE);
    do_random (model, image, 60);
    judge (model, image, path);
    disk_model_free (model);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_random),
      cmocka_unit_test (test_turns),
      cmocka_unit_test (test_backing),
      cmocka_unit_test (test_snapshot),
      cmocka_unit_test (test_snapshots_shown),
      cmocka_unit_test (test_snapshot_damaged),
      cmocka_unit_test (test_bitmap_ends),
      cmocka_unit_test (test_resize),
      cmocka_unit_test (test_refcount_table_moves),
      cmocka_unit_test (test_refused),
      cmocka_unit_test (test_backing_refused),
      cmocka_unit_test (test_guessed_base_has_no_base),
      cmocka_unit_test (test_overlap_is_refused),
      cmocka_unit_test (test_dirty_is_repaired),
  };
  return cmocka_run_group_tests (tests, set_up, tear_down);
}
