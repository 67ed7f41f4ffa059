// SPDX-License-Identifier: GPL-3.0-or-later
// UEFI shows itself on the graphics adapter: a picture that is not of one colour arrives while the
// firmware starts. Skipped without UEFI on this computer. With an argument the last picture is
// written there, for a person to look at.
#include <stdlib.h>

#include "display/headless.h"
#include "tests/support/machine.h"

static bool
has_picture (VmFrame *frame, void *data)
{
  uint32_t first = *(const uint32_t *) vm_frame_get_pixels (frame);
  unsigned others = 0;

  (void) data;
  for (unsigned y = 0; y < vm_frame_get_height (frame); y++) {
    const uint32_t *row = (const uint32_t *) (vm_frame_get_pixels (frame) +
                                              (size_t) y * vm_frame_get_stride_bytes (frame));

    for (unsigned x = 0; x < vm_frame_get_width (frame); x++)
      others += row[x] != first;
  }
  return others > 500; // text
}

int
main (int argc, char **argv)
{
  VmConfig *config = vm_config_new (VM_ARCH_AARCH64);
  DisplayHeadless *screen = display_headless_new ();
  g_autoptr (GError) error = NULL;

  g_ptr_array_set_size (config->nics, 0); // else it asks the network first, for minutes
  config->firmware = g_strdup ("uefi");
  config->display = true;
  config->display_width = 1024;
  config->display_height = 768;
  if (!vm_config_validate (config, &error)) {
    g_print ("skipped: %s\n", error->message);
    return 77;
  }
  TestMachine *tm = test_machine_new (config);
  vm_machine_set_display_sink (tm->machine, &display_headless_sink_ops, screen);
  test_machine_perform (tm, VM_OP_START);
  if (!test_machine_wait_text (tm, "Shell> "))
    g_error ("the shell did not appear:\n%s", tm->serial->str);
  if (!display_headless_wait (screen, has_picture, NULL, 600 * 1000))
    g_error ("nothing was shown");
  VmFrame *frame = display_headless_dup_frame (screen);
  if (argc > 1 && !display_headless_write_ppm (frame, argv[1], &error))
    g_error ("%s", error->message);
  vm_frame_unref (frame);
  test_machine_free (tm);
  display_headless_free (screen);
  vm_config_free (config);
  return EXIT_SUCCESS;
}
