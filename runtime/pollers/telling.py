"""Telling: what a watch saw becomes events of the controller's organisation."""

import asyncio
import time
import uuid
from collections.abc import Sequence

import msgspec
import structlog

from catalog.errors import FabricError, Unavailable
from catalog.events import Event
from catalog.provider import EventSink, Target
from runtime.drivers.masking import masked_data
from runtime.pollers.allowance import Allowance
from runtime.pollers.watch import Happening

_log = structlog.get_logger()
_NAMESPACE = uuid.UUID("5f0d6c0e-3c0b-4f7e-9f27-6a3a3b1d9c52")


class Teller:
    """Publishes happenings, without credentials. One that comes twice has the same id, so that it fires once.

    Of a controller that floods, what is over its allowance is dropped, and the log says how much.
    """

    def __init__(self, sink: EventSink) -> None:
        self._sink = sink
        self._allowance = Allowance(time.monotonic)

    async def tell(self, target: Target, watch: str, look: str, happenings: Sequence[Happening], now: float) -> None:
        """Returns once each is durable, will never be taken, or is over the allowance.

        `look` tells equal keys of different looks apart. Raises Unavailable where one cannot be taken now; then tell
        all of them again.
        """
        allowed = happenings[: self._allowance.left(target.id)]
        events = [_event(target, watch, look, without_credentials(target, each), now) for each in allowed]
        # Side by side, so that they share a commit; they are queued in their order all the same.
        came = await asyncio.gather(*map(self._sink.publish, events), return_exceptions=True)
        for event, refusal in zip(events, came, strict=True):
            if isinstance(refusal, FabricError) and not isinstance(refusal, Unavailable):
                # It would be refused for ever, and every later look would wait as long.
                _log.error("watch_event_refused", watch=watch, controller=target.id, kind=event.type, code=refusal.code)
            elif isinstance(refusal, BaseException):
                raise refusal
        self._allowance.use(target.id, len(events))
        if len(allowed) < len(happenings):
            self._allowance.refuse(target.id, len(happenings) - len(allowed))


def without_credentials(target: Target, happening: Happening) -> Happening:
    """The happening as it may be told and kept."""
    return msgspec.structs.replace(happening, payload=masked_data(target, happening.payload))


def _event(target: Target, watch: str, look: str, happening: Happening, now: float) -> Event:
    return Event(
        id=str(uuid.uuid5(_NAMESPACE, f"{target.id} {watch} {look} {happening.key}")),
        organisation_id=target.organisation_id,
        type=happening.type,
        payload=happening.payload,
        time=now,
        artifact=happening.artifact,
    )
