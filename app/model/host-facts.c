// SPDX-License-Identifier: GPL-3.0-or-later
// Facts about this computer; see host-facts.h. Any thread that may wait.
#include "app/model/host-facts.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <gio/gunixinputstream.h>
#include <gio/gunixsocketaddress.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "app/model/bundle.h"
#include "engine/api/vm.h"

enum {
  PAGE = 4096,
  WITH_EXEC = 0x10,    // MFD_EXEC, which older kernels do not know
  PATIENCE_MS = 35000, // longer than the driver's own in app/cli/renderer.c
};

#define ASKED "TERRARIUM_RENDERER_ASKED" // in the environment of who is asked

// A file of the system's with one line: whether it begins with this character.
static bool
says (const char *path, char wanted)
{
  g_autofree char *text = NULL;

  return g_file_get_contents (path, &text, NULL, NULL) && text[0] == wanted;
}

static HostKvm
ask_kvm (void)
{
  int fd = open ("/dev/kvm", O_RDWR | O_CLOEXEC);

  if (fd < 0)
    return errno == EACCES || errno == EPERM ? HOST_KVM_FORBIDDEN : HOST_KVM_ABSENT;
  close (fd);
  return HOST_KVM_THERE;
}

static bool
can_map (int protection, int flags, int fd)
{
  void *page = mmap (NULL, PAGE, protection, flags, fd, 0);

  if (page == MAP_FAILED)
    return false;
  munmap (page, PAGE);
  return true;
}

// As engine/jit/code-memory.c maps it.
static HostCode
ask_code (void)
{
  int fd = memfd_create ("terrarium-check", MFD_CLOEXEC | WITH_EXEC);

  if (fd < 0 && errno == EINVAL)
    fd = memfd_create ("terrarium-check", MFD_CLOEXEC);
  bool twice = fd >= 0 && ftruncate (fd, PAGE) == 0 &&
               can_map (PROT_READ | PROT_WRITE, MAP_SHARED, fd) &&
               can_map (PROT_READ | PROT_EXEC, MAP_SHARED, fd);
  if (fd >= 0)
    close (fd);
  if (twice)
    return HOST_CODE_TWICE;
  return can_map (PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1)
             ? HOST_CODE_ONCE
             : HOST_CODE_NEVER;
}

static bool
ask_ring (void)
{
  struct io_uring_params params = {0};
  long fd = syscall (SYS_io_uring_setup, 4, &params);

  if (fd >= 0)
    close ((int) fd);
  return fd >= 0;
}

// Where PipeWire's own library looks.
static char *
dup_pipewire_path (void)
{
  const char *remote = g_getenv ("PIPEWIRE_REMOTE"), *folder = g_getenv ("PIPEWIRE_RUNTIME_DIR");

  if (remote == NULL || *remote == '\0')
    remote = "pipewire-0";
  return g_build_filename (folder != NULL ? folder : g_get_user_runtime_dir (), remote, NULL);
}

static bool
ask_pipewire (void)
{
  g_autofree char *path =
      g_getenv ("PIPEWIRE_REMOTE") != NULL && g_path_is_absolute (g_getenv ("PIPEWIRE_REMOTE"))
          ? g_strdup (g_getenv ("PIPEWIRE_REMOTE"))
          : dup_pipewire_path ();
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr (GSocket) socket =
      g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL);

  if (socket == NULL)
    return false;
  g_socket_set_blocking (socket, FALSE);
  return g_socket_connect (socket, address, NULL, NULL);
}

static void
ask_disk (HostFacts *facts)
{
  g_autofree char *at = bundle_dup_root ();
  struct statvfs space;

  facts->folder = g_strdup (at);
  while (access (at, F_OK) != 0 && strlen (at) > 1) {
    char *above = g_path_get_dirname (at);
    g_free (at);
    at = above;
  }
  facts->writable = g_file_test (at, G_FILE_TEST_IS_DIR) && access (at, W_OK | X_OK) == 0;
  if (statvfs (at, &space) == 0)
    facts->free_bytes = (uint64_t) space.f_bavail * space.f_frsize;
}

// What a program says before it is killed: its first line. It may have left others behind that hold the
// pipe, and hang where nothing ends it: nobody waits for that.
static char *
read_line (int fd, gint64 until_us)
{
  char text[256];
  size_t length = 0;

  while (length < sizeof text && memchr (text, '\n', length) == NULL) {
    gint64 left_ms = (until_us - g_get_monotonic_time ()) / 1000;
    struct pollfd end = {.fd = fd, .events = POLLIN};
    if (left_ms <= 0 || (poll (&end, 1, (int) left_ms) <= 0 && errno != EINTR))
      return NULL;
    ssize_t n = end.revents != 0 ? read (fd, text + length, sizeof text - length) : -1;
    if (n == 0)
      break;
    length += (size_t) MAX (n, 0);
  }
  g_autofree char *all = g_utf8_make_valid (text, (gssize) length);
  char *line = g_strstrip (g_strndup (all, strcspn (all, "\n")));
  if (*line == '\0')
    g_clear_pointer (&line, g_free);
  return line;
}

// In a process of its own (app/cli/renderer.h): drivers are large, and some crash or hang. That one asks
// nobody, whatever it is: a program that does not know the argument would call itself without end.
char *
host_facts_ask_renderer (const char *program, unsigned patience_ms)
{
  gint64 until_us = g_get_monotonic_time () + (gint64) patience_ms * 1000;
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (
      G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE);

  if (program == NULL || g_getenv (ASKED) != NULL)
    return NULL;
  g_subprocess_launcher_setenv (launcher, ASKED, "1", TRUE);
  g_autoptr (GSubprocess) child =
      g_subprocess_launcher_spawn (launcher, NULL, program, "renderer", NULL);
  if (child == NULL)
    return NULL;
  GInputStream *output = g_subprocess_get_stdout_pipe (child);
  char *line = read_line (g_unix_input_stream_get_fd (G_UNIX_INPUT_STREAM (output)), until_us);
  g_subprocess_force_exit (child);
  return line;
}

HostFacts *
host_facts_collect (const char *program)
{
  HostFacts *facts = g_new0 (HostFacts, 1);
  struct utsname kernel;

  facts->sandboxed = access ("/.flatpak-info", F_OK) == 0;
  facts->arm = uname (&kernel) == 0 && g_str_has_prefix (kernel.machine, "aarch64");
  facts->kvm = ask_kvm ();
  facts->translates = vm_host_can_translate (&facts->lacks);
  facts->code = ask_code ();
  facts->memfd_noexec = says ("/proc/sys/vm/memfd_noexec", '2');
  facts->deny_execmem = says ("/sys/fs/selinux/booleans/deny_execmem", '1');
  facts->renderer = host_facts_ask_renderer (program, PATIENCE_MS);
  facts->pipewire = ask_pipewire ();
  ask_disk (facts);
  facts->ring = ask_ring ();
  facts->ring_disabled = !facts->ring && (says ("/proc/sys/kernel/io_uring_disabled", '1') ||
                                          says ("/proc/sys/kernel/io_uring_disabled", '2'));
  return facts;
}

void
host_facts_free (HostFacts *facts)
{
  if (facts == NULL)
    return;
  g_free (facts->renderer);
  g_free (facts->folder);
  g_free (facts);
}
