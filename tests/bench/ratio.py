#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""ratio.py OURS.json QEMU.json...: ours (median of its runs) against the best run of the others per row; geometric means by group.
Exit 0 when the bars hold and every checksum agrees. smp.* and io.* rows compare the guest's own (wall) rates, all others work per
second of host CPU (of every process of the command)."""
import json, math, statistics, sys
BAR = dict(int=2.2, fp=8, simd=12, mem=1.3, sys=2, jit=8, atomic=2, smp=1.5)
def load(f):
    r = {}; chk = {}
    for run in json.load(open(f))['runs']:
        for k, b in run['bench'].items():
            wall = k.startswith(('smp.', 'io.'))
            r.setdefault(k, []).append(b.get('value' if wall else 'cpu_value') or b.get('value') or 0)
            if b.get('chk'): chk.setdefault(k, set()).add(b['chk'])
    return r, chk
ours, oc = load(sys.argv[1]); q = {}; qc = {}
for f in sys.argv[2:]:
    r, c = load(f)
    for k, v in r.items(): q[k] = max(q.get(k, 0), max(v))
    for k, v in c.items(): qc.setdefault(k, set()).update(v)
g = {}; bad = []; out = []
for k in sorted(q):
    x = statistics.median(ours[k]) / q[k] if ours.get(k) and q[k] else 0
    differ = k in oc and k in qc and oc[k] != qc[k]
    if differ: bad.append('DIFFER:' + k)
    g.setdefault(k.split('.')[0], []).append(max(x, 1e-3)); print('%-28s %8.2f%s' % (k, x, '  checksum differs' if differ else ''))
for k, v in g.items():
    m = math.exp(sum(map(math.log, v)) / len(v)); out.append('%s %.2f' % (k, m))
    if m < BAR.get(k, 1): bad.append(k)
if not g: print('no rows'); sys.exit(1)
print(('short: ' + ','.join(bad) + '; ' if bad else 'holds; ') + '; '.join(out)); sys.exit(bool(bad))
