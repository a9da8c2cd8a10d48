"""Telling: what a watch saw becomes events of the controller's organisation."""

import asyncio
import uuid
from collections.abc import Callable, Sequence

from catalog.events import Event
from catalog.provider import EventSink, Target
from runtime.pollers.watch import Happening

_NAMESPACE = uuid.UUID("5f0d6c0e-3c0b-4f7e-9f27-6a3a3b1d9c52")


class Teller:
    """Publishes happenings. One that comes twice has the same id both times, so that it fires once."""

    def __init__(self, sink: EventSink, now: Callable[[], float]) -> None:
        self._sink = sink
        self._now = now

    async def tell(self, target: Target, watch: str, look: str, happenings: Sequence[Happening]) -> None:
        """Returns once all of them are durable. `look` tells equal keys of different looks apart.

        Raises FabricError where one is not; then tell all of them again.
        """
        now = self._now()
        # Side by side, so that they share a commit; they are queued in their order all the same.
        came = await asyncio.gather(
            *(self._sink.publish(_event(target, watch, look, each, now)) for each in happenings),
            return_exceptions=True,
        )
        for each in came:
            if isinstance(each, BaseException):
                raise each


def _event(target: Target, watch: str, look: str, happening: Happening, now: float) -> Event:
    return Event(
        id=str(uuid.uuid5(_NAMESPACE, f"{target.id} {watch} {look} {happening.key}")),
        organisation_id=target.organisation_id,
        type=happening.type,
        payload=happening.payload,
        time=now,
        artifact=happening.artifact,
    )
