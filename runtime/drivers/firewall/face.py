"""Gateway: what every firewall driver can do, whatever it reads."""

from typing import Annotated, Protocol, cast

import msgspec
from msgspec import Meta

from catalog.provider import Call
from runtime.drivers.driver import Peer
from runtime.drivers.firewall.settings import Severity
from runtime.drivers.opening import peer_of


class Alert(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something the firewall found worth telling."""

    id: str
    at: Annotated[str, Meta(description="RFC 3339, UTC.")]
    severity: Severity
    signature: str
    source: Annotated[str | None, Meta(description="Address, and port where there is one.")] = None
    destination: str | None = None
    protocol: str | None = None
    category: str | None = None
    action: Annotated[str | None, Meta(description="What was done with it, such as `blocked`, where it is told.")] = (
        None
    )


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which alerts: with all these words, of this severity, after this moment (microseconds since 1970)."""

    words: tuple[str, ...] = ()
    severity: Severity | None = None
    after_us: int | None = None
    limit: int = 100


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The latest of them first. `whole`: everything that the gateway had logged by then was looked through."""

    alerts: tuple[Alert, ...]
    total: int
    whole: bool


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Does the gateway work? `last_us` is when it last logged anything, None where that cannot be told."""

    online: bool
    last_us: int | None = None
    reason: str | None = None


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What reading on came to. `new` alerts have come since `told` was last called; `mark` names that state for ever.

    `whole`: the log's end was reached, at the moment `at_us`.
    """

    new: int
    at_us: int
    mark: str
    whole: bool


class Gateway(Peer, Protocol):
    """A firewall, opened."""

    async def search(self, wanted: Wanted) -> Found:
        """Read on to the log's end if there is time, then look. Raises FabricError TARGET_*."""
        ...

    async def standing(self) -> Standing:
        """Look at the log and its writer. Raises FabricError TARGET_* only where the disk itself hangs."""
        ...

    async def read_on(self, *, heard: bool = False) -> Reading:
        """Read what has been logged; `heard`: nobody was away, it counts as told. Raises FabricError TARGET_*."""
        ...

    async def told(self, reading: Reading) -> None:
        """What `reading` counted is counted no more."""
        ...


def gateway_of(call: Call) -> Gateway:
    """The call's target. Raises Invalid DRIVER_UNFIT and what `opening.peer_of` raises."""
    return cast(Gateway, peer_of(call, "firewall"))
