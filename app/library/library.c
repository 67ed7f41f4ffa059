// SPDX-License-Identifier: GPL-3.0-or-later
// TerrariumLibrary: all machines as cards, or the invitation to make the first. Main thread.
#include "app/library/library.h"

#include "app/library/card.h"

struct _TerrariumLibrary {
  AdwBin parent;

  GListModel *machines;
  GtkFilterListModel *shown;
  GtkToggleButton *search_button;
  GtkSearchBar *search_bar;
  GtkSearchEntry *search_entry;
  GtkStack *pages;
  GtkWidget *empty, *nothing_found, *scroller;
  GtkFlowBox *cards;
};

G_DEFINE_FINAL_TYPE (TerrariumLibrary, terrarium_library, ADW_TYPE_BIN)

static GtkWidget *
make_card (gpointer item, gpointer user_data)
{
  return terrarium_card_new (item);
}

static void
update_page (TerrariumLibrary *library)
{
  bool any = g_list_model_get_n_items (library->machines) > 0;
  bool shown = g_list_model_get_n_items (G_LIST_MODEL (library->shown)) > 0;

  gtk_stack_set_visible_child (library->pages, shown ? library->scroller
                                               : any ? library->nothing_found
                                                     : library->empty);
  gtk_widget_set_sensitive (GTK_WIDGET (library->search_button), any);
}

static void
terrarium_library_dispose (GObject *object)
{
  TerrariumLibrary *library = TERRARIUM_LIBRARY (object);

  if (library->machines)
    g_signal_handlers_disconnect_by_data (library->machines, library);
  g_clear_object (&library->shown);
  g_clear_object (&library->machines);
  G_OBJECT_CLASS (terrarium_library_parent_class)->dispose (object);
}

static void
terrarium_library_class_init (TerrariumLibraryClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = terrarium_library_dispose;
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/terrarium_vm/Terrarium/library.ui");
  gtk_widget_class_bind_template_child (widget_class, TerrariumLibrary, search_button);
  gtk_widget_class_bind_template_child (widget_class, TerrariumLibrary, search_bar);
  gtk_widget_class_bind_template_child (widget_class, TerrariumLibrary, search_entry);
  gtk_widget_class_bind_template_child (widget_class, TerrariumLibrary, pages);
  gtk_widget_class_bind_template_child (widget_class, TerrariumLibrary, empty);
  gtk_widget_class_bind_template_child (widget_class, TerrariumLibrary, nothing_found);
  gtk_widget_class_bind_template_child (widget_class, TerrariumLibrary, scroller);
  gtk_widget_class_bind_template_child (widget_class, TerrariumLibrary, cards);
}

static void
terrarium_library_init (TerrariumLibrary *library)
{
  gtk_widget_init_template (GTK_WIDGET (library));
  gtk_search_bar_connect_entry (library->search_bar, GTK_EDITABLE (library->search_entry));
}

void
terrarium_library_set_store (TerrariumLibrary *library, TerrariumStore *store)
{
  GtkExpression *name = gtk_property_expression_new (TERRARIUM_TYPE_MACHINE, NULL, "name");
  GtkStringFilter *filter = gtk_string_filter_new (name);

  g_object_bind_property (library->search_entry, "text", filter, "search", G_BINDING_SYNC_CREATE);
  library->machines = g_object_ref (terrarium_store_get_machines (store));
  library->shown =
      gtk_filter_list_model_new (g_object_ref (library->machines), GTK_FILTER (filter));
  gtk_flow_box_bind_model (library->cards, G_LIST_MODEL (library->shown), make_card, NULL, NULL);
  g_signal_connect_swapped (library->shown, "items-changed", G_CALLBACK (update_page), library);
  g_signal_connect_swapped (library->machines, "items-changed", G_CALLBACK (update_page), library);
  update_page (library);
}

void
terrarium_library_start_search (TerrariumLibrary *library)
{
  if (gtk_widget_get_sensitive (GTK_WIDGET (library->search_button)))
    gtk_search_bar_set_search_mode (library->search_bar, TRUE);
}
