// SPDX-License-Identifier: GPL-3.0-or-later
// See acpi-aml.h. Lengths are put in front of a body when it is complete.
#include "engine/boot/acpi-aml.h"

#include <string.h>

enum {
  OP_ZERO = 0x00,
  OP_ONE = 0x01,
  OP_NAME = 0x08,
  OP_BYTE = 0x0a,
  OP_WORD = 0x0b,
  OP_DWORD = 0x0c,
  OP_STRING = 0x0d,
  OP_QWORD = 0x0e,
  OP_SCOPE = 0x10,
  OP_BUFFER = 0x11,
  OP_PACKAGE = 0x12,
  OP_METHOD = 0x14,
  OP_DUAL_NAME = 0x2e,
  OP_EXTENDED = 0x5b,
  OP_REGION = 0x80, // these three follow OP_EXTENDED
  OP_FIELD = 0x81,
  OP_DEVICE = 0x82,
  OP_IF = 0xa0,
  OP_ELSE = 0xa1,

  SPACE_MEMORY = 0,
  FIELD_DWORD_ZEROES = 3 | 2 << 5, // 32-bit accesses; what is not written is zero

  TAG_END = 0x79,
  TAG_MEMORY32 = 0x86,
  TAG_DWORD = 0x87,
  TAG_WORD = 0x88,
  TAG_INTERRUPT = 0x89,
  TAG_QWORD = 0x8a,
};

void
aml_init (Aml *aml)
{
  *aml = (Aml){.bytes = g_byte_array_new ()};
}

void
aml_clear (Aml *aml)
{
  g_assert (aml->depth == 0);
  g_byte_array_unref (aml->bytes);
}

static void
put (Aml *aml, uint64_t value, unsigned bytes)
{
  value = GUINT64_TO_LE (value);
  g_byte_array_append (aml->bytes, (const uint8_t *) &value, bytes);
}

void
aml_op (Aml *aml, uint8_t op)
{
  put (aml, op, 1);
}

// ---- lengths --------------------------------------------------------------------------------

// PkgLength (20.2.4): it counts itself.
static unsigned
encode_length (unsigned length, uint8_t to[4])
{
  unsigned n = length + 1 < 0x40 ? 1 : length + 2 < 0x1000 ? 2 : length + 3 < 0x100000 ? 3 : 4;

  length += n;
  if (n == 1) {
    to[0] = (uint8_t) length;
    return n;
  }
  to[0] = (uint8_t) ((n - 1) << 6 | (length & 0xf));
  for (unsigned i = 1; i < n; i++)
    to[i] = (uint8_t) (length >> (4 + 8 * (i - 1)));
  return n;
}

static void
begin (Aml *aml)
{
  g_assert (aml->depth < AML_DEPTH_MAX);
  aml->starts[aml->depth++] = aml->bytes->len;
}

static void
insert (Aml *aml, unsigned at, const void *bytes, unsigned n)
{
  unsigned length = aml->bytes->len;

  g_byte_array_set_size (aml->bytes, length + n);
  memmove (aml->bytes->data + at + n, aml->bytes->data + at, length - at);
  memcpy (aml->bytes->data + at, bytes, n);
}

void
aml_end (Aml *aml)
{
  uint8_t length[4];

  g_assert (aml->depth > 0);
  unsigned start = aml->starts[--aml->depth];
  unsigned n = encode_length (aml->bytes->len - start, length);
  insert (aml, start, length, n);
}

// ---- values ---------------------------------------------------------------------------------

void
aml_path (Aml *aml, const char *path)
{
  size_t length;

  if (*path == '\\')
    put (aml, (uint8_t) *path++, 1);
  length = strlen (path);
  g_assert (length == 4 || (length == 9 && path[4] == '.'));
  if (length == 9)
    aml_op (aml, OP_DUAL_NAME);
  g_byte_array_append (aml->bytes, (const uint8_t *) path, 4);
  if (length == 9)
    g_byte_array_append (aml->bytes, (const uint8_t *) path + 5, 4);
}

void
aml_int (Aml *aml, uint64_t value)
{
  if (value <= 1) {
    aml_op (aml, value == 0 ? OP_ZERO : OP_ONE);
  } else if (value <= UINT8_MAX) {
    aml_op (aml, OP_BYTE);
    put (aml, value, 1);
  } else if (value <= UINT16_MAX) {
    aml_op (aml, OP_WORD);
    put (aml, value, 2);
  } else if (value <= UINT32_MAX) {
    aml_op (aml, OP_DWORD);
    put (aml, value, 4);
  } else {
    aml_op (aml, OP_QWORD);
    put (aml, value, 8);
  }
}

void
aml_string (Aml *aml, const char *text)
{
  aml_op (aml, OP_STRING);
  g_byte_array_append (aml->bytes, (const uint8_t *) text, (guint) strlen (text) + 1);
}

// Three letters of five bits, four hexadecimal digits; most significant byte first (19.3.4).
void
aml_eisa_id (Aml *aml, const char *id)
{
  uint32_t value = 0;

  g_assert (strlen (id) == 7);
  for (unsigned i = 0; i < 3; i++)
    value = value << 5 | (id[i] & 0x1fu);
  for (unsigned i = 3; i < 7; i++)
    value = value << 4 | (uint32_t) g_ascii_xdigit_value (id[i]);
  aml_op (aml, OP_DWORD);
  put (aml, GUINT32_SWAP_LE_BE (value), 4);
}

void
aml_uuid (Aml *aml, const uint8_t uuid[16])
{
  aml_op (aml, OP_BUFFER);
  begin (aml);
  aml_int (aml, 16);
  g_byte_array_append (aml->bytes, uuid, 16);
  aml_end (aml);
}

// ---- terms ----------------------------------------------------------------------------------

void
aml_begin_scope (Aml *aml, const char *path)
{
  aml_op (aml, OP_SCOPE);
  begin (aml);
  aml_path (aml, path);
}

void
aml_begin_device (Aml *aml, const char *name)
{
  aml_op (aml, OP_EXTENDED);
  aml_op (aml, OP_DEVICE);
  begin (aml);
  aml_path (aml, name);
}

void
aml_begin_method (Aml *aml, const char *name, unsigned n_args, bool serialized)
{
  aml_op (aml, OP_METHOD);
  begin (aml);
  aml_path (aml, name);
  aml_op (aml, (uint8_t) (n_args | (serialized ? 8 : 0)));
}

void
aml_begin_package (Aml *aml, unsigned n)
{
  g_assert (n <= UINT8_MAX);
  aml_op (aml, OP_PACKAGE);
  begin (aml);
  aml_op (aml, (uint8_t) n);
}

void
aml_begin_if (Aml *aml)
{
  aml_op (aml, OP_IF);
  begin (aml);
}

void
aml_begin_else (Aml *aml)
{
  aml_op (aml, OP_ELSE);
  begin (aml);
}

void
aml_name (Aml *aml, const char *name)
{
  aml_op (aml, OP_NAME);
  aml_path (aml, name);
}

void
aml_name_int (Aml *aml, const char *name, uint64_t value)
{
  aml_name (aml, name);
  aml_int (aml, value);
}

void
aml_name_string (Aml *aml, const char *name, const char *text)
{
  aml_name (aml, name);
  aml_string (aml, text);
}

void
aml_name_eisa_id (Aml *aml, const char *name, const char *id)
{
  aml_name (aml, name);
  aml_eisa_id (aml, id);
}

void
aml_register (Aml *aml, const char *region, const char *field, GuestAddr at)
{
  aml_op (aml, OP_EXTENDED);
  aml_op (aml, OP_REGION);
  aml_path (aml, region);
  aml_op (aml, SPACE_MEMORY);
  aml_int (aml, at);
  aml_int (aml, 4);

  aml_op (aml, OP_EXTENDED);
  aml_op (aml, OP_FIELD);
  begin (aml);
  aml_path (aml, region);
  aml_op (aml, FIELD_DWORD_ZEROES);
  aml_path (aml, field);
  aml_op (aml, 32); // bits, written as a length is
  aml_end (aml);
}

// ---- resources ------------------------------------------------------------------------------

void
aml_begin_resources (Aml *aml)
{
  aml_op (aml, OP_BUFFER);
  begin (aml);
}

// The buffer's size comes before its bytes.
void
aml_end_resources (Aml *aml)
{
  g_assert (aml->depth > 0);
  unsigned start = aml->starts[aml->depth - 1];

  put (aml, TAG_END, 2); // and a checksum nobody looks at
  uint8_t size[3] = {OP_WORD};
  unsigned length = aml->bytes->len - start;
  size[1] = (uint8_t) length;
  size[2] = (uint8_t) (length >> 8);
  insert (aml, start, size, sizeof size);
  aml_end (aml);
}

void
aml_memory32 (Aml *aml, uint32_t base, uint32_t bytes)
{
  aml_op (aml, TAG_MEMORY32);
  put (aml, 9, 2);
  aml_op (aml, 1); // can be written
  put (aml, base, 4);
  put (aml, bytes, 4);
}

void
aml_interrupt (Aml *aml, uint32_t gsi, bool edge)
{
  aml_op (aml, TAG_INTERRUPT);
  put (aml, 6, 2);
  aml_op (aml, edge ? 3 : 1); // consumed, active high
  aml_op (aml, 1);
  put (aml, gsi, 4);
}

void
aml_window (Aml *aml, AmlRange kind, unsigned word_bytes, uint64_t base, uint64_t bytes,
            uint64_t offset, bool consumed)
{
  const uint8_t tag = word_bytes == 2 ? TAG_WORD : word_bytes == 4 ? TAG_DWORD : TAG_QWORD;
  // Minimum and maximum are fixed; memory can be written, I/O is all of it and translated.
  uint8_t flags = 0x0c | (consumed ? 1 : 0);
  uint8_t specific = kind == AML_RANGE_MEMORY ? 1 : kind == AML_RANGE_IO ? 0x13 : 0;

  aml_op (aml, tag);
  put (aml, 3 + 5 * word_bytes, 2);
  aml_op (aml, (uint8_t) kind);
  aml_op (aml, flags);
  aml_op (aml, specific);
  put (aml, 0, word_bytes); // granularity
  put (aml, base, word_bytes);
  put (aml, base + bytes - 1, word_bytes);
  put (aml, offset, word_bytes);
  put (aml, bytes, word_bytes);
}
