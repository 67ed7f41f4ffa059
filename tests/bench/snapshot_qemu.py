#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshot times of QEMU, as the figure to beat: snapshot_qemu.py --kit KIT [--runs 3] -- QEMU ARGS (up to -kernel/-initrd/-append).
Boots {kit}/boot.cpio with "stay", then (a) migrate to a file and restore with -incoming, (b) savevm/loadvm in a qcow2.
`running` is when QMP says the restored machine runs; process start is time zero."""
import argparse, json, os, re, socket, subprocess, sys, tempfile, time, statistics

import kit

def qmp_open(path, end):
    while True:
        try:
            s = socket.socket(socket.AF_UNIX); s.connect(path); break
        except OSError:
            if time.monotonic() > end: raise
            time.sleep(.002)
    f = s.makefile('rw'); f.readline()
    def cmd(ex, **args):
        f.write(json.dumps(dict(execute=ex, arguments=args)) + '\n'); f.flush()
        while True:
            r = json.loads(f.readline())
            if 'return' in r: return r['return']
            if 'error' in r: raise RuntimeError(r['error'])
    cmd('qmp_capabilities')
    return cmd

def wait_state(q, want, t=120):
    end = time.monotonic() + t
    while q('query-status')['status'] != want:
        if time.monotonic() > end: raise RuntimeError('never ' + want)
        time.sleep(.002)

def rss(pid):
    return int(re.search(r'VmRSS:\s+(\d+)', open('/proc/%d/status' % pid).read())[1])

def cpu(pid): return time.clock_gettime((~pid) << 3 | 2)

def main():
    ap = argparse.ArgumentParser(); ap.add_argument('--kit', default=kit.FOLDER); ap.add_argument('--runs', type=int, default=3); ap.add_argument('--kernel'); ap.add_argument('--label', default='qemu')
    i = sys.argv.index('--'); a = ap.parse_args(sys.argv[1:i]); base = sys.argv[i + 1:]
    out = {}
    def rec(k, v): out.setdefault(k, []).append(v)
    for r in range(a.runs):
        d = tempfile.mkdtemp(prefix='snap'); sock = d + '/q'
        subprocess.check_call(['qemu-img', 'create', '-q', '-f', 'qcow2', d + '/d.qcow2', '2G'])
        cmd = base + ['-display', 'none', '-monitor', 'none', '-qmp', 'unix:%s,server=on,wait=off' % sock, '-drive', 'if=none,id=d0,format=qcow2,file=%s/d.qcow2' % d, '-device', 'virtio-blk-device,drive=d0',
                      '-kernel', a.kernel or a.kit + '/vmlinuz-cloud-arm64', '-initrd', a.kit + '/boot.cpio', '-append', 'console=ttyAMA0 quiet -- stay']
        p = subprocess.Popen(cmd + ['-serial', 'stdio'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE); t0 = time.monotonic()
        for l in p.stdout:
            if b'USERSPACE-UP' in l: break
        rec('boot_s', time.monotonic() - t0); time.sleep(.5); rec('rss_booted_MiB', rss(p.pid) / 1024)
        q = qmp_open(sock, time.monotonic() + 5); hmp = lambda c: q('human-monitor-command', **{'command-line': c})
        t = time.monotonic(); e = hmp('savevm s1'); rec('savevm_s', time.monotonic() - t)
        if e.strip(): print('savevm:', e.strip())
        t = time.monotonic(); e = hmp('loadvm s1'); rec('loadvm_s', time.monotonic() - t)
        if e.strip(): print('loadvm:', e.strip())
        q('stop'); t = time.monotonic(); q('migrate', uri='exec:cat > %s/mig' % d)
        while q('query-migrate').get('status') not in ('completed', 'failed'): time.sleep(.002)
        rec('migrate_save_s', time.monotonic() - t); rec('migrate_file_MiB', os.path.getsize(d + '/mig') / 2**20)
        q('quit'); p.wait()
        for name, extra in (('restore_incoming', ['-incoming', 'exec:cat %s/mig' % d]), ('restore_loadvm', ['-loadvm', 's1'])):
            t0 = time.monotonic(); p = subprocess.Popen(cmd + ['-serial', 'null'] + extra, stdin=subprocess.DEVNULL)
            q = qmp_open(sock, time.monotonic() + 10)
            if name == 'restore_incoming':
                while q('query-status')['status'] == 'inmigrate': time.sleep(.002)
                if q('query-status')['status'] != 'running': q('cont')
            wait_state(q, 'running'); rec(name + '_s', time.monotonic() - t0); rec(name + '_cpu_s', cpu(p.pid)); rec(name + '_rss_MiB', rss(p.pid) / 1024)
            q('quit'); p.wait()
        subprocess.call(['rm', '-rf', d])
    print('| %s | median (min) of %d |\n|---|---|' % (a.label, a.runs))
    for k, v in out.items(): print('| %s | %.4g (%.4g) |' % (k, statistics.median(v), min(v)))
main()
