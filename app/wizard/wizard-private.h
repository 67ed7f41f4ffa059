// SPDX-License-Identifier: GPL-3.0-or-later
// What the parts of the wizard share: wizard.c (pages and navigation), image.c (what a file is),
// check.c (whether it can be used), resources.c (sliders), plan.c (entries to configuration). Main
// thread; what reads files is done on workers.
#pragma once

#include "app/medium/system.h"
#include "app/wizard/wizard.h"

typedef enum {
  WIZARD_SOURCE_SAMPLE,
  WIZARD_SOURCE_KERNEL,
  WIZARD_SOURCE_IMAGE,
} WizardSource;

// What a person's file turned out to be.
typedef struct WizardLook {
  Medium *medium;
  SystemAdvice *advice;
  char *name; // to call the machine by
} WizardLook;

struct _TerrariumWizard {
  AdwWindow parent;

  WizardSource source;
  char *suggested_name; // what the name was set to by us, so that a person's own stays

  // The image: one of look and look_error, or neither.
  WizardLook *look;
  char *look_error;
  GCancellable *looking; // while a worker looks
  guint look_timer;      // for a person who is typing
  bool next_wanted;      // as soon as it is known what the image is

  GCancellable *checking; // while a worker checks
  uint64_t copy_bytes;    // found then: what will be copied
  VmImageFormat disk_format;

  // Sliders: what was recommended last, so that a person's own stays.
  unsigned memory_advice, cpus_advice, disk_advice;
  uint64_t disk_base_bytes; // size of an image that is there; 0: a new disk

  AdwWindowTitle *title;
  GtkButton *back_button, *next_button;
  GtkStack *pages;
  GtkWidget *source_page, *system_page, *resources_page, *review_page;
  GtkRevealer *error_revealer;
  GtkLabel *error_label;
  // Source
  AdwActionRow *sample_row, *image_source_row, *kernel_source_row;
  // System
  GtkWidget *sample_group, *image_group, *files_group;
  AdwComboRow *installer_row;
  AdwEntryRow *image_row;
  GtkButton *image_button;
  AdwActionRow *found_row, *problem_row;
  GtkSpinner *spinner;
  AdwComboRow *start_row;
  GtkWidget *image_in_place_row;
  GtkSwitch *image_in_place_switch;
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
// wizard.c: an error in place; `row` may be NULL.
void wizard_show_error (TerrariumWizard *wizard, const char *message, AdwEntryRow *row);
void wizard_clear_error (TerrariumWizard *wizard);
// The System page is done.
void wizard_leave_system_page (TerrariumWizard *wizard);
// Looked at: the pages show what fits it. A kernel is offered as one.
void wizard_image_known (TerrariumWizard *wizard);
// A name the person has typed is kept.
void wizard_suggest_name (TerrariumWizard *wizard, const char *name);

// image.c: begins to look at what the entry says now.
void wizard_look (TerrariumWizard *wizard);
void wizard_look_soon (TerrariumWizard *wizard);
void wizard_stop_looking (TerrariumWizard *wizard);
void wizard_update_image (TerrariumWizard *wizard);
// Of an image that is known: whether its machine starts through firmware.
bool wizard_uses_firmware (TerrariumWizard *wizard);
void wizard_look_free (WizardLook *look); // accepts NULL

// check.c: whether the files of the System page can be used; calls `done` with NULL or an error and
// the row at fault (or NULL), unless the wizard is gone.
typedef void (*WizardChecked) (TerrariumWizard *wizard, AdwEntryRow *row, const GError *error);
void wizard_check_files (TerrariumWizard *wizard, WizardChecked done);
// The same for the whole configuration.
void wizard_check_config (TerrariumWizard *wizard, const VmConfig *config, WizardChecked done);

// plan.c: what the entries amount to. Never NULL, not validated.
VmConfig *wizard_make_config (TerrariumWizard *wizard);
uint64_t wizard_get_new_disk_bytes (TerrariumWizard *wizard); // 0: none
uint64_t wizard_get_grow_bytes (TerrariumWizard *wizard);     // 0: stays
bool wizard_get_disks_in_place (TerrariumWizard *wizard);
// Fills the review page.
void wizard_update_review (TerrariumWizard *wizard);

// resources.c: the ranges of the sliders, and the values recommended for what is known by now.
void wizard_init_resources (TerrariumWizard *wizard);
void wizard_recommend (TerrariumWizard *wizard);
uint64_t wizard_get_memory_bytes (TerrariumWizard *wizard);
unsigned wizard_get_cpus (TerrariumWizard *wizard);
uint64_t wizard_get_disk_bytes (TerrariumWizard *wizard);
