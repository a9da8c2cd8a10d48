"""Walking an SNMP table, whatever the agent answers: it goes forward, and it ends."""

from collections.abc import Awaitable, Callable
from typing import Final

from catalog.provider import Target
from runtime.drivers.failures import refused

MAX_ROWS = 20_000
"""A column with more rows is taken for one without an end."""


class End:
    """What stands where an agent has nothing more to tell."""


Oid = tuple[int, ...]
END: Final = End()
Value = int | bytes | End | None
Bind = tuple[Oid, Value]
Ask = Callable[[Oid], Awaitable[list[Bind]]]
"""Gives the next objects after one."""


async def walk(ask: Ask, column: Oid, target: Target) -> dict[Oid, int | bytes]:
    """The column's values by their index; empty where the agent has no such column.

    Raises TargetFailed TARGET_REFUSED where it does not go forward or does not end, and what `ask` raises.
    """
    rows: dict[Oid, int | bytes] = {}
    at = column
    while True:
        binds = await ask(at)
        for oid, value in binds:
            if isinstance(value, End) or oid[: len(column)] != column:
                return rows
            if oid <= at:
                raise refused(target, f"its table {_dotted(column)} goes round in circles", _BROKEN)
            at = oid
            if value is not None:
                rows[oid[len(column) :]] = value
            if len(rows) > MAX_ROWS:
                raise refused(target, f"its table {_dotted(column)} has more than {MAX_ROWS} rows", _BROKEN)
        if not binds:
            return rows


_BROKEN = "Walk it with `snmpbulkwalk`; its maker may have mended its agent in a newer firmware."


def _dotted(oid: Oid) -> str:
    return ".".join(str(part) for part in oid)
