// SPDX-License-Identifier: GPL-3.0-or-later
// TerrariumGraph: how one or two figures went over the last two minutes. Main thread.
#pragma once

#include "app/performance/samples.h"

#include <gtk/gtk.h>

#define TERRARIUM_TYPE_GRAPH (terrarium_graph_get_type ())
G_DECLARE_FINAL_TYPE (TerrariumGraph, terrarium_graph, TERRARIUM, GRAPH, GtkWidget)

// The newest come last; `second` may be NULL. `top`: what the upper edge stands for.
void terrarium_graph_set_values (TerrariumGraph *graph, const double *first, const double *second,
                                 unsigned n, double top);
