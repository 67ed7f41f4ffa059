// SPDX-License-Identifier: GPL-3.0-or-later
// Typing; see typing.h. Main thread.
#include "app/model/typing.h"

#include <glib/gi18n.h>
#include <linux/input-event-codes.h>
#include <string.h>

enum { INTERVAL_MS = 10 }; // for a key going down, and for one going up

#define WORK_KEY "typing" // of the machine, while it is under way

// Keys side by side.
static const struct {
  unsigned first;
  const char *plain, *shifted;
} rows[] = {
    {KEY_1, "1234567890-=", "!@#$%^&*()_+"},
    {KEY_Q, "qwertyuiop[]", "QWERTYUIOP{}"},
    {KEY_A, "asdfghjkl;'`", "ASDFGHJKL:\"~"},
    {KEY_BACKSLASH, "\\zxcvbnm,./", "|ZXCVBNM<>?"},
    {KEY_SPACE, " ", ""},
    {KEY_ENTER, "\n", ""},
    {KEY_TAB, "\t", ""},
};

bool
typing_find_key (gunichar c, unsigned *code, bool *shift)
{
  for (size_t i = 0; c > 0 && c < 128 && i < G_N_ELEMENTS (rows); i++) {
    const char *plain = strchr (rows[i].plain, (int) c);
    const char *shifted = strchr (rows[i].shifted, (int) c);

    if (plain == NULL && shifted == NULL)
      continue;
    *shift = plain == NULL;
    *code = rows[i].first +
            (unsigned) (plain != NULL ? plain - rows[i].plain : shifted - rows[i].shifted);
    return true;
  }
  return false;
}

typedef struct Work {
  GArray *strokes; // of Stroke
  unsigned next;
} Work;

typedef struct Stroke {
  unsigned code;
  bool down;
} Stroke;

static void
work_free (Work *work)
{
  g_array_unref (work->strokes);
  g_free (work);
}

static void
add (Work *work, unsigned code, bool down)
{
  const Stroke stroke = {code, down};

  g_array_append_val (work->strokes, stroke);
}

static bool
plan (Work *work, const char *text, GError **error)
{
  if (!g_utf8_validate (text, -1, NULL) || g_utf8_strlen (text, -1) > TYPING_MAX) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                 _ ("At most %d characters can be typed at once."), TYPING_MAX);
    return false;
  }
  for (const char *at = text; *at != '\0'; at = g_utf8_next_char (at)) {
    unsigned code;
    bool shift;
    if (!typing_find_key (g_utf8_get_char (at), &code, &shift)) {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   _ ("There is no key for the character U+%04X."), g_utf8_get_char (at));
      return false;
    }
    if (shift)
      add (work, KEY_LEFTSHIFT, true);
    add (work, code, true);
    add (work, code, false);
    if (shift)
      add (work, KEY_LEFTSHIFT, false);
  }
  return true;
}

static void
end (GTask *task, bool whole)
{
  g_object_set_data (g_task_get_source_object (task), WORK_KEY, NULL);
  if (whole)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_CANCELLED, "%s",
                             _ ("The machine has ended meanwhile."));
}

static gboolean
type_cb (gpointer user_data)
{
  GTask *task = user_data;
  Work *work = g_task_get_task_data (task);
  bool whole = work->next == work->strokes->len;

  if (!whole && vm_machine_get_state (g_task_get_source_object (task)) != VM_STATE_STOPPED) {
    const Stroke *stroke = &g_array_index (work->strokes, Stroke, work->next++);
    vm_machine_send_key (g_task_get_source_object (task), stroke->code, stroke->down);
    return G_SOURCE_CONTINUE;
  }
  end (task, whole);
  return G_SOURCE_REMOVE;
}

void
typing_async (VmMachine *machine, const char *text, GAsyncReadyCallback callback, void *user_data)
{
  g_autoptr (GTask) task = g_task_new (machine, NULL, callback, user_data);
  Work *work = g_new0 (Work, 1);
  GError *error = NULL;

  work->strokes = g_array_new (FALSE, FALSE, sizeof (Stroke));
  g_task_set_task_data (task, work, (GDestroyNotify) work_free);
  if (!plan (work, text, &error)) {
    g_task_return_error (task, error);
    return;
  }
  if (g_object_get_data (G_OBJECT (machine), WORK_KEY) != NULL) {
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_BUSY, "%s",
                             _ ("Another text is being typed; wait until that is done."));
    return;
  }
  g_object_set_data (G_OBJECT (machine), WORK_KEY, work);
  g_timeout_add_full (G_PRIORITY_DEFAULT, INTERVAL_MS, type_cb, g_steal_pointer (&task),
                      g_object_unref);
}

bool
typing_finish (VmMachine *machine, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
