// SPDX-License-Identifier: GPL-3.0-or-later
// A machine without a window, in a process of its own: what `terrarium start` detaches when the
// application does not run. Main thread with the default main context.
#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gi18n.h>
#include <unistd.h>

#include "app/audio-load.h"
#include "app/cli/complain.h"
#include "app/cli/machines.h"
#include "app/model/bundle.h"
#include "app/model/running.h"
#include "app/model/snapshots.h"

typedef struct Service {
  GMainLoop *loop;
  VmMachine *machine;
  Running *running;
  bool power_pressed;
  int status;
} Service;

static gboolean
quit_cb (void *data)
{
  g_main_loop_quit (data);
  return G_SOURCE_REMOVE;
}

// Whoever asked for it gets an answer first.
static void
stopped_cb (VmMachine *machine, int reason, GError *error, Service *service)
{
  service->status = reason == VM_STOP_ERROR ? CLI_FAILED : CLI_OK;
  g_idle_add (quit_cb, service->loop);
}

static void
performed_cb (GObject *source, GAsyncResult *result, void *data)
{
  vm_machine_perform_finish (VM_MACHINE (source), result, NULL);
}

// The first signal presses the power button, the second pulls the plug.
static gboolean
terminate_cb (void *data)
{
  Service *service = data;
  VmOp op = service->power_pressed ? VM_OP_FORCE_STOP : VM_OP_POWER_BUTTON;

  service->power_pressed = true;
  if (vm_machine_can (service->machine, op))
    vm_machine_perform_async (service->machine, op, NULL, performed_cb, NULL);
  return G_SOURCE_CONTINUE;
}

// From here on nobody listens to this process.
static void
leave_terminal (void)
{
  int null = open ("/dev/null", O_RDWR | O_CLOEXEC);

  if (null < 0)
    return;
  for (int fd = 0; fd <= 2; fd++)
    dup2 (null, fd);
  close (null);
}

static void
started_cb (GObject *source, GAsyncResult *result, void *data)
{
  Service *service = data;
  g_autoptr (GError) error = NULL;

  if (!running_start_finish (service->running, result, &error)) {
    service->status = cli_fail (error->message);
    g_main_loop_quit (service->loop);
    return;
  }
  g_print ("ok\n");
  leave_terminal ();
}

static int
serve (const Bundle *bundle, RunningHow how, GError **error)
{
  Service service = {0};
  unsigned sigterm, sigint;
  bool reachable;

  service.machine = vm_machine_new (bundle->config, NULL, error);
  if (service.machine == NULL)
    return CLI_FAILED;
  service.running = running_new (bundle, service.machine, &reachable, error);
  if (!reachable) {
    running_free (service.running);
    g_object_unref (service.machine);
    return CLI_FAILED;
  }
  Audio *audio = audio_load (service.machine);
  service.loop = g_main_loop_new (NULL, FALSE);
  sigterm = g_unix_signal_add (SIGTERM, terminate_cb, &service);
  sigint = g_unix_signal_add (SIGINT, terminate_cb, &service);
  g_signal_connect (service.machine, "stopped", G_CALLBACK (stopped_cb), &service);
  running_start_async (service.running, how, started_cb, &service);
  g_main_loop_run (service.loop);

  g_source_remove (sigterm);
  g_source_remove (sigint);
  running_free (service.running);
  g_signal_handlers_disconnect_by_data (service.machine, &service);
  g_object_unref (service.machine);
  audio_free (audio);
  g_main_loop_unref (service.loop);
  return service.status;
}

int
cli_serve (int argc, char **argv)
{
  g_autoptr (Bundle) bundle = NULL;
  g_autoptr (GError) error = NULL;
  bool afresh = argc == 3 && g_str_equal (argv[2], "--fresh");
  int lock, status;

  if (argc != 2 && !afresh)
    return cli_fail_usage (argv[0], _ ("Name one machine’s folder."));
  bundle = bundle_load (argv[1]);
  if (bundle->config == NULL)
    return cli_fail (bundle->error->message);
  lock = bundle_lock_to_change (&bundle, &error);
  if (lock < 0)
    return cli_fail (error->message);
  if (!snapshots_prepare (bundle, &error)) {
    close (lock);
    return cli_fail (error->message);
  }
  status = serve (bundle, afresh ? RUNNING_AFRESH : RUNNING_RESUME, &error);
  if (error != NULL)
    cli_fail (error->message);
  close (lock);
  return status;
}
