// SPDX-License-Identifier: GPL-3.0-or-later
// A machine on disk: a folder ("bundle") with machine.json and the files that belong to it. GLib
// only, no GTK: the command line uses it too. Synchronous; call the long ones (create) from a
// worker thread. Nothing outside a bundle is ever changed or deleted.
//
//   <data dir>/terrarium/machines/<folder>/machine.json   the VmConfig, versioned
//                                          kernel initrd disk0.raw …   copies made by bundle_create
//                                          nvram.fd        the firmware's variables
//                                          lock            held by the process that runs it
//                                          saved.json …    see saved.h
#pragma once

#include "engine/api/vm.h"

#define BUNDLE_CONFIG_FILE "machine.json"

typedef struct Bundle {
  char *path;       // of the folder, absolute
  VmConfig *config; // NULL when the bundle is broken
  GError *error;    // why it is broken, else NULL
  char *folder;     // the folder's name as text, for people
  char *name;       // what a broken one says it is called, NULL: nothing
} Bundle;

#define BUNDLE_ERROR (bundle_error_quark ())
GQuark bundle_error_quark (void);
typedef enum {
  BUNDLE_ERROR_BROKEN,  // machine.json is missing, unreadable or malformed
  BUNDLE_ERROR_IN_USE,  // another process runs this machine
  BUNDLE_ERROR_UNKNOWN, // no machine of that name
  BUNDLE_ERROR_DOUBT,   // somebody has to agree first; the message says to what
} BundleError;

// Where machines live: $XDG_DATA_HOME/terrarium/machines. Not created here.
char *bundle_dup_root (void);

// Never NULL: a folder that cannot be read as a machine gives a broken Bundle.
Bundle *bundle_load (const char *path);
void bundle_free (Bundle *bundle);
// Name to show: the configuration's; of a broken one what it says, or the folder's.
const char *bundle_get_name (const Bundle *bundle);

// All machines below root, broken ones too, sorted by name; empty when root does not exist.
GPtrArray *bundle_scan (const char *root);
// The one with this uuid, name or folder name; NULL with an error that says what to do.
Bundle *bundle_find (const char *root, const char *which, GError **error);

// Writes machine.json: new file, fsync, rename, fsync folder. The old one survives any failure.
bool bundle_save (Bundle *bundle, GError **error);
// The same with another configuration, which is taken; on failure the old one stays.
bool bundle_set_config (Bundle *bundle, VmConfig *take, GError **error);

// A small file, replaced in one step and on stable storage when true is returned.
bool bundle_write_file (const char *path, const char *text, GError **error);

// What becomes of the machine when its window closes: "ask" (as long as nothing else was said),
// "save", "keep", "shut-down". Any other word reads as "ask".
char *bundle_dup_on_close (const Bundle *bundle);
bool bundle_set_on_close (const Bundle *bundle, const char *what, GError **error);

// Fraction done, 0..1; called on the calling thread.
typedef void (*BundleProgress) (double fraction, void *data);

// Makes a new bundle below root for `config`: kernel and initrd are copied into it, and so are the
// disks unless `disks_in_place`; images that a machine cannot write are converted to qcow2 in any
// case, and discs in drives stay where they are. With firmware it gets a file for variables. A name
// already taken gets a number. All or nothing: on error or cancellation nothing is left behind.
Bundle *bundle_create (const char *root, const VmConfig *config, bool disks_in_place,
                       BundleProgress progress, void *data, GCancellable *cancellable,
                       GError **error);
// The same, but disks are what `share` makes of those the configuration in the new bundle has; called
// when all else is there.
typedef struct BundleSharing {
  bool (*share) (Bundle *made, void *data, GError **error);
  void *data;
} BundleSharing;
Bundle *bundle_create_sharing (const char *root, const VmConfig *config,
                               const BundleSharing *sharing, BundleProgress progress, void *data,
                               GCancellable *cancellable, GError **error);
// Whether a machine below root has this name, but for the one at `except` (may be NULL).
bool bundle_is_name_taken (const char *root, const char *name, const char *except);

// Where the next disk goes: before the drives, and what is in slots.
unsigned bundle_find_disk_place (const VmConfig *config);
// Puts an image there, which stays where it is.
void bundle_insert_disk (VmConfig *config, const char *path, VmImageFormat format);
// Adds an empty disk there, a qcow2 image of the bundle's own, and saves.
bool bundle_add_disk (Bundle *bundle, uint64_t size_bytes, GError **error);
// Makes the first disk larger.
bool bundle_grow_disk (const Bundle *bundle, uint64_t size_bytes, GError **error);
// The drive called `name` ("disk1": the position), or the only one ("").
bool bundle_find_drive (const VmConfig *config, const char *name, unsigned *disk);
// Another disc in a drive, NULL: none. False: there is no such drive.
bool bundle_set_medium (VmConfig *config, unsigned disk, const char *path);
// Undoes a creation that has just been made: deletes the bundle with the copies in it. Takes it.
void bundle_discard (Bundle *bundle);
// Removes what creations that were cut short (power, kill) left below root. Not while one just begins.
void bundle_clean (const char *root);

// Moves the folder to the Trash. Fails while it runs.
bool bundle_trash (Bundle *bundle, GError **error);

// The lock a process holds while it runs the machine: an open-file-description lock, gone with
// the process however it ends. -1 with BUNDLE_ERROR_IN_USE when somebody has it. Close to unlock.
int bundle_lock (const Bundle *bundle, GError **error);
// The same, and `*bundle` becomes what is on disk now: others may have changed it before the lock was ours.
// Who goes by what was there before deletes their images. -1 too if it is broken by now.
int bundle_lock_to_change (Bundle **bundle, GError **error);
bool bundle_is_locked (const Bundle *bundle);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Bundle, bundle_free)
