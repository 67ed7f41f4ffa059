// SPDX-License-Identifier: GPL-3.0-or-later
// Pictures written for others: to files and pipes, read slowly, not to the end, or not at all; and what
// is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/dbus/screenshot.h"

enum { WIDTH = 320, HEIGHT = 200, FEW = 100 };

static const uint8_t signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

// Nothing that can be made smaller.
GdkTexture *
display_screen_make_texture (DisplayScreen *screen, int max_width, int max_height)
{
  uint8_t *data = g_malloc ((size_t) WIDTH * HEIGHT * 4);
  g_autoptr (GBytes) bytes = g_bytes_new_take (data, (size_t) WIDTH * HEIGHT * 4);
  uint32_t noise = 1;

  for (size_t i = 0; i < (size_t) WIDTH * HEIGHT * 4; i++) {
    noise = noise * 1664525 + 1013904223;
    data[i] = (uint8_t) (noise >> 24);
  }
  return gdk_memory_texture_new (WIDTH, HEIGHT, GDK_MEMORY_R8G8B8A8, bytes, WIDTH * 4);
}

typedef struct End {
  bool done;
  int code; // of the error, -1: none
} End;

static void
ended_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  End *end = user_data;
  unsigned width = 0, height = 0;
  g_autoptr (GError) error = NULL;

  end->done = true;
  if (screenshot_write_finish (result, &width, &height, &error)) {
    assert_int_equal (width, WIDTH);
    assert_int_equal (height, HEIGHT);
    end->code = -1;
  } else {
    assert_non_null (error);
    end->code = error->code;
  }
}

static void
begin (int fd, End *end)
{
  g_autoptr (GdkTexture) texture = screenshot_take (NULL);

  *end = (End){0};
  screenshot_write_async (texture, fd, ended_cb, end);
}

static int
wait_for (End *end)
{
  while (!end->done)
    g_main_context_iteration (NULL, TRUE);
  return end->code;
}

static void
test_file (void **state)
{
  g_autofree char *path = NULL, *text = NULL;
  int fd = g_file_open_tmp ("screenshot-XXXXXX", &path, NULL);
  gsize length = 0;
  End end;

  begin (fd, &end);
  assert_int_equal (wait_for (&end), -1);
  assert_true (g_file_get_contents (path, &text, &length, NULL));
  assert_true (length > (size_t) WIDTH * HEIGHT * 3);
  assert_memory_equal (text, signature, sizeof signature);
  unlink (path);
}

static gpointer
read_all (gpointer data)
{
  GByteArray *all = g_byte_array_new ();
  uint8_t buffer[4096];

  for (ssize_t n; (n = read (GPOINTER_TO_INT (data), buffer, sizeof buffer)) > 0;)
    g_byte_array_append (all, buffer, (unsigned) n);
  return all;
}

// Much more than a pipe holds; the main context is free meanwhile.
static void
test_pipe (void **state)
{
  int ends[2];
  End end;

  assert_int_equal (pipe (ends), 0);
  GThread *reader = g_thread_new ("reader", read_all, GINT_TO_POINTER (ends[0]));
  begin (ends[1], &end);
  assert_int_equal (wait_for (&end), -1);
  g_autoptr (GByteArray) all = g_thread_join (reader);
  assert_true (all->len > WIDTH * HEIGHT * 3);
  assert_memory_equal (all->data, signature, sizeof signature);
  close (ends[0]);
}

static void
test_deserted (void **state)
{
  int ends[2];
  uint8_t buffer[FEW];
  End end;

  assert_int_equal (pipe (ends), 0);
  begin (ends[1], &end);
  assert_true (read (ends[0], buffer, sizeof buffer) > 0);
  close (ends[0]);
  assert_int_not_equal (wait_for (&end), -1);
}

static void
test_refused (void **state)
{
  int ends[2], sockets[2];
  End end;
  const int folder = open ("/", O_RDONLY), path = open ("/", O_PATH);

  assert_int_equal (pipe (ends), 0);
  assert_int_equal (socketpair (AF_UNIX, SOCK_STREAM, 0, sockets), 0);
  const int refused[] = {ends[0], sockets[0], folder, path};
  for (size_t i = 0; i < G_N_ELEMENTS (refused); i++) {
    begin (refused[i], &end);
    assert_int_equal (wait_for (&end), G_IO_ERROR_INVALID_ARGUMENT);
    // It was taken nevertheless.
    assert_int_equal (fcntl (refused[i], F_GETFD), -1);
  }
  close (ends[1]);
  close (sockets[1]);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_file),
      cmocka_unit_test (test_pipe),
      cmocka_unit_test (test_deserted),
      cmocka_unit_test (test_refused),
  };

  // As in any program that uses GLib's sockets.
  signal (SIGPIPE, SIG_IGN);
  return cmocka_run_group_tests (tests, NULL, NULL);
}
