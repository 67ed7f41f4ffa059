// SPDX-License-Identifier: GPL-3.0-or-later
// The sliders of the Resources page. Main thread.
#include <glib/gi18n.h>

#include "app/wizard/sizes.h"
#include "app/wizard/wizard-private.h"

#define USUAL_MEMORY_BYTES ((uint64_t) 1 << 30)
#define IMAGE_MEMORY_BYTES ((uint64_t) 2 << 30)
#define USUAL_DISK_BYTES   ((uint64_t) 8 << 30)
#define DISC_DISK_BYTES    ((uint64_t) 16 << 30)
#define LARGEST_DISK_BYTES ((uint64_t) 256 << 30)
#define IMAGE_CPUS         2
#define MAX_CPUS           8

typedef char *(*FormatFunc) (TerrariumWizard *, unsigned step);

static unsigned
get_step (GtkScale *scale)
{
  return (unsigned) gtk_range_get_value (GTK_RANGE (scale));
}

// ---------------------------------------------------------------------------------------------
// Steps

static char *
format_memory (TerrariumWizard *wizard, unsigned step)
{
  return sizes_format (sizes_at (WIZARD_FIRST_MEMORY_BYTES, step));
}

static char *
format_cpus (TerrariumWizard *wizard, unsigned step)
{
  return g_strdup_printf ("%u", step);
}

// An image that is there has its own size as the first step, and cannot become smaller.
static uint64_t
get_disk_size (TerrariumWizard *wizard, unsigned step)
{
  uint64_t base = wizard->disk_base_bytes;

  if (base == 0)
    return sizes_at (WIZARD_FIRST_DISK_BYTES, step);
  if (step == 0)
    return base;
  return sizes_at (WIZARD_FIRST_DISK_BYTES,
                   sizes_step_above (WIZARD_FIRST_DISK_BYTES, base) + step - 1);
}

static char *
format_disk (TerrariumWizard *wizard, unsigned step)
{
  uint64_t bytes = get_disk_size (wizard, step);

  return wizard->disk_base_bytes > 0 && step == 0
             ? g_format_size_full (bytes, G_FORMAT_SIZE_IEC_UNITS)
             : sizes_format (bytes);
}

static char *
format_cb (GtkScale *scale, double value, gpointer user_data)
{
  FormatFunc format = (FormatFunc) g_object_get_data (G_OBJECT (scale), "format");

  return format (user_data, (unsigned) value);
}

// A screen reader is told the size, not the step.
static void
value_changed_cb (GtkScale *scale, TerrariumWizard *wizard)
{
  g_autofree char *text = format_cb (scale, gtk_range_get_value (GTK_RANGE (scale)), wizard);

  gtk_accessible_update_property (GTK_ACCESSIBLE (scale), GTK_ACCESSIBLE_PROPERTY_VALUE_TEXT, text,
                                  -1);
}

static void
set_range (TerrariumWizard *wizard, GtkScale *scale, unsigned first, unsigned last)
{
  unsigned value = CLAMP (get_step (scale), first, MAX (first, last));
  GtkAdjustment *adjustment = gtk_adjustment_new (value, first, MAX (first, last), 1, 1, 0);

  gtk_range_set_adjustment (GTK_RANGE (scale), adjustment);
  value_changed_cb (scale, wizard);
}

static void
init_scale (TerrariumWizard *wizard, GtkScale *scale, FormatFunc format)
{
  g_object_set_data (G_OBJECT (scale), "format", (gpointer) format);
  gtk_scale_set_format_value_func (scale, format_cb, wizard, NULL);
  g_signal_connect (scale, "value-changed", G_CALLBACK (value_changed_cb), wizard);
}

static unsigned
get_last_memory (void)
{
  return sizes_last_step (WIZARD_FIRST_MEMORY_BYTES, vm_host_get_memory_bytes ());
}

void
wizard_init_resources (TerrariumWizard *wizard)
{
  init_scale (wizard, wizard->memory_scale, format_memory);
  init_scale (wizard, wizard->cpus_scale, format_cpus);
  init_scale (wizard, wizard->disk_size_scale, format_disk);
  set_range (wizard, wizard->memory_scale, 0, get_last_memory ());
  set_range (wizard, wizard->cpus_scale, 1, CLAMP (vm_host_get_cpus (), 1, MAX_CPUS));
  wizard->memory_advice = get_step (wizard->memory_scale);
  wizard->cpus_advice = get_step (wizard->cpus_scale);
  wizard->disk_advice = get_step (wizard->disk_size_scale);
  wizard_recommend (wizard);
}

// ---------------------------------------------------------------------------------------------
// Recommendations

// A value the person has chosen stays.
static unsigned
recommend (GtkScale *scale, unsigned before, unsigned step)
{
  double last = gtk_adjustment_get_upper (gtk_range_get_adjustment (GTK_RANGE (scale)));
  bool untouched = get_step (scale) == before;
  unsigned value = MIN (step, (unsigned) last);

  gtk_scale_clear_marks (scale);
  gtk_scale_add_mark (scale, value, GTK_POS_BOTTOM, NULL);
  if (untouched)
    gtk_range_set_value (GTK_RANGE (scale), value);
  return value;
}

static void
recommend_memory (TerrariumWizard *wizard, uint64_t bytes)
{
  g_autofree char *host = sizes_format (vm_host_get_memory_bytes ());
  unsigned step = sizes_step_from (WIZARD_FIRST_MEMORY_BYTES, bytes);

  wizard->memory_advice = recommend (wizard->memory_scale, wizard->memory_advice, step);
  g_autofree char *size = format_memory (wizard, wizard->memory_advice);
  g_autofree char *text = g_strdup_printf (_ ("Recommended: %s; this computer has %s"), size, host);
  adw_action_row_set_subtitle (wizard->memory_row, text);
}

static void
recommend_cpus (TerrariumWizard *wizard, unsigned cpus)
{
  wizard->cpus_advice = recommend (wizard->cpus_scale, wizard->cpus_advice, cpus);
  g_autofree char *text = g_strdup_printf (_ ("Recommended: %u; this computer has %u"),
                                           wizard->cpus_advice, vm_host_get_cpus ());
  adw_action_row_set_subtitle (wizard->cpus_row, text);
}

static void
recommend_disk (TerrariumWizard *wizard, uint64_t base_bytes, uint64_t bytes)
{
  unsigned last = sizes_last_step (WIZARD_FIRST_DISK_BYTES, LARGEST_DISK_BYTES);
  unsigned above = sizes_step_above (WIZARD_FIRST_DISK_BYTES, base_bytes);
  unsigned step = sizes_step_from (WIZARD_FIRST_DISK_BYTES, bytes);

  if (wizard->disk_base_bytes != base_bytes)
    wizard->disk_advice = get_step (wizard->disk_size_scale); // another image: begin anew
  wizard->disk_base_bytes = base_bytes;
  if (base_bytes > 0) {
    last = last + 1 >= above ? last + 1 - above : 0;
    step = bytes > base_bytes ? step + 1 - above : 0;
  }
  set_range (wizard, wizard->disk_size_scale, 0, last);
  wizard->disk_advice = recommend (wizard->disk_size_scale, wizard->disk_advice, step);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (wizard->disk_size_row),
                                 base_bytes > 0 ? _ ("Size of the disk") : _ ("New disk"));
  value_changed_cb (wizard->disk_size_scale, wizard);
}

void
wizard_recommend (TerrariumWizard *wizard)
{
  const WizardLook *look = wizard->source == WIZARD_SOURCE_IMAGE ? wizard->look : NULL;
  bool disk = look && look->medium->kind == MEDIUM_DISK;
  bool fixed =
      wizard->source == WIZARD_SOURCE_KERNEL || (disk && wizard_get_disks_in_place (wizard));

  recommend_memory (wizard, !look                            ? USUAL_MEMORY_BYTES
                            : look->advice->memory_bytes > 0 ? look->advice->memory_bytes
                                                             : IMAGE_MEMORY_BYTES);
  recommend_cpus (wizard, !look ? 1 : look->advice->cpus > 0 ? look->advice->cpus : IMAGE_CPUS);
  recommend_disk (wizard, disk ? look->medium->size_bytes : 0,
                  !look   ? USUAL_DISK_BYTES
                  : !disk ? MAX (look->advice->disk_bytes, DISC_DISK_BYTES)
                          : look->medium->size_bytes);
  gtk_widget_set_visible (GTK_WIDGET (wizard->disk_size_row), !fixed);
}

uint64_t
wizard_get_memory_bytes (TerrariumWizard *wizard)
{
  return sizes_at (WIZARD_FIRST_MEMORY_BYTES, get_step (wizard->memory_scale));
}

unsigned
wizard_get_cpus (TerrariumWizard *wizard)
{
  return get_step (wizard->cpus_scale);
}

uint64_t
wizard_get_disk_bytes (TerrariumWizard *wizard)
{
  return get_disk_size (wizard, get_step (wizard->disk_size_scale));
}
