# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines opened like documents: one that is kept elsewhere becomes part of the library and is shown; a copy of one, and
a folder that is none, are told apart."""
import json
import os
import shutil
import subprocess
import sys

import guest
from lib import check, run, wait

MACHINES = os.path.join(os.environ["XDG_DATA_HOME"], "terrarium", "machines")
TWO = os.path.join(os.environ["HOME"], "Documents", "two")
COPY = os.path.join(os.environ["HOME"], "copy")
EVIL = os.path.join(os.environ["HOME"], "Downloads", "evil")
SECRET = os.path.join(os.environ["HOME"], "secret")
EMPTY = os.path.join(os.environ["HOME"], "empty")


def make():
    os.makedirs(TWO)
    os.makedirs(EMPTY)
    guest.write(os.path.join(TWO, "kernel"))
    with open(os.path.join(TWO, "machine.json"), "w", encoding="utf-8") as file:
        json.dump({"version": 1, "uuid": "6d3a52a6-4d5b-4f4e-9f10-0123456789ac", "name": "Two",
                   "arch": "aarch64", "accel": "auto", "cpus": 1, "memory-mib": 256, "kernel": "kernel",
                   "disks": [], "nics": [], "display": {"enabled": False}}, file)
    shutil.copytree(TWO, COPY)
    with open(SECRET, "wb") as file:
        file.truncate(1 << 20)
    shutil.copytree(TWO, EVIL)
    with open(os.path.join(TWO, "machine.json"), encoding="utf-8") as file:
        machine = json.load(file) | {"uuid": "6d3a52a6-4d5b-4f4e-9f10-0123456789ad", "name": "Evil", "disks": [{"path": SECRET}]}
    with open(os.path.join(EVIL, "machine.json"), "w", encoding="utf-8") as file:
        json.dump(machine, file)


def hand_over(path):
    done = subprocess.run([sys.argv[1], path], timeout=60)
    check(done.returncode == 0, f"{os.path.basename(path)} is handed to the application that runs")


def says(app, part):
    wait(f"a text with {part}", lambda: any(part in (n.get_name() or "") for n in app.all()))


def opened(app):
    app.find("“Two” is off", "label")
    check(os.path.islink(os.path.join(MACHINES, "two")), "a machine that is opened is shown, and stays where it is")
    app.click(app.find("Back to the library", "push button"))
    app.find("Two, Off", "push button")
    app.shoot("library")
    hand_over(os.path.join(TWO, "machine.json"))
    app.find("“Two” is off", "label")
    check(os.listdir(MACHINES) == ["two"], "once is enough")
    hand_over(COPY)
    says(app, "This is a copy of “Two”")
    hand_over(EMPTY)
    says(app, os.path.join(EMPTY, "machine.json"))
    for answer in ("Cancel", "Add"):
        hand_over(EVIL)
        says(app, "Do you trust this machine?")
        says(app, SECRET)
        app.shoot("doubt")
        check(os.listdir(MACHINES) == ["two"], "who opens a machine that has other files is asked first")
        app.click(app.find(answer, "push button"))
        app.missing(answer, "push button")
    app.find("“Evil” is off", "label")
    check(sorted(os.listdir(MACHINES)) == ["evil", "two"], "and can agree")
    os.unlink(os.path.join(MACHINES, "evil"))
    hand_over(TWO)
    app.find("“Two” is off", "label")
    app.click(app.find("Start", "push button"))
    app.find("Pause", "push button")
    listed = subprocess.run([sys.argv[1], "list"], stdout=subprocess.PIPE, text=True, timeout=60, check=True).stdout
    check(listed.split() == ["running", "Two"], "the command line knows it too")
    subprocess.run([sys.argv[1], "stop", "--force", "Two"], timeout=60, check=True)
    app.click(app.find("Back to the library", "push button"))
    app.find("Two, Off", "push button")
    app.click(app.find("Menu of Two", "push button"))
    app.act(app.find("Delete", "menu item"))
    app.missing("Two, Off", "push button")
    app.press("ctrl+q")
    check(app.wait_exit(60) == 0 and os.listdir(MACHINES) == [] and os.path.exists(os.path.join(TWO, "kernel")),
          "deleting it takes it out of the library only")


make()
run(opened, TWO)
