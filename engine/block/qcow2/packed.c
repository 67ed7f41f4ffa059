// SPDX-License-Identifier: GPL-3.0-or-later
// Compressed clusters (qcow2 § Compressed Clusters Descriptor): read only. The one unpacked last is
// kept, because a guest reads a cluster piece by piece.
//
// Threads: any, several at once; unpacking is done one at a time.
#include <errno.h>
#include <zlib.h>
#include <zstd.h>

#include "engine/block/iov.h"
#include "engine/block/qcow2/priv.h"

enum {
  WINDOW_BITS = -12, // bare deflate
};

static bool
unpack_zlib (const uint8_t *from, size_t from_bytes, uint8_t *to, size_t to_bytes)
{
  z_stream stream = {
      .next_in = (uint8_t *) from,
      .avail_in = (uInt) from_bytes,
      .next_out = to,
      .avail_out = (uInt) to_bytes,
  };
  if (inflateInit2 (&stream, WINDOW_BITS) != Z_OK)
    return false;
  int code = inflate (&stream, Z_FINISH);
  inflateEnd (&stream);
  // What follows in the last sector is not part of it.
  return (code == Z_STREAM_END || code == Z_BUF_ERROR) && stream.avail_out == 0;
}

static bool
unpack_zstd (const uint8_t *from, size_t from_bytes, uint8_t *to, size_t to_bytes)
{
  ZSTD_DStream *stream = ZSTD_createDStream ();
  ZSTD_inBuffer in = {from, from_bytes, 0};
  ZSTD_outBuffer out = {to, to_bytes, 0};
  bool ok = stream != NULL;
  while (ok && out.pos < out.size) {
    size_t in_before = in.pos, out_before = out.pos;
    size_t code = ZSTD_decompressStream (stream, &out, &in);
    ok = !ZSTD_isError (code) && (in.pos > in_before || out.pos > out_before);
  }
  ZSTD_freeDStream (stream);
  return ok;
}

// Into q->unpacked.
static int
unpack (Qcow2 *q, uint64_t entry)
{
  uint64_t offset, length;
  qcow2_packed_range (q, entry, &offset, &length);
  g_autofree uint8_t *packed = g_malloc (length);
  const struct iovec iov = {packed, length};
  // The last one need not fill its sector.
  int error = block_file_readv_padded (q->file, &iov, 1, offset);
  if (error != 0)
    return error;
  if (q->unpacked.bytes == NULL)
    q->unpacked.bytes = g_malloc (q->cluster_bytes);
  q->unpacked.entry = 0;
  bool ok = q->header.compression == QCOW2_COMPRESSION_ZSTD
                ? unpack_zstd (packed, length, q->unpacked.bytes, q->cluster_bytes)
                : unpack_zlib (packed, length, q->unpacked.bytes, q->cluster_bytes);
  if (!ok)
    return EIO;
  q->unpacked.entry = entry;
  return 0;
}

int
qcow2_packed_read (Qcow2 *q, uint64_t entry, uint64_t skip, const struct iovec *iov, unsigned n_iov,
                   uint64_t iov_skip, uint64_t length)
{
  int error = 0;
  g_mutex_lock (&q->unpacked.lock);
  if (q->unpacked.entry != entry)
    error = unpack (q, entry);
  if (error == 0)
    block_iov_put (iov, n_iov, iov_skip, q->unpacked.bytes + skip, length);
  g_mutex_unlock (&q->unpacked.lock);
  return error;
}
