// SPDX-License-Identifier: GPL-3.0-or-later
// The control socket of a running machine: requests good and bad, in pieces, from clients that do
// not wait for their answers, and a server that goes away under them.
#include <errno.h>
#include <glib/gstdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/model/control.h"
#include "tests/fuzz/fuzz.h"

enum {
  CLIENTS = 3,
  STEPS_MAX = 60,
  INPUTS_PER_SERVER = 20,
};

typedef struct Target {
  char *folder, *socket;
  VmMachine *machine;
  ControlServer *server;
  int clients[CLIENTS]; // -1: not connected
  bool stopped;
} Target;

static const char *const words[] = {
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\n",
    "\"op\"",
    "\"force\"",
    "\"info\"",
    "\"pause\"",
    "\"resume\"",
    "\"stop\"",
    "null",
    "true",
    "1",
    "1.5",
    "\"\"",
    "{\"op\":\"info\"}\n",
    "{\"op\":\"pause\"}\n",
    "{\"op\":\"resume\"}\n",
    "{\"op\":\"stop\"}\n",
    "{\"op\":null}\n",
    "{\"op\":7}\n",
    "{\"op\":[]}\n",
    "{\"op\":{}}\n",
    "{\"op\":\"stop\",\"force\":",
    "{\"op\":\"stop\",\"force\":true}\n",
};

// ---- the machine ----------------------------------------------------------------------------

static int
make_kernel (void)
{
  // b . + 64; "ARM\x64"; wfi; b . - 4
  const uint32_t words_of_code[20] = {
      [0] = 0x14000010, [4] = 4096, [14] = 0x644d5241, [16] = 0xd503207f, [17] = 0x17ffffff};
  int fd = memfd_create ("kernel", MFD_CLOEXEC);

  if (fd < 0 || write (fd, words_of_code, sizeof words_of_code) != (ssize_t) sizeof words_of_code ||
      ftruncate (fd, 4096) < 0)
    g_error ("no temporary file");
  return fd;
}

static void
stopped_cb (VmMachine *machine, int reason, GError *error, Target *target)
{
  target->stopped = true;
}

static void
iterate_until_running (Target *target)
{
  while (vm_machine_get_state (target->machine) != VM_STATE_RUNNING)
    g_main_context_iteration (NULL, TRUE);
}

static void
start (Target *target)
{
  target->stopped = false;
  vm_machine_perform_async (target->machine, VM_OP_START, NULL, NULL, NULL);
  iterate_until_running (target);
}

static void
listen_anew (Target *target)
{
  g_autoptr (GError) error = NULL;

  control_server_free (target->server);
  target->server = control_server_new (target->machine, &error);
  if (target->server == NULL)
    g_error ("the server cannot listen: %s", error->message);
}

static void
clean_cb (void)
{
  g_autofree char *below = g_build_filename (g_get_user_runtime_dir (), "terrarium", NULL);

  g_rmdir (below);
  g_rmdir (g_get_user_runtime_dir ());
}

static Target *
make_target (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmConfig) config = vm_config_new (VM_ARCH_AARCH64);
  Target *target = g_new0 (Target, 1);

  target->folder = g_dir_make_tmp ("fuzz-XXXXXX", &error);
  if (target->folder == NULL)
    g_error ("%s", error->message);
  g_setenv ("XDG_RUNTIME_DIR", target->folder, TRUE);
  atexit (clean_cb);
  g_ptr_array_set_size (config->nics, 0);
  config->memory_bytes = 64 << 20;
  config->kernel = g_strdup_printf ("/proc/self/fd/%d", make_kernel ());
  target->machine = vm_machine_new (config, NULL, &error);
  if (target->machine == NULL)
    g_error ("%s", error->message);
  g_signal_connect (target->machine, "stopped", G_CALLBACK (stopped_cb), target);
  target->socket = g_strdup_printf ("%s/terrarium/%s.sock", target->folder,
                                    vm_machine_get_config (target->machine)->uuid);
  for (unsigned i = 0; i < CLIENTS; i++)
    target->clients[i] = -1;
  start (target);
  return target;
}

// ---- clients --------------------------------------------------------------------------------

static void
connect_client (Target *target, int *client)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};

  g_strlcpy (address.sun_path, target->socket, sizeof address.sun_path);
  *client = socket (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (*client < 0)
    g_error ("no socket: %s", g_strerror (errno));
  if (connect (*client, (struct sockaddr *) &address, sizeof address) < 0)
    g_error ("%s: %s", target->socket, g_strerror (errno));
}

static void
send_words (int client, FuzzInput *in)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (unsigned n = 1 + fuzz_below (in, 8); n > 0; n--)
    g_string_append (text, words[fuzz_below (in, G_N_ELEMENTS (words))]);
  if (fuzz_below (in, 8) == 0)
    text->str[fuzz_below (in, (unsigned) text->len)] = (char) fuzz_number (in, 1);
  if (fuzz_below (in, 32) == 0) // longer than a line may be, or deep
    for (unsigned n = 0; n < 5000; n++)
      g_string_append_c (text, "[{\" a"[n % (1 + fuzz_below (in, 5))]);
  if (send (client, text->str, text->len, MSG_NOSIGNAL) < 0)
    return; // the server closed it
}

static void
step (Target *target, FuzzInput *in)
{
  int *client = &target->clients[fuzz_below (in, CLIENTS)];
  char buffer[512];

  switch (*client < 0 ? 0 : 1 + fuzz_below (in, 10)) {
  case 0:
    connect_client (target, client);
    break;
  case 1:
    close (*client);
    *client = -1;
    break;
  case 2:
    shutdown (*client, SHUT_WR);
    break;
  case 3:
    while (recv (*client, buffer, sizeof buffer, 0) > 0)
      continue;
    break;
  default:
    send_words (*client, in);
    break;
  }
  for (unsigned n = fuzz_below (in, 6); n > 0; n--)
    g_main_context_iteration (NULL, FALSE);
}

static void
close_clients (Target *target)
{
  for (unsigned i = 0; i < CLIENTS; i++) {
    if (target->clients[i] >= 0)
      close (target->clients[i]);
    target->clients[i] = -1;
  }
}

// Whatever was asked of the machine came to an end; it runs for the next input.
static void
settle (Target *target)
{
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  for (;;) {
    VmState state = vm_machine_get_state (target->machine);

    if (state == VM_STATE_RUNNING)
      return;
    if (state == VM_STATE_STOPPED)
      start (target);
    else if (state == VM_STATE_PAUSED)
      vm_machine_perform_async (target->machine, VM_OP_RESUME, NULL, NULL, NULL);
    else
      g_main_context_iteration (NULL, TRUE);
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static Target *target;
  static unsigned used;
  FuzzInput in = {.data = data, .left = size};

  g_log_set_always_fatal (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING | G_LOG_FATAL_MASK);
  if (target == NULL)
    target = make_target ();
  if (used++ % INPUTS_PER_SERVER == 0 || fuzz_below (&in, 8) == 0)
    listen_anew (target);
  for (unsigned i = 0; i < STEPS_MAX && in.left > 0; i++)
    step (target, &in);
  if (fuzz_below (&in, 8) == 0)
    listen_anew (target); // with requests under way
  close_clients (target);
  settle (target);
  return 0;
}
