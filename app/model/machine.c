// SPDX-License-Identifier: GPL-3.0-or-later
// TerrariumMachine: a bundle and, while it runs, its VmMachine. Main thread; what the machine's
// own threads produce arrives through the screen and the console.
#include "app/model/machine.h"

#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "app/audio-load.h"
#include "app/model/running.h"
#include "app/model/saved.h"
#include "app/model/snapshots.h"

#define THUMBNAIL_WIDTH       384
#define THUMBNAIL_HEIGHT      240
#define THUMBNAIL_INTERVAL_MS 1000
#define THUMBNAIL_FILE        "thumbnail.png"
#define PROGRESS_INTERVAL_MS  100

struct _TerrariumMachine {
  GObject parent;

  Bundle *bundle;   // NULL: none (yet)
  VmConfig *config; // NULL: broken
  char *problem;
  GFileMonitor *monitor;  // of its description: others may change it
  GCancellable *creation; // while it is being made
  double progress;
  guint telling; // while it is being saved: the source that tells of its progress

  DisplayScreen *screen;
  TerrariumConsole *console;
  GdkTexture *thumbnail;
  guint thumbnail_source;

  // While it runs.
  VmMachine *vm;
  Audio *audio;     // NULL: nobody hears it
  Running *running; // NULL: it has no bundle
  int lock;         // -1: none
};

G_DEFINE_FINAL_TYPE (TerrariumMachine, terrarium_machine, G_TYPE_OBJECT)

enum {
  PROP_NAME = 1,
  PROP_SUBTITLE,
  PROP_STATUS,
  PROP_PROBLEM,
  PROP_STATE,
  PROP_PROGRESS,
  PROP_THUMBNAIL,
  PROP_VM,
  N_PROPERTIES
};
static GParamSpec *properties[N_PROPERTIES];
enum { FAILED, STOPPED, N_SIGNALS };
static guint signals[N_SIGNALS];

static void
notify (TerrariumMachine *machine, unsigned property)
{
  g_object_notify_by_pspec (G_OBJECT (machine), properties[property]);
}

static void
notify_state (TerrariumMachine *machine)
{
  notify (machine, PROP_STATE);
  notify (machine, PROP_STATUS);
}

// ---------------------------------------------------------------------------------------------
// Thumbnail: the last picture, kept in the bundle for the next start

static char *
get_thumbnail_path (TerrariumMachine *machine)
{
  return g_build_filename (machine->bundle->path, THUMBNAIL_FILE, NULL);
}

static void
load_thumbnail (TerrariumMachine *machine)
{
  g_autofree char *path = get_thumbnail_path (machine);

  machine->thumbnail = gdk_texture_new_from_filename (path, NULL);
}

static gboolean
update_thumbnail_cb (gpointer user_data)
{
  TerrariumMachine *machine = user_data;
  GdkTexture *texture =
      display_screen_make_texture (machine->screen, THUMBNAIL_WIDTH, THUMBNAIL_HEIGHT);

  machine->thumbnail_source = 0;
  if (texture) {
    g_clear_object (&machine->thumbnail);
    machine->thumbnail = texture;
    notify (machine, PROP_THUMBNAIL);
  }
  return G_SOURCE_REMOVE;
}

static void
screen_changed_cb (TerrariumMachine *machine)
{
  if (machine->vm && machine->thumbnail_source == 0)
    machine->thumbnail_source = g_timeout_add (THUMBNAIL_INTERVAL_MS, update_thumbnail_cb, machine);
}

static void
keep_thumbnail (TerrariumMachine *machine)
{
  g_clear_handle_id (&machine->thumbnail_source, g_source_remove);
  update_thumbnail_cb (machine);
  if (!machine->bundle || !machine->thumbnail)
    return;
  g_autofree char *path = get_thumbnail_path (machine);
  // A picture that cannot be kept costs nothing but the picture.
  gdk_texture_save_to_png (machine->thumbnail, path);
}

// ---------------------------------------------------------------------------------------------
// Running

static void
fail (TerrariumMachine *machine, const GError *error)
{
  g_signal_emit (machine, signals[FAILED], 0, error->message);
}

static gboolean
tell_progress_cb (gpointer user_data)
{
  TerrariumMachine *machine = user_data;

  terrarium_machine_set_progress (machine, running_get_progress (machine->running));
  return G_SOURCE_CONTINUE;
}

// Whoever asked for it, the command line too.
static void
update_telling (TerrariumMachine *machine)
{
  bool saving = machine->running && vm_machine_get_state (machine->vm) == VM_STATE_SAVING;

  if (saving && machine->telling == 0)
    machine->telling = g_timeout_add (PROGRESS_INTERVAL_MS, tell_progress_cb, machine);
  if (saving || machine->telling == 0)
    return;
  g_clear_handle_id (&machine->telling, g_source_remove);
  terrarium_machine_set_progress (machine, -1);
}

static void
let_go (TerrariumMachine *machine)
{
  g_clear_pointer (&machine->running, running_free);
  if (machine->vm)
    update_telling (machine);
  if (machine->vm)
    g_signal_handlers_disconnect_by_data (machine->vm, machine);
  g_clear_object (&machine->vm);
  g_clear_pointer (&machine->audio, audio_free);
  if (machine->lock >= 0)
    close (machine->lock);
  machine->lock = -1;
}

static void
vm_stopped_cb (TerrariumMachine *machine, int reason, GError *error)
{
  g_object_ref (machine);
  keep_thumbnail (machine);
  let_go (machine);
  notify (machine, PROP_VM);
  terrarium_machine_reload (machine);
  g_signal_emit (machine, signals[STOPPED], 0, reason, error ? error->message : NULL);
  g_object_unref (machine);
}

static void
vm_state_cb (TerrariumMachine *machine)
{
  const char *trouble = vm_machine_get_trouble (machine->vm);

  update_telling (machine);
  notify_state (machine);
  if (trouble && vm_machine_get_state (machine->vm) == VM_STATE_PAUSED)
    g_signal_emit (machine, signals[FAILED], 0, trouble);
}

// What is on disk counts: others may have changed it while the machine was off.
static bool
prepare_bundle (TerrariumMachine *machine, GError **error)
{
  machine->lock = bundle_lock_to_change (&machine->bundle, error);
  if (machine->lock < 0)
    return false;
  if (!snapshots_prepare (machine->bundle, error)) {
    let_go (machine);
    return false;
  }
  vm_config_free (machine->config);
  machine->config = vm_config_copy (machine->bundle->config);
  return true;
}

static void
vm_notice_cb (TerrariumMachine *machine, const char *text)
{
  g_signal_emit (machine, signals[FAILED], 0, text);
}

static bool
prepare (TerrariumMachine *machine, GError **error)
{
  if (machine->bundle && !prepare_bundle (machine, error))
    return false;
  machine->vm = vm_machine_new (machine->config, NULL, error);
  if (!machine->vm) {
    let_go (machine);
    return false;
  }
  display_screen_reset (machine->screen);
  terrarium_console_reset (machine->console);
  vm_machine_set_display_sink (machine->vm, &display_screen_sink_ops, machine->screen);
  machine->audio = audio_load (machine->vm);
  vm_machine_set_console_sink (machine->vm, VM_CONSOLE_SERIAL, &terrarium_console_sink_ops,
                               machine->console);
  g_signal_connect_swapped (machine->vm, "notify::state", G_CALLBACK (vm_state_cb), machine);
  g_signal_connect_swapped (machine->vm, "notice", G_CALLBACK (vm_notice_cb), machine);
  g_signal_connect_swapped (machine->vm, "stopped", G_CALLBACK (vm_stopped_cb), machine);
  return true;
}

// The command line reaches a running machine through its control socket; without one (no runtime
// folder) it still runs. Not if it would be taken for a machine of the same uuid.
static bool
make_running (TerrariumMachine *machine, GError **error)
{
  g_autoptr (GError) why = NULL;
  bool reachable;

  if (!machine->bundle)
    return true;
  machine->running = running_new (machine->bundle, machine->vm, &reachable, &why);
  if (!machine->running) {
    let_go (machine);
    g_propagate_error (error, g_steal_pointer (&why));
    return false;
  }
  if (!reachable)
    g_message ("The command line will not reach “%s”: %s", machine->config->name, why->message);
  return true;
}

// A start that failed emits no "stopped".
static void
end_failed_start (TerrariumMachine *machine, VmMachine *vm)
{
  if (vm != machine->vm || vm_machine_get_state (vm) != VM_STATE_STOPPED)
    return;
  let_go (machine);
  notify (machine, PROP_VM);
  notify_state (machine);
}

static void
performed_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (TerrariumMachine) machine = user_data;
  g_autoptr (GError) error = NULL;
  VmMachine *vm = VM_MACHINE (source);

  if (vm_machine_perform_finish (vm, result, &error))
    return;
  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    fail (machine, error);
  end_failed_start (machine, vm);
}

typedef struct Start {
  TerrariumMachine *machine; // owned
  VmMachine *vm;             // owned
} Start;

static void
started_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Start *start = user_data;
  g_autoptr (GError) error = NULL;

  if (!running_start_finish (NULL, result, &error)) {
    if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
      fail (start->machine, error);
    end_failed_start (start->machine, start->vm);
  }
  g_object_unref (start->machine);
  g_object_unref (start->vm);
  g_free (start);
}

static void
start (TerrariumMachine *machine, RunningHow how)
{
  g_autoptr (GError) error = NULL;

  if (!prepare (machine, &error) || !make_running (machine, &error)) {
    fail (machine, error);
    return;
  }
  notify (machine, PROP_VM);
  if (machine->running) {
    Start *data = g_new0 (Start, 1);
    *data = (Start){g_object_ref (machine), g_object_ref (machine->vm)};
    running_start_async (machine->running, how, started_cb, data);
  } else {
    vm_machine_perform_async (machine->vm, VM_OP_START, NULL, performed_cb, g_object_ref (machine));
  }
  notify_state (machine);
}

void
terrarium_machine_start_afresh (TerrariumMachine *machine)
{
  if (terrarium_machine_can (machine, VM_OP_START))
    start (machine, RUNNING_AFRESH);
}

bool
terrarium_machine_can (TerrariumMachine *machine, VmOp op)
{
  if (machine->vm)
    return vm_machine_can (machine->vm, op);
  return op == VM_OP_START && machine->config && !machine->creation;
}

void
terrarium_machine_perform (TerrariumMachine *machine, VmOp op)
{
  if (!terrarium_machine_can (machine, op))
    return;
  if (op == VM_OP_START)
    start (machine, RUNNING_RESUME);
  else
    vm_machine_perform_async (machine->vm, op, NULL, performed_cb, g_object_ref (machine));
}

// ---------------------------------------------------------------------------------------------
// Saved state

bool
terrarium_machine_can_save (TerrariumMachine *machine)
{
  return machine->running && running_get_progress (machine->running) < 0 &&
         vm_machine_can_save (machine->vm);
}

static void
saved_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (TerrariumMachine) machine = user_data;
  g_autoptr (GError) error = NULL;

  // That it was cancelled is news too: who closes the window waits for it.
  if (!running_save_finish (NULL, result, &error))
    fail (machine, error);
  notify_state (machine);
}

void
terrarium_machine_save (TerrariumMachine *machine)
{
  if (!terrarium_machine_can_save (machine))
    return;
  keep_thumbnail (machine);
  running_save_async (machine->running, saved_cb, g_object_ref (machine));
  notify_state (machine);
}

void
terrarium_machine_cancel_saving (TerrariumMachine *machine)
{
  if (machine->running)
    running_cancel (machine->running);
  notify (machine, PROP_PROGRESS);
}

bool
terrarium_machine_can_cancel_saving (TerrariumMachine *machine)
{
  return machine->running && running_get_progress (machine->running) >= 0 &&
         !running_is_cancelled (machine->running);
}

SavedKind
terrarium_machine_get_saved (TerrariumMachine *machine, char **why)
{
  g_autoptr (GError) error = NULL;
  bool off = !machine->vm && machine->bundle && machine->config && !machine->creation;
  SavedKind kind = off ? saved_look (machine->bundle, &error) : SAVED_NONE;

  if (why)
    *why = error ? g_strdup (error->message) : NULL;
  return kind;
}

void
terrarium_machine_discard_saved (TerrariumMachine *machine)
{
  int lock = machine->vm || !machine->bundle ? -1 : bundle_lock (machine->bundle, NULL);

  if (lock < 0)
    return;
  saved_discard (machine->bundle->path);
  close (lock);
  notify_state (machine);
}

// ---------------------------------------------------------------------------------------------
// Creation

// Whoever it was: a clone made on the command line, say, leaves the machine with other images.
static void
description_changed_cb (TerrariumMachine *machine)
{
  terrarium_machine_reload (machine);
}

static void
watch_description (TerrariumMachine *machine)
{
  g_autoptr (GFile) folder = g_file_new_for_path (machine->bundle->path);
  g_autoptr (GFile) file = g_file_get_child (folder, BUNDLE_CONFIG_FILE);

  // Without it the machine is read again when it starts.
  machine->monitor = g_file_monitor_file (file, G_FILE_MONITOR_NONE, NULL, NULL);
  if (machine->monitor)
    g_signal_connect_swapped (machine->monitor, "changed", G_CALLBACK (description_changed_cb),
                              machine);
}

static void
set_bundle (TerrariumMachine *machine, Bundle *bundle)
{
  machine->bundle = bundle;
  g_clear_pointer (&machine->config, vm_config_free);
  if (bundle->config)
    machine->config = vm_config_copy (bundle->config);
  else
    machine->problem = g_strdup (bundle->error->message);
  load_thumbnail (machine);
  watch_description (machine);
}

void
terrarium_machine_set_progress (TerrariumMachine *machine, double progress)
{
  if (machine->progress == progress)
    return;
  machine->progress = progress;
  notify (machine, PROP_PROGRESS);
}

void
terrarium_machine_finish_creating (TerrariumMachine *machine, Bundle *bundle)
{
  set_bundle (machine, bundle);
  g_clear_object (&machine->creation);
  terrarium_machine_set_progress (machine, -1);
  notify (machine, PROP_NAME);
  notify (machine, PROP_PROBLEM);
  notify_state (machine);
}

bool
terrarium_machine_is_creating (TerrariumMachine *machine)
{
  return machine->creation != NULL;
}

void
terrarium_machine_cancel_creating (TerrariumMachine *machine)
{
  if (machine->creation)
    g_cancellable_cancel (machine->creation);
}

// ---------------------------------------------------------------------------------------------
// What it says of itself

Running *
terrarium_machine_get_running (TerrariumMachine *machine)
{
  return machine->running;
}

void
terrarium_machine_reload (TerrariumMachine *machine)
{
  g_autoptr (Bundle) now = machine->bundle ? bundle_load (machine->bundle->path) : NULL;

  if (now && now->config) {
    vm_config_free (machine->config);
    machine->config = vm_config_copy (now->config);
    bundle_free (machine->bundle);
    machine->bundle = g_steal_pointer (&now);
    g_clear_pointer (&machine->problem, g_free);
  }
  notify (machine, PROP_NAME);
  notify (machine, PROP_PROBLEM);
  notify_state (machine);
}

const char *
terrarium_machine_get_name (TerrariumMachine *machine)
{
  return machine->config ? machine->config->name : bundle_get_name (machine->bundle);
}

const char *
terrarium_machine_get_subtitle (TerrariumMachine *machine)
{
  return machine->config ? _ ("ARM · Emulated") : "";
}

const char *
terrarium_machine_get_status (TerrariumMachine *machine)
{
  static const char *const names[] = {
      [VM_STATE_STOPPED] = N_ ("Off"),        [VM_STATE_STARTING] = N_ ("Starting…"),
      [VM_STATE_RUNNING] = N_ ("Running"),    [VM_STATE_PAUSING] = N_ ("Pausing…"),
      [VM_STATE_PAUSED] = N_ ("Paused"),      [VM_STATE_RESUMING] = N_ ("Resuming…"),
      [VM_STATE_STOPPING] = N_ ("Stopping…"), [VM_STATE_SAVING] = N_ ("Saving…"),
  };

  if (machine->creation)
    return _ ("Being created…");
  if (machine->problem)
    return _ ("Cannot be opened");
  if (terrarium_machine_get_saved (machine, NULL) == SAVED_READY)
    return _ ("Saved");
  return _ (names[terrarium_machine_get_state (machine)]);
}

const char *
terrarium_machine_get_problem (TerrariumMachine *machine)
{
  return machine->problem;
}

double
terrarium_machine_get_progress (TerrariumMachine *machine)
{
  return machine->progress;
}

GdkTexture *
terrarium_machine_get_thumbnail (TerrariumMachine *machine)
{
  return machine->thumbnail;
}

const VmConfig *
terrarium_machine_get_config (TerrariumMachine *machine)
{
  return machine->config;
}

Bundle *
terrarium_machine_get_bundle (TerrariumMachine *machine)
{
  return machine->bundle;
}

DisplayScreen *
terrarium_machine_get_screen (TerrariumMachine *machine)
{
  return machine->screen;
}

TerrariumConsole *
terrarium_machine_get_console (TerrariumMachine *machine)
{
  return machine->console;
}

VmMachine *
terrarium_machine_get_vm (TerrariumMachine *machine)
{
  return machine->vm;
}

const char *
terrarium_machine_get_trouble (TerrariumMachine *machine)
{
  return machine->vm ? vm_machine_get_trouble (machine->vm) : NULL;
}

VmState
terrarium_machine_get_state (TerrariumMachine *machine)
{
  return machine->vm ? vm_machine_get_state (machine->vm) : VM_STATE_STOPPED;
}

// ---------------------------------------------------------------------------------------------
// Object

static void
terrarium_machine_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  TerrariumMachine *machine = TERRARIUM_MACHINE (object);

  switch (id) {
  case PROP_NAME:
    g_value_set_string (value, terrarium_machine_get_name (machine));
    break;
  case PROP_SUBTITLE:
    g_value_set_string (value, terrarium_machine_get_subtitle (machine));
    break;
  case PROP_STATUS:
    g_value_set_string (value, terrarium_machine_get_status (machine));
    break;
  case PROP_PROBLEM:
    g_value_set_string (value, machine->problem);
    break;
  case PROP_STATE:
    g_value_set_int (value, (int) terrarium_machine_get_state (machine));
    break;
  case PROP_PROGRESS:
    g_value_set_double (value, machine->progress);
    break;
  case PROP_THUMBNAIL:
    g_value_set_object (value, machine->thumbnail);
    break;
  case PROP_VM:
    g_value_set_object (value, machine->vm);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
  }
}

static void
terrarium_machine_finalize (GObject *object)
{
  TerrariumMachine *machine = TERRARIUM_MACHINE (object);

  let_go (machine);
  g_clear_handle_id (&machine->thumbnail_source, g_source_remove);
  if (machine->monitor)
    g_signal_handlers_disconnect_by_data (machine->monitor, machine);
  g_clear_object (&machine->monitor);
  g_signal_handlers_disconnect_by_data (machine->screen, machine);
  g_clear_object (&machine->screen);
  g_clear_object (&machine->console);
  g_clear_object (&machine->thumbnail);
  g_clear_object (&machine->creation);
  g_clear_pointer (&machine->bundle, bundle_free);
  g_clear_pointer (&machine->config, vm_config_free);
  g_free (machine->problem);
  G_OBJECT_CLASS (terrarium_machine_parent_class)->finalize (object);
}

static void
terrarium_machine_class_init (TerrariumMachineClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  object_class->get_property = terrarium_machine_get_property;
  object_class->finalize = terrarium_machine_finalize;
  properties[PROP_NAME] = g_param_spec_string ("name", NULL, NULL, NULL, flags);
  properties[PROP_SUBTITLE] = g_param_spec_string ("subtitle", NULL, NULL, NULL, flags);
  properties[PROP_STATUS] = g_param_spec_string ("status", NULL, NULL, NULL, flags);
  properties[PROP_PROBLEM] = g_param_spec_string ("problem", NULL, NULL, NULL, flags);
  properties[PROP_STATE] = g_param_spec_int ("state", NULL, NULL, 0, G_MAXINT, 0, flags);
  properties[PROP_PROGRESS] = g_param_spec_double ("progress", NULL, NULL, -1, 1, -1, flags);
  properties[PROP_THUMBNAIL] =
      g_param_spec_object ("thumbnail", NULL, NULL, GDK_TYPE_TEXTURE, flags);
  properties[PROP_VM] = g_param_spec_object ("vm", NULL, NULL, VM_TYPE_MACHINE, flags);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);

  signals[FAILED] = g_signal_new ("failed", TERRARIUM_TYPE_MACHINE, G_SIGNAL_RUN_LAST, 0, NULL,
                                  NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
  signals[STOPPED] = g_signal_new ("stopped", TERRARIUM_TYPE_MACHINE, G_SIGNAL_RUN_LAST, 0, NULL,
                                   NULL, NULL, G_TYPE_NONE, 2, G_TYPE_INT, G_TYPE_STRING);
}

static void
terrarium_machine_init (TerrariumMachine *machine)
{
  machine->progress = -1;
  machine->lock = -1;
  machine->screen = display_screen_new ();
  machine->console = terrarium_console_new ();
  g_signal_connect_swapped (machine->screen, "changed", G_CALLBACK (screen_changed_cb), machine);
}

TerrariumMachine *
terrarium_machine_new_for_bundle (Bundle *bundle)
{
  TerrariumMachine *machine = g_object_new (TERRARIUM_TYPE_MACHINE, NULL);

  set_bundle (machine, bundle);
  return machine;
}

TerrariumMachine *
terrarium_machine_new_for_config (const VmConfig *config)
{
  TerrariumMachine *machine = g_object_new (TERRARIUM_TYPE_MACHINE, NULL);

  machine->config = vm_config_copy (config);
  return machine;
}

TerrariumMachine *
terrarium_machine_new_creating (const VmConfig *config, GCancellable *cancellable)
{
  TerrariumMachine *machine = terrarium_machine_new_for_config (config);

  machine->creation = g_object_ref (cancellable);
  machine->progress = 0;
  return machine;
}
