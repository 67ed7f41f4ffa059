# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine of `terrarium run` whose serial console is read and typed into."""
import os
import re
import resource
import signal
import subprocess
import sys
import time

# What colours, moves the cursor or names the window, and says nothing.
CONTROL = re.compile(rb'\x1b(?:\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>78M]|\][^\x07]*\x07)')


def skip(why):
    print('skipped:', why)
    sys.exit(77)


def need_uefi():
    if not any(os.path.exists('/usr/share/' + f) for f in ('AAVMF/AAVMF_CODE.fd', 'qemu-efi-aarch64/QEMU_EFI.fd')):
        skip('there is no UEFI for ARM on this computer')


def guest_file(name):
    path = os.path.join(os.environ.get('TERRARIUM_GUESTS', ''), name)
    if not os.environ.get('TERRARIUM_GUESTS') or not os.path.exists(path):
        skip(f'{name} is not in $TERRARIUM_GUESTS')
    return path


class Console:
    """`out` is all that was printed. The deadline (seconds) only ends a hang."""

    def __init__(self, terrarium, *args, deadline=600, plain=False, copy=None):
        signal.alarm(deadline)
        print('$ terrarium run', *args, flush=True)
        self.out, self.plain, self.copy, self.start = b'', plain, copy, time.monotonic()
        self.raw = b''
        self.process = subprocess.Popen([terrarium, 'run', *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)

    def fail(self, why):
        print(self.out[-3000:].decode('latin1'))
        self.process.kill()
        print(self.process.stderr.read().decode())
        raise AssertionError(why)

    def read(self, most=65536):
        """Whether there was more."""
        data = os.read(self.process.stdout.fileno(), most)
        if self.copy:
            self.copy.write(data)
            self.copy.flush()
        if self.plain:
            # A sequence may be in two pieces.
            self.raw += data
            cut = self.raw.rfind(b'\x1b', -40)
            cut = cut if data and cut >= 0 and not CONTROL.match(self.raw[cut:]) else len(self.raw)
            self.out += CONTROL.sub(b'', self.raw[:cut])
            self.raw = self.raw[cut:]
        else:
            self.out += data
        return bool(data)

    def wait(self, text, start=0):
        """Reads on until `text` is there, behind `start`; where it ends."""
        while text.encode() not in self.out[start:]:
            if not self.read():
                self.fail(f'“{text}” did not appear')
        return self.out.index(text.encode(), start) + len(text)

    def type(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def end(self):
        """All that was printed, to the machine's end; its exit status must be 0."""
        try:
            while self.read():
                pass
        finally:
            self.process.stdin.close()
        status = self.process.wait()
        if status != 0:
            self.fail(f'exit status {status}')
        return self.out.decode('latin1')

    def kill(self):
        self.process.kill()
        self.process.wait()


def cpu_seconds():
    """What the machines used that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
