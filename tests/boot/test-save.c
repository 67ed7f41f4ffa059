// SPDX-License-Identifier: GPL-3.0-or-later
// Saved state in files, at random moments of a guest that checks its memory and its disk all the
// time: it is saved and ended, and a new machine goes on from the file; or it is saved while it runs,
// and goes back to that later. The verdict is the guest's own: it says BAD and stops, or goes on.
//
// test-save FOLDER CPUS [full]: the folder has the initrd, and takes state and disk. full: the guest
// fetches a file from a server here and shows pictures too. $TERRARIUM_SAVES says how often (6).
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/api/vm-state.h"
#include "tests/support/machine.h"

enum {
  DISK_BYTES = 8 << 20,
  PAUSE_MAX_MS = 200, // of the guest's life between two saves
};

static char *state_path;

// ---- a server for the guest -----------------------------------------------------------------

// On a thread of its own: the numbers to 6000 as a file.
static gboolean
serve_cb (GThreadedSocketService *service, GSocketConnection *connection, GObject *source,
          void *data)
{
  char request[1024];
  GInputStream *in = g_io_stream_get_input_stream (G_IO_STREAM (connection));
  GOutputStream *out = g_io_stream_get_output_stream (G_IO_STREAM (connection));
  g_autoptr (GString) text = g_string_new (NULL);

  for (unsigned i = 1; i <= 6000; i++)
    g_string_append_printf (text, "%u\n", i);
  g_autofree char *head = g_strdup_printf (
      "HTTP/1.0 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", text->len);
  g_string_prepend (text, head);
  if (g_input_stream_read (in, request, sizeof request, NULL, NULL) > 0)
    g_output_stream_write_all (out, text->str, text->len, NULL, NULL, NULL);
  return TRUE;
}

// Never ended: the process ends.
static unsigned
start_server (void)
{
  GSocketService *service = g_threaded_socket_service_new (4);
  unsigned port = g_socket_listener_add_any_inet_port (G_SOCKET_LISTENER (service), NULL, NULL);

  g_assert (port != 0);
  g_signal_connect (service, "run", G_CALLBACK (serve_cb), NULL);
  g_socket_service_start (service);
  return port;
}

// ---- the machine ----------------------------------------------------------------------------

static void
make_full (VmConfig *config)
{
  g_free (config->kernel);
  config->kernel = test_guest_file ("vmlinuz-arm64");
  g_free (config->cmdline);
  // Nobody else writes to the frame buffer.
  config->cmdline = g_strdup_printf (
      "console=ttyAMA0 quiet vt.global_cursor_default=0 save.port=%u", start_server ());
  config->display = true;
  config->display_width = 640;
  config->display_height = 480;
}

static VmConfig *
make_config (const char *folder, unsigned cpus)
{
  VmConfig *config = vm_config_new (VM_ARCH_AARCH64);
  g_autofree char *disk = g_build_filename (folder, "disk.qcow2", NULL);
  const VmImageCreate options = {.format = VM_IMAGE_QCOW2, .size_bytes = DISK_BYTES};

  if (!vm_image_create (disk, &options, NULL))
    g_error ("no disk");
  config->kernel = test_guest_file ("vmlinuz-cloud-arm64");
  config->initrd = g_build_filename (folder, "initrd", NULL);
  config->cmdline = g_strdup ("console=ttyAMA0 quiet");
  config->memory_bytes = 512ull << 20;
  config->cpus = cpus;
  vm_config_add_disk (config, disk, false)->format = VM_IMAGE_QCOW2;
  return config;
}

// What it has to come to: "WORD n".
typedef struct Mark {
  const char *word;
  unsigned n;
} Mark;

// The number behind the last of those words that it said.
static unsigned
get_last (TestMachine *tm, const char *word)
{
  g_mutex_lock (&tm->lock);
  const char *last = g_strrstr (tm->serial->str, word);
  unsigned n = last != NULL ? (unsigned) strtoul (last + strlen (word), NULL, 10) : 0;
  g_mutex_unlock (&tm->lock);
  return n;
}

static bool
has_come_to (TestMachine *tm, void *data)
{
  const Mark *mark = data;
  return get_last (tm, mark->word) >= mark->n;
}

// It says more, all of it good.
static void
check_goes_on (TestMachine *tm, bool full, const char *when)
{
  Mark marks[] = {{"ROUND ", 2}, {"NET ", 1}, {"FB ", 2}};

  for (size_t i = 0; i < (full ? G_N_ELEMENTS (marks) : 1); i++)
    marks[i].n += get_last (tm, marks[i].word);
  for (size_t i = 0; i < (full ? G_N_ELEMENTS (marks) : 1); i++)
    if (!test_machine_wait (tm, has_come_to, &marks[i]) || test_machine_has_text (tm, "BAD"))
      g_error ("%s: the guest does not go on:\n%s", when, tm->serial->str);
}

// ---- operations -----------------------------------------------------------------------------

typedef struct Wait {
  bool done, restore;
  GError *error;
} Wait;

static void
done_cb (GObject *source, GAsyncResult *result, void *data)
{
  Wait *wait = data;

  if (wait->restore)
    vm_machine_restore_finish (VM_MACHINE (source), result, &wait->error);
  else
    vm_machine_save_file_finish (VM_MACHINE (source), result, &wait->error);
  wait->done = true;
}

static void
wait_for (Wait *wait, const char *what)
{
  while (!wait->done)
    g_main_context_iteration (NULL, TRUE);
  if (wait->error != NULL)
    g_error ("%s: %s", what, wait->error->message);
}

static void
save (TestMachine *tm, bool stop)
{
  const VmSaveOptions options = {.path = state_path, .stop = stop};
  Wait wait = {0};

  vm_machine_save_file_async (tm->machine, &options, NULL, done_cb, &wait);
  wait_for (&wait, "save");
}

static TestMachine *
restore (const VmConfig *config)
{
  TestMachine *tm = test_machine_new (config);
  Wait wait = {.restore = true};

  vm_machine_restore_file_async (tm->machine, state_path, NULL, done_cb, &wait);
  wait_for (&wait, "restore");
  g_assert (vm_machine_get_state (tm->machine) == VM_STATE_RUNNING);
  return tm;
}

static gboolean
over_cb (void *data)
{
  *(bool *) data = true;
  return G_SOURCE_REMOVE;
}

static void
let_run (unsigned ms)
{
  bool over = false;

  g_timeout_add (ms, over_cb, &over);
  while (!over)
    g_main_context_iteration (NULL, TRUE);
}

// ---- the file is cut short while it is the machine's memory ---------------------------------------

typedef struct End {
  bool stopped;
  VmStopReason reason;
  char *why;
} End;

static void
stopped_cb (VmMachine *machine, int reason, const GError *error, End *end)
{
  end->stopped = true;
  end->reason = (VmStopReason) reason;
  end->why = error != NULL ? g_strdup (error->message) : NULL;
}

// It stops and says why; the process lives.
static void
check_loss (TestMachine *tm)
{
  End end = {0};

  g_signal_connect (tm->machine, "stopped", G_CALLBACK (stopped_cb), &end);
  if (truncate (state_path, 4096) != 0)
    g_error ("%s cannot be cut", state_path);
  while (!end.stopped)
    g_main_context_iteration (NULL, TRUE);
  if (end.reason != VM_STOP_ERROR || end.why == NULL || strstr (end.why, "memory") == NULL)
    g_error ("ended with %d: %s", end.reason, end.why);
  g_print ("without its memory: %s\n", end.why);
  g_free (end.why);
}

int
main (int argc, char **argv)
{
  const char *saves = g_getenv ("TERRARIUM_SAVES");
  unsigned n = saves != NULL ? (unsigned) strtoul (saves, NULL, 10) : 6;
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);
  Mark first = {"ROUND ", 1};
  bool full = argc == 4;

  g_assert (argc == 3 || full);
  VmConfig *config = make_config (argv[1], (unsigned) strtoul (argv[2], NULL, 10));
  if (full)
    make_full (config);
  state_path = g_build_filename (argv[1], "a.state", NULL);
  TestMachine *tm = test_machine_new (config);
  test_machine_perform (tm, VM_OP_START);
  if (!test_machine_wait (tm, has_come_to, &first))
    g_error ("the guest does not work without saving either:\n%s", tm->serial->str);
  for (unsigned i = 0; i < n; i++) {
    g_autofree char *when = g_strdup_printf ("save %u of %u", i + 1, n);

    let_run ((unsigned) g_rand_int_range (rand, 1, PAUSE_MAX_MS));
    if (i % 3 == 2) { // goes on while it is saved
      save (tm, false);
      check_goes_on (tm, full, when);
      continue;
    }
    save (tm, true);
    test_machine_free (tm);
    tm = restore (config);
    check_goes_on (tm, full, when);
  }
  g_print ("%u saves, processors: %s, %.1f s of CPU\n", n, argv[2],
           (double) clock () / CLOCKS_PER_SEC);
  save (tm, true);
  test_machine_free (tm);
  tm = restore (config);
  check_loss (tm);
  test_machine_free (tm);
  vm_config_free (config);
  g_free (state_path);
  return EXIT_SUCCESS;
}
