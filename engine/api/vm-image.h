// SPDX-License-Identifier: GPL-3.0-or-later
// Disk images as files: made, looked into, checked, converted, resized. No machine is needed.
//
// Threads: any that may wait. Each call opens the image, locked (one writer, or any number of
// readers; a look needs no lock), and closes it. Errors are one sentence for a person.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <gio/gio.h>

typedef enum {
  VM_IMAGE_RAW,
  VM_IMAGE_QCOW2,
  // Of other programs: read and converted, neither made nor attached to machines.
  VM_IMAGE_VDI,
  VM_IMAGE_VMDK,
  VM_IMAGE_VHDX,
} VmImageFormat;

#define VM_IMAGE_ERROR (vm_image_error_quark ())
GQuark vm_image_error_quark (void);
enum {
  VM_IMAGE_ERROR_BACKING, // it is based on another file, and following that was not allowed
};

const char *vm_image_format_get_name (VmImageFormat format);
bool vm_image_format_can_write (VmImageFormat format);
bool vm_image_format_from_name (const char *name, VmImageFormat *format);
// What a file looks like. Only for a file a person names now: a guest can make its raw disk look
// like anything, so a machine's configuration keeps the answer and never asks again.
bool vm_image_probe (const char *path, VmImageFormat *format, GError **error);

// Long calls: how far they are, 0 to 1, and whether to end (G_IO_ERROR_CANCELLED). Either may be
// NULL. What was begun then is gone.
typedef struct VmImageJob {
  GCancellable *cancellable;
  void (*progress) (void *data, double done);
  void *data;
} VmImageJob;

typedef struct VmImageCreate {
  VmImageFormat format;
  uint64_t size_bytes;          // 0: the backing file's
  uint64_t cluster_bytes;       // qcow2; 0: 64 KiB
  const char *backing;          // qcow2; NULL: none. As it will stand in the image: from its folder
  VmImageFormat backing_format; // with backing
} VmImageCreate;

// Neither replaces a file that is there, and what they make appears complete or not at all.
bool vm_image_create (const char *path, const VmImageCreate *options, GError **error);
bool vm_image_convert (const char *from, VmImageFormat from_format, bool allow_backing,
                       const char *to, const VmImageCreate *options, const VmImageJob *job,
                       GError **error);

// The same with what the disk was when an internal snapshot of a qcow2 image was taken; `which` is its
// id or, if no id is that, its name.
bool vm_image_convert_snapshot (const char *from, bool allow_backing, const char *which,
                                const char *to, const VmImageCreate *options, const VmImageJob *job,
                                GError **error);

// A new qcow2 image with what `path` and the `depth` images below it hold, based on what those are
// based on. The backing names are followed.
bool vm_image_flatten (const char *path, VmImageFormat format, unsigned depth, const char *to,
                       const VmImageJob *job, GError **error);

// A smaller size cuts off what is behind it.
bool vm_image_resize (const char *path, VmImageFormat format, uint64_t size_bytes, bool may_shrink,
                      GError **error);

typedef struct VmImageSnapshot {
  char *id, *name;
  uint64_t state_bytes, disk_bytes;
  int64_t seconds; // since 1970
} VmImageSnapshot;

typedef struct VmImageInfo {
  VmImageFormat format;
  uint64_t size_bytes; // of the disk
  uint64_t file_bytes, allocated_bytes;
  // qcow2
  unsigned version, refcount_bits;
  uint64_t cluster_bytes;
  bool extended_l2, lazy_refcounts, dirty, corrupt, zstd;
  char *backing, *backing_format; // NULL: none, not recorded
  VmImageSnapshot *snapshots;
  unsigned n_snapshots;
} VmImageInfo;

VmImageInfo *vm_image_get_info (const char *path, VmImageFormat format, GError **error);
void vm_image_info_free (VmImageInfo *info);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmImageInfo, vm_image_info_free)

typedef struct VmImageCheck {
  uint64_t n_corrupt, n_leaked;
  uint64_t n_clusters, n_allocated, n_compressed, end_bytes;
} VmImageCheck;

// False: it could not be checked. `fault` may be NULL; its text is English.
bool vm_image_check (const char *path, VmImageFormat format, VmImageCheck *result,
                     void (*fault) (void *data, bool corrupt, const char *text), void *fault_data,
                     const VmImageJob *job, GError **error);

typedef struct VmImageExtent {
  uint64_t offset, length;
  bool data;      // else it reads as zeroes
  bool present;   // some image of the chain says so
  unsigned depth; // which: 0 is the image itself
  bool compressed;
  bool has_host;
  uint64_t host; // offset in that image's file
} VmImageExtent;

// Calls `extent` for each run of the disk that is stored in one way, in order.
bool vm_image_map (const char *path, VmImageFormat format, bool allow_backing,
                   void (*extent) (void *data, const VmImageExtent *extent), void *data,
                   const VmImageJob *job, GError **error);

// What the disk holds, a piece at a time; what is not in this very image reads as zeroes. Offsets and
// lengths are multiples of 512 inside the disk. One thread at a time.
typedef struct VmImageReader VmImageReader;
VmImageReader *vm_image_reader_new (const char *path, VmImageFormat format, GError **error);
void vm_image_reader_free (VmImageReader *reader); // accepts NULL
uint64_t vm_image_reader_get_size (const VmImageReader *reader);
bool vm_image_reader_read (VmImageReader *reader, uint64_t offset, void *buffer, size_t length,
                           GError **error);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmImageReader, vm_image_reader_free)
