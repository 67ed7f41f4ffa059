# SPDX-License-Identifier: GPL-3.0-or-later
"""Saved state as a person meets it: saving from the menu and on closing, the card that says Saved, resuming,
discarding, and a state that is of no use."""
import json
import os
import sys
import time

import guest
from lib import Atspi, Failure, check, has_state, run, wait
from steps import transcript, use_menu, wait_transcript

GATE = os.path.join(os.environ["HOME"], "gate")
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


def states():
    return [f for f in os.listdir(ONE) if ".state" in f]


def console(app):
    app.click(app.find("Serial Console", "page tab"))


def type_letter(app, letter, answer):
    """The guest answers: it lives."""
    console(app)
    app.type(letter)
    toggle = app.find("Transcript", "push button")
    app.click(toggle)
    wait_transcript(app, answer, 60)
    said = transcript(app)
    app.click(toggle)
    return said


def back(app):
    app.click(app.find("Back to the library", "push button"))


def first(app):
    app.click(app.find("One, Off", "push button"))
    app.find("Pause", "push button")
    type_letter(app, "a", "b")
    use_menu(app, "Save State")
    app.find("“One” is saved", "label")
    app.find("Resume", "push button")
    app.find("Start Afresh", "push button")
    app.shoot("saved")
    back(app)
    app.find("One, Saved", "push button")
    app.shoot("library")
    check(True, "a saved machine says so")
    app.click(app.find("One, Saved", "push button"))
    app.find("Pause", "push button")
    said = type_letter(app, "c", "d")
    check("READY" not in said, "it goes on from where it was, without a new start")
    app.press("ctrl+q")
    app.find("Save State", "push button")
    app.shoot("close")
    app.click(app.find("Do this whenever the window closes"))
    app.act(app.find("Save State", "push button"))
    check(app.wait_exit(60) == 0, "closing saves it and ends")


def quit_in_vain(app):
    """What it says goes away after some seconds, which a busy machine may take to look: it is asked again until
    it was read, and says it again each time."""
    end = time.monotonic() + 300
    while True:
        app.press("ctrl+q")
        try:
            return wait("it to say why it stays",
                        lambda: any("saved.json" in (n.get_name() or "") for n in app.all(role="label")), 8)
        except Failure:
            if time.monotonic() > end:
                raise


def second(app):
    back(app)  # the machine was shown last
    app.click(app.find("One, Saved", "push button"))
    app.find("Pause", "push button")
    # The note about the state cannot be put in its place: saving fails.
    note = os.path.join(ONE, "saved.json")
    os.rename(note, note + ".kept")
    os.makedirs(os.path.join(note, "in the way"))
    quit_in_vain(app)
    said = type_letter(app, "c", "d")
    check("READY" not in said, "a machine that could not be saved runs on")
    app.shoot("not-saved")
    os.rmdir(os.path.join(note, "in the way"))
    os.rmdir(note)
    os.rename(note + ".kept", note)
    app.press("ctrl+q")
    check(app.wait_exit(60) == 0, "what was chosen for good is not asked again")
    os.utime(os.path.join(ONE, "disk0.raw"))


def third(app):
    back(app)  # the machine was shown last
    app.click(app.find("One, Off", "push button"))
    app.find("Start Afresh", "push button")
    check(any("disk0.raw" in (n.get_name() or "") for n in app.all(role="label")),
          "a state that does not fit its disk any more is not used, and it says which")
    app.shoot("stale")
    app.click(app.find("Start Afresh", "push button"))
    app.find("Pause", "push button")
    type_letter(app, "e", "f")
    check(not os.path.exists(os.path.join(ONE, "saved.json")), "starting afresh discards it")
    app.click(app.find("Display", "page tab"))
    use_menu(app, "Ask Again When the Window Closes")
    use_menu(app, "Save State")
    app.find("“One” is saved", "label")
    back(app)
    app.click(app.find("Menu of One", "push button"))
    app.act(app.find("Discard Saved State…", "menu item"))
    app.act(app.find("Discard", "push button"))
    app.find("One, Off", "push button")
    wait("the state to go", lambda: not any(f.endswith(".state") for f in os.listdir(ONE)))
    check(True, "a saved state can be discarded")


def held(app, begin, what):
    """While the state cannot be written: it says so, and Cancel is heard although the disk is slow."""
    open(GATE, "w").close()
    begin()
    cancel = app.find("Cancel saving" if what == "card" else "Cancel", "push button")
    app.shoot("held-" + what)
    app.act(cancel)
    wait("it to be heard", lambda: not has_state(cancel, Atspi.StateType.SENSITIVE))
    os.unlink(GATE)


def fourth(app):
    back(app)  # the machine was shown last
    app.click(app.find("One, Off", "push button"))
    app.find("Pause", "push button")
    held(app, lambda: use_menu(app, "Save State"), "viewer")
    app.missing("Cancel", "push button")
    said = type_letter(app, "a", "b")
    check(said.count("READY") == 1 and not states(), "a save that is cancelled leaves nothing, and the machine goes on")

    def leave():
        app.press("ctrl+q")
        app.act(app.find("Save State", "push button"))
        # The question has a Cancel of its own: what is looked for next is that of the saving.
        app.missing("Save State", "push button")

    app.click(app.find("Display", "page tab"))
    held(app, leave, "closing")
    app.missing("Cancel", "push button")
    type_letter(app, "c", "d")
    check(not states(), "closing is off when saving is")
    back(app)

    def save_from_card():
        app.click(app.find("Menu of One", "push button"))
        app.act(app.find("Save State", "menu item"))

    held(app, save_from_card, "card")
    app.missing("Cancel saving", "push button")
    app.act(app.find("One, Running", "push button"))
    use_menu(app, "Snapshots…")
    entry = app.find("Name of a New Snapshot", "text")

    def take():
        app.click(entry)
        app.type("never")
        app.press("Return")

    held(app, take, "snapshot")
    app.missing("Cancel", "push button")
    app.missing("never", "label")
    app.click(list(app.all("Close", "push button"))[-1])
    app.click(app.find("Display", "page tab"))
    type_letter(app, "e", "f")
    check(not states(), "a snapshot that is cancelled is none")
    use_menu(app, "Save State")
    app.find("“One” is saved", "label")
    check(len(states()) == 1, "afterwards it can be saved")


PARTS = [first, second, third, fourth]
part = int(sys.argv[2]) if len(sys.argv) > 2 else 0
if part == 0:
    make()
gate = os.environ.get("UI_GATE", "")
if PARTS[part] is fourth and not gate:
    print("without a slow disk there is nothing to see here")
    sys.exit(0)
slow = {"LD_PRELOAD": gate, "TERRARIUM_GATE": GATE} if PARTS[part] is fourth else {}
run(PARTS[part], TERRARIUM_SAMPLES="/nowhere", **slow)
if part + 1 < len(PARTS):
    os.execv(sys.executable, [sys.executable, "-W", "ignore", sys.argv[0], sys.argv[1], str(part + 1)])
