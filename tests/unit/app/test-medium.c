// SPDX-License-Identifier: GPL-3.0-or-later
// Looking into media: which processors they start, from discs, disks with and without a table, and
// other formats; media that are none, cut short or changed at random.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "app/medium/medium.h"
#include "tests/unit/app/medium-files.h"

#define AARCH64   0xaa64
#define X86_64    0x8664
#define MUTATIONS 2000

typedef struct Room {
  char *folder, *file;
} Room;

static int
set_up (void **state)
{
  Room *room = g_new0 (Room, 1);

  room->folder = g_dir_make_tmp ("terrarium-medium-XXXXXX", NULL);
  room->file = g_build_filename (room->folder, "medium", NULL);
  *state = room;
  return room->folder ? 0 : -1;
}

static int
tear_down (void **state)
{
  Room *room = *state;

  g_unlink (room->file);
  g_rmdir (room->folder);
  g_free (room->file);
  g_free (room->folder);
  g_free (room);
  return 0;
}

static Medium *
look (const Room *room, const void *data, size_t length)
{
  g_autoptr (GError) error = NULL;

  assert_true (g_file_set_contents_full (room->file, data, (gssize) length,
                                         G_FILE_SET_CONTENTS_NONE, 0644, NULL));
  Medium *medium = medium_look (room->file, &error);
  assert_true ((medium != NULL) != (error != NULL));
  return medium;
}

static Medium *
look_at (const Room *room, GByteArray *take)
{
  Medium *medium = look (room, take->data, take->len);

  g_byte_array_unref (take);
  return medium;
}

// ---- loaders --------------------------------------------------------------------------------

static const struct Loader {
  const char *name;
  uint16_t machine;
  unsigned found;
} loaders[] = {
    {"BOOTAA64EFI", AARCH64, MEDIUM_AARCH64},
    {"BOOTX64 EFI", X86_64, MEDIUM_X86_64},
    {"BOOTIA32EFI", 0x014c, MEDIUM_IA32},
    {"BOOTARM EFI", 0x01c2, MEDIUM_ARM},
    {"BOOTRI~1EFI", 0x5064, MEDIUM_RISCV64},
    // Firmware does not start what is called like another processor's, nor what is not called so.
    {"BOOTAA64EFI", X86_64, 0},
    {"BOOTX64 EFI", AARCH64, 0},
    {"GRUBAA64EFI", AARCH64, 0},
    {"BOOTAA64BAK", AARCH64, 0},
    {"BOOTAA64EFI", 0x1234, 0},
};

static void
finds_loaders (void **state)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (loaders); i++) {
    g_autofree uint8_t *fat = medium_make_fat (loaders[i].name, loaders[i].machine);
    g_autoptr (Medium) disc = look_at (*state, medium_make_disc ("VOLUME", fat, 0xef));
    g_autoptr (Medium) gpt = look_at (*state, medium_make_gpt (fat));
    g_autoptr (Medium) mbr = look_at (*state, medium_make_mbr (fat));
    g_autoptr (Medium) bare = look (*state, fat, MEDIUM_FAT_BYTES);

    print_message ("%s for %x\n", loaders[i].name, loaders[i].machine);
    assert_int_equal (disc->disc_loaders, loaders[i].found);
    assert_int_equal (gpt->disk_loaders, loaders[i].found);
    assert_int_equal (mbr->disk_loaders, loaders[i].found);
    assert_true (bare != NULL);
    assert_int_equal (bare->disk_loaders, loaders[i].found);
    assert_int_equal (medium_starts_arm (gpt), loaders[i].found == MEDIUM_AARCH64);
  }
}

static void
describes_discs (void **state)
{
  g_autofree uint8_t *fat = medium_make_fat ("BOOTAA64EFI", AARCH64);
  g_autoptr (Medium) disc = look_at (*state, medium_make_disc ("Some Volume 1.0", fat, 0xef));
  g_autoptr (Medium) silent = look_at (*state, medium_make_disc ("DATA", NULL, 0));
  g_autoptr (Medium) bios = look_at (*state, medium_make_disc ("OLD", fat, 0));

  assert_int_equal (disc->kind, MEDIUM_DISC);
  assert_string_equal (disc->volume_id, "Some Volume 1.0");
  assert_string_equal (disc->system_id, "LINUX");
  assert_string_equal (disc->application_id, "TESTS");
  assert_null (disc->publisher_id);
  assert_int_equal (disc->volume_bytes, disc->size_bytes);
  assert_false (disc->bios);
  assert_int_equal (silent->kind, MEDIUM_DISC);
  assert_int_equal (silent->disc_loaders, 0);
  assert_true (bios->bios);
  assert_int_equal (bios->disc_loaders, 0);
}

static void
describes_disks (void **state)
{
  g_autoptr (Medium) gpt = look_at (*state, medium_make_gpt (NULL));
  g_autoptr (Medium) mbr = look_at (*state, medium_make_mbr (NULL));

  assert_int_equal (gpt->kind, MEDIUM_DISK);
  assert_int_equal (gpt->table, MEDIUM_GPT);
  assert_int_equal (gpt->n_partitions, 1);
  assert_int_equal (mbr->table, MEDIUM_MBR);
  assert_int_equal (mbr->n_partitions, 1);
  assert_false (mbr->bios || medium_starts_arm (mbr) || medium_starts_arm (gpt));
}

static void
names_processors (void **state)
{
  g_autofree char *both = medium_describe_loaders (MEDIUM_AARCH64 | MEDIUM_X86_64);

  assert_string_equal (both, "ARM (64 bits), x86 (64 bits)");
  assert_null (medium_describe_loaders (0));
}

// ---- other formats --------------------------------------------------------------------------

static void
looks_into_qcow2 (void **state)
{
  Room *room = *state;
  const VmImageCreate options = {.format = VM_IMAGE_QCOW2};
  g_autofree uint8_t *fat = medium_make_fat ("BOOTAA64EFI", AARCH64);
  g_autoptr (GByteArray) disk = medium_make_gpt (fat);
  g_autofree char *image = g_build_filename (room->folder, "image", NULL);

  assert_true (g_file_set_contents (room->file, (char *) disk->data, disk->len, NULL));
  assert_true (vm_image_convert (room->file, VM_IMAGE_RAW, false, image, &options, NULL, NULL));
  g_autoptr (Medium) medium = medium_look (image, NULL);
  g_unlink (image);
  assert_non_null (medium);
  assert_int_equal (medium->format, VM_IMAGE_QCOW2);
  assert_int_equal (medium->kind, MEDIUM_DISK);
  assert_int_equal (medium->size_bytes, disk->len);
  assert_true (medium_starts_arm (medium));
  assert_null (medium->backing);
}

// ---- bad input ------------------------------------------------------------------------------

static void
says_what_is_none (void **state)
{
  static const char text[] = "This is a letter, no disk.\n";
  g_autoptr (GError) error = NULL;

  assert_null (look (*state, text, sizeof text - 1));
  assert_null (look (*state, "", 0));
  assert_null (medium_look ("/nonexistent/file", &error));
  assert_non_null (strstr (error->message, "/nonexistent/file"));
  g_clear_error (&error);
  assert_null (medium_look ("/dev/null", &error));
  assert_null (medium_look ("/", NULL));
}

static void
survives_short_ones (void **state)
{
  Room *room = *state;
  g_autofree uint8_t *fat = medium_make_fat ("BOOTAA64EFI", AARCH64);
  g_autoptr (GByteArray) disc = medium_make_disc ("VOLUME", fat, 0xef);

  for (size_t length = 512; length < disc->len; length += 1777) {
    g_autoptr (Medium) medium = look (room, disc->data, length);
    assert_true (!medium || length > 16 * 2048);
  }
}

static void
mutate (const Room *room, const GByteArray *good, GRand *random)
{
  g_autofree uint8_t *bad = g_memdup2 (good->data, good->len);

  // What tells where things are is at the beginning, and in the file system's first sectors.
  for (int n = g_rand_int_range (random, 1, 8); n > 0; n--) {
    guint32 area = g_rand_boolean (random) ? 4096 : good->len;
    bad[g_rand_int (random) % area] = (uint8_t) g_rand_int (random);
  }
  medium_free (look (room, bad, good->len));
}

static void
survives_changed_ones (void **state)
{
  g_autofree uint8_t *fat = medium_make_fat ("BOOTAA64EFI", AARCH64);
  g_autoptr (GByteArray) bare = g_byte_array_new_take (g_memdup2 (fat, 8192), 8192);
  g_autoptr (GByteArray) gpt = medium_make_gpt (fat), mbr = medium_make_mbr (fat);
  GByteArray *all[] = {bare, gpt, mbr};
  GRand *random = g_rand_new_with_seed (5);

  for (unsigned i = 0; i < MUTATIONS; i++)
    mutate (*state, all[i % G_N_ELEMENTS (all)], random);
  g_rand_free (random);
}

// A chain of clusters that leads back, and a table of partitions without end.
static void
survives_circles (void **state)
{
  g_autofree uint8_t *fat = medium_make_fat ("BOOTX64 EFI", X86_64);
  uint8_t *links = fat + 512;

  // Cluster 2 -> 2 (12 bits each, two in three bytes): \EFI never ends, and BOOT is not in it.
  links[3] = 2;
  links[4] = 0;
  g_autoptr (Medium) circle = look (*state, fat, MEDIUM_FAT_BYTES);
  assert_true (!circle || circle->disk_loaders == 0);
  g_autoptr (GByteArray) disk = medium_make_gpt (fat);
  memset (disk->data + 512 + 80, 0xff, 4); // partitions
  g_autoptr (Medium) many = look (*state, disk->data, disk->len);
  assert_non_null (many);
  assert_true (many->n_partitions <= 128);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (finds_loaders, set_up, tear_down),
      cmocka_unit_test_setup_teardown (describes_discs, set_up, tear_down),
      cmocka_unit_test_setup_teardown (describes_disks, set_up, tear_down),
      cmocka_unit_test (names_processors),
      cmocka_unit_test_setup_teardown (looks_into_qcow2, set_up, tear_down),
      cmocka_unit_test_setup_teardown (says_what_is_none, set_up, tear_down),
      cmocka_unit_test_setup_teardown (survives_short_ones, set_up, tear_down),
      cmocka_unit_test_setup_teardown (survives_changed_ones, set_up, tear_down),
      cmocka_unit_test_setup_teardown (survives_circles, set_up, tear_down),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
