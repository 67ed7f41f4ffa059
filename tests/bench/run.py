#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""run.py: run the benchmark kit in a VM (or natively) and tabulate it.

  run.py bench --label L --out F.json [--runs 3] [--t 3] [--sets kbench] [--names a,b] [--kit DIR] -- COMMAND...
  run.py native --label host --out F.json [--runs 3] [--t 3] [--sets ..] [--kit ..]
  run.py boot  --label L --out F.json [--runs 5] [--marks 'text|text'] [--append 'console=ttyAMA0'] [--last-kills] -- COMMAND...
  run.py table BASE.json OTHER.json ...       rates, and each OTHER's ratio to BASE
  run.py boottable F.json ...

The kit is looked for where `./dev guests` puts it, unless --kit says where.
COMMAND is a template; {kernel} {initrd} {append} {kit} are filled in. It must have the
guest's serial console on stdout and end when the guest powers off.

Two rates per benchmark: `wall` is the guest's own figure (BENCH line: work / seconds by the
guest's clock); `cpu` is the same work per second of host CPU time the VM's processes used between
the START and BENCH lines, which other load on the host disturbs far less (use it for one-CPU
benchmarks; wall is right for smp.* and io.*). `clk` is guest seconds over host seconds: away from
1.00 the guest's clock is wrong and `wall` means nothing. `oth` is how many CPUs other processes kept
busy meanwhile (0.00 = quiet machine).
"""
import argparse, json, os, re, resource, select, shlex, signal, statistics, subprocess, sys, time

import kit

CG = ''
for root in ('/sys/fs/cgroup', '/sys/fs/cgroup/unified'):
    if os.path.exists(root + '/cgroup.controllers'):
        CG = root + '/perfkit-%d' % os.getpid()

def cg_make():
    try:
        os.mkdir(CG)
        return os.path.exists(CG + '/cpu.stat') and os.path.exists(CG + '/cgroup.procs')
    except OSError:
        return False

def host_busy():
    f = [int(x) for x in open('/proc/stat').readline().split()[1:9]]
    return (sum(f) - f[3] - f[4]) / os.sysconf('SC_CLK_TCK')

def pid_cpu(pid):
    """CPU seconds of one process with all its threads and reaped children"""
    try:
        own = time.clock_gettime((~pid) << 3 | 2)   # the process's CPU clock
        f = open('/proc/%d/stat' % pid).read().rsplit(')', 1)[1].split()
        return own + (int(f[13]) + int(f[14])) / os.sysconf('SC_CLK_TCK')
    except (OSError, IndexError, ValueError):
        return 0.0

class Proc:
    """The command, in a cgroup of its own where that can be had, with its output as timed lines."""
    def __init__(self, cmd, log, cwd=None, stdin=False):
        self.cg = cg_make()
        clock, told = os.pipe()
        def pre():
            os.setsid()
            if self.cg:
                open(CG + '/cgroup.procs', 'w').write('0')
            # Forking ourselves and moving to a cgroup take 10 ms and more, of which the command knows nothing.
            os.write(told, b'%.9f' % time.monotonic())
        self.p = subprocess.Popen(cmd, stdin=subprocess.PIPE if stdin else subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=pre, cwd=cwd)
        os.close(told)
        self.t0 = float(os.read(clock, 64))   # right before the command is executed
        os.close(clock)
        self.log = open(log, 'wb') if log else None
        self.buf = b''; self.first = None
    def cpu(self):
        if self.cg:
            for l in open(CG + '/cpu.stat'):
                if l.startswith('usage_usec'):
                    return int(l.split()[1]) / 1e6
        return sum(pid_cpu(p) for p in self.session())
    def session(self):
        """the pids of the command's session (it was started with setsid)"""
        out = []
        for d in os.listdir('/proc'):
            if d.isdigit():
                try:
                    if int(open('/proc/%s/stat' % d).read().rsplit(')', 1)[1].split()[3]) == self.p.pid:
                        out.append(int(d))
                except (OSError, ValueError, IndexError):
                    pass
        return out
    def rss(self):
        """resident KiB of all its processes"""
        n = 0
        pids = open(CG + '/cgroup.procs').read().split() if self.cg else [str(p) for p in self.session()]
        for p in pids:
            try:
                for l in open('/proc/%s/status' % p):
                    if l.startswith('VmRSS'):
                        n += int(l.split()[1])
            except OSError:
                pass
        return n
    def lines(self, timeout, marks=()):
        """yield (t, line); with marks, yields (t, mark) as soon as a mark's text is in the output"""
        end = self.t0 + timeout; fd = self.p.stdout.fileno(); left = list(marks); seen = b''
        while True:
            r, _, _ = select.select([fd], [], [], max(0, end - time.monotonic()))
            if not r:
                self.kill(); yield time.monotonic() - self.t0, 'TIMEOUT'; return
            d = os.read(fd, 65536); t = time.monotonic() - self.t0
            if not d:
                return
            if self.first is None:
                self.first = t
            if self.log:
                self.log.write(d); self.log.flush()
            if marks:
                seen = (seen + d)[-200000:]
                for m in list(left):
                    if re.search(m.encode(), seen):
                        left.remove(m); yield t, m
                continue
            self.buf += d
            while b'\n' in self.buf:
                l, self.buf = self.buf.split(b'\n', 1)
                yield t, l.decode('latin1').strip('\r')
    def kill(self):
        try:
            os.killpg(self.p.pid, signal.SIGKILL)
        except OSError:
            pass
    def done(self):
        pid, st, ru = os.wait4(self.p.pid, 0)
        t = time.monotonic() - self.t0; c = self.cpu() if self.cg else ru.ru_utime + ru.ru_stime
        self.p.returncode = st
        if self.cg:
            for i in range(50):
                try:
                    os.rmdir(CG); break
                except OSError:
                    if i == 5: open(CG + '/cgroup.kill', 'w').write('1')
                    time.sleep(.05)
        return dict(wall=t, cpu=c, maxrss_kb=ru.ru_maxrss, status=st)

BENCH = re.compile(r'BENCH (\S+) ([0-9.e+-]+) (\S+)(.*)')

def bench_once(cmd, timeout, log):
    p = Proc(cmd, log); cur = {}; res = {}; info = {}; ok = False
    for t, l in p.lines(timeout):
        if l.startswith('START '):
            cur[l.split()[1]] = (t, p.cpu(), host_busy())
        m = BENCH.search(l)
        if m:
            kv = dict(x.split('=', 1) for x in m[4].split() if '=' in x)
            r = dict(value=float(m[2]), unit=m[3], chk=kv.get('chk', ''), secs=float(kv.get('secs', 0)))
            if m[1] in cur:
                t0, c0, b0 = cur.pop(m[1]); c = p.cpu() - c0; w = t - t0
                r.update(host_secs=w, host_cpu=c, other=max(0.0, (host_busy() - b0 - c) / max(w, 1e-6)))
                if c > 0.02:
                    r['cpu_value'] = r['value'] * r['secs'] / c
            res[m[1]] = r
            print('  %-22s %10.5g %-10s cpu-rate %10.5g oth %.2f %s' % (m[1], r['value'], r['unit'], r.get('cpu_value', 0), r.get('other', 0), '' if 'UNSTABLE' not in r['chk'] and 'FAILED' not in r['chk'] else '*** ' + r['chk']), flush=True)
        elif l.startswith('GUEST '):
            info['guest'] = l
        elif 'KIT-DONE' in l:
            ok = True
        elif l == 'TIMEOUT' or 'Kernel panic' in l or 'Oops' in l:
            print('!!', l)
    info.update(p.done()); info['complete'] = ok
    return dict(bench=res, info=info)

def fill(tmpl, a, initrd, append):
    d = dict(kernel=a.kernel or a.kit + '/vmlinuz-cloud-arm64', initrd=initrd, append=append, kit=a.kit)
    return [re.sub(r'\{(\w+)\}', lambda m: d.get(m[1], m[0]), x) for x in tmpl]

def med(v):
    return statistics.median(v) if v else float('nan')

def summary(f):
    """name -> medians over the runs in a result file"""
    d = json.load(open(f)); out = {}
    for r in d['runs']:
        for n, b in r['bench'].items():
            out.setdefault(n, []).append(b)
    return d, {n: dict(unit=b[0]['unit'], wall=med([x['value'] for x in b]), cpu=med([x['cpu_value'] for x in b if 'cpu_value' in x]),
                       best=max([x.get('cpu_value', 0) for x in b]), n=len(b), chk={x['chk'] for x in b}, lo=min([x.get('cpu_value', 0) for x in b]),
                       clk=med([x['secs'] / x['host_secs'] for x in b if x.get('host_secs')]), oth=med([x.get('other', 0) for x in b])) for n, b in out.items()}

def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('mode', choices='bench native boot table boottable'.split()); ap.add_argument('rest', nargs='*')
    ap.add_argument('--label', default='vm'); ap.add_argument('--out'); ap.add_argument('--runs', type=int, default=3); ap.add_argument('--t', default='3')
    ap.add_argument('--sets', default='kbench'); ap.add_argument('--names', default=''); ap.add_argument('--kit', default=kit.FOLDER); ap.add_argument('--kernel')
    ap.add_argument('--initrd'); ap.add_argument('--append'); ap.add_argument('--timeout', type=float, default=1800); ap.add_argument('--marks', default='Linux version|Run /init|USERSPACE-UP')
    ap.add_argument('--last-kills', action='store_true'); ap.add_argument('--wall', action='store_true', help='table of wall rates'); ap.add_argument('--best', action='store_true', help='table of best instead of median')
    argv = sys.argv[1:]; cmd = []
    if '--' in argv:
        i = argv.index('--'); cmd = argv[i + 1:]; argv = argv[:i]
    a = ap.parse_args(argv)
    if a.mode in ('bench', 'native'):
        runs = json.load(open(a.out))['runs'] if a.out and os.path.exists(a.out) else []   # adds to an earlier result
        for i in range(a.runs):
            app = (a.append or 'console=ttyAMA0 quiet') + ' kb.t=%s kb.sets=%s' % (a.t, a.sets) + (' kb.names=' + a.names if a.names else '')
            c = fill(cmd, a, a.initrd or a.kit + '/bench.cpio', app) if a.mode == 'bench' else [a.kit + '/native/run.sh', a.t, a.sets, a.names]
            print('%s run %d: %s' % (a.label, len(runs) + 1, shlex.join(c)), flush=True)
            runs.append(bench_once(c, a.timeout, (a.out or a.kit + '/run') + '.log'))
            if a.out:
                json.dump(dict(label=a.label, cmd=shlex.join(c), runs=runs), open(a.out, 'w'), indent=1)
    elif a.mode == 'boot':
        marks = a.marks.split('|'); rs = []
        c = fill(cmd, a, a.initrd or a.kit + '/boot.cpio', a.append or 'console=ttyAMA0')
        print('%s: %s' % (a.label, shlex.join(c)), flush=True)
        for i in range(a.runs):
            b0 = host_busy(); p = Proc(c, (a.out or a.kit + '/boot') + '.log'); r = {}
            for t, m in p.lines(a.timeout, marks):
                r[m] = t; r[m + ' cpu'] = p.cpu()
                if m == marks[-1]:
                    r['rss_kb'] = p.rss()
                    if a.last_kills:
                        p.kill()
            r['first-output'] = p.first; r.update(p.done()); r['other'] = (host_busy() - b0 - r['cpu']) / r['wall']; rs.append(r)
            print('  ' + ' '.join('%s=%.3g' % (k, v) for k, v in r.items() if v is not None), flush=True)
        if a.out:
            json.dump(dict(label=a.label, cmd=shlex.join(c), marks=marks, boots=rs), open(a.out, 'w'), indent=1)
    elif a.mode == 'table':
        data = [summary(f) for f in a.rest]; names = []
        for _, s in data:
            names += [n for n in s if n not in names]
        key = 'wall' if a.wall else 'best' if a.best else 'cpu'
        kk = lambda n: 'wall' if n.startswith(('smp.', 'io.')) else key
        print('| benchmark | unit | ' + ' | '.join(d['label'] + (' (base)' if i == 0 else ' | x base') for i, (d, _) in enumerate(data)) + ' | checksums |')
        print('|---|---|' + '---|' * (2 * len(data)))
        geo = [[] for _ in data]
        for n in names:
            row = []; base = data[0][1].get(n)
            for i, (_, s) in enumerate(data):
                v = s.get(n, {}).get(kk(n))
                row.append('%.4g' % v if v else '-')
                if i:
                    if v and base and base.get(kk(n)):
                        q = v / base[kk(n)]; geo[i].append(q); row.append('%.3g' % q)
                    else:
                        row.append('-')
            chk = set().union(*[s[n]['chk'] for _, s in data if n in s]) - {''}
            u = next(s[n]['unit'] for _, s in data if n in s)
            print('| %s | %s | %s | %s |' % (n, u, ' | '.join(row), 'same' if len(chk) == 1 else 'none' if not chk else 'DIFFER ' + ' '.join(chk)))
        print('| geometric mean | | - | ' + ' | '.join('| %.3g' % statistics.geometric_mean(g) if g else '| -' for g in geo[1:]) + ' | |')
        for d, s in data:
            print('\n%s: %d runs, complete %s, other load %.2f CPU, clock %.3f..%.3f' % (d['label'], len(d['runs']), [r['info'].get('complete') for r in d['runs']], med([x['oth'] for x in s.values()]), min([x['clk'] for x in s.values()], default=0), max([x['clk'] for x in s.values()], default=0)))
    else:
        for f in a.rest:
            d = json.load(open(f)); b = d['boots']; ks = ['first-output'] + d['marks'] + ['wall', 'cpu', 'rss_kb', 'maxrss_kb', 'other']
            print('| %s | %s |' % (d['label'], ' | '.join('%s %.4g (min %.4g)%s' % (k, med([x[k] for x in b if x.get(k) is not None]), min([x[k] for x in b if x.get(k) is not None], default=float('nan')),
                  ' cpu %.3g' % med([x[k + ' cpu'] for x in b if k + ' cpu' in x]) if any(k + ' cpu' in x for x in b) else '') for k in ks)))

if __name__ == '__main__':
    main()
