# SPDX-License-Identifier: GPL-3.0-or-later
"""That the watchdog of the tests of the window tells what is busy for long, and nothing else."""
import os
import subprocess
import sys
import tempfile

import busy

example, library = map(os.path.abspath, sys.argv[1:3])
with tempfile.TemporaryDirectory() as room:
    for ms, expected in (("600", 2), ("20", 0)):
        told = os.path.join(room, ms)
        environment = {**os.environ, "LD_PRELOAD": library, "TERRARIUM_WATCHDOG": told}
        subprocess.run([example, ms], env=environment, check=True, timeout=60)
        found = busy.read(told, (os.path.basename(example),))
        assert len(found) == expected and all("keep_busy" in line for line in found), (ms, found)
