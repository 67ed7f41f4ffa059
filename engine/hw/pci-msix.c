// SPDX-License-Identifier: GPL-3.0-or-later
// MSI-X; see pci-msix.h. Table and pending bits are reached by vCPU threads, the capability too,
// under the host bridge's lock. Messages are sent with the lock held, so that none overtakes the
// masking of its vector.

#include "engine/hw/pci-msix.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "engine/hw/pci-priv.h"
#include "engine/snapshot/state.h"

enum {
  CAP_ID = 0x11,
  CAP_BYTES = 12,
  CAP_CONTROL = 2,
  CAP_TABLE = 4,
  CAP_PENDING = 8,
  CONTROL_MASKED = 1 << 14,
  CONTROL_ENABLED = 1 << 15,

  VECTOR_MASKED = 1, // of PciMsixVector.control
  BAR_BYTES_MIN = 4096,
};
static_assert (sizeof (PciMsixVector) == 16 && offsetof (PciMsixVector, control) == 12, "§6.8.2");

static bool
is_masked (const PciMsix *msix, unsigned vector)
{
  return msix->masked || (msix->vectors[vector].control & VECTOR_MASKED);
}

// Lock held.
static void
send_message (PciMsix *msix, unsigned vector)
{
  const PciMsixVector *entry = &msix->vectors[vector];

  msix->pending[vector / 64] &= ~(1ull << vector % 64);
  if (msix->master)
    pci_host_send_msi (msix->fn, entry->address & ~3ull, entry->data);
}

// Lock held; masks may have changed.
static void
send_pending (PciMsix *msix)
{
  if (!msix->enabled || msix->masked)
    return;
  for (unsigned word = 0; word < G_N_ELEMENTS (msix->pending); word++) {
    for (uint64_t bits = msix->pending[word]; bits != 0; bits &= bits - 1) {
      unsigned vector = word * 64 + __builtin_ctzll (bits);
      if (!is_masked (msix, vector))
        send_message (msix, vector);
    }
  }
}

void
pci_msix_send (PciMsix *msix, unsigned vector)
{
  g_mutex_lock (&msix->lock);
  if (msix->enabled && vector < msix->n_vectors) {
    if (is_masked (msix, vector))
      msix->pending[vector / 64] |= 1ull << vector % 64;
    else
      send_message (msix, vector);
  }
  g_mutex_unlock (&msix->lock);
}

bool
pci_msix_is_enabled (PciMsix *msix)
{
  g_mutex_lock (&msix->lock);
  bool enabled = msix->enabled;
  g_mutex_unlock (&msix->lock);
  return enabled;
}

// ---- the BAR --------------------------------------------------------------------------------

static uint64_t
bar_bytes (const PciMsix *msix)
{
  uint64_t bytes = BAR_BYTES_MIN;
  while (bytes / 2 < msix->n_vectors * sizeof (PciMsixVector))
    bytes *= 2;
  return bytes;
}

static uint32_t
read_vector (const PciMsix *msix, unsigned word)
{
  const PciMsixVector *vector = &msix->vectors[word / 4];
  switch (word % 4) {
  case 0:
    return vector->address & 0xffffffff;
  case 1:
    return vector->address >> 32;
  case 2:
    return vector->data;
  default:
    return vector->control;
  }
}

static uint32_t
read_word (const PciMsix *msix, uint64_t offset)
{
  uint64_t pending = bar_bytes (msix) / 2;

  if (offset / sizeof (PciMsixVector) < msix->n_vectors)
    return read_vector (msix, offset / 4);
  if (offset < pending || (offset - pending) / 8 >= G_N_ELEMENTS (msix->pending))
    return 0;
  return msix->pending[(offset - pending) / 8] >> offset % 8 * 8 & 0xffffffff;
}

static void
write_vector (PciMsixVector *vector, unsigned word, uint32_t value)
{
  switch (word % 4) {
  case 0:
    vector->address = (vector->address & ~0xffffffffull) | value;
    break;
  case 1:
    vector->address = (vector->address & 0xffffffff) | (uint64_t) value << 32;
    break;
  case 2:
    vector->data = value;
    break;
  default:
    vector->control = value & VECTOR_MASKED;
    break;
  }
}

// Pending bits are the device's alone.
static void
write_word (PciMsix *msix, uint64_t offset, uint32_t value)
{
  if (offset / sizeof (PciMsixVector) < msix->n_vectors)
    write_vector (&msix->vectors[offset / sizeof (PciMsixVector)], offset / 4, value);
}

static uint64_t
bar_read (void *opaque, uint64_t offset, unsigned size)
{
  PciMsix *msix = opaque;

  g_mutex_lock (&msix->lock);
  uint64_t value = read_word (msix, offset);
  if (size == 8)
    value |= (uint64_t) read_word (msix, offset + 4) << 32;
  g_mutex_unlock (&msix->lock);
  return value;
}

static void
bar_write (void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
  PciMsix *msix = opaque;

  g_mutex_lock (&msix->lock);
  write_word (msix, offset, value & 0xffffffff);
  if (size == 8)
    write_word (msix, offset + 4, value >> 32);
  send_pending (msix);
  g_mutex_unlock (&msix->lock);
}

static const MmioOps bar_ops = {
    .read = bar_read,
    .write = bar_write,
    .sizes = 4 | 8,
};

// ---- the function's -------------------------------------------------------------------------

void
pci_msix_update (PciMsix *msix)
{
  const uint8_t *config = msix->fn->config;
  uint16_t control = pci_get16 (config + msix->capability + CAP_CONTROL);

  g_mutex_lock (&msix->lock);
  msix->enabled = control & CONTROL_ENABLED;
  msix->masked = control & CONTROL_MASKED;
  msix->master = pci_get16 (config + PCI_COMMAND) & PCI_COMMAND_MASTER;
  send_pending (msix);
  g_mutex_unlock (&msix->lock);
}

bool
pci_msix_uses_no_pin (const PciMsix *msix)
{
  return pci_get16 (msix->fn->config + msix->capability + CAP_CONTROL) & CONTROL_ENABLED;
}

void
pci_msix_reset (PciMsix *msix)
{
  g_mutex_lock (&msix->lock);
  memset (msix->vectors, 0, msix->n_vectors * sizeof *msix->vectors);
  for (unsigned i = 0; i < msix->n_vectors; i++)
    msix->vectors[i].control = VECTOR_MASKED;
  memset (msix->pending, 0, sizeof msix->pending);
  g_mutex_unlock (&msix->lock);
}

void
pci_msix_save (PciMsix *msix, StateWriter *writer)
{
  g_mutex_lock (&msix->lock);
  state_put_u32 (writer, msix->n_vectors);
  for (unsigned i = 0; i < msix->n_vectors; i++) {
    state_put_u64 (writer, msix->vectors[i].address);
    state_put_u32 (writer, msix->vectors[i].data);
    state_put_u32 (writer, msix->vectors[i].control);
  }
  for (unsigned i = 0; i < G_N_ELEMENTS (msix->pending); i++)
    state_put_u64 (writer, msix->pending[i]);
  g_mutex_unlock (&msix->lock);
}

bool
pci_msix_load (PciMsix *msix, StateReader *reader)
{
  bool valid = state_get_u32 (reader) == msix->n_vectors;

  g_mutex_lock (&msix->lock);
  for (unsigned i = 0; valid && i < msix->n_vectors; i++) {
    msix->vectors[i].address = state_get_u64 (reader);
    msix->vectors[i].data = state_get_u32 (reader);
    msix->vectors[i].control = state_get_u32 (reader);
    valid = (msix->vectors[i].control & ~(uint32_t) VECTOR_MASKED) == 0;
  }
  for (unsigned i = 0; valid && i < G_N_ELEMENTS (msix->pending); i++) {
    unsigned first = i * 64, n = msix->n_vectors > first ? msix->n_vectors - first : 0;
    msix->pending[i] = state_get_u64 (reader);
    valid = n >= 64 || msix->pending[i] >> n == 0;
  }
  g_mutex_unlock (&msix->lock);
  if (!valid)
    pci_msix_reset (msix);
  return valid;
}

void
pci_msix_init (PciMsix *msix, PciFunction *fn, unsigned bar, unsigned n_vectors)
{
  g_assert (n_vectors >= 1 && n_vectors <= PCI_MSIX_VECTORS_MAX && fn->msix == NULL);
  unsigned at = pci_function_add_capability (fn, CAP_ID, CAP_BYTES);

  g_mutex_init (&msix->lock);
  msix->fn = fn;
  msix->n_vectors = n_vectors;
  msix->capability = at;
  msix->vectors = g_new0 (PciMsixVector, n_vectors);
  fn->msix = msix;
  pci_put16 (fn->config + at + CAP_CONTROL, n_vectors - 1);
  pci_put16 (fn->writable + at + CAP_CONTROL, CONTROL_MASKED | CONTROL_ENABLED);
  pci_put32 (fn->config + at + CAP_TABLE, bar);
  pci_put32 (fn->config + at + CAP_PENDING, bar_bytes (msix) / 2 | bar);
  pci_function_set_bar (fn, bar,
                        &(PciBar){.size_bytes = bar_bytes (msix), .ops = &bar_ops, .opaque = msix});
  pci_msix_reset (msix);
}

void
pci_msix_clear (PciMsix *msix)
{
  if (msix->vectors == NULL)
    return;
  g_clear_pointer (&msix->vectors, g_free);
  g_mutex_clear (&msix->lock);
}
