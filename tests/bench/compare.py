#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""compare.py --terrarium FILE [--kit DIR] [--quick] [--groups int,boot,...] [--out FILE]

The kit on Terrarium and on every QEMU that is here, side by side in one run: each round runs all
sides once, one after the other. A row's rival is the QEMU configuration that is best at it. Rates
are work per second of host CPU time of all processes of the command, but for smp.* and io-* (the
guest's own clock) and start (wall). Fails when a checksum differs between any two sides or a side did not end;
what is slower than it should be is told in the table.

QEMU: qemu-system-aarch64 in PATH, the newer one that getqemu.sh puts into the cache, and --qemu FILE.
"""
import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import graphical
import kit
import run

# What each group has to reach and what we want of it, as ratios to the best QEMU (ms for IN_MS).
BARS = {'int': (2.2, 3), 'fp': (8, 15), 'simd': (12, 30), 'mem': (1.3, 2), 'sys': (2, 4), 'jit': (8, 30),
        'atomic': (2, 4), 'smp': (1.5, None), 'io-qd1': (5, 10), 'io-qd16': (8, 20), 'io-write': (5, 10), 'io-seq': (1, None), 'boot': (2, 3.3), 'installer': (2, 3.3), 'graphical': (2, 3.3), 'start': (20, 8), 'latency': (50, None), 'save': (300, None), 'restore': (60, None)}
KERNELS = ('int', 'fp', 'simd', 'mem', 'sys', 'jit', 'atomic')
OTHERS = ('boot', 'installer', 'graphical', 'start', 'idle', 'smp', 'io', 'state')
IO_FORMATS = ('raw', 'qcow2')
IO_BYTES = '512M'
# The group that each row of iobench is judged in.
IO_GROUPS = {'io.randread-4k-qd1': 'io-qd1', 'io.randread-4k-qd16': 'io-qd16', 'io.seqread-1M': 'io-seq', 'io.seqwrite-1M': 'io-seq'}
IN_MS = ('start', 'latency', 'save', 'restore')
EVENTS = 40
SAVES = 10
IDLE_SECONDS = 5
MACHINE = ['-M', 'virt', '-m', '1G', '-display', 'none', '-monitor', 'none', '-serial', 'stdio', '-no-reboot',
           '-nic', 'none', '-device', 'virtio-rng-pci', '-device', 'virtio-serial-pci']


class Side:
    def __init__(self, name, command, append=''):
        self.name, self.command, self.append = name, command, append
        self.bench, self.checks, self.times, self.latencies, self.others = {}, {}, {}, {}, []

    def full(self, kernel, initrd, append, cpus=1, disk=None):
        """the command; initrd and append may be None, disk is a file and its format"""
        ours = self.name == 'terrarium'
        words = self.command + (['--kernel'] if ours else ['-kernel']) + [kernel]
        if initrd:
            words += ['--initrd' if ours else '-initrd', initrd]
        if append is not None:
            words += ['--append' if ours else '-append', f'{append} {self.append}'.strip()]
        if cpus > 1:
            words += ['--cpus' if ours else '-smp', str(cpus)]
        if disk and ours:
            words += ['--disk', '%s,format=%s' % disk]
        elif disk:
            words += ['-drive', 'if=none,id=d0,file=%s,format=%s' % disk, '-device', 'virtio-blk-pci,drive=d0']
        return words


def version(binary):
    text = subprocess.run([binary, '--version'], capture_output=True, text=True).stdout
    return text.splitlines()[0] if text else 'unknown'


def find_sides(a):
    sides = [Side('terrarium', [a.terrarium, 'run', '--no-net', '--serial', 'stdio', '--memory', '1G'])]
    qemus = [shutil.which('qemu-system-aarch64'), kit.CACHE + '/qemu/qemu-system-aarch64', *a.qemu]
    for binary in qemus if not a.no_qemu else []:
        if not binary or not os.access(binary, os.X_OK):
            continue
        number = re.search(r'version (\S+)', version(binary))
        name = 'qemu ' + (number[1] if number else binary)
        sides.append(Side(name + ' max', [binary, *MACHINE, '-cpu', 'max,pauth-impdef=on']))
        sides.append(Side(name + ' a57', [binary, *MACHINE, '-cpu', 'cortex-a57'], 'kpti=off'))
    return sides


# ---- measuring ------------------------------------------------------------------------------

def bench(a, side, names, sets, cpus):
    append = f'console=ttyAMA0 quiet kb.t={a.t} kb.sets={sets}' + (f' kb.names={",".join(names)}' if names else '')
    command = side.full(a.kit + '/vmlinuz-cloud-arm64', a.kit + '/bench.cpio', append, cpus)
    result = run.bench_once(command, a.timeout, a.log)
    if not result['info']['complete']:
        a.failures.append(f'{side.name} did not come to the end of {sets}')
    for row, b in result['bench'].items():
        rate = b['value'] if sets == 'smp' else b.get('cpu_value', 0)
        side.bench.setdefault(row, []).append(rate)
        side.checks.setdefault(row, set()).add(b['chk'])
        a.units[row] = b['unit']
        side.others.append(b.get('other', 0))


def io(a, side, image_format):
    """rates by the guest's clock, on a new image in memory"""
    with tempfile.TemporaryDirectory(dir='/dev/shm' if os.path.isdir('/dev/shm') else None) as folder:
        disk = (folder + '/disk', image_format)
        subprocess.run(['qemu-img', 'create', '-q', '-f', image_format, disk[0], IO_BYTES], check=True)
        append = f'console=ttyAMA0 quiet kb.t={a.t} kb.sets=io'
        result = run.bench_once(side.full(a.kit + '/vmlinuz-cloud-arm64', a.kit + '/bench.cpio', append, disk=disk),
                                a.timeout, a.log)
    if not result['info']['complete']:
        a.failures.append(f'{side.name} did not come to the end of io on {image_format}')
    for row, b in result['bench'].items():
        name = f'{IO_GROUPS.get(row, "io-write")}.{image_format}.{row[3:]}'
        side.bench.setdefault(name, []).append(b['value'])
        side.checks.setdefault(name, set()).add(b['chk'])
        a.units[name] = b['unit']
        side.others.append(b.get('other', 0))


def boot(a, side, row, kernel, initrd, append, mark):
    """CPU seconds and wall seconds to the mark; the first output of it"""
    busy = run.host_busy()
    p = run.Proc(side.full(kernel, initrd, append), a.log)
    cpu = None
    for t, found in p.lines(a.timeout, [mark]):
        if found == mark:
            cpu, wall = p.cpu(), t
        p.kill()
    end = p.done()
    side.others.append(max(0.0, (run.host_busy() - busy - end['cpu']) / end['wall']))
    if cpu is None:
        a.failures.append(f'{side.name} did not come to “{mark}”')
        return
    side.times.setdefault(row, []).append((cpu, wall))
    print(f'  {row}: {side.name}: {cpu:.3f} s of CPU, {wall:.3f} s', flush=True)


def memory(pid):
    """KiB of PSS without the guest's RAM and without translated code"""
    total = 0
    try:
        maps = open(f'/proc/{pid}/smaps').read()
    except OSError:
        return 0
    for part in re.split(r'\n(?=[0-9a-f]+-[0-9a-f]+ )', maps):
        head, size = part.split('\n', 1)[0], int(re.search(r'\nSize:\s+(\d+)', part)[1])
        code = 'terrarium-code' in head or ' rwx' in head
        if not code and size < 1 << 20:
            total += int(re.search(r'\nPss:\s+(\d+)', part)[1])
    return total


def idle(a, side):
    command = side.full(a.kit + '/vmlinuz-cloud-arm64', a.kit + '/boot.cpio', 'console=ttyAMA0 quiet -- stay')
    # What follows -- is for init.
    if side.append:
        command[-1] = f'console=ttyAMA0 quiet {side.append} -- stay'
    p = run.Proc(command, a.log)
    for _, found in p.lines(a.timeout, ['USERSPACE-UP']):
        if found == 'USERSPACE-UP':
            time.sleep(3)
            before, begin = p.cpu(), time.monotonic()
            time.sleep(IDLE_SECONDS)
            share = (p.cpu() - before) / (time.monotonic() - begin)
            side.times['idle'] = [(100 * share, sum(memory(pid) for pid in p.session()) / 1024)]
            print(f'  idle: {side.name}: {100 * share:.2f} % of a CPU, {side.times["idle"][0][1]:.1f} MiB', flush=True)
        p.kill()
    p.done()


def saved_state(a, side):
    """wall seconds of saving a booted machine with 1 GiB and ending it, and of a new one running on from there"""
    with tempfile.TemporaryDirectory(dir='/dev/shm' if os.path.isdir('/dev/shm') else None) as folder:
        p = subprocess.run([a.state, folder, str(SAVES)], env={**os.environ, 'TERRARIUM_GUESTS': a.kit}, capture_output=True, text=True)
    if p.returncode:
        a.failures.append(f'saving and restoring: {p.stderr.strip()}')
    for line in p.stdout.splitlines():
        side.times.setdefault(line.split()[0], []).append(float(line.split()[1]))
        print('  state: ' + line, flush=True)


def graphical_installer(a, side, folder):
    """the same initrd, command line and devices for all; ours by bench-graphical, on the engine's interface"""
    append = f'{graphical.CMDLINE} {side.append}'.strip()
    words = ([a.graphical, folder + 'linux', folder + 'initrd.gz', append] if side.name == 'terrarium'
             else side.full(folder + 'linux', folder + 'initrd.gz', graphical.CMDLINE))
    busy = run.host_busy()
    with tempfile.TemporaryDirectory() as scratch:
        times, latencies, end = graphical.measure(side, words, scratch, a.log, a.timeout, EVENTS)
        if times and a.shots:
            shutil.copy(scratch + '/picture.ppm', f'{a.shots}/{side.name.replace(" ", "-")}.ppm')
    side.others.append(max(0.0, (run.host_busy() - busy - end['cpu']) / end['wall']))
    if not times:
        a.failures.append(f'{side.name} did not come to the first page of the graphical installer')
        return
    side.times.setdefault('graphical', []).append(times)
    print(f'  graphical: {side.name}: {times[0]:.3f} s of CPU, {times[1]:.3f} s', flush=True)
    for kind, values in latencies.items():
        side.latencies.setdefault(kind, []).extend(values)
        print('  latency: %s: median %.1f ms, 90%% within %.1f ms' % (kind, *graphical.percentiles(values)), flush=True)


def wanted(a, group):
    return not a.groups or group in a.groups


def measure_processes(a, sides):
    cloud, installer = a.kit + '/vmlinuz-cloud-arm64', a.kit + '/debian-12-installer-arm64/text/'
    gtk = a.kit + '/debian-12-installer-arm64/gtk/'
    for _ in range(a.boots if wanted(a, 'boot') else 0):
        for side in sides:
            boot(a, side, 'boot', cloud, a.kit + '/boot.cpio', 'console=ttyAMA0 quiet', 'USERSPACE-UP')
    for _ in range(4 * a.boots if wanted(a, 'start') else 0):
        for side in sides:
            boot(a, side, 'start', a.kit + '/bare.img', None, None, 'BARE-UP')
    for _ in range(a.installs if wanted(a, 'installer') and os.path.exists(installer) else 0):
        for side in sides:
            boot(a, side, 'installer', installer + 'linux', installer + 'initrd.gz', 'console=ttyAMA0 quiet',
                 'Choose the language')
    for _ in range(a.graphicals if wanted(a, 'graphical') and os.path.exists(gtk) else 0):
        for side in sides:
            graphical_installer(a, side, gtk)
    for side in sides if wanted(a, 'idle') else []:
        idle(a, side)
    if wanted(a, 'state'):
        saved_state(a, sides[0])


def row_names(a):
    """of the groups that are wanted, from the sources; none: all"""
    if not a.groups:
        return []
    here = os.path.dirname(os.path.realpath(__file__))
    text = ''.join(open(f'{here}/src/{f}').read() for f in sorted(os.listdir(here + '/src')) if f.startswith('k_'))
    names = dict.fromkeys(re.findall(r'"([a-z]+\.[A-Za-z0-9_-]+)"', text))
    return [n for n in names if n.split('.')[0] in set(a.groups) & set(KERNELS)]


def measure(a, sides):
    names = row_names(a)
    for i in range(a.runs):
        for side in sides if not a.groups or names else []:
            print(f'round {i + 1}: {side.name}', flush=True)
            bench(a, side, names, 'kbench', 1)
    for i in range(a.runs if 'smp' in (a.groups if a.quick else a.groups or OTHERS) else 0):
        for side in sides:
            print(f'two CPUs, round {i + 1}: {side.name}', flush=True)
            bench(a, side, [], 'smp', 2)
    for _ in range(a.runs if wanted(a, 'io') else 0):
        for image_format in IO_FORMATS:
            for side in sides:
                print(f'io on {image_format}: {side.name}', flush=True)
                io(a, side, image_format)
    measure_processes(a, sides)


# ---- judging --------------------------------------------------------------------------------

def differing(sides, row):
    return len(set().union(*(s.checks.get(row, set()) for s in sides))) > 1


def broken(sides, row):
    return any('UNSTABLE' in c or 'FAILED' in c for s in sides for c in s.checks.get(row, ()))


def kernel_rows(a, sides):
    """(row, unit, ours, best, who, ratio, checksums)"""
    out = []
    for row, unit in a.units.items():
        ours = statistics.median(sides[0].bench.get(row, [0]))
        best, who = max(((max(s.bench.get(row, [0])), s.name) for s in sides[1:]), default=(0, ''))
        if differing(sides, row) or broken(sides, row):
            a.failures.append(f'checksums of {row} differ')
        out.append((row, unit, ours, best, who, ours / best if best else None,
                    'DIFFER' if differing(sides, row) else 'same'))
    return out


def process_rows(sides):
    """boot, installer, graphical, start: seconds; of start the wall ones. QEMU's best, our median."""
    out = []
    for row, index in (('boot', 0), ('installer', 0), ('graphical', 0), ('start', 1)):
        ours = [t[index] for t in sides[0].times.get(row, [])]
        rivals = [(min(t[index] for t in s.times[row]), s.name) for s in sides[1:] if row in s.times]
        if ours:
            best, who = min(rivals, default=(0, ''))
            median = statistics.median(ours)
            out.append((row, 's', median, best, who, best / median if best else None, '-'))
    return out


def latency_rows(sides):
    """ms from an event to the first picture that is another one, ours only"""
    out = []
    for kind, values in sides[0].latencies.items():
        for name, value in zip(('median', '90%'), graphical.percentiles(values)):
            out.append((f'latency.{kind}, {name}', 'ms', value, 0, '', None, '-'))
    return out


def state_rows(sides):
    """ms of wall time, ours only"""
    return [(row, 'ms', 1000 * statistics.median(sides[0].times[row]), 0, '', None, '-')
            for row in ('save', 'restore') if row in sides[0].times]


def means(rows):
    groups = {}
    for row in rows:
        if row[5]:
            groups.setdefault(row[0].split('.')[0], []).append(row[5])
    return {g: statistics.geometric_mean(v) for g, v in groups.items()}


def verdict(group, value):
    must, aim = BARS[group]
    if group in IN_MS:
        return 'aim' if aim and value <= aim else 'must' if value <= must else '**short**'
    return 'aim' if aim and value >= aim else 'must' if value >= must else '**short**'


# ---- telling --------------------------------------------------------------------------------

def number(x):
    return '%.4g' % x if x else '-'


def cpu_model():
    text = open('/proc/cpuinfo').read()
    model = re.search(r'model name\s*: (.*)', text)
    return f'{model[1] if model else platform.processor()}, {os.cpu_count()} CPUs'


def source_version():
    here = os.path.dirname(os.path.realpath(__file__))
    p = subprocess.run(['git', '-C', here, 'describe', '--always', '--dirty', '--abbrev=12'], capture_output=True, text=True)
    return p.stdout.strip() or 'unknown'


def report(a, sides, began):
    rows, out = kernel_rows(a, sides) + process_rows(sides) + latency_rows(sides) + state_rows(sides), []
    others = [x for s in sides for x in s.others]
    load = statistics.mean(others) if others else 0
    out += ['# Terrarium against QEMU', '',
            'Written by `./dev bench' + (' --quick' if a.quick else '') + '`; README.md says how to read it. '
            'Ours is the median of the rounds, QEMU\'s the best of all configurations and rounds.', '',
            f'- Machine: {cpu_model()}, Linux {platform.release()}',
            f'- Terrarium: {a.version}']
    out += [f'- {s.name}: `{" ".join(os.path.basename(w) if i == 0 else w for i, w in enumerate(s.command))}`'
            + (f' with {s.append}' if s.append else '') for s in sides[1:]]
    out += [f'- {a.runs} round{"s" if a.runs > 1 else ""} of {a.t} s a row, {a.boots} boots; {(time.monotonic() - began) / 60:.0f} minutes in all',
            f'- Other programs kept {load:.2f} CPUs busy meanwhile. '
            + ('The figures are good.' if load < 0.1 else 'CPU-time rates suffer from that less than wall times, but they '
               'do: read them as estimates; start and smp as nothing more than that they work.'), '']
    groups = means(rows)
    if sides[0].latencies:
        groups['latency'] = max(graphical.percentiles(v)[0] for v in sides[0].latencies.values())
    groups.update((row[0], row[2]) for row in state_rows(sides))
    out += ['| group | ratio | must | aim | reached |', '|---|---|---|---|---|']
    for group, value in groups.items():
        if group == 'start':
            value = 1000 * next(r[2] for r in rows if r[0] == 'start')
        must, aim = BARS[group]
        unit = ' ms' if group in IN_MS else ''
        out.append(f'| {group} | {value:.2f}{unit} | {must}{unit} | {f"{aim}{unit}" if aim else "-"} | {verdict(group, value)} |')
    out += ['', '| row | unit | Terrarium | best QEMU | which | ratio | checksums |', '|---|---|---|---|---|---|---|']
    for row, unit, ours, best, who, ratio, chk in rows:
        out.append(f'| {row} | {unit} | {number(ours)} | {number(best)} | {who} | {number(ratio)} | {chk} |')
    if any('idle' in s.times for s in sides):
        out += ['', '| idle guest | % of a CPU | MiB without guest RAM and code |', '|---|---|---|']
        out += [f'| {s.name} | {s.times["idle"][0][0]:.2f} | {s.times["idle"][0][1]:.1f} |' for s in sides if 'idle' in s.times]
    slower = [r[0] for r in rows if r[5] and r[5] < 1]
    out += ['', 'Slower than the best QEMU: ' + (', '.join(slower) if slower else 'none') + '.']
    out += [f'FAILED: {f}.' for f in a.failures]
    return '\n'.join(out) + '\n'


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--terrarium', required=True)
    ap.add_argument('--kit', default=kit.FOLDER)
    ap.add_argument('--qemu', action='append', default=[], help='another QEMU')
    ap.add_argument('--no-qemu', action='store_true', help='only our figures')
    ap.add_argument('--graphical', help='bench-graphical; beside TERRARIUM in the build folder otherwise')
    ap.add_argument('--state', help='bench-state; beside TERRARIUM in the build folder otherwise')
    ap.add_argument('--shots', help='folder for the pictures of the graphical installer')
    ap.add_argument('--quick', action='store_true', help='one short round without the installers, in about 8 minutes')
    ap.add_argument('--groups', help=f'some of {",".join(KERNELS + OTHERS)}')
    ap.add_argument('--runs', type=int)
    ap.add_argument('--t', type=float, help='seconds for each row')
    ap.add_argument('--out', help='where the table goes, beside stdout (RESULTS.md here, when it has all groups)')
    ap.add_argument('--json', help='all measurements')
    ap.add_argument('--timeout', type=float, default=1200, help='of one command')
    a = ap.parse_args()
    a.groups = a.groups.split(',') if a.groups else []
    unknown = set(a.groups) - set(KERNELS + OTHERS)
    if unknown:
        ap.error('unknown groups: ' + ', '.join(unknown))
    a.runs, a.t = a.runs or (1 if a.quick else 3), a.t or (0.5 if a.quick else 1)
    # To the installer's first page some QEMUs take minutes.
    a.boots, a.installs, a.graphicals = (2, 'installer' in a.groups, 'graphical' in a.groups) if a.quick else (5, 1, 1)
    a.graphical = a.graphical or os.path.dirname(a.terrarium) + '/../tests/bench/bench-graphical'
    if a.graphicals and wanted(a, 'graphical') and not os.access(a.graphical, os.X_OK):
        ap.error(f'there is no {a.graphical}')
    a.state = a.state or os.path.dirname(a.terrarium) + '/../tests/bench/bench-state'
    if wanted(a, 'state') and not os.access(a.state, os.X_OK):
        ap.error(f'there is no {a.state}')
    a.failures, a.units, a.log = [], {}, None
    began, sides, a.version = time.monotonic(), find_sides(a), source_version()
    if len(sides) == 1 and not a.no_qemu:
        sys.exit('compare.py: there is no QEMU; apt-get install qemu-system-arm, or --no-qemu')
    for side in sides:
        print(f'{side.name}: {" ".join(side.command)} {side.append}')
    measure(a, sides)
    text = report(a, sides, began)
    print('\n' + text)
    if not a.out and not a.groups and not a.no_qemu:
        a.out = os.path.join(os.path.dirname(os.path.realpath(__file__)), 'RESULTS.md')
    if a.out:
        open(a.out, 'w').write(text)
    if a.json:
        json.dump({s.name: dict(bench=s.bench, checks={k: sorted(v) for k, v in s.checks.items()}, times=s.times, latencies=s.latencies)
                   for s in sides}, open(a.json, 'w'), indent=1)
    sys.exit(bool(a.failures))


if __name__ == '__main__':
    main()
