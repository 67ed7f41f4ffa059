// SPDX-License-Identifier: GPL-3.0-or-later
// Pictures for others; see screenshot.h. Main thread, but for work_cb and what it calls.
#include "app/dbus/screenshot.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000, SIDE_MAX = 32767 };

typedef struct Work {
  GdkTexture *texture;
  int fd;
} Work;

static void
work_free (Work *work)
{
  g_object_unref (work->texture);
  close (work->fd);
  g_free (work);
}

GdkTexture *
screenshot_take (DisplayScreen *screen)
{
  return display_screen_make_texture (screen, SIDE_MAX, SIDE_MAX);
}

static bool
fail (int code, GError **error)
{
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code), _ ("It cannot be written: %s."),
               g_strerror (code));
  return false;
}

// Worker. Of a pipe that has room, PIPE_BUF bytes can be written without waiting.
static bool
write_all (int fd, const uint8_t *data, size_t length, GError **error)
{
  while (length > 0) {
    struct pollfd place = {.fd = fd, .events = POLLOUT};
    int ready = poll (&place, 1, PATIENCE_MS);
    if (ready == 0)
      return fail (ETIMEDOUT, error);
    ssize_t n = ready > 0 ? write (fd, data, MIN (length, PIPE_BUF)) : -1;
    if (n < 0 && errno != EINTR && errno != EAGAIN)
      return fail (errno, error);
    data += MAX (n, 0);
    length -= (size_t) MAX (n, 0);
  }
  return true;
}

static void
work_cb (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Work *work = data;
  g_autoptr (GBytes) png = gdk_texture_save_to_png_bytes (work->texture);
  GError *error = NULL;
  size_t length;
  const uint8_t *bytes = g_bytes_get_data (png, &length);

  if (write_all (work->fd, bytes, length, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static bool
is_writable (int fd)
{
  struct stat what;
  int flags = fcntl (fd, F_GETFL);

  return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY && (flags & O_PATH) == 0 &&
         fstat (fd, &what) == 0 && (S_ISREG (what.st_mode) || S_ISFIFO (what.st_mode));
}

void
screenshot_write_async (GdkTexture *texture, int take_fd, GAsyncReadyCallback callback,
                        void *user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, user_data);
  Work *work = g_new0 (Work, 1);

  *work = (Work){g_object_ref (texture), take_fd};
  g_task_set_task_data (task, work, (GDestroyNotify) work_free);
  if (is_writable (take_fd))
    g_task_run_in_thread (task, work_cb);
  else
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "%s",
                             _ ("A file or a pipe that is open for writing is wanted."));
}

bool
screenshot_write_finish (GAsyncResult *result, unsigned *width, unsigned *height, GError **error)
{
  const Work *work = g_task_get_task_data (G_TASK (result));

  *width = (unsigned) gdk_texture_get_width (work->texture);
  *height = (unsigned) gdk_texture_get_height (work->texture);
  return g_task_propagate_boolean (G_TASK (result), error);
}
