"""Reading an answer's body: bounded as it comes in and bounded again as it is unpacked."""

import zlib

import aiohttp

MAX_RAW = 65536
"""Bytes read from the wire at most: a stream of empty compressed blocks must end somewhere too."""

_WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


async def read_body(response: aiohttp.ClientResponse, kept: int) -> tuple[bytes, bool]:
    """At most `kept` bytes of the body, unpacked, and whether there was more.

    One coding of gzip or deflate is undone; anything else is kept as it came. Raises aiohttp.ClientError where the
    transfer breaks off, zlib.error where the packing is broken.
    """
    coding = response.headers.get("Content-Encoding", "").strip().lower()
    window = _WINDOWS.get(coding)
    if window is None:
        raw, more = await _read_raw(response, kept)
        return raw, more
    raw, more = await _read_raw(response, MAX_RAW)
    return _unpack(raw, window, kept, more=more)


async def _read_raw(response: aiohttp.ClientResponse, limit: int) -> tuple[bytes, bool]:
    pieces: list[bytes] = []
    room = limit + 1
    while room and (piece := await response.content.read(room)):
        pieces.append(piece)
        room -= len(piece)
    found = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    return (found, False) if room else (found[:limit], True)


def _unpack(raw: bytes, window: int, kept: int, *, more: bool) -> tuple[bytes, bool]:
    unpacker = zlib.decompressobj(window)
    try:
        found = unpacker.decompress(raw, kept + 1)
    except zlib.error:
        if window != zlib.MAX_WBITS:
            raise
        # Some servers mean the bare stream when they say deflate.
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        found = unpacker.decompress(raw, kept + 1)
    cut = len(found) > kept
    return found[:kept], cut or (more and not unpacker.eof)
