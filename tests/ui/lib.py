# SPDX-License-Identifier: GPL-3.0-or-later
"""Drives the real application as a person would: finds things through the accessibility tree,
clicks and types through X, and looks at pixels. To be run by ./run."""
import faulthandler
import os
import signal
import subprocess
import sys
import time
import warnings

import gi

faulthandler.enable()
warnings.simplefilter("ignore")
gi.require_version("Atspi", "2.0")
from gi.repository import Atspi  # noqa: E402

import busy  # noqa: E402


class Failure(Exception):
    pass


class Skip(Exception):
    pass


def wait(what, probe, seconds=60, every=0.2):
    """The first true value of probe(); what names it when the time is up."""
    end = time.monotonic() + seconds
    while True:
        try:
            value = probe()
        except gi.repository.GLib.Error:  # the tree changed while it was read
            value = None
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"gave up after {seconds} s waiting for: {what}")
        time.sleep(every)


def children(node):
    return [c for c in (node.get_child_at_index(i) for i in range(node.get_child_count())) if c]


def walk(node):
    yield node
    for child in children(node):
        yield from walk(child)


def extents(node):
    return Atspi.Component.get_extents(node, Atspi.CoordType.WINDOW)


def is_there(node):
    """Shown at all: in an open popover or page, with a size."""
    try:
        box = extents(node)
    except gi.repository.GLib.Error:  # the application itself has none
        return False
    return box.width > 0 and box.height > 0


def has_state(node, state):
    return node.get_state_set().contains(state)


def name_of(node):
    """The name as a person reads it: GTK 4.8 says a button's label twice, once with mnemonic."""
    name = node.get_name() or ""
    half = len(name) // 2
    for cut in (half, half + 1):
        if name[:cut].replace("_", "").rstrip() == name[cut:].strip() != "":
            return name[cut:].strip()
    return name


def text_of(node):
    return Atspi.Text.get_text(node, 0, Atspi.Text.get_character_count(node))


def xdotool(*words):
    return subprocess.run(["xdotool", *map(str, words)], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


class Picture:
    """Pixels of a rectangle of the screen."""

    def __init__(self, width, height, data):
        self.width, self.height, self.data = width, height, data

    def colours(self):
        return len({self.data[i:i + 3] for i in range(0, len(self.data), 3)})

    def pixel(self, x, y):
        at = (y * self.width + x) * 3
        return tuple(self.data[at:at + 3])

    def share_changed(self, other):
        """The share of pixels that differ, 0..1; 1 when the sizes differ."""
        if (self.width, self.height) != (other.width, other.height):
            return 1.0
        if self.data == other.data:
            return 0.0
        n = sum(self.data[i:i + 3] != other.data[i:i + 3] for i in range(0, len(self.data), 3))
        return n / (self.width * self.height)

    def changed_box(self, other):
        """(left, top, right, bottom) of what differs, or None."""
        rows, columns = [], []
        for y in range(self.height):
            a = self.data[y * self.width * 3:(y + 1) * self.width * 3]
            b = other.data[y * self.width * 3:(y + 1) * self.width * 3]
            if a != b:
                rows.append(y)
                columns += [x for x in range(self.width) if a[3 * x:3 * x + 3] != b[3 * x:3 * x + 3]]
        return (min(columns), rows[0], max(columns) + 1, rows[-1] + 1) if rows else None

    def save(self, path):
        subprocess.run(["convert", "-size", f"{self.width}x{self.height}", "-depth", "8", "rgb:-",
                        path], input=self.data, check=True)


class App:
    def __init__(self, program, *arguments, shots=None, **environment):
        self.shots = shots or os.environ.get("UI_SHOTS")
        self.test = os.path.splitext(os.path.basename(sys.argv[0]))[0].removeprefix("test-")
        if self.shots:
            os.makedirs(self.shots, exist_ok=True)
        # Starts the accessibility bus: an application that cannot reach it at once goes without.
        Atspi.get_desktop(0).get_child_count()
        self.watchdog = os.path.join(os.environ["XDG_RUNTIME_DIR"], f"busy-{os.getpid()}")
        self.process = subprocess.Popen([program, *arguments], env=self._watched({**os.environ, **environment}))
        self.name = os.path.basename(program)
        self.root = wait("the application on the accessibility bus", self._find_root)
        self.sought = {}  # what find() gave, by what it was asked for

    def _watched(self, environment):
        """With what tells when the main thread is busy for long."""
        library = os.environ.get("UI_WATCHDOG")
        if library:
            environment["TERRARIUM_WATCHDOG"] = self.watchdog
            environment["LD_PRELOAD"] = ":".join(filter(None, [environment.get("LD_PRELOAD"), library]))
        return environment

    def _find_root(self):
        if self.process.poll() is not None:
            raise Failure(f"the application ended with status {self.process.returncode}")
        desktop = Atspi.get_desktop(0)
        desktop.clear_cache()
        return next((a for a in children(desktop) if a.get_name() == self.name), None)

    # Finding

    def all(self, name=None, role=None, starts=None, within=None):
        given = []
        for patience in range(20, -1, -1):
            try:
                for node in walk(within or self.root):
                    text = name_of(node)
                    if ((name is None or text == name) and (starts is None or text.startswith(starts)) and
                            (role is None or node.get_role_name() == role) and is_there(node) and node not in given):
                        given.append(node)
                        yield node
                return
            except gi.repository.GLib.Error:  # the tree changed while it was read: once more
                if patience == 0:
                    raise
                time.sleep(0.1)

    def find(self, name=None, role=None, starts=None, seconds=60, within=None):
        what = f"{role or 'anything'} named {name or starts!r}"
        node = wait(what, lambda: next(self.all(name, role, starts, within), None), seconds)
        self.sought[node] = (name, role, starts, seconds, within)
        return node

    def missing(self, name=None, role=None, starts=None, seconds=60):
        what = f"no {role or 'thing'} named {name or starts!r}"
        return wait(what, lambda: next(self.all(name, role, starts), None) is None, seconds)

    def toplevel(self, node):
        while node.get_parent() != self.root:
            node = node.get_parent()
        return node

    # X

    def x_window(self, title):
        """Geometry of the X window with this title: (id, x, y, width, height)."""
        def probe():
            found = subprocess.run(["xdotool", "search", "--onlyvisible", "--pid",
                                    str(self.process.pid), "--name", f"^{title}$"], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.split()
            return found[-1] if found else None
        window = wait(f"an X window called {title!r}", probe)
        shape = dict(line.split("=") for line in
                     xdotool("getwindowgeometry", "--shell", window).split())
        return window, int(shape["X"]), int(shape["Y"]), int(shape["WIDTH"]), int(shape["HEIGHT"])

    def box(self, node):
        """Where a node is on the screen: (x, y, width, height). An application that is busy may not
        answer at once."""
        return wait("an answer", lambda: self._box(node))

    def _box(self, node):
        top = self.toplevel(node)
        frame = extents(top)
        _, x, y, width, height = self.x_window(top.get_name())
        box = extents(node)
        return (x + (width - frame.width) // 2 + box.x, y + (height - frame.height) // 2 + box.y,
                box.width, box.height)

    def click(self, node, button=1):
        x, y, width, height = self.box(node)
        self.click_at(x + width // 2, y + height // 2, button)

    def click_at(self, x, y, button=1):
        xdotool("mousemove", x, y, "sleep", 0.2, "click", button)
        time.sleep(0.3)

    def press(self, *keys):
        xdotool("key", "--delay", 60, *keys)

    def type(self, text):
        xdotool("type", "--delay", 60, text)

    def fill(self, node, text):
        """Puts text into an entry in place of what is there."""
        Atspi.EditableText.set_text_contents(node, text)
        wait(f"{text!r} in an entry", lambda: text_of(node) == text)

    def act(self, node):
        """What was found and is gone since was on a page that was just being replaced, or in a window
        that was being closed: nobody pressed it, and the next of that name is meant."""
        while True:
            try:
                return Atspi.Action.do_action(node, 0)
            except gi.repository.GLib.Error as gone:
                if "does not exist" not in str(gone) or node not in self.sought:
                    raise
                node = self.find(*self.sought[node])

    # Pixels

    def picture(self, node=None, box=None):
        if node is not None:
            box = self.box(node)
        x, y, width, height = box or (0, 0, 1280, 800)
        width, height = min(width, 1280 - x), min(height, 800 - y)
        data = subprocess.run(["import", "-silent", "-window", "root", "-crop",
                               f"{width}x{height}+{x}+{y}", "-depth", "8", "rgb:-"], check=True,
                              stdout=subprocess.PIPE).stdout
        if len(data) != width * height * 3:
            raise Failure(f"the screenshot has {len(data)} bytes, not {width}x{height} pixels")
        return Picture(width, height, data)

    def settled(self, node, accept=lambda picture: True, seconds=60, pause=2):
        """The picture of a node once accept() likes it and it has stayed the same for a while."""
        def probe():
            first = self.picture(node)
            if not accept(first):
                return None
            time.sleep(pause)
            return first if self.picture(node).data == first.data else None
        return wait("a picture that stays", probe, seconds)

    def shoot(self, name):
        if self.shots:
            subprocess.run(["import", "-silent", "-window", "root",
                            os.path.join(self.shots, f"{self.test}-{name}.png")], check=True)

    # End

    def wait_exit(self, seconds=60):
        wait("the application to end", lambda: self.process.poll() is not None, seconds)
        return self.process.returncode

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def check(condition, text):
    if not condition:
        raise Failure(text)
    print("ok:", text, flush=True)


def run(test, *arguments, **environment):
    """test(app) with the program named by the first argument on the command line."""
    app = None
    try:
        app = App(sys.argv[1], *arguments, **environment)
        test(app)
        waits = busy.read(app.watchdog)
        for stack in waits:
            print("busy for 50 ms:", stack, flush=True)
        # What else runs on the computer makes caches cold and figures larger: a report, but in soak.
        check(not (waits and os.environ.get("UI_STRICT")), "nothing of ours keeps the window waiting")
        print("passed", flush=True)
    except Skip as skip:
        print(f"skipped: {skip}", flush=True)
        sys.exit(77)
    except Failure as failure:
        print(f"FAILED: {failure}", flush=True)
        if app:
            app.shoot("failure")
        sys.exit(1)
    finally:
        if app:
            app.kill()
