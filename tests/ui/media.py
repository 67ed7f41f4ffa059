# SPDX-License-Identifier: GPL-3.0-or-later
"""Media to start machines from, made of nothing: a tiny program for UEFI that says HELLO on the
serial line and then echoes like guest.py's, FAT with it, a CD (El Torito) and a disk (GPT)."""
import struct

import guest

BLOCK = 2048
SECTOR = 512
ARM, X86 = 0xAA64, 0x8664
LOADERS = {ARM: b"BOOTAA64EFI", X86: b"BOOTX64 EFI"}


def program(machine):
    """A PE32+ application (PE Format; UEFI 2.10 §2.1.1). For ARM, guest.py's program: UEFI maps the
    UART where it is."""
    code = struct.pack(f"<{len(guest.CODE)}I", *guest.CODE) + guest.TEXT
    code = code.ljust(0x200, b"\0")
    coff = struct.pack("<HHIIIHH", machine, 1, 0, 0, 0, 240, 0x22)
    optional = struct.pack("<HBBIIIII", 0x20B, 0, 0, len(code), 0, 0, 0x1000, 0x1000)
    optional += struct.pack("<QIIHHHHHHIIIIHHQQQQII", 0x10000, 0x1000, 0x200, 0, 0, 0, 0, 0, 0, 0, 0x2000,
                            0x200, 0, 10, 0, 0, 0, 0, 0, 0, 16) + bytes(128)
    section = b".text\0\0\0" + struct.pack("<IIIIIIHHI", len(code), 0x1000, len(code), 0x200, 0, 0, 0, 0,
                                           0x60000020)
    head = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + coff + optional + section
    return head.ljust(0x200, b"\0") + code


def entry(name, attribute, cluster, size=0):
    return name + struct.pack("<B8xHHHHI", attribute, 0, 0, 0, cluster, size)


def fat(machine):
    """FAT12 of 1 MiB with \\EFI\\BOOT\\BOOT*.EFI."""
    sectors, table_sectors, roots = 2048, 6, 64
    data = program(machine)
    boot = (b"\xeb\x3c\x90TERRARIU" + struct.pack("<HBHBHHBHHHII", SECTOR, 1, 1, 1, roots, sectors, 0xF8,
                                                  table_sectors, 32, 2, 0, 0)
            + struct.pack("<BBBI11s8s", 0x80, 0, 0x29, 1, b"TEST       ", b"FAT12   "))
    boot = boot.ljust(510, b"\0") + b"\x55\xaa"
    n = -(-len(data) // SECTOR)
    chain = [0xFF8, 0xFFF, 0xFFF, 0xFFF] + [i + 1 for i in range(4, 4 + n - 1)] + [0xFFF]
    table = bytearray(table_sectors * SECTOR)
    for i, value in enumerate(chain):
        pair = struct.unpack_from("<H", table, i + i // 2)[0] | (value << 4 if i % 2 else value)
        struct.pack_into("<H", table, i + i // 2, pair)
    root = entry(b"EFI        ", 0x10, 2).ljust(roots * 32, b"\0")
    dots = entry(b".          ", 0x10, 2) + entry(b"..         ", 0x10, 0)
    efi = (dots + entry(b"BOOT       ", 0x10, 3)).ljust(SECTOR, b"\0")
    dots = entry(b".          ", 0x10, 3) + entry(b"..         ", 0x10, 2)
    folder = (dots + entry(LOADERS[machine], 0x20, 4, len(data))).ljust(SECTOR, b"\0")
    image = boot + bytes(table) + root + efi + folder + data
    return image.ljust(sectors * SECTOR, b"\0")


def both(value, size):
    """ECMA-119 7.2.3, 7.3.3: both byte orders."""
    return value.to_bytes(size, "little") + value.to_bytes(size, "big")


def write_iso(path, volume, machine):
    """A CD that only has what starts it; machine None: not even that."""
    first, image = 24, fat(machine) if machine else b""
    blocks = first + len(image) // BLOCK
    root = bytes([34, 0]) + both(23, 4) + both(BLOCK, 4) + bytes(7) + b"\2\0\0" + both(1, 2) + b"\1\0"
    primary = (b"\1CD001\1\0" + b"LINUX".ljust(32) + volume.encode().ljust(32) + bytes(8) + both(blocks, 4)
               + bytes(32) + both(1, 2) + both(1, 2) + both(BLOCK, 2) + both(10, 4) + bytes(16) + root)
    primary = primary.ljust(190, b"\0") + b"".ljust(128 * 4) + b"".ljust(37 * 3) + bytes(68) + b"\1"
    record = b"\0CD001\1EL TORITO SPECIFICATION".ljust(0x47, b"\0") + struct.pack("<I", 20)
    check = bytearray(struct.pack("<BBH24sHH", 1, 0xEF, 0, b"", 0, 0xAA55))
    struct.pack_into("<H", check, 28, -sum(struct.unpack("<16H", check)) & 0xFFFF)
    catalog = bytes(check) + struct.pack("<BBHBBHI20x", 0x88, 0, 0, 0, 0, len(image) // SECTOR, first)
    parts = {16: primary, 17: record if machine else b"\xffCD001\1", 18: b"\xffCD001\1",
             20: catalog if machine else b"", 23: root + root[:32] + b"\1\1", first: image}
    with open(path, "wb") as file:
        for block, data in parts.items():
            file.seek(block * BLOCK)
            file.write(data)
        file.truncate(blocks * BLOCK)


def write_disk(path, machine):
    """A raw disk with a GUID partition table (UEFI 2.10 §5.3) and one system partition."""
    import zlib
    image = fat(machine)
    total, first = 34 + len(image) // SECTOR + 34, 34
    last = first + len(image) // SECTOR - 1
    mbr = bytes(446) + struct.pack("<B3xB3xII", 0, 0xEE, 1, total - 1) + bytes(48) + b"\x55\xaa"
    esp = bytes.fromhex("28732ac11ff8d211ba4b00a0c93ec93b")
    entries = (esp + bytes(15) + b"\1" + struct.pack("<QQQ", first, last, 0)).ljust(128 * 128, b"\0")

    def header(here, other, at):
        def make(crc):
            return struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, crc, 0, here, other, first,
                               total - 34, bytes(15) + b"\2", at, 128, 128, zlib.crc32(entries))
        return make(zlib.crc32(make(0))).ljust(SECTOR, b"\0")

    disk = mbr + header(1, total - 1, 2) + entries + image
    disk = disk.ljust((total - 33) * SECTOR, b"\0") + entries + header(total - 1, 1, total - 33)
    with open(path, "wb") as file:
        file.write(disk)
