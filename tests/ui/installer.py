# SPDX-License-Identifier: GPL-3.0-or-later
"""What Debian's graphical installer shows."""


def is_selected(pixel):
    red, green, blue = pixel
    return green - red > 50 and blue - red > 50 and green < 170


def find_selection(picture):
    """(top, bottom) of the list's selected row: a band in the theme's colour below the banner."""
    columns = [int(picture.width * (0.5 + 0.02 * i)) for i in range(16)]
    rows = [y for y in range(int(picture.height * 0.25), int(picture.height * 0.93))
            if all(is_selected(picture.pixel(x, y)) for x in columns)]
    return (rows[0], rows[-1] + 1) if rows else None
