# SPDX-License-Identifier: GPL-3.0-or-later
"""The text installer on the serial console tab answers typed keys."""
from lib import check, run, wait
from steps import BOOT_SECONDS, new_from_sample, transcript, wait_transcript


def test(app):
    new_from_sample(app, text=True)
    toggle = app.find("Transcript", "push button", seconds=60)
    app.click(toggle)
    wait_transcript(app, "Linux version", BOOT_SECONDS)
    check(True, "the kernel's messages appear")
    wait_transcript(app, "Choose the language", BOOT_SECONDS)
    app.click(toggle)
    terminal = app.find(starts="Serial console of")
    before = app.settled(terminal)
    app.shoot("text-language")
    check(True, "the installer asks for a language")

    app.press("Up")
    wait("the selection to move",
         lambda: 0.002 < app.picture(terminal).share_changed(before) < 0.3, 120)
    check(True, "the Up key moves the selection")
    app.press("Down", "Return")
    app.click(toggle)
    wait_transcript(app, "Select your location", 600)
    app.shoot("text-location")
    check("Choose the language" not in transcript(app).split("Select your location")[-1],
          "Return leads to the next page")


run(test)
