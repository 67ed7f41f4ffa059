// SPDX-License-Identifier: GPL-3.0-or-later
// The stream a device's state is written to and read from: little endian, in named sections with
// a version each. A reader treats its input as hostile: after the first short or oversized read
// every getter gives 0 and state_reader_ok is false, so a device may read everything first and
// check once; it must still validate every index it read.
//
// Threads: one thread at a time; used while the machine is quiescent.
#pragma once

#include <glib.h>

#include "engine/structs/types.h"

typedef struct StateWriter StateWriter;
typedef struct StateReader StateReader;

StateWriter *state_writer_new (void);
// Appends a length-prefixed section; sections do not nest.
void state_writer_begin (StateWriter *writer, const char *name, uint32_t version);
void state_writer_end (StateWriter *writer);
void state_put_u8 (StateWriter *writer, uint8_t value);
void state_put_u16 (StateWriter *writer, uint16_t value);
void state_put_u32 (StateWriter *writer, uint32_t value);
void state_put_u64 (StateWriter *writer, uint64_t value);
void state_put_bool (StateWriter *writer, bool value);
// A u32 length followed by the bytes.
void state_put_bytes (StateWriter *writer, const void *data, size_t length);
// Frees the writer; NULL when the host had no memory for all that was put.
GBytes *state_writer_finish (StateWriter *writer);

// Checks magic, format version and checksum of the whole; NULL and an error otherwise.
StateReader *state_reader_new (GBytes *bytes, GError **error);
void state_reader_free (StateReader *reader);
// Enters the next section, which must have this name and a version <= max_version (returned in
// *version). False with an error otherwise.
bool state_reader_begin (StateReader *reader, const char *name, uint32_t max_version,
                         uint32_t *version, GError **error);
// Leaves the section; false with an error when a read failed or bytes are left over.
bool state_reader_end (StateReader *reader, GError **error);
bool state_reader_ok (const StateReader *reader);
uint8_t state_get_u8 (StateReader *reader);
uint16_t state_get_u16 (StateReader *reader);
uint32_t state_get_u32 (StateReader *reader);
uint64_t state_get_u64 (StateReader *reader);
bool state_get_bool (StateReader *reader);
// Copies a length-prefixed block of exactly `length` bytes; otherwise fails the reader.
void state_get_bytes (StateReader *reader, void *data, size_t length);
// A block of any length up to `max`; NULL (and a failed reader) otherwise.
GBytes *state_get_blob (StateReader *reader, size_t max);
