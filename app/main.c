// SPDX-License-Identifier: GPL-3.0-or-later
// The `terrarium` executable: hands over to a subcommand, or to the application when there is
// none. Links the engine and GLib only, so that subcommands start in milliseconds.
#include <fcntl.h>
#include <glib/gi18n.h>
#include <string.h>
#include <unistd.h>

#include "app/cli/attach.h"
#include "app/cli/clone.h"
#include "app/cli/complain.h"
#include "app/cli/doctor.h"
#include "app/cli/image.h"
#include "app/cli/machines.h"
#include "app/cli/media.h"
#include "app/cli/memory.h"
#include "app/cli/renderer.h"
#include "app/cli/run.h"
#include "app/cli/snapshot.h"
#include "app/language.h"
#include "app/module-load.h"

static const struct Command {
  const char *name;
  int (*run) (int argc, char **argv); // argv[0] is the subcommand's name
  const char *what;                   // NULL: not listed
} commands[] = {
    {"run", cli_run, N_ ("start a machine described by options")},
    {"list", cli_list, N_ ("list the machines kept on this computer")},
    {"info", cli_info, N_ ("show what a machine is and does")},
    {"start", cli_start, N_ ("start a machine")},
    {"stop", cli_stop, N_ ("press a machine's power button, or pull the plug")},
    {"pause", cli_pause, N_ ("pause a machine")},
    {"resume", cli_resume, N_ ("let a paused machine go on")},
    {"save", cli_save, N_ ("save a machine's state and end it")},
    {"restore", cli_restore, N_ ("let a saved machine go on")},
    {"clone", cli_clone, N_ ("make another machine of one")},
    {"rename", cli_rename, N_ ("give a machine another name")},
    {"attach", cli_attach,
     N_ ("put a disk or a network adapter into a machine, also a running one")},
    {"detach", cli_detach, N_ ("take it out again")},
    {"memory", cli_memory, N_ ("let a running machine make do with less memory")},
    {"media", cli_media, N_ ("show and change the discs in a machine's drives")},
    {"snapshot", cli_snapshot, N_ ("keep machines as they are, and go back to that")},
    {"image", cli_image, N_ ("make, look into, check, convert and resize disk images")},
    {"doctor", cli_doctor, N_ ("check whether this computer has what machines want")},
    {"serve", cli_serve, NULL},
    {"renderer", cli_renderer, NULL},
};

static void
print_help (void)
{
  g_print ("%s\n  terrarium                 %s\n  terrarium FILE            %s\n"
           "  terrarium COMMAND …\n\n%s\n",
           _ ("Usage:"), _ ("opens the application"),
           _ ("makes a machine from an ISO, a disk image or a kernel"), _ ("Commands:"));
  for (size_t i = 0; i < G_N_ELEMENTS (commands); i++)
    if (commands[i].what != NULL)
      g_print ("  %-8s %s\n", commands[i].name, _ (commands[i].what));
  g_print ("\n%s\n", _ ("“terrarium COMMAND --help” tells more of a command."));
}

G_GNUC_PRINTF (1, 0)
static int
fail_usage (const char *format, const char *word)
{
  g_autofree char *sentence = g_strdup_printf (format, word);

  return cli_fail_usage (NULL, sentence);
}

// A command of the same name comes first; a file of that name can be given as ./NAME.
static bool
is_file (const char *argument)
{
  return g_str_has_prefix (argument, "file://") || strchr (argument, '/') != NULL ||
         g_file_test (argument, G_FILE_TEST_EXISTS);
}

static int
run_command (int argc, char **argv)
{
  for (size_t i = 0; i < G_N_ELEMENTS (commands); i++)
    if (strcmp (argv[1], commands[i].name) == 0)
      return commands[i].run (argc - 1, argv + 1);
  if (is_file (argv[1]))
    return module_run_application (argc, argv);
  return fail_usage (_ ("There is no command “%s”; see “terrarium --help”."), argv[1]);
}

// Whoever started us may have closed stdin, stdout or stderr. A disk must not be opened in its place
// and then be written to as if it were the console.
static void
open_missing_standard_files (void)
{
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl (fd, F_GETFD) < 0 && open ("/dev/null", O_RDWR) != fd)
      _exit (1);
}

int
main (int argc, char **argv)
{
  open_missing_standard_files ();
  language_init ();
  g_set_prgname ("terrarium");

  if (argc > 1 && (strcmp (argv[1], "--help") == 0 || strcmp (argv[1], "-h") == 0)) {
    print_help ();
    return 0;
  }
  if (argc > 1 && strcmp (argv[1], "--version") == 0) {
    g_print ("terrarium %s\n", TERRARIUM_VERSION);
    return 0;
  }
  // As the session bus starts it.
  if (argc == 2 && strcmp (argv[1], "--gapplication-service") == 0)
    return module_run_application (argc, argv);
  if (argc > 1 && argv[1][0] == '-')
    return fail_usage (_ ("There is no option “%s”; see “terrarium --help”."), argv[1]);
  if (argc > 1)
    return run_command (argc, argv);
  return module_run_application (argc, argv);
}
