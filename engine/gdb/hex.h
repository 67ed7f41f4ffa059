// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers and bytes in hexadecimal, as gdb's remote protocol has them. Pure.
#pragma once

#include <glib.h>

#include "engine/structs/types.h"

// Reads one or more digits at *p and moves on. False: no digit, or more than fit.
static inline bool
gdb_hex_number (const char **p, uint64_t *value)
{
  const char *start = *p;

  *value = 0;
  for (; g_ascii_isxdigit (**p); (*p)++) {
    if (*value >> 60 != 0)
      return false;
    *value = *value << 4 | (unsigned) g_ascii_xdigit_value (**p);
  }
  return *p != start;
}

// Reads 2 * n digits at *p and moves on. False: there are fewer.
static inline bool
gdb_hex_bytes (const char **p, uint8_t *to, size_t n)
{
  for (size_t i = 0; i < n; i++, *p += 2) {
    if (!g_ascii_isxdigit ((*p)[0]) || !g_ascii_isxdigit ((*p)[1]))
      return false;
    to[i] = (uint8_t) (g_ascii_xdigit_value ((*p)[0]) << 4 | g_ascii_xdigit_value ((*p)[1]));
  }
  return true;
}

static inline void
gdb_hex_append (GString *text, const uint8_t *bytes, size_t n)
{
  static const char digits[] = "0123456789abcdef";

  for (size_t i = 0; i < n; i++) {
    g_string_append_c (text, digits[bytes[i] >> 4]);
    g_string_append_c (text, digits[bytes[i] & 15]);
  }
}
