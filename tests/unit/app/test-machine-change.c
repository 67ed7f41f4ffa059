// SPDX-License-Identifier: GPL-3.0-or-later
// Changes that a window asks for before those it asked for earlier are done: none is lost, none meets
// another's lock, and they are made in their order; so are those that are asked for when one is
// done. The machine is one of the test's: off, with a bundle.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "app/model/machine-change.h"

enum { CHANGES = 30 };

struct _TerrariumMachine {
  GObject parent;
  Bundle *bundle;
  unsigned n_reloads;
};

G_DEFINE_FINAL_TYPE (TerrariumMachine, terrarium_machine, G_TYPE_OBJECT)

static void
terrarium_machine_class_init (TerrariumMachineClass *class)
{
}

static void
terrarium_machine_init (TerrariumMachine *machine)
{
}

VmMachine *
terrarium_machine_get_vm (TerrariumMachine *machine)
{
  return NULL;
}

Running *
terrarium_machine_get_running (TerrariumMachine *machine)
{
  return NULL;
}

SavedKind
terrarium_machine_get_saved (TerrariumMachine *machine, char **why)
{
  return SAVED_NONE;
}

Bundle *
terrarium_machine_get_bundle (TerrariumMachine *machine)
{
  return machine->bundle;
}

void
terrarium_machine_reload (TerrariumMachine *machine)
{
  machine->n_reloads++;
}

static void
changed_cb (GObject *source, GAsyncResult *result, void *data)
{
  unsigned *next = data;
  g_autoptr (GError) error = NULL;

  if (!terrarium_machine_change_finish ((TerrariumMachine *) source, result, &error))
    fail_msg ("%s", error->message);
  g_autoptr (Bundle) now = bundle_load (((TerrariumMachine *) source)->bundle->path);
  unsigned number = 0;
  assert_int_equal (sscanf (now->config->name, "M%u", &number), 1);
  // The next may be there already.
  assert_true (number >= *next);
  ++*next;
}

typedef struct Place {
  char *root;
  TerrariumMachine *machine;
} Place;

static Place
make_place (void)
{
  Place place = {g_dir_make_tmp ("terrarium-changes-XXXXXX", NULL),
                 g_object_new (terrarium_machine_get_type (), NULL)};
  g_autofree char *kernel = g_build_filename (place.root, "kernel", NULL);
  g_autoptr (VmConfig) config = vm_config_new (VM_ARCH_AARCH64);

  assert_true (g_file_set_contents (kernel, "kernel", -1, NULL));
  g_free (config->name);
  config->name = g_strdup ("M");
  config->kernel = g_strdup (kernel);
  place.machine->bundle = bundle_create (place.root, config, false, NULL, NULL, NULL, NULL);
  assert_non_null (place.machine->bundle);
  return place;
}

static void
end_place (Place *place)
{
  g_autofree char *remove = g_strdup_printf ("rm -r '%s'", place->root);

  assert_int_equal (system (remove), 0);
  bundle_free (place->machine->bundle);
  g_object_unref (place->machine);
  g_free (place->root);
}

static void
ask_for (TerrariumMachine *machine, unsigned number, GAsyncReadyCallback callback, unsigned *next)
{
  g_autofree char *name = g_strdup_printf ("M%u", number);

  terrarium_machine_change_async (machine, &(Change){.kind = CHANGE_NAME, .text = name}, false,
                                  callback, next);
}

static void
check_all_made (Place *place)
{
  g_autoptr (Bundle) last = bundle_load (place->machine->bundle->path);

  assert_int_equal (place->machine->n_reloads, CHANGES);
  assert_string_equal (last->config->name, "M29");
}

static void
test_asked_at_once (void **state)
{
  Place place = make_place ();
  unsigned next = 0;

  (void) state;
  for (unsigned i = 0; i < CHANGES; i++)
    ask_for (place.machine, i, changed_cb, &next);
  while (next < CHANGES)
    g_main_context_iteration (NULL, TRUE);
  check_all_made (&place);
  end_place (&place);
}

static void
ask_again_cb (GObject *source, GAsyncResult *result, void *data)
{
  unsigned *next = data;

  changed_cb (source, result, data);
  if (*next < CHANGES)
    ask_for ((TerrariumMachine *) source, *next, ask_again_cb, next);
}

static void
test_asked_when_done (void **state)
{
  Place place = make_place ();
  unsigned next = 0;

  (void) state;
  ask_for (place.machine, 0, ask_again_cb, &next);
  while (next < CHANGES)
    g_main_context_iteration (NULL, TRUE);
  check_all_made (&place);
  end_place (&place);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test (test_asked_at_once),
                                     cmocka_unit_test (test_asked_when_done)};

  return cmocka_run_group_tests (tests, NULL, NULL);
}
