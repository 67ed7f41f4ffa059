// SPDX-License-Identifier: GPL-3.0-or-later
// TerrariumPerformance: reads the machine's figures once a second while it is open, off the main
// thread (finding out how much memory is used takes its time), and shows the last two minutes.
#include "app/performance/panel.h"

#include <glib/gi18n.h>

#include "app/performance/graph.h"
#include "app/performance/samples.h"

enum {
  RATE_TOP_MIN = 1 << 20, // bytes a second at the upper edge, at least
  FRAMES_TOP = 60,
};

struct _TerrariumPerformance {
  AdwBin parent;

  TerrariumMachine *machine;
  bool active, reading;
  guint timer;
  VmMachine *watched; // the run that the samples are of; owned
  uint64_t frames;
  Samples samples;
  TerrariumGraph *processor_graph, *memory_graph, *disk_graph, *network_graph, *frames_graph;
  GtkLabel *processor_label, *memory_label, *disk_label, *network_label, *frames_label;
  GtkLabel *causes_label;
};

G_DEFINE_FINAL_TYPE (TerrariumPerformance, terrarium_performance, ADW_TYPE_BIN)

enum { NOTIFY_PERSON, N_SIGNALS };
static guint signals[N_SIGNALS];

// What one reading gives.
typedef struct Reading {
  VmMachine *vm; // owned
  gint64 now_us;
  VmStats stats;
  HostLoad load;
} Reading;

static void
reading_free (Reading *reading)
{
  g_object_unref (reading->vm);
  g_free (reading);
}

// ---- what is seen ---------------------------------------------------------------------------

// One figure of the samples that are shown; `values` has room for all.
static unsigned
collect (const Samples *samples, size_t offset, double *values)
{
  guint all = samples->samples->len;
  guint n = MIN (all, SAMPLES_KEPT);

  for (guint i = 0; i < n; i++) {
    const Sample *sample = &g_array_index (samples->samples, Sample, all - n + i);
    values[i] = G_STRUCT_MEMBER (double, sample, offset);
  }
  return n;
}

static void
show_rates (TerrariumPerformance *performance, TerrariumGraph *graph, size_t in, size_t out)
{
  double first[SAMPLES_KEPT], second[SAMPLES_KEPT];
  unsigned n = collect (&performance->samples, in, first);
  double top = RATE_TOP_MIN;

  collect (&performance->samples, out, second);
  for (unsigned i = 0; i < n; i++)
    top = MAX (top, MAX (first[i], second[i]));
  terrarium_graph_set_values (graph, first, second, n, top);
}

static void
show_processor (TerrariumPerformance *performance, const Sample *last)
{
  const Samples *samples = &performance->samples;
  guint all = samples->samples->len;
  guint n = MIN (all, SAMPLES_KEPT);
  double values[SAMPLES_KEPT];
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < n; i++) {
    const Sample *sample = &g_array_index (samples->samples, Sample, all - n + i);
    values[i] = sample_get_cpu (sample, samples->n_cpus);
  }
  terrarium_graph_set_values (performance->processor_graph, values, NULL, n, samples->n_cpus);
  for (unsigned i = 0; i < samples->n_cpus; i++) {
    // Processor number, how busy.
    g_string_append_printf (text, _ ("CPU %u: %.0f %%"), i, last->cpu[i] * 100);
    g_string_append (text, i + 1 < samples->n_cpus ? "   " : "\n");
  }
  // Programs of this computer.
  g_string_append_printf (text, _ ("Other programs: %.0f %% of this computer"), last->others * 100);
  gtk_label_set_text (performance->processor_label, text->str);
}

static void
show_memory (TerrariumPerformance *performance, const Sample *last)
{
  const VmConfig *config = terrarium_machine_get_config (performance->machine);
  double values[SAMPLES_KEPT];
  unsigned n = collect (&performance->samples, G_STRUCT_OFFSET (Sample, memory_bytes), values);
  g_autofree char *used =
      g_format_size_full ((guint64) last->memory_bytes, G_FORMAT_SIZE_IEC_UNITS);
  g_autofree char *all =
      g_format_size_full (config ? config->memory_bytes : 0, G_FORMAT_SIZE_IEC_UNITS);
  g_autofree char *text = g_strdup_printf (_ ("%s of %s"), used, all);

  terrarium_graph_set_values (performance->memory_graph, values, NULL, n,
                              config ? (double) config->memory_bytes : 0);
  if (last->guest_available_bytes >= 0) {
    g_autofree char *free =
        g_format_size_full ((guint64) last->guest_available_bytes, G_FORMAT_SIZE_IEC_UNITS);
    g_autofree char *short_text = g_steal_pointer (&text);
    // How much memory programs of the guest can still have.
    text = g_strdup_printf (_ ("%s; the system has %s left"), short_text, free);
  }
  gtk_label_set_text (performance->memory_label, text);
}

static void
show_rate_label (GtkLabel *label, const char *format, double in, double out)
{
  g_autofree char *in_text = g_format_size_full ((guint64) in, G_FORMAT_SIZE_IEC_UNITS);
  g_autofree char *out_text = g_format_size_full ((guint64) out, G_FORMAT_SIZE_IEC_UNITS);
  g_autofree char *text = g_strdup_printf (format, in_text, out_text);

  gtk_label_set_text (label, text);
}

static void
show_causes (TerrariumPerformance *performance)
{
  const VmConfig *config = terrarium_machine_get_config (performance->machine);
  const char *lacks;
  CauseFacts facts = {
      .interpreted = config && config->accel == VM_ACCEL_INTERP,
      .cannot_translate = !vm_host_can_translate (&lacks),
      .strict_code = config && config->strict_code,
      .cpus = config ? config->cpus : 1,
      .memory_bytes = config ? config->memory_bytes : 0,
  };
  g_autoptr (GPtrArray) causes = samples_explain (&performance->samples, &facts);
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < causes->len; i++) {
    const Cause *cause = causes->pdata[i];
    g_autofree char *markup = g_markup_printf_escaped ("<b>%s</b>\n%s", cause->text, cause->remedy);
    g_string_append_printf (text, "%s%s", i > 0 ? "\n\n" : "", markup);
  }
  if (causes->len == 0)
    g_string_append (text, _ ("Nothing stands out: the machine has what it asks for."));
  gtk_label_set_markup (performance->causes_label, text->str);
}

static void
show_nothing (TerrariumPerformance *performance)
{
  GtkLabel *labels[] = {performance->processor_label, performance->memory_label,
                        performance->disk_label, performance->network_label,
                        performance->frames_label};
  TerrariumGraph *graphs[] = {performance->processor_graph, performance->memory_graph,
                              performance->disk_graph, performance->network_graph,
                              performance->frames_graph};

  for (unsigned i = 0; i < G_N_ELEMENTS (labels); i++) {
    gtk_label_set_text (labels[i], "–");
    terrarium_graph_set_values (graphs[i], NULL, NULL, 0, 0);
  }
  gtk_label_set_text (performance->causes_label, performance->watched
                                                     ? _ ("Figures come in a moment.")
                                                     : _ ("The machine is off."));
}

static void
show (TerrariumPerformance *performance)
{
  const Sample *last = samples_get_last (&performance->samples);
  double frames[SAMPLES_KEPT];

  gtk_widget_action_set_enabled (GTK_WIDGET (performance), "performance.export", last != NULL);
  if (!last) {
    show_nothing (performance);
    return;
  }
  show_processor (performance, last);
  show_memory (performance, last);
  show_rates (performance, performance->disk_graph, G_STRUCT_OFFSET (Sample, disk_read),
              G_STRUCT_OFFSET (Sample, disk_written));
  show_rate_label (performance->disk_label, _ ("%s/s read, %s/s written"), last->disk_read,
                   last->disk_written);
  show_rates (performance, performance->network_graph, G_STRUCT_OFFSET (Sample, net_received),
              G_STRUCT_OFFSET (Sample, net_sent));
  show_rate_label (performance->network_label, _ ("%s/s received, %s/s sent"), last->net_received,
                   last->net_sent);
  unsigned n = collect (&performance->samples, G_STRUCT_OFFSET (Sample, frames), frames);
  terrarium_graph_set_values (performance->frames_graph, frames, NULL, n, FRAMES_TOP);
  g_autofree char *text = g_strdup_printf (_ ("%.0f changes per second"), last->frames);
  gtk_label_set_text (performance->frames_label, text);
  show_causes (performance);
}

// ---- readings -------------------------------------------------------------------------------

static void
read_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Reading *reading = data;

  vm_machine_get_stats (reading->vm, &reading->stats);
  host_load_read (&reading->load);
  reading->now_us = g_get_monotonic_time ();
  g_task_return_boolean (task, TRUE);
}

static void
read_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  TerrariumPerformance *performance = TERRARIUM_PERFORMANCE (source);
  const Reading *reading = g_task_get_task_data (G_TASK (result));

  performance->reading = false;
  if (reading->vm != performance->watched || !performance->timer)
    return;
  samples_add (&performance->samples, reading->now_us, &reading->stats, &reading->load,
               performance->frames);
  show (performance);
}

// The one before has to be done: a host that is that slow gets fewer.
static gboolean
tick_cb (gpointer user_data)
{
  TerrariumPerformance *performance = user_data;

  if (performance->reading || !performance->watched)
    return G_SOURCE_CONTINUE;
  Reading *reading = g_new0 (Reading, 1);
  g_autoptr (GTask) task = g_task_new (performance, NULL, read_cb, NULL);
  reading->vm = g_object_ref (performance->watched);
  g_task_set_task_data (task, reading, (GDestroyNotify) reading_free);
  performance->reading = true;
  g_task_run_in_thread (task, read_thread);
  return G_SOURCE_CONTINUE;
}

static void
frame_cb (TerrariumPerformance *performance)
{
  performance->frames++;
}

// Another run, or none.
static void
watch (TerrariumPerformance *performance)
{
  VmMachine *vm = performance->active && performance->machine
                      ? terrarium_machine_get_vm (performance->machine)
                      : NULL;

  if (vm == performance->watched && (performance->timer != 0) == (vm != NULL))
    return;
  g_clear_handle_id (&performance->timer, g_source_remove);
  g_set_object (&performance->watched, vm);
  samples_reset (&performance->samples);
  if (vm) {
    performance->timer = g_timeout_add_seconds (1, tick_cb, performance);
    tick_cb (performance);
  }
  show (performance);
}

// ---- table ----------------------------------------------------------------------------------

static void
tell (TerrariumPerformance *performance, const char *text)
{
  g_signal_emit (performance, signals[NOTIFY_PERSON], 0, text);
}

static void
written_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (TerrariumPerformance) performance = user_data;
  g_autoptr (GError) error = NULL;
  bool done = g_file_replace_contents_finish (G_FILE (source), result, NULL, &error);

  tell (performance, done ? _ ("The table was saved") : error->message);
}

static void
table_response_cb (GtkNativeDialog *dialog, int response, gpointer user_data)
{
  TerrariumPerformance *performance = user_data;

  if (response == GTK_RESPONSE_ACCEPT) {
    g_autoptr (GFile) file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (dialog));
    GBytes *bytes = g_object_get_data (G_OBJECT (dialog), "table");
    g_file_replace_contents_bytes_async (file, bytes, NULL, FALSE, G_FILE_CREATE_NONE, NULL,
                                         written_cb, g_object_ref (performance));
  }
  gtk_native_dialog_destroy (dialog);
  g_object_unref (dialog);
}

static void
export_action (GtkWidget *widget, const char *action, GVariant *parameter)
{
  TerrariumPerformance *performance = TERRARIUM_PERFORMANCE (widget);
  char *csv = samples_to_csv (&performance->samples);
  GBytes *bytes = g_bytes_new_take (csv, strlen (csv));
  GtkFileChooserNative *chooser =
      gtk_file_chooser_native_new (_ ("Export Table"), GTK_WINDOW (gtk_widget_get_root (widget)),
                                   GTK_FILE_CHOOSER_ACTION_SAVE, _ ("_Save"), _ ("_Cancel"));
  g_autofree char *name =
      g_strdup_printf ("%s.csv", terrarium_machine_get_name (performance->machine));

  gtk_file_chooser_set_current_name (GTK_FILE_CHOOSER (chooser), g_strdelimit (name, "/", '-'));
  g_object_set_data_full (G_OBJECT (chooser), "table", bytes, (GDestroyNotify) g_bytes_unref);
  g_signal_connect_object (chooser, "response", G_CALLBACK (table_response_cb), performance, 0);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (chooser));
}

// ---- object ---------------------------------------------------------------------------------

static void
disconnect_machine (TerrariumPerformance *performance)
{
  if (!performance->machine)
    return;
  g_signal_handlers_disconnect_by_data (performance->machine, performance);
  g_signal_handlers_disconnect_by_data (terrarium_machine_get_screen (performance->machine),
                                        performance);
}

static void
terrarium_performance_dispose (GObject *object)
{
  TerrariumPerformance *performance = TERRARIUM_PERFORMANCE (object);

  disconnect_machine (performance);
  g_clear_handle_id (&performance->timer, g_source_remove);
  g_clear_object (&performance->watched);
  g_clear_object (&performance->machine);
  G_OBJECT_CLASS (terrarium_performance_parent_class)->dispose (object);
}

static void
terrarium_performance_finalize (GObject *object)
{
  samples_clear (&TERRARIUM_PERFORMANCE (object)->samples);
  G_OBJECT_CLASS (terrarium_performance_parent_class)->finalize (object);
}

static void
terrarium_performance_class_init (TerrariumPerformanceClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = terrarium_performance_dispose;
  G_OBJECT_CLASS (klass)->finalize = terrarium_performance_finalize;
  g_type_ensure (TERRARIUM_TYPE_GRAPH);
  signals[NOTIFY_PERSON] =
      g_signal_new ("notify-person", TERRARIUM_TYPE_PERFORMANCE, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                    NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/terrarium_vm/Terrarium/performance.ui");
  gtk_widget_class_bind_template_child (widget_class, TerrariumPerformance, processor_graph);
  gtk_widget_class_bind_template_child (widget_class, TerrariumPerformance, memory_graph);
  gtk_widget_class_bind_template_child (widget_class, TerrariumPerformance, disk_graph);
  gtk_widget_class_bind_template_child (widget_class, TerrariumPerformance, network_graph);
  gtk_widget_class_bind_template_child (widget_class, TerrariumPerformance, frames_graph);
  gtk_widget_class_bind_template_child (widget_class, TerrariumPerformance, processor_label);
  gtk_widget_class_bind_template_child (widget_class, TerrariumPerformance, memory_label);
  gtk_widget_class_bind_template_child (widget_class, TerrariumPerformance, disk_label);
  gtk_widget_class_bind_template_child (widget_class, TerrariumPerformance, network_label);
  gtk_widget_class_bind_template_child (widget_class, TerrariumPerformance, frames_label);
  gtk_widget_class_bind_template_child (widget_class, TerrariumPerformance, causes_label);
  gtk_widget_class_install_action (widget_class, "performance.export", NULL, export_action);
}

static void
terrarium_performance_init (TerrariumPerformance *performance)
{
  samples_init (&performance->samples);
  gtk_widget_init_template (GTK_WIDGET (performance));
  show (performance);
}

void
terrarium_performance_set_machine (TerrariumPerformance *performance, TerrariumMachine *machine)
{
  if (performance->machine == machine)
    return;
  disconnect_machine (performance);
  g_set_object (&performance->machine, machine);
  if (machine) {
    g_signal_connect_swapped (machine, "notify::vm", G_CALLBACK (watch), performance);
    g_signal_connect_swapped (terrarium_machine_get_screen (machine), "changed",
                              G_CALLBACK (frame_cb), performance);
  }
  watch (performance);
}

void
terrarium_performance_set_active (TerrariumPerformance *performance, bool active)
{
  performance->active = active;
  watch (performance);
}
