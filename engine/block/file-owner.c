// SPDX-License-Identifier: GPL-3.0-or-later
// Who has a file locked. The kernel does not tell the owner of an open file description lock, but
// /proc/PID/fdinfo shows each of our user's descriptors together with the locks it holds.
//
// Threads: any. Only reads /proc.
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/block/file-priv.h"

static bool
has_lock (const char *process, const char *fd)
{
  g_autofree char *path = g_strdup_printf ("/proc/%s/fdinfo/%s", process, fd);
  g_autofree char *text = NULL;
  return g_file_get_contents (path, &text, NULL, NULL) && strstr (text, "\nlock:") != NULL;
}

static bool
locks_file (const char *process, const struct stat *file)
{
  g_autofree char *folder = g_strdup_printf ("/proc/%s/fd", process);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *fd;
  while (dir != NULL && (fd = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (folder, fd, NULL);
    struct stat st;
    if (stat (path, &st) == 0 && st.st_dev == file->st_dev && st.st_ino == file->st_ino &&
        has_lock (process, fd))
      return true;
  }
  return false;
}

static char *
describe (const char *process)
{
  g_autofree char *path = g_strdup_printf ("/proc/%s/comm", process);
  g_autofree char *name = NULL;
  if (!g_file_get_contents (path, &name, NULL, NULL))
    return g_strdup (process);
  return g_strdup_printf ("%s, %s", g_strchomp (name), process);
}

char *
block_file_dup_owner (int fd)
{
  struct stat file;
  g_autoptr (GDir) proc = g_dir_open ("/proc", 0, NULL);
  const char *process;
  if (fstat (fd, &file) != 0)
    return NULL;
  while (proc != NULL && (process = g_dir_read_name (proc)) != NULL)
    if (g_ascii_isdigit (process[0]) && locks_file (process, &file))
      return describe (process);
  return NULL;
}
