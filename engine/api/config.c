// SPDX-License-Identifier: GPL-3.0-or-later
// The description of a machine: plain data.
//
// Threads: not shared without a lock.
#include <string.h>

#include "engine/api/config-priv.h"

G_DEFINE_QUARK (vm - config - error - quark, vm_config_error)

enum {
  PORT_SEED = 100, // behind the positions of adapters that stay
};

static void
free_disk (void *data)
{
  VmDiskConfig *disk = data;

  g_free (disk->path);
  g_free (disk);
}

static void
free_nic (void *data)
{
  VmNicConfig *nic = data;

  g_array_unref (nic->forwards);
  g_free (nic);
}

VmConfig *
vm_config_new_empty (VmArch arch)
{
  VmConfig *config = g_new0 (VmConfig, 1);

  config->arch = arch;
  config->accel = VM_ACCEL_AUTO;
  config->uuid = g_uuid_string_random ();
  config->name = g_strdup ("");
  config->cpus = 1;
  config->cpu_features = VM_CONFIG_CPU_FEATURES;
  config->memory_bytes = GIB (1);
  config->disks = g_ptr_array_new_with_free_func (free_disk);
  config->nics = g_ptr_array_new_with_free_func (free_nic);
  config->display_width = 1280;
  config->display_height = 800;
  config->sound.volume = VM_CONFIG_SOUND_VOLUME_MAX;
  config->sound.latency_ms = VM_CONFIG_SOUND_LATENCY_MS;
  return config;
}

VmConfig *
vm_config_new (VmArch arch)
{
  VmConfig *config = vm_config_new_empty (arch);

  g_free (config->name);
  config->name = g_strdup ("Machine");
  vm_config_add_nic (config);
  return config;
}

void
vm_config_free (VmConfig *config)
{
  if (config == NULL)
    return;
  g_free (config->uuid);
  g_free (config->name);
  g_free (config->kernel);
  g_free (config->initrd);
  g_free (config->cmdline);
  g_free (config->firmware);
  g_free (config->nvram);
  g_free (config->vsock);
  g_strfreev (config->boot_order);
  g_free (config->sound.output);
  g_free (config->sound.input);
  g_free (config->developer.jit_dump);
  g_ptr_array_unref (config->disks);
  g_ptr_array_unref (config->nics);
  g_free (config);
}

static VmDiskConfig *
copy_disk (VmConfig *to, const VmDiskConfig *disk)
{
  VmDiskConfig *copy = g_memdup2 (disk, sizeof *disk);

  copy->path = g_strdup (disk->path);
  copy->port = 0;
  g_ptr_array_add (to->disks, copy);
  return copy;
}

static VmNicConfig *
copy_nic (VmConfig *to, const VmNicConfig *nic)
{
  VmNicConfig *copy = vm_config_add_nic (to);

  memcpy (copy->mac, nic->mac, sizeof nic->mac);
  if (nic->forwards->len > 0)
    g_array_append_vals (copy->forwards, nic->forwards->data, nic->forwards->len);
  return copy;
}

VmConfig *
vm_config_copy (const VmConfig *config)
{
  VmConfig *copy = vm_config_new_empty (config->arch);

  copy->accel = config->accel;
  g_free (copy->uuid);
  copy->uuid = g_strdup (config->uuid);
  g_free (copy->name);
  copy->name = g_strdup (config->name);
  copy->cpus = config->cpus;
  copy->cpu_features = config->cpu_features;
  copy->strict_code = config->strict_code;
  copy->memory_bytes = config->memory_bytes;
  copy->kernel = g_strdup (config->kernel);
  copy->initrd = g_strdup (config->initrd);
  copy->cmdline = g_strdup (config->cmdline);
  copy->firmware = g_strdup (config->firmware);
  copy->nvram = g_strdup (config->nvram);
  copy->vsock = g_strdup (config->vsock);
  copy->no_acpi = config->no_acpi;
  copy->boot_order = g_strdupv (config->boot_order);
  for (unsigned i = 0; i < config->disks->len; i++) {
    const VmDiskConfig *disk = g_ptr_array_index (config->disks, i);
    copy_disk (copy, disk)->port = disk->port;
  }
  for (unsigned i = 0; i < config->nics->len; i++) {
    const VmNicConfig *nic = g_ptr_array_index (config->nics, i);
    copy_nic (copy, nic)->port = nic->port;
  }
  copy->display = config->display;
  copy->display_width = config->display_width;
  copy->display_height = config->display_height;
  copy->sound = config->sound;
  copy->sound.output = g_strdup (config->sound.output);
  copy->sound.input = g_strdup (config->sound.input);
  copy->developer = config->developer;
  copy->developer.jit_dump = g_strdup (config->developer.jit_dump);
  return copy;
}

VmConfig *
vm_config_copy_as_new (const VmConfig *config, const char *name)
{
  VmConfig *copy = vm_config_copy (config);

  g_free (copy->uuid);
  copy->uuid = g_uuid_string_random ();
  g_free (copy->name);
  copy->name = g_strdup (name);
  g_clear_pointer (&copy->vsock, g_free);
  for (unsigned i = 0; i < copy->nics->len; i++) {
    VmNicConfig *nic = g_ptr_array_index (copy->nics, i);

    memset (nic->mac, 0, sizeof nic->mac);
    g_array_set_size (nic->forwards, 0);
  }
  return copy;
}

VmDiskConfig *
vm_config_add_disk (VmConfig *config, const char *path, bool read_only)
{
  VmDiskConfig *disk = g_new0 (VmDiskConfig, 1);

  disk->path = g_strdup (path);
  disk->read_only = read_only;
  // Those in slots stay the last, so that the others keep their numbers when one is taken out.
  int at = (int) config->disks->len;
  while (at > 0 && ((VmDiskConfig *) config->disks->pdata[at - 1])->port != 0)
    at--;
  g_ptr_array_insert (config->disks, at, disk);
  return disk;
}

VmDiskConfig *
vm_config_add_cdrom (VmConfig *config, const char *path)
{
  VmDiskConfig *disk = vm_config_add_disk (config, path != NULL ? path : "", true);

  disk->cdrom = true;
  disk->bus = VM_DISK_SCSI;
  return disk;
}

// ---- hot-plug slots -------------------------------------------------------------------------

bool
vm_config_port_is_used (const VmConfig *config, unsigned port)
{
  for (unsigned i = 0; i < config->disks->len; i++)
    if (((const VmDiskConfig *) config->disks->pdata[i])->port == port)
      return true;
  for (unsigned i = 0; i < config->nics->len; i++)
    if (((const VmNicConfig *) config->nics->pdata[i])->port == port)
      return true;
  return false;
}

void
vm_config_clear_port (VmConfig *config, unsigned port)
{
  for (unsigned i = config->disks->len; i-- > 0;)
    if (((const VmDiskConfig *) config->disks->pdata[i])->port == port)
      g_ptr_array_remove_index (config->disks, i);
  for (unsigned i = config->nics->len; i-- > 0;)
    if (((const VmNicConfig *) config->nics->pdata[i])->port == port)
      g_ptr_array_remove_index (config->nics, i);
}

void
vm_config_attach_disk (VmConfig *config, const VmDiskConfig *disk, unsigned port)
{
  VmDiskConfig *copy = copy_disk (config, disk);

  copy->port = port;
  copy->cdrom = copy->cdrom && port == 0;
}

void
vm_config_attach_nic (VmConfig *config, const VmNicConfig *nic, unsigned port)
{
  copy_nic (config, nic)->port = port;
}

// ---------------------------------------------------------------------------------------------

VmNicConfig *
vm_config_add_nic (VmConfig *config)
{
  VmNicConfig *nic = g_new0 (VmNicConfig, 1);

  nic->forwards = g_array_new (FALSE, FALSE, sizeof (VmForward));
  g_ptr_array_add (config->nics, nic);
  return nic;
}

void
vm_nic_config_add_forward (VmNicConfig *nic, bool udp, uint16_t host_port, uint16_t guest_port)
{
  const VmForward forward = {.udp = udp, .host_port = host_port, .guest_port = guest_port};

  g_array_append_val (nic->forwards, forward);
}

void
vm_config_get_mac (const VmConfig *config, unsigned nic_index, uint8_t mac[6])
{
  static const uint8_t none[6] = {0};
  const VmNicConfig *nic = g_ptr_array_index (config->nics, nic_index);
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  uint8_t digest[32];
  size_t length = sizeof digest;

  memcpy (mac, nic->mac, 6);
  if (memcmp (nic->mac, none, sizeof none) != 0)
    return;
  g_checksum_update (sum, (const uint8_t *) config->uuid, -1);
  // One in a slot has the slot's, whichever others there are.
  if (nic->port != 0)
    nic_index = PORT_SEED + nic->port;
  g_checksum_update (sum, (const uint8_t *) &(uint8_t){(uint8_t) nic_index}, 1);
  g_checksum_get_digest (sum, digest, &length);
  memcpy (mac, digest, 6);
  // Locally administered, not a group address.
  mac[0] = (uint8_t) ((mac[0] & ~1) | 2);
}

static const char *const cpu_feature_names[] = {"pauth", "bti"};

bool
vm_cpu_features_parse (const char *text, unsigned *features)
{
  g_auto (GStrv) words = g_strsplit (text, ",", -1);

  *features = 0;
  if (strcmp (text, "none") == 0)
    return true;
  for (unsigned i = 0; words[i] != NULL; i++) {
    unsigned bit = 0;

    while (bit < G_N_ELEMENTS (cpu_feature_names) && strcmp (words[i], cpu_feature_names[bit]) != 0)
      bit++;
    if (bit == G_N_ELEMENTS (cpu_feature_names))
      return false;
    *features |= 1u << bit;
  }
  return words[0] != NULL;
}

char *
vm_cpu_features_format (unsigned features)
{
  g_autoptr (GString) text = g_string_new (features == 0 ? "none" : NULL);

  for (unsigned bit = 0; bit < G_N_ELEMENTS (cpu_feature_names); bit++)
    if (features >> bit & 1)
      g_string_append_printf (text, "%s%s", text->len > 0 ? "," : "", cpu_feature_names[bit]);
  return g_string_free (g_steal_pointer (&text), FALSE);
}
