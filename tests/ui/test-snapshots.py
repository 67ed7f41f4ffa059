# SPDX-License-Identifier: GPL-3.0-or-later
"""The snapshots page: taking one of a machine that runs and of one that is off, going back, deleting."""
import json
import os

import guest
from lib import check, run, wait
from steps import use_menu

ONE = os.path.join(os.environ["XDG_DATA_HOME"], "terrarium", "machines", "one")


def make():
    os.makedirs(ONE)
    guest.write(os.path.join(ONE, "kernel"))
    with open(os.path.join(ONE, "disk0.raw"), "wb") as file:
        file.truncate(1 << 20)
    with open(os.path.join(ONE, "machine.json"), "w") as file:
        json.dump({"version": 1, "uuid": "6d3a52a6-4d5b-4f4e-9f10-0123456789ab", "name": "One",
                   "arch": "aarch64", "accel": "auto", "cpus": 1, "memory-mib": 256,
                   "kernel": "kernel", "disks": [{"path": "disk0.raw", "format": "raw"}],
                   "nics": [], "display": {"enabled": True, "width": 800, "height": 600}}, file)


def snapshots():
    with open(os.path.join(ONE, "snapshots.json")) as file:
        return json.load(file)["snapshots"]


def open_page(app):
    use_menu(app, "Snapshots…")
    return app.find("Name of a New Snapshot", "text")


def take(app, entry, name):
    app.click(entry)
    app.type(name)
    app.press("Return")
    app.find(name, "label")


def test(app):
    app.click(app.find("One, Off", "push button"))
    app.find("Pause", "push button")
    take(app, open_page(app), "alive")
    wait("its state", lambda: [s["state"] for s in snapshots()] == [True])
    check(True, "a machine that runs is kept, and goes on")
    app.shoot("running")
    app.click(list(app.all("Close", "push button"))[-1])
    use_menu(app, "Force Off…")
    app.act(app.find("Force Off", "push button"))
    app.find("“One” is off", "label")
    take(app, open_page(app), "asleep")
    check([s["state"] for s in snapshots()] == [True, False], "one that is off is kept without state")
    app.shoot("off")
    app.click(app.find("Go back to “alive”", "push button"))
    app.act(app.find("Go Back", "push button"))
    app.find("“One” is saved", "label")
    check(True, "going back makes it the machine it was, saved")
    app.click(app.find("Delete “asleep”", "push button"))
    app.shoot("delete")
    app.act(app.find("Delete", "push button"))
    app.missing("asleep", "label")
    check(len(snapshots()) == 1, "one is deleted, the other stays")
    app.click(list(app.all("Close", "push button"))[-1])
    app.click(app.find("Resume", "push button"))
    app.find("Pause", "push button")
    check(True, "it goes on from the snapshot")


make()
run(test, TERRARIUM_SAMPLES="/nowhere")
