// SPDX-License-Identifier: GPL-3.0-or-later
// New qcow2 images: header, refcount table, refcount blocks and L1 table, one after the other from
// the file's beginning; nothing else. Any thread that may wait.
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "engine/block/qcow2/priv.h"

// Where things go, in clusters. The header is cluster 0.
typedef struct Layout {
  uint64_t cluster_bytes, reftable, n_reftable, blocks, n_blocks, l1, n_l1, end;
  uint64_t l1_entries;
} Layout;

static int
lay_out (const Qcow2CreateOptions *options, unsigned cluster_bits, unsigned refcount_order,
         Layout *layout)
{
  uint64_t cluster = UINT64_C (1) << cluster_bits;
  uint64_t reach = cluster / (options->extended_l2 ? 16 : 8) << cluster_bits;
  uint64_t block_refcounts = cluster * 8 >> refcount_order;
  uint64_t entries = options->size_bytes / reach + (options->size_bytes % reach != 0);
  if (entries > QCOW2_L1_BYTES_MAX / 8)
    return EFBIG;
  *layout = (Layout){.cluster_bytes = cluster, .n_blocks = 1, .l1_entries = entries};
  layout->n_l1 = MAX ((entries * 8 + cluster - 1) / cluster, 1);
  // Refcount blocks count themselves and the table that names them.
  uint64_t before;
  do {
    before = layout->n_blocks;
    layout->n_reftable = (layout->n_blocks * 8 + cluster - 1) / cluster;
    layout->end = 1 + layout->n_reftable + layout->n_blocks + layout->n_l1;
    layout->n_blocks = (layout->end + block_refcounts - 1) / block_refcounts;
  } while (layout->n_blocks > before);
  layout->reftable = 1;
  layout->blocks = layout->reftable + layout->n_reftable;
  layout->l1 = layout->blocks + layout->n_blocks;
  return 0;
}

// ---------------------------------------------------------------------------------------------
// The header

typedef struct Writer {
  uint8_t *bytes;
  size_t length, room;
} Writer;

static bool
append (Writer *writer, const void *data, size_t length)
{
  if (length > writer->room - writer->length)
    return false;
  memcpy (writer->bytes + writer->length, data, length);
  writer->length += length;
  return true;
}

static bool
append_extension (Writer *writer, uint32_t type, const void *data, size_t length)
{
  static const uint8_t padding[8];
  const uint32_t head[2] = {GUINT32_TO_BE (type), GUINT32_TO_BE ((uint32_t) length)};
  return append (writer, head, sizeof head) && append (writer, data, length) &&
         append (writer, padding, -length & 7);
}

// For those who do not know a feature that they meet.
static bool
append_feature_names (Writer *writer)
{
  static const struct {
    uint8_t kind, bit;
    char name[46];
  } names[] = {
      {0, 0, "dirty bit"},        {0, 1, "corrupt bit"},         {0, 2, "external data file"},
      {0, 3, "compression type"}, {0, 4, "extended L2 entries"}, {1, 0, "lazy refcounts"},
  };
  return append_extension (writer, QCOW2_EXT_FEATURE_NAMES, names, sizeof names);
}

static Qcow2Wire
make_wire (const Qcow2CreateOptions *options, unsigned cluster_bits, unsigned refcount_order,
           const Layout *layout)
{
  return (Qcow2Wire){
      .magic = GUINT32_TO_BE (QCOW2_MAGIC),
      .version = GUINT32_TO_BE (options->version2 ? 2 : 3),
      .cluster_bits = GUINT32_TO_BE (cluster_bits),
      .size = GUINT64_TO_BE (options->size_bytes),
      .l1_entries = GUINT32_TO_BE ((uint32_t) layout->l1_entries),
      .l1_offset = GUINT64_TO_BE (layout->l1 * layout->cluster_bytes),
      .reftable_offset = GUINT64_TO_BE (layout->reftable * layout->cluster_bytes),
      .reftable_clusters = GUINT32_TO_BE ((uint32_t) layout->n_reftable),
      .incompatible =
          GUINT64_TO_BE (options->extended_l2 ? (uint64_t) QCOW2_INCOMPATIBLE_EXTENDED_L2 : 0),
      .refcount_order = GUINT32_TO_BE (refcount_order),
      .header_bytes = GUINT32_TO_BE ((uint32_t) sizeof (Qcow2Wire)),
  };
}

// The first cluster. EINVAL: the name of the backing file does not fit in.
static int
write_header (BlockFile *file, const Qcow2CreateOptions *options, Qcow2Wire *wire,
              uint64_t cluster_bytes)
{
  g_autofree uint8_t *bytes = g_malloc0 (cluster_bytes);
  Writer writer = {bytes, options->version2 ? QCOW2_V2_HEADER_BYTES : sizeof *wire, cluster_bytes};
  size_t header_bytes = writer.length, name_bytes = 0;
  bool ok = true;
  if (options->backing != NULL && options->backing_format != NULL)
    ok = append_extension (&writer, QCOW2_EXT_BACKING_FORMAT, options->backing_format,
                           strlen (options->backing_format));
  // A small cluster has no room for them.
  if (!options->version2 && cluster_bytes >= 4096)
    ok = ok && append_feature_names (&writer);
  ok = ok && append_extension (&writer, QCOW2_EXT_END, "", 0);
  if (options->backing != NULL) {
    name_bytes = strlen (options->backing);
    wire->backing_offset = GUINT64_TO_BE (writer.length);
    wire->backing_bytes = GUINT32_TO_BE ((uint32_t) name_bytes);
    ok = ok && name_bytes <= 1023 && append (&writer, options->backing, name_bytes);
  }
  memcpy (bytes, wire, header_bytes);
  return ok ? block_file_write (file, bytes, cluster_bytes, 0) : EINVAL;
}

// ---------------------------------------------------------------------------------------------
// Tables

static int
write_reftable (BlockFile *file, const Layout *layout)
{
  uint64_t n = layout->n_reftable * layout->cluster_bytes / 8;
  g_autofree uint64_t *table = g_new0 (uint64_t, n);
  for (uint64_t i = 0; i < layout->n_blocks; i++)
    table[i] = (layout->blocks + i) * layout->cluster_bytes;
  return qcow2_table_write (file, layout->reftable * layout->cluster_bytes, n, table);
}

// Counts 1 for each cluster up to the layout's end.
static int
write_blocks (BlockFile *file, const Layout *layout, unsigned refcount_order)
{
  g_autofree uint8_t *block = g_malloc (layout->cluster_bytes);
  uint64_t block_refcounts = layout->cluster_bytes * 8 >> refcount_order;
  int error = 0;
  for (uint64_t i = 0; i < layout->n_blocks && error == 0; i++) {
    uint64_t first = i * block_refcounts;
    uint64_t n = MIN (layout->end - first, block_refcounts);
    memset (block, 0, layout->cluster_bytes);
    for (uint64_t c = 0; c < n; c++)
      qcow2_refcount_store (block, 1u << refcount_order, c, 1);
    error = block_file_write (file, block, layout->cluster_bytes,
                              (layout->blocks + i) * layout->cluster_bytes);
  }
  return error;
}

static int
write_l1 (BlockFile *file, const Layout *layout)
{
  g_autofree uint8_t *zeroes = g_malloc0 (layout->cluster_bytes);
  int error = 0;
  for (uint64_t i = 0; i < layout->n_l1 && error == 0; i++)
    error = block_file_write (file, zeroes, layout->cluster_bytes,
                              (layout->l1 + i) * layout->cluster_bytes);
  return error;
}

int
qcow2_create (BlockFile *file, const Qcow2CreateOptions *options)
{
  unsigned cluster_bits = options->cluster_bits != 0 ? options->cluster_bits : 16;
  unsigned refcount_order = options->has_refcount_order ? options->refcount_order : 4;
  Layout layout;
  if (cluster_bits < 9 || cluster_bits > 21 || refcount_order > 6 ||
      options->size_bytes % BLOCK_SECTOR_BYTES != 0 || options->size_bytes > INT64_MAX / 2 ||
      (options->version2 && (refcount_order != 4 || options->extended_l2)) ||
      (options->extended_l2 && cluster_bits < 14))
    return EINVAL;
  int error = lay_out (options, cluster_bits, refcount_order, &layout);
  if (error != 0)
    return error;
  Qcow2Wire wire = make_wire (options, cluster_bits, refcount_order, &layout);
  error = write_reftable (file, &layout);
  if (error == 0)
    error = write_blocks (file, &layout, refcount_order);
  if (error == 0)
    error = write_l1 (file, &layout);
  if (error == 0)
    error = write_header (file, options, &wire, layout.cluster_bytes);
  return error != 0 ? error : block_file_sync (file);
}
