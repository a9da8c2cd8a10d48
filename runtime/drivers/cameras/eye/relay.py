"""Relay: what stands between FFmpeg and the camera, in the eye itself.

FFmpeg goes where a camera sends it, checks no certificate and wants the password in its URL. So it is given a port of
this machine instead: what it asks is asked of the camera under the camera's own address and login, and of what the
camera answers it sees only what it needs to play.
"""

import contextlib
import secrets
import socket
import threading
from typing import BinaryIO, cast

from runtime.drivers.cameras.eye.job import Unseen
from runtime.drivers.cameras.eye.rtsp_text import Message, bare_reply, read_next
from runtime.drivers.cameras.eye.upstream import Upstream

_PASSED_ON = frozenset(("accept", "transport", "session", "range", "content-type", "content-length", "require"))


class Relay:
    """Serves one player. `url` is what it plays; `unseen` says afterwards what was wrong, if anything was."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1)
        # Nobody else on this machine can know it, so nobody else is served.
        self._base = f"rtsp://127.0.0.1:{self._listener.getsockname()[1]}/{secrets.token_hex(16)}"
        self.url = self._base + upstream.place.path
        self.unseen: Unseen | None = None
        self._player: socket.socket | None = None
        self._lead = upstream.sequence

    def start(self) -> None:
        """Wait for the player, in threads."""
        threading.Thread(target=self._requests, name="requests", daemon=True).start()

    def close(self) -> None:
        """End both connections."""
        self._upstream.close()
        self._listener.close()
        player = self._player
        if player is not None:
            with contextlib.suppress(OSError):
                player.shutdown(socket.SHUT_RDWR)

    def _requests(self) -> None:
        """From the player to the camera."""
        try:
            player, _ = self._listener.accept()
            self._player = player
            stream = cast(BinaryIO, player.makefile("rb", buffering=64 * 1024))
            first = True
            while True:
                found = read_next(stream)
                if isinstance(found, bytes):
                    self._upstream.pass_on(found)
                    continue
                self._ask(found)
                if first:
                    first = False
                    threading.Thread(target=self._replies, args=(player,), name="replies", daemon=True).start()
        except Unseen as unseen:
            self._ended(unseen)
        except OSError:
            self._ended(Unseen("hung_up"))

    def _replies(self, player: socket.socket) -> None:
        """From the camera to the player."""
        try:
            while True:
                found = self._upstream.receive()
                player.sendall(found if isinstance(found, bytes) else self._bare(found))
        except Unseen as unseen:
            self._ended(unseen)
        except OSError:
            self._ended(Unseen("hung_up"))

    def _ask(self, request: Message) -> None:
        method, _, rest = request.first.partition(" ")
        uri = rest.partition(" ")[0]
        if uri.startswith(self._base):
            uri = self._upstream.place.root + uri.removeprefix(self._base)
        elif self._upstream.sequence == self._lead:
            raise Unseen("not_rtsp")
        headers = {name.title(): value for name, value in request.headers.items() if name in _PASSED_ON}
        self._upstream.send(method, uri, headers, request.body)

    def _bare(self, reply: Message) -> bytes:
        number = reply.headers.get("cseq", "")
        if not (number.isdigit() and len(number) < 10):
            raise Unseen("not_rtsp")
        return bare_reply(reply, int(number) - self._lead).written()

    def _ended(self, unseen: Unseen) -> None:
        """The first reason is the one."""
        if self.unseen is None:
            self.unseen = unseen
        self.close()
