"""Link: what a driver is given to speak to its controller."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import msgspec

from catalog.provider import Ports, Target
from runtime.drivers.failures import Reaching

S = TypeVar("S", bound=msgspec.Struct)

USUAL_SECONDS = 10.0


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """One controller for one call: its settings and credentials as the driver declared them, and how long it may take.

    `deadline` is on the loop's monotonic clock, in seconds.
    """

    target: Target
    settings: msgspec.Struct
    credentials: msgspec.Struct
    ports: Ports
    deadline: float

    @property
    def seconds(self) -> float:
        """How long it may still take."""
        return max(0.0, self.deadline - asyncio.get_running_loop().time())

    def reaching(self, what: str = "") -> AbstractAsyncContextManager[None]:
        """Bound what is inside by the deadline and translate what the network says. `what` is said in its errors."""
        return Reaching(self.target, self.seconds, what)
