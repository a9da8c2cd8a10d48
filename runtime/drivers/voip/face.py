"""What every driver of telephones can do, whatever it speaks."""

from typing import Literal, Protocol, cast

import msgspec

from catalog.provider import Call
from runtime.drivers.driver import Peer
from runtime.drivers.opening import peer_of

State = Literal["idle", "ringing", "in_call", "offline"]

MAX_PHONES = 10_000
"""More of one controller are not told of."""


class Phone(msgspec.Struct, frozen=True, kw_only=True):
    """A telephone as it is now.

    `calls_known` False: calls cannot be seen, and `idle` says no more than that it can be called. `since` is when the
    call began, in seconds since 1970 UTC.
    """

    phone_id: str
    registered: bool
    state: State
    calls_known: bool
    since: float | None = None
    address: str | None = None
    agent: str | None = None


class Telephony(Peer, Protocol):
    """A controller that knows telephones: a registrar, a proxy, or a telephone itself."""

    async def phone(self, phone_id: str) -> Phone:
        """What that telephone is doing. Raises FabricError TARGET_*; TARGET_NOT_FOUND only where that can be told."""
        ...


def telephony_of(call: Call) -> Telephony:
    """The call's target as telephony. Raises as `opening.peer_of`."""
    return cast(Telephony, peer_of(call, "voip"))
