// SPDX-License-Identifier: GPL-3.0-or-later
// See system.h. Who advises is system-osinfo.c, or system-none.c where there is no libosinfo.
#include "app/medium/system.h"

#include <string.h>

#define NAME_MAX_BYTES 100 // of what is suggested

void
system_advice_free (SystemAdvice *advice)
{
  if (!advice)
    return;
  g_free (advice->name);
  g_free (advice);
}

// Without what tells the format: "debian-12-generic-arm64.qcow2" is "debian-12-generic-arm64".
static char *
dup_stem (const char *path)
{
  static const char *const suffixes[] = {".iso", ".img", ".raw",  ".qcow2", ".vmdk",
                                         ".vdi", ".vhd", ".vhdx", ".bin",   ".dsk"};
  g_autofree char *base = g_path_get_basename (path);
  g_autofree char *lower = g_ascii_strdown (base, -1);
  char *name = g_filename_display_name (base);

  for (unsigned i = 0; i < G_N_ELEMENTS (suffixes); i++)
    if (g_str_has_suffix (lower, suffixes[i]) && strlen (name) > strlen (suffixes[i]))
      name[strlen (name) - strlen (suffixes[i])] = '\0';
  return name;
}

char *
system_suggest_name (const Medium *medium, const SystemAdvice *advice)
{
  g_autofree char *stem = dup_stem (medium->path);
  const char *name = advice->name ? advice->name : medium->volume_id ? medium->volume_id : stem;
  const char *end = name;

  while (*end && end - name < NAME_MAX_BYTES)
    end = g_utf8_next_char (end);
  return g_strndup (name, (gsize) (end - name));
}
