// SPDX-License-Identifier: GPL-3.0-or-later
// See cfi-journal.h.
#include "engine/hw/cfi-journal.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum {
  SHA256_BYTES = 32,
  BLOCK = CFI_FLASH_BLOCK_BYTES,
  BANK = CFI_FLASH_BANK_BYTES,
};

typedef struct Header {
  char magic[8];
  uint32_t n_blocks;
  uint32_t blocks[CFI_JOURNAL_BLOCKS];
  uint8_t digest[SHA256_BYTES];
  uint8_t reserved[CFI_JOURNAL_HEADER_BYTES - 12 - 4 * CFI_JOURNAL_BLOCKS - SHA256_BYTES];
} Header;
static_assert (sizeof (Header) == CFI_JOURNAL_HEADER_BYTES, "as on the disk");

static const char magic[8] = {'T', 'e', 'r', 'r', 'N', 'v', 'J', '1'};

static uint64_t
total_bytes (unsigned n)
{
  return BANK + CFI_JOURNAL_HEADER_BYTES + (uint64_t) n * BLOCK;
}

bool
cfi_journal_fits (uint64_t file_bytes)
{
  return file_bytes >= total_bytes (1) && file_bytes <= total_bytes (CFI_JOURNAL_BLOCKS) &&
         (file_bytes - total_bytes (0)) % BLOCK == 0;
}

static void
make_digest (const Header *header, const CfiImage *images, unsigned n, uint8_t *digest)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  gsize length = SHA256_BYTES;

  g_checksum_update (sum, (const guchar *) header, offsetof (Header, digest));
  for (unsigned i = 0; i < n; i++)
    g_checksum_update (sum, images[i].bytes, BLOCK);
  g_checksum_get_digest (sum, digest, &length);
}

// ---- writing --------------------------------------------------------------------------------

static int
put (BlockFile *file, const CfiImage *images, unsigned n)
{
  Header header = {.n_blocks = GUINT32_TO_LE (n)};
  struct iovec iov[1 + CFI_JOURNAL_BLOCKS] = {{&header, sizeof header}};

  memcpy (header.magic, magic, sizeof magic);
  for (unsigned i = 0; i < n; i++) {
    header.blocks[i] = GUINT32_TO_LE (images[i].block);
    iov[1 + i] = (struct iovec){images[i].bytes, BLOCK};
  }
  make_digest (&header, images, n, header.digest);
  return block_file_writev (file, iov, 1 + n, BANK);
}

int
cfi_journal_write (BlockFile *file, const CfiImage *images, unsigned n)
{
  g_assert (n >= 1 && n <= CFI_JOURNAL_BLOCKS);
  // First, so that what a loss of power leaves of it is all there or begins with zeroes.
  int error = block_file_set_size (file, total_bytes (n));

  if (error == EINVAL || error == EPERM)
    return EOPNOTSUPP; // a device, or sealed
  if (error == 0)
    error = put (file, images, n);
  if (error == 0)
    return block_file_sync (file);
  block_file_set_size (file, BANK); // its room is free again, as far as that goes
  return error;
}

int
cfi_journal_apply (BlockFile *file, const CfiImage *images, unsigned n)
{
  for (unsigned i = 0; i < n; i++) {
    int error = block_file_write (file, images[i].bytes, BLOCK, (uint64_t) images[i].block * BLOCK);

    if (error != 0)
      return error;
  }
  return block_file_sync (file);
}

// On the disk before anything else is written: what it says must not come back later.
int
cfi_journal_remove (BlockFile *file)
{
  int error = block_file_set_size (file, BANK);

  return error != 0 ? error : block_file_sync (file);
}

// ---- finding one ----------------------------------------------------------------------------

static bool
is_zero (const Header *header)
{
  static const Header zero;

  return memcmp (header, &zero, sizeof zero) == 0;
}

// `*n` blocks, all within the bank; none: it is torn.
static void
parse (const Header *header, uint64_t file_bytes, CfiImage *images, unsigned *n)
{
  uint32_t count = GUINT32_FROM_LE (header->n_blocks);

  *n = 0;
  if (count < 1 || count > CFI_JOURNAL_BLOCKS || file_bytes != total_bytes (count))
    return;
  for (unsigned i = 0; i < count; i++) {
    images[i].block = GUINT32_FROM_LE (header->blocks[i]);
    if (images[i].block >= BANK / BLOCK)
      return;
  }
  *n = count;
}

// Into `bytes`; `*complete`: it is what was meant.
static int
read_images (BlockFile *file, const Header *header, CfiImage *images, unsigned n, uint8_t *bytes,
             bool *complete)
{
  uint8_t digest[SHA256_BYTES];
  int error = block_file_read (file, bytes, (size_t) n * BLOCK, total_bytes (0));

  for (unsigned i = 0; i < n; i++)
    images[i].bytes = bytes + (size_t) i * BLOCK;
  make_digest (header, images, n, digest);
  *complete = error == 0 && n > 0 && memcmp (digest, header->digest, sizeof digest) == 0;
  return error;
}

int
cfi_journal_replay (BlockFile *file)
{
  uint64_t file_bytes;
  Header header;
  CfiImage images[CFI_JOURNAL_BLOCKS];
  unsigned n;
  bool complete;
  int error = block_file_get_size (file, &file_bytes);

  if (error != 0 || !cfi_journal_fits (file_bytes))
    return error;
  error = block_file_read (file, &header, sizeof header, BANK);
  if (error != 0)
    return error;
  if (memcmp (header.magic, magic, sizeof magic) != 0 && !is_zero (&header))
    return 0;
  parse (&header, file_bytes, images, &n);
  g_autofree uint8_t *bytes = g_malloc0 (MAX (n, 1) * (size_t) BLOCK);
  error = read_images (file, &header, images, n, bytes, &complete);
  if (error == 0 && complete)
    error = cfi_journal_apply (file, images, n);
  return error != 0 ? error : cfi_journal_remove (file);
}
