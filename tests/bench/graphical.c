// SPDX-License-Identifier: GPL-3.0-or-later
// A machine with a graphics adapter, keyboard and tablet that graphical.py looks at and types into,
// as it does with QEMU by QMP. KERNEL INITRD CMDLINE; then commands on stdin, a line each:
//   shot FILE     writes the picture to FILE: “shot”, or “none” when there is none
//   keys N        N arrow keys, pointer N: N moves; for each a line with the ms until the first
//                 picture that is another one or another position of the guest's cursor, “-” when
//                 neither came; then “end”
// At the end of stdin the machine is stopped. Main thread; the pictures come on the I/O thread.
#include <linux/input-event-codes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "display/headless.h"
#include "tests/support/machine.h"

enum {
  QUIET_MS = 300,   // without another picture, before an event
  NOISE_MAX = 100,  // waits for that
  ANSWER_MS = 2000, // after an event
  WIDTH = 1280,
  HEIGHT = 800,
};

static bool
differs (VmFrame *frame, void *data)
{
  VmFrame *before = data;
  unsigned height = vm_frame_get_height (frame);
  size_t stride = vm_frame_get_stride_bytes (frame);

  if (frame == before)
    return false;
  return height != vm_frame_get_height (before) || stride != vm_frame_get_stride_bytes (before) ||
         memcmp (vm_frame_get_pixels (frame), vm_frame_get_pixels (before), height * stride) != 0;
}

// The picture, once it stays the same.
static VmFrame *
wait_quiet (DisplayHeadless *headless)
{
  VmFrame *frame = display_headless_dup_frame (headless);

  for (int i = 0; i < NOISE_MAX && frame != NULL; i++) {
    if (!display_headless_wait (headless, differs, frame, QUIET_MS))
      break;
    vm_frame_unref (frame);
    frame = display_headless_dup_frame (headless);
  }
  return frame;
}

// In steps of a millisecond, because nobody is told of the cursor.
static bool
wait_answer (DisplayHeadless *headless, VmFrame *before, int x, int y)
{
  gint64 deadline = g_get_monotonic_time () + ANSWER_MS * 1000;
  int now_x, now_y;

  while (g_get_monotonic_time () < deadline) {
    if (display_headless_wait (headless, differs, before, 1))
      return true;
    display_headless_get_pointer (headless, &now_x, &now_y);
    if (now_x != x || now_y != y)
      return true;
  }
  return false;
}

static void
send_arrow (VmMachine *machine, unsigned i)
{
  unsigned key = i % 2 == 0 ? KEY_DOWN : KEY_UP;

  vm_machine_send_key (machine, key, true);
  vm_machine_send_key (machine, key, false);
}

static void
send_move (VmMachine *machine, unsigned i)
{
  vm_machine_send_position (machine, 400 + 50 * (i % 8), 300 + 30 * (i % 5), WIDTH, HEIGHT);
}

static void
measure (VmMachine *machine, DisplayHeadless *headless, unsigned count,
         void (*send) (VmMachine *machine, unsigned i))
{
  for (unsigned i = 0; i < count; i++) {
    g_autoptr (VmFrame) before = wait_quiet (headless);
    gint64 begin = g_get_monotonic_time ();
    int x, y;

    display_headless_get_pointer (headless, &x, &y);
    send (machine, i);
    if (before != NULL && wait_answer (headless, before, x, y))
      g_print ("%.3f\n", (double) (g_get_monotonic_time () - begin) / 1000);
    else
      g_print ("-\n");
  }
  g_print ("end\n");
}

static void
shoot (DisplayHeadless *headless, const char *path)
{
  g_autoptr (VmFrame) frame = display_headless_dup_frame (headless);
  g_autoptr (GError) error = NULL;

  if (frame != NULL && !display_headless_write_ppm (frame, path, &error))
    g_error ("%s", error->message);
  g_print ("%s\n", frame != NULL ? "shot" : "none");
}

static void
serve (VmMachine *machine, DisplayHeadless *headless)
{
  char line[4096];

  while (fgets (line, sizeof line, stdin) != NULL) {
    g_strchomp (line);
    if (g_str_has_prefix (line, "shot "))
      shoot (headless, line + strlen ("shot "));
    else if (g_str_has_prefix (line, "keys "))
      measure (machine, headless, (unsigned) atoi (line + strlen ("keys ")), send_arrow);
    else if (g_str_has_prefix (line, "pointer "))
      measure (machine, headless, (unsigned) atoi (line + strlen ("pointer ")), send_move);
    else
      g_error ("unknown command: %s", line);
  }
}

int
main (int argc, char **argv)
{
  VmConfig *config = vm_config_new (VM_ARCH_AARCH64);
  DisplayHeadless *headless = display_headless_new ();
  TestMachine *tm;

  g_assert_cmpint (argc, ==, 4);
  config->kernel = g_strdup (argv[1]);
  config->initrd = g_strdup (argv[2]);
  config->cmdline = g_strdup (argv[3]);
  config->display = true;
  config->display_width = WIDTH;
  config->display_height = HEIGHT;
  g_ptr_array_set_size (config->nics, 0);
  tm = test_machine_new (config);
  vm_machine_set_display_sink (tm->machine, &display_headless_sink_ops, headless);
  test_machine_perform (tm, VM_OP_START);
  serve (tm->machine, headless);
  test_machine_free (tm);
  display_headless_free (headless);
  vm_config_free (config);
  return EXIT_SUCCESS;
}
