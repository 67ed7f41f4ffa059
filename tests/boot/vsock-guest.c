// SPDX-License-Identifier: GPL-3.0-or-later
// The vsock test's guest, its only program: sends 1 MiB to port 5000 of the host and checks that it
// comes back, finds nobody at 5001, then serves port 6000: whatever comes goes back, a connection
// after the other. One that ends otherwise than by the host's word is told of.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

enum { BYTES = 1 << 20 };

static void
fail (const char *what)
{
  printf ("VSOCK-FAIL %s: %s\n", what, strerror (errno));
  sync ();
  reboot (RB_POWER_OFF);
}

static void
load_modules (void)
{
  char name[256], path[300];
  FILE *order = fopen ("/mod/order", "r");

  while (order != NULL && fscanf (order, "%255s", name) == 1) {
    snprintf (path, sizeof path, "/mod/%s", name);
    int fd = open (path, O_RDONLY);
    if (fd < 0 || syscall (SYS_finit_module, fd, "", 0) != 0)
      fail (path);
    close (fd);
  }
}

static int
connect_to (unsigned port)
{
  const struct sockaddr_vm address = {
      .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = port};
  int fd = socket (AF_VSOCK, SOCK_STREAM, 0);

  if (fd < 0)
    fail ("socket");
  if (connect (fd, (const struct sockaddr *) &address, sizeof address) == 0)
    return fd;
  close (fd);
  return -1;
}

// Both ways at once: neither side may have room for all of it.
static void
echo_all (int fd)
{
  static unsigned char out[BYTES], in[BYTES];
  size_t sent = 0, got = 0;

  for (size_t i = 0; i < BYTES; i++)
    out[i] = (unsigned char) (i * 7 + (i >> 11));
  while (got < BYTES) {
    struct pollfd p = {fd, POLLIN | (sent < BYTES ? POLLOUT : 0), 0};
    poll (&p, 1, -1);
    ssize_t n = p.revents & POLLOUT ? send (fd, out + sent, BYTES - sent, MSG_DONTWAIT) : 0;
    if (n > 0)
      sent += (size_t) n;
    if (sent == BYTES && n > 0)
      shutdown (fd, SHUT_WR);
    n = p.revents & POLLIN ? recv (fd, in + got, BYTES - got, MSG_DONTWAIT) : 0;
    if (n > 0)
      got += (size_t) n;
    else if ((p.revents & POLLIN) && n == 0)
      fail ("the end came early");
  }
  if (memcmp (in, out, BYTES) != 0)
    fail ("other bytes came back");
  if (recv (fd, in, 1, 0) != 0)
    fail ("no end");
}

static void
serve (int listener)
{
  static char buffer[65536];
  int fd = accept (listener, NULL, NULL);
  ssize_t n;

  if (fd < 0)
    fail ("accept");
  printf ("VSOCK-ACCEPTED\n");
  while ((n = recv (fd, buffer, sizeof buffer, 0)) > 0)
    for (ssize_t done = 0; done < n;) {
      ssize_t m = send (fd, buffer + done, (size_t) (n - done), 0);
      if (m <= 0)
        break;
      done += m;
    }
  printf ("VSOCK-ENDED %s\n", n == 0 ? "well" : strerror (errno));
  close (fd);
}

int
main (void)
{
  const struct sockaddr_vm address = {
      .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = 6000};

  mkdir ("/dev", 0755);
  mount ("d", "/dev", "devtmpfs", 0, NULL);
  int console = open ("/dev/console", O_RDWR);
  dup2 (console, 0), dup2 (console, 1), dup2 (console, 2);
  setvbuf (stdout, NULL, _IONBF, 0);
  load_modules ();
  int fd = connect_to (5000);
  if (fd < 0)
    fail ("connect");
  echo_all (fd);
  close (fd);
  printf ("VSOCK-ECHOED\n");
  if (connect_to (5001) >= 0)
    fail ("somebody listens");
  printf ("VSOCK-REFUSED %s\n", strerror (errno));
  int listener = socket (AF_VSOCK, SOCK_STREAM, 0);
  if (bind (listener, (const struct sockaddr *) &address, sizeof address) != 0 ||
      listen (listener, 8) != 0)
    fail ("listen");
  printf ("VSOCK-LISTENS\n");
  for (unsigned i = 0; i < 3; i++)
    serve (listener);
  printf ("VSOCK-OK\n");
  reboot (RB_POWER_OFF);
}
