// SPDX-License-Identifier: GPL-3.0-or-later
// Building the machine of machine.h.
#include "tests/fuzz/machine.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
  KERNEL_BYTES = 4096,
  DISK_BYTES = 1 << 20,
};

// A file without a name; machines open it through /proc.
static int
make_file (const void *data, size_t length, size_t bytes)
{
  int fd = memfd_create ("fuzz", MFD_CLOEXEC);

  if (fd < 0 || ftruncate (fd, (off_t) bytes) < 0 ||
      pwrite (fd, data, length, 0) != (ssize_t) length)
    g_error ("no temporary file");
  return fd;
}

// An arm64 Image that calls PSCI's CPU_OFF.
static int
make_kernel (void)
{
  uint32_t words[20] = {
      [0] = 0x14000010,   // b . + 64
      [4] = KERNEL_BYTES, // image_size
      [14] = 0x644d5241,  // "ARM\x64"
      [16] = 0x52b08000,  // movz w0, #0x8400, lsl 16
      [17] = 0x72800040,  // movk w0, #2
      [18] = 0xd4000002,  // hvc #0
      [19] = 0x14000000,  // b .
  };

  return make_file (words, sizeof words, KERNEL_BYTES);
}

static void
ignore_present (void *sink, VmFrame *frame, const VmRect *damage)
{
  // What a viewer relies on.
  if (damage->x < 0 || damage->y < 0 || damage->width < 0 || damage->height < 0 ||
      (unsigned) damage->x + (unsigned) damage->width > vm_frame_get_width (frame) ||
      (unsigned) damage->y + (unsigned) damage->height > vm_frame_get_height (frame) ||
      vm_frame_get_stride_bytes (frame) < 4 * (size_t) vm_frame_get_width (frame))
    g_error ("damage outside the picture");
}

static void
ignore_write (void *sink, const uint8_t *data, size_t length)
{
}

static const VmDisplaySinkOps display_ops = {.present = ignore_present};
static const VmConsoleSinkOps console_ops = {.write = ignore_write};

static MachineAccel
pick_accel (FuzzRun runs)
{
  return runs == FUZZ_PARKED || g_strcmp0 (g_getenv ("TERRARIUM_ACCEL"), "interp") == 0
             ? MACHINE_ACCEL_INTERP
             : MACHINE_ACCEL_AUTO;
}

static Machine *
build (const FuzzMachine *fm, unsigned cpus, FuzzRun runs)
{
  static const MachineNic nic = {.mac = {2, 0, 0, 0, 0, 1}};
  g_autoptr (GError) error = NULL;
  g_autofree char *kernel = g_strdup_printf ("/proc/self/fd/%d", fm->kernel_fd);
  g_autofree char *disk0 = g_strdup_printf ("/proc/self/fd/%d", fm->disk_fds[0]);
  g_autofree char *disk1 = g_strdup_printf ("/proc/self/fd/%d", fm->disk_fds[1]);
  const MachineDisk disks[FUZZ_MACHINE_DISKS] = {{.path = disk0},
                                                 {.path = disk1, .read_only = true}};
  const MachineConfig config = {
      .name = "fuzz",
      .cpus = cpus,
      .accel = pick_accel (runs),
      .jit = {.at_once = runs == FUZZ_RUNS_AT_ONCE},
      .memory_bytes = FUZZ_MACHINE_RAM_BYTES,
      .kernel = kernel,
      .disks = disks,
      .n_disks = FUZZ_MACHINE_DISKS,
      .nics = &nic,
      .n_nics = 1,
      .display = true,
      .display_width = 640,
      .display_height = 480,
      .display_ops = &display_ops,
      .serial = {&console_ops, NULL},
      .virtio_console = {&console_ops, NULL},
  };
  Machine *machine = machine_new_virt_aarch64 (&config, &error);

  if (machine == NULL)
    g_error ("the machine cannot be built: %s", error->message);
  return machine;
}

FuzzMachine *
fuzz_machine_new (unsigned cpus, FuzzRun runs)
{
  FuzzMachine *fm = g_new0 (FuzzMachine, 1);

  fm->kernel_fd = make_kernel ();
  for (unsigned i = 0; i < FUZZ_MACHINE_DISKS; i++)
    fm->disk_fds[i] = make_file ("", 0, DISK_BYTES);
  fm->machine = build (fm, cpus, runs);
  fm->vm = machine_get_vm (fm->machine);
  return fm;
}

void
fuzz_machine_free (FuzzMachine *fm)
{
  machine_free (fm->machine);
  close (fm->kernel_fd);
  for (unsigned i = 0; i < FUZZ_MACHINE_DISKS; i++)
    close (fm->disk_fds[i]);
  g_free (fm);
}

static void
nothing (void *unused)
{
}

void
fuzz_machine_settle (FuzzMachine *fm)
{
  // Twice: what runs at the first may have signalled more.
  vm_loop_call (fm->vm->loop, nothing, NULL);
  vm_loop_call (fm->vm->loop, nothing, NULL);
}

void
fuzz_make_warnings_fatal (void)
{
  g_log_set_always_fatal (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING | G_LOG_FATAL_MASK);
}
