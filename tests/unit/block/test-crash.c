// SPDX-License-Identifier: GPL-3.0-or-later
// A qcow2 image whenever its writer stops: after every single write, after a power cut that let
// any of the unsynced writes through, after a kill, and when writes fail. What was flushed is
// there, and nothing is worse than a leaked cluster.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/block/qcow2/qcow2.h"
#include "tests/support/disk-model.h"
#include "tests/support/mem-file.h"

static const struct Shape {
  unsigned cluster_bits, refcount_order;
  bool version2, extended;
  unsigned clusters, operations;
} shapes[] = {
    {9, 4, false, false, 700, 120}, {9, 6, false, false, 300, 80}, {10, 0, false, false, 200, 80},
    {12, 4, false, false, 60, 80},  {16, 4, false, false, 12, 40}, {9, 4, true, false, 300, 60},
    {14, 4, false, true, 20, 60},
};

static unsigned
dose (unsigned n)
{
  const char *scale = getenv ("TERRARIUM_BLOCK_SCALE");
  return scale != NULL ? n * (unsigned) atoi (scale) : n;
}

static Qcow2CreateOptions
options_of (const struct Shape *shape)
{
  return (Qcow2CreateOptions){
      .size_bytes = (uint64_t) shape->clusters << shape->cluster_bits,
      .cluster_bits = shape->cluster_bits,
      .refcount_order = shape->refcount_order,
      .has_refcount_order = true,
      .version2 = shape->version2,
      .extended_l2 = shape->extended,
  };
}

static DiskModel *
model_of (const struct Shape *shape, uint64_t seed)
{
  return disk_model_new ((uint64_t) shape->clusters << shape->cluster_bits,
                         UINT64_C (1) << shape->cluster_bits, seed);
}

static MemFile *
create (const struct Shape *shape)
{
  Qcow2CreateOptions options = options_of (shape);
  MemFile *mem = mem_file_new ();
  BlockFile *file = mem_file_open (mem);
  assert_int_equal (qcow2_create (file, &options), 0);
  block_file_free (file);
  return mem;
}

static BlockImage *
open_mem (MemFile *mem, bool write)
{
  g_autoptr (GError) error = NULL;
  BlockImage *image =
      qcow2_open (mem_file_open (mem), "mem", write ? BLOCK_IMAGE_WRITE : 0, NULL, &error);
  if (image == NULL)
    fail_msg ("%s", error->message);
  return image;
}

static void
say_fault (void *data, bool corrupt, const char *text)
{
  if (corrupt)
    print_error ("%s\n", text);
}

// ---------------------------------------------------------------------------------------------
// What must be there

// The flushed contents; sectors changed since may be anything that was ever meant to be in them.
static void
forget_change (DiskModel *flushed, const DiskOp *op)
{
  if (op->op == BLOCK_WRITE || op->op == BLOCK_WRITE_ZEROES || op->op == BLOCK_DISCARD)
    memset (flushed->undefined + op->offset / BLOCK_SECTOR_BYTES, 1,
            op->length / BLOCK_SECTOR_BYTES);
}

static void
copy_model (DiskModel *to, const DiskModel *from)
{
  memcpy (to->bytes, from->bytes, from->size_bytes);
  memcpy (to->undefined, from->undefined, from->size_bytes / BLOCK_SECTOR_BYTES);
}

static void
judge (MemFile *mem, DiskModel *flushed, const char *when, unsigned number)
{
  Qcow2Check check = {.fault = say_fault};
  BlockImage *image = open_mem (mem, false);
  Qcow2Info info;
  qcow2_get_info (image, &info);
  assert_false (info.corrupt);
  assert_int_equal (qcow2_check (image, &check, false), 0);
  if (check.n_corrupt > 0)
    fail_msg ("corrupt %s %u", when, number);
  uint64_t where = disk_model_compare (flushed, image);
  if (where != flushed->size_bytes)
    fail_msg ("0x%" PRIx64 " was flushed and is not there %s %u", where, when, number);
  block_image_free (image);
}

// It can be used on: a disk that is full of leaks is still a disk.
static void
use_on (const MemFile *stopped, DiskModel *flushed, uint64_t seed)
{
  MemFile *mem = mem_file_new ();
  DiskModel *model = disk_model_new (flushed->size_bytes, flushed->cluster_bytes, seed);
  mem_file_set (mem, stopped);
  copy_model (model, flushed);
  BlockImage *image = open_mem (mem, true);
  for (unsigned i = 0; i < 10; i++) {
    DiskOp op = disk_model_next (model);
    assert_int_equal (disk_model_do (model, image, &op), 0);
    disk_model_apply (model, &op);
  }
  assert_int_equal (block_image_close (image), 0);
  judge (mem, model, "used on after", (unsigned) seed);
  disk_model_free (model);
  mem_file_free (mem);
}

// ---------------------------------------------------------------------------------------------
// Recording and replaying

typedef struct Step {
  DiskOp op;
  unsigned events_before, events_after; // of the recording
} Step;

// Does random operations on a recorded file.
static GArray *
record (const struct Shape *shape, MemFile *mem, uint64_t seed)
{
  GArray *steps = g_array_new (FALSE, FALSE, sizeof (Step));
  DiskModel *model = model_of (shape, seed);
  BlockImage *image = open_mem (mem, true);
  for (unsigned i = 0; i < shape->operations; i++) {
    Step step = {.op = disk_model_next (model), .events_before = mem->events->len};
    assert_int_equal (disk_model_do (model, image, &step.op), 0);
    disk_model_apply (model, &step.op);
    step.events_after = mem->events->len;
    g_array_append_val (steps, step);
  }
  block_image_free (image);
  disk_model_free (model);
  return steps;
}

typedef struct Replay {
  const GArray *steps;
  DiskModel *model, *flushed;
  unsigned next; // step that has not begun
  unsigned done; // step that is not complete
} Replay;

// The first n events are in the file: what must be there, what may be.
static void
advance (Replay *replay, unsigned n)
{
  for (; replay->next < replay->steps->len; replay->next++) {
    const Step *step = &g_array_index (replay->steps, Step, replay->next);
    if (step->events_before >= n && step->events_after > step->events_before)
      break;
    if (step->events_before > n)
      break;
    disk_model_apply (replay->model, &step->op);
    forget_change (replay->flushed, &step->op);
  }
  for (; replay->done < replay->next; replay->done++) {
    const Step *step = &g_array_index (replay->steps, Step, replay->done);
    if (step->events_after > n)
      break;
    if (step->op.op != BLOCK_FLUSH)
      continue;
    // Everything before it is complete, everything behind it has not begun or touches nothing yet.
    copy_model (replay->flushed, replay->model);
    for (unsigned i = replay->done + 1; i < replay->next; i++)
      forget_change (replay->flushed, &g_array_index (replay->steps, Step, i).op);
  }
}

static Replay
replay_new (const struct Shape *shape, const GArray *steps)
{
  return (Replay){.steps = steps, .model = model_of (shape, 0), .flushed = model_of (shape, 0)};
}

static void
replay_clear (Replay *replay)
{
  disk_model_free (replay->model);
  disk_model_free (replay->flushed);
}

// QEMU's opinion, where it is there: good, or leaks only.
static void
ask_qemu (const char *path)
{
  g_autofree char *tool = g_find_program_in_path ("qemu-img");
  g_autofree char *command = g_strdup_printf ("qemu-img check -f qcow2 %s", path);
  g_autofree char *out = NULL, *err = NULL;
  int status;
  if (tool == NULL)
    return;
  assert_true (g_spawn_command_line_sync (command, &out, &err, &status, NULL));
  if (WEXITSTATUS (status) != 0 && WEXITSTATUS (status) != 3)
    fail_msg ("%s: %s%s", command, out, err);
}

static void
ask_qemu_of (const MemFile *mem)
{
  g_autofree char *path = g_build_filename (g_get_tmp_dir (), "terrarium-prefix-XXXXXX", NULL);
  int fd = g_mkstemp (path);
  assert_true (fd >= 0);
  assert_int_equal (write (fd, mem->bytes->data, mem->bytes->len), mem->bytes->len);
  close (fd);
  ask_qemu (path);
  g_unlink (path);
}

static void
test_every_prefix (void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS (shapes); i++) {
    MemFile *mem = create (&shapes[i]), *now = mem_file_new ();
    mem_file_set (now, mem);
    mem_file_record (mem);
    GArray *steps = record (&shapes[i], mem, i + 1);
    Replay replay = replay_new (&shapes[i], steps);
    for (unsigned n = 0; n < mem->events->len; n++) {
      const MemEvent *event = &g_array_index (mem->events, MemEvent, n);
      mem_file_apply (now, event, event->length);
      advance (&replay, n + 1);
      judge (now, replay.flushed, "after write", n);
      if (n % 50 == 7)
        ask_qemu_of (now);
      if (n % 16 == 0)
        use_on (now, replay.flushed, n);
    }
    replay_clear (&replay);
    g_array_unref (steps);
    mem_file_free (now);
    mem_file_free (mem);
  }
}

// Of what was written since the last sync, some is there, some not, some in part.
static void
cut_power (const MemFile *mem, MemFile *now, unsigned from, unsigned to, DiskModel *random)
{
  for (unsigned n = from; n < to; n++) {
    const MemEvent *event = &g_array_index (mem->events, MemEvent, n);
    uint64_t r = disk_model_random (random), length = event->length;
    if (r % 3 == 0)
      continue;
    if (r % 3 == 1 && event->kind == MEM_WRITE && length > 512)
      length = (r >> 8) % (length / 512) * 512;
    if (length > 0)
      mem_file_apply (now, event, length);
  }
}

static void
test_power_cuts (void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS (shapes); i++) {
    MemFile *mem = create (&shapes[i]), *synced = mem_file_new (), *now = mem_file_new ();
    mem_file_set (synced, mem);
    mem_file_record (mem);
    GArray *steps = record (&shapes[i], mem, i + 100);
    Replay replay = replay_new (&shapes[i], steps);
    unsigned first = 0;
    for (unsigned n = 0; n < mem->events->len; n++) {
      const MemEvent *event = &g_array_index (mem->events, MemEvent, n);
      // What was flushed up to the last sync must survive a cut any time up to the next.
      if (event->kind == MEM_SYNC || n % 8 == 0) {
        DiskModel *expected = model_of (&shapes[i], 0);
        Replay ahead = replay_new (&shapes[i], steps);
        advance (&ahead, first);
        copy_model (expected, ahead.flushed);
        for (unsigned s = 0; s < steps->len; s++) {
          const Step *step = &g_array_index (steps, Step, s);
          if (step->events_after > first && step->events_before < n)
            forget_change (expected, &step->op);
        }
        for (unsigned round = 0; round < dose (3); round++) {
          mem_file_set (now, synced);
          cut_power (mem, now, first, n, ahead.model);
          judge (now, expected, "after a power cut at", n);
        }
        replay_clear (&ahead);
        disk_model_free (expected);
      }
      if (event->kind != MEM_SYNC)
        continue;
      for (; first < n; first++) {
        const MemEvent *before = &g_array_index (mem->events, MemEvent, first);
        mem_file_apply (synced, before, before->length);
      }
      first = n + 1;
    }
    replay_clear (&replay);
    g_array_unref (steps);
    mem_file_free (now);
    mem_file_free (synced);
    mem_file_free (mem);
  }
}

// ---------------------------------------------------------------------------------------------
// Writes that fail

// Does operations while calls fail. What failed is undefined; what a good flush covered is not.
static void
do_with_failures (MemFile *mem, DiskModel *model, DiskModel *flushed, BlockImage *image, unsigned n,
                  bool *flush_failed)
{
  for (unsigned i = 0; i < n; i++) {
    DiskOp op = disk_model_next (model);
    int error = disk_model_do (model, image, &op);
    assert_int_not_equal (error, EBADMSG);
    forget_change (flushed, &op);
    disk_model_apply (model, &op);
    if (error != 0)
      forget_change (model, &op);
    if (error != 0)
      assert_true (mem->failed);
    if (op.op == BLOCK_FLUSH && error == 0)
      copy_model (flushed, model);
    *flush_failed |= op.op == BLOCK_FLUSH && error != 0;
  }
}

// As much as it takes to get to the first call that fails.
static void
do_to_failure (const struct Shape *shape, MemFile *mem, DiskModel *model, DiskModel *flushed,
               BlockImage *image, bool *flush_failed)
{
  do
    do_with_failures (mem, model, flushed, image, shape->operations, flush_failed);
  while (mem->n_calls < mem->fail_from);
}

// The calls from the n-th on fail, once or for a while; afterwards there is room again. The shapes
// share the calls out among them.
static void
test_failing_calls (void **state)
{
  static const struct {
    int error;
    unsigned calls;
  } cases[] = {{ENOSPC, 1}, {ENOSPC, 25}, {EIO, 1}, {EIO, 7}};
  for (size_t i = 0; i < G_N_ELEMENTS (shapes); i++) {
    for (unsigned n = 1; n < dose (40); n++) {
      const struct Shape *shape = &shapes[i];
      unsigned c = n % G_N_ELEMENTS (cases);
      MemFile *mem = create (shape);
      DiskModel *model = model_of (shape, n), *flushed = model_of (shape, n);
      BlockImage *image = open_mem (mem, true);
      bool flush_failed = false;
      mem->n_calls = 0;
      mem->error = cases[c].error;
      mem->fail_from = n * 3 - 2 + i % 3;
      mem->fail_to = mem->fail_from + cases[c].calls - 1;
      do_to_failure (shape, mem, model, flushed, image, &flush_failed);
      mem->failed = false;
      int error = image->ops->flush (image->driver);
      // A sync that failed is never made good by another, and no other is even tried.
      if (mem->sync_failed)
        assert_int_not_equal (error, 0);
      else
        assert_true (error == 0 || mem->failed);
      assert_int_equal (mem->n_syncs_after_failure, 0);
      block_image_free (image);
      judge (mem, error == 0 ? model : flushed, "with call failing", (unsigned) mem->fail_from);
      disk_model_free (model);
      disk_model_free (flushed);
      mem_file_free (mem);
    }
  }
}

// Reads fail too. What cannot be read is not taken for damage.
static void
test_failing_reads (void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS (shapes); i++) {
    for (unsigned n = 1; n < dose (30); n++) {
      const struct Shape *shape = &shapes[i];
      MemFile *mem = create (shape);
      DiskModel *model = model_of (shape, n), *flushed = model_of (shape, n);
      bool flush_failed = false;
      BlockImage *image = open_mem (mem, true);
      do_with_failures (mem, model, flushed, image, 20, &flush_failed);
      assert_int_equal (block_image_close (image), 0);
      copy_model (flushed, model);
      image = open_mem (mem, true);
      mem->n_calls = 0;
      mem->error = EIO;
      mem->reads_too = true;
      mem->fail_from = n * 2;
      mem->fail_to = n * 2 + n % 4;
      do_with_failures (mem, model, flushed, image, shape->operations, &flush_failed);
      block_image_free (image);
      mem->fail_to = 0;
      judge (mem, flushed, "with reads failing from", n * 2);
      disk_model_free (model);
      disk_model_free (flushed);
      mem_file_free (mem);
    }
  }
}

typedef struct Trial {
  const char *name;
  bool (*run) (MemFile *mem, const struct Shape *shape); // whether it worked
  bool leaves_image;                                     // also when it fails
} Trial;

static bool
try_create (MemFile *mem, const struct Shape *shape)
{
  Qcow2CreateOptions options = options_of (shape);
  BlockFile *file = mem_file_open (mem);
  g_byte_array_set_size (mem->bytes, 0);
  int error = qcow2_create (file, &options);
  block_file_free (file);
  return error == 0;
}

static bool
try_resize (MemFile *mem, const struct Shape *shape, uint64_t factor)
{
  BlockImage *image = qcow2_open (mem_file_open (mem), "mem", BLOCK_IMAGE_WRITE, NULL, NULL);
  if (image == NULL)
    return false;
  int error = qcow2_resize (image, image->size_bytes * factor / 4);
  int close_error = block_image_close (image);
  return error == 0 && close_error == 0;
}

static bool
try_grow (MemFile *mem, const struct Shape *shape)
{
  return try_resize (mem, shape, 400);
}

static bool
try_shrink (MemFile *mem, const struct Shape *shape)
{
  return try_resize (mem, shape, 2);
}

// Marked as not closed and with a block that counts nothing.
static bool
try_repair (MemFile *mem, const struct Shape *shape)
{
  uint64_t table, block;
  if (shape->version2)
    return true;
  memcpy (&table, mem->bytes->data + 48, 8);
  memcpy (&block, mem->bytes->data + GUINT64_FROM_BE (table), 8);
  memset (mem->bytes->data + GUINT64_FROM_BE (block), 0, 1u << shape->cluster_bits);
  mem->bytes->data[79] |= 1;
  BlockImage *image = qcow2_open (mem_file_open (mem), "mem", BLOCK_IMAGE_WRITE, NULL, NULL);
  bool ok = image != NULL;
  if (ok)
    ok = block_image_close (image) == 0;
  return ok;
}

static bool
try_check (MemFile *mem, const struct Shape *shape)
{
  Qcow2Check check = {0};
  BlockImage *image = qcow2_open (mem_file_open (mem), "mem", 0, NULL, NULL);
  bool ok = image != NULL && qcow2_check (image, &check, false) == 0;
  block_image_free (image);
  return ok && check.n_corrupt == 0 && check.n_leaked == 0;
}

// The disk as far as it still goes: what was not cut off is there.
static void
judge_trial (MemFile *mem, const Trial *trial, const DiskModel *model, unsigned n)
{
  Qcow2Check check = {.fault = say_fault};
  BlockImage *image = open_mem (mem, false);
  DiskModel *there = disk_model_new (MIN (image->size_bytes, model->size_bytes / 2), 512, 0);
  memcpy (there->bytes, model->bytes, there->size_bytes);
  memcpy (there->undefined, model->undefined, there->size_bytes / BLOCK_SECTOR_BYTES);
  assert_int_equal (qcow2_check (image, &check, false), 0);
  if (check.n_corrupt > 0 || disk_model_compare (there, image) != there->size_bytes)
    fail_msg ("%s, call %u fails", trial->name, n);
  disk_model_free (there);
  block_image_free (image);
}

// Each call in turn fails until none is left to fail.
static void
test_failing_trials (void **state)
{
  static const Trial trials[] = {{"create", try_create, false},
                                 {"grow", try_grow, true},
                                 {"shrink", try_shrink, true},
                                 {"repair", try_repair, false},
                                 {"check", try_check, true}};
  for (size_t i = 0; i < G_N_ELEMENTS (shapes) * G_N_ELEMENTS (trials); i++) {
    const struct Shape *shape = &shapes[i / G_N_ELEMENTS (trials)];
    const Trial *trial = &trials[i % G_N_ELEMENTS (trials)];
    MemFile *good = create (shape);
    DiskModel *model = model_of (shape, i), *flushed = model_of (shape, i);
    bool flush_failed = false, ok = false;
    BlockImage *image = open_mem (good, true);
    do_with_failures (good, model, flushed, image, 30, &flush_failed);
    assert_int_equal (block_image_close (image), 0);
    for (unsigned n = 1; !ok; n += n < 60 ? 1 : n / 10) {
      MemFile *mem = mem_file_new ();
      mem_file_set (mem, good);
      mem->error = EIO;
      mem->reads_too = true;
      mem->fail_from = mem->fail_to = n;
      ok = trial->run (mem, shape);
      assert_true (ok || mem->failed);
      ok = ok && !mem->failed;
      mem->fail_to = 0;
      if (ok && trial->run == try_repair)
        assert_true (try_check (mem, shape));
      if (trial->leaves_image)
        judge_trial (mem, trial, model, n);
      mem_file_free (mem);
    }
    disk_model_free (model);
    disk_model_free (flushed);
    mem_file_free (good);
  }
}

// The host is full for good, then there is room: nothing is lost.
static void
test_full_host (void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS (shapes); i++) {
    const struct Shape *shape = &shapes[i];
    MemFile *mem = create (shape);
    DiskModel *model = model_of (shape, i + 9), *flushed = model_of (shape, i + 9);
    BlockImage *image = open_mem (mem, true);
    bool flush_failed = false;
    mem->room = mem->bytes->len + (UINT64_C (5) << shape->cluster_bits);
    do_with_failures (mem, model, flushed, image, shape->operations, &flush_failed);
    assert_true (mem->failed);
    mem->room = 0;
    do_with_failures (mem, model, flushed, image, shape->operations, &flush_failed);
    assert_int_equal (image->ops->flush (image->driver), 0);
    assert_int_equal (disk_model_compare (model, image), model->size_bytes);
    block_image_free (image);
    judge (mem, model, "after the host was full", (unsigned) i);
    disk_model_free (model);
    disk_model_free (flushed);
    mem_file_free (mem);
  }
}

// ---------------------------------------------------------------------------------------------
// Kills

typedef struct Shared {
  uint64_t begun, flushed; // operations; all before `flushed` are flushed
} Shared;

static void
write_until_killed (const char *path, const struct Shape *shape, uint64_t seed, Shared *shared)
{
  DiskModel *model = model_of (shape, seed);
  BlockImage *image = block_image_open (path, BLOCK_FORMAT_QCOW2, BLOCK_IMAGE_WRITE, NULL);
  if (image == NULL)
    _exit (1);
  for (uint64_t i = 0;; i++) {
    DiskOp op = disk_model_next (model);
    __atomic_store_n (&shared->begun, i + 1, __ATOMIC_SEQ_CST);
    if (disk_model_do (model, image, &op) != 0)
      _exit (1);
    disk_model_apply (model, &op);
    if (op.op == BLOCK_FLUSH)
      __atomic_store_n (&shared->flushed, i + 1, __ATOMIC_SEQ_CST);
  }
}

static void
judge_killed (const char *path, const struct Shape *shape, uint64_t seed, const Shared *shared)
{
  DiskModel *model = model_of (shape, seed);
  BlockImage *image = block_image_open (path, BLOCK_FORMAT_QCOW2, 0, NULL);
  Qcow2Check check = {.fault = say_fault};
  assert_non_null (image);
  for (uint64_t i = 0; i < shared->begun; i++) {
    DiskOp op = disk_model_next (model);
    if (i < shared->flushed)
      disk_model_apply (model, &op);
    else
      forget_change (model, &op);
  }
  assert_int_equal (qcow2_check (image, &check, false), 0);
  assert_int_equal (check.n_corrupt, 0);
  assert_int_equal (disk_model_compare (model, image), model->size_bytes);
  block_image_free (image);
  disk_model_free (model);
}

static void
test_kills (void **state)
{
  g_autofree char *path = g_build_filename (g_get_tmp_dir (), "terrarium-kill-XXXXXX", NULL);
  Shared *shared =
      mmap (NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int fd = g_mkstemp (path);
  assert_true (fd >= 0 && shared != MAP_FAILED);
  close (fd);
  for (unsigned i = 0; i < dose (20); i++) {
    const struct Shape *shape = &shapes[i % G_N_ELEMENTS (shapes)];
    Qcow2CreateOptions options = options_of (shape);
    fd = open (path, O_RDWR | O_TRUNC | O_CLOEXEC);
    BlockFile *file = block_file_new_for_fd (fd);
    assert_int_equal (qcow2_create (file, &options), 0);
    block_file_free (file);
    *shared = (Shared){0};
    pid_t child = fork ();
    assert_true (child >= 0);
    if (child == 0)
      write_until_killed (path, shape, i, shared);
    // A moment in its work, not in time.
    int status = 0;
    while (__atomic_load_n (&shared->begun, __ATOMIC_SEQ_CST) < 20 + i * 13 % 300 &&
           waitpid (child, &status, WNOHANG) == 0)
      g_usleep (i * 17 % 200);
    kill (child, SIGKILL);
    waitpid (child, &status, 0);
    assert_true (WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL);
    ask_qemu (path);
    judge_killed (path, shape, i, shared);
  }
  g_unlink (path);
  munmap (shared, sizeof *shared);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_every_prefix),  cmocka_unit_test (test_power_cuts),
      cmocka_unit_test (test_failing_calls), cmocka_unit_test (test_full_host),
      cmocka_unit_test (test_failing_reads), cmocka_unit_test (test_failing_trials),
      cmocka_unit_test (test_kills),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
