// SPDX-License-Identifier: GPL-3.0-or-later
/* The smallest userland for boot timing: say so on the console, then power off
 * (or, with "stay" on the kernel command line, idle). */
#include <fcntl.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>
int
main (int argc, char **argv)
{
  int stay = 0;
  for (int i = 1; i < argc; i++)
    stay |= !strcmp (argv[i], "stay");
  static const char m[] = "USERSPACE-UP\n";
  if (write (1, m, sizeof m - 1) < 0) {
    int f = open ("/dev/console", O_WRONLY);
    (void) !write (f, m, sizeof m - 1);
  }
  while (stay)
    pause ();
  sync ();
  reboot (RB_POWER_OFF);
  return 0;
}
