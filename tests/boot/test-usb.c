// SPDX-License-Identifier: GPL-3.0-or-later
// USB in a real guest that has no drivers for virtio's input devices: what it finds, and that it
// hears of keys and the pointer, also after it was moved to another machine; and a disk it reads and
// writes. argv[1]: its initramfs. argv[2]: the disk, 4 MiB.
#include <linux/input-event-codes.h>

#include "tests/support/machine.h"

static void
expect (TestMachine *tm, const char *text)
{
  if (!test_machine_wait_text (tm, text))
    g_error ("no \"%s\":\n%s", text, tm->serial->str);
}

static void
press (TestMachine *tm, unsigned key)
{
  vm_machine_send_key (tm->machine, key, true);
  vm_machine_send_key (tm->machine, key, false);
}

static void
check_disk (TestMachine *tm, const char *disk)
{
  g_autofree char *bytes = NULL;
  gsize length;

  if (!g_file_get_contents (disk, &bytes, &length, NULL))
    g_error ("the disk is gone");
  g_autofree char *sum =
      g_compute_checksum_for_data (G_CHECKSUM_MD5, (const guchar *) bytes, 1 << 20);
  g_autofree char *line = g_strdup_printf ("DISK 4 1 %s", sum);
  expect (tm, line);
  expect (tm, "WRITTEN");
  g_free (g_steal_pointer (&bytes));
  if (!g_file_get_contents (disk, &bytes, &length, NULL))
    g_error ("the disk is gone");
  for (unsigned i = 0; i < 1 << 16; i++)
    if (bytes[(1 << 20) + i] != "terrarium\n"[i % 10])
      g_error ("byte %u of what was written is not there", i);
}

int
main (int argc, char **argv)
{
  VmConfig *config = vm_config_new (VM_ARCH_AARCH64);

  config->kernel = test_guest_file ("vmlinuz-arm64");
  config->initrd = g_strdup (argv[1]);
  config->cmdline = g_strdup ("console=ttyAMA0");
  config->display = true;
  vm_config_add_disk (config, argv[2], false)->bus = VM_DISK_USB;
  TestMachine *tm = test_machine_new (config);
  test_machine_perform (tm, VM_OP_START);
  expect (tm, "KEYBOARD READY");
  static const char *const found[] = {
      "USB 1af4:1001 12 USB Keyboard", "USB 1af4:1002 12 USB Tablet", "INTERFACE 03 usbhid",
      "USB 1af4:1003 5000 USB Disk",   "INTERFACE 08 usb-storage",    "xhci_hcd",
  };
  for (unsigned i = 0; i < G_N_ELEMENTS (found); i++)
    expect (tm, found[i]);

  press (tm, KEY_A);
  expect (tm, "KEY 30 1, 30 0");
  expect (tm, "TABLET READY");
  tm = test_machine_transplant (tm);
  vm_machine_send_position (tm->machine, 799, 300, 1599, 601); // half of it each way
  expect (tm, "POSITION 0 16384, 1 16384");
  expect (tm, "SECOND READY");
  press (tm, KEY_RIGHTSHIFT);
  expect (tm, "KEY 54 1, 54 0");
  check_disk (tm, argv[2]);
  if (!test_machine_wait_stopped (tm) || tm->reason != VM_STOP_GUEST)
    g_error ("it does not end:\n%s", tm->serial->str);
  test_machine_free (tm);
  vm_config_free (config);
  return 0;
}
