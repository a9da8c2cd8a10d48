"""What bounds one connection of a port. Head rules are those of the API's own door."""

import msgspec

from runtime.wasm.messages import HEADERS_MOST


class HttpLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds, bytes and counts; tests shorten them. Seconds are absolute: bytes that trickle in buy no time.

    `headers` leaves room for the two that are added for the guest.
    """

    head_seconds: float = 10.0
    body_seconds: float = 30.0
    idle_seconds: float = 15.0
    write_seconds: float = 30.0
    farewell_seconds: float = 1.0
    tick: float = 0.5
    head: int = 8 * 1024
    headers: int = HEADERS_MOST - 2
    body: int = 10_000_000
    connections: int = 2000
    pipelined: int = 16
