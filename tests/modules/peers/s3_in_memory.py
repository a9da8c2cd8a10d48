"""A server with as much S3 as a test needs, for what no real one does on demand: conditions, breaking off."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

NOT_FOUND = b"<Error><Code>NoSuchKey</Code></Error>"


class Memory:
    """What it holds and was asked. `before` is called with each PUT's path, and may say what is answered instead."""

    def __init__(self) -> None:
        self.held: dict[str, tuple[bytes, dict[str, str]]] = {}
        self.puts: list[dict[str, str]] = []
        self.before: Callable[[str], int | None] = lambda _path: None
        self.breaks_off_after = 0
        """So many PUTs are carried out, and their connections closed without an answer."""
        self.address = ""
        self.mute = False
        """Nothing is answered any more."""

    def go_mute(self) -> None:
        """From the next request on."""
        self.mute = True

    def put(self, path: str, content: bytes) -> None:
        """Somebody else stores something."""
        self.held[path] = (content, {})


class _Door(BaseHTTPRequestHandler):
    memory: Memory
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.memory.mute:
            self.close_connection = True
            return
        found = self.memory.held.get(unquote(self.path))
        if found is None:
            self._answer(404, NOT_FOUND)
            return
        content, meta = found
        headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"', **meta}
        if self.headers.get("Range") and content:
            self._answer(206, content[:1], {"Content-Range": f"bytes 0-0/{len(content)}", **headers})
        else:
            self._answer(200, content, headers)

    def do_PUT(self) -> None:
        memory, path = self.memory, unquote(self.path)
        content = self.rfile.read(int(self.headers["Content-Length"]))
        memory.puts.append({name.lower(): value for name, value in self.headers.items()})
        instead = memory.before(path)
        if instead is not None:
            self._answer(instead, b"<Error><Code>SlowDown</Code></Error>")
            return
        held = memory.held.get(path)
        etag = f'"{hashlib.sha256(held[0]).hexdigest()[:32]}"' if held else ""
        wanted = self.headers.get("If-Match")
        if (self.headers.get("If-None-Match") and held) or (wanted is not None and wanted != etag):
            self._answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
            return
        meta = {name: value for name, value in self.headers.items() if name.lower().startswith("x-amz-meta-")}
        memory.held[path] = (content, meta)
        if memory.breaks_off_after:
            memory.breaks_off_after -= 1
            self.close_connection = True
            return
        self._answer(200, b"")

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


@contextmanager
def s3_in_memory() -> Iterator[Memory]:
    """One that listens on loopback."""
    memory = Memory()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Door", (_Door,), {"memory": memory}))
    memory.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
