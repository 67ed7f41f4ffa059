# SPDX-License-Identifier: GPL-3.0-or-later
"""Library, wizard and viewer with a tiny guest that starts at once: entries and errors of the
wizard, consoles, pause, full screen, closing, coming back, deleting."""
import os
import subprocess
import sys
import time

import guest
from lib import check, run, text_of, wait, xdotool
from steps import transcript, wait_transcript, wizard_page

DATA = os.environ["XDG_DATA_HOME"]
MACHINES = os.path.join(DATA, "terrarium", "machines")
KERNEL = os.path.join(os.environ["HOME"], "tiny")


def fill(app, name, text):
    app.fill(app.find(name, "text"), text)


def error(app, *parts):
    def probe():
        return any(all(part in (n.get_name() or "") for part in parts) for n in app.all())

    wait(f"a message with {parts}", probe)


def go_through_wizard(app):
    app.press("ctrl+n")  # without the pointer: Return takes the row that has the focus
    error(app, "Its files are not here", "/nowhere")
    check(True, "without its files the sample says how to get them")
    time.sleep(1)
    app.press("Down", "Return")
    wizard_page(app, "For ARM processors (arm64)")
    app.click(app.find("Next", "push button"))
    error(app, "No kernel is chosen")
    fill(app, "Kernel file", "/nowhere/Image")
    app.click(app.find("Next", "push button"))
    error(app, "/nowhere/Image")
    fill(app, "Kernel file", "/bin/true")
    app.click(app.find("Next", "push button"))
    error(app, "/bin/true", "ARM")
    app.shoot("error")
    check(True, "the wizard says in place what is wrong with a file")
    fill(app, "Kernel file", KERNEL)
    app.click(app.find("Next", "push button"))
    wizard_page(app, "What the machine may use while it runs")
    app.click(app.find("Back", "push button"))
    kernel = app.find("Kernel file", "text")
    check(text_of(kernel) == KERNEL, "going back keeps the entries")
    app.click(app.find("Next", "push button"))
    wizard_page(app, "What the machine may use while it runs")
    app.click(app.find("Next", "push button"))
    wizard_page(app, "Expected speed")
    fill(app, "Name", "Tiny")
    app.click(app.find("Create and Start", "push button"))
    app.find("Display of Tiny")
    check(os.listdir(MACHINES) == ["tiny"], "the machine's folder is there")


def use_console(app):
    app.click(app.find("Serial Console", "page tab"))
    toggle = app.find("Transcript", "push button")
    app.click(toggle)
    wait_transcript(app, "READY", 60)
    app.click(toggle)
    app.type("hal")
    app.click(toggle)
    wait_transcript(app, "ibm", 60)
    check(True, "the serial console prints and answers")
    app.click(toggle)

    app.click(app.find("Pause", "push button"))
    app.find("Resume", "push button")
    app.click(app.find(starts="Serial console of"))
    app.type("x")
    app.click(toggle)
    time.sleep(2)
    check("y" not in transcript(app).split("ibm")[1], "a paused machine is silent")
    app.click(app.find("Resume", "push button"))
    wait_transcript(app, "ibmy", 60)
    check(True, "a resumed one reads what was typed meanwhile")
    app.click(toggle)


def use_keyboard(app):
    app.click(app.find("Display", "page tab"))
    app.find("Press Ctrl+Alt to release the keyboard", "label")
    app.press("F11")
    time.sleep(1)
    window, *_, height = app.x_window("Tiny – Terrarium")
    check(height < 800, "F11 is the guest's while it has the keyboard")
    xdotool("keydown", "ctrl", "keydown", "alt", "keyup", "alt", "keyup", "ctrl")
    app.find("ARM · Emulated", "label")
    check(True, "Ctrl+Alt releases the keyboard")
    app.press("F11")
    wait("full screen", lambda: app.x_window("Tiny – Terrarium")[4] >= 800)
    time.sleep(1)
    app.shoot("fullscreen")
    xdotool("keydown", "ctrl", "keydown", "alt", "keyup", "alt", "keyup", "ctrl")
    app.press("F11")
    wait("the window again", lambda: app.x_window("Tiny – Terrarium")[4] < 800)
    check(True, "F11 leads to full screen and back")


def force_off(app):
    app.click(app.find("Machine menu", "push button"))
    item = app.find("Force Off…", "menu item")
    app.act(item)
    app.act(app.find("Force Off", "push button"))
    app.find("“Tiny” is off", "label")
    app.find("It was forced off.", "label")
    app.shoot("off")
    check(True, "forcing off asks first and says what happened")
    app.click(app.find("Start", "push button"))
    app.find("Pause", "push button")


def window_is_shown():
    return subprocess.run(["xdotool", "search", "--onlyvisible", "--name", "Terrarium"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout != b""


def keep_running(app):
    app.click(app.find("Back to the library", "push button"))
    app.find("Tiny, Running", "push button")
    app.shoot("library")
    app.click(app.find("Close", "push button"))
    app.act(app.find("Keep Running", "push button"))
    wait("the window to go", lambda: not window_is_shown())
    check(app.process.poll() is None, "the machine runs on without a window")


def close_and_come_back(app):
    keep_running(app)
    second = subprocess.run([sys.argv[1]], timeout=60)
    check(second.returncode == 0, "a second start hands over to the first")
    app.find("Tiny, Running", "push button")
    app.press("ctrl+q")
    app.act(app.find("Force Off", "push button"))
    check(app.wait_exit(60) == 0, "quitting asks about running machines, then ends cleanly")


def stop_from_outside(app):
    """The command line starts and stops the machine in the application."""
    subprocess.run([sys.argv[1], "start", "Tiny"], timeout=60, check=True)
    app.find("Display of Tiny")
    app.find("Pause", "push button")
    keep_running(app)
    subprocess.run([sys.argv[1], "stop", "--force", "Tiny"], timeout=60, check=True)
    check(app.wait_exit(60) == 0, "without window and running machines the application ends")


def run_in_window(app):
    """`terrarium run --display window`: the guest's end is the program's."""
    app.click(app.find("Serial Console", "page tab"))
    app.click(app.find("Transcript", "push button"))
    wait_transcript(app, "READY", 60)
    app.click(app.find("Transcript", "push button"))
    app.type("q")
    check(app.wait_exit(60) == 0, "the guest powering off ends “terrarium run” with 0")


def delete(app):
    app.find("Tiny, Off", "push button")
    check(True, "the machine is there after a restart")
    app.shoot("restarted")
    app.click(app.find("broken, Cannot be opened", "push button"))
    app.find("“broken” cannot be opened", "label")
    check(any("machine.json" in n.get_name() for n in app.all(role="label")),
          "a damaged machine is shown as one, with the file at fault")
    app.shoot("broken")
    app.click(app.find("Back to the library", "push button"))
    for undo in (True, False):
        app.click(app.find("Menu of Tiny", "push button"))
        app.act(app.find("Delete", "menu item"))
        if undo:
            app.act(app.find("Undo", "push button"))
            app.find("Tiny, Off", "push button")
            app.shoot("undone")
            check(os.path.isdir(os.path.join(MACHINES, "tiny")), "deleting can be undone")
    wait("the folder in the Trash",
         lambda: os.path.isdir(os.path.join(DATA, "Trash", "files", "tiny")), 60)
    check(os.listdir(MACHINES) == ["broken"], "a deleted machine is in the Trash, others stay")


def first(app):
    app.find("Machines you make live here.", "label")
    guest.write(KERNEL)
    go_through_wizard(app)
    use_console(app)
    use_keyboard(app)
    force_off(app)
    close_and_come_back(app)


def second(app):
    os.mkdir(os.path.join(MACHINES, "broken"))
    with open(os.path.join(MACHINES, "broken", "machine.json"), "w") as file:
        file.write("{ nonsense")
    stop_from_outside(app)


def third(app):
    delete(app)
    app.shoot("end")


# Each with an application of its own, and in a program of its own: the accessibility client does
# not survive the objects of an application that has ended (it follows their circles down to the
# end of its stack).
PARTS = [
    (first,),
    (second,),
    (third,),
    (run_in_window, "run", "--kernel", KERNEL, "--display", "window", "--name", "Only"),
]
part = int(sys.argv[2]) if len(sys.argv) > 2 else 0
run(*PARTS[part], TERRARIUM_SAMPLES="/nowhere")
if part + 1 < len(PARTS):
    os.execv(sys.executable, [sys.executable, "-W", "ignore", sys.argv[0], sys.argv[1], str(part + 1)])
