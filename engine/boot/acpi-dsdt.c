// SPDX-License-Identifier: GPL-3.0-or-later
// The machine's definition block: the devices that cannot be found otherwise. The clock is the
// firmware's own (UEFI's time services), so it is not among them.
#include "engine/boot/acpi-aml.h"
#include "engine/boot/acpi.h"

enum {
  PCI_SLOTS = 32,
  // _OSC: what an operating system may take over. Hot-plug, power management events, errors, the
  // capability structure.
  OSC_CONTROL = 0x1f,
  OSC_UNKNOWN_UUID = 4,
  OSC_UNKNOWN_REVISION = 8,
  NOTIFY_PRESSED = 0x80,
  STA_PRESENT_HIDDEN = 0x0b,
};

// 33db4d5b-1ff7-401c-9657-7441c03dd766
static const uint8_t osc_uuid[16] = {0x5b, 0x4d, 0xdb, 0x33, 0xf7, 0x1f, 0x1c, 0x40,
                                     0x96, 0x57, 0x74, 0x41, 0xc0, 0x3d, 0xd7, 0x66};

static void
add_resources (Aml *aml, const AcpiDevice *device, bool edge)
{
  aml_name (aml, "_CRS");
  aml_begin_resources (aml);
  aml_memory32 (aml, (uint32_t) device->base, device->bytes);
  if (device->gsi != 0)
    aml_interrupt (aml, device->gsi, edge);
  aml_end_resources (aml);
}

static void
add_cpus (Aml *aml, unsigned n)
{
  for (unsigned i = 0; i < n; i++) {
    g_autofree char *name = g_strdup_printf ("C%03X", i);

    aml_begin_device (aml, name);
    aml_name_string (aml, "_HID", "ACPI0007");
    aml_name_int (aml, "_UID", i);
    aml_end (aml);
  }
}

static void
add_uart (Aml *aml, const AcpiDevice *uart)
{
  aml_begin_device (aml, "COM0");
  aml_name_string (aml, "_HID", "ARMH0011");
  aml_name_int (aml, "_UID", 0);
  add_resources (aml, uart, false);
  aml_end (aml);
}

static void
add_fw_cfg (Aml *aml, const AcpiDevice *fw_cfg)
{
  aml_begin_device (aml, "FWCF");
  aml_name_string (aml, "_HID", "QEMU0002");
  aml_name_int (aml, "_STA", STA_PRESENT_HIDDEN);
  aml_name_int (aml, "_CCA", 1);
  add_resources (aml, fw_cfg, false);
  aml_end (aml);
}

static void
add_virtio (Aml *aml, const AcpiBoard *board)
{
  for (unsigned i = 0; i < board->n_virtio; i++) {
    g_autofree char *name = g_strdup_printf ("VR%02X", i);
    AcpiDevice device = board->virtio;

    device.base += (GuestAddr) i * device.bytes;
    device.gsi += i;
    aml_begin_device (aml, name);
    aml_name_string (aml, "_HID", "LNRO0005");
    aml_name_int (aml, "_UID", i);
    aml_name_int (aml, "_CCA", 1);
    add_resources (aml, &device, true);
    aml_end (aml);
  }
}

// ---- PCI ------------------------------------------------------------------------------------

// Interrupt pins are swizzled over four lines.
static void
add_routing (Aml *aml, uint32_t inta)
{
  aml_name (aml, "_PRT");
  aml_begin_package (aml, PCI_SLOTS * 4);
  for (unsigned slot = 0; slot < PCI_SLOTS; slot++) {
    for (unsigned pin = 0; pin < 4; pin++) {
      aml_begin_package (aml, 4);
      aml_int (aml, slot << 16 | 0xffff);
      aml_int (aml, pin);
      aml_int (aml, 0);
      aml_int (aml, inta + (slot + pin) % 4);
      aml_end (aml);
    }
  }
  aml_end (aml);
}

static void
add_windows (Aml *aml, const AcpiBoard *board)
{
  aml_name (aml, "_CRS");
  aml_begin_resources (aml);
  aml_window (aml, AML_RANGE_BUS, 2, 0, board->ecam.bytes >> 20, 0, false);
  aml_window (aml, AML_RANGE_MEMORY, 4, board->pci_mmio32.base, board->pci_mmio32.bytes, 0, false);
  aml_window (aml, AML_RANGE_IO, 4, 0, board->pci_pio.bytes, board->pci_pio.base, false);
  aml_window (aml, AML_RANGE_MEMORY, 8, board->pci_mmio64.base, board->pci_mmio64.bytes, 0, false);
  aml_end_resources (aml);
}

static void
add_dword_field (Aml *aml, unsigned offset, const char *name)
{
  aml_op (aml, AML_DWORD_FIELD);
  aml_op (aml, AML_ARG3);
  aml_int (aml, offset);
  aml_path (aml, name);
}

// name = name OP value
static void
add_change (Aml *aml, uint8_t op, const char *name, uint64_t value)
{
  aml_op (aml, op);
  aml_path (aml, name);
  aml_int (aml, value);
  aml_path (aml, name);
}

// Which of the bus's features the operating system drives by itself.
static void
add_osc (Aml *aml)
{
  aml_begin_method (aml, "_OSC", 4, true);
  add_dword_field (aml, 0, "CDW1");
  aml_begin_if (aml);
  aml_op (aml, AML_EQUAL);
  aml_op (aml, AML_ARG0);
  aml_uuid (aml, osc_uuid);
  add_dword_field (aml, 8, "CDW3");
  add_change (aml, AML_AND, "CDW3", OSC_CONTROL);
  aml_begin_if (aml);
  aml_op (aml, AML_NOT);
  aml_op (aml, AML_EQUAL);
  aml_op (aml, AML_ARG1);
  aml_int (aml, 1);
  add_change (aml, AML_OR, "CDW1", OSC_UNKNOWN_REVISION);
  aml_end (aml);
  aml_end (aml);
  aml_begin_else (aml);
  add_change (aml, AML_OR, "CDW1", OSC_UNKNOWN_UUID);
  aml_end (aml);
  aml_op (aml, AML_RETURN);
  aml_op (aml, AML_ARG3);
  aml_end (aml);
}

static void
add_pci (Aml *aml, const AcpiBoard *board)
{
  aml_begin_device (aml, "PCI0");
  aml_name_eisa_id (aml, "_HID", "PNP0A08");
  aml_name_eisa_id (aml, "_CID", "PNP0A03");
  aml_name_int (aml, "_SEG", 0);
  aml_name_int (aml, "_BBN", 0);
  aml_name_int (aml, "_UID", 0);
  aml_name_int (aml, "_CCA", 1);
  add_routing (aml, board->pci_inta);
  add_windows (aml, board);
  add_osc (aml);
  // Where configuration space is must be claimed by somebody.
  aml_begin_device (aml, "RES0");
  aml_name_eisa_id (aml, "_HID", "PNP0C02");
  aml_name (aml, "_CRS");
  aml_begin_resources (aml);
  aml_window (aml, AML_RANGE_MEMORY, 8, board->ecam.base, board->ecam.bytes, 0, true);
  aml_end_resources (aml);
  aml_end (aml);
  aml_end (aml);
}

// ---- events ---------------------------------------------------------------------------------

static void
add_events (Aml *aml, const AcpiBoard *board)
{
  aml_begin_device (aml, "PWRB");
  aml_name_eisa_id (aml, "_HID", "PNP0C0C");
  aml_name_int (aml, "_UID", 0);
  aml_end (aml);

  aml_begin_device (aml, "GED0");
  aml_name_string (aml, "_HID", "ACPI0013");
  aml_name_int (aml, "_UID", 0);
  aml_name (aml, "_CRS");
  aml_begin_resources (aml);
  aml_interrupt (aml, board->ged.gsi, true);
  aml_end_resources (aml);
  aml_register (aml, "EVTR", "EVTS", board->ged.base);
  aml_begin_method (aml, "_EVT", 1, true);
  aml_op (aml, AML_STORE); // reading clears it
  aml_path (aml, "EVTS");
  aml_op (aml, AML_LOCAL0);
  aml_begin_if (aml);
  aml_op (aml, AML_AND);
  aml_op (aml, AML_LOCAL0);
  aml_int (aml, board->ged_power_button);
  aml_int (aml, 0); // the result goes nowhere else
  aml_op (aml, AML_NOTIFY);
  aml_path (aml, "\\_SB_.PWRB");
  aml_int (aml, NOTIFY_PRESSED);
  aml_end (aml);
  aml_end (aml);
  aml_end (aml);
}

void
acpi_append_dsdt (GByteArray *bytes, const AcpiBoard *board)
{
  Aml aml;

  aml_init (&aml);
  aml_begin_scope (&aml, "\\_SB_");
  add_cpus (&aml, board->n_cpus);
  add_uart (&aml, &board->uart);
  add_fw_cfg (&aml, &board->fw_cfg);
  add_virtio (&aml, board);
  add_pci (&aml, board);
  add_events (&aml, board);
  aml_end (&aml);
  g_byte_array_append (bytes, aml.bytes->data, aml.bytes->len);
  aml_clear (&aml);
}
