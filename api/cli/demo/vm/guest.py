"""The demo's guest: a boot sector that says it is up, and switches the machine off when its power button is pressed.

It is an operating system as far as a hypervisor is concerned: `shutdown` and `reboot` press the button and wait.
"""

import struct
from pathlib import Path

SAYS_UP = "up\n"
"""What each start writes to the first serial port."""

_ORIGIN = 0x7C00
_SECTOR = 512
_IMAGE = 1024 * 1024

# The ports are those that SeaBIOS gives the power management of QEMU's machine `pc`: status 0x600, enable 0x602,
# control 0x604.
_CODE = bytes.fromhex(
    "31c0"  # xor ax, ax
    "8ed8"  # mov ds, ax
    "8ed0"  # mov ss, ax
    "bc007c"  # mov sp, 0x7c00
    "be0000"  # mov si, text          (filled in below)
    # next:
    "ac"  # lodsb
    "84c0"  # test al, al
    "7406"  # jz armed
    "baf803"  # mov dx, 0x3f8         (the first serial port)
    "ee"  # out dx, al
    "ebf5"  # jmp next
    # armed:
    "ba0206"  # mov dx, 0x602
    "b80001"  # mov ax, 0x100         (tell of the power button)
    "ef"  # out dx, ax
    # idle:
    "fb"  # sti
    "f4"  # hlt                       (until the clock ticks, 18 times a second)
    "ba0006"  # mov dx, 0x600
    "ed"  # in ax, dx
    "f6c401"  # test ah, 1            (was it pressed?)
    "74f5"  # jz idle
    "b80001"  # mov ax, 0x100         (taken note of)
    "ef"  # out dx, ax
    "ba0406"  # mov dx, 0x604
    "b80020"  # mov ax, 0x2000        (sleep for good)
    "ef"  # out dx, ax
    "ebe7"  # jmp idle
)
_TEXT_AT = _CODE.index(bytes.fromhex("be0000")) + 1


def write_disk(path: Path) -> None:
    """Write a raw disk of 1 MiB that boots the guest."""
    code = bytearray(_CODE)
    code[_TEXT_AT : _TEXT_AT + 2] = struct.pack("<H", _ORIGIN + len(code))
    sector = (bytes(code) + SAYS_UP.encode() + b"\0").ljust(_SECTOR - 2, b"\0") + b"\x55\xaa"
    path.write_bytes(sector.ljust(_IMAGE, b"\0"))
