// SPDX-License-Identifier: GPL-3.0-or-later
// The header of a qcow2 image and its extensions: read with every number bounded before anything
// is made of it, and changed field by field (each within one sector, so that a change is whole or
// not there).
//
// Threads: reading while the image is opened; writing under the image's lock.
#include <errno.h>
#include <gio/gio.h>
#include <glib/gi18n.h>
#include <stddef.h>
#include <string.h>

#include "engine/block/qcow2/priv.h"

enum {
  SNAPSHOTS_MAX = 65536,
  BACKING_NAME_MAX = 1023,
  FEATURE_BYTES = 48,
  KNOWN_INCOMPATIBLE = QCOW2_INCOMPATIBLE_DIRTY | QCOW2_INCOMPATIBLE_CORRUPT |
                       QCOW2_INCOMPATIBLE_DATA_FILE | QCOW2_INCOMPATIBLE_COMPRESSION |
                       QCOW2_INCOMPATIBLE_EXTENDED_L2,
};

// The first cluster, or what there is of it.
typedef struct Head {
  uint8_t *bytes;
  size_t length;
} Head;

bool
qcow2_refuse (const char *path, GError **error, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *why = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, _ ("Could not use the disk “%s”: %s."), path,
               why);
  return false;
}

static bool
refuse_damaged (const char *path, GError **error, const char *what)
{
  return qcow2_refuse (path, error, _ ("it is damaged (%s); take a copy made before"), what);
}

// ---------------------------------------------------------------------------------------------
// The fixed part

static void
take_wire (Qcow2Header *header, const Qcow2Wire *wire)
{
  *header = (Qcow2Header){
      .version = GUINT32_FROM_BE (wire->version),
      .cluster_bits = GUINT32_FROM_BE (wire->cluster_bits),
      .refcount_order = 4,
      .header_bytes = QCOW2_V2_HEADER_BYTES,
      .size = GUINT64_FROM_BE (wire->size),
      .l1_offset = GUINT64_FROM_BE (wire->l1_offset),
      .l1_entries = GUINT32_FROM_BE (wire->l1_entries),
      .reftable_offset = GUINT64_FROM_BE (wire->reftable_offset),
      .reftable_clusters = GUINT32_FROM_BE (wire->reftable_clusters),
      .snapshots_offset = GUINT64_FROM_BE (wire->snapshots_offset),
      .n_snapshots = GUINT32_FROM_BE (wire->n_snapshots),
  };
  if (header->version < 3)
    return;
  header->incompatible = GUINT64_FROM_BE (wire->incompatible);
  header->compatible = GUINT64_FROM_BE (wire->compatible);
  header->autoclear = GUINT64_FROM_BE (wire->autoclear);
  header->refcount_order = GUINT32_FROM_BE (wire->refcount_order);
  header->header_bytes = GUINT32_FROM_BE (wire->header_bytes);
  if (header->header_bytes > offsetof (Qcow2Wire, compression))
    header->compression = wire->compression;
}

static bool
check_form (const Qcow2Header *header, const char *path, GError **error)
{
  if (header->version != 2 && header->version != 3)
    return qcow2_refuse (path, error, _ ("it is qcow2 of version %u; convert it to version 3"),
                         header->version);
  if (header->cluster_bits < 9 || header->cluster_bits > 21)
    return refuse_damaged (path, error, "cluster size");
  if (header->refcount_order > 6)
    return refuse_damaged (path, error, "refcount width");
  if (header->version == 3 &&
      (header->header_bytes < QCOW2_V3_HEADER_BYTES ||
       header->header_bytes > 1u << header->cluster_bits || header->header_bytes % 8 != 0))
    return refuse_damaged (path, error, "header length");
  return true;
}

// [offset, offset + bytes) begins at a cluster and lies in the file.
static bool
is_table (const Qcow2Header *header, uint64_t offset, uint64_t bytes, uint64_t file_bytes)
{
  return offset % (1u << header->cluster_bits) == 0 && offset <= file_bytes &&
         bytes <= file_bytes - offset && (bytes == 0 || offset != 0);
}

static bool
check_tables (const Qcow2Header *header, uint64_t file_bytes, const char *path, GError **error)
{
  bool extended = header->incompatible & QCOW2_INCOMPATIBLE_EXTENDED_L2;
  unsigned reach_bits = 2 * header->cluster_bits - (extended ? 4 : 3);
  uint64_t reftable_bytes = (uint64_t) header->reftable_clusters << header->cluster_bits;
  uint64_t l1_bytes = (uint64_t) header->l1_entries * 8;

  if (header->size > INT64_MAX - (INT64_C (1) << 21))
    return refuse_damaged (path, error, "disk size");
  if (l1_bytes > QCOW2_L1_BYTES_MAX || !is_table (header, header->l1_offset, l1_bytes, file_bytes))
    return refuse_damaged (path, error, "L1 table");
  if (header->size > 0 && (header->size - 1) >> reach_bits >= header->l1_entries)
    return refuse_damaged (path, error, "L1 table is too short");
  // The last cluster of the table may not be written to its end.
  if (reftable_bytes == 0 || reftable_bytes > QCOW2_REFTABLE_BYTES_MAX ||
      !is_table (header, header->reftable_offset, 8, file_bytes))
    return refuse_damaged (path, error, "refcount table");
  if (header->n_snapshots > SNAPSHOTS_MAX ||
      (header->n_snapshots > 0 && !is_table (header, header->snapshots_offset, 1, file_bytes)))
    return refuse_damaged (path, error, "snapshot table");
  return true;
}

// ---------------------------------------------------------------------------------------------
// Features and extensions

// The next extension from `*at` on. False: there is none, or `*bad`.
static bool
next_extension (const Head *head, size_t *at, uint32_t *type, const uint8_t **data, size_t *length,
                bool *bad)
{
  uint32_t wire[2];
  if (*at + sizeof wire > head->length)
    return false;
  memcpy (wire, head->bytes + *at, sizeof wire);
  *type = GUINT32_FROM_BE (wire[0]);
  *length = GUINT32_FROM_BE (wire[1]);
  *data = head->bytes + *at + sizeof wire;
  if (*type == QCOW2_EXT_END)
    return false;
  *bad = *length > head->length - *at - sizeof wire;
  if (*bad)
    return false;
  *at += sizeof wire + ((*length + 7) & ~(size_t) 7);
  return true;
}

// What the image itself calls an incompatible feature, else its number.
static char *
dup_feature_name (const Head *head, const Qcow2Header *header, unsigned bit)
{
  size_t at = header->header_bytes, length;
  const uint8_t *data;
  uint32_t type;
  bool bad = false;
  while (next_extension (head, &at, &type, &data, &length, &bad)) {
    for (; type == QCOW2_EXT_FEATURE_NAMES && length >= FEATURE_BYTES;
         data += FEATURE_BYTES, length -= FEATURE_BYTES)
      if (data[0] == 0 && data[1] == bit) {
        g_autofree char *name = g_strndup ((const char *) data + 2, FEATURE_BYTES - 2);
        return g_utf8_make_valid (name, -1);
      }
  }
  return g_strdup_printf ("%u", bit);
}

static bool
check_features (const Qcow2Header *header, const Head *head, const char *path, GError **error)
{
  uint64_t unknown = header->incompatible & ~(uint64_t) KNOWN_INCOMPATIBLE;
  if (unknown != 0) {
    unsigned bit = (unsigned) __builtin_ctzll (unknown);
    g_autofree char *name = dup_feature_name (head, header, bit);
    return qcow2_refuse (path, error,
                         _ ("it uses the qcow2 feature “%s”, which is not supported; convert it"),
                         name);
  }
  if (header->incompatible & QCOW2_INCOMPATIBLE_DATA_FILE)
    return qcow2_refuse (path, error, _ ("its data is in another file; convert it to one file"));
  if (header->compression > QCOW2_COMPRESSION_ZSTD ||
      (header->compression != 0) != ((header->incompatible & QCOW2_INCOMPATIBLE_COMPRESSION) != 0))
    return refuse_damaged (path, error, "compression method");
  if (header->cluster_bits < 14 && (header->incompatible & QCOW2_INCOMPATIBLE_EXTENDED_L2))
    return refuse_damaged (path, error, "subclusters");
  return true;
}

static bool
read_backing (Qcow2Header *header, const Qcow2Wire *wire, const Head *head, const char *path,
              GError **error)
{
  uint64_t offset = GUINT64_FROM_BE (wire->backing_offset);
  uint32_t length = GUINT32_FROM_BE (wire->backing_bytes);
  if (offset == 0 || length == 0)
    return true;
  if (length > BACKING_NAME_MAX || offset > head->length || length > head->length - offset ||
      memchr (head->bytes + offset, 0, length) != NULL)
    return refuse_damaged (path, error, "name of the backing file");
  header->backing = g_strndup ((const char *) head->bytes + offset, length);
  return true;
}

static bool
read_extensions (Qcow2Header *header, const Head *head, const char *path, GError **error)
{
  size_t at = header->header_bytes, length;
  const uint8_t *data;
  uint32_t type;
  bool bad = false;
  while (next_extension (head, &at, &type, &data, &length, &bad))
    if (type == QCOW2_EXT_BACKING_FORMAT && length > 0 && header->backing_format == NULL) {
      g_autofree char *name = g_strndup ((const char *) data, length);
      header->backing_format = g_utf8_make_valid (name, -1);
    } else if (type == QCOW2_EXT_BITMAPS && length >= sizeof (Qcow2BitmapsWire)) {
      Qcow2BitmapsWire wire;
      memcpy (&wire, data, sizeof wire);
      header->bitmaps = (Qcow2Bitmaps){
          .n = GUINT32_FROM_BE (wire.n),
          .reserved = wire.reserved,
          .directory_bytes = GUINT64_FROM_BE (wire.directory_bytes),
          .directory_offset = GUINT64_FROM_BE (wire.directory_offset),
      };
    }
  return !bad || refuse_damaged (path, error, "header extension");
}

// ---------------------------------------------------------------------------------------------
// Reading

static bool
read_head (Head *head, const Qcow2Header *header, BlockFile *file, uint64_t file_bytes)
{
  head->length = MIN (file_bytes, 1u << header->cluster_bits);
  head->bytes = g_malloc (head->length);
  return block_file_read (file, head->bytes, head->length, 0) == 0;
}

static bool
read_rest (Qcow2Header *header, const Qcow2Wire *wire, const Head *head, uint64_t file_bytes,
           const char *path, GError **error)
{
  if (wire->crypt_method != 0)
    return qcow2_refuse (path, error, _ ("it is encrypted; decrypt it to another image"));
  return check_features (header, head, path, error) &&
         check_tables (header, file_bytes, path, error) &&
         read_backing (header, wire, head, path, error) &&
         read_extensions (header, head, path, error);
}

bool
qcow2_header_read (Qcow2Header *header, BlockFile *file, const char *path, GError **error)
{
  Qcow2Wire wire = {0};
  struct iovec iov = {&wire, sizeof wire};
  uint64_t file_bytes;
  Head head = {0};
  *header = (Qcow2Header){0};
  int code = block_file_get_size (file, &file_bytes);
  if (code == 0)
    code = block_file_readv_padded (file, &iov, 1, 0);
  if (code != 0)
    return qcow2_refuse (path, error, "%s", g_strerror (code));
  if (wire.magic != GUINT32_TO_BE (QCOW2_MAGIC))
    return qcow2_refuse (path, error, _ ("it is not a qcow2 image; name its format"));
  take_wire (header, &wire);
  if (!check_form (header, path, error))
    return false;
  bool ok = read_head (&head, header, file, file_bytes);
  if (!ok)
    refuse_damaged (path, error, "header");
  ok = ok && read_rest (header, &wire, &head, file_bytes, path, error);
  g_free (head.bytes);
  if (!ok)
    qcow2_header_clear (header);
  return ok;
}

void
qcow2_header_clear (Qcow2Header *header)
{
  g_clear_pointer (&header->backing, g_free);
  g_clear_pointer (&header->backing_format, g_free);
}

// ---------------------------------------------------------------------------------------------
// Writing

int
qcow2_header_write_features (Qcow2 *q)
{
  const uint64_t wire[] = {
      GUINT64_TO_BE (q->header.incompatible),
      GUINT64_TO_BE (q->header.compatible),
      GUINT64_TO_BE (q->header.autoclear),
  };
  if (q->header.version < 3)
    return 0;
  return block_file_write (q->file, wire, sizeof wire, offsetof (Qcow2Wire, incompatible));
}

int
qcow2_header_write_l1 (Qcow2 *q)
{
  struct __attribute__ ((packed)) {
    uint32_t l1_entries;
    uint64_t l1_offset;
  } wire = {GUINT32_TO_BE (q->header.l1_entries), GUINT64_TO_BE (q->header.l1_offset)};
  return block_file_write (q->file, &wire, sizeof wire, offsetof (Qcow2Wire, l1_entries));
}

int
qcow2_header_write_size (Qcow2 *q)
{
  uint64_t wire = GUINT64_TO_BE (q->header.size);
  return block_file_write (q->file, &wire, sizeof wire, offsetof (Qcow2Wire, size));
}

int
qcow2_header_write_reftable (Qcow2 *q)
{
  struct __attribute__ ((packed)) {
    uint64_t offset;
    uint32_t clusters;
  } wire = {GUINT64_TO_BE (q->header.reftable_offset), GUINT32_TO_BE (q->header.reftable_clusters)};
  return block_file_write (q->file, &wire, sizeof wire, offsetof (Qcow2Wire, reftable_offset));
}

void
qcow2_mark_corrupt_locked (Qcow2 *q, const char *why)
{
  if (q->corrupt)
    return;
  q->corrupt = true;
  g_warning ("A qcow2 image is damaged (%s); nothing more is written to it", why);
  q->header.incompatible |= QCOW2_INCOMPATIBLE_CORRUPT;
  if (!q->read_only && qcow2_header_write_features (q) == 0)
    block_file_sync (q->file);
}

int
qcow2_table_read (BlockFile *file, uint64_t offset, uint64_t n, uint64_t *entries)
{
  int error = block_file_read (file, entries, n * 8, offset);
  for (uint64_t i = 0; i < n && error == 0; i++)
    entries[i] = GUINT64_FROM_BE (entries[i]);
  return error;
}

int
qcow2_table_write (BlockFile *file, uint64_t offset, uint64_t n, const uint64_t *entries)
{
  g_autofree uint64_t *wire = g_new (uint64_t, n);
  for (uint64_t i = 0; i < n; i++)
    wire[i] = GUINT64_TO_BE (entries[i]);
  return block_file_write (file, wire, n * 8, offset);
}
