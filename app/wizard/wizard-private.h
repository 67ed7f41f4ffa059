// SPDX-License-Identifier: GPL-3.0-or-later
// What wizard.c (pages and navigation) and plan.c (entries to configuration) share. Main thread.
#pragma once

#include "app/wizard/wizard.h"

typedef enum {
  WIZARD_SOURCE_SAMPLE,
  WIZARD_SOURCE_KERNEL,
  WIZARD_SOURCE_DISK,
} WizardSource;

struct _TerrariumWizard {
  AdwWindow parent;

  WizardSource source;
  char *suggested_name; // what the name was set to by us, so that a person's own stays

  AdwWindowTitle *title;
  GtkButton *back_button, *next_button;
  GtkStack *pages;
  GtkWidget *source_page, *system_page, *resources_page, *review_page;
  GtkRevealer *error_revealer;
  GtkLabel *error_label;
  // Source
  AdwActionRow *sample_row, *kernel_source_row, *disk_source_row;
  // System
  GtkWidget *sample_group, *files_group;
  AdwComboRow *installer_row;
  AdwEntryRow *kernel_row, *initrd_row, *disk_row, *cmdline_row;
  GtkButton *kernel_button, *initrd_button, *disk_button;
  GtkWidget *in_place_row;
  GtkSwitch *in_place_switch, *display_switch;
  // Resources
  AdwActionRow *memory_row, *cpus_row, *disk_size_row;
  GtkScale *memory_scale, *cpus_scale, *disk_size_scale;
  // Review
  AdwEntryRow *name_row;
  AdwActionRow *resources_summary, *files_summary, *speed_summary;
};

#define WIZARD_FIRST_MEMORY_BYTES ((uint64_t) 256 << 20)
#define WIZARD_FIRST_DISK_BYTES   ((uint64_t) 4 << 30)

// The text of an entry without blanks around it; NULL when empty. Transfer full.
char *wizard_dup_entry (AdwEntryRow *row);

// Checks the files of the System page; *row is the one at fault.
bool wizard_check_files (TerrariumWizard *wizard, AdwEntryRow **row, GError **error);

// What the entries amount to. Never NULL, not validated.
VmConfig *wizard_make_config (TerrariumWizard *wizard);
uint64_t wizard_get_new_disk_bytes (TerrariumWizard *wizard); // 0: none
bool wizard_get_disks_in_place (TerrariumWizard *wizard);

// Sets the ranges of the sliders and their recommended values.
void wizard_init_resources (TerrariumWizard *wizard);
// Fills the review page.
void wizard_update_review (TerrariumWizard *wizard);
