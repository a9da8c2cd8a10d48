"""`time.now`: what time it is where somebody lives, so that later steps can speak of hours and weekdays."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta

from catalog.errors import Invalid
from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.providers.native import NativeProvider

operations = OperationSet("time")

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Where(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose time."""

    zone: Annotated[str, Meta(max_length=64, description="IANA name, such as `Europe/Berlin`.")] = "UTC"


class Now(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The moment of the call. `hour` (0 to 23) and `minute` are the zone's; `epoch` is seconds since 1970, UTC."""

    time: str
    epoch: int
    hour: int
    minute: int
    weekday: Weekday


@operations.read("now", permission=None)
async def now(where: Where, call: Call) -> Now:
    """Say what time it is.

    A replayed run asks again: its answer is the time of the replay.
    """
    try:
        zone = ZoneInfo(where.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid(
            "TIME_ZONE", f"There is no time zone `{where.zone}`.", hint="Write an IANA name, such as `Europe/Berlin`."
        ) from None
    moment = datetime.now(UTC).astimezone(zone)
    return Now(
        time=moment.isoformat(timespec="seconds"),
        epoch=int(moment.timestamp()),
        hour=moment.hour,
        minute=moment.minute,
        weekday=WEEKDAYS[moment.weekday()],
    )


TIME = NativeProvider(operations)
