# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's graphical installer until its first page is shown, and how soon a picture follows an
event. One judgement for both: every LOOK seconds a dump of the picture (bench-graphical's, or QMP's
screendump); the page is there when it has the list's selected row and the next dump is the same."""
import json
import socket
import statistics
import threading
import time

import run

LOOK = 0.5
CMDLINE = 'console=tty0'
# What bench-graphical's machine has, beside compare.py's devices.
QEMU_DEVICES = ['-device', 'virtio-gpu-pci,xres=1280,yres=800', '-device', 'virtio-keyboard-pci', '-device', 'virtio-tablet-pci']


class Gone(Exception):
    pass


# ---- the two machines -----------------------------------------------------------------------

class Ours:
    KINDS = ('keys', 'pointer')

    def __init__(self, words, folder, log):
        self.proc = run.Proc(words, log, stdin=True)
        self.answers = self.proc.p.stdout

    def connect(self):
        pass

    def ask(self, command):
        """the first line of the answer"""
        try:
            self.proc.p.stdin.write(command.encode() + b'\n')
            self.proc.p.stdin.flush()
        except OSError:
            raise Gone
        return self.line()

    def line(self):
        text = self.answers.readline()
        if not text:
            raise Gone
        return text.decode().strip()

    def shoot(self, path):
        return self.ask('shot ' + path) == 'shot'

    def latencies(self, kind, count):
        out, text = [], self.ask(f'{kind} {count}')
        while text != 'end':
            out.append(None if text == '-' else float(text))
            text = self.line()
        return out


class Qemu:
    KINDS = ()

    def __init__(self, words, folder, log):
        self.path = folder + '/qmp'
        self.proc = run.Proc(words + QEMU_DEVICES + ['-qmp', f'unix:{self.path},server=on,wait=off'], log)

    def connect(self):
        link = socket.socket(socket.AF_UNIX)
        while self.proc.p.poll() is None:
            try:
                link.connect(self.path)
                self.file = link.makefile('rwb')
                self.file.readline()
                self.command('qmp_capabilities')
                return
            except OSError:
                time.sleep(0.05)
        raise Gone

    def command(self, name, **arguments):
        try:
            self.file.write(json.dumps(dict(execute=name, arguments=arguments)).encode() + b'\n')
            self.file.flush()
            while True:
                text = self.file.readline()
                if not text:
                    raise Gone
                answer = json.loads(text)
                if 'return' in answer or 'error' in answer:
                    return 'return' in answer
        except OSError:
            raise Gone

    def shoot(self, path):
        return self.command('screendump', filename=path)


# ---- judging a picture ----------------------------------------------------------------------

def is_selected(red, green, blue):
    return green - red > 50 and blue - red > 50 and green < 170


def has_list(picture):
    """a band of the theme's colour for the selected row, below the banner"""
    magic, width, height, rest = (picture.split(maxsplit=3) + [b''] * 4)[:4]
    if magic != b'P6':
        return False
    width, height = int(width), int(height)
    if len(picture) < 3 * width * height:
        return False
    start, columns = len(picture) - 3 * width * height, [int(width * (0.5 + 0.02 * i)) for i in range(16)]
    for y in range(int(height * 0.25), int(height * 0.93)):
        at = [start + 3 * (y * width + x) for x in columns]
        if all(is_selected(*picture[i:i + 3]) for i in at):
            return True
    return False


# ---- measuring ------------------------------------------------------------------------------

def first_page(machine, folder):
    """(CPU seconds of all processes, wall seconds) until the page was there"""
    path, found = folder + '/picture.ppm', None
    while True:
        now = machine.proc.cpu(), time.monotonic() - machine.proc.t0
        picture = b''
        if machine.shoot(path):
            with open(path, 'rb') as file:
                picture = file.read()
        if found and picture == found[0]:
            return found[1]
        found = (picture, now) if has_list(picture) else None
        time.sleep(LOOK)


def measure(side, words, folder, log, timeout, events):
    """(times of first_page or None, {kind: ms of each event, None: no picture followed}, Proc.done's)"""
    times, latencies = None, {}
    machine = (Ours if side.name == 'terrarium' else Qemu)(words, folder, log)
    # What waits for an answer then gets the end of the file.
    watchdog = threading.Timer(timeout, machine.proc.kill)
    watchdog.start()
    try:
        machine.connect()
        times = first_page(machine, folder)
        for kind in machine.KINDS:
            latencies[kind] = machine.latencies(kind, events)
    except Gone:
        pass
    watchdog.cancel()
    machine.proc.kill()
    return times, latencies, machine.proc.done()


def percentiles(values):
    """median and 90th percentile; an event without an answer counts as endless"""
    ordered = sorted(float('inf') if v is None else v for v in values)
    return statistics.median(ordered), ordered[int(0.9 * (len(ordered) - 1) + 0.5)]
