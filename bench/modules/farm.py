"""A farm of cameras in a process of its own: `python -m bench.modules.farm PICTURE` prints its port and serves.

`GET /N.jpg` is camera N's picture, or 503 while it is dark. `POST /dark/N` makes it so, and `GET /told/N` says when it
first answered so. `POST /hook` is where a webhook `{"camera": "N"}` arrives, and `GET /came/N` says when. Seconds since
1970.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

import uvloop


class Farm:
    """What the cameras are, and when something was first seen of each."""

    def __init__(self, picture: bytes) -> None:
        self._picture = _answer(200, "image/jpeg", picture)
        self._dark: set[str] = set()
        self._told: dict[str, float] = {}
        self._came: dict[str, float] = {}

    def answer(self, method: str, path: str, body: bytes) -> bytes:
        """One request's whole answer."""
        name = path.rpartition("/")[2].removesuffix(".jpg")
        if path.endswith(".jpg"):
            if name not in self._dark:
                return self._picture
            self._told.setdefault(name, time.time())
            return _answer(503, "text/plain", b"dark")
        if method == "POST" and path == "/hook":
            self._came.setdefault(str(json.loads(body)["camera"]), time.time())
        elif method == "POST":
            self._dark.add(name)
        elif path.startswith("/told/"):
            return _answer(200, "text/plain", str(self._told.get(name, 0.0)).encode())
        elif path.startswith("/came/"):
            return _answer(200, "text/plain", str(self._came.get(name, 0.0)).encode())
        return _answer(200, "text/plain", b"")


def _answer(status: int, kind: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


async def _serve(farm: Farm) -> None:
    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, path, _ = head.split(" ", 2)
            lengths = [
                line.partition(":")[2] for line in head.lower().split("\r\n") if line.startswith("content-length:")
            ]
            body = await reader.readexactly(int(lengths[0])) if lengths else b""
            writer.write(farm.answer(method, path, body))
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(Farm(Path(sys.argv[1]).read_bytes())))
