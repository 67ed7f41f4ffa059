// SPDX-License-Identifier: GPL-3.0-or-later
// The stream of saved state.
//
//   header   "TERRSTAT", u32 format version, u32 CRC-32 of all after the header, u64 its length
//   section  u8 length of the name, the name, u32 version, u64 length, contents
//
// All little endian. The checksum finds damage, not malice: a reader checks every length anyway.
//
// Threads: see state.h.
#include "engine/snapshot/state.h"

#include <gio/gio.h>
#include <string.h>
#include <zlib.h>

static const char MAGIC[8] = {'T', 'E', 'R', 'R', 'S', 'T', 'A', 'T'};

enum {
  FORMAT_VERSION = 1,
  HEADER_BYTES = 24,
  NAME_BYTES_MAX = 255,
};

struct StateWriter {
  uint8_t *data;
  size_t length, allocated;
  size_t section; // offset of the open section's contents; 0: none
  bool failed;    // no memory: nothing is kept any more
};

struct StateReader {
  GBytes *bytes;
  const uint8_t *data;
  size_t length;
  size_t at;
  size_t end; // of the open section; 0: none
  bool ok;
  char *name; // of the open section, for messages
};

// ---- writing --------------------------------------------------------------------------------

static bool
make_room (StateWriter *writer, size_t length)
{
  if (length <= writer->allocated - writer->length)
    return true;
  size_t wanted = MAX (writer->allocated * 2, writer->length + length);
  uint8_t *data = g_try_realloc (writer->data, wanted);
  if (data == NULL) {
    g_clear_pointer (&writer->data, g_free);
    writer->failed = true;
    return false;
  }
  writer->data = data;
  writer->allocated = wanted;
  return true;
}

static void
put (StateWriter *writer, const void *data, size_t length)
{
  if (length == 0 || writer->failed || !make_room (writer, length))
    return;
  memcpy (writer->data + writer->length, data, length);
  writer->length += length;
}

StateWriter *
state_writer_new (void)
{
  StateWriter *writer = g_new0 (StateWriter, 1);
  const uint8_t header[HEADER_BYTES] = {0};

  put (writer, header, sizeof header);
  return writer;
}

void
state_writer_begin (StateWriter *writer, const char *name, uint32_t version)
{
  size_t length = strlen (name);

  g_assert (writer->section == 0 && length > 0 && length <= NAME_BYTES_MAX);
  put (writer, &(uint8_t){(uint8_t) length}, 1);
  put (writer, name, length);
  version = GUINT32_TO_LE (version);
  put (writer, &version, sizeof version);
  put (writer, &(uint64_t){0}, sizeof (uint64_t));
  writer->section = MAX (writer->length, 1);
}

void
state_writer_end (StateWriter *writer)
{
  g_assert (writer->section != 0);
  uint64_t length = GUINT64_TO_LE ((uint64_t) (writer->length - writer->section));

  if (!writer->failed)
    memcpy (writer->data + writer->section - sizeof length, &length, sizeof length);
  writer->section = 0;
}

void
state_put_u8 (StateWriter *writer, uint8_t value)
{
  put (writer, &value, sizeof value);
}

void
state_put_u16 (StateWriter *writer, uint16_t value)
{
  value = GUINT16_TO_LE (value);
  put (writer, &value, sizeof value);
}

void
state_put_u32 (StateWriter *writer, uint32_t value)
{
  value = GUINT32_TO_LE (value);
  put (writer, &value, sizeof value);
}

void
state_put_u64 (StateWriter *writer, uint64_t value)
{
  value = GUINT64_TO_LE (value);
  put (writer, &value, sizeof value);
}

void
state_put_bool (StateWriter *writer, bool value)
{
  state_put_u8 (writer, value ? 1 : 0);
}

void
state_put_bytes (StateWriter *writer, const void *data, size_t length)
{
  g_assert (length <= UINT32_MAX);
  state_put_u32 (writer, (uint32_t) length);
  put (writer, data, length);
}

static uint32_t
checksum (const uint8_t *data, size_t length)
{
  return (uint32_t) crc32_z (0, data, length);
}

static void
fill_header (StateWriter *writer)
{
  uint32_t version = GUINT32_TO_LE (FORMAT_VERSION);
  uint64_t length = GUINT64_TO_LE ((uint64_t) (writer->length - HEADER_BYTES));
  uint32_t sum = checksum (writer->data + HEADER_BYTES, writer->length - HEADER_BYTES);

  sum = GUINT32_TO_LE (sum);
  memcpy (writer->data, MAGIC, sizeof MAGIC);
  memcpy (writer->data + 8, &version, sizeof version);
  memcpy (writer->data + 12, &sum, sizeof sum);
  memcpy (writer->data + 16, &length, sizeof length);
}

GBytes *
state_writer_finish (StateWriter *writer)
{
  GBytes *bytes = NULL;

  g_assert (writer->section == 0);
  if (!writer->failed) {
    fill_header (writer);
    bytes = g_bytes_new_take (writer->data, writer->length);
  }
  g_free (writer);
  return bytes;
}

// ---- reading --------------------------------------------------------------------------------

static bool
fail (GError **error, const char *what)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "The saved state cannot be used: %s.",
               what);
  return false;
}

static uint32_t
peek32 (const uint8_t *p)
{
  uint32_t value;

  memcpy (&value, p, sizeof value);
  return GUINT32_FROM_LE (value);
}

static uint64_t
peek64 (const uint8_t *p)
{
  uint64_t value;

  memcpy (&value, p, sizeof value);
  return GUINT64_FROM_LE (value);
}

static bool
check_header (const uint8_t *data, size_t length, GError **error)
{
  if (length < HEADER_BYTES || memcmp (data, MAGIC, sizeof MAGIC) != 0)
    return fail (error, "it was not made by Terrarium");
  if (peek32 (data + 8) > FORMAT_VERSION)
    return fail (error, "it was made by a newer Terrarium");
  if (peek32 (data + 8) != FORMAT_VERSION)
    return fail (error, "its format is unknown");
  if (peek64 (data + 16) != length - HEADER_BYTES)
    return fail (error, "it is incomplete");
  if (peek32 (data + 12) != checksum (data + HEADER_BYTES, length - HEADER_BYTES))
    return fail (error, "it is damaged");
  return true;
}

StateReader *
state_reader_new (GBytes *bytes, GError **error)
{
  size_t length;
  const uint8_t *data = g_bytes_get_data (bytes, &length);

  if (!check_header (data, length, error))
    return NULL;
  StateReader *reader = g_new0 (StateReader, 1);
  reader->bytes = g_bytes_ref (bytes);
  reader->data = data;
  reader->length = length;
  reader->at = HEADER_BYTES;
  reader->ok = true;
  return reader;
}

void
state_reader_free (StateReader *reader)
{
  if (reader == NULL)
    return;
  g_bytes_unref (reader->bytes);
  g_free (reader->name);
  g_free (reader);
}

bool
state_reader_ok (const StateReader *reader)
{
  return reader->ok;
}

// The next `length` bytes of what is being read, NULL (and a failed reader) when there are fewer.
static const uint8_t *
get (StateReader *reader, size_t length)
{
  size_t end = reader->end != 0 ? reader->end : reader->length;

  if (!reader->ok || length > end - reader->at) {
    reader->ok = false;
    return NULL;
  }
  reader->at += length;
  return reader->data + reader->at - length;
}

bool
state_reader_begin (StateReader *reader, const char *name, uint32_t max_version, uint32_t *version,
                    GError **error)
{
  g_assert (reader->end == 0);
  size_t name_length = state_get_u8 (reader);
  const uint8_t *found = get (reader, name_length);
  *version = state_get_u32 (reader);
  uint64_t length = state_get_u64 (reader);
  g_autofree char *what = NULL;

  if (!reader->ok || length > reader->length - reader->at) {
    reader->ok = false;
    what = g_strdup_printf ("the part \"%s\" is missing", name);
  } else if (name_length != strlen (name) || memcmp (found, name, name_length) != 0) {
    what = g_strdup_printf ("the part \"%s\" was expected but another was found; it belongs to a "
                            "machine with other devices",
                            name);
  } else if (*version > max_version) {
    what = g_strdup_printf ("the part \"%s\" was made by a newer Terrarium", name);
  }
  if (what != NULL)
    return fail (error, what);
  reader->end = reader->at + (size_t) length;
  g_free (reader->name);
  reader->name = g_strdup (name);
  return true;
}

bool
state_reader_end (StateReader *reader, GError **error)
{
  bool whole = reader->ok && reader->at == reader->end;

  g_assert (reader->end != 0);
  if (!whole) {
    g_autofree char *what = g_strdup_printf ("the part \"%s\" is damaged", reader->name);
    return fail (error, what);
  }
  reader->end = 0;
  return true;
}

uint8_t
state_get_u8 (StateReader *reader)
{
  const uint8_t *p = get (reader, 1);

  return p != NULL ? *p : 0;
}

uint16_t
state_get_u16 (StateReader *reader)
{
  const uint8_t *p = get (reader, 2);

  return p != NULL ? (uint16_t) (p[0] | p[1] << 8) : 0;
}

uint32_t
state_get_u32 (StateReader *reader)
{
  const uint8_t *p = get (reader, 4);

  return p != NULL ? peek32 (p) : 0;
}

uint64_t
state_get_u64 (StateReader *reader)
{
  const uint8_t *p = get (reader, 8);

  return p != NULL ? peek64 (p) : 0;
}

bool
state_get_bool (StateReader *reader)
{
  uint8_t value = state_get_u8 (reader);

  if (value > 1)
    reader->ok = false;
  return value == 1;
}

void
state_get_bytes (StateReader *reader, void *data, size_t length)
{
  uint32_t found = state_get_u32 (reader);
  const uint8_t *p = NULL;

  if (found == length)
    p = get (reader, length);
  else
    reader->ok = false;
  if (p != NULL)
    memcpy (data, p, length);
  else
    memset (data, 0, length);
}

GBytes *
state_get_blob (StateReader *reader, size_t max)
{
  uint32_t length = state_get_u32 (reader);
  const uint8_t *p = NULL;

  if (length <= max)
    p = get (reader, length);
  else
    reader->ok = false;
  return p != NULL ? g_bytes_new (p, length) : NULL;
}
