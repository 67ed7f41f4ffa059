// SPDX-License-Identifier: GPL-3.0-or-later
// A PCI function's configuration space (PCI Local Bus 3.0 §6): header, BARs, capabilities. The
// guest may change the bits in `writable` and nothing else. vCPU threads, under the host bridge's
// lock.

#include "engine/hw/pci.h"

#include <gio/gio.h>
#include <string.h>

#include "engine/hw/pci-priv.h"
#include "engine/snapshot/state.h"

void
pci_function_init (PciFunction *fn, uint16_t vendor, uint16_t device, uint16_t subsystem,
                   const uint8_t class_code[3], uint8_t revision)
{
  memset (fn, 0, sizeof *fn);
  pci_put16 (fn->config + PCI_VENDOR_ID, vendor);
  pci_put16 (fn->config + PCI_DEVICE_ID, device);
  pci_put16 (fn->config + PCI_SUBSYSTEM_VENDOR, vendor);
  pci_put16 (fn->config + PCI_SUBSYSTEM, subsystem);
  fn->config[PCI_REVISION] = revision;
  for (unsigned i = 0; i < 3; i++)
    fn->config[PCI_CLASS + i] = class_code[2 - i];
  fn->config[PCI_INTERRUPT_PIN] = 1; // INTA
  pci_put16 (fn->writable + PCI_COMMAND, PCI_COMMAND_WRITABLE);
  fn->writable[PCI_CACHE_LINE] = 0xff;
  fn->writable[PCI_INTERRUPT_LINE] = 0xff;
}

void
pci_function_set_bar (PciFunction *fn, unsigned bar, const PciBar *desc)
{
  uint64_t mask = ~(desc->size_bytes - 1);
  uint8_t *at = fn->config + PCI_BAR0 + 4 * bar, *writable = fn->writable + PCI_BAR0 + 4 * bar;

  g_assert (bar + desc->is_64bit < PCI_N_BARS && (desc->size_bytes & (desc->size_bytes - 1)) == 0);
  g_assert (desc->size_bytes >= 16 && !(desc->is_io && desc->is_64bit));
  fn->bars[bar] = *desc;
  pci_put32 (at, (desc->is_io ? PCI_BAR_IO : 0) | (desc->is_64bit ? PCI_BAR_64BIT : 0) |
                     (desc->prefetchable ? PCI_BAR_PREFETCH : 0));
  pci_put32 (writable, mask & 0xffffffff);
  if (desc->is_64bit)
    pci_put32 (writable + 4, mask >> 32);
}

uint64_t
pci_function_get_bar (const PciFunction *fn, unsigned bar)
{
  const uint8_t *at = fn->config + PCI_BAR0 + 4 * bar;
  uint64_t value = pci_get16 (at) | (uint64_t) pci_get16 (at + 2) << 16;
  if (fn->bars[bar].is_64bit)
    value |= (uint64_t) pci_get16 (at + 4) << 32 | (uint64_t) pci_get16 (at + 6) << 48;
  return value & ~(fn->bars[bar].size_bytes - 1);
}

unsigned
pci_function_add_capability (PciFunction *fn, uint8_t id, unsigned bytes)
{
  unsigned at = fn->next_capability != 0 ? fn->next_capability : PCI_FIRST_CAPABILITY;

  g_assert (at + bytes <= PCI_HEADER_CONFIG_BYTES);
  fn->config[at] = id;
  // At the end of the list: it then reads in the order it was made.
  uint8_t *link = &fn->config[PCI_CAPABILITIES];
  while (*link != 0)
    link = &fn->config[*link + 1];
  *link = at;
  fn->config[PCI_STATUS] |= PCI_STATUS_CAPABILITIES;
  fn->next_capability = (at + bytes + 3) & ~3u;
  return at;
}

unsigned
pci_function_add_express (PciFunction *fn, unsigned type)
{
  enum { VERSION = 2, ROLE_BASED_ERRORS = 1 << 15, LINK_2_5_GT = 1, LINK_X1 = 1 << 4 };
  unsigned at = pci_function_add_capability (fn, PCI_EXPRESS_ID, PCI_EXPRESS_BYTES);
  uint8_t *config = fn->config + at, *writable = fn->writable + at;

  pci_put16 (config + PCI_EXPRESS_FLAGS, VERSION | type << 4);
  pci_put32 (config + PCI_EXPRESS_DEVICE, ROLE_BASED_ERRORS);
  pci_put16 (writable + PCI_EXPRESS_DEVICE_CONTROL, 0x70ff);
  pci_put32 (config + PCI_EXPRESS_LINK, LINK_2_5_GT | LINK_X1);
  pci_put16 (writable + PCI_EXPRESS_LINK_CONTROL, 0x00cb);
  pci_put16 (config + PCI_EXPRESS_LINK_STATUS, LINK_2_5_GT | LINK_X1);
  return at;
}

void
pci_function_set_intx (PciFunction *fn, bool level)
{
  pci_host_drive_intx (fn->host, fn, &level);
}

uint32_t
pci_function_read_config (PciFunction *fn, unsigned offset, unsigned size)
{
  uint32_t value = 0;

  for (unsigned i = 0; i < size; i++)
    value |= (uint32_t) fn->config[offset + i] << 8 * i;
  // The pin's state is driven by other threads; the rest of the register is constant.
  if (offset <= PCI_STATUS && offset + size > PCI_STATUS &&
      __atomic_load_n (&fn->intx_level, __ATOMIC_RELAXED))
    value |= PCI_STATUS_INTX << 8 * (PCI_STATUS - offset);
  if (fn->config_read != NULL)
    value = fn->config_read (fn, offset, size, value);
  return value;
}

// What the registers say, whichever were written. Lock held.
static void
apply_config (PciFunction *fn)
{
  if (fn->msix != NULL)
    pci_msix_update (fn->msix);
  pci_host_update_function (fn->host, fn);
}

void
pci_function_write_config (PciFunction *fn, unsigned offset, unsigned size, uint32_t value)
{
  for (unsigned i = 0; i < size; i++) {
    uint8_t mask = fn->writable[offset + i];
    fn->config[offset + i] = (fn->config[offset + i] & ~mask) | (value >> 8 * i & mask);
  }
  apply_config (fn);
  if (fn->config_write != NULL)
    fn->config_write (fn, offset, size, value);
}

void
pci_function_reset (PciFunction *fn)
{
  const bool low = false;

  pci_host_lock (fn->host);
  for (unsigned i = 0; i < PCI_CONFIG_BYTES; i++)
    fn->config[i] &= ~fn->writable[i];
  if (fn->msix != NULL)
    pci_msix_reset (fn->msix);
  apply_config (fn);
  pci_host_drive_intx (fn->host, fn, &low);
  pci_host_unlock (fn->host);
}

// Only what the guest may have written is state.

void
pci_function_save (const PciFunction *fn, StateWriter *writer)
{
  state_put_bool (writer, fn->intx_level);
  for (unsigned i = 0; i < PCI_CONFIG_BYTES; i++)
    if (fn->writable[i] != 0)
      state_put_u8 (writer, fn->config[i] & fn->writable[i]);
  if (fn->msix != NULL)
    pci_msix_save (fn->msix, writer);
}

bool
pci_function_load (PciFunction *fn, StateReader *reader, GError **error)
{
  bool level = state_get_bool (reader);

  pci_host_lock (fn->host);
  for (unsigned i = 0; i < PCI_CONFIG_BYTES; i++)
    if (fn->writable[i] != 0)
      fn->config[i] =
          (fn->config[i] & ~fn->writable[i]) | (state_get_u8 (reader) & fn->writable[i]);
  bool valid = fn->msix == NULL || pci_msix_load (fn->msix, reader);
  apply_config (fn);
  pci_host_drive_intx (fn->host, fn, &level);
  pci_host_unlock (fn->host);
  if (valid && state_reader_ok (reader))
    return true;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               "The saved state of the PCI device in slot %u is damaged.", fn->slot);
  return false;
}
