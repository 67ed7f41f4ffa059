# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines from CDs and disk images: one that is dropped on the window starts after three clicks;
what is for other processors is said to be; a disk of another program is converted."""
import json
import os
import shutil
import subprocess
import sys

import media
from lib import Failure, Skip, check, run, text_of, wait, xdotool
from steps import wait_transcript, wizard_page

HOME = os.environ["HOME"]
MACHINES = os.path.join(os.environ["XDG_DATA_HOME"], "terrarium", "machines")
ARM, X86, DATA, DISK, VMDK, LETTER = (os.path.join(HOME, name) for name in
                                      ("tiny.iso", "other.iso", "data.iso", "disk.raw", "disk.vmdk", "letter.txt"))


def make():
    if not any(os.path.exists("/usr/share/" + f) for f in ("AAVMF/AAVMF_CODE.fd", "qemu-efi-aarch64/QEMU_EFI.fd")):
        print("skipped: there is no UEFI for ARM on this computer")
        sys.exit(77)
    media.write_iso(ARM, "Tiny 1.0 arm64", media.ARM)
    media.write_iso(X86, "Tiny 1.0 amd64", media.X86)
    media.write_iso(DATA, "Holiday", None)
    media.write_disk(DISK, media.ARM)
    with open(LETTER, "w") as file:
        file.write("This is no image.\n" * 300)


def described(folder):
    with open(os.path.join(MACHINES, folder, "machine.json")) as file:
        return json.load(file)


def says(app, *parts):
    def probe():
        return any(all(part in (n.get_name() or "") for part in parts) for n in app.all())

    wait(f"a text with {parts}", probe)


def open_from_outside(app, path):
    """As a file manager would: the running application takes it."""
    done = subprocess.run([sys.argv[1], path], timeout=60)
    check(done.returncode == 0, f"{os.path.basename(path)} is handed over")


def three_clicks(app):
    app.click(app.find("Next", "push button"))
    wizard_page(app, "What the machine may use while it runs")
    app.click(app.find("Next", "push button"))
    wizard_page(app, "Expected speed")


def runs(app, name):
    app.find(f"Display of {name}")
    app.click(app.find("Serial Console", "page tab"))
    app.click(app.find("Transcript", "push button"))
    wait_transcript(app, "READY", 300)
    app.click(app.find("Transcript", "push button"))


def force_off(app):
    app.click(app.find("Machine menu", "push button"))
    app.act(app.find("Force Off…", "menu item"))
    app.act(app.find("Force Off", "push button"))
    app.find("It was forced off.", "label")
    app.click(app.find("Back to the library", "push button"))


def drop(app, path):
    """Drags the file from another window to the library."""
    helper = os.path.join(os.path.dirname(os.path.abspath(__file__)), "drag-source.py")
    source = subprocess.Popen(["/usr/bin/python3", "-W", "ignore", helper, path])

    def probe():
        found = subprocess.run(["xdotool", "search", "--onlyvisible", "--name", "^Drag Source$"], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.split()
        return found[-1] if found else None
    try:
        window = wait("the window to drag from", probe)
        xdotool("windowmove", window, 0, 0, "sleep", 1)
        _, x, y, width, height = app.x_window("Terrarium")
        to_x, to_y = x + width // 2, y + height * 3 // 4
        xdotool("mousemove", 60, 90, "sleep", 0.3, "mousedown", 1)
        for step in range(12):
            xdotool("mousemove", 60 + (to_x - 60) * step // 11, 90 + (to_y - 90) * step // 11, "sleep", 0.15)
        # What the window says to it takes its time on a busy machine.
        xdotool("sleep", 2, "mouseup", 1)
        app.find("CD or disk image", "text", seconds=20)
    finally:
        source.terminate()
        source.wait()


def try_drop(app, path):
    try:
        drop(app, path)
        return True
    except Failure:
        return False


def disc(app):
    app.find("Machines you make live here.", "label")
    wait("the dropped file to be taken", lambda: try_drop(app, ARM), 300)
    app.find("Tiny 1.0 arm64", "label")
    says(app, "CD or DVD", "starts by UEFI: ARM (64 bits)")
    app.shoot("disc")
    three_clicks(app)
    says(app, ARM, "stays where it is")
    app.shoot("disc-review")
    app.click(app.find("Create and Start", "push button"))
    runs(app, "Tiny 1.0 arm64")
    app.shoot("disc-runs")
    check(True, "an ISO starts after a drop and three clicks")
    machine = described("tiny-1-0-arm64")
    disk, drive = machine["disks"]
    check(machine["firmware"] == "uefi" and machine["nvram"] == "nvram.fd" and disk["format"] == "qcow2"
          and disk["path"] == "disk0.qcow2" and drive["path"] == ARM and drive["cdrom"],
          "it has firmware with variables, a new disk, and the disc in a drive")
    check(machine["boot-order"] == ["disk0", "disk1"], "what is installed will start first")
    force_off(app)


def foreign(app):
    open_from_outside(app, X86)
    app.find("Tiny 1.0 amd64", "label")
    says(app, "starts by UEFI: x86 (64 bits)")
    app.find("This is not for ARM processors", "label")
    app.shoot("foreign")
    check(True, "a disc for other processors is said to be one")
    # Another file takes its place.
    open_from_outside(app, DATA)
    app.find("Holiday", "label")
    app.find("No loader for ARM was found", "label")
    check(next(app.all("This is not for ARM processors", "label"), None) is None, "one wizard for all files")
    app.click(app.find("Starts by", "combo box"))
    app.find("A Linux kernel from a file", "label")
    app.press("Down", "Return")
    app.find("Kernel file", "text")
    app.click(app.find("Next", "push button"))
    says(app, "No kernel is chosen")
    app.shoot("needs-kernel")
    check(True, "what does not start by itself can be given a kernel")


def wrong(app):
    entry = app.find("CD or disk image", "text")
    for path in (LETTER, "/nowhere/at-all.iso"):
        app.fill(entry, path)
        app.click(app.find("Next", "push button"))
        says(app, path, ".")
        app.find("CD or disk image", "text")
    app.shoot("wrong")
    check(True, "a file that is no image is said to be none")


def disk(app):
    entry = app.find("CD or disk image", "text")
    if not shutil.which("qemu-img"):
        raise Skip("qemu-img is not installed")
    subprocess.run(["qemu-img", "convert", "-O", "vmdk", DISK, VMDK], check=True)
    app.fill(entry, VMDK)
    says(app, "Disk image of VMware (VMDK)", "starts by UEFI: ARM (64 bits)")
    check(next(app.all("Use the disk image in place"), None) is None, "it cannot be used in place")
    app.shoot("disk")
    three_clicks(app)
    says(app, VMDK, "is converted to qcow2")
    app.shoot("disk-review")
    name = app.find("Name", "text")
    check(text_of(name) == "disk", "its name is the file's")
    app.fill(name, "Imported")
    app.click(app.find("Create and Start", "push button"))
    runs(app, "Imported")
    only, = described("imported")["disks"]
    check(only["path"] == "disk0.qcow2" and only["format"] == "qcow2", "the disk was converted")
    force_off(app)
    compared = subprocess.run(["qemu-img", "compare", DISK, os.path.join(MACHINES, "imported", "disk0.qcow2")])
    check(compared.returncode == 0, "it holds the same")


def test(app):
    disc(app)
    foreign(app)
    wrong(app)
    disk(app)
    app.press("ctrl+q")
    check(app.wait_exit(60) == 0, "the end")


make()
run(test, TERRARIUM_SAMPLES="/nowhere")
