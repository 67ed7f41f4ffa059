# SPDX-License-Identifier: GPL-3.0-or-later
"""A tiny arm64 Image that starts at once: says READY on the serial line and echoes what it gets
there, one letter further ('a' comes back as 'b'). At a 'q' it powers itself off."""
import struct

UART = 0x09000000
CODE = [
    0xD2A12000,  # mov  x0, #UART
    0x52806023,  # mov  w3, #0x301
    0xB9003003,  # str  w3, [x0, #48]        on, sending and receiving
    0x10000201,  # adr  x1, text
    0x38401422,  # ldrb w2, [x1], #1
    0x34000062,  # cbz  w2, echo
    0xB9000002,  # str  w2, [x0]
    0x17FFFFFD,  # b    to the ldrb
    0xB9401803,  # echo: ldr w3, [x0, #24]   flags
    0x3727FFE3,  # tbnz w3, #4, echo         nothing received
    0xB9400002,  # ldr  w2, [x0]
    0x7101C45F,  # cmp  w2, #'q'
    0x54000080,  # b.eq off
    0x11000442,  # add  w2, w2, #1
    0xB9000002,  # str  w2, [x0]
    0x17FFFFF9,  # b    echo
    0x52800100,  # off: mov w0, #8
    0x72B08000,  # movk w0, #0x8400, lsl #16  PSCI SYSTEM_OFF
    0xD4000002,  # hvc  #0
]
TEXT = b"READY\r\n\0"


def write(path):
    # struct arm64_image_header of Documentation/arch/arm64/booting.rst; the code follows at 64.
    size = 64 + 4 * len(CODE) + len(TEXT)
    header = struct.pack("<IIQQQQQQ4sI", 0x14000010, 0, 0, size, 0x0A, 0, 0, 0, b"ARM\x64", 0)
    with open(path, "wb") as file:
        file.write(header + struct.pack(f"<{len(CODE)}I", *CODE) + TEXT)
