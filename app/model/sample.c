// SPDX-License-Identifier: GPL-3.0-or-later
// The sample system of the wizard. Any thread.
#include "app/model/sample.h"

#include <gio/gio.h>

#define FOLDER "debian-12-installer-arm64"

char *
sample_get_folder (void)
{
  const char *samples = g_getenv ("TERRARIUM_SAMPLES");

  if (samples && *samples)
    return g_build_filename (samples, FOLDER, NULL);
  return g_build_filename (g_get_user_data_dir (), "terrarium", "samples", FOLDER, NULL);
}

bool
sample_find (SampleKind kind, char **kernel, char **initrd)
{
  const char *variant = kind == SAMPLE_GRAPHICAL ? "gtk" : "text";
  g_autofree char *folder = sample_get_folder ();
  g_autofree char *linux_file = g_build_filename (folder, variant, "linux", NULL);
  g_autofree char *initrd_file = g_build_filename (folder, variant, "initrd.gz", NULL);

  if (!g_file_test (linux_file, G_FILE_TEST_IS_REGULAR) ||
      !g_file_test (initrd_file, G_FILE_TEST_IS_REGULAR))
    return false;
  *kernel = g_steal_pointer (&linux_file);
  *initrd = g_steal_pointer (&initrd_file);
  return true;
}

// The installer talks on every console it is told of, and each costs its time.
const char *
sample_get_cmdline (SampleKind kind)
{
  return kind == SAMPLE_GRAPHICAL ? "console=tty0" : "console=ttyAMA0";
}
