// SPDX-License-Identifier: GPL-3.0-or-later
// Terrarium's engine, as the rest of the program sees it. The only engine header anything outside
// engine/ may include.
//
// A VmConfig (plain data) makes a VmMachine (a GObject with asynchronous operations). What the
// guest shows, prints and plays leaves through sinks: const tables of functions with the contract
// at each entry. Message-shaped on purpose: the machine may live in another process one day.
#pragma once

#include <gio/gio.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/api/vm-image.h"
#include "engine/structs/sink.h"

G_BEGIN_DECLS

// ---------------------------------------------------------------------------------------------
// Configuration

typedef enum {
  VM_ARCH_AARCH64,
} VmArch;

typedef enum {
  VM_ACCEL_AUTO,   // the fastest that works here
  VM_ACCEL_INTERP, // the interpreter
  VM_ACCEL_JIT,    // the translator
} VmAccel;

// What the processor can do beyond the rest; a guest takes what it knows of.
enum {
  VM_CPU_PAUTH = 1 << 0, // pointer authentication
  VM_CPU_BTI = 1 << 1,   // branch target identification
};
// As text, such as "pauth,bti" or "none". False: there is an unknown word.
bool vm_cpu_features_parse (const char *text, unsigned *features);
char *vm_cpu_features_format (unsigned features);

typedef struct VmForward {
  bool udp;
  uint16_t host_port;  // on the host's loopback address
  uint16_t guest_port; // 0 is invalid for both
} VmForward;

// What a guest sees a disk on.
typedef enum {
  VM_DISK_VIRTIO,
  VM_DISK_SCSI,
  VM_DISK_NVME,
  VM_DISK_USB, // removable, like a stick
} VmDiskBus;

// As in machine.json.
const char *vm_disk_bus_get_name (VmDiskBus bus);
bool vm_disk_bus_from_name (const char *name, VmDiskBus *bus);

typedef struct VmDiskConfig {
  char *path;           // "": a drive (cdrom) without a medium
  VmImageFormat format; // told, never guessed: a guest can make its raw disk look like anything
  bool read_only;
  bool allow_backing; // read the file the image says it is based on
  VmDiskBus bus;
  bool cdrom; // a CD/DVD drive (on SCSI) with this medium; read only
  // Hot-plug slot 1..VM_PORTS it is in, with an adapter for its bus; such disks are the last and no
  // drives. 0: it stays.
  unsigned port;
} VmDiskConfig;

typedef struct VmNicConfig {
  uint8_t mac[6];   // all zero: made from the machine's uuid and the position
  GArray *forwards; // of VmForward
  unsigned port;    // as of a disk
} VmNicConfig;

enum {
  VM_PORTS = 4, // hot-plug slots
};

// What a guest plays and records with.
typedef enum {
  VM_SOUND_NONE,
  VM_SOUND_VIRTIO,
  VM_SOUND_HDA, // for guests without a driver for virtio's
} VmSoundDevice;

// What follows the device is for whoever makes the sink.
typedef struct VmSoundConfig {
  VmSoundDevice device;
  bool microphone;      // the guest may listen
  bool muted;           // what it plays is not heard
  unsigned volume;      // percent
  unsigned latency_ms;  // of what is kept in stock against gaps
  char *output, *input; // the host's devices; NULL: its default ones, also when those change
} VmSoundConfig;

// For those who work on the engine: no part of a machine's description, and not stored with it.
typedef struct VmDeveloper {
  bool count;             // instructions are counted, which takes time
  bool jit_stats;         // the translator keeps figures, which takes time: vm_machine_get_report
  bool jit_verify;        // its code is compared with the interpreter as it runs: one CPU, slow;
                          // a difference is printed and ends the machine
  bool jit_at_once;       // it translates what is come to for the first time, too
  bool jit_perf_map;      // its code is named for perf(1)
  char *jit_dump;         // file its code is written to, or NULL
  uint64_t jit_max_bytes; // of code it keeps; 0: as usual
} VmDeveloper;

// Plain data; owned strings; any of the pointers may be NULL unless said otherwise. Not shared
// between threads without a lock.
typedef struct VmConfig {
  VmArch arch;
  VmAccel accel;
  char *uuid;            // never NULL: vm_config_new makes one
  char *name;            // never NULL, UTF-8
  unsigned cpus;         // 1..8
  unsigned cpu_features; // VM_CPU_*
  bool strict_code;      // for guests that do not say when they change code; slower
  uint64_t memory_bytes; // multiple of 1 MiB, >= 64 MiB
  char *kernel;          // arm64 Image, gzip-compressed or EFI zboot
  char *initrd;
  char *cmdline;
  char *firmware;   // file, or "uefi": this computer's; NULL: the kernel is started directly
  char *nvram;      // file of the firmware's variables, made when missing; NULL: forgotten
  bool no_acpi;     // the firmware describes the machine by a device tree only
  GStrv boot_order; // of names such as disk0 and net0; NULL: up to the firmware
  char *
      vsock; // UNIX socket made at start: "CONNECT <port>\n" leads to the guest's vsock port, and the
             // guest reaches "<vsock>_<port>" as port of CID 2; NULL: no such device
  GPtrArray *disks;                       // of VmDiskConfig
  GPtrArray *nics;                        // of VmNicConfig
  bool display;                           // graphics adapter, keyboard and tablet
  unsigned display_width, display_height; // preferred size at start, pixels
  VmSoundConfig sound;
  VmDeveloper developer;
} VmConfig;

VmConfig *vm_config_new (VmArch arch); // 1 CPU, 1 GiB, no disk, one NIC, no display
VmConfig *vm_config_copy (const VmConfig *config);
// Another machine: with an identity of its own, without what only one machine of a host can have (MAC
// addresses, forwarded ports, the vsock's socket). Its disks and variables are still the same files.
VmConfig *vm_config_copy_as_new (const VmConfig *config, const char *name);
void vm_config_free (VmConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmConfig, vm_config_free)
// Raw; the caller may change what comes back. Before the disks in hot-plug slots.
VmDiskConfig *vm_config_add_disk (VmConfig *config, const char *path, bool read_only);
VmDiskConfig *vm_config_add_cdrom (VmConfig *config, const char *path); // NULL: the drive is empty
VmNicConfig *vm_config_add_nic (VmConfig *config);
void vm_nic_config_add_forward (VmNicConfig *nic, bool udp, uint16_t host_port,
                                uint16_t guest_port);

#define VM_CONFIG_ERROR (vm_config_error_quark ())
GQuark vm_config_error_quark (void);
typedef enum {
  VM_CONFIG_ERROR_FIELD,   // a value is out of range; the message names the field
  VM_CONFIG_ERROR_FILE,    // a file is missing, unreadable or not what it must be
  VM_CONFIG_ERROR_FORMAT,  // the text is not a machine description
  VM_CONFIG_ERROR_VERSION, // made by a newer Terrarium
} VmConfigError;

// Ranges, host limits, files present and of the right kind (opens them; touches nothing). The
// message is one sentence that names the field or file and the remedy.
bool vm_config_validate (const VmConfig *config, GError **error);
// machine.json: relative paths are relative to `base_dir`. from_json checks form and ranges only;
// without a "uuid" in it the machine has the one of `base_dir`, the same each time.
char *vm_config_to_json (const VmConfig *config, const char *base_dir);
VmConfig *vm_config_from_json (const char *json, gssize length, const char *base_dir,
                               GError **error);

// What the host can give: for sliders and validation.
unsigned vm_host_get_cpus (void);
uint64_t vm_host_get_memory_bytes (void);
// Whether the processor is one that machines are translated for; where there is a translator for its
// kind, `*lacks` is what it lacks first, such as "AVX2", else NULL. Any thread.
bool vm_host_can_translate (const char **lacks);

// Looks into a file a person offers: kernel image, disk image, something else. `what` is a
// translatable description in English; false with an error that says what it is instead.
typedef enum {
  VM_FILE_KERNEL_AARCH64,
  VM_FILE_RAW_DISK,
  VM_FILE_QCOW2_DISK,
} VmFileKind;
bool vm_file_probe (const char *path, VmFileKind *kind, GError **error);

// ---------------------------------------------------------------------------------------------
// Display, console, sound: sinks

// VmFrame, VmRect, VmDisplaySinkOps, VmConsoleSinkOps, VmAudioSinkOps: engine/structs/sink.h.

typedef enum {
  VM_CONSOLE_SERIAL, // PL011, ttyAMA0
  VM_CONSOLE_VIRTIO, // hvc0
} VmConsole;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmFrame, vm_frame_unref)

// ---------------------------------------------------------------------------------------------
// Machine

typedef enum {
  VM_STATE_STOPPED, // never started, or over
  VM_STATE_STARTING,
  VM_STATE_RUNNING,
  VM_STATE_PAUSING,
  VM_STATE_PAUSED,
  VM_STATE_RESUMING,
  VM_STATE_STOPPING,
  VM_STATE_SAVING, // to a file, to end then
} VmState;

typedef enum {
  VM_OP_START,
  VM_OP_PAUSE,
  VM_OP_RESUME,
  VM_OP_RESET,
  VM_OP_POWER_BUTTON, // asks the guest to shut down; finishes when the button was pressed
  VM_OP_FORCE_STOP,
} VmOp;

typedef enum {
  VM_STOP_GUEST,  // the guest powered itself off
  VM_STOP_FORCED, // VM_OP_FORCE_STOP
  VM_STOP_SAVED,  // its state is in a file (vm-state.h)
  VM_STOP_ERROR,  // the machine could not go on; the error says why
} VmStopReason;

#define VM_TYPE_MACHINE (vm_machine_get_type ())
G_DECLARE_FINAL_TYPE (VmMachine, vm_machine, VM, MACHINE, GObject)

// Copies the configuration and validates it. Everything below is for the thread that owns
// `context` (NULL: the thread-default one), where signals and callbacks arrive too, unless said
// otherwise. Takes no host resources before it is started.
//
// Properties: "state" (VmState as int, notified). Signals: "stopped" (int VmStopReason, GError or
// NULL), once, after the last sink call; "detached" (uint): the slot is empty; "notice" (text): something the person should know, such as
// a disk of the host that fails; not more than one in a while.
VmMachine *vm_machine_new (const VmConfig *config, GMainContext *context, GError **error);
const VmConfig *vm_machine_get_config (VmMachine *machine);
VmState vm_machine_get_state (VmMachine *machine);

// Why the machine pauses or has paused by itself, a sentence that says what to do; NULL when it has
// not. VM_OP_RESUME tries again.
const char *vm_machine_get_trouble (VmMachine *machine);

// Before start. ops and sink must outlive the machine's run. NULL removes.
void vm_machine_set_display_sink (VmMachine *machine, const VmDisplaySinkOps *ops, void *sink);
void vm_machine_set_console_sink (VmMachine *machine, VmConsole console,
                                  const VmConsoleSinkOps *ops, void *sink);
void vm_machine_set_audio_sink (VmMachine *machine, const VmAudioSinkOps *ops, void *sink);

// Whether an operation makes sense now: drives the sensitivity of UI actions.
bool vm_machine_can (VmMachine *machine, VmOp op);
// Starts the operation; the callback gets its end. At most one operation at a time, but that
// POWER_BUTTON and FORCE_STOP are always accepted once started.
void vm_machine_perform_async (VmMachine *machine, VmOp op, GCancellable *cancellable,
                               GAsyncReadyCallback callback, void *user_data);
bool vm_machine_perform_finish (VmMachine *machine, GAsyncResult *result, GError **error);

// Puts another medium into a drive of a running or paused machine: `disk` is the position of one in
// the configuration that is a cdrom; path NULL: the drive is empty then. The guest is told. While it
// has locked the drive (Linux does while the disc is in use) the error is G_IO_ERROR_BUSY, and the
// guest is asked to let go of the disc; `force` takes it out nevertheless. The configuration stays as
// it is. An application's machine with a folder: running_change_medium_async of app/model/running.h.
void vm_machine_change_medium_async (VmMachine *machine, unsigned disk, const char *path,
                                     bool force, GCancellable *cancellable,
                                     GAsyncReadyCallback callback, void *user_data);
bool vm_machine_change_medium_finish (VmMachine *machine, GAsyncResult *result, GError **error);

// A device for a running or paused machine, put into a free hot-plug slot (the `port` that is given
// does not count), a disk with an adapter for its bus or a network adapter. finish gives the slot (1..VM_PORTS), or 0 with an
// error. From then on it is part of the machine's configuration (vm_machine_get_config), of its saved
// state and of its snapshots; the description that the machine was made from is for the caller to
// change. An application's machine with a folder: running_attach_async of app/model/running.h.
void vm_machine_attach_disk_async (VmMachine *machine, const VmDiskConfig *disk,
                                   GCancellable *cancellable, GAsyncReadyCallback callback,
                                   void *user_data);
void vm_machine_attach_nic_async (VmMachine *machine, const VmNicConfig *nic,
                                  GCancellable *cancellable, GAsyncReadyCallback callback,
                                  void *user_data);
unsigned vm_machine_attach_finish (VmMachine *machine, GAsyncResult *result, GError **error);
// Asks the guest to let go of what is in the slot, and ends when it was asked: when the guest has
// (Linux waits 5 seconds first), the device is taken out and "detached" is emitted. With `force` that
// happens at once, as if pulled out; a disk's writes are finished first.
void vm_machine_detach_async (VmMachine *machine, unsigned port, bool force,
                              GCancellable *cancellable, GAsyncReadyCallback callback,
                              void *user_data);
bool vm_machine_detach_finish (VmMachine *machine, GAsyncResult *result, GError **error);
// Of a configuration: whether something is in the slot, and removing that.
bool vm_config_port_is_used (const VmConfig *config, unsigned port);
void vm_config_clear_port (VmConfig *config, unsigned port);
// Adds a copy of it, in that slot.
void vm_config_attach_disk (VmConfig *config, const VmDiskConfig *disk, unsigned port);
void vm_config_attach_nic (VmConfig *config, const VmNicConfig *nic, unsigned port);

// Saves a paused machine's whole state (RAM, CPUs, devices) to memory, and makes a stopped, never
// started machine of the same configuration continue from it (paused).
void vm_machine_save_async (VmMachine *machine, GCancellable *cancellable,
                            GAsyncReadyCallback callback, void *user_data);
GBytes *vm_machine_save_finish (VmMachine *machine, GAsyncResult *result, GError **error);
void vm_machine_restore_async (VmMachine *machine, GBytes *state, GCancellable *cancellable,
                               GAsyncReadyCallback callback, void *user_data);
bool vm_machine_restore_finish (VmMachine *machine, GAsyncResult *result, GError **error);

// Input. Any thread; never waits; ignored when the machine is not running or has no such device.
// Keys and buttons are Linux evdev codes (KEY_*, BTN_*). Positions are in pixels of a picture of
// the given size. Scroll is in wheel clicks, positive = up / right.
void vm_machine_send_key (VmMachine *machine, unsigned evdev_code, bool down);
void vm_machine_send_button (VmMachine *machine, unsigned evdev_code, bool down);
void vm_machine_send_position (VmMachine *machine, double x, double y, unsigned width,
                               unsigned height);
void vm_machine_send_scroll (VmMachine *machine, int dx, int dy);
// Bytes for the guest to read on a console; bounded queue, the number of bytes accepted.
size_t vm_machine_console_write (VmMachine *machine, VmConsole console, const uint8_t *data,
                                 size_t length);
// The window's size changed: the guest is told (display-info event) and may follow.
void vm_machine_set_display_size (VmMachine *machine, unsigned width, unsigned height);

// The guest is asked to make do with so much of its memory (at least 64 MiB are left to it): the rest
// goes back to the host when the guest has let go of it, which it does in its own time, and may take
// again when it runs out of memory. Memory the guest does not use goes back by itself. Any thread;
// ignored when the machine does not run.
void vm_machine_set_memory_target (VmMachine *machine, uint64_t bytes);

enum {
  VM_CPUS_MAX = 8,
};

typedef struct VmStats {
  uint64_t guest_instructions; // all vCPUs; with the translator only if developer.count
  double vcpu_cpu_seconds;     // host CPU time of the vCPU threads
  unsigned n_cpus;
  double cpu_seconds[VM_CPUS_MAX];                // the same of each
  double running_seconds;                         // by the machine's clock
  uint64_t resident_ram_bytes;                    // host memory behind guest RAM
  uint64_t memory_target_bytes, memory_now_bytes; // what the guest is to make do with, and does
  uint64_t memory_reported_bytes;                 // given back by the guest by itself so far
  // Bytes the guest read from its disks and wrote to them (not from discs), received and sent.
  uint64_t disk_read_bytes, disk_written_bytes, net_received_bytes, net_sent_bytes;
  // As the guest sees it, some time ago; UINT64_MAX: it has not said.
  uint64_t memory_total_bytes, memory_free_bytes, memory_available_bytes;
} VmStats;
// Any state; the last figures stay readable after the end.
void vm_machine_get_stats (VmMachine *machine, VmStats *stats);
// What the translator of the last run did, lines of text; NULL without developer.jit_stats, or while
// it runs. Free with g_free.
char *vm_machine_get_report (VmMachine *machine);

G_END_DECLS

#include "engine/api/vm-state.h"
