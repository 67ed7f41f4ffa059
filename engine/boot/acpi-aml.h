// SPDX-License-Identifier: GPL-3.0-or-later
// Writing ACPI machine language (ACPI 6.3, chapter 20), in the order of the text: a term with a body
// is begun, its body follows, and it is ended.
//
// Threads: any; a writer belongs to whoever made it.
#pragma once

#include <glib.h>

#include "engine/structs/types.h"

enum {
  AML_DEPTH_MAX = 12,

  // Operators, for aml_op.
  AML_ARG0 = 0x68,
  AML_ARG1 = 0x69,
  AML_ARG3 = 0x6b,
  AML_LOCAL0 = 0x60,
  AML_STORE = 0x70,
  AML_AND = 0x7b,
  AML_OR = 0x7d,
  AML_NOTIFY = 0x86,
  AML_DWORD_FIELD = 0x8a,
  AML_NOT = 0x92,
  AML_EQUAL = 0x93,
  AML_RETURN = 0xa4,
};

typedef struct Aml {
  GByteArray *bytes;
  unsigned starts[AML_DEPTH_MAX]; // where the lengths of what is not ended yet go
  unsigned depth;
} Aml;

void aml_init (Aml *aml);
void aml_clear (Aml *aml);

void aml_op (Aml *aml, uint8_t op);
void aml_path (Aml *aml, const char *path); // "_HID", "\\_SB.PCI0"
void aml_int (Aml *aml, uint64_t value);
void aml_string (Aml *aml, const char *text);
void aml_eisa_id (Aml *aml, const char *id);      // "PNP0A08"
void aml_uuid (Aml *aml, const uint8_t uuid[16]); // in the order of its bytes in memory

void aml_begin_scope (Aml *aml, const char *path);
void aml_begin_device (Aml *aml, const char *name);
void aml_begin_method (Aml *aml, const char *name, unsigned n_args, bool serialized);
void aml_begin_package (Aml *aml, unsigned n);
void aml_begin_if (Aml *aml);
void aml_begin_else (Aml *aml);
void aml_end (Aml *aml);

// A value with a name: the value follows.
void aml_name (Aml *aml, const char *name);
void aml_name_int (Aml *aml, const char *name, uint64_t value);
void aml_name_string (Aml *aml, const char *name, const char *text);
void aml_name_eisa_id (Aml *aml, const char *name, const char *id);

// 32 bits of memory, whole.
void aml_register (Aml *aml, const char *region, const char *field, GuestAddr at);

// A template of resources (6.4), as the value of _CRS.
void aml_begin_resources (Aml *aml);
void aml_memory32 (Aml *aml, uint32_t base, uint32_t bytes);
void aml_interrupt (Aml *aml, uint32_t gsi, bool edge);

typedef enum AmlRange { AML_RANGE_MEMORY, AML_RANGE_IO, AML_RANGE_BUS } AmlRange;
// A window a bridge hands down (or, with `consumed`, a range a device takes): what is at `base` there
// is at base + offset here. word_bytes: 2, 4 or 8.
void aml_window (Aml *aml, AmlRange kind, unsigned word_bytes, uint64_t base, uint64_t bytes,
                 uint64_t offset, bool consumed);
void aml_end_resources (Aml *aml);
