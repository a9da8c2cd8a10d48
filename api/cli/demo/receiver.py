"""The shop of the demo: a real HTTP receiver on loopback that verifies what it is sent."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec

from catalog.jsonvalue import Json


class Delivery(msgspec.Struct, frozen=True):
    """One POST: its path, its JSON, and what verifying its signature came to (`OK`)."""

    path: str
    body: Json
    verdict: str


class Shop:
    """Takes deliveries and verifies them with the shared secret."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._came = threading.Condition()
        self.deliveries: list[Delivery] = []
        self.url = ""

    def take(self, path: str, headers: list[tuple[str, str]], body: bytes) -> None:
        """Note one delivery."""
        from runtime.signatures.verifying import verify  # noqa: PLC0415 - cryptography, only once something comes

        verdict = verify("standard", headers, body, (self._secret,), time.time())
        with self._came:
            self.deliveries.append(Delivery(path, json.loads(body), verdict))
            self._came.notify_all()

    def wait(self, seconds: float) -> Delivery | None:
        """The first delivery, None where none comes in time."""
        with self._came:
            self._came.wait_for(lambda: bool(self.deliveries), seconds)
            return self.deliveries[0] if self.deliveries else None


@contextmanager
def open_shop(secret: str) -> Iterator[Shop]:
    """A Shop that listens on a free port."""
    shop = Shop(secret)

    class Handler(BaseHTTPRequestHandler):
        """Hands each POST to the shop."""

        def do_POST(self) -> None:  # the standard library's name
            """Take a delivery and say thanks."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            shop.take(self.path, list(self.headers.items()), body)
            answer = b'{"thanks": true}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the demo tells the story."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    shop.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield shop
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
