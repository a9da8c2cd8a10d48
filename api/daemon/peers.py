"""Peers: whom the Unix socket answers, by what the kernel says of the process at the other end."""

import os
import socket
import struct
from asyncio import BaseTransport
from pathlib import Path

import msgspec
import structlog

from api.hardening import HardProtocol

_log = structlog.get_logger()

_CREDENTIALS = struct.Struct("3i")
_GROUP = struct.Struct("I")
SO_PEERGROUPS = 59
"""Linux's; Python's socket module does not name it."""

GROUPS_MOST = 256
"""Python's getsockopt holds no more."""


class Peers(msgspec.Struct, frozen=True):
    """The socket's owner and its group: they and root are answered, nobody else, whatever the file's mode says."""

    uid: int
    gid: int

    @classmethod
    def of(cls, path: Path) -> "Peers":
        """Those of a socket that lies at `path`."""
        found = path.stat()
        return cls(found.st_uid, found.st_gid)

    def admits(self, connection: socket.socket) -> bool:
        """Is the process at the other end root's, the owner's or a member's of the group? No answer is a no."""
        try:
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            _, uid, gid = _CREDENTIALS.unpack(credentials)
            return uid in (0, self.uid) or gid == self.gid or self.gid in _groups(connection)
        except OSError as error:
            _log.warning("socket_peer_unknown", why=error.strerror)
            return False


def _groups(connection: socket.socket) -> set[int]:
    """The peer's further groups, as they were when it connected. Who is in more than 256 is not told apart."""
    data = connection.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, GROUPS_MOST * _GROUP.size)
    return {each for (each,) in _GROUP.iter_unpack(data)}


class PeerProtocol(HardProtocol):
    """Takes connections of the socket's owner and group. The application's context has `peers`."""

    __slots__ = ()

    def connection_made(self, transport: BaseTransport) -> None:
        """Look who it is before a byte is read."""
        peers: Peers = self.app.ctx.peers
        with socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as connection:
            admitted = peers.admits(connection)
        if not admitted:
            _log.warning("socket_stranger", why="neither root, nor the owner, nor of the group")
            transport.abort()  # type: ignore[attr-defined]  # asyncio's stub hands protocols the base class
            return
        super().connection_made(transport)
