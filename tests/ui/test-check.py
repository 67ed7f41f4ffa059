# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of this computer: shown by itself at the first start if something is in the way, and never again; from
the menu; what can be copied; checking again."""
import os
import socket
import subprocess
import sys

from lib import check, run

DATA = os.environ["XDG_DATA_HOME"]
MACHINES = os.path.join(DATA, "terrarium", "machines")
REMEMBERED = os.path.join(os.environ["XDG_CONFIG_HOME"], "glib-2.0", "settings", "keyfile")
TITLE = "Check This Computer"
CLIPBOARD = """
import gi
gi.require_version("Gtk", "4.0")
from gi.repository import Gdk, GLib, Gtk
Gtk.init()
loop = GLib.MainLoop()
def done(clipboard, result):
    print(clipboard.read_text_finish(result))
    loop.quit()
Gdk.Display.get_default().get_clipboard().read_text_async(None, done)
loop.run()
"""


def first(app):
    app.find(TITLE, "frame")
    app.find("Something stands in the way of machines on this computer.", "label")
    app.find("Disk Space: Problem", "list item")
    app.shoot("problem")
    check(True, "the first start shows what stands in the way")
    app.press("Escape")
    app.missing(TITLE, "frame")
    check(True, "Escape closes it")


def second(app):
    app.find("Machines you make live here.", "label")
    app.click(app.find("Main menu", "push button"))
    app.act(app.find(TITLE + "…", "menu item"))
    app.find(TITLE, "frame")
    check(len(list(app.all(TITLE, "frame"))) == 1, "the second start does not show it by itself, the menu does")
    for name in ("Processor", "Memory for Translated Code", "KVM", "Graphics", "Sound", "Disk Space", "Disk Access"):
        app.find(starts=name + ": ", role="list item")
    app.find("Disk Space: Problem", "list item")
    app.find("Sound: Warning", "list item")
    app.shoot("warnings")
    button = app.find(starts="Copy the command for “Sound”", role="push button")
    app.act(button)
    app.find("The command is in the clipboard", "label")
    said = subprocess.run(["/usr/bin/python3", "-W", "ignore", "-c", CLIPBOARD], stdout=subprocess.PIPE, text=True, timeout=60).stdout
    check(said.startswith("systemctl --user enable --now pipewire"), "the command can be copied")

    os.remove(MACHINES)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.join(os.environ["XDG_RUNTIME_DIR"], "pipewire-0"))
        server.listen(8)
        app.act(app.find("Check Again", "push button"))
        app.find("Sound: Fine", "list item")
        app.missing("Disk Space: Problem", "list item")
    app.shoot("again")
    check(True, "checking again finds what has changed")


if len(sys.argv) < 3:
    os.remove(REMEMBERED)
    os.makedirs(os.path.dirname(MACHINES))
    with open(MACHINES, "w", encoding="utf-8") as file:
        file.write("not a folder\n")
    run(first)
    check("computer-checked=true" in open(REMEMBERED, encoding="utf-8").read(), "that is remembered")
    os.execv(sys.executable, [sys.executable, "-W", "ignore", sys.argv[0], sys.argv[1], "second"])
run(second)
