// SPDX-License-Identifier: GPL-3.0-or-later
// A paused machine's whole state as bytes, and back.
//
//   section "machine"   shape of the machine (CPUs, RAM), which must match; the clock
//   section "ram"       where the contents are: here, per range: chunks that are not all zero, each
//                       offset + bytes; or in the file that this stream is part of
//   section <guest>     per CPU: powered on, then its own state
//   section <device>    per device, in the order they were added
//
// Threads: the controlling thread enters, the work is done on the I/O thread.
#include <string.h>
#include <unistd.h>

#include <gio/gio.h>

#include "engine/snapshot/state-file.h"
#include "engine/snapshot/state.h"
#include "engine/vm/vcpu-priv.h"
#include "engine/vm/vm-priv.h"

enum {
  MACHINE_VERSION = 1,
  RAM_VERSION = 2,
  CHUNK_BYTES = 64 * 1024,
};

// Offset that ends the list of chunks.
#define END_OF_RAM UINT64_MAX

static bool
bad_state (GError **error, const char *why)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "The saved state cannot be used: %s.",
               why);
  return false;
}

// ---- RAM ------------------------------------------------------------------------------------

static bool
is_zero (const uint8_t *data, size_t length)
{
  return data[0] == 0 && memcmp (data, data + 1, length - 1) == 0;
}

static void
save_ram (const VmRam *ram, StateWriter *writer)
{
  const uint8_t *host = vm_ram_get_host (ram);
  uint64_t at, end = 0;

  // What was never touched is skipped unread, so that looking does not fill it.
  while (vm_ram_next_used (ram, end, &at, &end)) {
    for (; at < end; at += CHUNK_BYTES) {
      size_t length = (size_t) MIN (CHUNK_BYTES, end - at);

      if (is_zero (host + at, length))
        continue;
      state_put_u64 (writer, at);
      state_put_bytes (writer, host + at, length);
    }
  }
  state_put_u64 (writer, END_OF_RAM);
}

static bool
load_ram (VmRam *ram, StateReader *reader)
{
  uint64_t size = vm_ram_get_size_bytes (ram), at;

  vm_ram_clear (ram);
  while ((at = state_get_u64 (reader)) != END_OF_RAM) {
    g_autoptr (GBytes) chunk = state_get_blob (reader, CHUNK_BYTES);
    size_t length;

    if (chunk == NULL)
      return false;
    const void *data = g_bytes_get_data (chunk, &length);
    if (length == 0 || at >= size || length > size - at)
      return false;
    memcpy (vm_ram_get_host (ram) + at, data, length);
  }
  return state_reader_ok (reader);
}

// ---- saving ---------------------------------------------------------------------------------

static void
save_machine (Vm *vm, StateWriter *writer)
{
  GPtrArray *rams = vm->priv->rams;

  state_writer_begin (writer, "machine", MACHINE_VERSION);
  state_put_u32 (writer, vm->n_vcpus);
  state_put_u32 (writer, rams->len);
  for (unsigned i = 0; i < rams->len; i++) {
    state_put_u64 (writer, vm_ram_get_base (g_ptr_array_index (rams, i)));
    state_put_u64 (writer, vm_ram_get_size_bytes (g_ptr_array_index (rams, i)));
  }
  state_put_u64 (writer, (uint64_t) vm_clock_now (vm->clock));
  state_writer_end (writer);
}

typedef struct Save {
  Vm *vm;
  StateWriter *writer;
  StateFileWriter *file; // takes the RAM; NULL: the stream does
} Save;

static void
save_rams (Save *save)
{
  GPtrArray *rams = save->vm->priv->rams;

  state_writer_begin (save->writer, "ram", RAM_VERSION);
  state_put_bool (save->writer, save->file != NULL);
  for (unsigned i = 0; i < rams->len; i++)
    if (save->file != NULL)
      state_file_writer_add_ram (save->file, g_ptr_array_index (rams, i));
    else
      save_ram (g_ptr_array_index (rams, i), save->writer);
  state_writer_end (save->writer);
}

static void
save_cb (void *data)
{
  Save *save = data;
  Vm *vm = save->vm;

  save_machine (vm, save->writer);
  save_rams (save);
  for (unsigned i = 0; i < vm->n_vcpus; i++) {
    Vcpu *vcpu = vm->vcpus[i];

    state_writer_begin (save->writer, vcpu->guest->name, vcpu->guest->state_version);
    state_put_bool (save->writer, vcpu_settle (vcpu));
    vcpu->guest->save (vcpu->cpu, save->writer);
    state_writer_end (save->writer);
  }
  for (unsigned i = 0; i < vm->devices->len; i++) {
    Device *device = g_ptr_array_index (vm->devices, i);

    state_writer_begin (save->writer, device->ops->name, device->ops->state_version);
    device->ops->save (device, save->writer);
    state_writer_end (save->writer);
  }
}

static GBytes *
save_with (Vm *vm, StateFileWriter *file, GError **error)
{
  Save save = {.vm = vm, .writer = state_writer_new (), .file = file};

  g_assert (vm->priv->started && !vm->priv->running && vm->priv->quiet);
  vm_loop_call (vm->loop, save_cb, &save);
  GBytes *state = state_writer_finish (save.writer);
  if (state == NULL)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                         "The host has no memory left for the saved state; close other programs.");
  return state;
}

GBytes *
vm_save (Vm *vm, GError **error)
{
  return save_with (vm, NULL, error);
}

bool
vm_save_to_file (Vm *vm, StateFileWriter *file, GError **error)
{
  g_autoptr (GBytes) stream = save_with (vm, file, error);

  if (stream != NULL)
    state_file_writer_set_stream (file, stream);
  return stream != NULL;
}

// ---- loading --------------------------------------------------------------------------------

static bool
load_machine (Vm *vm, StateReader *reader, GError **error)
{
  GPtrArray *rams = vm->priv->rams;
  uint32_t version;

  if (!state_reader_begin (reader, "machine", MACHINE_VERSION, &version, error))
    return false;
  bool same = state_get_u32 (reader) == vm->n_vcpus && state_get_u32 (reader) == rams->len;
  for (unsigned i = 0; same && i < rams->len; i++)
    same = state_get_u64 (reader) == vm_ram_get_base (g_ptr_array_index (rams, i)) &&
           state_get_u64 (reader) == vm_ram_get_size_bytes (g_ptr_array_index (rams, i));
  if (!same)
    return bad_state (error, "it belongs to a machine with another number of processors or "
                             "amount of memory");
  int64_t now = (int64_t) state_get_u64 (reader);
  if (!state_reader_end (reader, error))
    return false;
  // A clock near its end would run over; three centuries are plenty.
  if (now < 0 || now > INT64_MAX / 2)
    return bad_state (error, "its clock is out of range");
  vm_clock_set (vm->clock, now);
  return true;
}

static bool
load_rams (Vm *vm, StateReader *reader, const StateFile *file, GError **error)
{
  GPtrArray *rams = vm->priv->rams;
  uint32_t version;

  if (!state_reader_begin (reader, "ram", RAM_VERSION, &version, error))
    return false;
  bool in_file = version >= 2 && state_get_bool (reader);
  if (in_file != (file != NULL) || (in_file && state_file_get_n_rams (file) != rams->len))
    return bad_state (error, "its memory contents are missing");
  for (unsigned i = 0; i < rams->len; i++) {
    VmRam *ram = g_ptr_array_index (rams, i);

    if (in_file && !state_file_map_ram (file, i, ram, error))
      return false;
    if (!in_file && !load_ram (ram, reader))
      return bad_state (error, "its memory contents are damaged");
  }
  return state_reader_end (reader, error);
}

static bool
load_vcpu (Vcpu *vcpu, StateReader *reader, GError **error)
{
  uint32_t version;

  if (!state_reader_begin (reader, vcpu->guest->name, vcpu->guest->state_version, &version, error))
    return false;
  vcpu_reset (vcpu, state_get_bool (reader));
  if (!vcpu->guest->load (vcpu->cpu, reader, version, error))
    return false;
  if (!state_reader_end (reader, error))
    return false;
  vcpu->guest->code_changed (vcpu->cpu, 0, UINT64_MAX);
  return true;
}

static bool
load_device (Device *device, StateReader *reader, GError **error)
{
  uint32_t version;

  if (!state_reader_begin (reader, device->ops->name, device->ops->state_version, &version, error))
    return false;
  if (!device->ops->load (device, reader, version, error))
    return false;
  return state_reader_end (reader, error);
}

static bool
load_all (Vm *vm, StateReader *reader, const StateFile *file, GError **error)
{
  if (!load_machine (vm, reader, error) || !load_rams (vm, reader, file, error))
    return false;
  for (unsigned i = 0; i < vm->n_vcpus; i++)
    if (!load_vcpu (vm->vcpus[i], reader, error))
      return false;
  for (unsigned i = 0; i < vm->devices->len; i++) {
    Device *device = g_ptr_array_index (vm->devices, i);

    if (device->ops->reset != NULL)
      device->ops->reset (device);
  }
  for (unsigned i = 0; i < vm->devices->len; i++)
    if (!load_device (g_ptr_array_index (vm->devices, i), reader, error))
      return false;
  return true;
}

typedef struct Load {
  Vm *vm;
  StateReader *reader;
  const StateFile *file; // of the RAM; NULL: it is in the stream
  GError **error;
  bool ok;
} Load;

static void
load_cb (void *data)
{
  Load *load = data;

  vm_quiesce_devices (load->vm);
  load->ok = load_all (load->vm, load->reader, load->file, load->error);
}

static bool
load_with (Vm *vm, GBytes *state, const StateFile *file, GError **error)
{
  Load load = {.vm = vm, .file = file, .error = error};

  g_assert (vm->priv->realized && !vm->priv->started);
  load.reader = state_reader_new (state, error);
  if (load.reader == NULL)
    return false;
  vm_loop_call (vm->loop, load_cb, &load);
  state_reader_free (load.reader);
  vm->priv->started = load.ok;
  return load.ok;
}

bool
vm_load (Vm *vm, GBytes *state, GError **error)
{
  return load_with (vm, state, NULL, error);
}

bool
vm_load_from_file (Vm *vm, const StateFile *file, GError **error)
{
  return load_with (vm, state_file_get_stream (file), file, error);
}
