// SPDX-License-Identifier: GPL-3.0-or-later
// See boot-order.h. The paths are those that EDK2's QemuBootOrderLib translates.
#include "engine/machine/boot-order.h"

#include "engine/machine/virt-map.h"

static const struct Kind {
  const char *name;
  unsigned n;
  unsigned first_slot, other_slots; // of the first, of the second
  const char *path;                 // of the slot
} kinds[] = {
    {"disk", MACHINE_DISKS_MAX, VIRT_SLOT_DISK0, VIRT_SLOT_DISK0 + 1,
     "/pci@i0cf8/scsi@%x/disk@0,0"},
    {"net", MACHINE_NICS_MAX, VIRT_SLOT_NIC0, VIRT_SLOT_NIC1,
     "/pci@i0cf8/ethernet@%x/ethernet-phy@0"},
};

static const struct Kind *
find (const char *name, unsigned *index)
{
  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++) {
    const char *digits = name + strlen (kinds[i].name);
    guint64 n;

    if (g_str_has_prefix (name, kinds[i].name) &&
        g_ascii_string_to_unsigned (digits, 10, 0, kinds[i].n - 1, &n, NULL)) {
      *index = (unsigned) n;
      return &kinds[i];
    }
  }
  return NULL;
}

bool
boot_order_is_name (const char *name)
{
  unsigned index;

  return find (name, &index) != NULL;
}

static void
append_slot_path (GString *text, const struct Kind *kind, unsigned index)
{
  unsigned slot = index == 0 ? kind->first_slot : kind->other_slots + index - 1;
  g_autoptr (GString) path = g_string_new (kind->path);
  g_autofree char *number = g_strdup_printf ("%x", slot);
  g_string_replace (path, "%x", number, 1);
  g_string_append (text, path->str);
}

static void
append_path (GString *text, const char *name, const MachineDisk *disks, unsigned n_disks)
{
  unsigned index;
  const struct Kind *kind = find (name, &index);

  g_assert (kind != NULL);
  const MachineDisk *disk = kind == &kinds[0] && index < n_disks ? &disks[index] : NULL;
  if (text->len > 0)
    g_string_append_c (text, '\n');
  if (disk != NULL && (disk->cdrom || disk->bus == MACHINE_BUS_SCSI))
    g_string_append_printf (text, "/pci@i0cf8/scsi@%x/channel@0/disk@%x,0", VIRT_SLOT_SCSI, index);
  else if (disk != NULL && disk->bus == MACHINE_BUS_USB) // the library knows the controller only
    g_string_append_printf (text, "/pci@i0cf8/usb@%x", VIRT_SLOT_USB);
  else if (disk != NULL && disk->bus == MACHINE_BUS_NVME)
    g_string_append_printf (text, "/pci@i0cf8/pci1b36,10@%x/namespace@1,0",
                            VIRT_SLOT_DISK0 + index);
  else
    append_slot_path (text, kind, index);
}

char *
boot_order_paths (const char *const *names, const MachineDisk *disks, unsigned n_disks)
{
  GString *text = g_string_new (NULL);

  for (unsigned i = 0; names[i] != NULL; i++)
    append_path (text, names[i], disks, n_disks);
  return g_string_free (text, FALSE);
}
