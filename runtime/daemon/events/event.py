"""DaemonEvent: one thing that happened; the types there are; which events somebody wants."""

from collections.abc import Iterable, Mapping

import msgspec

from catalog.catalog import nearest
from catalog.errors import Invalid
from catalog.jsonvalue import Json
from runtime.clock import rfc3339

EVENT_TYPES = (
    "service.created",
    "service.started",
    "service.stopped",
    "service.failed",
    "service.scaled",
    "health.changed",
    "network.created",
    "volume.created",
    "policy.violated",
)
LAGGED = "stream.lagged"
"""What a stream says, and no history holds: its reader has missed something."""

_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
_IDS = len(_LETTERS) ** 6
_STEP = 1_392_450_413


class DaemonEvent(msgspec.Struct, frozen=True, kw_only=True):
    """`seq` grows by the order of what happened and is never given twice, not after a restart either."""

    seq: int
    id: str
    type: str
    service_id: str | None = None
    data: Mapping[str, Json] = {}
    time_ns: int

    def shown(self) -> dict[str, Json]:
        """As the history prints it."""
        return {
            "id": self.id,
            "type": self.type,
            "service_id": self.service_id,
            "data": dict(self.data),
            "timestamp": rfc3339(self.time_ns),
        }

    def streamed(self) -> dict[str, Json]:
        """As a stream's `data:` line has it: one flat object; `id` in it is what the event is about."""
        service = {} if self.service_id is None else {"service_id": self.service_id}
        return {**service, **self.data, "event_id": self.id, "timestamp": rfc3339(self.time_ns)}


def event_id(seq: int) -> str:
    """`event-` and six letters: another one for each of two thousand million numbers in a row."""
    rest, letters = seq * _STEP % _IDS, []
    for _ in range(6):
        rest, digit = divmod(rest, len(_LETTERS))
        letters.append(_LETTERS[digit])
    return "event-" + "".join(letters)


def lagged(seq: int, time_ns: int, why: str, lost: int | None = None) -> DaemonEvent:
    """The word that a reader has missed something. A stream that begins after `seq` misses no more than that."""
    data: dict[str, Json] = {"reason": why} if lost is None else {"reason": why, "lost": lost}
    return DaemonEvent(seq=seq, id="event-lagged", type=LAGGED, data=data, time_ns=time_ns)


def check_types(types: Iterable[str]) -> frozenset[str]:
    """The types a reader names. Raises Invalid INVALID_REQUEST for one that there is not."""
    wanted = frozenset(types)
    for unknown in sorted(wanted - set(EVENT_TYPES)):
        near = nearest(unknown, EVENT_TYPES)
        raise Invalid(
            "INVALID_REQUEST",
            f"`{unknown}` is not an event type.",
            hint=f"Did you mean `{near}`?" if near else f"There are: {', '.join(EVENT_TYPES)}.",
            details={"types": list(EVENT_TYPES)},
        )
    return wanted


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which events a reader wants; None wants all."""

    types: frozenset[str] | None = None
    service: str | None = None
    after_seq: int | None = None
    since_ns: int | None = None
    until_ns: int | None = None

    def takes(self, event: DaemonEvent) -> bool:
        """Is this one of them? `service` is a service's id, or its name where the event says it."""
        return (
            (self.types is None or event.type in self.types)
            and (self.service is None or self._concerns(event, self.service))
            and (self.after_seq is None or event.seq > self.after_seq)
            and (self.since_ns is None or event.time_ns > self.since_ns)
            and (self.until_ns is None or event.time_ns <= self.until_ns)
        )

    @staticmethod
    def _concerns(event: DaemonEvent, service: str) -> bool:
        return event.service_id is not None and service in (event.service_id, event.data.get("name"))
