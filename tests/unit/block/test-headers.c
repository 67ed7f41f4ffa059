// SPDX-License-Identifier: GPL-3.0-or-later
// The beginning of qcow2 images (§ Header, § Header extensions, § Snapshots): written with every
// option and read again, by QEMU too; damaged number by number; on a host that fails.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "engine/block/qcow2/format.h"
#include "tests/support/qcow2-hand.h"

enum {
  HEADER_BYTES = 112, // of ours
  BACKING_AT = 8,
  SNAPSHOTS_AT = 60,
  FEATURES_AT = 72,
};

static int
create (MemFile *mem, const Qcow2CreateOptions *options)
{
  BlockFile *file = mem_file_open (mem);
  int error = qcow2_create (file, options);
  block_file_free (file);
  return error;
}

// ---------------------------------------------------------------------------------------------
// Making

// So large a disk that its L1 table takes refcount blocks of its own, with each width: all are
// counted.
static void
test_large_tables (void **state)
{
  for (unsigned order = 0; order <= 6; order++) {
    const Qcow2CreateOptions options = {.size_bytes = UINT64_C (16) << 30,
                                        .cluster_bits = 9,
                                        .refcount_order = order,
                                        .has_refcount_order = true};
    MemFile *mem = hand_create (&options);
    assert_int_equal (hand_check (mem), HAND_CLEAN);
    HandVerdict theirs = order % 3 == 0 ? hand_ask_qemu (mem) : HAND_UNKNOWN;
    assert_true (theirs == HAND_CLEAN || theirs == HAND_UNKNOWN);
    BlockImage *image = hand_open (mem, BLOCK_IMAGE_WRITE);
    assert_int_equal (hand_fill (image, options.size_bytes - 4096, 4096, 8), 0);
    assert_int_equal (block_image_close (image), 0);
    assert_int_equal (hand_check (mem), HAND_CLEAN);
    mem_file_free (mem);
  }
}

// Each call in turn fails: the error comes back, and no file without a header passes for an image.
static void
test_host_fails (void **state)
{
  static const Qcow2CreateOptions all[] = {
      {.size_bytes = 64 << 20, .cluster_bits = 9, .refcount_order = 6, .has_refcount_order = true},
      {.size_bytes = 64 << 20, .backing = "base", .backing_format = "raw"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS (all); i++) {
    bool failed = true;
    for (unsigned n = 1; failed; n++) {
      MemFile *mem = mem_file_new ();
      mem->fail_from = mem->fail_to = n;
      mem->error = n % 2 == 0 ? ENOSPC : EIO;
      int error = create (mem, &all[i]), sync_error = mem->sync_failed ? EIO : 0;
      failed = mem->failed;
      assert_int_equal (error, !failed ? 0 : sync_error != 0 ? sync_error : mem->error);
      // The header is the last thing that is written; a larger one's first half is as good as all.
      if (failed && !mem->sync_failed && i == 0)
        assert_int_equal (hand_check (mem), HAND_REFUSED);
      mem_file_free (mem);
    }
  }
}

// What a cluster has room for fits in; one letter more does not.
static void
test_names (void **state)
{
  static const struct {
    unsigned cluster_bits, name_bytes, format_bytes;
    bool version2;
    int error;
  } cases[] = {
      {16, 1023, 5, false, 0},
      {16, 1024, 5, false, EINVAL},
      {12, 1023, 5, false, 0},
      {9, 512 - HEADER_BYTES - 16 - 8, 5, false, 0},
      {9, 512 - HEADER_BYTES - 16 - 8 + 1, 5, false, EINVAL},
      {9, 512 - 72 - 16 - 8, 5, true, 0},
      {9, 512 - 72 - 16 - 8 + 1, 5, true, EINVAL},
      {9, 512 - HEADER_BYTES - 8, 0, false, 0}, // its format is not recorded
      {9, 512 - HEADER_BYTES - 7, 0, false, EINVAL},
      {9, 1, 512 - HEADER_BYTES - 8 - 8 - 1, false, EINVAL},
      {9, 1, 512 - HEADER_BYTES - 8 - 7, false, EINVAL},
      {9, 1, 512, false, EINVAL},
      {12, 1, 4096 - HEADER_BYTES - 8 - 200, false, EINVAL}, // no room for names of features
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *name = g_strnfill (cases[i].name_bytes, 'n');
    g_autofree char *format = g_strnfill (cases[i].format_bytes, 'f');
    const Qcow2CreateOptions options = {.size_bytes = 1 << 20,
                                        .cluster_bits = cases[i].cluster_bits,
                                        .version2 = cases[i].version2,
                                        .backing = name,
                                        .backing_format = *format != '\0' ? format : NULL};
    Qcow2Info info;
    MemFile *mem = mem_file_new ();
    if (create (mem, &options) != cases[i].error)
      fail_msg ("case %zu", i);
    if (cases[i].error == 0) {
      BlockImage *image = hand_open (mem, BLOCK_IMAGE_NO_BACKING);
      qcow2_get_info (image, &info);
      assert_string_equal (info.backing, name);
      if (*format != '\0')
        assert_string_equal (info.backing_format, format);
      else
        assert_null (info.backing_format);
      block_image_free (image);
    }
    mem_file_free (mem);
  }
}

// ---------------------------------------------------------------------------------------------
// Damage

static void
test_numbers (void **state)
{
  static const struct {
    unsigned at, bytes;
    uint64_t value;
    const char *says; // NULL: it is opened
  } cases[] = {
      {100, 4, 108, "header length"},
      {40, 8, UINT64_C (1) << 62, "L1 table"},
      {40, 8, 0, "L1 table"},
      {48, 8, 0, "refcount table"},
      {48, 8, UINT64_C (1) << 62, "refcount table"},
      {64, 8, UINT64_C (1) << 62, NULL}, // there are no snapshots
      {FEATURES_AT, 8, 16, "subclusters"},
      {BACKING_AT, 8, 200, NULL},   // of no length
      {BACKING_AT + 8, 4, 5, NULL}, // nowhere
      {104, 1, 2, "compression"},
      {72, 8, UINT64_C (1) << 63, "“63”"},
  };
  const Qcow2CreateOptions options = {.size_bytes = 1 << 20, .cluster_bits = 9};
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    MemFile *mem = hand_create (&options);
    hand_put (mem, cases[i].at, cases[i].value, cases[i].bytes);
    if (cases[i].says != NULL)
      hand_assert_refused (mem, 0, cases[i].says);
    else
      block_image_free (hand_open (mem, 0));
    mem_file_free (mem);
  }
}

static void
test_backing_names (void **state)
{
  static const struct {
    uint64_t at;
    uint32_t length;
    bool good;
  } cases[] = {
      {400, 4, true},           {508, 4, true},
      {400, 1024, false},       {513, 1, false},
      {UINT64_MAX, 4, false},   {509, 4, false},
      {396, 8, false}, // a 0 in it
      {400, UINT32_MAX, false}, {UINT64_MAX - 1, 2, false},
  };
  const Qcow2CreateOptions options = {.size_bytes = 1 << 20, .cluster_bits = 9};
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    Qcow2Info info;
    MemFile *mem = hand_create (&options);
    memset (mem->bytes->data + 400, 'b', 112);
    hand_put (mem, BACKING_AT, cases[i].at, 8);
    hand_put (mem, BACKING_AT + 8, cases[i].length, 4);
    if (cases[i].good) {
      BlockImage *image = hand_open (mem, BLOCK_IMAGE_NO_BACKING);
      qcow2_get_info (image, &info);
      assert_string_equal (info.backing, "bbbb");
      block_image_free (image);
    } else {
      hand_assert_refused (mem, BLOCK_IMAGE_NO_BACKING, "backing file");
    }
    mem_file_free (mem);
  }
}

typedef struct Extension {
  uint32_t type, length; // as it says
  char bytes[24], at_48[24];
} Extension;

// Extensions one after the other, the way they come: what is known is taken, what is not is left,
// and none reaches out of the first cluster.
static void
test_extensions (void **state)
{
  static const struct {
    Extension extensions[4];
    unsigned feature; // that is set and not known; 0: none
    const char *format, *says;
  } cases[] = {
      {{{QCOW2_EXT_BACKING_FORMAT, 3, "raw"}}, 0, "raw", NULL},
      {{{QCOW2_EXT_BACKING_FORMAT, 0, ""}}, 0, NULL, NULL},
      {{{QCOW2_EXT_BACKING_FORMAT, 3, "raw"}, {QCOW2_EXT_BACKING_FORMAT, 5, "qcow2"}},
       0,
       "raw",
       NULL},
      {{{0x12345678, 8, "whatever"}, {QCOW2_EXT_BACKING_FORMAT, 5, "qcow2"}}, 0, "qcow2", NULL},
      {{{QCOW2_EXT_BITMAPS, 23, ""}, {QCOW2_EXT_BACKING_FORMAT, 3, "raw"}}, 0, "raw", NULL},
      {{{QCOW2_EXT_BITMAPS, 24, ""}, {QCOW2_EXT_BACKING_FORMAT, 3, "raw"}}, 0, "raw", NULL},
      {{{0x12345678, UINT32_MAX, ""}}, 0, NULL, "header extension"},
      {{{0x12345678, 512 - HEADER_BYTES - 8 + 1, ""}}, 0, NULL, "header extension"},
      {{{0x12345678, 512 - HEADER_BYTES - 8, ""}}, 0, NULL, NULL}, // to the cluster's end
      {{{QCOW2_EXT_FEATURE_NAMES, 47, "\0\20of another kind"}}, 16, NULL, "“16”"},
      {{{QCOW2_EXT_FEATURE_NAMES, 48, "\0\20of another kind"}}, 16, NULL, "of another kind"},
      {{{QCOW2_EXT_FEATURE_NAMES, 48, "\0\20of another kind"}}, 17, NULL, "“17”"},
      {{{QCOW2_EXT_FEATURE_NAMES, 48, "\1\21incompatible"}}, 17, NULL, "“17”"},
      {{{0x12345678, 48, "\0\20of another kind"}}, 16, NULL, "“16”"},
      {{{QCOW2_EXT_FEATURE_NAMES, 48, "\1\21incompatible"},
        {QCOW2_EXT_FEATURE_NAMES, 96, "\0\11one", "\0\21second"}},
       17,
       NULL,
       "second"},
      {{{QCOW2_EXT_FEATURE_NAMES, 1000, "\0\20of another kind"}}, 16, NULL, "“16”"},
  };
  const Qcow2CreateOptions options = {.size_bytes = 1 << 20, .cluster_bits = 9};
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    Qcow2Info info;
    MemFile *mem = hand_create (&options);
    uint64_t at = HEADER_BYTES;
    for (const Extension *e = cases[i].extensions; e->type != QCOW2_EXT_END; e++) {
      hand_put (mem, at, e->type, 4);
      hand_put (mem, at + 4, e->length, 4);
      hand_put_bytes (mem, at + 8, e->bytes, sizeof e->bytes);
      hand_put_bytes (mem, at + 8 + 48, e->at_48, sizeof e->at_48);
      at += 8 + ((MIN (e->length, 400) + 7) & ~7u);
    }
    if (at <= 512 - 8)
      hand_put (mem, at, 0, 8);
    if (cases[i].feature != 0)
      hand_put (mem, FEATURES_AT, UINT64_C (1) << cases[i].feature, 8);
    if (cases[i].says != NULL) {
      hand_assert_refused (mem, 0, cases[i].says);
    } else {
      BlockImage *image = hand_open (mem, 0);
      qcow2_get_info (image, &info);
      assert_true (g_strcmp0 (info.backing_format, cases[i].format) == 0);
      block_image_free (image);
    }
    mem_file_free (mem);
  }
}

// Of every length up to that of the image: refused, or opened and read, never more.
static void
test_cut_short (void **state)
{
  const Qcow2CreateOptions options = {.size_bytes = 1 << 20, .cluster_bits = 9};
  MemFile *mem = hand_create (&options);
  BlockImage *image = hand_open (mem, BLOCK_IMAGE_WRITE);
  assert_int_equal (hand_fill (image, 0, 4096, 9), 0);
  assert_int_equal (block_image_close (image), 0);
  for (uint64_t length = mem->bytes->len; length-- > 0; length -= length > 600 ? 100 : 0) {
    g_byte_array_set_size (mem->bytes, (guint) length);
    image = qcow2_open (mem_file_open (mem), "mem", 0, NULL, NULL);
    assert_true (image == NULL || length > 512);
    if (image != NULL)
      hand_expect (image, 0, 1 << 20, 0);
    block_image_free (image);
    HandVerdict verdict = hand_check (mem);
    assert_true (verdict == HAND_CORRUPT || verdict == HAND_REFUSED ||
                 length > mem->bytes->len - 512);
  }
  mem_file_free (mem);
}

// ---------------------------------------------------------------------------------------------
// Snapshots

enum {
  TABLE_AT = 4 << 16, // behind the image
  L1_AT = 5 << 16,
  STATE32_AT = 32,
};

typedef struct Entry {
  uint32_t extra_bytes, state32;
  uint64_t state64, disk_bytes;
  const char *id, *name;
} Entry;

// The length of the entry.
static uint64_t
put_entry (MemFile *mem, uint64_t at, const Entry *entry)
{
  size_t id_bytes = strlen (entry->id), name_bytes = strlen (entry->name);
  hand_put (mem, at, L1_AT, 8);
  hand_put (mem, at + 8, 1, 4);
  hand_put (mem, at + 12, id_bytes, 2);
  hand_put (mem, at + 14, name_bytes, 2);
  hand_put (mem, at + 16, 1234567, 4);
  hand_put (mem, at + STATE32_AT, entry->state32, 4);
  hand_put (mem, at + 36, entry->extra_bytes, 4);
  if (entry->extra_bytes >= 8)
    hand_put (mem, at + 40, entry->state64, 8);
  if (entry->extra_bytes >= 16)
    hand_put (mem, at + 48, entry->disk_bytes, 8);
  at += 40 + entry->extra_bytes;
  hand_put_bytes (mem, at, entry->id, MAX (id_bytes, 1));
  hand_put_bytes (mem, at + id_bytes, entry->name, MAX (name_bytes, 1));
  return (40 + entry->extra_bytes + id_bytes + name_bytes + 7) & ~UINT64_C (7);
}

// Entries as different versions of QEMU write them.
static const Entry entries[] = {
    {1024, 0, 9, 1 << 20, "", ""},
    {0, 77, 0, 0, "1", "old"},
    {8, 77, UINT64_C (5) << 32, 0, "2", "a little"},
    {16, 77, 0, 2 << 20, "3", "all there is"},
    {24, 0, 9, 1 << 20, "4", "more than we know"},
};

static MemFile *
make_snapshots (void)
{
  const Qcow2CreateOptions options = {.size_bytes = 1 << 20};
  MemFile *mem = hand_create (&options);
  uint64_t at = TABLE_AT;
  assert_int_equal (hand_add_cluster (mem), TABLE_AT);
  assert_int_equal (hand_add_cluster (mem), L1_AT);
  hand_count (mem, L1_AT >> 16, G_N_ELEMENTS (entries));
  for (size_t i = 0; i < G_N_ELEMENTS (entries); i++)
    at += put_entry (mem, at, &entries[i]);
  hand_put (mem, SNAPSHOTS_AT, G_N_ELEMENTS (entries), 4);
  hand_put (mem, SNAPSHOTS_AT + 4, TABLE_AT, 8);
  return mem;
}

static void
test_snapshot_list (void **state)
{
  static const uint64_t states[] = {9, 77, UINT64_C (5) << 32, 77, 9};
  static const uint64_t disks[] = {1 << 20, 1 << 20, 1 << 20, 2 << 20, 1 << 20};
  MemFile *mem = make_snapshots ();
  assert_int_equal (hand_check (mem), HAND_CLEAN);
  for (unsigned i = 0; i < G_N_ELEMENTS (entries); i++) {
    Qcow2Info info;
    BlockImage *image = hand_open (mem, 0);
    qcow2_get_info (image, &info);
    assert_int_equal (info.n_snapshots, G_N_ELEMENTS (entries));
    assert_string_equal (info.snapshots[i].id, entries[i].id);
    assert_string_equal (info.snapshots[i].name, entries[i].name);
    assert_int_equal (info.snapshots[i].seconds, 1234567);
    assert_int_equal (info.snapshots[i].state_bytes, states[i]);
    assert_int_equal (info.snapshots[i].disk_bytes, disks[i]);
    assert_int_equal (qcow2_show_snapshot (image, i), 0);
    assert_int_equal (image->size_bytes, disks[i]);
    assert_int_equal (hand_expect (image, 0, disks[i], 0), 0);
    block_image_free (image);
  }
  // What was kept must not be cut, and longer it may become.
  BlockImage *image = hand_open (mem, BLOCK_IMAGE_WRITE);
  assert_int_equal (qcow2_resize (image, 1 << 19), EBUSY);
  assert_int_equal (qcow2_resize (image, 3 << 20), 0);
  assert_int_equal (qcow2_resize (image, UINT64_C (1) << 60), EFBIG);
  assert_int_equal (block_image_close (image), 0);
  assert_int_equal (hand_check (mem), HAND_CLEAN);
  mem_file_free (mem);
}

// Cut off anywhere in the table, or the host cannot read it: no disk, and no crash.
static void
test_snapshot_table_cut (void **state)
{
  MemFile *good = make_snapshots (), *mem = mem_file_new ();
  uint64_t length = TABLE_AT;
  for (size_t i = 0; i < G_N_ELEMENTS (entries); i++)
    length += put_entry (good, length, &entries[i]);
  for (uint64_t cut = TABLE_AT; cut < length; cut++) {
    mem_file_set (mem, good);
    g_byte_array_set_size (mem->bytes, (guint) cut);
    BlockImage *image = qcow2_open (mem_file_open (mem), "mem", 0, NULL, NULL);
    assert_true (image == NULL || cut > length - 8); // but for what fills up the last entry
    block_image_free (image);
  }
  bool failed = true;
  mem_file_set (mem, good);
  mem->reads_too = true;
  mem->error = ENODEV;
  for (unsigned n = 1; failed; n++) {
    mem->n_calls = 0;
    mem->failed = false;
    mem->fail_from = mem->fail_to = n;
    BlockImage *image = qcow2_open (mem_file_open (mem), "mem", 0, NULL, NULL);
    failed = mem->failed;
    assert_true ((image == NULL) == failed);
    block_image_free (image);
  }
  mem->fail_to = 0;
  BlockImage *image = hand_open (mem, 0);
  mem->n_calls = 0;
  mem->fail_from = mem->fail_to = 1;
  assert_int_equal (qcow2_show_snapshot (image, 0), ENODEV);
  block_image_free (image);
  mem_file_free (good);
  mem_file_free (mem);
}

// A table of its own that is behind the end: the disk is good, the snapshot is not.
static void
test_snapshot_behind_the_end (void **state)
{
  static const uint64_t places[] = {6 << 16, UINT64_C (1) << 40, UINT64_C (0xffff) << 48};
  for (size_t i = 0; i < G_N_ELEMENTS (places); i++) {
    MemFile *mem = make_snapshots ();
    hand_put (mem, TABLE_AT, places[i], 8);
    assert_int_equal (hand_check (mem), HAND_CORRUPT);
    assert_true (hand_ask_qemu (mem) != HAND_CLEAN);
    BlockImage *image = hand_open (mem, 0);
    assert_int_equal (qcow2_show_snapshot (image, 0), EIO);
    block_image_free (image);
    image = hand_open (mem, 0);
    assert_int_equal (qcow2_show_snapshot (image, 1), 0);
    block_image_free (image);
    mem_file_free (mem);
  }
}

// Names of which each may be as long as it is, but not all of them.
static void
test_long_names (void **state)
{
  for (unsigned n = 127; n <= 128; n++) {
    const Qcow2CreateOptions options = {.size_bytes = 1 << 20};
    g_autofree char *text = g_strnfill (65535, 't');
    const Entry entry = {.id = text, .name = text};
    MemFile *mem = hand_create (&options);
    uint64_t at = TABLE_AT;
    hand_put (mem, TABLE_AT + (n + 1) * 131112 + L1_AT, 0, 1);
    for (unsigned i = 0; i < n; i++)
      at += put_entry (mem, at, &entry);
    hand_put (mem, SNAPSHOTS_AT, n, 4);
    hand_put (mem, SNAPSHOTS_AT + 4, TABLE_AT, 8);
    if (at - TABLE_AT <= 16 << 20)
      block_image_free (hand_open (mem, 0));
    else
      hand_assert_refused (mem, 0, "snapshot table");
    mem_file_free (mem);
  }
}

// Snapshots of version 2 do not say how large the disk was: it stays as it is.
static void
test_old_snapshots (void **state)
{
  const Qcow2CreateOptions options = {.size_bytes = 1 << 20, .version2 = true};
  MemFile *mem = hand_create (&options);
  assert_int_equal (hand_add_cluster (mem), TABLE_AT);
  assert_int_equal (hand_add_cluster (mem), L1_AT);
  put_entry (mem, TABLE_AT, &entries[1]);
  hand_put (mem, SNAPSHOTS_AT, 1, 4);
  hand_put (mem, SNAPSHOTS_AT + 4, TABLE_AT, 8);
  BlockImage *image = hand_open (mem, BLOCK_IMAGE_WRITE);
  assert_int_equal (qcow2_resize (image, 2 << 20), EBUSY);
  assert_int_equal (qcow2_resize (image, 1 << 19), EBUSY);
  assert_int_equal (qcow2_resize (image, 1 << 20), 0);
  assert_int_equal (block_image_close (image), 0);
  assert_int_equal (hand_check (mem), HAND_CLEAN);
  mem_file_free (mem);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_large_tables),
      cmocka_unit_test (test_host_fails),
      cmocka_unit_test (test_names),
      cmocka_unit_test (test_numbers),
      cmocka_unit_test (test_backing_names),
      cmocka_unit_test (test_extensions),
      cmocka_unit_test (test_cut_short),
      cmocka_unit_test (test_snapshot_list),
      cmocka_unit_test (test_snapshot_table_cut),
      cmocka_unit_test (test_long_names),
      cmocka_unit_test (test_old_snapshots),
      cmocka_unit_test (test_snapshot_behind_the_end),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
