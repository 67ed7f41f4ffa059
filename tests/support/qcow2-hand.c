// SPDX-License-Identifier: GPL-3.0-or-later
// qcow2 images changed by hand; see qcow2-hand.h.
#include "tests/support/qcow2-hand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
  CLUSTER_BITS_AT = 20,
  L1_AT = 40,
  REFTABLE_AT = 48,
};

#define OFFSET_MASK UINT64_C (0x00fffffffffffe00)

MemFile *
hand_create (const Qcow2CreateOptions *options)
{
  MemFile *mem = mem_file_new ();
  BlockFile *file = mem_file_open (mem);
  assert_int_equal (qcow2_create (file, options), 0);
  block_file_free (file);
  return mem;
}

BlockImage *
hand_open (MemFile *mem, BlockImageFlags flags)
{
  g_autoptr (GError) error = NULL;
  BlockImage *image = qcow2_open (mem_file_open (mem), "mem", flags, NULL, &error);
  if (image == NULL)
    fail_msg ("%s", error->message);
  return image;
}

void
hand_assert_refused (MemFile *mem, BlockImageFlags flags, const char *says)
{
  g_autoptr (GError) error = NULL;
  assert_null (qcow2_open (mem_file_open (mem), "mem", flags, NULL, &error));
  if (strstr (error->message, says) == NULL)
    fail_msg ("“%s” does not say “%s”", error->message, says);
}

// ---------------------------------------------------------------------------------------------
// Numbers

uint64_t
hand_get (const MemFile *mem, uint64_t at, unsigned bytes)
{
  uint64_t value = 0;
  assert_true (at + bytes <= mem->bytes->len);
  for (unsigned i = 0; i < bytes; i++)
    value = value << 8 | mem->bytes->data[at + i];
  return value;
}

void
hand_put_bytes (MemFile *mem, uint64_t at, const void *bytes, size_t length)
{
  const MemEvent event = {MEM_WRITE, at, length, (uint8_t *) bytes};
  mem_file_apply (mem, &event, length);
}

void
hand_put (MemFile *mem, uint64_t at, uint64_t value, unsigned bytes)
{
  uint64_t wire = GUINT64_TO_BE (value);
  hand_put_bytes (mem, at, (uint8_t *) &wire + sizeof wire - bytes, bytes);
}

uint64_t
hand_block (const MemFile *mem)
{
  return hand_get (mem, hand_get (mem, REFTABLE_AT, 8), 8);
}

uint64_t
hand_l1 (const MemFile *mem)
{
  return hand_get (mem, L1_AT, 8);
}

uint64_t
hand_l2 (const MemFile *mem, unsigned i)
{
  return hand_get (mem, hand_l1 (mem) + 8 * i, 8) & OFFSET_MASK;
}

void
hand_count (MemFile *mem, uint64_t cluster, uint16_t refcount)
{
  hand_put (mem, hand_block (mem) + 2 * cluster, refcount, 2);
}

uint64_t
hand_add_cluster (MemFile *mem)
{
  unsigned bits = (unsigned) hand_get (mem, CLUSTER_BITS_AT, 4);
  uint64_t cluster = (mem->bytes->len + (UINT64_C (1) << bits) - 1) >> bits;
  hand_put (mem, ((cluster + 1) << bits) - 1, 0, 1);
  hand_count (mem, cluster, 1);
  return cluster << bits;
}

// ---------------------------------------------------------------------------------------------
// The disk

int
hand_fill (BlockImage *image, uint64_t offset, uint64_t length, uint8_t value)
{
  g_autofree uint8_t *bytes = g_malloc (length);
  const struct iovec iov = {bytes, length};
  memset (bytes, value, length);
  return image->ops->write (image->driver, &iov, 1, offset);
}

int
hand_expect (BlockImage *image, uint64_t offset, uint64_t length, uint8_t value)
{
  g_autofree uint8_t *bytes = g_malloc (length);
  const struct iovec iov = {bytes, length};
  memset (bytes, ~value, length);
  int error = image->ops->read (image->driver, &iov, 1, offset);
  for (uint64_t i = 0; i < length && error == 0; i++)
    error = bytes[i] == value ? 0 : EBADMSG;
  return error;
}

// ---------------------------------------------------------------------------------------------
// Verdicts

HandVerdict
hand_check (MemFile *mem)
{
  Qcow2Check check = {0};
  BlockImage *image = qcow2_open (mem_file_open (mem), "mem", BLOCK_IMAGE_NO_BACKING, NULL, NULL);
  if (image == NULL)
    return HAND_REFUSED;
  int error = qcow2_check (image, &check, false);
  block_image_free (image);
  if (error != 0)
    return HAND_REFUSED;
  return check.n_corrupt > 0 ? HAND_CORRUPT : check.n_leaked > 0 ? HAND_LEAKED : HAND_CLEAN;
}

HandVerdict
hand_ask_qemu (const MemFile *mem)
{
  static const HandVerdict verdicts[] = {HAND_CLEAN, HAND_REFUSED, HAND_CORRUPT, HAND_LEAKED};
  g_autofree char *tool = g_find_program_in_path ("qemu-img");
  g_autofree char *path = g_build_filename (g_get_tmp_dir (), "terrarium-hand-XXXXXX", NULL);
  char *const command[] = {tool, "check", "-q", "-f", "qcow2", path, NULL};
  int status;
  if (tool == NULL)
    return HAND_UNKNOWN;
  int fd = g_mkstemp (path);
  assert_true (fd >= 0);
  assert_int_equal (write (fd, mem->bytes->data, mem->bytes->len), mem->bytes->len);
  close (fd);
  bool ran = g_spawn_sync (NULL, (char **) command, NULL,
                           G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
                           NULL, NULL, &status, NULL);
  g_unlink (path);
  assert_true (ran && WIFEXITED (status) && WEXITSTATUS (status) < (int) G_N_ELEMENTS (verdicts));
  return verdicts[WEXITSTATUS (status)];
}
