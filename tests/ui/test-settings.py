# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of a machine, and its duplicate: what is changed is in machine.json at once; while the machine runs, only
discs change."""
import json
import os
import subprocess
import sys

import guest
from lib import Atspi, check, has_state, run, wait
from steps import use_menu

ONE = os.path.join(os.environ["XDG_DATA_HOME"], "terrarium", "machines", "one")
IMAGE = os.path.join(os.environ["HOME"], "image.raw")
DISC = os.path.join(os.environ["HOME"], "disc.iso")


def make():
    os.makedirs(ONE)
    guest.write(os.path.join(ONE, "kernel"))
    for path in (DISC, IMAGE):
        with open(path, "wb") as file:
            file.truncate(1 << 20)
    with open(os.path.join(ONE, "machine.json"), "w") as file:
        json.dump({"version": 1, "uuid": "6d3a52a6-4d5b-4f4e-9f10-0123456789ab", "name": "One",
                   "arch": "aarch64", "accel": "auto", "cpus": 1, "memory-mib": 256, "kernel": "kernel",
                   "disks": [], "nics": [{"forwards": []}],
                   "display": {"enabled": True, "width": 800, "height": 600}}, file)


def described():
    with open(os.path.join(ONE, "machine.json")) as file:
        return json.load(file)


def becomes(what, probe):
    wait(what, lambda: probe(described()))
    print("ok:", what, flush=True)


def spin(app, name):
    return app.find(name, "spin button")


def set_spin(app, name, value):
    x, y, _, height = app.box(spin(app, name))
    app.click_at(x + 20, y + height // 2)
    app.press("ctrl+a")
    app.type(str(value))
    app.press("Tab")


def choose(app, path):
    """In GTK's own file chooser: a path is typed."""
    app.find("Insert a Disc", seconds=60)
    app.type(path)
    app.press("Return")


def close(app, title):
    app.press("Escape")
    app.missing(title, "frame")


def off(app):
    app.click(app.find("Menu of One", "push button"))
    app.act(app.find("Settings…", "menu item"))
    app.find("Disks and Drives", "label")
    app.shoot("off")
    app.fill(app.find("Name", "text"), "Renamed")
    app.click(app.find("Name", "text"))
    app.press("Return")
    becomes("the name is changed", lambda m: m["name"] == "Renamed")
    set_spin(app, "Memory", 512)
    becomes("the memory is changed", lambda m: m["memory-mib"] == 512)
    set_spin(app, "Processors", 2)
    becomes("the processors are changed", lambda m: m["cpus"] == 2)
    app.act(app.find("Add Forward", "push button"))
    becomes("a port is forwarded", lambda m: m["nics"][0]["forwards"] == [
        {"protocol": "tcp", "host-port": 2222, "guest-port": 22}])
    app.find("Copy SSH Command", "push button")
    app.act(app.find("Add Drive", "push button"))
    becomes("there is a drive", lambda m: [d.get("cdrom") for d in m["disks"]] == [True])
    app.act(app.find("Add Disk", "push button"))
    becomes("there is a disk before it", lambda m: [d.get("path") for d in m["disks"]] == ["disk0.qcow2", None])
    app.find("Remove drive 2", "push button")
    app.shoot("changed")
    app.act(app.find("Insert a disc into drive 2", "push button"))
    choose(app, DISC)
    becomes("a disc is in the drive", lambda m: m["disks"][1].get("path") == DISC)
    app.find("Eject the disc of drive 2", "push button")
    app.act(app.find("Add Image…", "push button"))
    app.find("Add a Disk Image", seconds=60)
    app.type(IMAGE)
    app.press("Return")
    becomes("an image there was is the second disk", lambda m: [d.get("path") for d in m["disks"]] == [
        "disk0.qcow2", IMAGE, DISC])
    app.find("Remove drive 3", "push button")
    app.shoot("image")
    app.act(app.find("Remove disk 2", "push button"))
    app.act(app.find("Remove", "push button"))
    becomes("it is taken out, and stays", lambda m: len(m["disks"]) == 2 and os.path.exists(IMAGE))
    app.act(app.find("Remove the forward of port 2222", "push button"))
    becomes("the port is no longer forwarded", lambda m: m["nics"][0]["forwards"] == [])
    close(app, "Settings of One")


def duplicate(app):
    app.click(app.find("Menu of Renamed", "push button"))
    app.act(app.find("Duplicate", "menu item"))
    app.find("Renamed (Copy), Off", "push button")
    app.shoot("duplicated")
    copy = os.path.join(os.path.dirname(ONE), "renamed-copy")
    with open(os.path.join(copy, "machine.json")) as file:
        machine = json.load(file)
    one = described()
    check(machine["uuid"] != one["uuid"] and machine["disks"][0]["path"] == "disk0.qcow2"
          and machine["disks"][1]["path"] == DISC and os.path.exists(os.path.join(copy, "disk0.qcow2"))
          and os.path.exists(os.path.join(copy, "kernel")), "a machine is duplicated with its disks")
    app.click(app.find("Menu of Renamed (Copy)", "push button"))
    app.shoot("menu")
    app.act(app.find("Duplicate with Shared Disks", "menu item"))
    app.find("Renamed (Copy) (Copy), Off", "push button")
    app.shoot("linked")
    linked = os.path.join(os.path.dirname(ONE), "renamed-copy-copy")
    check(os.path.samefile(os.path.join(copy, "disk0.qcow2"), os.path.join(linked, "disk0.qcow2")),
          "a duplicate can share the disks")


def from_outside(app):
    """The command line makes a clone of a machine whose settings are open: it goes on in another image."""
    app.click(app.find("Menu of Renamed", "push button"))
    app.act(app.find("Settings…", "menu item"))
    app.find(starts=os.path.join(ONE, "disk0.qcow2"), role="label")
    subprocess.run([sys.argv[1], "clone", "Renamed", "Outside", "--linked"], check=True)
    app.find(starts=os.path.join(ONE, "disk0-"), role="label")
    app.shoot("outside")
    check(described()["disks"][0]["path"].startswith("disk0-"), "what another program changed is seen")
    close(app, "Settings of Renamed")


def by_menu(app):
    use_menu(app, "Eject “disc.iso”")
    becomes("the menu ejects the disc", lambda m: "path" not in m["disks"][1])
    use_menu(app, "Insert a Disc…")
    choose(app, DISC)
    becomes("the menu inserts a disc", lambda m: m["disks"][1].get("path") == DISC)
    use_menu(app, "Eject “disc.iso”")
    becomes("it names the disc that is there", lambda m: "path" not in m["disks"][1])


def on(app):
    app.click(app.find("Renamed, Off", "push button"))
    app.find("Display of Renamed")
    app.find("Pause", "push button")
    use_menu(app, "Settings…")
    app.find("Discs change at once; turn the machine off to change the rest", "label")
    app.shoot("on")
    memory = spin(app, "Memory")
    check(not has_state(memory, Atspi.StateType.SENSITIVE), "the memory of a machine that runs stays")
    app.act(app.find("Eject the disc of drive 2", "push button"))
    becomes("the disc is out while the machine runs", lambda m: "path" not in m["disks"][1])
    app.act(app.find("Insert a disc into drive 2", "push button"))
    choose(app, DISC)
    becomes("a disc is in while the machine runs", lambda m: m["disks"][1].get("path") == DISC)
    close(app, "Settings of Renamed")
    by_menu(app)


def test(app):
    off(app)
    duplicate(app)
    from_outside(app)
    on(app)


make()
run(test, TERRARIUM_SAMPLES="/nowhere")
