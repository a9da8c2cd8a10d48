"""`fabric.log`: one structured line. The cheapest operation there is, and it stays that: nothing here awaits."""

from typing import Annotated

import msgspec
from msgspec import Meta

from catalog.operations import OperationSet
from catalog.provider import Call

operations = OperationSet("fabric")


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to record."""

    message: Annotated[str | None, Meta(description="Any text.")] = None


class Logged(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The line was recorded."""

    logged: bool = True


_LOGGED = Logged()


@operations.read("log", permission=None)
async def log(line: Line, call: Call) -> Logged:
    """Record a log line.

    No side effect besides: use it to try a Connection's wiring before it does anything.
    """
    call.ports.log.line(line.message, call)
    return _LOGGED
