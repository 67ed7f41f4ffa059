// SPDX-License-Identifier: GPL-3.0-or-later
// test-vsock KERNEL INITRD PATH: a guest (vsock-guest.c) and UNIX sockets talk to each other, both
// ways; a machine that is moved loses its connections and says so.
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/machine.h"

static void
expect (TestMachine *tm, const char *text)
{
  if (test_machine_wait_text (tm, text))
    return;
  g_printerr ("%s\n", tm->serial->str);
  g_error ("“%s” did not come", text);
}

static int
make_socket (const char *path, bool listens)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  int code = listens ? bind (fd, (struct sockaddr *) &address, sizeof address)
                     : connect (fd, (struct sockaddr *) &address, sizeof address);
  if (code < 0 || (listens && listen (fd, 4) < 0))
    g_error ("%s: %s", path, g_strerror (errno));
  return fd;
}

// What comes goes back, slowly enough that both sides run out of credit; then the end.
static void *
echo (void *data)
{
  int fd = accept (GPOINTER_TO_INT (data), NULL, NULL);
  char buffer[5000];
  ssize_t n;

  while ((n = recv (fd, buffer, sizeof buffer, 0)) > 0)
    for (ssize_t done = 0, m; done < n; done += m)
      if ((m = send (fd, buffer + done, (size_t) (n - done), 0)) <= 0)
        g_error ("send");
  close (fd);
  return NULL;
}

static void
read_text (int fd, char *to, size_t length)
{
  for (size_t done = 0; done < length;) {
    ssize_t n = recv (fd, to + done, length - done, 0);
    if (n <= 0)
      g_error ("it ended");
    done += (size_t) n;
  }
}

// Connects to a port of the guest; the machine runs on threads of its own.
static int
call (const char *path, const char *line)
{
  int fd = make_socket (path, false);

  if (send (fd, line, strlen (line), 0) != (ssize_t) strlen (line))
    g_error ("send");
  return fd;
}

static int
call_6000 (const char *path)
{
  int fd = call (path, "CONNECT 6000\nhello");
  char c = 0, text[6] = {0};

  read_text (fd, text, 3);
  g_assert_cmpstr (text, ==, "OK ");
  while (c != '\n')
    read_text (fd, &c, 1);
  read_text (fd, text, 5);
  g_assert_cmpstr (text, ==, "hello");
  return fd;
}

int
main (int argc, char **argv)
{
  g_autoptr (VmConfig) config = vm_config_new (VM_ARCH_AARCH64);
  char c;

  if (argc != 4)
    g_error ("wrong arguments");
  g_autofree char *at_5000 = g_strconcat (argv[3], "_5000", NULL);
  int listener = make_socket (at_5000, true);
  GThread *thread = g_thread_new ("echo", echo, GINT_TO_POINTER (listener));
  g_ptr_array_set_size (config->nics, 0);
  config->kernel = g_strdup (argv[1]);
  config->initrd = g_strdup (argv[2]);
  config->vsock = g_strdup (argv[3]);
  config->cmdline = g_strdup ("console=ttyAMA0 quiet");
  TestMachine *tm = test_machine_new (config);
  test_machine_perform (tm, VM_OP_START);
  expect (tm, "VSOCK-ECHOED");
  expect (tm, "VSOCK-REFUSED Connection reset");
  g_thread_join (thread);
  expect (tm, "VSOCK-LISTENS");
  int fd = call_6000 (argv[3]);
  shutdown (fd, SHUT_WR);
  g_assert_cmpint (recv (fd, &c, 1, 0), ==, 0);
  close (fd);
  expect (tm, "VSOCK-ENDED well");
  fd = call (argv[3], "CONNECT 6001\n"); // nobody there
  g_assert_cmpint (recv (fd, &c, 1, 0), ==, 0);
  close (fd);
  fd = call (argv[3], "nonsense that is far longer than any line has to be\n");
  g_assert_cmpint (recv (fd, &c, 1, 0), <=, 0);
  close (fd);
  // A pause does a connection no harm, moving ends it.
  fd = call_6000 (argv[3]);
  test_machine_perform (tm, VM_OP_PAUSE);
  g_assert_cmpint (send (fd, "x", 1, 0), ==, 1);
  test_machine_perform (tm, VM_OP_RESUME);
  read_text (fd, &c, 1);
  tm = test_machine_transplant (tm);
  g_assert_cmpint (recv (fd, &c, 1, 0), <=, 0);
  close (fd);
  expect (tm, "VSOCK-ENDED Connection reset");
  close (call_6000 (argv[3]));
  expect (tm, "VSOCK-OK");
  g_assert_true (test_machine_wait_stopped (tm));
  test_machine_free (tm);
  g_assert_false (g_file_test (argv[3], G_FILE_TEST_EXISTS));
  close (listener);
  unlink (at_5000);
  return 0;
}
