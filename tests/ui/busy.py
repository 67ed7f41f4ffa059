# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the main thread kept the window waiting, from what tests/support/watchdog.c wrote: stacks whose
work was asked for by a function of ours, but for what a window's first appearance and its shaders take."""
import bisect
import os
import subprocess

OURS = ("libterrarium-app.so", "terrarium")
OUTER = ("main", "terrarium_app_main", "terrarium_app_run_machine", "_start")
# Realizing and mapping widgets, making and linking shaders.
ASIDE = ("gtk_widget_realize", "gtk_widget_map", "gtk_window_present", "gdk_surface_present", "glLinkProgram",
         "glCompileShader", "gsk_gl_")


class Maps:
    def __init__(self, lines):
        self.starts, self.files = [], []
        for line in lines:
            words = line.split(None, 5)
            start = int(words[0].split("-")[0], 16)
            self.starts.append(start)
            self.files.append((words[5].strip() if len(words) > 5 else "", int(words[2], 16)))

    def find(self, address):
        """(file, offset in it)"""
        at = bisect.bisect_right(self.starts, address) - 1
        if at < 0:
            return "", 0
        name, offset = self.files[at]
        return name, address - self.starts[at] + offset


def names_of(path, offsets):
    """Of functions of a file, by offsets in it that are also addresses, as in all that is position independent."""
    if not os.path.exists(path):
        return ["?"] * len(offsets)
    said = subprocess.run(["addr2line", "-f", "-s", "-e", path, *map(hex, offsets)], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.split("\n")
    return said[0:2 * len(offsets):2] or ["?"] * len(offsets)


def name_stack(maps, addresses):
    """[(file's name, function)], the innermost first."""
    places = [maps.find(address - 1) for address in addresses]
    by_file = {}
    for path, offset in places:
        by_file.setdefault(path, []).append(offset)
    names = {}
    for path, offsets in by_file.items():
        for offset, name in zip(offsets, names_of(path, offsets)):
            names[path, offset] = name
    return [(os.path.basename(path), names.get((path, offset), "?")) for path, offset in places]


def is_ours(stack, ours):
    mine = [name for file, name in stack if file in ours and name not in OUTER]
    return bool(mine) and not any(name.startswith(ASIDE) for _, name in stack)


def read(path, ours=OURS):
    """Lines such as “fill < page_free < …”, one for each time."""
    if not os.path.exists(path):
        return []
    found, lines = [], []
    with open(path, errors="replace") as file:
        for line in file:
            if not line.startswith("busy"):
                lines.append(line)
                continue
            stack = name_stack(Maps(lines), [int(word, 16) for word in line.split()[1:]])
            lines = []
            # The handler and the signal's return come first.
            if is_ours(stack, ours):
                found.append(" < ".join(name if name != "?" else file for file, name in stack[2:]
                                        if name not in OUTER)[:400])
    return found
