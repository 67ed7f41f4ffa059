// SPDX-License-Identifier: GPL-3.0-or-later
// TerrariumTranscript: the text of a terminal as plain text. VTE's own widget is silent to screen
// readers on GTK 4. Main thread.
#include "app/viewer/transcript.h"

#include <glib/gi18n.h>
#include <string.h>

#define UPDATE_INTERVAL_MS 300 // a machine that prints a lot does not keep the window busy

struct _TerrariumTranscript {
  AdwBin parent;

  VteTerminal *terminal; // borrowed: a sibling
  GtkTextView *view;
  guint update_source;
};

G_DEFINE_FINAL_TYPE (TerrariumTranscript, terrarium_transcript, ADW_TYPE_BIN)

// Around the cursor: while the terminal is not shown, its adjustment may tell of rows that were there
// before it was cleared.
static char *
get_text (VteTerminal *terminal)
{
  glong rows = vte_terminal_get_row_count (terminal);
  glong columns = vte_terminal_get_column_count (terminal), column, row;

  vte_terminal_get_cursor_position (terminal, &column, &row);
  glong first = MAX (0, row - rows - (glong) vte_terminal_get_scrollback_lines (terminal));
  g_autofree char *text =
      vte_terminal_get_text_range (terminal, first, 0, row + rows, columns, NULL, NULL, NULL);
  if (!text)
    return g_strdup ("");
  // Rows that are no more, or not yet, are empty.
  size_t blank = strspn (text, "\n"), length = strlen (text);
  while (length > blank && text[length - 1] == '\n')
    length--;
  return g_strndup (text + blank, length - blank);
}

// Only what is new is replaced, so that a reader's place and selection stay.
static void
replace_from_difference (GtkTextBuffer *buffer, const char *text)
{
  GtkTextIter start, end;
  gtk_text_buffer_get_bounds (buffer, &start, &end);
  g_autofree char *old = gtk_text_buffer_get_text (buffer, &start, &end, FALSE);
  const char *a = old, *b = text;
  int offset = 0;

  while (*a && *b && g_utf8_get_char (a) == g_utf8_get_char (b)) {
    a = g_utf8_next_char (a);
    b = g_utf8_next_char (b);
    offset++;
  }
  if (*a == '\0' && *b == '\0')
    return;
  gtk_text_buffer_get_iter_at_offset (buffer, &start, offset);
  gtk_text_buffer_delete (buffer, &start, &end);
  gtk_text_buffer_insert (buffer, &start, b, -1);
}

static gboolean
update_cb (gpointer user_data)
{
  TerrariumTranscript *transcript = user_data;
  g_autofree char *text = get_text (transcript->terminal);

  transcript->update_source = 0;
  replace_from_difference (gtk_text_view_get_buffer (transcript->view), text);
  return G_SOURCE_REMOVE;
}

static void
contents_changed_cb (TerrariumTranscript *transcript)
{
  if (transcript->update_source == 0 && gtk_widget_get_mapped (GTK_WIDGET (transcript)))
    transcript->update_source = g_timeout_add (UPDATE_INTERVAL_MS, update_cb, transcript);
}

static void
terrarium_transcript_dispose (GObject *object)
{
  g_clear_handle_id (&TERRARIUM_TRANSCRIPT (object)->update_source, g_source_remove);
  G_OBJECT_CLASS (terrarium_transcript_parent_class)->dispose (object);
}

static void
terrarium_transcript_class_init (TerrariumTranscriptClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = terrarium_transcript_dispose;
}

static void
terrarium_transcript_init (TerrariumTranscript *transcript)
{
  GtkWidget *scroller = gtk_scrolled_window_new ();
  GtkWidget *view = gtk_text_view_new ();

  transcript->view = GTK_TEXT_VIEW (view);
  gtk_text_view_set_editable (transcript->view, FALSE);
  gtk_text_view_set_monospace (transcript->view, TRUE);
  gtk_text_view_set_left_margin (transcript->view, 12);
  gtk_text_view_set_top_margin (transcript->view, 12);
  gtk_accessible_update_property (GTK_ACCESSIBLE (view), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Transcript of the serial console"), -1);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scroller), view);
  adw_bin_set_child (ADW_BIN (transcript), scroller);
  g_signal_connect (transcript, "map", G_CALLBACK (contents_changed_cb), NULL);
}

GtkWidget *
terrarium_transcript_new (VteTerminal *terminal)
{
  TerrariumTranscript *transcript = g_object_new (TERRARIUM_TYPE_TRANSCRIPT, NULL);

  transcript->terminal = terminal;
  g_signal_connect_object (terminal, "contents-changed", G_CALLBACK (contents_changed_cb),
                           transcript, G_CONNECT_SWAPPED);
  return GTK_WIDGET (transcript);
}
