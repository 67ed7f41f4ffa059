// SPDX-License-Identifier: GPL-3.0-or-later
// The ACPI tables of an ARM machine (ACPI 6.3, hardware-reduced), and the script by which firmware
// puts them into memory, joins them and computes their checksums (fw_cfg's etc/table-loader).
//
// Threads: any; no state.
#pragma once

#include <glib.h>

#include "engine/structs/types.h"

typedef struct AcpiDevice {
  GuestAddr base;
  uint32_t bytes;
  uint32_t gsi; // 0: none
} AcpiDevice;

typedef struct AcpiWindow {
  GuestAddr base;
  uint64_t bytes;
} AcpiWindow;

// What the board has. Interrupts are INTIDs.
typedef struct AcpiBoard {
  unsigned n_cpus;
  uint64_t (*cpu_affinity) (unsigned index); // as MPIDR_EL1 has it
  GuestAddr gic_dist, gic_redist;
  uint32_t gic_redist_bytes;
  GuestAddr its; // 0: there is none
  uint32_t timer_secure, timer_phys, timer_virt, timer_hyp, pmu;
  AcpiDevice uart, fw_cfg, ged;
  uint32_t ged_power_button; // its bit in the event device's register
  AcpiDevice virtio;         // the first of a row of transports
  unsigned n_virtio;
  AcpiWindow ecam, pci_mmio32, pci_mmio64, pci_pio;
  uint32_t pci_inta; // and the three after it
} AcpiBoard;

// Names of the files.
#define ACPI_FILE_TABLES "etc/acpi/tables"
#define ACPI_FILE_RSDP   "etc/acpi/rsdp"
#define ACPI_FILE_LOADER "etc/table-loader"

typedef struct AcpiFiles {
  GBytes *tables, *rsdp, *loader;
} AcpiFiles;

AcpiFiles acpi_build (const AcpiBoard *board);
void acpi_files_clear (AcpiFiles *files);

// acpi-dsdt.c: the definition block's machine language.
void acpi_append_dsdt (GByteArray *bytes, const AcpiBoard *board);
