// SPDX-License-Identifier: GPL-3.0-or-later
// See change.h.
#include "app/model/change.h"

#include <glib/gi18n.h>

#include "app/model/snapshots.h"
#include "app/model/stamps.h"

Change *
change_copy (const Change *change)
{
  Change *copy = g_memdup2 (change, sizeof *change);

  copy->text = g_strdup (change->text);
  return copy;
}

void
change_free (Change *change)
{
  if (!change)
    return;
  g_free (change->text);
  g_free (change);
}

static bool
fail (GError **error, const char *text)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, text);
  return false;
}

static VmDiskConfig *
get_disk (const VmConfig *config, unsigned number)
{
  return number < config->disks->len ? config->disks->pdata[number] : NULL;
}

// ---------------------------------------------------------------------------------------------
// Boot order

static bool
parse_disk (const char *name, guint64 *number)
{
  return g_str_has_prefix (name, "disk") &&
         g_ascii_string_to_unsigned (name + 4, 10, 0, G_MAXUINT16, number, NULL);
}

// Disks are named by their position: from `first` on it is another by `step`; with -1, `first` itself
// is gone.
static void
renumber (VmConfig *config, unsigned first, int step)
{
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
  guint64 number;

  for (unsigned i = 0; config->boot_order && config->boot_order[i]; i++) {
    const char *name = config->boot_order[i];
    bool moves = parse_disk (name, &number) && number >= first;
    if (moves && step < 0 && number == first)
      continue;
    g_autofree char *moved = g_strdup_printf ("disk%d", moves ? (int) number + step : 0);
    g_strv_builder_add (names, moves ? moved : name);
  }
  g_strfreev (config->boot_order);
  config->boot_order = g_strv_builder_end (names);
  if (!config->boot_order[0])
    g_clear_pointer (&config->boot_order, g_strfreev);
}

// The others stay in the order they have.
static void
boot_first (VmConfig *config, unsigned first)
{
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();

  g_clear_pointer (&config->boot_order, g_strfreev);
  if (first >= config->disks->len)
    return;
  for (unsigned i = 0; i <= config->disks->len; i++) {
    g_autofree char *name = g_strdup_printf ("disk%u", i == 0 ? first : i - 1);
    if (i == 0 || i - 1 != first)
      g_strv_builder_add (names, name);
  }
  config->boot_order = g_strv_builder_end (names);
}

// ---------------------------------------------------------------------------------------------
// Disks

// A snapshot is of all disks; going back to it puts those in place of what there is.
static bool
check_no_snapshots (const Bundle *bundle, GError **error)
{
  g_autoptr (GPtrArray) snapshots = snapshots_list (bundle, error);

  if (!snapshots)
    return false;
  return snapshots->len == 0 ||
         fail (error, _ ("The machine's snapshots know its disks as they are; delete the snapshots "
                         "first."));
}

static bool
add_disk (Bundle *bundle, uint64_t size_bytes, GError **error)
{
  if (!check_no_snapshots (bundle, error))
    return false;
  renumber (bundle->config, bundle_find_disk_place (bundle->config), 1);
  return bundle_add_disk (bundle, size_bytes, error);
}

static bool
refuse_image (const char *sentence, const char *path, GError **error)
{
  g_autofree char *name = g_filename_display_name (path);

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, sentence, name);
  return false;
}

// The format is looked for once, now that a person has named the file.
static bool
add_image (Bundle *bundle, const char *path, GError **error)
{
  VmImageFormat format;

  if (!check_no_snapshots (bundle, error) || !vm_image_probe (path, &format, error))
    return false;
  if (!vm_image_format_can_write (format))
    return refuse_image (_ ("“%s” is an image of another program; convert it to one for Terrarium "
                            "first (terrarium image convert)."),
                         path, error);
  g_autoptr (VmImageInfo) info = vm_image_get_info (path, format, error);
  if (!info)
    return false;
  if (info->backing)
    return refuse_image (_ ("“%s” is based on another image; make a complete one of it first "
                            "(terrarium image convert)."),
                         path, error);
  renumber (bundle->config, bundle_find_disk_place (bundle->config), 1);
  bundle_insert_disk (bundle->config, path, format);
  return vm_config_validate (bundle->config, error) && bundle_save (bundle, error);
}

// What lies in the bundle belongs to the machine alone: linked clones have names of their own for what
// they share. An image goes with what it is based on, or neither would be of use. Should the Trash not
// work, the files stay.
static void
trash_own_files (const Bundle *bundle, GPtrArray *files)
{
  for (unsigned i = 0; i < files->len; i++) {
    g_autofree char *folder = g_path_get_dirname (files->pdata[i]);
    g_autoptr (GFile) file = g_file_new_for_path (files->pdata[i]);
    g_autoptr (GError) error = NULL;

    if (g_str_equal (folder, bundle->path) && !snapshots_is_file_needed (bundle, files->pdata[i]) &&
        !g_file_trash (file, NULL, &error))
      g_message ("%s", error->message);
  }
}

static bool
remove_disk (Bundle *bundle, unsigned number, GError **error)
{
  VmConfig *config = bundle->config;
  const VmDiskConfig *disk = get_disk (config, number);

  if (!disk)
    return fail (error, _ ("The machine has no such disk."));
  if (!check_no_snapshots (bundle, error))
    return false;
  g_autoptr (GPtrArray) files = disk->cdrom ? NULL : stamps_list_files (disk, NULL);
  if (!disk->cdrom && !files) { // damaged
    files = g_ptr_array_new_with_free_func (g_free);
    g_ptr_array_add (files, g_strdup (disk->path));
  }
  g_ptr_array_remove_index (config->disks, number);
  renumber (config, number, -1);
  if (!bundle_save (bundle, error))
    return false;
  if (files)
    trash_own_files (bundle, files);
  return true;
}

// ---------------------------------------------------------------------------------------------
// Network

static bool
is_same (const VmForward *a, const VmForward *b)
{
  return a->udp == b->udp && a->host_port == b->host_port;
}

static int
find_forward (const VmNicConfig *nic, const VmForward *forward)
{
  for (unsigned i = 0; i < nic->forwards->len; i++)
    if (is_same (&g_array_index (nic->forwards, VmForward, i), forward))
      return (int) i;
  return -1;
}

static void
connect_network (VmConfig *config, bool connected)
{
  if (!connected)
    g_ptr_array_set_size (config->nics, 0);
  else if (config->nics->len == 0)
    vm_config_add_nic (config);
}

static bool
add_forward (VmConfig *config, const VmForward *forward, GError **error)
{
  if (config->nics->len == 0)
    return fail (error, _ ("The machine has no network adapter; connect it to the network first."));
  for (unsigned i = 0; i < config->nics->len; i++)
    if (find_forward (config->nics->pdata[i], forward) >= 0)
      return fail (error, _ ("That port of this computer is forwarded already; choose another."));
  vm_nic_config_add_forward (config->nics->pdata[0], forward->udp, forward->host_port,
                             forward->guest_port);
  return true;
}

static bool
remove_forward (VmConfig *config, const VmForward *forward)
{
  for (unsigned i = 0; i < config->nics->len; i++) {
    const VmNicConfig *nic = config->nics->pdata[i];
    int at = find_forward (nic, forward);
    if (at >= 0)
      g_array_remove_index (nic->forwards, (unsigned) at);
  }
  return true;
}

// ---------------------------------------------------------------------------------------------
// All

// Two machines of one name could not be told apart on the command line.
static bool
set_name (Bundle *bundle, const char *name, GError **error)
{
  g_autofree char *root = g_path_get_dirname (bundle->path);
  VmConfig *config = bundle->config;

  if (!name || *name == '\0')
    return fail (error, _ ("The machine has no name; give it one."));
  if (bundle_is_name_taken (root, name, bundle->path))
    return fail (error, _ ("Another machine has that name; choose another one."));
  g_free (config->name);
  config->name = g_strdup (name);
  return true;
}

// Of what is only in machine.json.
static bool
edit (Bundle *bundle, const Change *change, GError **error)
{
  VmConfig *config = bundle->config;

  switch (change->kind) {
  case CHANGE_NAME:
    return set_name (bundle, change->text, error);
  case CHANGE_MEMORY:
    config->memory_bytes = change->bytes;
    return true;
  case CHANGE_CPUS:
    config->cpus = change->number;
    return true;
  case CHANGE_BOOT_FIRST:
    boot_first (config, change->number);
    return true;
  case CHANGE_ADD_DRIVE:
    vm_config_add_cdrom (config, NULL);
    return true;
  case CHANGE_MEDIUM:
    return bundle_set_medium (config, change->number, change->text) ||
           fail (error, _ ("The machine has no such drive."));
  case CHANGE_NETWORK:
    connect_network (config, change->number != 0);
    return true;
  case CHANGE_ADD_FORWARD:
    return add_forward (config, &change->forward, error);
  case CHANGE_REMOVE_FORWARD:
    return remove_forward (config, &change->forward);
  default:
    return false;
  }
}

// What is written must be readable: ranges are checked as they are when it is read.
static bool
check_ranges (const Bundle *bundle, GError **error)
{
  g_autofree char *text = vm_config_to_json (bundle->config, bundle->path);
  g_autoptr (VmConfig) read = vm_config_from_json (text, -1, bundle->path, error);

  return read != NULL;
}

bool
change_apply (Bundle *bundle, const Change *change, GError **error)
{
  if (change->kind == CHANGE_ADD_DISK)
    return add_disk (bundle, change->bytes, error);
  if (change->kind == CHANGE_ADD_IMAGE)
    return add_image (bundle, change->text, error);
  if (change->kind == CHANGE_REMOVE_DISK)
    return remove_disk (bundle, change->number, error);
  if (change->kind == CHANGE_ADD_DRIVE && !check_no_snapshots (bundle, error))
    return false;
  return edit (bundle, change, error) && check_ranges (bundle, error) &&
         bundle_save (bundle, error);
}
