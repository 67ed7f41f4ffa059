// SPDX-License-Identifier: GPL-3.0-or-later
// What a machine prints on one console. The sink's function runs on the machine's I/O thread and
// touches only the pending bytes; everything else is the main thread's.
#include "app/model/console.h"

#include <string.h>

#define HISTORY_MAX_BYTES ((size_t) 256 << 10)
#define PENDING_MAX_BYTES ((size_t) 1 << 20) // a guest that floods loses the oldest

struct _TerrariumConsole {
  GObject parent;

  GMutex lock;
  GByteArray *pending; // lock; not yet seen by the main thread
  GMainContext *context;

  GByteArray *history; // main thread
};

G_DEFINE_FINAL_TYPE (TerrariumConsole, terrarium_console, G_TYPE_OBJECT)

enum { OUTPUT, RESET, N_SIGNALS };
static guint signals[N_SIGNALS];

// Keeps the end, in two halves so that the common case moves nothing.
static void
append_bounded (GByteArray *array, const guint8 *data, size_t length, size_t max)
{
  if (length > max) {
    data += length - max;
    length = max;
  }
  if (array->len + length > 2 * max)
    g_byte_array_remove_range (array, 0, (guint) (array->len - max));
  g_byte_array_append (array, data, (guint) length);
}

static GByteArray *
take_pending (TerrariumConsole *console)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&console->lock);
  GByteArray *bytes = console->pending;

  console->pending = g_byte_array_new ();
  return bytes;
}

static gboolean
deliver_cb (gpointer user_data)
{
  TerrariumConsole *console = user_data;
  g_autoptr (GBytes) bytes = g_byte_array_free_to_bytes (take_pending (console));
  gsize length = 0;
  const guint8 *data = g_bytes_get_data (bytes, &length);

  if (length > 0) {
    append_bounded (console->history, data, length, HISTORY_MAX_BYTES);
    g_signal_emit (console, signals[OUTPUT], 0, bytes);
  }
  return G_SOURCE_REMOVE;
}

static void
sink_write (void *sink, const uint8_t *data, size_t length)
{
  TerrariumConsole *console = sink;
  bool first;

  g_mutex_lock (&console->lock);
  first = console->pending->len == 0;
  append_bounded (console->pending, data, length, PENDING_MAX_BYTES);
  g_mutex_unlock (&console->lock);
  if (!first || length == 0)
    return;
  g_autoptr (GSource) source = g_idle_source_new ();
  g_source_set_callback (source, deliver_cb, g_object_ref (console), g_object_unref);
  g_source_attach (source, console->context);
}

const VmConsoleSinkOps terrarium_console_sink_ops = {.write = sink_write};

static void
terrarium_console_finalize (GObject *object)
{
  TerrariumConsole *console = TERRARIUM_CONSOLE (object);

  g_byte_array_unref (console->pending);
  g_byte_array_unref (console->history);
  g_main_context_unref (console->context);
  g_mutex_clear (&console->lock);
  G_OBJECT_CLASS (terrarium_console_parent_class)->finalize (object);
}

static void
terrarium_console_class_init (TerrariumConsoleClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = terrarium_console_finalize;
  signals[OUTPUT] = g_signal_new ("output", TERRARIUM_TYPE_CONSOLE, G_SIGNAL_RUN_LAST, 0, NULL,
                                  NULL, NULL, G_TYPE_NONE, 1, G_TYPE_BYTES);
  signals[RESET] = g_signal_new ("reset", TERRARIUM_TYPE_CONSOLE, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                 NULL, G_TYPE_NONE, 0);
}

static void
terrarium_console_init (TerrariumConsole *console)
{
  g_mutex_init (&console->lock);
  console->pending = g_byte_array_new ();
  console->history = g_byte_array_new ();
  console->context = g_main_context_ref_thread_default ();
}

TerrariumConsole *
terrarium_console_new (void)
{
  return g_object_new (TERRARIUM_TYPE_CONSOLE, NULL);
}

GBytes *
terrarium_console_get_history (TerrariumConsole *console)
{
  size_t length = MIN (console->history->len, HISTORY_MAX_BYTES);

  return g_bytes_new (console->history->data + (console->history->len - length), length);
}

void
terrarium_console_reset (TerrariumConsole *console)
{
  g_byte_array_unref (take_pending (console));
  g_byte_array_set_size (console->history, 0);
  g_signal_emit (console, signals[RESET], 0);
}
