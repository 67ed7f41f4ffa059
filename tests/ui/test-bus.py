# SPDX-License-Identifier: GPL-3.0-or-later
"""The application on the session bus: machines as objects, what they can be told, what is refused and how; GNOME's search;
and that the bus starts the application for a call."""
import json
import os
import re
import subprocess
import sys

from gi.repository import Gio, GLib

import guest
from lib import check, run, wait
from steps import wait_transcript

NAME = "io.github.terrarium_vm.Terrarium"
PATH = "/io/github/terrarium_vm/Terrarium"
MACHINE = NAME + ".Machine"
ERROR = NAME + ".Error."
DBUS = "org.freedesktop.DBus"
INVALID = DBUS + ".Error.InvalidArgs"
MACHINES = os.path.join(os.environ["XDG_DATA_HOME"], "terrarium", "machines")
UUID = "6d3a52a6-4d5b-4f4e-9f10-0123456789a{}"
ONE, TWO = (f"{PATH}/Machines/m_{UUID.format(n).replace('-', '_')}" for n in "bc")
HERE = os.path.dirname(os.path.abspath(__file__))

bus = Gio.bus_get_sync(Gio.BusType.SESSION)


def make():
    for name, n, display in (("One", "b", True), ("Two", "c", False)):
        folder = os.path.join(MACHINES, name.lower())
        os.makedirs(folder)
        guest.write(os.path.join(folder, "kernel"))
        with open(os.path.join(folder, "machine.json"), "w", encoding="utf-8") as file:
            json.dump({"version": 1, "uuid": UUID.format(n), "name": name, "arch": "aarch64", "accel": "auto", "cpus": 1,
                       "memory-mib": 256, "kernel": "kernel", "disks": [], "nics": [],
                       "display": {"enabled": display, "width": 640, "height": 480}}, file)
    os.mkdir(os.path.join(MACHINES, "broken"))
    with open(os.path.join(MACHINES, "broken", "machine.json"), "w", encoding="utf-8") as file:
        file.write("{ nonsense")


def call(path, method, signature="()", *values, interface=MACHINE, flags=Gio.DBusCallFlags.NO_AUTO_START, fds=None):
    answer = bus.call_with_unix_fd_list_sync(NAME, path, interface, method, GLib.Variant(signature, values), None, flags, 120000, fds, None)
    return answer[0].unpack()


def refused(kind, path, *args, **kwargs):
    """That this call is answered with this error, in a sentence."""
    try:
        call(path, *args, **kwargs)
    except GLib.Error as error:
        name = Gio.dbus_error_get_remote_error(error)
        said = error.message.split(": ", 1)[-1]
        check(re.fullmatch(kind, name) is not None and len(said) > 5, f"{args[0]}{str(args[1:])[:60]}: {name}: {said}")
        return
    check(False, f"{args} was not refused")


def get(path, name):
    return call(path, "Get", "(ss)", MACHINE, name, interface=DBUS + ".Properties")[0]


def objects(flags=Gio.DBusCallFlags.NO_AUTO_START):
    return call(PATH + "/Machines", "GetManagedObjects", interface=DBUS + ".ObjectManager", flags=flags)[0]


def becomes(path, state):
    wait(f"{path} to be {state}", lambda: get(path, "State") == state)


def bad_calls():
    """None of these does anything."""
    unknown = DBUS + r"\.Error\.Unknown(Method|Object|Interface)"
    refused(INVALID, ONE, "Start")
    refused(INVALID, ONE, "Start", "(s)", "yes")
    refused(INVALID, ONE, "SendKeys", "(as)", ["a"])
    refused(unknown, ONE, "Explode")
    refused(unknown, ONE + "0", "Pause")
    refused(unknown, PATH, "Pause")
    refused(DBUS + r"\.Error\.(InvalidArgs|PropertyReadOnly)", ONE, "Set", "(ssv)", MACHINE, "Name", GLib.Variant("s", "x"),
            interface=DBUS + ".Properties")
    refused(INVALID, ONE, "TakeSnapshot", "(s)", " ")
    for codes in ([], [0], [0x300], [4294967295], [30] * 17):
        refused(INVALID, ONE, "SendKeys", "(au)", codes)
    for method, signature, *values in (("Stop", "(b)", True), ("Stop", "(b)", False), ("Pause", "()"), ("Resume", "()"), ("Save", "()"),
                                       ("SendKeys", "(au)", [30]), ("TypeText", "(s)", "x")):
        refused(ERROR + "State", ONE, method, signature, *values)
    refused(INVALID, ONE, "Screenshot", "(h)", 0)
    refused(INVALID, ONE, "Screenshot", "(h)", -1)
    refused(unknown, PATH + "/SearchProvider", "GetResultMetas", "(as)", [])
    check(get(ONE, "State") == "stopped", "what is refused does nothing")


def operate():
    states = []
    bus.signal_subscribe(NAME, DBUS + ".Properties", "PropertiesChanged", ONE, None, Gio.DBusSignalFlags.NONE,
                         lambda *args: states.append(args[5].unpack()[1].get("State")))
    call(ONE, "Start", "(b)", False)
    check(get(ONE, "State") == "running", "a machine is started")
    refused(ERROR + "State", ONE, "Start", "(b)", False)
    refused(ERROR + "State", ONE, "Resume")
    call(ONE, "Pause")
    check(get(ONE, "State") == "paused", "paused")
    refused(ERROR + "State", ONE, "SendKeys", "(au)", [30])
    call(ONE, "Resume")
    call(ONE, "SendKeys", "(au)", [29, 56, 111])
    call(ONE, "TypeText", "(s)", "Hello, World!\n")
    refused(INVALID, ONE, "TypeText", "(s)", "h\xe9")
    refused(INVALID, ONE, "TypeText", "(s)", "x" * 5000)
    reading, writing = os.pipe()
    refused(ERROR + "State", ONE, "Screenshot", "(h)", 0, fds=Gio.UnixFDList.new_from_array([reading]))
    os.close(writing)
    call(ONE, "TakeSnapshot", "(s)", "while it runs")
    call(ONE, "Save")
    becomes(ONE, "saved")
    call(ONE, "TakeSnapshot", "(s)", "while it is saved")
    call(ONE, "Start", "(b)", True)
    call(ONE, "Stop", "(b)", True)
    becomes(ONE, "stopped")
    shown = subprocess.run([sys.argv[1], "snapshot", "list", "One"], stdout=subprocess.PIPE, text=True, timeout=60, check=True).stdout
    check("while it runs" in shown and "while it is saved" in shown, "snapshots are taken")
    context = GLib.MainContext.default()
    wait("the signals", lambda: [context.iteration(False) for _ in range(100)] and "stopped" in states[-1:])
    check([s for s in states if s in ("running", "paused", "saved")][:3] == ["running", "paused", "running"] and "saved" in states,
          f"changes are told: {states}")


def search():
    def ask(method, signature, *values):
        return call(PATH + "/SearchProvider", method, signature, *values, interface="org.gnome.Shell.SearchProvider2")

    check(ask("GetInitialResultSet", "(as)", ["o"])[0] == [UUID.format("b"), UUID.format("c")], "both names have an o")
    check(ask("GetSubsearchResultSet", "(asas)", [UUID.format("c"), "x"], ["O"])[0] == [UUID.format("c")], "among those found before")
    check(ask("GetInitialResultSet", "(as)", ["nE", "o"])[0] == [UUID.format("b")], "all words are in the name, in any case")
    metas = ask("GetResultMetas", "(as)", ["nobody", UUID.format("c")])[0]
    check([m["name"] for m in metas] == ["Two"] and metas[0]["id"] == UUID.format("c"), "what is found is described")
    ask("ActivateResult", "(sasu)", "nobody", ["x"], 0)
    ask("ActivateResult", "(sasu)", UUID.format("c"), ["two"], 0)
    ask("LaunchSearch", "(asu)", ["two"], 0)


def with_window(app):
    app.find("One, Off", "push button")
    found = objects()
    check({ONE, TWO} < found.keys() and len(found) == 3, "there is an object for each machine")
    broken = next(found[p][MACHINE] for p in found if p not in (ONE, TWO))
    check(broken["State"] == "broken" and "machine.json" in broken["Problem"], "a broken one says so")
    check(found[ONE][MACHINE] == {"Name": "One", "Uuid": UUID.format("b"), "State": "stopped", "Problem": "",
                                  "Path": os.path.join(MACHINES, "one")}, "it says what it is")
    bad_calls()
    operate()
    search()
    app.find("Two, Running" if not next(app.all("Pause", "push button"), None) else "Pause", "push button")
    check(get(TWO, "State") == "running", "what is chosen in a search is started, and shown")
    call(TWO, "TypeText", "(s)", "hal")
    app.click(app.find("Transcript", "push button"))
    wait_transcript(app, "ibm", 60)
    check(True, "what is typed reaches a serial console")
    call(TWO, "Stop", "(b)", True)
    call("/", "Ping", interface=DBUS + ".Peer")
    app.press("ctrl+q")
    check(app.wait_exit(60) == 0, "the application is well")


def owned():
    return bus.call_sync(DBUS, "/", DBUS, "NameHasOwner", GLib.Variant("(s)", (NAME,)), None, 0, -1, None).unpack()[0]


def started_by_bus():
    services = os.path.join(os.environ["XDG_DATA_HOME"], "dbus-1", "services")
    with open(os.path.join(HERE, "..", "..", "data", NAME + ".service.in"), encoding="utf-8") as file:
        text = file.read().replace("@bindir@/terrarium", os.path.abspath(sys.argv[1]))
    os.makedirs(services)
    with open(os.path.join(services, NAME + ".service"), "w", encoding="utf-8") as file:
        file.write(text)
    bus.call_sync(DBUS, "/", DBUS, "ReloadConfig", None, None, 0, -1, None)
    check(not owned(), "nobody is there")
    call(ONE, "Start", "(b)", False, flags=Gio.DBusCallFlags.NONE)
    check(get(ONE, "State") == "running", "the bus starts the application, and that the machine")
    shown = subprocess.run(["xdotool", "search", "--onlyvisible", "--name", "Terrarium"], stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL).stdout
    check(shown == b"", "without a window")
    call(ONE, "Stop", "(b)", True)
    wait("the application to end", lambda: not owned())
    check(True, "which goes when there is nothing left to do")


if len(sys.argv) < 3:
    make()
    run(with_window)
    os.execv(sys.executable, [sys.executable, "-W", "ignore", sys.argv[0], sys.argv[1], "bus"])
started_by_bus()
