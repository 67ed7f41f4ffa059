// SPDX-License-Identifier: GPL-3.0-or-later
// Memory mapped from a file that is cut short: it reads as zeroes, whoever has to be told is, and
// everything else that is wrong still ends the process.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/mem/ram.h"

enum {
  BYTES = 1 << 20,
  CHUNK = 64 << 10,
};

typedef struct Setup {
  VmRam *ram;
  int fd;
  unsigned n_lost;
} Setup;

static void
count (void *data)
{
  Setup *setup = data;
  setup->n_lost++;
}

static void
set_up (Setup *setup)
{
  uint64_t filled[BYTES / CHUNK];
  g_autofree uint8_t *bytes = g_malloc (BYTES);
  memset (bytes, 0x5a, BYTES);
  memset (filled, 0xff, sizeof filled);
  *setup = (Setup){.fd = memfd_create ("memory", MFD_CLOEXEC)};
  assert_int_equal (write (setup->fd, bytes, BYTES), BYTES);
  setup->ram = vm_ram_new (0, BYTES, NULL);
  vm_ram_set_loss_handler (setup->ram, count, setup);
  assert_int_equal (vm_ram_map_file (setup->ram, setup->fd, 0, CHUNK, filled), 0);
}

static void
tear_down (Setup *setup)
{
  vm_ram_free (setup->ram);
  close (setup->fd);
}

static uint8_t
read_byte (const Setup *setup, size_t at)
{
  return *(volatile uint8_t *) (vm_ram_get_host (setup->ram) + at);
}

static void
test_lost (void **state)
{
  Setup setup;
  set_up (&setup);
  volatile uint8_t *host = vm_ram_get_host (setup.ram);
  assert_int_equal (ftruncate (setup.fd, CHUNK), 0);
  assert_int_equal (read_byte (&setup, 0), 0x5a);
  assert_false (vm_ram_is_lost (setup.ram));
  assert_int_equal (setup.n_lost, 0);
  assert_int_equal (read_byte (&setup, CHUNK + 5), 0);
  assert_true (vm_ram_is_lost (setup.ram));
  assert_int_equal (setup.n_lost, 1);
  host[3 * CHUNK] = 7;
  assert_int_equal (read_byte (&setup, 3 * CHUNK), 7);
  assert_int_equal (setup.n_lost, 2);
  // With other contents it is good again.
  vm_ram_clear (setup.ram);
  assert_false (vm_ram_is_lost (setup.ram));
  assert_int_equal (read_byte (&setup, 0), 0);
  tear_down (&setup);
}

// Each with memory of its own.
static void
test_several (void **state)
{
  Setup setups[3];
  for (size_t i = 0; i < G_N_ELEMENTS (setups); i++)
    set_up (&setups[i]);
  assert_int_equal (ftruncate (setups[1].fd, 0), 0);
  for (size_t i = 0; i < G_N_ELEMENTS (setups); i++) {
    assert_int_equal (read_byte (&setups[i], 100), i == 1 ? 0 : 0x5a);
    assert_int_equal (setups[i].n_lost, i == 1);
  }
  for (size_t i = 0; i < G_N_ELEMENTS (setups); i++)
    tear_down (&setups[i]);
}

// How a process ends that does this.
static int
signal_of (void (*fn) (void))
{
  int status;
  pid_t child = fork ();
  if (child == 0) {
    fn ();
    _exit (0);
  }
  assert_int_equal (waitpid (child, &status, 0), child);
  return WIFSIGNALED (status) ? WTERMSIG (status) : 0;
}

static void
touch_other (void)
{
  int fd = memfd_create ("other", MFD_CLOEXEC);
  uint8_t *other = mmap (NULL, CHUNK, PROT_READ, MAP_PRIVATE, fd, 0);
  Setup setup;
  signal (SIGBUS, SIG_DFL); // in place of the test's own
  set_up (&setup);
  (void) *(volatile uint8_t *) other;
}

static void
send_signal (void)
{
  Setup setup;
  signal (SIGBUS, SIG_DFL);
  set_up (&setup);
  raise (SIGBUS);
}

static void
test_others (void **state)
{
  assert_int_equal (signal_of (touch_other), SIGBUS);
  assert_int_equal (signal_of (send_signal), SIGBUS);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_others),
      cmocka_unit_test (test_lost),
      cmocka_unit_test (test_several),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
