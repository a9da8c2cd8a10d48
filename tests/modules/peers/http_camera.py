"""An HTTP camera: serves JPEGs that move, and asks for a login by Basic or Digest, or for none."""

import hashlib
import platform
import secrets
import ssl
import threading
from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import parse_http_list, parse_keqv_list

from tests.modules.peers.pictures import moving

USER, PASSWORD = "viewer", "päss:word"
HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


@dataclass
class HttpCamera:
    """`wants` is `none`, `basic`, `MD5`, `SHA-256` or `MD5-sess`. A picture of each path goes out in turn."""

    wants: str = "none"
    pictures: Sequence[bytes] = field(default_factory=moving)
    url: str = ""
    requests: list[tuple[str, int]] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    nonces: dict[str, int] = field(default_factory=dict)
    sent: int = 0
    version: str = f"http.server of Python {platform.python_version()}"

    def challenge(self) -> str:
        """What it answers whoever has not signed in."""
        if self.wants == "basic":
            return 'Basic realm="a camera"'
        nonce = secrets.token_hex(8)
        self.nonces[nonce] = 0
        return f'Digest realm="a camera", nonce="{nonce}", opaque="x=1, y", algorithm={self.wants}, qop="auth"'

    def lets_in(self, header: str, method: str, path: str) -> bool:
        """Is that the right login?"""
        scheme, _, rest = header.partition(" ")
        if self.wants == "basic":
            return scheme == "Basic" and b64decode(rest).decode() == f"{USER}:{PASSWORD}"
        if scheme != "Digest":
            return False
        facts = parse_keqv_list(parse_http_list(rest))
        uses = int(facts["nc"], 16)
        if uses <= self.nonces.get(facts["nonce"], 1 << 32) or facts["uri"] != path:
            return False
        self.nonces[facts["nonce"]] = uses
        return facts["response"] == self._expected(facts, method)

    def _expected(self, facts: dict[str, str], method: str) -> str:
        hashed = HASHES[self.wants.removesuffix("-sess")]

        def digest(text: str) -> str:
            return hashed(text.encode()).hexdigest()

        secret = digest(f"{USER}:a camera:{PASSWORD}")
        if self.wants.endswith("-sess"):
            secret = digest(f"{secret}:{facts['nonce']}:{facts['cnonce']}")
        asked = digest(f"{method}:{facts['uri']}")
        return digest(f"{secret}:{facts['nonce']}:{facts['nc']}:{facts['cnonce']}:auth:{asked}")


@contextmanager
def http_camera(
    wants: str = "none", pictures: Sequence[bytes] = (), tls: ssl.SSLContext | None = None
) -> Iterator[HttpCamera]:
    """One that listens on a free port of loopback, with TLS where it is given a context."""
    camera = HttpCamera(wants, pictures or moving())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = 200, {"Content-Type": "image/jpeg"}, b""
            if camera.wants != "none" and not camera.lets_in(self.headers.get("Authorization", ""), "GET", self.path):
                status, headers = 401, {"WWW-Authenticate": camera.challenge()}
            elif self.path in camera.gone:
                status = 404
            else:
                body = camera.pictures[camera.sent % len(camera.pictures)]
                camera.sent += 1
            camera.requests.append((self.path, status))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    camera.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield camera
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
