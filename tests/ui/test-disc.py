# SPDX-License-Identifier: GPL-3.0-or-later
"""A disc that starts by UEFI, in the window: from the firmware through GRUB to the first page of Debian's graphical
installer, which the keyboard moves on. test-disc.py TERRARIUM cd|virtio|usb…: what the disc is in."""
import json
import os
import shutil
import subprocess
import sys

from installer import find_selection
from lib import check, run, wait
from steps import BOOT_SECONDS

HERE = os.path.dirname(os.path.abspath(__file__))
HOME = os.environ["HOME"]
MACHINES = os.path.join(os.environ["XDG_DATA_HOME"], "terrarium", "machines")
GUESTS = os.environ.get("TERRARIUM_GUESTS", "")
DISC = os.path.join(HOME, "installer.iso")
DRIVES = {"cd": {"bus": "scsi", "cdrom": True}, "virtio": {}, "usb": {"bus": "usb"}}


def make_disc():
    installer = os.path.join(GUESTS, "debian-12-installer-arm64", "gtk")
    for path in (installer + "/linux", installer + "/initrd.gz", GUESTS + "/loaders-arm64/complete"):
        if not GUESTS or not os.path.exists(path):
            print(f"skipped: {path} is not there")
            sys.exit(77)
    if not shutil.which("xorriso") or not shutil.which("mformat"):
        print("skipped: xorriso or mtools are not on this computer")
        sys.exit(77)
    if not any(os.path.exists("/usr/share/" + f) for f in ("AAVMF/AAVMF_CODE.fd", "qemu-efi-aarch64/QEMU_EFI.fd")):
        print("skipped: there is no UEFI for ARM on this computer")
        sys.exit(77)
    subprocess.check_call([HERE + "/../support/make-media", "iso", GUESTS, DISC, "--kernel", installer + "/linux",
                           "--initrd", installer + "/initrd.gz", "--append", "console=tty0"])


def make_machine(drive):
    folder = os.path.join(MACHINES, "one")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    disk = {"path": DISC, "format": "raw", "read-only": True, **DRIVES[drive]}
    with open(os.path.join(folder, "machine.json"), "w") as file:
        json.dump({"version": 1, "uuid": "6d3a52a6-4d5b-4f4e-9f10-0123456789ac", "name": "One", "arch": "aarch64",
                   "accel": "auto", "cpus": 1, "memory-mib": 1024, "firmware": "uefi", "nvram": "nvram.fd",
                   "disks": [disk], "nics": [],
                   "display": {"enabled": True, "width": 800, "height": 600}}, file)


def test(app):
    app.click(app.find("One, Off", "push button"))
    display = app.find("Display of One", seconds=60)
    language = app.settled(display, find_selection, BOOT_SECONDS)
    top, bottom = find_selection(language)
    app.shoot("disc-" + drive)
    check(language.colours() > 100, f"{drive}: from the firmware to the graphical installer's first page")
    app.press("Down")
    wait("the selection to move down",
         lambda: (s := find_selection(app.picture(display))) and s[0] >= bottom - 2, 120)
    app.press("Up")
    wait("the selection to move up", lambda: (s := find_selection(app.picture(display))) and s[0] == top, 120)
    before = app.settled(display)
    app.press("Return")
    app.settled(display, lambda now: now.share_changed(before) > 0.03 and find_selection(now), 600)
    app.shoot("disc-next-" + drive)
    check(True, f"{drive}: the keyboard leads to the next page")


make_disc()
for drive in sys.argv[2:]:
    make_machine(drive)
    run(test)
