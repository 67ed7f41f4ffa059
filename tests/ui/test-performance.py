# SPDX-License-Identifier: GPL-3.0-or-later
"""The performance sidebar: figures of a machine that runs, why it is slow, the table; by keyboard too."""
import json
import os

import guest
from lib import check, run, wait, xdotool
from steps import use_menu

HOME = os.environ["HOME"]
ONE = os.path.join(os.environ["XDG_DATA_HOME"], "terrarium", "machines", "one")
TABLE = os.path.join(HOME, "figures.csv")


def make():
    os.makedirs(ONE)
    guest.write(os.path.join(ONE, "kernel"))
    with open(os.path.join(ONE, "machine.json"), "w") as file:
        json.dump({"version": 1, "uuid": "6d3a52a6-4d5b-4f4e-9f10-0123456789ab", "name": "One",
                   "arch": "aarch64", "accel": "interp", "cpus": 2, "memory-mib": 256, "kernel": "kernel",
                   "disks": [], "nics": [], "display": {"enabled": True, "width": 800, "height": 600}}, file)


def says(app, *parts):
    def probe():
        return any(all(part in (n.get_name() or "") for part in parts) for n in app.all(role="label"))

    wait(f"a label with {parts}", probe)


def test(app):
    app.click(app.find("One, Off", "push button"))
    app.find("Pause", "push button")
    check(next(app.all(starts="CPU 0:"), None) is None, "it is not there unasked")
    use_menu(app, "Performance")
    says(app, "CPU 0: ", "CPU 1: ", "of this computer")
    says(app, "of 256.0")
    says(app, "/s read, ", "/s written")
    says(app, "/s received, ", "/s sent")
    says(app, "changes per second")
    says(app, "interpreted")
    app.shoot("open")
    check(True, "what the machine uses is said, and why it is slow")
    app.act(app.find("Export Table…", "push button"))
    app.find("Export Table", seconds=60)
    app.press("ctrl+a")
    app.type(TABLE)
    app.press("Return")
    app.find("The table was saved", "label")
    with open(TABLE, newline="") as file:
        heading, *lines = file.read().split("\r\n")
    check(heading.startswith("seconds,cpu0_percent,cpu1_percent,") and len(lines) >= 2 and lines[-1] == ""
          and all(line.count(",") == heading.count(",") for line in lines[:-1]), "the table can be saved")
    app.act(app.find("Pause", "push button"))
    app.find("Resume", "push button")
    says(app, "CPU 0: 0 %   CPU 1: 0 %")
    check(True, "a paused machine uses no processor")
    app.act(app.find("Resume", "push button"))
    app.click(app.find("Display", "page tab"))
    xdotool("keydown", "ctrl", "keydown", "alt", "keyup", "alt", "keyup", "ctrl")
    app.find("ARM · Emulated", "label")
    app.press("F9")
    app.missing(starts="CPU 0:")
    app.press("F9")
    says(app, "CPU 0: ")
    check(True, "F9 closes and opens it")
    use_menu(app, "Force Off…")
    app.act(app.find("Force Off", "push button"))
    says(app, "The machine is off.")
    app.shoot("off")


make()
run(test, TERRARIUM_SAMPLES="/nowhere")
