# SPDX-License-Identifier: GPL-3.0-or-later
"""Where `./dev guests` puts the benchmark kit: the cache folder, as ../../dev has it."""
import os

CACHE = os.environ.get('TERRARIUM_CACHE') or os.path.join(
    os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'terrarium')
FOLDER = os.path.join(CACHE, 'guests')
