// SPDX-License-Identifier: GPL-3.0-or-later
// A machine's saved state as a file: what its devices wrote (state.h), and its memory in a form
// that can be mapped. DESIGN.md has the layout, and says why it is so.
//
// Threads: each object is used by one thread at a time. Writing and opening wait for the host.
#pragma once

#include <gio/gio.h>
#include <stdbool.h>

#include "engine/mem/ram.h"

enum {
  STATE_FILE_RAMS_MAX = 8,
};

#define STATE_FILE_ERROR (state_file_error_quark ())
GQuark state_file_error_quark (void);
enum {
  STATE_FILE_ERROR_FOREIGN, // not a saved state, or of another kind of machine
  STATE_FILE_ERROR_NEWER,   // made by a newer Terrarium
  STATE_FILE_ERROR_DAMAGED,
};

// How far it is, 0 to 1, on the calling thread; either may be NULL.
typedef struct StateFileJob {
  GCancellable *cancellable;
  void (*progress) (void *data, double done);
  void *data;
} StateFileJob;

typedef struct StateFileWriter StateFileWriter;

// Begins a file that will be called `path`, replacing what is there when it is finished.
StateFileWriter *state_file_writer_new (const char *path, const char *arch, GError **error);
// The machine is paused: notes which pages hold something. `ram` stays until the writer is freed.
void state_file_writer_add_ram (StateFileWriter *writer, const VmRam *ram);
void state_file_writer_set_stream (StateFileWriter *writer, GBytes *stream);
// The memory as it is now is copied by a child process, so that the machine can go on. False: this
// host cannot; nothing has happened.
bool state_file_writer_fork (StateFileWriter *writer);
// Puts the memory into the file, or waits until the child has.
bool state_file_writer_copy (StateFileWriter *writer, const StateFileJob *job, GError **error);
// On true the file is on stable storage under its name. On false whatever had it before still has.
bool state_file_writer_finish (StateFileWriter *writer, GError **error);
void state_file_writer_free (StateFileWriter *writer); // unfinished: nothing stays; accepts NULL
// Whether a file of this name was left by a writer whose process ended; `path` as for _new.
bool state_file_is_leftover (const char *name, const char *path);

typedef struct StateFile StateFile;

// Checks all but the memory. Every field is taken for hostile.
StateFile *state_file_open (const char *path, const char *arch, GError **error);
void state_file_free (StateFile *file);                // accepts NULL; what was mapped stays
GBytes *state_file_get_stream (const StateFile *file); // borrowed
unsigned state_file_get_n_rams (const StateFile *file);
// Bytes of memory that are not zero, in whole chunks.
uint64_t state_file_get_ram_bytes (const StateFile *file);
// Maps the i-th memory, whose contents are checked; pages are read when they are used, and what is
// written to them stays private. The file must not be changed while it is mapped.
bool state_file_map_ram (const StateFile *file, unsigned i, VmRam *ram, GError **error);
