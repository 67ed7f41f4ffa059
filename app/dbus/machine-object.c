// SPDX-License-Identifier: GPL-3.0-or-later
// A machine on the session bus; see machine-object.h. GDBus has checked the types of what comes in;
// everything else is checked here. Main thread.
#include "app/dbus/machine-object.h"

#include <gio/gunixfdlist.h>
#include <glib/gi18n.h>
#include <linux/input-event-codes.h>
#include <string.h>

#include "app/dbus/screenshot.h"
#include "app/model/machine-snapshots.h"
#include "app/model/typing.h"

enum { KEYS_MAX = 16 };

#define ERROR_STATE  "io.github.terrarium_vm.Terrarium.Error.State"
#define ERROR_FAILED "io.github.terrarium_vm.Terrarium.Error.Failed"

static void
refuse (GDBusMethodInvocation *invocation, const char *text)
{
  g_dbus_method_invocation_return_dbus_error (invocation, ERROR_STATE, text);
}

static void
fail (GDBusMethodInvocation *invocation, const GError *error)
{
  bool wrong = g_error_matches (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);

  g_dbus_method_invocation_return_dbus_error (
      invocation, wrong ? "org.freedesktop.DBus.Error.InvalidArgs" : ERROR_FAILED, error->message);
}

static void
refuse_argument (GDBusMethodInvocation *invocation, const char *text)
{
  g_dbus_method_invocation_return_dbus_error (invocation, "org.freedesktop.DBus.Error.InvalidArgs",
                                              text);
}

// The call ends there: without what it returns, if it was an error.
static void
answer (GDBusMethodInvocation *invocation, const GError *error)
{
  if (error)
    fail (invocation, error);
  else
    g_dbus_method_invocation_return_value (invocation, NULL);
}

static const char *
get_state_text (void)
{
  return _ ("The machine’s state does not allow this now.");
}

// ---------------------------------------------------------------------------------------------
// Starting and saving, which end when the machine says so

typedef struct Wait {
  TerrariumMachine *machine; // owned
  GDBusMethodInvocation *invocation;
  bool saving; // else starting
} Wait;

static void
wait_end (Wait *wait, const char *problem)
{
  g_signal_handlers_disconnect_by_data (wait->machine, wait);
  if (problem)
    g_dbus_method_invocation_return_dbus_error (wait->invocation, ERROR_FAILED, problem);
  else
    g_dbus_method_invocation_return_value (wait->invocation, NULL);
  g_object_unref (wait->machine);
  g_free (wait);
}

// A notice while it starts or is saved says nothing of that.
static void
wait_failed_cb (Wait *wait, const char *text)
{
  VmState state = terrarium_machine_get_state (wait->machine);

  if (wait->saving ? state != VM_STATE_SAVING : state == VM_STATE_STOPPED)
    wait_end (wait, text);
}

static void
wait_state_cb (Wait *wait)
{
  VmState state = terrarium_machine_get_state (wait->machine);

  if (wait->saving)
    return;
  if (state == VM_STATE_RUNNING || state == VM_STATE_PAUSED)
    wait_end (wait, NULL);
  else if (!terrarium_machine_get_vm (wait->machine))
    wait_end (wait, _ ("It was stopped before it had started."));
}

static void
wait_stopped_cb (Wait *wait, int reason, const char *text)
{
  if (reason == VM_STOP_SAVED && wait->saving)
    wait_end (wait, NULL);
  else
    wait_end (wait, text ? text : _ ("The machine has ended meanwhile."));
}

static void
wait_begin (TerrariumMachine *machine, GDBusMethodInvocation *invocation, bool saving)
{
  Wait *wait = g_new0 (Wait, 1);

  *wait = (Wait){g_object_ref (machine), invocation, saving};
  g_signal_connect_swapped (machine, "failed", G_CALLBACK (wait_failed_cb), wait);
  g_signal_connect_swapped (machine, "stopped", G_CALLBACK (wait_stopped_cb), wait);
  g_signal_connect_swapped (machine, "notify::state", G_CALLBACK (wait_state_cb), wait);
}

static gboolean
start_cb (TerrariumBusMachine *bus, GDBusMethodInvocation *invocation, gboolean fresh,
          TerrariumMachine *machine)
{
  g_autofree char *why = NULL;

  if (!terrarium_machine_can (machine, VM_OP_START)) {
    refuse (invocation, get_state_text ());
  } else if (!fresh && terrarium_machine_get_saved (machine, &why) == SAVED_STALE) {
    refuse (invocation, why);
  } else {
    wait_begin (machine, invocation, false);
    if (fresh)
      terrarium_machine_start_afresh (machine);
    else
      terrarium_machine_perform (machine, VM_OP_START);
  }
  return TRUE;
}

static gboolean
save_cb (TerrariumBusMachine *bus, GDBusMethodInvocation *invocation, TerrariumMachine *machine)
{
  if (!terrarium_machine_can_save (machine)) {
    refuse (invocation, get_state_text ());
  } else {
    wait_begin (machine, invocation, true);
    terrarium_machine_save (machine);
  }
  return TRUE;
}

// ---------------------------------------------------------------------------------------------
// Operations

static void
performed_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  vm_machine_perform_finish (VM_MACHINE (source), result, &error);
  answer (user_data, error);
}

static gboolean
perform (TerrariumMachine *machine, GDBusMethodInvocation *invocation, VmOp op)
{
  VmMachine *vm = terrarium_machine_get_vm (machine);

  if (vm && vm_machine_can (vm, op))
    vm_machine_perform_async (vm, op, NULL, performed_cb, invocation);
  else
    refuse (invocation, get_state_text ());
  return TRUE;
}

static gboolean
stop_cb (TerrariumBusMachine *bus, GDBusMethodInvocation *invocation, gboolean force,
         TerrariumMachine *machine)
{
  return perform (machine, invocation, force ? VM_OP_FORCE_STOP : VM_OP_POWER_BUTTON);
}

static gboolean
pause_cb (TerrariumBusMachine *bus, GDBusMethodInvocation *invocation, TerrariumMachine *machine)
{
  return perform (machine, invocation, VM_OP_PAUSE);
}

static gboolean
resume_cb (TerrariumBusMachine *bus, GDBusMethodInvocation *invocation, TerrariumMachine *machine)
{
  return perform (machine, invocation, VM_OP_RESUME);
}

static void
snapshot_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  terrarium_machine_snapshot_finish (TERRARIUM_MACHINE (source), result, &error);
  g_application_release (g_application_get_default ());
  answer (user_data, error);
}

static gboolean
take_snapshot_cb (TerrariumBusMachine *bus, GDBusMethodInvocation *invocation, const char *name,
                  TerrariumMachine *machine)
{
  g_autofree char *stripped = g_strstrip (g_strdup (name));

  if (!*stripped) {
    refuse_argument (invocation, _ ("A snapshot needs a name."));
  } else if (!terrarium_machine_get_bundle (machine) || !terrarium_machine_get_config (machine) ||
             terrarium_machine_is_creating (machine)) {
    refuse (invocation, get_state_text ());
  } else {
    // Of a machine that is off: an application without a window would not stay for it.
    g_application_hold (g_application_get_default ());
    terrarium_machine_snapshot_async (machine, SNAPSHOT_TAKE, NULL, stripped, snapshot_cb,
                                      invocation);
  }
  return TRUE;
}

// ---------------------------------------------------------------------------------------------
// Input and pictures

// NULL, and the call is refused, unless it runs (and has a keyboard).
static VmMachine *
get_running (TerrariumMachine *machine, GDBusMethodInvocation *invocation, bool keyboard)
{
  VmMachine *vm = terrarium_machine_get_vm (machine);

  if (!vm || vm_machine_get_state (vm) != VM_STATE_RUNNING)
    refuse (invocation, get_state_text ());
  else if (keyboard && !vm_machine_get_config (vm)->display)
    refuse (invocation, _ ("The machine has no keyboard."));
  else
    return vm;
  return NULL;
}

static gboolean
send_keys_cb (TerrariumBusMachine *bus, GDBusMethodInvocation *invocation, GVariant *codes,
              TerrariumMachine *machine)
{
  gsize n = 0;
  const guint32 *code = g_variant_get_fixed_array (codes, &n, sizeof *code);
  VmMachine *vm = NULL;
  bool valid = n >= 1 && n <= KEYS_MAX;

  for (gsize i = 0; valid && i < n; i++)
    valid = code[i] > KEY_RESERVED && code[i] <= KEY_MAX;
  if (!valid)
    refuse_argument (invocation, _ ("These are not 1 to 16 codes of keys."));
  else
    vm = get_running (machine, invocation, true);
  if (!vm)
    return TRUE;
  for (gsize i = 0; i < n; i++)
    vm_machine_send_key (vm, code[i], true);
  for (gsize i = n; i > 0; i--)
    vm_machine_send_key (vm, code[i - 1], false);
  terrarium_bus_machine_complete_send_keys (bus, invocation);
  return TRUE;
}

static void
typed_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  typing_finish (VM_MACHINE (source), result, &error);
  answer (user_data, error);
}

static void
type_on_console (VmMachine *vm, GDBusMethodInvocation *invocation, const char *text)
{
  size_t length = strlen (text);

  if (length > TYPING_MAX)
    refuse_argument (invocation, _ ("The text is too long."));
  else if (vm_machine_console_write (vm, VM_CONSOLE_SERIAL, (const uint8_t *) text, length) !=
           length)
    refuse (invocation, _ ("The machine has not read what was typed before."));
  else
    g_dbus_method_invocation_return_value (invocation, NULL);
}

static gboolean
type_text_cb (TerrariumBusMachine *bus, GDBusMethodInvocation *invocation, const char *text,
              TerrariumMachine *machine)
{
  VmMachine *vm = get_running (machine, invocation, false);

  if (vm && vm_machine_get_config (vm)->display)
    typing_async (vm, text, typed_cb, invocation);
  else if (vm)
    type_on_console (vm, invocation, text);
  return TRUE;
}

static void
written_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GDBusMethodInvocation *invocation = user_data;
  unsigned width = 0, height = 0;
  g_autoptr (GError) error = NULL;

  if (screenshot_write_finish (result, &width, &height, &error))
    g_dbus_method_invocation_return_value_with_unix_fd_list (
        invocation, g_variant_new ("(uu)", width, height), NULL);
  else
    fail (invocation, error);
}

static gboolean
screenshot_cb (TerrariumBusMachine *bus, GDBusMethodInvocation *invocation, GUnixFDList *fds,
               GVariant *handle, TerrariumMachine *machine)
{
  gint32 which = g_variant_get_handle (handle);
  g_autoptr (GdkTexture) texture = NULL;
  g_autoptr (GError) error = NULL;
  int fd = -1;

  if (!fds || which < 0 || which >= g_unix_fd_list_get_length (fds)) {
    refuse_argument (invocation, _ ("There is no file with the call."));
    return TRUE;
  }
  texture = screenshot_take (terrarium_machine_get_screen (machine));
  if (!texture || !terrarium_machine_get_vm (machine))
    refuse (invocation, _ ("The machine shows nothing."));
  else if ((fd = g_unix_fd_list_get (fds, which, &error)) < 0)
    fail (invocation, error);
  else
    screenshot_write_async (texture, fd, written_cb, invocation);
  return TRUE;
}

// ---------------------------------------------------------------------------------------------
// Properties

static const char *
get_state_name (TerrariumMachine *machine)
{
  if (terrarium_machine_is_creating (machine))
    return "creating";
  if (terrarium_machine_get_problem (machine))
    return "broken";
  if (terrarium_machine_get_saved (machine, NULL) == SAVED_READY)
    return "saved";
  return control_state_name (terrarium_machine_get_state (machine));
}

static const char *
get_problem (TerrariumMachine *machine)
{
  const char *problem = terrarium_machine_get_problem (machine);

  if (!problem)
    problem = terrarium_machine_get_trouble (machine);
  return problem ? problem : "";
}

// Signals that something has changed leave by themselves, if it has.
static void
update (TerrariumBusMachine *bus, TerrariumMachine *machine)
{
  const VmConfig *config = terrarium_machine_get_config (machine);
  const Bundle *bundle = terrarium_machine_get_bundle (machine);
  g_autofree char *path = bundle ? g_filename_display_name (bundle->path) : g_strdup ("");

  terrarium_bus_machine_set_name (bus, terrarium_machine_get_name (machine));
  terrarium_bus_machine_set_uuid (bus, config ? config->uuid : "");
  terrarium_bus_machine_set_path (bus, path);
  terrarium_bus_machine_set_state (bus, get_state_name (machine));
  terrarium_bus_machine_set_problem (bus, get_problem (machine));
}

// Pictures and how far something is are not told.
static void
notify_cb (TerrariumMachine *machine, GParamSpec *spec, TerrariumBusMachine *bus)
{
  if (!g_str_equal (spec->name, "thumbnail") && !g_str_equal (spec->name, "progress"))
    update (bus, machine);
}

static void
failed_cb (TerrariumMachine *machine, const char *text, TerrariumBusMachine *bus)
{
  terrarium_bus_machine_emit_notice (bus, text);
}

TerrariumBusObjectSkeleton *
machine_object_new (const char *path, TerrariumMachine *machine)
{
  static const struct {
    const char *signal;
    GCallback callback;
  } methods[] = {
      {"handle-start", G_CALLBACK (start_cb)},
      {"handle-stop", G_CALLBACK (stop_cb)},
      {"handle-pause", G_CALLBACK (pause_cb)},
      {"handle-resume", G_CALLBACK (resume_cb)},
      {"handle-save", G_CALLBACK (save_cb)},
      {"handle-take-snapshot", G_CALLBACK (take_snapshot_cb)},
      {"handle-send-keys", G_CALLBACK (send_keys_cb)},
      {"handle-type-text", G_CALLBACK (type_text_cb)},
      {"handle-screenshot", G_CALLBACK (screenshot_cb)},
  };
  TerrariumBusObjectSkeleton *object = terrarium_bus_object_skeleton_new (path);
  g_autoptr (TerrariumBusMachine) bus = terrarium_bus_machine_skeleton_new ();

  for (size_t i = 0; i < G_N_ELEMENTS (methods); i++)
    g_signal_connect_object (bus, methods[i].signal, methods[i].callback, machine, 0);
  g_signal_connect_object (machine, "notify", G_CALLBACK (notify_cb), bus, 0);
  g_signal_connect_object (machine, "failed", G_CALLBACK (failed_cb), bus, 0);
  update (bus, machine);
  terrarium_bus_object_skeleton_set_machine (object, bus);
  return object;
}
