// SPDX-License-Identifier: GPL-3.0-or-later
// `terrarium run`: a machine described by options, its serial console on the terminal. Main thread
// with the default main context; the guest's output comes on the machine's I/O thread and is only
// queued there.
#include "app/cli/run.h"

#include <glib-unix.h>
#include <glib/gi18n.h>
#include <signal.h>

#include "app/audio-load.h"
#include "app/cli/complain.h"
#include "app/cli/run-options.h"
#include "app/cli/terminal.h"
#include "app/module-load.h"
#include "engine/api/vm-gdb.h"

enum {
  EXIT_SIGNAL = 128,
  RETRY_SECONDS = 5,
};

typedef struct Run {
  GMainLoop *loop;
  VmMachine *machine;
  Terminal *terminal; // NULL: no serial console
  int signal_number;  // that ended it, 0: none
  bool told_to_end;   // by a signal or Ctrl-A X
  bool finishing;     // it is over; what it printed is still being written
  guint timer;        // resumes it after it has paused by itself, or counts how long it runs; or 0
  bool told_trouble;  // since it last ran for longer
  int status;
  char *why; // it did not end well: one sentence
} Run;

static void
fail (Run *run, int status, const char *why)
{
  run->status = status;
  g_free (run->why);
  run->why = g_strdup (why);
}

// ---- the machine ----------------------------------------------------------------------------

static void
stopped_cb (VmMachine *machine, int reason, GError *error, void *data)
{
  Run *run = data;

  if (reason == VM_STOP_GUEST)
    run->status = CLI_OK;
  else if (reason == VM_STOP_ERROR)
    fail (run, CLI_FAILED, error->message);
  else if (run->signal_number != 0)
    fail (run, EXIT_SIGNAL + run->signal_number, _ ("The machine was stopped by a signal."));
  else
    fail (run, CLI_FAILED, _ ("The machine was stopped before it had powered itself off."));
  g_main_loop_quit (run->loop);
}

static void
started_cb (GObject *source, GAsyncResult *result, void *data)
{
  g_autoptr (GError) error = NULL;
  Run *run = data;

  if (vm_machine_perform_finish (VM_MACHINE (source), result, &error))
    return;
  fail (run, CLI_FAILED, error->message);
  g_main_loop_quit (run->loop);
}

// Nobody else can resume this machine, so it is tried again and again, and said once.
static gboolean
retry_cb (void *data)
{
  Run *run = data;

  run->timer = 0;
  if (vm_machine_can (run->machine, VM_OP_RESUME))
    vm_machine_perform_async (run->machine, VM_OP_RESUME, NULL, NULL, NULL);
  return G_SOURCE_REMOVE;
}

static gboolean
ran_long_cb (void *data)
{
  Run *run = data;

  run->timer = 0;
  run->told_trouble = false;
  return G_SOURCE_REMOVE;
}

static void
state_cb (VmMachine *machine, GParamSpec *unused, void *data)
{
  Run *run = data;
  VmState state = vm_machine_get_state (machine);
  const char *trouble = vm_machine_get_trouble (machine);

  g_clear_handle_id (&run->timer, g_source_remove);
  if (state == VM_STATE_RUNNING && run->told_trouble)
    run->timer = g_timeout_add_seconds (RETRY_SECONDS, ran_long_cb, run);
  if (state != VM_STATE_PAUSED || trouble == NULL)
    return;
  if (!run->told_trouble)
    cli_fail (trouble);
  run->told_trouble = true;
  run->timer = g_timeout_add_seconds (RETRY_SECONDS, retry_cb, run);
}

static void
force_stop (Run *run)
{
  run->told_to_end = true;
  if (vm_machine_can (run->machine, VM_OP_FORCE_STOP))
    vm_machine_perform_async (run->machine, VM_OP_FORCE_STOP, NULL, NULL, NULL);
}

// ---- the terminal ---------------------------------------------------------------------------

static size_t
typed (void *data, const uint8_t *bytes, size_t length)
{
  Run *run = data;
  VmState state = vm_machine_get_state (run->machine);

  // Kept until the machine runs.
  if (state == VM_STATE_STOPPED || state == VM_STATE_STARTING)
    return 0;
  return vm_machine_console_write (run->machine, VM_CONSOLE_SERIAL, bytes, length);
}

static void
leave (void *data)
{
  Run *run = data;

  force_stop (run);
}

static void
serial_write (void *sink, const uint8_t *bytes, size_t length)
{
  Run *run = sink;

  terminal_write (run->terminal, bytes, length);
}

static const TerminalOps terminal_ops = {.typed = typed, .leave = leave};
static const VmConsoleSinkOps serial_ops = {.write = serial_write};

// ---- signals --------------------------------------------------------------------------------

static gboolean
on_signal (Run *run, int number)
{
  run->signal_number = number;
  force_stop (run);
  if (run->finishing)
    g_main_loop_quit (run->loop);
  return G_SOURCE_CONTINUE;
}

static gboolean
sigint_cb (void *data)
{
  return on_signal (data, SIGINT);
}

static gboolean
sigterm_cb (void *data)
{
  return on_signal (data, SIGTERM);
}

static gboolean
sighup_cb (void *data)
{
  return on_signal (data, SIGHUP);
}

// ---- the command ----------------------------------------------------------------------------

static void
print_stats (VmMachine *machine)
{
  VmStats stats;

  vm_machine_get_stats (machine, &stats);
  double rate = stats.vcpu_cpu_seconds > 0
                    ? (double) stats.guest_instructions / stats.vcpu_cpu_seconds / 1e6
                    : 0;
  // Not translated: read by programs.
  g_printerr ("terrarium: instructions=%" G_GUINT64_FORMAT
              " vcpu_cpu_seconds=%.3f minstr_per_second=%.1f running_seconds=%.3f "
              "resident_ram_mib=%u\n",
              stats.guest_instructions, stats.vcpu_cpu_seconds, rate, stats.running_seconds,
              (unsigned) (stats.resident_ram_bytes >> 20));
}

static void
print_report (VmMachine *machine)
{
  g_autofree char *report = vm_machine_get_report (machine);

  if (report != NULL)
    g_printerr ("%s", report);
}

static void
run_until_stopped (Run *run, const RunOptions *options)
{
  guint signals[] = {
      g_unix_signal_add (SIGINT, sigint_cb, run),
      g_unix_signal_add (SIGTERM, sigterm_cb, run),
      g_unix_signal_add (SIGHUP, sighup_cb, run),
  };

  if (options->serial_stdio) {
    run->terminal = terminal_new (&terminal_ops, run);
    vm_machine_set_console_sink (run->machine, VM_CONSOLE_SERIAL, &serial_ops, run);
  }
  g_signal_connect (run->machine, "stopped", G_CALLBACK (stopped_cb), run);
  g_signal_connect (run->machine, "notify::state", G_CALLBACK (state_cb), run);
  vm_machine_perform_async (run->machine, VM_OP_START, NULL, started_cb, run);
  g_main_loop_run (run->loop);
  g_clear_handle_id (&run->timer, g_source_remove);
  // A signal ends that, also one that came just before and has not been looked at yet.
  run->finishing = true;
  if (run->terminal != NULL && !run->told_to_end)
    terminal_finish (run->terminal, run->loop);
  for (size_t i = 0; i < G_N_ELEMENTS (signals); i++)
    g_source_remove (signals[i]);
  if (!terminal_free (run->terminal) && run->status == CLI_OK)
    fail (run, run->signal_number != 0 ? EXIT_SIGNAL + run->signal_number : CLI_FAILED,
          _ ("The machine has ended, but not all of its output was read."));
}

// What the engine has to say that is no error.
static void
log_message (const char *domain, GLogLevelFlags level, const char *message, void *data)
{
  cli_fail (message);
}

// False: the files cannot be used.
static bool
make_audio (Run *run, const RunOptions *options, Audio **audio, GError **error)
{
  *audio = NULL;
  if (options->config->sound.device == VM_SOUND_NONE || options->audio == RUN_AUDIO_NONE)
    return true;
  if (options->audio == RUN_AUDIO_PIPEWIRE) {
    *audio = audio_load (run->machine);
    return true;
  }
  *audio = audio_wav_new (options->wav_output, options->wav_input, error);
  if (*audio != NULL)
    vm_machine_set_audio_sink (run->machine, (*audio)->sink_ops, *audio);
  return *audio != NULL;
}

static int
run_here (const RunOptions *options)
{
  Run run = {.status = CLI_FAILED};
  g_autoptr (GError) error = NULL;
  Audio *audio;

  g_log_set_handler (G_LOG_DOMAIN, G_LOG_LEVEL_MESSAGE, log_message, NULL);
  run.machine = vm_machine_new (options->config, NULL, &error);
  if (run.machine == NULL)
    return cli_fail (error->message);
  if (!vm_machine_set_gdb (run.machine, options->gdb, options->gdb_wait, &error)) {
    g_object_unref (run.machine);
    return cli_fail_usage ("run", error->message);
  }
  if (!make_audio (&run, options, &audio, &error)) {
    g_object_unref (run.machine);
    return cli_fail (error->message);
  }
  run.loop = g_main_loop_new (NULL, FALSE);
  run_until_stopped (&run, options);
  if (run.why != NULL)
    cli_fail (run.why);
  if (options->stats)
    print_stats (run.machine);
  if (options->jit_stats)
    print_report (run.machine);
  g_object_unref (run.machine);
  audio_free (audio);
  g_main_loop_unref (run.loop);
  g_free (run.why);
  return run.status;
}

// A value that no machine can have is wrong usage, a file that cannot be used is not.
static int
fail_config (const GError *error)
{
  return g_error_matches (error, VM_CONFIG_ERROR, VM_CONFIG_ERROR_FIELD)
             ? cli_fail_usage ("run", error->message)
             : cli_fail (error->message);
}

int
cli_run (int argc, char **argv)
{
  RunOptions options;
  g_autoptr (GError) error = NULL;
  int status;

  if (!run_options_parse (&options, argc, argv, &error))
    status = cli_fail_usage ("run", error->message);
  else if (!vm_config_validate (options.config, &error))
    status = fail_config (error);
  else
    status = options.window ? module_run_machine (options.config) : run_here (&options);
  run_options_clear (&options);
  return status;
}
