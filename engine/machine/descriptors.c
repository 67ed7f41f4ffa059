// SPDX-License-Identifier: GPL-3.0-or-later
// Looking ahead for file descriptors, so that a process near its limit says so before a machine is
// half built.
//
// Threads: the controlling thread, before the machine is built.
#include <errno.h>
#include <gio/gio.h>
#include <glib/gi18n.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/machine/machine-priv.h"

bool
machine_check_descriptors (unsigned n, GError **error)
{
  g_autofree int *fds = g_new (int, n);
  unsigned opened = 0;
  int error_number = 0;

  while (opened < n && (fds[opened] = eventfd (0, EFD_CLOEXEC)) >= 0)
    opened++;
  if (opened < n)
    error_number = errno;
  for (unsigned i = 0; i < opened; i++)
    close (fds[i]);
  if (opened == n)
    return true;
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (error_number),
               _ ("Too many files are open for another machine (%s); stop a machine or close other "
                  "programs."),
               g_strerror (error_number));
  return false;
}
