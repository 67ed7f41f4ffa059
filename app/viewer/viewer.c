// SPDX-License-Identifier: GPL-3.0-or-later
// TerrariumViewer: one machine, its display and consoles. Main thread. What the actions do is in
// viewer-actions.c.
#include "app/viewer/viewer-private.h"

#include <glib/gi18n.h>

#include "app/viewer/send-keys.h"

G_DEFINE_FINAL_TYPE (TerrariumViewer, terrarium_viewer, ADW_TYPE_BIN)

enum { BACK, NOTIFY_PERSON, N_SIGNALS };
static guint signals[N_SIGNALS];

enum { PROP_SHOW_PERFORMANCE = 1, N_PROPS };
static GParamSpec *properties[N_PROPS];

void
terrarium_viewer_go_back (TerrariumViewer *viewer)
{
  if (viewer->has_library)
    g_signal_emit (viewer, signals[BACK], 0);
}

void
terrarium_viewer_tell (TerrariumViewer *viewer, const char *text)
{
  g_signal_emit (viewer, signals[NOTIFY_PERSON], 0, text);
}

// ---------------------------------------------------------------------------------------------
// What is seen

static bool
has_display (TerrariumViewer *viewer)
{
  const VmConfig *config = terrarium_machine_get_config (viewer->machine);

  return config && config->display;
}

static bool
shows_display (TerrariumViewer *viewer)
{
  return g_strcmp0 (gtk_stack_get_visible_child_name (viewer->views), "display") == 0;
}

static void
update_title (TerrariumViewer *viewer)
{
  bool grabbed = terrarium_display_get_grabbed (viewer->display);

  adw_window_title_set_title (viewer->title, terrarium_machine_get_name (viewer->machine));
  adw_window_title_set_subtitle (viewer->title,
                                 grabbed ? _ ("Press Ctrl+Alt to release the keyboard")
                                         : terrarium_machine_get_subtitle (viewer->machine));
}

static void
update_notice (TerrariumViewer *viewer)
{
  VmState state = terrarium_machine_get_state (viewer->machine);
  DisplayScreen *screen = terrarium_machine_get_screen (viewer->machine);
  const char *trouble = terrarium_machine_get_trouble (viewer->machine);
  const char *text = NULL;

  gtk_label_set_text (viewer->trouble_label, trouble ? trouble : "");
  gtk_info_bar_set_revealed (viewer->trouble_bar, trouble != NULL);
  if (state == VM_STATE_SAVING)
    text = _ ("Saving…");
  else if (state == VM_STATE_PAUSED)
    text = _ ("Paused");
  else if (!display_screen_get_frame (screen))
    text = _ ("The machine has drawn nothing yet.\nIts serial console may be talking already.");
  gtk_label_set_text (viewer->notice, text ? text : "");
  gtk_widget_set_visible (GTK_WIDGET (viewer->notice), text != NULL);
}

// What is done in no time does not flash by: there is no progress then. A snapshot is taken while the
// machine runs.
static void
update_saving (TerrariumViewer *viewer)
{
  double progress = terrarium_machine_get_progress (viewer->machine);
  bool saving = terrarium_machine_get_state (viewer->machine) == VM_STATE_SAVING;
  bool busy = progress >= 0 && terrarium_machine_get_vm (viewer->machine) != NULL;

  gtk_label_set_text (viewer->saving_label, saving ? _ ("Saving…") : _ ("Taking a snapshot…"));
  gtk_progress_bar_set_fraction (viewer->saving_progress, MAX (progress, 0));
  gtk_widget_set_visible (GTK_WIDGET (viewer->saving_bar), busy);
  gtk_widget_action_set_enabled (GTK_WIDGET (viewer), "viewer.cancel-saving",
                                 busy && terrarium_machine_can_cancel_saving (viewer->machine));
}

static void
update_pause_button (TerrariumViewer *viewer)
{
  bool paused = terrarium_machine_can (viewer->machine, VM_OP_RESUME);
  const char *label = paused ? _ ("Resume") : _ ("Pause");

  gtk_button_set_icon_name (viewer->pause_button, paused ? "media-playback-start-symbolic"
                                                         : "media-playback-pause-symbolic");
  gtk_widget_set_tooltip_text (GTK_WIDGET (viewer->pause_button), label);
  gtk_accessible_update_property (GTK_ACCESSIBLE (viewer->pause_button),
                                  GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
}

// The machine goes on from its saved state, or from its disks where there is none, or none of use.
static void
update_start_buttons (TerrariumViewer *viewer, SavedKind saved)
{
  bool problem = terrarium_machine_get_problem (viewer->machine) != NULL;

  gtk_button_set_label (viewer->start_button, saved == SAVED_READY ? _ ("_Resume") : _ ("_Start"));
  gtk_widget_set_visible (GTK_WIDGET (viewer->start_button), !problem && saved != SAVED_STALE);
  gtk_widget_set_visible (GTK_WIDGET (viewer->afresh_button), !problem && saved != SAVED_NONE);
}

static const char *
get_heading (const char *problem, SavedKind saved)
{
  if (problem)
    return _ ("“%s” cannot be opened");
  return saved == SAVED_READY ? _ ("“%s” is saved") : _ ("“%s” is off");
}

static void
update_page (TerrariumViewer *viewer)
{
  bool on = terrarium_machine_get_vm (viewer->machine) != NULL;
  const char *problem = terrarium_machine_get_problem (viewer->machine);
  g_autofree char *stale = NULL;
  SavedKind saved = terrarium_machine_get_saved (viewer->machine, &stale);
  g_autofree char *markup =
      problem || stale ? g_markup_escape_text (problem ? problem : stale, -1) : NULL;
  g_autofree char *heading =
      g_strdup_printf (get_heading (problem, saved), terrarium_machine_get_name (viewer->machine));
  g_autofree char *heading_markup = g_markup_escape_text (heading, -1);

  adw_status_page_set_title (viewer->off_page, heading_markup);
  adw_status_page_set_description (viewer->off_page, markup ? markup : viewer->message);
  adw_status_page_set_icon_name (viewer->off_page,
                                 problem ? "dialog-warning-symbolic" : "computer-symbolic");
  update_start_buttons (viewer, saved);
  gtk_stack_set_visible_child (viewer->pages,
                               on ? GTK_WIDGET (viewer->views) : GTK_WIDGET (viewer->off_page));
  gtk_widget_set_visible (GTK_WIDGET (viewer->switcher), on && has_display (viewer));
}

static void
update_state (TerrariumViewer *viewer)
{
  update_title (viewer);
  update_notice (viewer);
  update_saving (viewer);
  update_pause_button (viewer);
  update_page (viewer);
  terrarium_viewer_update_actions (viewer);
}

// The guest gets the keyboard as soon as there is something to type at.
static void
focus_view (TerrariumViewer *viewer)
{
  if (!gtk_widget_get_mapped (GTK_WIDGET (viewer->views)))
    return;
  if (shows_display (viewer))
    gtk_widget_grab_focus (GTK_WIDGET (viewer->display));
  else
    terrarium_serial_take_focus (viewer->serial);
}

static void
set_message (TerrariumViewer *viewer, const char *message)
{
  g_free (viewer->message);
  viewer->message = message ? g_markup_escape_text (message, -1) : NULL;
}

static void
vm_changed_cb (TerrariumViewer *viewer)
{
  VmMachine *vm = terrarium_machine_get_vm (viewer->machine);

  if (vm)
    set_message (viewer, NULL);
  terrarium_display_set_machine (viewer->display, vm);
  update_state (viewer);
}

static void
stopped_cb (TerrariumViewer *viewer, int reason, const char *text)
{
  const char *why = reason == VM_STOP_GUEST    ? _ ("It shut down by itself.")
                    : reason == VM_STOP_FORCED ? _ ("It was forced off.")
                    : reason == VM_STOP_SAVED  ? _ ("It goes on from where it was.")
                                               : _ ("It could not go on.");

  set_message (viewer, text ? text : why);
  update_state (viewer);
}

// A machine that is off shows the reason in its page; otherwise it is news that passes.
static void
failed_cb (TerrariumViewer *viewer, const char *text)
{
  if (terrarium_machine_get_vm (viewer->machine) &&
      terrarium_machine_get_state (viewer->machine) != VM_STATE_STOPPED) {
    terrarium_viewer_tell (viewer, text);
    return;
  }
  set_message (viewer, text);
  update_state (viewer);
}

// ---------------------------------------------------------------------------------------------
// Full screen

static void
reveal_header (TerrariumViewer *viewer, bool reveal)
{
  adw_flap_set_reveal_flap (viewer->flap, reveal);
}

static bool
is_fullscreen (TerrariumViewer *viewer)
{
  GtkRoot *root = gtk_widget_get_root (GTK_WIDGET (viewer));

  return GTK_IS_WINDOW (root) && gtk_window_is_fullscreen (GTK_WINDOW (root));
}

static void
fullscreened_cb (TerrariumViewer *viewer)
{
  bool fullscreen = is_fullscreen (viewer);
  const char *label = fullscreen ? _ ("Leave full screen") : _ ("Full screen");

  adw_flap_set_fold_policy (viewer->flap,
                            fullscreen ? ADW_FLAP_FOLD_POLICY_ALWAYS : ADW_FLAP_FOLD_POLICY_NEVER);
  reveal_header (viewer, !fullscreen);
  gtk_button_set_icon_name (viewer->fullscreen_button,
                            fullscreen ? "view-restore-symbolic" : "view-fullscreen-symbolic");
  gtk_accessible_update_property (GTK_ACCESSIBLE (viewer->fullscreen_button),
                                  GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
  focus_view (viewer);
}

// In full screen the header comes when the pointer touches the upper edge.
static void
motion_cb (TerrariumViewer *viewer, double x, double y)
{
  if (!is_fullscreen (viewer))
    return;
  bool revealed = adw_flap_get_reveal_flap (viewer->flap);
  GtkPopover *menu = gtk_menu_button_get_popover (viewer->menu_button);
  bool menu_open = menu && gtk_widget_get_visible (GTK_WIDGET (menu));
  int height = gtk_widget_get_height (GTK_WIDGET (viewer->header));
  if (!revealed && y < 1)
    reveal_header (viewer, true);
  else if (revealed && y > height && !menu_open)
    reveal_header (viewer, false);
}

// Ctrl+Alt: the keyboard is the window's again.
static void
released_cb (TerrariumViewer *viewer)
{
  reveal_header (viewer, true);
  gtk_widget_grab_focus (GTK_WIDGET (viewer->menu_button));
}

static void
terrarium_viewer_root (GtkWidget *widget)
{
  GTK_WIDGET_CLASS (terrarium_viewer_parent_class)->root (widget);
  GtkRoot *root = gtk_widget_get_root (widget);
  g_signal_connect_object (root, "notify::fullscreened", G_CALLBACK (fullscreened_cb), widget,
                           G_CONNECT_SWAPPED);
}

// ---------------------------------------------------------------------------------------------
// Object

static void
disconnect_machine (TerrariumViewer *viewer)
{
  if (!viewer->machine)
    return;
  g_signal_handlers_disconnect_by_data (viewer->machine, viewer);
  g_signal_handlers_disconnect_by_data (terrarium_machine_get_screen (viewer->machine), viewer);
}

static void
terrarium_viewer_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  if (id == PROP_SHOW_PERFORMANCE)
    g_value_set_boolean (value, TERRARIUM_VIEWER (object)->show_performance);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
terrarium_viewer_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  TerrariumViewer *viewer = TERRARIUM_VIEWER (object);

  if (id != PROP_SHOW_PERFORMANCE) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    return;
  }
  viewer->show_performance = g_value_get_boolean (value);
  terrarium_performance_set_active (viewer->performance, viewer->show_performance);
  g_object_notify_by_pspec (object, pspec);
}

static void
terrarium_viewer_dispose (GObject *object)
{
  TerrariumViewer *viewer = TERRARIUM_VIEWER (object);

  disconnect_machine (viewer);
  g_clear_object (&viewer->machine);
  g_clear_pointer (&viewer->message, g_free);
  g_clear_pointer (&viewer->shown_discs, g_free);
  G_OBJECT_CLASS (terrarium_viewer_parent_class)->dispose (object);
}

static void
bind_template (GtkWidgetClass *widget_class)
{
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/terrarium_vm/Terrarium/viewer.ui");
  gtk_widget_class_bind_template_child (widget_class, TerrariumViewer, flap);
  gtk_widget_class_bind_template_child (widget_class, TerrariumViewer, header);
  gtk_widget_class_bind_template_child (widget_class, TerrariumViewer, title);
  gtk_widget_class_bind_template_child (widget_class, TerrariumViewer, back_button);
  gtk_widget_class_bind_template_child (widget_class, TerrariumViewer, switcher);
  gtk_widget_class_bind_template_child (widget_class, TerrariumViewer, menu_button);
  gtk_widget_class_bind_template_child (widget_class, TerrariumViewer, fullscreen_button);
  gtk_widget_class_bind_template_child (widget_class, TerrariumViewer, pause_button);
  gtk_widget_class_bind_template_child (widget_class, TerrariumViewer, pages);
  gtk_widget_class_bind_template_child (widget_class, TerrariumViewer, off_page);
  gtk_widget_class_bind_template_child (widget_class, TerrariumViewer, start_button);
  gtk_widget_class_bind_template_child (widget_class, TerrariumViewer, afresh_button);
  gtk_widget_class_bind_template_child (widget_class, TerrariumViewer, trouble_bar);
  gtk_widget_class_bind_template_child (widget_class, TerrariumViewer, trouble_label);
  gtk_widget_class_bind_template_child (widget_class, TerrariumViewer, saving_bar);
  gtk_widget_class_bind_template_child (widget_class, TerrariumViewer, saving_label);
  gtk_widget_class_bind_template_child (widget_class, TerrariumViewer, saving_progress);
  gtk_widget_class_bind_template_child (widget_class, TerrariumViewer, views);
  gtk_widget_class_bind_template_child (widget_class, TerrariumViewer, display);
  gtk_widget_class_bind_template_child (widget_class, TerrariumViewer, notice);
  gtk_widget_class_bind_template_child (widget_class, TerrariumViewer, serial);
  gtk_widget_class_bind_template_child (widget_class, TerrariumViewer, performance);
  gtk_widget_class_bind_template_child (widget_class, TerrariumViewer, keys_section);
  gtk_widget_class_bind_template_child (widget_class, TerrariumViewer, discs_section);
}

static void
terrarium_viewer_class_init (TerrariumViewerClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = terrarium_viewer_dispose;
  G_OBJECT_CLASS (klass)->get_property = terrarium_viewer_get_property;
  G_OBJECT_CLASS (klass)->set_property = terrarium_viewer_set_property;
  properties[PROP_SHOW_PERFORMANCE] =
      g_param_spec_boolean ("show-performance", NULL, NULL, FALSE,
                            G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  g_object_class_install_properties (G_OBJECT_CLASS (klass), N_PROPS, properties);
  widget_class->root = terrarium_viewer_root;
  g_type_ensure (TERRARIUM_TYPE_DISPLAY);
  g_type_ensure (TERRARIUM_TYPE_SERIAL);
  g_type_ensure (TERRARIUM_TYPE_PERFORMANCE);
  signals[BACK] = g_signal_new ("back", TERRARIUM_TYPE_VIEWER, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                NULL, G_TYPE_NONE, 0);
  signals[NOTIFY_PERSON] = g_signal_new ("notify-person", TERRARIUM_TYPE_VIEWER, G_SIGNAL_RUN_LAST,
                                         0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
  bind_template (widget_class);
  terrarium_viewer_install_actions (widget_class);
}

static void
terrarium_viewer_init (TerrariumViewer *viewer)
{
  GtkEventController *motion = gtk_event_controller_motion_new ();
  g_autoptr (GMenuModel) keys = send_keys_make_menu ();

  gtk_widget_init_template (GTK_WIDGET (viewer));
  g_menu_append_submenu (viewer->keys_section, _ ("Send Keys"), keys);
  g_signal_connect_swapped (viewer->display, "notify::grabbed", G_CALLBACK (update_title), viewer);
  g_signal_connect_swapped (viewer->display, "released", G_CALLBACK (released_cb), viewer);
  g_signal_connect_swapped (viewer->serial, "released", G_CALLBACK (released_cb), viewer);
  g_signal_connect_swapped (viewer->performance, "notify-person",
                            G_CALLBACK (terrarium_viewer_tell), viewer);
  g_signal_connect_swapped (viewer->views, "map", G_CALLBACK (focus_view), viewer);
  g_signal_connect_swapped (viewer->views, "notify::visible-child", G_CALLBACK (focus_view),
                            viewer);
  gtk_event_controller_set_propagation_phase (motion, GTK_PHASE_CAPTURE);
  g_signal_connect_swapped (motion, "motion", G_CALLBACK (motion_cb), viewer);
  gtk_widget_add_controller (GTK_WIDGET (viewer), motion);
}

static void
connect_machine (TerrariumViewer *viewer)
{
  TerrariumMachine *machine = viewer->machine;
  DisplayScreen *screen = terrarium_machine_get_screen (machine);

  g_signal_connect_swapped (machine, "notify::vm", G_CALLBACK (vm_changed_cb), viewer);
  g_signal_connect_swapped (machine, "notify::state", G_CALLBACK (update_state), viewer);
  g_signal_connect_swapped (machine, "notify::progress", G_CALLBACK (update_saving), viewer);
  g_signal_connect_swapped (machine, "stopped", G_CALLBACK (stopped_cb), viewer);
  g_signal_connect_swapped (machine, "failed", G_CALLBACK (failed_cb), viewer);
  g_signal_connect_swapped (screen, "changed", G_CALLBACK (update_notice), viewer);
}

void
terrarium_viewer_set_machine (TerrariumViewer *viewer, TerrariumMachine *machine, bool back)
{
  viewer->has_library = back;
  gtk_widget_set_visible (GTK_WIDGET (viewer->back_button), back);
  if (viewer->machine == machine)
    return;
  disconnect_machine (viewer);
  g_set_object (&viewer->machine, machine);
  set_message (viewer, NULL);
  terrarium_serial_set_machine (viewer->serial, machine);
  terrarium_performance_set_machine (viewer->performance, machine);
  terrarium_display_set_screen (viewer->display,
                                machine ? terrarium_machine_get_screen (machine) : NULL);
  if (!machine) {
    terrarium_display_set_machine (viewer->display, NULL);
    return;
  }
  g_autofree char *label =
      g_strdup_printf (_ ("Display of %s"), terrarium_machine_get_name (machine));
  gtk_accessible_update_property (GTK_ACCESSIBLE (viewer->display), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  label, -1);
  gtk_stack_set_visible_child_name (viewer->views, has_display (viewer) ? "display" : "serial");
  connect_machine (viewer);
  vm_changed_cb (viewer);
}

TerrariumMachine *
terrarium_viewer_get_machine (TerrariumViewer *viewer)
{
  return viewer->machine;
}
