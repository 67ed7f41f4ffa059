// SPDX-License-Identifier: GPL-3.0-or-later
// The terminal as a machine's serial console.
//
// Threads: stdin is read on the main thread; stdout is written by a thread of its own, which may
// wait for whoever reads it. The queue between is under output_lock.
#include "app/cli/terminal.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum {
  ESCAPE = 1, // Ctrl-A
  INPUT_BYTES = 1024,
  QUEUE_BYTES_MAX = 8 * 1024 * 1024,
  RETRY_MS = 10,
  STUCK_MS = 500,
};

struct Terminal {
  const TerminalOps *ops;
  void *data;
  bool escaped;               // the last byte was Ctrl-A
  uint8_t input[INPUT_BYTES]; // typed but not taken yet
  size_t input_length;
  guint input_source, retry_source;

  GThread *writer;
  GMutex output_lock;
  GCond output_cond;
  GByteArray *output;
  bool closing, broken, done; // done: the writer has ended
  GMainLoop *waiting;         // quit when it has; or NULL
};

// What the terminal was set to, for handlers of signals that end the process.
static struct termios saved_mode;
static volatile sig_atomic_t mode_saved;

// ---- raw mode -------------------------------------------------------------------------------

static void
restore_mode (void)
{
  if (!mode_saved)
    return;
  mode_saved = 0;
  // At once: a terminal that nobody reads never gets its output out.
  tcflush (STDIN_FILENO, TCIFLUSH);
  tcsetattr (STDIN_FILENO, TCSANOW, &saved_mode);
}

// Runs the default action after it returns, with the terminal as it was.
static void
crash_handler (int signal_number)
{
  restore_mode ();
  raise (signal_number);
}

static void
set_raw_mode (void)
{
  static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGQUIT};
  struct sigaction action = {.sa_handler = crash_handler, .sa_flags = (int) SA_RESETHAND};
  struct termios raw;

  // A background process would be stopped for it.
  if (!isatty (STDIN_FILENO) || tcgetpgrp (STDIN_FILENO) != getpgrp () ||
      tcgetattr (STDIN_FILENO, &saved_mode) < 0)
    return;
  raw = saved_mode;
  cfmakeraw (&raw);
  mode_saved = 1;
  tcsetattr (STDIN_FILENO, TCSAFLUSH, &raw);
  for (size_t i = 0; i < G_N_ELEMENTS (crashes); i++)
    sigaction (crashes[i], &action, NULL);
}

// ---- output ---------------------------------------------------------------------------------

static bool
write_all (const uint8_t *bytes, size_t length)
{
  while (length > 0) {
    ssize_t written = write (STDOUT_FILENO, bytes, length);

    if (written < 0 && errno == EAGAIN) {
      GPollFD poll = {.fd = STDOUT_FILENO, .events = G_IO_OUT};
      g_poll (&poll, 1, -1);
    } else if (written < 0 && errno != EINTR) {
      return false;
    }
    if (written > 0) {
      bytes += written;
      length -= (size_t) written;
    }
  }
  return true;
}

static gboolean
quit_cb (void *data)
{
  g_main_loop_quit (data);
  return G_SOURCE_REMOVE;
}

static void *
writer_thread (void *data)
{
  Terminal *terminal = data;

  g_mutex_lock (&terminal->output_lock);
  for (;;) {
    while (terminal->output->len == 0 && !terminal->closing)
      g_cond_wait (&terminal->output_cond, &terminal->output_lock);
    if (terminal->output->len == 0)
      break;
    GByteArray *chunk = terminal->output;
    terminal->output = g_byte_array_new ();
    g_mutex_unlock (&terminal->output_lock);
    bool ok = write_all (chunk->data, chunk->len);
    g_byte_array_unref (chunk);
    g_mutex_lock (&terminal->output_lock);
    // Nobody reads any more: the machine goes on without.
    if (!ok)
      terminal->broken = true;
  }
  terminal->done = true;
  g_cond_broadcast (&terminal->output_cond);
  // From the loop itself: one that does not run yet would not notice.
  if (terminal->waiting != NULL)
    g_idle_add_full (G_PRIORITY_DEFAULT, quit_cb, g_main_loop_ref (terminal->waiting),
                     (GDestroyNotify) g_main_loop_unref);
  g_mutex_unlock (&terminal->output_lock);
  return NULL;
}

void
terminal_write (Terminal *terminal, const uint8_t *bytes, size_t length)
{
  g_mutex_lock (&terminal->output_lock);
  if (!terminal->broken && terminal->output->len + length <= QUEUE_BYTES_MAX)
    g_byte_array_append (terminal->output, bytes, (guint) length);
  g_cond_signal (&terminal->output_cond);
  g_mutex_unlock (&terminal->output_lock);
}

// ---- input ----------------------------------------------------------------------------------

static void watch_input (Terminal *terminal);

static void
offer_input (Terminal *terminal)
{
  size_t taken = terminal->ops->typed (terminal->data, terminal->input, terminal->input_length);

  terminal->input_length -= taken;
  memmove (terminal->input, terminal->input + taken, terminal->input_length);
}

static gboolean
retry_cb (void *data)
{
  Terminal *terminal = data;

  offer_input (terminal);
  if (terminal->input_length > 0)
    return G_SOURCE_CONTINUE;
  terminal->retry_source = 0;
  watch_input (terminal);
  return G_SOURCE_REMOVE;
}

// Takes the escape sequences out of what was read; at most two bytes come of each.
static void
filter_input (Terminal *terminal, const uint8_t *bytes, size_t length)
{
  for (size_t i = 0; i < length; i++) {
    uint8_t byte = bytes[i];

    if (!terminal->escaped && byte == ESCAPE) {
      terminal->escaped = true;
      continue;
    }
    if (terminal->escaped && (byte == 'x' || byte == 'X')) {
      terminal->escaped = false;
      terminal->ops->leave (terminal->data);
      continue;
    }
    // Ctrl-A twice is Ctrl-A for the guest; before anything else it stands for itself.
    if (terminal->escaped && byte != ESCAPE && byte != 'a')
      terminal->input[terminal->input_length++] = ESCAPE;
    terminal->input[terminal->input_length++] = terminal->escaped && byte == 'a' ? ESCAPE : byte;
    terminal->escaped = false;
  }
}

static gboolean
input_cb (int fd, GIOCondition condition, void *data)
{
  Terminal *terminal = data;
  uint8_t bytes[INPUT_BYTES / 2];
  ssize_t got = read (fd, bytes, sizeof bytes);

  if (got < 0 && (errno == EINTR || errno == EAGAIN))
    return G_SOURCE_CONTINUE;
  if (got > 0) {
    filter_input (terminal, bytes, (size_t) got);
    offer_input (terminal);
    if (terminal->input_length == 0)
      return G_SOURCE_CONTINUE;
    // The guest is slow: what it did not take is offered again before more is read.
    terminal->retry_source = g_timeout_add (RETRY_MS, retry_cb, terminal);
  }
  // The end of input ends nothing: the machine runs on.
  terminal->input_source = 0;
  return G_SOURCE_REMOVE;
}

static void
watch_input (Terminal *terminal)
{
  terminal->input_source =
      g_unix_fd_add (STDIN_FILENO, G_IO_IN | G_IO_HUP | G_IO_ERR, input_cb, terminal);
}

// ---- life -----------------------------------------------------------------------------------

Terminal *
terminal_new (const TerminalOps *ops, void *data)
{
  Terminal *terminal = g_new0 (Terminal, 1);

  terminal->ops = ops;
  terminal->data = data;
  g_mutex_init (&terminal->output_lock);
  g_cond_init (&terminal->output_cond);
  terminal->output = g_byte_array_new ();
  // A reader that went away is an error of write, not the end of the machine.
  signal (SIGPIPE, SIG_IGN);
  set_raw_mode ();
  terminal->writer = g_thread_new ("stdout", writer_thread, terminal);
  watch_input (terminal);
  return terminal;
}

static void
end_input (Terminal *terminal)
{
  g_clear_handle_id (&terminal->input_source, g_source_remove);
  g_clear_handle_id (&terminal->retry_source, g_source_remove);
  restore_mode ();
}

void
terminal_finish (Terminal *terminal, GMainLoop *loop)
{
  end_input (terminal);
  g_mutex_lock (&terminal->output_lock);
  terminal->waiting = loop;
  terminal->closing = true;
  g_cond_broadcast (&terminal->output_cond);
  g_mutex_unlock (&terminal->output_lock);
  g_main_loop_run (loop);
}

// Whether the writer has ended, within a moment.
static bool
end_writer (Terminal *terminal)
{
  int64_t end_time = g_get_monotonic_time () + STUCK_MS * G_TIME_SPAN_MILLISECOND;
  bool waits = true;

  g_mutex_lock (&terminal->output_lock);
  terminal->waiting = NULL;
  terminal->closing = true;
  g_cond_broadcast (&terminal->output_cond);
  while (waits && !terminal->done)
    waits = g_cond_wait_until (&terminal->output_cond, &terminal->output_lock, end_time);
  g_mutex_unlock (&terminal->output_lock);
  return waits;
}

bool
terminal_free (Terminal *terminal)
{
  if (terminal == NULL)
    return true;
  end_input (terminal);
  // A writer that is stuck keeps what it uses until the process ends.
  if (!end_writer (terminal)) {
    g_thread_unref (terminal->writer);
    return false;
  }
  g_thread_join (terminal->writer);
  g_byte_array_unref (terminal->output);
  g_cond_clear (&terminal->output_cond);
  g_mutex_clear (&terminal->output_lock);
  g_free (terminal);
  return true;
}
