"""JPEG by its markers: is it one, is it whole, how large is the picture. Decodes nothing."""

import struct

import msgspec

from runtime.drivers.cameras.limits import MAX_JPEG, MAX_SIDE

MAX_SEGMENTS = 4096
"""Before the picture's size: cameras write a dozen; a hostile one may send a million empty ones."""

_START, _END = b"\xff\xd8\xff", b"\xff\xd9"
_PADDING = b"\x00\r\n"
_FRAMES = frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)))
_ALONE = frozenset((0x01, *range(0xD0, 0xD8)))
_SCAN = 0xDA


class Dimensions(msgspec.Struct, frozen=True):
    """In pixels."""

    width: int
    height: int


def measure(content: bytes) -> Dimensions:
    """How large the picture is. Raises ValueError saying what is wrong with it, in words that fit a sentence."""
    if len(content) > MAX_JPEG:
        raise ValueError(f"its picture is larger than {MAX_JPEG // 1024} KiB")
    if not content.startswith(_START):
        raise ValueError("what it sends is no JPEG")
    if not content.rstrip(_PADDING).endswith(_END):
        raise ValueError("its JPEG breaks off")
    found = _frame_header(content)
    if found is None or not (0 < found.width <= MAX_SIDE and 0 < found.height <= MAX_SIDE):
        raise ValueError("its JPEG has no usable size")
    return found


def _frame_header(content: bytes) -> Dimensions | None:
    """Walk from segment to segment until the one that tells the size."""
    place = 2
    for _ in range(MAX_SEGMENTS):
        if place + 4 > len(content):
            return None
        if content[place] != 0xFF:
            return None
        marker = content[place + 1]
        if marker == 0xFF:
            place += 1
            continue
        if marker in _ALONE:
            place += 2
            continue
        if marker in _FRAMES and place + 9 <= len(content):
            height, width = struct.unpack_from(">HH", content, place + 5)
            return Dimensions(width, height)
        length = struct.unpack_from(">H", content, place + 2)[0]
        if marker == _SCAN or length < 2:
            return None
        place += 2 + length
    return None
