// SPDX-License-Identifier: GPL-3.0-or-later
// Sizes and times of disks' files; see stamps.h. Any thread that may wait.
#include "app/model/stamps.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  CHAIN_MAX = 40, // the engine opens fewer
};

static bool
fail (const char *path, GError **error)
{
  int code = errno;
  g_autofree char *name = g_filename_display_name (path);

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code), _ ("“%s” cannot be read: %s."),
               name, g_strerror (code));
  return false;
}

// The file `info` says it is based on, or NULL.
static char *
dup_backing (const char *path, const VmImageInfo *info)
{
  if (info->backing == NULL || g_path_is_absolute (info->backing))
    return g_strdup (info->backing);
  g_autofree char *folder = g_path_get_dirname (path);
  return g_build_filename (folder, info->backing, NULL);
}

GPtrArray *
stamps_list_files (const VmDiskConfig *disk, GError **error)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *path = g_strdup (disk->path);
  VmImageFormat format = disk->format;

  if (path[0] == '\0') // an empty drive
    g_clear_pointer (&path, g_free);
  while (path != NULL && files->len < CHAIN_MAX) {
    g_autoptr (VmImageInfo) info = NULL;
    char *backing = NULL;

    if (format == VM_IMAGE_QCOW2 && disk->allow_backing) {
      info = vm_image_get_info (path, format, error);
      if (info == NULL)
        return NULL;
      backing = dup_backing (path, info);
    }
    g_ptr_array_add (files, g_steal_pointer (&path));
    path = backing;
    if (path != NULL && (info->backing_format == NULL ||
                         !vm_image_format_from_name (info->backing_format, &format)))
      format = VM_IMAGE_RAW;
  }
  return g_steal_pointer (&files);
}

bool
stamps_is_same_file (const char *one, const char *other)
{
  struct stat a, b;

  return strcmp (one, other) == 0 || (stat (one, &a) == 0 && stat (other, &b) == 0 &&
                                      a.st_dev == b.st_dev && a.st_ino == b.st_ino);
}

static bool
read_stamp (const char *path, bool sync, gint64 stamp[3], GError **error)
{
  struct stat status;
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  bool ok = fd >= 0 && (!sync || fsync (fd) == 0 || errno == EINVAL || errno == EROFS) &&
            fstat (fd, &status) == 0;

  if (!ok)
    fail (path, error);
  if (fd >= 0)
    close (fd);
  if (!ok)
    return false;
  stamp[0] = status.st_size;
  stamp[1] = status.st_mtim.tv_sec;
  stamp[2] = status.st_mtim.tv_nsec;
  return true;
}

static JsonArray *
take_disk (const VmDiskConfig *disk, bool sync, GError **error)
{
  g_autoptr (GPtrArray) files = stamps_list_files (disk, error);
  g_autoptr (JsonArray) array = json_array_new ();

  for (unsigned i = 0; files != NULL && i < files->len; i++) {
    gint64 stamp[3];

    if (!read_stamp (files->pdata[i], sync, stamp, error))
      return NULL;
    for (unsigned j = 0; j < G_N_ELEMENTS (stamp); j++)
      json_array_add_int_element (array, stamp[j]);
  }
  return files != NULL ? g_steal_pointer (&array) : NULL;
}

static JsonArray *
take (const VmConfig *config, bool sync, GError **error)
{
  g_autoptr (JsonArray) stamps = json_array_new ();

  for (unsigned i = 0; i < config->disks->len; i++) {
    JsonArray *disk = take_disk (config->disks->pdata[i], sync, error);

    if (disk == NULL)
      return NULL;
    json_array_add_array_element (stamps, disk);
  }
  return g_steal_pointer (&stamps);
}

JsonArray *
stamps_take (const VmConfig *config, GError **error)
{
  return take (config, true, error);
}

static bool
is_same (JsonNode *saved, JsonNode *now)
{
  return JSON_NODE_HOLDS_ARRAY (saved) && json_node_equal (saved, now);
}

bool
stamps_match (JsonArray *stamps, const VmConfig *config, GError **error)
{
  g_autoptr (JsonArray) now = take (config, false, error);

  if (now == NULL)
    return false;
  if (json_array_get_length (stamps) != json_array_get_length (now)) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                         _ ("the machine has other disks now"));
    return false;
  }
  for (unsigned i = 0; i < json_array_get_length (now); i++) {
    const VmDiskConfig *disk = config->disks->pdata[i];
    g_autofree char *name = g_filename_display_basename (disk->path);

    if (is_same (json_array_get_element (stamps, i), json_array_get_element (now, i)))
      continue;
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                 _ ("the disk “%s” was changed afterwards"), name);
    return false;
  }
  return true;
}
