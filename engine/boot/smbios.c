// SPDX-License-Identifier: GPL-3.0-or-later
// See smbios.h. A structure is its header, its fields in the order of the specification's tables, and
// the strings that fields name by their number.
#include "engine/boot/smbios.h"

#include <string.h>

enum {
  STRINGS_MAX = 8,
  LONGEST_STRING = 64,

  TYPE_BIOS = 0,
  TYPE_SYSTEM = 1,
  TYPE_CHASSIS = 3,
  TYPE_PROCESSOR = 4,
  TYPE_MEMORY_ARRAY = 16,
  TYPE_MEMORY_DEVICE = 17,
  TYPE_MEMORY_MAPPED = 19,
  TYPE_BOOT = 32,
  TYPE_END = 127,

  BIOS_NO_CHARACTERISTICS = 1 << 3,
  BIOS_UEFI = 1 << 3,
  BIOS_VIRTUAL = 1 << 4,
  WAKE_POWER_SWITCH = 6,
  CHASSIS_OTHER = 1,
  STATE_SAFE = 3,
  SECURITY_UNKNOWN = 2,
  PROCESSOR_CENTRAL = 3,
  FAMILY_SEE_2 = 0xfe,
  FAMILY_ARMV8 = 0x101,
  PROCESSOR_ENABLED = 0x41, // and there
  UPGRADE_OTHER = 1,
  NO_HANDLE = 0xffff,
  NO_ERROR_HANDLE = 0xfffe,
  ARRAY_ON_BOARD = 3,
  ARRAY_SYSTEM = 3,
  ERRORS_UNCORRECTED = 3,
  CAPACITY_EXTENDED = 0x7fff,
  FORM_DIMM = 9,
  MEMORY_RAM = 7,
  DETAIL_OTHER = 2,
};

typedef struct Structure {
  GByteArray *to;
  unsigned start;
  char strings[STRINGS_MAX][LONGEST_STRING];
  unsigned n_strings;
} Structure;

static void
put (Structure *s, uint64_t value, unsigned bytes)
{
  value = GUINT64_TO_LE (value);
  g_byte_array_append (s->to, (const uint8_t *) &value, bytes);
}

static void
put_string (Structure *s, const char *text)
{
  g_assert (s->n_strings < STRINGS_MAX);
  if (text == NULL || text[0] == '\0') {
    put (s, 0, 1);
    return;
  }
  // Cut in the middle of a character it would be none.
  g_utf8_strncpy (s->strings[s->n_strings], text, LONGEST_STRING / 4 - 1);
  put (s, ++s->n_strings, 1);
}

static Structure
begin (GByteArray *to, uint8_t type, uint16_t handle)
{
  Structure s = {.to = to, .start = to->len};

  put (&s, type, 1);
  put (&s, 0, 1); // length of the fields
  put (&s, handle, 2);
  return s;
}

static void
end (Structure *s)
{
  s->to->data[s->start + 1] = (uint8_t) (s->to->len - s->start);
  for (unsigned i = 0; i < s->n_strings; i++)
    g_byte_array_append (s->to, (const uint8_t *) s->strings[i],
                         (guint) strlen (s->strings[i]) + 1);
  put (s, 0, s->n_strings == 0 ? 2 : 1);
}

// Structures of a kind are numbered from it on.
static uint16_t
handle_of (unsigned type)
{
  return (uint16_t) (type << 8);
}

static void
add_bios (GByteArray *to, const SmbiosMachine *machine)
{
  Structure s = begin (to, TYPE_BIOS, handle_of (TYPE_BIOS));

  put_string (&s, "Terrarium");
  put_string (&s, machine->version);
  put (&s, 0, 2);
  put_string (&s, "01/01/2026");
  put (&s, 0, 1);
  put (&s, BIOS_NO_CHARACTERISTICS, 8);
  put (&s, 0, 1);
  put (&s, BIOS_UEFI | BIOS_VIRTUAL, 1);
  put (&s, 0, 2);
  put (&s, 0xffff, 2);
  end (&s);
}

// The first three numbers of a UUID are stored little endian.
static void
put_uuid (Structure *s, const char *text)
{
  static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
  uint8_t bytes[16] = {0};
  unsigned n = 0;

  for (const char *p = text; p != NULL && *p != '\0' && n < 32; p++)
    if (g_ascii_isxdigit (*p)) {
      bytes[n / 2] = (uint8_t) (bytes[n / 2] << 4 | g_ascii_xdigit_value (*p));
      n++;
    }
  for (unsigned i = 0; i < 16; i++)
    put (s, bytes[order[i]], 1);
}

static void
add_system (GByteArray *to, const SmbiosMachine *machine)
{
  Structure s = begin (to, TYPE_SYSTEM, handle_of (TYPE_SYSTEM));

  put_string (&s, "Terrarium");
  put_string (&s, "virt");
  put_string (&s, machine->version);
  put_string (&s, NULL);
  put_uuid (&s, machine->uuid);
  put (&s, WAKE_POWER_SWITCH, 1);
  put_string (&s, NULL);
  put_string (&s, "Virtual machine");
  end (&s);
}

static void
add_chassis (GByteArray *to, const SmbiosMachine *machine)
{
  Structure s = begin (to, TYPE_CHASSIS, handle_of (TYPE_CHASSIS));

  put_string (&s, "Terrarium");
  put (&s, CHASSIS_OTHER, 1);
  put_string (&s, machine->version);
  put_string (&s, NULL);
  put_string (&s, machine->name);
  put (&s, STATE_SAFE, 1);
  put (&s, STATE_SAFE, 1);
  put (&s, STATE_SAFE, 1);
  put (&s, SECURITY_UNKNOWN, 1);
  put (&s, 0, 4);
  put (&s, 0, 4); // height, cords, contained elements and their length
  put_string (&s, NULL);
  end (&s);
}

static void
add_processor (GByteArray *to, const SmbiosMachine *machine)
{
  uint8_t n = (uint8_t) MIN (machine->n_cpus, UINT8_MAX);
  Structure s = begin (to, TYPE_PROCESSOR, handle_of (TYPE_PROCESSOR));

  put_string (&s, "CPU 0");
  put (&s, PROCESSOR_CENTRAL, 1);
  put (&s, FAMILY_SEE_2, 1);
  put_string (&s, "Terrarium");
  put (&s, 0, 8);
  put_string (&s, machine->version);
  put (&s, 0, 1 + 2 + 2 + 2); // voltage and clocks: unknown
  put (&s, PROCESSOR_ENABLED, 1);
  put (&s, UPGRADE_OTHER, 1);
  for (unsigned level = 0; level < 3; level++)
    put (&s, NO_HANDLE, 2);
  put_string (&s, NULL);
  put_string (&s, NULL);
  put_string (&s, NULL);
  put (&s, n, 1);
  put (&s, n, 1);
  put (&s, n, 1);
  put (&s, 0, 2);
  put (&s, FAMILY_ARMV8, 2);
  for (unsigned i = 0; i < 3; i++)
    put (&s, machine->n_cpus, 2);
  end (&s);
}

static void
add_memory (GByteArray *to, const SmbiosMachine *machine)
{
  uint64_t kib = machine->ram_bytes >> 10, mib = machine->ram_bytes >> 20;
  uint64_t first = machine->ram_base >> 10;
  Structure s = begin (to, TYPE_MEMORY_ARRAY, handle_of (TYPE_MEMORY_ARRAY));

  put (&s, ARRAY_ON_BOARD, 1);
  put (&s, ARRAY_SYSTEM, 1);
  put (&s, ERRORS_UNCORRECTED, 1);
  put (&s, kib < 0x80000000 ? kib : 0x80000000, 4);
  put (&s, NO_ERROR_HANDLE, 2);
  put (&s, 1, 2);
  put (&s, kib < 0x80000000 ? 0 : machine->ram_bytes, 8);
  end (&s);

  s = begin (to, TYPE_MEMORY_DEVICE, handle_of (TYPE_MEMORY_DEVICE));
  put (&s, handle_of (TYPE_MEMORY_ARRAY), 2);
  put (&s, NO_ERROR_HANDLE, 2);
  put (&s, 0xffffffff, 4); // widths
  put (&s, mib < CAPACITY_EXTENDED ? mib : CAPACITY_EXTENDED, 2);
  put (&s, FORM_DIMM, 1);
  put (&s, 0, 1);
  put_string (&s, "DIMM 0");
  put_string (&s, NULL);
  put (&s, MEMORY_RAM, 1);
  put (&s, DETAIL_OTHER, 2);
  put (&s, 0, 2);
  put_string (&s, "Terrarium");
  put (&s, 0, 3 + 1);
  put (&s, mib < CAPACITY_EXTENDED ? 0 : mib, 4);
  put (&s, 0, 8); // speed, voltages
  end (&s);

  s = begin (to, TYPE_MEMORY_MAPPED, handle_of (TYPE_MEMORY_MAPPED));
  bool fits = first + kib - 1 < UINT32_MAX;
  put (&s, fits ? first : UINT32_MAX, 4);
  put (&s, fits ? first + kib - 1 : UINT32_MAX, 4);
  put (&s, handle_of (TYPE_MEMORY_ARRAY), 2);
  put (&s, 1, 1);
  put (&s, fits ? 0 : machine->ram_base, 8);
  put (&s, fits ? 0 : machine->ram_base + machine->ram_bytes - 1, 8);
  end (&s);
}

static void
add_boot_and_end (GByteArray *to)
{
  Structure s = begin (to, TYPE_BOOT, handle_of (TYPE_BOOT));

  put (&s, 0, 6);
  put (&s, 0, 1); // no errors
  end (&s);
  s = begin (to, TYPE_END, handle_of (TYPE_END));
  end (&s);
}

// The entry point; the firmware puts the tables' address in and computes the checksum anew.
static GBytes *
make_anchor (uint32_t bytes)
{
  uint8_t anchor[24] = "_SM3_";
  uint8_t sum = 0;

  anchor[6] = sizeof anchor;
  anchor[7] = 3; // version 3.0
  anchor[10] = 1;
  bytes = GUINT32_TO_LE (bytes);
  memcpy (anchor + 12, &bytes, sizeof bytes);
  for (unsigned i = 0; i < sizeof anchor; i++)
    sum = (uint8_t) (sum + anchor[i]);
  anchor[5] = (uint8_t) -sum;
  return g_bytes_new (anchor, sizeof anchor);
}

void
smbios_build (const SmbiosMachine *machine, GBytes **anchor, GBytes **tables)
{
  GByteArray *to = g_byte_array_new ();

  add_bios (to, machine);
  add_system (to, machine);
  add_chassis (to, machine);
  add_processor (to, machine);
  add_memory (to, machine);
  add_boot_and_end (to);
  *anchor = make_anchor (to->len);
  *tables = g_byte_array_free_to_bytes (to);
}
