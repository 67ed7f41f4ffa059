// SPDX-License-Identifier: GPL-3.0-or-later
// The static tables (ACPI 6.3 chapter 5; IORT: Arm DEN 0049; SPCR and DBG2: Microsoft's) and the
// loader's script.
#include "engine/boot/acpi.h"

#include <assert.h>
#include <string.h>

enum {
  HEADER_BYTES = 36,
  CHECKSUM_AT = 9,
  LENGTH_AT = 4,
  FADT_X_DSDT_AT = 140,
  RSDP_XSDT_AT = 24,
  TABLES_MAX = 12,

  FADT_HW_REDUCED = 1 << 20,
  ARM_PSCI_BY_HVC = 3,

  MADT_GICC = 0x0b,
  MADT_GICD = 0x0c,
  MADT_GICR = 0x0e,
  MADT_ITS = 0x0f,

  TIMER_ALWAYS_ON = 4, // level, active high
  SERIAL_PL011 = 3,
  SERIAL_INTERRUPT_GIC = 8,
  DEBUG_PORT_SERIAL = 0x8000,

  PPTT_PACKAGE = 1,
  PPTT_ID_VALID = 2,
  PPTT_LEAF = 8,

  LOADER_ALLOCATE = 1,
  LOADER_POINTER = 2,
  LOADER_CHECKSUM = 3,
  LOADER_NAME_BYTES = 56,
  ZONE_HIGH = 1,
  ZONE_FSEG = 2,
  TABLES_ALIGN = 64,
  RSDP_ALIGN = 16,
};

// One entry of the script. Little endian.
typedef struct LoaderEntry {
  uint32_t command;
  union {
    struct {
      char file[LOADER_NAME_BYTES];
      uint32_t align;
      uint8_t zone;
    } __attribute__ ((packed)) allocate;
    struct {
      char dest[LOADER_NAME_BYTES], src[LOADER_NAME_BYTES];
      uint32_t offset;
      uint8_t size;
    } __attribute__ ((packed)) pointer;
    struct {
      char file[LOADER_NAME_BYTES];
      uint32_t offset, start, length;
    } __attribute__ ((packed)) checksum;
    uint8_t pad[124];
  };
} LoaderEntry;
static_assert (sizeof (LoaderEntry) == 128, "a wire format");

typedef struct Builder {
  const AcpiBoard *board;
  GByteArray *tables, *loader;
  uint32_t listed[TABLES_MAX]; // offsets of those the XSDT names
  unsigned n_listed;
  uint32_t start; // of the table being written
} Builder;

// ---- writing --------------------------------------------------------------------------------

static void
put (GByteArray *to, uint64_t value, unsigned bytes)
{
  value = GUINT64_TO_LE (value);
  g_byte_array_append (to, (const uint8_t *) &value, bytes);
}

static void
put_zeroes (GByteArray *to, unsigned n)
{
  unsigned length = to->len;

  g_byte_array_set_size (to, length + n);
  memset (to->data + length, 0, n);
}

static void
put_at (GByteArray *to, uint32_t at, uint64_t value, unsigned bytes)
{
  value = GUINT64_TO_LE (value);
  memcpy (to->data + at, &value, bytes);
}

// A generic address: a 32-bit register in memory.
static void
put_address (GByteArray *to, GuestAddr at)
{
  put (to, 0, 1);
  put (to, 32, 1);
  put (to, 0, 1);
  put (to, 3, 1);
  put (to, at, 8);
}

// ---- the script -----------------------------------------------------------------------------

static void
append_entry (Builder *b, const LoaderEntry *entry)
{
  g_byte_array_append (b->loader, (const uint8_t *) entry, sizeof *entry);
}

static void
add_allocate (Builder *b, const char *file, uint32_t align, uint8_t zone)
{
  LoaderEntry entry = {.command = GUINT32_TO_LE (LOADER_ALLOCATE)};

  g_strlcpy (entry.allocate.file, file, LOADER_NAME_BYTES);
  entry.allocate.align = GUINT32_TO_LE (align);
  entry.allocate.zone = zone;
  append_entry (b, &entry);
}

// The number at `at` in `dest` is an offset in the tables, and becomes an address.
static void
add_pointer (Builder *b, const char *dest, uint32_t at)
{
  LoaderEntry entry = {.command = GUINT32_TO_LE (LOADER_POINTER)};

  g_strlcpy (entry.pointer.dest, dest, LOADER_NAME_BYTES);
  g_strlcpy (entry.pointer.src, ACPI_FILE_TABLES, LOADER_NAME_BYTES);
  entry.pointer.offset = GUINT32_TO_LE (at);
  entry.pointer.size = 8;
  append_entry (b, &entry);
}

static void
add_checksum (Builder *b, const char *file, uint32_t at, uint32_t start, uint32_t length)
{
  LoaderEntry entry = {.command = GUINT32_TO_LE (LOADER_CHECKSUM)};

  g_strlcpy (entry.checksum.file, file, LOADER_NAME_BYTES);
  entry.checksum.offset = GUINT32_TO_LE (at);
  entry.checksum.start = GUINT32_TO_LE (start);
  entry.checksum.length = GUINT32_TO_LE (length);
  append_entry (b, &entry);
}

// ---- tables ---------------------------------------------------------------------------------

static void
begin (Builder *b, const char *signature, uint8_t revision)
{
  GByteArray *to = b->tables;

  b->start = to->len;
  g_byte_array_append (to, (const uint8_t *) signature, 4);
  put (to, 0, 4); // length
  put (to, revision, 1);
  put (to, 0, 1); // checksum
  g_byte_array_append (to, (const uint8_t *) "TERRA TERRARIU", 14);
  put (to, 1, 4);
  g_byte_array_append (to, (const uint8_t *) "TERR", 4);
  put (to, 1, 4);
}

// Tables begin at multiples of eight; what is between is no part of them.
static void
end (Builder *b, bool listed)
{
  uint32_t length = b->tables->len - b->start;

  put_at (b->tables, b->start + LENGTH_AT, length, 4);
  add_checksum (b, ACPI_FILE_TABLES, b->start + CHECKSUM_AT, b->start, length);
  if (listed) {
    g_assert (b->n_listed < TABLES_MAX);
    b->listed[b->n_listed++] = b->start;
  }
  put_zeroes (b->tables, -b->tables->len % 8);
}

// The pointer to the DSDT must be there before the checksum is computed.
static void
add_fadt (Builder *b, uint32_t dsdt)
{
  begin (b, "FACP", 6);
  put_zeroes (b->tables, 276 - HEADER_BYTES);
  put_at (b->tables, b->start + 112, FADT_HW_REDUCED, 4);
  put_at (b->tables, b->start + 129, ARM_PSCI_BY_HVC, 2);
  put_at (b->tables, b->start + 131, 3, 1); // 6.3
  put_at (b->tables, b->start + FADT_X_DSDT_AT, dsdt, 8);
  g_byte_array_remove_range (b->tables, b->start + 268, 8);
  g_byte_array_append (b->tables, (const uint8_t *) "TERRARIU", 8);
  add_pointer (b, ACPI_FILE_TABLES, b->start + FADT_X_DSDT_AT);
  end (b, true);
}

static void
put_gicc (GByteArray *to, const AcpiBoard *board, unsigned cpu)
{
  put (to, MADT_GICC, 1);
  put (to, 80, 1);
  put (to, 0, 2);
  put (to, cpu, 4); // interface
  put (to, cpu, 4); // processor
  put (to, 1, 4);   // enabled
  put (to, 0, 4);
  put (to, board->pmu, 4);
  put_zeroes (to, 8 + 8 + 8 + 8 + 4 + 8); // no parking, no memory-mapped interface
  put (to, board->cpu_affinity (cpu), 8);
  put_zeroes (to, 4);
}

static void
add_madt (Builder *b)
{
  const AcpiBoard *board = b->board;
  GByteArray *to = b->tables;

  begin (b, "APIC", 5);
  put_zeroes (to, 8);
  put (to, MADT_GICD | 24 << 8, 4);
  put (to, 0, 4);
  put (to, board->gic_dist, 8);
  put (to, 0, 4);
  put (to, 3, 4); // version
  for (unsigned i = 0; i < board->n_cpus; i++)
    put_gicc (to, board, i);
  put (to, MADT_GICR | 16 << 8, 4);
  put (to, board->gic_redist, 8);
  put (to, board->gic_redist_bytes, 4);
  if (board->its != 0) {
    put (to, MADT_ITS | 20 << 8, 4);
    put (to, 0, 4);
    put (to, board->its, 8);
    put (to, 0, 4);
  }
  end (b, true);
}

static void
add_gtdt (Builder *b)
{
  const uint32_t timers[] = {b->board->timer_secure, b->board->timer_phys, b->board->timer_virt,
                             b->board->timer_hyp};

  begin (b, "GTDT", 3);
  put (b->tables, UINT64_MAX, 8); // no memory-mapped counter
  put (b->tables, 0, 4);
  for (unsigned i = 0; i < G_N_ELEMENTS (timers); i++) {
    put (b->tables, timers[i], 4);
    put (b->tables, TIMER_ALWAYS_ON, 4);
  }
  put (b->tables, UINT64_MAX, 8);
  put_zeroes (b->tables, 4 + 4 + 4 + 4);
  end (b, true);
}

static void
add_mcfg (Builder *b)
{
  begin (b, "MCFG", 1);
  put_zeroes (b->tables, 8);
  put (b->tables, b->board->ecam.base, 8);
  put (b->tables, 0, 2); // segment
  put (b->tables, 0, 1);
  put (b->tables, (b->board->ecam.bytes >> 20) - 1, 1); // last bus
  put (b->tables, 0, 4);
  end (b, true);
}

static void
add_spcr (Builder *b)
{
  const AcpiDevice *uart = &b->board->uart;

  begin (b, "SPCR", 2);
  put (b->tables, SERIAL_PL011, 4);
  put_address (b->tables, uart->base);
  put (b->tables, SERIAL_INTERRUPT_GIC, 2);
  put (b->tables, uart->gsi, 4);
  put (b->tables, 0, 1); // speed: as it is
  put (b->tables, 0, 1);
  put (b->tables, 1, 1); // stop bit
  put_zeroes (b->tables, 3);
  put (b->tables, 0xffffffff, 4); // no PCI device
  put_zeroes (b->tables, 3 + 4 + 1 + 4);
  end (b, true);
}

static void
add_dbg2 (Builder *b)
{
  static const char name[] = "\\_SB_.COM0";
  const uint16_t address_at = 22, size_at = 34, name_at = 38;

  begin (b, "DBG2", 0);
  put (b->tables, HEADER_BYTES + 8, 4);
  put (b->tables, 1, 4);
  put (b->tables, 0, 1);
  put (b->tables, name_at + sizeof name, 2);
  put (b->tables, 1, 1); // address
  put (b->tables, sizeof name, 2);
  put (b->tables, name_at, 2);
  put (b->tables, 0, 4); // no data of ours
  put (b->tables, DEBUG_PORT_SERIAL, 2);
  put (b->tables, SERIAL_PL011, 2);
  put (b->tables, 0, 2);
  put (b->tables, address_at, 2);
  put (b->tables, size_at, 2);
  put_address (b->tables, b->board->uart.base);
  put (b->tables, b->board->uart.bytes, 4);
  g_byte_array_append (b->tables, (const uint8_t *) name, sizeof name);
  end (b, true);
}

static void
put_node (GByteArray *to, uint32_t flags, uint32_t parent, uint32_t id)
{
  put (to, 0, 1);
  put (to, 20, 1);
  put (to, 0, 2);
  put (to, flags, 4);
  put (to, parent, 4);
  put (to, id, 4);
  put (to, 0, 4);
}

// One package with all CPUs.
static void
add_pptt (Builder *b)
{
  begin (b, "PPTT", 2);
  put_node (b->tables, PPTT_PACKAGE, 0, 0);
  for (unsigned i = 0; i < b->board->n_cpus; i++)
    put_node (b->tables, PPTT_ID_VALID | PPTT_LEAF, HEADER_BYTES, i);
  end (b, true);
}

// Every PCI function's messages go to the one ITS, under the function's own number.
static void
add_iort (Builder *b)
{
  GByteArray *to = b->tables;
  const uint32_t group_at = 48;

  begin (b, "IORT", 3);
  put (to, 2, 4); // nodes
  put (to, group_at, 4);
  put (to, 0, 4);

  put (to, 0, 1); // ITS group
  put (to, 24, 2);
  put (to, 1, 1);
  put (to, 0, 4); // identifier
  put_zeroes (to, 8);
  put (to, 1, 4);
  put (to, 0, 4); // as in the MADT

  put (to, 2, 1); // root complex
  put (to, 36 + 20, 2);
  put (to, 3, 1);
  put (to, 1, 4);
  put (to, 1, 4);
  put (to, 36, 4);
  put (to, 1, 4); // coherent
  put (to, 3 << 24, 4);
  put (to, 0, 4);
  put (to, 0, 4);  // segment
  put (to, 64, 4); // address bits
  put (to, 0, 4);
  put (to, 0xffff, 4);
  put (to, 0, 4);
  put (to, group_at, 4);
  put (to, 0, 4);
  end (b, true);
}

// Its offset.
static uint32_t
add_xsdt (Builder *b)
{
  begin (b, "XSDT", 1);
  for (unsigned i = 0; i < b->n_listed; i++) {
    add_pointer (b, ACPI_FILE_TABLES, b->tables->len);
    put (b->tables, b->listed[i], 8);
  }
  end (b, false);
  return b->start;
}

static GBytes *
make_rsdp (Builder *b, uint32_t xsdt)
{
  GByteArray *rsdp = g_byte_array_new ();

  g_byte_array_append (rsdp, (const uint8_t *) "RSD PTR \0TERRA \2", 16);
  put (rsdp, 0, 4); // no RSDT
  put (rsdp, HEADER_BYTES, 4);
  put (rsdp, xsdt, 8);
  put (rsdp, 0, 4);
  add_pointer (b, ACPI_FILE_RSDP, RSDP_XSDT_AT);
  add_checksum (b, ACPI_FILE_RSDP, 8, 0, 20);
  add_checksum (b, ACPI_FILE_RSDP, 32, 0, rsdp->len);
  return g_byte_array_free_to_bytes (rsdp);
}

AcpiFiles
acpi_build (const AcpiBoard *board)
{
  Builder b = {.board = board, .tables = g_byte_array_new (), .loader = g_byte_array_new ()};
  AcpiFiles files;

  add_allocate (&b, ACPI_FILE_RSDP, RSDP_ALIGN, ZONE_FSEG);
  add_allocate (&b, ACPI_FILE_TABLES, TABLES_ALIGN, ZONE_HIGH);
  begin (&b, "DSDT", 2);
  acpi_append_dsdt (b.tables, board);
  uint32_t dsdt = b.start;
  end (&b, false);
  add_fadt (&b, dsdt);
  add_madt (&b);
  add_gtdt (&b);
  add_mcfg (&b);
  add_spcr (&b);
  add_dbg2 (&b);
  add_pptt (&b);
  if (board->its != 0)
    add_iort (&b);
  files.rsdp = make_rsdp (&b, add_xsdt (&b));
  files.tables = g_byte_array_free_to_bytes (b.tables);
  files.loader = g_byte_array_free_to_bytes (b.loader);
  return files;
}

void
acpi_files_clear (AcpiFiles *files)
{
  g_clear_pointer (&files->tables, g_bytes_unref);
  g_clear_pointer (&files->rsdp, g_bytes_unref);
  g_clear_pointer (&files->loader, g_bytes_unref);
}
