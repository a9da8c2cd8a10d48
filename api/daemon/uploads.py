"""Uploads: bodies that are too large for memory, put into a file as they come."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sanic.http import Http

from api.daemon.endpoint import Asked, Upload
from api.refusals import LengthRequired
from catalog.errors import TooLarge

_PIECE = 1024 * 1024


@asynccontextmanager
async def uploaded(asked: Asked[Upload, Any], *, most: int, seconds: float, folder: Path) -> AsyncIterator[Path]:
    """The body as a file in `folder`, gone afterwards; it may take `seconds` to come.

    Raises LengthRequired LENGTH_REQUIRED, and TooLarge BODY_TOO_LARGE before a byte of it is read.
    """
    stream = asked.request.stream
    if not isinstance(stream, Http) or not stream.request_body:
        raise LengthRequired("LENGTH_REQUIRED", "The request has no body.", hint="Send one, with Content-Length.")
    if (stream.request_bytes_left or 0) > most:
        raise TooLarge("BODY_TOO_LARGE", f"The body is over {most} bytes.", hint="Send less.")
    asked.allow(seconds)
    usual, stream.request_max_size = stream.request_max_size, most
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".upload-") as file:
            gathered = bytearray()
            async for piece in stream:
                gathered += piece
                if len(gathered) >= _PIECE:
                    await asyncio.to_thread(file.write, bytes(gathered))
                    gathered.clear()
            file.write(gathered)
            file.flush()
            yield Path(file.name)
    finally:
        stream.request_max_size = usual
