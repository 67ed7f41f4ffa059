# SPDX-License-Identifier: GPL-3.0-or-later
"""drag-source FILE: a small window from which the file can be dragged, as from a file manager's."""
import sys

import gi

gi.require_version("Gtk", "4.0")
from gi.repository import Gdk, Gio, GLib, Gtk  # noqa: E402


def main():
    window = Gtk.Window(title="Drag Source", default_width=120, default_height=120)
    source = Gtk.DragSource(actions=Gdk.DragAction.COPY)
    files = Gdk.FileList.new_from_array([Gio.File.new_for_path(sys.argv[1])])
    source.set_content(Gdk.ContentProvider.new_for_value(files))
    label = Gtk.Label(label="Drag me")
    label.add_controller(source)
    window.set_child(label)
    window.present()
    GLib.MainLoop().run()


main()
