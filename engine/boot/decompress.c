// SPDX-License-Identifier: GPL-3.0-or-later
// Unpacking of compressed kernels into a buffer that grows up to a limit.
//
// Threads: see decompress.h.
#include "engine/boot/decompress.h"

#include <gio/gio.h>
#include <glib/gi18n.h>
#include <zlib.h>
#include <zstd.h>

enum {
  FIRST_BYTES = 1024 * 1024,
  GZIP_WINDOW = 15 + 16, // 32 KiB, gzip header
};

typedef struct Output {
  uint8_t *data;
  size_t length, allocated, max;
} Output;

typedef enum Result {
  DONE,
  TOO_LARGE,
  INCOMPLETE,
  DAMAGED,
} Result;

// Room for at least one more byte; false at the limit or when the host has no memory.
static bool
grow (Output *out)
{
  size_t wanted = MIN (out->max, MAX (out->allocated * 2, FIRST_BYTES));

  if (out->length < out->allocated)
    return true;
  if (wanted <= out->allocated)
    return false;
  uint8_t *data = g_try_realloc (out->data, wanted);
  if (data == NULL)
    return false;
  out->data = data;
  out->allocated = wanted;
  return true;
}

static Result
inflate_into (z_stream *stream, Output *out)
{
  for (;;) {
    if (!grow (out))
      return TOO_LARGE;
    stream->next_out = out->data + out->length;
    stream->avail_out = (uInt) MIN (out->allocated - out->length, G_MAXUINT);
    size_t room = stream->avail_out;
    int status = inflate (stream, Z_NO_FLUSH);

    out->length += room - stream->avail_out;
    if (status == Z_STREAM_END)
      return DONE;
    if (status == Z_BUF_ERROR || (status == Z_OK && stream->avail_out > 0))
      return INCOMPLETE;
    if (status != Z_OK)
      return DAMAGED;
  }
}

static Result
gunzip (const uint8_t *data, size_t length, Output *out)
{
  z_stream stream = {.next_in = (Bytef *) data, .avail_in = (uInt) MIN (length, G_MAXUINT)};

  if (inflateInit2 (&stream, GZIP_WINDOW) != Z_OK)
    return DAMAGED;
  Result result = inflate_into (&stream, out);
  inflateEnd (&stream);
  return result;
}

static Result
unzstd_into (ZSTD_DStream *stream, ZSTD_inBuffer *in, Output *out)
{
  for (;;) {
    if (!grow (out))
      return TOO_LARGE;
    ZSTD_outBuffer buffer = {.dst = out->data + out->length, .size = out->allocated - out->length};
    size_t status = ZSTD_decompressStream (stream, &buffer, in);

    out->length += buffer.pos;
    if (ZSTD_isError (status))
      return DAMAGED;
    if (status == 0)
      return DONE;
    if (buffer.pos < buffer.size && in->pos == in->size)
      return INCOMPLETE;
  }
}

static Result
unzstd (const uint8_t *data, size_t length, Output *out)
{
  ZSTD_DStream *stream = ZSTD_createDStream ();
  ZSTD_inBuffer in = {.src = data, .size = length};

  if (stream == NULL)
    return DAMAGED;
  Result result = unzstd_into (stream, &in, out);
  ZSTD_freeDStream (stream);
  return result;
}

uint8_t *
boot_decompress (BootCompression compression, const uint8_t *data, size_t length, size_t max_bytes,
                 const char *name, size_t *unpacked, GError **error)
{
  Output out = {.max = max_bytes};
  Result result =
      compression == BOOT_GZIP ? gunzip (data, length, &out) : unzstd (data, length, &out);
  const char *const texts[] = {
      [TOO_LARGE] = _ ("The kernel %s unpacks to more than the memory of the machine; give it more "
                       "memory or choose another kernel."),
      [INCOMPLETE] = _ ("The kernel %s is incomplete; fetch it again."),
      [DAMAGED] = _ ("The kernel %s is damaged; fetch it again."),
  };

  if (result != DONE) {
    g_free (out.data);
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, texts[result], name);
    return NULL;
  }
  *unpacked = out.length;
  return out.data;
}

size_t
boot_gzip_peek (const uint8_t *data, size_t length, uint8_t *to, size_t wanted)
{
  z_stream stream = {
      .next_in = (Bytef *) data,
      .avail_in = (uInt) MIN (length, G_MAXUINT),
      .next_out = to,
      .avail_out = (uInt) MIN (wanted, G_MAXUINT),
  };

  if (inflateInit2 (&stream, GZIP_WINDOW) != Z_OK)
    return 0;
  inflate (&stream, Z_SYNC_FLUSH);
  size_t got = (size_t) (stream.next_out - to);
  inflateEnd (&stream);
  return got;
}
