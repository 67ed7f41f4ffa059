# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways through the application that several tests take."""
import os

from lib import Skip, name_of, text_of, wait, walk

# Booting a system by interpretation on a busy machine; nothing waits longer than it must.
BOOT_SECONDS = int(os.environ.get("UI_BOOT_SECONDS", "1500"))


def need_sample():
    folder = os.path.join(os.environ.get("TERRARIUM_SAMPLES", ""), "debian-12-installer-arm64")
    for kind in ("gtk", "text"):
        if not os.path.exists(os.path.join(folder, kind, "initrd.gz")):
            raise Skip(f"the sample's files are not in {folder}")


def wizard_page(app, title, seconds=60):
    """Waits until a page with this heading is shown."""
    return app.find(title, "label", seconds=seconds)


def new_from_sample(app, text=False):
    """The five clicks: New…, the sample, Next, Next, Create and Start."""
    need_sample()
    app.click(app.find("New…", "push button"))
    app.click(app.find(starts="Sample: Debian 12", role="list item"))
    wizard_page(app, "Debian 12 (bookworm) installer")
    if text:
        app.click(app.find("Kind of installer", "combo box"))
        app.find("Text, on the serial console", "label")
        app.press("Down", "Return")
        app.missing("Graphical, in the display", "label")
    app.click(app.find("Next", "push button"))
    wizard_page(app, "What the machine may use while it runs")
    app.click(app.find("Next", "push button"))
    wizard_page(app, "Expected speed")
    app.shoot("review")
    app.click(app.find("Create and Start", "push button"))


def use_menu(app, item):
    """An item of the machine's menu; a click may get lost in a dialog that is still closing."""
    def probe():
        found = next(app.all(item, "menu item"), None)
        if not found:
            app.click(app.find("Machine menu", "push button"))
            found = next(app.all(item, "menu item"), None)
        return found
    app.act(wait(f"the menu item {item!r}", probe, every=2))
    app.missing(item, "menu item")


def transcript(app):
    """The text of the serial console; its view has to be shown."""
    return text_of(app.find("Transcript of the serial console", "text"))


def wait_transcript(app, text, seconds):
    def probe():
        return text in transcript(app)
    wait(f"“{text}” on the serial console", probe, seconds, every=1)


def dump(app):
    """The accessibility tree, for finding out why something is not found."""
    for node in walk(app.root):
        print(node.get_role_name(), repr(name_of(node)))

