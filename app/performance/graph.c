// SPDX-License-Identifier: GPL-3.0-or-later
// TerrariumGraph. What it shows is said in words beside it, so it is no more than a picture for a
// screen reader.
#include "app/performance/graph.h"

enum {
  HEIGHT = 48,
  WIDTH = 120,
};

struct _TerrariumGraph {
  GtkWidget parent;

  double values[2][SAMPLES_KEPT]; // 0..1 of the height, the newest last
  unsigned n_values, n_lines;
};

G_DEFINE_FINAL_TYPE (TerrariumGraph, terrarium_graph, GTK_TYPE_WIDGET)

static void
terrarium_graph_measure (GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum,
                         int *natural, int *minimum_baseline, int *natural_baseline)
{
  *minimum = *natural = orientation == GTK_ORIENTATION_VERTICAL ? HEIGHT : WIDTH;
  *minimum_baseline = *natural_baseline = -1;
}

static double
get_x (GtkWidget *widget, unsigned age)
{
  double width = gtk_widget_get_width (widget);
  double x = width - (double) age / (SAMPLES_KEPT - 1) * width;

  return gtk_widget_get_direction (widget) == GTK_TEXT_DIR_RTL ? width - x : x;
}

static void
draw_line (TerrariumGraph *graph, cairo_t *cairo, unsigned line, const GdkRGBA *colour)
{
  GtkWidget *widget = GTK_WIDGET (graph);
  double height = gtk_widget_get_height (widget);
  unsigned n = graph->n_values;

  for (unsigned i = 0; i < n; i++) {
    double y = height - 1 - graph->values[line][i] * (height - 2);
    cairo_line_to (cairo, get_x (widget, n - 1 - i), y);
  }
  cairo_set_source_rgba (cairo, colour->red, colour->green, colour->blue, line == 0 ? 1 : 0.5);
  cairo_set_line_width (cairo, 1.5);
  cairo_stroke_preserve (cairo);
  // What is below the first is filled.
  if (line == 0) {
    cairo_line_to (cairo, get_x (widget, 0), height);
    cairo_line_to (cairo, get_x (widget, n - 1), height);
    cairo_close_path (cairo);
    cairo_set_source_rgba (cairo, colour->red, colour->green, colour->blue, 0.15);
    cairo_fill_preserve (cairo);
  }
  cairo_new_path (cairo);
}

static void
terrarium_graph_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
  TerrariumGraph *graph = TERRARIUM_GRAPH (widget);
  float width = (float) gtk_widget_get_width (widget);
  float height = (float) gtk_widget_get_height (widget);
  GdkRGBA colour;

  if (graph->n_values < 2)
    return;
  gtk_style_context_get_color (gtk_widget_get_style_context (widget), &colour);
  cairo_t *cairo = gtk_snapshot_append_cairo (snapshot, &GRAPHENE_RECT_INIT (0, 0, width, height));
  for (unsigned line = 0; line < graph->n_lines; line++)
    draw_line (graph, cairo, line, &colour);
  cairo_destroy (cairo);
}

static void
terrarium_graph_class_init (TerrariumGraphClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  widget_class->measure = terrarium_graph_measure;
  widget_class->snapshot = terrarium_graph_snapshot;
  gtk_widget_class_set_css_name (widget_class, "graph");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_PRESENTATION);
}

static void
terrarium_graph_init (TerrariumGraph *graph)
{
}

void
terrarium_graph_set_values (TerrariumGraph *graph, const double *first, const double *second,
                            unsigned n, double top)
{
  const double *lines[] = {first, second};

  graph->n_values = MIN (n, SAMPLES_KEPT);
  graph->n_lines = second != NULL ? 2 : 1;
  for (unsigned line = 0; line < graph->n_lines; line++)
    for (unsigned i = 0; i < graph->n_values; i++)
      graph->values[line][i] =
          top > 0 ? CLAMP (lines[line][n - graph->n_values + i] / top, 0, 1) : 0;
  gtk_widget_queue_draw (GTK_WIDGET (graph));
}
