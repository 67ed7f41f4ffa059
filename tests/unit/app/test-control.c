// SPDX-License-Identifier: GPL-3.0-or-later
// The control socket when several machines of one uuid start at the same instant, as copies of one
// bundle do: one has it, the others are refused, and whoever calls reaches the one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/model/control.h"

enum {
  CONTENDERS = 4,
  ROUNDS = 500,
};

typedef struct Contest {
  pthread_barrier_t barrier;
  VmMachine *machines[CONTENDERS];
  ControlServer *servers[CONTENDERS];
  GError *errors[CONTENDERS];
} Contest;

typedef struct Contender {
  Contest *contest;
  unsigned index;
} Contender;

static int
make_kernel (void)
{
  // b . + 64; "ARM\x64"; wfi; b . - 4
  const uint32_t words[20] = {
      [0] = 0x14000010, [4] = 4096, [14] = 0x644d5241, [16] = 0xd503207f, [17] = 0x17ffffff};
  int fd = memfd_create ("kernel", MFD_CLOEXEC);

  assert_true (fd >= 0);
  assert_int_equal (write (fd, words, sizeof words), sizeof words);
  assert_int_equal (ftruncate (fd, 4096), 0);
  return fd;
}

static VmMachine *
make_machine (int kernel, const char *uuid)
{
  g_autoptr (VmConfig) config = vm_config_new (VM_ARCH_AARCH64);

  g_ptr_array_set_size (config->nics, 0);
  config->memory_bytes = 64 << 20;
  config->kernel = g_strdup_printf ("/proc/self/fd/%d", kernel);
  g_free (config->uuid);
  config->uuid = g_strdup (uuid);
  return vm_machine_new (config, NULL, NULL);
}

static void *
contend (void *data)
{
  const Contender *me = data;
  Contest *contest = me->contest;
  g_autoptr (GMainContext) context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  for (unsigned round = 0; round < ROUNDS; round++) {
    ControlServer **server = &contest->servers[me->index];
    pthread_barrier_wait (&contest->barrier);
    *server = control_server_new (contest->machines[me->index], &contest->errors[me->index]);
    pthread_barrier_wait (&contest->barrier);
    // The judge looks.
    pthread_barrier_wait (&contest->barrier);
    g_clear_pointer (server, control_server_free);
  }
  g_main_context_pop_thread_default (context);
  return NULL;
}

static bool
can_connect (const char *path)
{
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) connection =
      g_socket_client_connect (client, G_SOCKET_CONNECTABLE (address), NULL, NULL);

  return connection != NULL;
}

// Threads wait for the judge, so what is wrong is only counted here.
static unsigned
judge (Contest *contest, const char *path)
{
  unsigned n_served = 0, n_refused = 0;

  for (unsigned i = 0; i < CONTENDERS; i++) {
    n_served += contest->servers[i] != NULL;
    n_refused += g_error_matches (contest->errors[i], G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
    g_clear_error (&contest->errors[i]);
  }
  return n_served == 1 && n_refused == CONTENDERS - 1 && can_connect (path) ? 0 : 1;
}

static void
test_one_of_many (void **state)
{
  g_autofree char *folder = g_dir_make_tmp ("control-XXXXXX", NULL);
  g_autofree char *uuid = g_uuid_string_random ();
  g_autofree char *below = g_build_filename (folder, "terrarium", NULL);
  g_autofree char *path = g_strdup_printf ("%s/%s.sock", below, uuid);
  Contest contest = {0};
  Contender contenders[CONTENDERS];
  GThread *threads[CONTENDERS];
  int kernel = make_kernel ();
  unsigned n_wrong = 0;

  g_setenv ("XDG_RUNTIME_DIR", folder, TRUE);
  pthread_barrier_init (&contest.barrier, NULL, CONTENDERS + 1);
  for (unsigned i = 0; i < CONTENDERS; i++) {
    contest.machines[i] = make_machine (kernel, uuid);
    assert_non_null (contest.machines[i]);
    contenders[i] = (Contender){&contest, i};
    threads[i] = g_thread_new ("contender", contend, &contenders[i]);
  }
  for (unsigned round = 0; round < ROUNDS; round++) {
    pthread_barrier_wait (&contest.barrier);
    pthread_barrier_wait (&contest.barrier);
    n_wrong += judge (&contest, path);
    pthread_barrier_wait (&contest.barrier);
  }
  for (unsigned i = 0; i < CONTENDERS; i++) {
    g_thread_join (threads[i]);
    g_object_unref (contest.machines[i]);
  }
  assert_int_equal (n_wrong, 0);
  // Nothing is left beside the socket that is gone.
  assert_int_equal (g_rmdir (below), 0);
  assert_int_equal (g_rmdir (folder), 0);
  pthread_barrier_destroy (&contest.barrier);
  close (kernel);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test (test_one_of_many)};

  return cmocka_run_group_tests (tests, NULL, NULL);
}
