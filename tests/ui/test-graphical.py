# SPDX-License-Identifier: GPL-3.0-or-later
"""The graphical Debian installer in the display: from New… to its second page, by keyboard and
pointer. Asserts only on what the guest draws."""
from installer import find_selection
from lib import check, run, wait
from steps import BOOT_SECONDS, new_from_sample

# Middle of the installer's “Continue”, from the lower right corner of its picture.
CONTINUE_X, CONTINUE_Y = 61, 27


def test(app):
    new_from_sample(app)
    display = app.find("Display of Debian 12 Installer", seconds=60)
    check(True, "five clicks lead to the display")

    def selection():
        return find_selection(app.picture(display))

    language = app.settled(display, find_selection, BOOT_SECONDS)
    top, bottom = find_selection(language)
    app.shoot("language")
    check(language.colours() > 100, "the graphical installer's language page is drawn")

    app.press("Down")
    below = wait("the selection to move down",
                 lambda: (s := selection()) and s[0] >= bottom - 2 and s, 120)
    app.shoot("down")
    check(below[0] > top, "the Down key moves the selection down")
    app.press("Up")
    wait("the selection to move up", lambda: (s := selection()) and s[0] == top, 120)
    check(True, "the Up key moves it back")

    x, y, width, height = app.box(display)
    target = bottom + 3 * (bottom - top)
    app.click_at(x + width // 3, y + target)
    wait("the selection to follow the pointer",
         lambda: (s := selection()) and s[0] <= target < s[1], 120)
    app.shoot("pointer")
    check(True, "a click selects the row that is under the pointer")
    app.press("Home")
    wait("another selection", lambda: (s := selection()) and not s[0] <= target < s[1], 120)

    before = app.settled(display)
    app.click_at(x + width - CONTINUE_X, y + height - CONTINUE_Y)

    after = app.settled(display, lambda now: now.share_changed(before) > 0.03 and
                        find_selection(now), 600)
    app.shoot("next-page")
    check(after.share_changed(before) > 0.03, "Continue leads to another page")


run(test)
