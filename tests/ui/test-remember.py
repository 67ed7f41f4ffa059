# SPDX-License-Identifier: GPL-3.0-or-later
"""What is remembered from one start to the next: the page, and the window's size on each. And that the application
runs where it cannot remember."""
import json
import os
import shutil
import sys

import guest
from lib import check, run, wait, xdotool

ONE = os.path.join(os.environ["XDG_DATA_HOME"], "terrarium", "machines", "one")
ELSEWHERE = os.path.join(os.environ["HOME"], "elsewhere")
MACHINE = "One – Terrarium"
LIBRARY, SHOWN = (900, 600), (800, 640)


def make():
    os.makedirs(ONE)
    guest.write(os.path.join(ONE, "kernel"))
    with open(os.path.join(ONE, "machine.json"), "w", encoding="utf-8") as file:
        json.dump({"version": 1, "uuid": "6d3a52a6-4d5b-4f4e-9f10-0123456789ab", "name": "One",
                   "arch": "aarch64", "accel": "auto", "cpus": 1, "memory-mib": 256, "kernel": "kernel",
                   "disks": [], "nics": [], "display": {"enabled": True, "width": 640, "height": 480}}, file)


def resize(app, title, size):
    window, *_ = app.x_window(title)
    xdotool("windowsize", window, *size)
    expect_size(app, title, size)


def expect_size(app, title, size):
    wait(f"{title} of {size}", lambda: all(abs(a - b) < 16 for a, b in zip(app.x_window(title)[3:], size)))


def first(app):
    app.find("One, Off", "push button")
    resize(app, "Terrarium", LIBRARY)
    app.click(app.find("One, Off", "push button"))
    app.find("Display of One")
    resize(app, MACHINE, SHOWN)
    app.click(app.find("Back to the library", "push button"))
    expect_size(app, "Terrarium", LIBRARY)
    app.click(app.find(starts="One, ", role="push button"))
    expect_size(app, MACHINE, SHOWN)
    check(True, "the window has a size of its own for a machine")
    app.click(app.find("Close", "push button"))
    app.act(app.find("Force Off", "push button"))
    check(app.wait_exit(60) == 0, "it is closed while it shows the machine")


def second(app):
    app.find("“One” is off", "label")
    expect_size(app, MACHINE, SHOWN)
    check(True, "the next start shows the machine again, in that size, and does not start it")
    app.click(app.find("Back to the library", "push button"))
    expect_size(app, "Terrarium", LIBRARY)
    app.press("ctrl+q")
    check(app.wait_exit(60) == 0, "and the library's is remembered too")


def third(app):
    app.find("One, Off", "push button")
    expect_size(app, "Terrarium", LIBRARY)
    app.press("ctrl+q")
    check(app.wait_exit(60) == 0, "left in the library, it starts there")


def fourth(app):
    """Without a schema beside it."""
    app.find("One, Off", "push button")
    app.click(app.find("One, Off", "push button"))
    app.find("Display of One")
    app.click(app.find("Close", "push button"))
    app.act(app.find("Force Off", "push button"))
    check(app.wait_exit(60) == 0, "the application runs where nothing can be remembered")


parts = [first, second, third, fourth]
part = int(sys.argv[2]) if len(sys.argv) > 2 else 0
if part == 0:
    make()
if parts[part] is fourth:
    built = os.path.dirname(os.path.realpath(sys.argv[1]))
    os.makedirs(os.path.join(ELSEWHERE, "gtk"))
    for name in (os.path.basename(sys.argv[1]), "gtk/libterrarium-app.so"):
        shutil.copy(os.path.join(built, name), os.path.join(ELSEWHERE, name))
    sys.argv[1] = os.path.join(ELSEWHERE, os.path.basename(sys.argv[1]))
run(parts[part])
if part + 1 < len(parts):
    os.execv(sys.executable, [sys.executable, "-W", "ignore", sys.argv[0], sys.argv[1], str(part + 1)])
