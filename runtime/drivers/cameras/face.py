"""What every driver of cameras can do, and nothing of how: the operations and the watches speak to this alone."""

from typing import Protocol, cast

import msgspec

from catalog.provider import Call
from runtime.drivers.cameras.settings import StreamPlace
from runtime.drivers.driver import Peer
from runtime.drivers.opening import peer_of

KIND = "camera"
"""A Device's kind."""


class Still(msgspec.Struct, frozen=True, kw_only=True):
    """A picture: a JPEG whose markers were checked. `taken_at` is seconds since 1970 UTC."""

    content: bytes
    taken_at: float
    width: int
    height: int


class Cameras(Peer, Protocol):
    """A controller with cameras; they are its devices."""

    async def snapshot(self, camera_id: str) -> Still:
        """Take a picture now. Raises FabricError TARGET_*, NotFound TARGET_NOT_FOUND."""
        ...

    async def stream(self, camera_id: str) -> StreamPlace | None:
        """Where its stream is; None: it has none, only pictures. Raises FabricError TARGET_*."""
        ...


def cameras_of(call: Call) -> Cameras:
    """The call's target, as cameras. Raises what `peer_of` raises."""
    return cast(Cameras, peer_of(call, "cameras"))
