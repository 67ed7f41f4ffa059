// SPDX-License-Identifier: GPL-3.0-or-later
// One change to a machine on disk, applied to what is there now. GLib only; any thread that may wait.
#pragma once

#include "app/model/bundle.h"

typedef enum {
  CHANGE_NAME,           // text
  CHANGE_MEMORY,         // bytes
  CHANGE_CPUS,           // number
  CHANGE_BOOT_FIRST,     // number: of the disk; CHANGE_NONE: up to the firmware
  CHANGE_ADD_DISK,       // bytes: of an empty one
  CHANGE_ADD_IMAGE,      // text: the path of a disk image there is, which stays where it is
  CHANGE_ADD_DRIVE,      // an empty one
  CHANGE_REMOVE_DISK,    // number; a drive too. An image in the bundle goes to the Trash
  CHANGE_MEDIUM,         // number: of the drive; text: the disc's path, NULL: none
  CHANGE_NETWORK,        // number: 0 or 1
  CHANGE_ADD_FORWARD,    // forward
  CHANGE_REMOVE_FORWARD, // forward
} ChangeKind;

#define CHANGE_NONE G_MAXUINT

typedef struct Change {
  ChangeKind kind;
  char *text;
  uint64_t bytes;
  unsigned number;
  VmForward forward;
} Change;

Change *change_copy (const Change *change);
void change_free (Change *change); // accepts NULL

// Writes machine.json. The caller has the bundle's lock and the machine does not run. On an error
// nothing has changed on disk.
bool change_apply (Bundle *bundle, const Change *change, GError **error);
